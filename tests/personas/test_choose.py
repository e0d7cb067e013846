"""How many personas: the planted number, or none, and a curve that says why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from benchmarks.planted import plant_users
from segtool.personas.choose import adjusted_rand, best_jaccard, chosen_in_words, split_halves, users_table
from segtool.personas.latent_class import LatentClassPersonas


@pytest.fixture(scope="module")
def chosen():
    planted = plant_users(1500, 5, 30, seed=1)
    return planted, LatentClassPersonas(max_personas=8).fit(planted.users)


def test_planted_number_is_found(chosen):
    planted, model = chosen
    assert model.n_personas_ == 5
    assert adjusted_rand_score(planted.persona, model.labels_) > 0.85
    assert model.verdict_.startswith("5 personas, stable: when the users are split in halves")
    low, high = model.stability_.min(), model.stability_.max()
    assert f"share {low:.0%} to {high:.0%} of their users" in model.verdict_


def test_curve_is_kept(chosen):
    _, model = chosen
    curve = model.choice_
    assert curve["k"].tolist() == list(range(1, 9))
    assert curve.loc[curve["chosen"], "k"].tolist() == [5]
    passing = curve[curve["passes"]]
    assert passing["icl"].idxmin() == curve.index[curve["chosen"]][0]
    assert curve["stability"].between(-1, 1).all() and curve["separation"].between(0, 1).all()
    assert model.stability_.shape == (5,) and model.stability_.min() > 0.75


def test_explored_and_asked_for_are_the_same_fit(chosen):
    planted, model = chosen
    asked = LatentClassPersonas(5).fit(planted.users)
    np.testing.assert_array_equal(asked.labels_, model.labels_)
    assert asked.choice_ is None and asked.stability_ is None
    np.testing.assert_allclose(asked.measure_stability(planted.users), model.stability_)


@pytest.mark.parametrize(
    "kinds", ["number amount count flag nominal ordered", "count ordered", "flag nominal"]
)
def test_noise_has_no_personas(kinds):
    noise = plant_users(800, 1, 24, seed=2, kinds=kinds)
    model = LatentClassPersonas(max_personas=6).fit(noise.users)
    assert model.n_personas_ == 1
    assert model.verdict_.startswith("No structure: no number of personas from 2 to 6")


def test_range_is_obeyed_and_one_is_always_compared(chosen):
    planted, _ = chosen
    model = LatentClassPersonas(min_personas=3, max_personas=4, n_pairs=1).fit(planted.users)
    assert model.choice_["k"].tolist() == [1, 3, 4]


def test_personas_too_small_to_be_of_use_do_not_pass(chosen):
    planted, _ = chosen
    model = LatentClassPersonas(max_personas=5, min_share=0.3, n_pairs=1).fit(planted.users)
    assert model.n_personas_ < 5
    assert not model.choice_.loc[model.choice_["min_share"] < 0.3, "passes"].any()


def test_few_users_are_not_compared():
    frame = pd.DataFrame({"a": np.arange(20) % 3 * 1.7, "b": ["x", "y"] * 10})
    model = LatentClassPersonas().fit(frame)
    assert len(model.choice_) == 1 and "too few" in chosen_in_words(model.choice_, 20)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=2, max_size=40))
def test_adjusted_rand_is_that_of_scikit_learn(pairs):
    a, b = np.array(pairs).T
    table = users_table(a, b, np.ones(len(a)), (4, 3))
    assert adjusted_rand(table) == pytest.approx(adjusted_rand_score(a, b))
    assert ((best_jaccard(table) >= 0) & (best_jaccard(table) <= 1)).all()


def test_halves_are_disjoint_and_deal_users_not_rows():
    left, right = split_halves(np.array([1000.0, 1.0, 0.5]), np.random.default_rng(0))
    np.testing.assert_array_equal(left + right, [1000, 1, 0.5])
    assert 430 < left[0] < 570 and left[1] in (0, 1) and left[2] in (0, 0.5)
