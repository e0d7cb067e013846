"""How far two distributions are apart, and how far chance alone would put them."""

from __future__ import annotations

import numpy as np

# Half an imagined user per value: a value that is new must not make the index infinite.
PSEUDO = 0.5
STEADY, MOVED = 0.1, 0.25


def stability_index(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """Return the population stability index of two counts, and what chance alone gives.

    Parameters
    ----------
    before, after : np.ndarray of shape (n_values,)
        Users per value.

    Returns
    -------
    (float, float)
        The index, and its mean when nothing moved: ``(n_values - 1) (1 / n_before + 1 / n_after)``.

    References
    ----------
    Yurdakul and Naranjo, "Statistical properties of the population stability index", Journal of
    Risk Model Validation 14 (2020).

    Examples
    --------
    >>> index, chance = stability_index(np.array([500, 500]), np.array([400, 600]))
    >>> round(index, 3), chance
    (0.04, 0.002)
    """
    p, q = (_smooth(np.asarray(counts, float)) for counts in (before, after))
    n_values = max(len(p), 1)
    chance = (n_values - 1) * (1 / max(before.sum(), 1) + 1 / max(after.sum(), 1))
    return float(((q - p) * np.log(q / p)).sum()), float(chance)


def divergence(before: np.ndarray, after: np.ndarray) -> float:
    """Return the Jensen-Shannon divergence in bits: 0 the same, 1 nothing in common."""
    p, q = (counts / max(counts.sum(), 1) for counts in (np.asarray(before, float), np.asarray(after, float)))
    middle = (p + q) / 2
    return float((_relative(p, middle) + _relative(q, middle)) / 2)


def share_difference(k1, n1, k2, n2, z: float = 1.96) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the difference of two shares, k2 / n2 - k1 / n1, with its interval.

    Notes
    -----
    Newcombe's hybrid of two Wilson intervals. It takes the two groups as independent; the same
    people at two dates are more alike than that, so the interval is rather too wide.

    References
    ----------
    Newcombe, Statistics in Medicine 17 (1998), 873-890, method 10.

    Examples
    --------
    >>> [round(float(each), 3) for each in share_difference(56, 70, 48, 80)]
    [-0.2, -0.334, -0.052]
    """
    p1, low1, high1 = wilson(k1, n1, z)
    p2, low2, high2 = wilson(k2, n2, z)
    gap = p2 - p1
    return (
        gap,
        gap - np.sqrt((p2 - low2) ** 2 + (high1 - p1) ** 2),
        gap + np.sqrt((high2 - p2) ** 2 + (p1 - low1) ** 2),
    )


def wilson(k, n, z: float = 1.96) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a share and its Wilson interval; missing where n is 0."""
    k, n = np.asarray(k, float), np.asarray(n, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = k / n
        centre = (k + z * z / 2) / (n + z * z)
        half = z / (n + z * z) * np.sqrt(k * (n - k) / n + z * z / 4)
    return share, centre - half, centre + half


def _smooth(counts: np.ndarray) -> np.ndarray:
    return (counts + PSEUDO) / (counts.sum() + PSEUDO * len(counts))


def _relative(p: np.ndarray, q: np.ndarray) -> float:
    present = p > 0
    return float((p[present] * np.log2(p[present] / q[present])).sum())
