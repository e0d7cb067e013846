"""A study's plan by date: what is read from its tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from segtool.targeting.plan import plan_targeting
from segtool.targeting.schedule import eligible
from segtool.targeting.schedule.study_inputs import _days_read, _personal, plan_schedule
from segtool.targeting.settings import TargetingSettings
from tests.targeting.fan_studies import AS_OF, days_ago, fan_events, fan_personas, fan_sends, read


def fan_content():
    return pd.DataFrame(
        {
            "item_id": [f"{topic}{i}" for topic in ("stocks", "jokes") for i in range(12)],
            "topic": ["stocks"] * 12 + ["jokes"] * 12,
            "title": "title",
            "published_at": [days_ago(i, 8) for i in range(1, 13)] * 2,
        }
    )


@pytest.fixture(scope="module")
def study():
    sources = read(events=fan_events(), sends=fan_sends(per_user=20), content=fan_content())
    plan = plan_targeting(sources, fan_personas())
    return sources, plan, plan_schedule(sources, plan)


@pytest.fixture(scope="module")
def plain():
    """A plan from events alone; the tests read further tables beside it."""
    return plan_targeting(read(events=fan_events()), fan_personas())


def scheduled(plan, events=None, schedule=None, **tables):
    sources = read(**{"events": fan_events() if events is None else events, **tables})
    return plan_schedule(sources, plan, **(schedule or {}))


def test_a_study_gives_a_send_list_of_its_own_users_and_items(study):
    _, plan, schedule = study
    sends = schedule.send_list
    assert len(sends) and set(sends["user_id"]) <= set(plan.user_channels["user_id"])
    assert sends["item_id"].str.startswith(("stocks", "jokes")).all()
    assert sends["send_date"].min() >= pd.Timestamp(AS_OF)
    accounted = set(sends["user_id"]) | set(schedule.left_out["user_id"])
    assert accounted == set(plan.user_channels["user_id"])
    assert schedule.violations.empty


def test_everybody_is_sent_to_in_the_part_of_the_day_of_the_plan(study):
    _, plan, schedule = study
    parts = plan.table.drop_duplicates("persona_id").set_index("persona_id")["daypart"]
    own = schedule.send_list.drop_duplicates("user_id")
    assert (own["persona_id"].map(parts) == own["daypart"]).all()


def test_who_unsubscribed_is_never_sent_to_where_they_left(study):
    _, plan, schedule = study
    closed = plan.blocks[plan.blocks["kind"] == "channel"]
    assert len(closed)
    pairs = set(zip(closed["user_id"], closed["what"], strict=True))
    assert not pairs & set(zip(schedule.send_list["user_id"], schedule.send_list["channel"], strict=True))


def test_a_holdout_gets_nothing_and_a_zero_budget_nobody_anything(plain):
    users = [f"u{i:02d}" for i in range(40)]
    holdout = pd.Series([True, False] * 20, index=users)
    schedule = scheduled(plain, schedule={"holdout": holdout})
    assert not set(schedule.send_list["user_id"]) & set(holdout.index[holdout])
    nothing = scheduled(plain, schedule={"budget": 0})
    assert nothing.n_sends == 0 and set(nothing.left_out["reason"]) == {eligible.NO_BUDGET}


def test_without_content_topics_are_planned_and_it_says_so(plain):
    schedule = scheduled(plain)
    assert (
        set(schedule.send_list["topic"]) <= {"stocks", "jokes"}
        and (schedule.send_list["item_id"] == "").all()
    )
    assert any("no content table" in note for note in schedule.notes)


def test_without_topics_nothing_is_sent_or_the_content_is_taken_in_turn(plain):
    table = plain.table.drop_duplicates("persona_id").assign(topic="any", estimate=np.nan, level="everyone")
    plan = replace(plain, user_model=None, table=table)
    nothing = scheduled(plan)
    assert nothing.n_sends == 0 and set(nothing.left_out["reason"]) == {eligible.NOT_ANY_TOPIC}
    assert set(scheduled(plan, content=fan_content()).send_list["topic"]) == {"stocks", "jokes"}


def test_a_group_is_no_channel_to_one_person(plain):
    grouped = plain.user_channels.assign(channel="wecom_group")
    schedule = scheduled(replace(plain, user_channels=grouped))
    assert set(schedule.send_list["channel"]) == {"email", "app_push"}  # the best that reaches them alone
    channels = replace(plain.parts.channels, table=plain.channels.assign(channel="wecom_group"))
    alone = replace(plain, user_channels=grouped, parts=replace(plain.parts, channels=channels))
    assert set(scheduled(alone).left_out["reason"]) == {eligible.IN_GROUPS}


def test_own_windows_and_zones_decide_the_hour(plain):
    users = pd.DataFrame(
        {"user_id": [f"u{i:02d}" for i in range(40)], "timezone": ["Asia/Tokyo", "UTC"] * 20}
    )
    windows = pd.DataFrame({"user_id": users["user_id"], "daypart": "midday", "hour_from": 12, "hour_to": 14})
    sends = scheduled(
        plain, users=users, sends=fan_sends(per_user=5), schedule={"windows": windows}
    ).send_list
    assert set(sends["send_hour_local"]) == {12, 13} and set(sends["zone"]) == {"Asia/Tokyo", "UTC"}


def test_a_zone_that_cannot_be_read_leaves_a_user_out_and_the_note_says_so(plain):
    users = pd.DataFrame(
        {"user_id": [f"u{i:02d}" for i in range(40)], "timezone": ["Mars/Phobos", "UTC"] * 20}
    )
    schedule = scheduled(plain, users=users, sends=fan_sends(per_user=5))
    odd = users.loc[users["timezone"] != "UTC", "user_id"]
    assert not set(odd) & set(schedule.send_list["user_id"])
    assert schedule.left_out.set_index("user_id")["reason"].reindex(odd).eq(eligible.BAD_ZONE).all()
    assert any("nothing is scheduled for them" in note for note in schedule.notes)
    other = scheduled(plain, users=users.rename(columns={"timezone": "zone"}).assign(zone="north"))
    assert other.n_sends and any("taken for something else" in note for note in other.notes)


def test_a_topic_that_rested_is_asked_about_once_and_not_before_the_answer(plain):
    events = fan_events()
    events = events[~(events["user_id"].isin(["u00", "u02"]) & (events["topic"] == "jokes"))]
    muted = pd.DataFrame(
        {"user_id": ["u00", "u02"], "event_time": days_ago(120), "event": "mute", "topic": "jokes"}
    )
    asked = pd.DataFrame(
        {
            "send_id": ["s1"],
            "user_id": ["u02"],
            "sent_at": [days_ago(1)],
            "channel": "email",
            "topic": "jokes",
        }
    )
    table = plain.table.drop_duplicates("persona_id").assign(topic="any", estimate=np.nan, level="everyone")
    plan = replace(plain, user_model=None, table=table)  # so that both topics come in turn
    tables = {"events": pd.concat([events, muted], ignore_index=True), "sends": asked}
    schedule = scheduled(plan, content=fan_content(), **tables)
    n = schedule.send_list.query("topic == 'jokes'").groupby("user_id").size()
    assert n.get("u00", 0) == 1 and n.get("u02", 0) == 0 and n.max() > 1


def test_who_waits_for_others_is_shown_their_experience_first(plain):
    users = pd.DataFrame({"user_id": ["u00", "u01"], "serve": ["others' experience first", "previews"]})
    plan = replace(plain, parts=replace(plain.parts, herd=replace(plain.parts.herd, users=users)))
    schedule = scheduled(plan)
    first = schedule.send_list.drop_duplicates("user_id").set_index("user_id")["show_first"]
    assert first["u00"] == "others' experience first" and first["u01"] == "previews" and first["u02"] == ""
    assert any("column show_first" in note for note in schedule.notes)
    assert not any("show_first" in note for note in scheduled(plain).notes)


def test_the_log_is_read_as_far_back_as_the_rarest_cap_looks():
    users = pd.DataFrame({"channel": ["email"], "weekly_cap": [np.nan], "gap_factor": [1.0]})
    assert _days_read(users, TargetingSettings(weekly_caps={"email": 0.1})) == 70
    assert _days_read(users, TargetingSettings()) == 31
    slow = users.assign(weekly_cap=0.25, gap_factor=4.0)
    assert _days_read(slow, TargetingSettings()) == 112


def test_instead_of_a_group_each_gets_the_best_channel_they_did_not_close(plain):
    persona = plain.channels["persona_id"].iloc[0]
    table = plain.channels.head(1).drop(columns=["persona_id", "rank", "channel"])
    ranked = pd.DataFrame(
        {"persona_id": persona, "rank": [1, 2, 3], "channel": ["wecom_group", "email", "sms"]}
    ).merge(table, how="cross")
    channels = replace(plain.parts.channels, table=ranked)
    blocks = pd.DataFrame({"user_id": ["b"], "kind": "channel", "what": "email"})
    plan = replace(plain, parts=replace(plain.parts, channels=channels, blocks=blocks))
    users = pd.DataFrame(
        {"user_id": ["a", "b", "c", "d"], "persona_id": [persona, persona, np.nan, persona],
         "channel": ["wecom_group"] * 3 + ["fax"]}
    )  # fmt: skip
    assert _personal(users, plan).tolist() == ["email", "sms", "wecom_group", "fax"]


def test_the_share_that_is_drawn_is_the_settings_one(plain):
    explore = pd.DataFrame({"persona_id": [1, 1, 2, 2], "topic": ["stocks", "jokes"] * 2, "probability": 0.5})
    plan = replace(plain, settings=TargetingSettings(explore_share=1.0))
    schedule = scheduled(plan, schedule={"explore": explore})
    assert (schedule.send_list["purpose"] == "explore").all()
    assert np.allclose(schedule.send_list["propensity"], 0.5)


def test_items_people_come_back_for_may_be_sent_again_and_others_not(plain):
    content = fan_content()
    bought = fan_events().assign(event="like")
    bought["item_id"] = np.where(bought["topic"] == "stocks", "stocks0", "jokes0")
    once = bought.drop_duplicates(["user_id", "item_id"])
    schedule = scheduled(plain, events=once, content=content)
    assert any("not sent to who acted" in note for note in schedule.notes)
    acted = set(zip(once["user_id"], once["item_id"], strict=True))
    assert not acted & set(zip(schedule.send_list["user_id"], schedule.send_list["item_id"], strict=True))
    again = scheduled(plain, events=bought, content=content)
    assert any("may be sent again" in note for note in again.notes)
