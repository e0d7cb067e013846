"""Small logs of users and items for the tests of the ranking."""

from __future__ import annotations

import numpy as np
import pandas as pd

AS_OF = "2026-07-01"


def taste_events(n_users=160, n_items=40, n_events=14, seed=0, days=100):
    """Users u000, u001, ...: the first half takes up items of topic a, the others of b, three times in four."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(n_users):
        own = np.arange(n_items) % 2 == (user >= n_users / 2)
        chance = np.where(own, 3.0, 1.0) / (np.arange(n_items) + 5)
        items = rng.choice(n_items, n_events, replace=False, p=chance / chance.sum())
        rows.append(pd.DataFrame({"user": user, "item": items, "days": rng.uniform(0.1, days, n_events)}))
    log = pd.concat(rows, ignore_index=True)
    return pd.DataFrame(
        {
            "user_id": log["user"].map("u{:03d}".format),
            "event_time": pd.Timestamp(AS_OF) - pd.to_timedelta(log["days"].round(3), unit="D"),
            "event": "like",
            "item_id": log["item"].map("i{:02d}".format),
            "topic": np.where(log["item"] % 2 == 0, "a", "b"),
        }
    )


def taste_content(n_items=40, **more):
    item = np.arange(n_items)
    return pd.DataFrame(
        {
            "item_id": [f"i{i:02d}" for i in item],
            "topic": np.where(item % 2 == 0, "a", "b"),
            "title": [f"item {i}" for i in item],
            "format": np.where(item % 4 < 2, "video", "post"),
            **more,
        }
    )


def taste_personas(n_users=160):
    names = [f"u{i:03d}" for i in range(n_users)]
    return pd.Series(["fans of a" if i < n_users / 2 else "fans of b" for i in range(n_users)], index=names)


def shop_events(n_users=60, seed=0):
    """Households that buy the same five things over and over, with a few others in between."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(n_users):
        usual = rng.choice(30, 5, replace=False)
        items = np.where(rng.random(40) < 0.8, rng.choice(usual, 40), rng.integers(0, 30, 40))
        rows.append(pd.DataFrame({"user": user, "item": items, "days": rng.uniform(0.1, 100, 40)}))
    log = pd.concat(rows, ignore_index=True)
    return pd.DataFrame(
        {
            "user_id": log["user"].map("h{:02d}".format),
            "event_time": pd.Timestamp(AS_OF) - pd.to_timedelta(log["days"], unit="D"),
            "event": "purchase",
            "item_id": log["item"].map("p{:02d}".format),
        }
    )
