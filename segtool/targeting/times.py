"""Times of plain tables: datetimes and ISO text, nothing whose order of day and month is a guess."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from segtool.errors import InputError

ISO_DAY = r"\s*\d{4}-\d{2}-\d{2}(?:[T ].*)?"


def read_times(times: pd.Series, name: str) -> pd.Series:
    """Read times as UTC; a time without a zone is taken as UTC.

    Parameters
    ----------
    times : Series
        Datetimes, dates, or ISO text. Missing ones stay missing.
    name : str
        For the message.

    Returns
    -------
    Series of datetime64[..., UTC]

    Raises
    ------
    InputError
        If a time is a number, or text that is no ISO date.

    Examples
    --------
    >>> read_times(pd.Series(["2026-06-30 18:05", None]), "event_time").dt.hour.tolist()
    [18.0, nan]
    """
    if pd.api.types.is_datetime64_any_dtype(times):
        return pd.to_datetime(times, utc=True)
    given = times.dropna()
    text = given.map(lambda value: isinstance(value, str))
    good = given.map(lambda value: isinstance(value, dt.date))  # datetimes and Timestamps are dates too
    good |= text & given.where(text, "").astype(str).str.fullmatch(ISO_DAY)
    if not good.all():
        raise _refusal(name, int((~good).sum()), len(given))
    read = pd.to_datetime(times.where(times.notna(), None), format="ISO8601", utc=True, errors="coerce")
    unread = int(read.isna().sum() - times.isna().sum())
    if unread:
        raise _refusal(name, unread, len(given))
    return read


def _refusal(name: str, n_bad: int, n: int) -> InputError:
    return InputError(
        f"{n_bad:,} of {n:,} values of {name} are not times in a form one can be sure of.",
        "datetimes, or ISO text: 2026-06-30, 2026-06-30 18:05 or 2026-06-30T18:05:00+08:00.",
        'Read them first with the order they have, e.g. pd.to_datetime(column, format="%d.%m.%Y").',
    )
