"""The touch beside a persona's channel."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd

from segtool.targeting.rows import _sure_touch

ADVICE = pd.DataFrame(
    {
        "persona_id": [1, 1, 2, 2, 3],
        "rank": [2, 1, 1, 2, 1],
        "advice": ["mail: shoes", "push: shoes", "push: shoes", "mail: bags", "mail: bags"],
        "reason": ["a", "b", "c", "d", "e"],
    }
)
STAGES = pd.Series({1: "desire", 2: "desire", 3: "action"})
CHANNELS = pd.Series({1: "mail", 2: "push", 3: "mail"})


def test_a_row_has_a_touch_only_where_it_surely_beats_others_and_is_on_its_channel():
    sure = ("desire: mail: shoes", "desire: push: shoes", "desire: mail: bags")
    touch = _sure_touch(SimpleNamespace(advice=ADVICE, sure=sure), STAGES, CHANNELS)
    assert touch["advice"].to_dict() == {1: "mail: shoes", 2: "push: shoes"}


def test_a_touch_that_beats_no_other_is_left_out():
    assert _sure_touch(SimpleNamespace(advice=ADVICE, sure=()), STAGES, CHANNELS).empty
