"""What variety costs: the same lists at several weights, judged by what came later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.checks import check_in, check_number
from segtool.display import Shown
from segtool.errors import InputError
from segtool.notes import unknown
from segtool.targeting.lists.candidates import Kinds, read_kinds
from segtool.targeting.lists.diversify import METHODS, SMOOTHING, diversify

TABLE = [
    "method", "weight", "ndcg", "ndcg_lo", "ndcg_hi", "change", "change_lo", "change_hi", "kl_profile",
    "intra_list_diversity", "coverage", "gini", "length", "n_users",
]  # fmt: skip
WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
SAFE_LOSS = 0.02  # of the ranking's quality: what a reader would not notice
FEW_USERS = 100


@dataclass(frozen=True, repr=False, eq=False)
class Tradeoff(Shown):
    """Quality against variety, one row per weight.

    Parameters
    ----------
    table : DataFrame
        method, weight, ndcg (of the lists, on what users did later), ndcg_lo, ndcg_hi, change (relative to
        weight 0, of the same users), change_lo, change_hi, kl_profile (distance of the list's topics
        from the user's profile; smaller is nearer), intra_list_diversity (1 - mean cosine), coverage (share of
        items in any list), gini (0: all items as often), length (items per list), n_users.
    weight : float
        The safe choice.
    suggestion : str
        The same in words.
    notes : tuple of str
    """

    table: pd.DataFrame
    weight: float
    suggestion: str
    notes: tuple[str, ...] = ()

    def to_pandas(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def headline(self) -> str:
        """Return the suggestion."""
        return self.suggestion


def measure_tradeoff(
    scores: np.ndarray,
    topics,
    later: sparse.spmatrix | np.ndarray,
    k: int = 10,
    *,
    method: str = "mmr",
    weights: Sequence[float] = WEIGHTS,
    profile: np.ndarray | None = None,
    excluded: sparse.spmatrix | np.ndarray | None = None,
    max_topic_share: float = 1.0,
    safe_loss: float = SAFE_LOSS,
) -> Tradeoff:
    """Measure what each weight of `diversify` costs and brings.

    Parameters
    ----------
    scores, topics, k, profile, excluded, max_topic_share
        See `diversify`. The scores must not have seen what came later.
    later : matrix, shape (n_users, n_items)
        Above 0 where a user took up an item in the time after, which lies before the study's moment.
    method : {"mmr", "mmr_closest", "calibrate"}
    weights : sequence of float
        0 is added where it is missing.
    safe_loss : float
        Share of the ranking's quality that may be lost for sure of a safe choice.

    Returns
    -------
    Tradeoff

    Examples
    --------
    >>> scores = np.tile([0.9, 0.8, 0.7, 0.1], (3, 1))
    >>> later = np.tile([1, 0, 1, 0], (3, 1))
    >>> found = measure_tradeoff(scores, ["tea", "tea", "milk", "milk"], later, 2, weights=(0, 0.3))
    >>> found.table[["weight", "ndcg", "intra_list_diversity"]].round(2).values.tolist()
    [[0.0, 0.61, 0.0], [0.3, 1.0, 1.0]]
    """
    check_in("method", method, METHODS[:3])
    weights = sorted({0.0, *(float(check_number("weights", w, low=0, high=1)) for w in weights)})
    scores, later = np.asarray(scores, dtype=float), sparse.csr_array(later)
    if later.shape != scores.shape:
        raise InputError(f"later has the shape {later.shape}, the scores {scores.shape}.", "one shape.")
    kinds = read_kinds(topics, scores.shape[1])
    judged = np.asarray((later > 0).sum(axis=1)).ravel() > 0
    options = {"profile": profile, "excluded": excluded, "max_topic_share": max_topic_share}
    rows, base = [], None
    for weight in weights:
        lists = diversify(scores, topics, k, method=method, weight=weight, **options)
        quality = ndcg(lists[judged], later[np.flatnonzero(judged)], k)
        base = quality if base is None else base
        rows.append(
            {
                "method": method,
                "weight": weight,
                **_quality(quality, base),
                **measure_variety(lists, kinds, profile, scores.shape[1]),
            }
        )
    table = pd.DataFrame(rows, columns=TABLE)
    weight, words = _suggest(table, safe_loss)
    return Tradeoff(table, weight, words, _notes(int(judged.sum())))


def ndcg(lists: np.ndarray, later: sparse.csr_array, k: int) -> np.ndarray:
    """Return the normalised discounted cumulative gain of each list, shape (n_users,).

    Examples
    --------
    >>> ndcg(np.array([[1, 0]]), sparse.csr_array(np.array([[1, 0, 0]])), 2).round(3).tolist()
    [0.631]
    """
    wanted = np.zeros(lists.shape, dtype=bool)
    rows, places = np.nonzero(lists >= 0)
    if len(rows):
        wanted[rows, places] = np.asarray(later[rows, lists[rows, places]]).ravel() > 0
    discount = 1 / np.log2(np.arange(2, k + 2))
    n_wanted = np.minimum(np.asarray((later > 0).sum(axis=1)).ravel(), k)
    best = np.append(0, np.cumsum(discount))[n_wanted]
    return np.divide(wanted @ discount[: lists.shape[1]], best, out=np.zeros(len(lists)), where=best > 0)


def _quality(quality: np.ndarray, base: np.ndarray) -> dict:
    """Return mean and 90 % interval; of the change, from the same users' differences."""
    n = len(quality)
    if not n:
        return {"n_users": 0}
    half = 1.645 * quality.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
    difference = quality - base
    error = 1.645 * difference.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
    scale = base.mean() if base.mean() > 0 else np.nan
    mean, change = quality.mean(), difference.mean()
    return {
        "ndcg": mean, "ndcg_lo": mean - half, "ndcg_hi": mean + half, "change": change / scale,
        "change_lo": (change - error) / scale, "change_hi": (change + error) / scale, "n_users": n,
    }  # fmt: skip


def measure_variety(lists: np.ndarray, kinds: Kinds, profile, n_items: int) -> dict:
    """Return how varied lists are, within each and over all; the columns of `Tradeoff` but for the quality."""
    there = lists >= 0
    kind = np.where(there, kinds.of_item[lists], 0)
    shares = (kinds.shares[kind] * there[:, :, None]).sum(axis=1)
    n = there.sum(axis=1)
    used = np.bincount(lists[there], minlength=n_items)
    distance = np.nan
    if profile is not None:
        target = profile / np.maximum(profile.sum(axis=1, keepdims=True), 1e-300)
        q = (1 - SMOOTHING) * shares / np.maximum(n, 1)[:, None] + SMOOTHING * target
        ratio = np.log(np.maximum(target, 1e-300) / np.maximum(q, 1e-300))
        distance = (
            float(np.where(target > 0, target * ratio, 0).sum(axis=1)[n > 0].mean())
            if (n > 0).any()
            else np.nan
        )
    length = np.sqrt(kinds.topics.sum(axis=1, keepdims=True))
    unit = np.divide(kinds.topics, length, out=np.zeros_like(kinds.topics), where=length > 0)
    total = (unit[kind] * there[:, :, None]).sum(axis=1)
    own = ((unit**2).sum(axis=1)[kind] * there).sum(axis=1)
    pairs = n * (n - 1)
    alike = np.divide((total**2).sum(axis=1) - own, pairs, out=np.full(len(n), np.nan), where=pairs > 0)
    some = np.isfinite(alike)
    return {
        "kl_profile": distance,
        "intra_list_diversity": float(1 - alike[some].mean()) if some.any() else np.nan,
        "coverage": float((used > 0).mean()) if n_items else np.nan,
        "gini": gini(used),
        "length": float(n.mean()) if len(n) else 0.0,
    }


def gini(counts: np.ndarray) -> float:
    """Return how unevenly items come up: 0 all as often, near 1 a few alone.

    Examples
    --------
    >>> gini(np.array([1, 1, 1, 1])), gini(np.array([0, 0, 0, 4]))
    (0.0, 0.75)
    """
    ordered, n = np.sort(np.asarray(counts, dtype=float)), len(counts)
    if not n or ordered.sum() == 0:
        return float("nan")
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * ordered.sum()))


def _suggest(table: pd.DataFrame, safe_loss: float) -> tuple[float, str]:
    """Take the most variety whose loss is surely small, and say what it does."""
    first = table.iloc[0]
    if not first["n_users"] or not first["ndcg"] > 0:
        return (
            0.0,
            "Nobody took up anything that was ranked, so what variety costs is not known; keep the usual weight.",
        )
    safe = table[(table["change_lo"] >= -safe_loss) & (table["weight"] > 0)]
    if safe.empty:
        cost = table.iloc[1]["change"] if len(table) > 1 else np.nan
        small = table.iloc[1]["weight"] if len(table) > 1 else 0
        return 0.0, (
            f"Safe choice: weight 0. Even {small:g} cannot be shown to cost less than {safe_loss:.0%} "
            f"(seen: {cost:+.1%}, {int(first['n_users']):,} users)."
        )
    best = safe.iloc[-1]
    words = (
        f"Safe choice: weight {best['weight']:g}. It changes the quality of the lists by {best['change']:+.1%} "
        f"({best['change_lo']:+.1%} to {best['change_hi']:+.1%}, {int(best['n_users']):,} users)"
    )
    diversity = (
        best["intra_list_diversity"] / first["intra_list_diversity"] - 1
        if first["intra_list_diversity"] > 0
        else np.nan
    )
    if np.isfinite(diversity):
        words += (
            f", makes what is in a list {diversity:+.0%} more varied"
            if diversity >= 0
            else f", variety {diversity:+.0%}"
        )
    if np.isfinite(best["kl_profile"]) and first["kl_profile"] > 0:
        nearer = best["kl_profile"] / first["kl_profile"] - 1
        words += f", and its distance to the user's own mix of topics {nearer:+.0%}"
    return float(best["weight"]), words + "."


def _notes(n_users: int) -> tuple[str, ...]:
    if n_users >= FEW_USERS:
        return ()
    return (
        unknown(f"Variety: what it costs, with any precision; only {n_users:,} users did anything later."),
    )
