"""Validation users for each length of history, and the weights that rank best for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse, special

from segtool.targeting.items.history import History
from segtool.targeting.items.profile import Profile
from segtool.targeting.items.signals import ALIKE, Asked, Signals
from segtool.targeting.items.weights import (
    BUCKETS,
    DISLIKE,
    Trial,
    Weights,
    climb,
    gain_interval,
    held_out_ndcg,
    ideal_dcg,
)

MAX_USERS = 400  # validation users per bucket: the standard error is then about 0.01
LEAST_USERS = 40  # fewer do not tell one weight from another: popularity alone
CELLS = 1_200_000  # users x items held as one dense block per signal
BEST_OF_EACH = 30  # candidates from each signal; the first ten of any sum of them are almost surely there
ALL_ITEMS = 300  # catalogues up to this size are ranked whole
# How far one event tells personas apart, next to an independent one: events of a user resemble each other.
TEMPER = 0.5
NOBODY = "popularity alone: nobody has such a history"


@dataclass(frozen=True)
class Validation:
    """What weights are chosen on.

    Parameters
    ----------
    signals : Signals
        Fitted on what was known before the window.
    history : History
    targets : csr_array, shape (n_users, n_items)
        What users took up in the window.
    weights : ndarray, shape (n_users, n_personas)
        Personas of today. They may have been found from events inside the window, so they are never
        asked for here: each user's persona is guessed from the profile and the items shown.
    profile : Profile
    repeat : bool
    asked_for : ndarray of bool, shape (n_buckets,)
        Buckets that users will be ranked in.
    """

    signals: Signals
    history: History
    targets: sparse.csr_array
    weights: np.ndarray
    profile: Profile
    repeat: bool
    asked_for: np.ndarray

    def choose(self, random_state: int) -> Weights:
        """Choose weights for every bucket."""
        names = self.signals.names
        found, rows = [], []
        for place, bucket in enumerate(BUCKETS):
            generator = np.random.default_rng([random_state, place])
            values, row = self._bucket(bucket, generator) if self.asked_for[place] else self._nobody()
            found.append(values)
            rows.append({"bucket": bucket, **dict(zip(names, values, strict=True)), **row})
        return Weights(names, np.array(found), pd.DataFrame(rows))

    def _nobody(self) -> tuple[np.ndarray, dict]:
        return self._alone(0, NOBODY)

    def _alone(self, n_users: int, why: str) -> tuple[np.ndarray, dict]:
        alone = np.zeros(len(self.signals.names))
        alone[0] = 1.0
        nothing = dict.fromkeys(["ndcg", "ndcg_popularity", "gain", "gain_lo", "gain_hi"], np.nan)
        return alone, {**nothing, "n_users": n_users, "source": why}

    def _bucket(self, bucket: str, generator) -> tuple[np.ndarray, dict]:
        names, (low, high) = self.signals.names, BUCKETS[bucket]
        users, revealed, n_own = self._users(low, high, generator)
        if len(users) < LEAST_USERS:
            few = f"popularity alone: {len(users)} users to learn from, {LEAST_USERS} needed"
            return self._alone(len(users), few)
        trial, ease_spread = self._trial(users, revealed, n_own, generator)
        values, _, start = climb(trial, names)
        if "dislike" in names:
            values[names.index("dislike")] = DISLIKE * _total_spread(trial, values) / ease_spread
        found = held_out_ndcg(trial, names, generator)
        gain, lo, hi = gain_interval(found, start, 0.9)
        worth = {"ndcg": found.mean(), "ndcg_popularity": start.mean(), "gain": gain, "gain_lo": lo}
        return values, {
            **worth,
            "gain_hi": hi,
            "n_users": len(start),
            "source": _source(n_own, len(users) - n_own),
        }

    def _users(self, low: int, high: int, generator) -> tuple[np.ndarray, sparse.csr_array, int]:
        """Return users with something to find, and what of their history they show.

        Half of them, where there are enough, have a history of that length; the others lend the
        beginning of a longer one. What helps must help both kinds: those who stay and those who do not.
        """
        length, wanted = self.history.length, np.diff(self.targets.indptr) > 0
        limit = max(LEAST_USERS, min(MAX_USERS, CELLS // max(self.targets.shape[1], 1)))
        own = np.flatnonzero(wanted & (length >= low) & (length <= high))
        # Where items are taken up again, how often is known of a whole history only: nobody lends a part.
        lent = np.flatnonzero(wanted & (length > high) & (not self.repeat))
        n_own = min(len(own), max(limit // 2, limit - len(lent)))
        own, lent = _some(own, n_own, generator), _some(lent, limit - n_own, generator)
        shown = np.concatenate([length[own], generator.integers(low, min(high, 50) + 1, len(lent))])
        users = np.concatenate([own, lent])
        revealed = show_first(self.history.seen[users], self.history.since(users).data, shown, generator)
        return users, revealed, len(own)

    def _trial(self, users, revealed, n_own: int, generator) -> tuple[Trial, float]:
        known = self.history.seen[users]
        profile = self.profile.only(users)
        asked = Asked(
            revealed,
            self.history.again(users).multiply(revealed).tocsr(),
            self.history.disliked[users],
            guess_personas(self.signals, self.weights, self.profile, profile, revealed),
            profile,
        )
        block = self.signals.block(asked)
        shape = revealed.shape
        x = [np.broadcast_to(block[name], shape) for name in self.signals.names]
        relevant = self.targets[users].toarray() > 0
        forbidden = asked.disliked.toarray() > 0
        if not self.repeat:
            forbidden |= known.toarray() > 0
        relevant &= ~forbidden
        some = relevant.any(axis=1)
        # Equal scores keep the order of columns; by chance, so that no order of the catalogue (the newest
        # last, say) is taken for a good ranking.
        column = generator.permutation(shape[1])
        x = [values[some][:, column] for values in x]
        trial = _few_candidates(x, ~forbidden[some][:, column], relevant[some][:, column])
        alike = [place for place, name in enumerate(self.signals.names) if name in ALIKE[:2]]
        spread = float(x[alike[0]].std(axis=1).mean()) if alike else 0.1
        return trial, spread if spread > 1e-6 else 0.1


def guess_personas(signals: Signals, weights, profile: Profile, codes, seen) -> np.ndarray:
    """Guess P(persona | profile, items) of users whose persona is not to be looked up.

    Naive Bayes: shares of the personas, how often each shows a profile value, and how often each
    takes up an item.
    """
    n_personas = weights.shape[1]
    if not n_personas:
        return np.empty((len(codes), 0))
    log = np.log(weights.sum(axis=0) + 1.0) + TEMPER * (seen @ signals.personas.log.T)
    for column, n_values in enumerate(profile.sizes):
        counts = np.stack(
            [
                np.bincount(column_codes, weights=w, minlength=n_values)
                for w, column_codes in _known(weights, profile.codes[:, column])
            ]
        )
        rate = np.log((counts + 1) / (counts.sum(axis=1, keepdims=True) + n_values))
        # Unknown, the last column, is no evidence.
        log = log + np.hstack([rate, np.zeros((n_personas, 1))]).T[codes[:, column]]
    return special.softmax(log, axis=1)


def _known(weights, codes):
    at = codes >= 0
    return [(weights[at, place], codes[at].astype(np.int64)) for place in range(weights.shape[1])]


def show_first(seen: sparse.csr_array, since: np.ndarray, shown: np.ndarray, generator) -> sparse.csr_array:
    """Keep the items each row began with, as a new user shows them.

    Parameters
    ----------
    seen : csr_array, shape (n_rows, n_items)
    since : ndarray, length nnz
        How long ago each entry was first met; equal ones are in an order of chance.
    shown : ndarray of int, shape (n_rows,)
        How many to keep.
    """
    row = np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr))
    order = np.lexsort((generator.random(len(row)), -since, row))
    place = np.empty(len(row), dtype=np.int64)
    place[order] = np.arange(len(row)) - seen.indptr[row[order]]
    kept = place < shown[row]
    return sparse.csr_array((seen.data[kept], (row[kept], seen.indices[kept])), shape=seen.shape)


def _kinds(lent: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the rows of each kind of user of which there are enough to be asked alone."""
    return tuple(rows for rows in (np.flatnonzero(~lent), np.flatnonzero(lent)) if len(rows) >= LEAST_USERS)


def _source(n_own: int, n_lent: int) -> str:
    return f"{n_own} users with such a history, {n_lent} with the rest of a longer one hidden"


def _some(rows: np.ndarray, limit: int, generator) -> np.ndarray:
    if len(rows) <= limit:
        return rows
    return np.sort(generator.choice(rows, max(limit, 0), replace=False))


def _few_candidates(x: list[np.ndarray], allowed, relevant) -> Trial:
    """Keep per user the relevant items and the best of each signal: the rest cannot reach a top ten."""
    ideal = ideal_dcg(relevant.sum(axis=1))
    n_items = allowed.shape[1]
    if n_items <= ALL_ITEMS:
        return Trial(np.stack(x), allowed, relevant, ideal)
    picked = relevant.copy()
    for values in x:
        score = np.where(allowed, values, -np.inf)
        best = np.argpartition(-score, BEST_OF_EACH, axis=1)[:, :BEST_OF_EACH]
        np.put_along_axis(picked, best, True, axis=1)
    width = int(picked.sum(axis=1).max())
    column = np.argsort(~picked, axis=1, kind="stable")[:, :width]
    inside = np.take_along_axis(picked, column, axis=1)
    allowed = np.take_along_axis(allowed, column, axis=1) & inside
    few = np.stack([np.take_along_axis(values, column, axis=1) for values in x])
    return Trial(few, allowed, np.take_along_axis(relevant, column, axis=1) & inside, ideal)


def _total_spread(trial: Trial, values: np.ndarray) -> float:
    score = np.tensordot(values.astype(np.float32), trial.x, axes=1)
    n = np.maximum(trial.allowed.sum(axis=1), 1)
    kept = np.where(trial.allowed, score, 0).astype(float)
    mean = kept.sum(axis=1) / n
    return float(np.sqrt(np.maximum((kept**2).sum(axis=1) / n - mean**2, 0)).mean())
