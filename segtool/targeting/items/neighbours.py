"""Which items go with which: EASE and cosine neighbours, both from one product of users by items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse

KEPT = 100  # neighbours kept of an item: the rest adds nothing to a top ten
KNN_KEPT = 100
FEW_ITEMS, ITEMS_PER_USER = 500, 2
SHRINK = 5.0  # users added below the line of a cosine: two items that share one user are not alike


@dataclass(frozen=True)
class Neighbours:
    """Item-item weights, each column sparse.

    Parameters
    ----------
    ease, cosine : scipy.sparse.csr_array of float32, shape (n_items, n_items)
        Row j, column i: what having j adds to i.
    """

    ease: sparse.csr_array | None
    cosine: sparse.csr_array


def fit_neighbours(seen: sparse.csr_array, ridge: float | None = None, *, ease: bool = True) -> Neighbours:
    """Fit EASE and cosine neighbours.

    Parameters
    ----------
    seen : csr_array of float32, shape (n_users, n_items)
    ridge : float, optional
        Of EASE; by default it grows with the users, as co-occurrences do.
    ease : bool
        False leaves EASE out, where another engine takes its place.

    Notes
    -----
    EASE (Steck 2019): ``B = I - P diag(P)^-1`` with ``P = (X'X + ridge I)^-1``, the best linear
    model that predicts each item from the others. Negative weights are what makes it good.

    References
    ----------
    H. Steck, Embarrassingly shallow autoencoders for sparse data, WWW 2019, arXiv:1905.03375.
    """
    n_items, strong = seen.shape[1], _strong_items(seen)
    seen = seen if len(strong) == n_items else seen[:, strong]
    gram = (seen.T @ seen).toarray().astype(np.float32, copy=False)
    count = gram.diagonal().astype(float)
    cosine = _put_back(_cosines(gram, count), strong, n_items)
    if not ease:
        return Neighbours(None, cosine)
    ridge = default_ridge(seen.shape[0]) if ridge is None else ridge
    inverse = _inverse_by_users(seen, ridge) if 2 * seen.shape[0] < seen.shape[1] else _inverse(gram, ridge)
    inverse /= -inverse.diagonal().copy()
    np.fill_diagonal(inverse, 0)
    return Neighbours(_put_back(_largest(inverse, KEPT), strong, n_items), cosine)


def _strong_items(seen: sparse.csr_array) -> np.ndarray:
    """Return the items whose company can be known: a few users do not tell of thousands of items."""
    limit = max(FEW_ITEMS, ITEMS_PER_USER * seen.shape[0])
    if seen.shape[1] <= limit:
        return np.arange(seen.shape[1])
    support = np.bincount(seen.indices, minlength=seen.shape[1])
    return np.sort(np.argsort(-support, kind="stable")[:limit])


def _put_back(weights: sparse.csr_array, items: np.ndarray, n_items: int) -> sparse.csr_array:
    if len(items) == n_items:
        return weights
    found = weights.tocoo()
    row, column = (items[index] for index in found.coords)
    return sparse.csr_array((found.data, (row, column)), shape=(n_items, n_items))


def default_ridge(n_users: int) -> float:
    """Return the ridge that served best by the number of users.

    Examples
    --------
    >>> default_ridge(300), default_ridge(5_000), default_ridge(1_000_000)
    (200.0, 400.0, 500.0)
    """
    return 200.0 if n_users < 1_000 else 400.0 if n_users < 10_000 else 500.0


def _inverse(gram: np.ndarray, ridge: float) -> np.ndarray:
    """Invert in place: one block of items by items in memory, not three."""
    gram[np.diag_indices_from(gram)] += np.float32(ridge)
    return linalg.inv(gram, overwrite_a=True, check_finite=False, assume_a="pos")


def _inverse_by_users(seen: sparse.csr_array, ridge: float) -> np.ndarray:
    """Invert by way of users by users (Woodbury), the smaller block where users are few."""
    dense = seen.toarray().astype(np.float32)
    small = dense @ dense.T
    small[np.diag_indices_from(small)] += np.float32(ridge)
    inverse = dense.T @ linalg.solve(small, dense, check_finite=False, assume_a="pos")
    inverse /= np.float32(-ridge)
    inverse[np.diag_indices_from(inverse)] += np.float32(1 / ridge)
    return inverse


def _cosines(gram: np.ndarray, count: np.ndarray) -> sparse.csr_array:
    size = np.sqrt(count).astype(np.float32)
    parts, rows = [], max(1, 4_000_000 // max(len(count), 1))
    for start in range(0, len(count), rows):
        block = gram[start : start + rows] / (size[start : start + rows, None] * size + np.float32(SHRINK))
        block[np.arange(len(block)), start + np.arange(len(block))] = 0
        parts.append(_largest_rows(block, KNN_KEPT))
    # Symmetric, so the largest of a row are the largest of a column.
    return sparse.csr_array(sparse.vstack(parts).T) if parts else sparse.csr_array((0, 0), dtype=np.float32)


def _largest(weights: np.ndarray, kept: int) -> sparse.csr_array:
    parts, rows = [], max(1, 4_000_000 // max(len(weights), 1))
    for start in range(0, len(weights), rows):
        # Columns of the weights are rows of the transpose: each item keeps what speaks for it most.
        parts.append(_largest_rows(np.ascontiguousarray(weights[:, start : start + rows].T), kept))
    return sparse.csr_array(sparse.vstack(parts).T) if parts else sparse.csr_array((0, 0), dtype=np.float32)


def _largest_rows(block: np.ndarray, kept: int) -> sparse.csr_array:
    """Keep each row's entries of largest size; the others become 0."""
    if block.shape[1] > kept:
        size = np.abs(block)
        least = np.partition(size, block.shape[1] - kept, axis=1)[:, block.shape[1] - kept, None]
        block = np.where(size >= least, block, np.float32(0))
    return sparse.csr_array(block)
