"""Shrinkage of estimates of many groups towards what they share: used by every room that compares groups."""

from __future__ import annotations

import numpy as np
from scipy import stats


def beta_interval(mean: np.ndarray, variance: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the central interval of the Beta with a mean and a variance.

    Examples
    --------
    >>> lo, hi = beta_interval(np.array([0.5]), np.array([1 / 12]), 0.9)  # the uniform
    >>> round(float(lo[0]), 3), round(float(hi[0]), 3)
    (0.05, 0.95)
    """
    mean = np.clip(mean, 1e-9, 1 - 1e-9)
    size = np.clip(mean * (1 - mean) / np.maximum(variance, 1e-300) - 1, 1e-3, 1e9)
    tail = (1 - confidence) / 2
    a, b = mean * size, (1 - mean) * size
    return stats.beta.ppf(tail, a, b), stats.beta.ppf(1 - tail, a, b)


def paule_mandel(squares: np.ndarray, variances: np.ndarray, caution: float = 0.0) -> float:
    """Return the spread tau^2 that makes ``sum squares / (tau^2 + variance)`` its expectation.

    Parameters
    ----------
    squares : ndarray
        Squared distances from a known centre.
    variances : ndarray, same shape
        Their noise.
    caution : float
        Standard deviations of the sum by which the spread errs upwards.

    Examples
    --------
    >>> round(paule_mandel(np.array([[4.0], [4.0]]), np.array([[1.0], [1.0]])), 6)
    3.0
    """
    expected = max(squares.size - caution * np.sqrt(2 * squares.size), 0.1 * squares.size)
    if (squares / variances).sum() <= expected:
        return 0.0
    low, high = 0.0, float(squares.max() / expected * squares.size)
    for _ in range(60):
        middle = (low + high) / 2
        if (squares / (middle + variances)).sum() > expected:
            low = middle
        else:
            high = middle
    return (low + high) / 2
