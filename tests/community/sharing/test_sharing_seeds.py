"""Whom to ask to share: own record, who listens, and not too many of a circle."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from segtool.community.sharing.seeds import bound_shares, expect_shares, pick_seeds, share_attention


def make_acts(brought, months=6.0, shared=3.0) -> pd.DataFrame:
    return pd.DataFrame({"months": months, "shared_months": shared, "brought": brought}).astype(float)


def draw_attention(n=60, seed=0):
    rng = np.random.default_rng(seed)
    return share_attention(sparse.csr_matrix((rng.random((n, n)) < 0.08) * rng.random((n, n))))


def test_attention_is_shares_without_oneself():
    shares = share_attention(sparse.csr_matrix(np.array([[5.0, 1, 3], [0, 0, 0], [2, 0, 0]]))).toarray()
    assert shares.tolist() == [[0, 0.25, 0.75], [0, 0, 0], [1, 0, 0]]


def test_the_second_seed_reaches_others():
    # 0 and 1 are heard by the same three; 2 is heard by two others.
    matrix = np.zeros((8, 8))
    matrix[3:6, :2] = 1
    matrix[6:8, 2] = 1
    listening = share_attention(sparse.csr_matrix(matrix))
    strength = np.asarray(listening.sum(axis=0)).ravel() + np.array([0.6, 0.5, -0.4, 0, 0, 0, 0, 0])
    seeds, left = pick_seeds(listening, strength, np.zeros(8, int), np.array([3]), strength > 0)
    assert seeds.tolist() == [0, 2, 1]  # 1 is stronger than 2 until 0 is asked
    assert left == pytest.approx([1, 1, 0.5])


def test_no_more_than_the_limit_of_a_circle_and_nobody_who_may_not():
    listening, circle = draw_attention(), np.arange(60) % 4
    circle[circle == 3] = -1
    allowed = np.arange(60) >= 8
    seeds, _ = pick_seeds(listening, np.ones(60), circle, np.array([2, 2, 1]), allowed)
    assert np.bincount(circle[seeds]).tolist() == [2, 2, 1] and (seeds >= 8).all()


def test_the_heap_finds_what_trying_all_finds():
    listening, strength = draw_attention(seed=4), np.random.default_rng(4).random(60) + 0.1
    seeds, left = pick_seeds(listening, strength, np.zeros(60, int), np.array([15]), np.ones(60, bool))
    dense, unreached, chosen = listening.toarray(), np.ones(60), []
    for _ in range(15):
        reach = dense.sum(axis=0)
        share = np.where(
            reach > 0, (dense * unreached[:, None]).sum(axis=0) / np.where(reach > 0, reach, 1), 1
        )
        gain = np.where(np.isin(np.arange(60), chosen), -1, strength * share)
        best = int(gain.argmax())
        assert gain[best] == pytest.approx(strength[seeds[len(chosen)]] * left[len(chosen)])
        chosen.append(best)
        unreached = unreached * (1 - dense[:, best])
        unreached[best] = 0
    assert seeds.tolist() == chosen


def test_what_one_brought_counts_but_not_wholly():
    expected, in_people = expect_shares(make_acts([12, 0, 0, 0, 1, 0, 0, 0]), np.ones(8))
    assert in_people and 1.0 < expected["expected"][0] < 2.0  # 12 in 6 months, drawn to the rest
    assert 0 < expected["expected"][1] < 0.3
    lo, hi = bound_shares(expected, in_people, 0.9)
    assert (lo < expected["expected"]).all() and (hi > expected["expected"]).all()


def test_listeners_count_only_where_they_have_told_something():
    listeners = np.repeat([1.0, 9.0], 40)
    told = expect_shares(make_acts(np.repeat([1, 9], 40)), listeners)[0]["expected"]
    nothing = expect_shares(make_acts(np.tile([3, 3], 40)), listeners)[0]["expected"]
    assert told[79] > 4 * told[0]
    assert nothing[79] == pytest.approx(nothing[0])


def test_where_nobody_brought_anybody_it_is_only_an_order():
    acts = make_acts([0, 0, 0], shared=[6, 0, 0])
    expected, in_people = expect_shares(acts, np.array([2.0, 2.0, 8.0]))
    assert not in_people
    assert expected["expected"][0] > expected["expected"][1]
    assert expected["expected"][2] > expected["expected"][1]
    lo, hi = bound_shares(expected, in_people, 0.9)
    assert (lo < hi).all()


def test_nothing_on_record_leaves_the_listeners():
    expected, in_people = expect_shares(make_acts([0, 0], shared=0), np.array([1.0, 3.0]))
    assert not in_people and expected["expected"].tolist() == [1.0, 3.0]
