"""Why a group is called what it is called: the signs in words, each with its numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from segtool.community.health.measures import FEW_ANSWERS
from segtool.community.health.rules import (
    AS_BEFORE,
    CHAT,
    DEAD,
    GOOD,
    LOUD,
    NEW,
    OVERGROWN,
    QUIET,
    THRIVING,
    TOO_LITTLE,
    Signs,
    pick_verdicts,
)
from segtool.display import join_words

NO_ANSWERS = "whether messages are answered is not known"
FADING = 0.95  # times as many messages in four weeks, at most: half as many in a year
TRIGGERS = {
    DEAD: ("silence", "few_messages"),
    LOUD: ("one_voice", "unanswered"),
    OVERGROWN: (
        "silent_veterans",
        "fewer_active",
        "few_answers",
        "lost_answers",
        "others_answer",
        "fewer_answers",
    ),
    CHAT: ("off_topic",),
    THRIVING: ("busy", "answering", "many_voices"),
}


def _share(name: str, text: str) -> Callable[[dict], str]:
    return lambda g: text.format(share=g[name], n=g[f"{name}_n"])


def _silence(g: dict) -> str:
    span = max(g["talk_span"], g["talk_days"])
    return (
        f"nobody has talked with anybody for {g['gap_days']:.0f} days; before that they did on"
        f" {g['talk_days']:.0f} of {span:.0f} days"
    )


def _one_voice(g: dict) -> str:
    if g["top1"] >= 0.5:
        return f"one voice writes {g['top1']:.0%} of {g['n_messages']:,.0f} messages"
    return f"three voices write {g['top3']:.0%} of {g['n_messages']:,.0f} messages"


def _answering(g: dict) -> str:
    if not g["reply_n"]:
        return NO_ANSWERS
    return f"{g['reply']:.0%} of {g['reply_n']:,.0f} messages answer another"


def _pause(g: dict) -> str:
    """Return why a silence is not called an end."""
    same = g["gap_days"] <= AS_BEFORE * g["past_gap"]
    why = (
        f"it was silent for {g['past_gap']:.0f} days before and came back"
        if same
        else f"{g['silent_with']:,.0f} of {g['talked_then']:,.0f} groups fell silent in the same week"
    )
    return f"nobody has talked with anybody for {g['gap_days']:.0f} days, which looks like a pause: {why}"


def _off_topic(g: dict) -> str:
    core = g["core_topic"] + (" (assumed from its first half)" if g["core_assumed"] else "")
    past = f", of {g['before_n']:,.0f} earlier ones {g['before']:.0%}" if g["before_n"] else ""
    return f"{g['on_topic']:.0%} of {g['on_topic_n']:,.0f} messages are about {core}{past}"


def _fewer(name: str, what: str) -> Callable[[dict], str]:
    return lambda g: (
        f"the odds that {what} change by {np.expm1(g[f'{name}_slope']):+.0%} in four weeks"
        f" ({np.expm1(g[f'{name}_lo']):+.0%} to {np.expm1(g[f'{name}_hi']):+.0%})"
    )


SAID: dict[str, Callable[[dict], str]] = {
    "silence": _silence,
    "few_messages": lambda g: (
        f"{g['n_recent']:,.0f} message{'s' * (g['n_recent'] != 1)} in the last four weeks"
    ),
    "one_voice": _one_voice,
    "unanswered": _share("reply", "{share:.0%} of {n:,.0f} messages answer another"),
    "silent_veterans": lambda g: (
        f"members of 90 days and more are {g['veteran_members']:.0%} of all and write {g['veteran']:.0%} of"
        f" {g['veteran_n']:,.0f} messages"
    ),
    "fewer_active": _fewer("active", "a member writes in a week"),
    "few_answers": _share("reply", "{share:.0%} of {n:,.0f} messages answer another"),
    "lost_answers": _share("reply_before", "of {n:,.0f} earlier ones {share:.0%} did"),
    "others_answer": lambda g: (
        f"in {g['others_answer']:.0%} of the other groups more than {FEW_ANSWERS:.0%} do"
    ),
    "fewer_answers": _fewer("reply", "a message is an answer"),
    "off_topic": _off_topic,
    "busy": lambda g: f"{g['messages_per_week']:.0f} messages a week",
    "answering": _answering,
    "many_voices": lambda g: (
        f"{g['absence_factor']:.0f} people write half of {g['n_messages']:,.0f} messages"
    ),
}
NOT_SURE = {
    "busy": lambda g: f"not surely a message a day: {g['messages_per_week']:.1f} a week",
    "answering": lambda g: (
        NO_ANSWERS
        if np.isnan(g["reply"])
        else f"not surely a quarter of the messages are answers: {g['reply']:.0%} of {g['reply_n']:,.0f}"
    ),
    "many_voices": lambda g: (
        "nobody wrote"
        if np.isnan(g["absence_factor"])
        else f"{g['absence_factor']:.0f} of those who write hold half of the talk"
    ),
}


def give_reasons(group: dict, verdict: str, sure: dict[str, bool], settings) -> str:
    """Return the measures that led to a verdict.

    Parameters
    ----------
    group : dict
        The measures of one group.
    verdict : str
    sure : dict of bool
        Its signs.
    settings : CommunitySettings
    """
    if verdict == NEW:
        return f"it is {group['age_days']:.0f} days old, under {settings.new_group_days:.0f}"
    if verdict == TOO_LITTLE:
        return f"{group['n_all']:,.0f} messages on record, on {group['n_days']:,.0f} days"
    if verdict == QUIET:
        missing = [NOT_SURE[name](group) for name in TRIGGERS[THRIVING] if not sure[name]]
        pauses = sure["silence"] and sure["few_messages"] and sure["paused"]
        return "; ".join([_pause(group) if pauses else "no sign of trouble is sure", *missing])
    said = [SAID[name](group) for name in _telling(verdict, sure)]
    if verdict == OVERGROWN:
        said.insert(0, f"{group['n_members']:,.0f} members")
    return "; ".join(dict.fromkeys(said))  # two signs may rest on the same number


def _telling(verdict: str, signs: dict[str, bool]) -> list[str]:
    """Return the signs that led to a verdict; what only backs few answers is told beside them."""
    idle = () if signs["few_answers"] else ("lost_answers", "others_answer")
    if signs["lost_answers"]:
        idle = (*idle, "others_answer")
    elif not signs["others_answer"]:
        idle = (*idle, "few_answers")  # alone it says nothing
    return [name for name in TRIGGERS[verdict] if signs[name] and name not in idle]


def give_counter(group: dict, verdict: str, sure: dict[str, bool]) -> str:
    """Return what speaks against a verdict."""
    if verdict in (NEW, TOO_LITTLE):
        return ""
    if verdict in GOOD:
        bad = [name for names in (TRIGGERS[DEAD], TRIGGERS[LOUD], TRIGGERS[CHAT]) for name in names]
        bad += [] if group["n_members"] != group["n_members"] else ["silent_veterans", "fewer_active"]
        return "; ".join(dict.fromkeys(SAID[name](group) for name in bad if sure[name]))
    return "; ".join(
        SAID[name](group)
        for name in TRIGGERS[THRIVING]
        if sure[name] and name not in TRIGGERS[verdict] and (name != "answering" or group["reply_n"])
    )


def give_watch(
    m: dict[str, np.ndarray], verdicts: np.ndarray, signs: Signs, rows: list[dict], settings
) -> list[str]:
    """Say which healthy group looks like a bad one without surety, fades, or leaves newcomers alone."""
    looks = pick_verdicts(m, signs.seems, settings)
    said = []
    for i, (verdict, look) in enumerate(zip(verdicts, looks, strict=True)):
        points = _worries(rows[i]) if verdict in GOOD else []
        if verdict in GOOD and look not in (*GOOD, NEW, TOO_LITTLE):
            seems = {name: bool(values[i]) for name, values in signs.seems.items()}
            why = [SAID[name](rows[i]) for name in _telling(look, seems)]
            points.insert(0, f"looks like '{look}', not surely: " + "; ".join(dict.fromkeys(why)))
        sure = signs.sure
        if verdict in GOOD and sure["silence"][i] and sure["few_messages"][i] and sure["paused"][i]:
            points.insert(0, f"{_pause(rows[i])}; look again in a few weeks")
        said.append("; ".join(points))
    return said


def _worries(g: dict) -> list[str]:
    """Return what is sure and no verdict, but worth a look."""
    worries = []
    if g["messages_trend_hi"] < FADING:
        worries.append(
            f"it fades: messages change by {g['messages_trend'] - 1:+.0%} in four weeks"
            f" ({g['messages_trend_lo'] - 1:+.0%} to {g['messages_trend_hi'] - 1:+.0%})"
        )
    if g["newcomer_answered_hi"] < g["answered_lo"]:
        worries.append(
            f"newcomers are answered less: {g['newcomer_answered']:.0%} of {g['newcomer_answered_n']:,.0f} of their"
            f" messages, against {g['answered']:.0%} of all {g['answered_n']:,.0f}"
        )
    return worries


def name_unknown(group: dict) -> str:
    """Return which measures could not be told."""
    names = {
        "active_share": "active share", "reply": "answers", "on_topic": "share on topic",
        "veteran": "share of members of 90 days and more", "newcomer_answered": "newcomers answered",
    }  # fmt: skip
    return join_words([title for name, title in names.items() if np.isnan(group[name])])
