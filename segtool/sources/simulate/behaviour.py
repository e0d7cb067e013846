"""What the simulated users do: sessions at their hours, on their topics, at their stage.

Events come in sessions, because real ones do: the events of one session share hour, channel and
mostly topic, so counts vary more than independent draws would, and a label that trusts them as
independent witnesses is caught being too sure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.sources.simulate import personas as planted
from segtool.sources.simulate.catalogue import Catalogue
from segtool.sources.simulate.people import WEEKEND_VARIANTS, People
from segtool.sources.simulate.words import TOPIC_KEYS

CHUNK_USERS = 20_000  # users drawn at once: part of the seed's meaning, so never change it lightly
DAY = 86_400
EVENTS = (*planted.SESSION_EVENTS, "refund", "review", "signup")
PURCHASE, REFUND, REVIEW, SIGNUP = (EVENTS.index(word) for word in ("purchase", "refund", "review", "signup"))
SESSION_TOPIC_SHARE = 0.75  # events of a session that stay on its topic
REFUND_SHARE, REVIEW_SHARE = 0.04, 0.18  # of purchases
ORDER_SPREAD = 0.5  # log sd of one user's orders
# Which events touch a product (by share), some content, only a topic, or nothing.
PRODUCT_SHARE = {"click": 1.0, "cart": 1.0, "purchase": 1.0, "view": 0.22, "like": 0.10, "share": 0.20}
WITHOUT_ITEM = ("visit", "search", "invite", "mute", "complain")
WITHOUT_TOPIC = ("visit", "invite", "complain")
DISLIKES = ("hide", "mute")
DISLIKED_SHARE = 0.7  # of dislikes, on the user's disliked topic
# Days on which everybody shops more or stays away: (month, first day, last day, factor).
SEASONS = (
    (6, 1, 15, 1.15),
    (6, 16, 18, 1.7),
    (11, 1, 10, 1.2),
    (11, 11, 11, 1.9),
    (5, 1, 5, 0.7),
    (10, 1, 7, 0.7),
)


@dataclass
class Log:
    """Events as columns of codes; -1 stands for none."""

    user: np.ndarray
    second: np.ndarray  # seconds since the start of the window
    event: np.ndarray
    item: np.ndarray
    topic: np.ndarray
    channel: np.ndarray
    tier: np.ndarray
    amount: np.ndarray

    def take(self, rows: np.ndarray) -> Log:
        """Return some rows, in the order given."""
        return Log(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def day_weights(days: int, as_of: pd.Timestamp) -> np.ndarray:
    """Return how busy each day is, (n_personas * 3, days), each row with mean one."""
    dates = pd.date_range(as_of - pd.Timedelta(days=days), periods=days, freq="D")
    season = np.ones(days)
    for month, first, last, factor in SEASONS:
        season[(dates.month == month) & (dates.day >= first) & (dates.day <= last)] = factor
    is_weekend = dates.day_of_week >= 5
    rows = [
        np.where(is_weekend, one.weekend * variant, 1.0) * season
        for one in planted.PERSONAS
        for variant in WEEKEND_VARIANTS
    ]
    weights = np.array(rows)
    return weights / weights.mean(axis=1, keepdims=True)


def simulate_logs(
    people: People, catalogue: Catalogue, days: int, as_of: pd.Timestamp, seed: int
) -> Iterator[Log]:
    """Yield the events of twenty thousand users at a time, each part in order of time."""
    weights = day_weights(days, as_of)
    for number, first in enumerate(range(0, len(people), CHUNK_USERS)):
        rng = np.random.default_rng([seed, 2, number])
        part = people.rows(slice(first, first + CHUNK_USERS))
        yield _simulate_log(part, catalogue, days, weights, rng)


def _simulate_log(people: People, catalogue: Catalogue, days, weights, rng) -> Log:
    sessions = _draw_sessions(people, weights, rng)
    log = log_of_sessions(people, sessions, catalogue, days, rng)
    log = join_logs([log, _sign_ups(people, days, rng)])
    log = log.take(np.flatnonzero(log.second < days * DAY))
    log = log.take(np.lexsort((log.event, log.user, log.second)))
    log.user = people.user[log.user]
    return log


def log_of_sessions(
    people: People, sessions: dict[str, np.ndarray], catalogue: Catalogue, days: int, rng
) -> Log:
    """Draw what happens in sessions that are given, and the refunds and reviews that follow."""
    log = _draw_events(people, sessions, rng)
    _place_items(log, people, catalogue, days, rng)
    _price(log, people, rng)
    return join_logs([log, *_follow_ups(log, rng)])


def _draw_sessions(people: People, weights: np.ndarray, rng) -> dict[str, np.ndarray]:
    """Draw when each user is here, where from, and what about."""
    profile = people.persona * len(WEEKEND_VARIANTS) + people.weekend
    busy = np.pad(np.cumsum(weights, axis=1), ((0, 0), (1, 0)))
    low, high = busy[profile, people.start_day], busy[profile, people.end_day]
    rate = people.events_30d / 30 / people.session_length
    user = np.repeat(np.arange(len(people)), rng.poisson(rate * (high - low)))
    # One search over all profiles: each profile's cumulative days sit in their own stretch.
    stretch = busy[:, -1].max() + 1.0
    at = low[user] + rng.random(len(user)) * (high - low)[user] + profile[user] * stretch
    edges = (busy[:, 1:] + np.arange(len(busy))[:, None] * stretch).ravel()
    day = np.minimum(
        np.searchsorted(edges, at, side="right") - profile[user] * weights.shape[1], weights.shape[1] - 1
    )
    return {
        "user": user,
        "day": day,
        "second": day * DAY + (_draw_hours(people, user, rng) * 3600).astype(np.int64),
        "is_now": day >= people.stage_day[user],
        "topic": pick(people.taste, user, rng),
        "channel": pick(people.channel_use, user, rng),
    }


def _draw_hours(people: People, user: np.ndarray, rng) -> np.ndarray:
    """Draw hours of the day; a mixed user keeps the hours of either persona."""
    other = rng.random(len(user)) < people.blend[user]
    persona = np.where(other, people.second[user], people.persona[user])
    own = pick(people.daypart_use, user, rng)
    default = pick(planted.DAYPARTS[:, :, 2], persona, rng)
    centre, spread, _ = np.moveaxis(planted.DAYPARTS[persona, np.where(other, default, own)], 1, 0)
    return (centre + people.hour_shift[user] + spread * rng.standard_normal(len(user))) % 24


def _draw_events(people: People, sessions: dict[str, np.ndarray], rng) -> Log:
    lengths = 1 + rng.poisson((people.session_length - 1)[sessions["user"]])
    session = np.repeat(np.arange(len(lengths)), lengths)
    user = sessions["user"][session]
    mixes = np.vstack([people.event_mix(people.stage_before), people.event_mix(people.stage)])
    event = pick(mixes, user + len(people) * sessions["is_now"][session], rng)
    # SESSION_EVENTS stand in the order in which a session runs: look, react, buy.
    order = np.argsort(session * len(EVENTS) + event, kind="stable")
    event = event[order]
    gap = 1.0 + rng.exponential(45.0, len(event))  # a second at least: no two rows are equal
    elapsed = np.cumsum(gap)
    opening = np.repeat(np.cumsum(lengths) - lengths, lengths)
    stays = rng.random(len(event)) < SESSION_TOPIC_SHARE
    topic = np.where(stays, sessions["topic"][session], pick(people.taste, user, rng))
    return Log(
        user=user,
        second=sessions["second"][session] + (elapsed - elapsed[opening]).astype(np.int64),
        event=event,
        item=np.full(len(event), -1),
        topic=topic,
        channel=sessions["channel"][session],
        tier=np.full(len(event), -1),
        amount=np.full(len(event), np.nan),
    )


def _place_items(log: Log, people: People, catalogue: Catalogue, days: int, rng) -> None:
    """Give each event the thing it is about; dislikes fall mostly on the topic a user is tired of."""
    words = np.array(EVENTS)[log.event]
    anything = rng.integers(0, len(TOPIC_KEYS), len(words))
    unwanted = np.where(rng.random(len(words)) < DISLIKED_SHARE, people.disliked[log.user], anything)
    log.topic = np.where(np.isin(words, DISLIKES), unwanted, log.topic)
    share = np.array([PRODUCT_SHARE.get(word, 0.0) for word in EVENTS])[log.event]
    is_product = rng.random(len(words)) < share
    log.tier = np.where(is_product, pick(people.tier_use, log.user, rng), -1)
    day = np.clip(log.second // DAY, 0, days - 1)
    item = catalogue.pick(log.topic, log.tier + 1, day, rng.random(len(words)))
    log.item = np.where(np.isin(words, WITHOUT_ITEM), -1, item)
    log.topic = np.where(np.isin(words, WITHOUT_TOPIC), -1, log.topic)


def _price(log: Log, people: People, rng) -> None:
    """Price the purchases so that a user's mean order is the user's order value."""
    bought = np.flatnonzero(log.event == PURCHASE)
    user = log.user[bought]
    usual = people.tier_use @ planted.TIER_PRICE
    price = people.order_value[user] * planted.TIER_PRICE[log.tier[bought]] / usual[user]
    noise = np.exp(rng.normal(-(ORDER_SPREAD**2) / 2, ORDER_SPREAD, len(bought)))
    log.amount[bought] = np.maximum(np.round(price * noise, 2), 1.0)


def _follow_ups(log: Log, rng) -> list[Log]:
    """Return the refunds and reviews that some purchases bring, days later."""
    bought = np.flatnonzero(log.event == PURCHASE)
    made = []
    for code, share, longest in ((REFUND, REFUND_SHARE, 7.0), (REVIEW, REVIEW_SHARE, 10.0)):
        later = log.take(bought[rng.random(len(bought)) < share])
        later.event = np.full(len(later.event), code)
        later.second = later.second + (rng.uniform(0.5, longest, len(later.event)) * DAY).astype(np.int64)
        if code == REVIEW:
            later.amount = np.full(len(later.event), np.nan)
        made.append(later)
    return made


def _sign_ups(people: People, days: int, rng) -> Log:
    new = np.flatnonzero(people.tenure_days < days)
    none = np.full(len(new), -1)
    second = days * DAY - (people.tenure_days[new] * DAY).astype(np.int64)
    channel = pick(people.channel_use, new, rng)
    return Log(new, second, np.full(len(new), SIGNUP), none, none, channel, none, np.full(len(new), np.nan))


def join_logs(logs: list[Log]) -> Log:
    """Put logs behind each other."""
    return Log(*(np.concatenate([getattr(log, name) for log in logs]) for name in Log.__dataclass_fields__))


def pick(shares: np.ndarray, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a column for each row number given, by the shares in that row of the table."""
    cumulative = np.cumsum(shares, axis=1, dtype=np.float64).astype(np.float32)
    u = rng.random(len(rows), dtype=np.float32)
    column = np.zeros(len(rows), dtype=np.int64)
    for edge in np.ascontiguousarray(
        cumulative.T[:-1]
    ):  # edge by edge: no (n_events, n_columns) table is built
        column += u > edge[rows]
    return column
