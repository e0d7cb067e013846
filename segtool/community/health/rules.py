"""The rules of health, all in one place: measures in, one word for each group out.

A bad word is given only where intervals support it; what merely looks so is put on watch. The first
rule that holds wins, in the order of `judge`:

new             younger than ``new_group_days``: it has no past to be judged against
too little data fewer than ``min_messages`` on record, or written on fewer than five days
dead            two people last talked ``dead_gap_days`` ago or more, which its own past makes improbable,
                and hardly anybody writes; not where most groups fell silent in the same week, nor where it
                was silent for about as long before and came back: that is a pause
loudspeaker     one voice (or three of ten and more) holds nearly all of the talk before an audience of 15,
                and hardly anybody answers
overgrown       more members than ``crowded_members``; answers fell against its own past, or are few in a group
                that hardly talks where others have many; and those here for 90 days write little, or fewer
                people write though more are there (either alone is churn: old members leave and new ones come)
chat room       it still talks, but its core topic has given way: by ``drift_points`` or below
                ``off_topic_share``, to surely less than 60 % of the talk, and not to one other topic
thriving        enough messages a week, by enough voices, who answer each other; where nothing is recorded of
                answers, the other two decide
quiet           everything else
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, ndtri

from segtool.community.health.intervals import change_interval, count_interval, share_interval
from segtool.community.health.measures import FEW_ANSWERS

THRIVING, QUIET, DEAD, CHAT, LOUD, OVERGROWN = (
    "thriving", "quiet", "dead", "chat room", "loudspeaker", "overgrown",
)  # fmt: skip
TOO_LITTLE, NEW = "too little data", "new"
VERDICTS = (THRIVING, QUIET, DEAD, CHAT, LOUD, OVERGROWN, NEW, TOO_LITTLE)
GOOD = (THRIVING, QUIET)

LEAST_DAYS = 5  # messages of four days or fewer are a few conversations, not a group's way
CHANCE_OF_GAP = 0.002  # how improbable a silence must be before a group is called dead
RESTLESS = 0.5  # days of talk come in runs: each is worth half a day of evidence
DEAD_SHARE_OF_PEAK = 0.1  # a group that wrote hundreds is dead at a tenth, not only at none
DEAD_A_WEEK = 1.0  # message, unanswered: calls and adverts
LOUD_THREE = 0.85  # of the talk by three voices, where not one alone holds ``loudspeaker_share``
LOUD_AMONG = 10  # fewer speakers, and three of them hold most of the talk by arithmetic
AUDIENCE = 15  # people: among fewer, one voice is a friend who talks, not a loudspeaker
PAUSED_TOGETHER = 0.5  # of the groups that talked at the time, and three at least: holidays, an outage
TOGETHER = 3
LONGEST_PAUSE = 84.0  # days: a season; groups silent for longer have stopped, even if together
AS_BEFORE = 1.25  # times a silence that a group came back from
SEEMS = 1e-6  # standard errors: a sign at its point estimate
ONE_OF_TWO = 1.645  # standard errors: 95 %, one side
MANY_ANSWERS = 0.25  # loudspeakers are hardly answered; above this it is a talk with a loud host
# Share of messages over share of members of those here for 90 days. Members who write for two months each and
# then only read bring it to 0.4 to 0.9 in any group: it needs a second sign that churn alone does not give.
SILENT_VETERANS = 0.75
FEWER = np.log(0.9)  # a tenth fewer in four weeks, in odds
HABIT = 0.25  # of the other groups have many answers: then few are telling, and not only seldom recorded
LIVELY = 1.0  # message per member in four weeks: such a group talks, however seldom it quotes
ANSWERS_FALLEN = 0.1  # points since the first twelve weeks
LOST_TOPIC = 0.6  # a chat room speaks of other things for a good part of its time
SURELY_FALLEN = 2 / 3  # of the drift asked for, at the lower end of its interval
MOVED = 0.7  # of what is off topic about one other topic: the group has moved, it does not gossip
THRIVING_A_WEEK = 7.0  # messages: one a day
THRIVING_ANSWERS = 0.25
HALF = 0.5  # of the talk by one voice: whatever the others do, it is his
THRIVING_VOICES = 4  # who write half of it (CHAOSS: below, one who leaves is felt)


@dataclass(frozen=True, eq=False)
class Signs:
    """What each rule found, all arrays of bool of shape (n_groups,): surely so, or so at the point estimate."""

    sure: dict[str, np.ndarray]
    seems: dict[str, np.ndarray]


def judge(m: dict[str, np.ndarray], settings) -> np.ndarray:
    """Return the verdict of each group.

    Parameters
    ----------
    m : dict of ndarray, shape (n_groups,)
        Measures as from `measure_groups`, with trends; see `read_signs` for those that count.
    settings : CommunitySettings

    Returns
    -------
    ndarray of str, shape (n_groups,)
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return pick_verdicts(m, _compare(m, settings, _reach(settings)), settings)


def pick_verdicts(m: dict[str, np.ndarray], sure: dict[str, np.ndarray], settings) -> np.ndarray:
    """Let the first rule that holds win."""
    conditions = {
        NEW: m["age_days"] < settings.new_group_days,
        TOO_LITTLE: ~((m["n_all"] >= settings.min_messages) & (m["n_days"] >= LEAST_DAYS)),
        DEAD: sure["silence"] & sure["few_messages"] & ~sure["paused"],
        LOUD: sure["one_voice"] & sure["unanswered"],
        OVERGROWN: is_overgrown(m, sure, settings),
        CHAT: sure["off_topic"] & ~sure["few_messages"],
        THRIVING: sure["busy"] & sure["answering"] & sure["many_voices"],
    }
    return np.select(list(conditions.values()), list(conditions), default=QUIET).astype(object)


def is_overgrown(m: dict[str, np.ndarray], signs: dict[str, np.ndarray], settings) -> np.ndarray:
    """Say whether a large group shows two signs of having outgrown its talk; size alone is none.

    One of them must be its answers: old members fall silent and fewer write wherever people come and go.
    """
    strained = (signs["few_answers"] & (signs["lost_answers"] | signs["others_answer"])) | signs[
        "fewer_answers"
    ]
    churned = signs["silent_veterans"] | signs["fewer_active"]
    return (m["n_members"] > settings.crowded_members) & strained & churned


def read_signs(m: dict[str, np.ndarray], settings) -> Signs:
    """Compare measures with thresholds, once with their intervals and once as they stand.

    Parameters
    ----------
    m : dict of ndarray, shape (n_groups,)
        n_recent, spread, pace, peak, gap_days, talk_days, talk_span, top1, top3, reply, on_topic, before, veteran
        (each with ``_worth``), reply_before (likewise), others_answer, other_share, veteran_members, n_members,
        n_speakers, n_writers, absence_factor, is_stated, past_gap, silent_with, talked_then, active_slope,
        active_hi, writers_slope, writers_hi, reply_slope, reply_hi, on_topic_slope, on_topic_hi, age_days,
        n_all and n_days.
    settings : CommunitySettings
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return Signs(_compare(m, settings, _reach(settings)), _compare(m, settings, SEEMS))


def _reach(settings) -> float:
    return float(ndtri(settings.verdict_confidence))  # one side: a sign asks for above or below, not for both


def chance_of_gap(talk_days: np.ndarray, talk_span: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Return how probable so long a silence is, at the pace of the days of talk before it.

    Geometric waiting time with a Beta posterior of the daily chance (predictive distribution).

    Examples
    --------
    >>> chance_of_gap(np.array([30.0]), np.array([60.0]), np.array([10.0])).round(3)  # every second day
    array([0.003])
    """
    yes = RESTLESS * talk_days + 1
    no = RESTLESS * np.maximum(talk_span - talk_days, 0) + 1
    return np.exp(betaln(yes, no + gap) - betaln(yes, no))


def spread_now(m: dict[str, np.ndarray], weeks: float) -> np.ndarray:
    """Return the spread of weeks over Poisson's at today's pace: restless weeks need messages to be so.

    A variance of ``mean + mean^2 / shape`` (negative binomial) has the spread ``1 + mean / shape``.
    """
    pace = np.minimum(m["n_recent"] / weeks / np.maximum(m["pace"], 1e-9), 1.0)
    return 1 + (m["spread"] - 1) * pace


def is_pause(m: dict[str, np.ndarray]) -> np.ndarray:
    """Say whether a silence, if it is one, looks like a pause: shared by most groups, or come back from before."""
    shared = (m["silent_with"] >= TOGETHER) & (m["silent_with"] >= PAUSED_TOGETHER * m["talked_then"])
    return (shared & (m["gap_days"] <= LONGEST_PAUSE)) | (m["gap_days"] <= AS_BEFORE * m["past_gap"])


def _compare(m: dict[str, np.ndarray], settings, z: float) -> dict[str, np.ndarray]:
    bounds = {
        name: share_interval(m[name], m[f"{name}_worth"], z)
        for name in ("top1", "top3", "reply", "on_topic", "veteran")
    }
    low = {name: pair[0] for name, pair in bounds.items()}
    high = {name: pair[1] for name, pair in bounds.items()}
    # Overgrown asks for two signs, so each may be a little less sure: both by chance is rarer still.
    one_of_two = {
        name: share_interval(m[name], m[f"{name}_worth"], min(z, ONE_OF_TWO))[1]
        for name in ("reply", "veteran")
    }
    weeks = settings.window_days / 7
    few = count_interval(m["n_recent"], spread_now(m, weeks), z)[0] / weeks
    gap = np.maximum(m["gap_days"], 0)
    sure_gap = chance_of_gap(m["talk_days"], m["talk_span"], gap) <= CHANCE_OF_GAP
    is_sure = z > SEEMS
    active, writers, reply = (
        f"{name}_{'hi' if is_sure else 'slope'}" for name in ("active", "writers", "reply")
    )
    audience = np.fmax(m["n_members"], m["n_writers"]) >= AUDIENCE
    three = (low["top3"] >= LOUD_THREE) & (m["n_speakers"] >= LOUD_AMONG)
    lost = -change_interval(m["reply_before"], m["reply_before_worth"], m["reply"], m["reply_worth"], z)[1]
    return {
        "silence": (gap >= settings.dead_gap_days) & (sure_gap | (not is_sure)),
        # The silence must be sure; how few messages go with it is what is meant by dead, not an estimate.
        "few_messages": m["n_recent"] / weeks <= np.fmax(DEAD_A_WEEK, DEAD_SHARE_OF_PEAK * m["peak"]),
        "paused": is_pause(m),
        "one_voice": audience & ((low["top1"] >= settings.loudspeaker_share) | three),
        "unanswered": high["reply"] <= MANY_ANSWERS,
        "silent_veterans": one_of_two["veteran"] <= SILENT_VETERANS * m["veteran_members"],
        # Members who only read add up in any group: that fewer of them write is a sign only if fewer people do.
        "fewer_active": (m["active_slope"] <= FEWER) & (m[active] < 0) & (m[writers] < 0),
        "few_answers": one_of_two["reply"] <= FEW_ANSWERS,
        "lost_answers": (m["reply_before"] - m["reply"] >= ANSWERS_FALLEN) & (lost > 0),
        "others_answer": (m["others_answer"] >= HABIT)
        & (m["n_recent"] * 4 / weeks < LIVELY * m["n_members"]),
        "fewer_answers": (m["reply_slope"] <= FEWER) & (m[reply] < 0),
        "off_topic": _has_drifted(m, high["on_topic"], settings, z),
        "busy": few >= THRIVING_A_WEEK,
        # Not known is not no: where answers are not recorded the other signs decide.
        "answering": (low["reply"] >= THRIVING_ANSWERS) | ~(m["reply_worth"] > 0),
        "many_voices": (m["absence_factor"] >= THRIVING_VOICES) & ~(low["top1"] >= HALF),
    }


def _has_drifted(m: dict[str, np.ndarray], high: np.ndarray, settings, z: float) -> np.ndarray:
    """Say where the core topic has given way: not to one other topic, and for a good part of the talk."""
    fallen = -change_interval(m["before"], m["before_worth"], m["on_topic"], m["on_topic_worth"], z)[1]
    # A slow slide shows in the slope over half a year before two windows differ surely.
    slides = m["on_topic_hi" if z > SEEMS else "on_topic_slope"] < 0
    drifted = (m["before"] - m["on_topic"] >= settings.drift_points) & (
        (fallen >= settings.drift_points * SURELY_FALLEN) | slides
    )
    # Where the core topic is only assumed, a low share of it may always have been so: drift needs the fall.
    away = m["is_stated"] & (high < settings.off_topic_share)
    return (drifted | away) & (high < LOST_TOPIC) & ~(m["other_share"] >= MOVED)
