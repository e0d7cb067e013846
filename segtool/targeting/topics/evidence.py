"""What speaks for a topic: what users did with it, and what they or others said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.engines import literal
from segtool.notes import known, unknown
from segtool.targeting.counts import decay_sql, read_window_sql, sql_counts, weight_case
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.shares import UserCounts
from segtool.targeting.topics.validate import choose_half_life, learn_stated
from segtool.targeting.topics.visits import allow_for_visits, visit_sums
from segtool.targeting.topics.windows import AGAINST

STATED_FACETS = ("taste", "interest", "interests")


@dataclass(frozen=True)
class TopicEvidence:
    """What speaks for topics, and how it was weighed, so that a part of it can be left out.

    Parameters
    ----------
    counts : UserCounts or None
        None where there is no evidence.
    notes : tuple of str
    settings : TargetingSettings
        With the half-life that was chosen.
    stated : DataFrame
        What was said: user_id, category, n (as so many events).
    """

    counts: UserCounts | None
    notes: tuple[str, ...]
    settings: TargetingSettings
    stated: pd.DataFrame

    def without(self, sources, user_ids: np.ndarray, left_out: str) -> UserCounts | None:
        """Count again without the events of which some SQL is true, all else being as it was."""
        if self.counts is None:
            return None
        sql = f"{_evidence_sql(sources, self.settings, [])} AND NOT coalesce({left_out}, FALSE)"
        counts = _counted(sources, user_ids, sql, self.stated, self.settings)
        return allow_for_visits(counts, visit_sums(sources.engine, sql))[0] if counts.categories else None


def read_topics(
    sources, labels, user_ids: np.ndarray, settings: TargetingSettings
) -> tuple[UserCounts | None, list[str]]:
    """Return the evidence per user and topic, or None where there is none, with notes."""
    evidence = gather_topics(sources, labels, user_ids, settings)
    return evidence.counts, list(evidence.notes)


def gather_topics(sources, labels, user_ids: np.ndarray, settings: TargetingSettings) -> TopicEvidence:
    """Return the evidence per user and topic with what it was weighed by."""
    notes: list[str] = []
    nothing = pd.DataFrame({"user_id": [], "category": [], "n": []})
    has_topics = "events" in sources.tables and "topic" in sources.engine.columns("events")
    topics = _known_topics(sources) if has_topics else []
    if not has_topics or not topics:
        why = "no event has a topic (nor an item whose topic is known)"
        notes.append(unknown(f"Topics: {why}; the plan goes without topics."))
        return TopicEvidence(None, tuple(notes), settings, nothing)
    settings = _chosen_half_life(sources, user_ids, settings, notes)
    stated = _stated(sources, labels, topics, user_ids, settings, notes)
    evidence = _evidence_sql(sources, settings, notes)
    counts = _counted(sources, user_ids, evidence, stated, settings)
    if not counts.categories:
        notes.append(
            unknown("Topics: no recent event with a topic counts for it; the plan goes without topics.")
        )
        return TopicEvidence(None, tuple(notes), settings, stated)
    counts, likeness = allow_for_visits(counts, visit_sums(sources.engine, evidence))
    if likeness > 0.01:
        how = (
            f"events of one day are alike (likeness {likeness:.2f} of 1) and count for less than as many days"
        )
        notes.append(known(f"Topics: {how}."))
    if len(topics) > len(counts.categories):
        used = f"the {len(counts.categories):,} with most events are used"
        notes.append(known(f"Topics: {len(topics):,} were found; {used}."))
    if len(stated):
        notes.append(known(f"Topics: {len(stated):,} stated interests count as a few events each."))
    notes.append(known("Topics: compared are shares of activity, a persona's with everyone's."))
    notes.append(
        unknown(
            "Topics: what people were shown is not recorded; a topic that is offered more looks liked more."
        )
    )
    return TopicEvidence(counts, tuple(notes), settings, stated)


def _counted(sources, user_ids, sql: str, stated: pd.DataFrame, settings) -> UserCounts:
    return sql_counts(sources.engine, user_ids, sql, max_categories=settings.max_topics, extra=stated)


def stated_claims(labels, topics: list[str], settings: TargetingSettings) -> pd.DataFrame:
    """Return what was said of topics: user_id, category, source, confidence, observed_at.

    Claims of labels in the facet "taste" count whose value is a topic, in any case of letters.
    Claims from behaviour are left out: the events themselves already count.
    """
    taste = [name for name, facet in labels.facets().items() if facet in STATED_FACETS]
    heard = [source for source, n_events in settings.stated_events.items() if n_events > 0]
    # The ledger has a row per user and label: only what can count leaves the engine.
    claims = labels.claims(labels=taste, sources=heard)
    topic = claims["value"].astype(str).str.casefold().map({str(t).casefold(): t for t in topics})
    said = claims.assign(category=topic, confidence=claims["confidence"].astype(float).clip(0, 1))
    if "observed_at" not in said:
        said["observed_at"] = pd.NaT
    return said.loc[topic.notna(), ["user_id", "category", "source", "confidence", "observed_at"]]


def _as_events(said: pd.DataFrame, weights: dict[str, float]) -> pd.DataFrame:
    events = said[["user_id", "category"]].assign(n=said["source"].map(weights) * said["confidence"])
    # Said twice is said once: the strongest claim counts.
    events["n"] = events["n"].astype(float)
    return events[events["n"] > 0].groupby(["user_id", "category"], as_index=False)["n"].max()


def _stated(sources, labels, topics, user_ids, settings, notes: list[str]) -> pd.DataFrame:
    """Return what was said, with weights learned where enough people said it before they did it."""
    if labels is None:
        return pd.DataFrame({"user_id": [], "category": [], "n": []})
    said = stated_claims(labels, topics, settings)
    learned = learn_stated(sources, said, user_ids, settings)
    notes.extend(learned.notes)
    return _as_events(said, learned.weights)


def _chosen_half_life(sources, user_ids, settings: TargetingSettings, notes: list[str]) -> TargetingSettings:
    if not settings.choose_half_life:
        return settings
    chosen = choose_half_life(sources, user_ids, settings)
    notes.extend(chosen.notes)
    return settings.model_copy(update={"half_life_days": chosen.days})


def _known_topics(sources) -> list[str]:
    topics = sources.engine.query("SELECT DISTINCT topic FROM events WHERE topic IS NOT NULL ORDER BY topic")
    return topics["topic"].tolist()


def _evidence_sql(sources, settings: TargetingSettings, notes: list[str]) -> str:
    weights = {event: w for event, w in settings.event_weights.items() if event not in AGAINST}
    words = ", ".join(literal(word) for word in sorted(weights)) or "NULL"
    found = sources.engine.query(f"""
        SELECT count(*) FILTER (WHERE topic IS NOT NULL AND event IN ({words})) AS used,
               count(*) FILTER (WHERE topic IS NULL AND event IN ({words})) AS without_topic
        FROM events
    """).iloc[0]
    window = read_window_sql(settings.half_life_days)
    decay = decay_sql(settings.half_life_days)
    if not found["used"]:
        why = "no event word has a weight in the settings, so every event counts alike"
        notes.append(unknown(f"Topics: which events say more; {why}, save {', '.join(AGAINST)}."))
        against = ", ".join(literal(word) for word in AGAINST)
        return (
            f"SELECT user_id, topic AS category, 1.0 AS weight, {decay} AS decay, local_date AS day "
            f"FROM events WHERE topic IS NOT NULL AND event NOT IN ({against}) AND {window}"
        )
    share = found["without_topic"] / (found["used"] + found["without_topic"])
    if share > 0.05:
        notes.append(
            unknown(f"Topics: {share:.0%} of the events that could count name no topic and are not used.")
        )
    return (
        f"SELECT user_id, topic AS category, {weight_case(weights)} AS weight, {decay} AS decay, local_date AS day "
        f"FROM events WHERE topic IS NOT NULL AND event IN ({words}) AND {window}"
    )
