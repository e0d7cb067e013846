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
from segtool.targeting.frequency.mixed_logit import fit_mixed_logit

MIN_SENDS, MIN_HITS, MIN_USERS, MIN_SPREAD = 200, 30, 50, 0.3
STEPS = 50
SETTLE_WEEKS = 2


@dataclass(frozen=True)
class Slope:
    """A slope on the logit scale per unit of pressure, or why there is none.

    Parameters
    ----------
    value, sd : float
        NaN where not known.
    why_not : str
        Empty where known.
    spread : float
        How much users differ beside it, as a standard deviation on the same scale.
    """

    value: float
    sd: float
    why_not: str = ""
    spread: float = 0.0

    @property
    def known(self) -> bool:
        """Whether the data could tell."""
        return not self.why_not

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the bounds."""
        reach = stats.norm.ppf(0.5 + confidence / 2) * self.sd
        return self.value - reach, self.value + reach


def fit_fatigue(
    hit: np.ndarray,
    pressure: np.ndarray,
    user: np.ndarray,
    week: np.ndarray,
    controls: np.ndarray | None = None,
) -> Slope:
    """Fit how answering changes with pressure, for one and the same user.

    Parameters
    ----------
    hit : ndarray of 0/1, shape (n_sends,)
    pressure : ndarray, shape (n_sends,)
        Sends shortly before, as of `read_pressure`.
    user : ndarray of int, shape (n_sends,)
    week : ndarray, shape (n_sends,)
        Time of the send in weeks: what fades with time is not fatigue.
    controls : ndarray, shape (n_sends, n_controls), optional
        What else makes sends differ, such as their channels.

    Returns
    -------
    Slope
        Its standard error is clustered by user.

    Notes
    -----
    ``logit p = a_u + b1 (s - mean s_u) + b2 mean s_u + c t + controls``, a_u normal; b1 is returned. Active
    users get more sends and answer more: that is b2's. What b2 does not tell of a user is a_u's; without it b1
    is flattened. What changes within a user, such as sending more in weeks in which they are active,
    no column can undo: that takes an experiment.

    References
    ----------
    Mundlak (1978), doi:10.2307/1913646; Neuhaus and Kalbfleisch (1998), doi:10.2307/3109770.
    """
    _, code = np.unique(user, return_inverse=True)
    mean = (np.bincount(code, weights=pressure) / np.maximum(np.bincount(code), 1))[code]
    why_not = _why_not(hit, (pressure - mean)[_settled(code, week)], code)
    if why_not:
        return Slope(np.nan, np.nan, why_not)
    x = _design([pressure - mean, mean], week, controls)
    start, _ = clustered_logit(x, hit.astype(float), code)
    found = fit_mixed_logit(x, hit.astype(float), code, start)
    return Slope(float(found.coefficients[1]), float(np.sqrt(found.variance[1, 1])), spread=found.spread)


def fit_optouts(
    optout: np.ndarray,
    pressure: np.ndarray,
    user: np.ndarray,
    week: np.ndarray,
    controls: np.ndarray | None = None,
) -> Slope:
    """Fit how the chance that a send ends in an opt-out changes with pressure.

    Parameters
    ----------
    optout : ndarray of 0/1, shape (n_sends,)
    pressure, user, week, controls
        As for `fit_fatigue`; each user's sends in the order of time.

    Returns
    -------
    Slope
        Of the log hazard per unit of pressure.

    Notes
    -----
    A discrete hazard with one row per send, ``log(-log(1 - h)) = a + b1 s + b2 log(rate so far) + c t +
    controls``. Users who are sent to more may be those who stay longer. Their mean pressure would tell,
    but an opt-out ends it, so it knows the outcome; the rate at which the user was sent to up
    to that day does not.

    References
    ----------
    Prentice and Gloeckler (1978), doi:10.2307/2529588.
    """
    _, code = np.unique(user, return_inverse=True)
    why_not = _why_not(optout, (pressure - pressure.mean())[_settled(code, week)], code)
    if why_not:
        return Slope(np.nan, np.nan, why_not)
    x = _design([pressure, _rate_so_far(code, week)], week, controls)
    estimate, variance = clustered_cloglog(x, optout.astype(float), code)
    return Slope(float(estimate[1]), float(np.sqrt(variance[1, 1])))


def _design(columns: list[np.ndarray], week: np.ndarray, controls: np.ndarray | None) -> np.ndarray:
    design = [np.ones(len(week)), *columns]
    if week.std() > 0:
        design.append((week - week.mean()) / week.std())
    if controls is not None:
        design += [column for column in controls.T if column.std() > 0]
    return np.column_stack(design)


def _settled(code: np.ndarray, week: np.ndarray) -> np.ndarray:
    """Return the sends after a user's first weeks: there even a steady rhythm builds up pressure."""
    first = np.full(int(code.max(initial=0)) + 1, np.inf)
    np.minimum.at(first, code, week)
    return week - first[code] >= SETTLE_WEEKS


def _rate_so_far(code: np.ndarray, week: np.ndarray) -> np.ndarray:
    """Return the log of each user's sends a week up to each send, leaning on everyone's rate."""
    first = np.append(True, code[1:] != code[:-1])
    place = np.arange(len(code))
    begun = place[first][np.cumsum(first) - 1]
    weeks = week - week[begun]
    last = np.append(first[1:], True)
    usual = len(code) / (weeks[last].sum() + last.sum())
    return np.log((place - begun + 2) / (weeks + 2 / usual))


def _why_not(hit, varied, code) -> str:
    if len(hit) < MIN_SENDS or len(np.unique(code)) < MIN_USERS:
        return f"{len(hit):,} sends to {len(np.unique(code)):,} users; it takes {MIN_SENDS} to {MIN_USERS}"
    if min(hit.sum(), len(hit) - hit.sum()) < MIN_HITS:
        return f"it happened {int(hit.sum()):,} times in {len(hit):,} sends; it takes {MIN_HITS}"
    if len(varied) < MIN_SENDS / 2 or varied.std() < MIN_SPREAD:
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

    def parts(eta):
        p = expit(eta)
        return y - p, p * (1 - p)

    return _clustered(x, cluster, parts, np.zeros(x.shape[1]))


def clustered_cloglog(x: np.ndarray, y: np.ndarray, cluster: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit ``log(-log(1 - p)) = x beta``, as `clustered_logit` does its own; the first column is the constant."""

    def parts(eta):
        grows = np.exp(np.clip(eta, -30, 3))
        p = np.clip(-np.expm1(-grows), 1e-12, 1 - 1e-12)
        steep = grows * np.exp(-grows)
        return (y - p) * steep / (p * (1 - p)), steep**2 / (p * (1 - p))

    start = np.zeros(x.shape[1])
    start[0] = np.log(-np.log1p(-np.clip(y.mean(), 1e-9, 1 - 1e-9)))
    return _clustered(x, cluster, parts, start)


def _clustered(x, cluster, parts, beta) -> tuple[np.ndarray, np.ndarray]:
    """Fit by Fisher scoring; ``parts`` gives each row's score and weight on the scale of x beta."""
    ridge = 1e-8 * np.eye(x.shape[1])
    for _ in range(STEPS):
        score, weight = parts(x @ beta)
        step = np.linalg.solve((x * weight[:, None]).T @ x + ridge, x.T @ score)
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    score, weight = parts(x @ beta)
    bread = np.linalg.inv((x * weight[:, None]).T @ x + ridge)
    sums = np.column_stack([np.bincount(cluster, weights=column * score) for column in x.T])
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
        spread = slope.spread if slope.known else overall.spread
        pooled.append(Slope(value, float(np.sqrt(own + (1 - weight) ** 2 * overall.sd**2)), spread=spread))
    return pooled
