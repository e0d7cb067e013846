"""Moments over all deals against every deal written out."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from segtool.targeting.herd.shuffles import deal, share_out, upper_tail


def all_deals(log_chance, score):
    """Return mean, variance and third moment of the score of each user over all weighted deals."""
    m = len(score)
    deals = np.array(list(permutations(range(m))))
    weight = np.exp(log_chance[np.arange(m), deals].sum(axis=1))
    weight /= weight.sum()
    got = score[deals]
    mean = weight @ got
    return np.stack([mean, weight @ (got - mean) ** 2, weight @ (got - mean) ** 3])


def test_equal_chances_are_every_deal_alike():
    score = np.array([3.0, 2, 2, 0, 1])
    group = np.zeros(5, dtype=int)
    found = deal(group, {"x": score}, lambda rows: np.zeros((1, 5, 5)))["x"]
    exact = all_deals(np.zeros((5, 5)), score)
    np.testing.assert_allclose([found.mean, found.variance, found.third], exact, atol=1e-9)


@pytest.mark.parametrize(("m", "within"), [(2, 1e-9), (4, 1e-9), (5, 1e-9), (6, 0.15), (7, 0.12)])
def test_unequal_chances_are_every_deal_weighed(m, within):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        log_chance, score = rng.normal(0, 0.8, (m, m)), rng.integers(0, 6, m).astype(float)
        found = deal(
            np.zeros(m, dtype=int), {"x": score}, lambda rows, log_chance=log_chance: log_chance[None]
        )["x"]
        mean, variance, third = all_deals(log_chance, score)
        np.testing.assert_allclose(found.mean, mean, atol=within)
        np.testing.assert_allclose(found.variance, variance, atol=within * 3)
        np.testing.assert_allclose(found.third, third, atol=within * 15)


def test_groups_of_different_size_keep_their_rows():
    group, score = np.array([0, 0, 1, 1, 1, 4, 4]), np.array([1.0, 3, 0, 3, 6, 10, 20])
    found = deal(group, {"x": score}, lambda rows: np.zeros((len(rows), rows.shape[1], rows.shape[1])))["x"]
    np.testing.assert_allclose(found.mean, [2, 2, 3, 3, 3, 15, 15], atol=1e-9)
    assert found.seen is score


def test_scaled_chances_give_everyone_one_time_and_each_time_to_one():
    shares = share_out(np.random.default_rng(0).normal(0, 3, (20, 7, 7)))
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=0.01)
    np.testing.assert_allclose(shares.sum(axis=2), 1, atol=0.01)


def test_the_tail_is_that_of_skewed_sums():
    rng = np.random.default_rng(1)
    chance = rng.uniform(0.05, 0.3, 12)  # sums of rare yes and no
    sums = (rng.random((200_000, 12)) < chance).sum(axis=1)
    moments = {"mean": chance.sum(), "variance": (chance * (1 - chance)).sum(),
               "third": (chance * (1 - chance) * (1 - 2 * chance)).sum()}  # fmt: skip
    for seen in (3, 5, 7):
        table = pd.DataFrame({"seen": [float(seen)], **{name: [value] for name, value in moments.items()}})
        truth = (sums >= seen).mean()
        # far out, where a sum of twelve has an end and a gamma has none, chance is given more than its due
        assert 0.9 * truth < upper_tail(table, step=1)[0] < (1.15 if seen < 7 else 1.8) * truth


def test_no_variance_is_no_evidence():
    table = pd.DataFrame({"seen": [5.0], "mean": [5.0], "variance": [0.0], "third": [0.0]})
    assert upper_tail(table)[0] == 1.0
