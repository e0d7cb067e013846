"""Fatigue: slopes within users, and the frequency that brings most."""

from __future__ import annotations

import numpy as np
import pytest

from segtool.targeting.frequency.best import Outcome, best_frequency
from segtool.targeting.frequency.fatigue import (
    Slope,
    clustered_cloglog,
    clustered_logit,
    fit_fatigue,
    fit_optouts,
    pool_slopes,
)

TRUE_SLOPE = -0.12


def simulate_sends(seed, n_users=1500, n_sends=20, own=0.0):
    """Active users get more sends and answer more; each further send a week makes all answer less."""
    generator = np.random.default_rng(seed)
    activity = generator.normal(0, 1, n_users)
    liking = generator.normal(0, own, n_users)
    user = np.repeat(np.arange(n_users), n_sends)
    pressure = np.maximum(2 + 1.2 * activity[user] + generator.normal(0, 1.2, len(user)), 0)
    week = np.tile(np.arange(n_sends) / 2.0, n_users)
    p = 1 / (1 + np.exp(-(-1.5 + 0.6 * activity[user] + liking[user] + TRUE_SLOPE * pressure)))
    return (generator.random(len(user)) < p).astype(float), pressure, user, week


def naive_slope(hit, pressure, user, week):
    x = np.column_stack([np.ones(len(hit)), pressure, week])
    return clustered_logit(x, hit, user)[0][1]


def test_the_slope_is_found_where_the_naive_one_has_the_wrong_sign():
    found = [fit_fatigue(*simulate_sends(seed)) for seed in range(4)]
    assert np.mean([slope.value for slope in found]) == pytest.approx(TRUE_SLOPE, rel=0.15)
    assert naive_slope(*simulate_sends(0)) > 0


def test_users_who_differ_do_not_flatten_the_slope():
    hit, pressure, user, week = simulate_sends(5, own=1.5)
    found = fit_fatigue(hit, pressure, user, week)
    mean = np.bincount(user, weights=pressure)[user] / np.bincount(user)[user]
    pooled, _ = clustered_logit(np.column_stack([np.ones(len(hit)), pressure - mean, mean]), hit, user)
    assert abs(found.value - TRUE_SLOPE) < abs(pooled[1] - TRUE_SLOPE)
    assert found.spread == pytest.approx(1.5, abs=0.2) and abs(pooled[1]) < abs(found.value)


def test_its_interval_holds():
    held = [
        slope.interval(0.9)[0] < TRUE_SLOPE < slope.interval(0.9)[1]
        for slope in (fit_fatigue(*simulate_sends(seed, n_users=120, own=0.5)) for seed in range(20))
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
    slope = fit_fatigue(*change(*simulate_sends(0, n_users=200)))
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


def simulate_optouts(seed, n_users=2000, slope=0.35):
    """Active users are sent to more and stay longer; who opted out gets nothing more."""
    generator = np.random.default_rng(seed)
    activity = generator.normal(0, 1, n_users)
    rate = np.exp(0.3 + 0.5 * activity)[:, None] * np.exp(0.7 * generator.normal(size=(n_users, 26)) - 0.25)
    pressure, there, rows = np.zeros(n_users), np.ones(n_users, dtype=bool), []
    for day in range(26 * 7):
        pressure *= np.exp(-1 / 7)
        user = np.flatnonzero((generator.random(n_users) < -np.expm1(-rate[:, day // 7] / 7)) & there)
        hazard = -np.expm1(-np.exp(-6 - 0.5 * activity[user] + slope * pressure[user]))
        left = generator.random(len(user)) < hazard
        rows.append(np.column_stack([user, np.full(len(user), day / 7), pressure[user], left]))
        pressure[user] += 1
        there[user[left]] = False
    table = np.concatenate(rows)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    return table[:, 3], table[:, 2], table[:, 0].astype(int), table[:, 1]


def test_opt_outs_rise_with_pressure_though_users_sent_to_more_stay():
    left, pressure, user, week = simulate_optouts(0)
    found = fit_optouts(left, pressure, user, week)
    assert found.interval(0.95)[0] < 0.35 < found.interval(0.95)[1]
    x = np.column_stack([np.ones(len(left)), pressure])
    assert clustered_cloglog(x, left, user)[0][1] < found.value - found.sd  # what users differ in hides it


def test_clustered_cloglog_is_statsmodels():
    import statsmodels.api as sm

    hit, pressure, user, week = simulate_sends(2, n_users=150)
    x = np.column_stack([np.ones(len(hit)), pressure, week])
    family = sm.families.Binomial(sm.families.links.CLogLog())
    theirs = sm.GLM(hit, x, family=family).fit(cov_type="cluster", cov_kwds={"groups": user})
    ours, variance = clustered_cloglog(x, hit, user)
    assert ours == pytest.approx(theirs.params, rel=1e-5)
    assert np.sqrt(np.diag(variance)) == pytest.approx(theirs.bse, rel=0.02)


def search(fatigue=-0.3, optout=0.0, cost=0.0, response=0.1, tried=10, **more):
    return best_frequency(
        Outcome(response, 0.005, Slope(fatigue, 0.02)), Outcome(optout, optout / 5, Slope(0.3, 0.05)),
        np.array([1.0, 2.0, 3.0]), tried, response_value=1, optout_cost=cost, confidence=0.9, **more,
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


def test_a_send_that_costs_is_sent_less_and_a_mail_presses_longer():
    assert search(send_cost=0.05).best < search().best
    assert search(days=14.0).best < search().best


def test_the_curve_holds_what_is_said_of_it():
    found = search()
    curve = found.curve.set_index("per_week")
    assert curve.loc[0, "value"] == 0 and curve["value"].idxmax() == found.best
    assert (curve["lo"] <= curve["value"]).all() and (curve["value"] <= curve["hi"]).all()
    flat = curve.index[curve["flat"].astype(bool)]
    assert (flat[0], flat[-1]) == (found.flat_lo, found.flat_hi)
    assert curve.loc[flat, "value"].min() >= 0.95 * curve["value"].max()
