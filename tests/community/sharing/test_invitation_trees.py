"""Who came through whom, and what in a roster cannot be so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.community.sharing.trees import describe_trees, grow_forest, join_groups


def make_roster(rows, **more) -> pd.DataFrame:
    """Rows of group, user, inviter and days since joining."""
    frame = pd.DataFrame(rows, columns=["group", "user", "inviter", "days"])
    frame["joined"] = -86400.0 * frame.pop("days")
    return frame.assign(**{"left": np.nan, "stated": True, "bot": False} | more)


CHAIN_AND_STAR = make_roster(
    [(0, 0, -1, 90), (0, 1, 0, 80), (0, 2, 1, 70), (0, 3, 2, 60), (1, 0, -1, 90)]
    + [(1, user, 0, 50) for user in range(4, 9)]
)


def describe(forest, n_groups=2):
    names = pd.DataFrame({"group_id": [f"g{k}" for k in range(n_groups)], "title": ""})
    return describe_trees(forest, np.arange(n_groups), names).set_index("group_id")


def test_a_chain_is_deep_and_a_star_is_wide():
    table = describe(grow_forest(CHAIN_AND_STAR))
    assert table["depth"].tolist() == [3, 1]
    assert table["width"].tolist() == [1, 5]
    assert table["largest"].tolist() == [4, 6]
    assert table["n_inviters"].tolist() == [3, 1]
    assert table["top_share"].round(3).tolist() == [0.333, 1.0]
    assert table["half_came_through"].tolist() == [2, 1]


def test_everybody_below_is_counted():
    forest = grow_forest(CHAIN_AND_STAR)
    assert forest.below.tolist() == [3, 2, 1, 0, 5, 0, 0, 0, 0, 0]
    assert forest.root.tolist() == [0, 0, 0, 0, 4, 4, 4, 4, 4, 4]


@pytest.mark.parametrize(
    ("rows", "more", "what"),
    [
        ([(0, 0, 0, 9), (0, 1, -1, 9)], {}, "a member is said to have invited themselves"),
        ([(0, 0, 7, 9), (1, 7, -1, 9)], {}, "the inviter was never in this group"),
        ([(0, 0, -1, 9), (0, 1, 0, 5)], {"bot": [True, False]}, "the inviter is a bot"),
        ([(0, 0, -1, 5), (0, 1, 0, 9)], {}, "the inviter joined later than those invited"),
    ],
    ids=["self", "elsewhere", "bot", "later"],
)
def test_an_impossible_inviter_is_counted_and_is_no_parent(rows, more, what):
    forest = grow_forest(make_roster(rows, **more))
    assert forest.problems["what"].tolist() == [what] and forest.problems["n"].tolist() == [1]
    assert (forest.parent == -1).all()
    assert (forest.came == 1).sum() == 1  # invited all the same


def test_a_circle_of_invitations_is_opened_once():
    missing = make_roster([(0, 0, 2, np.nan), (0, 1, 0, np.nan), (0, 2, 1, np.nan), (0, 3, 2, np.nan)])
    forest = grow_forest(missing)
    assert forest.problems.set_index("what")["n"].to_dict() == {"invitations go round in a circle": 1}
    assert forest.depth.tolist() == [0, 1, 2, 3]


def test_clocks_may_differ_by_minutes_and_an_inviter_may_have_left():
    minute = 1 / 1440
    rows = [(0, 0, -1, 50), (0, 1, 0, 50 + 5 * minute)]
    forest = grow_forest(make_roster(rows, left=[-86400 * 50.1, np.nan]))
    assert forest.parent.tolist() == [-1, 0]
    assert "had left before" in forest.problems["what"].iloc[0]


def test_rows_in_any_order_give_the_same_trees():
    order = np.random.default_rng(0).permutation(len(CHAIN_AND_STAR))
    other = describe(grow_forest(CHAIN_AND_STAR.iloc[order].reset_index(drop=True)))
    pd.testing.assert_frame_equal(other, describe(grow_forest(CHAIN_AND_STAR)))


def test_over_all_groups_each_person_comes_once():
    rows = make_roster([(0, 0, -1, 90), (0, 1, 0, 80), (1, 2, -1, 90), (1, 1, 2, 40), (1, 0, 2, 30)])
    people = join_groups(rows)
    assert people.user.tolist() == [0, 1, 2]
    assert people.parent.tolist() == [-1, 0, -1]  # the second invitations brought nobody new
    assert people.came.tolist() == [0, 1, 0]


def test_who_is_known_only_by_writing_came_nobody_knows_how():
    forest = grow_forest(make_roster([(0, 0, -1, np.nan), (0, 1, -1, 9)], stated=[False, True]))
    assert forest.came.tolist() == [-1, 0]
    assert describe(forest, 1)["n_unknown"].tolist() == [1]


def test_a_long_chain_is_no_trouble():
    n = 3000
    forest = grow_forest(make_roster([(0, user, user - 1, n - user) for user in range(n)]))
    assert forest.depth.max() == n - 1 and forest.below[0] == n - 1


def test_an_empty_roster_has_no_trees():
    forest = grow_forest(make_roster([]).astype({"group": int, "user": int, "inviter": int}))
    assert len(forest) == 0 and len(join_groups(make_roster([]))) == 0
