"""Log-odds of terms against a loop over the formula, and what people have to do with it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import sparse, stats

from segtool.community.settings import CommunitySettings
from segtool.community.value.counts import TermCounts, entries_at
from segtool.community.value.log_odds import (
    chance_of_more,
    compare_terms,
    design_effects,
    false_shares,
    log_odds,
)

SETTINGS = CommunitySettings(term_false_share=0.999, terms_per_group=50, min_people_per_term=1)


def make_counts(by_person, group_of) -> TermCounts:
    by_person = sparse.csr_matrix(np.asarray(by_person, dtype=float))
    group_of = np.asarray(group_of)
    n = int(group_of.max()) + 1
    names = np.array([f"t{number:03d}" for number in range(by_person.shape[1])], dtype=object)
    to_group = sparse.csr_matrix(
        (np.ones(len(group_of)), (group_of, np.arange(len(group_of)))), shape=(n, len(group_of))
    )
    messages = (to_group @ by_person).tocsr()
    return TermCounts(
        names, by_person, group_of, messages, np.asarray(messages.sum(axis=1)).ravel().astype(int)
    )


def test_log_odds_follow_the_paper():
    y, n, elsewhere, n_elsewhere, a, total = 30.0, 200.0, 20.0, 1_000.0, 25.0, 500.0
    d, v = log_odds((y, n), (elsewhere, n_elsewhere), a, total, (1.0, 1.0))
    expected = math.log((y + a) / (n + total - y - a)) - math.log(
        (elsewhere + a) / (n_elsewhere + total - elsewhere - a)
    )
    assert d == pytest.approx(expected) and v == pytest.approx(1 / (y + a) + 1 / (elsewhere + a))


def test_design_effects_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    counts = make_counts(rng.poisson(1.5, (12, 4)), np.repeat([0, 1, 2], 4))
    uses = (counts.to_group @ counts.by_person).tocsr()
    own, pooled = design_effects(counts, uses)
    table, sums = counts.by_person.toarray(), np.zeros((4, 2))
    for group in range(3):
        people = table[counts.group_of == group]
        for term in range(4):
            n = people.sum(axis=1)
            share = people[:, term].sum() / n.sum()
            found = ((people[:, term] - n * share) ** 2).sum()
            expected = n.sum() * share * (1 - share)
            sums[term] += found, expected
            assert own[group * 4 + term] == pytest.approx(max(found / expected, 1))
    assert pooled == pytest.approx(np.maximum(sums[:, 0] / sums[:, 1], 1))


def test_chance_is_the_binomial_tail():
    p = chance_of_more(
        (np.array([7.0]), np.array([100.0])), (np.array([13.0]), np.array([900.0])), (1.0, 1.0)
    )
    assert p[0] == pytest.approx(stats.binom.sf(6, 20, 0.1))


def test_q_is_that_of_statsmodels_when_all_p_are_there():
    from statsmodels.stats.multitest import multipletests

    p = np.random.default_rng(1).random(40) ** 3
    assert false_shares(p, 40) == pytest.approx(multipletests(p, method="fdr_bh")[1])
    assert false_shares(np.sort(p)[:5], 40) == pytest.approx(
        np.sort(multipletests(p, method="fdr_bh")[1])[:5], abs=0.02
    )


def test_what_many_people_say_beats_what_one_repeats():
    # Term 0: five people of group 0 use it four times each. Term 1: one of them uses it twenty times.
    by_person = np.full((10, 3), 0.0)
    by_person[:, 2] = 30
    by_person[:5, 0] = 4
    by_person[0, 1] = 20
    by_person[5:, :2] = 1
    table = compare_terms(make_counts(by_person, np.repeat([0, 1], 5)), SETTINGS).set_index(["group", "term"])
    assert table.loc[(0, 0), "z"] > 2 * table.loc[(0, 1), "z"]
    assert table.loc[(0, 0), "n_people"] == 5 and table.loc[(0, 1), "n_people"] == 1
    few = compare_terms(
        make_counts(by_person, np.repeat([0, 1], 5)), SETTINGS.model_copy(update={"min_people_per_term": 2})
    )
    assert 1 not in few.loc[few["group"] == 0, "term"].tolist()


def test_nothing_is_named_where_all_groups_talk_alike():
    rng = np.random.default_rng(2)
    share = 1 / np.arange(1, 301)
    by_person = rng.poisson(60 * share / share.sum(), (200, 300))
    table = compare_terms(make_counts(by_person, np.repeat(np.arange(20), 10)), CommunitySettings())
    assert len(table) == 0


def test_one_group_has_no_terms_of_its_own():
    assert compare_terms(make_counts(np.ones((5, 3)), np.zeros(5, dtype=int)), SETTINGS).empty


def test_entries_of_one_matrix_at_the_places_of_another():
    like = sparse.csr_matrix(np.array([[1.0, 0, 2], [0, 3, 0]]))
    other = sparse.csr_matrix(np.array([[0.0, 5, 7], [0, 9, 1]]))
    assert entries_at(like, other).tolist() == [0.0, 7.0, 9.0]
    assert entries_at(like, sparse.csr_matrix((2, 3))).tolist() == [0.0, 0.0, 0.0]
