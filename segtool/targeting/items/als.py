"""Alternating least squares of the package `implicit`, in place of EASE where a catalogue is large."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from segtool.errors import ParameterError

FACTORS, RIDGE, ALPHA, ROUNDS = 64, 10.0, 1.0, 15


@dataclass(frozen=True)
class AlsFactors:
    """Item factors; users are folded in, so that a score splits into what each of their items adds.

    Parameters
    ----------
    items : ndarray, shape (n_items, n_factors)
    ridge, alpha : float
        As fitted: the confidence of something seen is ``1 + alpha``.
    """

    items: np.ndarray
    ridge: float
    alpha: float

    def score(self, seen: sparse.csr_array) -> np.ndarray:
        """Return predicted preference, shape (n_rows, n_items)."""
        users = np.zeros((seen.shape[0], self.items.shape[1]))
        gram = self._gram()
        for row in range(seen.shape[0]):
            own = self.items[seen.indices[seen.indptr[row] : seen.indptr[row + 1]]]
            if len(own):
                users[row] = np.linalg.solve(
                    gram + self.alpha * own.T @ own, (1 + self.alpha) * own.sum(axis=0)
                )
        return (users @ self.items.T).astype(np.float32)

    def added(self, own: np.ndarray, item: int) -> np.ndarray:
        """Return what each of a user's items adds to the score of an item; they sum to it."""
        mine = self.items[own]
        whitened = np.linalg.solve(self._gram() + self.alpha * mine.T @ mine, self.items[item])
        return (1 + self.alpha) * mine @ whitened

    def _gram(self) -> np.ndarray:
        return self.items.T @ self.items + self.ridge * np.eye(self.items.shape[1])


def fit_als(
    seen: sparse.csr_array,
    *,
    factors: int = FACTORS,
    ridge: float = RIDGE,
    alpha: float = ALPHA,
    random_state: int = 0,
) -> AlsFactors:
    """Fit item factors with `implicit`.

    Raises
    ------
    ParameterError
        If `implicit` is not installed.

    References
    ----------
    Y. Hu, Y. Koren and C. Volinsky, Collaborative filtering for implicit feedback datasets, ICDM 2008.
    """
    try:
        from implicit.cpu.als import AlternatingLeastSquares
    except ImportError:
        raise ParameterError(
            "item_engine is 'als', and the package implicit is not installed.",
            "'ease', which needs nothing else, or 'als' with implicit.",
            'Run: pip install "segtool[cf]"',
        ) from None
    model = AlternatingLeastSquares(
        factors=factors,
        regularization=ridge,
        alpha=1.0,
        iterations=ROUNDS,
        num_threads=1,
        random_state=random_state,
    )
    with threadpool_limits(1):
        # implicit reads the stored value as the confidence itself.
        model.fit(sparse.csr_matrix(seen * np.float32(1 + alpha)), show_progress=False)
    return AlsFactors(np.asarray(model.item_factors, dtype=float), ridge, alpha)
