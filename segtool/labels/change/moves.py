"""Who moved from one value of a label to another between two dates."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd

from segtool.engines import DuckDBEngine, quote
from segtool.labels.frames import LabelInfo, LabelTables

# Both ends of a move this sure: it is more than a band's edge wobbling.
SURE = 0.8
COLUMNS = ["label", "before", "after", "move", "n_users", "share", "n_sure"]


class Moves:
    """The values of two dates side by side, one label at a time, in an engine of its own.

    Parameters
    ----------
    before, after : Labels
    """

    def __init__(self, before: LabelTables, after: LabelTables):
        self.before, self.after = before, after

    def table(self, infos: list[LabelInfo]) -> pd.DataFrame:
        """Return label, before, after, move, n_users, share (of those with the same start), n_sure."""
        with self._joined() as engine:
            parts = [self._of_label(engine, info) for info in infos]
        found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
        start = found.groupby(["label", found["before"].fillna(""), found["move"].isin(["came"])])["n_users"]
        found["share"] = found["n_users"] / start.transform("sum")
        # A value not said before has no group it came from: others may have had it, unsaid.
        found.loc[found["move"] == "now said", "share"] = float("nan")
        return found[COLUMNS]

    def users(self, info: LabelInfo) -> pd.DataFrame:
        """Return user_id, before, after, move, confidence (that both values are right), for one label."""
        with self._joined() as engine:
            self._register(engine, info)
            found = engine.query(f"SELECT * FROM ({_sides(info)}) AS sides ORDER BY user_id, before, after")
        if info.kind == "many":
            found = found[found["before"].notna() | found["after"].notna()]
        found["move"] = _classify(found, info)
        return found[["user_id", "before", "after", "move", "confidence"]].reset_index(drop=True)

    @contextmanager
    def _joined(self) -> Iterator[DuckDBEngine]:
        with DuckDBEngine() as engine:
            for name, labels in (("were", self.before), ("are", self.after)):
                users = labels.engine.arrow(
                    f"SELECT user_id FROM {quote(labels.tables['users'])} ORDER BY user_id"
                )
                engine.register(name, users)
            engine.create(
                "people",
                "SELECT coalesce(a.user_id, b.user_id) AS user_id, a.user_id IS NOT NULL AS was,"
                " b.user_id IS NOT NULL AS is_here FROM were AS a FULL JOIN are AS b ON b.user_id = a.user_id",
            )
            yield engine

    def _register(self, engine: DuckDBEngine, info: LabelInfo) -> None:
        name = info.name.replace("'", "''")
        for side, labels in (("old", self.before), ("new", self.after)):
            sql = (
                f"SELECT user_id, CAST(value AS VARCHAR) AS value, confidence FROM {quote(labels.tables['labels'])}"
                f" WHERE label = '{name}' ORDER BY user_id, value"
            )
            engine.register(side, labels.engine.arrow(sql))

    def _of_label(self, engine: DuckDBEngine, info: LabelInfo) -> pd.DataFrame:
        self._register(engine, info)
        found = engine.query(
            f"SELECT before, after, was, is_here, count(*) AS n_users,"
            f" count(*) FILTER (WHERE confidence >= {SURE}) AS n_sure"
            f" FROM ({_sides(info)}) AS sides GROUP BY before, after, was, is_here"
            f" ORDER BY before, after, was, is_here"
        )
        if info.kind == "many":
            found = found[found["before"].notna() | found["after"].notna()]
        found["label"], found["move"] = info.name, _classify(found, info)
        return found.drop(columns=["was", "is_here"])


def _sides(info: LabelInfo) -> str:
    """Return SQL of user_id, before, after, was, is_here, confidence; a row per value where many."""
    pairs = "SELECT user_id, value AS before, value AS after, confidence FROM {side}"
    if info.kind != "many":
        return (
            "SELECT p.user_id, o.value AS before, n.value AS after, p.was, p.is_here,"
            " coalesce(o.confidence, 1) * coalesce(n.confidence, 1) AS confidence"
            " FROM people AS p LEFT JOIN old AS o ON o.user_id = p.user_id LEFT JOIN new AS n ON n.user_id = p.user_id"
        )
    old, new = (pairs.format(side=side) for side in ("old", "new"))
    return (
        "SELECT p.user_id, s.before, s.after, p.was, p.is_here, s.confidence FROM people AS p JOIN ("
        " SELECT coalesce(o.user_id, n.user_id) AS user_id, o.before, n.after,"
        " coalesce(o.confidence, 1) * coalesce(n.confidence, 1) AS confidence"
        f" FROM ({old}) AS o FULL JOIN ({new}) AS n ON n.user_id = o.user_id AND n.after = o.before"
        ") AS s ON s.user_id = p.user_id"
    )


def _classify(found: pd.DataFrame, info: LabelInfo) -> pd.Series:
    """Return the name of each move; a user who was not there cannot have moved."""
    order = {value: rank for rank, value in enumerate(info.values)} if info.kind == "ordered" else {}
    is_many = info.kind == "many"
    rows = zip(found["before"], found["after"], found["was"], found["is_here"], strict=True)
    return pd.Series([_move(*row, order, is_many) for row in rows], index=found.index, dtype="str")


def _move(before, after, was: bool, is_here: bool, order: dict, is_many: bool) -> str:
    if not was:
        return "came"
    if not is_here:
        return "left"
    if pd.isna(before) and pd.isna(after):
        return "still unknown"
    if pd.isna(before):
        return "now said" if is_many else "became known"
    if pd.isna(after):
        return "no longer said" if is_many else "no longer known"
    if before == after:
        return "held"
    if before in order and after in order:
        return "promoted" if order[after] > order[before] else "demoted"
    return "changed"
