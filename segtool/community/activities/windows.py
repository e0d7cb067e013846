"""What a stretch of days held, and what it would have held as usual: by the days before and by other groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtool.community.activities.panel import BEFORE, Panel

LEAST_CLEAN = 0.7  # share of a window's days that must be untouched for its count to stand for it
LEAST_DAYS = 10  # untouched days before, below which "as usual" is not known
FAR = np.log(4.0)  # groups more than four times as busy, or a quarter, are no match
SLUMP, SLUMP_SURE = (
    0.9,
    1.645,
)  # at most so many times the pace of the weeks before those, by a one-sided 95 %
DAYS_SCATTER = 2.0  # days scatter more than counts by chance: about twice their variance
LEAST_EARLIER = 20  # days before those, below which nobody knows whether it was a slump


@dataclass(frozen=True)
class Counted:
    """Running sums of one measure over days that count: its counts, their weekday weights, and the days.

    Parameters
    ----------
    sums : ndarray, shape (n_rows, n_days + 1, 3)
    """

    sums: np.ndarray

    def until(self, rows: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Return the sums up to a day, of the shape of ``rows`` and 3."""
        return self.sums[rows, np.clip(day, 0, self.sums.shape[1] - 1)]

    def between(self, rows: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Return count, weekday weight and days of windows along the last axis."""
        return self.until(rows, high) - self.until(rows, low)

    def pace(self) -> np.ndarray:
        """Return each row's count per day over the whole record."""
        return self.sums[:, -1, 0] / np.maximum(self.sums[:, -1, 2], 1)


@dataclass(frozen=True)
class Base:
    """What is usual before the starts of activities, or of placebos, there and in matched groups.

    Parameters
    ----------
    rows, near : ndarray
        Rows of the windows' own sums, (n,), and of their matched groups, (n, n_controls) with -1 for none.
    pace, said, days : ndarray, shape (n,)
        Count on a usual day, and the count and days that rests on.
    near_pace, near_said, near_days : ndarray, shape (n, n_controls)
    slump : ndarray, shape (n,)
        Log of that pace beside the one of twice as many days before those, less that of the matched groups.
    in_slump : ndarray of bool, shape (n,)
        Whether it is lower for sure.
    """

    rows: np.ndarray
    near: np.ndarray
    pace: np.ndarray
    said: np.ndarray
    days: np.ndarray
    near_pace: np.ndarray
    near_said: np.ndarray
    near_days: np.ndarray
    slump: np.ndarray
    in_slump: np.ndarray


@dataclass(frozen=True)
class Windows:
    """What windows held and what the days before them led to expect, shape (n_windows,) each.

    Parameters
    ----------
    seen : ndarray
        Count over untouched days of the window.
    usual : ndarray
        What the days before, at the pace of their weekdays, lead to expect on those days.
    base : ndarray
        Count that ``usual`` rests on.
    days, base_days : ndarray
        How many days of the window, and of those before, that rests on.
    control_seen, control_usual, control_base, n_controls : ndarray
        The same, summed over matched groups that no activity touched then.
    slump, in_slump : ndarray
        As of `Base`.
    """

    seen: np.ndarray
    usual: np.ndarray
    base: np.ndarray
    days: np.ndarray
    base_days: np.ndarray
    control_seen: np.ndarray
    control_usual: np.ndarray
    control_base: np.ndarray
    n_controls: np.ndarray
    slump: np.ndarray
    in_slump: np.ndarray


def count_days(counts: np.ndarray, clean: np.ndarray, weekday: np.ndarray) -> Counted:
    """Return running sums over the days that are clean."""
    sums = np.zeros((counts.shape[0], counts.shape[1] + 1, 3))
    for place, values in enumerate((counts * clean, clean * weekday, clean)):
        np.cumsum(values, axis=1, out=sums[:, 1:, place])
    return Counted(sums)


def read_base(
    own: Counted, rows: np.ndarray, others: Counted, near, start: np.ndarray, base_days: int
) -> Base:
    """Return what is usual before each start.

    Parameters
    ----------
    own, others : Counted
        Running sums of the groups in question, and of all groups, over days that may tell what is usual.
    rows, near : ndarray of int
        As of `Base`.
    start : ndarray of int, shape (n,)
        First day of the activity: the days before its announcement are what is usual.
    base_days : int
        How many days count, at the longest twice of them when many were touched.
    """
    around, then = np.maximum(near, 0), start[:, None]
    pace, near_pace = _pace(own, rows, start, base_days), _pace(others, around, then, base_days)
    due, early = _earlier(own, rows, start, base_days)
    near_due, near_early = _earlier(others, around, then, base_days)
    good = (near >= 0) & (near_pace[2] >= LEAST_DAYS) & (near_early > 0)
    near_said, near_due, n_early = (
        np.where(good, values, 0.0).sum(axis=1) for values in (near_pace[1], near_due, near_early)
    )
    theirs = np.where(n_early > 0, np.log((near_said + 0.5) / (near_due + 0.5)), 0.0)
    told = (early > 0) & (pace[2] >= LEAST_DAYS)
    slump = np.where(told, np.log((pace[1] + 0.5) / (due + 0.5)) - theirs, 0.0)
    doubt = DAYS_SCATTER * sum(1 / (n + 0.5) for n in (due, early))
    doubt = doubt + np.where(n_early > 0, DAYS_SCATTER * (1 / (near_due + 0.5) + 1 / (n_early + 0.5)), 0.0)
    in_slump = told & (slump + SLUMP_SURE * np.sqrt(doubt) < np.log(SLUMP))
    return Base(rows, near, *pace, *near_pace, slump, in_slump)


def _earlier(own: Counted, rows, start, base_days: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what the days before those that are usual led to expect of them, and the count that rests on."""
    until, once, thrice = (own.until(rows, start - BEFORE - back) for back in (0, base_days, 3 * base_days))
    found, recent = once - thrice, until - once
    enough = found[..., 2] >= LEAST_EARLIER
    said, weight = np.where(enough, found[..., 0], 0.0), np.maximum(found[..., 1], 1e-9)
    return said / weight * recent[..., 1], said


def _pace(own: Counted, rows, start, base_days: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the count per usual day before an activity, and the count and days that rests on."""
    end = start - BEFORE
    until, once, twice = (own.until(rows, end - back) for back in (0, base_days, 2 * base_days))
    short = (until - once)[
        ..., 2
    ] < base_days / 2  # other activities took too many of them: look further back
    found = until - np.where(short[..., None], twice, once)
    said, weight, days = (found[..., place] for place in range(3))
    return np.divide(said, weight, out=np.zeros_like(said), where=weight > 0), said, days


def read_windows(base: Base, inside: Counted, others: Counted, low: np.ndarray, high: np.ndarray) -> Windows:
    """Return what windows held, and what was usual.

    Parameters
    ----------
    base : Base
    inside, others : Counted
        Running sums over the days that count in the windows, and those of all groups.
    low, high : ndarray of int, shape (n,)
        The window: first day, and the day after its last.
    """
    seen, weight, days = inside.between(base.rows, low, high).T
    low, high = low[:, None], high[:, None]
    found = others.between(np.maximum(base.near, 0), low, high)
    enough = found[..., 2] >= LEAST_CLEAN * np.maximum(high - low, 1)
    good = (base.near >= 0) & (base.near_days >= LEAST_DAYS) & enough
    controls = (
        np.where(good, values, 0.0).sum(axis=1)
        for values in (found[..., 0], base.near_pace * found[..., 1], base.near_said)
    )
    return Windows(seen, base.pace * weight, base.said, days, base.days, *controls, good.sum(axis=1),
                   base.slump, base.in_slump)  # fmt: skip


def match_groups(panel: Panel, group: np.ndarray, start: np.ndarray, n_controls: int) -> np.ndarray:
    """Return for each start the groups most like the group in pace and people until then, -1 for none.

    Only days before count: what came after may be the activity's doing, and would choose what it is held
    against.

    Returns
    -------
    ndarray of int, shape (n_starts, at most n_controls)
    """
    from scipy.spatial import cKDTree

    clean = panel.alive & (panel.touched == 0)
    said, people, days = (
        np.cumsum(np.pad(values * clean, ((0, 0), (1, 0))), axis=1)
        for values in (panel.counts["messages"], panel.counts["active members"], 1.0)
    )
    near = np.full((len(group), max(n_controls, 1)), -1)
    until = np.clip(start - BEFORE, 0, panel.n_days)
    order = np.argsort(until, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(until[order])) + 1):
        if not len(rows):
            continue
        day = until[rows[0]]
        n = np.maximum(days[:, day], 1)
        alive = np.flatnonzero(said[:, day] > 0)
        if len(alive) < 2:
            continue
        place = np.column_stack([np.log(said[:, day] / n + 0.05), 0.5 * np.log(people[:, day] / n + 0.05)])
        k, own = min(n_controls + 1, len(alive)), group[rows]
        found = alive[cKDTree(place[alive]).query(place[own], k=k)[1].reshape(len(rows), k)]
        wrong = (found == own[:, None]) | (np.abs(place[found, 0] - place[own, :1]) > FAR)
        found = np.where(wrong, -1, found)
        first = np.argsort(found < 0, axis=1, kind="stable")  # those left come first
        found = np.take_along_axis(found, first, axis=1)[:, :n_controls]
        near[rows, : found.shape[1]] = found
    return near
