"""How much the same people write later on where no newcomers come: a cohort that nobody joins only shrinks."""

from __future__ import annotations

import numpy as np

WINDOW_DAYS = 28.0
STEP_DAYS = 14.0  # between the dates looked at: their windows overlap by half
LOOK_BACK_DAYS = 364.0
LEAST_MESSAGES = 30  # of a group before its own dates say how others' groups differ
LEAST_GROUPS = 3
LEAST_SPREAD = 0.05  # standard deviation of the log of the pace kept: groups differ by a twentieth at least


def age_of_joining(said) -> np.ndarray:
    """Return how many days before as_of the author of each message had joined, shape (n_said,)."""
    return said.tenure + said.age


def pace_kept(said, waves: dict[int, list[dict]], spread: np.ndarray) -> tuple[float, float]:
    """Return what veterans' pace becomes in four weeks without a wave, over all groups.

    Parameters
    ----------
    said : Said
    waves : dict of int to list of dict
        By group; dates within four weeks of one are left out.
    spread : ndarray, shape (n_groups,)
        Variance of weekly messages over Poisson's.

    Returns
    -------
    kept, variance : float
        Mean of the log of the pace kept, and its variance between groups; infinite with fewer than three groups.
    """
    joined = age_of_joining(said)
    before, after = np.zeros((2, said.n_groups))
    n_dates = np.zeros(said.n_groups)
    for at in np.arange(WINDOW_DAYS, LOOK_BACK_DAYS, STEP_DAYS):
        if at + WINDOW_DAYS > said.record + 1:
            break
        fits = at + WINDOW_DAYS <= said.founded
        for group, own in waves.items():
            fits[group] &= not any(_touches(wave, at - WINDOW_DAYS, at + WINDOW_DAYS) for wave in own)
        veteran = (joined >= at + WINDOW_DAYS) & fits[said.group]
        late = veteran & (said.age <= at) & (said.age > at - WINDOW_DAYS)
        early = veteran & (said.age > at) & (said.age <= at + WINDOW_DAYS)
        before += np.bincount(said.group[early], minlength=said.n_groups)
        after += np.bincount(said.group[late], minlength=said.n_groups)
        n_dates += fits
    chosen = (before >= LEAST_MESSAGES) & (after >= LEAST_MESSAGES)
    if chosen.sum() < LEAST_GROUPS:
        return 0.0, np.inf
    kept = np.log(after[chosen] / before[chosen])
    twice = np.minimum(n_dates[chosen], WINDOW_DAYS / STEP_DAYS)
    noise = np.maximum(spread[chosen], 1.0) * twice * (1 / before[chosen] + 1 / after[chosen])
    between = max(float(kept.var(ddof=1) - noise.mean()), LEAST_SPREAD**2)
    weight = 1 / (noise + between)
    return float((kept * weight).sum() / weight.sum()), between


def own_pace_kept(
    age: np.ndarray,
    joined: np.ndarray,
    wave: dict,
    others: list[dict],
    free_days,
    reach: float,
    after_days: float,
) -> tuple[float, float, int]:
    """Return what the pace of a group's veterans became at its own dates before a wave.

    Parameters
    ----------
    age, joined : ndarray, shape (n_said,)
        Days before as_of of each message of the group and of its author's joining, days of activities left out.
    wave : dict
        The wave: "starts" and "ends" in days before as_of.
    others : list of dict
        All waves of the group.
    free_days : callable
        Days of a window (its later and its earlier end, in days before as_of) outside activities.
    reach : float
        Days before as_of of the earliest message or founding.
    after_days : float
        Length of the window after the wave.

    Returns
    -------
    kept, worth : float
        The share of the pace kept, and 1 / n before + 1 / n after, each message counted once.
    n_dates : int
        0: there is no such date, and nothing is known.
    """
    gap = wave["starts"] - wave["ends"]
    before, after = np.zeros(2), np.zeros(2)  # messages, days
    n_dates = 0
    for at in np.arange(
        wave["starts"] + gap + after_days, min(reach, LOOK_BACK_DAYS) - WINDOW_DAYS, STEP_DAYS
    ):
        low, high = at - gap - after_days, at + WINDOW_DAYS
        if any(_touches(other, low, high) for other in others if other is not wave):
            continue
        veteran = joined >= high
        before += (veteran & (age > at) & (age <= high)).sum(), free_days(at, high)
        after += (veteran & (age <= at - gap) & (age > low)).sum(), free_days(low, at - gap)
        n_dates += 1
    if min(before[0], after[0], before[1], after[1]) <= 0:
        return 1.0, np.inf, 0
    twice = [min(n_dates, max(days / STEP_DAYS, 1.0)) for days in (WINDOW_DAYS, after_days)]
    kept = (after[0] / after[1]) / (before[0] / before[1])
    return float(kept), float(twice[0] / before[0] + twice[1] / after[0]), n_dates


def _touches(wave: dict, low: float, high: float) -> bool:
    return wave["starts"] > low and wave["ends"] < high


def blend(own: tuple[float, float, int], spread: float, all_groups: tuple[float, float], lag: float):
    """Return the pace kept by a group's own dates and by all groups, each by its surety.

    Parameters
    ----------
    own : tuple
        As from `own_pace_kept`.
    spread : float
        Variance of the group's weekly messages over Poisson's.
    all_groups : tuple
        As from `pace_kept`.
    lag : float
        From the middle of the window before to that of the window after, in windows of four weeks.

    Returns
    -------
    kept, deviation : float
        And the standard deviation of its log; missing where neither is known.

    Examples
    --------
    >>> kept, deviation = blend((0.8, 0.01, 5), 1.0, (0.0, 0.01), 1.0)
    >>> round(kept, 2), round(deviation, 2)
    (0.89, 0.07)
    """
    kept, worth, n_dates = own
    noise = worth * spread if n_dates else np.inf
    between = all_groups[1] * max(lag, 0.1)
    if np.isinf(noise) and np.isinf(between):
        return np.nan, np.nan
    weights = np.array([1 / noise, 1 / between])
    logs = np.array([np.log(kept), all_groups[0] * lag])
    return float(np.exp((weights * logs).sum() / weights.sum())), float(weights.sum() ** -0.5)
