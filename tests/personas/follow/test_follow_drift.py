"""Label by label within a persona: the same values on both sides, intervals, and how many are believed."""

import numpy as np
import pandas as pd
import pytest

from segtool.personas import LabelTable
from segtool.personas.follow.drift import label_drift


def table(**columns):
    n = len(next(iter(columns.values())))
    return LabelTable.read(pd.DataFrame(columns, index=[f"u{number:04}" for number in range(n)]))


def test_shares_are_among_those_known_and_unknown_is_not_no():
    then = table(tea=["yes"] * 30 + ["no"] * 10 + [None] * 60)
    now = table(tea=["yes"] * 10 + ["no"] * 30 + [None] * 10)
    found = label_drift(then, np.zeros(100, int), now, np.zeros(50, int), [(0, 0)], (1, 1))
    row = found[found["value"] == "yes"].iloc[0]
    assert (row["n_known_before"], row["n_known_after"]) == (40, 40)
    assert (row["share_before"], row["share_after"], row["difference"]) == (0.75, 0.25, -0.5)
    assert row["low"] < -0.5 < row["high"] < 0 and row["changed"]
    assert row["index_before"] == row["index_after"] == 100 and row["difference_base"] == -0.5


def test_what_everybody_did_is_no_change_of_its_own():
    """All take to tea, the second persona more than the others."""
    codes = np.repeat([0, 1, 2], [300, 40, 300])
    then = table(tea=["yes", "no", "no", "no"] * 160)
    now = table(tea=["yes", "no"] * 150 + ["yes"] * 38 + ["no"] * 2 + ["yes", "no"] * 150)
    found = label_drift(then, codes, now, codes, [(0, 0), (1, 1), (2, 2)], (3, 3))
    assert found["changed"].all()
    assert found.loc[found["own"], "before_id"].tolist() == [2, 2] and found["own"].head(2).all()


def test_numbers_are_cut_at_the_same_places_at_both_times():
    rng = np.random.default_rng(0)
    then, now = table(age=rng.normal(30, 5, 300)), table(age=rng.normal(36, 5, 300))
    found = label_drift(then, np.zeros(300, int), now, np.zeros(300, int), [(0, 0)], (1, 1))
    assert len(found) == 3 and found["changed"].any()
    oldest = found[found["value"].str.startswith("over")].iloc[0]
    assert oldest["difference"] > 0.3


def test_a_value_of_a_many_valued_label_that_is_new_was_no_before():
    flags = pd.array([True, False] * 20, "boolean")
    then = table(**{"likes: tea": flags})
    now = table(**{"likes: tea": flags, "likes: anime": flags})
    found = label_drift(then, np.zeros(40, int), now, np.zeros(40, int), [(0, 0)], (1, 1))
    found = found.set_index(["label", "value"])
    assert found.loc[("likes", "anime"), "share_before"] == 0
    assert found.loc[("likes", "anime"), "difference"] == 0.5
    assert found.loc[("likes", "tea"), "difference"] == 0


def test_a_value_that_is_new_is_unknown_of_whom_not_all_others_are_known():
    """Half were never asked about wine, so they said nothing of tea either."""
    wine = pd.array([False] * 20 + [None] * 20, "boolean")
    then = table(**{"likes: sweets": pd.array([True] * 40, "boolean"), "likes: wine": wine})
    tea = pd.array([True, False] * 20, "boolean")
    now = table(**{"likes: sweets": tea, "likes: wine": tea, "likes: tea": tea})
    found = label_drift(then, np.zeros(40, int), now, np.zeros(40, int), [(0, 0)], (1, 1))
    row = found.set_index("value").loc["tea"]
    assert (row["n_known_before"], row["share_before"], row["n_known_after"]) == (20, 0, 40)


def test_a_persona_nobody_was_in_is_not_read_from_todays_users():
    """The last persona of the model has nobody among the earlier labels."""
    frame, codes = table(tea=["yes", "no"] * 20), np.arange(40) % 2
    found = label_drift(frame, codes, frame, np.arange(40) % 3, [(2, 2)], (3, 3))
    assert (found["n_known_before"] == 0).all() and (found["n_known_after"] == 13).all()
    assert found["share_before"].isna().all() and not found["changed"].any()


def test_chance_alone_is_not_believed():
    rng = np.random.default_rng(1)
    sides = [
        table(**{f"l{place}": rng.choice(["a", "b", "c"], 400) for place in range(30)}) for _ in range(2)
    ]
    codes = rng.integers(0, 3, 400)
    found = label_drift(sides[0], codes, sides[1], codes, [(0, 0), (1, 1), (2, 2)], (3, 3))
    assert len(found) == 30 * 3 * 3 and found["changed"].sum() == 0


def test_only_the_pairs_asked_for_are_compared():
    frame = table(tea=["yes", "no"] * 20)
    codes = np.arange(40) % 3
    found = label_drift(frame, codes, frame, codes, [(2, 1)], (3, 3))
    assert set(zip(found["before_id"], found["after_id"], strict=True)) == {(3, 2)}
    assert label_drift(frame, codes, frame, codes, [], (3, 3)).empty


@pytest.mark.parametrize("now", [{"coffee": ["yes", "no"]}, {"tea": [1.5, 2.5]}])
def test_labels_that_cannot_be_compared_are_left_out(now):
    codes = np.zeros(2, int)
    found = label_drift(table(tea=["yes", "no"]), codes, table(**now), codes, [(0, 0)], (1, 1))
    assert found.empty and "difference" in found
