"""How much more often than expected, shrunk: (seen + a) / (expected + a)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHAPES = (0.5, 500.0)  # of the prior; its ends mean "ratios differ wildly" and "hardly at all"


@dataclass(frozen=True)
class Ratios:
    """Counts over what was expected, with the Gamma posterior of the true ratio.

    Parameters
    ----------
    counts, expected : ndarray, same shape
    shape : float
        ``a`` of the Gamma prior with mean 1, in expected events.

    Notes
    -----
    Gamma-Poisson (DuMouchel 1999): ``counts ~ Poisson(ratio expected)``, ``ratio ~ Gamma(a, a)``,
    so the posterior is ``Gamma(a + counts, a + expected)``. ``a`` is found by moments:
    ``E (counts - expected)^2 = expected + expected^2 / a``.
    """

    counts: np.ndarray
    expected: np.ndarray
    shape: float

    @property
    def mean(self) -> np.ndarray:
        """The posterior mean of the ratio."""
        return (self.counts + self.shape) / (self.expected + self.shape)

    @property
    def log(self) -> np.ndarray:
        """The logarithm of the posterior mean."""
        return np.log(self.mean)


def shrink_ratios(counts: np.ndarray, expected: np.ndarray) -> Ratios:
    """Estimate ratios of counts to expectations.

    Examples
    --------
    >>> ratios = shrink_ratios(np.array([30.0, 10.0, 2.0]), np.array([10.0, 10.0, 2.0]))
    >>> ratios.mean.round(1).tolist()
    [2.9, 1.0, 1.0]
    """
    counts, expected = np.asarray(counts, dtype=float), np.asarray(expected, dtype=float)
    excess = ((counts - expected) ** 2 - expected).sum()
    room = (expected**2).sum()
    shape = SHAPES[1] if excess <= 0 or room <= 0 else float(np.clip(room / excess, *SHAPES))
    return Ratios(counts, expected, shape)
