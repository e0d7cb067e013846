"""The picture of a split says what its tables say."""

from dataclasses import replace

import pytest

from segtool.community.scale.splits import Splits
from segtool.errors import InputError
from segtool.plots.split_chart import plot_split
from segtool.plots.theme import to_svg
from tests.community.scale.test_splits import SMALL, propose, two_circles


@pytest.fixture(scope="module")
def splits() -> Splits:
    return propose(two_circles(leaders=("a0", "a1")))


def test_parts_sizes_and_shares_are_written(splits):
    svg = to_svg(plot_split(splits))
    assert "24 people into 2 parts" in svg and "this proposal" in svg
    assert f"{splits.groups['kept_share'][0]:.0%} of the weight" in svg
    assert all(
        f"{part}: {n} people, 1 leader" in svg
        for part, n in zip("AB", splits.parts["n_members"], strict=True)
    )
    assert f"red, {(~splits.edges['kept']).sum()} ties that would be cut" in svg


def test_everybody_is_drawn_before_and_after(splits):
    before, after, _ = plot_split(splits, "g").axes
    for axes in (before, after):
        assert sum(len(points.get_offsets()) for points in axes.collections[-2:]) == 24


def test_the_same_split_gives_the_same_picture(splits):
    assert to_svg(plot_split(splits)) == to_svg(plot_split(splits))


def test_a_split_by_interests_alone_has_no_bounds_to_draw(splits):
    bare = replace(splits, edges=splits.edges.head(0), bounds=splits.bounds.head(0),
                   groups=splits.groups.assign(kept_share=float("nan"), n_ties=0))  # fmt: skip
    assert "by interests alone" in to_svg(plot_split(bare))


def test_a_group_that_is_not_split_is_refused(splits):
    with pytest.raises(InputError, match="no split of a group"):
        plot_split(splits, "elsewhere")


def test_many_parts_are_told_briefly():
    many = propose(two_circles(), settings=SMALL.model_copy(update={"split_upper": 3, "split_lower": 2}))
    svg = to_svg(plot_split(many))
    assert len(many.parts) >= 8 and "people and share of their ties" in svg
    assert all(
        f">{part}: {n}, " in svg for part, n in zip(many.parts["part"], many.parts["n_members"], strict=True)
    )
