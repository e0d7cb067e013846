"""Lists that are varied, within their caps, and cheap."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as rules
from hypothesis import strategies as st
from scipy import sparse

from segtool.errors import InputError, ParameterError
from segtool.targeting.lists.candidates import read_kinds, scaled
from segtool.targeting.lists.diversify import SMOOTHING, diversify, diversify_lists

TOPICS = np.array(["tea", "milk", "rice", "salt"])


def random_scores(n_users=20, n_items=60, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((n_users, n_items)), TOPICS[rng.integers(0, 4, n_items)]


def slow_mmr(scores, topics, k, weight, method):
    """The definition, user by user."""
    lists = []
    for own in scaled(scores):
        taken = []
        while len(taken) < k:
            left = [i for i in range(len(own)) if i not in taken]
            near = {i: [topics[i] == topics[j] for j in taken] or [0] for i in left}
            combined = max if method == "mmr_closest" else np.mean
            gain = [(1 - weight) * own[i] - weight * combined(near[i]) for i in left]
            taken.append(left[int(np.argmax(gain))])
        lists.append(taken)
    return np.array(lists)


def slow_calibration(scores, topics, profile, k, weight):
    names = sorted(set(topics))
    lists = []
    for own, p in zip(scaled(scores), profile, strict=True):
        taken = []
        while len(taken) < k:
            gains = {}
            for i in (i for i in range(len(own)) if i not in taken):
                q = np.array([np.mean([topics[j] == name for j in [*taken, i]]) for name in names])
                q = (1 - SMOOTHING) * q + SMOOTHING * p
                gains[i] = (1 - weight) * own[i] - weight * (p * np.log(p / q)).sum()
            taken.append(max(gains, key=gains.get))
        lists.append(taken)
    return np.array(lists)


@pytest.mark.parametrize("weight", [0.0, 0.2, 0.7])
@pytest.mark.parametrize("method", ["mmr", "mmr_closest"])
def test_mmr_is_its_definition(weight, method):
    scores, topics = random_scores()
    found = diversify(scores, topics, 6, method=method, weight=weight, max_topic_share=1)
    order = np.argsort(-scores, axis=1)  # ties in gain go to the better score, in both
    slow = np.take_along_axis(order, np.array([
        slow_mmr(own[row][None], topics[row], 6, weight, method)[0] for own, row in zip(scores, order, strict=True)
    ]), axis=1)  # fmt: skip
    assert (found == slow).all()


@pytest.mark.parametrize("weight", [0.05, 0.5])
def test_calibration_is_its_definition(weight):
    scores, topics = random_scores(8, 30)
    profile = np.random.default_rng(1).dirichlet(np.ones(4), 8)
    found = diversify(
        scores, topics, 5, method="calibrate", weight=weight, profile=profile, max_topic_share=1
    )
    assert (found == slow_calibration(scores, topics, profile, 5, weight)).all()


def test_without_weight_the_order_is_that_of_the_scores():
    scores, topics = random_scores()
    plain = np.argsort(-scores, axis=1)[:, :5]
    for method in ("mmr", "mmr_closest", "none"):
        assert (diversify(scores, topics, 5, method=method, weight=0, max_topic_share=1) == plain).all()


@rules(max_examples=30, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(1, 12),
    st.sampled_from([0.2, 0.4, 0.7]),
    st.sampled_from(["mmr", "mmr_closest", "none", "calibrate"]),
)
def test_no_list_is_over_its_cap_nor_repeats_nor_holds_what_is_excluded(seed, k, share, method):
    rng = np.random.default_rng(seed)
    scores = np.where(rng.random((6, 25)) < 0.2, np.nan, rng.random((6, 25)))
    topics = rng.random((25, 4)) < 0.4
    excluded = sparse.csr_array(rng.random((6, 25)) < 0.2)
    lists = diversify(
        scores, topics, k, method=method, excluded=excluded, max_topic_share=share, profile=np.ones((6, 4))
    )
    for row, own in enumerate(lists):
        items = own[own >= 0]
        assert len(set(items)) == len(items) and np.isfinite(scores[row, items]).all()
        assert not excluded[[row] * len(items), items].any()
        assert topics[items].sum(axis=0).max(initial=0) <= max(1, int(share * k + 1e-9))
        assert (own[len(items) :] == -1).all()


def test_the_cap_says_nothing_where_there_is_one_topic_only():
    assert (diversify(np.random.default_rng(0).random((3, 9)), ["tea"] * 9, 5) >= 0).all()


def test_items_without_a_topic_are_under_no_cap():
    lists = diversify(np.random.default_rng(0).random((3, 9)), [None] * 8 + ["tea"], 9)
    assert (lists >= 0).all()


def test_blocks_of_users_do_not_change_a_list(monkeypatch):
    scores, topics = random_scores(50)
    whole = diversify(scores, topics, 6)
    monkeypatch.setattr("segtool.targeting.lists.diversify.CELLS_AT_ONCE", 300)
    assert (diversify(scores, topics, 6) == whole).all()


def test_ties_at_the_border_of_the_pool_go_to_the_first_items():
    lists = diversify(np.ones((2, 50)), ["tea"] * 50, 3, pool=4)
    assert lists.tolist() == [[0, 1, 2]] * 2


def test_a_user_without_candidates_has_an_empty_list():
    assert diversify(np.full((1, 4), np.nan), list("abcd"), 2).tolist() == [[-1, -1]]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"method": "shuffle"}, ParameterError, "mmr"),
        ({"k": 0}, ParameterError, "k is 0"),
        ({"weight": 2}, ParameterError, "weight"),
        ({"method": "calibrate"}, ParameterError, "profile"),
        ({"method": "calibrate", "profile": np.ones((1, 2))}, InputError, "profile"),
        ({"topics": ["tea"]}, InputError, "topics"),
        ({"excluded": np.ones((1, 1))}, InputError, "excluded"),
        ({"max_topic_share": 0}, ParameterError, "max_topic_share"),
    ],
)
def test_what_does_not_fit_is_refused(options, error, words):
    scores, topics = random_scores()
    given_topics = options.pop("topics", topics)
    with pytest.raises(error, match=words):
        diversify(scores, given_topics, **{"k": 3, **options})


def test_a_table_gives_the_lists_of_the_matrix():
    scores, topics = random_scores(5, 20)
    table = pd.DataFrame(
        [(f"u{u}", f"i{i:02d}", topics[i], scores[u, i]) for u in range(5) for i in range(20)],
        columns=["user_id", "item_id", "topic", "score"],
    )
    found = diversify_lists(table.sample(frac=1, random_state=0), 6)
    wanted = diversify(scores, topics, 6)
    assert found["item_id"].tolist() == [f"i{i:02d}" for i in wanted[wanted >= 0]]
    assert found.groupby("user_id")["rank"].max().le(6).all()


def test_kinds_join_items_of_the_same_topics():
    kinds = read_kinds(sparse.csr_array([[1, 1, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]]), 4)
    assert len(kinds.topics) == 3 and kinds.of_item[0] == kinds.of_item[2]
    assert np.allclose(kinds.shares.sum(axis=1), [0, 1, 1])


def test_one_name_each_is_the_same_as_a_matrix_and_needs_none():
    names = ["tea", None, "milk", "tea"]
    named, by_matrix = read_kinds(names, 4), read_kinds(np.array([[0, 1], [0, 0], [1, 0], [0, 1]]), 4)
    assert named.names == ("milk", "tea") and np.array_equal(
        named.topics[named.of_item], by_matrix.topics[by_matrix.of_item]
    )
    many = np.tile([f"t{i}" for i in range(1000)], 100)  # as a matrix 100 MB, to be sorted by rows
    tracemalloc.start()
    read_kinds(many, len(many))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6
