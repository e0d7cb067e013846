"""Witnesses who repeat each other share a voice; beliefs come true; shares are everyone's."""

from dataclasses import replace

import numpy as np
import pytest

from segtool.labels.fusion import Patterns, Witness, believe, fuse_label
from segtool.labels.fusion.confusion import symmetric

NOTE = Witness(1, "x.1 note", "person", 4, "notes", 0.95)
ANSWER = Witness(2, "x.2 answer", "survey", 3, "survey", 0.9)
RULES = tuple(Witness(number, f"x.{number} flag", "behaviour", 2, "events", 0.95) for number in (3, 4, 5))
ALL = (NOTE, ANSWER, *RULES)


def world(copies, *, n=20_000, n_values=2, share_asked=(0.05, 0.1), seed=0, asked_more=None):
    """Return truth and codes; rules are right in 70 % and repeat the first one as often as copies says."""
    rng = np.random.default_rng(seed)
    shares = np.array([0.7, *[0.3 / (n_values - 1)] * (n_values - 1)])
    true = rng.choice(n_values, n, p=shares)

    def draw(right):
        table = np.cumsum(symmetric(right, n_values), axis=1)
        return (rng.random(n)[:, None] > table[true]).sum(axis=1) + 1

    first = draw(0.7)
    rules = [first] + [np.where(rng.random(n) < copies, first, draw(0.7)) for _ in range(2)]
    asked = [share * np.where(true == 1, asked_more or 1, 1) for share in share_asked]
    people = [
        np.where(rng.random(n) < p, draw(right), 0) for p, right in zip(asked, (0.95, 0.9), strict=True)
    ]
    rules = [np.where(rng.random(n) < 0.8, rule, 0) for rule in rules]
    return true, np.column_stack([*people, *rules])


def fuse(codes, n_values=2, witnesses=ALL):
    values = tuple("abcdef"[:n_values])
    known = tuple(replace(witness, n_values=n_values) for witness in witnesses)
    return fuse_label(Patterns.count(values, known, codes)), values, known


def beliefs(found, codes, values, witnesses):
    rows = Patterns(values, witnesses, codes, (codes > 0) * 1.0, np.ones(len(codes)))
    return believe(rows, found.tiers[2])


def calibration_error(belief, true):
    sure, right = belief.max(axis=1), belief.argmax(axis=1) == true
    bins = np.minimum((sure * 10).astype(int), 9)
    return sum(abs(sure[bins == b].sum() - right[bins == b].sum()) for b in range(10)) / len(true)


def test_copies_share_a_voice_and_independent_rules_do_not():
    copied, *_ = fuse(world(0.95)[1])
    alone, *_ = fuse(world(0.0)[1])
    assert max(copied.voices[number] for number in (3, 4, 5)) < 0.5
    assert min(alone.voices[number] for number in (3, 4, 5)) > 0.85
    assert copied.tiers[2].kinship[0, 1] == pytest.approx(0.95, abs=0.08)


@pytest.mark.parametrize("copies", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("n_values", [2, 4])
def test_beliefs_come_true(copies, n_values):
    true, codes = world(copies, n_values=n_values)
    found, values, witnesses = fuse(codes, n_values)
    spoken = (codes[:, 2:] > 0).any(axis=1)
    belief = beliefs(found, codes, values, witnesses)[spoken]
    assert calibration_error(belief, true[spoken]) < 0.05


def test_shares_are_everyones_not_those_of_the_asked():
    true, codes = world(0.3, asked_more=4)
    found, *_ = fuse(codes)
    assert np.exp(found.tiers[2].log_shares[1]) == pytest.approx((true == 1).mean(), abs=0.05)


def test_reliabilities_come_with_interval_and_n():
    found = [fuse(world(0.0, n=6000, seed=seed)[1])[0] for seed in range(6)]
    rules = [each.reliabilities[3] for each in found]
    assert np.mean([rule.estimate for rule in rules]) == pytest.approx(0.7, abs=0.02)
    assert sum(rule.lo < 0.7 < rule.hi for rule in rules) >= 5
    assert all(rule.hi - rule.lo < 0.12 and rule.n > 500 for rule in rules)
    assert 1 not in found[0].reliabilities  # nobody is above people


def test_answers_are_judged_by_people_and_stay_one_number():
    _, codes = world(0.0, share_asked=(0.1, 0.1))
    found, *_ = fuse(codes)
    assert found.near_gold[2] == pytest.approx(0.9, abs=0.05)
    assert 3 not in found.tiers


def test_few_judges_change_nothing():
    found, *_ = fuse(world(0.0, n=2000, share_asked=(0.01, 0.01))[1])
    assert found.tiers == {}
    assert found.estimated == frozenset()


def test_an_analysts_word_is_not_estimated_away():
    fixed = (NOTE, ANSWER, *(replace(rule, is_fixed=True) for rule in RULES))
    found, *_ = fuse(world(0.0)[1], witnesses=fixed)
    assert found.tiers == {}
    assert found.reliabilities[3].n > 0


def test_a_rule_no_better_than_chance_moves_nobody():
    _, codes = world(0.0)
    codes[:, 4] = np.random.default_rng(1).permutation(codes[:, 4])
    found, values, witnesses = fuse(codes)
    only = np.zeros((2, 5), dtype=int)
    only[:, 4] = [1, 2]
    belief = beliefs(found, only, values, witnesses)
    assert belief[0] == pytest.approx(belief[1], abs=0.12)


def test_doubt_that_tells_nothing_is_not_believed():
    _, codes = world(0.0)
    rng = np.random.default_rng(2)
    strengths = rng.choice([0.5, 1.0, 1.5], codes.shape) * (codes > 0)
    found = fuse_label(Patterns.count(("a", "b"), ALL, codes, strengths))
    assert max(found.tiers[2].trust) <= 0.5
