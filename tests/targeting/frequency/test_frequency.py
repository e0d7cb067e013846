"""How often: caps, and what the sends can tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.targeting import TargetingSettings, plan_targeting
from tests.targeting.fan_studies import AS_OF, fan_events, fan_personas, fan_sends, read


def frequency(sends=None, **settings):
    tables = {"events": fan_events()} | ({} if sends is None else {"sends": sends})
    plan = plan_targeting(read(**tables), fan_personas(), settings=TargetingSettings(**settings))
    return plan.frequency, plan.notes


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
    from segtool.targeting.frequency.frequency import _read_pressure
    from segtool.targeting.sending import SendLog

    sources = read(events=fan_events(), sends=regular_sends(n_users=2, weeks=3))
    sends, _ = _read_pressure(sources, SendLog.look(sources))
    steady = [0, np.exp(-1), np.exp(-1) + np.exp(-2)]
    assert sends["pressure"].to_numpy() == pytest.approx(steady * 2)


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
