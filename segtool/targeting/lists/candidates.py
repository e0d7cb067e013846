"""The best candidates of each user, and what they are about, as small codes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.errors import InputError

LEAST_SPREAD = 1e-12


@dataclass(frozen=True)
class Kinds:
    """Items by the set of topics they bear: items of one set are alike in every respect used here.

    Parameters
    ----------
    of_item : ndarray of int, shape (n_items,)
    topics : ndarray, shape (n_kinds, n_topics)
        1 where a kind bears a topic.
    names : tuple, length n_topics
    """

    of_item: np.ndarray
    topics: np.ndarray
    names: tuple

    @cached_property
    def shares(self) -> np.ndarray:
        """Return each topic's part in a kind, rows adding up to 1; of no topic a row of zeros."""
        total = self.topics.sum(axis=1, keepdims=True)
        return np.divide(self.topics, total, out=np.zeros_like(self.topics), where=total > 0)

    @cached_property
    def likeness(self) -> np.ndarray:
        """Return the cosine of every two kinds, shape (n_kinds, n_kinds); 0 where there are no topics."""
        length = np.sqrt(self.topics.sum(axis=1, keepdims=True))
        unit = np.divide(self.topics, length, out=np.zeros_like(self.topics), where=length > 0)
        return unit @ unit.T


def read_kinds(topics, n_items: int) -> Kinds:
    """Read the topics of items: one name each, or a 0/1 matrix of items and topics."""
    if sparse.issparse(topics) or np.ndim(topics) == 2:
        matrix = np.asarray(topics.todense() if sparse.issparse(topics) else topics, dtype=float) > 0
        names = tuple(topics.columns) if isinstance(topics, pd.DataFrame) else tuple(range(matrix.shape[1]))
    else:
        return _named_kinds(topics, n_items)
    _check_length(len(matrix), n_items)
    distinct, of_item = np.unique(matrix, axis=0, return_inverse=True)
    return Kinds(of_item.ravel(), distinct.astype(float), names)


def _named_kinds(topics, n_items: int) -> Kinds:
    """Make each name a kind: to sort the rows of a matrix of items and topics took 100 times as long."""
    code, found = pd.factorize(pd.Series(list(topics), dtype=object), sort=True)
    _check_length(len(code), n_items)
    bears = np.eye(len(found))
    if (code < 0).any():
        bears = np.vstack([bears, np.zeros(len(found))])  # the last kind: items without a topic
        code = np.where(code < 0, len(found), code)
    return Kinds(code, bears, tuple(found))


def _check_length(n_topics: int, n_items: int) -> None:
    if n_topics != n_items:
        raise InputError(
            f"topics speaks of {n_topics:,} items, the scores of {n_items:,}.", "the topics of every item."
        )


def best_items(scores: np.ndarray, pool: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the items of the highest scores and those scores, best first, ties by position.

    Parameters
    ----------
    scores : ndarray, shape (n_users, n_items)
        Not finite: no candidate.

    Returns
    -------
    items : ndarray of int, shape (n_users, width)
        -1 beyond a user's last candidate.
    scores : ndarray, shape (n_users, width)
    """
    scores = np.where(np.isfinite(scores), scores, -np.inf)
    width = min(pool, scores.shape[1])
    if width < scores.shape[1]:
        # Ties at the border go to the first items, at whatever order a partition leaves them.
        border = -np.partition(-scores, width - 1, axis=1)[:, width - 1 : width]
        above, level = scores > border, scores == border
        room = width - above.sum(axis=1, keepdims=True)
        kept = above | (level & (np.cumsum(level, axis=1) <= room))
        items = np.nonzero(kept)[1].reshape(len(scores), width)
    else:
        items = np.tile(np.arange(width), (len(scores), 1))
    own = np.take_along_axis(scores, items, axis=1)
    order = np.argsort(-own, axis=1, kind="stable")
    items, own = np.take_along_axis(items, order, axis=1), np.take_along_axis(own, order, axis=1)
    return np.where(np.isfinite(own), items, -1), own


def scaled(scores: np.ndarray) -> np.ndarray:
    """Bring each user's scores to 0 to 1: a weight then means the same for every ranker."""
    there = np.isfinite(scores)
    low = np.where(there, scores, np.inf).min(axis=1, keepdims=True, initial=np.inf)
    high = np.where(there, scores, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
    spread = np.where(np.isfinite(high - low), high - low, 0)
    flat = spread < LEAST_SPREAD
    part = (np.where(there, scores, 0) - np.where(np.isfinite(low), low, 0)) / np.where(flat, 1, spread)
    return np.where(there, np.where(flat, 1.0, part), -np.inf)
