"""What changed between two dates, as it may be seen outside."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from segtool.errors import PrivacyError
from segtool.outputs.privacy import suppress_small_cells

MOVED = ("promoted", "demoted", "changed")


def list_drift(change, min_cell: int, inside: Iterable[str] = ()) -> pd.DataFrame:
    """Return the drift of each label; where a figure would count few users, it is blank."""
    table = change.drift
    table = table[~table["label"].isin(set(inside))].copy()
    few = {
        (row.label, row.value)
        for row in change.shares.itertuples()
        if _tells_few(row.n_before, row.n_known_before, min_cell)
        or _tells_few(row.n_after, row.n_known_after, min_cell)
    }
    is_few = np.array(
        [pair in few for pair in zip(table["label"], table["largest"], strict=True)], dtype=bool
    )
    figures = ["largest", "difference", "low", "high"]
    table[figures] = table[figures].mask(pd.Series(is_few, index=table.index))
    for end in ("before", "after"):
        hidden = table[f"n_known_{end}"].between(1, min_cell - 1)
        names = [f"n_known_{end}", f"share_known_{end}", "divergence", "drift", "drift_stayers", *figures]
        table[f"n_known_{end}"] = table[f"n_known_{end}"].astype("Int64")
        table[names] = table[names].mask(hidden)
    return table.reset_index(drop=True)


def list_moves(change, min_cell: int, inside: Iterable[str] = ()) -> pd.DataFrame:
    """Return the moves of each label, those who really moved first and the largest of them on top.

    Small counts, and what would give them away, are blank.
    """
    moves = change.moves
    moves = moves[~moves["label"].isin(set(inside))]
    parts = [_hide(part, min_cell) for _, part in moves.groupby("label", sort=False)]
    if not parts:
        return moves
    table = pd.concat(parts, ignore_index=True)
    moved = table["move"].isin(MOVED)
    order = pd.DataFrame(
        {"still": ~moved, "size": -table["n_users"].astype("Float64").fillna(0).where(moved, 0)}
    )
    return table.loc[order.sort_values(["still", "size"], kind="stable").index].reset_index(drop=True)


def _hide(part: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Blank small cells of one label's table of before and after, whose totals are known."""
    part = part.copy()
    start = part["before"].fillna("").where(part["move"] != "came", "(not there)")
    end = part["after"].fillna("").where(part["move"] != "left", "(not there)")
    counts = pd.crosstab(start, end, part["n_users"], aggfunc="sum")
    try:
        shown = suppress_small_cells(counts, min_cell=min_cell)
        sizes = [shown.loc[row, column] for row, column in zip(start, end, strict=True)]
    except PrivacyError:  # a line with a single cell: its total is the cell
        sizes = [pd.NA] * len(part)
    part["n_users"] = pd.array(sizes, dtype="Int64")
    rest = part["n_users"] - part["n_sure"]
    is_few = part["n_sure"].between(1, min_cell - 1) | rest.between(1, min_cell - 1).fillna(True).astype(bool)
    part["n_sure"] = part["n_sure"].astype("Int64").mask(is_few)
    part["share"] = part["share"].mask(part["n_users"].isna())
    return part


def _tells_few(n: float, n_known: float, min_cell: int) -> bool:
    """Say whether few users have the value, or all but few of those the label is known of."""
    return 0 < n < min_cell or 0 < n_known - n < min_cell
