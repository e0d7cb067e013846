"""Whom to ask to share: what each has brought, who listens, and no more than a few of each circle."""

from __future__ import annotations

import heapq

import numpy as np
import pandas as pd
from scipy import sparse, special

MONTH_DAYS = 30.0
LEAST_LISTENERS = 0.5  # whom nobody listens to much may still bring a friend
LEAST_CIRCLE = 5
LEAST_GAIN = 0.1  # of the first of the circle; asking for less is not worth the favour
# Of the prior, and never firmer than four people brought would be; of what listeners and willingness tell.
SHAPES = np.array([0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 4.0])
POWERS = (0.0, 0.5, 1.0)
SEEDS = [
    "user_id", "circle", "rank", "expected", "lo", "hi", "months", "shared_months", "brought", "listeners",
    "reached_already", "reason",
]  # fmt: skip


def pick_seeds(
    listening: sparse.csr_matrix,
    strength: np.ndarray,
    circle: np.ndarray,
    per_circle: np.ndarray,
    allowed: np.ndarray,
    n_seeds: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Pick whom to ask, each for those not yet reached by the ones before, at most so many of a circle.

    Parameters
    ----------
    listening : csr_matrix, shape (n, n)
        Row: who listens; column: to whom; the shares of each row's attention (weighted cascade).
    strength : ndarray of float, shape (n,)
        Expected shares of each if nobody else is asked.
    circle : ndarray of int, shape (n,)
        -1: in none.
    per_circle : ndarray of int, shape (n_circles,)
        Most seeds of each.
    allowed : ndarray of bool, shape (n,)
    n_seeds : int, optional
        All that the circles allow when not given.

    Returns
    -------
    seeds : ndarray of int
        Positions, the best first.
    left : ndarray of float, same shape
        Share of the seed's listeners' attention that earlier seeds do not reach.

    Notes
    -----
    The degree discount of Chen, Wang & Yang (2009), with weights: after each pick, those who listen to it
    count less for the others. The gain only falls, so a heap of old values finds the best (Minoux 1978).

    Examples
    --------
    >>> listening = sparse.csr_matrix(np.array([[0, 0, 0], [0.5, 0, 0.5], [1, 0, 0]], dtype=float))
    >>> every = np.ones(3, dtype=bool)
    >>> seeds, left = pick_seeds(listening, np.array([2.0, 1.0, 1.0]), np.zeros(3, int), np.array([2]), every)
    >>> seeds.tolist(), left.tolist()
    ([0, 1], [1.0, 1.0])
    """
    heard = listening.tocsc()
    reach = np.asarray(listening.sum(axis=0)).ravel()
    unreached = np.ones(len(strength))  # of each listener's attention

    def left_of(user):
        if not reach[user]:
            return 1.0
        own = slice(heard.indptr[user], heard.indptr[user + 1])
        return float((heard.data[own] * unreached[heard.indices[own]]).sum() / reach[user])

    room = per_circle.copy()
    candidates = np.flatnonzero(allowed & (circle >= 0) & (strength > 0))
    # Ties are broken by position, which is the order of user ids: the same whatever the order of the rows.
    heap = [(-float(strength[user]), int(user)) for user in candidates]
    heapq.heapify(heap)
    seeds, left = [], []
    while heap and (n_seeds is None or len(seeds) < n_seeds):
        before, user = heapq.heappop(heap)
        if not room[circle[user]]:
            continue
        share = left_of(user)
        gain = -float(strength[user]) * share
        if heap and (gain, user) > heap[0] and gain > before:
            heapq.heappush(heap, (gain, user))
            continue
        seeds.append(user)
        left.append(share)
        room[circle[user]] -= 1
        own = slice(heard.indptr[user], heard.indptr[user + 1])
        unreached[heard.indices[own]] *= 1 - heard.data[own]
        unreached[user] = 0.0  # whoever is asked need not be reached
    return np.array(seeds, dtype=np.int64), np.array(left)


def share_attention(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return each row's weights as shares of their sum: to whom somebody listens, out of all.

    References
    ----------
    Kempe, Kleinberg & Tardos 2003, Maximizing the spread of influence (weighted cascade).
    """
    matrix = sparse.csr_matrix(matrix, dtype=float).copy()
    matrix.setdiag(0)
    matrix.eliminate_zeros()
    sums = np.asarray(matrix.sum(axis=1)).ravel()
    matrix.data /= np.repeat(np.where(sums > 0, sums, 1.0), np.diff(matrix.indptr))
    return matrix


def expect_shares(acts: pd.DataFrame, listeners: np.ndarray) -> tuple[pd.DataFrame, bool]:
    """Return how many people each would bring in a month, from their own record and from who listens.

    Parameters
    ----------
    acts : DataFrame, shape (n, ...)
        months (watched), shared_months (of them, with a share or an invitation on record) and brought
        (people who joined by their invitation).
    listeners : ndarray of float, shape (n,)
        Sum of the shares of others' attention.

    Returns
    -------
    expected : DataFrame, shape (n, 4)
        expected, and a, b, scale of its distribution, see `bound_shares`.
    in_people : bool
        Whether ``expected`` is people brought; else, where nobody is known to have brought anybody, it is
        listeners reached and only ranks.

    Notes
    -----
    Willing is Beta-binomial: months shared of months watched, drawn to that of all. What listeners and
    willingness let expect is scaled to all that were brought, and is the mean of a Gamma prior; own
    invitations count as Poisson. How much listeners and willingness tell, and how firm the prior is, is the
    likeliest of a small grid.
    """
    months, shared, brought = (
        acts[name].to_numpy(dtype=float) for name in ("months", "shared_months", "brought")
    )
    # Where nothing is on record, all are as willing.
    a, b = _willing(shared, months) if shared.any() else (np.ones(len(acts)), np.zeros(len(acts)))
    listeners = np.maximum(listeners, LEAST_LISTENERS)
    if not brought.sum():
        return pd.DataFrame({"expected": a / (a + b) * listeners, "a": a, "b": b, "scale": listeners}), False
    prior, shape = _fit_prior(brought, months, a / (a + b), listeners)
    posterior, rate = shape + brought, shape / np.maximum(prior, 1e-12) + months
    return pd.DataFrame({"expected": posterior / rate, "a": posterior, "b": np.nan, "scale": 1 / rate}), True


def bound_shares(expected: pd.DataFrame, in_people: bool, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return lo and hi of what `expect_shares` found: of a Gamma, or of a Beta where only ranks are known."""
    a, b, scale = (expected[name].to_numpy(dtype=float) for name in ("a", "b", "scale"))
    ends = ((1 - confidence) / 2, (1 + confidence) / 2)
    if in_people:
        return tuple(special.gammaincinv(a, end) * scale for end in ends)
    return tuple(
        np.where(b > 0, special.betaincinv(a, np.maximum(b, 1e-9), end), 1.0) * scale for end in ends
    )


def _fit_prior(brought, months, willing, listeners) -> tuple[np.ndarray, float]:
    """Return each one's prior mean and the prior's shape: of few candidates, the likeliest.

    How much listeners and willingness tell of who is brought differs from community to community; where
    they tell nothing, their powers are 0 and all have the same prior.
    """
    best = (-np.inf, None, 1.0)
    told = special.gammaln(brought[:, None] + SHAPES) - special.gammaln(SHAPES)
    for of_willing in (0.0, 1.0):
        for of_listeners in POWERS:
            prior = willing**of_willing * listeners**of_listeners
            prior = prior * brought.sum() / (prior * months).sum()
            mean = (prior * months)[:, None]
            # Negative binomial; what does not hang on prior and shape is left out.
            likely = told + special.xlogy(brought[:, None], mean / (mean + SHAPES))
            likely = (likely - SHAPES * np.log1p(mean / SHAPES)).sum(axis=0).round(6)
            if likely.max() > best[0]:
                best = (float(likely.max()), prior, float(SHAPES[likely.argmax()]))
    return best[1], best[2]


def _willing(shared: np.ndarray, months: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the Beta of each one's probability to share in a month, drawn to that of all."""
    months = np.maximum(months, shared)
    mean = float(np.clip(shared.sum() / max(months.sum(), 1.0), 1e-3, 1 - 1e-3))
    seen = months > 0
    noise = mean * (1 - mean) / months[seen]
    between = max(float(((shared[seen] / months[seen] - mean) ** 2 - noise).mean()), 1e-3)
    size = max(mean * (1 - mean) / between - 1, 0.5)
    return mean * size + shared, (1 - mean) * size + months - shared


def name_seeds(
    user_ids: np.ndarray,
    circles: tuple[np.ndarray, np.ndarray],
    acts: pd.DataFrame,
    listening: sparse.csr_matrix,
    *,
    allowed: np.ndarray,
    seeds_per_circle: int,
    confidence: float,
) -> tuple[pd.DataFrame, bool]:
    """Return whom to ask to share.

    Parameters
    ----------
    user_ids : ndarray of str, shape (n,)
    circles : tuple of ndarray
        Code of each user's circle (n,), -1 for none; names of the circles.
    acts : DataFrame, shape (n, ...)
        See `expect_shares`.
    listening : csr_matrix, shape (n, n)
        As from `share_attention`.
    allowed : ndarray of bool, shape (n,)
        Who may be asked.
    seeds_per_circle : int
    confidence : float

    Returns
    -------
    seeds : DataFrame
        user_id, circle, rank (in all), expected (people brought in a month beyond what the ranks before
        bring) with lo and hi, months, shared_months, brought, listeners (people who give attention),
        reached_already (share of their attention that is reached by ranks before), reason.
    in_people : bool
        See `expect_shares`.
    """
    circle, names = circles
    attention = np.asarray(listening.sum(axis=0)).ravel()
    expected, in_people = expect_shares(acts, attention)
    sizes = np.bincount(circle[circle >= 0], minlength=len(names))
    per_circle = np.where(sizes >= LEAST_CIRCLE, seeds_per_circle, 0)
    seeds, left = pick_seeds(listening, expected["expected"].to_numpy(), circle, per_circle, allowed)
    lo, hi = bound_shares(expected.iloc[seeds], in_people, confidence)
    listeners = np.bincount(listening.indices, minlength=len(user_ids))
    table = pd.DataFrame(
        {
            "user_id": user_ids[seeds],
            "circle": names[circle[seeds]] if len(seeds) else np.array([], dtype=object),
            "rank": np.arange(1, len(seeds) + 1),
            "expected": expected["expected"].to_numpy()[seeds] * left,
            "lo": lo * left,
            "hi": hi * left,
            **{name: acts[name].to_numpy()[seeds] for name in ("months", "shared_months", "brought")},
            "listeners": listeners[seeds],
            "reached_already": np.clip(1 - left, 0, 1),
        }
    )
    best = table.groupby("circle")["expected"].transform("max")
    table = table[(table["expected"] >= LEAST_GAIN * best) & (table["expected"] > 0)].reset_index(drop=True)
    table["rank"] = np.arange(1, len(table) + 1)
    # Rounded: sums over ties differ in their last bits with the order of their rows.
    table = table.round({"expected": 6, "lo": 6, "hi": 6, "reached_already": 6})
    table["reason"] = [_reason(row) for row in table.itertuples()]
    return table[SEEDS], in_people


def _reason(row) -> str:
    parts = []
    if row.shared_months:
        parts.append(f"shared or invited in {row.shared_months:.0f} of {row.months:.0f} months")
    if row.brought:
        parts.append(f"brought {row.brought:.0f} {'person' if row.brought == 1 else 'people'}")
    if row.listeners:
        parts.append(
            f"{row.listeners} {'person gives' if row.listeners == 1 else 'people give'} them attention"
        )
    if row.reached_already >= 0.1:
        parts.append(f"{row.reached_already:.0%} of these listen to somebody asked before")
    return "; ".join(parts)
