"""Small logs of visits for the tests of retention, and a slow count of them to compare with."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import pandas as pd

from segtool.engines import DuckDBEngine
from segtool.sources import Sources

FIRST = pd.Timestamp("2026-01-01")


def read_visits(visits, n_days, users=None, **options):
    """Read (user, day, channel) rows, days from 0; ``users`` is day of joining by user."""
    rows = pd.DataFrame(visits, columns=["user_id", "day", "channel"])
    events = pd.DataFrame(
        {
            "user_id": rows["user_id"],
            # the later row of a day is the later visit
            "event_time": FIRST
            + pd.to_timedelta(rows["day"], unit="D")
            + pd.to_timedelta(rows.index.to_numpy() + 1, unit="s"),
            "event": "visit",
            "channel": rows["channel"],
        }
    )
    tables = {"events": events}
    if users is not None:
        joined = [None if day is None else FIRST + pd.Timedelta(days=day) for day in users.values()]
        tables["users"] = pd.DataFrame({"user_id": list(users), "joined_at": joined})
    return Sources.read(tables, as_of=FIRST + pd.Timedelta(days=n_days), **options)


@cache
def _engine():
    return DuckDBEngine()


def bare_visits(visits, n_days):
    """The same as `read_visits` without reading files, for tests that count many logs."""
    rows = pd.DataFrame(visits, columns=["user_id", "day", "channel"])
    date = FIRST + pd.to_timedelta(rows["day"], unit="D")
    time = date + pd.to_timedelta(rows.index.to_numpy() + 1, unit="s")
    rows = rows.assign(event="visit", event_time=time, moment=date)
    _engine().register("given", rows)
    _engine().create("events", "SELECT *, CAST(moment AS DATE) AS local_date FROM given")
    _engine().create("user_index", "SELECT DISTINCT user_id FROM events")
    moment = (FIRST + pd.Timedelta(days=n_days)).tz_localize("UTC")
    return SimpleNamespace(engine=_engine(), tables=("events",), as_of=moment, timezone="UTC")


def walk(visits, n_days, churn):
    """Follow each user day by day; return movements and, for the start of each day, who is here on what.

    Returns
    -------
    moves : list of (kind, day, user, channel)
    here : list of dict, user -> channel, of length n_days + 1
    """
    last = {}
    for user, day, channel in visits:
        last.setdefault(day, {})[user] = channel
    seen, latest, moves, here = set(), {}, [], []
    for day in range(n_days + 1):
        here.append({user: channel for user, (_, channel) in latest.items()})
        if day == n_days:
            break
        for user, (before, channel) in list(latest.items()):
            if day - before > churn:
                moves.append(("lost", day, user, channel))
                del latest[user]
        for user, channel in last.get(day, {}).items():
            if user not in latest:
                moves.append(("returned" if user in seen else "new", day, user, channel))
            elif latest[user][1] != channel:
                moves += [("moved_out", day, user, latest[user][1]), ("moved_in", day, user, channel)]
            seen.add(user)
            latest[user] = (day, channel)
    return moves, here
