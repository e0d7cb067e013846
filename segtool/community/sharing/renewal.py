"""How many others a member brings by an age, read from members who were watched for unequal times.

A member who joined last week had no time to invite. So nothing is divided by all members: each invitation
counts one over the members who were there to be seen at that age (the mean cumulative function of recurrent
events), and the spread is that between members, since a few bring many.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, special

FEW_INVITERS = 3  # with fewer, a spread between inviters cannot be seen


@dataclass(frozen=True, eq=False)
class Watch:
    """Members, for how long each was watched, and at which age each brought somebody.

    Parameters
    ----------
    days : ndarray of float, shape (n,)
        From joining to ``as_of``. Whoever left is watched on: they bring nobody, which is the truth.
    owner : ndarray of int, shape (n_brought,)
        Position of the inviter.
    age : ndarray of float, shape (n_brought,)
        Days from the inviter's joining to that of who was brought; sorted.

    Examples
    --------
    >>> watch = Watch.of([100.0, 10.0], [0, 0], [50.0, 5.0])
    >>> watch.age.tolist(), watch.at_risk.tolist()
    ([5.0, 50.0], [2, 1])
    """

    days: np.ndarray
    owner: np.ndarray
    age: np.ndarray
    at_risk: np.ndarray

    @classmethod
    def of(cls, days, owner, age) -> Watch:
        """Build from rows in any order; what lies beyond the watched time is left out."""
        days, owner, age = (np.asarray(values) for values in (days, owner, age))
        owner = owner.astype(np.int64)
        seen = (age >= 0) & (age <= days[owner]) if len(owner) else np.zeros(0, dtype=bool)
        owner, age = owner[seen], age[seen].astype(float)
        order = np.lexsort([owner, age])
        at_risk = len(days) - np.searchsorted(np.sort(days), age[order], side="left")
        return cls(days.astype(float), owner[order], age[order], at_risk)


def count_brought(watch: Watch, age_days: float) -> tuple[float, np.ndarray]:
    """Return how many others a member brings by an age, and what each member adds to the error.

    Parameters
    ----------
    watch : Watch
    age_days : float

    Returns
    -------
    mean : float
    influence : ndarray of float, shape (n,)
        Its squares add up to the variance of the mean, whatever the distribution.

    References
    ----------
    Nelson 1995, Confidence limits for recurrence data; Lawless & Nadeau 1995, Some simple robust methods
    for the analysis of recurrent events, Technometrics 37.

    Examples
    --------
    >>> round(count_brought(Watch.of([100.0, 10.0], [0, 0], [50.0, 5.0]), 60)[0], 3)  # 1/2 + 1/1
    1.5
    """
    within = watch.age <= age_days
    age, owner, share = watch.age[within], watch.owner[within], 1 / watch.at_risk[within]
    influence = np.bincount(owner, share, minlength=len(watch.days)).astype(float)
    expected = np.r_[0.0, np.cumsum(share**2)]
    influence -= expected[np.searchsorted(age, np.minimum(watch.days, age_days), side="right")]
    return float(share.sum()), influence


def interval_of(
    watch: Watch, age_days: float, confidence: float, spread: float = 1.0
) -> tuple[float, float, float]:
    """Return how many others a member brings by an age, with its interval.

    Parameters
    ----------
    watch : Watch
    age_days : float
    confidence : float
    spread : float
        Variance over that of independent invitations, from all groups; used where fewer than three members
        brought anybody.

    Returns
    -------
    mean, lo, hi : float

    Notes
    -----
    On the log scale, since the number of invitations is skewed, with Student's t: its degrees of freedom are
    those of the variance found (Satterthwaite 1946), which a few who bring many make uncertain, and no more
    than inviters less one. With fewer than three inviters, the
    Poisson interval (Garwood 1936) of ``n / spread`` invitations.
    """
    mean, influence = count_brought(watch, age_days)
    within = watch.age <= age_days
    n_inviters = int(np.count_nonzero(np.bincount(watch.owner[within])))
    n = len(watch.days)
    tail = (1 - confidence) / 2
    if n_inviters < FEW_INVITERS:
        seen = np.minimum(watch.days, age_days).sum() / age_days if age_days > 0 else 0.0
        if not seen:
            return np.nan, np.nan, np.nan
        x = float(within.sum()) / spread
        lo = special.gammaincinv(x, tail) * spread / seen if x else 0.0
        return mean, min(lo, mean), max(special.gammaincinv(x + 1, 1 - tail) * spread / seen, mean)
    variance = (influence**2).sum()
    freedom = 2 / max((influence**4).sum() / variance**2 - 1 / n, 1e-9)
    reach = special.stdtrit(min(max(freedom, 1.5), n_inviters - 1), 1 - tail)
    factor = np.exp(reach * np.sqrt(variance * n / (n - 1)) / mean)
    return mean, mean / factor, mean * factor


def spread_of(watch: Watch, age_days: float) -> float:
    """Return the variance of the number brought over that of independent invitations, at least 1."""
    mean, influence = count_brought(watch, age_days)
    share = 1 / watch.at_risk[watch.age <= age_days]
    return max(1.0, float((influence**2).sum() / (share**2).sum())) if mean else 1.0


def longest_age(watch: Watch, least: int) -> float:
    """Return the age up to which at least so many members were watched, 0 where there are fewer."""
    return float(np.sort(watch.days)[-least]) if len(watch.days) >= least else 0.0


def cycle_time(watch: Watch, age_days: float, confidence: float) -> tuple[float, float, float]:
    """Return the median time from joining to the joining of those brought, with its interval.

    Parameters
    ----------
    watch : Watch
    age_days : float
        Only what comes by this age is meant: what comes later cannot be seen of anybody.
    confidence : float

    Returns
    -------
    median, lo, hi : float
        Days; missing where fewer than three members brought anybody.

    Notes
    -----
    The times seen are too short: of members who joined lately only quick invitations can have been seen.
    Each is weighted with one over the members watched at its age, which undoes it. The interval is that of
    Woodruff (1952): the interval of the share below the median, carried back to days.
    """
    total, of_total = count_brought(watch, age_days)
    within = watch.age <= age_days
    n_inviters = int(np.count_nonzero(np.bincount(watch.owner[within])))
    if n_inviters < FEW_INVITERS:
        return np.nan, np.nan, np.nan
    age = watch.age[within]
    below = np.cumsum(1 / watch.at_risk[within]) / total
    median = _at_share(age, below, 0.5)
    _, of_half = count_brought(watch, median)
    error = np.sqrt(((of_half - 0.5 * of_total) ** 2).sum()) / total
    reach = special.stdtrit(n_inviters - 1, (1 + confidence) / 2) * error
    return median, _at_share(age, below, 0.5 - reach), _at_share(age, below, 0.5 + reach)


def _at_share(age: np.ndarray, below: np.ndarray, share: float) -> float:
    place = np.searchsorted(below, np.clip(share, 0, 1) - 1e-12)
    return float(age[min(place, len(age) - 1)])


def doubling_days(watch: Watch, age_days: float) -> float:
    """Return the days in which those who invite double, infinite where each brings one other or fewer.

    Notes
    -----
    The rate r of Euler and Lotka: what a member brings, each discounted by exp(-r age), adds up to one.
    """
    within = watch.age <= age_days
    age, share = np.maximum(watch.age[within], 1 / 24), 1 / watch.at_risk[within]
    if share.sum() <= 1:
        return float("inf")
    top = 1.0
    while (share * np.exp(-top * age)).sum() > 1:
        top *= 2
    rate = optimize.brentq(lambda r: (share * np.exp(-r * age)).sum() - 1, 0, top)
    return float(np.log(2) / rate) if rate > 0 else float("inf")


def draw_curve(watch: Watch, ages: np.ndarray, confidence: float, spread: float = 1.0) -> pd.DataFrame:
    """Return what members bring by each age, and the share of them who brought anybody.

    Parameters
    ----------
    watch : Watch
    ages : ndarray of float, shape (n_ages,)
    confidence : float
    spread : float
        See `interval_of`.

    Returns
    -------
    DataFrame, shape (n_ages, 7)
        age_days, n_watched (at that age), brought (by a member), lo, hi, inviting (share who brought
        anybody, Kaplan and Meier 1958) and cycle_share (of what is brought by the last age).
    """
    rows = [interval_of(watch, age, confidence, spread) for age in ages]
    brought = np.array([row[0] for row in rows])
    n_watched = len(watch.days) - np.searchsorted(np.sort(watch.days), ages, side="left")
    last = brought[-1] if len(ages) else np.nan
    return pd.DataFrame(
        {
            "age_days": ages,
            "n_watched": n_watched,
            "brought": brought,
            "lo": [row[1] for row in rows],
            "hi": [row[2] for row in rows],
            "inviting": first_times(watch, ages),
            "cycle_share": brought / last if last else np.full(len(ages), np.nan),
        }
    )


def first_times(watch: Watch, ages: np.ndarray) -> np.ndarray:
    """Return the share of members who brought anybody by each age, by the product limit.

    References
    ----------
    Kaplan & Meier 1958, Nonparametric estimation from incomplete observations, JASA 53.

    Examples
    --------
    >>> first_times(Watch.of([9.0, 9.0, 2.0], [0, 0], [1.0, 3.0]), np.array([0.5, 4.0])).round(3).tolist()
    [0.0, 0.333]
    """
    first, place = np.unique(watch.owner, return_index=True)  # sorted by age, so the place is the first
    until = watch.days.copy()
    until[first] = watch.age[place]
    times, n = np.unique(watch.age[place], return_counts=True)
    at_risk = len(until) - np.searchsorted(np.sort(until), times, side="left")
    left = np.r_[1.0, np.cumprod(1 - n / at_risk)]
    return 1 - left[np.searchsorted(times, ages, side="right")]
