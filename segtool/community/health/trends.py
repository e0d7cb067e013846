"""Slopes over weeks of many groups at once, with intervals that allow for restless weeks."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, stdtrit

LEAST_WEEKS = 6  # a slope, a level, and something left to tell their noise from
STEPS = 12


def fit_trends(
    hits: np.ndarray, counts: np.ndarray | None, there: np.ndarray, confidence: float
) -> dict[str, np.ndarray]:
    """Fit a straight line over the weeks of each group, on the log or log-odds scale.

    Parameters
    ----------
    hits : ndarray, shape (n_groups, n_weeks)
        Column 0 is the latest week.
    counts : ndarray, same shape, or None
        Of how many; without it hits are counts (Poisson), with it shares (binomial).
    there : ndarray of bool, same shape
        Weeks in which the group existed.
    confidence : float

    Returns
    -------
    dict of ndarray, shape (n_groups,)
        slope, lo and hi per four weeks (log of a factor, or of an odds ratio), level (the mean rate or
        share), weeks, and spread (how many times the variance of weeks is the model's, neighbours' likeness
        included; 1 where not known). Missing below six weeks or where nothing varies.

    Notes
    -----
    Quasi-likelihood: the variance is the model's times Pearson's chi-squared per degree of freedom, at
    least 1, and wider where neighbouring weeks err alike (first autocorrelation of the residuals).

    References
    ----------
    McCullagh and Nelder (1989), Generalized linear models, section 9.2.

    Examples
    --------
    >>> weeks = np.arange(20)
    >>> found = fit_trends(np.round(100 * 0.5 ** (weeks / 4))[None], None, np.ones((1, 20), bool), 0.95)
    >>> round(float(np.exp(found["slope"][0])), 1)  # doubles in four weeks
    2.0
    """
    n_weeks = hits.shape[1]
    time = -np.arange(n_weeks) / 4.0
    used = there if counts is None else there & (counts > 0)
    size = used.astype(float) if counts is None else np.where(used, counts, 0.0)
    hits = np.where(used, hits, 0.0)
    weeks = used.sum(axis=1)
    total = hits.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        level = total / size.sum(axis=1)
    known = (weeks >= LEAST_WEEKS) & (total > 0) & ((counts is None) | (level < 1))
    slope, fitted = _fit(hits, size, time, level, counts is not None)
    error, spread = _standard_error(hits, size, used, time, fitted, counts is not None)
    reach = stdtrit(np.maximum(weeks - 2, 1), 0.5 + confidence / 2) * error
    blank = np.where(known & np.isfinite(error), 0.0, np.nan)
    return {
        "slope": slope + blank,
        "lo": slope - reach + blank,
        "hi": slope + reach + blank,
        "level": level,
        "weeks": weeks,
        "spread": np.where(known, spread, 1.0),
    }


def spread_around_steps(hits: np.ndarray, counts: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Return the spread of weekly shares over the binomial's around two levels, split where they fit best.

    A share that falls from one week to the next leaves a straight line far behind: what is one change would
    count as restless weeks, and make the interval of the very fall it shows so wide that nothing is sure.

    Parameters
    ----------
    hits, counts : ndarray, shape (n_groups, n_weeks)
    there : ndarray of bool, same shape

    Returns
    -------
    ndarray, shape (n_groups,)
        At least 1, neighbours' likeness included; missing below six weeks.

    Examples
    --------
    >>> share = np.where(np.arange(26) < 8, 0.05, 0.95)  # the last eight weeks
    >>> counts = np.full((1, 26), 40.0)
    >>> hits = np.random.default_rng(0).binomial(40, share)[None].astype(float)
    >>> bool(spread_around_steps(hits, counts, counts > 0)[0] < 2)
    True
    >>> bool(fit_trends(hits, counts, counts > 0, 0.95)["spread"][0] > 4)
    True
    """
    used = there & (counts > 0)
    size, hits = np.where(used, counts, 0.0), np.where(used, hits, 0.0)
    weeks = used.sum(axis=1)
    best = np.full(len(hits), np.inf)
    for latest in range(2, hits.shape[1] - 1):  # at least two weeks on each side
        fitted = np.empty_like(size)
        for part in (slice(0, latest), slice(latest, None)):
            share = (hits[:, part].sum(axis=1) + 0.5) / (size[:, part].sum(axis=1) + 1)
            fitted[:, part] = share[:, None]
        residual = _residuals(hits, size, used, fitted, True)
        free = np.maximum(weeks - 3, 1)  # two levels, and where they meet
        spread = np.maximum((residual**2).sum(axis=1) / free, 1.0) * _likeness(residual)
        best = np.minimum(best, spread)
    return np.where(weeks >= LEAST_WEEKS, best, np.nan)


def _mean(intercept, slope, time, is_share: bool) -> np.ndarray:
    line = np.clip(intercept[:, None] + slope[:, None] * time, -20, 20)
    return expit(line) if is_share else np.exp(line)


def _fit(hits, size, time, level, is_share: bool):
    """Newton's steps of a two-parameter model, every group at once, a little held towards no slope."""
    start = np.clip(np.nan_to_num(level, nan=0.5), 1e-4, 1 - 1e-4 if is_share else None)
    intercept = np.log(start / (1 - start)) if is_share else np.log(start)
    slope = np.zeros(len(hits))
    for _ in range(STEPS):
        mean = _mean(intercept, slope, time, is_share)
        weight = size * (mean * (1 - mean) if is_share else mean)
        rest = hits - size * mean
        a, b, c = weight.sum(1) + 1e-9, weight @ time, weight @ time**2 + 0.05
        first, second = rest.sum(1), rest @ time - 0.05 * slope
        under = np.maximum(a * c - b * b, 1e-9)
        intercept = intercept + np.clip((c * first - b * second) / under, -2, 2)
        slope = slope + np.clip((a * second - b * first) / under, -2, 2)
    return slope, _mean(intercept, slope, time, is_share)


def _standard_error(hits, size, used, time, fitted, is_share: bool) -> tuple[np.ndarray, np.ndarray]:
    variance = size * (fitted * (1 - fitted) if is_share else fitted)
    with np.errstate(invalid="ignore", divide="ignore"):
        residual = _residuals(hits, size, used, fitted, is_share)
        spread = np.maximum((residual**2).sum(1) / np.maximum(used.sum(1) - 2, 1), 1.0)
        spread = spread * _likeness(residual)
        a, b, c = variance.sum(1), variance @ time, variance @ time**2
        return np.sqrt(spread * a / (a * c - b * b)), spread


def _residuals(hits, size, used, fitted, is_share: bool) -> np.ndarray:
    variance = size * (fitted * (1 - fitted) if is_share else fitted)
    residual = np.where(used, (hits - size * fitted) / np.sqrt(np.maximum(variance, 1e-9)), 0.0)
    # A week of hardly any expectation makes chi-squared explode on a single hit.
    return np.clip(residual, -6, 6)


def _likeness(residual: np.ndarray) -> np.ndarray:
    """Return how much wider intervals are where neighbouring weeks err alike."""
    alike = (residual[:, 1:] * residual[:, :-1]).sum(1) / np.maximum((residual**2).sum(1), 1e-9)
    alike = np.clip(alike, 0, 0.8)
    return (1 + alike) / (1 - alike)
