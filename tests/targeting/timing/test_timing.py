"""When: being around, answering, and the hours that stay quiet."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd

from segtool.targeting import TargetingSettings, plan_targeting
from tests.targeting.fan_studies import days_ago, fan_events, fan_personas, fan_sends, read


def chosen(plan):
    return plan.table.groupby("persona")["daypart"].first().to_dict()


def test_night_people_are_not_woken():
    events = fan_events()
    events["event_time"] = days_ago(
        np.arange(len(events)) % 25 + 1, np.where(np.arange(len(events)) % 4 > 0, 2, 15)
    )
    plan = plan_targeting(read(events=events), fan_personas())
    assert set(chosen(plan).values()) == {"afternoon"}
    why = plan.table["why_daypart"].iloc[0]
    assert why.endswith("most active at 2 h, inside the quiet hours 22 to 8; the best allowed is afternoon")
    quiet = plan.send_times.query("unit == 'hour' and slot == '02'")
    assert not quiet["allowed"].any()


def test_hours_are_local():
    events = fan_events()
    events["event_time"] = events["event_time"].dt.tz_localize("UTC")
    plan = plan_targeting(read(zone="Asia/Shanghai", events=events), fan_personas())
    assert chosen(plan)["traders"] == "afternoon"  # 9 h in UTC is 17 h there


def test_answers_overrule_habits_only_when_surely_better():
    events, sends = fan_events(), fan_sends()
    assert set(chosen(plan_targeting(read(events=events, sends=sends), fan_personas())).values()) == {
        "evening"
    }
    even = sends.assign(responded_at=sends["responded_at"].where(np.arange(len(sends)) % 3 == 0))
    even["sent_at"] = even["sent_at"].sample(frac=1, random_state=0).to_numpy()
    even["responded_at"] = (even["sent_at"] + pd.Timedelta(minutes=5)).where(np.arange(len(even)) % 5 == 0)
    plan = plan_targeting(read(events=events, sends=even), fan_personas())
    assert chosen(plan) == {"traders": "morning", "jokers": "evening"}


def test_both_kinds_are_kept_apart():
    plan = plan_targeting(read(events=fan_events(), sends=fan_sends()), fan_personas())
    around, answers = (plan.send_times.query(f"kind == '{kind}'") for kind in ("around", "answers"))
    assert set(around["unit"]) == {"hour", "weekday", "daypart"} and set(answers["unit"]) == {"daypart"}
    rates = answers.groupby("slot")["estimate"].mean()
    assert 0.07 < rates["morning"] < 0.13 and 0.25 < rates["evening"] < 0.35
    shares = around.groupby(["persona_id", "unit"])["estimate"].sum()
    assert np.allclose(shares, 1, atol=0.02)  # each slot is shrunk on its own
    assert (
        (plan.send_times["lo"] <= plan.send_times["estimate"])
        & (plan.send_times["estimate"] <= plan.send_times["hi"])
    ).all()


def test_activity_that_a_send_called_forth_does_not_count():
    events, sends = fan_events(), fan_sends()
    called = sends[sends["responded_at"].notna()]
    clicks = pd.DataFrame(
        {
            "user_id": called["user_id"],
            "event_time": called["responded_at"],
            "event": "click",
            "topic": "stocks",
        }
    )
    plain = plan_targeting(read(events=events, sends=sends), fan_personas())
    more = plan_targeting(read(events=pd.concat([events, clicks]), sends=sends), fan_personas())
    pick = "kind == 'around' and unit == 'daypart'"
    pd.testing.assert_frame_equal(plain.send_times.query(pick), more.send_times.query(pick))


def test_quiet_hours_can_be_moved():
    settings = TargetingSettings(quiet_from_hour=8, quiet_to_hour=18)
    plan = plan_targeting(read(events=fan_events()), fan_personas(), settings=settings)
    assert chosen(plan)["traders"] not in {"midday", "afternoon"}
    assert "most active at 9 h, inside the quiet hours 8 to 18" in plan.table["why_daypart"].iloc[0]


def test_words_and_hours_are_those_of_the_label():
    from segtool.labels import builtin_catalog
    from segtool.targeting.timing.dayparts import daypart_hours

    by = str(builtin_catalog()["daypart"].claims[0].by)
    database = duckdb.connect()
    for hour in range(24):
        word = database.sql(f"SELECT {by.replace('local_hour', str(hour))}").fetchone()[0]
        assert hour in daypart_hours(word)


def test_midday_people_are_met_at_midday():
    events = fan_events()
    events["event_time"] = days_ago(np.arange(len(events)) % 25 + 1, 10 + np.arange(len(events)) % 3)
    assert set(chosen(plan_targeting(read(events=events), fan_personas())).values()) == {"midday"}
