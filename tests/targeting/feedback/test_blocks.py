"""What closes a topic, an item, a channel, or everything, and what opens it again."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.targeting.feedback.blocks import blocked_topics, human_queue, read_blocks
from segtool.targeting.feedback.probes import read_probes
from segtool.targeting.feedback.refusals import settle_blocks
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings
from tests.targeting.fan_studies import days_ago, fan_events, read

SETTINGS = TargetingSettings()


def blocks_of(*rows, sends=None):
    """Blocks of u00 after some events given as (event, days ago, what they name)."""
    said = pd.DataFrame(
        [
            {"user_id": "u00", "event": word, "event_time": days_ago(days), **about}
            for word, days, about in rows
        ]
    )
    tables = {"events": pd.concat([fan_events(), said])}
    if sends is not None:
        tables["sends"] = sends
    sources = read(**tables)
    return sources, SendLog.look(sources)


def closed(*rows, sends=None):
    sources, log = blocks_of(*rows, sends=sends)
    table = read_blocks(sources, log, SETTINGS)
    return {(row.kind, row.what): row.days_left for row in table.itertuples()}


def test_a_hidden_item_closes_the_item_and_not_its_topic():
    found = closed(("hide", 10, {"item_id": "i1", "topic": "stocks"}))
    assert list(found) == [("item", "i1")] and np.isnan(found["item", "i1"])


def test_a_topic_hidden_or_muted_by_name_rests_for_its_days():
    found = closed(
        ("mute", 10, {"topic": "stocks"}), ("hide", 40, {"topic": "jokes"}), ("mute", 95, {"topic": "old"})
    )
    assert {what: round(left) for (_, what), left in found.items()} == {"stocks": 80, "jokes": 50}


def test_an_unsubscribe_holds_until_a_later_opt_in_on_that_channel():
    left = ("unsubscribe", 50, {"channel": "email"})
    assert ("channel", "email") in closed(left)
    assert ("channel", "email") in closed(left, ("opt_in", 60, {"channel": "email"}))
    assert ("channel", "email") in closed(left, ("opt_in", 10, {"channel": "sms"}))
    assert closed(left, ("opt_in", 10, {"channel": "email"})) == {}
    assert closed(left, ("subscribe", 10, {})) == {}


def test_a_complaint_closes_everything_until_a_person_released_it():
    sources, log = blocks_of(("complain", 100, {"topic": "stocks"}))
    table = read_blocks(sources, log, SETTINGS)
    assert set(table["kind"]) == {"user", "topic"} and table["days_left"].isna().all()
    assert human_queue(table)[["user_id", "what"]].to_numpy().tolist() == [["u00", "stocks"]]
    released = closed(("complain", 100, {"topic": "stocks"}), ("resolve", 20, {}))
    assert list(released) == [("topic", "stocks")]


def test_blocks_become_matrices_in_the_order_of_the_users():
    sources, log = blocks_of(("hide", 1, {"item_id": "i1"}), ("mute", 1, {"topic": "stocks"}))
    table = read_blocks(sources, log, SETTINGS)
    users = np.array(["u00", "u01"], dtype=object)
    assert table.loc[table["kind"] == "item", ["user_id", "what"]].to_numpy().tolist() == [["u00", "i1"]]
    assert blocked_topics(table, users, ("stocks",)).toarray().tolist() == [[1], [0]]
    assert blocked_topics(table, users, ("unheard",)) is None


@pytest.mark.parametrize(
    ("sent", "answered", "state"),
    [(None, False, "due"), (1, False, "sent"), (20, False, "resting"), (20, True, None), (120, True, "due")],
)
def test_a_rested_topic_gets_one_probe(sent, answered, state):
    times = [days_ago(5)] if sent is None else [days_ago(5), days_ago(sent)]
    sends = pd.DataFrame(
        {
            "send_id": [f"s{i}" for i in range(len(times))],
            "user_id": ["u05", "u00"][: len(times)],
            "sent_at": times,
            "topic": "stocks",
            "responded_at": [days_ago(4), days_ago(sent, 13) if answered else pd.NaT][: len(times)],
        }
    )
    sources, log = blocks_of(("mute", 130, {"topic": "stocks"}), sends=sends)
    muted = sources.engine.query("SELECT count(*) AS n FROM events WHERE event = 'like' AND user_id = 'u00'")
    assert muted["n"].item() > 0  # they like stocks on, which would free the topic: so another topic
    found = read_probes(sources, log, SETTINGS)
    assert found.empty
    sends["topic"] = "bonds"
    sources, log = blocks_of(("mute", 130, {"topic": "bonds"}), sends=sends)
    states = read_probes(sources, log, SETTINGS)["state"].tolist()
    assert states == ([state] if state else [])
    rests = ("topic", "bonds") in {(b.kind, b.what) for b in read_blocks(sources, log, SETTINGS).itertuples()}
    assert rests == (state in ("resting", "sent"))


def test_no_refusal_is_an_empty_table():
    sources = read(events=fan_events())
    assert read_blocks(sources, SendLog.look(sources), SETTINGS).empty
    survey = read(survey=pd.DataFrame({"user_id": ["u1"], "q1": ["yes"]}))
    assert read_blocks(survey, SendLog.look(survey), SETTINGS).empty


def test_a_mute_that_names_nothing_closes_all_and_one_of_an_item_the_item():
    assert list(closed(("mute", 10, {"item_id": None}))) == [("channel", "everywhere")]
    assert closed(("mute", 10, {"item_id": None}), ("opt_in", 5, {})) == {}
    bare = pd.DataFrame(
        {"user_id": ["u1"], "age_days": [1.0], "kind": ["mute"], "topic": [None], "item_id": ["i1"]}
    ).assign(channel=None, via="events")
    assert settle_blocks(bare, SETTINGS)[["kind", "what"]].to_numpy().tolist() == [["item", "i1"]]


@pytest.mark.parametrize(
    ("timed", "opted_in", "shut"),
    [(False, 15, True), (False, 5, False), (True, 30, True), (True, 15, False)],
)
def test_an_opt_in_does_not_undo_an_unsubscribe_that_may_be_younger(timed, opted_in, shut):
    sends = pd.DataFrame({"send_id": ["s1"], "user_id": "u00", "sent_at": [days_ago(40)], "channel": "email"})
    left = {"unsubscribed_at": [days_ago(20)]} if timed else {"unsubscribed": [True]}
    found = closed(("opt_in", opted_in, {}), sends=sends.assign(**left))
    assert (("channel", "email") in found) == shut
