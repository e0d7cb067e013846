"""No cap and no block is ever broken, and a list that breaks one is found out."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as rules

from segtool.targeting.schedule.check import check_send_list
from segtool.targeting.schedule.schedule import make_schedule
from segtool.targeting.settings import TargetingSettings
from tests.targeting.schedule_worlds import AS_OF, plain_content, plain_topics, plain_users, worlds

GIVEN = ("history", "blocks", "acted", "content", "probes", "holdout", "weeks", "as_of", "zone")


# Shrinking such a world takes minutes and says little more than the world itself.
@rules(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(worlds())
def test_on_any_input_no_rule_is_broken_and_nobody_is_lost(world):
    settings = TargetingSettings(**world["settings"])
    options = {name: world[name] for name in (*GIVEN, "explore", "budget", "random_state")}
    schedule = make_schedule(world["users"], world["topics"], settings=settings, **options)
    sends = schedule.send_list
    found = check_send_list(
        sends, world["users"], settings=settings, start=schedule.start, budget=world["budget"],
        **{name: world[name] for name in GIVEN},
    )  # fmt: skip
    assert found.empty, found.to_string()
    assert set(sends["user_id"]) | set(schedule.left_out["user_id"]) == set(world["users"]["user_id"])
    assert not set(sends["user_id"]) & set(schedule.left_out["user_id"])
    assert (schedule.left_out["reason"] != "").all()


@pytest.fixture(scope="module")
def world():
    users = plain_users(3)
    schedule = make_schedule(users, plain_topics(users), as_of=AS_OF, content=plain_content())
    return users, schedule


def rules_broken(sends, users=None, **tables):
    return set(check_send_list(sends, users, **tables)["rule"])


def test_the_checker_finds_nothing_where_nothing_is_wrong(world):
    users, schedule = world
    tables = {"content": plain_content(), "start": schedule.start, "weeks": 4, "as_of": AS_OF}
    assert rules_broken(schedule.send_list, users, **tables) == set()


CHANGES = {
    "quiet hours": ({"send_hour_local": 23, "daypart": "night"}, {}),
    "daypart": ({"daypart": "morning"}, {}),
    "convention cap on email": ({"send_date": pd.Timestamp("2026-07-07")}, {}),
    "one a day": ({"send_date": pd.Timestamp("2026-07-07")}, {}),
    "start": ({"send_date": pd.Timestamp("2026-06-20")}, {"start": pd.Timestamp(AS_OF)}),
    "end": ({"send_date": pd.Timestamp("2026-09-20")}, {"start": pd.Timestamp(AS_OF), "weeks": 4}),
    "as_of": ({"send_date": pd.Timestamp("2026-06-30")}, {"as_of": AS_OF}),
    "send_id": ({"send_id": "20260701-0000001"}, {}),
    "propensity": ({"propensity": 0.0}, {}),
    "repeated item": ({"item_id": "books-0", "topic": "books"}, {}),
    "unknown item": ({"item_id": "lost"}, {"content": plain_content()}),
    "topic of the item": ({"topic": "tea", "item_id": "books-3"}, {"content": plain_content()}),
    "group channel": ({"channel": "wecom_group"}, {"users": plain_users(3)}),
    "time zone": ({"zone": "Nowhere/Else"}, {"as_of": AS_OF}),
}


@pytest.mark.parametrize("rule", list(CHANGES))
def test_the_checker_finds_each_rule_broken(world, rule):
    change, tables = CHANGES[rule]
    sends = world[1].send_list.copy()
    for column, value in change.items():
        sends.loc[[0, 1, 2] if "cap" in rule or rule in ("one a day", "repeated item") else [3], column] = (
            value
        )
    users = tables.get("users")
    assert rule in rules_broken(sends, users, **{k: v for k, v in tables.items() if k != "users"})


def test_the_checker_finds_what_a_user_refused(world):
    users, schedule = world
    sends, first = schedule.send_list, schedule.send_list.iloc[0]

    def with_block(kind, what, **more):
        return rules_broken(
            sends,
            users,
            as_of=AS_OF,
            blocks=pd.DataFrame({"user_id": ["u0"], "kind": kind, "what": what, **more}),
        )

    assert "blocked topic" in with_block("topic", first["topic"])
    assert "blocked channel" in with_block("channel", "email")
    assert "blocked item" in with_block("item", first["item_id"])
    assert "unsubscribed" in with_block("channel", "everywhere")
    assert "cool-off" in with_block("user", "complaint", days_left=20.0)
    assert "complaint" in with_block("user", "complaint", days_left=float("nan"))


def test_the_checker_finds_a_second_probe_and_a_topic_refused_behind_another(world):
    users, schedule = world
    sends = schedule.send_list
    first = sends.iloc[0]
    probes = pd.DataFrame({"user_id": ["u0"], "topic": [first["topic"]], "state": "due"})
    assert (sends["topic"] == first["topic"])[sends["user_id"] == "u0"].sum() > 1
    assert rules_broken(sends, users, probes=probes) == {"probe"}
    assert rules_broken(sends.head(1), users, probes=probes) == set()
    assert rules_broken(sends.head(1), users, probes=probes.assign(state="sent")) == {"probe"}
    content = plain_content()
    more = content[content["item_id"] == first["item_id"]].assign(topic="guns")
    blocks = pd.DataFrame({"user_id": ["u0"], "kind": "topic", "what": "guns", "days_left": 9.0})
    tables = {"blocks": blocks, "content": pd.concat([content, more])}
    assert rules_broken(sends, users, **tables) == {"blocked topic"}


def test_the_checker_looks_back_before_the_plan_and_at_people(world):
    users, schedule = world
    sends = schedule.send_list
    day = sends["send_date"].min() - pd.Timedelta(days=1)
    history = pd.DataFrame({"user_id": "u0", "send_date": [day] * 5, "channel": "email", "item_id": ""})
    assert {"convention cap on email", "house cap", "own cap of 2 a week"} <= rules_broken(
        sends, users, history=history
    )
    assert rules_broken(sends, holdout=pd.Series([True], index=["u1"])) == {"holdout"}
    assert "silence" in rules_broken(sends, users.assign(ignored_in_a_row=8))
    assert rules_broken(sends, users.iloc[1:]) == {"stranger"}
    assert rules_broken(sends, users.assign(flag="no")) == {"flagged user"}
    assert rules_broken(sends, budget=len(sends) - 1) == {"budget"}
    acted = sends[["user_id", "item_id"]].head(1)
    assert rules_broken(sends, acted=acted) == {"acted on"}
    unknown = history.drop(columns="channel")
    assert {"convention cap on email", "own cap of 2 a week"} <= rules_broken(sends, users, history=unknown)
    late = plain_content().assign(published_at=pd.Timestamp("2027-01-01", tz="UTC"))
    assert rules_broken(sends, content=late) == {"not out yet"}
