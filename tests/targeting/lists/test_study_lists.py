"""Variety by a study's settings, and what it costs its users."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.targeting.lists.study_lists import measure_study_tradeoff, vary_items
from segtool.targeting.settings import TargetingSettings
from tests.targeting.fan_studies import days_ago, fan_events, read

CONTENT = pd.DataFrame({"item_id": list("abcdef"), "topic": ["tea"] * 3 + ["milk"] * 2 + ["rice"]})
RANKED = pd.DataFrame(
    {"user_id": "u", "item_id": list("abcdef"), "score": [9, 8.9, 8.8, 8.7, 1, 0], "because": list("ABCDEF")}
)


def chosen(content=CONTENT, profile=None, **settings):
    return vary_items(RANKED, content, TargetingSettings(**settings), top_k=3, profile=profile)


def test_the_settings_say_how_lists_are_varied():
    assert chosen()["item_id"].tolist() == ["a", "d", "f"]  # 40 % of three is one per topic
    assert chosen(max_topic_share=1)["item_id"].tolist() == ["a", "d", "b"]
    assert chosen(diversify="none")["item_id"].tolist() == ["a", "b", "c"]
    milk = pd.DataFrame({"user_id": "u", "topic": ["milk", "tea", "rice"], "share": [0.98, 0.01, 0.01]})
    calm = chosen(diversify="calibrate", calibration_weight=0.9, max_topic_share=1, profile=milk)
    assert calm["item_id"].tolist()[:2] == ["d", "e"]


def test_what_was_said_of_an_item_stays_with_it():
    assert chosen()["because"].tolist() == ["A", "D", "F"] and chosen()["rank"].tolist() == [1, 2, 3]


def test_without_content_the_best_are_taken_and_without_a_profile_mmr_stands_in():
    assert chosen(content=None)["item_id"].tolist() == ["a", "b", "c"]
    pd.testing.assert_frame_equal(chosen(diversify="calibrate"), chosen())


def study_events(n_users=60):
    """Users who like one topic each and take up its items over two months."""
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(n_users), 20)
    topic = np.where(rng.random(len(user)) < 0.8, user % 3, rng.integers(0, 3, len(user)))
    item = topic * 15 + rng.integers(0, 15, len(user))
    return pd.DataFrame(
        {
            "user_id": [f"u{i:02d}" for i in user], "event_time": days_ago(rng.integers(1, 60, len(user))),
            "event": "like", "item_id": [f"i{i:02d}" for i in item], "topic": [f"t{t}" for t in topic],
        }
    )  # fmt: skip


def test_what_variety_costs_is_measured_on_the_weeks_before_the_date():
    found = measure_study_tradeoff(read(events=study_events()), weights=(0.2, 0.9))
    assert found.table["weight"].tolist() == [0, 0.2, 0.9]
    assert 40 <= found.table["n_users"].iloc[0] <= 60
    assert found.table["intra_list_diversity"].is_monotonic_increasing
    again = measure_study_tradeoff(
        read(events=study_events().sample(frac=1, random_state=1)), weights=(0.2, 0.9)
    )
    pd.testing.assert_frame_equal(found.table, again.table)


def test_what_happened_in_the_window_changes_no_ranking():
    events = study_events()
    late = events["event_time"] > days_ago(28)
    swapped = events.assign(item_id=events["item_id"].where(~late, events["item_id"].iloc[::-1].to_numpy()))
    plain, other = (measure_study_tradeoff(read(events=each), weights=()) for each in (events, swapped))
    assert plain.table["coverage"].notna().all()
    assert plain.table["kl_profile"].tolist() == pytest.approx(other.table["kl_profile"].tolist())


def test_a_study_without_items_or_without_a_before_is_told_so():
    with pytest.raises(InputError, match="item"):
        measure_study_tradeoff(read(events=fan_events().drop(columns="item_id")))
    with pytest.raises(InputError, match="both before and in"):
        measure_study_tradeoff(read(events=study_events().assign(event_time=days_ago(5))))
