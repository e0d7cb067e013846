"""Planted leaders and waiters are found, chance is not, and what is lacking is said."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmarks.herd_worlds import AS_OF, make_world
from segtool.errors import InputError
from segtool.sources import Sources
from segtool.targeting.counts import sql_users
from segtool.targeting.herd.adoptions import find_circles, read_adoptions
from segtool.targeting.herd.herd import FIRST, WAITS, plan_herd
from segtool.targeting.members import align_table
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.verdicts import ADVICE, ASSOCIATED

SETTINGS = TargetingSettings()


def plan(tables, personas=None, settings=SETTINGS, **options):
    with Sources.read(tables, as_of=AS_OF) as sources:
        ids = sql_users(sources.engine)
        return plan_herd(sources, align_table(personas, ids), ids, settings, **options)


def orders(rows, groups=None):
    """Tables of purchases (user, day, item) in one group, or in those given."""
    table = pd.DataFrame(rows, columns=["user_id", "day", "item_id"])
    start = pd.Timestamp("2026-01-01")
    events = table.assign(event_time=start + pd.to_timedelta(table.pop("day"), unit="D"), event="purchase")
    users = sorted(set(table["user_id"]))
    members = pd.DataFrame({"user_id": users, "group_id": [(groups or {}).get(user, "g") for user in users]})
    return {"events": events, "members": members}


@pytest.fixture(scope="module")
def world():
    return make_world(3, herd=True, n_circles=8)


@pytest.fixture(scope="module")
def herd(world):
    return plan(world[0], world[1].replace({"": "others"}))


@pytest.fixture(scope="module")
def plain(world):
    return plan(world[0])


def test_planted_parts_are_found(world, herd):
    part = world[1].reindex(herd.users["user_id"]).to_numpy()
    for role, planted in ((FIRST, "leads"), (WAITS, "waits")):
        named = (herd.users["role"] == role).to_numpy()
        assert (part[named] == planted).mean() > 0.7
        assert named[part == planted].mean() > 0.3


def test_without_a_herd_nobody_is_named():
    found = plan(make_world(3, herd=False, n_circles=8)[0])
    assert len(found.users) > 150
    assert (found.users["role"] != "").mean() < 0.02
    assert (found.users["early_p"] < 0.05).mean() < 0.12
    assert (found.users["waited_p"] < 0.05).mean() < 0.12


def test_advice_says_what_to_show_and_that_it_is_association(herd):
    assert list(herd.advice.columns) == ADVICE
    assert set(herd.advice["verdict"]) == {ASSOCIATED}
    waits = herd.advice[herd.advice["persona"] == "waits"].iloc[0]
    assert (waits["aspect"], waits["rank"], waits["advice"]) == ("herd", 1, "others' experience first")
    named = (herd.users["persona"] == "waits") & (herd.users["role"] == WAITS)
    assert waits["n_users"] == named.sum()
    assert waits["lo"] < waits["estimate"] < waits["hi"]
    assert any("whether anybody follows anybody" in note for note in herd.notes)


def test_users_are_served_by_their_role(herd):
    served = herd.users.groupby("role")["serve"].unique()
    assert list(served[WAITS]) == ["others' experience first"]
    assert list(served[""]) == [""]
    assert "wait for others" in herd.headline()
    assert len(herd.to_pandas()) == (herd.users["role"] != "").sum()


def test_leaders_are_followed_more_than_shrinkage_takes_away(world, herd):
    leads = herd.users[world[1].reindex(herd.users["user_id"]).to_numpy() == "leads"]
    others = herd.users[~herd.users["user_id"].isin(leads["user_id"])]
    assert leads["lead"].median() > 1.05 > others["lead"].median()
    gap, raw = herd.users["lead"] - 1, herd.users["followed"] / herd.users["followed_usual"] - 1
    assert (gap.abs() <= raw.abs() + 1e-9).all()


def test_the_same_rows_in_another_order_give_the_same(world, plain):
    turned = {name: table.iloc[::-1].reset_index(drop=True) for name, table in world[0].items()}
    again = plan(turned)
    pd.testing.assert_frame_equal(plain.users, again.users)
    assert plain.ratio == again.ratio


def test_pairs_of_a_circle_are_compared_with_pairs_across():
    rows = [(f"a{k}", 10 + k, "x") for k in range(4)] + [(f"b{k}", 100 + k, "x") for k in range(4)]
    rows += [(f"{c}{k}", day, "y") for day, c in ((20, "a"), (140, "b")) for k in range(4)]
    groups = {f"{c}{k}": c for c in "ab" for k in range(4)}
    found = plan(orders(rows, groups), settings=TargetingSettings(herd_min_items=2))
    x = found.items.set_index("item").loc["x"]
    assert (x["n_users"], x["n_circles"], x["n_pairs"], x["n_close"], x["n_pairs_apart"]) == (
        8,
        2,
        12,
        12,
        16,
    )
    assert (x["share"], x["share_apart"]) == (1.0, 0.0)


def test_only_while_in_the_circle(world):
    tables = orders([("a", 10, "x"), ("b", 20, "x"), ("a", 30, "y"), ("b", 40, "y")])
    members = tables["members"].assign(joined_at=["2026-01-15", "2026-01-01"], left_at=[None, "2026-02-05"])
    with Sources.read({**tables, "members": members}, as_of=AS_OF) as sources:
        found = read_adoptions(sources, find_circles(sources, None)[0], SETTINGS)
    told = {
        (found.user_ids[user], found.items[item]) for user, item in zip(found.user, found.item, strict=True)
    }
    assert told == {("b", "x"), ("a", "y")}


def test_circles_can_be_given(world, plain):
    tables = {"events": world[0]["events"]}
    circles = world[0]["members"].rename(columns={"group_id": "circle"})
    pd.testing.assert_frame_equal(plan(tables, circles=circles).users, plain.users)
    with pytest.raises(InputError, match="no column 'circle'"):
        plan(tables, circles=world[0]["members"])


def lonely(world):
    return {**world[0], "members": world[0]["members"].assign(group_id=lambda table: table["user_id"])}


@pytest.mark.parametrize(
    ("tables", "word"),
    [
        (lambda world: {"events": world[0]["events"]}, "no table of members"),
        (lambda world: {"members": world[0]["members"]}, "no event names an item"),
        (lambda world: {**world[0], "events": world[0]["events"].drop(columns=["item_id", "topic"])},
         "no event names an item"),
        (lonely, "every circle has one member"),
        (lambda world: orders([(f"u{k}", 3 + k / 100, item) for k in range(30) for item in "abcdefg"]),
         "within 2 days"),
        (lambda world: orders([("a", 1, "x"), ("b", 30, "x")]), "nobody took up 5 items"),
        (lambda world: {**world[0], "members": world[0]["members"].assign(joined_at="2026-06-30 23:00:00")},
         "nobody took anything up"),
    ],
)  # fmt: skip
def test_what_is_lacking_is_said(world, tables, word):
    found = plan(tables(world))
    assert found.users.empty
    assert found.advice.empty
    assert len(found.notes) == 1
    assert word in found.notes[0]
    assert found.notes[0].startswith("Not known")
    assert "nobody could be judged" in found.headline()


def test_where_little_is_bought_liking_counts(world, plain):
    liked = world[0]["events"].replace({"event": {"purchase": "like"}})
    found = plan({**world[0], "events": liked})
    assert any("first like, share, review, cart or purchase" in note for note in found.notes)
    pd.testing.assert_frame_equal(found.users, plain.users)


def test_what_is_too_much_is_cut_by_circle_and_told(world):
    found = plan(world[0], settings=TargetingSettings(herd_max_adoptions=2000))
    assert any("were not read" in note for note in found.notes)
    assert 0 < found.users["user_id"].nunique() < 240
