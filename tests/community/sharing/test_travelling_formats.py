"""Which formats travel: shares a view against items of the same topics."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.community.sharing.formats import read_formats
from tests.community.worlds import make_sources


def make_tables(share=(0.05, 0.15), n_users=80, n_items=24, topics=("a", "b"), seed=0, tilt=False):
    """Articles and short videos; ``share`` is how often each is shared when seen."""
    rng = np.random.default_rng(seed)
    number = np.arange(n_items)
    kind = number % 2
    topic = np.array(topics)[(number // 2) % len(topics)]
    content = pd.DataFrame({"item_id": [f"c{k}" for k in number], "topic": topic,
                            "format": np.where(kind == 1, "short_video", "article"),
                            "duration_seconds": np.where(kind == 1, 12.0, np.nan)})  # fmt: skip
    item = rng.integers(0, n_items, n_users * 40)
    user = np.repeat(np.arange(n_users), 40)
    rate = np.array(share)[kind[item]]
    if tilt:  # topic a is shared five times as often, and is mostly short video
        rate = np.where(topic[item] == "a", 0.25, 0.05)
        kept = (kind[item] == (topic[item] == "a")) | (rng.random(len(item)) < 0.2)
        item, user, rate = item[kept], user[kept], rate[kept]
    shared = rng.random(len(item)) < rate
    rows = [("view", item, user), ("share", item[shared], user[shared])]
    events = pd.concat([
        pd.DataFrame({"user_id": [f"u{k}" for k in who], "event": event, "item_id": [f"c{k}" for k in what]})
        for event, what, who in rows
    ], ignore_index=True)  # fmt: skip
    moments = pd.Timestamp("2026-06-01") + pd.to_timedelta(np.arange(len(events)), unit="s")
    return {"events": events.assign(event_time=moments), "content": content}


def read(tables, **more):
    formats, by_topic, missing = read_formats(make_sources(**tables), 50, 0.9, **more)
    return formats.set_index(["by", "value"]), by_topic, missing


def test_what_is_shared_more_in_the_same_topics_travels_more():
    formats, by_topic, missing = read(make_tables())
    row = formats.loc[("format", "short_video")]
    assert row["verdict"] == "travels more" and 1.5 < row["ratio_lo"] < row["ratio_hi"] < 6
    assert formats.loc[("format", "article"), "verdict"] == "travels less"
    assert formats.loc[("length", "up to 15 s"), "shares"] == row["shares"]
    assert len(by_topic) == 4 and missing == ""


def test_a_topic_that_is_shared_makes_no_format_look_good():
    formats, _, _ = read(make_tables(tilt=True))
    row = formats.loc[("format", "short_video")]
    other = formats.loc[("format", "article")]
    assert row["shares"] / row["views"] > 2 * other["shares"] / other["views"]
    assert row["verdict"] == "no difference to be told" and 0.6 < row["against_topic"] < 1.6


def test_nothing_is_found_where_nothing_is():
    verdicts = [read(make_tables(share=(0.1, 0.1), seed=seed))[0]["verdict"] for seed in range(4)]
    sure = sum((each != "no difference to be told").any() for each in verdicts)
    assert sure <= 1


def test_one_person_who_shares_everything_is_one_witness():
    tables = make_tables(share=(0.02, 0.02), n_users=40)
    seen = tables["events"]
    mad = seen[(seen["event"] == "view") & seen["item_id"].str.slice(1).astype(int).mod(2).eq(1)].head(60)
    extra = mad.assign(event="share", user_id="u1", event_time=mad["event_time"] + pd.Timedelta(days=1))
    formats, _, _ = read(tables | {"events": pd.concat([seen, extra], ignore_index=True)})
    row = formats.loc[("format", "short_video")]
    assert row["against_topic"] > 2 and row["verdict"] == "no difference to be told"


def test_sharers_are_people_not_shares():
    tables = make_tables()
    formats, by_topic, _ = read(tables)
    shares = tables["events"].query("event == 'share'").merge(tables["content"], on="item_id")
    assert formats.loc[("format", "article"), "n_sharers"] == (
        shares.loc[shares["format"] == "article", "user_id"].nunique()
    )
    expected = shares.groupby(["topic", "format"])["user_id"].nunique()
    assert by_topic.set_index(["topic", "format"])["n_sharers"].to_dict() == expected.to_dict()


def test_rates_are_drawn_to_that_of_all():
    formats, by_topic, _ = read(make_tables())
    plain = formats["shares"] / formats["views"]
    assert formats["shares_per_view"].between(plain.min(), plain.max()).all()
    assert (formats["lo"] < formats["shares_per_view"]).all() and (
        by_topic["hi"] > by_topic["shares_per_view"]
    ).all()


@pytest.mark.parametrize(
    ("drop", "why"),
    [("content", "no table of content"), ("format", "no format"), ("share", "was shared"), ("view", "as seen"),
     ("events", "no events")],
)  # fmt: skip
def test_what_is_missing_is_said(drop, why):
    tables = make_tables()
    if drop in tables:
        del tables[drop]
    elif drop == "format":
        tables["content"] = tables["content"].drop(columns="format")
    else:
        tables["events"] = tables["events"].query(f"event != '{drop}'")
    tables["users"] = pd.DataFrame({"user_id": ["u1"]})
    formats, by_topic, missing = read(tables)
    assert formats.empty and by_topic.empty and why in missing
