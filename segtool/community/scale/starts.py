"""Where a split starts: communities of the tie graph, the too large cut, the too small packed together."""

from __future__ import annotations

import heapq

import numpy as np
from scipy import sparse

from segtool.community.scale.feasible import part_counts


def find_pieces(matrix: sparse.csr_array, sizes: np.ndarray, upper: int, resolution: float, seed: int):
    """Return Leiden communities of at most ``upper`` people, the larger ones cut at finer resolutions.

    Parameters
    ----------
    matrix : csr array, shape (n, n)
    sizes : ndarray of int, shape (n,)
    upper : int
    resolution : float
        Of modularity; 1 is the usual one, more gives smaller communities.
    seed : int

    Returns
    -------
    ndarray of int, shape (n,)

    References
    ----------
    Traag, Waltman and van Eck (2019), "From Louvain to Leiden", Scientific Reports 9.
    """
    labels = _find_communities(matrix, resolution, seed)
    for _ in range(8):
        large = np.flatnonzero(np.bincount(labels, weights=sizes) > upper)
        if not len(large):
            return labels
        resolution *= 2
        for label in large:
            own = np.flatnonzero(labels == label)
            inner = _find_communities(matrix[own][:, own], resolution, seed)
            labels[own] = labels.max() + 1 + inner
        labels = np.unique(labels, return_inverse=True)[1]
    # What no resolution cuts (a clique) is cut where its list is full.
    for label in np.flatnonzero(np.bincount(labels, weights=sizes) > upper):
        own = np.flatnonzero(labels == label)
        filled = 0
        for node in own:
            if filled + sizes[node] > upper:
                filled, label = 0, labels.max() + 1
            labels[node] = label
            filled += sizes[node]
    return np.unique(labels, return_inverse=True)[1]


def _find_communities(matrix: sparse.csr_array, resolution: float, seed: int) -> np.ndarray:
    """Return communities of a graph; someone without ties is a community of one."""
    from graspologic_native import leiden_csr

    n = matrix.shape[0]
    if not matrix.nnz:
        return np.arange(n)
    matrix = sparse.csr_array(matrix)
    _, found = leiden_csr(
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int32),
        matrix.data.astype(np.float64),
        n,
        resolution=resolution,
        seed=int(seed),
        use_modularity=True,
    )
    # Nodes without ties are left out of the answer.
    labels = np.array([found.get(node, -1) for node in range(n)], dtype=np.int64)
    alone = labels < 0
    labels[alone] = labels.max() + 1 + np.arange(alone.sum())
    return np.unique(labels, return_inverse=True)[1]


def pack_pieces(matrix: sparse.csr_array, labels: np.ndarray, sizes: np.ndarray, upper: int) -> np.ndarray:
    """Join pieces, the most tied for their sizes first, as long as a part stays within ``upper``.

    The draw of two pieces is the weight between them over the root of the product of their sizes: plain
    weight would feed the largest part only.
    """
    n_pieces = int(labels.max()) + 1 if len(labels) else 0
    member = sparse.csr_array(
        (np.ones(len(labels)), (np.arange(len(labels)), labels)), shape=(len(labels), n_pieces)
    )
    between = sparse.coo_array(member.T @ matrix @ member)
    links: list[dict[int, float]] = [{} for _ in range(n_pieces)]
    for one, other, weight in zip(*(each.tolist() for each in (*between.coords, between.data)), strict=True):
        if one != other:
            links[one][other] = weight
    filled = np.bincount(labels, weights=sizes, minlength=n_pieces).tolist()
    root = _join(links, filled, upper)
    return np.unique(root[labels], return_inverse=True)[1]


def _join(links: list[dict[int, float]], filled: list[float], upper: int) -> np.ndarray:
    """Return for each piece the piece it ended up in."""
    root = np.arange(len(links))

    def draw(one: int, other: int) -> tuple[float, int, int]:
        return -links[one][other] / (filled[one] * filled[other]) ** 0.5, one, other

    heap = [draw(one, other) for one in range(len(links)) for other in links[one] if one < other]
    heapq.heapify(heap)
    while heap:
        value, one, other = heapq.heappop(heap)
        is_stale = other not in links[one] or value != draw(one, other)[0]
        if is_stale or filled[one] + filled[other] > upper:
            continue
        for third, weight in links[other].items():
            del links[third][other]
            if third != one:
                links[one][third] = links[third][one] = links[one].get(third, 0.0) + weight
        links[other] = {}
        filled[one] += filled[other]
        root[root == other] = one
        for third in links[one]:
            heapq.heappush(heap, draw(*sorted((one, third))))
    return root


def fit_bounds(matrix, labels: np.ndarray, sizes: np.ndarray, lower: int, upper: int) -> np.ndarray | None:
    """Return parts within both bounds near to given ones of at most ``upper``; None where it does not work.

    Too small parts are dissolved into those that draw their people most, as long as there are parts enough;
    those that remain take people who lose least. With nodes of one person each it always works.
    """
    fewest, most = part_counts(int(sizes.sum()), lower, upper)
    labels = labels.copy()
    filled = np.bincount(labels, weights=sizes, minlength=max(fewest, 1)).astype(np.int64)
    present = filled > 0
    while present.sum() < fewest:
        present[np.flatnonzero(~present)[0]] = True
    while True:
        order = np.flatnonzero(present)
        smallest = order[np.argmin(filled[order])]
        if len(order) <= fewest or (filled[smallest] >= lower and len(order) <= most):
            break
        present[smallest] = False
        if not _dissolve(matrix, labels, sizes, filled, present, smallest, upper):
            return None
    for small in np.flatnonzero(present & (filled < lower)):
        _pull(matrix, labels, sizes, filled, small, lower, upper)
    if ((filled[present] < lower) | (filled[present] > upper)).any():
        return None
    return np.unique(labels, return_inverse=True)[1]


def drop_smallest(matrix, labels: np.ndarray, sizes: np.ndarray, upper: int) -> np.ndarray | None:
    """Return parts without the smallest one, its people in those that draw them most; None if they do not fit."""
    labels = labels.copy()
    filled = np.bincount(labels, weights=sizes).astype(np.int64)
    smallest = int(filled.argmin())
    present = np.arange(len(filled)) != smallest
    if not _dissolve(matrix, labels, sizes, filled, present, smallest, upper):
        return None
    return np.unique(labels, return_inverse=True)[1]


def _dissolve(matrix, labels, sizes, filled, present, small: int, upper: int) -> bool:
    """Spread the people of a part over the others, each to the one that draws most and has room."""
    for node in np.flatnonzero(labels == small):
        row = slice(matrix.indptr[node], matrix.indptr[node + 1])
        draw = np.bincount(labels[matrix.indices[row]], weights=matrix.data[row], minlength=len(filled))
        room = present & (filled + sizes[node] <= upper)
        if not room.any():
            return False
        # Where nobody draws, to the emptiest: it may need people.
        into = int(np.where(room, draw - 1e-9 * filled, -np.inf).argmax())
        labels[node] = into
        filled[small] -= sizes[node]
        filled[into] += sizes[node]
    return True


def _pull(matrix, labels, sizes, filled, small: int, lower: int, upper: int) -> None:
    """Fill a part up to ``lower`` with people of parts that can spare them."""
    coo = sparse.coo_array(matrix)
    rows, columns = coo.coords
    here = np.bincount(rows, weights=coo.data * (labels[columns] == small), minlength=len(labels))
    own = np.bincount(rows, weights=coo.data * (labels[columns] == labels[rows]), minlength=len(labels))
    for node in np.argsort(own - here, kind="stable"):
        home = labels[node]
        if filled[small] >= lower:
            return
        if home == small or filled[home] - sizes[node] < lower or filled[small] + sizes[node] > upper:
            continue
        labels[node] = small
        filled[home] -= sizes[node]
        filled[small] += sizes[node]
