"""One verdict per group, with its reasons; hostile tables; nothing said where nothing is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.community.health.health import Health, judge_groups
from segtool.community.health.rules import VERDICTS
from segtool.community.settings import CommunitySettings
from segtool.community.talk import read_talk
from segtool.sources.simulate.groups import simulate_groups
from tests.community.health.chats import END, chat, read, roster
from tests.community.worlds import make_sources


@pytest.fixture(scope="module")
def health() -> Health:
    crowd = [0.9] + [0.1 / 11] * 11
    newcomers = np.r_[np.full(150, 200.0), np.full(40, 30.0)]
    strangers = [1e-9] * 150 + [1 / 40] * 40
    messages = [
        *chat("alive"),
        *chat("chatty", off=(0.1, 0.9), daily=4),
        *chat("dead", days=range(80, 180)),
        *chat("loud", voices=crowd, replies=0.02, daily=2),
        *chat("crowd", days=range(1, 29), voices=np.array(strangers) / sum(strangers), replies=0.15, daily=4),
        *chat("small", days=range(1, 180, 4), daily=1),
        *chat("young", days=range(1, 20), daily=5),
        *chat("scarce", days=range(1, 180, 9), daily=1),
    ]
    members = [
        row for group in ("alive", "chatty", "dead", "loud", "small", "scarce") for row in roster(group, 30)
    ]
    members += roster("crowd", 190, newcomers) + roster("young", 15, 20)
    activities = [{"activity_id": "a1", "group_id": "alive", "starts_at": "2026-05-01 20:00",
                   "ends_at": "2026-05-01 22:00", "topic": "yoga", "title": "open day"}]  # fmt: skip
    return judge_groups(read(messages, members, activities=activities))


@pytest.mark.parametrize(
    ("group", "verdict", "reason"),
    [
        ("alive", "thriving", "messages a week"),
        ("chatty", "chat room", "are about yoga"),
        ("dead", "dead", "nobody has talked with anybody for 80 days"),
        ("loud", "loudspeaker", "one voice writes"),
        ("crowd", "overgrown", "190 members; members of 90 days and more are 79% of all and write"),
        ("small", "quiet", "not surely a message a day"),
        ("young", "new", "days old, under 42"),
        ("scarce", "too little data", "20 messages on record"),
    ],
)
def test_each_group_is_called_what_it_is_and_says_why(health, group, verdict, reason):
    row = health.table.set_index("group_id").loc[group]
    assert row["verdict"] == verdict, row["reasons"]
    assert reason in row["reasons"]


def test_every_measure_comes_with_how_many_it_rests_on(health):
    row = health.table.set_index("group_id").loc["alive"]
    assert row["n_messages"] == row["reply_n"] == row["on_topic_n"] == 28 * 3
    assert row["on_topic_lo"] < row["on_topic"] < row["on_topic_hi"]
    assert row["n_members"] == 30 and row["n_speakers"] == 12 and row["active_share"] == pytest.approx(0.4)
    assert row["messages_per_week"] == 21 and row["messages_lo"] < 21 < row["messages_hi"]
    assert row["messages_trend_lo"] < 1 < row["messages_trend_hi"]
    assert row["core_topic"] == "yoga" and row["core_assumed"]


def test_weeks_hold_every_message_once_and_no_week_before_the_record(health):
    totals = health.weekly.groupby("group_id")["n_messages"].sum()
    # The record begins within a week: its broken first week is not shown as a quiet one.
    assert 0 <= health.table.set_index("group_id").loc["alive", "n_all"] - totals["alive"] <= 3 * 7
    assert health.weekly.groupby("group_id")["week"].max()["dead"] == 24
    own = health.weekly[health.weekly["group_id"] == "dead"]
    assert (own.loc[own["week"] < 11, "n_messages"] == 0).all()
    assert own.loc[own["week"] < 11, "on_topic_share"].isna().all()


def test_it_shows_itself_and_lists_what_happened(health):
    assert health.headline().startswith("Health of 8 groups: 1 thriving, 1 quiet, 1 dead, 1 chat room")
    assert health.activities.to_dict("records") == [
        {"group_id": "alive", "starts": pd.Timestamp("2026-05-01 20:00"),
         "ends": pd.Timestamp("2026-05-01 22:00"), "title": "open day"}
    ]  # fmt: skip
    assert set(health.table["verdict"]) == set(VERDICTS)
    assert any("tones were not read" in note for note in health.notes)


def test_healthy_worlds_get_no_bad_word_and_planted_fates_are_found():
    fates = ["thriving"] * 3 + ["quiet"] * 3 + ["dead", "loudspeaker"]
    world = simulate_groups(fates, random_state=900, with_text=False)
    tables = {name: world.tables[name] for name in ("messages", "members", "activities", "groups")}
    verdicts = judge_groups(read_talk(make_sources(**tables))).table["verdict"].tolist()
    assert set(verdicts[:6]) <= {"thriving", "quiet"}
    assert verdicts[6:] == ["dead", "loudspeaker"]


def test_a_stated_charter_wins_over_the_talk():
    messages = chat("g", topic="yoga")
    assumed = judge_groups(read(messages)).table.iloc[0]
    stated = judge_groups(read(messages, settings=CommunitySettings(charters={"g": "running"}))).table.iloc[0]
    assert (assumed["verdict"], assumed["core_topic"]) == ("thriving", "yoga")
    assert (stated["core_topic"], stated["core_assumed"], stated["on_topic"]) == ("running", False, 0.0)
    # Not gossip: what it talks about instead is one topic, so it has moved.
    assert stated["verdict"] == "thriving" and stated["other_topic"] == "yoga"


def test_without_a_roster_sizes_are_not_known_rather_than_nothing():
    health = judge_groups(read(chat("g", voices=160, daily=8)))
    row = health.table.iloc[0]
    assert pd.isna(row["n_members"]) and np.isnan(row["active_share"]) and np.isnan(row["veteran"])
    assert row["verdict"] in ("thriving", "quiet") and "members of 90 days and more" in row["not_known"]
    assert any("there is no roster" in note for note in health.notes)


def test_without_answers_nothing_is_said_of_them():
    messages = [{**row, "reply_to": None} for row in chat("g")]
    health = judge_groups(read(messages, roster("g", 20)))
    row = health.table.iloc[0]
    assert row["verdict"] == "thriving" and np.isnan(row["reply"]) and row["reply_n"] == 0
    assert "whether messages are answered is not known" in row["reasons"]


def test_a_roster_without_messages_and_a_group_of_one_are_too_little():
    health = judge_groups(read(chat("alive"), roster("alive", 12) + roster("mute", 5) + roster("one", 1)))
    table = health.table.set_index("group_id")
    assert table.loc[["mute", "one"], "verdict"].tolist() == ["too little data"] * 2
    assert table.loc["mute", "active_share"] == 0 and np.isnan(table.loc["mute", "top1"])
    only = judge_groups(read(None, roster("mute", 5)))
    assert only.table["verdict"].tolist() == ["too little data"] and len(only.weekly) > 0
    assert any("nobody wrote anything" in note for note in only.notes)


def test_one_voice_alone_answers_nobody():
    messages = chat("mono", voices=1)
    row = judge_groups(read(messages, roster("mono", 1))).table.iloc[0]
    assert row["top1"] == 1 and row["absence_factor"] == 1 and row["n_members"] == 1
    assert row["verdict"] != "dead"  # it is no talk, but it is not silent either


def test_no_messages_at_all_gives_an_empty_result_with_a_note():
    health = judge_groups(read())
    assert health.table.empty and health.weekly.empty and health.entrants.empty and health.warnings.empty
    assert any("no group on record" in note for note in health.notes)
    assert "no group to judge" in health.headline()


def test_bots_self_replies_lost_and_skewed_answers_leave_the_measures_as_they_are():
    messages = chat("g", replies=0)
    plain = judge_groups(read(messages, roster("g", 12))).table.iloc[0]
    last = messages[-1]
    early = str(pd.Timestamp(last["sent_at"]) - pd.Timedelta(minutes=3))
    odd = [
        {**last, "message_id": "self", "reply_to": last["message_id"]},
        {**last, "message_id": "lost", "reply_to": "deleted", "user_id": "g_u01"},
        {**last, "message_id": "skew", "reply_to": last["message_id"], "user_id": "g_u00", "sent_at": early},
    ]
    bot = [{**row, "message_id": f"b{row['message_id']}", "user_id": "bot"} for row in messages]
    members = [*roster("g", 12), {"group_id": "g", "user_id": "bot", "role": "bot"}]
    row = judge_groups(read(messages + odd + bot, members)).table.iloc[0]
    assert row["n_messages"] == plain["n_messages"] + 3 and row["n_members"] == 12
    assert row["reply"] * row["reply_n"] == pytest.approx(2)  # the lost one is an answer, the self-reply none
    assert row["answer_n"] == 1 and row["answer_minutes"] == 0


def test_an_export_that_ends_early_kills_no_group():
    health = judge_groups(read(chat("a", days=range(40, 180)) + chat("b", days=range(41, 180), seed=1)))
    assert health.table["verdict"].tolist() == ["too little data"] * 2
    assert any("the export seems to end early" in note for note in health.notes)


def test_order_of_rows_changes_nothing_and_the_future_is_not_read():
    messages, members = chat("g"), roster("g", 15)
    later = {**messages[-1], "message_id": "later", "sent_at": str(END + pd.Timedelta(days=1))}
    one = judge_groups(read(messages, members))
    two = judge_groups(read([later, *messages[::-1]], members[::-1]))
    pd.testing.assert_frame_equal(one.table, two.table)
    pd.testing.assert_frame_equal(one.weekly, two.weekly)


def test_a_fading_group_is_no_bad_one_but_watched():
    messages = [
        {
            **row,
            "message_id": f"{daily}_{row['message_id']}",
            "reply_to": row["reply_to"] and f"{daily}_{row['reply_to']}",
        }
        for daily, days in ((9, range(120, 180)), (6, range(60, 120)), (3, range(1, 60)))
        for row in chat("g", days=days, daily=daily, seed=daily)
    ]
    row = judge_groups(read(messages, roster("g", 12))).table.iloc[0]
    assert row["verdict"] == "thriving" and row["watch"].startswith("it fades: messages change by -")
    assert row["messages_trend_hi"] < 1


def test_newcomers_who_are_left_alone_are_told_of():
    messages = chat("g", voices=14, replies=0.8)
    young = {"g_u12", "g_u13"}
    by = {row["message_id"]: row["user_id"] for row in messages}
    for row in messages:
        if row["user_id"] in young and row["sent_at"] < str(END - pd.Timedelta(days=25)):
            row["user_id"] = "g_u00"
        if by.get(row["reply_to"]) in young:
            row["reply_to"] = None
    ago = np.r_[np.full(12, 200.0), np.full(2, 26.0)]
    row = judge_groups(read(messages, roster("g", 14, ago))).table.iloc[0]
    assert row["newcomer_answered"] == 0 and row["newcomer_answered_n"] >= 8
    assert "newcomers are answered less: 0% of" in row["watch"]


def test_what_other_rooms_know_is_added():
    from segtool.community.people.roles import find_roles
    from segtool.community.ties.ties import find_ties

    talk = read(chat("g"), roster("g", 15))
    ties = find_ties(talk, talk.settings)
    table = judge_groups(talk, ties, roles=find_roles(talk, ties, talk.settings)).table
    assert table["ties_per_member"][0] > 1 and table["n_leaders"].dtype == "int64"
