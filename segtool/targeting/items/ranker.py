"""Items for single users, a batch of users at a time, each with what its score is the sum of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from threadpoolctl import threadpool_limits

from segtool.errors import InputError
from segtool.targeting.items.catalogue import Catalogue
from segtool.targeting.items.history import History
from segtool.targeting.items.profile import Profile
from segtool.targeting.items.signals import Asked, Signals
from segtool.targeting.items.weights import Weights

CELLS_PER_BATCH = 2_000_000  # users x items held as one dense block per signal: 8 MB each
DIGITS = 5  # scores that differ by less are equal, so that no library's rounding decides an order


@dataclass(frozen=True)
class ItemRanker:
    """What is needed to rank items for users.

    Parameters
    ----------
    user_ids : ndarray of str
    catalogue : Catalogue
    history : History
    members : ndarray, shape (n_users, n_personas)
        Soft memberships.
    profile : Profile
    signals : Signals
    weights : Weights
    repeat : bool
    open : ndarray of bool, shape (n_items,)
        Items that may be shown at all: out, and known well enough to be ranked.
    """

    user_ids: np.ndarray
    catalogue: Catalogue
    history: History
    members: np.ndarray
    profile: Profile
    signals: Signals
    weights: Weights
    repeat: bool
    open: np.ndarray

    def batches(self, top_k: int = 10, users_at_once: int | None = None) -> Iterator[pd.DataFrame]:
        """Yield user_id, rank, item_id, score, one column per signal, main, because; user by user."""
        step = users_at_once or max(1, CELLS_PER_BATCH // max(len(self.open), 1))
        for start in range(0, len(self.user_ids), step):
            yield self.rank(np.arange(start, min(start + step, len(self.user_ids))), top_k)

    def for_users(self, user_ids, top_k: int = 10, exclude: pd.DataFrame | None = None) -> pd.DataFrame:
        """Rank items for some users.

        Parameters
        ----------
        user_ids : sequence of str
        top_k : int
        exclude : DataFrame, optional
            user_id and item_id: not to be given to that user.

        Raises
        ------
        InputError
            If a user is not of this study.
        """
        rows = pd.Index(self.user_ids).get_indexer(pd.Index(user_ids, dtype=object))
        if (rows < 0).any():
            raise InputError(
                f"{(rows < 0).sum():,} of these users are not in the study.", "users of the study."
            )
        step = max(1, CELLS_PER_BATCH // max(len(self.open), 1))
        barred = None if exclude is None else self._barred(exclude)
        parts = [self.rank(rows[i : i + step], top_k, barred) for i in range(0, len(rows), step)]
        return pd.concat(parts, ignore_index=True) if parts else self.rank(rows, top_k)

    def rank(self, rows: np.ndarray, top_k: int, barred: sparse.csr_array | None = None) -> pd.DataFrame:
        """Rank for the users at some rows; fewer than top_k where fewer items are left."""
        asked, block, weights, total = self.score(rows, barred)
        chosen = _first(total, top_k)
        return self._table(rows, asked, block, weights, chosen, np.take_along_axis(total, chosen, axis=1))

    def score(self, rows: np.ndarray, barred: sparse.csr_array | None = None):
        """Return for the users at some rows what was asked, its signals, their weights, and the scores.

        Scores are of shape (n_rows, n_items), -inf where an item is not to be shown.
        """
        asked = self.asked(rows)
        with threadpool_limits(1):
            block = self.signals.block(asked)
        weights = self.weights.of(np.diff(asked.seen.indptr))
        total = np.zeros(asked.seen.shape, dtype=np.float32)
        for place, name in enumerate(self.signals.names):
            if weights[:, place].any():
                total += weights[:, place, None].astype(np.float32) * block[name]
        total = np.round(total, DIGITS)
        total[:, ~self.open] = -np.inf
        for forbidden in self._forbidden(asked, rows, barred):
            _strike(total, forbidden)
        return asked, block, weights, total

    def asked(self, rows: np.ndarray) -> Asked:
        """Return what is known of the users at some rows."""
        h = self.history
        return Asked(
            h.seen[rows], h.again(rows), h.disliked[rows], self.members[rows], self.profile.only(rows)
        )

    def explain(self, user_id: str, item_id: str) -> pd.DataFrame:
        """Return signal, because_item, contribution; the contributions sum to the score.

        EASE and its like are split into the user's own items: ``because_item`` names each.
        """
        row = pd.Index(self.user_ids).get_indexer([user_id])
        item = pd.Index(self.catalogue.item_ids).get_indexer([item_id])
        if row[0] < 0 or item[0] < 0:
            raise InputError(
                "This user or this item is not ranked here.", "a user and an item of the ranking."
            )
        asked, place = self.asked(row), int(item[0])
        with threadpool_limits(1):
            block = self.signals.block(asked)
        weights = self.weights.of(np.diff(asked.seen.indptr))[0]
        parts = []
        for weight, name in zip(weights, self.signals.names, strict=True):
            value = np.broadcast_to(block[name], (1, len(self.open)))[0, place]
            parts.extend(self._split(name, asked, place, float(weight) * float(value)))
        table = pd.DataFrame(parts, columns=["signal", "because_item", "contribution"])
        return table[table["contribution"] != 0].reset_index(drop=True)

    def _split(self, name: str, asked: Asked, place: int, whole: float) -> list[tuple[str, str, float]]:
        own, added = self._added(name, asked, place)
        if not len(own) or not added.any():
            return [(name, "", whole)]
        shares = (
            whole * added / added.sum() if abs(added.sum()) > 1e-12 else np.full(len(own), whole / len(own))
        )
        order = np.argsort(-np.abs(shares), kind="stable")
        return [(name, str(self.catalogue.item_ids[own[i]]), float(shares[i])) for i in order if added[i]]

    def _added(self, name: str, asked: Asked, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the user's items and what each adds to an item, before the weight."""
        near, n = self.signals.neighbours, np.zeros(0)
        if name == "als":
            own = asked.seen.indices
            return own, self.signals.latent.added(own, place)
        if name not in ("ease", "knn", "dislike"):
            return n.astype(int), n
        table = near.ease if name == "ease" else near.cosine
        own = asked.disliked.indices if name == "dislike" else asked.seen.indices
        return own, table[own][:, [place]].toarray().ravel().astype(float)

    def _barred(self, exclude: pd.DataFrame) -> sparse.csr_array:
        row = pd.Index(self.user_ids).get_indexer(exclude["user_id"].astype(object))
        item = pd.Index(self.catalogue.item_ids).get_indexer(exclude["item_id"].astype(object))
        good = (row >= 0) & (item >= 0)
        shape = (len(self.user_ids), len(self.open))
        return sparse.csr_array((np.ones(good.sum(), np.float32), (row[good], item[good])), shape=shape)

    def _forbidden(self, asked: Asked, rows, barred) -> list[sparse.csr_array]:
        own = [] if self.repeat else [asked.seen]
        return [*own, asked.disliked, *([] if barred is None else [barred[rows]])]

    def _table(self, rows, asked, block, weights, chosen, total) -> pd.DataFrame:
        parts = {
            name: weights[:, place, None]
            * np.take_along_axis(np.broadcast_to(block[name], asked.seen.shape), chosen, axis=1)
            for place, name in enumerate(self.signals.names)
        }
        top = chosen.shape[1]
        table = pd.DataFrame(
            {
                "user_id": np.repeat(self.user_ids[rows], top),
                "rank": np.tile(np.arange(1, top + 1), len(rows)),
                "item_id": self.catalogue.item_ids[chosen.ravel()],
                "score": sum(parts.values()).ravel() if parts else 0.0,
                **{name: part.ravel() + 0.0 for name, part in parts.items()},  # no "-0.0"
                "main": _main_signal(parts),
                "because": self._because(asked, chosen, parts),
            }
        )
        return table[np.isfinite(total).ravel()].reset_index(drop=True)

    def _because(self, asked: Asked, chosen: np.ndarray, parts) -> np.ndarray:
        """Return for each choice the item of the user's that speaks for it most; "" for none."""
        name = "ease" if "ease" in parts else "knn"
        used = np.abs(parts[name]).sum() + np.abs(parts["knn"]).sum() > 0
        strongest = np.full(chosen.shape, -1)
        if used:
            table = self.signals.neighbours.ease if name == "ease" else self.signals.neighbours.cosine
            into = sparse.csr_array(table.T)
            for slot in range(chosen.shape[1]):
                added = asked.seen.multiply(into[chosen[:, slot]]).tocsr()
                strongest[:, slot] = _largest_column(added)
        names = np.append(self.catalogue.item_ids, "")
        speaks = (parts[name] > 0) | (parts["knn"] > 0)
        return np.where(speaks, names[strongest], "").ravel().astype(object)


def _main_signal(parts: dict[str, np.ndarray]) -> np.ndarray:
    """Name what sets an item apart for this user: the largest part but popularity."""
    own = [name for name in parts if name not in ("popularity", "dislike")]
    if not own:
        return np.full(next(iter(parts.values())).size, "popularity", dtype=object)
    stacked = np.stack([parts[name].ravel() for name in own])
    best = np.array(own, dtype=object)[stacked.argmax(axis=0)]
    return np.where(stacked.max(axis=0) > 0, best, "popularity").astype(object)


def _largest_column(rows: sparse.csr_array) -> np.ndarray:
    """Return the column of each row's largest positive entry, -1 for none."""
    found = np.full(rows.shape[0], -1)
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    order = np.lexsort((rows.indices, -rows.data, row))
    row, column, value = row[order], rows.indices[order], rows.data[order]
    first = np.ones(len(row), dtype=bool)
    first[1:] = row[1:] != row[:-1]
    first &= value > 0
    found[row[first]] = column[first]
    return found


def _strike(total: np.ndarray, forbidden: sparse.csr_array) -> None:
    row = np.repeat(np.arange(forbidden.shape[0]), np.diff(forbidden.indptr))
    total[row, forbidden.indices] = -np.inf


def _first(total: np.ndarray, top_k: int) -> np.ndarray:
    """Return the columns of the largest entries of each row, equal ones in the order of columns."""
    top = min(top_k, total.shape[1])
    if top < total.shape[1]:
        least = -np.partition(-total, top - 1, axis=1)[:, top - 1, None]
        # All above the border, then those on it from the left: argpartition would pick any of them.
        rank = np.where(total > least, 0, np.where(total == least, 1, 2)).astype(np.int8)
        few = np.argsort(rank, axis=1, kind="stable")[:, :top]
    else:
        few = np.broadcast_to(np.arange(top), (len(total), top))
    order = np.argsort(-np.take_along_axis(total, few, axis=1), axis=1, kind="stable")
    return np.take_along_axis(few, order, axis=1)
