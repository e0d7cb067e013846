"""Names of circles that stay from one moment to another, where the people do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from segtool.community.circles.circles import Circles
from segtool.errors import InputError

SAME = 0.5  # Jaccard overlap of members: from there on no other circle can be as near
AS_BEFORE, ANEW = "as before", "anew"
COLUMNS = ("user_id", "circle", "name")


def carry_names(circles: Circles, earlier_members: pd.DataFrame) -> Circles:
    """Give circles the names that they had before, where most of their members are the same.

    Parameters
    ----------
    circles : Circles
    earlier_members : DataFrame
        user_id, circle, name: one row per person who was in a circle; rows without a circle count for nothing.

    Returns
    -------
    Circles
        Their `table` has a column more, named: "as before" or "anew". A new circle whose name is one that is
        carried to another gets its number beside it. `named_by_topics` of a carried name is what stands in
        `earlier_members`, where that has this column; else it is False for the names of circles without topics.

    Raises
    ------
    InputError
        If a column is missing, or a person stands in two circles.

    Notes
    -----
    Circles are matched one to one so that the overlaps (shared members over all members of both) sum to the most;
    pairs below 0.5 are not the same circle. Only the names are carried: `circle`, c01 and so on, goes by size.

    References
    ----------
    Kuhn (1955), doi:10.1002/nav.3800020109 (the matching); Hennig (2007), doi:10.1016/j.csda.2006.11.025 (the bound)
    """
    earlier = _check(earlier_members)
    table = circles.table
    own = circles.members.loc[circles.members["circle"].notna(), ["user_id", "circle"]]
    match = _match(own, earlier)
    before = earlier.drop_duplicates("circle").set_index("circle")
    carried = table["circle"].map(match)
    is_carried = carried.notna().to_numpy()
    kept = carried.map(before["name"])
    taken = set(kept[is_carried])
    names = []
    for carries, old, new, circle in zip(is_carried, kept, table["name"], table["circle"], strict=True):
        names.append(old if carries else f"{new} ({circle})" if new in taken else new)
    by_topics = np.where(
        is_carried, carried.map(before["named_by_topics"]).eq(True), table["named_by_topics"]
    ).astype(bool)
    table = table.assign(name=np.array(names, dtype=object), named_by_topics=by_topics)
    said = np.where(is_carried, AS_BEFORE, ANEW).astype(object)
    table = table.drop(columns="named", errors="ignore")
    table.insert(table.columns.get_loc("named_by_topics") + 1, "named", said)
    return replace(circles, table=table)


def _check(earlier: pd.DataFrame) -> pd.DataFrame:
    from segtool.community.circles.topics import NOTHING

    missing = [name for name in COLUMNS if name not in earlier]
    if missing:
        raise InputError(f"Earlier circles without {missing[0]!r}.", ", ".join(COLUMNS) + ".")
    there = earlier[earlier["circle"].notna()]
    if there["user_id"].duplicated().any():
        raise InputError("Earlier circles with a person in two of them.", "one row per person.")
    if "named_by_topics" not in there:
        there = there.assign(named_by_topics=~there["name"].astype(str).str.startswith(NOTHING))
    return there.sort_values(["circle", "user_id"], kind="stable")


def _match(own: pd.DataFrame, earlier: pd.DataFrame) -> dict[str, str]:
    """Return the earlier circle of each circle that has one."""
    from scipy.optimize import linear_sum_assignment

    size, earlier_size = own["circle"].value_counts(), earlier["circle"].value_counts()
    pairs = own.merge(earlier, on="user_id", suffixes=("", "_before"))
    if pairs.empty:
        return {}
    both = pairs.groupby(["circle", "circle_before"]).size().reset_index(name="both")
    all_of = both["circle"].map(size) + both["circle_before"].map(earlier_size) - both["both"]
    both = both.assign(overlap=both["both"] / all_of)
    both = both[both["overlap"] >= SAME]
    if both.empty:
        return {}
    # Only circles with a pair that could count: thousands against thousands would not fit.
    rows, names = pd.factorize(both["circle"], sort=True)
    columns, names_before = pd.factorize(both["circle_before"], sort=True)
    overlap = np.zeros((len(names), len(names_before)))
    overlap[rows, columns] = both["overlap"]
    at, to = linear_sum_assignment(-overlap)
    real = overlap[at, to] > 0
    return dict(zip(names[at[real]], names_before[to[real]], strict=True))
