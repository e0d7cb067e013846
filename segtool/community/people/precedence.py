"""Whether others of a circle take up what somebody judged, after rather than before it."""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np
import pandas as pd
from scipy import special

from segtool.community.people.judgements import Judgements

ELSEWHERE = 5.0  # uptakes' worth of the usual course of items, where few others took an item up
AGE_EDGES = np.array([0, 1, 2, 3, 5, 7, 10, 14, 21, 28, 42, 56, 84, 112, 168, 365, 10_000.0])
ALL_SIGNS = 10  # items up to which every way of turning time round is counted out; the normal is close beyond
MOMENT = 1e-5  # days; what happens in the same second is neither before nor after


def count_followers(judgements: Judgements, lag_days: float) -> pd.DataFrame:
    """Count who took up an item within the lag after and before each judgement, and how many were expected.

    Parameters
    ----------
    judgements : Judgements
    lag_days : float

    Returns
    -------
    DataFrame
        One row per judgement of an item that others of the circle took up, too: user, circle, item,
        n_others (of the circle, at any time), after, before, after_expected, before_expected.

    Notes
    -----
    Given how many of the circle took the item up at all, which is taste, each would have done so at the
    times at which people outside the circle did, which is the item's course: its launch, its offers. Where
    few did elsewhere, the usual course of items since their first day fills in.
    """
    rows = np.flatnonzero(np.isfinite(judgements.judged))
    at = judgements.judged[rows]
    item, circle = judgements.item[rows], judgements.circle[rows]
    key = judgements.circle.astype(np.int64) * (int(judgements.item.max(initial=0)) + 1) + judgements.item
    key = np.unique(key, return_inverse=True)[1]  # small numbers keep the seconds of times beside them
    inside = _Counter(key, judgements.time, lag_days)
    everywhere = _Counter(judgements.all_item, judgements.all_time, lag_days)
    own = key[rows]
    n_others = inside.total(own) - 1
    kept = n_others > 0
    rows, at, item, circle, own, n_others = (one[kept] for one in (rows, at, item, circle, own, n_others))
    table = pd.DataFrame(
        {"user": judgements.user[rows], "circle": circle, "item": item, "n_others": n_others}
    )
    elsewhere = everywhere.total(item) - inside.total(own)
    course = _usual_course(judgements)
    launch = judgements.all_time[np.searchsorted(judgements.all_item, item)]
    for name, low, high in (("after", at + MOMENT, at + lag_days), ("before", at - lag_days, at - MOMENT)):
        seen = inside.between(own, low, high)
        # One's own first uptake (a purchase before the like) is nobody else's.
        mine = judgements.time[rows]
        seen = seen - ((mine > low) & (mine <= high))
        outside = everywhere.between(item, low, high) - inside.between(own, low, high)
        usual = _share_of_course(course, low - launch, np.minimum(high, 0.0) - launch)
        share = (outside + ELSEWHERE * usual) / (elsewhere + ELSEWHERE)
        table[name], table[f"{name}_expected"] = seen, n_others * share
    return table


class _Counter:
    """Counts times of a key between two moments, all keys at once."""

    def __init__(self, key: np.ndarray, time: np.ndarray, lag_days: float):
        # Wider by the lag on both sides, so that the windows of two keys do not meet.
        self.low = float(time.min(initial=0.0)) - lag_days - 1
        self.span = lag_days + 1 - self.low
        self.place = np.sort(key * self.span + (time - self.low))

    def between(self, key: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Return how many lie above low and up to high."""
        ends = (
            np.searchsorted(self.place, key * self.span + (one - self.low), side="right")
            for one in (low, high)
        )
        first, last = ends
        return last - first

    def total(self, key: np.ndarray) -> np.ndarray:
        """Return how many there are of each key."""
        return np.searchsorted(self.place, (key + 1) * self.span) - np.searchsorted(
            self.place, key * self.span
        )


def _usual_course(judgements: Judgements) -> np.ndarray:
    """Return the share of uptakes by days since an item's first one, cumulated at `AGE_EDGES`."""
    first = judgements.all_time[np.searchsorted(judgements.all_item, judgements.all_item)]
    age = judgements.all_time - first
    return np.array([(age < edge).mean() if len(age) else 0.0 for edge in AGE_EDGES])


def _share_of_course(course: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    ends = (np.interp(one, AGE_EDGES, course, left=0.0) for one in (low, high))
    first, last = ends
    return np.maximum(last - first, 0.0)


def judge_users(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Test for each user whether others come after rather than before, beyond what was expected.

    Parameters
    ----------
    table : DataFrame
        As of `count_followers`.
    confidence : float
        Of the interval of the ratio.

    Returns
    -------
    DataFrame
        user, n_circles, n_judged, after, after_expected, before, before_expected, ratio (after, over
        expected; shrunken), lo, hi, p.

    Notes
    -----
    What an item's uptake after exceeds its expectation by, less the same before, is as likely to be
    positive as negative where nobody follows: a launch, an offer or a post that moves the whole circle
    falls on both sides of a judgement. So signs are flipped by item: all ways up to ten items, beyond by
    the normal.
    """
    gain = (table["after"] - table["after_expected"]) - (table["before"] - table["before_expected"])
    sums = table.assign(gain=gain, square=gain**2).groupby("user", sort=True)
    users = sums[["after", "after_expected", "before", "before_expected", "gain", "square"]].sum()
    users["n_circles"] = sums["circle"].nunique()
    users["n_judged"] = sums.size()
    z = users["gain"] / np.sqrt(users["square"].clip(lower=1e-12))
    users["p"] = special.ndtr(-z.to_numpy())
    few = users.index[(users["n_judged"] <= ALL_SIGNS) & (users["p"] < 0.2)]
    own = table["user"].isin(few).to_numpy()
    for user, gains in gain[own].groupby(table["user"].to_numpy()[own]):
        users.at[user, "p"] = flip_signs(gains.to_numpy())
    shape = users["after"] + 1.0
    worth = users["after_expected"] + 1.0
    tail = (1 - confidence) / 2
    users["ratio"] = shape / worth
    users["lo"], users["hi"] = (special.gammaincinv(shape, one) / worth for one in (tail, 1 - tail))
    return users.reset_index()


def flip_signs(gain: np.ndarray) -> float:
    """Return the share of all ways to flip signs that come to as large a sum.

    Examples
    --------
    >>> flip_signs(np.array([1.0, 1.0, 1.0])), flip_signs(np.array([1.0, -1.0]))
    (0.125, 0.75)
    """
    return float((_all_signs(len(gain)) @ gain >= gain.sum() - 1e-9).mean())


@lru_cache
def _all_signs(n: int) -> np.ndarray:
    return np.array(list(product([1.0, -1.0], repeat=n)))
