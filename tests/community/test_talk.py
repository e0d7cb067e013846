"""Reading messages and rosters as numbers, whatever is odd about them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from segtool.community.settings import CommunitySettings
from segtool.community.talk import read_talk
from tests.community.worlds import make_sources, make_talk


def message(name: str, user: str, at: str, to: str | None = None, group: str = "g", **more) -> dict:
    return {"message_id": name, "group_id": group, "user_id": user, "sent_at": at, "reply_to": to, **more}


def problem(talk, what: str) -> int:
    found = talk.problems[talk.problems["what"].str.contains(what)]
    return int(found["n"].sum())


def test_replies_are_rows_in_order_of_group_and_time():
    talk = make_talk(
        messages=[
            message("m3", "a", "2026-06-01 10:00", "m1"),
            message("m1", "b", "2026-06-01 09:00"),
            message("m2", "a", "2026-06-02 09:00", group="f"),
        ]
    )
    assert talk.group_ids.tolist() == ["f", "g"]
    assert talk.messages["reply"].tolist() == [-1, -1, 1]
    assert talk.messages["second"].tolist() == [
        -29 * 86400 + 9 * 3600,
        -30 * 86400 + 9 * 3600,
        -30 * 86400 + 36000,
    ]
    assert talk.messages["reply_sure"].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("to", "what", "lost"),
    [("m1", "answers to oneself", False), ("gone", "not there", True), ("m2", "across groups", True)],
)
def test_links_that_cannot_be_are_counted_not_kept(to, what, lost):
    talk = make_talk(
        messages=[
            message("m1", "a", "2026-06-01 09:00"),
            message("m2", "b", "2026-06-01 09:00", group="z"),
            message("m3", "a", "2026-06-01 09:10", to),
        ]
    )
    row = talk.messages.iloc[1]
    assert (row["reply"], row["replied_lost"]) == (-1, lost)
    assert problem(talk, what) == 1


@pytest.mark.parametrize(("minutes", "kept"), [(3, True), (45, False)])
def test_an_answer_before_what_it_answers(minutes, kept):
    late = pd.Timestamp("2026-06-01 09:00") + pd.Timedelta(minutes=minutes)
    talk = make_talk(messages=[message("m1", "a", str(late)), message("m2", "b", "2026-06-01 09:00", "m1")])
    assert (talk.messages["reply"].iloc[0] == 1) == kept
    assert problem(talk, "stamped") == 1


def test_roster_has_those_who_only_read_and_those_who_only_wrote():
    talk = make_talk(
        members=[
            {"group_id": "g", "user_id": "a", "joined_at": "2026-05-01", "left_at": None},
            {"group_id": "g", "user_id": "b", "joined_at": "2026-05-01", "left_at": "2026-05-20"},
        ],
        messages=[message("m1", "c", "2026-06-01 09:00")],
    )
    roster = talk.roster.set_index(talk.user_ids[talk.roster["user"]])
    assert roster["stated"].tolist() == [True, True, False]
    assert roster["n_messages"].tolist() == [0, 0, 1]
    assert np.isnan(roster.loc["c", "joined"])  # not the time of the first message: it is not known
    assert talk.groups["n_members"].tolist() == [2]
    assert problem(talk, "without being on its roster") == 1


def test_stays_are_one_row_and_who_writes_after_leaving_is_there():
    stays = [
        {
            "group_id": "g",
            "user_id": "a",
            "joined_at": "2026-03-01",
            "left_at": "2026-03-05",
            "invited_by": "b",
        },
        {"group_id": "g", "user_id": "a", "joined_at": "2026-05-01", "left_at": None, "invited_by": None},
        {
            "group_id": "g",
            "user_id": "b",
            "joined_at": "2026-02-01",
            "left_at": "2026-04-01",
            "invited_by": "b",
        },
    ]
    talk = make_talk(members=stays, messages=[message("m1", "b", "2026-06-01 09:00")])
    assert len(talk.roster) == 2 and talk.here.all()
    assert talk.roster["inviter"].tolist() == [1, -1]
    assert problem(talk, "invited themselves") == 1 and problem(talk, "after they had left") == 1


def test_bots_are_found_by_role_setting_or_pace_but_a_busy_person_is_none():
    times = pd.date_range("2026-06-01", periods=600, freq="4min").astype(str)
    rows = [message(f"r{i}", "robot", at) for i, at in enumerate(times)]
    rows += [message(f"p{i}", "busy", at) for i, at in enumerate(times)]
    rows += [message(f"q{i}", "fan", at, f"p{i}") for i, at in enumerate(times[::10])]
    rows += [message("h1", "helper", "2026-06-01 09:00"), message("n1", "named", "2026-06-01 09:00")]
    members = [{"group_id": "g", "user_id": "helper", "joined_at": "2026-01-01", "role": "Bot"}]
    talk = make_talk(messages=rows, members=members, settings=CommunitySettings(bots=("named",)))
    bots = set(talk.user_ids[talk.roster.loc[talk.roster["bot"], "user"]])
    assert bots == {"robot", "helper", "named"}
    assert talk.groups["n_messages"].sum() == talk.by_people.sum() == 660
    assert problem(talk, "messages by bots") == 602


def test_nothing_to_read_is_a_note():
    talk = make_talk()
    assert len(talk.messages) == len(talk.roster) == len(talk.groups) == 0
    assert "no table" in talk.notes[0]


def test_a_roster_alone_and_messages_alone_say_what_is_not_known():
    silent = make_talk(members=[{"group_id": "g", "user_id": "a", "joined_at": "2026-05-01"}])
    assert silent.groups["n_members"].tolist() == [1] and any("nobody wrote" in note for note in silent.notes)
    heard = make_talk(messages=[{"group_id": "g", "user_id": "a", "sent_at": "2026-05-01"}])
    assert not heard.has_roster and not heard.has_replies
    assert any("only read are not seen" in note for note in heard.notes)
    assert any("reply_to" in note for note in heard.notes)


def test_charter_from_settings_wins_over_the_table():
    tables = {
        "messages": [
            message("m1", "a", "2026-06-01", topic="news"),
            message("m2", "a", "2026-06-01", group="h"),
        ],
        "groups": [{"group_id": "g", "title": "Moms", "topic": "news"}, {"group_id": "h", "topic": "baking"}],
    }
    talk = make_talk(**tables, settings=CommunitySettings(charters={"g": "parenting"}))
    assert [talk.topics[place] for place in talk.groups["charter"]] == ["parenting", "baking"]
    assert talk.groups["title"].tolist()[0] == "Moms"


def test_texts_stand_in_the_order_of_the_rows():
    rows = [message(f"m{i}", "a", f"2026-06-{30 - i:02d}", text=f"say {i}") for i in range(9)]
    talk = make_talk(messages=rows)
    assert talk.texts().tolist() == [f"say {i}" for i in range(8, -1, -1)]
    assert talk.texts(np.array([0, 8])).tolist() == ["say 8", "say 0"]


@budget(max_examples=15, deadline=None)
@given(order=st.permutations(range(12)))
def test_the_order_of_the_rows_in_the_file_does_not_matter(order):
    rows = [
        message(f"m{i}", "abc"[i % 3], f"2026-06-0{1 + i % 4} 0{i % 5}:00", f"m{i - 1}" if i % 2 else None)
        for i in range(12)
    ]
    one, other = (read_talk(make_sources(messages=[rows[i] for i in ids])) for ids in (range(12), order))
    pd.testing.assert_frame_equal(one.messages, other.messages)
    pd.testing.assert_frame_equal(one.roster, other.roster)


def busy(n_quoted: int, **settings):
    """A host and a crowd write 45 messages a day each, of which so many have a recorded answer."""
    rows = []
    for place in range(900):
        at = pd.Timestamp("2026-06-01") + pd.Timedelta(days=place // 45, minutes=10 * (place % 45))
        rows.append(message(f"h{place:03d}", "host", str(at)))
        quoted = f"p{place - 1:03d}" if place and place <= n_quoted else None
        rows.append(message(f"p{place:03d}", f"u{place % 10}", str(at + pd.Timedelta(minutes=1)), quoted))
    return make_talk(messages=rows, settings=CommunitySettings(**settings))


@pytest.mark.parametrize(("n_quoted", "bots"), [(0, []), (8, []), (400, ["host"])])
def test_silence_makes_a_bot_only_where_answers_are_recorded(n_quoted, bots):
    talk = busy(n_quoted)
    assert talk.bots["user_id"].tolist() == bots and talk.has_replies is (n_quoted > 0)
    assert any("links are inferred" in note for note in talk.notes) is (n_quoted == 0)
    assert not any("host" in note for note in talk.notes)


def test_who_was_taken_for_a_bot_is_listed_and_can_be_put_back():
    assert busy(400).bots["why"].tolist() == ["pace"] and problem(busy(400), "by their pace") == 1
    back = busy(400, people=("host",))
    assert back.bots.empty and back.by_people.all()
