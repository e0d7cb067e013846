"""How lively each group is on each day of the week: its own weekdays, as far as it has said enough of them."""

from __future__ import annotations

import numpy as np

MIN_MESSAGES = 300  # fewer messages of all groups say little of weekdays
LEAST_DAYS = 28
CAP = 500.0  # messages from which a group's weekdays count no more: one big group is not all
OWN_WEIGHT = 6.0  # a group's own spread of six free weekdays counts as much as that of all groups
FAINTEST = 0.02  # of a usual day: no day of the week is without any talk for sure


def weekday_factors(counts: np.ndarray, clean: np.ndarray, of_day: np.ndarray) -> np.ndarray:
    """Return how lively a day of that weekday is in each group, beside the group's mean day.

    Parameters
    ----------
    counts : ndarray, shape (n_groups, n_days)
    clean : ndarray of bool, shape (n_groups, n_days)
        Days that no activity touched.
    of_day : ndarray of int, shape (n_days,)
        Weekday of each day, 0 to 6.

    Returns
    -------
    ndarray, shape (n_groups, n_days)

    Notes
    -----
    Empirical Bayes. What a group said on a weekday is held against its share by the weekdays of all groups;
    the ratio is gamma distributed around 1 with the variance by which groups differ (moments, that of all
    and the group's own together, so that one group of weekends among many others is believed), and counts
    scatter around it as its days scatter around their week (quasi-Poisson).

    Examples
    --------
    >>> of_day = np.arange(140) % 7
    >>> counts = np.where(of_day >= 5, [[20.0], [5.0]], 5.0)
    >>> own = weekday_factors(counts, np.ones((2, 140), dtype=bool), of_day)
    >>> own[:, [0, 5]].round(1).tolist()
    [[0.6, 2.1], [1.0, 1.0]]
    """
    n_groups, n_days = counts.shape
    said = counts * clean
    if said.sum() < MIN_MESSAGES or n_days < LEAST_DAYS:
        return np.ones((n_groups, n_days))
    at = np.eye(7)[of_day]
    on, days = said @ at, clean @ at
    shared = _of_all(on, days)
    weight = days * shared
    usual = weight * (on.sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9))[:, None]
    ratio = np.divide(on, usual, out=np.ones_like(on), where=usual > 0)
    noise = _scatter(said, clean, of_day, shared)[:, None] / np.maximum(usual, 1e-9)
    differ = _differ(ratio, noise, usual > 0)[:, None]
    believed = differ / (differ + noise)
    factor = np.maximum(shared * (1 + believed * (ratio - 1)), FAINTEST)
    return (factor / factor.mean(axis=1, keepdims=True))[:, of_day]


def _of_all(on: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Return the factor of each weekday over all groups, (7,)."""
    total, n = on.sum(axis=1, keepdims=True), days.sum(axis=1, keepdims=True)
    usual = days * total / np.maximum(n, 1)
    weight = np.minimum(total, CAP) / np.maximum(total, 1)
    factor = ((on * weight).sum(axis=0) + 5) / ((usual * weight).sum(axis=0) + 5)
    return factor / factor.mean()


def _scatter(said: np.ndarray, clean: np.ndarray, of_day: np.ndarray, shared: np.ndarray) -> np.ndarray:
    """Return how many times that of a Poisson count the variance of a group's days is, beside their week.

    The group's own weekdays are taken out first, in full: what is left is noise, a little too little of it,
    which six free weekdays per group make up for.
    """
    at = np.eye(7)[of_day]
    on, days = said @ at, clean @ at
    own = np.divide(on, days, out=np.zeros_like(on), where=days > 0)[:, of_day] * clean
    sums = [np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1) for values in (said, own)]
    n_days = said.shape[1]
    low, high = np.maximum(np.arange(n_days) - 3, 0), np.minimum(np.arange(n_days) + 4, n_days)
    week, due = (each[:, high] - each[:, low] for each in sums)
    mean = np.divide(week, due, out=np.zeros_like(week), where=due > 0) * own
    beyond = np.where(mean > 0, (said - mean) ** 2 / np.maximum(mean, 0.1), 0.0).sum(axis=1)
    free = np.maximum(clean.sum(axis=1) * 6 / 7 - 6, 1)  # each week's level took one of seven
    return np.maximum(beyond / free, 1.0)


def _differ(ratio: np.ndarray, noise: np.ndarray, told: np.ndarray) -> np.ndarray:
    """Return the variance of each group's ratios around 1 beyond noise: its own, drawn to that of all."""
    beyond = np.where(told, (ratio - 1) ** 2 - noise * 6 / 7, 0.0)
    weight = np.where(told, 1 / (noise + 0.1) ** 2, 0.0)
    of_all = max((weight * beyond).sum() / max(weight.sum(), 1e-9), 0.0)
    n = told.sum(axis=1)
    own = beyond.sum(axis=1) / np.maximum(n, 1)
    return np.maximum((n * own + OWN_WEIGHT * of_all) / (n + OWN_WEIGHT), 1e-4)
