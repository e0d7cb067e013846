"""The chat groups of the simulated community: who is in them, who leads, and how they fare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.sources.simulate.behaviour import DAY
from segtool.sources.simulate.people import People
from segtool.sources.simulate.words import (
    ACTIVITY_TITLES,
    NOTICE_LINES,
    ON_TOPIC_LINES,
    QUESTION_LINES,
    REPLY_LINES,
    TOPIC_KEYS,
    TOPICS,
)

GOSSIP = ("comedy", "celebrities", "news")
LOOK_BACK = 12  # a reply answers one of the last dozen messages


@dataclass(frozen=True)
class GroupSpec:
    """How one group of the community fares. Sizes are for a community of two thousand users."""

    fate: str
    title: str
    charter: str  # the topic it is for
    size: int
    founded: float  # share of the window before the first member joined; negative: before it
    daily: tuple[float, float]  # messages a day at the start and at the end
    replies: float  # share of messages that answer another
    on_topic: tuple[float, float]
    leaders: int
    leader_share: float  # of messages, by the leaders together
    questions: float = 0.0  # share of beginners' questions
    silent_after: float = 1.0  # share of the window after which nobody writes
    activities: int = 0
    newcomers: float = 0.0  # tilt of authorship to recent members: 1 means veterans fall silent
    tail: float = 1.4  # of how much members write (Pareto): higher means more equal voices


GROUPS: tuple[GroupSpec, ...] = (
    GroupSpec(
        "thriving",
        "妈妈成长圈 🌱 Growing Together",
        "parenting",
        96,
        -0.6,
        (5, 7),
        0.64,
        (0.84, 0.82),
        5,
        0.30,
        activities=6,
        tail=4.0,
    ),
    GroupSpec(
        "thriving",
        "潮流研究所 👟 Trend Lab",
        "trendy_wear",
        118,
        -0.4,
        (5, 7),
        0.60,
        (0.80, 0.78),
        6,
        0.32,
        activities=5,
        tail=4.0,
    ),
    GroupSpec(
        "quiet",
        "飞行与免税 ✈️ Lounge",
        "luxury",
        34,
        -0.5,
        (0.9, 0.8),
        0.58,
        (0.86, 0.86),
        3,
        0.45,
        activities=2,
    ),
    GroupSpec("chat_room", "省钱小分队 💰 Deals", "deals", 108, -0.4, (3, 10), 0.40, (0.80, 0.22), 3, 0.58),
    GroupSpec(
        "overgrown",
        "官方粉丝群 Official Fans",
        "home",
        268,
        -0.5,
        (6, 5),
        0.18,
        (0.62, 0.45),
        4,
        0.16,
        questions=0.45,
        newcomers=1.0,
        activities=2,
        tail=2.5,
    ),
    GroupSpec(
        "loudspeaker", "品牌公告 📣 News", "skincare", 92, -0.3, (1.6, 1.6), 0.02, (0.95, 0.95), 1, 0.93
    ),
    GroupSpec(
        "dead",
        "数码改造群 🔧 Tinkers",
        "gadgets",
        71,
        -0.5,
        (3.5, 0.4),
        0.34,
        (0.75, 0.70),
        2,
        0.42,
        silent_after=0.52,
    ),
    GroupSpec(
        "new",
        "银发健康操 🍵 Morning Moves",
        "wellness",
        23,
        0.90,
        (3, 6),
        0.52,
        (0.88, 0.86),
        2,
        0.42,
        activities=1,
    ),
)


@dataclass
class Community:
    """The four tables of the groups, and the truth about them."""

    members: pd.DataFrame
    messages: pd.DataFrame
    activities: pd.DataFrame
    groups: pd.DataFrame
    leaders: pd.DataFrame

    def groups_table(self) -> pd.DataFrame:
        """Return what is known of each group, without its fate."""
        told = self.groups[["group_id", "title", "charter"]].rename(columns={"charter": "topic"})
        return told.assign(channel="wecom_group")


def simulate_community(people: People, names, days: int, as_of: pd.Timestamp, rng) -> Community:
    """Simulate one set of eight groups per two thousand users, each with its fate."""
    parts = []
    copies = max(1, round(len(people) / 2000))
    for number in range(copies * len(GROUPS)):
        spec = GROUPS[number % len(GROUPS)]
        parts.append(_simulate_group(spec, f"g{number + 1:02d}", people, names, days, as_of, rng))
    tables = {name: _stack([part[name] for part in parts]) for name in parts[0]}
    messages = _number(tables["messages"])
    activities = tables["activities"].sort_values(["starts_at", "group_id"], ignore_index=True)
    activities.insert(0, "activity_id", [f"a{number + 1:03d}" for number in range(len(activities))])
    return Community(tables["members"], messages, activities, tables["groups"], tables["leaders"])


def _stack(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Stack frames; column by column, since pandas lets empty and all-missing ones change types."""
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    return pd.DataFrame(
        {name: np.concatenate([frame[name].to_numpy() for frame in filled]) for name in filled[0]}
    )


def _simulate_group(
    spec: GroupSpec, group_id: str, people: People, names, days: int, as_of, rng
) -> dict[str, pd.DataFrame]:
    start = as_of - pd.Timedelta(days=days)
    members = _draw_members(spec, people, days, rng)
    busy = _draw_activities(spec, days, rng)
    talk = _draw_messages(spec, members, busy, days, rng)
    ids = names[members["user"].to_numpy()]
    tables = {
        "members": _members_frame(members, ids, start),
        "messages": _messages_frame(talk, ids, start, spec, rng),
        "activities": _activities_frame(spec, busy, start, rng),
        "groups": pd.DataFrame({"title": [spec.title], "fate": spec.fate, "charter": spec.charter}),
        "leaders": pd.DataFrame({"user_id": ids[: spec.leaders], "fate": spec.fate}),
    }
    tables["groups"]["n_members"] = len(members)
    for table in tables.values():
        table.insert(0, "group_id", group_id)
    return tables


def _members_frame(members: pd.DataFrame, ids: np.ndarray, start: pd.Timestamp) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user_id": ids,
            "joined_at": start + pd.to_timedelta(members["joined"], unit="s"),
            "left_at": start + pd.to_timedelta(members["left"], unit="s"),
            "role": members["role"],
            "invited_by": [None if position < 0 else ids[position] for position in members["inviter"]],
        }
    )


def _messages_frame(talk, ids: np.ndarray, start: pd.Timestamp, spec: GroupSpec, rng) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user_id": ids[talk["author"]],
            "sent_at": start + pd.to_timedelta(talk["second"], unit="s"),
            "reply_to": talk["reply_to"],
            "topic": np.array(TOPIC_KEYS)[talk["topic"]],
            "text": _write(spec, talk, rng),
        }
    )


def _activities_frame(spec: GroupSpec, busy: np.ndarray, start: pd.Timestamp, rng) -> pd.DataFrame:
    """Each activity runs from 20 o'clock to 22 o'clock of the next day."""
    charter = TOPICS[TOPIC_KEYS.index(spec.charter)]
    titles = []
    for number in range(len(busy)):
        zh, en = charter.subjects[number % len(charter.subjects)]
        pattern = ACTIVITY_TITLES[rng.integers(len(ACTIVITY_TITLES))]
        titles.append(f"{pattern[0]} {charter.sign} {pattern[1]}".format(zh=zh, en=en))
    starts = start + pd.to_timedelta(busy * DAY + 20 * 3600, unit="s")
    ends = starts + pd.Timedelta(hours=26)
    return pd.DataFrame({"starts_at": starts, "ends_at": ends, "topic": spec.charter, "title": titles})


def _draw_members(spec: GroupSpec, people: People, days: int, rng) -> pd.DataFrame:
    """Draw members by taste and activity; leaders first: early, active, and fond of the topic."""
    size = min(spec.size, max(6, int(0.4 * len(people))))
    liking = people.taste[:, TOPIC_KEYS.index(spec.charter)] ** 1.2 + 0.004
    here = people.end_day == people.end_day.max()
    score = liking * np.sqrt(people.events_30d) * np.where(here, 1.0, 0.3)
    # Weighted draw without replacement (Efraimidis and Spirakis 2006): the largest of log(u)/weight.
    user = np.argsort(np.log(rng.random(len(people))) / score)[::-1][:size]
    user_joined = (days - people.tenure_days[user]) * DAY
    user = user[np.argsort(user_joined, kind="stable")]
    veterans = user[: max(spec.leaders * 3, size // 3)]
    chosen = veterans[np.argsort(-people.events_30d[veterans], kind="stable")[: spec.leaders]]
    user = np.concatenate([chosen, user[~np.isin(user, chosen)]])
    founded = spec.founded * days * DAY
    opening = np.maximum((days - people.tenure_days[user]) * DAY + 600, founded)
    joined = opening + rng.random(size) ** 1.3 * (days * DAY - 3600 - opening) * 0.9
    leaders = slice(0, spec.leaders)
    joined[leaders] = opening[leaders] + rng.random(spec.leaders) * 3600
    gone = rng.random(size) < {"dead": 0.35, "chat_room": 0.18, "overgrown": 0.15}.get(spec.fate, 0.05)
    gone[leaders] = False
    left = np.where(gone, joined + rng.random(size) * (days * DAY - joined), np.nan)
    role = np.full(size, "member", dtype=object)
    role[0], role[1 : max(2, spec.leaders // 2)] = "owner", "admin"
    frame = pd.DataFrame({"user": user, "joined": np.floor(joined), "left": np.floor(left), "role": role})
    frame["inviter"] = _draw_inviters(frame["joined"].to_numpy(), spec.leaders, rng)
    return frame


def _draw_inviters(joined: np.ndarray, n_leaders: int, rng) -> np.ndarray:
    """Return who invited each member (-1: came alone): an earlier member, a leader half of the time."""
    inviter = np.full(len(joined), -1)
    for member in range(n_leaders, len(joined)):
        earlier = np.flatnonzero(joined < joined[member])
        if len(earlier) and rng.random() < 0.6:
            lead = earlier[earlier < n_leaders]
            pool = lead if len(lead) and rng.random() < 0.5 else earlier
            inviter[member] = pool[rng.integers(len(pool))]
    return inviter


def _draw_activities(spec: GroupSpec, days: int, rng) -> np.ndarray:
    first = max(3, int(spec.founded * days) + 3)
    return (
        np.sort(rng.choice(np.arange(first, days - 3), spec.activities, replace=False))
        if days > first + 10
        else np.array([], int)
    )


def _draw_messages(
    spec: GroupSpec, members: pd.DataFrame, busy: np.ndarray, days: int, rng
) -> dict[str, np.ndarray]:
    day = np.arange(days)
    first = max(0.0, spec.founded) * days
    progress = np.clip((day - first) / (days - first), 0, 1)
    daily = spec.daily[0] + (spec.daily[1] - spec.daily[0]) * progress
    daily *= (day >= first) & (day < spec.silent_after * days)
    daily[busy] *= 3.0  # an activity lifts the talk
    count = rng.poisson(daily)
    if spec.fate == "dead":
        count[[int(0.7 * days), int(0.9 * days)]] = 1  # two calls that nobody answers
    second = np.sort(np.repeat(day, count) * DAY + _talk_seconds(count.sum(), rng))
    share = np.clip((second / DAY - first) / (days - first), 0, 1)
    author = _draw_authors(spec, members, second, share, rng)
    lonely = second >= spec.silent_after * days * DAY
    author, second, share, lonely = (values[author >= 0] for values in (author, second, share, lonely))
    drift = spec.on_topic[0] + (spec.on_topic[1] - spec.on_topic[0]) * share
    gossip = np.array([TOPIC_KEYS.index(name) for name in GOSSIP])[rng.integers(0, len(GOSSIP), len(second))]
    topic = np.where(rng.random(len(second)) < drift, TOPIC_KEYS.index(spec.charter), gossip)
    reply = _draw_replies(spec, author, second, lonely, rng)
    topic = np.where(reply >= 0, topic[np.maximum(reply, 0)], topic)
    is_question = (rng.random(len(second)) < spec.questions) & (reply < 0)
    return {"second": second, "author": author, "topic": topic, "reply_to": reply, "question": is_question}


def _talk_seconds(n: int, rng) -> np.ndarray:
    hour = np.where(
        rng.random(n) < 0.55, 20.5 + 1.3 * rng.standard_normal(n), 13 + 2.8 * rng.standard_normal(n)
    )
    return (np.clip(hour, 6.5, 23.9) * 3600).astype(np.int64)


def _draw_authors(spec: GroupSpec, members: pd.DataFrame, second, share, rng) -> np.ndarray:
    """Draw who writes: leaders their share, others by a long tail; -1 when nobody is there yet."""
    n = len(members)
    tail = rng.pareto(spec.tail, n) + 0.15
    tail[: spec.leaders] = rng.uniform(0.7, 1.3, spec.leaders)
    joined, left = members["joined"].to_numpy(), members["left"].fillna(np.inf).to_numpy()
    author = np.full(len(second), -1)
    is_leader = np.arange(n) < spec.leaders
    by_leader = rng.random(len(second)) < spec.leader_share * (1 - spec.newcomers * share)
    for row, moment in enumerate(second):
        weight = np.where(is_leader == by_leader[row], tail, 0.0) * (joined <= moment) * (left > moment)
        if spec.newcomers:  # veterans fall silent as strangers pour in
            weight = weight * np.exp(-spec.newcomers * share[row] * (moment - joined) / (20 * DAY))
        total = weight.sum()
        if total > 0:
            author[row] = np.searchsorted(np.cumsum(weight), rng.random() * total, side="right")
    return author


def _draw_replies(spec: GroupSpec, author, second, lonely, rng) -> np.ndarray:
    """Return for each message the position of the one it answers, or -1: leaders are answered more."""
    reply = np.full(len(author), -1)
    wants = (rng.random(len(author)) < spec.replies) & ~lonely
    for row in np.flatnonzero(wants):
        earlier = np.arange(max(0, row - LOOK_BACK), row)
        near = (author[earlier] != author[row]) & (second[row] - second[earlier] < 3 * DAY)
        weight = near * (1 + 2.5 * (author[earlier] < spec.leaders)) * 0.8 ** (row - earlier)
        total = weight.sum()
        if total > 0:
            reply[row] = earlier[np.searchsorted(np.cumsum(weight), rng.random() * total, side="right")]
    return reply


def _write(spec: GroupSpec, talk: dict[str, np.ndarray], rng) -> list[str]:
    lines = []
    for reply, topic, question in zip(talk["reply_to"], talk["topic"], talk["question"], strict=True):
        if reply >= 0:
            pool = REPLY_LINES
        elif question:
            pool = QUESTION_LINES
        else:
            pool = NOTICE_LINES if spec.fate == "loudspeaker" else ON_TOPIC_LINES
        zh, en = TOPICS[topic].subjects[rng.integers(4)]
        lines.append(pool[rng.integers(len(pool))].format(zh=zh, en=en, sign=TOPICS[topic].sign))
    return lines


def _number(messages: pd.DataFrame) -> pd.DataFrame:
    """Number messages by time, and turn replies from positions in a group into message ids."""
    start = messages.groupby("group_id", sort=False).cumcount()
    offset = (np.arange(len(messages)) - start).to_numpy()
    order = messages.sort_values(["sent_at", "group_id"], kind="stable").index
    rank = pd.Series(np.arange(1, len(messages) + 1), index=order).sort_index()
    ids = ("m" + rank.astype(str).str.zfill(6)).to_numpy()
    reply = messages["reply_to"].to_numpy()
    answered = pd.Series(ids[np.maximum(reply + offset, 0)]).astype("str").where(reply >= 0)
    numbered = messages.assign(message_id=ids, reply_to=answered)
    columns = ["message_id", "group_id", "user_id", "sent_at", "reply_to", "topic", "text"]
    return numbered.loc[order, columns].reset_index(drop=True)
