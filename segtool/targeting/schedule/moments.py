"""From hours on users' clocks to moments, and back."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.errors import InputError, ParameterError
from segtool.targeting.schedule.inputs import known_zones


def local_start(as_of, start, zone: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the moment of the study in UTC, and the plan's first day on the clock of a zone.

    Raises
    ------
    InputError
        If the first day is over by then.

    Examples
    --------
    >>> local_start("2026-07-01 10:00", None, "UTC")[1]
    Timestamp('2026-07-02 00:00:00')
    """
    moment = pd.Timestamp(as_of)
    moment = moment.tz_localize(zone) if moment.tzinfo is None else moment
    local = moment.tz_convert(zone).tz_localize(None)
    if start is None:
        return moment.tz_convert("UTC"), local.ceil("D")
    try:
        first = pd.Timestamp(start)
    except (ValueError, TypeError) as error:
        raise ParameterError(f"start is {start!r}.", "a date, such as 2026-07-06.") from error
    first = (first.tz_convert(zone).tz_localize(None) if first.tzinfo is not None else first).normalize()
    if first < local.normalize():
        raise InputError(
            f"The plan would start on {first:%Y-%m-%d}, before the study's moment, {local:%Y-%m-%d %H:%M}.",
            "a day from then on.",
            "Leave start out, or read the study as of an earlier day.",
        )
    return moment.tz_convert("UTC"), first


def to_utc(local: pd.Series, zones: pd.Series) -> pd.Series:
    """Return when a time on each user's clock is, in UTC; NaT where the zone is not known.

    A time that a clock change skips is the one an hour later; one that exists twice the earlier.
    """
    moments = pd.Series(pd.NaT, index=local.index, dtype="datetime64[ns, UTC]")
    for zone, good in known_zones(zones).items():
        if good:
            own = (zones == zone).to_numpy()
            there = local[own].dt.tz_localize(
                str(zone), ambiguous=np.ones(own.sum(), bool), nonexistent="shift_forward"
            )
            moments[own] = there.dt.tz_convert("UTC").astype("datetime64[ns, UTC]")
    return moments


def first_days(table: pd.DataFrame, start: pd.Timestamp, as_of: pd.Timestamp, zone: str) -> np.ndarray:
    """Return the first day of the plan whose hour is not over at the study's moment, per user."""
    clocks = table[["zone", "hour"]].drop_duplicates(ignore_index=True)
    first = np.zeros(len(clocks), dtype=np.int64)
    for day in range(3):  # a zone is at most 26 hours ahead of another
        at = pd.Series(start + pd.Timedelta(days=day) + pd.to_timedelta(clocks["hour"], unit="h"))
        over = to_utc(at, clocks["zone"]) < as_of
        first[over.to_numpy()] = day + 1
    clocks["first"] = first
    return table[["zone", "hour"]].merge(clocks, on=["zone", "hour"], how="left")["first"].to_numpy()
