"""Attention from one person to another, counted by day, so that a burst weighs little more than a talk."""

from __future__ import annotations

import numpy as np

NEAR_BACK = 5  # messages; who wrote before them has scrolled away
HALF_NEAR = 120.0  # seconds after which a message is half as near


def sum_by_day(
    pair: np.ndarray, day: np.ndarray, amount: np.ndarray, age_days: np.ndarray, half_life_days: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs, sorted, and the faded sum of their days.

    Parameters
    ----------
    pair : ndarray of int64, shape (n,)
        A number for who and to whom.
    day : ndarray of int, shape (n,)
    amount : ndarray of float, shape (n,)
    age_days : ndarray of float, shape (n,)
        The same for the same day.
    half_life_days : float

    Notes
    -----
    A pair's weight is the sum over days d of log2(1 + x_d) * 2 ** (-age_d / half life), x_d being the sum of
    amounts on the day: one answer today weighs 1, three on one day 2, three on three days 3.

    Examples
    --------
    >>> pairs, weight = sum_by_day(np.array([7, 7, 7]), np.array([0, 0, 0]), np.ones(3), np.zeros(3), 30)
    >>> pairs.tolist(), weight.tolist()
    ([7], [2.0])
    """
    if not len(pair):
        return np.array([], dtype=np.int64), np.array([])
    first_day = int(day.min())
    n_days = int(day.max()) - first_day + 1
    key = pair * n_days + (day - first_day)
    order = np.argsort(key, kind="stable")
    key = key[order]
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    x = np.add.reduceat(amount[order], starts)
    faded = np.log2(1 + x) * 2.0 ** (-age_days[order][starts] / half_life_days)
    pair = key[starts] // n_days
    edges = np.flatnonzero(np.r_[True, pair[1:] != pair[:-1]])
    return pair[edges], np.add.reduceat(faded, edges)


def find_near(
    group: np.ndarray, user: np.ndarray, second: np.ndarray, most_seconds: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return later row, earlier row and nearness of messages of two people soon after each other.

    Parameters
    ----------
    group, user, second : ndarray of int, shape (n,)
        Messages of people in the order of group and second.
    most_seconds : float
        What is further apart is not near.

    Returns
    -------
    later, earlier : ndarray of int
    near : ndarray of float
        2 ** (-gap / 2 minutes), divided so that one message gives away at most 1.

    Examples
    --------
    >>> later, earlier, near = find_near(*np.array([[0, 0, 0], [1, 2, 1], [0, 120, 9999]]), 600)
    >>> later.tolist(), earlier.tolist(), near.tolist()
    ([1], [0], [0.5])
    """
    rows, others, amounts = [], [], []
    total = np.zeros(len(group))
    for back in range(1, min(NEAR_BACK, len(group) - 1) + 1):
        gap = second[back:] - second[:-back]
        near = (group[back:] == group[:-back]) & (user[back:] != user[:-back]) & (gap <= most_seconds)
        row = np.flatnonzero(near) + back
        amount = 2.0 ** (-gap[row - back] / HALF_NEAR)
        total[row] += amount
        rows.append(row)
        others.append(row - back)
        amounts.append(amount)
    if not rows:
        return np.array([], dtype=np.int64), np.array([], dtype=np.int64), np.array([])
    later, earlier, amount = (np.concatenate(parts) for parts in (rows, others, amounts))
    return later, earlier, amount / np.maximum(total[later], 1.0)
