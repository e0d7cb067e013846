import numpy as np
import pandas as pd
import pytest

from benchmarks.persona_membership import assign_held_out, calibration_error, keep_cells, pool
from benchmarks.scenarios import plant_scenario
from segtool.errors import ParameterError
from segtool.personas import find_personas
from segtool.personas.membership import UnsureRule, find_informative, list_assigned
from tests.personas.planted_frame import make_planted

THREE = ("a", "b", "c")


def is_unsure(rule, *memberships, known=9):
    return rule.is_unsure(np.array(memberships), np.full(len(memberships), known)).tolist()


def test_who_is_not_likely_enough_is_unsure():
    assert is_unsure(UnsureRule(), [0.59, 0.21, 0.2], [0.6, 0.2, 0.2]) == [True, False]


def test_who_is_torn_between_two_is_unsure_however_likely_the_first():
    rule = UnsureRule(min_membership=0.5)
    assert is_unsure(rule, [0.55, 0.45, 0.0], [0.55, 0.30, 0.15]) == [True, False]


def test_whose_informative_labels_are_hardly_known_is_unsure_however_likely_the_first():
    rule = UnsureRule(informative=THREE)
    assert is_unsure(rule, [0.99, 0.01], known=2) == [True]
    assert is_unsure(rule, [0.99, 0.01], known=3) == [False]


def test_with_two_informative_labels_knowing_both_is_enough():
    rule = UnsureRule(informative=("a", "b"))
    assert is_unsure(rule, [0.99, 0.01], known=2) == [False]
    assert is_unsure(rule, [0.99, 0.01], known=1) == [True]


def test_with_a_single_persona_nobody_is_unsure():
    assert is_unsure(UnsureRule(informative=THREE), [1.0], known=0) == [False]


@pytest.mark.parametrize("wrong", [{"min_membership": 1.2}, {"min_margin": -0.1}, {"min_known": 2.5}])
def test_a_rule_out_of_range_is_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        UnsureRule(**wrong)


def test_a_rule_survives_json():
    rule = UnsureRule(0.7, 0.1, 2, THREE)
    assert UnsureRule.from_dict(rule.to_dict()) == rule


def test_labels_that_say_little_or_formed_nothing_are_not_informative():
    profile = pd.DataFrame(
        [("age", True, -0.9), ("age", True, 0.1), ("city", True, 0.2), ("tier", False, 2.0)],
        columns=["label", "forms", "effect"],
    )
    assert find_informative(profile) == ("age",)


def test_the_runner_up_is_the_second_likeliest():
    table = list_assigned(
        pd.Index(["u1", "u2"]),
        np.array([[0.2, 0.5, 0.3], [0.9, 0.0, 0.1]]),
        np.zeros(2, bool),
        ["A", "B", "C"],
    )
    assert table["persona"].tolist() == ["B", "A"] and table["runner_up"].tolist() == ["C", "C"]
    assert table["persona_id"].tolist() == [2, 1] and table["membership"].tolist() == [0.5, 0.9]


def test_with_a_single_persona_there_is_no_runner_up():
    table = list_assigned(pd.Index(["u1"]), np.ones((1, 1)), np.zeros(1, bool), ["A"])
    assert table["runner_up"].isna().all()


def test_unknown_is_not_counted_as_known_and_says_so_in_the_table():
    frame, _ = make_planted(300)
    personas = find_personas(frame, n_personas=3, n_init=4)
    assert len(personas.unsure_rule.informative) >= 3
    hidden = frame.iloc[:20].copy()
    hidden[list(personas.unsure_rule.informative[2:])] = None
    assert personas.assign(hidden)["unsure"].all()
    whole = frame.dropna().iloc[:20]
    assert personas.assign(whole)["unsure"].mean() < 0.5


@pytest.fixture(scope="module")
def held_out():
    return assign_held_out(plant_scenario("weak", 41), 41)


def test_memberships_of_users_never_seen_are_about_as_right_as_they_are_sure(held_out):
    users = held_out["8 cells known"]
    assert calibration_error(users.sureness, users.right, 5) < 0.08  # 500 users: chance alone gives 0.04
    overdone = np.minimum(users.sureness**0.3, 1.0)
    assert calibration_error(overdone, users.right, 5) > 0.15


def test_users_called_unsure_are_much_more_often_wrong_than_the_others(held_out):
    users = held_out["8 cells known"]
    assert users.unsure.sum() > 50
    assert users.right[users.unsure].mean() < 0.6 < users.right[~users.unsure].mean()


def test_knowing_next_to_nothing_makes_everybody_unsure(held_out):
    assert held_out["2 cells known"].unsure.mean() > 0.95


def test_keeping_cells_keeps_that_many():
    users = pd.DataFrame(np.arange(40.0).reshape(5, 8))
    kept = keep_cells(users, 3, np.random.default_rng(0)).notna().sum(axis=1)
    assert kept.eq(3).all()


def test_pooling_puts_users_one_after_the_other(held_out):
    one, two = held_out["8 cells known"], held_out["2 cells known"]
    both = pool([one, two])
    assert len(both.right) == len(one.right) + len(two.right) and both.unsure[len(one.unsure) :].all()
