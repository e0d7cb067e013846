"""Survival of groups from durations alone: curves, mean time within a horizon, and whether groups differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from segtool.checks import check_number
from segtool.errors import InputError, ParameterError


@dataclass(frozen=True, eq=False)
class SurvivalCurve:
    """A Kaplan-Meier curve, one entry per time at which somebody was lost.

    Parameters
    ----------
    times : ndarray, shape (n_times,)
    at_risk, events : ndarray, shape (n_times,)
        Users under observation just before each time, and those lost at it.
    survival : ndarray, shape (n_times,)
        Share not yet lost just after each time.
    std_error : ndarray, shape (n_times,)
        By Greenwood's formula; NaN once everybody at risk was lost.
    lo, hi : ndarray, shape (n_times,)
        Interval on the scale of log(-log S), which stays within 0 and 1.
    last : float
        The longest time anybody was observed: nothing is known beyond.
    """

    times: np.ndarray
    at_risk: np.ndarray
    events: np.ndarray
    survival: np.ndarray
    std_error: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    last: float

    def at(self, time: float) -> float:
        """Return the share not yet lost at a time; NaN beyond what was observed."""
        if time > self.last and not (len(self.survival) and self.survival[-1] == 0):
            return float("nan")
        place = int(np.searchsorted(self.times, time, side="right"))
        return 1.0 if place == 0 else float(self.survival[place - 1])


@dataclass(frozen=True)
class RestrictedMean:
    """Mean time until lost, within a horizon.

    Parameters
    ----------
    mean : float
        Area under the curve up to the horizon.
    variance : float
    horizon : float
    """

    mean: float
    variance: float
    horizon: float


@dataclass(frozen=True, eq=False)
class LogRank:
    """Whether groups are lost at the same pace.

    Parameters
    ----------
    statistic : float
        Chi-square with ``degrees`` degrees of freedom.
    degrees : int
    p_value : float
    groups : tuple
        In sorted order.
    observed, expected : ndarray, shape (n_groups,)
        Users lost, and those that would have been at everybody's pace.
    """

    statistic: float
    degrees: int
    p_value: float
    groups: tuple
    observed: np.ndarray
    expected: np.ndarray


def kaplan_meier(durations, observed, entry=None, *, weights=None, confidence: float = 0.9) -> SurvivalCurve:
    """Estimate the share not yet lost over time.

    Parameters
    ----------
    durations : array of float, shape (n,)
        Time until lost, or until observation ended.
    observed : array of bool, shape (n,)
        Whether the loss was seen; otherwise the time is censored.
    entry : array of float, shape (n,), optional
        Time at which each came under observation (delayed entry); at risk from after it.
    weights : array of float, shape (n,), optional
        How many users each row stands for.
    confidence : float

    Returns
    -------
    SurvivalCurve

    Raises
    ------
    InputError
        If nothing is given, lengths differ, times are negative or missing, or an entry is not
        before its duration.

    Notes
    -----
    ``S(t) = prod_{t_i <= t} (1 - d_i / n_i)``; at equal times losses come before censorings.

    References
    ----------
    Kaplan, Meier (1958), J. Am. Stat. Assoc. 53:457. Greenwood (1926).

    Examples
    --------
    >>> curve = kaplan_meier([1, 2, 2, 3], [True, True, False, True])
    >>> curve.times.tolist(), curve.survival.round(3).tolist()
    ([1.0, 2.0, 3.0], [0.75, 0.5, 0.0])
    """
    check_number("confidence", confidence, low=0, high=1, low_open=True, high_open=True)
    time, lost, start, weight = _read(durations, observed, entry, weights)
    times, at_risk, events = _risk_sets(time, lost, start, weight)
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.cumprod(1 - events / at_risk)
        total = np.cumsum(events / (at_risk * (at_risk - events)))
        std_error = np.where(np.isfinite(total), survival * np.sqrt(total), np.nan)
        spread = stats.norm.ppf((1 + confidence) / 2) * np.sqrt(total) / np.log(survival)
        lo, hi = survival ** np.exp(-spread), survival ** np.exp(spread)
    unknown = ~np.isfinite(std_error)
    lo, hi = np.where(unknown, np.nan, lo), np.where(unknown, np.nan, hi)
    return SurvivalCurve(times, at_risk, events, survival, std_error, lo, hi, float(time.max()))


def restricted_mean(curve: SurvivalCurve, horizon: float) -> RestrictedMean:
    """Return the mean time until lost within a horizon, with its variance.

    Parameters
    ----------
    curve : SurvivalCurve
    horizon : float

    Raises
    ------
    ParameterError
        If the horizon lies beyond what was observed and not everybody was lost by then.

    Notes
    -----
    ``mu = integral_0^h S(t) dt``; ``var = sum_{t_i <= h} A_i^2 d_i / (n_i (n_i - d_i))`` with ``A_i`` the
    area from ``t_i`` to the horizon.

    References
    ----------
    Royston, Parmar (2013), BMC Medical Research Methodology 13:152.

    Examples
    --------
    >>> curve = kaplan_meier([1, 2, 2, 3], [True, True, False, True])
    >>> restricted_mean(curve, 2).mean
    1.75
    """
    check_number("horizon", horizon, low=0, low_open=True)
    ended = len(curve.survival) > 0 and curve.survival[-1] == 0
    if horizon > curve.last and not ended:
        raise ParameterError(
            f"horizon is {horizon:g}, but nobody was observed for longer than {curve.last:g}.",
            f"at most {curve.last:g}.",
        )
    within = curve.times <= horizon
    steps = np.concatenate([[0.0], curve.times[within], [float(horizon)]])
    heights = np.concatenate([[1.0], curve.survival[within]])
    areas = np.diff(steps) * heights
    after = np.cumsum(areas[::-1])[::-1][1:]  # area from each time of a loss to the horizon
    n, d = curve.at_risk[within], curve.events[within]
    left = n - d
    # When all at risk are lost the area after is 0, and so is the term.
    terms = np.divide(after**2 * d, n * left, out=np.zeros_like(after), where=left > 0)
    return RestrictedMean(float(areas.sum()), float(terms.sum()), float(horizon))


def log_rank(durations, observed, groups, entry=None, *, weights=None) -> LogRank:
    """Test whether two or more groups are lost at the same pace.

    Parameters
    ----------
    durations, observed, entry, weights
        As for `kaplan_meier`.
    groups : array, shape (n,)

    Returns
    -------
    LogRank

    Raises
    ------
    InputError
        As for `kaplan_meier`, or if there are fewer than two groups.

    Notes
    -----
    Losses in each group minus those expected if every user at risk were lost with the same chance at
    each time; their covariance is hypergeometric.

    References
    ----------
    Mantel (1966), Cancer Chemotherapy Reports 50:163.

    Examples
    --------
    >>> test = log_rank([1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 1, 0], ["a", "a", "a", "b", "b", "b"])
    >>> round(test.statistic, 3), test.degrees
    (5.052, 1)
    """
    time, lost, start, weight = _read(durations, observed, entry, weights)
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    if len(codes) != len(time):
        raise InputError(f"groups has {len(codes):,} values for {len(time):,} durations.", "one each.")
    if len(names) < 2:
        raise InputError("All users are of one group.", "two groups or more.")
    everyone = _risk_sets(time, lost, start, weight)
    times, n, d = everyone
    sizes, losses = np.zeros((len(names), len(times))), np.zeros((len(names), len(times)))
    for code in range(len(names)):
        own = codes == code
        _, sizes[code], losses[code] = _risk_sets(time[own], lost[own], start[own], weight[own], times)
    share = sizes / n
    seen, expected = losses.sum(axis=1), (share * d).sum(axis=1)
    spread = np.divide(d * (n - d), n - 1, out=np.zeros_like(d), where=n > 1)
    covariance = np.diag((share * spread).sum(axis=1)) - (share * spread) @ share.T
    gap = (seen - expected)[:-1]
    rank = int(np.linalg.matrix_rank(covariance[:-1, :-1])) if len(times) else 0
    if rank == 0:  # nobody at risk beside anybody else: nothing to compare
        return LogRank(float("nan"), 0, float("nan"), tuple(names.tolist()), seen, expected)
    statistic = float(gap @ np.linalg.pinv(covariance[:-1, :-1]) @ gap)
    p_value = float(stats.chi2.sf(statistic, rank))
    return LogRank(statistic, rank, p_value, tuple(names.tolist()), seen, expected)


def _read(durations, observed, entry, weights):
    time = np.asarray(durations, dtype=float)
    lost = np.asarray(observed).astype(float)
    start = np.full(len(time), -np.inf) if entry is None else np.asarray(entry, dtype=float)
    weight = np.ones(len(time)) if weights is None else np.asarray(weights, dtype=float)
    if not len(time):
        raise InputError("There are no durations.", "at least one user.")
    if not len(time) == len(lost) == len(start) == len(weight):
        raise InputError("durations, observed, entry and weights differ in length.", "one value per user.")
    if not np.isfinite(time).all() or (time < 0).any():
        raise InputError("Some durations are missing or negative.", "times from 0.")
    late = int((start >= time).sum())
    if late:
        raise InputError(
            f"{late:,} users entered at or after their own end.",
            "an entry before the end of each duration.",
            "Leave out users who were never under observation.",
        )
    return time, lost, start, weight


def _risk_sets(time, lost, start, weight, at=None):
    """Return the times of losses (or those given), and how many were at risk and lost at each."""
    times = np.unique(time[lost > 0]) if at is None else at
    order, entered = np.argsort(time, kind="stable"), np.argsort(start, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(weight[order])])
    come = np.concatenate([[0.0], np.cumsum(weight[entered])])
    gone = total[np.searchsorted(time[order], times, side="left")]
    at_risk = come[np.searchsorted(start[entered], times, side="left")] - gone
    places = np.searchsorted(times, time[lost > 0])
    events = np.bincount(places, weights=weight[lost > 0], minlength=len(times)).astype(float)
    return times, at_risk, events
