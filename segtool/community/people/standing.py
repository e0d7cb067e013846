"""Where members stand among the ties of their groups: contacts, core, brokerage."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.community.people.structure import burt_constraint, core_numbers, split_contacts

PIECE = 3  # people who do not know the others: two may be a couple
MOST_SOUGHT = 3000  # members whose contacts are taken apart, the least bound first


def find_standing(talk, ties) -> pd.DataFrame:
    """Measure each member's place among the ties within the group.

    Parameters
    ----------
    talk : Talk
    ties : Ties

    Returns
    -------
    DataFrame, shape (n_roster, 7)
        n_contacts, core_number, core_share (of the highest of the group), brokerage (1 - Burt's constraint;
        missing below two contacts), n_pieces (groups of contacts not tied to each other, of three and more),
        pieces (their sizes, in words) and piece_pairs (of people, one in each of the two largest).

    Notes
    -----
    Answers and mentions are ties; where there are none in the whole talk, being near in time is.
    """
    n = len(talk.roster)
    graph = group_graph(talk, ties)
    contacts = np.diff(graph.indptr)
    core = core_numbers(graph)
    top = np.zeros(len(talk.group_ids), dtype=np.int64)
    group = talk.roster["group"].to_numpy()
    np.maximum.at(top, group, core)
    constraint = burt_constraint(graph)
    pieces = _find_pieces(graph, contacts, constraint)
    return pd.DataFrame(
        {
            "n_contacts": contacts.astype(np.int64),
            "core_number": core,
            "core_share": np.where(top[group] > 0, core / np.maximum(top[group], 1), np.nan),
            "brokerage": np.where(contacts >= 2, 1 - np.minimum(constraint, 1.0), np.nan),
            "n_pieces": [len(pieces.get(row, ())) for row in range(n)],
            "pieces": [" and ".join(map(str, pieces.get(row, ()))) for row in range(n)],
            "piece_pairs": [int(np.prod(pieces.get(row, (0,))[:2])) for row in range(n)],
        }
    )


def group_graph(talk, ties) -> sparse.csr_matrix:
    """Return the ties within groups between rows of the roster, symmetric, one block per group."""
    n, n_users = len(talk.roster), max(len(talk.user_ids), 1)
    table = ties.table
    spoken = (table["reply"] + table["mention"]).to_numpy()
    weight = spoken if spoken.any() else table["near"].to_numpy()
    living = ~table["gone"].to_numpy(bool)  # whoever left is nobody's contact any more
    kept = (table["group"].to_numpy() >= 0) & (weight > 0) & living
    keys = talk.roster["group"].to_numpy(np.int64) * n_users + talk.roster["user"].to_numpy(np.int64)
    group = table["group"].to_numpy(np.int64)[kept] * n_users
    wanted = [group + table[name].to_numpy(np.int64)[kept] for name in ("user", "other")]
    ends = [np.minimum(np.searchsorted(keys, one), max(n - 1, 0)) for one in wanted]
    known = np.ones(len(group), dtype=bool)
    for one, place in zip(wanted, ends, strict=True):  # somebody may be named who is not of the group
        known &= keys[place] == one
    one_way = sparse.csr_matrix((weight[kept][known], (ends[0][known], ends[1][known])), shape=(n, n))
    both = sparse.csr_matrix(one_way + one_way.T)
    both.sort_indices()
    return both


def _find_pieces(graph, contacts, constraint) -> dict[int, list[int]]:
    """Take apart the contacts of those who are bound less than is usual at as many contacts."""
    able = contacts >= 2 * PIECE
    if not able.any():
        return {}
    # A node whose m contacts never meet has constraint 1 / m; tied contacts bind it about twice as much.
    excess = np.where(able, constraint * contacts, np.inf)
    rows = np.argsort(excess, kind="stable")[: min(int(able.sum()), MOST_SOUGHT)]
    pieces = split_contacts(graph, rows, PIECE)
    return {row: sizes for row, sizes in pieces.items() if len(sizes) > 1}
