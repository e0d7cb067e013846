"""When: being around, answering, and the hours that stay quiet."""

from __future__ import annotations

import re

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from segtool.errors import InputError
from segtool.targeting import TargetingSettings
from segtool.targeting.members import Members
from segtool.targeting.sending import rates_by_persona
from segtool.targeting.shares import UserCounts
from segtool.targeting.timing.choosing import _better_answers
from segtool.targeting.timing.profiles import fit_kappa
from segtool.targeting.timing.send_times import user_windows
from segtool.targeting.verdicts import ADVICE
from tests.targeting.fan_studies import days_ago, fan_events, fan_personas, fan_sends, read
from tests.targeting.outreach_plans import ask, usual


def times(sources, **settings):
    return ask(sources, fan_personas(), **settings).times()


def chosen(plan):
    return dict(zip(("traders", "jokers"), plan.chosen["daypart"], strict=True))


def test_night_people_are_not_woken():
    events = fan_events()
    events["event_time"] = days_ago(
        np.arange(len(events)) % 25 + 1, np.where(np.arange(len(events)) % 4 > 0, 2, 15)
    )
    plan = times(read(events=events))
    assert set(chosen(plan).values()) == {"afternoon"}
    why = plan.chosen["reason"].iloc[0]
    assert why.endswith("most active at 2 h, inside the quiet hours 22 to 8; the best allowed is afternoon")
    quiet = plan.table.query("unit == 'hour' and slot == '02'")
    assert not quiet["allowed"].any()


def test_hours_are_local():
    events = fan_events()
    events["event_time"] = events["event_time"].dt.tz_localize("UTC")
    plan = times(read(zone="Asia/Shanghai", events=events))
    assert chosen(plan)["traders"] == "afternoon"  # 9 h in UTC is 17 h there


def test_answers_overrule_habits_only_when_surely_better():
    events, sends = fan_events(), fan_sends()
    assert set(chosen(times(read(events=events, sends=sends))).values()) == {"evening"}
    even = sends.assign(responded_at=sends["responded_at"].where(np.arange(len(sends)) % 3 == 0))
    even["sent_at"] = even["sent_at"].sample(frac=1, random_state=0).to_numpy()
    even["responded_at"] = (even["sent_at"] + pd.Timedelta(minutes=5)).where(np.arange(len(even)) % 5 == 0)
    plan = times(read(events=events, sends=even))
    assert chosen(plan) == {"traders": "morning", "jokers": "evening"}


def test_both_kinds_are_kept_apart():
    plan = times(usual())
    around, answers = (plan.table.query(f"kind == '{kind}'") for kind in ("around", "answers"))
    assert set(around["unit"]) == {"hour", "weekday", "daypart"} and set(answers["unit"]) == {"daypart"}
    rates = answers.groupby("slot")["estimate"].mean()
    assert 0.07 < rates["morning"] < 0.13 and 0.25 < rates["evening"] < 0.35
    shares = around.groupby(["persona_id", "unit"])["estimate"].sum()
    assert np.allclose(shares, 1, atol=0.02)  # each slot is shrunk on its own
    assert ((plan.table["lo"] <= plan.table["estimate"]) & (plan.table["estimate"] <= plan.table["hi"])).all()


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
    plain = times(read(events=events, sends=sends))
    more = times(read(events=pd.concat([events, clicks]), sends=sends))
    pick = "kind == 'around' and unit == 'daypart'"
    pd.testing.assert_frame_equal(plain.table.query(pick), more.table.query(pick))


def test_quiet_hours_can_be_moved():
    plan = times(usual(with_sends=False), quiet_from_hour=8, quiet_to_hour=18)
    assert chosen(plan)["traders"] not in {"midday", "afternoon"}
    assert "most active at 9 h, inside the quiet hours 8 to 18" in plan.chosen["reason"].iloc[0]


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
    assert set(chosen(times(read(events=events))).values()) == {"midday"}


def test_a_part_of_the_day_rarer_than_with_everyone_is_explained():
    events = fan_events()
    place = np.arange(len(events))
    owls = events["user_id"] < "u20"
    hour = np.where(owls, np.where(place % 3 == 0, 20, 1), np.where(place % 3 > 0, 20, 15))
    plan = times(read(events=events.assign(event_time=days_ago(place % 25 + 1, hour))))
    why = plan.chosen.set_index("persona_id")["reason"]
    assert chosen(plan) == {"traders": "evening", "jokers": "evening"}
    told = re.search(r"rarer than with everyone, for (\d+)% .* 22 to 8 \(everyone (\d+)%\)", why[1])
    assert int(told[1]) > 50 > int(told[2])
    assert "rarer" not in why[2]


def test_advice_ranks_three_windows_and_how_surely():
    plan = times(usual(with_sends=False))
    assert list(plan.advice.columns) == ADVICE
    first = plan.advice[plan.advice["rank"] == 1]
    assert first["advice"].tolist() == plan.chosen["daypart"].tolist()
    assert plan.advice.groupby("persona_id")["rank"].apply(list).tolist() == [[1, 2, 3]] * 2
    assert (plan.advice["lo"] <= plan.advice["estimate"]).all()
    windows = plan.windows[plan.windows["rank"] == 1].set_index("persona")
    assert windows.loc["traders", ["hour_from", "hour_to"]].tolist() == [8, 10]
    assert windows.loc["jokers", "hour_from"] <= 20 < windows.loc["jokers", "hour_to"]
    assert (windows["p_best"] > 0.99).all() and plan.windows["p_best"].between(0, 1).all()


def test_two_equal_windows_share_the_chance():
    events = fan_events()
    events["event_time"] = days_ago(
        np.arange(len(events)) % 25 + 1, np.where(np.arange(len(events)) % 2, 11, 20)
    )
    best = times(read(events=events)).windows.query("rank == 1")
    assert (best["p_best"] < 0.9).all()


def test_windows_can_be_longer():
    plan = times(usual(with_sends=False), window_hours=3, quiet_from_hour=0, quiet_to_hour=0)
    assert ((plan.windows["hour_to"] - plan.windows["hour_from"]) % 24 == 3).all()


def own_windows(sources, **settings):
    plan = times(sources, **settings)
    return pd.concat(user_windows(plan, batch_size=9), ignore_index=True).set_index("user_id"), plan


def test_a_user_is_met_at_their_own_hours_and_a_new_one_at_the_personas():
    events = fan_events(n_events=40)
    own = events["user_id"] == "u05"
    events.loc[own, "event_time"] = days_ago(np.arange(own.sum()) % 25 + 1, 16)
    table, _ = own_windows(read(events=events[(events["user_id"] != "u07") | (events.index % 40 < 2)]))
    assert table.loc["u05", ["daypart", "level"]].tolist() == ["afternoon", "user"]
    assert table.loc["u05", "hour_from"] <= 16 < table.loc["u05", "hour_to"]
    assert table.loc["u07", ["daypart", "level"]].tolist() == ["morning", "persona"]
    assert table.loc["u30", "daypart"] == "evening" and len(table) == 40


def test_users_hours_sum_to_one_and_batches_do_not_matter():
    plan = times(usual(with_sends=False))
    shares, _ = plan.profiles.shares(slice(0, 40))
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-9)
    one = pd.concat(user_windows(plan, top_k=2))
    many = pd.concat(user_windows(plan, top_k=2, batch_size=7))
    pd.testing.assert_frame_equal(one.reset_index(drop=True), many.reset_index(drop=True))
    assert not any(TargetingSettings().is_quiet(hour) for hour in one["hour_from"])


def test_the_weight_of_a_persona_is_found():
    generator = np.random.default_rng(0)
    mean = np.full(24, 1 / 24)
    seen = np.array([generator.multinomial(30, p) for p in generator.dirichlet(20 * mean, 3000)])
    counts = UserCounts(
        np.arange(3000), tuple(f"{h:02d}" for h in range(24)), None, sparse.csr_array(seen), None, None
    )
    members = Members(np.ones((3000, 1)), (1,), ("all",), np.zeros(3000, dtype=int))
    assert fit_kappa(counts, members, mean[None], mean) == pytest.approx(20, rel=0.05)


def zoned(words, **settings):
    events = fan_events()
    users = pd.DataFrame({"user_id": sorted(events["user_id"].unique())})
    users["timezone"] = [words[number % len(words)] for number in range(len(users))]
    return own_windows(read(events=events, users=users), **settings)


def test_hours_are_those_of_the_users_own_clock():
    table, plan = zoned(["Asia/Tokyo"])  # 9 h in UTC is 18 h there, 20 h is 5 h
    assert table.loc["u03", "daypart"] == "evening" and set(table["timezone"]) == {"Asia/Tokyo"}
    assert "by the column timezone of users" in plan.notes[0]
    mixed, plan = zoned(["Asia/Tokyo", "UTC"])
    assert mixed.loc[["u02", "u03"], "daypart"].tolist() == ["evening", "morning"]


def test_a_clock_change_moves_the_hour():
    events = fan_events()
    summer = pd.Timestamp("2026-03-29 01:00")
    days = np.where(np.arange(len(events)) % 2, 10, -10)
    events["event_time"] = summer + pd.to_timedelta(days, unit="D") + pd.to_timedelta(11, unit="h")
    users = pd.DataFrame({"user_id": sorted(events["user_id"].unique()), "timezone": "Europe/Berlin"})
    hours = times(read(events=events, users=users)).table.query("unit == 'hour' and n_events > 0")
    assert set(hours["slot"]) == {"13", "14"}  # 12 h in UTC


def test_words_that_are_no_zones_are_counted_and_may_be_explained():
    _, plan = zoned(["Atlantis", None, "UTC", "UTC"])
    notes = " ".join(plan.notes)
    assert "the zone of 10 users: what timezone says is no zone name" in notes and "(UTC)" in notes
    assert "nothing is scheduled for them" in notes
    assert "the zone of 10 users is missing" in notes and "20 users on their own clock" in notes
    explained, _ = zoned(["Atlantis"], zones={"Atlantis": "Asia/Tokyo"})
    assert explained.loc["u03", "timezone"] == "Asia/Tokyo"


def test_a_zone_there_is_not_is_refused_with_near_ones():
    with pytest.raises(ValueError, match=r"There is no time zone 'Asia/Shangai'.*Asia/Shanghai"):
        TargetingSettings(zones={"sh": "Asia/Shangai"})
    with pytest.raises(InputError, match="users has no column 'city'"):
        times(usual(with_sends=False), zone_column="city")


def test_sends_are_read_on_the_users_clock_too():
    users = pd.DataFrame({"user_id": sorted(fan_events()["user_id"].unique()), "timezone": "Asia/Tokyo"})
    plan = times(read(events=fan_events(), sends=fan_sends(), users=users))
    answers = plan.table.query("kind == 'answers'").groupby("slot")["estimate"].mean()
    assert set(answers.index) == {"evening", "night"}  # 9 and 19 h in UTC
    assert answers["night"] > 2 * answers["evening"] and (plan.chosen["daypart"] != "night").all()


def test_sends_at_one_time_for_each_user_say_nothing_of_times():
    sends = fan_sends()
    hour = np.where(sends["user_id"] < "u10", 9, 19)
    moved = sends["sent_at"].dt.normalize() + pd.to_timedelta(hour, unit="h")
    sends = sends.assign(
        sent_at=moved, responded_at=(moved + pd.Timedelta("5min")).where(sends["responded_at"].notna())
    )
    plan = times(read(events=fan_events(), sends=sends))
    assert set(plan.table["kind"]) == {"around"}
    assert any("nearly all sends to a user came at one part of the day" in note for note in plan.notes)


def test_all_sends_at_one_hour_are_said():
    sends = fan_sends()
    plan = times(
        read(
            events=fan_events(),
            sends=sends.assign(sent_at=sends["sent_at"].dt.normalize() + pd.Timedelta("9h")),
        )
    )
    assert any("in 1 part of the day" in note for note in plan.notes)


def test_without_events_the_hours_are_open():
    sources = read(users=pd.DataFrame({"user_id": [f"u{i:02d}" for i in range(40)]}), survey=pd.DataFrame(
        {"user_id": ["u01"], "q1": ["a"]}))  # fmt: skip
    plan = times(sources)
    assert set(plan.advice["advice"]) == {"any"} and set(plan.advice["verdict"]) == {"assumption"}
    assert plan.windows.empty and not list(user_windows(plan))


def answer_rates(generator, n_users=100, per_user=16, rates=(0.1,) * 4):
    """Rates by daypart of two personas of users who are sent to at all hours alike."""
    n = n_users * per_user
    code, slot = generator.integers(0, n_users, n), generator.integers(0, 4, n)
    sends = pd.DataFrame({"code": code, "slot": np.array(list("abcd"))[slot], "trials": 1.0})
    sends["hits"] = (generator.random(n) < np.array(rates)[slot]).astype(float)
    totals = sends.groupby(["slot", "code"], as_index=False)[["trials", "hits"]].sum()
    weights = np.eye(2)[np.arange(n_users) % 2]
    members = Members(weights, (1, 2), ("a", "b"), np.arange(n_users) % 2)
    return rates_by_persona(totals, "hits", members, n_users, 0.9)


def test_of_dayparts_alike_none_is_surely_better():
    moved = found = 0
    for seed in range(30):
        table = answer_rates(np.random.default_rng(seed))
        other = answer_rates(np.random.default_rng(seed), rates=(0.1, 0.1, 0.3, 0.1))
        rows = [(rates[rates["persona_id"] == 1], 2) for rates in (table, other)]
        alike, unlike = (_better_answers(own, "a", 0.9, n) for own, n in rows)
        moved += alike is not None
        found += unlike is not None and unlike[0]["slot"] == "c"
    assert moved <= 3 and found >= 28
