"""The rows of the plan: numbers of five tables joined into one, each with its reason in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.targeting.affinity import TopicAffinity, rank_topics
from segtool.targeting.channel import ANY, ChannelPlan
from segtool.targeting.frequency import FrequencyPlan
from segtool.targeting.members import Members
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.stages import LAPSED, UNKNOWN, Stages
from segtool.targeting.timing import SendTimes

TABLE = [
    "persona_id", "persona", "rank", "topic", "daypart", "channel", "weekly_cap", "stage", "estimate", "lo",
    "hi", "n_users", "n_events", "level", "verdict", "reason", "why_daypart", "why_channel", "why_cap",
    "why_stage",
]  # fmt: skip


def plan_rows(
    affinity: TopicAffinity | None,
    members: Members,
    times: SendTimes,
    channels: ChannelPlan,
    frequency: FrequencyPlan,
    stages: Stages,
    settings: TargetingSettings,
    random_state: int,
) -> tuple[pd.DataFrame, list[str]]:
    """Join topics, times, channels, caps and stages, persona by persona."""
    notes: list[str] = []
    topics = [
        _topic_rows(affinity, place, members, settings, random_state + place, notes)
        for place in range(len(members.names))
    ]
    table = pd.concat(topics, ignore_index=True)
    when = times.chosen.set_index("persona_id")
    where, often = channels.chosen(), frequency.table.set_index("persona_id")
    far = _typical_stages(stages)
    key = table["persona_id"]
    table["daypart"], table["why_daypart"] = key.map(when["daypart"]), key.map(when["reason"])
    table["channel"], table["why_channel"] = key.map(where["channel"]), key.map(where["reason"])
    table["weekly_cap"] = key.map(often["weekly_cap"]).astype(float)
    table["why_cap"] = key.map(often["reason"])
    table["stage"], table["why_stage"] = key.map(far["stage"]), key.map(far["reason"])
    return table[TABLE], notes


def _topic_rows(affinity, place: int, members: Members, settings, random_state, notes) -> pd.DataFrame:
    persona_id, name = members.persona_ids[place], members.names[place]
    if affinity is None:
        return _no_topic(persona_id, name, int(members.n_users[place]))
    n_users = int(affinity.n_users[place])
    if not affinity.trusted[place]:
        alone = len(members.names) == 1
        if not alone:
            notes.append(
                f"{name}: {n_users} users with any interest shown, fewer than {settings.min_persona_users}; "
                "it gets everyone's topics."
            )
        return _everyones_topics(affinity, persona_id, name, n_users, alone, settings.top_k)
    table = affinity.table()
    own = table[table["persona_id"] == persona_id]
    own = own[own["n_users_topic"] >= min(settings.min_persona_users, own["n_users_topic"].max())]
    ranked = rank_topics(own, settings.ranking, settings.top_k, random_state)
    if not ranked["distinct"].any():
        notes.append(f"{name}: no topic is surely asked for more often than by everyone.")
    reasons = [topic_reason(row) for row in ranked.itertuples()]
    return ranked.assign(verdict="associated only", reason=reasons)


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
            f"asked for {row.estimate:.{digits}f}x as often as by everyone "
            f"({row.lo:.{digits}f} to {row.hi:.{digits}f}, {row.n_users:,} users)"
        )
    share = (
        f"{row.share:.0%} of what they do ({row.share_lo:.0%} to {row.share_hi:.0%}, {row.n_users:,} users)"
    )
    if row.hi < 1:
        return f"{share}, though less than everyone ({row.estimate:.2f}x, {row.lo:.2f} to {row.hi:.2f})"
    return f"{share}, not clearly more than everyone ({row.estimate:.2f}x, {row.lo:.2f} to {row.hi:.2f})"


def _everyones_topics(affinity, persona_id, name, n_users: int, alone: bool, top_k: int) -> pd.DataFrame:
    table = affinity.everyone().head(top_k).reset_index(drop=True)
    table["persona_id"], table["persona"] = persona_id, name
    table["rank"] = np.arange(1, len(table) + 1)
    # The lift of everyone over everyone: exact, and nothing an interval could be given for.
    table["estimate"], table["lo"], table["hi"] = 1.0, np.nan, np.nan
    table["level"] = "everyone"
    table["verdict"] = "associated only" if alone else "assumption"
    lead = "" if alone else f"only {n_users} users to learn from, so what everyone does: "
    table["reason"] = [
        f"{lead}{row.share:.0%} of all activity "
        f"({row.share_lo:.0%} to {row.share_hi:.0%}, {row.n_users:,} users)"
        for row in table.itertuples()
    ]
    return table


def _no_topic(persona_id, name, n_users: int) -> pd.DataFrame:
    row = {
        "persona_id": persona_id, "persona": name, "rank": 1, "topic": ANY, "estimate": np.nan, "lo": np.nan,
        "hi": np.nan, "n_users": n_users, "n_events": 0, "level": "everyone", "verdict": "assumption",
        "reason": "no topic is known of any event: use what you have",
    }  # fmt: skip
    return pd.DataFrame([row])


def _typical_stages(stages: Stages) -> pd.DataFrame:
    table = stages.personas
    typical = table[table["typical"]].set_index("persona_id")
    total = table.groupby("persona_id")["n_users"].sum()
    reasons = []
    for persona_id, row in typical.iterrows():
        if row["stage"] == UNKNOWN:
            reasons.append("nobody's stage is known")
            continue
        text = f"{row['share']:.0%} of {total[persona_id]:,} users "
        bounds = f"({row['lo']:.0%} to {row['hi']:.0%})"
        if row["stage"] == LAPSED:
            reasons.append(f"{text}have lapsed {bounds}")
            continue
        own = table[table["persona_id"] == persona_id].set_index("stage")["share"]
        second = own.drop([LAPSED, row["stage"]]).idxmax()
        next_most = f", {own[second]:.0%} at {second}" if own[second] > 0 else ""
        reasons.append(f"{text}are at {row['stage']} {bounds}{next_most}; {own[LAPSED]:.0%} have lapsed")
    return typical.assign(reason=reasons)
