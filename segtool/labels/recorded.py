"""Columns in which something is recorded: an outcome that nobody ever wrote down is not a "no"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from segtool.engines import quote

if TYPE_CHECKING:
    from segtool.engines import Engine

SENDS = "sends"
# What can become of a send: the yes-or-no column, and the time that says yes by being there.
OUTCOMES = {
    "opened": "opened_at",
    "responded": "responded_at",
    "muted": "muted_at",
    "unsubscribed": "unsubscribed_at",
}
# Hundreds of sends without a single mute are believable beside recorded opens; without a single
# open they are not: then opens are not counted by whoever sends.
COMMON = ("opened", "responded")


def recorded_columns(engine: Engine, tables: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the columns of tables, without outcomes of sends that nobody recorded.

    Parameters
    ----------
    engine : Engine
    tables : iterable of str

    Returns
    -------
    dict of str to dict of str to str
        Table -> column -> kind.

    Notes
    -----
    Where the whole table has no outcome at all, none of its outcome columns is given. Where it has
    some, those of opens and of answers are given only if any send has one.
    """
    schemas = {table: dict(engine.columns(table)) for table in tables}
    if SENDS in schemas:
        for name in _unrecorded(engine, schemas[SENDS]):
            schemas[SENDS].pop(name, None)
            schemas[SENDS].pop(OUTCOMES[name], None)
    return schemas


def _unrecorded(engine: Engine, columns: dict[str, str]) -> list[str]:
    pairs = {name: [each for each in (name, time) if each in columns] for name, time in OUTCOMES.items()}
    said = {name: " OR ".join(_says_yes(each, columns[each]) for each in own) for name, own in pairs.items()}
    counts = ", ".join(f"count(CASE WHEN {sql} THEN 1 END) AS {name}" for name, sql in said.items() if sql)
    if not counts:
        return []
    found = engine.query(f"SELECT {counts} FROM {quote(SENDS)}").iloc[0]
    empty = [name for name in found.index if not found[name]]
    return empty if len(empty) == len(found) else [name for name in empty if name in COMMON]


def _says_yes(column: str, kind: str) -> str:
    return quote(column) if kind == "boolean" else f"{quote(column)} IS NOT NULL"
