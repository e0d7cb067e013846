"""Next best touch and hazard from a log of sends, and what is said where the log cannot tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.touches import simulate_nothing
from segtool.targeting import TargetingSettings
from segtool.targeting.touches.next_touch import next_touches
from segtool.targeting.verdicts import ADVICE, ASSOCIATED, LOGGED
from tests.targeting.touches.touch_studies import plan_of, touch_log


@pytest.fixture(scope="module")
def log():
    return touch_log(effect=0.3)


@pytest.fixture(scope="module")
def found(log):
    return plan_of(*log)


def row(plan, by, option, stage="attention"):
    table = plan.options
    return table[(table["stage"] == stage) & (table["by"] == by) & (table["option"] == option)].iloc[0]


def test_the_channel_that_works_is_advised(found):
    email, sms = row(found, "channel", "email"), row(found, "channel", "sms")
    assert email["increment_lo"] > 0.1 and abs(sms["increment"]) < 0.07
    assert email["estimate"] == pytest.approx(0.33, abs=0.08) and sms["base"] == pytest.approx(0.05, abs=0.04)
    assert list(found.advice.columns) == ADVICE
    assert found.advice["advice"].iloc[0].startswith("email: ")
    assert "more than in the same people's own weeks" in found.advice["reason"].iloc[0]
    assert email["increment_q"] < 0.01 < sms["increment_q"] and "attention: email" in found.sure


def test_chances_support_only_an_arm_that_moves_more_than_what_was_sent(found):
    assert set(found.options["verdict"]) == {
        ASSOCIATED
    }  # both arms do the same: passing a gate is no support
    assert not found.advice["advice"].str.startswith("arm ").any()


def test_what_was_not_drawn_by_a_logged_chance_stays_associated():
    plan = plan_of(*touch_log(bold=0.3))
    verdicts = plan.options.groupby("by")["verdict"].unique().map(set)
    assert LOGGED in verdicts["arm"] and verdicts["channel"] == {ASSOCIATED}
    drawn = plan.options[plan.options["verdict"] == LOGGED]
    assert set(drawn["option"]) == {"bold"}
    arm = plan.advice[plan.advice["advice"].str.startswith("arm ")]
    assert (arm["verdict"] == LOGGED).all() and len(arm) == 1 and arm["level"].tolist() == ["everyone"]


def test_the_livelier_being_sent_more_is_no_effect():
    options, _ = next_touches(simulate_nothing(0, "activity", 300), TargetingSettings(), 0.0)
    assert options["increment_q"].notna().sum() > 50 and not (options["increment_q"] <= 0.05).any()
    assert not (options["others_q"] <= 0.05).any()


def test_the_last_stage_on_record_is_told_as_acting_again(log):
    events, sends = log
    plan = plan_of(events[events["event"] == "purchase"], sends)
    own = plan.advice[plan.advice["unit"] == "acting again per send"]
    assert len(own) and own["reason"].str.contains("took that step again").all()
    assert any("every step on record is of one stage, action" in note for note in plan.notes)


def test_sends_that_bring_nothing_are_not_said_to(log):
    plan = plan_of(*touch_log(seed=2))
    assert plan.best_touches is None
    assert any("sends may bring nothing at all" in note for note in plan.notes)
    overall = row(plan, "any send", "any")
    assert overall["increment_lo"] < 0 < overall["increment_hi"]


def test_sends_that_work_are_worth_making(found):
    assert found.outcome == "action" and found.best_touches >= 3
    assert (found.hazard["hazard"].head(4) > found.hazard["base"].head(4)).all()
    assert found.hazard["reached"].is_monotonic_increasing
    assert found.caps["converters_mean"].is_monotonic_increasing
    assert any("is a saying, not a finding" in note for note in found.notes)


def test_a_dear_send_is_worth_making_no_more(log):
    assert plan_of(*log, touch_cost=0.9).best_touches is None


def test_the_same_log_gives_the_same_plan(log, found):
    events, sends = log
    again = plan_of(events.sample(frac=1, random_state=2), sends.sample(frac=1, random_state=3))
    pd.testing.assert_frame_equal(again.options, found.options)
    pd.testing.assert_frame_equal(again.hazard, found.hazard)


@pytest.mark.parametrize("fault", [0.0, np.nan, 0.02])
def test_propensities_that_cannot_be_right_prove_nothing(log, fault):
    events, sends = log
    broken = sends.assign(propensity=np.where(sends["arm"] == "bold", fault, 0.75))
    plan = plan_of(events, broken)
    assert (
        LOGGED not in set(plan.options["verdict"]) and not plan.advice["advice"].str.startswith("arm").any()
    )
    if fault == 0.02:
        assert any("do not add up" in note for note in plan.notes)


def test_no_sends_say_why():
    events, _ = touch_log(20)
    plan = plan_of(events)
    assert plan.advice.empty and plan.hazard.empty and "nothing was sent" in plan.notes[0]


def test_sends_without_steps_after_are_judged_by_answers():
    events, sends = touch_log(60)
    plan = plan_of(events[events["event"] == "view"], sends)
    assert plan.outcome == "answer" and plan.hazard["base"].isna().all()
    assert any("answer needs a send" in note for note in plan.notes)


def test_no_events_at_all_still_have_answers():
    _, sends = touch_log(60)
    plan = plan_of(None, sends)
    assert plan.options.empty and not plan.hazard.empty and plan.advice.empty


def test_few_sends_tell_no_curve():
    events, sends = touch_log(40)
    plan = plan_of(events, sends.head(12))
    assert plan.hazard.empty and any("are needed to tell the curve" in note for note in plan.notes)


def test_columns_that_are_missing_are_left_out(log):
    events, sends = log
    bare = sends[["send_id", "user_id", "sent_at"]].head(1500)
    plan = plan_of(events, bare)
    assert set(plan.options["by"]) == {"any send", "touch number"} and plan.advice.empty


def test_all_users_new_have_no_history(log):
    events, sends = touch_log(300, weeks=7, seed=4, effect=0.3)
    first = sends.groupby("user_id")["sent_at"].min()
    later = events[events["event_time"] > events["user_id"].map(first)]
    plan = plan_of(later, sends)
    assert plan.hazard["base"].isna().all() and any(
        "nobody having acted before" in note for note in plan.notes
    )


def test_personas_of_one(log):
    events, sends = touch_log(30, effect=0.5)
    plan = plan_of(events, sends, lambda ids: pd.Series(ids, index=ids))
    assert plan.advice.empty or plan.advice.groupby("persona_id")["rank"].max().le(4).all()
