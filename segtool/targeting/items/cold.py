"""Items nobody, or hardly anybody, has touched: what their topic and attributes let one expect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.targeting.items.catalogue import Catalogue, one_hot
from segtool.targeting.items.history import History
from segtool.targeting.items.signals import Tastes, fit_tastes

PULL = 5.0  # items added at the average of all to those of a value


@dataclass(frozen=True)
class ColdItems:
    """What ranks items without a history of their own.

    Parameters
    ----------
    catalogue : Catalogue
        Of the cold items alone.
    expected : dict of str to ndarray, shape (n_cold,)
        By attribute: log of how popular items with the same value are, next to all items.
    tastes : dict of str to tuple
        By attribute: the `Tastes` of users, and the cold items' values.
    """

    catalogue: Catalogue
    expected: dict[str, np.ndarray]
    tastes: dict[str, tuple[Tastes, np.ndarray]]

    def score(self, seen, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Return by attribute the log of the expected popularity with these users, (n_rows, n_cold)."""
        parts = {}
        for name, expected in self.expected.items():
            part = np.broadcast_to(expected, (len(weights), len(expected))).astype(float)
            if name in self.tastes:
                tastes, code = self.tastes[name]
                lifts = np.hstack([tastes.lifts(seen, weights), np.zeros((len(weights), 1))])
                part = part + lifts[:, code]
            parts[name] = part
        return parts

    def rank(self, user_ids, seen, weights, top_k: int) -> pd.DataFrame:
        """Return user_id, rank, item_id, score, and one column per attribute, which add up to it."""
        parts = self.score(seen, weights)
        n_cold = len(self.catalogue.item_ids)
        total = sum(parts.values()) if parts else np.zeros((len(weights), n_cold))
        chosen = np.argsort(-np.round(total, 5), axis=1, kind="stable")[:, :top_k]
        kept = {name: np.take_along_axis(part, chosen, axis=1).ravel() for name, part in parts.items()}
        return pd.DataFrame(
            {
                "user_id": np.repeat(user_ids, chosen.shape[1]),
                "rank": np.tile(np.arange(1, chosen.shape[1] + 1), len(weights)),
                "item_id": self.catalogue.item_ids[chosen.ravel()],
                "score": np.take_along_axis(total, chosen, axis=1).ravel(),
                **kept,
            }
        )


def fit_cold(
    history: History, catalogue: Catalogue, weights: np.ndarray, known: np.ndarray, cold: np.ndarray
) -> ColdItems:
    """Learn from known items what a topic, a format, a brand is worth, overall and to a user.

    Parameters
    ----------
    history : History
        Of the known items.
    catalogue : Catalogue
        Of all items.
    weights : ndarray, shape (n_users, n_personas)
    known, cold : ndarray of int
        Positions in the catalogue.
    """
    share = (history.support + 0.5) / (history.support + 0.5).sum()
    expected, tastes = {}, {}
    for name, values in {"topic": catalogue.topic, **catalogue.attributes}.items():
        codes, names = pd.factorize(pd.Series(values, dtype=object), sort=True)
        if len(names) < 2:
            continue
        expected[name] = _popularity(codes[known], len(names), share)[codes[cold]]
        fitted = fit_tastes(history.seen, weights, one_hot(values)[known])
        if fitted is not None:
            tastes[name] = (fitted, codes[cold])
    return ColdItems(catalogue.keep(cold), expected, tastes)


def _popularity(codes, n_values: int, share) -> np.ndarray:
    """Return by value the log of the mean share of its items over that of all; the last is "unknown"."""
    told = codes >= 0
    n = np.bincount(codes[told], minlength=n_values)
    total = np.bincount(codes[told], weights=share[told], minlength=n_values)
    return np.append(np.log((total / share.mean() + PULL) / (n + PULL)), 0.0)
