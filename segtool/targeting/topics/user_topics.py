"""The topics of each user: own evidence on top of the personas' that the user may belong to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse, stats

from segtool.targeting.feedback.posterior import TopicFeedback
from segtool.targeting.members import Members
from segtool.targeting.shares import GroupShares, UserCounts
from segtool.targeting.topics.beta_quantiles import beta_quantile

CELLS_PER_BATCH = 1_000_000  # users x topics held as one dense block: about 8 MB an array
SIZE_RANGE = (0.05, 1e6)  # of a prior, in events
LEAST = 1e-9  # a share nobody ever showed: the lift of such a topic is 1, not infinite
# A lift below this is a topic liked less, however wide its interval: with few events every upper
# bound is above 1, and half of everyone's interest would still look possible enough.
LEAST_LIFT = 0.9
SPARE = 1  # of candidates
SLACK = 0.02  # of quick upper bounds; the exact one decides


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
    feedback : TopicFeedback, optional
        Pseudo-counts ``alpha`` and ``beta`` of shape (n_users, n_topics), and their number ``n``.
    """

    counts: UserCounts
    groups: GroupShares
    members: Members
    trusted: np.ndarray
    blocked: sparse.csr_array | None
    min_user_events: int
    confidence: float
    feedback: TopicFeedback | None = None

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
        a, b = self.posterior(rows)
        score = self._scores(a, b, ranking, generator)
        if self.blocked is not None:
            score[self.blocked[rows].toarray() > 0] = -np.inf
        # Spare ones are taken along, so that exact bounds can reorder what the quick ones chose.
        chosen = _best_columns(score, top_k + (SPARE if ranking == "safe" else 0))
        a, b, score = (np.take_along_axis(x, chosen, axis=1) for x in (a, b, score))
        lift = a / (a + b) / np.maximum(self.groups.base, LEAST)[chosen]
        lo = self._bounds(a, b, lift, np.isfinite(score), -1)
        exact = np.where(np.isfinite(score), lo, -np.inf) if ranking == "safe" else score
        below = np.isfinite(exact) & (lift < 1)  # above, the upper bound is above 1 too
        exact[below & (self._bounds(a, b, lift, below, 1) < 1)] = -np.inf
        order = np.argsort(-exact, axis=1, kind="stable")[:, :top_k]
        chosen, a, b, lift, lo, exact = (
            np.take_along_axis(x, order, axis=1) for x in (chosen, a, b, lift, lo, exact)
        )
        allowed = np.isfinite(exact)
        table = self._table(rows, chosen)
        hi = self._bounds(a, b, lift, allowed, 1)
        table["estimate"], table["lo"], table["hi"] = lift.ravel(), lo.ravel(), hi.ravel()
        columns = ["user_id", "rank", "topic", "estimate", "lo", "hi", "n_events", "level"]
        return table.loc[allowed.ravel(), columns].reset_index(drop=True)

    def _bounds(self, a, b, lift, where, side: int) -> np.ndarray:
        """Return the lower (side -1) or upper (1) bounds of some lifts, 0 elsewhere."""
        bounds = np.zeros_like(lift)
        a, b = a[where], b[where]
        ends = beta_quantile(a, b, (1 + side * self.confidence) / 2)
        bounds[where] = lift[where] * ends / (a / (a + b))
        return bounds

    def _table(self, rows, chosen) -> pd.DataFrame:
        events = self.counts.events[rows].toarray()
        own = np.take_along_axis(events, chosen, axis=1).astype(int)
        said = np.take_along_axis(self.counts.share[rows].toarray(), chosen, axis=1) > 0
        if self.feedback is not None:
            said |= np.take_along_axis(self.feedback.n[rows].toarray(), chosen, axis=1) > 0
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

    def posterior(self, rows) -> tuple[np.ndarray, np.ndarray]:
        """Return the Beta of each user's share of each topic, shapes (n_rows, n_topics)."""
        enough = self._knows(rows)
        mean, size = self._prior(rows, enough)
        n = (self.counts.n[rows] * enough)[:, None]
        share = self.counts.share[rows].toarray()
        a, b = mean * size + share * n, (1 - mean) * size + (1 - share) * n
        if self.feedback is None:
            return a, b
        # Answers to sends are few and each is about one topic: added to that topic's own Beta.
        own = enough[:, None]
        return a + self.feedback.alpha[rows].toarray() * own, b + self.feedback.beta[rows].toarray() * own

    def _knows(self, rows) -> np.ndarray:
        """Users with evidence enough of their own; the others are advised as their personas are."""
        counts = self.counts
        own = np.maximum(counts.events[rows].sum(axis=1), counts.n[rows])
        if self.feedback is not None:
            own = own + self.feedback.n[rows].sum(axis=1)
        return own >= self.min_user_events

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
        spread[-1] += (groups.gap**2 + groups.gap_variance).mean(axis=0) if len(groups.gap) else 0
        mean = np.clip(weights @ centre, LEAST, 1 - LEAST)
        variance = weights @ (doubt + centre**2) - mean**2 + enough[:, None] * (weights @ spread)
        variance = np.maximum(variance, 1e-12)
        return mean, np.clip(mean * (1 - mean) / variance - 1, *SIZE_RANGE)

    def _weights(self, rows) -> np.ndarray:
        """Return P(persona | user) for trusted personas, and what is left, for everyone."""
        own = self.members.weights[rows] * self.trusted
        return np.hstack([own, np.clip(1 - own.sum(axis=1, keepdims=True), 0, 1)])

    def _scores(self, a, b, ranking, generator) -> np.ndarray:
        """Return what to rank by; minus infinity where a topic is liked less than by everyone."""
        base = np.maximum(self.groups.base, LEAST)
        lift = a / (a + b) / base
        possible = lift >= LEAST_LIFT
        # Only below 1 can the upper bound be below 1.
        below = possible & (lift < 1)
        possible[below] = self._quick_bounds(a[below], b[below], lift[below], 1) + SLACK >= 1
        if ranking == "explore":
            return np.where(possible, generator.beta(a, b) / base, -np.inf)
        score = np.full(lift.shape, -np.inf)
        score[possible] = lift[possible]
        if ranking == "safe":
            score[possible] = self._quick_bounds(a[possible], b[possible], lift[possible], -1)
        return score

    def _quick_bounds(self, a, b, lift, side: int) -> np.ndarray:
        """Return lower (side -1) or upper (1) bounds of lifts, nearly."""
        # Wilson-Hilferty: a cube root is nearly normal. Exact bounds of every cell would take
        # a hundred times as long; the chosen few get them afterwards.
        mean = a / (a + b)
        shape = np.maximum(mean * (a + b + 1) / (1 - mean), 1e-6)
        z = side * stats.norm.ppf((1 + self.confidence) / 2)
        bound = np.maximum(1 - 1 / (9 * shape) + z / (3 * np.sqrt(shape)), 0) ** 3
        return lift * (bound + 1e-9)  # the rest: bounds of 0 are ordered by their means


def _best_columns(score: np.ndarray, k: int) -> np.ndarray:
    """Return the columns of the k highest scores of each row, best first, ties by position."""
    k = min(k, score.shape[1])
    if k == score.shape[1]:
        return np.argsort(-score, axis=1, kind="stable")
    top = np.sort(np.argpartition(-score, k - 1, axis=1)[:, :k], axis=1)
    order = np.argsort(-np.take_along_axis(score, top, axis=1), axis=1, kind="stable")
    return np.take_along_axis(top, order, axis=1)
