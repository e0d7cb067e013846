"""Who leads is who is answered by many when others could have been, not who writes much."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.community.people.roles import MEMBERS, USERS, find_roles
from segtool.community.ties.ties import find_ties
from tests.community.worlds import AS_OF, make_talk

PEOPLE = [f"p{number:02d}" for number in range(12)]


def say(rows: list[dict], user: str, minute: float, reply_to: str | None = None, group: str = "g") -> str:
    name = f"{group}{len(rows):05d}"
    sent = pd.Timestamp(AS_OF) - pd.Timedelta(days=120) + pd.Timedelta(minutes=minute)
    rows.append(
        {"message_id": name, "group_id": group, "user_id": user, "sent_at": sent, "reply_to": reply_to}
    )
    return name


def make_rows(seed: int = 0, n_days: int = 100, group: str = "g", people=PEOPLE) -> list[dict]:
    """A star whom many answer, a chatterbox whom nobody answers, an admin's notices, and everybody else."""
    rng = np.random.default_rng(seed)
    rows: list[dict] = []
    for number in range(n_days):
        minute = 1440.0 * number
        say(rows, "admin", minute, group=group)  # a notice at an hour at which nobody is there
        minute += 600
        opening = [
            ("chatterbox", 6),
            ("star", 1),
            *((people[one], 1) for one in rng.choice(len(people), 3, False)),
        ]
        sent = []
        for user, n in opening:
            for _ in range(n):
                minute += rng.uniform(1, 3)
                sent.append((user, say(rows, user, minute, group=group)))
        for one in rng.choice(len(people), 3, False):
            minute += rng.uniform(1, 3)
            weight = np.array(
                [{"star": 6.0, "chatterbox": 0.0}.get(user, 1.0) * (user != people[one]) for user, _ in sent]
            )
            target = sent[rng.choice(len(sent), p=weight / weight.sum())][1]
            say(rows, people[one], minute, target, group=group)
    return rows


def ids_of(user: str) -> list[str]:
    return [row["message_id"] for row in make_rows() if row["user_id"] == user]


def roster(users, group: str = "g", **roles) -> list[dict]:
    return [
        {"group_id": group, "user_id": user, "joined_at": "2025-10-01", "role": roles.get(user, "member")}
        for user in users
    ]


@pytest.fixture(scope="module")
def talk():
    members = roster(["star", "chatterbox", "admin", *PEOPLE, "reader"], admin="owner")
    return make_talk(messages=make_rows(), members=members)


@pytest.fixture(scope="module")
def roles(talk):
    return find_roles(talk, find_ties(talk))


@pytest.fixture(scope="module")
def members(roles):
    return roles.members.set_index("user_id")


def test_the_one_whom_many_answer_leads(members):
    assert members.at["star", "role"] == "leader" and members.at["star", "confidence"] > 0.95
    assert members["influence"].idxmax() == "star" and members.at["star", "influence_lo"] > 0.5


def test_a_chatterbox_whom_nobody_answers_is_no_leader(members):
    assert members["n_messages"].idxmax() == "chatterbox"
    assert members.at["chatterbox", "role"] == "member" and members.at["chatterbox", "influence_hi"] < 0.2


def test_of_a_plain_member_it_is_fairly_sure_that_they_do_not_lead(members):
    plain = members[(members["role"] == "member") & (members["n_judged"] >= 30)]
    assert len(plain) >= 10 and (plain["confidence"] > 0.7).all()


def test_whoever_left_is_no_measure_for_those_who_stay():
    rows = make_rows()
    gone = [{**row, "left_at": "2026-06-28"} for row in roster(["star"])]
    found = find_roles(talk := make_talk(messages=rows, members=[*gone, *roster(PEOPLE)]), find_ties(talk))
    star = found.members.set_index("user_id").loc["star"]
    assert (
        star["role"] == "gone"
        and star["influence"] > 0.6
        and star["evidence"].startswith("left the group; wrote 100")
    )
    assert found.users.set_index("user_id").at["star", "n_groups"] == 0


def test_notices_of_an_admin_make_no_leader(members):
    assert members.at["admin", "n_messages"] == 100 and members.at["admin", "role"] == "member"
    assert "0 people replied to 0% of their 100 messages" in members.at["admin", "evidence"]


def test_who_is_on_the_roster_and_never_wrote_is_a_lurker(members):
    reader = members.loc["reader"]
    assert reader["role"] == "lurker" and np.isnan(reader["influence"]) and np.isnan(reader["answered_rate"])


def test_the_evidence_counts_people_and_messages(members):
    star = members.loc["star"]
    answered = len({row["reply_to"] for row in make_rows() if row["reply_to"]} & set(ids_of("star")))
    assert star["evidence"].startswith(
        f"12 people replied to {answered}% of their 100 messages; beside a typical"
    )


def test_rates_lie_within_their_intervals(members):
    known = members[members["n_judged"] > 0]
    for name in ("answered", "responses", "influence"):
        middle = known["answered_rate" if name == "answered" else name]
        told = middle.notna()
        assert (known[f"{name}_lo"][told] <= middle[told]).all() and (
            middle[told] <= known[f"{name}_hi"][told]
        ).all()
    assert known["answered_rate"].between(0, 1).all()


def test_members_lie_along_the_roster_and_users_are_told_once(talk, roles):
    assert list(roles.members.columns) == MEMBERS and list(roles.users.columns) == USERS
    assert roles.members.index.equals(talk.roster.index)
    assert roles.members["user_id"].tolist() == talk.user_ids[talk.roster["user"]].tolist()
    assert roles.users["user_id"].is_unique and roles.leaders()["role"].iloc[0] == "leader"
    assert "1 leader" in roles.headline() and roles.basis == "replies"


def test_one_viral_post_makes_no_leader():
    rows = make_rows()
    viral = say(rows, "one_hit", 1440 * 50 + 1200)
    for number, user in enumerate(PEOPLE):
        say(rows, user, 1440 * 50 + 1205 + number, viral)
    for number in range(20):
        say(rows, "one_hit", 1440 * (60 + number) + 590)
    found = find_roles(talk := make_talk(messages=rows), find_ties(talk)).members.set_index("user_id")
    assert found.at["one_hit", "n_answerers"] == len(PEOPLE) and found.at["one_hit", "best_call"] == len(
        PEOPLE
    )
    assert found.at["one_hit", "role"] == "member" and found.at["star", "role"] == "leader"


def test_a_pair_that_answers_each_other_has_no_leader():
    rows = make_rows()
    for number in range(100):
        first = say(rows, "ann", 1440 * number + 1300)
        say(rows, "bob", 1440 * number + 1301, first)
    found = find_roles(talk := make_talk(messages=rows), find_ties(talk)).members.set_index("user_id")
    assert found.at["ann", "n_answers"] == 100 and found.at["ann", "n_answerers"] == 1
    assert found.at["ann", "role"] != "leader"


def test_whoever_joins_two_circles_is_a_broker():
    rng, rows = np.random.default_rng(3), []
    sides = [[f"a{number}" for number in range(5)], [f"b{number}" for number in range(5)]]
    for number in range(160):
        minute = 1440 * number * 0.7
        side = sides[number % 2]
        first, second, third = rng.choice(side, 3, False)
        call = say(rows, first, minute)
        say(rows, second, minute + 2, call)
        say(rows, third, minute + 3, call)
        if number % 4 < 2:
            say(rows, "bridge", minute + 4, call)
    found = find_roles(talk := make_talk(messages=rows), find_ties(talk)).members.set_index("user_id")
    named = found["role"].eq("broker") | found["also"].str.contains("broker")
    assert found.index[named].tolist() == ["bridge"]
    assert (
        "joins 2 circles of contacts who have no other tie (5 and 5 people)" in found.at["bridge", "evidence"]
    )
    assert found["brokerage"].idxmax() == "bridge"


def test_missing_roles_say_why(roles):
    assert roles.missing.empty  # led and organised, and its owner wrote three weeks ago
    quiet = make_talk(
        messages=make_rows(n_days=3), members=roster(["star", "chatterbox", *PEOPLE], p01="owner")
    )
    lacks = find_roles(quiet, find_ties(quiet)).missing.set_index("missing")
    assert not lacks.at["leader", "known"] and "too little data: 9 answers" in lacks.at["leader", "why"]
    assert lacks.at["active admin", "known"] and "1 named owner or admin" in lacks.at["active admin", "why"]


def test_newcomers_whom_no_veteran_answers_are_told():
    rows = [row for row in make_rows(n_days=110) if row["user_id"] != "chatterbox"]
    rows = [row for row in rows if row["reply_to"] is None]
    for number in range(6):
        call = say(rows, "fresh", 1440 * (105 + number) + 1100)
        say(rows, "fresh_friend", 1440 * (105 + number) + 1101, call)
    members = roster(["star", "admin", *PEOPLE], admin="owner")
    members += [{**row, "joined_at": "2026-06-10"} for row in roster(["fresh", "fresh_friend"])]
    missing = find_roles(talk := make_talk(messages=rows, members=members), find_ties(talk)).missing
    told = missing.set_index("missing").loc["answering veteran"]
    assert told["known"] and "none was answered by a veteran" in told["why"]


def test_a_group_in_which_nobody_is_set_apart_has_no_core(members):
    assert not (members["role"] == "core").any() and members["core_number"].max() >= 3


def test_a_core_within_a_larger_group_is_named():
    rng, rows = np.random.default_rng(5), []
    for number in range(150):
        first, second, third = rng.choice(PEOPLE[:5], 3, False)
        call = say(rows, first, 1440 * 0.7 * number)
        say(rows, second, 1440 * 0.7 * number + 2, call)
        say(rows, third, 1440 * 0.7 * number + 3, call)
        if number % 10 == 0:
            say(rows, f"guest{number // 10:02d}", 1440 * 0.7 * number + 4, call)
    found = find_roles(talk := make_talk(messages=rows), find_ties(talk)).members
    held = found["role"].isin(["core", "leader", "organiser"]) & (found["core_number"] >= 3)
    assert found.loc[held, "user_id"].tolist() == PEOPLE[:5]
    assert (found["role"] == "core").any() and found.loc[~held, "role"].eq("member").all()


def test_influence_does_not_depend_on_the_order_of_rows(roles):
    rows = pd.DataFrame(make_rows()).sample(frac=1, random_state=1)
    members = pd.DataFrame(roster(["star", "chatterbox", "admin", *PEOPLE, "reader"], admin="owner"))
    shuffled = make_talk(messages=rows, members=members.sample(frac=1, random_state=2))
    again = find_roles(shuffled, find_ties(shuffled))
    pd.testing.assert_frame_equal(again.members, roles.members)


def test_a_group_alone_is_read_as_beside_others(talk, roles):
    both = make_talk(
        messages=[*make_rows(), *make_rows(seed=4, group="h")],
        members=[*roster(["star", "chatterbox", "admin", *PEOPLE, "reader"], admin="owner")],
    )
    found = find_roles(both, find_ties(both))
    own = found.members[found.members["group_id"] == "g"].set_index("user_id")
    stars = found.members[found.members["user_id"] == "star"]
    assert own.loc["star", "role"] == "leader" and stars["role"].tolist() == ["leader", "leader"]
    assert found.members.groupby("group_id")["influence"].idxmax().tolist() == stars.index.tolist()
    assert found.users.set_index("user_id").at["star", "n_groups"] == 2
