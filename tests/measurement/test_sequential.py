"""Looking early: the boundary holds at all looks, and its price is as told."""

from __future__ import annotations

import numpy as np
import pytest

from segtool.errors import ParameterError
from segtool.measurement import price_peeking
from segtool.measurement.sequential import boundary, mixture_p, tune_spread


def test_it_holds_over_a_thousand_looks_at_skewed_money():
    rng = np.random.default_rng(0)
    value = np.cumsum(rng.exponential(size=(400, 2000)) - 1, axis=1)
    n = np.arange(1, 2001)
    z = np.abs(value) / np.sqrt(n)
    late = n >= 50  # asymptotic: the first looks are not its domain
    ever = (z > boundary(n, tune_spread(2000, 0.05), 0.05))[:, late].any(axis=1)
    assert ever.mean() <= 0.05 and (z > 1.96)[:, late].any(axis=1).mean() > 0.3


def test_p_and_boundary_are_two_sides_of_one_thing():
    n, rho = 700.0, tune_spread(1000, 0.05)
    variance = 4.0 / n
    edge = boundary(np.array([n]), rho, 0.05) * np.sqrt(variance)
    assert mixture_p(edge, np.array([variance]), variance * n * rho**2)[0] == pytest.approx(0.05)


def test_it_is_narrowest_about_half_way():
    n = np.arange(20, 4001, dtype=float)
    width = boundary(n, tune_spread(2000, 0.05), 0.05)
    assert 700 < n[width.argmin()] < 1400


def test_the_price_is_told_both_ways():
    price = price_peeking().set_index("rule")
    fixed, valid = price.loc["any look, fixed limits"], price.loc["any look, always valid"]
    assert fixed["false_positive"] > 0.2 and valid["false_positive"] < 0.05
    assert valid["power"] < 0.6 and valid["users_needed"] == pytest.approx(valid["effect_needed"] ** 2)
    assert valid["share_used"] < 0.5  # what is gained: large effects are found early
    one = price.loc["one look at the end"]
    assert (one["power"], one["effect_needed"]) == pytest.approx((0.8, 1.0), abs=0.01)


def test_bad_numbers_are_refused():
    with pytest.raises(ParameterError, match="n_looks"):
        price_peeking(n_looks=0)
