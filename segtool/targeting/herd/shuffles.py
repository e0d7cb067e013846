"""What chance would do: who would come when, if the times at which an item was taken up were dealt out anew.

The items a user takes up, and the times at which each is taken up in a circle, stay as they are; only
who came at which time is dealt out anew. Not every deal is as likely: a user can hardly have come in a
week in which it was not there, and one who takes up much comes early wherever it comes at all. The chance
of a deal is therefore the product of each user's activity at the time it is given.

No cards are drawn: the chance of each user for each time is computed, and with it mean, variance and
skewness of every score over all deals.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pandas as pd
from scipy import stats

ALL_DEALS = 5  # users: 120 deals
MESSAGES = 15  # of belief propagation; more change nothing
ROUNDS = 60  # at most, of scaling rows and columns
CELLS = 2_000_000  # of chances held at once
SMALL = 1e-3  # of skewness: as good as none


@dataclass(frozen=True, eq=False)
class Moments:
    """A score of each adoption, and what it would be over all deals.

    Parameters
    ----------
    seen, mean, variance, third : ndarray, shape (n_adoptions,)
        ``third`` is the third central moment.
    """

    seen: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    third: np.ndarray

    def by_user(self, user: np.ndarray, n_users: int, circles: np.ndarray) -> pd.DataFrame:
        """Sum over adoptions, shape (n_users, 4).

        Parameters
        ----------
        user : ndarray of int, shape (n_adoptions,)
        n_users : int
        circles : ndarray, shape (n_adoptions,)
            In how many circles the same adoption counts: those scores move together, so that their
            variance is as many times larger.
        """
        sums = {
            "seen": self.seen,
            "mean": self.mean,
            "variance": self.variance * circles,
            "third": self.third * circles**2,
        }
        return pd.DataFrame({name: np.bincount(user, value, n_users) for name, value in sums.items()})


def deal(group: np.ndarray, scores: dict[str, np.ndarray], slot_chance) -> dict[str, Moments]:
    """Return the moments of scores over all deals of times within groups.

    Parameters
    ----------
    group : ndarray of int, shape (n_adoptions,)
        Adoptions of one item in one circle, sorted.
    scores : dict of str to ndarray, shape (n_adoptions,)
        Score of the time of each adoption.
    slot_chance : callable
        Rows (n_groups, m) of adoptions -> log chance, shape (n_groups, m, m), of each for each time.

    Returns
    -------
    dict of str to Moments
    """
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    sizes = np.diff(np.r_[starts, len(group)])
    made = {name: np.zeros((3, len(group))) for name in scores}
    for size in np.unique(sizes):
        own = starts[sizes == size]
        step = max(1, CELLS // int(size) ** 2)
        for low in range(0, len(own), step):
            rows = own[low : low + step, None] + np.arange(size)
            shares = share_out(slot_chance(rows))
            for name, score in scores.items():
                made[name][:, rows] = _moments(shares, score[rows])
    return {name: Moments(score, *made[name]) for name, score in scores.items()}


def share_out(log_chance: np.ndarray) -> np.ndarray:
    """Return the chance of each user for each time, over all deals.

    Parameters
    ----------
    log_chance : ndarray, shape (n_groups, m, m)
        A deal is as likely as the product of its users' chances.

    Returns
    -------
    ndarray, shape (n_groups, m, m)
        Rows and columns sum to 1.

    Notes
    -----
    Up to `ALL_DEALS` users every deal is written out. Beyond, belief propagation (each user has one time,
    each time one user), then rows and columns are scaled to 1; on random chances of 6 to 8 users that is
    within 2 to 10 % of the spread, and scaling alone within 12 to 20 %.

    References
    ----------
    Huang, Jebara (2009), arXiv:0908.1769. Sinkhorn (1964), Ann. Math. Statist. 35:876.

    Examples
    --------
    >>> share_out(np.log([[[1.0, 3.0], [1.0, 1.0]]])).round(2).tolist()
    [[[0.25, 0.75], [0.75, 0.25]]]
    """
    size = log_chance.shape[2]
    if size <= ALL_DEALS:
        return _every_deal(log_chance)
    weight = np.exp(log_chance - log_chance.max(axis=2, keepdims=True))
    to_user = np.ones_like(weight)
    for _ in range(MESSAGES):
        to_time = _others(weight * to_user, 2)
        to_user = _others(weight * to_time, 1)
    odds = weight * to_time * to_user
    return _scale(odds / (1 + odds) + 1e-12)


def _every_deal(log_chance: np.ndarray) -> np.ndarray:
    size = log_chance.shape[2]
    deals = np.array(list(permutations(range(size))))
    weight = log_chance[:, np.arange(size), deals].sum(axis=2)
    weight = np.exp(weight - weight.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    has = (deals[:, :, None] == np.arange(size)).reshape(len(deals), -1).astype(float)
    return (weight @ has).reshape(log_chance.shape)


def _others(pull: np.ndarray, axis: int) -> np.ndarray:
    """Return one over the pull of all others along an axis: the odds that it is this one."""
    rest = pull.sum(axis=axis, keepdims=True) - pull
    return 1 / np.clip(rest, 1e-12, 1e12)


def _scale(shares: np.ndarray) -> np.ndarray:
    for _ in range(ROUNDS):
        shares = shares / shares.sum(axis=1, keepdims=True)
        total = shares.sum(axis=2, keepdims=True)
        shares /= total
        if np.abs(total - 1).max(initial=0) < 1e-4:
            break
    return shares


def _moments(shares: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Return mean, variance and third moment, shape (3, n_groups, m)."""
    mean = np.einsum("gus,gs->gu", shares, score)
    gap = score[:, None, :] - mean[:, :, None]
    return np.stack([mean, (shares * gap**2).sum(axis=2), (shares * gap**3).sum(axis=2)])


def upper_tail(sums: pd.DataFrame, step: float = 0.0) -> np.ndarray:
    """Return how seldom chance alone comes to a sum as large as the one seen, shape (n_users,).

    Parameters
    ----------
    sums : DataFrame
        seen, mean, variance, third, as from `Moments.by_user`.
    step : float
        Between two values that the sum can take; half of it is given to chance.

    Notes
    -----
    A gamma distribution with the three moments (Pearson's type III): sums of a few items are skewed, and
    the normal would call their tail too rare.

    References
    ----------
    Berry, Mielke (1983), Comm. Statist. 12:2161: permutation tests by the exact first three moments.
    """
    spread = np.sqrt(sums["variance"].to_numpy())
    known = spread > 1e-9
    safe = np.where(known, spread, 1.0)
    z = (sums["seen"].to_numpy() - step / 2 - sums["mean"].to_numpy()) / safe
    skew = np.clip(sums["third"].to_numpy() / safe**3, -4, 4)
    shape = 4 / np.maximum(skew**2, SMALL**2)
    point = shape + np.sign(skew) * z * np.sqrt(shape)
    right, left = stats.gamma.sf(point, shape), stats.gamma.cdf(point, shape)
    p = np.where(np.abs(skew) < SMALL, stats.norm.sf(z), np.where(skew > 0, right, left))
    return np.where(known, np.clip(p, 0, 1), 1.0)
