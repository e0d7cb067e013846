"""Traffic minus evaporation: who was here, came, came back and went, counted so that every row adds up."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.engines import literal
from segtool.errors import SegtoolError
from segtool.measurement.retention.activity import DAYS, PEOPLE, Activity, to_date, to_day
from segtool.measurement.retention.groups import EVERYONE, EVERYONE_ID, Groups

MOVES = ("new", "returned", "moved_in", "lost", "moved_out")
ALL_CHANNELS = "all"
LEVELS = ("all", "channel", "persona", "persona and channel")
FLOW = ["level", "period", "days", "complete", "persona_id", "persona", "channel",
        "opening", *MOVES, "closing"]  # fmt: skip
WEEKS_UP_TO_DAYS = 120  # about 17 rows


class FlowError(SegtoolError):
    """A flow that does not add up: a fault of this program, never shown as a result."""


def count_flow(activity: Activity, groups: Groups, edges: list[int], kind: str) -> pd.DataFrame:
    """Count who was here, came and went in each period, per persona and channel.

    Parameters
    ----------
    activity : Activity
    groups : Groups
    edges : list of int
        First days of the periods, and the day after the last one.
    kind : {"week", "month"}

    Returns
    -------
    DataFrame
        Columns of `FLOW`; ``opening + new + returned + moved_in - lost - moved_out = closing`` in each row.
        A user who goes and comes back within a period counts in both ``lost`` and ``returned``.

    Raises
    ------
    FlowError
        If movements and stocks, which are counted apart, do not reconcile.
    """
    stocks = _count_present(activity, edges)
    moves = _count_moves(activity, edges)
    channels = activity.engine.query(f"SELECT DISTINCT channel FROM {DAYS} ORDER BY channel")[
        "channel"
    ].tolist()
    stock = _cube(stocks, "edge", len(edges), groups, channels)
    move = {name: _cube(moves[moves["kind"] == name], "period", len(edges) - 1, groups, channels)
            for name in MOVES}  # fmt: skip
    tables = [
        _level(level, stock, move, groups, channels) for level in (LEVELS if groups.names else LEVELS[:2])
    ]
    table = pd.concat(tables, ignore_index=True)
    place = table.pop("period_place").to_numpy()
    days = np.diff(edges)
    table.insert(1, "period", [to_date(edges[k]) for k in place])
    table.insert(2, "days", days[place])
    table.insert(3, "complete", [_is_whole(edges[k], edges[k + 1], kind) for k in place])
    check_flow(table)
    return table[FLOW]


def check_flow(table: pd.DataFrame) -> None:
    """Raise unless every row adds up, closings open the next period, and personas and channels sum.

    Parameters
    ----------
    table : DataFrame
        As from `count_flow`.

    Raises
    ------
    FlowError
        Says in how many rows, and of which check.
    """
    left = table["opening"] + table["new"] + table["returned"] + table["moved_in"]
    _refuse("opening + new + returned + moved in - lost - moved out = closing",
            left - table["lost"] - table["moved_out"] != table["closing"])  # fmt: skip
    _refuse("no count is below 0", (table[["opening", *MOVES, "closing"]] < 0).any(axis=1))
    key = ["level", "persona_id", "channel"]
    chained = table.sort_values([*key, "period"])
    last = chained.groupby(key)["closing"].shift()
    _refuse("each period opens as the last one closed", (last != chained["opening"]) & last.notna())
    figures = ["opening", "new", "returned", "lost", "closing"]
    whole = table[table["level"] == "all"].set_index("period")[figures]
    for level in set(table["level"]) - {"all"}:
        part = table[table["level"] == level].groupby("period")[figures].sum()
        _refuse(f"{level} sums to all", (part != whole.loc[part.index]).any(axis=1))
    moved = table[table["channel"] != ALL_CHANNELS].groupby(["level", "period", "persona_id"])
    moved = moved[["moved_in", "moved_out"]].sum()
    _refuse("who leaves a channel arrives in another", moved["moved_in"] != moved["moved_out"])


def _refuse(what: str, is_wrong: pd.Series) -> None:
    if is_wrong.any():
        raise FlowError(
            f"The flow of users does not reconcile: {int(is_wrong.sum())} of {len(is_wrong)} rows break"
            f" '{what}'.",
            fix="Please report this; nothing is shown rather than something wrong.",
        )


def set_periods(activity: Activity, start: int | None, kind: str | None) -> tuple[list[int], str, bool]:
    """Return the edges of the periods, their kind, and whether everybody's state at the first is known.

    Parameters
    ----------
    activity : Activity
    start : int or None
        First day; the first period that starts when everybody's state is known, when not given.
    kind : {"week", "month"} or None
        Weeks for short logs when not given.
    """
    low = activity.settled if start is None else start
    settled = activity.end - low >= 7 and low >= activity.settled
    if not settled:
        low = activity.first if start is None or start < activity.first else start
    kind = kind or ("week" if activity.end - low <= WEEKS_UP_TO_DAYS else "month")
    calendar = [to_day(day) for day in pd.date_range(to_date(low), to_date(activity.end - 1),
                                                     freq={"week": "W-MON", "month": "MS"}[kind])]  # fmt: skip
    if start is not None or not settled or not calendar:
        calendar = [low, *(day for day in calendar if day > low)]
    return [*calendar, activity.end], kind, settled


def _is_whole(low: int, high: int, kind: str) -> bool:
    first, last = pd.Timestamp(to_date(low)), pd.Timestamp(to_date(high))
    if kind == "week":
        return first.weekday() == 0 and high - low == 7
    return first.day == 1 and last == first + pd.offsets.MonthBegin(1)


def _count_present(activity: Activity, edges: list[int]) -> pd.DataFrame:
    """Count users here at each edge from their days alone, not from comings and goings."""
    values = ", ".join(f"({edge})" for edge in edges)
    table = activity.engine.query(f"""
        WITH edges AS (SELECT edge FROM (VALUES {values}) AS listed(edge)),
        covered AS (
            SELECT user_id, day, channel,
                   least(coalesce(after, day + {activity.churn + 1}), day + {activity.churn + 1}) AS until
            FROM {DAYS}
        )
        SELECT edges.edge, people.place, covered.channel, count(*) AS n
        FROM covered
        JOIN edges ON edges.edge > covered.day AND edges.edge <= covered.until
        JOIN {PEOPLE} AS people ON people.user_id = covered.user_id
        GROUP BY edges.edge, people.place, covered.channel
        ORDER BY edges.edge, people.place, covered.channel
    """)
    return table.assign(edge=np.searchsorted(edges, table["edge"]))


def _count_moves(activity: Activity, edges: list[int]) -> pd.DataFrame:
    """Count comings, goings and changes of channel by the day on which they happened."""
    churn = activity.churn
    old = f"people.joined IS NOT NULL AND people.joined < {activity.first}"
    comes = f"(days.before IS NULL OR days.day - days.before > {churn})"
    parts = {
        "came": ("days.day", "days.channel", comes),
        "lost": (f"days.day + {churn + 1}", "days.channel",
                 f"(days.after IS NULL OR days.after - days.day > {churn})"),
        "moved_in": ("days.day", "days.channel", f"NOT {comes} AND days.channel <> days.channel_before"),
        "moved_out": ("days.day", "days.channel_before",
                      f"NOT {comes} AND days.channel <> days.channel_before"),
    }  # fmt: skip
    first = f"CASE WHEN days.before IS NULL AND NOT ({old}) THEN 'new' ELSE 'returned' END"
    selects = [
        f"SELECT {first if kind == 'came' else literal(kind)} AS kind, {day} AS day, people.place,"
        f" {channel} AS channel FROM {DAYS} AS days"
        f" JOIN {PEOPLE} AS people ON people.user_id = days.user_id WHERE {condition}"
        for kind, (day, channel, condition) in parts.items()
    ]
    table = activity.engine.query(f"""
        WITH moves AS ({" UNION ALL ".join(selects)})
        SELECT kind, day, place, channel, count(*) AS n FROM moves
        WHERE day >= {edges[0]} AND day < {edges[-1]}
        GROUP BY kind, day, place, channel
        ORDER BY kind, day, place, channel
    """)
    return table.assign(period=np.searchsorted(edges, table["day"], side="right") - 1)


def _cube(table: pd.DataFrame, axis: str, size: int, groups: Groups, channels: list[str]) -> np.ndarray:
    """Sum counts to an array, shape (size, n_personas + 1, n_channels); the last place has no persona."""
    cube = np.zeros((size, len(groups.names) + 1, len(channels)), dtype=np.int64)
    place = table["place"].to_numpy(dtype=int)  # -1 is the last
    channel = pd.Index(channels).get_indexer(table["channel"])
    np.add.at(cube, (table[axis].to_numpy(dtype=int), place, channel), table["n"].to_numpy(dtype=np.int64))
    return cube


def _level(level: str, stock, move, groups: Groups, channels: list[str]) -> pd.DataFrame:
    by_persona, by_channel = level.startswith("persona"), level.endswith("channel")
    axes = tuple(axis for axis, kept in ((1, by_persona), (2, by_channel)) if not kept)
    stock = stock.sum(axis=axes, keepdims=True)
    move = {name: cube.sum(axis=axes, keepdims=True) for name, cube in move.items()}
    if not by_channel:  # a change of channel is no movement where channels are not told apart
        move |= {name: np.zeros_like(move[name]) for name in ("moved_in", "moved_out")}
    period, place, channel = (part.ravel() for part in np.indices(move["new"].shape))
    persona = groups.columns(place - (place == len(groups.names)) * (len(groups.names) + 1))
    if not by_persona:
        persona = {"persona_id": EVERYONE_ID, "persona": EVERYONE}
    return pd.DataFrame(
        {
            "level": level,
            "period_place": period,
            **persona,
            "channel": np.array(channels, dtype=object)[channel] if by_channel else ALL_CHANNELS,
            "opening": stock[:-1].ravel(),
            **{name: cube.ravel() for name, cube in move.items()},
            "closing": stock[1:].ravel(),
        }
    )
