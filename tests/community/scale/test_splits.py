"""Split proposals: circles stay together, leaders and newcomers are seen to, and nothing is made up."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from segtool.community.scale.splits import Effort, _try_bounds, propose_splits
from segtool.community.settings import CommunitySettings
from segtool.community.ties.ties import find_ties
from tests.community.worlds import make_talk

SMALL = CommunitySettings(split_above=20, split_upper=15)


def two_circles(*, leaders=("a0", "b0"), invited=True, members=True):
    """Return messages and members of one group: ten a and ten b who answer each other, four silent s."""
    messages, number = [], 0
    for circle in "ab":
        for day in range(1, 21):
            for place in range(10):
                one, other = f"{circle}{place}", f"{circle}{(place + day) % 10}"
                if one == other:
                    continue
                at = f"2026-06-{day:02d} {9 + place}:{0 if circle == 'a' else 30:02d}"
                messages += [
                    row(number, other, at, None),
                    row(number + 1, one, at[:-1] + "5", f"m{number:05d}"),
                ]
                number += 2
    people = [f"{circle}{place}" for circle in "ab" for place in range(10)] + [f"s{n}" for n in range(4)]
    roster = [
        {"group_id": "g", "user_id": user, "joined_at": "2026-01-01", "role": "owner" if user in leaders else "",
         "invited_by": f"{'ab'[int(user[1]) % 2]}1" if invited and user[0] == "s" else None}
        for user in people
    ]  # fmt: skip
    return {"messages": messages, "members": roster if members else None}


def row(number: int, user: str, at: str, reply_to: str | None) -> dict:
    return {
        "message_id": f"m{number:05d}",
        "group_id": "g",
        "user_id": user,
        "sent_at": at,
        "reply_to": reply_to,
    }


def propose(world: dict, interests=None, settings=SMALL, roles=None, **options):
    talk = make_talk(settings=settings, **world)
    return propose_splits(talk, find_ties(talk), roles, interests, settings, **options)


@pytest.fixture(scope="module")
def plain():
    """The split of two circles with a leader each."""
    return propose(two_circles())


@pytest.fixture(scope="module")
def one_sided():
    """The split of two circles whose leaders are both in one of them."""
    return propose(two_circles(leaders=("a0", "a1")))


def part_of(splits) -> dict:
    return dict(zip(splits.members["user_id"], splits.members["part"], strict=True))


def test_circles_stay_together_and_nothing_is_lost(plain):
    splits, part = plain, part_of(plain)
    assert len({part[f"a{n}"] for n in range(10)}) == len({part[f"b{n}"] for n in range(10)}) == 1
    assert part["a0"] != part["b0"]
    group = splits.groups.iloc[0]
    assert group["kept_share"] == 1.0 and group["n_broken_strong"] == 0 and splits.broken.empty
    assert group["kept_random"] < 0.55 and group["n_parts"] == 2 and group["basis"] == "ties"


def test_everybody_comes_into_one_part_within_the_bounds(plain):
    splits = plain
    assert sorted(splits.members["user_id"]) == sorted(set(splits.members["user_id"]))
    assert splits.parts["n_members"].sum() == len(splits.members) == 24
    assert splits.parts["n_members"].between(splits.groups["lower"][0], 15).all()
    assert list(splits.table.columns) == [
        "group_id", "user_id", "part", "also_in", "role", "why", "ties_kept", "ties_lost", "n_kept", "n_lost",
    ]  # fmt: skip


def test_silent_members_go_where_their_inviter_or_interests_are(plain):
    part = part_of(plain)  # an invitation is a tie of its own, and counts as one
    assert part["s0"] == part["s2"] == part["a0"] and part["s1"] == part["s3"] == part["b0"]
    interests = pd.DataFrame(
        {"user_id": [f"a{n}" for n in range(10)] + [f"b{n}" for n in range(10)] + ["s0", "s1", "s2", "s3"],
         "topic": ["tea"] * 10 + ["shoes"] * 10 + ["shoes", "shoes", "tea", "tea"], "weight": 1.0}
    )  # fmt: skip
    splits = propose(two_circles(invited=False), interests)
    part = part_of(splits)
    assert part["s0"] == part["s1"] == part["b0"] and part["s2"] == part["s3"] == part["a0"]
    assert set(splits.parts["interests"]) == {"tea (index 200)", "shoes (index 200)"}
    assert "placed by interests" in splits.members.set_index("user_id").loc["s0", "why"]


def test_each_part_gets_a_leader_by_the_cheapest_change(one_sided):
    splits = one_sided
    assert splits.parts["n_leaders"].tolist() == [1, 1]
    moved = splits.members[splits.members["why"].str.startswith("so that each part has a leader")]
    assert moved["user_id"].isin(["a0", "a1"]).all() and len(moved) == 1
    assert splits.groups["kept_share"][0] < splits.groups["kept_ties_only"][0]
    assert (splits.groups["reason"].str.contains("no leader")).sum() == 0


def test_fewer_leaders_than_parts_is_said():
    splits = propose(two_circles(leaders=("a0",)))
    assert sorted(splits.parts["n_leaders"]) == [0, 1]
    assert "1 of the parts have no leader" in splits.groups["reason"][0]
    splits = propose(two_circles(leaders=()))
    assert any("nobody is known to lead" in note for note in splits.notes)


def test_those_who_could_lead_are_named_where_no_leader_is_left():
    world = two_circles(leaders=())
    talk = make_talk(settings=SMALL, **world)
    user = talk.user_ids[talk.roster["user"].to_numpy()]
    members = pd.DataFrame(
        {"user_id": user, "group_id": "g", "tenure": "regular", "also": "",
         "role": np.select([user == "a0", user == "b3"], ["leader", "core"], "member")}
    )  # fmt: skip
    splits = propose_splits(talk, find_ties(talk), SimpleNamespace(members=members), None, SMALL)
    parts = splits.parts.set_index("n_leaders")
    assert parts.loc[1, "leaders"] == "a0" and parts.loc[0, "could_lead"] == "b3"


def test_bridges_save_the_ties_that_are_cut():
    world = two_circles(invited=False)
    talker = [row(90_000 + n, "b5", f"2026-06-2{n} 20:00", None) for n in range(3)]
    answers = [row(91_000 + n, "a5", f"2026-06-2{n} 20:03", f"m{90_000 + n}") for n in range(3)]
    world["messages"] += talker + answers
    splits = propose(world)
    part = part_of(splits)
    first = splits.bridges.iloc[0]
    assert first["user_id"] in ("a5", "b5") and first["share_saved"] == 1.0 and len(splits.bridges) == 1
    assert first["also_in"] == part["a5" if first["user_id"] == "b5" else "b5"]
    assert splits.members.set_index("user_id").loc[first["user_id"], "also_in"] == first["also_in"]
    lost = splits.members["ties_lost"].sum() / 2
    assert lost == pytest.approx(splits.edges.loc[~splits.edges["kept"], "weight"].sum(), abs=1e-4)


def test_newcomers_are_not_left_alone():
    """A newcomer whose one tie goes to the other circle follows it."""
    world = two_circles(invited=False)
    for n in range(4):
        world["members"][20 + n] |= {"joined_at": "2026-06-20"}
        world["messages"] += [row(92_000 + n, f"s{n}", f"2026-06-2{n + 2} 21:00", None),
                              row(93_000 + n, f"{'ab'[n % 2]}{n}", f"2026-06-2{n + 2} 21:04", f"m{92_000 + n}")]  # fmt: skip
    splits = propose(world)
    assert splits.parts["n_novices"].sum() == 4
    assert splits.parts["n_novices_alone"].sum() == 0 and splits.groups["n_alone"][0] == 0
    assert (splits.members.set_index("user_id").loc[["s0", "s1", "s2", "s3"], "n_kept"] >= 1).all()


def test_each_part_has_somebody_who_answers_newcomers():
    """Both who answer newcomers are in one circle; the one who knows people of the other changes sides."""
    world = two_circles(invited=False)
    for n in range(4):
        at = f"2026-06-2{n + 2}"
        world["members"][20 + n] |= {"joined_at": "2026-06-20"}
        world["messages"] += [
            row(92_000 + n, f"s{n}", f"{at} 21:00", None),
            row(93_000 + n, f"a{2 + n % 2}", f"{at} 21:04", f"m{92_000 + n}"),
            row(94_000 + n, f"b{n}", f"{at} 22:00", None),
            row(95_000 + n, "a3", f"{at} 22:04", f"m{94_000 + n}"),
        ]
    splits = propose(world)
    assert splits.parts["n_answer_newcomers"].tolist() == [1, 1]
    assert splits.parts["n_leaders"].tolist() == [1, 1]
    moved = splits.members[splits.members["why"].str.startswith("so that newcomers of each part")]
    assert moved["user_id"].tolist() == ["a3"]


def test_without_ties_only_interests_are_offered_or_nothing():
    world = two_circles(invited=False)
    world["messages"] = None
    nothing = propose(world)
    assert nothing.groups["basis"].tolist() == ["none"] and nothing.members.empty
    assert "nothing to split by" in nothing.groups["reason"][0]
    tastes = pd.DataFrame({"user_id": [r["user_id"] for r in world["members"]], "weight": 1.0})
    by_taste = propose(world, tastes.assign(topic=tastes["user_id"].str[0]))
    assert by_taste.groups["basis"].tolist() == ["interests"] and np.isnan(by_taste.groups["kept_share"][0])
    assert "split by ties is not possible" in by_taste.groups["reason"][0]
    part = part_of(by_taste)
    assert len({part[f"a{n}"] for n in range(10)}) == len({part[f"b{n}"] for n in range(10)}) == 1
    assert any("cannot be split by ties" in note for note in by_taste.notes)


def test_a_group_too_large_to_place_everybody_is_said_to_be_so(monkeypatch):
    monkeypatch.setattr("segtool.community.scale.splits.LARGEST", 20)
    splits = propose(two_circles())
    assert splits.members.empty and "too many to place one by one" in splits.groups["reason"][0]


def test_a_bound_that_leaves_no_room_for_the_lower_one_gives_way():
    splits = propose(two_circles(), settings=SMALL.model_copy(update={"split_upper": 20, "split_lower": 19}))
    assert splits.groups["lower"][0] == 12 and splits.parts["n_members"].tolist() == [12, 12]


@pytest.mark.parametrize(
    "world",
    [
        {},
        {"members": [{"group_id": "g", "user_id": "a"}]},
        {"messages": [row(1, "a", "2026-06-01", "m00001")]},
    ],
    ids=["nothing", "one member", "one self-reply"],
)
def test_small_worlds_give_an_empty_answer_with_a_note(world):
    splits = propose(world)
    assert splits.groups.empty and splits.table.empty and splits.notes
    assert "no group is above the bound" in splits.headline()


def test_without_a_roster_those_who_wrote_are_split():
    settings = SMALL.model_copy(update={"split_above": 18})
    splits = propose(two_circles(members=False), settings=settings)
    assert splits.groups["n_members"].tolist() == [20] and splits.groups["kept_share"][0] == 1.0
    assert any("without a roster" in note for note in splits.notes)


def test_bots_and_people_who_left_are_in_no_part():
    world = two_circles()
    world["members"] += [{"group_id": "g", "user_id": "robot", "role": "bot"},
                         {"group_id": "g", "user_id": "gone", "left_at": "2026-02-01"}]  # fmt: skip
    assert not set(propose(world).members["user_id"]) & {"robot", "gone"}


def test_the_order_of_rows_does_not_matter(one_sided):
    world = two_circles(leaders=("a0", "a1"))
    mixed = {name: rows[::-1] for name, rows in world.items()}
    pd.testing.assert_frame_equal(one_sided.members, propose(mixed).members)


def test_nothing_after_as_of_is_looked_at(one_sided):
    world = two_circles(leaders=("a0", "a1"))
    later = [row(95_000, "a3", "2026-07-03 10:00", None), row(95_001, "b3", "2026-07-03 10:05", "m95000")]
    more = {**world, "messages": world["messages"] + later}
    pd.testing.assert_frame_equal(one_sided.members, propose(more).members)


def test_many_groups_are_all_split_if_briefly():
    """More than twenty large groups get a short search each, within their bounds all the same."""
    world = {"members": [], "messages": []}
    for group in range(21):
        people = [f"u{group:02d}{n:02d}" for n in range(12)]
        world["members"] += [{"group_id": f"g{group:02d}", "user_id": user} for user in people]
        for n in range(12):
            number = 1_000 * group + 2 * n
            mate = people[n // 6 * 6 + (n + 1) % 6]
            pair = (row(number, people[n], f"2026-06-20 {8 + n}:00", None),
                    row(number + 1, mate, f"2026-06-20 {8 + n}:01", f"m{number:05d}"))  # fmt: skip
            world["messages"] += [{**each, "group_id": f"g{group:02d}"} for each in pair]
    splits = propose(world, settings=CommunitySettings(split_above=10, split_upper=8))
    assert len(splits.groups) == 21 and splits.groups["kept_share"].eq(1).all()
    assert splits.parts["n_members"].tolist() == [6] * 42
    assert any("searched briefly" in note for note in splits.notes)


def tight_group(n: int, n_talk: int, upper: int, lower: int):
    """Propose a split of a group in which the first talk round about, within bounds that leave little room."""
    messages = [
        row(number, f"u{number * 7 % n_talk:03d}", f"2026-06-{1 + number // 24:02d} {number % 24:02d}:00",
            f"m{number - 1:05d}" if number else None)
        for number in range(4 * n_talk)
    ]  # fmt: skip
    roster = [{"group_id": "g", "user_id": f"u{k:03d}", "joined_at": "2026-01-01"} for k in range(n)]
    tight = CommunitySettings(split_above=upper, split_upper=upper, split_lower=lower)
    return propose({"messages": messages, "members": roster}, settings=tight)


def test_a_tight_lower_bound_holds_where_many_are_silent():
    assert tight_group(135, 63, 23, 20).parts["n_members"].between(20, 23).all()


@settings(max_examples=8, deadline=None, derandomize=True)
@given(st.data())
def test_proposals_hold_their_bounds(data):
    upper = data.draw(st.integers(10, 30))
    n = data.draw(st.integers(upper + 1, 100))
    lower = data.draw(st.integers(max(1, upper - 6), upper))
    n_talk = data.draw(st.integers(5, n))
    splits = tight_group(n, n_talk, upper, lower)
    assert splits.parts["n_members"].between(splits.groups["lower"][0], upper).all()
    assert splits.parts["n_members"].sum() == n


def test_a_larger_bound_never_keeps_less():
    matrix = sparse.random_array((230, 230), density=0.02, rng=np.random.default_rng(2), format="csr")
    bounds = _try_bounds(sparse.csr_array(matrix + matrix.T), 120, 46, Effort({}, True), 0)
    kept = [share for _, _, share, _ in bounds]
    assert [each[0] for each in bounds] == [50, 100, 120, 150] and kept == sorted(kept)
