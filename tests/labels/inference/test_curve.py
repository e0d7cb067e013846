import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom

from segtool.labels.inference.curve import HeldOut, certify, exact_bounds, precision_curve, shift_odds


def held_out(is_right, weights=None, odds_ratio=1.0):
    is_right = np.asarray(is_right, bool)
    n = len(is_right)
    weights = np.ones(n) if weights is None else weights
    return HeldOut(-np.arange(n, dtype=float), is_right, np.ones(n, bool), weights, odds_ratio)


@given(st.integers(1, 200), st.floats(0, 1), st.sampled_from([0.05, 0.1]))
@settings(max_examples=60, deadline=None)
def test_bounds_are_those_of_the_binomial_tail(n, part, risk):
    k = round(part * n)
    low, high = exact_bounds(k, n, risk)
    assert 0 <= low <= k / n <= high <= 1
    if k:
        assert binom.sf(k - 1, n, low) == pytest.approx(risk, abs=1e-6)
    if k < n:
        assert binom.cdf(k, n, high) == pytest.approx(risk, abs=1e-6)


def test_a_promise_is_kept_nine_times_in_ten():
    """The lower bound of a share is above the truth at most once in ten, whatever the share."""
    random = np.random.default_rng(0)
    for truth in (0.5, 0.8, 0.95):
        low, _ = exact_bounds(random.binomial(60, truth, 4000), 60, 0.1)
        assert (low > truth).mean() <= 0.11


def test_the_loosest_threshold_that_holds_is_taken():
    curve = precision_curve(held_out([True] * 60 + [False] * 60), 0.1)
    row = certify(curve, 0.8)
    assert 60 <= row["n"] <= 75 and row["low"] >= 0.8
    assert certify(curve, 0.99) is None


def test_fifteen_right_answers_prove_little():
    curve = precision_curve(held_out([True] * 15), 0.1)
    assert curve["low"].tolist() == pytest.approx([beta.ppf(0.1, 15, 1)])
    assert certify(curve, 0.9) is None
    assert precision_curve(held_out([True] * 14), 0.1).empty


def test_equal_scores_are_never_parted():
    is_right = np.array([True] * 20 + [False] * 20)
    same = HeldOut(np.zeros(40), is_right, np.ones(40, bool), np.ones(40))
    curve = precision_curve(same, 0.1)
    assert curve["n"].tolist() == [40] and curve["precision"].tolist() == [0.5]


def test_uneven_weights_prove_less():
    is_right = np.arange(200) % 10 != 0
    even = precision_curve(held_out(is_right), 0.1)
    uneven = precision_curve(held_out(is_right, np.where(np.arange(200) % 4 == 0, 4.0, 0.2)), 0.1)
    assert uneven["n_effective"].iloc[-1] < 100
    assert uneven["low"].iloc[-1] < even["low"].iloc[-1]


def test_a_known_share_shifts_the_odds_and_the_bounds():
    plain, shifted = (
        precision_curve(held_out(np.arange(100) % 5 != 0, odds_ratio=r), 0.1) for r in (1.0, 1 / 3)
    )
    assert shifted["precision"].iloc[-1] == pytest.approx(0.8 / 3 / (0.8 / 3 + 0.2))
    assert (shifted["low"] < plain["low"]).all()
    assert shift_odds(shift_odds(0.7, 2), 0.5) == pytest.approx(0.7)
