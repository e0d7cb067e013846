"""The plan: what to show to which persona, when, where, how often, and how far along they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from segtool.display import Shown
from segtool.errors import InputError
from segtool.targeting.channels.channels import plan_channels
from segtool.targeting.counts import sql_users
from segtool.targeting.feedback.blocks import blocked_topics, read_blocks, user_channels
from segtool.targeting.frequency.frequency import plan_frequency
from segtool.targeting.members import Members, align_personas
from segtool.targeting.notes import in_order, is_unknown, unknown
from segtool.targeting.rows import plan_rows
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.stages.stages import plan_stages
from segtool.targeting.timing.send_times import plan_times
from segtool.targeting.topics.affinity import TopicAffinity
from segtool.targeting.topics.evidence import read_topics
from segtool.targeting.topics.user_topics import UserTopicModel

USER_COLUMNS = ["user_id", "rank", "topic", "estimate", "lo", "hi", "n_events", "level", "channel", "flag"]
GLANCE = [
    "persona",
    "rank",
    "topic",
    "daypart",
    "channel",
    "weekly_cap",
    "stage",
    "estimate",
    "n_users",
    "reason",
]


def plan_targeting(
    sources,
    personas,
    labels=None,
    *,
    settings: TargetingSettings | None = None,
    random_state: int = 0,
) -> Plan:
    """Plan content for personas and their users.

    Parameters
    ----------
    sources : Sources
    personas : Personas
    labels : Labels, optional
        Interests that people stated (survey, notes) then count beside what they did.
    settings : TargetingSettings, optional
    random_state : int
        Used by the ranking "explore", and for the interval of the best frequency.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        If there are no users, or none of them is in a persona.

    Examples
    --------
    >>> from segtool.personas import Personas
    >>> from segtool.sources import Sources
    >>> events = pd.DataFrame({
    ...     "user_id": [f"u{i:02d}" for i in range(20) for _ in range(6)],
    ...     "event_time": "2026-06-20 19:30:00", "event": "like", "item_id": [str(i) for i in range(120)],
    ...     "topic": (["stocks"] * 5 + ["jokes"]) * 10 + (["jokes"] * 5 + ["stocks"]) * 10})
    >>> users = [f"u{i:02d}" for i in range(20)]
    >>> personas = Personas.from_assignments(users, [1] * 10 + [2] * 10, names={1: "traders", 2: "jokers"})
    >>> plan = plan_targeting(Sources.read({"events": events}, as_of="2026-07-01"), personas)
    >>> plan.table.loc[plan.table["rank"] == 1, ["persona", "topic", "daypart"]]
       persona   topic  daypart
    0  traders  stocks  evening
    1   jokers   jokes  evening
    """
    settings = settings or TargetingSettings()
    user_ids = sql_users(sources.engine)
    members = _members(personas, user_ids)
    log = SendLog.look(sources)
    affinity, topic_notes = _estimate_topics(sources, labels, members, user_ids, settings)
    times = plan_times(sources, members, user_ids, log, settings)
    channels = plan_channels(sources, members, user_ids, log, settings)
    frequency = plan_frequency(sources, members, channels.chosen(), log, settings, random_state)
    stages = plan_stages(sources, members, user_ids, settings)
    blocks = read_blocks(sources, log, settings)
    table, row_notes = plan_rows(
        affinity, members, times, channels, frequency, stages, settings, random_state
    )
    part_notes = [*times.notes, *channels.notes, *frequency.notes, *stages.notes]
    return Plan(
        table=table,
        topics=_topic_table(affinity, table),
        send_times=times.table,
        channels=channels.table,
        frequency=frequency.table,
        stages=stages.users,
        persona_stages=stages.personas,
        blocks=blocks,
        user_channels=user_channels(sources, log, blocks, channels.table, user_ids, members.home),
        notes=in_order([*topic_notes, *row_notes, *part_notes, *_verdict_notes(log)]),
        settings=settings,
        random_state=random_state,
        user_model=_user_model(affinity, blocks, user_ids, settings),
    )


@dataclass(frozen=True, repr=False, eq=False)
class Plan(Shown):
    """A content plan: one table for people, and the tables it was made from.

    Parameters
    ----------
    table : DataFrame
        persona_id, persona, rank, topic, daypart, channel, weekly_cap (sends a week, NaN for no cap),
        stage, estimate (lift: share of the persona's activity over everyone's), lo, hi, n_users,
        n_events, level (the estimate rests on "persona" or "everyone"), verdict and reason of the topic, and
        why_daypart, why_channel, why_cap, why_stage.
    topics : DataFrame
        Persona x topic, see `TopicAffinity.table`, with the topic's ``rank`` in the plan (missing for
        those that are not in it).
    send_times, channels, frequency : DataFrame
        See `SendTimes`, `ChannelPlan`, `FrequencyPlan`.
    stages, persona_stages : DataFrame
        Stage per user; stages per persona with shares, see `Stages`.
    blocks : DataFrame
        What users refused, see `read_blocks`.
    user_channels : DataFrame
        user_id, channel (the persona's best that the user has not closed; "" for none), flag.
    notes : list of str
        First what the plan rests on ("Known - ..."), then what could not be known, and why
        ("Not known - ...").
    settings : TargetingSettings
        What was taken for granted, with ``quiet_hours``.
    """

    table: pd.DataFrame
    topics: pd.DataFrame
    send_times: pd.DataFrame
    channels: pd.DataFrame
    frequency: pd.DataFrame
    stages: pd.DataFrame
    persona_stages: pd.DataFrame
    blocks: pd.DataFrame
    user_channels: pd.DataFrame
    notes: list[str]
    settings: TargetingSettings
    random_state: int
    user_model: UserTopicModel | None

    @cached_property
    def user_topics(self) -> pd.DataFrame:
        """Each user's topics: user_id, rank, topic, estimate, lo, hi, n_events, level, channel, flag.

        Topics a user refused are left out. ``flag`` marks those to leave alone altogether.
        For millions of users `user_topic_batches` needs less memory.
        """
        batches = list(self.user_topic_batches())
        return pd.concat(batches, ignore_index=True) if batches else pd.DataFrame(columns=USER_COLUMNS)

    def user_topic_batches(self) -> Iterator[pd.DataFrame]:
        """Yield `user_topics` a batch of users at a time, in the order of user_id."""
        if self.user_model is None:
            return
        index = pd.Index(self.user_channels["user_id"].to_numpy(dtype=object))
        reach = self.user_channels[["channel", "flag"]]
        settings = self.settings
        for batch in self.user_model.batches(settings.top_k, settings.ranking, self.random_state):
            own = reach.iloc[index.get_indexer(batch["user_id"].to_numpy(dtype=object))]
            yield batch.assign(channel=own["channel"].to_numpy(), flag=own["flag"].to_numpy())[USER_COLUMNS]

    def to_pandas(self) -> pd.DataFrame:
        """Return the plan table."""
        return self.table.copy()

    def headline(self) -> str:
        """Return the plan in a sentence."""
        n_personas = self.table["persona_id"].nunique()
        n_open = sum(is_unknown(note) for note in self.notes)
        n_surely = int((self.table["lo"] > 1).sum())
        return (
            f"Content plan for {n_personas} persona{'s' * (n_personas != 1)}: {len(self.table)} rows, "
            f"{n_surely} of them topics that a persona surely asks for more than everyone; "
            f"{n_open} note{'s' * (n_open != 1)} on what is not known"
        )

    def __repr__(self) -> str:
        return repr(_Glance(self))

    def _repr_html_(self) -> str:
        return _Glance(self)._repr_html_()


class _Glance(Shown):
    """The columns of a plan that fit on a screen."""

    def __init__(self, plan: Plan):
        self._plan = plan

    def to_pandas(self) -> pd.DataFrame:
        return self._plan.table[GLANCE]

    def headline(self) -> str:
        return self._plan.headline()


def _estimate_topics(
    sources, labels, members: Members, user_ids: np.ndarray, settings: TargetingSettings
) -> tuple[TopicAffinity | None, list[str]]:
    """Return what each persona asks for, or None where no topic is known, with notes."""
    counts, notes = read_topics(sources, labels, user_ids, settings)
    if counts is None:
        return None, notes
    least, confidence = settings.min_persona_users, settings.confidence
    return TopicAffinity.estimate(counts, members, min_users=least, confidence=confidence), notes


def _members(personas, user_ids: np.ndarray) -> Members:
    if not len(user_ids):
        raise InputError(
            "There are no users to plan for.", "at least one user with an event, an answer or a profile."
        )
    members = align_personas(personas, user_ids)
    if not (members.home >= 0).any():
        raise InputError(
            f"none of the {len(user_ids):,} users of these sources is in a persona.",
            "personas found on, or assigned to, the same users.",
            "Call personas.assign(labels) with the labels of these sources.",
        )
    return members


def _topic_table(affinity: TopicAffinity | None, plan: pd.DataFrame) -> pd.DataFrame:
    """Return the affinities with each topic's rank in the plan, so that a figure can keep its order."""
    if affinity is not None:
        key = ["persona_id", "topic"]
        ranked = affinity.table().merge(plan[[*key, "rank"]], on=key, how="left", validate="one_to_one")
        return ranked.assign(rank=ranked["rank"].astype("Int64"))
    columns = (
        "persona_id persona topic share share_lo share_hi share_everyone estimate lo hi n_users n_users_topic"
    )
    return pd.DataFrame(columns=[*columns.split(), "n_events", "level", "rank"])


def _user_model(affinity, blocks, user_ids, settings) -> UserTopicModel | None:
    if affinity is None:
        return None
    blocked = blocked_topics(blocks, user_ids, affinity.counts.categories)
    return affinity.users(min_user_events=settings.min_user_events, blocked=blocked)


def _verdict_notes(log: SendLog) -> list[str]:
    notes = ["Effect: nothing here was proved by a test. Hold some users out, send, then compare."]
    if log.has_propensity:
        notes.append(
            "Effect: the sends carry the chance with which each was drawn; this version does not use it "
            "yet, so no row says 'supported by logged propensities'."
        )
    return [unknown(note) for note in notes]
