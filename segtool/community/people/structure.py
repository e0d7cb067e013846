"""Where people stand in a graph of ties: how deep in its core, and between how many who do not meet."""

from __future__ import annotations

import numpy as np
from scipy import sparse

ROWS = 4000  # of the graph squared at once: a million ties of a large group would not fit otherwise


def core_numbers(matrix) -> np.ndarray:
    """Return the largest k such that a node is in a subgraph where everybody has k neighbours.

    Parameters
    ----------
    matrix : sparse matrix, shape (n, n)
        Symmetric; weights do not count, loops neither.

    Returns
    -------
    ndarray of int, shape (n,)

    References
    ----------
    Seidman (1983), Network structure and minimum degree. Social Networks 5.

    Examples
    --------
    >>> triangle_and_tail = np.array([[0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 1], [0, 0, 1, 0]])
    >>> core_numbers(sparse.csr_matrix(triangle_and_tail)).tolist()
    [2, 2, 2, 1]
    """
    graph = sparse.csr_matrix(matrix)
    row = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
    col = graph.indices
    kept = (row != col) & (graph.data != 0)
    row, col = row[kept], col[kept]
    n = graph.shape[0]
    core = np.zeros(n, dtype=np.int64)
    alive = np.ones(n, dtype=bool)
    degree = np.bincount(row, minlength=n)
    k = 0
    while len(row):
        # All nodes of the lowest degree go at once; those who fall to it go in the next round.
        k = max(k, int(degree[alive].min()))
        drop = alive & (degree <= k)
        core[drop] = k
        alive &= ~drop
        kept = alive[row] & alive[col]
        row, col = row[kept], col[kept]
        degree = np.bincount(row, minlength=n)
    core[alive] = k
    return core


def burt_constraint(matrix) -> np.ndarray:
    """Return how far each node's contacts are tied to each other: low where it joins people who do not meet.

    Parameters
    ----------
    matrix : sparse matrix, shape (n, n)
        Symmetric, weights at least 0.

    Returns
    -------
    ndarray of float, shape (n,)
        Missing where there are no contacts.

    Notes
    -----
    Sum over contacts j of (p_ij + sum_q p_iq p_qj)^2, with p_ij the share of i's tie weight that goes to j.

    References
    ----------
    Burt (1992), Structural Holes, chapter 2.

    Examples
    --------
    >>> star = np.array([[0, 1, 1], [1, 0, 0], [1, 0, 0]])
    >>> burt_constraint(sparse.csr_matrix(star)).tolist()
    [0.5, 1.0, 1.0]
    """
    graph = sparse.csr_matrix(matrix, dtype=float)
    graph.setdiag(0)
    graph.eliminate_zeros()
    n = graph.shape[0]
    total = np.asarray(graph.sum(axis=1)).ravel()
    share = sparse.diags(1 / np.where(total > 0, total, 1.0)) @ graph
    share = sparse.csr_matrix(share)
    tied = graph.copy()
    tied.data[:] = 1.0
    constraint = np.full(n, np.nan)
    for low in range(0, n, ROWS):
        rows = slice(low, min(low + ROWS, n))
        through = (share[rows] @ share).multiply(tied[rows])
        both = share[rows] + through
        both.data **= 2
        constraint[rows] = np.asarray(both.sum(axis=1)).ravel()
    return np.where(total > 0, constraint, np.nan)


def split_contacts(matrix, nodes: np.ndarray, least: int) -> dict[int, list[int]]:
    """Return the sizes of the pieces that each node's contacts fall into without it, the largest first.

    Parameters
    ----------
    matrix : csr matrix, shape (n, n)
        Symmetric, without loops.
    nodes : ndarray of int
    least : int
        Smaller pieces are left out.

    Returns
    -------
    dict of int to list of int

    Examples
    --------
    >>> bow = np.array([[0, 1, 1, 1, 1], [1, 0, 1, 0, 0], [1, 1, 0, 0, 0], [1, 0, 0, 0, 1], [1, 0, 0, 1, 0]])
    >>> split_contacts(sparse.csr_matrix(bow), np.array([0, 1]), 2)
    {0: [2, 2], 1: [2]}
    """
    nodes = np.unique(np.asarray(nodes, dtype=np.int64))
    n = np.int64(matrix.shape[0])
    owner, contact = _expand(matrix, nodes)  # one row per node and contact
    place, other = _expand(matrix, contact)
    # Ties from a contact to another contact of the same node.
    owner = nodes[owner]
    keys = owner * n + contact
    wanted = owner[place] * n + other
    found = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    inside = keys[found] == wanted if len(keys) else np.zeros(0, dtype=bool)
    size = len(keys)
    ego = sparse.coo_matrix((np.ones(inside.sum()), (place[inside], found[inside])), shape=(size, size))
    n_pieces, piece = sparse.csgraph.connected_components(ego.tocsr(), directed=False)
    sizes = np.bincount(piece, minlength=n_pieces)
    first = np.zeros(n_pieces, dtype=np.int64)
    first[piece] = owner
    sizes_of: dict[int, list[int]] = {int(node): [] for node in nodes}
    for one in np.lexsort((-sizes, first)):
        if sizes[one] >= least:
            sizes_of[int(first[one])].append(int(sizes[one]))
    return sizes_of


def _expand(matrix, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the place in nodes and the neighbour, one pair per tie, in order."""
    degree = np.diff(matrix.indptr)[nodes]
    place = np.repeat(np.arange(len(nodes)), degree)
    start = np.cumsum(degree) - degree
    within = np.arange(degree.sum()) - np.repeat(start, degree)
    return place, matrix.indices[np.repeat(matrix.indptr[nodes], degree) + within].astype(np.int64)
