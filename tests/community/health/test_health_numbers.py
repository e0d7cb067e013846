"""Intervals, trends, threads and voices, against numbers worked by hand or by another library."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.proportion import proportion_confint

from segtool.community.health.bursts import burst_chances
from segtool.community.health.health import judge_groups
from segtool.community.health.intervals import day_shares, share_interval
from segtool.community.health.said import members_by_week, read_said
from segtool.community.health.threads import read_threads
from segtool.community.health.trends import fit_trends, spread_around_steps
from tests.community.health.chats import chat, read, roster


def test_shares_have_wilsons_interval():
    lo, hi = share_interval(np.array([0.3]), np.array([40.0]), 1.959964)
    assert (lo[0], hi[0]) == pytest.approx(proportion_confint(12, 40, method="wilson"), abs=1e-6)


def test_messages_of_one_day_are_worth_less_and_independent_ones_as_many_as_they_are():
    rng = np.random.default_rng(0)
    day = np.repeat(np.arange(40), 25)
    for theme, low, high in ((rng.random(40)[day] < 0.5, 30, 50), (rng.random(1000) < 0.5, 700, 1000)):
        worth = day_shares(theme.astype(float), np.ones(1000), np.zeros(1000, int), day, 1)[2]
        assert low <= worth[0] <= high


def test_trends_are_those_of_a_quasi_poisson_regression():
    rng = np.random.default_rng(3)
    weeks = np.arange(20)
    hits = rng.poisson(30 * np.exp(-0.03 * weeks)).astype(float)
    found = fit_trends(hits[None], None, np.ones((1, 20), bool), 0.95)
    fit = sm.GLM(hits, sm.add_constant(-weeks / 4), family=sm.families.Poisson()).fit(scale="X2")
    assert found["slope"][0] == pytest.approx(fit.params[1], abs=2e-3)
    assert found["lo"][0] <= fit.params[1] - 1.9 * fit.bse[1] * (fit.scale >= 1)


def test_a_flat_share_has_no_trend_and_too_few_weeks_have_none_known():
    rng = np.random.default_rng(1)
    counts = np.full((200, 26), 20.0)
    found = fit_trends(rng.binomial(20, 0.3, (200, 26)).astype(float), counts, counts > 0, 0.95)
    assert 0.9 <= np.mean((found["lo"] < 0) & (found["hi"] > 0)) <= 1
    short = fit_trends(np.ones((1, 26)), None, np.arange(26)[None] < 5, 0.95)
    assert np.isnan(short["slope"][0]) and short["weeks"][0] == 5


def test_threads_have_depth_delay_and_no_end_in_a_circle():
    at = "2026-06-01 09:{:02d}"
    answers = [None, "m0", "m1", "m0"]
    rows = [{"message_id": f"m{n}", "group_id": "g", "user_id": f"u{n % 2}", "sent_at": at.format(5 * n),
             "reply_to": to} for n, to in enumerate(answers)]  # fmt: skip
    talk = read(rows)
    threads = read_threads(talk)
    assert threads.depth.tolist() == [0, 1, 2, 1]
    assert threads.delay[:2].tolist() == [300, 300] and np.isnan(threads.delay[2])
    circle = talk.with_replies(np.array([1, 0, -1, -1]), np.array([1.0, 1, 0, 0]))
    assert read_threads(circle).depth.tolist() == [64, 64, 0, 0]
    assert not read_threads(talk.with_replies(np.full(4, 0), np.full(4, 0.2))).answers.any()  # unsure links


def test_voices_are_counted_as_the_chaoss_factor_and_gini_do():
    voices = ["a"] * 50 + ["b"] * 25 + ["c"] * 15 + ["d"] * 10
    rows = [{"group_id": "g", "user_id": user, "sent_at": f"2026-06-{8 + n % 20:02d} 10:00"}
            for n, user in enumerate(voices)]  # fmt: skip
    row = judge_groups(read(rows)).table.iloc[0]
    assert (row["top1"], row["top3"], row["absence_factor"]) == (0.5, 0.9, 1)
    assert row["gini"] == pytest.approx(0.325)  # by the mean of all differences


def test_pairs_who_answer_both_ways_are_counted_once():
    order = [("a", None), ("b", 0), ("a", 1), ("c", 0), ("d", 0)]
    rows = [{"message_id": f"m{n}", "group_id": "g", "user_id": user, "sent_at": f"2026-06-{20 + n} 10:00",
             "reply_to": None if to is None else f"m{to}"} for n, (user, to) in enumerate(order)]  # fmt: skip
    row = judge_groups(read(rows)).table.iloc[0]
    assert row["reciprocity_n"] == 3 and row["reciprocity"] == pytest.approx(1 / 3)
    assert row["centralisation"] == pytest.approx((4 * 3 - 4) / 9)  # a is answered by 3, b by 1


def test_members_of_a_week_are_those_who_had_joined_and_not_left():
    members = [
        *roster("g", 1, 100), {"group_id": "g", "user_id": "new", "joined_at": "2026-06-26"},
        {"group_id": "g", "user_id": "gone", "joined_at": "2026-05-01", "left_at": "2026-06-20"},
        {"group_id": "g", "user_id": "unknown"},
    ]  # fmt: skip
    assert members_by_week(read(None, members), 4).tolist() == [[3, 2, 3, 3]]


def test_a_burst_is_one_against_the_groups_own_past_only():
    quiet = np.r_[[8.0], np.zeros(12)]
    loud = np.r_[[8.0], np.full(12, 7.0)]
    p, expected = burst_chances(np.stack([quiet, loud]), np.ones((2, 13)), np.ones((2, 13), bool))
    assert p[0, 0] < 0.01 < 0.2 < p[1, 0] and expected[0, 0] < expected[1, 0]
    assert np.isnan(p[:, -3:]).all()  # no past, no judgement


def test_tenure_is_by_the_roster_or_else_since_the_first_message():
    rows = chat("g", days=[10, 5], daily=1, voices=1)
    assert read_said(read(rows, roster("g", 1, 30))).tenure.round().tolist() == [20, 25]
    assert read_said(read(rows)).tenure.round().tolist() == [0, 5]


def test_a_jump_is_no_restlessness_and_restless_weeks_stay_restless():
    rng = np.random.default_rng(1)
    week = np.arange(26)
    counts = np.full((200, 26), 60.0)
    there = counts > 0
    jump = rng.binomial(60, np.where(week < 6, 0.1, 0.9), (200, 26)).astype(float)
    restless = rng.binomial(60, rng.beta(8, 2, (200, 26))).astype(float)
    assert np.median(fit_trends(jump, counts, there, 0.95)["spread"]) > 5
    assert np.median(spread_around_steps(jump, counts, there)) < 1.5
    assert np.median(spread_around_steps(restless, counts, there)) > 4
