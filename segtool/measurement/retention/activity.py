"""From events to the days on which each user was there, and how long a silence means that one is lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.engines import Engine, literal
from segtool.errors import InputError
from segtool.measurement.retention.settings import RetentionSettings

DAYS, PEOPLE = "segtool_retention_days", "segtool_retention_people"
EPOCH = dt.date(1970, 1, 1)
NO_CHANNEL, OTHER_CHANNEL = "(not recorded)", "(other channels)"
USUAL_DAYS = 30  # a month of silence, where the log cannot say what is usual
FEW_RETURNS = 0.2


@dataclass(frozen=True)
class Activity:
    """The days of activity, as tables of the engine, and what is counted from them.

    Days are whole numbers since 1970-01-01 on the users' clocks.

    Parameters
    ----------
    engine : Engine
        Holds `DAYS` (user_id, day, channel, before, after, channel_before) and `PEOPLE` (user_id, place of
        the persona or -1, joined, first).
    first : int
        First day of the log.
    end : int
        The day after the last one that was read.
    churn : int
        Days of silence after which a user counts as lost.
    risk : int
        Days of silence after which a user is at risk.
    how : str
        How ``churn`` was chosen.
    came_back : float
        Share of the silences longer than ``churn`` that users came back from, of all that began long enough
        ago to be judged.
    knows_joining : bool
        Whether the table users says when they joined.
    """

    engine: Engine
    first: int
    end: int
    churn: int
    risk: int
    how: str
    came_back: float
    knows_joining: bool

    @property
    def settled(self) -> int:
        """First day on which it is known of everybody whether they are here or lost."""
        return self.first + self.churn + 1


@contextmanager
def read_activity(sources, place: pd.Series | None, settings: RetentionSettings) -> Iterator[Activity]:
    """Make the tables of days and people, and remove them afterwards.

    Parameters
    ----------
    sources : Sources
    place : Series of int or None
        Persona of each user, by position; users that are not named are in none.
    settings : RetentionSettings

    Raises
    ------
    InputError
        If there are no events.
    """
    engine = sources.engine
    if "events" not in sources.tables:
        raise InputError(
            "There is no table of events.", "a table events with user_id, event_time and event.",
            "Who stays can only be read from what people do.",
        )  # fmt: skip
    try:
        engine.create(DAYS, _days_sql(engine, settings))
        bounds = engine.query(f"SELECT min(day) AS low, max(day) AS high, count(*) AS n FROM {DAYS}").iloc[0]
        if not bounds["n"]:
            raise InputError("No event shows a user being there.", "events before as_of.")
        end = _day_after(sources)
        joins = "users" in sources.tables and "joined_at" in engine.columns("users")
        _make_people(engine, place, joins)
        gaps = engine.query(
            f"SELECT day - before AS gap, count(*) AS n FROM {DAYS} WHERE before IS NOT NULL"
            " GROUP BY day - before ORDER BY gap"
        )
        churn, how = choose_churn(gaps, settings)
        risk = _choose_risk(gaps, churn, settings)
        yield Activity(
            engine, int(bounds["low"]), end, churn, risk, how, _came_back(engine, churn, end), joins
        )
    finally:
        for name in (DAYS, PEOPLE, f"{PEOPLE}_given"):
            engine.drop(name)


def to_day(date) -> int:
    """Return the number of a date.

    Examples
    --------
    >>> to_day(dt.date(1970, 1, 3))
    2
    """
    return (pd.Timestamp(date).date() - EPOCH).days


def to_date(day: int) -> dt.date:
    """Return the date of a number.

    Examples
    --------
    >>> to_date(2)
    datetime.date(1970, 1, 3)
    """
    return EPOCH + dt.timedelta(days=int(day))


def day_sql(column: str) -> str:
    """Return SQL for the number of a date."""
    return f"CAST({column} - DATE '1970-01-01' AS INTEGER)"


def choose_churn(gaps: pd.DataFrame, settings: RetentionSettings) -> tuple[int, str]:
    """Choose after how many days of silence a user counts as lost, and say how.

    Parameters
    ----------
    gaps : DataFrame
        gap (days between two days of activity of a user), n.
    settings : RetentionSettings

    Examples
    --------
    >>> gaps = pd.DataFrame({"gap": [1, 7, 40], "n": [500, 420, 80]})
    >>> choose_churn(gaps, RetentionSettings())[0], choose_churn(gaps.head(1), RetentionSettings())[0]
    (14, 14)
    """
    if settings.churn_days is not None:
        return settings.churn_days, "as set"
    n = int(gaps["n"].sum())
    if n < settings.min_gaps:
        return USUAL_DAYS, f"a convention: only {n:,} pauses between visits were seen"
    found = _quantile(gaps, settings.churn_quantile)
    what = (
        f"{settings.churn_quantile:.0%} of {n:,} pauses that users came back from were at most {found} days"
    )
    if found < settings.min_churn_days:
        return settings.min_churn_days, f"{what}, and {settings.min_churn_days} is the least"
    return found, what


def _choose_risk(gaps: pd.DataFrame, churn: int, settings: RetentionSettings) -> int:
    usual = _quantile(gaps, settings.risk_quantile) if len(gaps) else 0
    return max(1, min(max(usual, settings.min_risk_days), churn - 1))


def _quantile(gaps: pd.DataFrame, share: float) -> int:
    total = gaps["n"].cumsum().to_numpy(dtype=float)
    return int(gaps["gap"].iloc[int(np.searchsorted(total, share * total[-1]))])


def _came_back(engine: Engine, churn: int, end: int) -> float:
    row = engine.query(f"""
        SELECT count(*) AS n, count(after) AS returned FROM {DAYS}
        WHERE coalesce(after, {end}) - day > {churn} AND day + 3 * {churn} < {end}
    """).iloc[0]
    return float(row["returned"] / row["n"]) if row["n"] else float("nan")


def _day_after(sources) -> int:
    moment = sources.as_of.tz_convert(sources.timezone)
    return to_day(moment) + (moment != moment.normalize())


def _days_sql(engine: Engine, settings: RetentionSettings) -> str:
    has_channel = "channel" in engine.columns("events")
    channel = f"coalesce(channel, {literal(NO_CHANNEL)})" if has_channel else literal(NO_CHANNEL)
    aside = ", ".join(literal(event) for event in settings.not_activity)
    kept = f"WHERE event NOT IN ({aside})" if aside else ""
    names = engine.query(
        f"SELECT {channel} AS channel, count(*) AS n FROM events GROUP BY {channel} ORDER BY n DESC, channel"
    )["channel"]
    if len(names) > settings.max_channels:
        common = ", ".join(literal(name) for name in names.head(settings.max_channels))
        channel = f"CASE WHEN {channel} IN ({common}) THEN {channel} ELSE {literal(OTHER_CHANNEL)} END"
    return f"""
        WITH visits AS (
            SELECT user_id, {day_sql("local_date")} AS day, {channel} AS channel, event_time
            FROM events {kept}
        ),
        ranked AS (
            SELECT user_id, day, channel,
                   row_number() OVER (PARTITION BY user_id, day ORDER BY event_time DESC, channel) AS place
            FROM visits
        ),
        daily AS (SELECT user_id, day, channel FROM ranked WHERE place = 1)
        SELECT user_id, day, channel,
               lag(day) OVER (PARTITION BY user_id ORDER BY day) AS before,
               lead(day) OVER (PARTITION BY user_id ORDER BY day) AS after,
               lag(channel) OVER (PARTITION BY user_id ORDER BY day) AS channel_before
        FROM daily
    """


def _make_people(engine: Engine, place: pd.Series | None, joins: bool) -> None:
    given = pd.Series(dtype=np.int64) if place is None else place
    table = {"user_id": given.index.astype(str), "place": given.to_numpy(dtype=np.int64)}
    engine.register(f"{PEOPLE}_given", pd.DataFrame(table))
    joined = f"SELECT user_id, min({day_sql('local_date')}) AS joined FROM users GROUP BY user_id"
    if not joins:
        joined = "SELECT user_id, CAST(NULL AS INTEGER) AS joined FROM user_index WHERE 1 = 0"
    engine.create(
        PEOPLE,
        f"""
        WITH firsts AS (SELECT user_id, min(day) AS first FROM {DAYS} GROUP BY user_id),
        joinings AS ({joined})
        SELECT user_index.user_id, coalesce(given.place, -1) AS place,
               CASE WHEN firsts.first < joinings.joined THEN firsts.first ELSE joinings.joined END AS joined,
               firsts.first
        FROM user_index
        LEFT JOIN {PEOPLE}_given AS given ON given.user_id = user_index.user_id
        LEFT JOIN joinings ON joinings.user_id = user_index.user_id
        LEFT JOIN firsts ON firsts.user_id = user_index.user_id
        """,
    )
