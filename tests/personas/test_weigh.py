import numpy as np
import pandas as pd
import pytest

from benchmarks.scenarios import plant_scenario
from segtool.personas.weigh import (
    associate_columns,
    correlate,
    find_near_copies,
    list_indicators,
    same_family,
    weigh_columns,
)

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


def associate_two(r, spread, one, other):
    """What the matrix of associations is defined by, for one pair of blocks."""
    if spread[one].sum() == 0 or spread[other].sum() == 0:
        return 0.0
    between = r[np.ix_(one, other)]
    there = np.average(between.max(axis=1), weights=spread[one])
    return max(there, np.average(between.max(axis=0), weights=spread[other]))


@pytest.mark.parametrize("seed", range(4))
def test_associations_are_those_of_each_pair_of_columns(seed):
    rng = np.random.default_rng(seed)
    trait = rng.random((120, 2))
    columns = {"nobody": pd.Categorical([None] * 120, []), "same": np.ones(120)}
    for number in range(12):
        cells = trait[:, number % 2] + rng.normal(0, rng.choice([0.1, 0.5]), 120)
        levels = pd.Categorical(np.digitize(cells, [0.2, 0.5, 0.8]).astype(str), list("01239"))
        column = pd.Series([cells, levels, pd.array(cells > 0.5, "boolean")][number % 3])
        columns[f"c{number}"] = column.where(rng.random(120) > rng.choice([0, 0.3, 0.9]))
    frame = pd.DataFrame(columns)
    found = associate_columns(frame)
    blocks, owner = list_indicators(frame)
    r, spread = correlate(blocks)
    for i in range(frame.shape[1]):
        for j in range(frame.shape[1]):
            assert found[i, j] == pytest.approx(associate_two(r, spread, owner == i, owner == j), abs=1e-12)
    assert (found[2:] > 0.6).any() and (found[:2] == 0).all()


def test_families_are_compared_as_sets():
    rng = np.random.default_rng(1)
    families = [frozenset(rng.choice(list("abcd"), rng.integers(0, 4), replace=False)) for _ in range(30)]
    expected = [[bool(a and b) and 2 * len(a & b) >= len(a | b) for b in families] for a in families]
    assert same_family(families).tolist() == expected


def test_many_columns_are_weighed_without_a_loop_over_their_pairs(monkeypatch):
    """240 columns have 28,680 pairs: a call for each took most of a second."""
    calls = []
    monkeypatch.setattr(np, "average", lambda *args, **kwargs: calls.append(1) or 0.0)
    frame = pd.DataFrame(np.random.default_rng(2).random((60, 240))).add_prefix("c")
    assert set(weigh(frame, dict.fromkeys(frame, ORDERS)).values()) == {1.0} and not calls
