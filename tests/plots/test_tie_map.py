"""The tie map: discs apart, everybody in their own, the strongest ties, never more than it says."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from segtool.errors import InputError
from segtool.plots.theme import to_svg
from segtool.plots.tie_map import lay_out_ties, plot_tie_map


def make_circles(sizes=(60, 30, 12), seed: int = 0, names=None) -> SimpleNamespace:
    rng = np.random.default_rng(seed)
    n = sum(sizes) + 10
    circle = np.repeat(np.arange(len(sizes) + 1), [*sizes, 10])
    inside = (circle[:, None] == circle[None]) & (circle[:, None] < len(sizes))
    half = np.triu(rng.random((n, n)) < np.where(inside, 0.3, 0.01), 1) * rng.random((n, n))
    ids = np.array([f"c{k + 1:02d}" for k in range(len(sizes))] + [None], dtype=object)
    table = pd.DataFrame(
        {"circle": ids[:-1], "name": names or [f"topic {k}" for k in range(len(sizes))], "n_users": sizes}
    )
    members = pd.DataFrame({"user_id": [f"u{k:04d}" for k in range(n)], "circle": ids[circle]})
    return SimpleNamespace(members=members, table=table, graph=sparse.csr_matrix(half + half.T))


def discs_of(people: pd.DataFrame) -> dict:
    spans = people.groupby("circle")[["x", "y"]].agg(["min", "max"])
    return {circle: (row["x"].tolist(), row["y"].tolist()) for circle, row in spans.iterrows()}


def test_circles_lie_apart():
    people, _ = lay_out_ties(make_circles(), max_people=60)
    discs = list(discs_of(people).values())
    for at, (x, y) in enumerate(discs):
        for other_x, other_y in discs[:at]:
            apart_x = x[0] > other_x[1] or other_x[0] > x[1]
            assert apart_x or y[0] > other_y[1] or other_y[0] > y[1]


def test_no_more_people_and_ties_than_asked_and_the_strongest():
    circles = make_circles()
    people, ties = lay_out_ties(circles, max_people=50, max_ties=40)
    assert len(people) <= 50
    assert set(people["circle"]) == {"c01", "c02", "c03"}
    assert len(ties) == 40
    assert ties["weight"].is_monotonic_increasing
    strength = pd.Series(np.asarray(circles.graph.sum(axis=1)).ravel(), index=circles.members["user_id"])
    first = circles.members.loc[circles.members["circle"] == "c01", "user_id"]
    drawn = people.loc[people["circle"] == "c01", "user_id"]
    assert strength[drawn].min() >= strength[first[~first.isin(drawn)]].max()


def test_a_person_tied_to_another_circle_lies_on_its_side():
    circles = make_circles(sizes=(20, 20))
    graph = sparse.lil_matrix(circles.graph)
    graph[0, 1:20] = graph[1:20, 0] = 0
    graph[0, 1] = graph[1, 0] = 0.1
    graph[0, 20:30] = graph[20:30, 0] = 1.0
    circles.graph = graph.tocsr()
    people, _ = lay_out_ties(circles)
    people = people.set_index("user_id")
    own = people[people["circle"] == "c01"][["x", "y"]]
    others = people[people["circle"] == "c02"][["x", "y"]].mean()
    distance = np.sqrt(((own - others) ** 2).sum(axis=1))
    assert distance["u0000"] <= distance.quantile(0.25)


def test_the_same_seed_gives_the_same_picture():
    one, other = (to_svg(plot_tie_map(make_circles(), random_state=2)) for _ in range(2))
    assert one == other


def test_names_sizes_leaders_and_the_sample_are_said():
    roles = pd.DataFrame({"user_id": ["u0001", "u0002", "u0003"], "role": ["leader", "core", "leader"]})
    circles = make_circles(names=["宝妈 and school", "games", "home & deals <b>"])
    figure = plot_tie_map(circles, roles, max_people=80)
    svg = to_svg(figure)
    assert all(word in svg for word in ("宝妈 and school", "n = 60", "home &amp; deals &lt;b&gt;", "leader"))
    people, _ = lay_out_ties(circles, roles, max_people=80)
    assert f"{len(people)} of 102 people" in svg
    assert set(people.loc[people["leader"], "user_id"]) <= {"u0001", "u0003"}
    assert people["leader"].sum() >= 1


def test_more_circles_than_colours_are_said_to_be_more():
    figure = plot_tie_map(make_circles(sizes=(8,) * 15))
    assert "12 of 15 circles" in to_svg(figure)


@pytest.mark.parametrize("sizes", [(6,), (6, 5)], ids=["one", "two"])
def test_few_circles_are_drawn(sizes):
    people, _ = lay_out_ties(make_circles(sizes=sizes))
    assert np.isfinite(people[["x", "y"]].to_numpy()).all()
    assert to_svg(plot_tie_map(make_circles(sizes=sizes)))


def test_no_circles_are_not_drawn():
    circles = make_circles()
    circles.table = circles.table.head(0)
    with pytest.raises(InputError, match="no circles"):
        plot_tie_map(circles)
