"""Caps as one table of rolling windows: at most so many sends within so many days in a row."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pandas as pd

from segtool.targeting.channels.presets import CHANNEL_PRESETS
from segtool.targeting.frequency.caps import caps_for
from segtool.targeting.settings import TargetingSettings

ALL = ""  # a limit over all channels together
COLUMNS = ["channel", "most", "days", "rule"]
LONGEST = 366  # a rarer rhythm than one a year is none


def weekly_windows(weekly: float) -> list[tuple[int, int]]:
    """Turn sends a week into windows of (most, days), never more than the rate allows.

    Examples
    --------
    >>> weekly_windows(2), weekly_windows(0.25), weekly_windows(1.5)
    ([(2, 7)], [(1, 28)], [(2, 7), (6, 28)])
    """
    if weekly * LONGEST < 7:
        return [(0, 1)]
    if weekly < 1:
        return [(1, math.ceil(7 / weekly - 1e-9))]
    if abs(weekly - round(weekly)) < 1e-9:
        return [(round(weekly), 7)]
    return [(math.ceil(weekly), 7), (math.floor(4 * weekly + 1e-9), 28)]


def is_counted(channel: str) -> bool:
    """Say whether a channel reaches out; what is only seen on coming by is under no cap."""
    preset = CHANNEL_PRESETS.get(channel)
    return preset is None or preset.pushed


def read_limits(channels: Iterable[str], settings: TargetingSettings) -> pd.DataFrame:
    """Return every cap that holds for some channels: of platforms, the house and the study.

    Returns
    -------
    DataFrame
        channel ("" for all channels together), most (sends), days (in a row, on the user's calendar),
        rule (in words).

    Examples
    --------
    >>> read_limits(["app_push"], TargetingSettings())[["channel", "most", "days"]].values.tolist()
    [['', 5, 7], ['app_push', 1, 1], ['app_push', 4, 7]]
    """
    caps = [(ALL, cap) for cap in caps_for(None, settings)]
    caps += [(channel, cap) for channel in sorted(set(channels)) for cap in caps_for(channel, settings)]
    rows = [(channel, int(cap.limit), int(cap.days), f"{cap.basis} cap") for channel, cap in caps]
    return pd.DataFrame(rows, columns=COLUMNS).drop_duplicates(["channel", "most", "days"], ignore_index=True)
