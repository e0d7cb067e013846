"""What the brand sends to the simulated users, and what that does to them.

Three things are true here that a reader of such logs must not miss. The frequency of sends is partly
random and partly follows activity, so a naive comparison flatters frequent sends. Every send adds to a
pressure that fades within weeks, and the hazard of muting or leaving rises with it. The content arm is
drawn with a logged propensity that differs by activity, so policies can be compared afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.sources.simulate import personas as planted
from segtool.sources.simulate.behaviour import DAY, pick
from segtool.sources.simulate.catalogue import Catalogue
from segtool.sources.simulate.people import People
from segtool.sources.simulate.truth import hour_shares
from segtool.sources.simulate.words import TOPIC_KEYS

CAMPAIGN_DAYS = 56
WEEKLY = np.array([0.5, 1.4, 3.2])  # the randomised frequency groups, sends a week
ARMS = ("popular", "matched", "explore")
ARM_SHARES = np.array([[0.30, 0.30, 0.40], [0.40, 0.40, 0.20], [0.50, 0.35, 0.15]])  # by third of activity
SEND_CHANNELS = (
    "app_push",
    "wecom_group",
    "wecom_direct",
    "service_account",
    "subscription_account",
    "email",
    "sms",
)
OPEN_LOGIT = np.array([-2.5, -1.2, -0.7, -1.4, -1.9, -1.6, -2.2])
PRESSURE_DAYS = 7.0
FATIGUE = -0.12  # logit of opening per unit of pressure
MUTE_LOG_HAZARD, LEAVE_LOG_HAZARD, PRESSURE_SLOPE = -6.0, -6.6, 0.45
RESPONSE_LOGIT, TASTE_SLOPE, HOUR_SLOPE = -1.4, 0.55, 0.30


@dataclass
class Plan:
    """Sends as they were planned, in order of user and time, before anybody opted out."""

    user: np.ndarray
    second: np.ndarray
    order: np.ndarray  # which send of the user's it is, from 0
    channel: np.ndarray
    arm: np.ndarray
    propensity: np.ndarray
    topic: np.ndarray
    item: np.ndarray


def sends_table(people: People, names, catalogue: Catalogue, days: int, as_of: pd.Timestamp, rng):
    """Return the sends with their outcomes, and the planted frequency of each user.

    Returns
    -------
    tuple of DataFrame
        The table ``sends``, and user_id with the planned ``sends_per_week`` and its random ``group``.
    """
    group = rng.integers(0, len(WEEKLY), len(people))
    rank = np.argsort(np.argsort(people.events_30d)) / max(len(people) - 1, 1)
    weekly = WEEKLY[group] * (0.7 + 0.6 * rank)
    plan = _plan(people, weekly, rank, catalogue, days, rng)
    outcome = live_through(people, plan, rng)
    rates = pd.DataFrame({"user_id": names, "group": group, "sends_per_week": weekly.round(4)})
    return _table(plan, outcome, names, catalogue, days, as_of), rates


def parameters() -> pd.DataFrame:
    """Return the planted numbers of opening, fatigue and opting out."""
    rows = {
        "pressure_days": PRESSURE_DAYS,
        "fatigue_logit_per_pressure": FATIGUE,
        "mute_log_hazard": MUTE_LOG_HAZARD,
        "leave_log_hazard": LEAVE_LOG_HAZARD,
        "log_hazard_per_pressure": PRESSURE_SLOPE,
        "open_logit_per_log_taste": TASTE_SLOPE,
        "open_logit_per_log_hour": HOUR_SLOPE,
    }
    return pd.DataFrame({"parameter": list(rows), "value": list(rows.values())})


def _plan(people: People, weekly, rank, catalogue: Catalogue, days: int, rng) -> Plan:
    first = np.maximum(people.start_day, days - min(CAMPAIGN_DAYS, days))
    count = rng.poisson(weekly / 7 * (days - first))
    user = np.repeat(np.arange(len(people)), count)
    day = first[user] + np.floor(rng.random(len(user)) * (days - first)[user]).astype(np.int64)
    second = day * DAY + rng.integers(8 * 3600, 22 * 3600, len(user))
    by_time = np.lexsort((second, user))
    second, day = second[by_time], day[by_time]
    third = np.minimum((rank * 3).astype(int), 2)[user]
    arm = pick(ARM_SHARES, third, rng)
    reach = people.channel_use[:, [planted.CHANNELS.index(name) for name in SEND_CHANNELS]] + 0.03
    topic = _choose_topics(people, user, arm, rng)
    item = catalogue.pick(topic, np.zeros(len(user), dtype=int), day, rng.random(len(user)))
    order = np.arange(len(user)) - np.repeat(np.cumsum(count) - count, count)
    channel = pick(reach / reach.sum(axis=1, keepdims=True), user, rng)
    return Plan(user, second, order, channel, arm, ARM_SHARES[third, arm], topic, item)


def _choose_topics(people: People, user: np.ndarray, arm: np.ndarray, rng) -> np.ndarray:
    overall = np.tile(people.taste.mean(axis=0), (len(people), 1))
    popular, matched = pick(overall, user, rng), pick(people.taste, user, rng)
    anything = rng.integers(0, len(TOPIC_KEYS), len(user))
    return np.choose(arm, [popular, matched, anything])


@dataclass
class Standing:
    """What earlier sends left behind in each user, at second 0 of a plan."""

    pressure: np.ndarray  # (n_users,)
    left: np.ndarray  # (n_users,) bool
    muted: np.ndarray  # (n_users, n_send_channels) bool


def live_through(people: People, plan: Plan, rng, standing: Standing | None = None) -> dict[str, np.ndarray]:
    """Walk through everybody's first, second, ... send; an opted-out user gets no more."""
    n_sends, n_users = len(plan.user), len(people)
    u_open, u_respond, u_mute, u_leave = rng.random((4, n_sends))
    liking, opening = appeal(people, plan)
    outcome = {
        name: np.zeros(n_sends, dtype=bool) for name in ("sent", "opened", "responded", "muted", "left")
    }
    pressure, last = np.zeros(n_users), np.zeros(n_users)
    left, muted = np.zeros(n_users, dtype=bool), np.zeros((n_users, len(SEND_CHANNELS)), dtype=bool)
    if standing is not None:
        pressure, left, muted = standing.pressure.copy(), standing.left.copy(), standing.muted.copy()
    for number in range(plan.order.max(initial=-1) + 1):
        rows = np.flatnonzero(plan.order == number)
        rows = rows[~left[plan.user[rows]] & ~muted[plan.user[rows], plan.channel[rows]]]
        user = plan.user[rows]
        pressure[user] *= np.exp(-(plan.second[rows] - last[user]) / DAY / PRESSURE_DAYS)
        hazard = np.exp(PRESSURE_SLOPE * pressure[user] - 0.2 * liking[rows])
        opened = u_open[rows] < _logistic(opening[rows] + FATIGUE * pressure[user])
        outcome["sent"][rows] = True
        outcome["opened"][rows] = opened
        outcome["responded"][rows] = opened & (
            u_respond[rows] < _logistic(RESPONSE_LOGIT + 0.6 * liking[rows])
        )
        outcome["muted"][rows] = u_mute[rows] < -np.expm1(-np.exp(MUTE_LOG_HAZARD) * hazard)
        outcome["left"][rows] = u_leave[rows] < -np.expm1(-np.exp(LEAVE_LOG_HAZARD) * hazard)
        muted[user, plan.channel[rows]] |= outcome["muted"][rows]
        left[user] |= outcome["left"][rows]
        pressure[user] += 1.0
        last[user] = plan.second[rows]
    return outcome


def appeal(people: People, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """Return how much each send's topic is to the user's taste (log, clipped), and its logit of opening."""
    taste = people.taste[plan.user, plan.topic] * len(TOPIC_KEYS)
    liking = np.clip(np.log(taste + 0.05), -1.5, 1.5)
    hour = hour_shares(people)[plan.user, plan.second // 3600 % 24] * 24
    around = np.clip(np.log(hour + 0.1), -1.5, 1.5)
    active = np.log(people.events_30d[plan.user] / people.events_30d.mean() + 0.1)
    gone = plan.second >= people.end_day[plan.user] * DAY
    logit = OPEN_LOGIT[plan.channel] + TASTE_SLOPE * liking + HOUR_SLOPE * around + 0.4 * active - 2.5 * gone
    return liking, logit


def _logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def outcome_seconds(second: np.ndarray) -> dict[str, np.ndarray]:
    """Return when what came of sends happened, by the column it is told in."""
    # Delays need no draw of their own: a hash of the second is as good, and keeps the streams apart.
    delay = (second * 2654435761) % 7200 + 30
    return {
        "sent_at": second,
        "opened_at": second + delay,
        "responded_at": second + delay + 90 + delay // 20,
        "muted_at": second + delay // 3 + 20,
        "unsubscribed_at": second + delay // 2 + 40,
    }


def _table(plan: Plan, outcome, names, catalogue: Catalogue, days: int, as_of: pd.Timestamp) -> pd.DataFrame:
    kept = np.flatnonzero(outcome["sent"])
    kept = kept[np.lexsort((plan.user[kept], plan.second[kept]))]
    start = as_of - pd.Timedelta(days=days)
    second = plan.second[kept]
    times = outcome_seconds(second)
    happened = {
        "opened_at": "opened",
        "responded_at": "responded",
        "muted_at": "muted",
        "unsubscribed_at": "left",
    }
    table = {
        "send_id": np.char.add("s", np.char.zfill(np.arange(1, len(kept) + 1).astype(str), 6)),
        "user_id": names[plan.user[kept]],
        "item_id": catalogue.item_ids[plan.item[kept]],
        "topic": np.array(TOPIC_KEYS)[plan.topic[kept]],
        "channel": np.array(SEND_CHANNELS)[plan.channel[kept]],
        "arm": np.array(ARMS)[plan.arm[kept]],
        "propensity": plan.propensity[kept],
    }
    frame = pd.DataFrame(table)
    for place, (name, moment) in enumerate(times.items()):
        seen = outcome[happened[name]][kept] if name in happened else True
        values = pd.Series(start + pd.to_timedelta(moment, unit="s"))
        frame.insert(2 + place, name, values.where(seen & (moment < days * DAY)))
    return frame
