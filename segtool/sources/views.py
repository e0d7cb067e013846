"""What higher floors see: each table under its own name, with what can be derived from its time.

All of it is expressions in views: a statement that does not ask for ``local_hour`` does not pay for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from segtool.engines import DuckDBEngine, quote
from segtool.errors import InputError
from segtool.sources.quarantine import Counts
from segtool.sources.schemas import DERIVED, SCHEMAS, USER_TABLES

KNOWN_FROM = tuple(table for table in USER_TABLES if table != "corrections")
"""Tables whose users are users of the study; a correction of somebody else is misspelt."""

MICROSECONDS_PER_DAY = "8.64e10"
OUTCOMES = {
    "opened": "opened_at",
    "responded": "responded_at",
    "muted": "muted_at",
    "unsubscribed": "unsubscribed_at",
}
"""Yes-or-no columns of sends, and the time that says yes by being there."""


def base_name(table: str) -> str:
    """Return the name of a table's kept rows without anything derived."""
    return f"base_{table}"


def find_topics_to_fill(engine: DuckDBEngine, tables: Iterable[str]) -> set[str]:
    """Return the tables with rows that name an item but no topic, if content can say it."""
    if "content" not in tables:
        return set()
    found = set()
    for table in {"events", "sends"} & set(tables):
        columns = engine.columns(base_name(table))
        if "item_id" not in columns:
            continue
        lacking = "topic IS NULL AND item_id IS NOT NULL" if "topic" in columns else "item_id IS NOT NULL"
        sql = f"SELECT count(*) FROM {quote(base_name(table))} WHERE {lacking}"
        if engine.execute(sql).fetchone()[0]:
            found.add(table)
    return found


def create_table(
    engine: DuckDBEngine, table: str, counts: Counts, as_of: pd.Timestamp, zone: str, *, fill: bool
) -> None:
    """Create the view that higher floors read.

    Parameters
    ----------
    engine : DuckDBEngine
    table : str
    counts : Counts
        Its first and last time bound the clock changes that local times must know.
    as_of : pandas.Timestamp
    zone : str
    fill : bool
        Fill ``topic`` from content.
    """
    columns = list(engine.columns(base_name(table)))
    select = [_topic() if name == "topic" and fill else f"t.{quote(name)}" for name in columns]
    if fill and "topic" not in columns:
        select.append("content.topic AS topic")
    if table == "sends":
        select = [sql for sql, name in zip(select, columns, strict=False) if name not in OUTCOMES] + select[
            len(columns) :
        ]
        select += [_outcome(name, time, columns) for name, time in OUTCOMES.items()]
    time = SCHEMAS[table].time
    if time in columns:
        select += _derived(engine, f"t.{quote(time)}", as_of, zone, (counts.first, counts.last))
    join = f" LEFT JOIN {base_name('content')} AS content ON content.item_id = t.item_id" if fill else ""
    engine.create(table, f"SELECT {', '.join(select)} FROM {quote(base_name(table))} AS t{join}", lazy=True)


def _topic() -> str:
    return "coalesce(t.topic, content.topic) AS topic"


def _outcome(name: str, time: str, columns: list[str]) -> str:
    """Return SQL of a yes-or-no outcome; unknown, not "no", where the file does not speak of it.

    A yes whose time is not there (missing, or taken away because it lies after ``as_of``) is unknown:
    it may not have happened yet.
    """
    flag, when = f"t.{quote(name)}", f"t.{quote(time)} IS NOT NULL"
    if name in columns and time in columns:
        sql = f"CASE WHEN {when} THEN TRUE WHEN {flag} THEN NULL WHEN {flag} IS NULL THEN NULL ELSE FALSE END"
    elif name in columns:
        sql = flag
    else:
        sql = f"({when})" if time in columns else "CAST(NULL AS BOOLEAN)"
    return f"{sql} AS {quote(name)}"


def _derived(
    engine: DuckDBEngine, time: str, as_of: pd.Timestamp, zone: str, between: tuple[Any, Any]
) -> list[str]:
    local = engine.local_time(time, zone, between)
    micros = as_of.value // 1000
    return [
        f"({micros} - epoch_us({time})) / {MICROSECONDS_PER_DAY} AS age_days",
        f"{local} AS local_time",
        f"CAST({local} AS DATE) AS local_date",
        f"CAST(hour({local}) AS INTEGER) AS local_hour",
        f"CAST(isodow({local}) AS INTEGER) AS local_weekday",
    ]


def hidden_columns(engine: DuckDBEngine, table: str) -> set[str]:
    """Return the columns of a table's view that are derived."""
    own = set(engine.columns(base_name(table)))
    derived = set(DERIVED) | set(OUTCOMES) if table == "sends" else set(DERIVED)
    return derived - own


def create_user_index(engine: DuckDBEngine, tables: Mapping[str, Any]) -> None:
    """Create ``user_index``: every user of every table, once; a correction alone makes nobody a user.

    Raises
    ------
    InputError
        If there is none.
    """
    parts = [f"SELECT DISTINCT user_id FROM {quote(base_name(t))}" for t in KNOWN_FROM if t in tables]
    union = " UNION ALL ".join(parts) or "SELECT NULL AS user_id WHERE FALSE"
    engine.create("user_index", f"SELECT DISTINCT user_id FROM ({union}) ORDER BY user_id")
    if not engine.execute("SELECT count(*) FROM user_index").fetchone()[0]:
        raise InputError(
            f"There is no user: {', '.join(tables)} have no usable row with a user_id before as_of.",
            f"rows in at least one of {', '.join(KNOWN_FROM)}.",
            "Check as_of, and that the files are not empty.",
        )
