"""The chance to act at each touch, among those who have not acted yet.

The mean number of touches among those who acted says when sending stopped, not when people act: whoever
is sent four messages at most cannot act at the seventh. The hazard of a touch does not depend on that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit, logit

MOST_WEIGHT = 20.0  # one person stands for at most so many who were not sent to any more
LEAST_AT_RISK = 20  # fewer people at a touch, and its hazard is not told
LEVEL = 0.01  # stopping is held to depend on behaviour where chance would look so in 1 of 100
HAZARD = ["touch", "at_risk", "acted", "n_eff", "hazard", "lo", "hi", "reached"]


@dataclass(frozen=True)
class TouchHazard:
    """The hazard per touch.

    Parameters
    ----------
    table : DataFrame
        touch (from 1), at_risk (people), acted, n_eff (people after weighing), hazard, lo, hi (P(acting
        at this touch | not before)), reached (share who have acted by then, had everybody been sent to).
    weights : ndarray, shape (n_rows,)
        How many people each row stands for; all 1 where stopping did not depend on behaviour.
    p_stopping : float
        How likely a dependence of stopping on behaviour as seen would be by chance; NaN if not tested.
    """

    table: pd.DataFrame
    weights: np.ndarray
    p_stopping: float

    @property
    def weighted(self) -> bool:
        """Whether stopping was found to depend on behaviour."""
        return bool((self.weights != 1).any())


def touch_hazard(
    user: np.ndarray,
    touch: np.ndarray,
    acted: np.ndarray,
    *,
    went_on: np.ndarray | None = None,
    behaviour: np.ndarray | None = None,
    confidence: float = 0.9,
) -> TouchHazard:
    """Estimate the chance to act at each touch since the first.

    Parameters
    ----------
    user : ndarray of int, shape (n_rows,)
        One row per person and touch, up to and including the touch at which the person acted.
    touch : ndarray of int, shape (n_rows,)
        1 for the first. Sorted by user, then touch, without gaps.
    acted : ndarray of bool, shape (n_rows,)
    went_on : ndarray of bool, shape (n_rows,), optional
        Whether the person was sent a next touch while still at risk; by default, whether there is a next row.
    behaviour : ndarray, shape (n_rows, n_columns), optional
        What is known of the person after the touch and may have decided whether sending went on.
    confidence : float

    Returns
    -------
    TouchHazard

    Examples
    --------
    >>> user, touch = np.repeat(np.arange(100), 2), np.tile([1, 2], 100)
    >>> acted = (touch == 2) & (user < 20)
    >>> touch_hazard(user, touch, acted).table[["touch", "at_risk", "acted", "hazard"]].round(2)
       touch  at_risk  acted  hazard
    0      1      100      0     0.0
    1      2      100     20     0.2

    Notes
    -----
    Kaplan and Meier's estimate on the number of touches: people leave when sending stops. Where who is
    still sent to depends on behaviour (a logistic regression of going on, beside the touch's own share,
    says more than chance), each row has the weight ``prod P(on | touch) / P(on | touch, behaviour)`` over
    the touches before, at most 20.

    References
    ----------
    Kaplan and Meier (1958), doi:10.1080/01621459.1958.10501452; Robins and Finkelstein (2000),
    doi:10.1111/j.0006-341X.2000.00779.x (weights for dependent censoring).
    """
    if went_on is None:
        went_on = np.append(user[1:] == user[:-1], False) if len(user) else np.zeros(0, dtype=bool)
    weights, p_stopping = _weights(user, touch, acted, went_on, behaviour)
    rows, left = [], 1.0
    for number in range(1, int(touch.max(initial=0)) + 1):
        here = touch == number
        if here.sum() < LEAST_AT_RISK:
            break
        w, hit = weights[here], acted[here].astype(float)
        hazard = float((w * hit).sum() / w.sum())
        n_eff = float(w.sum() ** 2 / (w**2).sum())
        lo, hi = _interval(hazard, n_eff, confidence)
        left *= 1 - hazard
        rows.append((number, int(here.sum()), int(hit.sum()), n_eff, hazard, lo, hi, 1 - left))
    return TouchHazard(pd.DataFrame(rows, columns=HAZARD), weights, p_stopping)


def _interval(rate: float, n: float, confidence: float) -> tuple[float, float]:
    """Return Jeffreys' interval of a rate; the bound beside a rate of 0 or 1 is that rate."""
    a, b, tail = rate * n + 0.5, (1 - rate) * n + 0.5, (1 - confidence) / 2
    lo, hi = stats.beta.ppf(tail, a, b), stats.beta.ppf(1 - tail, a, b)
    return (0.0 if rate <= 0 else float(lo)), (1.0 if rate >= 1 else float(hi))


def _weights(user, touch, acted, went_on, behaviour) -> tuple[np.ndarray, float]:
    """Return a weight per row, and the chance of a dependence as strong as the one seen."""
    even = np.ones(len(user))
    if behaviour is None or not len(user):
        return even, np.nan
    usual = _share_going_on(touch, acted, went_on)
    free = ~acted & (usual > 0) & (usual < 1)
    columns = behaviour[free]
    spread = columns.std(axis=0) if free.any() else np.zeros(behaviour.shape[1])
    kept = spread > 1e-9
    if free.sum() < 200 or not kept.any():
        return even, np.nan
    scaled = (behaviour[:, kept] - columns[:, kept].mean(axis=0)) / spread[kept]
    scaled = np.column_stack([np.ones(len(scaled)), scaled])
    offset = logit(np.clip(usual, 1e-6, 1 - 1e-6))
    slope, gain = _logistic(scaled[free], went_on[free], offset[free])
    p = float(stats.chi2.sf(gain, scaled.shape[1]))
    if p > LEVEL:
        return even, p
    own = expit(offset + scaled @ slope)
    step = np.where(free, usual / np.maximum(own, 1e-6), 1.0)
    return _products_before(step, user), p


def _share_going_on(touch, acted, went_on) -> np.ndarray:
    """Return, for each row, the share sent on after that touch among those who did not act."""
    n = np.bincount(touch[~acted], minlength=touch.max() + 1)
    on = np.bincount(touch[~acted], weights=went_on[~acted].astype(float), minlength=touch.max() + 1)
    return (on / np.maximum(n, 1))[touch]


def _products_before(step: np.ndarray, user: np.ndarray) -> np.ndarray:
    """Return the product of a user's earlier rows for each row, no more than the greatest weight."""
    logs = np.log(step)
    total = np.cumsum(logs) - logs
    first = np.append(True, user[1:] != user[:-1])
    total -= np.repeat(total[first], np.diff(np.append(np.flatnonzero(first), len(user))))
    return np.minimum(np.exp(total), MOST_WEIGHT)


def _logistic(columns: np.ndarray, hit: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, float]:
    """Return slopes beside an offset, and twice the gain in log likelihood; a touch of ridge keeps them finite."""
    slope = np.zeros(columns.shape[1])
    for _ in range(30):
        p = expit(offset + columns @ slope)
        gradient = columns.T @ (hit - p) - 0.1 * slope
        curve = (columns * (p * (1 - p))[:, None]).T @ columns + 0.1 * np.eye(len(slope))
        step = np.linalg.solve(curve, gradient)
        slope = slope + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    gain = _likelihood(offset + columns @ slope, hit) - _likelihood(offset, hit)
    return slope, 2 * gain


def _likelihood(score: np.ndarray, hit: np.ndarray) -> float:
    return float(np.where(hit, -np.logaddexp(0, -score), -np.logaddexp(0, score)).sum())


def converters_mean(hazard: np.ndarray, cap: int) -> tuple[float, float]:
    """Return the mean touch among those who act, and the share who do, were sending stopped at a cap.

    Parameters
    ----------
    hazard : ndarray, shape (n_touches,)
    cap : int
        Touches at most; beyond the last known hazard nothing is added.

    Examples
    --------
    >>> constant = np.full(20, 0.03)  # the same people, the same hazard, another cap
    >>> [round(converters_mean(constant, cap)[0], 1) for cap in (4, 7, 12, 20)]
    [2.5, 3.9, 6.1, 9.5]
    """
    own = np.asarray(hazard, dtype=float)[:cap]
    left = np.append(1.0, np.cumprod(1 - own))[:-1]
    acts = left * own
    total = float(acts.sum())
    mean = float((acts * np.arange(1, len(own) + 1)).sum() / total) if total > 0 else np.nan
    return mean, total
