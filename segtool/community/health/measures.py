"""The measures of a group's health, each with its n: one row per group, ready for the rules."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.community.health.intervals import day_shares
from segtool.community.health.said import DAY, Said
from segtool.community.health.trends import fit_trends, spread_around_steps
from segtool.community.health.voices import count_voices
from segtool.community.health.weekly import VETERAN_DAYS

LONG_WINDOW = 3  # times as long a window where four weeks hold too few messages
ENOUGH = 2  # times the least number: a share of 30 messages is known to 20 points only, of 60 to 13
TREND_WEEKS = 26  # half a year: long enough for a slow drift, short enough to be about today
NEWCOMER_DAYS = 28.0
UNANSWERED_YET = 1.0  # days: the youngest messages may still be answered
LEAST_CORE = 0.3  # a topic below this share of a group's talk is not what the group is about
LESS_LARGEST = 1.4  # mean of twelve chi-squares over that of the eleven smaller ones
PRIOR_STEPS = 3  # weeks' worth of belief in Poisson's spread where few weeks tell it
FEW_ANSWERS = 0.4  # where people talk among themselves, half of the messages and more are answers
BEFORE_DAYS = 84.0  # what "before" means: the twelve weeks at the beginning of the history
TOGETHER_DAYS = 7.0  # groups that fell silent within a week of each other did so together
CAME_BACK = 10  # days of talk after a silence: it was a pause


def find_core_topics(talk, said: Said) -> tuple[np.ndarray, np.ndarray]:
    """Return the topic each group is for (-1 unknown) and whether that is assumed.

    A charter that is stated wins; else the most frequent topic of the older half of the group's messages.

    Parameters
    ----------
    talk : Talk
    said : Said

    Returns
    -------
    core : ndarray of int, shape (n_groups,)
    assumed : ndarray of bool, shape (n_groups,)
    """
    stated = talk.groups["charter"].to_numpy(np.int64)
    n_groups, n_topics = said.n_groups, max(len(talk.topics), 1)
    known = said.topic >= 0
    group, topic = said.group[known], said.topic[known]
    count = np.bincount(group, minlength=n_groups)
    # Rows stand by group and time, so the first half of a group's rows is its older half.
    place = np.arange(len(group)) - np.repeat(np.cumsum(count) - count, count)
    older = place < count[group] / 2
    table = np.bincount(group[older] * n_topics + topic[older], minlength=n_groups * n_topics)
    table = table.reshape(n_groups, n_topics)
    total = table.sum(axis=1)
    clear = (total > 0) & (table.max(axis=1) >= LEAST_CORE * total)
    found = np.where(clear, table.argmax(axis=1), -1)
    return np.where(stated >= 0, stated, found), (stated < 0) & (found >= 0)


def measure_groups(
    talk, said: Said, weeks: dict[str, np.ndarray], core: np.ndarray, settings
) -> tuple[pd.DataFrame, dict[str, dict[str, np.ndarray]]]:
    """Return one row per group with every measure, and the trends.

    Parameters
    ----------
    talk : Talk
    said : Said
    weeks : dict
        As from `read_weeks`.
    core : ndarray of int, shape (n_groups,)
    settings : CommunitySettings

    Returns
    -------
    table : DataFrame, shape (n_groups, ...)
        Shares come with ``_n`` (of how many) and ``_worth`` (what that n is worth, see `day_shares`).
    trends : dict of dict of ndarray
        By measure, as from `fit_trends`.
    """
    recent = said.age <= settings.window_days
    n_recent = np.bincount(said.group[recent], minlength=said.n_groups)
    long = n_recent < ENOUGH * settings.min_messages
    window = settings.window_days * np.where(long, LONG_WINDOW, 1)
    now = said.age <= window[said.group]
    table = pd.DataFrame({"window_days": window, "n_recent": n_recent})
    table["n_messages"] = np.bincount(said.group[now], minlength=said.n_groups)
    table["n_all"] = np.bincount(said.group, minlength=said.n_groups)
    table["n_days"] = np.bincount(_distinct(said.group, said.cell), minlength=said.n_groups)
    table["age_days"] = said.founded
    table["n_members"] = weeks["members"][:, 0] if weeks["members"].size else np.nan
    table["peak"], table["usual"], table["pace"], table["spread"] = _past_windows(said, weeks, settings)
    for part in (
        count_voices(said, now),
        _answers(said, now, window),
        _topics(said, now, core, window),
        _veterans(talk, said, now),
        _gaps(said),
    ):
        for name, values in part.items():
            table[name] = values
    with np.errstate(invalid="ignore", divide="ignore"):
        table["active_share"] = np.minimum(table["n_speakers"] / table["n_members"], 1.0)
    table.loc[~(table["n_members"] > 0), "active_share"] = np.nan
    table["silent_with"], table["talked_then"] = _silent_together(table, settings)
    table["others_answer"] = _habit_of_others(table, settings)
    trends = _trends(said, weeks, settings)
    # A theme can run for weeks: then messages are worth less than their days say. A jump is no theme.
    near = [weeks[name][:, :TREND_WEEKS] for name in ("on_topic", "topic_known", "there")]
    spread = np.fmin(trends["on_topic"]["spread"], spread_around_steps(*near))
    for name in ("on_topic", "before"):
        table[f"{name}_worth"] = np.minimum(table[f"{name}_worth"], table[f"{name}_n"] / spread)
    return table, trends


def _distinct(group: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Return the group of each of its days."""
    return group[np.unique(cell, return_index=True)[1]]


def _past_windows(said: Said, weeks: dict[str, np.ndarray], settings):
    """Return the fullest and the median earlier window, the pace of 13 weeks, all per week, and their spread."""
    counts, there = weeks["messages"], weeks["there"]
    size = max(settings.window_days // 7, 1)
    n = (counts.shape[1] - size) // size
    blocks = counts[:, size : size + n * size].reshape(len(counts), n, size)
    whole = there[:, size : size + n * size].reshape(len(counts), n, size).all(axis=2)
    rate = np.where(whole, blocks.mean(axis=2), np.nan)
    some = whole.any(axis=1)
    peak, usual = np.full(len(counts), np.nan), np.full(len(counts), np.nan)
    if some.any():
        peak[some] = np.nanmax(rate[some], axis=1)
        usual[some] = np.nanmedian(rate[some, : TREND_WEEKS // size], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        pace = np.where(there[:, :13], counts[:, :13], 0).sum(1) / np.maximum(there[:, :13].sum(1), 1)
        # Steps from week to week leave a slow trend out of the noise; each is 1 on average for Poisson's.
        step = (counts[:, 1:13] - counts[:, :12]) ** 2 / (counts[:, 1:13] + counts[:, :12])
    step = np.where(there[:, 1:13], step, np.nan)
    n_steps = (~np.isnan(step)).sum(axis=1)
    # The largest step is left out: the week in which a group fell silent is a change, not restlessness.
    largest = np.nan_to_num(np.fmax.reduce(step, axis=1)) if step.shape[1] else np.zeros(len(counts))
    rest, n_rest = np.nansum(step, axis=1) - largest, np.maximum(n_steps - 1, 0)
    spread = (LESS_LARGEST * rest + PRIOR_STEPS) / (n_rest + PRIOR_STEPS)
    return peak, usual, pace, np.maximum(spread, 1.0)


def _share(said: Said, hits: np.ndarray, of: np.ndarray, name: str) -> dict[str, np.ndarray]:
    share, n, worth = day_shares(
        hits[of].astype(float), np.ones(int(of.sum())), said.group[of], said.cell[of], said.n_groups
    )
    return {name: share, f"{name}_n": n, f"{name}_worth": worth}


def _before(said: Said, known: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Say which messages fall into the first twelve weeks on record, never into the present window."""
    oldest = np.zeros(said.n_groups)
    np.maximum.at(oldest, said.group[known], said.age[known])
    return known & (said.age > np.maximum(oldest - BEFORE_DAYS, window)[said.group])


def _answers(said: Said, now: np.ndarray, window: np.ndarray) -> dict[str, np.ndarray]:
    if not said.threads.known:
        nothing = np.full(said.n_groups, np.nan)
        zero = np.zeros(said.n_groups)
        shares = ("reply", "reply_before", "answered", "newcomer_answered")
        return {"reciprocity": nothing, "reciprocity_n": zero, "depth": nothing, "answer_minutes": nothing,
                "answer_n": zero, "centralisation": nothing, "centralisation_n": zero,
                **{name: nothing for name in shares},
                **{f"{name}_{what}": zero for name in shares for what in ("n", "worth")}}  # fmt: skip
    settled = now & (said.age >= UNANSWERED_YET)
    newcomer = settled & said.has_joined & (said.tenure <= NEWCOMER_DAYS)
    delay = said.threads.delay[said.row]
    timed = now & ~np.isnan(delay)
    answers = now & said.answers & (said.threads.to[said.row] >= 0)
    depth = np.bincount(said.group[answers], said.threads.depth[said.row][answers], said.n_groups)
    n_answers = np.bincount(said.group[answers], minlength=said.n_groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        depth = depth / n_answers
    return {
        **_share(said, said.answers, now, "reply"),
        **_share(said, said.answers, _before(said, said.age >= 0, window), "reply_before"),
        **_share(said, said.answered, settled, "answered"),
        **_share(said, said.answered, newcomer, "newcomer_answered"),
        "depth": depth,
        "answer_minutes": _medians(said.group[timed], delay[timed] / 60, said.n_groups),
        "answer_n": np.bincount(said.group[timed], minlength=said.n_groups),
        **_pairs(said, answers),
    }


def _medians(group: np.ndarray, values: np.ndarray, n_groups: int) -> np.ndarray:
    """Return the median of each group's values, missing without any."""
    count = np.bincount(group, minlength=n_groups)
    ranked = values[np.lexsort((values, group))]
    if not len(ranked):
        return np.full(n_groups, np.nan)
    start = np.cumsum(count) - count
    low, high = start + (count - 1) // 2, start + count // 2
    last = len(ranked) - 1
    middle = (ranked[np.clip(low, 0, last)] + ranked[np.clip(high, 0, last)]) / 2
    return np.where(count > 0, middle, np.nan)


def _pairs(said: Said, answers: np.ndarray) -> dict[str, np.ndarray]:
    """Return how many pairs answer each other both ways, and how central the most answered one is.

    Freeman's (1979) centralisation of the number of people who answer each one, among those who wrote
    or were answered: 1 is a star, 0 a ring.
    """
    user = np.zeros(len(said.threads.to), dtype=np.int64)
    user[said.row] = said.user
    group, author = said.group[answers], said.user[answers]
    to = user[said.threads.to[said.row][answers]]
    n_users = int(max(author.max(initial=0), to.max(initial=0))) + 1
    one_way = np.unique((group * n_users + author) * n_users + to)
    group, author, to = one_way // n_users**2, one_way // n_users % n_users, one_way % n_users
    mutual = np.isin(one_way, (group * n_users + to) * n_users + author)
    low, high = np.minimum(author, to), np.maximum(author, to)
    pair, first = np.unique((group * n_users + low) * n_users + high, return_index=True)
    home = pair // n_users**2
    n_pairs = np.bincount(home, minlength=said.n_groups)
    both = np.bincount(home, mutual[first], said.n_groups)
    key, answerers = np.unique(group * n_users + to, return_counts=True)
    most = np.zeros(said.n_groups)
    np.maximum.at(most, key // n_users, answerers)
    people = np.unique(np.concatenate([group * n_users + author, group * n_users + to])) // n_users
    n = np.bincount(people, minlength=said.n_groups)
    total = np.bincount(key // n_users, answerers, said.n_groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        central = (n * most - total) / ((n - 1) * (n - 1))
    return {
        "reciprocity": np.where(n_pairs > 0, both / np.maximum(n_pairs, 1), np.nan),
        "reciprocity_n": n_pairs,
        "centralisation": np.where(n >= 3, central, np.nan),
        "centralisation_n": n,
    }


def _topics(said: Said, now: np.ndarray, core: np.ndarray, window: np.ndarray) -> dict[str, np.ndarray]:
    known = (said.topic >= 0) & (core[said.group] >= 0)
    hit = said.topic == core[said.group]
    off = known & now & ~hit
    n_topics = int(said.topic.max(initial=0)) + 1
    table = np.bincount(said.group[off] * n_topics + said.topic[off], minlength=said.n_groups * n_topics)
    table = table.reshape(said.n_groups, n_topics)
    with np.errstate(invalid="ignore", divide="ignore"):
        other_share = np.where(table.sum(1) > 0, table.max(1) / table.sum(1), np.nan)
    return {
        **_share(said, hit, known & now, "on_topic"),
        **_share(said, hit, _before(said, known, window), "before"),
        "other_topic": np.where(table.sum(1) > 0, table.argmax(1), -1),
        "other_share": other_share,
    }


def _veterans(talk, said: Said, now: np.ndarray) -> dict[str, np.ndarray]:
    """Return veterans' share of the messages, and of the people there."""
    roster = talk.roster[talk.here]
    joined = roster["joined"].fillna(roster["first"]).to_numpy(float)
    known = ~np.isnan(joined)
    group = roster["group"].to_numpy(np.int64)
    n = np.bincount(group[known], minlength=said.n_groups)
    old = known & (joined <= -VETERAN_DAYS * DAY)
    with np.errstate(invalid="ignore", divide="ignore"):
        members = np.bincount(group[old], minlength=said.n_groups) / n
    usable = talk.has_roster & (n >= 0.5 * np.bincount(group, minlength=said.n_groups)) & (n > 0)
    # Where joins are not known, having first written is a lower bound of tenure: no share of it is told.
    joins = now & said.has_joined
    found = _share(said, said.tenure >= VETERAN_DAYS, joins, "veteran")
    return {**found, "veteran_members": np.where(usable, members, np.nan)}


def _gaps(said: Said) -> dict[str, np.ndarray]:
    """Return how long ago two people last talked, on how many days of the half year before, and former pauses.

    A day of talk: somebody answered somebody, or, where no answers are recorded, two people wrote.
    """
    n_users = int(said.user.max(initial=0)) + 1
    if said.threads.known:
        days = np.unique(said.cell[said.answers & (said.threads.to[said.row] >= 0)])
    else:
        pairs = np.unique(said.cell * n_users + said.user) // n_users
        days, voices = np.unique(pairs, return_counts=True)
        days = days[voices >= 2]
    first_row = np.unique(said.cell, return_index=True)[1]
    group, day = said.group[first_row], said.day[first_row]
    talks = np.zeros(len(group), dtype=bool)
    talks[days] = True
    # A group that never talked is judged by its messages.
    silent = np.bincount(group[talks], minlength=said.n_groups) == 0
    talks |= silent[group]
    gap = np.full(said.n_groups, np.inf)
    np.minimum.at(gap, group[talks], day[talks])
    span = np.clip(said.founded - gap, 0, 7 * TREND_WEEKS)
    inside = talks & (day < (gap + 7 * TREND_WEEKS)[group])
    return {
        "gap_days": np.where(np.isfinite(gap), gap, np.nan),
        "talk_days": np.bincount(group[inside], minlength=said.n_groups),
        "talk_span": np.nan_to_num(span),
        "past_gap": _longest_pause(group[talks], day[talks], said.n_groups),
    }


def _longest_pause(group: np.ndarray, day: np.ndarray, n_groups: int) -> np.ndarray:
    """Return the longest time between two days of talk after which a group talked on; 0 for none.

    ``group`` and ``day`` (ago) are ordered: within a group the latest day first.
    """
    count = np.bincount(group, minlength=n_groups)
    since = np.arange(len(group)) - (np.cumsum(count) - count)[group]  # days of talk after this one
    within = (group[1:] == group[:-1]) & (since[1:] >= CAME_BACK)
    longest = np.zeros(n_groups)
    np.maximum.at(longest, group[1:][within], np.diff(day)[within])
    return longest


def _habit_of_others(table: pd.DataFrame, settings) -> np.ndarray:
    """Return of how many of the other groups more than two fifths of the messages are answers, as a share."""
    told = (table["reply_n"] >= settings.min_messages).to_numpy()
    many = told & (table["reply"] > FEW_ANSWERS).to_numpy()
    return (many.sum() - many) / np.maximum(told.sum() - told, 1)


def _silent_together(table: pd.DataFrame, settings) -> tuple[np.ndarray, np.ndarray]:
    """Return how many groups fell silent in the week around a group's last talk, of how many that talked then."""
    gap = table["gap_days"].to_numpy(float)
    known = np.sort(gap[(table["n_all"] >= settings.min_messages).to_numpy() & ~np.isnan(gap)])
    until = np.searchsorted(known, gap + TOGETHER_DAYS, side="right")
    return until - np.searchsorted(known, gap - TOGETHER_DAYS, side="left"), until


def _trends(said: Said, weeks: dict[str, np.ndarray], settings) -> dict[str, dict[str, np.ndarray]]:
    part = {name: table[:, :TREND_WEEKS] for name, table in weeks.items()}
    there = part["there"]
    level = settings.verdict_confidence
    members = np.nan_to_num(part["members"])
    found = {
        "messages": fit_trends(part["messages"], None, there, level),
        "active": fit_trends(np.minimum(part["speakers"], members), members, there, level),
        "writers": fit_trends(part["speakers"], None, there, level),
        "on_topic": fit_trends(part["on_topic"], part["topic_known"], there, level),
        "veteran": fit_trends(part["veteran_messages"], part["messages"], there, level),
    }
    answers = part["answers"] if said.threads.known else np.zeros_like(part["answers"])
    found["reply"] = fit_trends(answers, part["messages"], there, level)
    return found
