"""Lists that are not about one thing alone, and cost little of what people want."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.checks import check_columns, check_in, check_number
from segtool.errors import InputError, ParameterError
from segtool.targeting.lists.candidates import Kinds, best_items, read_kinds, scaled

METHODS = ("mmr", "mmr_closest", "calibrate", "none")
# Measured to cost 1 to 3 % of the quality (benchmarks/diversity.py).
USUAL_WEIGHT = {"mmr": 0.2, "mmr_closest": 0.1, "calibrate": 0.05, "none": 0.0}
SMOOTHING = 0.01  # of the profile in the list's own shares, so that a topic not yet in it costs no infinity
CELLS_AT_ONCE = 4_000_000
POOL = 100


def diversify(
    scores: np.ndarray,
    topics,
    k: int = 10,
    *,
    method: str = "mmr",
    weight: float | None = None,
    profile: np.ndarray | None = None,
    excluded: sparse.spmatrix | np.ndarray | None = None,
    max_topic_share: float = 0.4,
    pool: int = POOL,
) -> np.ndarray:
    """Choose k items per user, wanted and varied.

    Parameters
    ----------
    scores : ndarray, shape (n_users, n_items)
        Higher is better; NaN or minus infinity is no candidate.
    topics : sequence of str, shape (n_items,), or matrix of 0/1, shape (n_items, n_topics)
        The topic of each item, or its topics. An item without one counts against no cap.
    k : int
    method : {"mmr", "mmr_closest", "calibrate", "none"}
        "mmr" makes each next item unlike those before it, on the whole; "mmr_closest" unlike each of them;
        "calibrate" keeps the list's shares of topics near the user's profile.
    weight : float, optional
        0 is the order of the scores, 1 looks at nothing but variety. By default .2 for "mmr", .1 for
        "mmr_closest" and .05 for "calibrate".
    profile : ndarray, shape (n_users, n_topics), optional
        Share of each topic in what a user asks for, rows adding up to 1; shrunk shares do better than a
        user's own counts. Needed by "calibrate".
    excluded : matrix of 0/1, shape (n_users, n_items), optional
        What was sent lately.
    max_topic_share : float
        Of a list of k that may bear one topic; at least one item may. Where other topics run out the list
        is shorter. 1 for no such cap.
    pool : int
        Candidates a list is chosen from, the best by score.

    Returns
    -------
    ndarray of int, shape (n_users, k)
        Positions of items, in the order of choice; -1 where none is left.

    Raises
    ------
    ParameterError, InputError
        If an option is unknown, or the shapes do not fit.

    Notes
    -----
    All are greedy on scores scaled to 0 to 1 over a user's candidates. MMR [1]_ takes next the item with
    the highest ``(1 - w) score - w cosine``, the cosine being the mean to those taken, or ("mmr_closest",
    as first published) the highest. Where an item has one topic the highest is 0 or 1 from the first item
    on, and a weight of .2 was seen to cost 1.8 to 5.3 %, the mean 1.2 to 1.4 %. Calibration [2]_ takes the
    item that makes ``(1 - w) sum of scores - w KL(p || (1 - .01) q + .01 p)`` highest, p the profile and q
    the shares of the list; greedy is within 1 - 1/e of the best.

    References
    ----------
    .. [1] Carbonell and Goldstein, "The Use of MMR", SIGIR 1998, https://doi.org/10.1145/290941.291025
    .. [2] Steck, "Calibrated Recommendations", RecSys 2018, https://doi.org/10.1145/3240323.3240372

    Examples
    --------
    >>> scores = np.array([[0.9, 0.88, 0.87, 0.2]])
    >>> diversify(scores, ["tea", "tea", "milk", "milk"], 2, max_topic_share=1).tolist()
    [[0, 2]]
    >>> diversify(scores, ["tea", "tea", "milk", "milk"], 2, method="none", max_topic_share=1).tolist()
    [[0, 1]]
    """
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 2:
        raise InputError(f"scores has {scores.ndim} dimension(s).", "a matrix of users and items.")
    weight = _check(k, method, weight, max_topic_share, pool)
    kinds = read_kinds(topics, scores.shape[1])
    profile = _check_profile(profile, method, len(scores), kinds)
    excluded = None if excluded is None else sparse.csr_array(excluded)
    if excluded is not None and excluded.shape != scores.shape:
        raise InputError(f"excluded has the shape {excluded.shape}, the scores {scores.shape}.", "one shape.")
    chosen = np.full((len(scores), k), -1)
    step = max(1, CELLS_AT_ONCE // max(scores.shape[1], 1))
    for start in range(0, len(scores), step):
        here = slice(start, start + step)
        own = scores[here]
        if excluded is not None:
            own = np.where(excluded[here].toarray() != 0, -np.inf, own)
        items, values = best_items(own, max(pool, k))
        part = None if profile is None else profile[here]
        chosen[here] = choose_varied(items, values, kinds, k, method, weight, part, max_topic_share)
    return chosen


def _check(k, method, weight, max_topic_share, pool) -> float:
    check_number("k", k, low=1, integer=True)
    check_number("pool", pool, low=1, integer=True)
    check_in("method", method, METHODS)
    check_number("max_topic_share", max_topic_share, low=0, high=1, low_open=True)
    return check_number("weight", USUAL_WEIGHT[method] if weight is None else weight, low=0, high=1)


def _check_profile(profile, method: str, n_users: int, kinds: Kinds) -> np.ndarray | None:
    if method != "calibrate":
        return None
    if profile is None:
        raise ParameterError(
            'method is "calibrate", and there is no profile.', "the share of each topic per user."
        )
    profile = np.asarray(profile, dtype=float)
    if profile.shape != (n_users, len(kinds.names)):
        raise InputError(
            f"profile has the shape {profile.shape}.",
            f"one row per user and one column per topic, {(n_users, len(kinds.names))}.",
        )
    total = profile.sum(axis=1, keepdims=True)
    return np.divide(profile, total, out=np.full_like(profile, 1 / max(profile.shape[1], 1)), where=total > 0)


def choose_varied(
    items: np.ndarray,
    values: np.ndarray,
    kinds: Kinds,
    k: int,
    method: str,
    weight: float,
    profile,
    max_share: float,
) -> np.ndarray:
    """Choose from candidates laid out per user; see `diversify`.

    Parameters
    ----------
    items, values : ndarray, shape (n_users, width)
        Candidates, best first, and their scores; -1 for none.
    """
    n_users, width = items.shape
    kind = np.where(items >= 0, kinds.of_item[items], 0)
    value = scaled(np.where(items >= 0, values, -np.inf))
    open_to = items >= 0
    most = max(1, int(np.floor(max_share * k + 1e-9)))
    capped = most < k and len(kinds.names) > 1
    held = np.zeros((n_users, len(kinds.names)))
    likeness = np.zeros((n_users, width))
    everyone, chosen = np.arange(n_users), np.full((n_users, k), -1)
    mass = np.zeros_like(held)
    for place in range(k):
        if method == "calibrate":
            gain = (1 - weight) * value - weight * _divergence(profile, mass, kinds, kind)
        else:
            gain = (1 - weight) * value - weight * likeness / (max(place, 1) if method == "mmr" else 1)
        gain = np.where(open_to, gain, -np.inf)
        best = np.argmax(gain, axis=1)
        there = np.isfinite(gain[everyone, best])
        chosen[there, place] = items[everyone, best][there]
        open_to[everyone, best] = False
        taken = np.where(there, kind[everyone, best], 0)
        held += kinds.topics[taken] * there[:, None]
        mass += kinds.shares[taken] * there[:, None]
        if method in ("mmr", "mmr_closest"):
            near = kinds.likeness[kind, taken[:, None]] * there[:, None]
            likeness = likeness + near if method == "mmr" else np.maximum(likeness, near)
        if capped:
            full = held >= most
            closed = (full @ kinds.topics.T) > 0
            open_to &= ~np.take_along_axis(closed, kind, axis=1)
    return chosen


def _divergence(profile: np.ndarray, mass: np.ndarray, kinds: Kinds, kind: np.ndarray) -> np.ndarray:
    """Return KL(p || q) of each list with one item more, for every candidate, shape (n_users, width).

    Adding an item changes q only at the item's topics, so each topic is computed twice, not once per kind.
    """
    n = mass.sum(axis=1, keepdims=True) + 1

    def part(held: np.ndarray) -> np.ndarray:
        q = (1 - SMOOTHING) * held / n + SMOOTHING * profile
        return np.where(profile > 0, profile * np.log(np.maximum(profile, 1e-300) / np.maximum(q, 1e-300)), 0)

    plain = part(mass)
    total = np.repeat(plain.sum(axis=1, keepdims=True), len(kinds.topics), axis=1)
    for share in np.unique(kinds.shares[kinds.shares > 0]):
        bearing = np.isclose(kinds.shares, share)
        total += (part(mass + share) - plain) @ bearing.T
    return np.take_along_axis(total, kind, axis=1)


def diversify_lists(
    candidates: pd.DataFrame,
    k: int = 10,
    *,
    method: str = "mmr",
    weight: float | None = None,
    profile: pd.DataFrame | None = None,
    max_topic_share: float = 0.4,
) -> pd.DataFrame:
    """Do the same for a table of candidates.

    Parameters
    ----------
    candidates : DataFrame
        user_id, item_id, topic, score.
    profile : DataFrame, optional
        user_id, topic, share.

    Returns
    -------
    DataFrame
        user_id, rank, item_id, topic, score: users in the order of their ids.

    Examples
    --------
    >>> candidates = pd.DataFrame({"user_id": "a", "item_id": ["1", "2", "3", "4"],
    ...     "topic": ["tea", "tea", "milk", "milk"], "score": [0.9, 0.88, 0.87, 0.2]})
    >>> diversify_lists(candidates, 2, max_topic_share=1)["item_id"].tolist()
    ['1', '3']
    """
    check_columns(candidates.columns, ("user_id", "item_id", "topic", "score"), "candidates")
    weight = _check(k, method, weight, max_topic_share, 1)
    table = candidates.drop_duplicates(["user_id", "item_id"]).dropna(subset=["score"])
    table = table.sort_values(
        ["user_id", "score", "item_id"], ascending=[True, False, True], ignore_index=True
    )
    kinds = read_kinds(table["topic"], len(table))
    row, users = pd.factorize(table["user_id"])
    counts = np.bincount(row, minlength=len(users))
    at = np.arange(len(table)) - np.repeat(np.cumsum(counts) - counts, counts)
    items = np.full((len(users), int(counts.max(initial=1))), -1)
    items[row, at] = np.arange(len(table))
    values = np.where(items >= 0, table["score"].to_numpy(dtype=float)[items] if len(table) else 0.0, -np.inf)
    shares = _profile_matrix(profile, users, kinds) if method == "calibrate" else None
    shares = _check_profile(shares, method, len(users), kinds)
    chosen = choose_varied(items, values, kinds, k, method, weight, shares, max_topic_share)
    where, rank = np.nonzero(chosen >= 0)
    lists = table.iloc[chosen[where, rank]].reset_index(drop=True)
    return lists.assign(rank=rank + 1)[["user_id", "rank", "item_id", "topic", "score"]]


def _profile_matrix(profile: pd.DataFrame | None, users, kinds: Kinds) -> np.ndarray | None:
    if profile is None:
        return None
    check_columns(profile.columns, ("user_id", "topic", "share"), "profile")
    row, column = (
        pd.Index(users).get_indexer(profile["user_id"]),
        pd.Index(kinds.names).get_indexer(profile["topic"]),
    )
    good, shares = (row >= 0) & (column >= 0), np.zeros((len(users), len(kinds.names)))
    np.add.at(shares, (row[good], column[good]), profile["share"].to_numpy(dtype=float)[good])
    return shares
