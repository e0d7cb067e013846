"""Effects: equal to the books where these hold, and cautious where they do not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from segtool.measurement.effects import Outcome, measure_effects, permutation_p


def one_group(outcome, **options):
    return measure_effects(outcome, 1, np.zeros(len(outcome.y), dtype=int), 1, **options)


@pytest.fixture(scope="module")
def users():
    rng = np.random.default_rng(1)
    n = 3000
    arm = (rng.random(n) < 0.7).astype(int)
    before = rng.gamma(2.0, 1.0, n)
    sessions = 1.0 + rng.poisson(before)
    orders = rng.binomial(sessions.astype(int), 0.2 + 0.03 * arm).astype(float)
    return arm, before, sessions, orders


def test_welch_is_scipys(users):
    arm, _, _, orders = users
    found = one_group(Outcome(orders, arm), moderated=False)
    theirs = stats.ttest_ind(orders[arm == 1], orders[arm == 0], equal_var=False)
    assert found.df[0] == pytest.approx(theirs.df)
    low, high = found.interval(0.9)
    interval = theirs.confidence_interval(0.9)
    assert (low[0], high[0]) == pytest.approx((interval.low, interval.high))
    assert found.p[0] >= theirs.pvalue - 1e-12  # the larger one of two


def test_lin_is_the_interacted_regression_of_statsmodels(users):
    arm, before, _, orders = users
    found = one_group(Outcome(orders, arm, before=before[:, None]), moderated=False)
    centred = before - before.mean()
    fit = sm.OLS(orders, np.column_stack([np.ones(len(arm)), arm, centred, centred * arm])).fit(
        cov_type="HC2"
    )
    assert found.value[0] == pytest.approx(fit.params[1], abs=1e-12)
    assert found.variance[0] ** 0.5 == pytest.approx(fit.bse[1], rel=0.02)
    assert found.variance[0] < one_group(Outcome(orders, arm), moderated=False).variance[0]


def test_ratio_is_tea_tastings(users):
    import tea_tasting as tt
    arm, _, sessions, orders = users
    found = one_group(Outcome(orders, arm, per=sessions), moderated=False)
    data = pd.DataFrame({"variant": arm, "orders": orders, "sessions": sessions})
    theirs = tt.Experiment(ratio=tt.RatioOfMeans("orders", "sessions")).analyze(data)["ratio"]
    low, high = found.interval(0.95)
    assert found.value[0] == pytest.approx(theirs.effect_size, abs=1e-10)
    assert (low[0], high[0]) == pytest.approx(
        (theirs.effect_size_ci_lower, theirs.effect_size_ci_upper), abs=1e-10
    )


def test_ratio_by_the_naive_way_would_be_too_sure():
    rng = np.random.default_rng(3)
    n = 2000
    arm, per = (rng.random(n) < 0.5).astype(int), rng.geometric(0.1, n).astype(float)
    answers = rng.binomial(per.astype(int), rng.beta(1, 3, n)).astype(float)
    found = one_group(Outcome(answers, arm, per=per), moderated=False)
    rate = answers.sum() / per.sum()
    naive = rate * (1 - rate) * sum(1 / per[arm == side].sum() for side in (0, 1))
    assert found.variance[0] > 2 * naive


def test_permutation_agrees_with_drawing_at_random():
    rng = np.random.default_rng(5)
    value = np.exp(1.5 * rng.normal(size=200)) * (rng.random(200) < 0.3)
    side = (rng.random(200) < 0.85).astype(int)
    n = np.array([[(side == 0).sum(), (side == 1).sum()]], dtype=float)
    drawn = np.array([value[rng.permutation(side) == 1].sum() for _ in range(4000)])
    for _ in range(4):
        again = rng.permutation(side)
        seen = value[again == 1].sum()
        expected = 2 * min((drawn <= seen).mean(), (drawn >= seen).mean())
        assert permutation_p(value, again, np.zeros(200, dtype=int), n)[0] == pytest.approx(
            expected, abs=0.08
        )


def test_a_rare_event_missing_from_a_small_control_proves_nothing():
    arm = np.repeat([0, 1], [40, 400])
    hit = np.zeros(440)
    hit[40:52] = 1  # 3 % against none of 40: its own variance in control is 0
    book, ours = (one_group(Outcome(hit, arm), moderated=m) for m in (False, True))
    assert stats.ttest_ind(hit[40:], hit[:40], equal_var=False).pvalue < 0.001
    assert ours.p[0] > 0.2 and ours.variance[0] > 2 * book.variance[0]


def test_covariates_share_their_slopes_so_that_small_personas_gain_too():
    rng = np.random.default_rng(8)
    n, group = 4000, np.repeat([0, 1], [3970, 30])
    before = rng.normal(size=n)
    arm = (rng.random(n) < 0.5).astype(int)
    y = 3 * before + rng.normal(size=n)
    plain = measure_effects(Outcome(y, arm), 1, group, 2)
    better = measure_effects(Outcome(y, arm, before=before[:, None]), 1, group, 2)
    assert better.variance[1] < 0.3 * plain.variance[1]


def test_an_arm_that_is_missing_in_a_group_leaves_it_unknown():
    arm, group = np.array([0, 1, 1, 1, 0, 1]), np.array([0, 0, 0, 1, 2, 2])
    found = measure_effects(Outcome(np.arange(6.0), arm), 1, group, 3)
    assert np.isnan(found.value).tolist() == [False, True, False] and np.isnan(found.p[1])
