"""How closely members of one circle come after each other to an item, beside people of other circles."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.targeting.herd.adoptions import Adoptions

ITEMS = [
    "item",
    "n_users",
    "n_circles",
    "n_pairs",
    "n_close",
    "share",
    "n_pairs_apart",
    "share_apart",
    "ratio",
]
DRAWS = 200


def compare_pairs(adoptions: Adoptions, lag_days: float) -> pd.DataFrame:
    """Count pairs of users who took up the same item within the lag, in one circle and across circles.

    Parameters
    ----------
    adoptions : Adoptions
    lag_days : float

    Returns
    -------
    DataFrame
        item, n_users, n_circles, n_pairs (of one circle), n_close (of them within the lag), share,
        n_pairs_apart (of different circles), share_apart, ratio: above 1 where circles move together. Most
        pairs first.
    """
    n_items = len(adoptions.items)
    whole = pd.DataFrame({"item": adoptions.item, "user": adoptions.user, "time": adoptions.time})
    whole = whole.drop_duplicates(["item", "user"]).sort_values(["item", "time"])
    close = _count_close(adoptions.group, adoptions.time, lag_days)
    n_close = np.bincount(adoptions.item, close, n_items)
    size = pd.Series(adoptions.group).map(pd.Series(adoptions.group).value_counts()).to_numpy()
    n_pairs = np.bincount(adoptions.item, (size - 1) / 2, n_items)
    n_users = np.bincount(whole["item"], minlength=n_items)
    all_close = _count_close(whole["item"].to_numpy(), whole["time"].to_numpy(), lag_days)
    # A pair that shares two circles counts in each, hence never below 0.
    apart = np.maximum(n_users * (n_users - 1) / 2 - n_pairs, 0)
    close_apart = np.clip(np.bincount(whole["item"], all_close, n_items) - n_close, 0, apart)
    first = np.unique(np.column_stack([adoptions.item, adoptions.circle]), axis=0)[:, 0]
    table = pd.DataFrame(
        {
            "item": adoptions.items,
            "n_users": n_users,
            "n_circles": np.bincount(first, minlength=n_items),
            "n_pairs": n_pairs.astype(int),
            "n_close": n_close.astype(int),
            "share": _ratio(n_close, n_pairs),
            "n_pairs_apart": apart.astype(int),
            "share_apart": _ratio(close_apart, apart),
        }
    )
    table["ratio"] = _ratio(table["share"].to_numpy(), table["share_apart"].to_numpy())
    order = table.sort_values(["n_pairs", "item"], ascending=[False, True])
    return order[order["n_pairs"] > 0].reset_index(drop=True)[ITEMS]


def overall_ratio(items: pd.DataFrame, confidence: float, random_state: int) -> tuple[float, float, float]:
    """Return how many times as often pairs of one circle come within the lag, with an interval.

    Parameters
    ----------
    items : DataFrame
        As from `compare_pairs`.
    confidence : float
    random_state : int
        Items are drawn anew, since what is common to an item is common to all its pairs.
    """
    able = items[items["n_pairs_apart"] > 0]
    if len(able) < 2:
        return float("nan"), float("nan"), float("nan")
    seen = able["n_close"].to_numpy(dtype=float)
    expected = (able["share_apart"] * able["n_pairs"]).to_numpy()
    draws = np.random.default_rng(random_state).multinomial(
        len(able), np.full(len(able), 1 / len(able)), DRAWS
    )
    ratios = _ratio(draws @ seen, draws @ expected)
    tail = (1 - confidence) / 2
    known = ratios[np.isfinite(ratios)]
    if not expected.sum() or not len(known):
        return float("nan"), float("nan"), float("nan")
    lo, hi = np.quantile(known, [tail, 1 - tail])
    return float(seen.sum() / expected.sum()), float(lo), float(hi)


def _count_close(group: np.ndarray, time: np.ndarray, lag: float) -> np.ndarray:
    """Return how many of the same group come within the lag after each, equal times included once."""
    span = float(time.max() - time.min()) + 2 * lag + 1
    line = np.unique(group, return_inverse=True)[1] * span + (time - time.min())
    order = np.argsort(line, kind="stable")
    ranked = line[order]
    after = np.searchsorted(ranked, ranked + lag, side="right") - np.arange(len(line)) - 1
    counted = np.empty(len(line))
    counted[order] = after
    return counted


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0)
