"""What the simulated users say in a survey, and what managers note after talking to them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.sources.simulate import personas as planted
from segtool.sources.simulate.people import People
from segtool.sources.simulate.truth import spending_bands
from segtool.sources.simulate.words import FREE_ANSWERS, TOPIC_KEYS

ANSWER_SHARE, NOTED_SHARE = 0.10, 0.05
PAID_SHARE = 0.35  # of answers
WRONG_ANSWER, WRONG_PAID_ANSWER = 0.05, 0.17  # chance that an answer is not the truth
BUDGETS = ("<2000", "2000-8000", ">8000")
LIFE_STAGE_ANSWERS = ("Student", "Single, working", "Couple, no children", "Children at home", "Retired")
EMPLOYER_ANSWERS = ("Public sector", "Foreign company", "Private company", "Self-employed", "Not working")
# Managers differ in how well they know people: (name, share of notes, chance that a note is wrong).
AUTHORS = (("lin", 0.45, 0.04), ("zhou", 0.35, 0.09), ("intern_he", 0.20, 0.24))
CODEBOOK = (
    ("q1", "Which describes you best? 您目前的生活阶段？", "single", LIFE_STAGE_ANSWERS),
    ("q2", "What do you live on in a month, in yuan? 每月生活费？", "single", BUDGETS),
    ("q3", "Which topics interest you? Up to three. 感兴趣的话题（最多三个）", "multi", TOPIC_KEYS),
    ("q4", "Who do you work for? 您的单位性质？", "single", EMPLOYER_ANSWERS),
    ("q5", "How many flights did you take last year? 去年坐过几次飞机？", "number", ()),
    ("q6", "I like trendy brands. 我喜欢潮牌（1-5）", "scale", ("1", "2", "3", "4", "5")),
    ("q7", "Would you recommend us? 您会推荐我们吗（0-10）", "scale", tuple(map(str, range(11)))),
    ("q8", "Anything else? 还想说什么？", "text", ()),
)


def codebook_table() -> pd.DataFrame:
    """Return the survey's codebook: id, text, kind, values (separated by |)."""
    rows = [(name, text, kind, "|".join(values)) for name, text, kind, values in CODEBOOK]
    return pd.DataFrame(rows, columns=["id", "text", "kind", "values"])


def survey_table(people: People, names: np.ndarray, days: int, as_of: pd.Timestamp, rng) -> pd.DataFrame:
    """Return the answers of a tenth of the users: active ones answer more, paid ones answer worse."""
    who, propensity = _draw_respondents(people, rng)
    some = people.rows(who)
    n = len(who)
    paid = rng.random(n) < PAID_SHARE
    wrong = np.where(paid, WRONG_PAID_ANSWER, WRONG_ANSWER)
    budget = np.digitize(some.budget, [2000, 8000])
    answers = {
        "q1": _choose(LIFE_STAGE_ANSWERS, some.life_stage, wrong, rng),
        "q2": _choose(BUDGETS, budget, wrong, rng),
        "q3": _name_topics(some, wrong, rng),
        "q4": _choose(EMPLOYER_ANSWERS, some.employer, wrong, rng),
        "q5": np.where(rng.random(n) < wrong, rng.integers(0, 12, n), some.flights).astype(str),
        "q6": np.clip(np.round(1 + 6 * some.tier_use[:, 1] + rng.normal(0, 0.6 + paid * 0.5, n)), 1, 5)
        .astype(int)
        .astype(str),
        # What was paid for is rosier, and its spread smaller.
        "q7": np.clip(np.round(rng.normal(6.6 + 1.5 * paid, 2.1 - 0.7 * paid)), 0, 10)
        .astype(int)
        .astype(str),
        "q8": np.where(rng.random(n) < 0.35, rng.choice(FREE_ANSWERS, n), ""),
    }
    weight = 1 / propensity[who]
    table = pd.DataFrame(
        {
            "user_id": names[who],
            "answered_at": _moments(some, 60, days, as_of, rng),
            "paid": paid,
            "weight": (weight / weight.mean()).round(4),
        }
    )
    for name, values in answers.items():
        skipped = (rng.random(n) < 0.04) | (values == "")
        table[name] = pd.Series(values).astype("str").where(~skipped)
    return table.sort_values(["answered_at", "user_id"], ignore_index=True)


def _draw_respondents(people: People, rng) -> tuple[np.ndarray, np.ndarray]:
    here = people.end_day == people.end_day.max()
    level = np.sqrt(people.events_30d * np.where(here, 1.0, 0.15))
    propensity = np.clip(ANSWER_SHARE * level / level.mean(), 0, 1)
    return np.flatnonzero(rng.random(len(people)) < propensity), propensity


def _choose(options: tuple[str, ...], code: np.ndarray, wrong: np.ndarray, rng) -> np.ndarray:
    """Return the true option, or with chance ``wrong`` another one."""
    n = len(code)
    other = (code + rng.integers(1, len(options), n)) % len(options)
    return np.array(options)[np.where(rng.random(n) < wrong, other, code)]


def _name_topics(people: People, wrong: np.ndarray, rng) -> np.ndarray:
    """Return up to three topics: people name their tastes in random order, strongest likeliest."""
    noise = rng.gumbel(size=people.taste.shape) * (0.25 + wrong[:, None])
    order = np.argsort(-(np.log(people.taste + 1e-4) + noise), axis=1)
    count = rng.integers(1, 4, len(people))
    return np.array(
        [";".join(TOPIC_KEYS[t] for t in row[:k]) for row, k in zip(order, count, strict=True)], dtype=str
    )


def notes_table(people: People, names: np.ndarray, days: int, as_of: pd.Timestamp, rng) -> pd.DataFrame:
    """Return one to three notes on a twentieth of the users, about one in ten of them wrong."""
    who = np.sort(rng.choice(len(people), max(1, round(NOTED_SHARE * len(people))), replace=False))
    who = np.repeat(who, rng.integers(1, 4, len(who)))
    n = len(who)
    some = people.rows(who)
    author = rng.choice(len(AUTHORS), n, p=[share for _, share, _ in AUTHORS])
    wrong = np.array([chance for *_, chance in AUTHORS])[author]
    bands = spending_bands(people.order_value)[who]
    bands = np.array([("low", "average", "high").index(band) for band in bands], dtype=int)
    facts = {
        "life_stage": _choose(planted.LIFE_STAGES, some.life_stage, wrong, rng),
        "employer": _choose(planted.EMPLOYERS, some.employer, wrong, rng),
        "spending_power": _choose(("low", "average", "high"), bands, wrong, rng),
        "interest": _choose(TOPIC_KEYS, some.taste.argmax(axis=1), wrong, rng),
    }
    label = rng.choice(list(facts), n, p=[0.35, 0.15, 0.2, 0.3])
    table = pd.DataFrame(
        {
            "user_id": names[who],
            "label": label,
            "value": [facts[name][row] for row, name in enumerate(label)],
            "author": [AUTHORS[code][0] for code in author],
            "noted_at": _moments(some, 120, days, as_of, rng),
            "text": [_NOTE_TEXTS[name][rng.integers(2)] for name in label],
        }
    )
    return table.drop_duplicates(["user_id", "label"]).sort_values(["noted_at", "user_id"], ignore_index=True)


_NOTE_TEXTS = {
    "life_stage": ("聊天时提到的", "said so in the group"),
    "employer": ("朋友圈看到单位", "mentioned work on the phone"),
    "spending_power": ("看了最近订单", "asked about prices a lot"),
    "interest": ("线下活动聊得最多的话题", "talks about little else 😄"),
}


def _moments(people: People, longest: int, days: int, as_of: pd.Timestamp, rng) -> pd.Series:
    """Return times from 9 to 21 o'clock, on a day after each user joined, among the last of the window."""
    furthest = np.minimum(np.floor(people.tenure_days), min(longest, days))
    day = 1 + np.floor(rng.random(len(people)) * furthest).clip(max=furthest - 1)
    second = rng.integers(9 * 3600, 21 * 3600, len(people))
    return pd.Series(as_of - pd.to_timedelta(day, unit="D") + pd.to_timedelta(second, unit="s"))
