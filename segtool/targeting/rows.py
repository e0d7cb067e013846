"""The rows of the plan: numbers of five tables joined into one, each with its reason in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.notes import known, unknown
from segtool.targeting.channels.channels import ANY
from segtool.targeting.members import Members
from segtool.targeting.parts import Parts
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.stages.stages import Stages, explain_stages
from segtool.targeting.topics.affinity import rank_topics
from segtool.targeting.topics.user_topics import LEAST_LIFT
from segtool.targeting.verdicts import ASSOCIATED, ASSUMPTION

TABLE = [
    "persona_id", "persona", "rank", "topic", "item", "title", "daypart", "channel", "weekly_cap", "stage",
    "touch",
    "estimate", "lo", "hi", "n_users", "n_events", "level", "verdict", "reason", "why_item", "why_daypart",
    "why_channel", "why_cap", "why_stage", "why_touch",
]  # fmt: skip


def plan_rows(
    parts: Parts, members: Members, settings: TargetingSettings, random_state: int
) -> tuple[pd.DataFrame, list[str]]:
    """Join topics, items, times, channels, caps, stages and next touches, persona by persona."""
    notes: list[str] = []
    topics = [
        _topic_rows(parts.affinity, place, members, settings, random_state + place, notes)
        for place in range(len(members.names))
    ]
    table = pd.concat(topics, ignore_index=True)
    when = parts.times.chosen.set_index("persona_id")
    where, often = parts.channels.chosen(), parts.frequency.table.set_index("persona_id")
    far, why_far = _typical_stages(parts.stages), explain_stages(parts.stages.personas)
    key = table["persona_id"]
    table["daypart"], table["why_daypart"] = key.map(when["daypart"]), key.map(when["reason"])
    table["channel"], table["why_channel"] = key.map(where["channel"]), key.map(where["reason"])
    table["weekly_cap"] = key.map(often["weekly_cap"]).astype(float)
    table["why_cap"] = key.map(often["reason"])
    table["stage"], table["why_stage"] = key.map(far), key.map(why_far)
    touch = _sure_touch(parts.touches, far, where["channel"])
    table["touch"], table["why_touch"] = key.map(touch["advice"]), key.map(touch["reason"])
    return _with_items(table, parts.items.table)[TABLE], notes


def _sure_touch(touches, stages: pd.Series, channels: pd.Series) -> pd.DataFrame:
    """Return each persona's first touch that surely beats other sends and is on the channel of its row.

    One row is one thing to do: another channel beside the chosen one would contradict it. The advice table
    keeps all touches with their reasons.
    """
    own = touches.advice.sort_values("rank", kind="stable")
    at, channel = own["persona_id"].map(stages), own["persona_id"].map(channels)
    sure = (at.astype(str) + ": " + own["advice"].astype(str)).isin(touches.sure)
    own = own[sure & (own["advice"].str.split(": ").str[0] == channel)]
    return own.drop_duplicates("persona_id").set_index("persona_id")[["advice", "reason"]]


def _with_items(table: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """Give each topic the persona's best item on it, where one is among its items."""
    best = items.sort_values(["persona_id", "rank"]).drop_duplicates(["persona_id", "topic"])
    best = best.rename(columns={"item_id": "item", "reason": "why_item"})
    columns = ["persona_id", "topic", "item", "title", "why_item"]
    return table.merge(best[columns], on=["persona_id", "topic"], how="left", validate="many_to_one")


def _topic_rows(affinity, place: int, members: Members, settings, random_state, notes) -> pd.DataFrame:
    persona_id, name = members.persona_ids[place], members.names[place]
    if affinity is None:
        why = "no topic is known of any event: use what you have"
        return _no_topic(persona_id, name, int(members.n_users[place]), why)
    n_users = int(affinity.n_users[place])
    if not affinity.trusted[place]:
        alone = len(members.names) == 1
        if not alone:
            few = f"interest shown by {n_users} users, {settings.min_persona_users} asked for"
            notes.append(unknown(f"{name}: what it wants ({few}); it gets everyone's first topics."))
        return _everyones_topics(affinity, place, alone, settings.top_k)
    table = affinity.table()
    own = table[table["persona_id"] == persona_id]
    own = own[own["n_users_topic"] >= min(settings.min_persona_users, own["n_users_topic"].max())]
    ranked = rank_topics(own, settings.ranking, settings.top_k, random_state)
    if ranked.empty:
        why = "none of those enough users touched is asked for as often as by everyone: use what you have"
        return _no_topic(persona_id, name, n_users, why)
    if not ranked["distinct"].any():
        notes.append(
            unknown(
                f"{name}: what sets it apart; no topic is surely asked for more often than by everyone, "
                f"so only its most popular ones are in the plan."
            )
        )
    elif len(ranked) < settings.top_k:
        notes.append(
            known(
                f"{name}: {len(ranked)} of {settings.top_k} topics; the others are asked for less than by "
                "everyone, or by too few."
            )
        )
    reasons = [topic_reason(row) for row in ranked.itertuples()]
    return ranked.assign(verdict=ASSOCIATED, reason=reasons)


def topic_reason(row) -> str:
    """Say why a topic is in a persona's list.

    Parameters
    ----------
    row : named tuple
        Of `rank_topics`.
    """
    if row.distinct:
        digits = 1 if row.lo >= 1.2 else 2  # "1.0 to 1.2" would not look like more than everyone
        return (
            f"asked for {row.estimate:.{digits}f}× as often as by everyone "
            f"({row.lo:.{digits}f} to {row.hi:.{digits}f}, {row.n_users:,} users)"
        )
    share = (
        f"{row.share:.0%} of what they do ({row.share_lo:.0%} to {row.share_hi:.0%}, {row.n_users:,} users)"
    )
    lift = f"({row.estimate:.2f}×, {row.lo:.2f} to {row.hi:.2f})"
    if row.lo >= LEAST_LIFT and row.hi <= 1 / LEAST_LIFT:
        return f"as popular here as with everyone {lift}; {share}"
    return f"not surely more popular here than with everyone {lift}; {share}"


def _everyones_topics(affinity, place: int, alone: bool, top_k: int) -> pd.DataFrame:
    table, n_users = affinity.everyones(place, top_k), int(affinity.n_users[place])
    table["verdict"] = ASSOCIATED if alone else ASSUMPTION
    lead = "" if alone else f"only {n_users} users to learn from, so what everyone does: "
    tail = "" if alone else "; as popular here as with everyone, as far as is known"
    table["reason"] = [
        f"{lead}{row.share:.0%} of all activity "
        f"({row.share_lo:.0%} to {row.share_hi:.0%}, {row.n_users:,} users){tail}"
        for row in table.itertuples()
    ]
    return table


def _no_topic(persona_id, name, n_users: int, why: str) -> pd.DataFrame:
    row = {
        "persona_id": persona_id, "persona": name, "rank": 1, "topic": ANY, "estimate": np.nan, "lo": np.nan,
        "hi": np.nan, "n_users": n_users, "n_events": 0, "level": "everyone", "verdict": ASSUMPTION,
        "reason": why,
    }  # fmt: skip
    return pd.DataFrame([row])


def _typical_stages(stages: Stages) -> pd.Series:
    table = stages.personas
    return table[table["typical"]].set_index("persona_id")["stage"]
