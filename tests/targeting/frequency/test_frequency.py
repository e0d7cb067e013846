"""How often: caps, and what the sends can tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.targeting import TargetingSettings
from segtool.targeting.frequency.frequency import plan_frequency
from segtool.targeting.frequency.pressure import read_pressure
from segtool.targeting.sending import SendLog
from segtool.targeting.verdicts import ADVICE
from tests.targeting.fan_studies import AS_OF, fan_events, fan_personas, fan_sends, read
from tests.targeting.outreach_plans import ask


def frequency(sends=None, **settings):
    tables = {"events": fan_events()} | ({} if sends is None else {"sends": sends})
    asked = ask(read(**tables), fan_personas(), **settings)
    plan = asked.frequency(asked.channels())
    return plan.table, plan.notes


def regular_sends(n_users, weeks=20):
    """Everybody gets one e-mail a week, on the same day."""
    user = np.repeat(np.arange(n_users), weeks)
    sent = pd.Timestamp(AS_OF) - pd.to_timedelta(
        7 * np.tile(np.arange(1, weeks + 1), n_users) - 0.5, unit="D"
    )
    answered = np.random.default_rng(0).random(len(user)) < 0.2
    return pd.DataFrame(
        {
            "send_id": [f"s{i}" for i in range(len(user))],
            "user_id": [f"u{i:02d}" for i in user],
            "sent_at": sent,
            "channel": "email",
            "responded_at": pd.Series(sent + pd.Timedelta(minutes=9)).where(answered),
        }
    )


def test_a_rhythm_that_never_varied_cannot_tell():
    table, notes = frequency(regular_sends(n_users=60))
    assert table["best"].isna().all() and set(table["verdict"]) == {"assumption"}
    assert (table["weekly_cap"] == 2).all() and table["reason"].str.contains("not known").all()
    [note] = [note for note in notes if "How often" in note]
    assert "hardly varied" in note and "send at random 1, 2 or 4" in note


def test_the_strictest_cap_holds():
    assert frequency(weekly_cap_all=1)[0]["weekly_cap"].tolist() == [1, 1]
    table, _ = frequency(weekly_caps={"email": 1.5})
    assert table.set_index("channel")["weekly_cap"].to_dict() == {"email": 1.5, "app_push": 4}
    table, _ = frequency(weekly_caps={"email": None, "app_push": None}, weekly_cap_all=None)
    assert table["weekly_cap"].isna().all() and set(table["reason"]) == {"no cap is set"}


def test_pressure_is_what_came_before():
    sources = read(events=fan_events(), sends=regular_sends(n_users=2, weeks=3))
    sends = read_pressure(sources, SendLog.look(sources), TargetingSettings(pressure_days={"email": 7}))
    steady = [0, np.exp(-1), np.exp(-1) + np.exp(-2)]
    assert sends["pressure"].to_numpy() == pytest.approx(steady * 2)


def test_a_mail_presses_twice_as_long_as_a_push():
    letters = regular_sends(n_users=2, weeks=3)
    letters.loc[letters.index % 3 == 1, "channel"] = "app_push"  # the second newest of each user
    sources = read(events=fan_events(), sends=letters)
    sends = read_pressure(sources, SendLog.look(sources), TargetingSettings())
    assert sends["pressure"].to_numpy() == pytest.approx([0, np.exp(-0.5), np.exp(-1) + np.exp(-1)] * 2)


def test_where_frequency_varied_the_cap_is_observed():
    table, _ = frequency(fan_sends(n_users=120, seed=1), weekly_cap_all=None, weekly_caps={"email": 50})
    assert (
        table["fatigue"].notna().all()
        and (table["fatigue_lo"] < 0.1).all()
        and (table["fatigue_hi"] > -0.1).all()
    )
    assert (table["flat_lo"] <= table["best"]).all() and (table["best"] <= table["flat_hi"]).all()


def test_a_channel_without_a_preset_keeps_the_rhythm_it_was_sent_in():
    letters = regular_sends(n_users=60, weeks=20).assign(channel="mail")
    table, notes = frequency(letters)
    assert (table["weekly_cap"] == 1).all() and set(table["basis"]) == {"rhythm"}
    rare = letters[letters.groupby("user_id").cumcount() % 10 == 0]
    table, _ = frequency(rare, min_sends_for_channel=1)
    assert (table["weekly_cap"] == 0.25).all()
    assert table["reason"].str.startswith("at most 1 in 4 weeks: 9 in 10 users got no more on mail").all()
    assert any("no preset for mail" in note for note in notes)


def own_plan(sends=None, n_users=40, channel="email", **settings):
    tables = {"events": fan_events(n_users)} | ({} if sends is None else {"sends": sends})
    asked = ask(read(**tables), fan_personas(n_users), **settings)
    channels = pd.DataFrame({"channel": channel}, index=pd.Index([1, 2], name="persona_id"))
    return plan_frequency(asked.sources, asked.members, channels, asked.log, asked.settings)


def test_advice_says_the_cap_and_what_was_seen():
    plan = own_plan(fan_sends(n_users=60, seed=1), 60, weekly_cap_all=None, weekly_caps={"email": 1})
    assert list(plan.advice.columns) == ADVICE and set(plan.advice["aspect"]) == {"frequency"}
    assert (plan.advice["advice"] == "1 a week").all()
    assert (plan.advice["lo"] <= plan.advice["estimate"]).all()
    assert (plan.advice["estimate"] <= plan.advice["hi"]).all()
    assert plan.curve.loc[plan.curve["per_week"] > 1, "capped"].all()


@pytest.mark.parametrize("change", [
    lambda sends: None,
    lambda sends: sends.drop(columns=["channel"]),
    lambda sends: sends.drop(columns=["responded_at"]),
    lambda sends: sends.drop(columns=["responded_at", "unsubscribed_at"]),
    lambda sends: sends.drop(columns=["unsubscribed_at"]),
    lambda sends: sends.head(3),
])  # fmt: skip
def test_what_is_missing_is_a_note_and_no_crash(change):
    plan = own_plan(change(fan_sends()))
    assert len(plan.table) == 2 and (plan.table["weekly_cap"] <= 2).all()
    assert any(note.startswith("Not known - How often") for note in plan.notes)


def test_twice_is_the_same_and_the_order_of_rows_is_nothing():
    sends = fan_sends(n_users=60, seed=1)
    one, other = own_plan(sends, 60), own_plan(sends.sample(frac=1, random_state=3), 60)
    pd.testing.assert_frame_equal(one.table, other.table)
    pd.testing.assert_frame_equal(one.curve, other.curve)


def test_of_many_sends_whole_users_are_read_and_that_is_said(monkeypatch):
    monkeypatch.setattr("segtool.targeting.frequency.pressure.MAX_SENDS_FITTED", 1500)
    sends = fan_sends(n_users=60, seed=1)
    plan = own_plan(sends, 60)
    assert any("read from one user in 3, with all of their sends" in note for note in plan.notes)
    assert plan.table["n_users"].sum() == 20 and plan.table["n_sends"].sum() == 20 * 60


def test_a_send_of_today_is_not_yet_unanswered():
    sends = fan_sends(n_users=60, seed=1)
    fresh = sends.head(300).assign(
        send_id=lambda table: "n" + table["send_id"],
        sent_at=pd.Timestamp(AS_OF) - pd.Timedelta(hours=5),
        responded_at=pd.NaT,
        unsubscribed_at=pd.NaT,
    )
    both = pd.concat([sends, fresh], ignore_index=True)
    one, other = own_plan(sends, 60), own_plan(both, 60)
    assert one.table["fatigue"].to_numpy() == pytest.approx(other.table["fatigue"].to_numpy())
