"""Topics of single users: intervals, unsure users, blocks, batches."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from segtool.targeting.members import Members
from segtool.targeting.topics import user_topics
from segtool.targeting.topics.affinity import TopicAffinity
from tests.targeting.simulated_shares import simulate_shares


def affinity_of(simulated, weights=None):
    weights = simulated.membership if weights is None else weights
    names = tuple(f"p{i}" for i in range(weights.shape[1]))
    members = Members(weights, tuple(range(1, len(names) + 1)), names, weights.argmax(axis=1))
    return TopicAffinity.estimate(simulated.counts, members)


def test_ninety_percent_intervals_of_users_hold_ninety_percent():
    covered = []
    for seed in range(6):
        simulated = simulate_shares(seed, (5, 20, 100, 200), tilt=0.7)
        model = affinity_of(simulated).users()
        a, b = model.posterior(np.arange(len(simulated.users)))
        held = (stats.beta.ppf(0.05, a, b) <= simulated.users) & (
            simulated.users <= stats.beta.ppf(0.95, a, b)
        )
        covered.append(held[simulated.counts.n >= 3].mean())
    assert 0.87 < np.mean(covered) < 0.93


def test_users_are_nearer_the_truth_than_their_own_shares():
    simulated = simulate_shares(1, (50, 50, 50), tilt=0.7)
    a, b = affinity_of(simulated).users().posterior(np.arange(150))
    own = simulated.counts.share.toarray()
    assert ((a / (a + b) - simulated.users) ** 2).mean() < 0.7 * ((own - simulated.users) ** 2).mean()


def test_an_unsure_user_gets_a_wider_prior_between_the_personas():
    simulated = simulate_shares(2, (60, 60), tilt=1.0)
    weights = simulated.membership.copy()
    weights[0] = 0.5
    model = affinity_of(simulated, weights).users()
    mean, size = model._prior(np.array([0, 1]), np.array([False, False]))
    shares = model.groups.share
    assert np.allclose(mean[0], shares.mean(axis=0))
    differs = np.abs(shares[0] - shares[1]) > 0.05
    assert differs.any() and (size[0] < size[1])[differs].all()


def test_quick_bounds_choose_what_exact_bounds_would():
    simulated = simulate_shares(3, (40, 40), n_topics=30, tilt=1.0)
    affinity = affinity_of(simulated)
    table = pd.concat(affinity.users().batches(5, "safe"))
    a, b = affinity.users().posterior(np.arange(80))
    base = np.maximum(affinity.groups.base, user_topics.LEAST)
    lo, hi = (stats.beta.ppf(q, a, b) / base for q in (0.05, 0.95))
    exact = np.where(user_topics.wanted(a / (a + b) / base, hi), lo, np.nan)
    best = -np.sort(-exact, axis=1)[:, :5]
    kept = table.pivot(index="user_id", columns="rank", values="lo").to_numpy()
    assert (np.isnan(kept) == np.isnan(best)).mean() > 0.99
    solid = best > 0.01  # below, all are "perhaps not at all"
    assert np.isclose(kept, best, rtol=1e-3)[solid].mean() > 0.99


def test_batches_are_the_whole_in_order(monkeypatch):
    affinity = affinity_of(simulate_shares(4, (30, 30)))
    whole = pd.concat(affinity.users().batches(3, "safe"), ignore_index=True)
    monkeypatch.setattr(user_topics, "CELLS_PER_BATCH", 100)
    parts = list(affinity.users().batches(3, "safe"))
    assert len(parts) > 5
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)
    assert whole["user_id"].is_monotonic_increasing and set(whole["rank"]) == {1, 2, 3}


@pytest.mark.parametrize("ranking", ["safe", "best", "explore"])
def test_blocked_topics_never_come_back(ranking):
    simulated = simulate_shares(5, (10, 10), n_topics=4)
    blocked = sparse.csr_array(np.tile([1.0, 0, 0, 1.0], (20, 1)))
    table = pd.concat(affinity_of(simulated).users(blocked=blocked).batches(4, ranking))
    assert set(table["topic"]) <= {"t01", "t02"} and table["user_id"].nunique() > 10


def test_a_persona_of_three_speaks_for_everyone():
    affinity = affinity_of(simulate_shares(6, (3, 60)))
    assert affinity.trusted.tolist() == [False, True]
    few = next(affinity.users(min_user_events=10**9).batches(2, "safe")).head(6)
    assert set(few["level"]) == {"everyone"} and few["estimate"].between(0.99, 1.01).all()
