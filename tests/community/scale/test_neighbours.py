"""Bands of size, merges of dead groups, and small groups of core users."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from segtool.community.scale.bands import dunbar_bands
from segtool.community.scale.core_groups import propose_core_groups
from segtool.community.scale.merges import propose_merges
from segtool.community.settings import CommunitySettings
from segtool.community.ties.ties import find_ties
from tests.community.worlds import make_talk


def members(group: str, users, **more) -> list[dict]:
    return [{"group_id": group, "user_id": user, "joined_at": "2026-01-01", **more} for user in users]


def messages(group: str, user: str, n: int, topic: str, month: str = "06") -> list[dict]:
    return [
        {"group_id": group, "user_id": user, "sent_at": f"2026-{month}-{1 + n % 28:02d} {n % 24:02d}:00", "topic": topic}
        for n in range(n)
    ]  # fmt: skip


def people(n: int, letter: str = "u") -> list[str]:
    return [f"{letter}{number}" for number in range(n)]


@pytest.mark.parametrize(
    ("n", "band"),
    [(1, "under 50"), (49, "under 50"), (50, "50 to 150"), (150, "50 to 150"), (151, "over 150")],
)
def test_bands_by_the_roster(n, band):
    bands = dunbar_bands(make_talk(members=members("g", people(n))))
    assert bands["band"].tolist() == [band] and bands["n_members"].tolist() == [n]


def test_bots_and_those_who_left_do_not_count():
    rows = (
        members("g", people(49))
        + members("g", ["robot"], role="bot")
        + members("g", ["x"], left_at="2026-03-01")
    )
    assert dunbar_bands(make_talk(members=rows))["band"].tolist() == ["under 50"]


def test_without_a_roster_the_size_is_a_lower_bound():
    talk = make_talk(messages=[row for user in people(60) for row in messages("g", user, 1, "tea")])
    bands = dunbar_bands(talk)
    assert bands["band"].tolist() == ["unknown"] and bands["n_members"].isna().all()
    assert bands["size"][0].startswith("at least 60 people")
    talk = make_talk(messages=[row for user in people(151) for row in messages("g", user, 1, "tea")])
    assert dunbar_bands(talk)["band"].tolist() == ["over 150"]


def test_what_a_group_has_and_lacks():
    rows = members("g", people(59)) + members("g", ["boss"], role="owner")
    lacking = dunbar_bands(make_talk(members=rows))
    assert lacking["has"].tolist() == ["1 owner or administrator"]
    assert lacking["lacks"].tolist() == ["activities in the last 4 weeks"]
    activity = [{"activity_id": "a", "group_id": "g", "starts_at": "2026-06-20", "ends_at": "2026-06-21"}]
    talk = make_talk(members=rows, activities=activity)
    roles = SimpleNamespace(members=pd.DataFrame({"role": ["leader"] + ["member"] * 59}))
    whole = dunbar_bands(talk, roles=roles)
    assert whole["lacks"].tolist() == [""] and "1 leader who is answered by many" in whole["has"][0]


def merging_world(**more):
    """Return a dead tea group of 20, 8 of whom are in a living tea group of 40; a living shoe group."""
    dead, tea, shoes = people(20, "d"), people(8, "d") + people(32, "t"), people(30, "s")
    rows = members("dead", dead) + members("tea", tea) + members("shoes", shoes)
    talk = messages("dead", "d1", 20, "tea", month="02") + messages("tea", "t1", 60, "tea")
    talk += messages("shoes", "s1", 60, "shoes")
    return make_talk(members=rows, messages=talk, **more)


def test_a_dead_group_goes_to_the_neighbour_of_its_people_and_topics():
    merges = propose_merges(merging_world())
    assert merges[["group_id", "into_group_id"]].values.tolist() == [["dead", "tea"]]
    row = merges.iloc[0]
    assert (row["n_shared"], row["n_after"], row["topics_alike"]) == (8, 52, 1.0)
    assert "8 of 20 people are in the other group already" in row["reason"]


def test_a_merge_never_makes_a_group_that_is_to_be_split():
    merges = propose_merges(merging_world(settings=CommunitySettings(split_above=51)))
    assert merges["into_group_id"].isna().all() and "no living group" in merges["against"][0]


def test_all_that_go_to_one_group_fit_there_together():
    rows = members("tea", people(70, "t"))
    for number in range(3):
        rows += members(f"dead{number}", people(10, "t") + people(30, f"d{number}x"))
    talk = make_talk(members=rows)
    verdicts = pd.DataFrame({"group_id": [f"dead{n}" for n in range(3)], "verdict": "dead"})
    merges = propose_merges(talk, verdicts=verdicts).set_index("group_id")
    assert merges["into_group_id"].fillna("").tolist() == ["tea", "tea", ""]
    assert merges["n_after"].tolist()[:2] == [100, 130] and merges["n_into"].tolist()[:2] == [70, 70]
    assert "30 more are to come" in merges["against"]["dead1"]


def test_two_tiny_groups_do_not_change_places():
    merges = propose_merges(make_talk(members=members("a", people(5)) + members("b", people(5))))
    assert merges["into_group_id"].fillna("").tolist() == ["b", ""]
    assert merges["against"].tolist()[1] == "people of another group are to come here"


def test_verdicts_win_over_silence():
    talk = merging_world()
    verdicts = pd.DataFrame({"group_id": ["dead", "tea", "shoes"], "verdict": ["quiet", "thriving", "dead"]})
    merges = propose_merges(talk, verdicts=verdicts)
    assert merges["group_id"].tolist() == ["shoes"] and merges["into_group_id"].isna().all()
    assert propose_merges(talk, verdicts=verdicts.assign(verdict="quiet")).empty


def test_a_group_without_messages_is_not_called_dead():
    """Its messages may be missing; only a roster of a handful makes it a case."""
    assert propose_merges(make_talk(members=members("g", people(30)))).empty
    tiny = propose_merges(make_talk(members=members("g", people(3)) + members("h", people(40))))
    assert tiny[["group_id", "into_group_id", "n_after"]].values.tolist() == [["g", "h", 40]]
    assert "too few messages on topics" in tiny["against"][0]


def core_world(n: int):
    """Return a talk of one group, its ties, and roles in which the first n are core users."""
    rows = [
        {
            "message_id": f"m{number}",
            "group_id": "g",
            "user_id": f"u{number % n:02d}",
            "sent_at": f"2026-06-{1 + number // 24:02d} {number % 24:02d}:00",
            "reply_to": f"m{number - 1}" if number else None,
        }
        for number in range(300)
    ]
    talk = make_talk(messages=rows, members=members("g", [f"u{number:02d}" for number in range(n)]))
    users = pd.DataFrame(
        {"user_id": talk.user_ids, "group_id": "g", "role": ["leader"] * 2 + ["core"] * (n - 2), "n_groups": 1,
         "influence": [0.6, 0.8] + [0.5] * (n - 2), "evidence": "31 people replied"}
    )  # fmt: skip
    return talk, find_ties(talk), SimpleNamespace(users=users)


def test_core_users_get_one_small_group_leaders_first():
    talk, ties, roles = core_world(12)
    core = propose_core_groups(talk, ties, roles)
    assert core["core_group"].unique().tolist() == ["core-1"]
    assert core["user_id"].tolist()[:2] == ["u01", "u00"] and (core["why"] == "31 people replied").all()
    assert (core["n_known"] > 0).all()


def test_many_core_users_get_several_groups_within_the_bound():
    talk, ties, roles = core_world(60)
    sizes = propose_core_groups(talk, ties, roles).groupby("core_group").size()
    assert len(sizes) == 2 and sizes.max() <= 49 and sizes.sum() == 60


def test_ties_among_a_few_are_those_among_all():
    _, ties, _ = core_world(12)
    few = np.array([1, 4, 7])
    assert (ties.among(few).toarray() == ties.undirected()[few][:, few].toarray()).all()


def test_hardly_any_core_users_need_no_group():
    talk, ties, roles = core_world(2)
    assert propose_core_groups(talk, ties, roles).empty and propose_core_groups(talk, ties, None).empty


def test_nothing_at_all_gives_empty_tables():
    talk = make_talk()
    assert dunbar_bands(talk).empty and propose_merges(talk).empty
    assert propose_core_groups(talk, find_ties(talk), None).empty
