"""Small studies for the tests of the plan."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.personas import Personas
from segtool.sources import Sources

AS_OF = "2026-07-01"


def read(zone="UTC", **tables):
    return Sources.read(tables, as_of=AS_OF, timezone=zone)


def days_ago(days, hour=12):
    """Times before the date of the study, as its users' clocks showed them."""
    return pd.Timestamp(AS_OF) - pd.to_timedelta(days, unit="D") + pd.to_timedelta(hour, unit="h")


def fan_events(n_users=40, n_events=12, seed=0):
    """Events of users u00, u01, ...: the first half like stocks at 9 h, the others jokes at 20 h."""
    generator = np.random.default_rng(seed)
    user = np.repeat(np.arange(n_users), n_events)
    first = user < n_users / 2
    swap = generator.random(len(user)) < 0.2
    return pd.DataFrame(
        {
            "user_id": [f"u{i:02d}" for i in user],
            "event_time": days_ago(generator.integers(1, 28, len(user)), np.where(first, 9, 20)),
            "event": generator.choice(["view", "like", "share"], len(user)),
            "item_id": [f"i{i}" for i in range(len(user))],
            "topic": np.where(first ^ swap, "stocks", "jokes"),
            "channel": np.where(first, "email", "app_push"),
        }
    )


def fan_personas(n_users=40):
    return Personas.from_assignments(
        [f"u{i:02d}" for i in range(n_users)],
        [1 + (i >= n_users / 2) for i in range(n_users)],
        names={1: "traders", 2: "jokers"},
    )


def fan_sends(n_users=40, per_user=60, seed=0, channel=("email", "app_push")):
    """Sends at 9 h and 19 h; mornings are answered by 10 %, evenings by 30 %; push is left by 2 %."""
    generator = np.random.default_rng(seed)
    user = np.repeat(np.arange(n_users), per_user)
    n = len(user)
    hour = generator.choice([9, 19], n)
    sent = days_ago(generator.integers(4, 120, n), hour) + pd.to_timedelta(
        generator.integers(0, 3000, n), unit="s"
    )
    where = generator.choice(list(channel), n)
    answered = generator.random(n) < np.where(hour == 9, 0.1, 0.3)
    left = (generator.random(n) < 0.02) & (where == "app_push")
    later = sent + pd.Timedelta(minutes=5)
    return pd.DataFrame(
        {
            "send_id": [f"s{i}" for i in range(n)],
            "user_id": [f"u{i:02d}" for i in user],
            "sent_at": sent,
            "channel": where,
            "responded_at": pd.Series(later).where(answered),
            "unsubscribed_at": pd.Series(later).where(left),
        }
    )
