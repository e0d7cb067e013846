"""The picture of topics over the weeks."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.plots.heat_chart import WAYS, plot_topic_heat
from segtool.plots.theme import to_png, to_svg

NAMES = ["art", "bikes", "宠物"]


@pytest.fixture
def heat():
    weeks = pd.DataFrame([{"topic": name, "week": week} for name in NAMES for week in range(8)])
    weeks["week_start"] = pd.Timestamp("2026-06-24") - pd.to_timedelta(7 * weeks["week"], unit="D")
    weeks["share"] = 0.3 + 0.01 * weeks["week"]
    trend = pd.DataFrame(
        {
            "persona_id": [0, 0, 0, 1], "topic": [*NAMES, "art"], "change": [1.4, 1.0, 0.7, 1.2],
            "lo": [1.2, 0.9, 0.5, 1.0], "hi": [1.6, 1.1, 0.9, 1.5],
            "direction": ["rising", "steady", "falling", "steady"], "n_users": 50, "share_last": [0.2, 0.5, 0.3, 0.1],
        }
    )  # fmt: skip
    return SimpleNamespace(weeks=weeks, trend=trend)


def test_topics_stand_in_the_order_of_their_trend_and_moving_ones_are_coloured(heat):
    cells, bars = plot_topic_heat(heat).axes[:2]
    assert [tick.get_text() for tick in cells.get_yticklabels()] == NAMES
    dots = bars.collections[-1]
    assert np.allclose(dots.get_offsets()[:, 0], [1.4, 1.0, 0.7])
    assert len({tuple(colour) for colour in dots.get_facecolors().tolist()}) == 3 == len(WAYS)


def test_moving_topics_are_drawn_before_large_ones(heat):
    cells = plot_topic_heat(heat, top_k=2).axes[0]
    assert [tick.get_text() for tick in cells.get_yticklabels()] == ["art", "宠物"]


def test_it_draws_the_same_each_time_and_says_when_there_is_nothing(heat):
    assert to_svg(plot_topic_heat(heat)) == to_svg(plot_topic_heat(heat))
    assert to_png(plot_topic_heat(heat)).startswith(b"\x89PNG")
    with pytest.raises(InputError, match="No topic has a trend"):
        plot_topic_heat(SimpleNamespace(weeks=heat.weeks, trend=heat.trend.head(0)))
