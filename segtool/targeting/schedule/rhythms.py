"""How often each user may be sent to, as a few rhythms that many users share."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.targeting.schedule.days import Rhythm
from segtool.targeting.schedule.inputs import People
from segtool.targeting.schedule.limits import ALL, is_counted, read_limits, weekly_windows
from segtool.targeting.settings import TargetingSettings

USUAL_WEEKLY = 5.0  # where nothing at all limits a channel
MANY = 10_000


def read_rhythms(people: People, settings: TargetingSettings) -> tuple[np.ndarray, list[Rhythm]]:
    """Return each user's rhythm as a position, and the rhythms."""
    keys = people.table[["channel", "weekly_cap", "gap_factor"]].copy()
    code, distinct = pd.factorize(
        pd.MultiIndex.from_frame(keys.assign(weekly_cap=keys["weekly_cap"].fillna(-1)))
    )
    limits = read_limits(people.table["channel"].astype(str), settings)
    rhythms = [_rhythm(str(channel), cap, factor, limits) for channel, cap, factor in distinct]
    return code, rhythms


def _rhythm(channel: str, weekly_cap: float, gap_factor: float, limits: pd.DataFrame) -> Rhythm:
    own = _windows(limits, channel)
    every = _windows(limits, ALL) if is_counted(channel) else []
    stated = [most * 7 / days for most, days in (*own, *every)]
    weekly = min([*stated, weekly_cap] if weekly_cap >= 0 else stated, default=USUAL_WEEKLY)
    if weekly_cap >= 0:
        own += weekly_windows(weekly_cap)
    if gap_factor > 1 and weekly > 0:
        own += weekly_windows(weekly / gap_factor)
    gap = 1.0 if weekly <= 0 else max(7 / weekly * gap_factor, 1.0)
    return Rhythm(tuple(dict.fromkeys(own)), tuple(every), gap)


def _windows(limits: pd.DataFrame, channel: str) -> list[tuple[int, int]]:
    rows = limits[limits["channel"] == channel]
    return list(zip(rows["most"].astype(int), rows["days"].astype(int), strict=True))


def sends_left(table: pd.DataFrame) -> np.ndarray:
    """Return how many more sends each user may get before silence; many, where they still answer.

    Only for users who already ignore what they get: what is planned is then counted as ignored too,
    since whether it will be is not known.
    """
    left = table["stop_at"].to_numpy(dtype=float) - table["ignored_in_a_row"].to_numpy(dtype=float)
    slow = table["gap_factor"].to_numpy(dtype=float) > 1
    return np.clip(np.where(slow, left, MANY), 0, MANY).astype(np.int64)
