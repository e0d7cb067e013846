"""Worlds for `benchmarks.leaders`: answers drawn another way, and circles in which some judge first."""

from __future__ import annotations

import numpy as np
import pandas as pd

AS_OF = "2026-07-01"
DAYS = 182
N_CIRCLES, N_MEMBERS, N_ITEMS = 20, 30, 240


def answer_independently(world, seed: int) -> dict[str, pd.DataFrame]:
    """Return the tables of a world of groups with answers drawn anew: each message has its own.

    The worlds of `simulate_groups` let everybody who answers choose among the last messages, which is near
    to how segtool reads them. Here nobody chooses: a message draws answers of its own, a Poisson number in
    proportion to its author's planted influence, by people who write in the group, minutes to hours later;
    answers draw answers in turn.

    Parameters
    ----------
    world : GroupWorld
    seed : int
    """
    rng = np.random.default_rng([seed, 78])
    planted = world.truth["members"].set_index(["group_id", "user_id"])["influence"]
    messages = world.tables["messages"]
    said = []
    for group_id, own in messages.groupby("group_id", sort=True):
        share = own["reply_to"].notna().mean()
        talk = own.loc[own["reply_to"].isna(), ["user_id", "sent_at"]].assign(reply_to=-1)
        influence = planted[group_id]
        usual = influence.reindex(own["user_id"]).mean()
        writers = own["user_id"].to_numpy()
        parts, first = [talk], 0
        while len(parts[-1]) and len(parts) < 6:
            asked = parts[-1]
            count = rng.poisson(share * influence.reindex(asked["user_id"]).to_numpy() / usual)
            to = np.repeat(np.arange(len(asked)), count)
            by = writers[rng.integers(0, len(writers), len(to))]
            wait = pd.to_timedelta(rng.lognormal(6.0, 1.5, len(to)).round(), unit="s")
            answers = pd.DataFrame(
                {"user_id": by, "sent_at": asked["sent_at"].to_numpy()[to] + wait, "reply_to": first + to}
            )
            parts.append(answers[by != asked["user_id"].to_numpy()[to]])
            first += len(asked)
        rows = pd.concat(parts, ignore_index=True)
        names = np.array([f"{group_id}-{number:06d}" for number in range(len(rows))], dtype=object)
        reply = rows["reply_to"].to_numpy(dtype=int)
        said.append(
            rows.assign(
                group_id=group_id, message_id=names, reply_to=np.where(reply >= 0, names[reply], None)
            )
        )
    drawn = pd.concat(said, ignore_index=True)
    drawn = drawn[drawn["sent_at"] < pd.Timestamp(world.as_of)]
    return {**world.tables, "messages": drawn}


def make_judging_world(seed: int, *, follow: float) -> tuple[dict[str, pd.DataFrame], set[str]]:
    """Return the tables of a world of likes and purchases, and who is followed.

    In every world circles share tastes, items have launches after which most is liked, two users of each
    circle see everything early, tell nobody and are followed by nobody, and posts make several of a circle
    like an item on the same days.

    Parameters
    ----------
    seed : int
    follow : float
        Chance that a member of the circle takes up what a filter liked, within ten days; 0 for none.
    """
    rng = np.random.default_rng([seed, 77])
    n = N_CIRCLES * N_MEMBERS
    circle = np.repeat(np.arange(N_CIRCLES), N_MEMBERS)
    place = np.tile(np.arange(N_MEMBERS), N_CIRCLES)
    launch = rng.uniform(-DAYS, -15, N_ITEMS)
    taste = rng.gamma(0.5, 2.0, (N_CIRCLES, 8))[:, rng.integers(0, 8, N_ITEMS)]
    appeal = rng.lognormal(0, 0.7, N_ITEMS)
    # Filters like a lot, followed or not: nobody's judgement can be told from six likes.
    activity = rng.lognormal(0, 0.5, n) * np.where((place >= 2) & (place < 4), 3.0, 1.0)
    chance = np.clip(0.018 * activity[:, None] * taste[circle] * appeal, 0, 0.6)
    user, item = np.nonzero(rng.random((n, N_ITEMS)) < chance)
    wait = rng.exponential(25.0, len(user))
    early = place[user] < 2
    wait = np.where(early, rng.exponential(1.5, len(user)), wait)
    rows = [pd.DataFrame({"user": user, "item": item, "time": launch[item] + wait})]
    rows.append(_posts(circle, launch, chance, rng))
    filters = np.flatnonzero((place >= 2) & (place < 4))
    if follow:
        rows.append(_followers(rows, filters, circle, launch, follow, rng))
    events = pd.concat(rows, ignore_index=True)
    events = events[events["time"] < 0].sort_values("time").drop_duplicates(["user", "item"])
    kind = rng.choice(["like", "purchase", "review"], len(events), p=[0.7, 0.2, 0.1])
    names = np.array([f"u{one:04d}" for one in range(n)])
    moment = pd.Timestamp(AS_OF) + pd.to_timedelta(events["time"].to_numpy(), unit="D")
    tables = {
        "events": pd.DataFrame(
            {"user_id": names[events["user"]], "event_time": moment.floor("s"), "event": kind,
             "item_id": [f"i{one:03d}" for one in events["item"]]}
        ),
        "members": pd.DataFrame(
            {"group_id": [f"c{one:02d}" for one in circle], "user_id": names, "joined_at": pd.Timestamp("2025-01-01")}
        ),
    }  # fmt: skip
    return tables, set(names[filters]) if follow else set()


def _posts(circle, launch, chance, rng) -> pd.DataFrame:
    """Posts in circles: several like the same item within a few days, and nobody leads."""
    rows = []
    for number in range(N_CIRCLES):
        own = np.flatnonzero(circle == number)
        for item in rng.choice(N_ITEMS, 12, replace=False):
            day = rng.uniform(launch[item], 0)
            likes = own[rng.random(len(own)) < np.clip(6 * chance[own, item] + 0.05, 0, 0.4)]
            rows.append(
                pd.DataFrame({"user": likes, "item": item, "time": day + rng.uniform(0, 4, len(likes))})
            )
    return pd.concat(rows, ignore_index=True)


def _followers(rows, filters, circle, launch, follow: float, rng) -> pd.DataFrame:
    """Others of the circle who take up what a filter likes."""
    liked = pd.concat(rows, ignore_index=True).sort_values("time").drop_duplicates(["user", "item"])
    liked = liked[liked["user"].isin(filters) & (liked["time"] < 0)]
    made = []
    for one in liked.itertuples():
        others = np.flatnonzero((circle == circle[one.user]) & ~np.isin(np.arange(len(circle)), filters))
        come = others[rng.random(len(others)) < follow]
        made.append(
            pd.DataFrame({"user": come, "item": one.item, "time": one.time + rng.uniform(0.2, 10, len(come))})
        )
    return pd.concat(made, ignore_index=True)
