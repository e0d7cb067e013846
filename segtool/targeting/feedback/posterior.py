"""Feedback as pseudo-counts for and against a topic, per user, summed where the data is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from segtool.engines import literal
from segtool.targeting.counts import decay_sql
from segtool.targeting.feedback.ledger import ABOUT
from segtool.targeting.feedback.reading import feedback_sql
from segtool.targeting.settings import TargetingSettings


@dataclass(frozen=True)
class TopicFeedback:
    """What feedback adds to what users did; sparse arrays of shape (n_users, n_topics).

    Parameters
    ----------
    alpha, beta : scipy.sparse.csr_array
        Pseudo-counts for and against. Events that speak for a topic are in the users' shares already:
        ``alpha`` holds answers to sends alone.
    n : scipy.sparse.csr_array
        Pieces of feedback behind them.
    """

    alpha: sparse.csr_array
    beta: sparse.csr_array
    n: sparse.csr_array


def sum_feedback(
    sources,
    user_ids: np.ndarray,
    topics: tuple[str, ...],
    settings: TargetingSettings,
    *,
    weights: Mapping[str, tuple[float, float]] | None = None,
) -> TopicFeedback | None:
    """Sum feedback by user and topic; None where there is none.

    Parameters
    ----------
    sources : Sources
    user_ids : ndarray of str, shape (n_users,)
        As from `sql_users`.
    topics : tuple of str, length n_topics
    settings : TargetingSettings
    weights : mapping, optional
        For and against by kind, over ``settings.feedback_weights``.
    """
    rows = feedback_sql(sources, settings)
    if rows is None or not len(topics):
        return None
    weights = {**settings.feedback_weights, **(weights or {})}
    sums = sources.engine.query(f"""
        WITH feedback AS ({rows}),
        numbered AS (
            SELECT user_id, row_number() OVER (ORDER BY user_id) - 1 AS code FROM user_index
        ),
        weighted AS (
            SELECT user_id, topic, {_case(weights, 0)} AS f, {_case(weights, 1)} AS a,
                   {decay_sql(settings.half_life_days)} AS decay, via
            FROM feedback WHERE topic IS NOT NULL AND {_about_topics()}
        )
        SELECT numbered.code, weighted.topic,
               round(sum(CASE WHEN via = 'sends' THEN f * decay ELSE 0.0 END), 9) AS alpha,
               round(sum(a * decay), 9) AS beta, CAST(count(*) AS DOUBLE) AS n
        FROM weighted JOIN numbered ON numbered.user_id = weighted.user_id
        WHERE via = 'sends' OR a > 0
        GROUP BY numbered.code, weighted.topic
        ORDER BY weighted.topic, numbered.code
    """)
    column = _places(topics, sums["topic"])
    kept = column >= 0
    if not kept.any():
        return None
    place = (sums["code"].to_numpy(dtype=np.int64)[kept], column[kept])
    shape = (len(user_ids), len(topics))
    return TopicFeedback(
        *(
            sparse.csr_array((sums[name].to_numpy(dtype=float)[kept], place), shape=shape)
            for name in ("alpha", "beta", "n")
        )
    )


def _about_topics() -> str:
    kinds = ", ".join(literal(kind) for kind in ABOUT["topic"])
    return f"(kind IN ({kinds}) OR (kind = 'hide' AND item_id IS NULL))"


def _case(weights: Mapping[str, tuple[float, float]], side: int) -> str:
    cases = " ".join(
        f"WHEN {literal(kind)} THEN {literal(float(pair[side]))}" for kind, pair in sorted(weights.items())
    )
    return f"CASE kind {cases} ELSE 0.0 END"


def _places(topics, found) -> np.ndarray:
    known = {topic: place for place, topic in enumerate(topics)}
    return found.map(known).fillna(-1).to_numpy(dtype=np.int64)
