"""Curves, means and tests of survival against statsmodels and against arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from segtool.errors import InputError, ParameterError
from segtool.measurement.retention.survival import kaplan_meier, log_rank, restricted_mean


@st.composite
def lives(draw):
    """Durations with ties, losses, groups and, at times, delayed entry."""
    seed, n = draw(st.integers(0, 10_000)), draw(st.integers(12, 80))
    rng = np.random.default_rng(seed)
    time = rng.integers(1, 12, n).astype(float)
    entry = np.maximum(time - rng.integers(1, 9, n), 0) if draw(st.booleans()) else None
    lost = rng.random(n) < 0.6
    lost[:3] = True
    group = rng.integers(0, draw(st.integers(2, 4)), n)
    group[:4] = [0, 1, 0, 1]
    return time, lost, entry, group


@settings(max_examples=30, deadline=None, derandomize=True)
@given(lives())
def test_the_curve_is_that_of_statsmodels(life):
    time, lost, entry, _ = life
    curve = kaplan_meier(time, lost, entry)
    peer = SurvfuncRight(time, lost.astype(int), entry=entry)
    assert np.array_equal(curve.times, peer.surv_times)
    assert np.array_equal(curve.at_risk, peer.n_risk)
    np.testing.assert_allclose(curve.survival, peer.surv_prob, atol=1e-10)
    known = np.isfinite(curve.std_error)
    np.testing.assert_allclose(curve.std_error[known], peer.surv_prob_se[known], atol=1e-10)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(lives())
def test_the_log_rank_is_that_of_statsmodels(life):
    time, lost, entry, group = life
    try:
        statistic, p_value = survdiff(time, lost.astype(int), group, entry=entry)
    except np.linalg.LinAlgError:  # a group that is never at risk beside another
        return
    test = log_rank(time, lost, group, entry)
    assert test.statistic == pytest.approx(statistic, rel=1e-10, abs=1e-10)
    assert test.p_value == pytest.approx(p_value, rel=1e-9, abs=1e-12)
    assert test.observed.sum() == pytest.approx(test.expected.sum())


def test_weights_are_so_many_rows():
    time, lost, weight = np.array([2.0, 3, 3, 5]), np.array([1, 1, 0, 0]), np.array([3, 2, 4, 1])
    rows = np.repeat(np.arange(4), weight)
    short, long = kaplan_meier(time, lost, weights=weight), kaplan_meier(time[rows], lost[rows])
    assert np.array_equal(short.survival, long.survival)
    assert np.array_equal(short.std_error, long.std_error)
    group = np.array([0, 1, 0, 1])
    one, two = log_rank(time, lost, group, weights=weight), log_rank(time[rows], lost[rows], group[rows])
    assert one.statistic == pytest.approx(two.statistic, abs=1e-12)


def test_without_censoring_the_mean_and_its_variance_are_the_plain_ones():
    time = np.array([1.0, 2, 4, 7, 7, 9, 12, 15])
    held = np.minimum(time, 10)
    mean = restricted_mean(kaplan_meier(time, np.ones(8)), 10)
    assert mean.mean == pytest.approx(held.mean())
    assert mean.variance == pytest.approx(held.var() / 8)


def test_the_mean_ends_where_observation_does():
    curve = kaplan_meier([3, 5, 8], [1, 0, 0])
    assert restricted_mean(curve, 8).mean == pytest.approx(3 + 5 * 2 / 3)
    with pytest.raises(ParameterError, match="observed for longer than 8"):
        restricted_mean(curve, 9)
    assert np.isnan(curve.at(9))
    ended = kaplan_meier([3, 5], [1, 1])
    assert restricted_mean(ended, 100).mean == pytest.approx(4)
    assert ended.at(100) == 0


def test_intervals_of_the_curve_hold_the_truth():
    rng, held = np.random.default_rng(5), 0
    for _ in range(200):
        life, end = rng.exponential(10, 60), rng.uniform(0, 25, 60)
        curve = kaplan_meier(np.minimum(life, end), life <= end, confidence=0.9)
        place = np.searchsorted(curve.times, 7, side="right") - 1
        held += curve.lo[place] <= np.exp(-0.7) <= curve.hi[place]
    assert 0.84 <= held / 200 <= 0.96


@pytest.mark.parametrize(
    ("durations", "observed", "entry", "word"),
    [
        ([], [], None, "no durations"),
        ([1, 2], [1], None, "differ in length"),
        ([1, -2], [1, 1], None, "negative"),
        ([1, np.nan], [1, 1], None, "missing"),
        ([1, 2], [1, 1], [0, 2], "1 users entered"),
    ],
)
def test_what_cannot_be_read_is_refused(durations, observed, entry, word):
    with pytest.raises(InputError, match=word):
        kaplan_meier(durations, observed, entry)


def test_one_group_is_nothing_to_compare():
    with pytest.raises(InputError, match="one group"):
        log_rank([1, 2], [1, 1], ["a", "a"])


def test_groups_never_at_risk_together_are_not_compared():
    test = log_rank([1, 1, 5, 6], [1, 1, 1, 1], [0, 0, 1, 1], entry=[0, 0, 3, 3])
    assert test.degrees == 0
    assert np.isnan(test.p_value)
