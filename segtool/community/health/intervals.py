"""Intervals in closed form, so that a rule can be asked a million times what would change it."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

FEW_DAYS = 10


def z_of(confidence: float) -> float:
    """Return how many standard errors an interval reaches to each side.

    Examples
    --------
    >>> round(z_of(0.95), 2)
    1.96
    """
    return float(ndtri(0.5 + confidence / 2))


def share_interval(share: np.ndarray, n: np.ndarray, z: float) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's interval of a share; missing where nothing was counted.

    Parameters
    ----------
    share, n : ndarray
        ``n`` need not be whole: it is what the rows are worth when days or threads go together.
    z : float

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference. JASA 22.

    Examples
    --------
    >>> lo, hi = share_interval(np.array([0.5]), np.array([100.0]), 1.96)
    >>> round(float(lo[0]), 3), round(float(hi[0]), 3)
    (0.404, 0.596)
    """
    n = np.where(n > 0, n, np.nan)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return np.clip(middle - reach, 0, 1), np.clip(middle + reach, 0, 1)


def count_interval(count: np.ndarray, spread: np.ndarray, z: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of a count's mean (Byar's), wider by the spread of counts over Poisson's.

    Parameters
    ----------
    count : ndarray
    spread : ndarray
        Variance over mean of such counts, at least 1.
    z : float

    References
    ----------
    Breslow and Day (1987), Statistical methods in cancer research II, p. 69 (Byar's approximation).

    Examples
    --------
    >>> lo, hi = count_interval(np.array([10.0]), np.array([1.0]), 1.96)
    >>> round(float(lo[0]), 1), round(float(hi[0]), 1)
    (4.8, 18.4)
    """
    worth = count / spread
    full = np.maximum(worth, 1e-9)
    low = full * np.maximum(1 - 1 / (9 * full) - z / (3 * np.sqrt(full)), 0) ** 3
    more = worth + 1
    high = more * (1 - 1 / (9 * more) + z / (3 * np.sqrt(more))) ** 3
    return np.where(worth > 0, low, 0.0) * spread, high * spread


def change_interval(before, n_before, after, n_after, z: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of the change of a share from one window to another.

    References
    ----------
    Newcombe (1998), Interval estimation for the difference between independent proportions.
    Statistics in Medicine 17, method 10.

    Examples
    --------
    >>> lo, hi = change_interval(np.array([0.8]), np.array([200.0]), np.array([0.5]), np.array([200.0]), 1.96)
    >>> round(float(lo[0]), 2), round(float(hi[0]), 2)
    (-0.38, -0.21)
    """
    low_before, high_before = share_interval(before, n_before, z)
    low_after, high_after = share_interval(after, n_after, z)
    low = after - before - np.sqrt((after - low_after) ** 2 + (high_before - before) ** 2)
    high = after - before + np.sqrt((high_after - after) ** 2 + (before - low_before) ** 2)
    return low, high


def day_shares(
    hits: np.ndarray, counts: np.ndarray, group: np.ndarray, cell: np.ndarray, n_groups: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each group's share, its n, and what that n is worth when a day's messages go together.

    Messages of a day share a theme, so that a hundred of them in one chat say less of a topic's share
    than a hundred on a hundred days. The worth is n over the design effect, with days as clusters.

    Parameters
    ----------
    hits, counts : ndarray of float, shape (n_rows,)
        What is counted, of how much.
    group, cell : ndarray of int, shape (n_rows,)
        The group, and a number for the group's day.
    n_groups : int

    Returns
    -------
    share, n, worth : ndarray, shape (n_groups,)

    References
    ----------
    Kish (1965), Survey sampling, section 6 (ratio of cluster totals).

    Examples
    --------
    >>> day = np.repeat(np.arange(10), 10)
    >>> share, n, worth = day_shares((day < 5).astype(float), np.ones(100), np.zeros(100, int), day, 1)
    >>> float(share[0]), float(n[0]), round(float(worth[0]))
    (0.5, 100.0, 9)
    """
    group, cell = np.asarray(group, dtype=np.int64), np.asarray(cell, dtype=np.int64)
    total = np.bincount(group, counts, n_groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.bincount(group, hits, n_groups) / total
    n_cells = int(cell.max()) + 1 if len(cell) else 0
    count = np.bincount(cell, counts, n_cells)
    hit = np.bincount(cell, hits, n_cells)
    home = np.zeros(n_cells, dtype=np.int64)
    home[cell] = group
    used = count > 0
    squares = np.bincount(home[used], (hit[used] - share[home[used]] * count[used]) ** 2, n_groups)
    days = np.bincount(home[used], minlength=n_groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = squares / total**2 * days / np.maximum(days - 1, 1)
        effect = np.maximum(np.nan_to_num(variance / (share * (1 - share) / total), nan=1.0, posinf=1.0), 1.0)
    # Of a few days the effect cannot be told: they are worth no more than a few independent messages.
    return share, total, np.minimum(total / effect, np.where(days < FEW_DAYS, 4.0 * days, np.inf))
