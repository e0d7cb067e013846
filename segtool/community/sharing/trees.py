"""Invitation trees: who came through whom, how deep and how wide, and what in a roster cannot be so."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

TREES = [
    "group_id", "title", "n_members", "n_invited", "n_alone", "n_unknown", "n_inviters", "n_roots", "depth",
    "width", "largest", "top_share", "half_came_through",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Forest:
    """Invitation trees over rows: a roster's, or people's.

    Parameters
    ----------
    group, user : ndarray of int, shape (n,)
        Codes.
    joined : ndarray of float, shape (n,)
        Seconds before ``as_of``, negative; NaN where not known.
    counted : ndarray of bool, shape (n,)
        Rows of people: no bots.
    came : ndarray of int8, shape (n,)
        1 invited, 0 came alone, -1 not known (no row of the roster says how).
    parent : ndarray of int, shape (n,)
        Row of who invited, -1 for none that can be used.
    depth : ndarray of int, shape (n,)
        Steps from the one who came without an inviter.
    root : ndarray of int, shape (n,)
        Row of that one.
    brought, below : ndarray of int, shape (n,)
        People invited directly, and all in the branches below.
    problems : DataFrame
        what, n, handled.
    tells_leaving : bool
        Whether anybody is on record as having left. Without it the roster may list only who is there now.
    """

    group: np.ndarray
    user: np.ndarray
    joined: np.ndarray
    counted: np.ndarray
    came: np.ndarray
    parent: np.ndarray
    depth: np.ndarray
    root: np.ndarray
    brought: np.ndarray
    below: np.ndarray
    problems: pd.DataFrame
    tells_leaving: bool = True

    def __len__(self) -> int:
        return len(self.parent)


def grow_forest(
    roster: pd.DataFrame, strangers: np.ndarray | None = None, skew_minutes: float = 10.0
) -> Forest:
    """Find the invitation trees of every group at once.

    Parameters
    ----------
    roster : DataFrame, shape (n, ...)
        group, user, inviter (codes, -1 none), joined, left (seconds before ``as_of``, NaN not known or still
        there), stated (the roster names them) and bot. One row per group and user, in any order.
    strangers : ndarray of bool, shape (n,), optional
        Rows whose inviter is named but is nobody of the study.
    skew_minutes : float
        By so much an inviter may have joined later than those invited: clocks differ.

    Returns
    -------
    Forest
        Rows as in ``roster``.

    Notes
    -----
    An inviter who joined after those invited, who is invited by oneself, a bot, or closes a circle cannot
    be a parent; each is counted in ``problems``, and the member counts as invited by somebody not known.

    Examples
    --------
    >>> roster = pd.DataFrame({"group": 0, "user": [0, 1, 2], "inviter": [-1, 0, 1],
    ...                        "joined": [-90.0, -60.0, -30.0], "left": np.nan, "stated": True, "bot": False})
    >>> forest = grow_forest(roster)
    >>> forest.depth.tolist(), forest.below.tolist()
    ([0, 1, 2], [2, 1, 0])
    """
    columns = {name: roster[name].to_numpy() for name in ("group", "user", "inviter", "joined", "left")}
    group, user, inviter, joined, left = columns.values()
    bot, stated = roster["bot"].to_numpy(dtype=bool), roster["stated"].to_numpy(dtype=bool)
    strangers = np.zeros(len(roster), dtype=bool) if strangers is None else strangers
    problems = [("the inviter is nobody of this study", strangers & ~bot, "invited, by somebody not known")]
    named = (inviter >= 0) & ~bot
    parent = np.where(named, _find_rows(group, user, inviter), -1)
    above = np.maximum(parent, 0)
    faults = (
        ("a member is said to have invited themselves", named & (inviter == user)),
        ("the inviter was never in this group", named & (parent < 0)),
        ("the inviter is a bot", (parent >= 0) & bot[above]),
        (
            "the inviter joined later than those invited",
            (parent >= 0) & (joined[above] > joined + 60 * skew_minutes),
        ),
    )
    for what, wrong in faults:
        wrong = wrong & ~_any(problems[1:], len(roster))
        problems.append((what, wrong, "invited, by somebody not known; in no tree"))
        parent = np.where(wrong, -1, parent)
    looped = _find_loops(parent)
    problems.append(("invitations go round in a circle", looped, "the circle is opened at one member"))
    parent = np.where(looped, -1, parent)
    was_gone = (parent >= 0) & (left[np.maximum(parent, 0)] < joined)
    problems.append(("the inviter had left before those invited joined", was_gone, "kept"))
    depth, root = _climb(parent)
    came = np.where(named | strangers, 1, np.where(stated, 0, -1)).astype(np.int8)
    return Forest(
        group,
        user,
        joined.astype(float),
        ~bot,
        came,
        parent,
        depth,
        root,
        np.bincount(parent[parent >= 0], minlength=len(parent)),
        _count_below(parent, depth),
        _table(problems),
        bool(np.isfinite(left.astype(float)).any()),
    )


def join_groups(
    roster: pd.DataFrame, strangers: np.ndarray | None = None, skew_minutes: float = 10.0
) -> Forest:
    """Find the invitation trees over all groups: how each person came the first time.

    Parameters
    ----------
    roster : DataFrame
        As for `grow_forest`.
    strangers : ndarray of bool, optional
    skew_minutes : float

    Returns
    -------
    Forest
        One row per user; group is 0. Whoever is invited to a second group is not new and is not counted.
    """
    keep = ["group", "user", "inviter", "joined", "left", "stated", "bot"]
    table = roster[keep].assign(stranger=False if strangers is None else strangers)
    # Of equal or missing dates, the row that names an inviter says more.
    table["unnamed"] = (table["inviter"] < 0) & ~table["stranger"]
    table = table.sort_values(["user", "joined", "unnamed", "group"], na_position="last", ignore_index=True)
    by_user = table.groupby("user", sort=True)
    first = table[~table["user"].duplicated()].reset_index(drop=True)
    first["stated"] = by_user["stated"].any().to_numpy()
    first["bot"] = by_user["bot"].any().to_numpy()
    # Gone only when gone from every group.
    there = table["left"].isna().groupby(table["user"], sort=True).any().to_numpy()
    first["left"] = np.where(there, np.nan, by_user["left"].max().to_numpy())
    forest = grow_forest(first.assign(group=0), first["stranger"].to_numpy(dtype=bool), skew_minutes)
    return replace(forest, tells_leaving=bool(roster["left"].notna().any()))


def describe_trees(forest: Forest, codes: np.ndarray, names: pd.DataFrame) -> pd.DataFrame:
    """Describe the trees of each group.

    Parameters
    ----------
    forest : Forest
    codes : ndarray of int, shape (n_groups,)
        Group codes in the order of ``names``.
    names : DataFrame, shape (n_groups, 2)
        group_id and title.

    Returns
    -------
    DataFrame, shape (n_groups, 13)
        group_id, title, n_members (no bots), n_invited, n_alone, n_unknown (how they came is not on record),
        n_inviters, n_roots (trees of two and more), depth (steps in the deepest), width (most people on one
        step of one tree), largest (people in it), top_share (of those invited, through the busiest inviter),
        half_came_through (fewest inviters who brought half of them; missing where nobody was invited).
    """
    size = int(codes.max()) + 1 if len(codes) else 0
    group, counted = forest.group, forest.counted

    def count(which):
        return np.bincount(group[which & counted], minlength=size)[codes]

    def largest(of, values):
        most = np.zeros(size, dtype=np.int64)
        np.maximum.at(most, of, values)
        return most[codes]

    child = forest.parent >= 0
    level = np.unique(np.column_stack([forest.root[child], forest.depth[child]]), axis=0, return_counts=True)
    is_root = ~child & (forest.brought > 0)
    top, half = _concentrate(forest, size)
    table = pd.DataFrame(
        {
            "group_id": names["group_id"].to_numpy(dtype=object),
            "title": names["title"].to_numpy(dtype=object),
            "n_members": count(np.ones(len(forest), dtype=bool)),
            "n_invited": count(forest.came == 1),
            "n_alone": count(forest.came == 0),
            "n_unknown": count(forest.came < 0),
            "n_inviters": count(forest.brought > 0),
            "n_roots": count(is_root),
            "depth": largest(group, forest.depth),
            "width": largest(group[level[0][:, 0]], level[1]),
            "largest": largest(group[is_root], forest.below[is_root] + 1),
            "top_share": top[codes],
            "half_came_through": half[codes],
        }
    )
    return table[TREES]


def _concentrate(forest: Forest, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the busiest inviter's share, and how few inviters brought half, by group."""
    top, half = np.full(size, np.nan), np.full(size, np.nan)
    rows = np.flatnonzero(forest.brought > 0)
    rows = rows[np.lexsort([-forest.brought[rows], forest.group[rows]])]
    group, n = forest.group[rows], forest.brought[rows].astype(float)
    present, start = np.unique(group, return_index=True)
    total = np.bincount(group, n, minlength=size)
    running = np.cumsum(n) - np.repeat((np.cumsum(n) - n)[start], np.diff(np.r_[start, len(rows)]))
    top[present] = n[start] / total[present]
    before_half = np.bincount(group[running < total[group] / 2], minlength=size)
    half[present] = before_half[present] + 1
    return top, half


def _find_rows(group: np.ndarray, user: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the row of each wanted user in the same group, -1 where there is none."""
    if not len(group):
        return np.zeros(0, dtype=np.int64)
    span = int(max(user.max(), wanted.max())) + 1
    key = group.astype(np.int64) * span + user
    order = np.argsort(key, kind="stable")
    sought = group.astype(np.int64) * span + np.maximum(wanted, 0)
    place = np.minimum(np.searchsorted(key[order], sought), len(key) - 1)
    found = (key[order][place] == sought) & (wanted >= 0)
    return np.where(found, order[place], -1)


def _find_loops(parent: np.ndarray) -> np.ndarray:
    """Say at which row each circle of parents is to be opened: its first."""
    opened = np.zeros(len(parent), dtype=bool)
    above = parent.copy()
    for _ in range(max(1, len(parent).bit_length())):  # each step doubles how far up is looked
        above = np.where(above >= 0, above[np.maximum(above, 0)], -1)
    on_circle = np.unique(above[above >= 0])
    seen: set[int] = set()
    for row in on_circle.tolist():  # sorted, so the first row of each circle comes first
        if row not in seen:
            opened[row] = True
            while row not in seen:
                seen.add(row)
                row = int(parent[row])
    return opened


def _climb(parent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return depth and root of each row, by doubling the steps up."""
    root = np.where(parent >= 0, parent, np.arange(len(parent)))
    depth = (parent >= 0).astype(np.int64)
    while True:
        further = root[root]
        if (further == root).all():
            return depth, root
        depth += depth[root]
        root = further


def _count_below(parent: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Return how many are under each row, from the deepest step upwards."""
    below = np.zeros(len(parent), dtype=np.int64)
    rows = np.argsort(-depth, kind="stable")
    ends = np.searchsorted(-depth[rows], -np.arange(depth.max() if len(depth) else 0, 0, -1), side="right")
    start = 0
    for end in ends:
        step = rows[start:end]
        np.add.at(below, parent[step], below[step] + 1)
        start = end
    return below


def _any(problems, n: int) -> np.ndarray:
    return np.logical_or.reduce([which for _, which, _ in problems] or [np.zeros(n, dtype=bool)])


def _table(problems) -> pd.DataFrame:
    rows = [(what, int(which.sum()), handled) for what, which, handled in problems if which.any()]
    return pd.DataFrame(rows, columns=["what", "n", "handled"])
