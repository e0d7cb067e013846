"""Whom a channel reaches."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.sources import Sources
from segtool.targeting.channels.reach import keep_reachable

CHANNELS = pd.DataFrame({"persona_id": 1, "channel": ["chat", "email", "sms"], "rank": [1, 2, 3]})
NO_BLOCKS = pd.DataFrame({"user_id": [], "kind": [], "what": []}, dtype=object)


def reach(users, blocks=NO_BLOCKS):
    sends = pd.DataFrame(
        {
            "send_id": ["1", "2", "3"], "user_id": ["a", "b", "b"], "sent_at": "2026-06-01",
            "topic": "tea", "channel": ["chat", "sms", "email"],
        }
    )  # fmt: skip
    events = pd.DataFrame({"user_id": ["a", "b", "c"], "event_time": "2026-06-01", "event": "view"})
    sources = Sources.read({"sends": sends, "events": events}, as_of="2026-07-01")
    table = pd.DataFrame({"user_id": users, "channel": "chat", "flag": ""}).astype(object)
    moved, notes = keep_reachable(sources, table, CHANNELS, blocks, np.ones(len(users)))
    return moved["channel"].tolist(), notes


def test_users_get_the_best_channel_they_are_known_on():
    channels, notes = reach(["a", "b"])
    assert channels == ["chat", "email"]
    assert notes == ["Known - Where: 1 users are not known on the best channel; they get the best they are on."]


def test_whoever_is_known_nowhere_keeps_the_channel_and_is_counted():
    channels, notes = reach(["c"])
    assert channels == ["chat"] and "1 users" in notes[0] and notes[0].startswith("Not known")


def test_a_closed_channel_is_not_gone_back_to():
    closed = pd.DataFrame({"user_id": ["b"], "kind": "channel", "what": "email"}, dtype=object)
    assert reach(["b"], closed)[0] == ["sms"]
    everywhere = closed.assign(what="everywhere")
    assert reach(["b"], everywhere)[0] == ["chat"]  # nothing is opened; the blocks keep them from being sent to
