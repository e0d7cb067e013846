"""A graph of ties as circles are looked for in it: checked, bursts damped, in pieces worth looking at."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from segtool.errors import InputError

LARGE = 250_000  # ties: from there on one run takes a second


def check_graph(matrix: sparse.spmatrix) -> sparse.csr_matrix:
    """Return a graph as a symmetric csr matrix without self-ties and without ties of 0.

    Parameters
    ----------
    matrix : sparse matrix, shape (n, n)

    Raises
    ------
    InputError
        If it is not square or not symmetric, or a weight is negative or no number.

    Examples
    --------
    >>> check_graph(sparse.csr_matrix([[9.0, 1.0], [1.0, 0.0]])).toarray().tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    if matrix.shape[0] != matrix.shape[1]:
        raise InputError(
            f"A graph of shape {matrix.shape}.", "a square matrix: one row, one column a person."
        )
    graph = sparse.csr_matrix(matrix, dtype=float, copy=True)
    if not np.isfinite(graph.data).all() or (graph.data < 0).any():
        raise InputError("Ties with a weight below 0, or none.", "weights of 0 and above.", "Drop such ties.")
    if graph.nnz and abs(graph - graph.T).max() > 1e-9 * graph.data.max():
        raise InputError(
            "A graph whose two directions differ.",
            "an undirected graph.",
            "Add the matrix and its transpose.",
        )
    graph.setdiag(0)
    graph.eliminate_zeros()
    graph.sort_indices()
    return graph


def damp_weights(graph: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the graph with each weight w as log(1 + w / median).

    A pair that talks all day is one tie, not a hundred: without this a few pairs decide for everybody.

    Examples
    --------
    >>> damp_weights(sparse.csr_matrix([[0, 1.0], [1.0, 0]])).toarray().round(2).tolist()
    [[0.0, 0.69], [0.69, 0.0]]
    """
    damped = graph.copy()
    if damped.nnz:
        damped.data = np.log1p(damped.data / np.median(damped.data))
    return damped


def people_in_pieces(graph: sparse.csr_matrix, min_members: int) -> np.ndarray:
    """Return the rows of people who reach at least ``min_members`` people by ties, themselves included."""
    if not graph.nnz:
        return np.array([], dtype=np.int64)
    _, piece = csgraph.connected_components(graph, directed=False)
    return np.flatnonzero(np.bincount(piece)[piece] >= max(min_members, 2))


def upper_ties(graph: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return every tie once: the two rows and the weight, in the order of the rows."""
    upper = sparse.triu(graph, 1).tocsr()
    upper.sort_indices()
    upper = upper.tocoo()
    return upper.row.astype(np.int64), upper.col.astype(np.int64), upper.data


def graph_of(row: np.ndarray, column: np.ndarray, weight: np.ndarray, n: int) -> sparse.csr_matrix:
    """Return the symmetric graph of ties that are named once."""
    half = sparse.coo_matrix((weight, (row, column)), shape=(n, n)).tocsr()
    graph = (half + half.T).tocsr()
    graph.sort_indices()
    return graph


def run_leiden(graph: sparse.csr_matrix, resolution: float, seed: int) -> np.ndarray:
    """Return a community for each row, by one run of Leiden on modularity.

    Parameters
    ----------
    graph : csr_matrix, shape (n, n)
        Symmetric.
    resolution : float
        Above 1 finds more and smaller communities.
    seed : int

    References
    ----------
    Traag, Waltman and van Eck (2019), doi:10.1038/s41598-019-41695-z
    """
    from graspologic_native import leiden_csr

    n = graph.shape[0]
    _, found = leiden_csr(
        graph.indptr.astype(np.int64),
        graph.indices.astype(np.int32),
        graph.data.astype(np.float64),
        n,
        resolution=float(resolution),
        seed=int(seed),
        # The second round mends what the first one's order of people spoilt; little in a large graph.
        iterations=1 if graph.nnz > 2 * LARGE else 2,
    )
    labels = np.empty(n, dtype=np.int64)
    labels[np.fromiter(found.keys(), np.int64, len(found))] = np.fromiter(
        found.values(), np.int64, len(found)
    )
    return labels
