"""What speaks for an item to a user: one number per signal, whose weighted sum is the score.

popularity  log of the share of all user-item pairs that are the item's
trend       log of how much more of the last window's pairs are the item's than of all pairs
freshness   minus the item's age in half-lives, at most four
profile     log ratio over everyone among users of the same profile, summed over profile columns
persona     log ratio over everyone in the user's personas, mixed by membership
topic       log ratio of the user's activity on the item's topic over everyone's, through the persona
attributes  the same for format, brand and whatever else is known of items, summed
ease        what the user's items add to this one (EASE; ``als`` where that engine is used)
knn         log(1 + cosines between the user's items and this one)
again       log(1 + how often the user already took it up); only where items are taken up again
dislike     minus the cosines between items the user refused and this one
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from segtool.targeting.items.catalogue import Catalogue
from segtool.targeting.items.history import History
from segtool.targeting.items.neighbours import Neighbours, fit_neighbours
from segtool.targeting.items.profile import Profile
from segtool.targeting.items.ratios import Ratios, shrink_ratios

FRESH_HALF_LIFE = 30.0  # days; only the order and the ends matter, the weight is learned
MAX_HALF_LIVES = 4.0
ALIKE = ("ease", "als", "knn")  # signals that rest on other items
MAX_USERS_FOR_SHAPE = 20_000  # users read for how much tastes differ: more change its third digit


@dataclass(frozen=True)
class Asked:
    """Users to rank items for; rows line up.

    Parameters
    ----------
    seen, again, disliked : scipy.sparse.csr_array, shape (n_rows, n_items)
    weights : ndarray, shape (n_rows, n_personas)
    profile : ndarray of int, shape (n_rows, n_columns)
    """

    seen: sparse.csr_array
    again: sparse.csr_array
    disliked: sparse.csr_array
    weights: np.ndarray
    profile: np.ndarray


@dataclass(frozen=True)
class Tastes:
    """How users' activity is spread over the values of one attribute of items.

    Parameters
    ----------
    values : csr_array, shape (n_items, n_values)
    base : ndarray, shape (n_values,)
        Share of all pairs.
    personas : Ratios, shape (n_personas, n_values)
    shape : float
        Of the prior of a user's ratio over that of the personas.
    """

    values: sparse.csr_array
    base: np.ndarray
    personas: Ratios
    shape: float

    def lifts(self, seen: sparse.csr_array, weights: np.ndarray) -> np.ndarray:
        """Return each row's log ratio per value, shape (n_rows, n_values)."""
        prior = mix(self.personas.mean, weights)
        own = (seen @ self.values).toarray().astype(float)
        expected = own.sum(axis=1, keepdims=True) * self.base * prior
        return np.log(prior) + np.log((own + self.shape) / (expected + self.shape))

    def score(self, seen: sparse.csr_array, weights: np.ndarray) -> np.ndarray:
        """Return the log ratio of each item's value, shape (n_rows, n_items); 0 without one."""
        return np.asarray((self.values @ self.lifts(seen, weights).T).T, dtype=np.float32)


def mix(ratios: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mix ratios of personas by membership; what is left of it is everyone, ratio 1."""
    left = np.clip(1 - weights.sum(axis=1, keepdims=True), 0, 1)
    return (
        np.maximum(weights @ ratios + left, 1e-9) if len(ratios) else np.ones((len(weights), ratios.shape[1]))
    )


@dataclass(frozen=True)
class Signals:
    """Everything fitted on one `History`; see the module for what each signal is."""

    names: tuple[str, ...]
    log_share: np.ndarray
    trend: np.ndarray
    freshness: np.ndarray
    profile: tuple[np.ndarray, ...]  # log ratios, (n_values, n_items) each
    personas: Ratios
    topics: Tastes | None
    attributes: tuple[Tastes, ...]
    neighbours: Neighbours
    latent: object | None = None  # AlsFactors, in place of EASE

    def block(self, asked: Asked) -> dict[str, np.ndarray]:
        """Return signal -> (n_rows, n_items) float32, or (n_items,) where all users get the same."""
        makers = {
            "popularity": lambda: self.log_share,
            "trend": lambda: self.trend,
            "freshness": lambda: self.freshness,
            "profile": lambda: self._profile(asked.profile),
            "persona": lambda: np.log(mix(self.personas.mean, asked.weights)),
            "topic": lambda: self.topics.score(asked.seen, asked.weights),
            "attributes": lambda: sum(t.score(asked.seen, asked.weights) for t in self.attributes),
            "ease": lambda: (asked.seen @ self.neighbours.ease).toarray(),
            "als": lambda: self.latent.score(asked.seen),
            "knn": lambda: np.log1p((asked.seen @ self.neighbours.cosine).toarray()),
            "again": lambda: asked.again.toarray(),
            "dislike": lambda: -(asked.disliked @ self.neighbours.cosine).toarray(),
        }
        return {name: np.asarray(makers[name](), dtype=np.float32) for name in self.names}

    def _profile(self, codes: np.ndarray) -> np.ndarray:
        total = np.zeros((len(codes), len(self.log_share)))
        for column, ratios in enumerate(self.profile):
            # The last row, reached by -1, stands for "unknown": no evidence either way.
            total += np.vstack([ratios, np.zeros(ratios.shape[1])])[codes[:, column]]
        return total


def fit_signals(
    history: History,
    catalogue: Catalogue,
    weights: np.ndarray,
    profile: Profile,
    *,
    repeat: bool,
    latent=None,
) -> Signals:
    """Fit every signal for which there is something to fit.

    Parameters
    ----------
    history : History
    catalogue : Catalogue
    weights : ndarray, shape (n_users, n_personas)
    profile : Profile
    repeat : bool
        Items may be taken up again.
    latent : AlsFactors, optional
        Takes the place of EASE.
    """
    seen, support = history.seen, history.support
    share = (support + 0.5) / (support + 0.5).sum()
    age = catalogue.age_days - history.days_ago
    personas = shrink_ratios(*_group_counts(seen, weights, share))
    topics = fit_tastes(seen, weights, catalogue.topics)
    attributes = tuple(fit_tastes(seen, weights, values) for values in catalogue.attribute_matrices())
    columns = tuple(_fit_column(seen, profile.codes[:, c], n, share) for c, n in enumerate(profile.sizes))
    neighbours = fit_neighbours(seen, ease=latent is None)
    there = {
        "popularity": True,
        "trend": history.recent.sum() > 0,
        "freshness": bool(np.isfinite(age).any()),
        "profile": bool(columns),
        "persona": weights.shape[1] > 1,
        "topic": topics is not None,
        "attributes": bool(attributes),
        "ease": latent is None,
        "als": latent is not None,
        "knn": True,
        "again": repeat,
        "dislike": history.disliked.nnz > 0,
    }
    return Signals(
        tuple(name for name, is_there in there.items() if is_there),
        np.log(share),
        shrink_ratios(history.recent, history.recent.sum() * share).log,
        _freshness(age),
        columns,
        personas,
        topics,
        attributes,
        neighbours,
        latent,
    )


def _freshness(age: np.ndarray) -> np.ndarray:
    known = np.isfinite(age)
    fresh = -np.clip(np.where(known, age, 0) / FRESH_HALF_LIFE, 0, MAX_HALF_LIVES)
    return np.where(known, fresh, fresh[known].mean() if known.any() else 0.0)


def _group_counts(seen, weights, share) -> tuple[np.ndarray, np.ndarray]:
    counts = (seen.T @ weights.astype(np.float32)).T.astype(float).round(6)
    return counts, counts.sum(axis=1, keepdims=True) * share


def _fit_column(seen, codes, n_values: int, share) -> np.ndarray:
    known = np.flatnonzero(codes >= 0)
    place = (codes[known].astype(np.int64), known)
    groups = sparse.csr_array((np.ones(len(known), np.float32), place), shape=(n_values, seen.shape[0]))
    counts = (groups @ seen).toarray().astype(float)
    return shrink_ratios(counts, counts.sum(axis=1, keepdims=True) * share).log


def fit_tastes(seen, weights: np.ndarray, values) -> Tastes | None:
    """Learn how much each persona, and how unequally users, take to the values of an attribute."""
    if values.shape[1] < 2:
        return None
    own = seen @ values
    total = np.asarray(own.sum(axis=0)).ravel().astype(float) + 0.5
    base = total / total.sum()
    counts = (own.T @ weights.astype(np.float32)).T.astype(float).round(6)
    personas = shrink_ratios(counts, counts.sum(axis=1, keepdims=True) * base)
    step = max(1, -(-own.shape[0] // MAX_USERS_FOR_SHAPE))
    some, share = own[::step].toarray().astype(float), weights[::step]
    expected = some.sum(axis=1, keepdims=True) * base * mix(personas.mean, share)
    return Tastes(values, base, personas, shrink_ratios(some, expected).shape)
