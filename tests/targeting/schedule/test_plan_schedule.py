"""A study's plan by date: what is read from its tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from segtool.targeting.plan import plan_targeting
from segtool.targeting.schedule import eligible
from segtool.targeting.schedule.study_inputs import plan_schedule
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


def test_without_topics_the_content_stays_open_or_is_taken_in_turn(plain):
    table = plain.table.drop_duplicates("persona_id").assign(topic="any", estimate=np.nan, level="everyone")
    plan = replace(plain, user_model=None, table=table)
    assert set(scheduled(plan).send_list["topic"]) == {"any"}
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
