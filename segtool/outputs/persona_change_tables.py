"""What became of the personas of an earlier period, as it may be seen outside."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.outputs.privacy import cheapest_way_round, hide_small_sizes

# Size, its share, and the id by which a persona that became several stands in several rows.
SIZES = {
    "n_before": ("share_before", "before_id"),
    "n_placed": ("share_placed", "before_id"),
    "n_after": ("share_after", "after_id"),
}
TOLD = ["overlap", "profile_distance", "what"]
MOVE_FIGURES = ["n_users", "share", "n_noise", "n_refit", "q_value", "more_than_noise"]


def say_persona_changes(change, min_cell: int) -> str:
    """Return the headline of a change without a share that counts few people.

    Parameters
    ----------
    change : PersonaChange
    min_cell : int
    """
    people = change.people
    if people is None or change.before.n_personas < 2 or not people.n_stayed:
        return change.headline()
    n, moved = people.n_stayed, people.moved
    if n < min_cell:
        return f"{change.say_model()} Fewer than {min_cell} users are in both periods."
    n_seen = round(moved["seen"] * n)
    if not _is_few(n_seen, n - n_seen, min_cell):
        return change.headline()
    which = f"fewer than {min_cell}" if n_seen < min_cell else f"all but fewer than {min_cell}"
    noise = "no more than noise" if moved["low"] <= 0 else "more than noise"
    return (
        f"{change.say_model()} Of {n:,} users of both periods the older model places {which} elsewhere "
        f"than then: {noise}."
    )


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
    untold = _tells_few(change.alignment.comparison, table, min_cell)
    for count, (share, key) in SIZES.items():
        each = table.drop_duplicates(key).dropna(subset=[key, count]).set_index(key)[count]
        shown = hide_small_sizes(each.astype("Int64"), min_cell=min_cell)
        hidden = table[key].isin(shown.index[shown.isna()]).astype(bool)
        table[count] = table[count].mask(hidden)
        table[share] = table[share].mask(hidden)
        untold |= hidden  # "takes 3 % of it" counts as well as a number does
    table[TOLD] = table[TOLD].mask(untold)
    return table


def _tells_few(found, table: pd.DataFrame, min_cell: int) -> pd.Series:
    """Say in which rows the words or the overlap count few users, or let them be worked out."""
    counts = pd.DataFrame(found.counts)
    cells = [_cell_of(row, found) for row in table.itertuples()]
    hidden = np.ones(counts.shape, bool)
    for cell in cells:
        if cell is not None:
            hidden[cell] = False
    hidden = _hide_cells(counts, hidden, min_cell)
    few = [cell is not None and bool(hidden[cell]) for cell in cells]
    for place, row in enumerate(table.itertuples()):
        if row.event == "new" and not pd.isna(found.strange[cells[place][1]]):
            size = counts[cells[place][1]].sum()
            n_strange = round(found.strange[cells[place][1]] * size)
            few[place] |= _is_few(n_strange, size - n_strange, min_cell)
    return pd.Series(few, index=table.index, dtype=bool)


def _cell_of(row, found) -> tuple[int, int] | None:
    """Return older and newer persona, from 0, whose users in common a row tells of."""
    if row.event == "gone":
        return None
    new = int(row.after_id) - 1
    old = int(found.share_of_after[:, new].argmax()) if row.event == "new" else int(row.before_id) - 1
    return old, new


def _is_few(n: float, rest: float, min_cell: int) -> bool:
    return 0 < n < min_cell or 0 < rest < min_cell


def list_persona_moves(change, min_cell: int) -> pd.DataFrame:
    """Return who moved from which persona to which, largest first; small cells, and what tells them, are blank.

    A pair without figures is one of few users, one that would tell how many these are, or one of
    nobody: where an empty pair hides others, it is listed like them.
    """
    table = change.moves.copy()
    ids = sorted({*table["from_id"], *table["to_id"]})
    counts = table.pivot(index="from_id", columns="to_id", values="n_users")
    counts = counts.reindex(index=ids, columns=ids).fillna(0).astype(int)
    n_from = hide_small_sizes(counts.sum(axis=1), min_cell=min_cell)
    few = ((counts > 0) & (counts < min_cell)).to_numpy()
    # A total that is blank would follow from its line.
    few = few | (n_from.isna().to_numpy()[:, None] & (counts > 0).to_numpy())
    hidden = pd.DataFrame(_hide_cells(counts, few, min_cell), index=ids, columns=ids)
    empty = _list_empty(table, counts, hidden)
    table = pd.concat([table, empty], ignore_index=True) if len(empty) else table.reset_index(drop=True)
    blank = pd.Series([hidden.loc[row.from_id, row.to_id] for row in table.itertuples()], dtype=bool)
    figures = [name for name in MOVE_FIGURES if name in table]
    table["n_users"] = table["n_users"].astype("Int64")
    table[figures] = table[figures].mask(blank)
    if "n_from" in table:
        table["n_from"] = pd.array(n_from.loc[table["from_id"]], dtype="Int64")
    still = (table["from_id"] == table["to_id"]).astype(int)
    size = -table["n_users"].astype("Float64").fillna(0)
    order = pd.DataFrame({"still": still, "size": size, "from": table["from_id"], "to": table["to_id"]})
    return table.loc[order.sort_values(list(order), kind="stable").index].reset_index(drop=True)


def _list_empty(table: pd.DataFrame, counts: pd.DataFrame, hidden: pd.DataFrame) -> pd.DataFrame:
    """Return rows of the pairs of nobody that hide others: without them it would be seen that they are 0."""
    rows = [
        (old, new)
        for old in counts.index
        for new in counts
        if hidden.loc[old, new] and not counts.loc[old, new]
    ]
    names = dict(zip(table["from_id"], table["from"], strict=True)) if "from" in table else {}
    names |= dict(zip(table["to_id"], table["to"], strict=True)) if "to" in table else {}
    found = pd.DataFrame(rows, columns=["from_id", "to_id"], dtype=table["from_id"].dtype)
    for side in ("from", "to"):
        if side in table:
            found[side] = found[f"{side}_id"].map(names)
    return found.reindex(columns=table.columns).astype({"from_id": int, "to_id": int})


def _hide_cells(counts: pd.DataFrame, hidden: np.ndarray, min_cell: int) -> np.ndarray:
    """Return which cells to hide so that no small count follows, totals of rows and columns being known.

    What is hidden of a line is nobody, or at least ``min_cell`` users where there are so many: were it
    fewer, their number would follow from the total. An empty cell alone hides nobody. And each small
    cell lies on a cycle of hidden ones (see `suppress_small_cells`).
    """
    values = counts.to_numpy()
    small = (values > 0) & (values < min_cell)
    hidden = hidden | small
    n_hidden = -1
    while hidden.sum() > n_hidden:
        n_hidden = hidden.sum()
        for lines, off in ((values, hidden), (values.T, hidden.T)):
            for line, out in zip(lines, off, strict=True):
                while 0 < line[out].sum() < min_cell and (line[~out] > 0).any():
                    left = np.flatnonzero(~out & (line > 0))
                    out[left[line[left].argmin()]] = True
        for row, column in np.argwhere(small) if min(values.shape) > 1 else ():
            for cell in cheapest_way_round(hidden, values.astype(float), int(row), len(values) + int(column)):
                hidden[cell] = True
    return hidden
