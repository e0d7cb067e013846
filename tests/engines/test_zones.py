from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool.engines import DuckDBEngine, literal
from segtool.engines.zones import check_zone, in_clock_change, local_to_utc, utc_to_local
from segtool.errors import InputError

ZONES = [
    "UTC",
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
]
MOMENTS = st.datetimes(dt.datetime(1990, 1, 2), dt.datetime(2099, 12, 30))


@pytest.fixture(scope="module")
def engine():
    with DuckDBEngine(memory_limit="500MB", threads=1) as engine:
        yield engine


def ask(engine, sql, moment):
    return engine.execute(f"SELECT {sql} FROM (SELECT {literal(moment)} AS t)").fetchone()[0]


def to_local(moment, zone):
    return moment.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


@given(MOMENTS, st.sampled_from(ZONES))
@settings(max_examples=300, deadline=None)
def test_local_time_is_what_the_zone_database_says(engine, moment, zone):
    assert ask(engine, utc_to_local("t", zone), moment) == to_local(moment, zone)


@given(MOMENTS, st.integers(0, 400), st.sampled_from(ZONES))
@settings(max_examples=200, deadline=None)
def test_naming_only_the_changes_in_reach_changes_nothing(engine, moment, days, zone):
    between = (moment - dt.timedelta(days=days), moment + dt.timedelta(days=days))
    assert ask(engine, utc_to_local("t", zone, between), moment) == to_local(moment, zone)
    wall = to_local(moment, zone)
    assert ask(engine, local_to_utc("t", zone, between), wall) == ask(engine, local_to_utc("t", zone), wall)


@given(MOMENTS, st.sampled_from(ZONES))
@settings(max_examples=300, deadline=None)
def test_wall_clock_comes_back_as_the_earlier_instant(engine, moment, zone):
    wall = to_local(moment, zone)
    back = ask(engine, local_to_utc("t", zone), wall)
    assert to_local(back, zone) == wall
    assert back <= moment
    assert (back < moment) <= ask(engine, in_clock_change("t", zone), wall)


@pytest.mark.parametrize(
    ("wall", "utc"),
    [
        (dt.datetime(2024, 3, 31, 2, 30), dt.datetime(2024, 3, 31, 0, 30)),  # never shown
        (dt.datetime(2024, 10, 27, 2, 30), dt.datetime(2024, 10, 27, 0, 30)),  # shown twice
    ],
)
def test_a_clock_change_in_berlin_is_flagged_and_read_as_the_earlier(engine, wall, utc):
    assert ask(engine, local_to_utc("t", "Europe/Berlin"), wall) == utc
    assert ask(engine, in_clock_change("t", "Europe/Berlin"), wall) is True


def test_utc_costs_nothing():
    assert utc_to_local("t", "UTC") == local_to_utc("t", "Etc/UTC") == "t"


@pytest.mark.parametrize("name", ["Asia/Shangai", "Mars/Olympus", "", None, 8])
def test_unknown_zones_are_refused_with_near_names(name):
    with pytest.raises(InputError, match=r"no time zone .* near are"):
        check_zone(name)
