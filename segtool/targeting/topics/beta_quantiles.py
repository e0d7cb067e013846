"""Quantiles of millions of Beta distributions, to three digits."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import ndimage, special

FEW = 20_000  # below, the exact ones take no longer than the table does
STEPS = 400  # of the table in either direction
LOG_A, LOG_B = (np.log(0.003), np.log(1e6)), (np.log(0.2), np.log(3e6))
ORDER = 3


def beta_quantile(a: np.ndarray, b: np.ndarray, p: float) -> np.ndarray:
    """Return the quantile of Beta(a, b), read from a table where there are many.

    The logit of a quantile is a smooth function of log a and log b: splines through exact values are
    right to three digits, and ten times as fast. What lies outside the table is exact.

    Parameters
    ----------
    a, b : ndarray of one shape
    p : float
        Between 0 and 1.

    Examples
    --------
    >>> beta_quantile(np.array([1.0, 3.0]), np.array([1.0, 9.0]), 0.95).round(4).tolist()
    [0.95, 0.4701]
    """
    shape, a, b = np.shape(a), np.ravel(np.asarray(a, dtype=float)), np.ravel(np.asarray(b, dtype=float))
    if len(a) < FEW:
        return special.betaincinv(a, b, p).reshape(shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        places = np.stack([_place(a, LOG_A), _place(b, LOG_B)])
    inside = ((places >= 0) & (places <= STEPS - 1)).all(axis=0)
    found = np.empty(len(a))
    found[inside] = special.expit(
        ndimage.map_coordinates(_table(p), places[:, inside], order=ORDER, mode="nearest", prefilter=False)
    )
    found[~inside] = special.betaincinv(a[~inside], b[~inside], p)
    return found.reshape(shape)


def _place(x: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    return (np.log(x) - ends[0]) * (STEPS - 1) / (ends[1] - ends[0])


@lru_cache(maxsize=8)
def _table(p: float) -> np.ndarray:
    """Return the coefficients of the splines, shape (STEPS, STEPS)."""
    a, b = (np.exp(np.linspace(*ends, STEPS)) for ends in (LOG_A, LOG_B))
    exact = special.betaincinv(a[:, None], b[None, :], p)
    tiny = np.finfo(float).tiny
    logit = np.log(np.maximum(exact, tiny)) - np.log1p(-np.minimum(exact, 1 - 1e-16))
    return ndimage.spline_filter(logit, order=ORDER, mode="nearest")
