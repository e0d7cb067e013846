"""Weeks with a send are compared with the same people's weeks without one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.targeting.touches.arms import arm_rates
from segtool.targeting.touches.within import adjusted, compare_within


def made(effect, seed=0, n=400, weeks=12):
    """Lively people are sent more and step up more; email adds ``effect``, sms nothing."""
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(n), weeks)
    lively = rng.random(n)[code]
    sent = rng.random(len(code)) < 0.1 + 0.8 * lively
    email = rng.random(len(code)) < 0.5
    up = rng.random(len(code)) < 0.1 + 0.4 * lively + effect * (sent & email)
    order = np.argsort(~sent, kind="stable")
    option = pd.Series(np.where(email, "email", "sms")[order][: sent.sum()])
    week = np.column_stack([np.zeros(len(code), dtype=int), np.tile(np.arange(weeks), n)])[order]
    return option, code[order], up[order], sent[order], week


def test_lively_people_do_not_make_a_send_look_useful():
    option, code, up, sent, week = made(0.0)
    assert up[sent].mean() - up[~sent].mean() > 0.1
    found = compare_within(option, code, up, sent, week)
    assert found.more.abs().max() < 0.04 and found.p_more.min() > 0.05 and found.p_others.min() > 0.05


def test_an_effect_is_found_with_its_error():
    estimates = [compare_within(*made(0.15, seed, 150)) for seed in range(40)]
    more = np.array([one.more["email"] for one in estimates])
    claimed = np.mean([one.variance["email"] for one in estimates])
    assert more.mean() == pytest.approx(0.15, abs=0.02)
    assert claimed == pytest.approx(more.var(ddof=1), rel=0.5)
    assert np.median([one.p_others["email"] for one in estimates]) < 0.01


def test_without_weeks_without_a_send_options_are_compared_with_each_other_alone():
    option, code, up, sent, week = made(0.3)
    some = np.flatnonzero(sent)
    found = compare_within(option, code[some], up[some], sent[some], week[some])
    assert found.more.isna().all() and found.p_others["email"] < 0.001 < 0.9 < found.p_others["sms"]


def test_few_people_are_not_judged():
    option, code, up, sent, week = made(0.3)
    option.iloc[np.flatnonzero(code[: sent.sum()] < 8)] = "fax"
    found = compare_within(option, code, up, sent, week)
    assert np.isnan(found.p_more["fax"]) and np.isfinite(found.p_more["sms"])


def test_missing_tests_are_not_counted():
    assert adjusted(pd.Series([np.nan, np.nan])).tolist() != [0, 0]
    assert adjusted(pd.Series([0.02, np.nan, 0.03])).tolist()[0] == pytest.approx(0.03)


def arms(lift, seed=0, n=300, each=8):
    """Sends to people who differ, one arm in four bold."""
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(n), each)
    bold = rng.random(len(code)) < 0.25
    up = rng.random(len(code)) < rng.beta(1, 3, n)[code] + lift * bold
    arm = np.where(bold, "bold", "plain")
    return pd.DataFrame({"code": code, "arm": arm, "propensity": np.where(bold, 0.25, 0.75), "up": up})


def test_chances_of_an_arm_are_held_against_what_was_sent():
    nothing = [arm_rates(arms(0.0, seed))[0]["p_drawn"].to_numpy() for seed in range(60)]
    assert np.mean(np.array(nothing) < 0.2) == pytest.approx(0.2, abs=0.12)
    table, faults = arm_rates(arms(0.15))
    p = table.set_index("option")["p_drawn"]
    assert not faults and p["bold"] < 0.001 and p["plain"] > 0.9
