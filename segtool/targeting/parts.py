"""The parts of a plan, made in the order in which each needs those before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.targeting.channels.channels import ChannelPlan, plan_channels
from segtool.targeting.content.formats import FormatPlan, plan_formats
from segtool.targeting.content.heat import TopicHeat, topic_heat
from segtool.targeting.explore.explore import ExplorePlan, explore_topics
from segtool.targeting.feedback.blocks import read_blocks
from segtool.targeting.feedback.effect import FeedbackEffect, feedback_effect
from segtool.targeting.feedback.weights import FeedbackWeights, refit_weights
from segtool.targeting.frequency.frequency import FrequencyPlan, plan_frequency
from segtool.targeting.groups.posts import GroupPosts, plan_groups
from segtool.targeting.herd.herd import Herd, plan_herd
from segtool.targeting.items.plan_items import ItemPlan, plan_items
from segtool.targeting.members import Members
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.stages.stages import Stages, plan_stages
from segtool.targeting.timing.send_times import SendTimes, plan_times
from segtool.targeting.topics.affinity import TopicAffinity
from segtool.targeting.topics.evidence import gather_topics
from segtool.targeting.touches.touches import TouchPlan, plan_touches


@dataclass(frozen=True)
class Parts:
    """What each part of the plan found; each has ``advice``, ``notes`` and tables of its own.

    Parameters
    ----------
    log : SendLog
        What the sends can tell.
    affinity : TopicAffinity or None
        None where no topic is known.
    blocks : DataFrame
        What users refused.
    """

    log: SendLog
    affinity: TopicAffinity | None
    topic_notes: tuple[str, ...]
    blocks: pd.DataFrame
    times: SendTimes
    channels: ChannelPlan
    frequency: FrequencyPlan
    stages: Stages
    touches: TouchPlan
    items: ItemPlan
    formats: FormatPlan
    heat: TopicHeat
    explore: ExplorePlan
    herd: Herd
    groups: GroupPosts
    feedback: FeedbackEffect
    feedback_weights: FeedbackWeights

    def advising(self) -> tuple:
        """Return the parts that advise, beside the topics."""
        return (
            self.items, self.formats, self.times, self.channels, self.frequency, self.stages, self.touches,
            self.explore, self.heat, self.herd, self.groups,
        )  # fmt: skip

    def notes(self) -> list[str]:
        """Return what all parts rest on and could not know."""
        told = [*self.topic_notes, *self.feedback_weights.notes, *self.feedback.notes]
        return [*told, *(note for part in self.advising() for note in part.notes)]


def make_parts(
    sources,
    members: Members,
    labels,
    user_ids: np.ndarray,
    settings: TargetingSettings,
    random_state: int,
    community=None,
) -> Parts:
    """Make every part; one that has nothing to go on says so in its notes."""
    log = SendLog.look(sources, settings)
    evidence = gather_topics(sources, labels, user_ids, settings)
    counts = evidence.counts
    affinity = None
    if counts is not None:
        least, confidence = settings.min_persona_users, settings.confidence
        affinity = TopicAffinity.estimate(counts, members, min_users=least, confidence=confidence)
    about = (sources, members, user_ids)
    channels = plan_channels(*about, log, settings)
    stages = plan_stages(*about, settings)
    return Parts(
        log=log,
        affinity=affinity,
        topic_notes=tuple(evidence.notes),
        blocks=read_blocks(sources, log, settings),
        times=plan_times(*about, log, settings, random_state),
        channels=channels,
        frequency=plan_frequency(sources, members, channels.chosen(), log, settings, random_state),
        stages=stages,
        touches=plan_touches(sources, members, stages, settings),
        items=plan_items(*about, labels=labels, settings=settings, random_state=random_state),
        formats=plan_formats(*about, log, settings),
        heat=topic_heat(*about, settings),
        explore=explore_topics(*about, log, settings, random_state),
        herd=plan_herd(*about, settings, random_state=random_state),
        groups=plan_groups(community, members, user_ids, settings),
        feedback=feedback_effect(*about, settings, affinity, evidence),
        feedback_weights=refit_weights(sources, user_ids, settings),
    )
