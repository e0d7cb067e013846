"""Counts that are too many for a group's own past: used for entrants and for complaints."""

from __future__ import annotations

import numpy as np
from scipy import stats

PAST_WEEKS = 12
LEAST_PAST = 3  # weeks of its own before a group's past says anything
PRIOR_WEEKS = 4.0  # weeks' worth of the other groups' rate mixed in, so that an empty past is not zero
MOST_SHAPE = 8.0  # rates themselves wander: the past never counts for more than this many events


def burst_chances(
    count: np.ndarray, exposure: np.ndarray, there: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the chance of a week's count or more, given the group's own past, and what was expected.

    Parameters
    ----------
    count : ndarray, shape (n_groups, n_weeks)
        Column 0 is the latest week.
    exposure : ndarray, same shape
        What the count grows with, such as people who wrote; ones for counts per week.
    there : ndarray of bool, same shape
        Weeks in which the group existed.

    Returns
    -------
    p, expected : ndarray, shape (n_groups, n_weeks)
        Missing where the past is shorter than three weeks.

    Notes
    -----
    Gamma-Poisson: the rate of the twelve weeks before, shrunken towards that of all groups, gives a negative
    binomial for the week. Its shape is bounded, since rates wander more than a Poisson's do.

    References
    ----------
    Gelman and others (2013), Bayesian data analysis, 3rd edition, section 2.6 (predictive distribution).

    Examples
    --------
    >>> count = np.array([[9.0] + [1.0] * 12])
    >>> p, expected = burst_chances(count, np.ones((1, 13)), np.ones((1, 13), bool))
    >>> bool(p[0, 0] < 0.001), round(float(expected[0, 0]), 1)
    (True, 1.2)
    """
    seen, grown = np.where(there, count, 0.0), np.where(there, exposure, 0.0)
    past_count, past_exposure = _past(seen), _past(grown)
    weeks = _past(there.astype(float))
    total = grown.sum()
    rate = seen.sum() / total if total > 0 else 0.0
    # Half an event is mixed in even where nobody complained anywhere, or the first one would be a burst.
    typical = total / max(there.sum(), 1)
    prior = max(rate * typical * PRIOR_WEEKS, 0.5)
    prior_exposure = max(typical * PRIOR_WEEKS, 1e-9)
    shape = past_count + prior
    mean = shape / (past_exposure + prior_exposure)
    shape = np.minimum(shape, MOST_SHAPE)
    expected = mean * exposure
    p = stats.nbinom.sf(count - 1, shape, shape / (shape + np.maximum(expected, 1e-12)))
    known = there & (weeks >= LEAST_PAST)
    return np.where(known, p, np.nan), np.where(known, expected, np.nan)


def _past(table: np.ndarray) -> np.ndarray:
    """Sum the weeks before each one; column 0 is the latest."""
    n_weeks = table.shape[1]
    padded = np.concatenate([table, np.zeros((len(table), PAST_WEEKS + 1))], axis=1)
    running = np.concatenate([np.zeros((len(table), 1)), padded.cumsum(axis=1)], axis=1)
    return running[:, 1 + PAST_WEEKS : 1 + PAST_WEEKS + n_weeks] - running[:, 1 : 1 + n_weeks]


def adjust_chances(p: np.ndarray) -> np.ndarray:
    """Adjust chances for how many there are (Benjamini and Hochberg); missing ones stay so.

    Examples
    --------
    >>> adjust_chances(np.array([0.01, 0.5, np.nan])).round(3).tolist()
    [0.02, 0.5, nan]
    """
    from statsmodels.stats.multitest import multipletests

    adjusted = np.full(p.shape, np.nan)
    known = ~np.isnan(p)
    if known.any():
        adjusted[known] = multipletests(p[known], method="fdr_bh")[1]
    return adjusted


def join_spans(starts: np.ndarray, ends: np.ndarray) -> list[tuple[float, float]]:
    """Join spans that touch or overlap.

    Examples
    --------
    >>> [(float(a), float(b)) for a, b in join_spans(np.array([0.0, 5.0, 3.0]), np.array([2.0, 7.0, 5.0]))]
    [(0.0, 2.0), (3.0, 7.0)]
    """
    joined: list[tuple[float, float]] = []
    for start, end in sorted(zip(starts, ends, strict=True)):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def onset(times: np.ndarray, expected_per_day: float) -> tuple[int, int]:
    """Return the first and last event of the run that stands out most (scan statistic).

    Parameters
    ----------
    times : ndarray, shape (n,)
        In days, ascending.
    expected_per_day : float

    References
    ----------
    Kulldorff (1997), A spatial scan statistic. Communications in Statistics 26.

    Examples
    --------
    >>> onset(np.array([0.0, 5.0, 5.1, 5.2, 5.3]), 0.3)
    (1, 4)
    """
    n = len(times)
    first, last = np.triu_indices(n)
    seen = last - first + 1.0
    usual = np.maximum(expected_per_day * np.maximum(times[last] - times[first], 0.5), 1e-3)
    gain = np.where(seen > usual, seen * np.log(seen / usual) - (seen - usual), 0.0)
    best = int(np.argmax(gain))
    return int(first[best]), int(last[best])
