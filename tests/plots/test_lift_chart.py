"""The chart of a lift says who was counted, what was found, and where everyone lies."""

from __future__ import annotations

import pytest

from segtool.errors import InputError, ParameterError
from segtool.measurement import measure_lift
from segtool.plots.lift_chart import plot_lift
from segtool.plots.theme import to_svg
from tests.measurement.lift_worlds import make_outcomes


@pytest.fixture(scope="module")
def lift():
    return measure_lift(make_outcomes(16_000, (0.12, 0.0, 0.0, -0.08)))


def test_it_names_personas_with_their_users_and_verdicts(lift):
    figure = plot_lift(lift)
    axes = figure.axes[0]
    names = [tick.get_text() for tick in axes.get_yticklabels()]
    order = lift.table.sort_values("estimate", ascending=False)
    assert [name.split("\n")[0] for name in names] == order["persona"].tolist()
    assert all(f"{n:,} users" in name for n, name in zip(order["n_treated"], names, strict=True))
    assert [text.get_text() for text in axes.texts] == order["verdict"].tolist()
    assert "the personas differ" in to_svg(figure)


def test_a_claim_is_filled_and_the_rest_is_open(lift):
    marks = [line for line in plot_lift(lift).axes[0].lines if line.get_markersize() == 8]
    filled = [mark.get_markerfacecolor() != "#FFFFFF" for mark in marks]
    assert filled == [True, False, False, True]


def test_it_has_everyones_line(lift):
    estimate = lift.overall["estimate"].iloc[0]
    lines = [line.get_xdata()[0] for line in plot_lift(lift).axes[0].lines if line.get_linestyle() == "--"]
    assert lines == pytest.approx([estimate])


def test_what_cannot_be_drawn_is_refused(lift):
    bare = measure_lift(make_outcomes(400).drop(columns=["persona_id", "persona"]))
    with pytest.raises(InputError, match="not read by persona"):
        plot_lift(bare)
    with pytest.raises(ParameterError, match="metric"):
        plot_lift(lift, metric="money")
    with pytest.raises(ParameterError, match="arm"):
        plot_lift(lift, arm="autumn")
