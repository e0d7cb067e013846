"""Activities of a simulated group: what each does to the talk, its topic, and to silent members."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.sources.simulate.groups_fates import CHARTERS
from segtool.sources.simulate.groups_members import Members
from segtool.sources.simulate.words import ACTIVITY_TITLES, TOPICS

LENGTHS, LENGTH_CHANCES = np.array([1, 2, 3, 7]), np.array([0.4, 0.3, 0.2, 0.1])
SPREAD = 0.35  # of the log lift among activities
ANNOUNCED, BEFORE_DAYS = 0.2, 2  # share of the log lift that the announcement brings, in the days before
WEEKS_AFTER = 4
SILENT_DAYS = 30  # who wrote nothing for so long can come back


@dataclass(frozen=True)
class Effects:
    """What the activities of a group do, day by day."""

    planned: pd.DataFrame
    log_lift: np.ndarray  # (days,)
    steer: np.ndarray  # (days,): share of talk drawn to `topic`
    topic: np.ndarray  # (days,)
    extra: np.ndarray  # (days, n_members): voice of those who come back
    returners: list[tuple[int, int, bool]]  # (activity, member, stays)


def draw_activities(
    n: int, charter: int, members: Members, founded: float, days: int, lift: float, dud_share: float, rng
) -> Effects:
    """Draw ``n`` activities of a group and their effects; some have none."""
    first = max(2, int(np.ceil(founded)) + 2)
    n = min(n, max(0, days - 3 - first))
    starts = (
        np.sort(rng.choice(np.arange(first, days - 2), n, replace=False)) if n else np.zeros(0, dtype=int)
    )
    length = rng.choice(LENGTHS, n, p=LENGTH_CHANCES)
    dud = rng.random(n) < dud_share
    log_lift = np.where(dud, 0.0, np.log(lift) + SPREAD * rng.standard_normal(n))
    lasting = np.where(dud, 0.0, rng.uniform(0.0, 0.5, n))
    steer = np.where(dud | (rng.random(n) < 0.3), 0.0, rng.uniform(0.2, 0.6, n))
    others = np.array([place for place, topic in enumerate(TOPICS) if topic.key in CHARTERS])
    topic = np.where(rng.random(n) < 0.5, charter, others[rng.integers(0, len(others), n)])
    planned = pd.DataFrame(
        {"day": starts, "length": length, "topic": topic, "dud": dud, "log_lift": log_lift,
         "before": ANNOUNCED * log_lift, "lasting": lasting, "steer": steer}
    )  # fmt: skip
    extra, returners = _draw_returns(planned, members, days, rng)
    return Effects(planned, *_spread(planned, charter, days), extra, returners)


def _spread(planned: pd.DataFrame, charter: int, days: int):
    log_lift, steer = np.zeros(days), np.zeros(days)
    topic = np.full(days, charter)
    for row in planned.to_dict("records"):
        start, end = row["day"], min(days, row["day"] + row["length"])
        log_lift[max(0, start - BEFORE_DAYS) : start] += row["before"]
        log_lift[start:end] += row["log_lift"]
        for week in range(WEEKS_AFTER):
            after = slice(end + 7 * week, end + 7 * (week + 1))
            share = row["lasting"] * 0.5**week
            log_lift[after] += share * row["log_lift"]
            steer[after] = np.maximum(steer[after], share * row["steer"])
            topic[after] = row["topic"]
        steer[start:end], topic[start:end] = row["steer"], row["topic"]
    return log_lift, steer, topic


def _draw_returns(planned: pd.DataFrame, members: Members, days: int, rng):
    """Draw which silent members an activity wakes, and which of them stay."""
    extra = np.zeros((days, len(members)))
    returners = []
    for number, row in enumerate(planned.to_dict("records")):
        day, end = row["day"], row["day"] + row["length"]
        silent = (members.voice > 0) & (members.fades < day - SILENT_DAYS) & ~(members.left < end + 28)
        woken = np.flatnonzero(silent & (rng.random(len(members)) < (0.0 if row["dud"] else 0.3)))
        for member in woken:
            stays = bool(rng.random() < 0.4)
            extra[day:end, member] += 4.0 * members.voice[member]
            if stays:
                extra[end : end + 35, member] += 1.5 * members.voice[member]
            returners.append((number, int(member), stays))
    return extra, returners


def titles_of(planned: pd.DataFrame, rng) -> list[str]:
    """Write a title per activity, in Chinese and English."""
    titles = []
    for place in planned["topic"]:
        topic = TOPICS[int(place)]
        zh, en = topic.subjects[rng.integers(len(topic.subjects))]
        pattern = ACTIVITY_TITLES[rng.integers(len(ACTIVITY_TITLES))]
        titles.append(f"{pattern[0]} {topic.sign} {pattern[1]}".format(zh=zh, en=en))
    return titles
