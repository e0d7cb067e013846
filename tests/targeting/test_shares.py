"""Shares: the estimator behind topics, hours, channels and rates."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from segtool.pooling import beta_interval, paule_mandel
from segtool.targeting.shares import UserCounts, estimate_shares
from tests.targeting.simulated_shares import simulate_shares

SIZES = (3, 5, 10, 20, 50, 100, 400)


def hits(simulated, what):
    """Whether each 90 % interval holds the truth, shape (n_personas, n_topics)."""
    groups = estimate_shares(simulated.counts, simulated.membership)
    lo, hi = groups.interval(0.9) if what == "share" else groups.lift_interval(0.9)
    truth = simulated.personas if what == "share" else simulated.personas / simulated.everyone
    return (lo <= truth) & (truth <= hi)


@pytest.mark.parametrize("what", ["share", "lift"])
@pytest.mark.parametrize(("tilt", "rho", "mean_events"), [(0.5, 0.15, 12), (0.3, 0.3, 8), (1.0, 0.1, 40)])
def test_ninety_percent_intervals_hold_ninety_percent(what, tilt, rho, mean_events):
    runs = [
        hits(simulate_shares(seed, SIZES, tilt=tilt, rho=rho, mean_events=mean_events), what)
        for seed in range(25)
    ]
    covered = np.mean(runs, axis=(0, 2))
    assert 0.87 < covered.mean() < 0.96, covered
    assert covered[0] > 0.85, covered  # the persona of three users
    assert covered.min() > 0.82, covered


def test_counting_events_as_independent_would_not():
    """The silent error: without the users' clustering, half the intervals of large personas miss."""
    covered = []
    for seed in range(10):
        simulated = simulate_shares(seed, SIZES)
        counts, home = simulated.counts, simulated.membership
        events = (counts.events.T @ home).T
        n = events.sum(axis=1, keepdims=True)
        p = events / n
        reach = 1.645 * np.sqrt(p * (1 - p) / n)
        covered.append(np.abs(p - simulated.personas) <= reach)
    assert np.mean(covered) < 0.8


def test_small_personas_are_nearer_the_truth_when_shrunk():
    raw, shrunk = [], []
    for seed in range(20):
        simulated = simulate_shares(seed, SIZES)
        groups = estimate_shares(simulated.counts, simulated.membership)
        raw.append(((groups.raw - simulated.personas) ** 2)[:3].mean())
        shrunk.append(((groups.share - simulated.personas) ** 2)[:3].mean())
    assert np.mean(shrunk) < 0.6 * np.mean(raw)


def test_spread_between_users_is_found():
    found = [
        estimate_shares((s := simulate_shares(i, (200, 200), rho=0.2)).counts, s.membership) for i in range(5)
    ]
    assert np.mean([groups.rho.mean() for groups in found]) == pytest.approx(0.2, rel=0.15)


def test_one_persona_is_everyone():
    simulated = simulate_shares(0, (50,))
    groups = estimate_shares(simulated.counts, simulated.membership)
    assert np.allclose(groups.share[0], groups.base)
    lo, hi = groups.lift_interval(0.9)
    assert np.allclose(lo, 1) and np.allclose(hi, 1)


def test_one_loud_user_does_not_decide_for_a_persona():
    share = sparse.csr_array(np.array([[1.0, 0.0]] + [[0.0, 1.0]] * 20))
    n = np.array([1000.0] + [5.0] * 20)
    counts = UserCounts(np.arange(21).astype(str), ("a", "b"), share, share, n, 1 / n)
    groups = estimate_shares(counts, np.ones((21, 1)))
    assert groups.base[0] < 0.25  # of the events, a has 91 %


def test_users_of_no_persona_and_empty_personas_do_no_harm():
    simulated = simulate_shares(1, (30, 30))
    membership = np.hstack([simulated.membership, np.zeros((60, 1))])
    membership[:5] = 0
    groups = estimate_shares(simulated.counts, membership)
    assert np.isfinite(groups.share).all() and np.isfinite(groups.interval(0.9)).all()
    assert np.allclose(groups.share[2], groups.base, atol=0.02)  # nobody home: everyone's


def test_nobody_ever_is_not_never():
    counts = simulate_shares(2, (20, 20)).counts
    none = sparse.csr_array(counts.share.shape)
    groups = estimate_shares(
        UserCounts(counts.user_ids, counts.categories, none, none, counts.n, counts.noise),
        np.eye(2)[[0] * 20 + [1] * 20],
    )
    assert (groups.interval(0.9)[1] > 0).all()
    assert (groups.lift() == 1).all()


def test_paule_mandel_finds_no_spread_in_noise():
    assert paule_mandel(np.array([0.5, 0.5]), np.array([1.0, 1.0])) == 0
    assert paule_mandel(np.array([0.5, 0.5]), np.array([1.0, 1.0]), caution=1) > 0


def test_beta_interval_is_inside_zero_and_one():
    lo, hi = beta_interval(np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.3, 1e-9]), 0.9)
    assert (lo >= 0).all() and (hi <= 1).all() and (lo <= hi).all()
