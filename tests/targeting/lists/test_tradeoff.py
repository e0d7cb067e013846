"""What variety costs, as a table and in words."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from segtool.errors import InputError
from segtool.notes import is_unknown
from segtool.targeting.lists.tradeoff import gini, measure_tradeoff, ndcg


def tastes(n_users=400, n_items=80, seed=0):
    """Users with a taste over four topics, scores that know it, and what they took up later."""
    rng = np.random.default_rng(seed)
    topic = np.arange(n_items) % 4
    taste = rng.dirichlet(np.ones(4), n_users)
    want = np.log(taste[:, topic] + 0.01) + rng.normal(0, 1, (n_users, n_items))
    later = want + rng.gumbel(0, 0.5, want.shape) > np.quantile(want, 0.9)
    return want + rng.normal(0, 1, want.shape), topic, later, taste


@pytest.fixture(scope="module")
def found():
    scores, topic, later, taste = tastes()
    return measure_tradeoff(
        scores, topic, later, 10, method="calibrate", weights=(0.05, 0.5, 1.0), profile=taste
    )


def test_more_weight_brings_lists_nearer_to_the_profile_and_costs_more(found):
    table = found.table
    assert table["weight"].tolist() == [0, 0.05, 0.5, 1]
    assert table["kl_profile"].is_monotonic_decreasing
    assert table["ndcg"].iloc[-1] < table["ndcg"].iloc[0]
    assert (table["n_users"] > 300).all() and (table["length"] == 10).all()


def test_the_change_is_of_the_same_users_and_0_at_weight_0(found):
    first = found.table.iloc[0]
    assert first[["change", "change_lo", "change_hi"]].tolist() == [0, 0, 0]
    assert (found.table["change_lo"] <= found.table["change"]).all()
    assert np.isclose(found.table["change"].iloc[2], found.table["ndcg"].iloc[2] / first["ndcg"] - 1)


def test_the_safe_choice_is_the_most_variety_whose_loss_is_surely_small(found):
    table = found.table
    safe = table[(table["change_lo"] >= -0.02) & (table["weight"] > 0)]["weight"].max()
    assert found.weight == (0 if np.isnan(safe) else safe)
    assert f"weight {found.weight:g}" in found.suggestion


def test_where_every_loss_is_large_nothing_is_suggested():
    scores = np.tile(np.linspace(1, 0, 20), (200, 1))
    topic, later = np.repeat([0, 1], 10), np.tile(np.arange(20) < 10, (200, 1))
    found = measure_tradeoff(scores, topic, later, 10, weights=(0.9,))
    assert found.weight == 0 and "cannot be shown" in found.suggestion


def test_where_nobody_did_anything_later_nothing_is_claimed():
    scores, topic, later, _ = tastes(20)
    found = measure_tradeoff(scores, topic, np.zeros_like(later), 5)
    assert "not known" in found.suggestion and found.table["n_users"].eq(0).all()
    assert is_unknown(found.notes[0])


def test_known_values_of_the_measures():
    assert gini(np.array([0, 0, 0, 4])) == 0.75
    later = sparse.csr_array(np.array([[1, 1, 0]]))
    assert ndcg(np.array([[0, 1]]), later, 2)[0] == 1
    assert np.isclose(ndcg(np.array([[2, 0]]), later, 2)[0], (1 / np.log2(3)) / (1 + 1 / np.log2(3)))


def test_shapes_that_differ_are_refused():
    with pytest.raises(InputError, match="later"):
        measure_tradeoff(np.ones((2, 3)), list("abc"), np.ones((2, 2)))
