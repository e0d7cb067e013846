"""What became of the personas of an earlier period, as it may be seen outside."""

from __future__ import annotations

import pandas as pd

from segtool.errors import PrivacyError
from segtool.outputs.privacy import suppress_small_cells

SHARE_OF = {"n_before": "share_before", "n_placed": "share_placed", "n_after": "share_after"}
MOVE_FIGURES = ["n_users", "share", "n_noise", "n_refit", "q_value", "more_than_noise"]


def list_persona_changes(change, min_cell: int) -> pd.DataFrame:
    """Return what became of each persona; counts of few users, and what is said of them, are blank.

    Parameters
    ----------
    change : PersonaChange
    min_cell : int

    Returns
    -------
    pd.DataFrame
        Columns as in `PersonaChange.personas`.
    """
    table = change.personas.copy()
    some_few = pd.Series(False, index=table.index)
    for count, share in SHARE_OF.items():
        few = table[count].between(1, min_cell - 1).fillna(False).astype(bool)
        table[count] = table[count].mask(few)
        table[share] = table[share].mask(few)
        some_few |= few
    # "takes 3 % of it" counts as well as a number does
    told = ["overlap", "profile_distance", "what"]
    table[told] = table[told].mask(some_few)
    return table


def list_persona_moves(change, min_cell: int) -> pd.DataFrame:
    """Return who moved from which persona to which, largest first; small cells, and what tells them, are blank."""
    table = change.moves.copy()
    counts = table.pivot(index="from_id", columns="to_id", values="n_users").fillna(0)
    try:
        shown = suppress_small_cells(counts, min_cell=min_cell)
        sizes = [shown.loc[row.from_id, row.to_id] for row in table.itertuples()]
    except PrivacyError:  # a line with a single cell: its total is the cell
        sizes = [pd.NA] * len(table)
    hidden = pd.isna(pd.Series(sizes, index=table.index, dtype="Int64"))
    figures = [name for name in MOVE_FIGURES if name in table]
    table[figures] = table[figures].mask(hidden)
    still = (table["from_id"] == table["to_id"]).astype(int)
    size = -table["n_users"].astype("Float64").fillna(0)
    order = pd.DataFrame({"still": still, "size": size}).sort_values(["still", "size"], kind="stable").index
    return table.loc[order].reset_index(drop=True)
