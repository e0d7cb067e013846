"""Fatigue: slopes within users, and the frequency that brings most."""

from __future__ import annotations

import numpy as np
import pytest

from segtool.targeting.frequency.fatigue import Slope, best_frequency, clustered_logit, fit_slope, pool_slopes

TRUE_SLOPE = -0.12


def simulate_sends(seed, n_users=3000, n_sends=20):
    """Active users get more sends and answer more; each further send a week makes all answer less."""
    generator = np.random.default_rng(seed)
    activity = generator.normal(0, 1, n_users)
    user = np.repeat(np.arange(n_users), n_sends)
    pressure = np.maximum(2 + 1.2 * activity[user] + generator.normal(0, 1.2, len(user)), 0)
    week = np.tile(np.arange(n_sends) / 2.0, n_users)
    p = 1 / (1 + np.exp(-(-1.5 + 0.6 * activity[user] + TRUE_SLOPE * pressure)))
    return (generator.random(len(user)) < p).astype(float), pressure, user, week


def test_the_slope_is_found_where_the_naive_one_has_the_wrong_sign():
    found = [fit_slope(*simulate_sends(seed)) for seed in range(4)]
    assert np.mean([slope.value for slope in found]) == pytest.approx(TRUE_SLOPE, rel=0.15)
    naive = fit_slope(*simulate_sends(0), within=False)
    assert naive.value > 0


def test_its_interval_holds():
    held = [
        slope.interval(0.9)[0] < TRUE_SLOPE < slope.interval(0.9)[1]
        for slope in (fit_slope(*simulate_sends(seed, n_users=400)) for seed in range(40))
    ]
    assert 0.75 <= np.mean(held) <= 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda h, p, u, w: (h, np.full_like(p, 2.0), u, w), "hardly varied"),
        (lambda h, p, u, w: (h * 0, p, u, w), "it happened 0 times"),
        (lambda h, p, u, w: (h[:50], p[:50], u[:50], w[:50]), "50 sends"),
        (lambda h, p, u, w: (h, p[u * 20], u, w), "hardly varied"),  # between users only
    ],
)
def test_what_cannot_be_known_is_said(change, why):
    slope = fit_slope(*change(*simulate_sends(0, n_users=200)))
    assert not slope.known and why in slope.why_not


def test_clustered_logit_is_statsmodels():
    import statsmodels.api as sm

    hit, pressure, user, week = simulate_sends(1, n_users=150)
    x = np.column_stack([np.ones(len(hit)), pressure, week])
    theirs = sm.GLM(hit, x, family=sm.families.Binomial()).fit(cov_type="cluster", cov_kwds={"groups": user})
    ours, variance = clustered_logit(x, hit, user)
    assert ours == pytest.approx(theirs.params, rel=1e-6)
    assert np.sqrt(np.diag(variance)) == pytest.approx(theirs.bse, rel=0.01)


def test_slopes_of_personas_lean_on_everyones():
    own, unknown = Slope(-0.6, 0.2), Slope(np.nan, np.nan, "few")
    pooled = pool_slopes([own, Slope(-0.1, 0.05), unknown], Slope(-0.12, 0.03))
    assert -0.6 < pooled[0].value < -0.12
    assert pooled[2].value == -0.12
    assert pool_slopes([own], unknown)[0].why_not == "few"


def search(fatigue=-0.3, optout=0.0, cost=0.0, response=0.1, tried=10):
    return best_frequency(
        response, optout, 2.0, Slope(fatigue, 0.02), Slope(0.3, 0.05), tried,
        response_value=1, optout_cost=cost, confidence=0.9,
    )  # fmt: skip


def test_more_fatigue_and_dearer_opt_outs_mean_fewer_sends():
    assert search(-0.6).best < search(-0.2).best
    assert search(optout=0.01, cost=5).best < search().best
    found = search()
    assert found.lo <= found.best <= found.hi and found.flat_lo <= found.best <= found.flat_hi


def test_nothing_is_said_beyond_what_was_tried():
    assert search(fatigue=0.0, tried=3).best == 3


def test_sends_that_cost_more_than_they_bring_are_said_so():
    assert not search(optout=0.05, cost=20).positive
