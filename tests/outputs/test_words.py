"""Sentences as they leave: none counts few people."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from segtool.outputs.words import mask_words, say_retention


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("900 sends to 298 users in 4 weeks from 2026-07-01; 2 users left out, each with the reason",
         "900 sends to all but fewer than 5 users in 4 weeks from 2026-07-01; fewer than 5 users left out,"
         " each with the reason"),
        ("buys: the outcome of 3 users is not known (control 1, plan 2); they are left out",
         "buys: the outcome of fewer than 5 users is not known; they are left out"),
        ("the outcome of 60 users is not known (control 20, plan 40)",
         "the outcome of 60 users is not known (control 20, plan 40)"),
        ("61 users are not known (control 2, plan 59)", "61 users are not known"),
        ("Calendar: 296 of 300 users are sent to", "Calendar: all but fewer than 5 of 300 users are sent to"),
        ("asked for 3.0\u00d7 as often (2.9 to 3.1, 496 users)", "asked for 3.0\u00d7 as often (2.9 to 3.1, 496 users)"),
    ],
)  # fmt: skip
def test_a_sentence_counts_nobody(said, shown):
    assert mask_words(said, 5) == shown


def retention(new: int, returned: int, lost: int, at_risk: int) -> SimpleNamespace:
    row = {"level": "all", "period": 1, "persona_id": 0, "channel": "all", "opening": 100, "new": new,
           "returned": returned, "moved_in": 0, "lost": lost, "moved_out": 0}  # fmt: skip
    flow = pd.DataFrame([row]).eval("closing = opening + new + returned - lost")
    states = pd.DataFrame({"persona_id": [0], "state": ["at risk"], "n_users": [at_risk]})
    return SimpleNamespace(flow=flow, lifecycle=states, churn_days=14)


def test_what_became_of_users_is_said_from_masked_numbers():
    assert say_retention(retention(20, 30, 10, 12), 5) == (
        "100 users at the start + 20 new + 30 came back - 10 lost = 140 now"
        " (lost: silent for more than 14 days); 12 of them are at risk"
    )
    assert "+ 32 came (new or back) - 10 lost = 122 now" in say_retention(retention(2, 30, 10, 12), 5)
    few = say_retention(retention(0, 2, 2, 3), 5)
    assert few == "100 users at the start, 100 now (lost: silent for more than 14 days)"
