"""Does sending more often make people answer less: slopes found within users.

Active users get more sends and answer more, so comparing users makes frequency look good. What
counts is the same user under more and under less pressure (Mundlak's split of the slope).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import expit

from segtool.pooling import paule_mandel

MIN_SENDS, MIN_HITS, MIN_USERS, MIN_SPREAD = 200, 30, 50, 0.3
STEPS = 50


@dataclass(frozen=True)
class Slope:
    """A slope on the logit scale per unit of pressure, or why there is none.

    Parameters
    ----------
    value, sd : float
        NaN where not known.
    why_not : str
        Empty where known.
    """

    value: float
    sd: float
    why_not: str = ""

    @property
    def known(self) -> bool:
        """Whether the data could tell."""
        return not self.why_not

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the bounds."""
        reach = stats.norm.ppf(0.5 + confidence / 2) * self.sd
        return self.value - reach, self.value + reach


def fit_slope(
    hit: np.ndarray, pressure: np.ndarray, user: np.ndarray, week: np.ndarray, *, within: bool = True
) -> Slope:
    """Fit how an outcome changes with pressure.

    Parameters
    ----------
    hit : ndarray of 0/1, shape (n_sends,)
    pressure : ndarray, shape (n_sends,)
        Sends shortly before, in sends a week.
    user : ndarray of int, shape (n_sends,)
    week : ndarray, shape (n_sends,)
        Time of the send in weeks: what fades with time is not fatigue.
    within : bool
        Split the slope into within and between users and return the first. For an outcome that ends
        a user's sends (an opt-out) a user's own mean knows the future, so the slope is taken whole.

    Returns
    -------
    Slope

    Notes
    -----
    ``logit p = a + b1 (s - mean s_u) + b2 mean s_u + c t``; b1 is returned with the standard error
    clustered by user.

    References
    ----------
    Mundlak (1978), doi:10.2307/1913646.
    """
    _, code = np.unique(user, return_inverse=True)
    mean = (np.bincount(code, weights=pressure) / np.maximum(np.bincount(code), 1))[code]
    inside = pressure - mean
    why_not = _why_not(hit, inside if within else pressure - pressure.mean(), code)
    if why_not:
        return Slope(np.nan, np.nan, why_not)
    time = (week - week.mean()) / max(week.std(), 1e-9)
    design = [np.ones(len(hit)), inside, mean] if within else [np.ones(len(hit)), pressure]
    if week.std() > 0:
        design.append(time)
    estimate, variance = clustered_logit(np.column_stack(design), hit.astype(float), code)
    return Slope(float(estimate[1]), float(np.sqrt(variance[1, 1])))


def _why_not(hit, varied, code) -> str:
    if len(hit) < MIN_SENDS or len(np.unique(code)) < MIN_USERS:
        return f"{len(hit):,} sends to {len(np.unique(code)):,} users; it takes {MIN_SENDS} to {MIN_USERS}"
    if min(hit.sum(), len(hit) - hit.sum()) < MIN_HITS:
        return f"it happened {int(hit.sum()):,} times in {len(hit):,} sends; it takes {MIN_HITS}"
    if varied.std() < MIN_SPREAD:
        return "how often people were sent to hardly varied"
    return ""


def clustered_logit(x: np.ndarray, y: np.ndarray, cluster: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit a logistic regression; its variance allows for rows of one user resembling each other.

    Parameters
    ----------
    x : ndarray, shape (n_rows, n_columns)
    y : ndarray of 0/1, shape (n_rows,)
    cluster : ndarray of int, shape (n_rows,)
        0 to n_clusters - 1.

    Returns
    -------
    estimate : ndarray, shape (n_columns,)
    variance : ndarray, shape (n_columns, n_columns)
        Sandwich, with the factor ``G / (G - 1)`` for G clusters.
    """
    beta = np.zeros(x.shape[1])
    ridge = 1e-8 * np.eye(x.shape[1])
    for _ in range(STEPS):
        p = expit(x @ beta)
        hessian = (x * (p * (1 - p))[:, None]).T @ x + ridge
        step = np.linalg.solve(hessian, x.T @ (y - p))
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    p = expit(x @ beta)
    bread = np.linalg.inv((x * (p * (1 - p))[:, None]).T @ x + ridge)
    score = x * (y - p)[:, None]
    sums = np.column_stack([np.bincount(cluster, weights=column) for column in score.T])
    n = len(sums)
    return beta, bread @ (sums.T @ sums) @ bread * n / max(n - 1, 1)


def pool_slopes(slopes: list[Slope], overall: Slope) -> list[Slope]:
    """Shrink the personas' slopes towards everyone's; unknown ones become everyone's.

    Examples
    --------
    >>> few = Slope(float("nan"), float("nan"), "too few sends")
    >>> pool_slopes([few], Slope(-0.1, 0.02))[0].value
    -0.1
    """
    known = [slope for slope in slopes if slope.known]
    if not overall.known:
        return [overall] * len(slopes)
    squares = np.array([(slope.value - overall.value) ** 2 for slope in known])
    noise = np.array([slope.sd**2 for slope in known])
    tau2 = paule_mandel(squares, noise) if len(known) > 1 else 0.0
    pooled = []
    for slope in slopes:
        weight = tau2 / (tau2 + slope.sd**2) if slope.known else 0.0
        value = overall.value + weight * (slope.value - overall.value) if slope.known else overall.value
        own = weight * slope.sd**2 if slope.known else tau2
        pooled.append(Slope(value, float(np.sqrt(own + (1 - weight) ** 2 * overall.sd**2))))
    return pooled


@dataclass(frozen=True)
class BestFrequency:
    """The weekly number of sends that brings most, and those that bring nearly as much."""

    best: int
    lo: int
    hi: int
    flat_lo: int
    flat_hi: int
    positive: bool


def steady_pressure(per_week: np.ndarray | float) -> np.ndarray:
    """Return the pressure a send meets in a steady rhythm, when sends fade by e in a week.

    Notes
    -----
    The sends before it lie 1/f, 2/f, ... weeks back: the sum of exp(-j/f) is 1 / (exp(1/f) - 1),
    about half a send less than f.

    Examples
    --------
    >>> steady_pressure(np.array([1.0, 4.0])).round(2).tolist()
    [0.58, 3.52]
    """
    return 1 / np.expm1(1 / np.asarray(per_week, dtype=float))


def best_frequency(
    response: float,
    optout: float,
    pressure: float,
    fatigue: Slope,
    optout_slope: Slope,
    tried: int,
    *,
    response_value: float,
    optout_cost: float,
    confidence: float,
    random_state: int = 0,
) -> BestFrequency:
    """Find ``argmax f (response(f) v - optout(f) L)`` for f from 1 to what was tried.

    Parameters
    ----------
    response, optout : float
        Rates per send at the mean pressure.
    pressure : float
        Mean pressure met by the sends: exponentially decayed sends before each, as `steady_pressure`.
    fatigue, optout_slope : Slope
        An unknown opt-out slope counts as 0.
    tried : int
        Highest frequency looked at: beyond what was sent nothing is known.

    Examples
    --------
    >>> slope = Slope(-0.3, 0.03)
    >>> found = best_frequency(0.1, 0.0, 2.0, slope, Slope(0.0, 0.0), 10, response_value=1,
    ...                        optout_cost=0, confidence=0.9)
    >>> found.best, found.flat_lo <= found.best <= found.flat_hi
    (4, True)
    """
    generator = np.random.default_rng(random_state)
    f = np.arange(1, max(tried, 1) + 1)
    slopes = np.array([[fatigue.value, optout_slope.value if optout_slope.known else 0.0]])
    sds = np.array([fatigue.sd, optout_slope.sd if optout_slope.known else 0.0])
    drawn = np.vstack([slopes, slopes + generator.normal(size=(400, 2)) * sds])

    def rate(base: float, slope: np.ndarray) -> np.ndarray:
        base = np.clip(base, 1e-9, 1 - 1e-9)
        return expit(np.log(base / (1 - base)) + slope[:, None] * (steady_pressure(f) - pressure))

    value = f * (response_value * rate(response, drawn[:, 0]) - optout_cost * rate(optout, drawn[:, 1]))
    best = f[value.argmax(axis=1)]
    lo, hi = np.quantile(best[1:], [(1 - confidence) / 2, (1 + confidence) / 2], method="nearest")
    top = value[0].max()
    flat = f[value[0] >= top - 0.05 * abs(top)]
    return BestFrequency(int(best[0]), int(lo), int(hi), int(flat[0]), int(flat[-1]), bool(top > 0))
