"""Do personas come back: measures of agreement between groupings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from benchmarks.persona_number import Table, prepare_rows
from benchmarks.planted import plant_users
from segtool.personas.latent.mixture import Settings
from segtool.personas.latent.starts import fit_mixture
from segtool.personas.number.stability import (
    _agreement,
    adjusted_rand,
    best_jaccard,
    measure_stability,
    prediction_strength,
    split_halves,
    users_table,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=2, max_size=40))
def test_adjusted_rand_is_that_of_scikit_learn(pairs):
    a, b = np.array(pairs).T
    table = users_table(a, b, np.ones(len(a)), (4, 3))
    assert adjusted_rand(table) == pytest.approx(adjusted_rand_score(a, b))
    assert ((best_jaccard(table) >= 0) & (best_jaccard(table) <= 1)).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=25))
def test_prediction_strength_is_the_worst_share_of_pairs_kept_together(pairs):
    own, other = np.array(pairs).T
    shares = []
    for group in range(3):
        members = np.flatnonzero(own == group)
        kept = [other[i] == other[j] for i in members for j in members if i < j]
        shares += [np.mean(kept)] if kept else []
    table = users_table(own, other, np.ones(len(own)), (3, 3))
    assert prediction_strength(table) == pytest.approx(min(shares, default=0.0))


def test_halves_are_disjoint_and_deal_users_not_rows():
    left, right = split_halves(np.array([1000.0, 1.0, 0.5]), np.random.default_rng(0))
    np.testing.assert_array_equal(left + right, [1000, 1, 0.5])
    assert 430 < left[0] < 570 and left[1] in (0, 1) and left[2] in (0, 0.5)


def test_two_halves_that_find_one_group_agree_on_nothing():
    assert adjusted_rand(np.array([[50.0, 0.0], [0.0, 0.0]])) == 1  # by convention
    assert _agreement(np.array([[50.0, 0.0], [0.0, 0.0]])) == 0
    assert _agreement(np.array([[50.0, 0.0], [0.0, 50.0]])) == 1


def test_planted_groups_come_back_and_more_than_there_are_do_not():
    rows = prepare_rows(Table("", "", 3, plant_users(600, 3, 20, seed=1).users))
    stability = {}
    for k in (3, 5):
        fit = fit_mixture(rows, k, seed=(0, k), n_init=6, settings=Settings())
        stability[k] = measure_stability(rows, fit, seed=(0,), n_pairs=2, n_init=4, settings=Settings())
    assert stability[3].jaccard.min() > 0.85 and stability[3].prediction_strength > 0.8
    assert stability[5].jaccard.shape == (5,) and stability[5].jaccard.min() < 0.6
    assert stability[5].prediction_strength < stability[3].prediction_strength
