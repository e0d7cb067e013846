"""Caps: every limit that holds, from one function, and who is to rest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.targeting import CHANNEL_PRESETS, TargetingSettings
from segtool.targeting.frequency.caps import caps_for, pressure_days, weekly_cap
from segtool.targeting.frequency.pauses import run_lengths, send_pauses
from segtool.targeting.sending import SendLog
from tests.targeting.fan_studies import AS_OF, fan_events, fan_sends, read
from tests.targeting.outreach_plans import usual


def limits(channel, **settings):
    return [(cap.limit, cap.days, cap.basis) for cap in caps_for(channel, TargetingSettings(**settings))]


def test_every_preset_says_how_much_in_which_days_and_who_says_so():
    for channel, preset in CHANNEL_PRESETS.items():
        caps = caps_for(channel)
        assert bool(caps) == preset.pushed
        assert all(cap.stated and cap.basis == preset.kind for cap in caps)
    assert "2025-11" in caps_for("service_account")[0].stated


def test_a_platforms_rule_stays_whatever_the_study_wishes():
    assert limits("service_account", weekly_caps={"service_account": 9})[0] == (4, 31, "platform")
    assert limits("app_push", weekly_caps={"app_push": 9}) == [(9, 7, "study")]
    assert limits("app_push", daily_caps={"app_push": 2}) == [(2, 1, "study")]
    assert limits("service_account", weekly_caps={"service_account": None}) == []


def test_fractions_become_whole_sends():
    assert limits("email", weekly_caps={"email": 0.5}) == [(1, 14, "study")]
    assert limits("email", weekly_caps={"email": 1.5}) == [(2, 7, "study"), (3, 14, "study")]
    assert limits("email", weekly_caps={"email": 0.02}) == [(1, 350, "study")]
    assert limits("email", monthly_caps={"email": 0.5}) == [(1, 62, "study")]


def test_all_channels_together_have_a_cap_of_the_house():
    assert limits(None) == [(5, 7, "house")]
    assert limits(None, weekly_cap_all=None) == []
    assert weekly_cap("wecom_group", TargetingSettings(weekly_cap_all=3)) == 3


@pytest.mark.parametrize("name", ["weekly_caps", "daily_caps", "monthly_caps", "pressure_days"])
def test_no_cap_is_zero(name):
    with pytest.raises(ValueError, match="not above 0; leave out"):
        TargetingSettings(**{name: {"email": 0}})


@pytest.mark.parametrize("cap", [{"weekly_caps": {"email": 0.01}}, {"weekly_cap_all": 0.01}])
def test_a_cap_below_one_a_year_is_refused_not_loosened(cap):
    with pytest.raises(ValueError, match="below one send a year"):
        TargetingSettings(**cap)


def test_pressure_may_be_said_by_the_study():
    assert pressure_days("sms", TargetingSettings(pressure_days={"sms": 3})) == 3
    assert pressure_days(None) == pressure_days("unheard_of") == 7


def pauses(sends, events=None, **settings):
    sources = read(events=fan_events() if events is None else events, sends=sends)
    return send_pauses(sources, SendLog.look(sources), TargetingSettings(**settings))


def ignored_since(n, n_users=40):
    """Sends every four days, half of them answered, but u00's last n are not."""
    user = np.repeat(np.arange(n_users), 20)
    place = np.tile(np.arange(20), n_users)  # 0 is the newest
    sent = pd.Timestamp(AS_OF) - pd.to_timedelta(4 * place + 4, unit="D")
    answered = np.where(user == 0, place >= n, place % 2 == 0)
    return pd.DataFrame({
        "send_id": np.arange(len(user)).astype(str), "user_id": [f"u{i:02d}" for i in user], "sent_at": sent,
        "channel": "email", "responded_at": pd.Series(sent + pd.Timedelta(minutes=9)).where(answered),
    })  # fmt: skip


@pytest.mark.parametrize(("n", "factor", "stopped"), [(3, 2, False), (6, 4, False), (8, 4, True)])
def test_those_who_ignore_get_less_and_then_nothing(n, factor, stopped):
    [row] = pauses(ignored_since(n)).table.to_dict("records")
    assert (row["user_id"], row["n_ignored"]) == ("u00", n)
    assert (row["gap_factor"], row["stopped"]) == (factor, stopped)


def test_two_in_a_row_are_nothing_and_rules_may_be_switched_off():
    assert pauses(ignored_since(2)).table.empty
    assert pauses(ignored_since(19), backoff_after=None, stop_after=None).table.empty
    assert pauses(ignored_since(4), ignored_after_days=5).table["n_ignored"].tolist() == [3]


def test_a_machines_open_is_still_ignoring():
    sends = ignored_since(4)
    opened = sends["sent_at"] + pd.Timedelta(seconds=1)
    assert pauses(sends.assign(opened_at=opened)).table["user_id"].tolist() == ["u00"]
    read_later = sends["sent_at"] + pd.Timedelta(minutes=30)
    assert pauses(sends.assign(opened_at=read_later)).table.empty


def test_where_few_answer_a_long_run_says_nothing():
    backoff, stop = run_lengths(0.03, TargetingSettings())
    assert stop > 90 and 0.95**0.5 > (1 - 0.03) ** stop <= 0.05 and backoff > 30
    sends = fan_sends(per_user=9)
    few = sends.assign(responded_at=sends["responded_at"].where(np.arange(len(sends)) % 40 == 0))
    assert not pauses(few).table["stopped"].any()


def test_a_complaint_is_followed_by_silence():
    events = fan_events()
    events.loc[0, ["event", "event_time"]] = ["complain", pd.Timestamp(AS_OF) - pd.Timedelta(hours=30)]
    found = pauses(ignored_since(0), events)
    [row] = found.table.to_dict("records")
    assert row["channel"] == "" and row["days_left"] == pytest.approx((72 - 30) / 24)
    assert pauses(ignored_since(0), events, cooloff_hours=24).table.empty
    assert "1 user complained" in found.notes[0]


def test_without_sends_nobody_rests():
    sources = usual(with_sends=False)
    assert send_pauses(sources, SendLog.look(sources), TargetingSettings()).table.empty
