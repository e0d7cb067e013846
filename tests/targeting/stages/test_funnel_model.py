"""The model of stages: right and rightly sure on users whose stage is known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.stages import RATES, as_weekly, deepest_step, score, simulate
from segtool.targeting.stages import funnel_model
from segtool.targeting.stages.funnel_model import filter_users, fit_funnel, usual_moves


@pytest.fixture(scope="module")
def made():
    return simulate(5, n_users=1_200)


@pytest.fixture(scope="module")
def fitted(made):
    return fit_funnel(as_weekly(made["counts"]), 6)


def test_stages_are_found_and_the_chances_are_honest(made, fitted):
    found = filter_users(fitted, as_weekly(made["counts"]))
    own = score(found.posterior, made["state"][:, -1])
    rule = (deepest_step(made["counts"]) == made["state"][:, -1]).mean()
    assert own["accuracy"] > max(0.6, rule + 0.2) and own["ece"] < 0.1
    assert found.posterior.sum(axis=1) == pytest.approx(1)


def test_activity_is_found_beside_the_stage(made, fitted):
    found = filter_users(fitted, as_weekly(made["counts"]))
    assert np.corrcoef(np.log(found.activity), np.log(made["activity"]))[0, 1] > 0.8


def test_rates_keep_the_order_that_was_told(fitted):
    for family in range(5):
        assert (np.diff(fitted.rates[: family + 2, family]) >= -1e-9).all()
    assert np.abs(fitted.rates[2:] - RATES[2:]).max() < 0.35  # near the true ones too


def test_batches_and_repeats_change_nothing(made, fitted, monkeypatch):
    weekly = as_weekly(made["counts"])
    whole = filter_users(fitted, weekly).posterior
    monkeypatch.setattr(funnel_model, "BATCH_CELLS", 20 * 6 * 70)
    assert np.allclose(filter_users(fitted, weekly).posterior, whole, atol=1e-12)
    again = fit_funnel(as_weekly(made["counts"]), 6, n_iterations=3)
    same = fit_funnel(as_weekly(made["counts"]), 6, n_iterations=3)
    assert (again.rates == same.rates).all() and (again.moves == same.moves).all()


def test_each_user_is_judged_alone(made, fitted):
    weekly = as_weekly(made["counts"])
    some = np.array([7, 3, 900])
    one = filter_users(fitted, weekly.take(some)).posterior
    assert np.allclose(one, filter_users(fitted, weekly).posterior[some], atol=1e-12)


def test_a_visit_with_many_events_is_no_lapse_in_between():
    """Ten events on one day, then nothing for two weeks: a rhythm, not a user lost and won again."""
    generator = np.random.default_rng(0)
    visits = generator.random((400, 20)) < 0.4
    counts = generator.poisson(2 * RATES[2], (400, 20, 5)) * visits[:, :, None]
    weekly = as_weekly(counts)
    weekly = type(weekly)(
        weekly.counts, weekly.start, 20, weekly.families, weekly.place, visits.T.astype(float)
    )
    found = filter_users(fit_funnel(weekly, 6), weekly)
    assert found.posterior[:, 0].mean() < 0.15


def test_usual_moves_are_shares():
    moves = usual_moves(6)
    assert moves.sum(axis=1) == pytest.approx(1) and (np.diag(moves) > 0.8).all()
    assert moves[2, 3] > moves[2, 4] > 0  # a step is commoner than a leap, and a leap is possible
