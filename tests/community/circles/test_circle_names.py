"""Circles keep their names from one moment to another, where their people do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.community.circles.circles import Circles
from segtool.community.circles.detect import Structure
from segtool.community.circles.names import carry_names
from segtool.errors import InputError


def circles_of(**found: tuple[str, list[int]]) -> Circles:
    """Circles by id: their name, and the numbers of their members."""
    members = [(f"u{number}", circle) for circle, (_, own) in found.items() for number in own]
    members = pd.DataFrame([*members, ("alone", None)], columns=["user_id", "circle"])
    names = [name for name, _ in found.values()]
    table = pd.DataFrame({"circle": list(found), "name": names})
    table["named_by_topics"] = [not name.startswith("no topic") for name in names]
    return Circles(members, table, pd.DataFrame(), Structure(True, ""), None, ())


def earlier_of(**found: tuple[str, list[int]]) -> pd.DataFrame:
    rows = [(f"u{n}", circle, name) for circle, (name, own) in found.items() for n in own]
    return pd.DataFrame(rows, columns=["user_id", "circle", "name"])


def said(circles: Circles) -> list[tuple]:
    return list(circles.table[["name", "named"]].itertuples(index=False, name=None))


def test_a_circle_of_the_same_people_keeps_its_name():
    now = circles_of(c01=("wear and campus", [*range(11)]), c02=("games", [20, 21, 22]))
    carried = carry_names(now, earlier_of(c07=("wear", [*range(12)]), c08=("pets", [22, 23, 24, 25])))
    assert said(carried) == [("wear", "as before"), ("games", "anew")]
    assert carried.table["circle"].tolist() == ["c01", "c02"]
    assert now.table["name"].tolist() == ["wear and campus", "games"]


def test_a_name_goes_to_one_circle_only():
    """A half on each side overlaps by 0.5 with the whole: one takes the name."""
    now = circles_of(c01=("home", [0, 1, 2]), c02=("wear", [3, 4, 5]))
    carried = carry_names(now, earlier_of(c01=("wear", [*range(6)])))
    assert [named for _, named in said(carried)] == ["as before", "anew"]
    assert carried.table["name"].tolist() == ["wear", "wear (c02)"]


def test_the_best_sum_of_overlaps_is_taken():
    """c01 lies nearest to b, but then c02 were left without: each has what it may have."""
    now = circles_of(c01=("x", [*range(10)]), c02=("y", [*range(10, 13)]))
    before = earlier_of(a=("A", [0, 1, 2, 3, 4, 5, 6]), b=("B", [7, 8, 9, 10, 11, 12]))
    assert said(carry_names(now, before)) == [("A", "as before"), ("B", "as before")]


@pytest.mark.parametrize("name", ["no topic stands out", "no topic stands out (g233)"])
def test_a_name_without_topics_stays_one(name):
    now = circles_of(c01=("games", [0, 1, 2]))
    assert carry_names(now, earlier_of(c01=(name, [0, 1, 2]))).table["named_by_topics"].tolist() == [False]
    frame = earlier_of(c01=("games", [0, 1, 2])).assign(named_by_topics=True)
    assert carry_names(circles_of(c01=(name, [0, 1, 2])), frame).table["named_by_topics"].tolist() == [True]


def test_the_order_of_rows_does_not_matter():
    now = circles_of(c01=("a", [0, 1]), c02=("b", [2, 3]))
    before = earlier_of(c01=("A", [0, 1, 2]), c02=("B", [3, 10, 11]), c03=("C", [12, 13]))
    mixed = before.iloc[np.random.default_rng(0).permutation(len(before))]
    pd.testing.assert_frame_equal(carry_names(now, before).table, carry_names(now, mixed).table)


def test_nobody_before_or_now_is_no_trouble():
    none = earlier_of(c01=("a", [1])).iloc[:0]
    assert said(carry_names(circles_of(c01=("a", [0, 1])), none)) == [("a", "anew")]
    assert carry_names(circles_of(), earlier_of(c01=("a", [1]))).table.empty


def test_what_are_no_circles_is_refused():
    before = earlier_of(c01=("a", [1]), c02=("b", [1]))
    with pytest.raises(InputError, match="two of them"):
        carry_names(circles_of(c01=("a", [1])), before)
    with pytest.raises(InputError, match="'name'"):
        carry_names(circles_of(c01=("a", [1])), before.drop(columns="name"))
