"""What the sends say of each arm in each persona: a Beta posterior, clustered by user."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse, stats

from segtool.targeting.explore.cells import shrink_cells
from segtool.targeting.members import Members
from segtool.targeting.sending import SendLog, slot_totals
from segtool.targeting.settings import TargetingSettings

# Answers of one user resemble each other; counted as independent they promise too much. Capped, since
# a handful of users says little about how much they differ.
MOST_CLUSTERED = 10.0
COLUMNS = [
    "persona_id", "persona", "arm", "a", "b", "estimate", "lo", "hi", "n_users", "n_sends", "n_answers",
    "impressions", "is_new",
]  # fmt: skip


def read_posteriors(
    sources,
    members: Members,
    user_ids: np.ndarray,
    log: SendLog,
    settings: TargetingSettings,
    arm: str = "topic",
) -> pd.DataFrame:
    """Estimate the answer rate of each arm in each persona, each level the prior of the next.

    Parameters
    ----------
    sources : Sources
    members : Members, shape (n_users, n_personas)
    user_ids : ndarray of str
        As from `sql_users`.
    log : SendLog
    settings : TargetingSettings
    arm : {"topic", "item_id", "arm"}
        The column of ``sends`` that is chosen between.

    Returns
    -------
    DataFrame
        persona_id, persona, arm, a, b (of the Beta), estimate, lo, hi (answers per send), n_users, n_sends,
        n_answers (of the persona's own users), impressions (sends to anyone), is_new (fewer impressions than
        ``explore_until``). Sends are those whose outcome is known. Topics and items of the content table that
        were never sent are arms too. No rows where the sends do not say the arm or no outcome is recorded.
    """
    if not log.n_sends or log.outcome is None or arm not in sources.engine.columns("sends"):
        return pd.DataFrame(columns=COLUMNS)
    totals = slot_totals(sources, log, arm)
    arms = _arms(sources, totals, arm, settings.max_topics if arm == "topic" else None)
    column = pd.Index(arms).get_indexer(totals["slot"].astype(str))
    kept = totals[column >= 0]
    place = (kept["code"].to_numpy(dtype=np.int64), column[column >= 0])
    shape = (len(user_ids), len(arms))
    trials = sparse.csr_array((kept["trials"].to_numpy(dtype=float), place), shape=shape)
    hits = sparse.csr_array((kept["hits"].to_numpy(dtype=float), place), shape=shape)
    a, b = cell_posteriors(trials, hits, members.weights)
    return _table(a, b, trials, hits, members, arms, settings)


def _arms(sources, totals: pd.DataFrame, arm: str, limit: int | None) -> list[str]:
    sent = totals.groupby(totals["slot"].astype(str))["trials"].sum()
    sent = sent.reset_index().sort_values(["trials", "slot"], ascending=[False, True])["slot"].tolist()
    if (
        arm in ("topic", "item_id")
        and "content" in sources.tables
        and arm in sources.engine.columns("content")
    ):
        known = sources.engine.query(
            f"SELECT DISTINCT {arm} AS arm FROM content WHERE {arm} IS NOT NULL ORDER BY arm"
        )
        sent += [name for name in known["arm"].astype(str) if name not in set(sent)]
    return sorted(sent[:limit])


def cell_posteriors(trials, hits, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a and b of each persona and arm.

    Parameters
    ----------
    trials, hits : scipy.sparse.csr_array, shape (n_users, n_arms)
    weights : ndarray, shape (n_users, n_personas)

    Returns
    -------
    a, b : ndarray, shape (n_personas, n_arms)

    Notes
    -----
    Sends are counted at ``1 / d`` each, where *d* is the clustered variance of the residuals over what
    independent sends would have, over users *u* and arms *a*, and at least 1:
    ``d = sum_ua (h_ua - n_ua r)^2 / sum_ua n_ua r (1 - r)``.
    """
    n, k = (trials.T @ weights).T, (hits.T @ weights).T
    a, b = shrink_cells(k, n)
    effect = _clustering(trials, hits, weights, a / (a + b))
    return shrink_cells(k / effect, n / effect)


def _clustering(trials, hits, weights, rate) -> float:
    """Return how many sends of one user count as one."""
    cells, answers = trials.tocoo(), hits.tocsr()
    if not len(cells.data):
        return 1.0
    got = np.asarray(answers[cells.row, cells.col]).ravel()
    own = weights[cells.row]
    r = (own * rate[:, cells.col].T).sum(axis=1)  # a user between two personas answers like both
    known = own.sum(axis=1) > 0
    # Within user and arm: who answers everything raises all arms alike, and that decides nothing.
    residual, expected = (got - cells.data * r)[known], (cells.data * r * (1 - r))[known].sum()
    return float(np.clip((residual**2).sum() / max(expected, 1e-9), 1.0, MOST_CLUSTERED))


def _table(a, b, trials, hits, members: Members, arms, settings) -> pd.DataFrame:
    at_home = members.indicator()
    tail = (1 - settings.confidence) / 2
    impressions = np.asarray(trials.sum(axis=0)).ravel()
    n_personas, n_arms = a.shape
    table = {
        "persona_id": np.repeat(np.asarray(members.persona_ids), n_arms),
        "persona": np.repeat(np.asarray(members.names, dtype=object), n_arms),
        "arm": np.tile(np.asarray(arms, dtype=object), n_personas),
        "a": a.ravel(),
        "b": b.ravel(),
        "estimate": (a / (a + b)).ravel(),
        "lo": stats.beta.ppf(tail, a, b).ravel(),
        "hi": stats.beta.ppf(1 - tail, a, b).ravel(),
        "n_users": ((trials > 0).astype(float).T @ at_home).T.ravel().round().astype(int),
        "n_sends": (trials.T @ at_home).T.ravel().round().astype(int),
        "n_answers": (hits.T @ at_home).T.ravel().round().astype(int),
        "impressions": np.tile(impressions.round().astype(int), n_personas),
        "is_new": np.tile(impressions < settings.explore_until, n_personas),
    }
    return pd.DataFrame(table, columns=COLUMNS)
