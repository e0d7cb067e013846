"""The sample-ratio check: chi-square as in the books, over all and by persona."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from segtool.errors import InputError, ParameterError
from segtool.measurement import check_ratio


def arms_of(**counts):
    return pd.Series(np.repeat(list(counts), list(counts.values())))


def test_equal_to_scipy():
    check = check_ratio(arms_of(control=1080, a=8920), {"control": 0.1, "a": 0.9})
    chi2, p = stats.chisquare([1080, 8920], [1000, 9000])
    assert check.table["p"].iloc[0] == pytest.approx(p, rel=1e-12)
    assert check.table["chi2"].iloc[0] == pytest.approx(chi2) and check.passed


def test_a_mismatch_stops_and_says_what_usually_causes_it():
    check = check_ratio(arms_of(control=800, a=9200), {"control": 0.1, "a": 0.9})
    assert not check.passed
    assert "opt-out" in check.headline() and "No result of this test" in check.headline()


def test_a_mismatch_in_one_persona_is_found_although_the_whole_is_right():
    arms = arms_of(control=1000, a=1000)
    persona = np.repeat([1, 2, 1, 2], [800, 200, 200, 800])
    check = check_ratio(
        arms,
        {"control": 1, "a": 1},
        personas=pd.DataFrame({"persona_id": persona, "persona": np.where(persona == 1, "cooks", "readers")}),
    )
    assert check.table.loc[0, "passed"] and not check.passed
    assert "cooks" in check.headline() and "readers" in check.headline()


def test_unknown_shares_are_not_taken_for_right():
    check = check_ratio(arms_of(control=10, a=9990))
    assert check.passed and np.isnan(check.table["p"].iloc[0]) and "not given" in check.headline()


def test_false_alarms_are_rare():
    rng = np.random.default_rng(0)
    stopped = [
        not check_ratio(
            pd.Series(np.where(rng.random(500) < 0.2, "control", "a")), {"control": 0.2, "a": 0.8}
        ).passed
        for _ in range(100)
    ]
    assert np.mean(stopped) <= 0.02


def test_few_users_are_not_judged_and_users_where_nobody_should_be_are():
    assert np.isnan(check_ratio(arms_of(control=1, a=6), {"control": 0.1, "a": 0.9}).table["p"].iloc[0])
    assert not check_ratio(arms_of(control=50, a=50, b=1), {"control": 0.5, "a": 0.5, "b": 0}).passed


def test_bad_shares_are_refused():
    with pytest.raises(InputError, match="not expected"):
        check_ratio(arms_of(control=5, a=5), {"control": 0.5, "b": 0.5})
    with pytest.raises(ParameterError, match="sum to 0"):
        check_ratio(arms_of(control=5, a=5), {"control": 0, "a": 0})
    with pytest.raises(InputError, match="There are 1 arms"):
        check_ratio(arms_of(control=5))
