"""Shrinkage: intervals that hold, a best persona that is not overstated, and a test of differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from segtool.measurement.shrinkage import measure_heterogeneity, shrink_effects, shrink_means

LARGE = np.full(12, 1e6)


def worlds(spread: float, n: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    for _ in range(n):
        variance = np.exp(rng.normal(0, 1, 12))
        true = 1 + spread * rng.normal(size=12)
        yield true, true + np.sqrt(variance) * rng.normal(size=12), variance


@pytest.mark.parametrize("spread", [0.5, 1.0, 2.0])
def test_intervals_hold_and_the_best_is_not_overstated(spread):
    held, raw_bias, bias = [], [], []
    for true, seen, variance in worlds(spread, 40):
        found = measure_heterogeneity(seen, variance, LARGE)
        shrunk = shrink_effects(seen, variance, LARGE, found, 0.9)
        held.append(((shrunk.lo <= true) & (true <= shrunk.hi)).mean())
        best, raw_best = shrunk.estimate.argmax(), seen.argmax()
        bias.append(shrunk.estimate[best] - true[best])
        raw_bias.append(seen[raw_best] - true[raw_best])
    assert 0.85 <= np.mean(held) <= 0.97
    assert np.mean(raw_bias) > 0.8 and abs(np.mean(bias)) < 0.3 * np.mean(raw_bias)


def test_cochrans_q_is_the_one_of_the_books():
    value, variance = np.array([0.1, 0.5, 0.9]), np.array([0.04, 0.04, 0.04])
    found = measure_heterogeneity(value, variance, np.full(3, 1e9))
    assert found.q == pytest.approx(8.0) and found.p == pytest.approx(stats.chi2.sf(8.0, 2))
    assert found.i2 == pytest.approx(0.75) and found.tau**2 == pytest.approx(0.16 - 0.04)
    assert found.mean == pytest.approx(0.5)


def test_paule_mandel_solves_its_equation_where_variances_differ():
    for _, seen, variance in worlds(2.0, 3):
        found = measure_heterogeneity(seen, variance, LARGE)
        weight = 1 / (found.tau**2 + variance * 1e6 / (1e6 - 2))
        centre = (weight * seen).sum() / weight.sum()
        assert (weight * (seen - centre) ** 2).sum() == pytest.approx(11, rel=1e-4)


def test_alike_personas_are_seldom_told_apart():
    p = [measure_heterogeneity(seen, variance, LARGE).p for _, seen, variance in worlds(0.0, 300)]
    assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.08


def test_a_persona_without_an_effect_of_its_own_has_the_mean_and_the_widest_interval():
    _, seen, variance = next(worlds(1.0, 1))
    seen[3] = np.nan
    found = measure_heterogeneity(seen, variance, LARGE)
    shrunk = shrink_effects(seen, variance, LARGE, found, 0.9)
    width = shrunk.hi - shrunk.lo
    assert shrunk.estimate[3] == pytest.approx(found.mean, abs=0.2) and width[3] >= 0.99 * width.max()


def test_means_alone_are_the_same():
    _, seen, variance = next(worlds(1.0, 1))
    found = measure_heterogeneity(seen, variance, LARGE)
    whole = shrink_effects(seen, variance, LARGE, found, 0.9).estimate
    assert shrink_means(seen, variance, LARGE) == pytest.approx(whole)
    assert np.isnan(shrink_means(seen[:1], variance[:1], LARGE[:1])).all()
