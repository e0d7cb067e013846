"""Half-life and the weight of what people say, chosen by what they did afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.notes import known, unknown
from segtool.targeting.counts import sql_counts
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.shares import UserCounts, estimate_shares
from segtool.targeting.topics.windows import SomeUsers, some_users, window_evidence_sql

HALF_LIVES = (30.0, 60.0, 120.0, None)
MIN_USERS = 100  # with fewer in both windows, half-lives differ by chance
# Another half-life replaces the stated one only where it foretells surely better: by two standard
# errors of the paired difference, since the best of four is chosen.
SURELY = 2.0
STATED_GRID = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0)  # in events of weight 1


@dataclass(frozen=True)
class HalfLife:
    """A half-life and how it was found.

    Parameters
    ----------
    days : float or None
        None: tastes do not drift.
    table : DataFrame
        half_life_days, loglik (per user, mean over users of the later events' mean log-likelihood),
        difference (to the stated half-life), se, n_users.
    notes : tuple of str
    """

    days: float | None
    table: pd.DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True)
class StatedWeights:
    """Events that a stated interest counts as, by source, and how they were found.

    Parameters
    ----------
    weights : dict
    table : DataFrame
        source, n_events, loglik, difference (to the declared weight), se, n_users.
    notes : tuple of str
    """

    weights: dict[str, float]
    table: pd.DataFrame
    notes: tuple[str, ...]


def choose_half_life(sources, user_ids: np.ndarray, settings: TargetingSettings) -> HalfLife:
    """Choose among 30, 60, 120 days and none what best foretells the last days.

    Parameters
    ----------
    sources : Sources
    user_ids : ndarray of str, shape (n_users,)
    settings : TargetingSettings
        ``half_life_days`` stays unless another is surely better; ``validation_days`` are foretold.

    Notes
    -----
    Shares are estimated from what came before the last days, each user's own shrunk towards everyone's.
    Personas have no part in it: they may have been found on those days. At most 20,000 users are used.
    """
    users, stated = some_users(len(user_ids)), settings.half_life_days
    later = _later(sources, user_ids, users, settings)
    candidates = tuple(dict.fromkeys((stated, *HALF_LIVES)))
    scores = {}
    for days in candidates if later is not None else ():
        counts = _before(sources, user_ids, users, settings, days)
        scores[days] = _loglik(counts, later, users.places)
    both, last = _common(scores), f"the last {settings.validation_days:g} days"
    if both is None or len(both) < MIN_USERS:
        why = f"fewer than {MIN_USERS} users did something both before {last} and in them"
        note = unknown(f"Topics: the half-life ({why}); {_words(stated)} is assumed.")
        return HalfLife(stated, _table("half_life_days", {}, stated), (note,))
    table = _table("half_life_days", both, stated)
    better = table[table["difference"] > SURELY * table["se"]]
    best = stated if better.empty else candidates[int(better["loglik"].idxmax())]
    found = f"no other half-life foretold {last} surely better than {_words(stated)}"
    if best != stated:
        found = f"{_words(best)} foretold {last} surely better than {_words(stated)}, and is used"
    return HalfLife(best, table, (known(f"Topics: {found} ({len(both):,} users)."),))


def learn_stated(
    sources, said: pd.DataFrame, user_ids: np.ndarray, settings: TargetingSettings
) -> StatedWeights:
    """Learn how many events a stated interest is worth, source by source.

    Parameters
    ----------
    sources : Sources
    said : DataFrame
        As from `stated_claims`: user_id, category, source, confidence, observed_at.
    user_ids : ndarray of str, shape (n_users,)
    settings : TargetingSettings
        ``learn_stated_users`` is how many users must have said something before the last days and done
        something in them; below, ``stated_events`` hold as declared.

    Notes
    -----
    Only what was said before the last days is used, and nothing that was inferred: a model has seen
    those days. A weight is kept unless another is surely better.
    """
    weights, tables, notes = dict(settings.stated_events), [], []
    sources_heard = [s for s in sorted(set(said["source"])) if s != "inferred" and s in weights]
    users = some_users(len(user_ids))
    later = _later(sources, user_ids, users, settings) if sources_heard else None
    early = said[_before_last_days(said, sources, settings)]
    evidence = window_evidence_sql(sources, settings, settings.half_life_days, users.sql)
    for source in sources_heard:
        own = early[early["source"] == source]
        n_users = 0 if later is None else _n_both(own, later, user_ids)
        if n_users < settings.learn_stated_users:
            few = f"{n_users:,} users said something and were seen later, {settings.learn_stated_users:,} needed"
            text = (
                f"what a stated interest ({source}) weighs ({few}); as declared, {weights[source]:g} events"
            )
            notes.append(unknown(f"Topics: {text}."))
            continue
        scores = {}
        for value in dict.fromkeys((weights[source], *STATED_GRID)):
            extra = _weighed(early, {**weights, source: value})
            counts = sql_counts(sources.engine, user_ids, evidence, extra=extra)
            scores[value] = _loglik(counts, later, pd.Index(user_ids).get_indexer(own["user_id"].unique()))
        table = _table("n_events", _common(scores), weights[source])
        better = table[table["difference"] > SURELY * table["se"]]
        how = "as declared: nothing else foretold surely better what they did later"
        if len(better):
            weights[source] = float(better.loc[better["loglik"].idxmax(), "n_events"])
            how = "learned from what they did later"
        tables.append(table.assign(source=source))
        text = f"a stated interest ({source}) counts as {weights[source]:g} events, {how}"
        notes.append(known(f"Topics: {text} ({n_users:,} users)."))
    found = pd.concat(tables, ignore_index=True) if tables else _table("n_events", {}, None).assign(source="")
    return StatedWeights(weights, found, tuple(notes))


def _before_last_days(said: pd.DataFrame, sources, settings) -> pd.Series:
    as_of = pd.Timestamp(sources.as_of)
    as_of = as_of.tz_convert("UTC").tz_localize(None) if as_of.tzinfo else as_of
    when = pd.to_datetime(said["observed_at"], utc=True).dt.tz_localize(None)
    return when < as_of - pd.Timedelta(days=settings.validation_days)


def _weighed(said: pd.DataFrame, weights: dict[str, float]) -> pd.DataFrame:
    """Return claims as events; said twice is said once, and the strongest counts."""
    n = said["source"].map(weights).astype(float) * said["confidence"].astype(float).clip(0, 1)
    table = said[["user_id", "category"]].assign(n=n)
    return table[table["n"] > 0].groupby(["user_id", "category"], as_index=False)["n"].max()


def _n_both(own: pd.DataFrame, later: UserCounts, user_ids) -> int:
    rows = pd.Index(user_ids).get_indexer(own["user_id"].unique())
    return int((later.n[rows[rows >= 0]] > 0).sum())


def _later(sources, user_ids, users: SomeUsers, settings) -> UserCounts | None:
    sql = window_evidence_sql(sources, settings, None, users.sql, later=True)
    counts = None if sql is None else sql_counts(sources.engine, user_ids, sql)
    return counts if counts is not None and len(counts.categories) > 1 else None


def _before(sources, user_ids, users: SomeUsers, settings, days) -> UserCounts:
    sql = window_evidence_sql(sources, settings, days, users.sql)
    return sql_counts(sources.engine, user_ids, sql)


def _loglik(counts: UserCounts, later: UserCounts, rows: np.ndarray) -> pd.Series:
    """Return the mean log-likelihood of each user's later events, for users with both, by place."""
    rows = rows[(rows >= 0)]
    rows = rows[(later.n[rows] > 0)]
    topics = [t for t in later.categories if t in set(counts.categories)]
    if not len(rows) or len(topics) < 2:
        return pd.Series(dtype=float)
    groups = estimate_shares(counts, np.ones((len(counts.n), 1)))
    size = 1 / groups.rho.mean() - 1
    n = counts.n[rows][:, None]
    column = pd.Index(counts.categories, dtype=object).get_indexer(topics)
    base = np.maximum(groups.base[column], 1e-4)
    guess = (counts.share[rows][:, column].toarray() * n + base * size) / (n + size)
    guess = np.maximum(guess, 1e-6) / np.maximum(guess, 1e-6).sum(axis=1, keepdims=True)
    did = later.share[rows][:, pd.Index(later.categories, dtype=object).get_indexer(topics)].toarray()
    return pd.Series((did * np.log(guess)).sum(axis=1), index=rows)


def _common(scores: dict) -> pd.DataFrame | None:
    if not scores:
        return None
    return pd.DataFrame(dict(enumerate(scores.values()))).set_axis(list(scores), axis=1).dropna()


def _table(name: str, scores, stated) -> pd.DataFrame:
    if not len(scores):
        return pd.DataFrame(columns=[name, "loglik", "difference", "se", "n_users"])
    gap = scores.sub(scores.iloc[:, 0], axis=0)
    return pd.DataFrame(
        {
            name: list(scores.columns),
            "loglik": scores.mean().to_numpy().round(9),
            "difference": gap.mean().to_numpy().round(9),
            "se": (gap.std() / np.sqrt(len(scores))).to_numpy().round(9),
            "n_users": len(scores),
        }
    )


def _words(days: float | None) -> str:
    return "no decay" if days is None else f"a half-life of {days:g} days"
