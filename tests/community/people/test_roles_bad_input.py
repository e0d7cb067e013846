"""Roles of groups of one, rosters without messages, messages without a roster, bots and missing links."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.community.people.roles import find_roles
from segtool.community.ties.ties import find_ties
from tests.community.worlds import make_talk


def roles_of(**tables):
    talk = make_talk(**tables)
    return find_roles(talk, find_ties(talk))


def message(user: str, at: str, name: str, reply_to: str | None = None, **more) -> dict:
    return {"message_id": name, "group_id": "g", "user_id": user, "sent_at": at, "reply_to": reply_to, **more}


def test_nothing_at_all_gives_a_note():
    found = roles_of()
    assert found.members.empty and found.users.empty and found.missing.empty and "nobody" in found.notes[0]


def test_a_group_of_one_has_a_member_and_lacks_nothing():
    found = roles_of(messages=[message("a", "2026-06-01", "m1")], members=[{"group_id": "g", "user_id": "a"}])
    assert found.members["role"].tolist() == ["member"] and found.missing.empty


def test_a_roster_without_messages_leaves_roles_unknown():
    members = [{"group_id": "g", "user_id": user, "joined_at": "2025-01-01"} for user in "abcdef"]
    found = roles_of(members=members)
    assert set(found.members["role"]) == {"unknown"} and found.basis == "none"
    assert not found.missing["known"].any() and found.members["influence"].isna().all()


def test_messages_without_a_roster_say_that_lurkers_are_not_known():
    found = roles_of(
        messages=[message("a", "2026-06-01 10:00", "m1"), message("b", "2026-06-01 10:01", "m2", "m1")]
    )
    assert set(found.members["role"]) == {"member"} and any("lurkers" in note for note in found.notes)


def test_self_replies_lost_replies_and_skewed_clocks_count_for_nobody():
    found = roles_of(
        messages=[
            message("a", "2026-06-01 10:00", "m1"),
            message("a", "2026-06-01 10:01", "m2", "m1"),  # to oneself
            message("b", "2026-06-01 10:02", "m3", "deleted"),
            message("b", "2026-06-01 09:59", "m4", "m2"),  # two minutes before what it answers
        ]
    ).members.set_index("user_id")
    assert found.at["a", "n_answers"] == 1 and found.at["a", "n_answerers"] == 1
    assert found.at["b", "n_answers"] == 0 and found.at["b", "n_calls"] == 0


def test_bots_have_no_role_and_their_answers_do_not_count():
    rows = [message("a", f"2026-06-{day:02d} 10:00", f"m{day}") for day in range(1, 20)]
    rows += [message("robot", f"2026-06-{day:02d} 10:01", f"r{day}", f"m{day}") for day in range(1, 20)]
    members = [
        {"group_id": "g", "user_id": "robot", "role": "bot"},
        {"group_id": "g", "user_id": "a", "role": "member"},
    ]
    found = roles_of(messages=rows, members=members).members.set_index("user_id")
    assert found.at["robot", "role"] == "bot" and np.isnan(found.at["robot", "influence"])
    assert found.at["a", "n_answerers"] == 0 and found.at["a", "answered_rate"] < 0.1


def test_where_no_reply_is_recorded_names_tell_who_is_heard():
    rows = []
    for day in range(60):
        at = pd.Timestamp("2026-04-15") + pd.Timedelta(days=day)
        for place, user in enumerate(["star", "other", f"p{day % 9}"]):
            text = "@star what do you think?" if user.startswith("p") else "good morning"
            rows.append({"message_id": f"m{day}-{place}", "group_id": "g", "user_id": user,
                         "sent_at": at + pd.Timedelta(hours=place), "text": text})  # fmt: skip
    found = roles_of(messages=rows)
    members = found.members.set_index("user_id")
    assert found.basis == "mentions" and members["influence"].idxmax() == "star"
    assert members.at["star", "evidence"].startswith("named by 9 people")
    assert members.at["other", "influence"] < 0.5 and members["answered_rate"].isna().all()


def test_where_nothing_tells_who_is_heard_nobody_leads_and_it_says_so():
    rows = [{"message_id": f"m{n}", "group_id": "g", "user_id": f"u{n % 7}",
             "sent_at": pd.Timestamp("2026-06-01") + pd.Timedelta(hours=9 * n)} for n in range(70)]  # fmt: skip
    found = roles_of(messages=rows)
    assert found.basis == "none" and not (found.members["role"] == "leader").any()
    rates = found.members[["answered_rate", "answered_lo", "responses", "influence"]]
    assert rates.isna().all().all() and (found.members["n_judged"] == 0).all()
    assert "Not known" in found.notes[0] and found.missing.set_index("missing").at["leader", "known"] == False  # noqa: E712


def test_inferred_links_count_with_their_probability():
    rows = [message(user, f"2026-06-{day:02d} 10:{minute:02d}", f"{user}{day}")
            for day in range(1, 25) for minute, user in enumerate(["a", "b", "c"])]  # fmt: skip
    for row in rows:
        del row["reply_to"]
    talk = make_talk(messages=rows)
    reply = np.where(talk.messages["user"] > 0, np.arange(len(rows)) - talk.messages["user"], -1)
    talk = talk.with_replies(reply, np.where(reply >= 0, 0.5, 0.0))
    found = find_roles(talk, find_ties(talk))
    first = found.members.set_index("user_id").loc["a"]
    assert found.basis == "inferred replies" and first["n_answers"] == pytest.approx(24.0)
    assert "about" in first["evidence"] and "inferred" in found.notes[0]


def test_that_nobody_leads_is_not_known_from_inferred_links():
    rng = np.random.default_rng(0)
    rows = [{"message_id": f"m{n:03d}", "group_id": "g", "user_id": f"u{rng.integers(9)}",
             "sent_at": pd.Timestamp("2026-05-01") + pd.Timedelta(hours=3 * n)} for n in range(400)]  # fmt: skip
    talk = make_talk(messages=rows)
    user = talk.messages["user"].to_numpy()
    reply = np.where(np.r_[False, user[1:] != user[:-1]], np.arange(400) - 1, -1)
    linked = talk.with_replies(reply, np.where(reply >= 0, 0.6, 0.0))
    missing = find_roles(linked, find_ties(linked)).missing.set_index("missing")
    assert not missing["known"].any() and "is inferred" in missing.at["leader", "why"]


def test_a_record_too_short_to_know_names_no_lurker_and_says_where_it_begins():
    members = [{"group_id": "g", "user_id": user, "joined_at": "2025-01-01"} for user in "abc"]
    rows = [message("a", "2026-06-20 10:00", "m1"), message("b", "2026-06-20 10:01", "m2", "m1")]
    found = roles_of(messages=rows, members=members).members.set_index("user_id")
    assert found.at["c", "role"] == "unknown"
    assert "has not written since 2026-06-20, where the record begins" in found.at["c", "evidence"]
    longer = [message("a", "2026-01-20 10:00", "m0"), *rows]
    found = roles_of(messages=longer, members=members).members.set_index("user_id")
    assert found.at["c", "role"] == "lurker" and 0.9 < found.at["c", "confidence"] < 1


def test_the_same_people_in_two_groups_make_no_brokers_and_other_people_do():
    def talks(names: dict[str, str]):
        rows = []
        for group, others in names.items():
            for number in range(60):
                at = pd.Timestamp("2026-04-01") + pd.Timedelta(days=number)
                first = f"{group}{number:03d}"
                rows.append({**message("hub", str(at), first), "group_id": group})
                answer = message(
                    others[number % len(others)], str(at + pd.Timedelta(minutes=1)), first + "a", first
                )
                rows.append({**answer, "group_id": group})
        members = roles_of(messages=rows).members
        hub = members[members["user_id"] == "hub"]
        return (hub["role"] + ", " + hub["also"]).str.contains("broker").tolist(), hub

    assert talks({"g": "abcdef", "h": "abcdef"})[0] == [False, False]
    held, hub = talks({"g": "abcdef", "h": "uvwxyz"})
    assert held == [True, True] and hub["evidence"].str.contains("by 0 of 12 people in two of them").all()
