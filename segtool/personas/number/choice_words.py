"""What a comparison of numbers of personas says, in words: the verdict, and what splits into what."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.display import join_words
from segtool.personas.number.stability import users_table
from segtool.personas.number.structure import Structure

VALID_JACCARD = 0.75  # Hennig (2007): a cluster that comes back to this degree is valid
ONE_SCALE = 0.9  # of what sets personas apart: above it they are tiers (see differences.py)
PART = 0.25  # of a persona's users: enough to be named as a part of it, or as where it comes from
MAINLY = 0.6  # of a persona's users out of one persona: then it is a part of that one


def describe_change(before: np.ndarray, after: np.ndarray, weights: np.ndarray) -> str:
    """Say what becomes of groups when their number changes, those that stay the same left out.

    Parameters
    ----------
    before, after : ndarray of int, shape (n_users,)
        Group of each user; the numbers from 0 are all in use.
    weights : ndarray of shape (n_users,)

    Examples
    --------
    >>> before, after = np.repeat([0, 0, 1], 10), np.repeat([0, 1, 2], 10)
    >>> describe_change(before, after, np.ones(30))
    'from 2 to 3: persona 1 (67% of users) splits into 33% and 33%'
    """
    shape = (int(before.max()) + 1, int(after.max()) + 1)
    table = users_table(before, after, weights, shape)
    old, new, total = table.sum(axis=1), table.sum(axis=0), table.sum()
    by_size = np.argsort(-old, kind="stable")
    rank = np.argsort(by_size, kind="stable") + 1
    source = np.where(table.max(axis=0) >= MAINLY * new, table.argmax(axis=0), -1)
    said = []
    for i in by_size:
        parts = [
            j for j in np.argsort(-new, kind="stable") if source[j] == i and table[i, j] >= PART * old[i]
        ]
        if len(parts) > 1:
            shares = " and ".join(f"{new[j] / total:.0%}" for j in parts)
            said.append(f"persona {rank[i]} ({old[i] / total:.0%} of users) splits into {shares}")
    for j in np.flatnonzero(source < 0):
        givers = join_words([str(number) for number in sorted(rank[table[:, j] >= PART * new[j]])])
        said.append(f"a new one of {new[j] / total:.0%} takes users of personas {givers}")
    clear = "; ".join(said) if len(said) in (1, 2) else "the groups are dealt anew"
    return f"from {shape[0]} to {shape[1]}: {clear}"


def count_personas(n: int) -> str:
    """Say a number of personas.

    Examples
    --------
    >>> count_personas(1)
    '1 persona'
    """
    return f"{n} persona{'s' if n != 1 else ''}"


def chosen_in_words(
    table: pd.DataFrame,
    n_users: float,
    jaccard: np.ndarray | None = None,
    structure: Structure | None = None,
) -> str:
    """Say which number of personas a curve speaks for, and why.

    Parameters
    ----------
    table : DataFrame
        Of a :class:`segtool.personas.number.choose.Choice`.
    n_users : float
        Users behind it.
    jaccard : ndarray of shape (n_classes,), optional
        Of the chosen number; by default only the smallest, from the table, is said.
    structure : Structure, optional
    """
    row = table[table["chosen"]].iloc[0]
    if not row["recommended"]:
        return _asked_in_words(table, row)
    if row["k"] > 1:
        return _found_in_words(row, jaccard)
    if len(table) == 1:
        return f"No structure: {n_users:,.0f} users are too few to compare numbers of personas."
    if structure is not None and not structure.exists:
        return f"No structure: {structure.in_words()}."
    ks = table["k"].iloc[1:]
    return (
        f"No structure: no number of personas from {ks.min()} to {ks.max()} both comes back in halves of "
        "the users and describes them better than one group does."
    )


def _asked_in_words(table: pd.DataFrame, row: pd.Series) -> str:
    best = table[table["recommended"]].iloc[0]
    instead = "no personas at all" if best["k"] == 1 else f"{best['k']}"
    return (
        f"{count_personas(int(row['n_filled']))}, as asked; the comparison speaks for {instead}. With "
        f"{row['k']}: {row['reason']}."
    )


def _found_in_words(row: pd.Series, jaccard: np.ndarray | None) -> str:
    """Say what was found to a reader who has never heard of a Jaccard index, with its true figures."""
    low = row["min_jaccard"]
    high = None if jaccard is None else float(np.max(jaccard))
    share = (
        f"at least {low:.0%}" if high is None else " to ".join(dict.fromkeys([f"{low:.0%}", f"{high:.0%}"]))
    )
    how = "stable" if low >= VALID_JACCARD else "fairly stable"
    return (
        f"{count_personas(int(row['k']))}, {how}: when the users are split in halves and grouped again, each "
        f"persona and its match share {share} of their users (over {VALID_JACCARD:.0%} is stable); the "
        f"smallest holds {row['min_share']:.1%} of all users."
    )


def note_one_scale(table: pd.DataFrame | None) -> str:
    """Say so when the personas chosen are steps on one scale; "" when they are not.

    Parameters
    ----------
    table : DataFrame or None
        Of a :class:`segtool.personas.number.choose.Choice`.

    Examples
    --------
    >>> note_one_scale(pd.DataFrame({"k": [1, 4], "chosen": [False, True], "one_axis": [1.0, 0.95]}))
    'The 4 personas are steps on one scale more than different kinds of users: 95% of what sets them apart \
lies on one axis. A score with thresholds of your own may serve better.'
    """
    chosen = table[table["chosen"]] if table is not None else ()
    if not len(chosen) or chosen["k"].iloc[0] < 3 or chosen["one_axis"].iloc[0] < ONE_SCALE:
        return ""
    return (
        f"The {chosen['k'].iloc[0]} personas are steps on one scale more than different kinds of users: "
        f"{chosen['one_axis'].iloc[0]:.0%} of what sets them apart lies on one axis. A score with thresholds "
        "of your own may serve better."
    )
