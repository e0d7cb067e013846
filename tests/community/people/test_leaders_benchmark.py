"""The ranking by influence holds in a small planted world, and its benchmark says what it misses."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks import leaders


def test_influence_ranks_a_small_world_better_than_volume(monkeypatch):
    monkeypatch.setattr(leaders, "FATES", ("thriving", "chat_room"))
    monkeypatch.setattr(leaders, "EACH", 1)
    mean = pd.DataFrame(leaders.rank_world(41)).groupby("score")["rho"].mean()
    assert mean[leaders.OURS] >= 0.7 and mean.drop(leaders.OURS).max() < mean[leaders.OURS]


def test_the_leaders_of_the_sample_are_found_and_no_announcer():
    found = pd.DataFrame(leaders.read_sample()).set_index("fate")
    assert found["named"].sum() == found["right"].sum()
    assert found.at["loudspeaker", "named"] == 0
    assert found.drop("loudspeaker")["right"].sum() == found.drop("loudspeaker")["planted"].sum()


@pytest.mark.parametrize("rho", [0.8, 0.6])
def test_a_missed_number_is_said(rho):
    mean = pd.Series({leaders.OURS: rho, "messages": 0.1})
    found = pd.DataFrame(
        {
            "world": ["sample", "1"],
            "fate": "thriving",
            "planted": 2,
            "named": 2,
            "right": 2,
            "top": 2,
            "top_messages": 1,
        }
    )
    filters = pd.DataFrame(
        {"follow": [0.0, 0.1], "judged": 100, "planted": [0, 9], "named": [0, 5], "right": [0, 5]}
    )
    nobody = pd.DataFrame({"groups": [9], "judged": 100, "named": 2, "groups_named": 1, "holds_half": 0})
    targets = dict(leaders.check_targets(mean, mean, found, filters, nobody))
    missed = [promise for promise, is_met in targets.items() if not is_met]
    assert bool(missed) is (rho < 0.7)


def test_where_nobody_leads_hardly_anybody_is_named():
    found = leaders.name_nobody(940)
    assert found["judged"] > 100 and found["named"] <= leaders.MOST_NULL * found["judged"]
