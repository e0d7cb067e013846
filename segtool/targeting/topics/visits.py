"""Events of one visit are one occasion: what a basket of twenty lines says of a taste."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from segtool.targeting.shares import UserCounts

MAX_PAIRS = 100  # of one user: the busiest do not decide how alike visits are
MIN_USERS = 30  # with several visits, one of them of two events


def visit_sums(engine, evidence: str) -> pd.DataFrame:
    """Return what each user's days hold, for `allow_for_visits`.

    Parameters
    ----------
    engine : Engine
    evidence : str
        SELECT with user_id, category, weight, decay and day.

    Returns
    -------
    DataFrame
        code, n, n_days, day_pairs (sum over days of n squared), alike (sum over days and topics of
        their count squared), squares (sum of squared weights), day_squares (of a day's weight).
    """
    return engine.query(f"""
        WITH evidence AS ({evidence}),
        numbered AS (
            SELECT user_id, row_number() OVER (ORDER BY user_id) - 1 AS code FROM user_index
        ),
        by_topic AS (
            SELECT user_id, day, category, sum(weight * decay) AS w, sum(weight * weight * decay * decay) AS ww,
                   CAST(count(*) AS DOUBLE) AS k
            FROM evidence WHERE category IS NOT NULL GROUP BY user_id, day, category
        ),
        by_day AS (
            SELECT user_id, day, sum(w) AS w, sum(ww) AS ww, sum(k) AS k, sum(k * k) AS kk
            FROM by_topic GROUP BY user_id, day
        )
        SELECT numbered.code, sum(k) AS n, count(*) AS n_days, sum(k * k) AS day_pairs, sum(kk) AS alike,
               round(sum(ww), 9) AS squares, round(sum(w * w), 9) AS day_squares
        FROM by_day JOIN numbered ON numbered.user_id = by_day.user_id
        GROUP BY numbered.code ORDER BY numbered.code
    """)


def visit_likeness(counts: UserCounts, sums: pd.DataFrame) -> float:
    """Return how much likelier two events of one day share their topic than two of different days.

    0: a day's events are as unlike as any of the user's; 1: a day has one topic.
    """
    code = sums["code"].to_numpy(dtype=np.int64)
    n, day_pairs, alike = (sums[name].to_numpy(dtype=float) for name in ("n", "day_pairs", "alike"))
    whole = np.asarray(counts.events.power(2).sum(axis=1)).ravel()[code]
    # Of a rare topic that is left out, the days still know: only users whose counts agree are compared.
    same = np.asarray(counts.events.sum(axis=1)).ravel()[code] == n
    within, between = day_pairs - n, n**2 - day_pairs
    good = same & (within > 0) & (between > 0)
    if good.sum() < MIN_USERS:
        return 0.0
    weight = np.minimum(within[good], MAX_PAIRS)
    near = (alike - n)[good] / within[good]
    far = (whole - alike)[good] / between[good]
    return float(np.clip((weight * (near - far)).sum() / max((weight * (1 - far)).sum(), 1e-12), 0.0, 0.9))


def allow_for_visits(counts: UserCounts, sums: pd.DataFrame) -> tuple[UserCounts, float]:
    """Count events of one day for less, by how alike they are.

    Parameters
    ----------
    counts : UserCounts, shape (n_users, n_topics)
    sums : DataFrame
        As from `visit_sums`.

    Returns
    -------
    UserCounts
        With fewer effective events ``n`` and more ``noise``, by the design effect
        ``1 + r (day_squares / squares - 1)``; shares and plain counts stay.
    float
        The likeness r, see `visit_likeness`.

    References
    ----------
    Kish (1965), Survey Sampling, 5.4 (design effect of clusters).
    """
    r = visit_likeness(counts, sums)
    effect = np.ones(len(counts.n))
    squares = sums["squares"].to_numpy(dtype=float)
    effect[sums["code"].to_numpy(dtype=np.int64)] = np.where(
        squares > 0,
        1 + r * (sums["day_squares"].to_numpy(dtype=float) / np.maximum(squares, 1e-300) - 1),
        1.0,
    )
    effect = np.maximum(effect, 1.0)
    return dataclasses.replace(counts, n=counts.n / effect, noise=np.minimum(counts.noise * effect, 1.0)), r
