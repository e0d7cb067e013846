"""The talk of a simulated group: conversations, who writes them, who answers whom, about what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtool.sources.simulate.groups_activities import Effects
from segtool.sources.simulate.groups_fates import GOSSIP, Fate
from segtool.sources.simulate.groups_members import DAY, Members
from segtool.sources.simulate.words import TOPIC_KEYS

LOOK_BACK = 12  # a reply answers one of the last dozen messages
NOVICE_DAYS = 30
OPENING, REPLY, QUESTION, NOTICE, COMPLAINT, AGREEMENT = range(6)
_GOSSIP = np.array([TOPIC_KEYS.index(name) for name in GOSSIP])


@dataclass
class Messages:
    """Arrays over the messages of one group, by time; ``reply`` is a position or -1."""

    second: np.ndarray
    author: np.ndarray
    reply: np.ndarray
    topic: np.ndarray
    kind: np.ndarray


@dataclass(frozen=True)
class Setting:
    """What the talk of a group takes place in."""

    charter: int
    circle_topics: np.ndarray
    waves: np.ndarray  # days
    founded: float
    silent_day: float
    weather: np.ndarray  # (days,): how lively each day is, apart from all that is planted


def draw_talk(fate: Fate, members: Members, where: Setting, effects: Effects, days: int, rng) -> Messages:
    """Draw the messages of a group: how many a day, in conversations, by whom, in answer to what."""
    weight = _weights(fate, members, where, effects, days)
    count = _counts(fate, members, where, effects, weight, days, rng)
    second, session, circle_of = _moments(count, members, days, rng)
    author = _authors(weight, members, second, circle_of[session], rng)
    topic = _topics(fate, where, effects, second, session, circle_of, days, rng)
    reply = _replies(fate, members, second, session, author, where, rng)
    for row in np.flatnonzero(reply >= 0):  # in order, so that a chain keeps its first topic
        topic[row] = topic[reply[row]]
    return Messages(second, author, reply, topic, _kinds(fate, members, second, author, reply, rng))


def _weights(fate: Fate, members: Members, where: Setting, effects: Effects, days: int) -> np.ndarray:
    """Return how likely each member is to write on each day, unnormalised, (days, n_members)."""
    day = np.arange(days)[:, None]
    here = (members.joined <= day) & ~(members.left <= day + 1)
    fresh = 1.0 + 0.8 * (day - members.joined < 14)
    weight = members.voice * here * (day <= members.fades) * fresh
    for moment in where.waves:
        weight = weight * np.where((day > moment) & (members.joined < moment - NOVICE_DAYS),
                                   1 - fate.wave_veterans, 1.0)  # fmt: skip
    return weight + effects.extra * here


def _counts(fate: Fate, members: Members, where: Setting, effects: Effects, weight, days: int, rng):
    day = np.arange(days)
    there = ((members.joined <= day[:, None]) & ~(members.left <= day[:, None])).sum(axis=1)
    start = max(where.founded, 0.0)
    progress = np.clip((day - start) / max(days - start, 1), 0, 1)
    rate = (fate.rate[0] + (fate.rate[1] - fate.rate[0]) * progress) * there
    mean = rate * where.weather * np.exp(effects.log_lift) * (day >= where.silent_day * 0) * (day >= start)
    count = rng.poisson(np.where(day < where.silent_day, mean, 0.0))
    if where.silent_day < days:  # a few calls that nobody answers
        left = np.arange(int(where.silent_day), days)
        count[rng.choice(left, min(3, len(left)), replace=False)] = 1
    return count * (weight.sum(axis=1) > 0)


def _moments(count: np.ndarray, members: Members, days: int, rng):
    """Deal each day's messages into conversations of about six, minutes apart."""
    n_sessions = np.where(count > 0, 1 + count // 6, 0)
    first = np.cumsum(n_sessions) - n_sessions
    of_day = np.repeat(np.arange(days), n_sessions)
    n = int(n_sessions.sum())
    evening = rng.random(n) < 0.55
    hour = np.where(evening, 20.3 + 1.2 * rng.standard_normal(n), 13 + 2.8 * rng.standard_normal(n))
    opens = of_day * DAY + np.clip(hour, 6.5, 23.2) * 3600
    day = np.repeat(np.arange(days), count)
    session = np.sort(first[day] + (rng.random(len(day)) * n_sessions[day]).astype(np.int64))
    # Gaps within a conversation have a long tail: most answers come in minutes, some after an hour.
    gap = rng.lognormal(4.6, 1.2, len(day))
    begins = np.r_[True, session[1:] != session[:-1]] if len(day) else np.zeros(0, dtype=bool)
    run = np.cumsum(np.where(begins, 0.0, gap))
    second = opens[session] + run - run[begins][np.cumsum(begins) - 1] if len(day) else np.zeros(0)
    second = np.minimum(second, (of_day[session] + 1) * DAY - 1.0).astype(np.int64)
    order = np.lexsort((session, second))
    return second[order], session[order], rng.choice(members.circle, n) if n else np.zeros(0, dtype=int)


def _authors(weight: np.ndarray, members: Members, second: np.ndarray, circle: np.ndarray, rng) -> np.ndarray:
    """Draw who writes: by voice, and rather those whose circle the conversation belongs to."""
    author = np.empty(len(second), dtype=np.int64)
    day = second // DAY
    drawn = rng.random(len(second))
    for number in np.unique(circle):
        rows = np.flatnonzero(circle == number)
        reach = np.cumsum(weight * np.where(members.circle == number, 6.0, 1.0), axis=1)
        own = reach[day[rows]]
        found = (own <= drawn[rows, None] * own[:, -1:]).sum(axis=1)
        author[rows] = np.minimum(found, len(members) - 1)
    return author


def _topics(fate: Fate, where: Setting, effects: Effects, second, session, circle_of, days: int, rng):
    """Draw topics per conversation; three in ten messages leave it for one of their own."""
    n = len(second)
    own = np.where(rng.random(n) < 0.3, len(circle_of) + np.arange(n), session)
    u = rng.random((3, len(circle_of) + n))[:, own]
    day = second // DAY
    start = max(where.founded, 0.0)
    progress = np.clip((day - start) / max(days - start, 1), 0, 1)
    on_topic = fate.on_topic[0] + (fate.on_topic[1] - fate.on_topic[0]) * progress
    for moment in where.waves:
        on_topic = on_topic - fate.wave_shift * ((day >= moment) & (day < moment + 28))
    circle = where.circle_topics[circle_of[session]]
    topic = np.where(u[0] < on_topic, where.charter, _GOSSIP[(u[1] * len(_GOSSIP)).astype(int)])
    topic = np.where((u[0] < on_topic) & (u[1] < 0.25), circle, topic)
    return np.where(u[2] < effects.steer[day], effects.topic[day], topic)


def _replies(fate: Fate, members: Members, second, session, author, where: Setting, rng) -> np.ndarray:
    """Return whom each message answers: the influential, the recent, rather the same conversation.

    How much someone is answered depends on their planted influence and not on how much they write.
    """
    n = len(second)
    row = np.arange(n)[:, None]
    earlier = row - np.arange(1, LOOK_BACK + 1)
    near = earlier >= 0
    earlier = np.maximum(earlier, 0)
    novice = second[earlier] / DAY - members.joined[author[earlier]] < NOVICE_DAYS
    weight = (
        near
        * (author[earlier] != author[:, None])
        * (second[:, None] - second[earlier] < 2 * DAY)
        * np.where(session[earlier] == session[:, None], 1.0, 0.04)
        * 0.9 ** np.arange(LOOK_BACK)
        * members.influence[author[earlier]]
        * np.where(novice, fate.newcomer_pull, 1.0)
        * np.where(members.circle[author[earlier]] == members.circle[author][:, None], 2.0, 1.0)
    )
    total = weight.sum(axis=1)
    chance = _chances(total, fate.replies)
    answers = (rng.random(n) < chance) & (second < where.silent_day * DAY)
    reach = np.cumsum(weight, axis=1)
    chosen = (reach <= rng.random(n)[:, None] * reach[:, -1:]).sum(axis=1)
    return np.where(answers & (total > 0), row[:, 0] - 1 - np.minimum(chosen, LOOK_BACK - 1), -1)


def _chances(total: np.ndarray, share: float) -> np.ndarray:
    """Return chances to answer that grow with what there is to answer and average to a share."""
    pull = np.sqrt(total)
    scale = share / max(pull.mean(), 1e-9) if len(pull) else 0.0
    for _ in range(20):
        scale *= share / max(np.minimum(scale * pull, 0.96).mean(), 1e-9) if len(pull) else 1.0
    return np.minimum(scale * pull, 0.96)


def _kinds(fate: Fate, members: Members, second, author, reply, rng) -> np.ndarray:
    n = len(second)
    novice = second / DAY - members.joined[author] < NOVICE_DAYS
    asks = rng.random(n) < fate.questions * np.where(novice, 1.2, 0.6)
    kind = np.where(reply >= 0, REPLY, np.where(asks, QUESTION, OPENING))
    if fate.leader_voice == 0:  # a loudspeaker's openings are notices
        kind = np.where((reply < 0) & members.leader[author], NOTICE, kind)
    return np.where(rng.random(n) < 0.012, COMPLAINT, kind)  # people grumble everywhere


def add_trouble(talk: Messages, members: Members, day: float, topic: int, rng) -> tuple[Messages, dict]:
    """Put a burst of complaints with agreeing answers into the talk, over a day and a half."""
    able = np.flatnonzero(
        ~members.leader & (members.voice > 0) & (members.joined < day) & ~(members.left < day + 2)
    )
    if len(able) < 6:
        return talk, {}
    people = rng.permutation(able)[: int(rng.integers(6, 13))]
    n_complaints, n_agreeing = int(rng.integers(5, 9)), int(rng.integers(8, 21))
    moment = day * DAY + np.sort(rng.beta(1.0, 2.0, n_complaints)) * 1.5 * DAY
    moment[0] = day * DAY
    complains = people[: max(2, len(people) // 3)][rng.integers(0, max(2, len(people) // 3), n_complaints)]
    complains[0] = people[0]
    answered = rng.integers(0, n_complaints, n_agreeing)
    agrees = people[rng.integers(1, len(people), n_agreeing)]
    agrees = np.where(agrees == complains[answered], people[-1], agrees)
    keep = agrees != complains[answered]
    answered, agrees = answered[keep], agrees[keep]
    later = moment[answered] + rng.lognormal(6.5, 1.0, len(agrees))
    n = len(talk.second)
    second = np.r_[talk.second, moment, later].astype(np.int64)
    author = np.r_[talk.author, complains, agrees]
    reply = np.r_[talk.reply, np.full(n_complaints, -1), n + answered]
    kind = np.r_[talk.kind, np.full(n_complaints, COMPLAINT), np.full(len(agrees), AGREEMENT)]
    topics = np.r_[talk.topic, np.full(n_complaints + len(agrees), topic)]
    told = {"start": moment[0], "end": float(second[n:].max()), "author": int(people[0]),
            "n_messages": len(second) - n, "n_people": len(np.unique(author[n:]))}  # fmt: skip
    return in_order(Messages(second, author, reply, topics, kind)), told


def in_order(talk: Messages) -> Messages:
    """Order messages by time, and let replies point to the new places."""
    order = np.argsort(talk.second, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    reply = talk.reply[order]
    reply = np.where(reply >= 0, place[np.maximum(reply, 0)], -1)
    return Messages(talk.second[order], talk.author[order], reply, talk.topic[order], talk.kind[order])
