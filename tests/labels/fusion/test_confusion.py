"""Confusions and reliabilities come out as they were planted, judges' errors taken out."""

import numpy as np
import pytest

from segtool.labels.fusion.confusion import (
    estimate_confusion,
    estimate_speaking,
    find_anchors,
    measure_reliability,
    symmetric,
)
from segtool.labels.fusion.votes import Patterns, Witness, mean_log_odds

VALUES = ("a", "b", "c")
JUDGE = Witness(1, "x.1 note", "person", 4, "notes", 0.8, 3)
RULE = Witness(2, "x.2 cases", "behaviour", 2, "events", 0.95, 3)
TABLE = np.array([[0.8, 0.15, 0.05], [0.1, 0.6, 0.3], [0.05, 0.05, 0.9]])


def draw(table, rows, rng):
    return (rng.random(len(rows))[:, None] > np.cumsum(table, axis=1)[rows]).sum(axis=1) + 1


def planted(n=20_000, judge=0.8, seed=0, shares=(0.5, 0.3, 0.2)):
    rng = np.random.default_rng(seed)
    true = rng.choice(3, n, p=shares)
    return Patterns.count(
        VALUES, (JUDGE, RULE), np.column_stack([draw(symmetric(judge, 3), true, rng), draw(TABLE, true, rng)])
    )


def test_the_errors_of_a_judge_are_taken_out():
    patterns = planted()
    anchors = find_anchors(patterns, 2, {4: symmetric(0.8, 3)})
    found = estimate_confusion(patterns, 1, anchors)
    assert found == pytest.approx(TABLE, abs=0.03)
    assert found.sum(axis=1) == pytest.approx(1)
    blind = estimate_confusion(patterns, 1, find_anchors(patterns, 2, {4: symmetric(0.999, 3)}))
    assert np.abs(blind - TABLE).max() > 0.08  # a judge taken for the truth spoils it


def test_too_few_judged_users_are_no_estimate():
    patterns = planted(n=49)
    assert estimate_confusion(patterns, 1, find_anchors(patterns, 2, {4: symmetric(0.8, 3)})) is None


def test_who_nobody_outranks_is_not_judged():
    assert find_anchors(planted(n=100), 4, {4: symmetric(0.8, 3)}) is None


def test_a_claim_never_right_about_a_value_is_not_thought_to_be():
    codes = [[1, 1]] * 60 + [[2, 1]] * 40 + [[3, 3]] * 60
    patterns = Patterns.count(VALUES, (JUDGE, RULE), codes)
    found = estimate_confusion(patterns, 1, find_anchors(patterns, 2, {4: symmetric(0.98, 3)}))
    assert found[1, 1] < 0.02
    assert found[1, 0] > 0.8


def test_that_a_claim_speaks_tells_something():
    codes = [[1, 1]] * 80 + [[1, 0]] * 20 + [[2, 2]] * 20 + [[2, 0]] * 80
    patterns = Patterns.count(("a", "b"), (JUDGE, RULE), codes)
    found = estimate_speaking(patterns, 1, find_anchors(patterns, 2, {4: symmetric(0.99, 2)}))
    assert found[0] / found[1] == pytest.approx(3.2, abs=0.5)


@pytest.mark.parametrize(("n_values", "right", "judge"), [(2, 0.7, 0.92), (5, 0.6, 0.8), (3, 0.9, 0.97)])
def test_intervals_hold_the_truth_as_often_as_they_say(n_values, right, judge):
    rng = np.random.default_rng(1)
    share = right * judge + (1 - right) * (1 - judge) / (n_values - 1)
    agree = rng.binomial(120, share, 400)
    found = [measure_reliability(n_agree, 120, judge, n_values) for n_agree in agree]
    assert np.mean([each.lo <= right <= each.hi for each in found]) >= 0.92
    assert np.mean([each.estimate for each in found]) == pytest.approx(right, abs=0.01)


def test_nobody_to_compare_is_no_number():
    assert np.isnan(measure_reliability(0, 0, 0.9, 2).estimate)


def test_a_claim_that_barely_beats_a_guess_has_no_doubt_to_scale():
    assert mean_log_odds(0.34, 3) is None


def test_patterns_add_up_whatever_the_order():
    codes = np.random.default_rng(0).integers(0, 3, (500, 2))
    one = Patterns.count(("a", "b"), (JUDGE, RULE), codes)
    two = Patterns.count(("a", "b"), (JUDGE, RULE), codes[::-1])
    assert (one.codes == two.codes).all()
    assert (one.n == two.n).all()
    assert one.n.sum() == 500
