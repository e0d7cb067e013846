"""Times: from what files write to one UTC timestamp, and the moment a study looks back from."""

from __future__ import annotations

import datetime as dt
import re

import duckdb
import pandas as pd

from segtool.engines import DuckDBEngine, literal
from segtool.engines.zones import check_zone, local_to_utc
from segtool.errors import InputError

# Seconds read as milliseconds fall into January 1970, milliseconds read as seconds beyond the year
# 50,000: these bounds catch every wrong unit.
EARLIEST, LATEST = "TIMESTAMP '1990-01-01'", "TIMESTAMP '2100-01-01'"
ANCIENT = "TIMESTAMP '1000-01-01'"

EPOCH_UNITS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}  # microseconds in one
# An offset counts only after a clock time: the "-01" at the end of a date is none.
OFFSET = r":[0-9]{2}(?:[.,][0-9]+)?\s*([Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)$"
SHAPES = (
    (r"[0-9]{9,10}(\.[0-9]+)?", "epoch_s"),
    (r"[0-9]{12,13}", "epoch_ms"),
    (r"[0-9]{15,16}", "epoch_us"),
    (r"[0-9]{8}", "%Y%m%d"),
    (r"[0-9]{14}", "%Y%m%d%H%M%S"),
    (r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}", "%d.%m.%Y"),
    (r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4} [0-9]{1,2}:[0-9]{2}", "%d.%m.%Y %H:%M"),
    (r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4} [0-9]{1,2}:[0-9]{2}:[0-9]{2}", "%d.%m.%Y %H:%M:%S"),
    (r"[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}", "%d-%m-%Y"),
    (r"[0-9]{1,2}-[0-9]{1,2}-[0-9]{4} [0-9]{1,2}:[0-9]{2}", "%d-%m-%Y %H:%M"),
    (r"[0-9]{1,2}-[0-9]{1,2}-[0-9]{4} [0-9]{1,2}:[0-9]{2}:[0-9]{2}", "%d-%m-%Y %H:%M:%S"),
    (r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}", "%m/%d/%Y"),
    (r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4} [0-9]{1,2}:[0-9]{2}", "%m/%d/%Y %H:%M"),
    (r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4} [0-9]{1,2}:[0-9]{2}:[0-9]{2}", "%m/%d/%Y %H:%M:%S"),
)


def parse_as_of(value, timezone: str) -> pd.Timestamp:
    """Return the moment a study looks back from, in UTC.

    Parameters
    ----------
    value : str, date, datetime or pandas.Timestamp
        A date means 00:00 of that day, a time without a zone is read, in ``timezone``.
    timezone : str
        IANA name.

    Raises
    ------
    InputError
        If it is missing (today is never assumed) or no time.

    Examples
    --------
    >>> parse_as_of("2026-07-01", "Asia/Shanghai")
    Timestamp('2026-06-30 16:00:00+0000', tz='UTC')
    """
    accepted = 'a date like "2026-07-01" or a time like "2026-07-01T18:00+08:00".'
    if value is None or isinstance(value, (bool, int, float)):
        raise InputError(
            "as_of is not stated.", accepted, "State it: results must not depend on the day of the run."
        )
    try:
        moment = pd.Timestamp(value)
        if moment.tzinfo is None:
            zone = check_zone(timezone)
            moment = _localize(moment, zone)
        moment = moment.tz_convert("UTC")
    except InputError:
        raise
    except (ValueError, TypeError) as error:
        raise InputError(f"as_of is {value!r}, which is no time.", accepted) from error
    if pd.isna(moment) or not 1990 <= moment.year < 2100:
        raise InputError(f"as_of is {value!r}.", "a time from 1990 to 2099.")
    return moment


def _localize(moment: pd.Timestamp, zone: str) -> pd.Timestamp:
    """Give a time its zone; one that exists twice or never is read as the earlier, as in tables."""
    return moment.tz_localize(zone, ambiguous=True, nonexistent=pd.Timedelta(hours=-1))


def check_time_format(engine: DuckDBEngine, table: str, time_format: str | None) -> None:
    """Refuse a format that is neither a unit nor a strptime pattern."""
    if time_format is None or time_format in EPOCH_UNITS:
        return
    accepted = f'{", ".join(EPOCH_UNITS)}, or a pattern like "%d.%m.%Y %H:%M".'
    if "%" not in time_format:
        raise InputError(f"{table}: time_format is {time_format!r}.", accepted)
    try:
        engine.execute(f"SELECT try_strptime('', {literal(time_format)}) IS NULL").fetchall()
    except duckdb.Error as error:
        raise InputError(f"{table}: time_format is {time_format!r}.", accepted) from error


def clock_offset(text: str) -> str:
    """Return SQL of the offset written at the end of a time, "" if there is none.

    Searching for it is worth it only if a sign or a letter follows the first colon.
    """
    likely = f"regexp_matches({text}, ':.*[-+A-Za-z]')"
    return f"CASE WHEN {likely} THEN regexp_extract({text}, {literal(OFFSET)}, 1) ELSE '' END"


def wall_clock(text: str, offset: str) -> str:
    """Return SQL of what the clock showed, whatever offset follows; NULL if it is no time.

    DuckDB also reads words such as "epoch" and "infinity" as times; a time in a file starts with
    a year of four digits.
    """
    bare = f"replace(rtrim(left({text}, length({text}) - length({offset}))), ',', '.')"
    simple = f"{offset} = '' AND NOT contains({text}, ',')"
    read = f"TRY_CAST(CASE WHEN {simple} THEN {text} ELSE {bare} END AS TIMESTAMP)"
    return f"CASE WHEN regexp_matches({text}, '^[0-9]{{4}}[-/]') THEN {read} END"


def text_time(wall: str, offset: str, zone: str) -> str:
    """Return SQL of the UTC time of a wall-clock time with or without an offset."""
    sign = f"CASE WHEN starts_with({offset}, '-') THEN -1 ELSE 1 END"
    hours = f"CAST(substr({offset}, 2, 2) AS INTEGER)"
    minutes = f"coalesce(TRY_CAST(nullif(right(replace({offset}, ':', ''), -3), '') AS INTEGER), 0)"
    seconds = f"{sign} * ({hours} * 3600 + {minutes} * 60)"
    return (
        f"CASE WHEN NOT ({_sane(wall)}) THEN {wall} "
        f"WHEN {offset} = '' THEN {local_to_utc(wall, zone)} "
        f"WHEN {offset} SIMILAR TO '[A-Za-z]+' THEN {wall} "
        f"ELSE {wall} - INTERVAL ({seconds}) SECOND END"
    )


def naive_time(value: str, zone: str, between: tuple | None = None) -> str:
    """Return SQL of the UTC time of a timestamp without a zone.

    Without ``between`` (first and last UTC time, once they are known) times that will be out of range
    anyway are not converted: at the ends of what a timestamp can hold, arithmetic raises an error.
    """
    moved = local_to_utc(value, zone, between)
    if moved == value or between is not None:
        return moved
    return f"CASE WHEN {_sane(value)} THEN {moved} ELSE {value} END"


def _sane(value: str) -> str:
    return f"{value} >= {ANCIENT} AND {value} < {LATEST}"


def epoch_time(number: str, unit: str) -> str:
    """Return SQL of the time a count since 1970 means; far-off ones become a bound, itself out of range."""
    micros = f"(TRY_CAST({number} AS DOUBLE) * {EPOCH_UNITS[unit]})"
    # make_timestamp raises an error far beyond these, the years 1 and 9999.
    bounded = f"least(greatest({micros}, -6.2e16), 2.534e17)"
    return f"CASE WHEN NOT isnan({micros}) THEN make_timestamp(CAST(round({bounded}) AS BIGINT)) END"


def pattern_time(text: str, pattern: str, zone: str) -> str:
    """Return SQL of the UTC time that a strptime pattern reads."""
    parsed = f"try_strptime({text}, {literal(pattern)})"
    if re.search(r"%[zZ]", pattern):
        return f"CAST({parsed} AS TIMESTAMP)"  # the connection's zone is UTC
    return naive_time(parsed, zone)


def suggest_format(values: list[str]) -> str | None:
    """Return the time_format that a sample of unreadable times looks like.

    Examples
    --------
    >>> suggest_format(["1780272000", "1780272300"])
    'epoch_s'
    """
    for shape, time_format in SHAPES:
        if values and all(re.fullmatch(shape, value) for value in values):
            return _order_days(time_format, values)
    return None


def _order_days(time_format: str, values: list[str]) -> str:
    """Put the day first where a value shows that the month cannot be; the other way round with hyphens."""
    first = [re.split(r"[/-]", value)[0] for value in values]
    second = [re.split(r"[/-]", value)[1:2] for value in values]
    if time_format.startswith("%m/%d") and any(int(part) > 12 for part in first):
        return time_format.replace("%m/%d", "%d/%m")
    if time_format.startswith("%d-%m") and any(int(part[0]) > 12 for part in second):
        return time_format.replace("%d-%m", "%m-%d")
    return time_format


def as_of_literal(moment: pd.Timestamp) -> str:
    """Return the moment as a SQL literal in UTC.

    Examples
    --------
    >>> as_of_literal(pd.Timestamp("2026-07-01", tz="UTC"))
    "TIMESTAMP '2026-07-01 00:00:00.000000'"
    """
    return literal(moment.to_pydatetime().astimezone(dt.UTC))
