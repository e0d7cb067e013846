"""The picture of a typing tool says what it draws, and draws the figures of the tool."""

import dataclasses

import numpy as np
import pytest

from segtool.plots import to_svg
from segtool.plots.typing_chart import plot_typing_tool
from tests.personas.typing_tool.typed_people import make_tool


@pytest.fixture(scope="module")
def tool():
    return make_tool(200, max_questions=6)[0]


def texts(figure):
    found = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        found += [text.get_text() for text in (*axes.texts, *axes.get_yticklabels(), *axes.get_xticklabels())]
    return " | ".join(found)


def test_the_curve_is_that_of_the_tool(tool):
    left = plot_typing_tool(tool).axes[0]
    line = left.lines[0]
    assert np.array_equal(line.get_ydata(), tool.curve["accuracy"]) and len(line.get_xdata()) == 6
    said = texts(plot_typing_tool(tool))
    assert f"{tool.figures.accuracy:.0%} of people" in said and "all 13 questions" in said
    assert f"largest persona for everyone {tool.figures.baseline:.0%}" in said


def test_each_persona_has_its_bar_its_people_and_its_rate(tool):
    right = plot_typing_tool(tool).axes[1]
    widths = sorted(patch.get_width() for patch in right.patches)
    assert widths == pytest.approx(sorted(tool.hits["hit_rate"]))
    said = texts(plot_typing_tool(tool))
    for row in tool.hits.itertuples():
        assert f"n = {row.n:,}" in said and row.persona.split()[0] in said


def test_a_persona_nobody_was_of_has_no_bar(tool):
    hits = tool.hits.assign(hit_rate=[np.nan, *tool.hits["hit_rate"][1:]])
    figure = plot_typing_tool(dataclasses.replace(tool, hits=hits))
    assert len(figure.axes[1].patches) == 2


def test_it_is_drawn_the_same_each_time(tool):
    assert to_svg(plot_typing_tool(tool)) == to_svg(plot_typing_tool(tool))
