"""The picture of who brings whom."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.plots.sharing_chart import MAX_PEOPLE, MAX_TREES, place_people, plot_sharing
from segtool.plots.theme import to_svg


def make_members(trees: int = 2, leaves: int = 3) -> pd.DataFrame:
    """Trees of one who brought so many, the first of whom brought one more."""
    rows = []
    for k in range(trees):
        root = f"r{k}"
        rows.append((root, "g", None, 0, root, leaves, leaves + 1))
        rows += [(f"{root}c{n}", "g", root, 1, root, int(n == 0), int(n == 0)) for n in range(leaves)]
        rows.append((f"{root}d", "g", f"{root}c0", 2, root, 0, 0))
    rows.append(("alone", "g", None, 0, "alone", 0, 0))
    return pd.DataFrame(
        rows, columns=["user_id", "group_id", "invited_by", "depth", "root", "brought", "below"]
    )


def make_sharing(members=None, **row):
    members = make_members() if members is None else members
    first = {"group_id": "", "title": "all groups", "n_watched": 11, "n_members": 11, "window_days": 90.0, "k": 0.4,
             "lo": 0.2, "hi": 0.8, "cycle_days": 30.0, "cycle_lo": 20.0, "cycle_hi": 44.0,
             "at_least": ""}  # fmt: skip
    growth = pd.DataFrame([first | row, first | {"group_id": "g", "title": "宝妈 $5 <b>", "hi": 9.0}])
    trees = pd.DataFrame({"group_id": ["", "g"], "title": ["all groups", "宝妈 $5 <b>"], "n_members": 11,
                          "n_invited": 8, "n_alone": 3, "half_came_through": 1.0})  # fmt: skip
    age = np.array([30.0, 60.0, 90.0])
    curve = pd.DataFrame({"age_days": age, "brought": age / 200, "lo": age / 300, "hi": age / 100,
                          "inviting": age / 400})  # fmt: skip
    return SimpleNamespace(members=members, growth=growth, trees=trees, curve=curve)


def test_it_says_who_and_how_many():
    svg = to_svg(plot_sharing(make_sharing(), named=True))
    for word in (
        "r0: 4 people",
        "all groups",
        "half come by day 30",
        "one for each",
        "half of those invited",
    ):
        assert word in svg


def test_lower_bounds_have_no_upper_end(recwarn):
    sharing = make_sharing(at_least="nobody is on record as having left")
    sharing.growth["hi"] = sharing.curve["hi"] = np.nan
    svg = to_svg(plot_sharing(sharing))
    assert "people brought by 100 members, or more" in svg
    assert not [each for each in recwarn if issubclass(each.category, RuntimeWarning)]


def test_the_same_sharing_is_the_same_picture():
    assert to_svg(plot_sharing(make_sharing())) == to_svg(plot_sharing(make_sharing()))


def test_those_brought_stand_below_who_brought_them():
    people = place_people(make_members()).set_index("user_id")
    assert people.loc["r0c0", "above"] == people.loc["r0", "x"]
    assert people.loc["r0d", "x"] == people.loc["r0c0", "x"]  # an only one stands right below
    assert people["x"].between(people.loc["r0c0", "x"], people.loc["r1c2", "x"]).all()
    assert "alone" not in people.index


def test_trees_do_not_touch_and_only_the_largest_are_drawn():
    people = place_people(make_members(trees=MAX_TREES + 3))
    ends = people.groupby("tree")["x"].agg(["min", "max"])
    assert len(ends) == MAX_TREES
    assert (ends["min"].to_numpy()[1:] > ends["max"].to_numpy()[:-1]).all()


def test_a_long_chain_can_be_drawn():
    n = MAX_PEOPLE
    names = [f"u{k:03d}" for k in range(n)]
    chain = pd.DataFrame({"user_id": names, "group_id": "g", "invited_by": [None, *names[:-1]],
                          "depth": range(n), "root": names[0], "brought": 1, "below": range(n - 1, -1, -1)})  # fmt: skip
    assert place_people(chain)["x"].nunique() == 1


def test_of_a_vast_tree_those_who_brought_most_are_drawn():
    members = make_members(trees=1, leaves=5000)
    people = place_people(members)
    assert (
        len(people) == MAX_PEOPLE and "r0d" not in set(people["user_id"]) and "r0c0" in set(people["user_id"])
    )
    assert f"r0: 5,001 people ({MAX_PEOPLE - 1} drawn)" in to_svg(
        plot_sharing(make_sharing(members), named=True)
    )


def test_without_trees_curve_or_cycle_the_rest_is_drawn():
    members = make_members().assign(depth=0, below=0, brought=0)
    sharing = make_sharing(members, cycle_days=np.nan)
    sharing.curve = sharing.curve.iloc[:0]
    svg = to_svg(plot_sharing(sharing))
    assert "no tree" in svg and "too recently" in svg


def test_nothing_on_record_cannot_be_drawn():
    sharing = make_sharing()
    sharing.growth = sharing.growth.iloc[:0]
    with pytest.raises(InputError, match="No inviter"):
        plot_sharing(sharing)


def test_nobody_is_named_unasked():
    assert "r0" not in to_svg(plot_sharing(make_sharing()))
