"""Split a graph of ties into parts of bounded size that keep as much of the ties as can be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy import sparse

from segtool.checks import check_number
from segtool.community.scale.feasible import check_bounds, pack_blocks, part_counts
from segtool.community.scale.search import Parts, search
from segtool.community.scale.starts import drop_smallest, find_pieces, fit_bounds, pack_pieces
from segtool.errors import InputError, ParameterError

DENSE_NODES = 2_000  # a dense row is read at each step: 32 MB; larger graphs are searched bundle by bundle
STARTS = ((150, 16), (400, 8), (DENSE_NODES, 4))  # up to so many people so many starts; 2 for more
SWEEPS = 24  # ten times as many keep 0.1 % more
# Of the median strength, by pair of starts: many small parts are spoiled by heat, two large ones need it.
HEATS = (0.05, 0.1, 0.3, 0.5)
FINE = 8.0  # resolution of the start of small pieces, which are packed as METIS coarsens
LOWER_SHARE = 5  # a part below a fifth of the bound is no community


def split_graph(
    matrix,
    upper: int,
    lower: int | None = None,
    *,
    must_link: Iterable[Sequence[int]] | None = None,
    interests=None,
    interest_weight: float = 0.5,
    n_starts: int | None = None,
    n_sweeps: int = SWEEPS,
    random_state: int = 0,
) -> np.ndarray:
    """Split people into parts of ``lower`` to ``upper``, keeping as much weight of ties inside as can be.

    Both bounds always hold. There are two kinds of start, communities with the large ones cut and small
    pieces packed together; each is improved by a search that only makes steps within the bounds, and the
    best of all is returned.

    Parameters
    ----------
    matrix : csr matrix or array, shape (n, n)
        Symmetric weights of ties, 0 or more; the diagonal does not count.
    upper : int
        Most people in a part.
    lower : int, optional
        Fewest people in a part; a fifth of ``upper`` when not given (less where there are fewer people).
    must_link : iterable of sequences of int, optional
        Nodes that must come into one part; sequences that meet are joined.
    interests : array, shape (n,) or (n, n_topics), optional
        A code per node (-1: unknown), or weights by topic. A tie between people of the same interest
        counts up to ``1 + interest_weight`` times in the search.
    interest_weight : float
    n_starts : int, optional
        More for small graphs when not given; 1 also does without trying fewer parts.
    n_sweeps : int
        Visits of everybody in a search.
    random_state : int

    Returns
    -------
    ndarray of int32, shape (n,)
        Part of each node; 0 is the largest part.

    Raises
    ------
    ParameterError
        If no split holds the bounds; says which would do.
    InputError
        If ``matrix`` is not square, not symmetric, or has negative or missing weights.

    Notes
    -----
    numpy only: compiled by numba the search would be faster by itself, yet the compiling takes longer
    than splitting a usual group. METIS serves as the measure in the benchmark; its balance is a tolerance
    above the bound, not a bound, and it has no wheels for Windows.

    References
    ----------
    Kernighan and Lin (1970), "An efficient heuristic procedure for partitioning graphs"; Karypis and Kumar
    (1998), "A fast and high quality multilevel scheme for partitioning irregular graphs".

    Examples
    --------
    >>> two = np.kron(np.eye(2), np.ones((4, 4)) - np.eye(4))
    >>> two[0, 4] = two[4, 0] = 1
    >>> split_graph(sparse.csr_array(two), upper=5).tolist()
    [0, 0, 0, 0, 1, 1, 1, 1]
    >>> split_graph(sparse.csr_array(two), upper=5, lower=5)
    Traceback (most recent call last):
    segtool.errors.ParameterError: 8 people cannot be split into parts of 5 to 5. Accepted: for 8 people: \
lower up to 4 (2 parts), or upper from 8 (1 parts). Do: widen one of the two bounds.
    """
    matrix = _check_matrix(matrix)
    n = matrix.shape[0]
    check_number("upper", upper, low=1, integer=True)
    if lower is None:
        lower = max(min(upper // LOWER_SHARE, n), 1)
    check_number("n_sweeps", n_sweeps, low=1, integer=True)
    check_number("lower", lower, low=0, high=upper, integer=True)
    check_bounds(n, lower, upper)
    if n <= max(upper, 1):
        return np.zeros(n, dtype=np.int32)
    if interests is not None:
        matrix = add_interests(matrix, interests, interest_weight)
    block = _find_blocks(n, must_link)
    sizes = np.bincount(block)
    sure = pack_blocks(sizes, lower, upper)
    if sure is None:
        raise ParameterError(
            f"People who must stay together (up to {sizes.max()}) do not fit into parts of {lower} to {upper}.",
            "bounds that hold the largest such group and leave room to fill every part.",
            "widen the bounds, or ask for fewer to stay together.",
        )
    member = sparse.csr_array((np.ones(n), (np.arange(n), block)), shape=(n, len(sizes)))
    joined = _without_diagonal(member.T @ matrix @ member) if len(sizes) < n else matrix
    if n_starts is None:
        n_starts = next((starts for most, starts in STARTS if len(sizes) <= most), 2)
    check_number("n_starts", n_starts, low=1, integer=True)
    best, best_kept = sure, -np.inf
    for start in range(n_starts):
        rng = np.random.default_rng([random_state, start])
        labels = _run_start(joined, sizes, lower, upper, sure, start, rng, n_sweeps)
        kept = _kept(joined, labels)
        if kept > best_kept + 1e-9:
            best, best_kept = labels, kept
    if n_starts > 1:
        rng = np.random.default_rng([random_state, n_starts])
        best = _try_fewer(joined, best, sizes, lower, upper, rng, n_sweeps)
    return _order_by_size(best[block])


def kept_share(matrix, labels: np.ndarray) -> float:
    """Return the share of the weight of ties that stays inside parts; NaN without ties.

    Examples
    --------
    >>> kept_share(sparse.csr_array([[0, 3, 1], [3, 0, 0], [1, 0, 0]]), np.array([0, 0, 1]))
    0.75
    """
    coo = sparse.coo_array(matrix)
    one, other = coo.coords
    apart = one != other
    total = coo.data[apart].sum()
    if not total:
        return float("nan")
    labels = np.asarray(labels)
    return float(coo.data[apart & (labels[one] == labels[other])].sum() / total)


def random_share(sizes) -> float:
    """Return the share of ties that parts of these sizes keep when people are dealt out at random.

    The chance that two people come into one part: sum of s (s - 1) over n (n - 1).

    Examples
    --------
    >>> round(random_share([150, 118]), 3)
    0.505
    """
    sizes = np.asarray(sizes, dtype=float)
    n = sizes.sum()
    return float((sizes * (sizes - 1)).sum() / (n * (n - 1))) if n > 1 else float("nan")


def add_interests(matrix: sparse.csr_array, interests, interest_weight: float) -> sparse.csr_array:
    """Return ties times ``1 + interest_weight`` x how alike the interests of both are (0 to 1).

    Parameters
    ----------
    matrix : csr array, shape (n, n)
    interests : array, shape (n,) or (n, n_topics)
        Codes (-1: unknown), or weights of topics, compared by their cosine.
    interest_weight : float
    """
    check_number("interest_weight", interest_weight, low=0)
    interests = np.asarray(interests)
    if len(interests) != matrix.shape[0]:
        raise InputError(
            f"interests has {len(interests)} rows for {matrix.shape[0]} people.", "a row for each person."
        )
    coo = sparse.coo_array(matrix)
    one, other = coo.coords
    if interests.ndim == 1:
        alike = (interests[one] == interests[other]) & (interests[one] >= 0)
    else:
        length = np.linalg.norm(np.nan_to_num(interests), axis=1, keepdims=True)
        unit = np.divide(np.nan_to_num(interests), length, out=np.zeros(interests.shape), where=length > 0)
        alike = np.einsum("it,it->i", unit[one], unit[other])
    return sparse.csr_array((coo.data * (1 + interest_weight * alike), (one, other)), shape=matrix.shape)


def _check_matrix(matrix) -> sparse.csr_array:
    matrix = sparse.csr_array(matrix, dtype=np.float64, copy=True)
    if matrix.shape[0] != matrix.shape[1]:
        raise InputError(f"The ties have shape {matrix.shape}.", "a row and a column for each person.")
    if not np.isfinite(matrix.data).all() or (matrix.data < 0).any():
        raise InputError("The ties have missing or negative weights.", "weights of 0 or more.")
    matrix = _without_diagonal(matrix)
    unequal = abs(matrix - matrix.T)
    if unequal.nnz and unequal.max() > 1e-9 * max(matrix.max(), 1e-300):
        raise InputError("The ties are not symmetric.", "the same weight both ways.", "add the transpose.")
    return matrix


def _without_diagonal(matrix) -> sparse.csr_array:
    coo = sparse.coo_array(matrix)
    keep = (coo.coords[0] != coo.coords[1]) & (coo.data != 0)
    result = sparse.csr_array((coo.data[keep], tuple(c[keep] for c in coo.coords)), shape=matrix.shape)
    result.sum_duplicates()
    return result


def _find_blocks(n: int, must_link) -> np.ndarray:
    """Return a number for each node, the same for those who must stay together."""
    pairs = [(nodes[0], node) for nodes in (must_link or ()) for node in list(nodes)[1:]]
    if not pairs:
        return np.arange(n)
    one, other = np.array(pairs, dtype=np.int64).T
    if min(one.min(), other.min()) < 0 or max(one.max(), other.max()) >= n:
        raise ParameterError("must_link names nodes that are not there.", f"numbers from 0 to {n - 1}.")
    linked = sparse.coo_array((np.ones(len(one)), (one, other)), shape=(n, n))
    return sparse.csgraph.connected_components(linked, directed=False)[1].astype(np.int64)


def _run_start(matrix, sizes, lower: int, upper: int, sure, start: int, rng, n_sweeps: int) -> np.ndarray:
    """Return the split that one start leads to."""
    pair = start // 2 % len(HEATS)
    resolution, heat = (1.0 if start % 2 else FINE / 2.0**pair), HEATS[pair]
    pieces = find_pieces(matrix, sizes, upper, resolution, int(rng.integers(2**31)))
    labels = fit_bounds(matrix, pack_pieces(matrix, pieces, sizes, upper), sizes, lower, upper)
    if labels is None:  # blocks of several people can get stuck; what was found to fit always does
        labels = sure.copy()
    if len(sizes) <= DENSE_NODES:
        return _improve(matrix, labels, sizes, lower, upper, rng, n_sweeps, heat)
    for _ in range(3):  # each time other parts lie in one bundle
        for bundle in _bundle_parts(matrix, labels, rng):
            own = np.flatnonzero(np.isin(labels, bundle))
            inner = np.searchsorted(bundle, labels[own])
            better = _improve(
                matrix[own][:, own], inner, sizes[own], lower, upper, rng, max(n_sweeps // 2, 1), heat
            )
            labels[own] = bundle[better]
    return labels


def _try_fewer(matrix, labels, sizes, lower: int, upper: int, rng, n_sweeps: int) -> np.ndarray:
    """Do without the smallest part as long as it keeps more: a search of its own never empties a part."""
    if len(sizes) > DENSE_NODES:
        return labels
    while int(labels.max()) + 1 > max(part_counts(int(sizes.sum()), lower, upper)[0], 1):
        fewer = drop_smallest(matrix, labels, sizes, upper)
        if fewer is None:
            break
        tries = [_improve(matrix, fewer, sizes, lower, upper, rng, n_sweeps, heat) for heat in HEATS[::2]]
        better = max(tries, key=lambda each: _kept(matrix, each))
        if _kept(matrix, better) <= _kept(matrix, labels) + 1e-9:
            break
        labels = better
    return labels


def _improve(matrix, labels, sizes, lower: int, upper: int, rng, n_sweeps: int, heat: float) -> np.ndarray:
    """Search from a split within bounds; its number of parts stays."""
    parts = Parts(matrix.toarray(), labels, int(labels.max()) + 1, lower, upper, sizes)
    search(parts, rng, n_sweeps, heat)
    return parts.part


def _bundle_parts(matrix, labels: np.ndarray, rng) -> list[np.ndarray]:
    """Return sets of parts that are tied to each other, of at most `DENSE_NODES` nodes."""
    n_parts = int(labels.max()) + 1
    member = sparse.csr_array(
        (np.ones(len(labels)), (np.arange(len(labels)), labels)), shape=(len(labels), n_parts)
    )
    between = sparse.csr_array(member.T @ matrix @ member)
    filled = np.bincount(labels, minlength=n_parts)
    free = np.ones(n_parts, dtype=bool)
    bundles = []
    for first in rng.permutation(n_parts):
        if not free[first]:
            continue
        bundle, n, draw = [], 0, np.zeros(n_parts)
        to = int(first)
        while free[to] and n + filled[to] <= max(DENSE_NODES, filled[to]):
            bundle.append(to)
            free[to], n = False, n + filled[to]
            row = slice(between.indptr[to], between.indptr[to + 1])
            draw[between.indices[row]] += between.data[row]
            to = int(np.where(free, draw, -1.0).argmax())
            if draw[to] <= 0:
                break
        bundles.append(np.sort(np.array(bundle)))
    return bundles


def _kept(matrix, labels: np.ndarray) -> float:
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return float(matrix.data[labels[rows] == labels[matrix.indices]].sum())


def _order_by_size(labels: np.ndarray) -> np.ndarray:
    """Number parts by size, equal ones by their first node."""
    _, first, inverse, counts = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(counts), dtype=np.int32)
    rank[np.lexsort((first, -counts))] = np.arange(len(counts), dtype=np.int32)
    return rank[inverse]
