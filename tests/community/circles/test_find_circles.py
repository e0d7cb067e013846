"""Circles of people: from talk and shared interests, named, with everybody else in none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import normalized_mutual_info_score

from segtool.community.circles.circles import find_circles
from segtool.community.circles.interests import read_interests
from segtool.community.settings import CommunitySettings
from segtool.community.ties.ties import find_ties
from segtool.errors import InputError
from tests.community.worlds import make_sources, make_talk

TOPICS = ("home", "travel", "games")


def talk_of_three(seed: int = 0, *, size: int = 14, per_group: int = 110) -> list[dict]:
    """Three groups in which everybody answers everybody, each about its own topic."""
    rng = np.random.default_rng(seed)
    rows = []
    for group, topic in enumerate(TOPICS):
        for number in range(per_group):
            minute = pd.Timestamp("2026-06-20") + pd.Timedelta(minutes=30 * number + group)
            rows.append(
                {
                    "message_id": f"m{group}{number:03d}",
                    "group_id": f"g{group}",
                    "user_id": f"u{group}{rng.integers(size):02d}",
                    "sent_at": minute,
                    "reply_to": f"m{group}{number - 1:03d}" if number else None,
                    "topic": topic,
                }
            )
    return rows


@pytest.fixture(scope="module")
def messages() -> list[dict]:
    return talk_of_three()


@pytest.fixture(scope="module")
def talk(messages):
    members = [{"group_id": f"g{g}", "user_id": f"u{g}{n:02d}"} for g in range(3) for n in range(20)]
    members += [{"group_id": "g0", "user_id": "zz_silent"}]
    users = sorted({row["user_id"] for row in members} | {"zz_alone", "zz_fan"})
    events = [
        {"user_id": "zz_fan", "event_time": f"2026-06-{day:02d}", "event": "view", "topic": "games"}
        for day in range(1, 25)
    ]
    return make_talk(messages=messages, members=members, users=[{"user_id": u} for u in users], events=events)


@pytest.fixture(scope="module")
def circles(talk):
    interests = read_interests(make_sources(messages=talk_of_three()), talk)
    fan = pd.DataFrame({"user_id": ["zz_fan"], "topic": ["games"], "weight": [0.9], "n": [24]})
    return find_circles(find_ties(talk), pd.concat([interests, fan]))


def test_each_group_that_talks_is_a_circle_named_by_its_topic(circles):
    assert sorted(circles.table["name"]) == sorted(TOPICS)
    assert circles.table["circle"].tolist() == ["c01", "c02", "c03"]
    assert circles.table["stable"].all()
    assert circles.table["named_by_topics"].all()
    members = circles.members[circles.members["by"] == "ties"]
    assert normalized_mutual_info_score(members["user_id"].str[1], members["circle"]) > 0.95


def test_silent_members_stand_with_their_group_half_as_sure(circles):
    silent = circles.members.set_index("user_id").loc["zz_silent"]
    talker = circles.members[
        (circles.members["user_id"].str.startswith("u0")) & (circles.members["by"] == "ties")
    ]
    assert silent["by"] == "groups"
    assert silent["circle"] == talker["circle"].mode()[0]
    assert silent["confidence"] <= 0.5
    assert silent["n_ties"] == 0


def test_people_in_no_group_are_in_no_circle(circles):
    alone = circles.members.set_index("user_id").loc["zz_alone"]
    assert pd.isna(alone["circle"])
    assert np.isnan(alone["confidence"])
    assert alone["by"] == "none"
    assert pd.isna(alone["would_suit"])


def test_who_likes_what_a_circle_likes_would_suit_it(circles):
    fan = circles.members.set_index("user_id").loc["zz_fan"]
    games = circles.table.set_index("name").loc["games", "circle"]
    assert pd.isna(fan["circle"])
    assert fan["would_suit"] == games


def test_the_index_is_share_over_base(circles):
    topics = circles.topics
    np.testing.assert_allclose(topics["index"], topics["share"] / topics["base_share"] * 100, rtol=1e-3)
    own = topics[topics["over"]]
    assert len(own) == 3
    assert (own["lo"] > 120).all()
    assert (topics["lo"] <= topics["index"]).all() and (topics["index"] <= topics["hi"]).all()


def test_without_interests_circles_have_no_topics(talk):
    found = find_circles(find_ties(talk))
    assert len(found.table) == 3
    assert found.topics.empty
    assert found.table["name"].str.startswith("no topic stands out").all()
    assert not found.table["named_by_topics"].any()
    assert found.table["name"].is_unique
    assert any("no interests are known" in note for note in found.notes)


def test_interests_that_are_chance_name_nothing(talk):
    rng = np.random.default_rng(1)
    interests = pd.DataFrame(
        [(user, topic, rng.random()) for user in talk.user_ids for topic in TOPICS],
        columns=["user_id", "topic", "weight"],
    )
    assert not find_circles(find_ties(talk), interests).topics["over"].any()


def test_interests_divide_a_group_whose_ties_do_not():
    """Everybody answers anybody, a little more their own kind: ties alone are too few to tell."""
    rng = np.random.default_rng(4)
    kind = np.arange(60) % 2
    rows = []
    for number in range(330):
        user = int(rng.integers(60))
        other = int(
            rng.choice(np.flatnonzero(kind == (kind[user] if rng.random() < 0.68 else 1 - kind[user])))
        )
        time = pd.Timestamp("2026-05-20") + pd.Timedelta(hours=3 * number)
        asked = {"message_id": f"a{number:03d}", "group_id": "g", "user_id": f"u{other:02d}", "sent_at": time}
        answer = {"message_id": f"b{number:03d}", "user_id": f"u{user:02d}", "reply_to": f"a{number:03d}"}
        rows += [asked, {**asked, **answer, "sent_at": time + pd.Timedelta(hours=1)}]
    ties = find_ties(make_talk(messages=rows))
    interests = pd.DataFrame(
        {"user_id": ties.user_ids, "topic": np.array(["home", "games"])[kind], "weight": 0.9}
    )

    def score(much):
        found = find_circles(ties, interests, CommunitySettings(interest_weight=much))
        return normalized_mutual_info_score(kind, found.members["circle"].fillna("none"))

    assert score(2.0) > score(0.0)
    assert score(2.0) > 0.7


def test_the_order_of_rows_does_not_matter(messages):
    rng = np.random.default_rng(5)
    mixed = [messages[at] for at in rng.permutation(len(messages))]
    found = []
    for rows in (messages, mixed):
        talk = make_talk(messages=rows)
        interests = read_interests(make_sources(messages=rows), talk).sample(frac=1, random_state=len(found))
        found.append(find_circles(find_ties(talk), interests))
    pd.testing.assert_frame_equal(found[0].members, found[1].members)
    pd.testing.assert_frame_equal(found[0].table, found[1].table)
    pd.testing.assert_frame_equal(found[0].topics, found[1].topics)


BAD = {
    "nothing at all": {},
    "a roster without messages": {"members": [{"group_id": "g", "user_id": f"u{n}"} for n in range(9)]},
    "a group with one member": {"messages": [{"group_id": "g", "user_id": "a", "sent_at": "2026-06-01"}]},
    "people who answer themselves": {
        "messages": [
            {"message_id": "m1", "group_id": "g", "user_id": "a", "sent_at": "2026-06-01"},
            {"message_id": "m2", "group_id": "g", "user_id": "a", "sent_at": "2026-06-02", "reply_to": "m1"},
        ]
    },
    "an answer to a deleted message": {
        "messages": [{"group_id": "g", "user_id": "a", "sent_at": "2026-06-01", "reply_to": "gone"}]
    },
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_without_ties_there_are_no_circles_and_a_note_says_why(case):
    found = find_circles(find_ties(make_talk(**BAD[case])))
    assert found.table.empty
    assert found.members["circle"].isna().all()
    assert found.notes[0].startswith("Not known - Circles: Nobody is tied to enough others")
    assert "No circles" in repr(found)


def test_messages_without_a_roster_are_enough(messages):
    assert len(find_circles(find_ties(make_talk(messages=messages))).table) == 3


def test_a_bot_ties_nobody(messages):
    """An account that answers everybody would join the three circles to one."""
    rows = list(messages)
    for row in messages:
        at = pd.Timestamp(row["sent_at"]) + pd.Timedelta(minutes=3)
        rows.append(
            {
                **row,
                "message_id": "b" + row["message_id"],
                "user_id": "bot",
                "sent_at": at,
                "reply_to": row["message_id"],
            }
        )
    talk = make_talk(messages=rows, settings=CommunitySettings(bots=("bot",)))
    found = find_circles(find_ties(talk))
    assert len(found.table) == 3
    assert pd.isna(found.members.set_index("user_id").loc["bot", "circle"])


@pytest.mark.parametrize(
    ("interests", "said"),
    [
        (pd.DataFrame({"user_id": ["a"], "topic": ["x"]}), "weight"),
        (pd.DataFrame({"user_id": ["a"], "topic": ["x"], "weight": [2.0]}), "0 to 1"),
        (pd.DataFrame({"user_id": ["a", "a"], "topic": ["x", "x"], "weight": [0.1, 0.2]}), "one row per"),
    ],
    ids=["no weight", "too much", "twice"],
)
def test_interests_that_are_none_are_refused(talk, interests, said):
    with pytest.raises(InputError, match=said):
        find_circles(find_ties(talk), interests)


def test_interests_are_read_from_events_and_messages_and_shrunk():
    tables = {
        "messages": [{"group_id": "g", "user_id": "a", "sent_at": "2026-06-01", "topic": "home"}],
        "events": [
            {
                "user_id": user,
                "event_time": f"2026-06-{day:02d}",
                "event": "view",
                "topic": topic,
                "item_id": item,
            }
            for user, topic, item, days in (
                ("a", "home", None, 9),
                ("b", None, "i1", 10),
                ("b", "games", None, 10),
            )
            for day in range(1, days + 1)
        ],
        "content": [{"item_id": "i1", "topic": "home", "title": "x"}],
    }
    found = read_interests(make_sources(**tables), make_talk(**tables)).set_index(["user_id", "topic"])
    assert found["n"].to_dict() == {("a", "home"): 10, ("b", "games"): 20, ("b", "home"): 20}
    base = 20 / 30
    assert found.loc[("a", "home"), "weight"] == pytest.approx((10 + 5 * base) / 15)
    assert found.loc[("b", "home"), "weight"] == pytest.approx((10 + 5 * base) / 25)


def test_old_events_are_no_interests():
    tables = {"events": [{"user_id": "a", "event_time": "2025-06-01", "event": "view", "topic": "home"}]}
    found = read_interests(make_sources(**tables), make_talk(**tables))
    assert found.empty
    assert found.columns.tolist() == ["user_id", "topic", "weight", "n"]
