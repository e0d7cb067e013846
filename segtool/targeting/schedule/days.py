"""On which days each user may be sent to: rolling windows over what was sent and what is planned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rhythm:
    """What users with the same channel and the same own cap may be sent.

    Parameters
    ----------
    own, every : tuple of (most, days)
        Windows on the user's own channel, and over all channels that count.
    gap : float
        Days from one send to the next, so that a week's sends do not fall on two days.
    """

    own: tuple[tuple[int, int], ...]
    every: tuple[tuple[int, int], ...]
    gap: float

    @property
    def reach(self) -> int:
        """Days back that any window looks."""
        return max([days for _, days in (*self.own, *self.every)] + [int(np.ceil(self.gap)), 1])


def choose_days(
    rhythm: np.ndarray,
    rhythms: Sequence[Rhythm],
    past_own: np.ndarray,
    past_all: np.ndarray,
    first: np.ndarray,
    most: np.ndarray,
    n_days: int,
) -> np.ndarray:
    """Give each user as many days as the caps leave, from the first on, a gap apart.

    Parameters
    ----------
    rhythm : ndarray of int, shape (n_users,)
        Position in ``rhythms``.
    past_own, past_all : ndarray of int, shape (n_users, n_past + n_days)
        What was sent on each day, column n_past being the plan's first day: a user whose clock is ahead of
        the study's may have been sent to on it already.
    first : ndarray of int, shape (n_users,)
        First day of the plan that is open, from 0.
    most : ndarray of int, shape (n_users,)
        Sends in all that a user may still get.
    n_days : int

    Returns
    -------
    ndarray of bool, shape (n_users, n_days)

    Notes
    -----
    Going forward in time, a window that ends today holds everything that can be in it: whoever passes
    all windows that end today breaks none, whatever comes later is checked then. This needs that nothing
    is planned up to the last day on which something was sent.
    """
    order = np.argsort(rhythm, kind="stable")
    n_past = past_own.shape[1] - n_days
    own, every = past_own[order], past_all[order]
    bounds = np.searchsorted(rhythm[order], np.arange(len(rhythms) + 1))
    gaps = np.array([each.gap for each in rhythms], dtype=float)[rhythm[order]]
    due, left = _first_due(first[order], own, every, gaps, n_past), most[order].copy()
    sent = np.zeros((len(order), n_days), dtype=bool)
    for day in range(n_days):
        end = n_past + day + 1
        for place, each in enumerate(rhythms):
            start, stop = bounds[place], bounds[place + 1]
            rows = start + np.flatnonzero((due[start:stop] <= day) & (left[start:stop] > 0))
            for grid, windows in ((own, each.own), (every, each.every)):
                for limit, days in windows:
                    held = grid[rows, max(end - days, 0) : end].sum(axis=1, dtype=np.int64)
                    rows = rows[held < limit]
            sent[rows, day] = True
            own[rows, end - 1] += 1
            every[rows, end - 1] += 1
            due[rows] = np.maximum(due[rows] + each.gap, day + np.floor(each.gap))
            left[rows] -= 1
    back = np.empty_like(sent)
    back[order] = sent
    return back


def _first_due(first: np.ndarray, own: np.ndarray, every: np.ndarray, gaps, n_past: int) -> np.ndarray:
    """Keep the gap from what was sent last on the own channel, and begin after whatever was sent last."""
    due = np.maximum(first, _last_day(own, n_past, -n_past - gaps) + gaps)
    return np.maximum(due, _last_day(every, n_past, -1) + 1)


def _last_day(sent: np.ndarray, n_past: int, never) -> np.ndarray:
    """Return the last day with a send, 0 being the plan's first."""
    last = sent.shape[1] - 1 - np.argmax(sent[:, ::-1] > 0, axis=1) - n_past
    return np.where(sent.any(axis=1), last, never)
