"""Where: what an answer is worth and an opt-out costs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.personas import Personas
from segtool.targeting import CHANNEL_PRESETS
from segtool.targeting.channels.user_channels import fit_rate_kappa
from segtool.targeting.counts import sql_users
from segtool.targeting.feedback.blocks import read_blocks, user_channels
from segtool.targeting.members import align_personas
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.verdicts import ADVICE
from tests.targeting.fan_studies import days_ago, fan_events, fan_personas, fan_sends, read
from tests.targeting.outreach_plans import ask, usual


def where(sources, **settings):
    return ask(sources, fan_personas(), **settings).channels()


def channels(**settings):
    return where(usual(), **settings).table


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
    plan = where(read(events=fan_events(), sends=sends))
    assert "sms" not in set(plan.table["channel"])
    assert any("sms: left out" in note for note in plan.notes)


def test_opens_stand_in_for_answers_and_that_is_said():
    sends = fan_sends().rename(columns={"responded_at": "opened_at"})
    plan = where(read(events=fan_events(), sends=sends))
    assert plan.table["reason"].str.contains("of sends opened").all()
    assert any("opens stand in for answers" in note for note in plan.notes)


def test_sends_without_any_outcome_fall_back_to_activity():
    sends = fan_sends().drop(columns=["responded_at", "unsubscribed_at"])
    plan = where(read(events=fan_events(), sends=sends))
    assert set(plan.table["basis"]) == {"share of activity"}


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
    shop = events.assign(channel=pd.Series("store", events.index).mask(few, "in_app"))
    plan = where(read(events=shop))
    rows = plan.chosen().set_index("persona")
    assert rows["channel"].to_dict() == {"traders": "in_app", "jokers": "not known"}
    assert rows["reason"].str.contains("of their active days are in or on store, where nothing can").all()
    assert "only 1 of 20 users" in rows.loc["jokers", "reason"]
    assert any(note.startswith("Not known - Where: jokers") for note in plan.notes)


def test_shops_alone_leave_the_channel_open():
    plan = where(read(events=fan_events().assign(channel="store")))
    assert set(plan.table["channel"]) == {"not known"} == set(plan.advice["advice"])
    assert plan.users is None


def test_a_channel_that_costs_is_worth_so_much_less():
    free, paid = channels(), channels(channel_costs={"email": 0.05})
    gap = (
        free.set_index(["persona", "channel"])["estimate"]
        - paid.set_index(["persona", "channel"])["estimate"]
    )
    assert gap.groupby("channel").mean().to_dict() == pytest.approx({"email": 0.05, "app_push": 0})
    assert paid.loc[paid["channel"] == "email", "reason"].str.contains("0.05 a send").all()


def test_advice_is_the_table_in_the_words_of_the_plan():
    plan = where(usual())
    assert list(plan.advice.columns) == ADVICE
    assert plan.advice["advice"].tolist() == plan.table["channel"].tolist()
    assert plan.advice["unit"].str.contains("value per send").all() and plan.advice["lo"].notna().all()


def opened_at_once(share, seconds=1):
    """Half of the e-mails are opened by a machine at once, on top of what people open."""
    sends = fan_sends().rename(columns={"responded_at": "opened_at"})
    machine = (sends["channel"] == "email") & (np.random.default_rng(1).random(len(sends)) < share)
    at_once = sends["sent_at"] + pd.Timedelta(seconds=seconds)
    return sends.assign(opened_at=sends["opened_at"].where(~machine, at_once))


def test_a_machines_opens_are_nobodys():
    people = where(read(events=fan_events(), sends=opened_at_once(0)))
    machines = where(read(events=fan_events(), sends=opened_at_once(0.5)))
    believed = where(read(events=fan_events(), sends=opened_at_once(0.5)), machine_open_seconds=0)

    def email(plan):
        return plan.table.loc[plan.table["channel"] == "email", "response"].mean()

    assert email(believed) > 2 * email(people) > 2 * email(machines)  # half of the people's opens are hidden
    assert any("opens came within 2 s of sending and are not counted" in note for note in machines.notes)
    assert not any("not counted" in note for note in people.notes)


def test_answers_are_people_whenever_they_come():
    sends = fan_sends()
    quick = sends.assign(
        responded_at=(sends["sent_at"] + pd.Timedelta("1s")).where(sends["responded_at"].notna())
    )
    assert channels()["response"].to_numpy() == pytest.approx(
        where(read(events=fan_events(), sends=quick)).table["response"].to_numpy()
    )


def users_of(sends, **settings):
    asked = ask(read(events=fan_events(), sends=sends), fan_personas(), **settings)
    blocks = read_blocks(asked.sources, asked.log, asked.settings)
    return pd.concat(asked.channels().users.batches(blocks, batch_size=7), ignore_index=True), blocks


def test_a_user_is_never_offered_a_channel_they_closed():
    table, blocks = users_of(fan_sends())
    closed = set(zip(blocks["user_id"], blocks["what"], strict=True))
    assert closed and not closed & set(zip(table["user_id"], table["channel"], strict=True))
    assert set(table.loc[table["user_id"].isin(blocks["user_id"]), "channel"]) == {"email"}
    asked = ask(usual(), fan_personas())
    left = read_blocks(asked.sources, asked.log, asked.settings).assign(what="everywhere")
    nobody = pd.concat(asked.channels().users.batches(left))
    assert not set(nobody["user_id"]) & set(left["user_id"])


def test_a_users_own_answers_outweigh_the_personas_in_time():
    sends = fan_sends(per_user=200)
    own = sends["user_id"] < "u10"
    later = sends["sent_at"] + pd.Timedelta(minutes=5)
    sends["responded_at"] = sends["responded_at"].where(~own, later.where(sends["channel"] == "app_push"))
    sends["unsubscribed_at"] = sends["unsubscribed_at"].where(~own)
    table, _ = users_of(sends)
    first = table[table["rank"] == 1].set_index("user_id")
    assert first.loc["u03", "channel"] == "app_push" and first.loc["u03", "level"] == "user"
    assert table["estimate"].to_numpy() == pytest.approx(users_of(sends)[0]["estimate"].to_numpy())


def test_batches_say_the_same_as_one():
    asked = ask(usual(), fan_personas())
    users = asked.channels().users
    small = pd.concat(users.batches(batch_size=3), ignore_index=True)
    pd.testing.assert_frame_equal(small, pd.concat(users.batches(), ignore_index=True))
    assert small.groupby("user_id")["estimate"].is_monotonic_decreasing.all() and len(small) == 80


def test_the_weight_of_a_rate_is_found():
    generator = np.random.default_rng(0)
    own = generator.beta(30 * 0.2, 30 * 0.8, 4000)
    hits = generator.binomial(40, own).astype(float)
    assert fit_rate_kappa(hits, np.full(4000, 40.0), np.full(4000, 0.2)) == pytest.approx(30, rel=0.15)


@pytest.mark.parametrize("personas", [
    Personas.from_assignments([f"u{i:02d}" for i in range(40)], [1] * 40, names={1: "all"}),
    Personas.from_assignments([f"u{i:02d}" for i in range(8)], list(range(1, 9))),
])  # fmt: skip
def test_one_persona_and_personas_of_one(personas):
    asked = ask(usual(), personas)
    plan = asked.channels()
    times, often = asked.times(), asked.frequency(plan)
    n = len(personas.names)
    assert len(plan.chosen()) == n == len(often.advice) == len(times.chosen)
    assert times.advice["rank"].eq(1).sum() == n and np.isfinite(times.windows["p_best"]).all()


@pytest.mark.parametrize("gone", ["channel", "responded_at", "unsubscribed_at"])
def test_what_the_sends_lack_is_said(gone):
    plan = where(read(events=fan_events(), sends=fan_sends().drop(columns=[gone])))
    assert len(plan.advice) and any(note.startswith("Not known - Where") for note in plan.notes)


def email_rate(sends):
    table = where(read(events=fan_events(), sends=sends)).table
    return table.loc[table["channel"] == "email", "response"].mean()


def test_a_send_too_young_to_be_answered_and_an_unknown_answer_are_no_refusals():
    sends, generator = fan_sends(), np.random.default_rng(5)
    usual_rate = email_rate(sends)
    young = sends.assign(
        send_id="y" + sends["send_id"], sent_at=days_ago(1, 23), responded_at=pd.NaT, unsubscribed_at=pd.NaT
    )
    assert email_rate(pd.concat([sends, young])) == pytest.approx(usual_rate)
    # Nor are young ones that were answered already the young ones.
    some = young[generator.random(len(young)) < 0.3].assign(responded_at=days_ago(1, 23.5))
    assert email_rate(pd.concat([sends, some])) == pytest.approx(usual_rate)
    told = sends["responded_at"].notna().astype(object).where(generator.random(len(sends)) < 0.5, None)
    half = sends.drop(columns="responded_at").assign(responded=told)
    assert email_rate(half) == pytest.approx(usual_rate, abs=0.03)
    log = SendLog.look(read(events=fan_events(), sends=half))
    assert log.answer_rate == pytest.approx(sends["responded_at"].notna().mean(), abs=0.03)


def test_of_a_channel_whose_answers_are_unknown_nothing_is_said():
    sends = fan_sends()
    told = sends["responded_at"].notna().astype(object).mask(sends["channel"] == "app_push", None)
    plan = where(read(events=fan_events(), sends=sends.drop(columns="responded_at").assign(responded=told)))
    assert set(plan.table["channel"]) == {"email"}
    assert any("known outcome on app_push: left out" in note for note in plan.notes)


def test_users_get_the_channel_they_answer_on_and_never_one_they_closed():
    sends = fan_sends()
    keen = (sends["user_id"] == "u01") & (sends["channel"] == "app_push")
    off = (sends["user_id"] == "u01") & (sends["channel"] == "email")
    later = sends["sent_at"] + pd.Timedelta(minutes=5)
    sends["responded_at"] = sends["responded_at"].mask(keen, later).mask(off)
    sends.loc[keen | (sends["user_id"] == "u02"), "unsubscribed_at"] = pd.NaT
    first_of_u02 = sends.index[(sends["user_id"] == "u02") & (sends["channel"] == "email")][0]
    sends.loc[first_of_u02, "unsubscribed_at"] = later[first_of_u02]
    sources = read(events=fan_events(), sends=sends)
    asked = ask(sources, fan_personas())
    plan, log = asked.channels(), SendLog.look(sources)
    users = sql_users(sources.engine)
    members = align_personas(fan_personas(), users)
    about = (sources, log, read_blocks(sources, log, TargetingSettings()), plan.table, users, members.home)
    plain, own = (user_channels(*about, own=each).set_index("user_id") for each in (None, plan.users))
    assert plain.loc["u01", "channel"] == "email" and own.loc["u01", "channel"] == "app_push"
    assert own.loc["u02", "channel"] == "app_push"
    assert (own["flag"] == plain["flag"]).all()
    assert own.loc[own["flag"] == "unsubscribed everywhere", "channel"].eq("").all()
