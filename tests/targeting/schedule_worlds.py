"""Small worlds for the tests of the schedule, plain and drawn at random."""

from __future__ import annotations

import pandas as pd
from hypothesis import strategies as st

AS_OF = "2026-07-01"
TOPICS = ("books", "tea", "chess")
CHANNELS = (
    "email",
    "app_push",
    "wecom_direct",
    "service_account",
    "sms",
    "subscription_account",
    "in_app",
    "fax",
)


def plain_users(n=4):
    width = len(str(max(n - 1, 0)))
    return pd.DataFrame(
        {
            "user_id": [f"u{i:0{width}d}" for i in range(n)], "persona_id": 1, "persona": "readers",
            "channel": "email", "weekly_cap": 2.0, "daypart": "evening",
        }
    )  # fmt: skip


def plain_topics(users):
    rows = [
        {"user_id": user, "rank": rank, "topic": topic, "estimate": 3.0 - rank / 2, "level": "user"}
        for user in users["user_id"]
        for rank, topic in enumerate(TOPICS, start=1)
    ]
    return pd.DataFrame(rows)


def plain_content(n_items=12):
    return pd.DataFrame(
        {
            "item_id": [f"{topic}-{i}" for topic in TOPICS for i in range(n_items)],
            "topic": [topic for topic in TOPICS for _ in range(n_items)],
            "title": "a title",
            "published_at": pd.Timestamp("2026-05-01", tz="UTC"),
        }
    )


def _table(columns, **strategies):
    row = st.fixed_dictionaries(strategies)
    return lambda most: st.lists(row, max_size=most).map(
        lambda rows: pd.DataFrame(rows, columns=list(columns))
    )


def _not_after(history, users, moment):
    """Move what lies after the study's moment to its day, on each user's own calendar."""
    zones = users.set_index("user_id")["zone"].replace("Nowhere/Else", "UTC")
    today = {user: moment.tz_convert(zone).tz_localize(None).normalize() for user, zone in zones.items()}
    latest = pd.to_datetime(history["user_id"].map(today))
    return pd.to_datetime(history["send_date"]).clip(upper=latest)


@st.composite
def worlds(draw):
    """Draw everything a schedule is made from, odd combinations included."""
    n = draw(st.integers(1, 6))
    ids = [f"u{i}" for i in range(n)]
    user = st.sampled_from(ids)
    zone = st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York", "Pacific/Kiritimati", "Nowhere/Else"])
    users = pd.DataFrame(
        {
            "user_id": ids,
            "persona_id": draw(st.lists(st.sampled_from([1, 2, None]), min_size=n, max_size=n)),
            "persona": "p",
            "channel": draw(
                st.lists(st.sampled_from([*CHANNELS, "wecom_group", ""]), min_size=n, max_size=n)
            ),
            "weekly_cap": draw(
                st.lists(st.sampled_from([0.0, 0.25, 1.0, 1.5, 2.0, 7.0, 14.0, None]), min_size=n, max_size=n)
            ),
            "daypart": draw(st.sampled_from(["morning", "midday", "afternoon", "evening", "night", "any"])),
            "hour": draw(st.lists(st.sampled_from([None, 0, 7, 9, 21, 23]), min_size=n, max_size=n)),
            "zone": draw(st.lists(zone, min_size=n, max_size=n)),
            "ignored_in_a_row": draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)),
            "gap_factor": draw(st.sampled_from([1.0, 2.0, 4.0])),
            "gain": draw(st.sampled_from([0.1, 1.0])),
            "loss": draw(st.sampled_from([0.0, 0.15])),
        }
    )
    topics = draw(_table(("user_id", "topic", "estimate", "level"), user_id=user, topic=st.sampled_from(TOPICS),
                         estimate=st.floats(0.01, 9), level=st.sampled_from(["user", "persona"]))(18))  # fmt: skip
    topics = topics.drop_duplicates(["user_id", "topic"])
    topics["rank"] = topics.groupby("user_id").cumcount() + 1
    day = st.integers(-40, 1).map(lambda d: pd.Timestamp(AS_OF) + pd.Timedelta(days=d))
    items = [f"{topic}-{i}" for topic in TOPICS for i in range(6)]
    past_item = st.sampled_from([*items, ""])
    refused = st.sampled_from([*TOPICS, *CHANNELS, "everywhere", *items[:3]])
    history = draw(_table(("user_id", "send_date", "channel", "item_id", "n"), user_id=user, send_date=day,
                          channel=st.sampled_from([*CHANNELS, "", None]), item_id=past_item,
                          n=st.integers(1, 3))(25))  # fmt: skip
    as_of = draw(st.sampled_from([AS_OF, "2026-07-01 15:30"]))
    study_zone = draw(st.sampled_from(["UTC", "America/New_York"]))
    history["send_date"] = _not_after(history, users, pd.Timestamp(as_of, tz=study_zone))
    probes = draw(_table(("user_id", "topic", "state"), user_id=user, topic=st.sampled_from(TOPICS),
                         state=st.sampled_from(["due", "due", "sent"]))(4))  # fmt: skip
    blocks = draw(_table(("user_id", "kind", "what", "days_ago"), user_id=user,
                         kind=st.sampled_from(["topic", "channel", "user", "item"]),
                         what=refused, days_ago=st.floats(0, 5))(4))  # fmt: skip
    if draw(st.booleans()) and len(blocks):
        left = st.sampled_from([None, 0.3, 2.0, 20.0])
        blocks["days_left"] = pd.Series(
            draw(st.lists(left, min_size=len(blocks), max_size=len(blocks))), dtype=float
        )
    acted = draw(_table(("user_id", "item_id"), user_id=user, item_id=st.sampled_from(items))(10))
    published = draw(st.lists(st.integers(-60, 40), min_size=18, max_size=18))
    content = pd.DataFrame(
        {"item_id": items, "topic": [i.split("-")[0] for i in items], "title": "t",
         "published_at": pd.Timestamp(AS_OF, tz="UTC") + pd.to_timedelta([24 * d + 7 for d in published], unit="h")}
    )  # fmt: skip
    settings = {
        "weekly_cap_all": draw(st.sampled_from([None, 1.0, 2.5, 5.0])),
        "weekly_caps": draw(
            st.sampled_from([{}, {"email": 0.5}, {"app_push": 6.0, "fax": 1.0}, {"sms": None}])
        ),
        "quiet_from_hour": draw(st.sampled_from([22, 0, 9])),
        "quiet_to_hour": draw(st.sampled_from([8, 0, 20])),
        "repeat_days": draw(st.sampled_from([0, 10, 30])),
        "stop_after": draw(st.sampled_from([8, 4, None])),
    }
    explore = pd.DataFrame({"persona_id": [1, 1, 1], "topic": TOPICS, "probability": [0.2, 0.3, 0.5]})
    return {
        "users": users, "topics": topics, "history": history, "blocks": blocks, "acted": acted, "settings": settings,
        "content": draw(st.sampled_from([content, None])),
        "holdout": pd.Series(draw(st.lists(st.booleans(), min_size=n, max_size=n)), index=ids),
        "explore": draw(st.sampled_from([explore, None])), "weeks": draw(st.integers(1, 6)),
        "budget": draw(st.sampled_from([None, 0, 3, 20])), "as_of": as_of,
        "probes": probes.drop_duplicates(["user_id", "topic"]), "zone": study_zone,
        "random_state": draw(st.integers(0, 99)),
    }  # fmt: skip
