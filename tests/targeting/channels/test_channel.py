"""Where: what an answer is worth and an opt-out costs."""

from __future__ import annotations

import pandas as pd
import pytest

from segtool.targeting import CHANNEL_PRESETS, TargetingSettings, plan_targeting
from tests.targeting.fan_studies import fan_events, fan_personas, fan_sends, read


def channels(**settings):
    sources = read(events=fan_events(), sends=fan_sends())
    return plan_targeting(sources, fan_personas(), settings=TargetingSettings(**settings)).channels


def test_value_is_answers_less_opt_outs():
    table = channels(optout_cost=5, response_value=2)
    value = 2 * table["response"] - 5 * table["optout"]
    assert table["estimate"].to_numpy() == pytest.approx(value.to_numpy())
    assert (table["lo"] < table["estimate"]).all() and (table["estimate"] < table["hi"]).all()


def test_dear_opt_outs_turn_a_channel_to_a_loss_and_it_says_so():
    push = channels(optout_cost=100).query("channel == 'app_push'")
    assert (push["estimate"] < 0).all() and push["reason"].str.contains("costs more than it brings").all()


def test_a_channel_that_was_hardly_used_is_left_out():
    sends = fan_sends()
    sends.loc[:9, "channel"] = "sms"
    plan = plan_targeting(read(events=fan_events(), sends=sends), fan_personas())
    assert "sms" not in set(plan.channels["channel"])
    assert any("sms: left out" in note for note in plan.notes)


def test_opens_stand_in_for_answers_and_that_is_said():
    sends = fan_sends().rename(columns={"responded_at": "opened_at"})
    plan = plan_targeting(read(events=fan_events(), sends=sends), fan_personas())
    assert plan.channels["reason"].str.contains("of sends opened").all()
    assert any("opens stand in for answers" in note for note in plan.notes)


def test_sends_without_any_outcome_fall_back_to_activity():
    sends = fan_sends().drop(columns=["responded_at", "unsubscribed_at"])
    plan = plan_targeting(read(events=fan_events(), sends=sends), fan_personas())
    assert set(plan.channels["basis"]) == {"share of activity"}


def test_rates_and_their_bounds_are_rates():
    table = channels()
    for name in ("response", "optout"):
        assert table[[name, f"{name}_lo", f"{name}_hi"]].stack().between(0, 1).all()
        assert (table[f"{name}_lo"] <= table[name]).all() and (table[name] <= table[f"{name}_hi"]).all()


def test_presets_are_the_documented_ones():
    weekly = pd.Series({name: preset.weekly for name, preset in CHANNEL_PRESETS.items()})
    assert weekly[["wecom_group", "wecom_direct", "subscription_account"]].tolist() == [7, 7, 7]
    assert weekly[["service_account", "email", "app_push"]].tolist() == [1, 2, 4]
    assert "2025-11" in CHANNEL_PRESETS["service_account"].sentence()
    assert "not evidence" in CHANNEL_PRESETS["email"].sentence()


def test_a_shop_is_no_channel_and_a_few_seen_elsewhere_are_no_persona():
    events = fan_events()
    few = events["user_id"].isin(["u00", "u20"]) | ((events["user_id"] < "u15") & (events.index % 12 == 0))
    plan = plan_targeting(
        read(
            events=events.assign(channel="store").assign(
                channel=lambda table: table["channel"].mask(few, "in_app")
            )
        ),
        fan_personas(),
    )
    rows = plan.table.groupby("persona")[["channel", "why_channel"]].first()
    assert rows["channel"].to_dict() == {"traders": "in_app", "jokers": "not known"}
    assert (
        rows["why_channel"].str.contains("of their active days are in or on store, where nothing can").all()
    )
    assert "only 1 of 20 users" in rows.loc["jokers", "why_channel"]
    assert any(note.startswith("Not known - Where: jokers") for note in plan.notes)


def test_shops_alone_leave_the_channel_open():
    plan = plan_targeting(read(events=fan_events().assign(channel="store")), fan_personas())
    assert set(plan.table["channel"]) == {"not known"} and set(plan.channels["channel"]) == {"not known"}
