"""How many others each member brings, how soon, and whether a group grows by that alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.community.sharing.renewal import (
    Watch,
    cycle_time,
    doubling_days,
    interval_of,
    longest_age,
    spread_of,
)
from segtool.community.sharing.trees import Forest
from segtool.community.tables import DAY

GROWS, GROWS_NOT, OPEN = "grows by itself", "does not grow by itself", "cannot be told"
LEAST_MEMBERS = 10  # with fewer, not even a hundredfold difference would show
LEAST_DAYS = 7.0  # of a life of less than a week nothing can be said
LOST_SHARE = 0.05  # of those invited; with more inviters not known, people are missing from the roster
LATE_SHARE = 0.2  # the longest age is that up to which a fifth of the members were watched
GROWTH = [
    "group_id", "title", "n_members", "n_watched", "n_brought", "n_inviters", "window_days", "k", "lo", "hi",
    "longest_days", "k_longest", "longest_lo", "longest_hi", "cycle_days", "cycle_lo", "cycle_hi",
    "doubling_days", "verdict", "at_least", "sentence",
]  # fmt: skip


def watch_members(forest: Forest, rows: np.ndarray | None = None) -> Watch:
    """Return how long members were watched, and when they brought others.

    Parameters
    ----------
    forest : Forest
    rows : ndarray of int, optional
        Rows of one group, sorted; all when not given.

    Returns
    -------
    Watch
        Of members whose joining is known; nobody's joining or leaving after it changes it.
    """
    rows = np.arange(len(forest)) if rows is None else rows
    rows = rows[forest.counted[rows] & ~np.isnan(forest.joined[rows])]
    children = rows[forest.parent[rows] >= 0]
    above = forest.parent[children]
    owner = np.searchsorted(rows, above) if len(rows) else above
    owner = np.minimum(owner, max(len(rows) - 1, 0))
    known = rows[owner] == above if len(children) else np.zeros(0, dtype=bool)
    age = np.maximum(forest.joined[children] - forest.joined[above], 0.0) / DAY  # clocks differ
    return Watch.of(-forest.joined[rows] / DAY, owner[known], age[known])


def measure_growth(
    forest: Forest,
    codes: np.ndarray,
    names: pd.DataFrame,
    window_days: float,
    confidence: float,
    spread: float | None = None,
) -> pd.DataFrame:
    """Return how many others a member brings (K-factor), how soon, and what follows from it.

    Parameters
    ----------
    forest : Forest
    codes : ndarray of int, shape (n_groups,)
        Group codes in the order of ``names``.
    names : DataFrame, shape (n_groups, 2)
        group_id and title.
    window_days : float
        The age up to which ``k`` counts; shorter where members were not watched so long.
    confidence : float
    spread : float, optional
        See `interval_of`; that of all members when not given.

    Returns
    -------
    DataFrame, shape (n_groups, 21)
        group_id, title, n_members (no bots), n_watched (whose joining is known), n_brought and n_inviters
        (in the window), window_days, k with lo and hi, longest_days (age up to which a fifth of the members
        were watched), k_longest with longest_lo and longest_hi, cycle_days (median days from joining to that
        of who was brought, up to the longest age) with cycle_lo and cycle_hi, doubling_days (missing unless
        the group surely grows by itself), verdict, at_least (why the figures are lower bounds, "" where they
        are not; hi and longest_hi are missing then), sentence.

    Notes
    -----
    Where no leaving is on record, or the inviters of more than a twentieth of those invited are not known, the
    roster may list only who is there now. Of members and of those they brought a share is missing then: K is
    at least what is seen if those brought stay no longer than others do. A group may surely grow then; that it
    does not grow cannot be told.
    """
    if spread is None:
        whole = watch_members(forest)
        spread = spread_of(whole, min(window_days, longest_age(whole, LEAST_MEMBERS) or window_days))
    order = np.argsort(forest.group, kind="stable")
    ends = np.searchsorted(forest.group[order], codes, side="right")
    starts = np.searchsorted(forest.group[order], codes, side="left")
    rows = []
    for start, end, name in zip(starts, ends, names.itertuples(index=False), strict=True):
        own = np.sort(order[start:end])
        row = {"group_id": name.group_id, "title": name.title, "n_members": int(forest.counted[own].sum())}
        found = _measure(watch_members(forest, own), window_days, confidence, spread, _find_gaps(forest, own))
        rows.append(row | found)
    return pd.DataFrame(rows, columns=GROWTH)


def _find_gaps(forest: Forest, rows: np.ndarray) -> str:
    """Return why members may be missing from the roster, "" where nothing speaks for it."""
    invited = rows[(forest.came[rows] == 1) & forest.counted[rows]]
    n_lost = int((forest.parent[invited] < 0).sum())
    if n_lost > LOST_SHARE * len(invited):
        return f"the inviters of {n_lost:,} of {len(invited):,} invited are not known"
    return "" if forest.tells_leaving else "nobody is on record as having left"


def _measure(watch: Watch, window_days: float, confidence: float, spread: float, gaps: str) -> dict:
    n = len(watch.days)
    window = min(float(window_days), longest_age(watch, LEAST_MEMBERS))
    row = {"n_watched": n, "n_brought": 0, "n_inviters": 0, "verdict": OPEN, "at_least": gaps}
    if n < LEAST_MEMBERS or window < LEAST_DAYS:
        why = (
            f"only {n} members whose joining is known" if n < LEAST_MEMBERS else "members joined too recently"
        )
        return row | {"sentence": f"Too little data: {why}."}
    longest = max(window, longest_age(watch, max(LEAST_MEMBERS, int(np.ceil(LATE_SHARE * n)))))
    within = watch.age <= window
    row |= {
        "n_brought": int(within.sum()),
        "n_inviters": int(np.count_nonzero(np.bincount(watch.owner[within]))),
    }
    row |= {"window_days": window, "longest_days": longest}
    row |= dict(zip(("k", "lo", "hi"), interval_of(watch, window, confidence, spread), strict=True))
    names = ("k_longest", "longest_lo", "longest_hi")
    row |= dict(zip(names, interval_of(watch, longest, confidence, spread), strict=True))
    names = ("cycle_days", "cycle_lo", "cycle_hi")
    row |= dict(zip(names, cycle_time(watch, longest, confidence), strict=True))
    if not len(watch.age):
        row |= {"hi": np.nan, "longest_hi": np.nan} if gaps else {}
        return row | {"sentence": f"No invitation among {n} members is on record: none, or not written down."}
    if gaps:
        row["hi"] = row["longest_hi"] = np.nan
    row["verdict"] = GROWS if row["longest_lo"] > 1 else GROWS_NOT if row["longest_hi"] < 1 else OPEN
    row["doubling_days"] = doubling_days(watch, longest) if row["verdict"] == GROWS else np.nan
    return row | {"sentence": _tell(row)}


def _tell(row: dict) -> str:
    """Say it in a sentence.

    Examples
    --------
    >>> row = {"k": 0.31, "lo": 0.25, "hi": 0.39, "window_days": 90, "k_longest": 0.5, "longest_lo": 0.4,
    ...        "longest_hi": 0.62, "longest_days": 180, "doubling_days": float("nan")}
    >>> _tell(row | {"verdict": GROWS_NOT, "at_least": ""})[:64]
    'Each 100 members bring 31 (25 to 39) in their first 90 days, 50 '
    >>> _tell(row | {"verdict": OPEN, "at_least": "nobody is on record as having left"})[:72]
    'Each 100 members bring 25 or more in their first 90 days (31 are on reco'
    """
    if row["at_least"]:
        return _tell_bound(row)
    text = (
        f"Each 100 members bring {100 * row['k']:.0f} ({100 * row['lo']:.0f} to {100 * row['hi']:.0f})"
        f" in their first {row['window_days']:.0f} days"
    )
    if row["longest_days"] > row["window_days"]:
        text += (
            f", {100 * row['k_longest']:.0f} ({100 * row['longest_lo']:.0f} to"
            f" {100 * row['longest_hi']:.0f}) in {row['longest_days']:.0f}"
        )
    if row["verdict"] == GROWS_NOT:
        return f"{text}: fewer than one each, so it does not grow by itself."
    if row["verdict"] == GROWS:
        return (
            f"{text}: more than they are, so they double in {row['doubling_days']:.0f} days while that lasts."
        )
    return f"{text}: whether it grows by itself cannot be told."


def _tell_bound(row: dict) -> str:
    """Say it where members are missing from the roster: only the lower end holds."""
    text = (
        f"Each 100 members bring {100 * row['lo']:.0f} or more in their first {row['window_days']:.0f} days"
        f" ({100 * row['k']:.0f} are on record)"
    )
    if row["longest_days"] > row["window_days"]:
        text += f", {100 * row['longest_lo']:.0f} or more in {row['longest_days']:.0f}"
    if row["verdict"] == GROWS:
        text += f": more than they are, so they double in {row['doubling_days']:.0f} days or sooner while that lasts"
    else:
        text += ": whether it grows by itself cannot be told"
    return f"{text}. These are lower bounds: {row['at_least']}."
