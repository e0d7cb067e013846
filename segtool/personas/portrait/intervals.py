"""How far a share, an index or an effect may be off by chance: 95 % intervals without normal tails.

All of them hold for few users and for shares near 0 and 1, where the textbook interval (estimate
plus or minus two standard errors) is too short and leaves the scale. They answer for the chance of
who happens to be among the users, the groups being as they are; how firmly the groups themselves
stand is what stability says.
"""

from __future__ import annotations

import numpy as np

Z = 1.959963984540054  # 95 %, two-sided
_MAX_LOG_RATIO, _HALVINGS = 25.0, 45  # bisection on the logarithm of a ratio of shares


def bound_share(counts: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's 95 % interval of shares; NaN where nobody is known.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22(158).

    Examples
    --------
    >>> low, high = bound_share(np.array([0, 5]), np.array([10, 10]))
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.0, 0.237], [0.278, 0.763])
    """
    counts, known = np.asarray(counts, float), np.asarray(known, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = counts / known
        middle = (share + Z**2 / (2 * known)) / (1 + Z**2 / known)
        half = Z / (1 + Z**2 / known) * np.sqrt(share * (1 - share) / known + Z**2 / (4 * known**2))
        return np.clip(middle - half, 0, share), np.clip(middle + half, share, 1)


def bound_index(
    counts: np.ndarray, known: np.ndarray, rest: np.ndarray, rest_known: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % interval of an index whose base holds the group itself.

    Parameters
    ----------
    counts, known : np.ndarray
        Users of the group with the value, and those for whom it is known.
    rest, rest_known : np.ndarray of the same shape
        The same for all other users.

    Returns
    -------
    low, high : np.ndarray
        NaN where the group or the rest has nobody known, or nobody at all has the value.

    Notes
    -----
    The group is part of everyone, so its share and the base are not independent, and an interval
    for the ratio of two independent shares is wrong for the index. But with w the group's part of
    the known, index / 100 = p / (w p + (1 - w) q) = r / (w r + 1 - w) with r = p / q, the share in
    the group over that in the rest, which are independent. The index rises with r, so that the ends
    of an interval of r give the ends of one of the index, with the same coverage. For r the score
    interval is taken: those ratios that the chi-squared test does not refuse.

    References
    ----------
    Koopman (1984), Confidence intervals for the ratio of two binomial proportions, Biometrics 40(2).
    Miettinen, Nurminen (1985), Comparative analysis of two rates, Statistics in Medicine 4(2).

    Examples
    --------
    60 of 100 in the group, 30 of 300 in the rest: 60 % against 22.5 % of everyone is 267.

    >>> low, high = bound_index(*(np.array([n]) for n in (60, 100, 30, 300)))
    >>> low.round().tolist(), high.round().tolist()
    ([232.0], [298.0])
    """
    x, n, y, m = (np.asarray(part, float) for part in (counts, known, rest, rest_known))
    usable = (n > 0) & (m > 0) & (x + y > 0)
    x, n, y, m = (np.where(usable, part, one) for part, one in ((x, 1), (n, 2), (y, 1), (m, 2)))
    low, high = (np.full(x.shape, end) for end in (0.0, np.inf))
    # Each end is where the score crosses the limit: below the estimate for one, above it for the other.
    with np.errstate(divide="ignore"):
        middle = np.clip(np.log(x * m) - np.log(y * n), -_MAX_LOG_RATIO, _MAX_LOG_RATIO)
    low = np.where(x > 0, _solve_score(-_MAX_LOG_RATIO, middle, x, n, y, m), 0.0)
    high = np.where(y > 0, _solve_score(_MAX_LOG_RATIO, middle, x, n, y, m), np.inf)
    part = n / (n + m)
    with np.errstate(invalid="ignore", divide="ignore"):
        ends = [100.0 / (part + (1 - part) / ratio) for ratio in (low, high)]
    return tuple(np.where(usable, end, np.nan) for end in ends)


def _solve_score(far: float, near: np.ndarray, x, n, y, m) -> np.ndarray:
    """Return the ratio between ``near`` (not refused) and ``far`` (refused) where the test turns."""
    outside, inside = np.full(x.shape, far), near.copy()
    for _ in range(_HALVINGS):
        half = (outside + inside) / 2
        refused = _score(np.exp(half), x, n, y, m) > Z**2
        outside, inside = np.where(refused, half, outside), np.where(refused, inside, half)
    return np.exp((outside + inside) / 2)


def _score(ratio: np.ndarray, x, n, y, m) -> np.ndarray:
    """Return the chi-squared statistic of "the shares have this ratio"."""
    # Likeliest share of the rest under that ratio: the smaller root of a quadratic.
    a, b, c = (n + m) * ratio, -(ratio * (n + y) + x + m), x + y
    with np.errstate(invalid="ignore", divide="ignore"):
        q = np.clip(2 * c / (-b + np.sqrt(np.maximum(b**2 - 4 * a * c, 0))), 0, 1)
        p = np.clip(ratio * q, 0, 1)
        variance = p * (1 - p) / n + ratio**2 * q * (1 - q) / m
        return np.where(variance > 0, (x / n - ratio * y / m) ** 2 / variance, np.inf)


def cohens_h(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return Cohen's h, the difference of two shares on the scale where it is equally hard to see.

    References
    ----------
    Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, chapter 6.
    """
    return _stretch(one) - _stretch(other)


def _stretch(share: np.ndarray) -> np.ndarray:
    return 2 * np.arcsin(np.sqrt(np.clip(share, 0, 1)))


def bound_effect(
    counts: np.ndarray, known: np.ndarray, rest: np.ndarray, rest_known: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % interval of Cohen's h of two independent groups; NaN where one has nobody known.

    Notes
    -----
    Wilson's interval of each share, put on the scale of h, and the two combined by the method of
    variance estimates recovery: unlike h plus or minus two standard errors it holds at 0 and 100 %.

    References
    ----------
    Zou, Donner (2008), Construction of confidence limits about effect measures, Statistics in
    Medicine 27(10).

    Examples
    --------
    >>> low, high = bound_effect(*(np.array([n]) for n in (60, 100, 30, 300)))
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([0.9], [1.35])
    """
    x, n, y, m = (np.asarray(part, float) for part in (counts, known, rest, rest_known))
    with np.errstate(invalid="ignore", divide="ignore"):
        mine, theirs = _stretch(x / n), _stretch(y / m)
    my_low, my_high = map(_stretch, bound_share(x, n))
    their_low, their_high = map(_stretch, bound_share(y, m))
    low = mine - theirs - np.hypot(mine - my_low, their_high - theirs)
    high = mine - theirs + np.hypot(my_high - mine, theirs - their_low)
    return low, high
