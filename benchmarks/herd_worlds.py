"""Simulated circles in which some go first and some wait, and circles in which nobody looks at anybody.

Everyone has tastes, an activity that comes and goes, and a day of joining; items have a day of release, and
are in season. With ``herd`` some members come soon after the release, and some come only after others of
their circle did. Without, all come by themselves: what they share is taste and season. With ``alike`` members
of a circle share a taste, and each circle is shown much at the same time: the same people come together,
and nobody follows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

AS_OF = "2026-07-01"
N_DAYS, N_TOPICS = 182, 6


def make_world(
    seed: int,
    *,
    herd: bool,
    n_circles: int = 20,
    size: int = 30,
    n_items: int = 80,
    eager: float = 1.0,
    alike: bool = False,
) -> tuple[dict[str, pd.DataFrame], pd.Series]:
    """Return the tables events and members, and each user's part ("leads", "waits", "") by user_id.

    Parameters
    ----------
    seed : int
    herd : bool
        Otherwise nobody has a part.
    n_circles, size, n_items : int
    eager : float
        How much everybody takes up; at 1 about one item in four.
    alike : bool
        Circles of people with one taste, who are shown the same at the same time.
    """
    rng = np.random.default_rng(seed)
    n = n_circles * size
    circle = np.repeat(np.arange(n_circles), size)
    part = rng.choice(["leads", "waits", ""], n, p=[0.1, 0.2, 0.7]) if herd else np.full(n, "")
    activity = _make_activity(rng, n)
    topic = rng.integers(0, N_TOPICS, n_items)
    curve = _make_curves(rng, n_items)
    taste = rng.dirichlet(np.full(N_TOPICS, 0.5), n)[:, topic] * N_TOPICS
    if alike:
        taste = taste * rng.lognormal(0, 1, (n_circles, N_TOPICS))[circle][:, topic]
        activity = activity * _make_campaigns(rng, n_circles)[circle]
    came = _simulate(rng, circle, part, activity, taste, curve, eager)
    user, item = np.nonzero(came >= 0)
    bought = pd.DataFrame({"user": user, "item_id": [f"i{k:03d}" for k in item], "day": came[user, item],
                           "event": "purchase", "topic": [f"t{k}" for k in topic[item]]})  # fmt: skip
    return _tables(rng, bought, activity, circle), pd.Series(part, [f"u{k:04d}" for k in range(n)])


def _make_activity(rng, n: int) -> np.ndarray:
    """Return visits a day, shape (n, N_DAYS): busy and quiet spells, and nothing before joining."""
    rate = rng.gamma(2.0, 0.15, n)[:, None]
    spells = np.repeat(rng.lognormal(0, 0.7, (n, N_DAYS // 14)), 14, axis=1)
    joined = np.where(rng.random(n) < 0.3, rng.integers(0, 120, n), 0)
    return rate * spells * (np.arange(N_DAYS) >= joined[:, None])


def _make_curves(rng, n_items: int) -> np.ndarray:
    """Return the pull of each item by day, shape (n_items, N_DAYS): release, decay, seasons shared by all."""
    day = np.arange(N_DAYS)
    release = rng.integers(-60, 150, n_items)
    age = day - release[:, None]
    curve = np.where(age >= 0, np.exp(-np.maximum(age, 0) / rng.uniform(20, 60, (n_items, 1))) + 0.15, 0)
    campaigns = np.ones(N_DAYS)
    for start in rng.integers(0, N_DAYS - 7, 4):
        campaigns[start : start + 7] *= 3
    return curve * campaigns * rng.lognormal(0, 0.6, (n_items, 1))


def _make_campaigns(rng, n_circles: int) -> np.ndarray:
    """Return how much busier each circle is by day: two weeks of its own in which it is shown much."""
    busy = np.ones((n_circles, N_DAYS))
    for row in busy:
        for start in rng.integers(0, N_DAYS - 7, 2):
            row[start : start + 7] = 4
    return busy


def _simulate(rng, circle, part, activity, taste, curve, eager: float) -> np.ndarray:
    """Return the day on which each user took up each item, -1 for never, shape (n_users, n_items)."""
    n, n_items = taste.shape
    came = np.full((n, n_items), -1)
    leads, waits = (part == "leads")[:, None], (part == "waits")[:, None]
    n_circles = int(circle.max()) + 1
    fresh = np.cumsum(curve > 0, axis=1)  # days since the release
    recent, ever = np.zeros((n_circles, n_items)), np.zeros((n_circles, n_items))
    for day in range(N_DAYS):
        hazard = 0.02 * eager * activity[:, day, None] * taste * curve[:, day]
        hazard = np.where(leads, hazard * np.where(fresh[:, day] <= 10, 8, 0.7), hazard)
        around = ever[circle] >= 2
        hazard = np.where(
            waits, np.where(around, hazard * (1 + 4 * np.minimum(recent[circle], 2)), 0), hazard
        )
        new = (came < 0) & (rng.random((n, n_items)) < 1 - np.exp(-hazard))
        came[new] = day
        np.add.at(ever, circle, new)
        recent *= np.exp(-1 / 7)
        np.add.at(recent, circle, new)
    return came


def _tables(rng, bought: pd.DataFrame, activity: np.ndarray, circle: np.ndarray) -> dict[str, pd.DataFrame]:
    visits = rng.poisson(activity)
    user, day = np.nonzero(visits)
    seen = pd.DataFrame(
        {"user": np.repeat(user, visits[user, day]), "day": np.repeat(day, visits[user, day])}
    )
    events = pd.concat([bought, seen.assign(event="visit")], ignore_index=True)
    start = pd.Timestamp(AS_OF) - pd.Timedelta(days=N_DAYS)
    within = pd.to_timedelta(events["day"] + rng.random(len(events)), unit="D")
    events = events.assign(
        user_id=[f"u{k:04d}" for k in events["user"]], event_time=(start + within).dt.floor("s")
    )
    members = pd.DataFrame(
        {"group_id": [f"g{k:02d}" for k in circle], "user_id": [f"u{k:04d}" for k in range(len(circle))]}
    )
    return {"events": events[["user_id", "event_time", "event", "item_id", "topic"]], "members": members}
