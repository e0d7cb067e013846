"""The plan: what to show to which persona, when, where, how often, and how far along they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from segtool.display import Shown
from segtool.errors import InputError
from segtool.notes import in_order, is_unknown, known, unknown
from segtool.targeting.advice import join_advice
from segtool.targeting.channels.reach import keep_reachable
from segtool.targeting.counts import sql_users
from segtool.targeting.feedback.blocks import blocked_topics, user_channels
from segtool.targeting.feedback.posterior import sum_feedback
from segtool.targeting.members import Members, align_personas
from segtool.targeting.parts import Parts, make_parts
from segtool.targeting.rows import plan_rows
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.topics.advice import topic_advice
from segtool.targeting.topics.affinity import TopicAffinity
from segtool.targeting.topics.user_topics import UserTopicModel
from segtool.targeting.verdicts import LOGGED, PROVED

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
    evidence: pd.DataFrame | None = None,
    community=None,
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
    evidence : DataFrame, optional
        What a test or logged propensities say: rows of the table of advice, as `proof_table` and
        `logged_evidence` of segtool.measurement give them. They lift the verdicts.
    community : Community, optional
        The reading of the groups: then the plan says where to post, too.
    random_state : int
        Used wherever something is drawn: the ranking "explore", exploration, intervals by simulation.

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
    parts = make_parts(sources, members, labels, user_ids, settings, random_state, community)
    reached, reach_notes = _reach(sources, parts, members, user_ids)
    table, row_notes = plan_rows(parts, members, settings, random_state)
    topics = topic_advice(table, parts.affinity)
    advice = join_advice([topics, *(part.advice for part in parts.advising())], evidence)
    return Plan(
        table=table,
        advice=advice,
        topics=_topic_table(parts.affinity, table),
        user_channels=reached,
        notes=in_order([*parts.notes(), *reach_notes, *row_notes, *_verdict_notes(advice)]),
        settings=settings,
        random_state=random_state,
        user_model=_user_model(sources, parts, user_ids, settings),
        parts=parts,
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
    advice : DataFrame
        Every piece of advice, one per row: persona_id, persona, aspect ("topic", "item", "time", ...), rank,
        advice, estimate, unit, lo, hi, n_users, n_events, level ("user", "persona", "everyone"), verdict
        (one of four), reason.
    topics : DataFrame
        Persona x topic, see `TopicAffinity.table`, with the topic's ``rank`` in the plan (missing for
        those that are not in it).
    user_channels : DataFrame
        user_id, channel (the persona's best that the user has not closed; "" for none), flag.
    notes : list of str
        First what the plan rests on ("Known - ..."), then what could not be known, and why
        ("Not known - ...").
    settings : TargetingSettings
        What was taken for granted, with ``quiet_hours``.
    parts : Parts
        What each part found, to go deeper: ``items``, ``touches``, ``explore``, ``heat``, ``herd``, ...
    """

    table: pd.DataFrame
    advice: pd.DataFrame
    topics: pd.DataFrame
    user_channels: pd.DataFrame
    notes: list[str]
    settings: TargetingSettings
    random_state: int
    user_model: UserTopicModel | None
    parts: Parts

    @property
    def send_times(self) -> pd.DataFrame:
        """When each persona is around and when it answers, see `SendTimes`."""
        return self.parts.times.table

    @property
    def channels(self) -> pd.DataFrame:
        """What each channel brings and costs, see `ChannelPlan`."""
        return self.parts.channels.table

    @property
    def frequency(self) -> pd.DataFrame:
        """How often, see `FrequencyPlan`."""
        return self.parts.frequency.table

    @property
    def stages(self) -> pd.DataFrame:
        """The stage of each user, see `Stages`."""
        return self.parts.stages.users

    @property
    def persona_stages(self) -> pd.DataFrame:
        """The stages of each persona with their shares, see `Stages`."""
        return self.parts.stages.personas

    @property
    def group_posts(self) -> pd.DataFrame:
        """Where to post among groups, how much and when, see `GroupPosts`."""
        return self.parts.groups.table

    @property
    def blocks(self) -> pd.DataFrame:
        """What users refused, see `read_blocks`."""
        return self.parts.blocks

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


def _reach(sources, parts: Parts, members: Members, user_ids: np.ndarray) -> tuple[pd.DataFrame, list[str]]:
    """Return the channel of each user, one that they are known on where there is one, with notes."""
    channels, blocks = parts.channels.table, parts.blocks
    users = user_channels(
        sources, parts.log, blocks, channels, user_ids, members.home, own=parts.channels.users
    )
    home_ids = np.array([*members.persona_ids, np.nan], dtype=float)[members.home]
    return keep_reachable(sources, users, channels, blocks, home_ids)


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


def _user_model(sources, parts: Parts, user_ids, settings) -> UserTopicModel | None:
    affinity = parts.affinity
    if affinity is None:
        return None
    topics = affinity.counts.categories
    return affinity.users(
        min_user_events=settings.min_user_events,
        blocked=blocked_topics(parts.blocks, user_ids, topics),
        feedback=sum_feedback(sources, user_ids, topics, settings, weights=parts.feedback_weights.weights),
    )


def _verdict_notes(advice: pd.DataFrame) -> list[str]:
    notes = []
    for verdict in (PROVED, LOGGED):
        n_rows = int((advice["verdict"] == verdict).sum())
        if n_rows:
            notes.append(known(f"Effect: {n_rows:,} piece{'s' * (n_rows != 1)} of advice {verdict}."))
    if not (advice["verdict"] == PROVED).any():
        notes.append(
            unknown("Effect: nothing here was proved by a test. Hold some users out, send, then compare.")
        )
    return notes
