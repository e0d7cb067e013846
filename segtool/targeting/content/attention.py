"""How attention is measured: seconds, completion, answers to sends, or what is done with what is met."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.engines import literal, quote
from segtool.targeting.members import Members
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.shares import UserCounts, estimate_shares

# Properties of events that say how long, or how far, something was watched.
SECONDS = ("seconds", "watch_seconds", "watched_seconds", "dwell_seconds", "seconds_watched")
COMPLETION = ("completion", "completed_share", "progress", "watched_share")
ACTED = ("like", "save", "comment", "share", "click", "follow", "review", "cart", "purchase")
MIN_EVENTS = 200  # fewer observations of a measure, and the next measure is read
LONG = 0.99  # seconds beyond this quantile are a forgotten window: they count as much as it


@dataclass(frozen=True)
class Measure:
    """One way to measure attention.

    Parameters
    ----------
    name : str
        As shown: the unit of the estimates.
    sql : str
        SELECT user_id, item_id, value (0 to ``top``).
    top : float
        The value that counts as 1.
    n_events : int
    is_sent : bool
        Whether it is about what was sent, not about what people met themselves.
    """

    name: str
    sql: str
    top: float
    n_events: int
    is_sent: bool = False


def find_measures(sources, log: SendLog, settings: TargetingSettings) -> list[Measure]:
    """Return the measures that the tables allow, the most telling first."""
    found = [*_watched(sources), _sent(sources, log, settings), _acted(sources)]
    return [measure for measure in found if measure is not None and measure.n_events >= MIN_EVENTS]


def _watched(sources) -> list[Measure | None]:
    """Completion, then seconds, where events carry them."""
    if "events" not in sources.tables:
        return []
    columns = sources.engine.columns("events")
    if "item_id" not in columns:
        return []
    measures = []
    for names, unit in ((COMPLETION, "share watched"), (SECONDS, "seconds per view")):
        name = next((name for name in names if columns.get(name) == "number"), None)
        if name:
            measures.append(_watched_measure(sources, quote(name), unit))
    return measures


def _watched_measure(sources, column: str, unit: str) -> Measure | None:
    seen = f"item_id IS NOT NULL AND {column} >= 0"
    counts = sources.engine.query(f"""
        SELECT count(*) AS n, quantile_cont({column}, {literal(LONG)}) AS long, max({column}) AS top
        FROM events WHERE {seen}
    """).iloc[0]
    if not counts["n"] or not counts["top"] > 0:
        return None
    top = float(counts["long"]) or float(counts["top"])
    if unit == "share watched":
        top = 1.0 if counts["top"] <= 1.5 else 100.0  # a share, or percent
    sql = f"SELECT user_id, item_id, least({column} / {literal(top)}, 1.0) AS value FROM events WHERE {seen}"
    return Measure(unit, sql, top if unit == "seconds per view" else 1.0, int(counts["n"]))


def _sent(sources, log: SendLog, settings: TargetingSettings) -> Measure | None:
    if not log.n_sends or not log.outcome or "item_id" not in sources.engine.columns("sends"):
        return None
    seen = f"item_id IS NOT NULL AND {log.outcome} IS NOT NULL"
    # A send too young to have been answered is no refusal.
    seen += f" AND ({log.outcome} OR age_days >= {literal(float(settings.ignored_after_days))})"
    counts = sources.engine.query(f"SELECT count(*) AS n FROM sends WHERE {seen}").iloc[0]
    sql = f"SELECT user_id, item_id, {log.hit_sql} AS value FROM sends WHERE {seen}"
    name = "answers per send" if log.outcome == "responded" else "opens per send"
    return Measure(name, sql, 1.0, int(counts["n"]), is_sent=True)


def _acted(sources) -> Measure | None:
    """Of the items a user met, the share they did something with."""
    if "events" not in sources.tables or "item_id" not in sources.engine.columns("events"):
        return None
    words = ", ".join(literal(word) for word in ACTED)
    sql = (
        f"SELECT user_id, item_id, max(CASE WHEN event IN ({words}) THEN 1.0 ELSE 0.0 END) AS value "
        "FROM events WHERE item_id IS NOT NULL AND event NOT IN ('refund', 'hide', 'mute', 'complain') "
        "GROUP BY user_id, item_id"
    )
    counts = sources.engine.query(f"SELECT count(*) AS n, avg(value) AS mean FROM ({sql}) AS met").iloc[0]
    if not counts["n"] or counts["mean"] > 0.98:
        return None  # only deeds are on record (purchases, say), no meeting that led to nothing
    return Measure("acted on per item met", sql, 1.0, int(counts["n"]))


def measure_slots(sources, measure: Measure, slots: pd.DataFrame) -> pd.DataFrame:
    """Return code (of the user), slot, n, total and squares, one row per user and slot.

    Parameters
    ----------
    slots : DataFrame
        item_id, slot: which slot (a format, a band of lengths) an item is in.
    """
    sources.engine.register("content_slots", slots[["item_id", "slot"]])
    try:
        return sources.engine.query(f"""
            WITH seen AS ({measure.sql}),
            numbered AS (
                SELECT user_id, row_number() OVER (ORDER BY user_id) - 1 AS code FROM user_index
            )
            SELECT numbered.code, content_slots.slot, CAST(count(*) AS DOUBLE) AS n,
                   round(sum(seen.value), 9) AS total, round(sum(seen.value * seen.value), 9) AS squares
            FROM seen JOIN content_slots ON content_slots.item_id = seen.item_id
            JOIN numbered ON numbered.user_id = seen.user_id
            GROUP BY numbered.code, content_slots.slot
            ORDER BY content_slots.slot, numbered.code
        """)
    finally:
        sources.engine.drop("content_slots")


def means_by_persona(
    sums: pd.DataFrame, members: Members, n_users: int, confidence: float, top: float
) -> pd.DataFrame:
    """Estimate each persona's mean per slot, shrunk towards everyone's mean in that slot.

    Parameters
    ----------
    sums : DataFrame
        As from `measure_slots`; values between 0 and 1.
    top : float
        What 1 stands for, e.g. seconds.

    Returns
    -------
    DataFrame
        persona_id, persona, value (the slot), estimate, lo, hi, everyone, lift, lift_lo, lift_hi, n_users,
        n_events.

    Notes
    -----
    The estimator of shares serves any mean between 0 and 1: its noise is told here by how much the
    values of one user scatter, in units of ``p (1 - p)``.
    """
    tables = [
        _one_slot(str(slot), rows, members, n_users, confidence, top)
        for slot, rows in sums.groupby("slot", sort=True)
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _one_slot(slot, rows, members: Members, n_users: int, confidence: float, top: float) -> pd.DataFrame:
    code = rows["code"].to_numpy(dtype=np.int64)
    size, total = rows["n"].to_numpy(dtype=float), rows["total"].to_numpy(dtype=float)
    n = np.zeros(n_users)
    n[code] = size
    place = (code, np.zeros(len(code), dtype=int))
    share = sparse.csr_array((total / size, place), shape=(n_users, 1))
    scatter = _scatter(size, total, rows["squares"].to_numpy(dtype=float))
    noise = np.where(n > 0, np.minimum(scatter / np.maximum(n, 1), 1), 1.0)
    counts = UserCounts(np.arange(n_users), (slot,), share, share, n / scatter, noise)
    groups = estimate_shares(counts, members.weights)
    lo, hi = groups.interval(confidence)
    lift_lo, lift_hi = groups.lift_interval(confidence)
    return pd.DataFrame(
        {
            "persona_id": list(members.persona_ids),
            "persona": list(members.names),
            "value": slot,
            "estimate": groups.share[:, 0] * top,
            "lo": lo[:, 0] * top,
            "hi": hi[:, 0] * top,
            "everyone": groups.base[0] * top,
            "lift": groups.lift()[:, 0],
            "lift_lo": lift_lo[:, 0],
            "lift_hi": lift_hi[:, 0],
            "n_users": members.counted((n > 0).astype(float)).astype(int),
            "n_events": members.counted(n).astype(int),
        }
    )


def _scatter(size, total, squares) -> float:
    """Return the variance of one user's values over ``p (1 - p)``: 1 for yes or no, less for shares."""
    within = (squares - total**2 / size)[size > 1].sum()
    free = (size[size > 1] - 1).sum()
    mean = total / size
    room = (size * mean * (1 - mean))[size > 1].sum() / max(size[size > 1].sum(), 1e-300)
    if free < 20 or room <= 0:
        return 1.0
    return float(np.clip(within / free / max(room, 1e-9), 0.05, 1.0))
