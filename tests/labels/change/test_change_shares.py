import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from segtool.labels.change.shares import divergence, share_difference, stability_index, wilson

COUNTS = st.lists(st.integers(0, 1000), min_size=1, max_size=6).map(np.array)


@given(COUNTS)
def test_nothing_moved_is_no_drift(counts):
    assert stability_index(counts, counts)[0] == pytest.approx(0)
    assert divergence(counts, counts) == pytest.approx(0)


@given(COUNTS, st.data())
def test_drift_is_finite_and_never_negative(before, data):
    after = np.array(data.draw(st.lists(st.integers(0, 1000), min_size=len(before), max_size=len(before))))
    index, chance = stability_index(before, after)
    assert np.isfinite(index) and index >= -1e-12 and chance >= 0
    assert -1e-12 <= divergence(before, after) <= 1 + 1e-12


def test_chance_is_what_resampling_gives():
    rng = np.random.default_rng(0)
    shares = [0.5, 0.3, 0.2]
    pairs = [(rng.multinomial(300, shares), rng.multinomial(500, shares)) for _ in range(2000)]
    found = [stability_index(before, after) for before, after in pairs]
    assert np.mean([index for index, _ in found]) == pytest.approx(found[0][1], rel=0.1)


def test_intervals_equal_statsmodels():
    low, high = proportion_confint(7, 30, method="wilson")
    assert wilson(7, 30)[1:] == pytest.approx((low, high), abs=1e-4)
    low, high = confint_proportions_2indep(48, 80, 56, 70, method="newcomb", compare="diff")
    assert share_difference(56, 70, 48, 80)[1:] == pytest.approx((low, high), abs=1e-4)


def test_a_share_of_nobody_is_missing():
    assert np.isnan(wilson(0, 0)[0])
