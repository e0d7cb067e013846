import numpy as np
import pandas as pd
import pytest

from segtool.personas.weigh import weigh_columns

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
