"""The topics of each user: own evidence on top of the personas' that the user may belong to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse, special, stats

from segtool.targeting.members import Members
from segtool.targeting.shares import GroupShares, UserCounts

CELLS_PER_BATCH = 1_000_000  # users x topics held as one dense block: about 8 MB an array
SIZE_RANGE = (0.05, 1e6)  # of a prior, in events
LEAST = 1e-9  # a share nobody ever showed: the lift of such a topic is 1, not infinite
# A lift below this is a topic liked less, however wide its interval: with few events every upper
# bound is above 1, and half of everyone's interest would still look possible enough.
LEAST_LIFT = 0.9
SLACK = 0.02  # of quick upper bounds; the exact one decides
SPARE = 3  # extra candidates, so that the exact bound can reorder what the quick one chose


def wanted(estimate, hi):
    """Say which topics may be recommended: those not liked less than by everyone.

    Parameters
    ----------
    estimate, hi : ndarray or Series
        Lift over everyone and its upper bound.

    Examples
    --------
    >>> wanted(np.array([1.4, 0.98, 0.95, 0.5]), np.array([1.6, 1.1, 0.99, 2.0])).tolist()
    [True, True, False, False]
    """
    return (hi >= 1) & (estimate >= LEAST_LIFT)


@dataclass(frozen=True)
class UserTopicModel:
    """What is needed to advise users, a batch at a time.

    Parameters
    ----------
    counts : UserCounts, shape (n_users, n_topics)
    groups : GroupShares, shape (n_personas, n_topics)
    members : Members, shape (n_users, n_personas)
    trusted : ndarray of bool, shape (n_personas,)
        Personas large enough to speak for their users.
    blocked : scipy.sparse.csr_array or None, shape (n_users, n_topics)
        1 where a user muted, hid or complained about a topic.
    min_user_events : int
    confidence : float
    """

    counts: UserCounts
    groups: GroupShares
    members: Members
    trusted: np.ndarray
    blocked: sparse.csr_array | None
    min_user_events: int
    confidence: float

    def batches(self, top_k: int, ranking: str, random_state: int = 0) -> Iterator[pd.DataFrame]:
        """Yield tables of user_id, rank, topic, estimate, lo, hi, n_events, level, user by user.

        ``estimate`` is the lift: the share of a user's activity that is the topic's, over
        everyone's share. A user gets fewer than top_k rows, or none, where fewer topics are asked
        for at least as often as by everyone.
        """
        n_users, n_topics = self.counts.share.shape
        step = max(1, CELLS_PER_BATCH // max(n_topics, 1))
        generator = np.random.default_rng(random_state)
        for start in range(0, n_users, step):
            yield self._advise(np.arange(start, min(start + step, n_users)), top_k, ranking, generator)

    def _advise(self, rows, top_k, ranking, generator) -> pd.DataFrame:
        a, b = self._posterior(rows)
        score = self._scores(a, b, ranking, generator)
        if self.blocked is not None:
            score[self.blocked[rows].toarray() > 0] = -np.inf
        chosen = _best_columns(score, top_k + SPARE)
        a, b, score = (np.take_along_axis(x, chosen, axis=1) for x in (a, b, score))
        base = np.maximum(self.groups.base, LEAST)[chosen]
        tail = (1 - self.confidence) / 2
        lo = special.betaincinv(a, b, tail) / base
        hi = special.betaincinv(a, b, 1 - tail) / base
        exact = np.where(np.isfinite(score), lo, -np.inf) if ranking == "safe" else score
        exact = np.where(wanted(a / (a + b) / base, hi), exact, -np.inf)
        order = np.argsort(-exact, axis=1, kind="stable")[:, :top_k]
        table = self._table(rows, np.take_along_axis(chosen, order, axis=1))
        a, b, base, lo, hi = (np.take_along_axis(x, order, axis=1).ravel() for x in (a, b, base, lo, hi))
        table["estimate"], table["lo"], table["hi"] = a / (a + b) / base, lo, hi
        allowed = np.isfinite(np.take_along_axis(exact, order, axis=1)).ravel()
        return table.loc[
            allowed, ["user_id", "rank", "topic", "estimate", "lo", "hi", "n_events", "level"]
        ].reset_index(drop=True)

    def _table(self, rows, chosen) -> pd.DataFrame:
        events = self.counts.events[rows].toarray()
        own = np.take_along_axis(events, chosen, axis=1).astype(int)
        said = np.take_along_axis(self.counts.share[rows].toarray(), chosen, axis=1) > 0
        enough = self._knows(rows)[:, None] & said
        home = self.members.home[rows]
        persona = (home >= 0) & self.trusted[home] if len(self.trusted) else np.zeros(len(rows), bool)
        level = np.where(enough, "user", np.where(persona, "persona", "everyone")[:, None])
        return pd.DataFrame(
            {
                "user_id": np.repeat(self.counts.user_ids[rows], chosen.shape[1]),
                "rank": np.tile(np.arange(1, chosen.shape[1] + 1), len(rows)),
                "topic": np.array(self.groups.categories, dtype=object)[chosen.ravel()],
                "n_events": own.ravel(),
                "level": level.ravel(),
            }
        )

    def _posterior(self, rows) -> tuple[np.ndarray, np.ndarray]:
        """Return the Beta of each user's share of each topic, shapes (n_rows, n_topics)."""
        enough = self._knows(rows)
        mean, size = self._prior(rows, enough)
        n = (self.counts.n[rows] * enough)[:, None]
        share = self.counts.share[rows].toarray()
        return mean * size + share * n, (1 - mean) * size + (1 - share) * n

    def _knows(self, rows) -> np.ndarray:
        """Users with evidence enough of their own; the others are advised as their personas are."""
        counts = self.counts
        return np.maximum(counts.events[rows].sum(axis=1), counts.n[rows]) >= self.min_user_events

    def _prior(self, rows, enough) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and size of a Beta with the moments of the mixture over personas.

        An unsure user gets a wider prior: the personas' means differ. Where users are advised as
        their personas are, the Beta stands for the average of such users, without their spread.
        """
        groups, weights = self.groups, self._weights(rows)
        centre = np.vstack([groups.share, groups.base])
        doubt = np.vstack([groups.variance, groups.base_variance])
        spread = groups.rho * centre * (1 - centre)
        # A user of no persona may belong to any: the distance of the personas is in the spread.
        spread[-1] += (groups.gap**2).mean(axis=0) if len(groups.gap) else 0
        mean = np.clip(weights @ centre, LEAST, 1 - LEAST)
        variance = weights @ (doubt + centre**2) - mean**2 + enough[:, None] * (weights @ spread)
        variance = np.maximum(variance, 1e-12)
        return mean, np.clip(mean * (1 - mean) / variance - 1, *SIZE_RANGE)

    def _weights(self, rows) -> np.ndarray:
        """Return P(persona | user) for trusted personas, and what is left, for everyone."""
        own = self.members.weights[rows] * self.trusted
        return np.hstack([own, np.clip(1 - own.sum(axis=1, keepdims=True), 0, 1)])

    def _scores(self, a, b, ranking, generator) -> np.ndarray:
        base = np.maximum(self.groups.base, LEAST)
        mean = a / (a + b)
        if ranking == "explore":
            score = generator.beta(a, b) / base
        else:
            score = mean / base if ranking == "best" else self._quick_bounds(a, b, -1)
        unwanted = ~wanted(mean / base, self._quick_bounds(a, b, 1) + SLACK)
        return np.where(unwanted, -np.inf, score)

    def _quick_bounds(self, a, b, side: int) -> np.ndarray:
        """Return lower (side -1) or upper (1) bounds of the lifts, nearly."""
        base, mean = np.maximum(self.groups.base, LEAST), a / (a + b)
        # Wilson-Hilferty: a cube root is nearly normal. Exact bounds of every cell would take
        # a hundred times as long; the chosen few get them afterwards.
        shape = np.maximum(mean * (a + b + 1) / (1 - mean), 1e-6)
        z = side * stats.norm.ppf((1 + self.confidence) / 2)
        bound = np.maximum(1 - 1 / (9 * shape) + z / (3 * np.sqrt(shape)), 0) ** 3
        return mean / base * (bound + 1e-9)  # the rest: bounds of 0 are ordered by their means


def _best_columns(score: np.ndarray, k: int) -> np.ndarray:
    """Return the columns of the k highest scores of each row, best first, ties by position."""
    k = min(k, score.shape[1])
    if k == score.shape[1]:
        return np.argsort(-score, axis=1, kind="stable")
    top = np.sort(np.argpartition(-score, k - 1, axis=1)[:, :k], axis=1)
    order = np.argsort(-np.take_along_axis(score, top, axis=1), axis=1, kind="stable")
    return np.take_along_axis(top, order, axis=1)
