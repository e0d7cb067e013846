from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool.engines import DuckDBEngine, literal
from segtool.errors import InputError
from segtool.sources.times import (
    check_time_format,
    clock_offset,
    epoch_time,
    parse_as_of,
    pattern_time,
    suggest_format,
    text_time,
    wall_clock,
)


@pytest.fixture(scope="module")
def engine():
    with DuckDBEngine(memory_limit="500MB", threads=1) as engine:
        yield engine


def read(engine, text, zone="Asia/Shanghai"):
    sql = f"SELECT x, {clock_offset('x')} AS o FROM (SELECT {literal(text)} AS x)"
    sql = f"SELECT o, {wall_clock('x', 'o')} AS w FROM ({sql})"
    return engine.execute(f"SELECT {text_time('w', 'o', zone)} FROM ({sql})").fetchone()[0]


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-06-01T08:05:00Z", "2026-06-01 08:05"),
        ("2026-06-01T08:05:00+08:00", "2026-06-01 00:05"),
        ("2026-06-01T08:05:00+0800", "2026-06-01 00:05"),
        ("2026-06-01 08:05:00 +08", "2026-06-01 00:05"),
        ("2026-06-01T08:05-03:30", "2026-06-01 11:35"),
        ("2026-06-01 08:05:00 UTC", "2026-06-01 08:05"),
        ("2026-06-01 08:05", "2026-06-01 00:05"),
        ("2026/6/1 8:05", "2026-06-01 00:05"),
        ("2026-06-01", "2026-05-31 16:00"),
        ("2026-06-01 08:05:00.25", "2026-06-01 00:05:00.25"),
        ("2026-06-01 08:05:00,25", "2026-06-01 00:05:00.25"),
        ("2026-06-01T08:05:00.123456789Z", "2026-06-01 08:05:00.123456"),
    ],
)
def test_times_are_read_with_their_own_offset_or_the_tables_zone(engine, text, utc):
    assert read(engine, text) == pd.Timestamp(utc).to_pydatetime()


@pytest.mark.parametrize(
    "text", ["epoch", "infinity", "2026-13-01", "2026-02-30", "06/01/2026", "now", "20260601", "-"]
)
def test_what_is_no_time_is_null(engine, text):
    assert read(engine, text) is None


@given(
    st.datetimes(dt.datetime(1990, 1, 2), dt.datetime(2099, 12, 30)),
    st.integers(-14 * 4, 14 * 4).map(lambda n: dt.timezone(dt.timedelta(minutes=15 * n))),
)
@settings(max_examples=200, deadline=None)
def test_iso_times_with_any_offset_mean_their_instant(engine, moment, zone):
    aware = moment.replace(tzinfo=dt.UTC).astimezone(zone)
    assert read(engine, aware.isoformat()) == moment


@pytest.mark.parametrize("unit", ["epoch_s", "epoch_ms", "epoch_us"])
def test_epochs_by_their_declared_unit(engine, unit):
    per_second = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000}[unit]
    moment = dt.datetime(2026, 6, 1, 8, 5)
    number = int(moment.replace(tzinfo=dt.UTC).timestamp()) * per_second
    for value in (str(number), number):
        assert engine.execute(f"SELECT {epoch_time(literal(value), unit)}").fetchone()[0] == moment


@pytest.mark.parametrize("value", ["x", "nan", ""])
def test_epochs_that_are_no_number_are_null(engine, value):
    assert engine.execute(f"SELECT {epoch_time(literal(value), 'epoch_s')}").fetchone()[0] is None


@pytest.mark.parametrize("value", ["1e300", "-1e300", "inf", "99999999999999999999"])
def test_epochs_beyond_all_years_raise_nothing(engine, value):
    (moment,) = engine.execute(f"SELECT {epoch_time(literal(value), 'epoch_s')}").fetchone()
    assert not 1990 <= moment.year < 2100


def test_patterns_with_and_without_zone(engine):
    naive = pattern_time("'01.06.2026 08:05'", "%d.%m.%Y %H:%M", "Asia/Shanghai")
    zoned = pattern_time("'01.06.2026 08:05 +0200'", "%d.%m.%Y %H:%M %z", "Asia/Shanghai")
    assert engine.execute(f"SELECT {naive}, {zoned}").fetchone() == (
        dt.datetime(2026, 6, 1, 0, 5),
        dt.datetime(2026, 6, 1, 6, 5),
    )


@pytest.mark.parametrize("time_format", ["epoch", "%Q", "iso"])
def test_formats_that_are_none_are_refused(engine, time_format):
    with pytest.raises(InputError, match="time_format"):
        check_time_format(engine, "events", time_format)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1780272000"], "epoch_s"),
        (["1780272000123"], "epoch_ms"),
        (["1780272000123456"], "epoch_us"),
        (["01.06.2026 8:05"], "%d.%m.%Y %H:%M"),
        (["1780272000", "yesterday"], None),
        ([], None),
    ],
)
def test_a_format_is_suggested_from_what_times_look_like(values, expected):
    assert suggest_format(values) == expected


@pytest.mark.parametrize(
    ("value", "utc"),
    [
        ("2026-07-01", "2026-06-30T16:00Z"),
        (dt.date(2026, 7, 1), "2026-06-30T16:00Z"),
        ("2026-07-01 12:00", "2026-07-01T04:00Z"),
        ("2026-07-01T12:00+00:00", "2026-07-01T12:00Z"),
        (pd.Timestamp("2026-07-01", tz="America/New_York"), "2026-07-01T04:00Z"),
    ],
)
def test_as_of_is_read_in_the_studys_zone(value, utc):
    assert parse_as_of(value, "Asia/Shanghai") == pd.Timestamp(utc)


@pytest.mark.parametrize("value", [None, "", "soon", 20260701, pd.NaT, "1700-01-01", [1]])
def test_as_of_that_is_no_time_is_refused(value):
    with pytest.raises(InputError, match="as_of"):
        parse_as_of(value, "UTC")


def test_as_of_in_a_clock_change_is_the_earlier():
    assert parse_as_of("2024-10-27 02:30", "Europe/Berlin") == pd.Timestamp("2024-10-27T00:30Z")
    assert parse_as_of("2024-03-31 02:30", "Europe/Berlin") == pd.Timestamp("2024-03-31T00:30Z")
