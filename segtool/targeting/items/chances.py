"""How likely an item is among a user's true first ten, where that can be said."""

from __future__ import annotations

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from segtool.errors import InputError
from segtool.targeting.items.ranker import ItemRanker
from segtool.targeting.items.ratios import Ratios
from segtool.targeting.items.signals import ALIKE, Tastes, mix

TOP = 10
NO_INTERVAL = "no interval: rests on items that go together, whose error is not known"


def top_chances(
    ranker: ItemRanker, user_ids, top_k: int = 10, *, n_draws: int = 200, random_state: int = 0
) -> pd.DataFrame:
    """Give each recommended item its chance of being among the user's true first ten.

    Popularity, persona and topic are estimates with a posterior; they are drawn from it and the items
    ranked anew, again and again (Thompson draws). Users whose score rests on EASE, ALS or cosine
    neighbours get no chance: nothing says how wrong those are.

    Parameters
    ----------
    ranker : ItemRanker
    user_ids : sequence of str
        A few hundred at a time.
    top_k, n_draws : int
    random_state : int

    Returns
    -------
    DataFrame
        user_id, rank, item_id, p_top (NaN where it cannot be given), certainty (in words).
    """
    rows = pd.Index(ranker.user_ids).get_indexer(pd.Index(user_ids, dtype=object))
    if (rows < 0).any():
        raise InputError(f"{(rows < 0).sum():,} of these users are not in the study.", "users of the study.")
    with threadpool_limits(1):
        asked, block, weights, total = ranker.score(rows)
        listed = ranker.rank(rows, top_k)
        hits = np.zeros(total.shape)
        generator = np.random.default_rng(random_state)
        for _ in range(n_draws):
            drawn = total + sum(
                weights[:, ranker.signals.names.index(name), None] * (draw - block[name])
                for name, draw in _draws(ranker, asked, generator)
            )
            top = np.argpartition(-drawn, min(TOP, drawn.shape[1]) - 1, axis=1)[:, :TOP]
            hits[np.arange(len(rows))[:, None], top] += 1
    row = pd.Index(ranker.user_ids[rows]).get_indexer(listed["user_id"])
    column = pd.Index(ranker.catalogue.item_ids).get_indexer(listed["item_id"])
    leaning = _leans_on_items(ranker, block, weights)[row]
    table = listed[["user_id", "rank", "item_id"]]
    return table.assign(
        p_top=np.where(leaning, np.nan, hits[row, column] / n_draws),
        certainty=np.where(leaning, NO_INTERVAL, f"chance of being among the true first {TOP}"),
    )


def _draws(ranker: ItemRanker, asked, generator):
    """Yield each estimated signal with one draw of it."""
    signals, support = ranker.signals, ranker.history.support
    share = generator.gamma(support + 0.5)
    yield "popularity", np.log(np.maximum(share, 1e-9) / share.sum())
    if "persona" in signals.names:
        yield "persona", np.log(mix(_draw(signals.personas, generator), asked.weights))
    if "topic" in signals.names:
        yield "topic", _draw_tastes(signals.topics, asked, generator)


def _draw(ratios: Ratios, generator) -> np.ndarray:
    return generator.gamma(ratios.counts + ratios.shape) / (ratios.expected + ratios.shape)


def _draw_tastes(tastes: Tastes, asked, generator) -> np.ndarray:
    prior = mix(_draw(tastes.personas, generator), asked.weights)
    own = (asked.seen @ tastes.values).toarray().astype(float)
    expected = own.sum(axis=1, keepdims=True) * tastes.base * prior
    lifts = np.log(prior) + np.log(
        np.maximum(generator.gamma(own + tastes.shape), 1e-9) / (expected + tastes.shape)
    )
    return (tastes.values @ lifts.T).T


def _leans_on_items(ranker: ItemRanker, block, weights) -> np.ndarray:
    names = [name for name in ALIKE if name in ranker.signals.names]
    parts = [weights[:, ranker.signals.names.index(name)] * np.abs(block[name]).max(axis=1) for name in names]
    return np.sum(parts, axis=0) > 0 if parts else np.zeros(len(weights), dtype=bool)
