"""Small logs of sends for the tests of touches."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.targeting import TargetingSettings
from segtool.targeting.counts import sql_users
from segtool.targeting.members import align_table
from segtool.targeting.stages.stages import plan_stages
from segtool.targeting.touches.touches import plan_touches
from tests.targeting.fan_studies import days_ago, read


def touch_log(n_users=400, weeks=16, seed=0, effect=0.0, arms=True, bold=0.0):
    """Users look every week and buy now and then; sends in some weeks, to half of them by e-mail.

    A send by e-mail makes a purchase the day after likelier by ``effect``, one of the arm "bold" by ``bold``.
    """
    generator = np.random.default_rng(seed)
    rows = []
    for user in range(n_users):
        for week in range(weeks):
            rows.append((user, 7 * week + 6.5, "view"))
            if generator.random() < 0.05:
                rows.append((user, 7 * week + 7 * generator.random(), "purchase"))
    sends = []
    for user in range(n_users):
        for week in range(1, weeks - 4):
            if generator.random() < 0.5:
                email = generator.random() < 0.5
                sends.append((user, 7.0 * week + 3, "email" if email else "sms"))
                if email and generator.random() < effect:
                    rows.append((user, 7.0 * week + 2, "purchase"))
    events = pd.DataFrame(rows, columns=["user", "days", "event"])
    events = events.assign(user_id=_name(events["user"]), event_time=days_ago(events["days"], 0))
    table = pd.DataFrame(sends, columns=["user", "days", "channel"])
    table = table.assign(
        send_id=[f"s{i}" for i in range(len(table))],
        user_id=_name(table["user"]),
        sent_at=days_ago(table["days"], 0),
        topic=generator.choice(["shoes", "bags"], len(table)),
        responded_at=pd.Series(days_ago(table["days"], 1)).where(generator.random(len(table)) < 0.2),
        unsubscribed_at=pd.Series(pd.NaT, table.index).astype("datetime64[us]"),
    )
    if arms:
        table["arm"] = np.where(generator.random(len(table)) < 0.25, "bold", "plain")
        table["propensity"] = np.where(table["arm"] == "bold", 0.25, 0.75)
        moved = table[(table["arm"] == "bold") & (generator.random(len(table)) < bold)]
        more = {"user_id": moved["user_id"], "event_time": moved["sent_at"] + pd.Timedelta(days=1)}
        events = pd.concat([events, pd.DataFrame({**more, "event": "purchase"})], ignore_index=True)
    return events[["user_id", "event_time", "event"]], table.drop(columns=["user", "days"])


def _name(user):
    return [f"u{i:04d}" for i in user]


def plan_of(events=None, sends=None, personas=None, **settings):
    tables = {"events": events, "sends": sends}
    sources = read(**{name: table for name, table in tables.items() if table is not None})
    ids, settings = sql_users(sources.engine), TargetingSettings(stage_method="rule", **settings)
    members = align_table(pd.Series("all", index=ids) if personas is None else personas(ids), ids)
    return plan_touches(sources, members, plan_stages(sources, members, ids, settings), settings)
