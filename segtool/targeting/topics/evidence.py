"""What speaks for a topic: what users did with it, and what they or others said."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.engines import literal
from segtool.targeting.counts import decay_sql, read_window_sql, sql_counts, weight_case
from segtool.targeting.notes import known, unknown
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.shares import UserCounts

# Not evidence for a topic, whatever the weights say: these speak against it, or of something else.
AGAINST = ("mute", "hide", "complain", "unsubscribe", "refund")
STATED_FACETS = ("taste", "interest", "interests")


def read_topics(
    sources, labels, user_ids: np.ndarray, settings: TargetingSettings
) -> tuple[UserCounts | None, list[str]]:
    """Return the evidence per user and topic, or None where there is none, with notes."""
    notes: list[str] = []
    has_topics = "events" in sources.tables and "topic" in sources.engine.columns("events")
    topics = _known_topics(sources) if has_topics else []
    stated = stated_topics(labels, topics, settings) if labels is not None else _nothing_stated()
    if not has_topics or not topics:
        why = "no event has a topic (nor an item whose topic is known)"
        notes.append(unknown(f"Topics: {why}; the plan goes without topics."))
        return None, notes
    counts = sql_counts(
        sources.engine,
        user_ids,
        _evidence_sql(sources, settings, notes),
        max_categories=settings.max_topics,
        extra=stated,
    )
    if not counts.categories:
        notes.append(
            unknown("Topics: no recent event with a topic counts for it; the plan goes without topics.")
        )
        return None, notes
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
    return counts, notes


def stated_topics(labels, topics: list[str], settings: TargetingSettings) -> pd.DataFrame:
    """Return interests that were said rather than done: user_id, category, n (as so many events).

    Claims of labels in the facet "taste" count whose value is a topic, in any case of letters.
    Claims from behaviour are left out: the events themselves already count.
    """
    taste = [name for name, facet in labels.facets().items() if facet in STATED_FACETS]
    heard = [source for source, n_events in settings.stated_events.items() if n_events > 0]
    # The ledger has a row per user and label: only what can count leaves the engine.
    claims = labels.claims(labels=taste, sources=heard)
    weight = claims["source"].map(settings.stated_events).astype(float)
    topic = claims["value"].astype(str).str.casefold().map({str(t).casefold(): t for t in topics})
    said = pd.DataFrame(
        {
            "user_id": claims["user_id"],
            "category": topic,
            "n": weight * claims["confidence"].astype(float).clip(0, 1),
        }
    )[topic.notna()]
    # Said twice is said once: the strongest claim counts.
    return said.groupby(["user_id", "category"], as_index=False)["n"].max()


def _nothing_stated() -> pd.DataFrame:
    return pd.DataFrame({"user_id": [], "category": [], "n": []})


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
            f"SELECT user_id, topic AS category, 1.0 AS weight, {decay} AS decay "
            f"FROM events WHERE topic IS NOT NULL AND event NOT IN ({against}) AND {window}"
        )
    share = found["without_topic"] / (found["used"] + found["without_topic"])
    if share > 0.05:
        notes.append(
            unknown(f"Topics: {share:.0%} of the events that could count name no topic and are not used.")
        )
    return (
        f"SELECT user_id, topic AS category, {weight_case(weights)} AS weight, {decay} AS decay "
        f"FROM events WHERE topic IS NOT NULL AND event IN ({words}) AND {window}"
    )
