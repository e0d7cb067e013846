"""What each kind of feedback weighs, learned from what people liked afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.engines import literal
from segtool.notes import known, unknown
from segtool.targeting.counts import decay_sql, sql_counts
from segtool.targeting.feedback.reading import feedback_sql
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.topics.windows import some_users, window_evidence_sql

MAX_CELLS = 200_000  # users x topics in the regression: the third digit of a weight does not change beyond
MAX_TOPICS = 40  # the commonest; rarer ones add cells without likes
TRUST = 5  # in events: how much everyone's share counts beside a user's own
SURELY = 2.0  # standard errors a like's own effect must reach, since the others are measured in likes
KINDS = ("like", "share", "save", "click", "answered", "ignored")
COLUMNS = ["kind", "for_prior", "against_prior", "for_now", "against_now", "in_likes", "se", "n_events"]


@dataclass(frozen=True)
class FeedbackWeights:
    """Weights of feedback, and where they come from.

    Parameters
    ----------
    weights : dict
        (for, against) by kind.
    table : DataFrame
        kind, for_prior, against_prior, for_now, against_now, in_likes (the kind's effect over that of a
        like), se, n_events; empty where nothing was learned.
    notes : tuple of str
    """

    weights: dict[str, tuple[float, float]]
    table: pd.DataFrame
    notes: tuple[str, ...]


def refit_weights(sources, user_ids: np.ndarray, settings: TargetingSettings) -> FeedbackWeights:
    """Learn what a kind of feedback weighs against a like, where enough of it is on record.

    Parameters
    ----------
    sources : Sources
    user_ids : ndarray of str, shape (n_users,)
    settings : TargetingSettings
        ``validation_days``: the last days, in which the later likes are looked for.

    Notes
    -----
    Logistic regression, over pairs of user and topic, of "liked it in the last days" on the decayed
    counts of each kind before, beside the topic's popularity, the user's activity and what other
    events say of the user's taste; standard errors are clustered by user. A kind's weight is its
    effect over a like's, averaged with its prior by precision (the prior's standard deviation being
    itself), and never of the wrong sign. Kinds with fewer than ``refit_feedback_events`` keep theirs.
    What was sent was chosen: a topic is sent to those who like it, and the effect of silence is only
    as free of that as those three columns make it.
    """
    priors = dict(settings.feedback_weights)
    n_events = _count_kinds(sources, settings)
    enough = [kind for kind in KINDS if n_events.get(kind, 0) >= settings.refit_feedback_events]
    if "like" not in enough or len(enough) < 2:
        return _kept(priors, f"fewer than {settings.refit_feedback_events:,} likes, or of any other kind")
    found = _fit(sources, user_ids, enough, settings)
    if found is None:
        return _kept(priors, "too few liked anything in the last days")
    slope, covariance = found
    if slope[0] < SURELY * np.sqrt(covariance[0, 0]):
        return _kept(priors, "likes themselves foretold no later likes")
    return _combined(priors, enough, slope, covariance, n_events)


def _kept(priors, why: str) -> FeedbackWeights:
    note = unknown(f"Feedback: what each kind weighs ({why}); the weights are assumed.")
    return FeedbackWeights(priors, pd.DataFrame(columns=COLUMNS), (note,))


def _count_kinds(sources, settings) -> dict[str, int]:
    rows = feedback_sql(sources, settings)
    if rows is None:
        return {}
    counts = sources.engine.query(f"""
        WITH feedback AS ({rows}) SELECT kind, count(*) AS n FROM feedback
        WHERE topic IS NOT NULL AND kind IS NOT NULL AND age_days > {literal(float(settings.validation_days))}
        GROUP BY kind ORDER BY kind
    """)
    return dict(zip(counts["kind"], counts["n"].astype(int), strict=True))


def _fit(sources, user_ids, kinds, settings) -> tuple[np.ndarray, np.ndarray] | None:
    """Return each kind's effect, and their covariance."""
    days, users = settings.validation_days, some_users(len(user_ids))
    sums = _kind_sums(sources, settings, users.sql)
    size = sums.groupby("topic").size().sort_values(ascending=False, kind="stable")
    topics = tuple(sorted(size.index[:MAX_TOPICS]))
    rows = np.unique(sums.loc[sums["before"] > 0, "code"].to_numpy(dtype=np.int64))
    rows = rows[: max(1, MAX_CELLS // max(len(topics), 1))]
    if len(topics) < 2 or len(rows) < 100:
        return None
    features = [_cells(sums[sums["kind"] == kind], rows, topics, "before") for kind in kinds]
    liked = _cells(sums[sums["kind"] == "like"], rows, topics, "after") > 0
    if liked.sum() < 50:
        return None
    evidence = window_evidence_sql(sources, settings, settings.half_life_days, users.sql, without=kinds)
    lift, n = _other_taste(sources, user_ids, evidence, rows, topics)
    heat = np.log(np.maximum(liked.mean(axis=0), 1e-4))
    plain = [np.ones_like(lift), np.broadcast_to(heat, lift.shape), lift, np.log1p(n) + 0 * lift]
    # A day's age at the study's date is days more than at the end of the fit window.
    scale = 1.0 if settings.half_life_days is None else 2 ** (days / settings.half_life_days)
    design = np.stack([*(x * scale for x in features), *plain], axis=-1)
    slope, covariance = _logistic(design, liked)
    n_kinds = len(kinds)
    return slope[:n_kinds], covariance[:n_kinds, :n_kinds]


def _other_taste(sources, user_ids, evidence: str | None, rows, topics) -> tuple[np.ndarray, np.ndarray]:
    """Return what other events say: log lift by user and topic, and the users' events."""
    none = np.zeros((len(rows), len(topics))), np.zeros((len(rows), 1))
    if evidence is None:
        return none
    counts = sql_counts(sources.engine, user_ids, evidence)
    column = pd.Index(counts.categories, dtype=object).get_indexer(topics)
    if not (column >= 0).any():
        return none
    share = counts.share[rows][:, np.maximum(column, 0)].toarray() * (column >= 0)
    base, n = np.maximum(share.mean(axis=0), 1e-4), counts.n[rows][:, None]
    return np.log((share * n + TRUST * base) / (n + TRUST) / base), n


def _kind_sums(sources, settings, users_sql: str) -> pd.DataFrame:
    days = literal(float(settings.validation_days))
    return sources.engine.query(f"""
        WITH feedback AS ({feedback_sql(sources, settings)}),
        numbered AS (
            SELECT user_id, row_number() OVER (ORDER BY user_id) - 1 AS code FROM user_index
        )
        SELECT numbered.code, feedback.topic, feedback.kind,
               round(sum(CASE WHEN age_days > {days} THEN {decay_sql(settings.half_life_days)}
                         ELSE 0.0 END), 9) AS before,
               CAST(sum(CASE WHEN age_days <= {days} THEN 1 ELSE 0 END) AS DOUBLE) AS after
        FROM feedback JOIN numbered ON numbered.user_id = feedback.user_id
        WHERE feedback.topic IS NOT NULL AND feedback.kind IN ({", ".join(map(literal, KINDS))})
          AND feedback.user_id IN ({users_sql})
        GROUP BY numbered.code, feedback.topic, feedback.kind
        ORDER BY feedback.kind, feedback.topic, numbered.code
    """)


def _cells(sums: pd.DataFrame, rows: np.ndarray, topics, name: str) -> np.ndarray:
    cells = np.zeros((len(rows), len(topics)))
    row = pd.Index(rows).get_indexer(sums["code"])
    column = pd.Index(topics, dtype=object).get_indexer(sums["topic"].astype(object))
    good = (row >= 0) & (column >= 0)
    cells[row[good], column[good]] = sums[name].to_numpy(dtype=float)[good]
    return cells


def _logistic(design: np.ndarray, hit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit by Newton's steps, slightly ridged; the covariance is clustered by user (the first axis)."""
    n_users, n_topics, n_columns = design.shape
    x, y = design.reshape(-1, n_columns), hit.ravel().astype(float)
    ridge = 1e-3 * np.eye(n_columns)
    slope = np.zeros(n_columns)
    for _ in range(25):
        p = 1 / (1 + np.exp(-np.clip(x @ slope, -30, 30)))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + ridge
        step = np.linalg.solve(hessian, x.T @ (y - p) - ridge @ slope)
        slope = slope + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    scores = (x * (y - p)[:, None]).reshape(n_users, n_topics, n_columns).sum(axis=1)
    bread = np.linalg.inv(hessian)
    return slope, bread @ (scores.T @ scores) @ bread


def _combined(priors, kinds, slope, covariance, n_events) -> FeedbackWeights:
    """Measure the effects in likes, and average each with its prior by precision."""
    like, rows, weights = slope[0], [], dict(priors)
    for place, kind in enumerate(kinds):
        ratio = slope[place] / like
        lean = np.zeros(len(kinds))
        lean[place], lean[0] = 1 / like, lean[0] - ratio / like
        se = float(np.sqrt(max(lean @ covariance @ lean, 1e-12)))
        prior = priors[kind][0] - priors[kind][1]
        if place:
            trust = prior**2 / (prior**2 + se**2)
            now = (1 - trust) * prior + trust * ratio
            now = (
                max(now, 0.0) if prior > 0 else min(now, 0.0)
            )  # an answer never counts against, nor silence for
            weights[kind] = (float(round(max(now, 0), 4)), float(round(max(-now, 0.0), 4)) + 0.0)
        rows.append((kind, *priors[kind], *weights[kind], round(ratio, 4), round(se, 4), n_events[kind]))
    table = pd.DataFrame(rows, columns=COLUMNS)
    changed = ", ".join(f"{kind} {weights[kind][0] - weights[kind][1]:+.2f}" for kind in kinds[1:])
    note = known(f"Feedback: what it weighs against a like was learned from later likes: {changed}.")
    return FeedbackWeights(weights, table, (note,))
