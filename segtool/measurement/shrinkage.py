"""Effects of many personas seen together: do they differ, and what is left of the largest one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from segtool.pooling import paule_mandel

GRID = 60  # values of the spread between personas that are weighed
# The spread is searched up to this many times what the data's own distances could show.
REACH = 3.0


@dataclass(frozen=True)
class Heterogeneity:
    """Whether the personas' effects differ by more than chance.

    ``q`` is Cochran's Q, ``i2`` the share of the seen spread that is not noise, ``tau`` the standard
    deviation of the true effects (Paule and Mandel), ``mean`` and ``mean_se`` the effect of an average
    persona with the standard error of Hartung and Knapp.
    """

    n_personas: int
    q: float
    p: float
    i2: float
    tau: float
    mean: float
    mean_se: float


@dataclass(frozen=True)
class Shrunk:
    """Effects drawn towards what the personas share; arrays of shape (n_personas,)."""

    estimate: np.ndarray
    lo: np.ndarray
    hi: np.ndarray


def measure_heterogeneity(value: np.ndarray, variance: np.ndarray, df: np.ndarray) -> Heterogeneity:
    """Test whether effects differ, those that could be estimated.

    Parameters
    ----------
    value, variance, df : ndarray, shape (n_personas,)
        Effects, their squared standard errors and the degrees of freedom of these.

    Returns
    -------
    Heterogeneity

    References
    ----------
    Paule and Mandel (1982); Hartung and Knapp (2001). https://doi.org/10.1002/sim.791
    Veroniki et al. (2016), Methods to estimate the between-study variance.
    https://doi.org/10.1002/jrsm.1164

    Examples
    --------
    >>> test = measure_heterogeneity(np.array([0.0, 4.0]), np.array([1.0, 1.0]), np.array([900.0, 900.0]))
    >>> round(test.q, 2), round(test.tau, 2), round(test.mean, 2)
    (7.98, 2.65, 2.0)
    """
    value, noise = _usable(value, variance, df)
    k = len(value)
    if k == 0:
        return Heterogeneity(0, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan)
    if k == 1:
        return Heterogeneity(1, np.nan, np.nan, np.nan, 0.0, float(value[0]), float(np.sqrt(noise[0])))
    weight = 1 / noise
    centre = (weight * value).sum() / weight.sum()
    q = float((weight * (value - centre) ** 2).sum())
    tau2 = _spread(value, noise)
    mean, se = _mean(value, noise, tau2)
    return Heterogeneity(
        k, q, float(stats.chi2.sf(q, k - 1)), max(0.0, 1 - (k - 1) / q) if q else 0.0, tau2**0.5, mean, se
    )


def _usable(value, variance, df) -> tuple[np.ndarray, np.ndarray]:
    """Return effects that could be estimated, and the variance of Student's t in place of the normal's."""
    good = np.isfinite(value) & np.isfinite(variance) & (np.nan_to_num(variance) > 0)
    return value[good], (variance * _widening(df))[good]


def _widening(df: np.ndarray) -> np.ndarray:
    return np.where(df > 3, df / np.maximum(df - 2, 1), 3.0)


def _spread(value: np.ndarray, noise: np.ndarray) -> float:
    """Solve sum (value - mean)^2 / (tau^2 + noise) = k - 1, the mean being weighted the same way."""
    k, tau2 = len(value), 0.0
    for _ in range(50):
        weight = 1 / (tau2 + noise)
        centre = (weight * value).sum() / weight.sum()
        # paule_mandel expects its squares to sum to their number: the mean costs one of them
        found = paule_mandel((value - centre) ** 2 * k / (k - 1), noise)
        if abs(found - tau2) <= 1e-10 * max(found, 1e-300):
            break
        tau2 = found
    return found


def _mean(value, noise, tau2) -> tuple[float, float]:
    weight = 1 / (tau2 + noise)
    mean = (weight * value).sum() / weight.sum()
    spread = (weight * (value - mean) ** 2).sum() / (len(value) - 1)
    # Never narrower than without Hartung and Knapp's factor: few personas agree by luck.
    return float(mean), float(np.sqrt(max(spread, 1.0) / weight.sum()))


def shrink_effects(
    value: np.ndarray, variance: np.ndarray, df: np.ndarray, found: Heterogeneity, confidence: float
) -> Shrunk:
    """Draw each effect towards the mean of all, the more the less is known of it.

    The spread between personas is itself uncertain, and is integrated over: a single best guess is
    0 half of the time when personas differ a little, and would make them surely equal.

    Parameters
    ----------
    value, variance, df : ndarray, shape (n_personas,)
    found : Heterogeneity
    confidence : float

    Returns
    -------
    Shrunk
        A persona whose effect could not be estimated has the mean of all, and the widest interval.

    References
    ----------
    Morris (1983), Parametric empirical Bayes inference. https://doi.org/10.1080/01621459.1983.10477920
    Gelman et al. (2013), Bayesian Data Analysis, 5.4.
    """
    nothing = np.full(len(value), np.nan)
    good, noise = _usable(value, variance, df)
    if len(good) == 0:
        return Shrunk(nothing, nothing, nothing)
    if len(good) == 1:  # nothing to draw it towards
        reach = stats.t.ppf(0.5 + confidence / 2, df) * np.sqrt(variance)
        return Shrunk(value, value - reach, value + reach)
    mean, sd, chance = _posteriors(value, variance, df, good, noise, found.mean)
    lo, hi = (_quantile(tail, mean, sd, chance) for tail in ((1 - confidence) / 2, (1 + confidence) / 2))
    return Shrunk(chance @ mean, lo, hi)


def shrink_means(value: np.ndarray, variance: np.ndarray, df: np.ndarray) -> np.ndarray:
    """Return the estimates of `shrink_effects` alone, missing where fewer than two can be compared."""
    good, noise = _usable(value, variance, df)
    if len(good) < 2:
        return np.full(len(value), np.nan)
    centre = _mean(good, noise, _spread(good, noise))[0]
    mean, _, chance = _posteriors(value, variance, df, good, noise, centre)
    return chance @ mean


def _posteriors(value, variance, df, good, noise, centre):
    """Return mean and sd of each effect at each spread, (GRID, n_personas), and the spreads' weights."""
    known = np.isfinite(value) & (np.nan_to_num(variance) > 0)
    every = np.where(known, value, centre)
    all_noise = np.where(known, np.where(known, variance, 1) * _widening(np.where(known, df, 9)), np.inf)
    tau, chance = _weigh_spreads(good, noise)
    return *_given_spread(every, all_noise, good, noise, tau), chance


def _weigh_spreads(value, noise) -> tuple[np.ndarray, np.ndarray]:
    """Return values of tau and their posterior weights, flat in tau before the data."""
    widest = REACH * max(np.sqrt(_spread(value, noise)), np.sqrt(np.median(noise)))
    tau = (np.arange(GRID) + 0.5) / GRID * widest
    weight = 1 / (tau[:, None] ** 2 + noise)
    mean = (weight * value).sum(axis=1) / weight.sum(axis=1)
    log = 0.5 * np.log(weight).sum(axis=1) - 0.5 * np.log(weight.sum(axis=1))
    log -= 0.5 * (weight * (value - mean[:, None]) ** 2).sum(axis=1)
    chance = np.exp(log - log.max())
    return tau, chance / chance.sum()


def _given_spread(every, all_noise, good, noise, tau) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each effect at each tau, shape (GRID, n_personas)."""
    tau2 = tau[:, None] ** 2
    weight = 1 / (tau2 + noise)
    centre = (weight * good).sum(axis=1, keepdims=True) / weight.sum(axis=1, keepdims=True)
    of_centre = 1 / weight.sum(axis=1, keepdims=True)
    own = tau2 / (tau2 + all_noise)
    mean = own * every + (1 - own) * centre
    spread = np.where(np.isfinite(all_noise), own * np.where(np.isfinite(all_noise), all_noise, 0), tau2)
    return mean, np.sqrt(spread + (1 - own) ** 2 * of_centre)


def _quantile(tail: float, mean, sd, chance) -> np.ndarray:
    """Return a quantile of the mixture over tau, by halving."""
    low, high = (mean - 9 * sd).min(axis=0), (mean + 9 * sd).max(axis=0)
    for _ in range(60):
        middle = (low + high) / 2
        below = chance @ stats.norm.cdf((middle - mean) / sd) < tail
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2
