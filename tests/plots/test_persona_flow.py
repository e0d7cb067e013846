"""The flow picture: streams carry the table's users, names and sizes are written, noise is pale."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.text import Text

from segtool.errors import InputError
from segtool.plots.persona_flow import NOISE, flow_colours, plot_persona_flow, spread_texts
from segtool.plots.theme import UNSURE, to_svg

NAMES = {1: "Students who shop at night", 2: "宝妈:晚上看短视频", 3: "Travellers"}


def make_change(flows=None, then=True, names=None):
    """Make what the picture reads: of three personas the second split, 1 to 3 is a real move."""
    names = names or NAMES
    rows = flows or [
        (1, 1, 1, 400), (1, 3, 4, 60), (1, 2, 2, 4), (2, 2, 2, 120), (2, 2, 3, 110), (3, 3, 4, 90),
        (0, 1, 1, 50), (2, 0, 0, 30), (0, 2, 3, 3),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["then_id", "now_by_old_id", "now_id", "n_users"])
    if not then:
        table = table[table["now_id"] > 0].assign(then_id=pd.NA)
    moves = pd.DataFrame({"from_id": [1, 1, 1], "to_id": [1, 2, 3], "more_than_noise": [False, False, True]})
    after = {1: names[1], 2: f"{names[2]}: early", 3: f"{names[2]}: late", 4: names[3]}
    return SimpleNamespace(
        before=SimpleNamespace(names=names, n_personas=3), after=SimpleNamespace(names=after, n_personas=4),
        alignment=SimpleNamespace(matches={1: 1, 2: 2, 4: 3}), flows=table, moves=moves,
        moved={"low": 0.05, "moved": 0.08}, headline=lambda: "3 personas then, 4 now: 2 the same. Of 784 ...",
    )  # fmt: skip


def texts(figure):
    return [text.get_text().replace("\n", " ") for text in figure.axes[0].texts]


def test_every_persona_is_named_with_its_size_on_both_sides():
    written = texts(plot_persona_flow(make_change()))
    assert "Students who shop at night n = 464" in written and "Students who shop at night n = 450" in written
    assert "宝妈:晚上看短视频: late n = 113" in written
    assert "Not there yet n = 53" in written and "No longer there n = 30" in written


def test_blocks_and_streams_are_as_high_as_their_users_are_many():
    axes = plot_persona_flow(make_change()).axes[0]
    blocks = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert len(blocks) == 4 + 4 + 5
    heights = np.array([block.get_height() for block in blocks[:4]])
    np.testing.assert_allclose(heights / heights.sum(), np.array([464, 260, 90, 53]) / 867)
    streams = [patch for patch in axes.patches if isinstance(patch, PathPatch)]
    start = streams[0].get_path().vertices  # 1 -> 1, of 464
    assert start[0, 1] - start[-2, 1] == pytest.approx(heights[0] * 400 / 464)


def test_moves_of_noise_and_people_who_came_or_left_are_pale():
    axes = plot_persona_flow(make_change()).axes[0]
    streams = [patch for patch in axes.patches if isinstance(patch, PathPatch)][:9]
    pale = [patch.get_alpha() == NOISE for patch in streams]
    # 1-1, 1-2 (noise), 1-3 (real), 2-2, 2-left, 3-3, came-1, came-2
    assert pale[:8] == [False, True, False, False, True, False, True, True]


def test_without_the_last_labels_only_the_models_are_compared():
    figure = plot_persona_flow(make_change(then=False))
    written = texts(figure)
    assert "Then" not in written and "Now, in the personas of then" in written
    assert not any(text.startswith(("Not there yet", "No longer")) for text in written)


@pytest.mark.parametrize(
    "said", ["1 persona then, 3 now: 1 split.", "1 persona then, 3 now: 1 split. Of 9 ..."]
)
def test_the_title_is_the_first_sentence_without_its_full_stop(said):
    change = make_change()
    change.headline = lambda: said
    figure = plot_persona_flow(change)
    written = [text.get_text() for text in figure.findobj(Text)]
    assert "1 persona then, 3 now: 1 split" in written


def test_small_numbers_are_not_told():
    change = make_change()
    figure = plot_persona_flow(change, min_users=5)
    axes = figure.axes[0]
    drawn = sum(isinstance(patch, PathPatch) for patch in axes.patches)
    everything = sum(isinstance(patch, PathPatch) for patch in plot_persona_flow(change).axes[0].patches)
    assert drawn == everything - 2  # four who went from 1 to 2, and three who came
    few = make_change(flows=[(1, 1, 1, 3), (2, 2, 2, 40), (3, 3, 4, 40), (1, 2, 3, 5)])
    assert "Students who shop at night n < 5" in texts(plot_persona_flow(few, min_users=5))
    assert "n = 3" not in to_svg(plot_persona_flow(few, min_users=5))


def test_a_persona_that_is_the_same_has_one_colour_and_new_ones_have_their_own():
    colours = flow_colours({1: "a", 2: "b", 3: "c"}, {1: "c", 2: "a", 3: "new", 4: "newer"}, {1: 3, 2: 1})
    assert colours["after", 1] == colours["before", 3] and colours["after", 2] == colours["before", 1]
    assert len(set(colours.values()) | {UNSURE}) == 3 + 2 + 1


def test_names_of_thin_blocks_do_not_lie_on_each_other():
    wanted, heights = [0.9, 0.3, 0.29, 0.28, 0.27], [0.1] * 5
    centres = spread_texts(wanted, heights, top=1.0)
    assert centres[0] == 0.9
    assert all(one - other >= 0.1 - 1e-9 for one, other in pairwise(centres))
    assert np.mean(centres[1:]) == pytest.approx(np.mean(wanted[1:]), abs=0.02)


def test_nobody_cannot_be_drawn():
    with pytest.raises(InputError, match="no users"):
        plot_persona_flow(make_change(flows=[(1, 1, 1, 1)]).__class__(**{
            **vars(make_change()), "flows": make_change().flows.head(0)
        }))  # fmt: skip
