"""The calendar and the send list: who is sent what on which day, and who is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError, ParameterError
from segtool.targeting.schedule import eligible
from segtool.targeting.schedule.result import SEND_LIST
from segtool.targeting.schedule.schedule import make_schedule
from segtool.targeting.settings import TargetingSettings
from tests.targeting.schedule_worlds import AS_OF, plain_content, plain_topics, plain_users


def schedule_of(users=None, topics=None, **options):
    users = plain_users() if users is None else users
    topics = plain_topics(users) if topics is None else topics
    return make_schedule(users, topics, **{"as_of": AS_OF, **options})


def reasons(schedule):
    return schedule.left_out.set_index("user_id")["reason"]


def test_a_send_list_has_its_columns_and_keeps_to_a_weekly_cap():
    schedule = schedule_of(content=plain_content())
    sends = schedule.send_list
    assert list(sends.columns) == SEND_LIST
    assert (sends.groupby(["user_id", "week"]).size() == 2).all()
    assert len(schedule.left_out) == 0


def test_everybody_is_sent_to_or_left_out_with_a_reason():
    users = plain_users(6).assign(flag=["", "unsubscribed everywhere", "", "", "", ""])
    users.loc[2, "persona_id"], users.loc[3, "channel"], users.loc[4, "channel"] = np.nan, "", "wecom_group"
    holdout = pd.Series([True] + [False] * 5, index=users["user_id"])
    found = reasons(schedule_of(users, holdout=holdout))
    assert found.tolist() == [
        eligible.HELD_OUT,
        "unsubscribed everywhere",
        eligible.NO_PERSONA,
        eligible.NO_CHANNEL,
        eligible.IN_GROUPS,
    ]


@pytest.mark.parametrize(
    ("kind", "what", "reason"),
    [
        ("channel", "email", eligible.CLOSED_CHANNEL),
        ("channel", "everywhere", eligible.CLOSED),
        ("topic", "books", eligible.NO_TOPIC),
    ],
)
def test_what_users_refused_is_not_sent(kind, what, reason):
    users = plain_users(2)
    topics = pd.DataFrame({"user_id": users["user_id"], "rank": 1, "topic": "books", "estimate": 2.0})
    blocks = pd.DataFrame({"user_id": ["u0"], "kind": kind, "what": what, "days_ago": 4.0})
    schedule = schedule_of(users, topics, blocks=blocks)
    assert reasons(schedule).to_dict() == {"u0": reason}


def test_a_complaint_is_followed_by_silence_to_the_hour():
    blocks = pd.DataFrame({"user_id": ["u0"], "kind": "user", "what": "complaint", "days_ago": 0.5})
    schedule = schedule_of(plain_users(1), blocks=blocks)
    assert schedule.send_list["send_date"].min() >= pd.Timestamp("2026-07-04")  # 60 of 72 hours were left
    forever = blocks.assign(days_left=np.nan)
    assert reasons(schedule_of(plain_users(1), blocks=forever)).to_dict() == {"u0": eligible.COMPLAINED}


def test_what_was_sent_before_counts_in_every_window():
    users = plain_users(1).assign(channel="service_account", weekly_cap=np.nan)
    dates = pd.to_datetime(["2026-06-10", "2026-06-17", "2026-06-24", "2026-06-30"])
    history = pd.DataFrame({"user_id": "u0", "send_date": dates, "channel": "service_account"})
    first = schedule_of(users, history=history).send_list["send_date"].min()
    assert first >= pd.Timestamp("2026-07-11")  # the platform allows four within 31 days
    other = history.assign(channel="email", send_date=pd.Timestamp("2026-06-30"))
    pressed = schedule_of(users, history=pd.concat([other] * 2)).send_list  # 8 in a week, over all channels
    assert pressed["send_date"].min() >= pd.Timestamp("2026-07-07")


def test_what_went_out_on_a_day_that_has_begun_where_they_live_counts():
    users = plain_users(1).assign(channel="app_push", weekly_cap=np.nan, zone="Asia/Tokyo")
    days = pd.to_datetime(["2026-06-28", "2026-06-29", "2026-06-30", AS_OF])  # the last is today in Tokyo
    history = pd.DataFrame({"user_id": "u0", "send_date": days, "channel": "app_push"})
    for seed in range(5):
        sends = schedule_of(users, history=history, random_state=seed).send_list
        assert sends["send_date"].min() >= pd.Timestamp("2026-07-05")  # at most four within a week


def test_a_past_send_without_a_channel_counts_on_every_one():
    history = pd.DataFrame({"user_id": "u0", "send_date": ["2026-06-30"] * 2})
    sends = schedule_of(plain_users(1).assign(weekly_cap=np.nan), history=history).send_list
    assert sends["send_date"].min() >= pd.Timestamp("2026-07-07")


def test_a_cap_rarer_than_one_a_month_is_kept():
    users = plain_users(2).assign(weekly_cap=np.nan)
    sends = schedule_of(users, settings=TargetingSettings(weekly_caps={"email": 0.1}), weeks=20).send_list
    gaps = sends.groupby("user_id")["send_date"].diff().dt.days.dropna()
    assert len(gaps) and (gaps >= 70).all()


def test_numbers_are_the_same_users_as_their_digits_and_strangers_are_counted():
    users = plain_users(3).assign(user_id=[1, 2, 3])
    blocks = pd.DataFrame({"user_id": [1.0, None], "kind": "user", "what": "complaint", "days_left": np.nan})
    history = pd.DataFrame({"user_id": [2, 2, 9], "send_date": "2026-06-30", "channel": "email"})
    acted = pd.DataFrame({"user_id": [3], "item_id": "books-0"})
    holdout = pd.Series([False, False, False], index=[1, 2, 3])
    schedule = schedule_of(
        users, content=plain_content(1), history=history, blocks=blocks, acted=acted, holdout=holdout
    )
    assert reasons(schedule).to_dict() == {"1": eligible.COMPLAINED}
    sends = schedule.send_list
    assert sends.query("user_id == '2'")["send_date"].min() >= pd.Timestamp("2026-07-07")
    assert "books-0" not in set(sends.query("user_id == '3'")["item_id"])
    assert sum("not among those planned for" in note for note in schedule.notes) == 2
    held = schedule_of(users, holdout=~holdout)
    assert set(held.left_out["reason"]) == {eligible.HELD_OUT}


def test_a_topic_whose_rest_is_over_is_sent_once_and_one_that_was_asked_about_not():
    users = plain_users(4)
    probes = pd.DataFrame({"user_id": ["u0", "u1"], "topic": "books", "state": ["due", "sent"]})
    explore = pd.DataFrame({"persona_id": 1, "topic": ["books", "tea"], "probability": 0.5})
    sends = schedule_of(users, probes=probes, explore=explore, explore_share=0.5).send_list
    n = sends.query("topic == 'books'").groupby("user_id").size()
    assert n.get("u0", 0) == 1 and "u1" not in n and n["u2"] > 1


def test_who_has_no_channel_or_topic_is_left_out_with_the_reason():
    users = plain_users(2).assign(channel=["any", "email"])
    topics = pd.DataFrame({"user_id": users["user_id"], "rank": 1, "topic": "any", "estimate": np.nan})
    schedule = schedule_of(users, topics)
    assert schedule.n_sends == 0
    assert reasons(schedule).tolist() == [eligible.NO_CHANNEL, eligible.NOT_ANY_TOPIC]


def test_each_persona_is_drawn_for_in_its_own_share():
    users = plain_users(600).assign(persona_id=[1, 2] * 300)
    explore = pd.DataFrame({"persona_id": [1, 1, 2, 2], "topic": ["books", "tea"] * 2, "probability": 0.5})
    explore["share"] = [0.5, 0.5, 0.1, 0.1]
    schedule = schedule_of(users, explore=explore, explore_share=0.3)
    drawn = (schedule.send_list["purpose"] == "explore").groupby(schedule.send_list["persona_id"]).mean()
    assert drawn[1] == pytest.approx(0.5, abs=0.03) and drawn[2] == pytest.approx(0.1, abs=0.03)
    assert any("10% to 50%" in note for note in schedule.notes)


@pytest.mark.parametrize("order", [1, -1])
def test_an_item_of_two_topics_is_not_sent_to_who_refused_either(order):
    content = pd.DataFrame(
        {"item_id": ["a", "a", "b"], "topic": ["books", "guns", "books"], "published_at": "2026-06-01"}
    ).iloc[::order]
    users = plain_users(2)
    topics = pd.DataFrame({"user_id": users["user_id"], "rank": 1, "topic": "books", "estimate": 2.0})
    blocks = pd.DataFrame({"user_id": ["u0"], "kind": "topic", "what": "guns", "days_left": 50.0})
    sends = schedule_of(users, topics, content=content, blocks=blocks).send_list
    assert sends.groupby("user_id")["item_id"].agg(set).to_dict() == {"u0": {"b"}, "u1": {"a", "b"}}


def test_who_ignores_what_they_get_hears_less_and_in_the_end_nothing():
    users = plain_users(3).assign(ignored_in_a_row=[0, 5, 8], gap_factor=[1, 2, 2])
    schedule = schedule_of(users)
    n = schedule.send_list.groupby("user_id").size()
    assert n["u0"] == 8 and n["u1"] == 3  # 5 ignored and 3 more are 8
    assert reasons(schedule).to_dict() == {"u2": eligible.IGNORED}
    gaps = schedule.send_list.query("user_id == 'u1'")["send_date"].diff().dt.days.dropna()
    assert (gaps >= 7).all()


def test_no_item_comes_twice_nor_before_it_is_out_nor_after_it_was_acted_on():
    users, content = plain_users(1), plain_content(n_items=3)
    content.loc[2, "published_at"] = pd.Timestamp("2026-07-09", tz="UTC")
    acted = pd.DataFrame({"user_id": ["u0"], "item_id": ["books-0"]})
    topics = pd.DataFrame({"user_id": ["u0"], "rank": 1, "topic": "books", "estimate": 2.0})
    sends = schedule_of(users, topics, content=content, acted=acted).send_list
    assert sends["item_id"].tolist() == ["books-1", "books-2"]
    assert sends["send_date"].iloc[1] >= pd.Timestamp("2026-07-09")


def test_a_user_whose_items_are_used_up_is_named():
    users, content = plain_users(1), plain_content(n_items=1)
    topics = pd.DataFrame({"user_id": ["u0"], "rank": 1, "topic": "books", "estimate": 2.0})
    acted = pd.DataFrame({"user_id": ["u0"], "item_id": ["books-0"]})
    assert reasons(schedule_of(users, topics, content=content, acted=acted)).tolist() == [eligible.NO_ITEM]


def test_hours_are_on_the_clock_of_the_user_and_never_quiet():
    users = plain_users(2).assign(zone=["Asia/Shanghai", "Mars/Base"], hour=[23, 9], daypart="night")
    schedule = schedule_of(users)
    assert set(schedule.send_list["send_hour_local"]) == {8}
    assert set(schedule.send_list["daypart"]) == {"morning"}
    assert reasons(schedule).to_dict() == {"u1": eligible.BAD_ZONE}


def test_a_study_zone_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="no time zone"):
        schedule_of(zone="Asia/Shangai")


def test_nothing_is_planned_before_the_moment_of_the_study():
    sends = schedule_of(plain_users(1).assign(hour=9), as_of="2026-07-01 10:00").send_list
    assert sends["send_date"].min() >= pd.Timestamp("2026-07-02")
    same_day = schedule_of(as_of="2026-07-01 10:00", start="2026-07-01").send_list
    assert same_day["send_date"].min() >= pd.Timestamp("2026-07-01")
    with pytest.raises(InputError, match="before the study's moment"):
        schedule_of(start="2026-06-30")
    with pytest.raises(ParameterError):
        schedule_of(start="next Monday")


@pytest.mark.parametrize("budget", [0, 1, 7, 10_000])
def test_a_budget_holds_and_goes_to_what_is_worth_most(budget):
    users = plain_users(8).assign(gain=np.arange(1, 9) / 10)
    full, schedule = schedule_of(users), schedule_of(users, budget=budget)
    assert schedule.n_sends == min(budget, full.n_sends)
    if 0 < budget < full.n_sends:
        dropped = full.send_list["value"].sort_values(ascending=False)[budget:]
        assert schedule.send_list["value"].min() >= dropped.max() - 1e-9
        assert schedule.price > 0
    accounted = len(schedule.left_out) + schedule.send_list["user_id"].nunique()
    assert accounted == len(users)


def test_a_send_that_costs_more_than_it_brings_is_not_made():
    schedule = schedule_of(plain_users(1).assign(gain=0.01, loss=1.0))
    assert reasons(schedule).tolist() == [eligible.NOT_WORTH]


def test_the_same_seed_gives_the_same_list_in_any_order_of_the_rows():
    users, content = plain_users(30), plain_content()
    topics = plain_topics(users)
    explore = pd.DataFrame({"persona_id": [1, 1], "topic": ["books", "tea"], "probability": [0.5, 0.5]})
    one = schedule_of(users, topics, content=content, explore=explore, random_state=5).send_list
    shuffled = schedule_of(
        users.sample(frac=1, random_state=0), topics.sample(frac=1, random_state=1), explore=explore,
        content=content.sample(frac=1, random_state=2), random_state=5,
    ).send_list  # fmt: skip
    pd.testing.assert_frame_equal(one, shuffled)
    assert not one.equals(
        schedule_of(users, topics, content=content, explore=explore, random_state=6).send_list
    )


def test_candidates_may_come_in_parts_in_the_order_of_users():
    users = plain_users(30)
    topics = plain_topics(users)
    parts = [topics[topics["user_id"] < "u15"], topics[topics["user_id"] >= "u15"]]
    pd.testing.assert_frame_equal(
        schedule_of(users, iter(parts)).send_list, schedule_of(users, topics).send_list
    )
    with pytest.raises(InputError, match="order"):
        schedule_of(users, parts[::-1])


def test_draws_happen_as_often_as_is_said_and_with_the_chance_that_is_logged():
    users = plain_users(3000)
    explore = pd.DataFrame(
        {"persona_id": 1, "topic": ["books", "tea", "chess"], "probability": [0.2, 0.3, 0.5]}
    )
    sends = schedule_of(users, content=plain_content(), explore=explore, explore_share=0.2).send_list
    assert abs((sends["purpose"] == "explore").mean() - 0.2) < 0.01
    # The chances are right if sends weighted by 1 / chance count every topic as often.
    n = (1 / sends["propensity"]).groupby(sends["topic"]).sum() / len(sends)
    assert np.allclose(n.reindex(["books", "tea", "chess"]), 1, atol=0.06)
    assert sends["propensity"].between(0, 1, inclusive="right").all()


def test_a_refused_topic_is_never_drawn():
    users = plain_users(300)
    explore = pd.DataFrame({"persona_id": 1, "topic": ["books", "tea"], "probability": [0.5, 0.5]})
    blocks = pd.DataFrame({"user_id": users["user_id"], "kind": "topic", "what": "tea", "days_ago": 1.0})
    sends = schedule_of(users, explore=explore, explore_share=0.5, blocks=blocks).send_list
    assert "tea" not in set(sends["topic"])


def test_topics_come_up_as_they_are_wanted_and_none_alone():
    users = plain_users(1).assign(channel="wecom_direct", weekly_cap=5.0)
    topics = pd.DataFrame(
        {"user_id": "u0", "rank": [1, 2, 3], "topic": ["books", "tea", "chess"], "estimate": [20.0, 2.0, 1.0]}
    )
    n = schedule_of(users, topics).send_list["topic"].value_counts()
    assert n["books"] == int(0.4 * n.sum()) and n["tea"] > n["chess"]


def test_ranked_items_are_sent_in_their_order_and_others_get_their_personas_topics():
    users = plain_users(2)
    items = pd.DataFrame({"user_id": "u0", "rank": [1, 2], "item_id": ["tea-1", "books-2"]})
    usual = pd.DataFrame(
        {"persona_id": [1], "rank": [1], "topic": ["chess"], "estimate": [1.0], "level": ["everyone"]}
    )
    sends = schedule_of(users, items, content=plain_content(), persona_topics=usual).send_list
    assert sends.query("user_id == 'u0'")["item_id"].tolist() == ["tea-1", "books-2"]
    assert set(sends.query("user_id == 'u1'")["topic"]) == {"chess"}


def test_a_calendar_adds_up_to_the_send_list():
    schedule = schedule_of(plain_users(20), content=plain_content())
    calendar, sends = schedule.calendar, schedule.send_list
    assert calendar["n_sends"].sum() == len(sends)
    assert np.allclose(calendar.groupby(["persona_id", "week"])["share"].sum(), 1)
    one = calendar.iloc[0]
    cell = sends[(sends["week"] == one["week"]) & (sends["item_id"] == one["item_id"])]
    assert len(cell) == one["n_sends"] and cell["user_id"].nunique() == one["n_users"]


def test_an_audience_lists_everybody_of_a_persona_ids_as_text():
    users = plain_users(3).assign(user_id=["007", "7", "8"])
    holdout = pd.Series([False, True, False], index=["007", "7", "8"])
    memberships = pd.DataFrame({"user_id": ["007", "7"], "membership": [0.9, 0.8]})
    audience = schedule_of(users, holdout=holdout).audiences(memberships)["readers"]
    assert audience["user_id"].tolist() == ["007", "7", "8"]
    assert audience["membership"].round(1).tolist()[:2] == [0.9, 0.8]
    assert audience["left_out"].tolist() == ["", eligible.HELD_OUT, ""]
    assert audience["next_send"].isna().tolist() == [False, True, False]


def test_users_named_twice_are_refused():
    with pytest.raises(InputError, match="more than once"):
        schedule_of(pd.concat([plain_users(1)] * 2))


def test_users_without_anything_planned_make_an_empty_schedule():
    users = plain_users(2)
    schedule = schedule_of(users, holdout=pd.Series(True, index=users["user_id"]))
    assert schedule.n_sends == 0 and len(schedule.left_out) == 2
    assert list(schedule.send_list.columns) == SEND_LIST and schedule.calendar.empty
    assert "0 sends" in schedule.headline()


def test_a_longer_plan_may_repeat_an_item_after_it_rested():
    topics = pd.DataFrame({"user_id": ["u0"], "rank": 1, "topic": "books", "estimate": 2.0})
    settings = TargetingSettings(repeat_days=10)
    sends = schedule_of(plain_users(1), topics, content=plain_content(n_items=1), settings=settings).send_list
    assert (sends["send_date"].diff().dropna() >= pd.Timedelta(days=10)).all() and len(sends) >= 2


@pytest.mark.parametrize("published", ["missing", "unknown"])
def test_without_times_of_publication_the_most_used_items_go_first(published):
    content = plain_content(3).assign(popularity=[1, 9, 5] * 3)
    content = (
        content.drop(columns="published_at")
        if published == "missing"
        else content.assign(published_at=pd.NaT)
    )
    topics = pd.DataFrame({"user_id": ["u0"], "rank": 1, "topic": "books", "estimate": 2.0})
    schedule = schedule_of(plain_users(1), topics, content=content)
    assert schedule.send_list["item_id"].tolist() == ["books-1", "books-2", "books-0"]
    assert any("fresh" in note for note in schedule.notes)
