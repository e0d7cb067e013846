import numpy as np
import pandas as pd
import pytest

from benchmarks.scenarios import plant_scenario
from segtool.personas.weigh import find_near_copies, weigh_columns

ORDERS, SURVEY = frozenset({"orders"}), frozenset({"survey"})


def weigh(frame, families):
    return weigh_columns(frame, {name: name for name in frame}, families)


def test_copies_share_a_voice_only_inside_a_declared_family():
    rng = np.random.default_rng(0)
    trait = rng.random(400) < 0.5
    frame = pd.DataFrame({name: pd.Categorical(np.where(trait, "x", "y")) for name in "abc"})
    inside = weigh(frame, dict.fromkeys("abc", ORDERS))
    assert list(inside.values()) == pytest.approx([1 / 3] * 3)
    apart = weigh(frame, {"a": ORDERS, "b": SURVEY, "c": frozenset({"profile"})})
    assert list(apart.values()) == [1.0, 1.0, 1.0]


def test_values_of_a_many_valued_label_keep_their_voices_unless_they_are_copies():
    rng = np.random.default_rng(0)
    tea, milk = rng.random((2, 400)) < 0.4
    frame = pd.DataFrame({"likes: tea": tea, "likes: milk": milk, "likes: milk tea": tea}).astype("boolean")
    weights = weigh_columns(frame, dict.fromkeys(frame, "likes"), {"likes": ORDERS})
    assert weights["likes: milk"] == 1.0
    assert weights["likes: tea"] == pytest.approx(0.5)


def test_labels_are_not_compared_where_they_are_not_known_together():
    half = np.arange(100) < 50
    one = pd.Series(np.tile([0.0, 1.0], 50)).where(half)
    other = pd.Series(np.tile([0.0, 1.0], 50)).where(~half)
    assert weigh(pd.DataFrame({"a": one, "b": other}), dict.fromkeys("ab", ORDERS)) == {"a": 1.0, "b": 1.0}


@pytest.mark.parametrize("name", ["clean", "activity", "weak"])
def test_labels_that_personas_share_are_not_called_copies(name):
    users = plant_scenario(name, 950).users
    assert find_near_copies(users, {column: column for column in users}, dict.fromkeys(users, 1.0)) == []


def test_near_copies_nobody_declared_are_named_and_declared_ones_are_not():
    scenario = plant_scenario("copies", 950)
    columns = {column: column for column in scenario.users}
    copies = [f"copy_{i}" for i in range(8)]
    nobody = weigh_columns(scenario.users, columns, dict.fromkeys(columns, frozenset()))
    assert find_near_copies(scenario.users, columns, nobody) == [copies]
    lineage = weigh_columns(scenario.users, columns, scenario.families)
    assert find_near_copies(scenario.users, columns, lineage) == []


def test_columns_left_out_have_no_voice_and_no_copies():
    trait = pd.Series([0.0, 1.0] * 50)
    frame = pd.DataFrame(dict.fromkeys("abcd", trait))
    assert find_near_copies(frame, dict(zip("abcd", "abcd", strict=True)), dict.fromkeys("abcd", 0.0)) == []
