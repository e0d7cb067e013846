"""The items of each persona: what it takes up most, and how sure that order is."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse, stats

from segtool.targeting.items.catalogue import Catalogue
from segtool.targeting.items.history import History
from segtool.targeting.items.ratios import Ratios
from segtool.targeting.members import Members

CANDIDATES = 200  # items that might be among a persona's first ten
RESAMPLES = 200
MAX_USERS = 20_000  # users resampled; of more, so many are drawn, and the ranks look a little less sure
TOP = 10
COLUMNS = [
    "persona_id", "persona", "rank", "item_id", "title", "topic", "format", "score", "estimate", "lo", "hi",
    "rank_lo", "rank_hi", "p_top", "n_users", "n_events", "level", "explore",
]  # fmt: skip


def list_items(
    history: History,
    catalogue: Catalogue,
    members: Members,
    personas: Ratios,
    allowed: np.ndarray,
    *,
    top_k: int,
    min_users: int,
    confidence: float,
    random_state: int,
) -> pd.DataFrame:
    """Rank items for each persona by how often its users take them up.

    Parameters
    ----------
    personas : Ratios, shape (n_personas, n_items)
    allowed : ndarray of bool, shape (n_items,)
    min_users : int
        A persona with fewer active users speaks for everyone.

    Returns
    -------
    DataFrame
        See `ItemPlan.table`. ``estimate`` is the lift: the item's share of what the persona took up,
        over its share of what everyone did, shrunk, with its posterior interval. Where everyone speaks for a
        persona it is the share of active users who took the item up, with Jeffreys' interval. ``rank_lo`` to
        ``rank_hi`` and ``p_top`` come from resampling users.
    """
    share = (history.support + 0.5) / (history.support + 0.5).sum()
    active = (history.length > 0).astype(float)
    n_active = members.counted(active).astype(int)
    several = len(members.names) > 1
    parts = []
    for place in range(len(members.names)):
        trusted = several and n_active[place] >= min_users
        ratio = personas.mean[place] if trusted else np.ones(len(share))
        score = np.where(allowed, np.log(share * ratio), -np.inf)
        order = np.argsort(-np.round(score, 9), kind="stable")[:CANDIDATES]
        order = order[np.isfinite(score[order])]
        who = np.flatnonzero(members.home == place) if trusted else np.arange(len(active))
        seed = np.random.default_rng([random_state, place])
        ranks = _resampled_ranks(history.seen, who, order, share, personas.shape if trusted else 0.0, seed)
        first = order[:top_k]
        table = _rows(catalogue, first, score, ranks[:, : len(first)], confidence)
        lift = personas if trusted else None
        touched = _touched(history.seen, who, first)
        n_who = int(active[who].sum())
        table = _with_lift(table, lift, place, first, (touched, n_who), confidence)
        table["n_users"] = touched
        table["n_events"] = _events(history, who, first)
        table["persona_id"], table["persona"] = members.persona_ids[place], members.names[place]
        parts.append(table.assign(level="persona" if trusted else "everyone", explore=False))
    return pd.concat(parts, ignore_index=True)[COLUMNS] if parts else pd.DataFrame(columns=COLUMNS)


def _rows(catalogue: Catalogue, first, score, ranks, confidence) -> pd.DataFrame:
    tail = (1 - confidence) / 2
    few = len(ranks) == 0
    lo, hi = (np.full(len(first), np.nan),) * 2 if few else np.quantile(ranks, [tail, 1 - tail], axis=0)
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(first) + 1),
            "item_id": catalogue.item_ids[first],
            "title": catalogue.title[first],
            "topic": catalogue.topic[first],
            "format": catalogue.format[first],
            "score": score[first],
            "rank_lo": np.floor(lo),
            "rank_hi": np.ceil(hi),
            "p_top": np.nan if few else (ranks <= TOP).mean(axis=0),
        }
    )


def _with_lift(table, ratios: Ratios | None, place: int, first, took_up, confidence) -> pd.DataFrame:
    if ratios is None:  # everyone over everyone says nothing: how many of them take it up does
        hits, n = took_up
        tail = (1 - confidence) / 2
        lo, hi = (stats.beta.ppf(q, hits + 0.5, n - hits + 0.5) for q in (tail, 1 - tail))
        return table.assign(estimate=hits / max(n, 1), lo=lo, hi=hi)
    tail = (1 - confidence) / 2
    shape = ratios.counts[place, first] + ratios.shape
    rate = ratios.expected[place, first] + ratios.shape
    lo, hi = (stats.gamma.ppf(q, shape, scale=1 / rate) for q in (tail, 1 - tail))
    return table.assign(estimate=ratios.mean[place, first], lo=lo, hi=hi)


def _resampled_ranks(seen, who, order, share, shape: float, generator) -> np.ndarray:
    """Return the ranks of the candidates in resampled personas, shape (n_resamples, n_candidates)."""
    if len(who) < 2 or not len(order):
        return np.empty((0, len(order)))
    if len(who) > MAX_USERS:
        who = np.sort(generator.choice(who, MAX_USERS, replace=False))
    own = seen[who]
    length = np.diff(own.indptr).astype(float)
    few = sparse.csr_array(own[:, order])
    times = generator.multinomial(len(who), np.full(len(who), 1 / len(who)), size=RESAMPLES).astype(
        np.float32
    )
    counts = (few.T @ times.T).T.astype(float)
    expected = (times @ length)[:, None] * share[order]
    score = share[order] * (counts + shape) / (expected + max(shape, 1e-9))
    # Ties, common in small personas, are broken by chance: the order within them is not known.
    score = score * (1 + 1e-9 * generator.random(score.shape))
    place = np.argsort(np.argsort(-score, axis=1), axis=1)
    return place + 1


def _touched(seen, who, items) -> np.ndarray:
    return np.bincount(seen[who].indices, minlength=seen.shape[1])[items]


def _events(history: History, who, items) -> np.ndarray:
    again = history.again(who)
    total = np.bincount(again.indices, weights=np.expm1(again.data.astype(float)), minlength=again.shape[1])
    return np.rint(total[items]).astype(int)
