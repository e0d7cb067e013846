"""The picture of how groups fare."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.plots.group_health_chart import plot_group_health
from segtool.plots.theme import to_png, to_svg

VERDICTS = ("thriving", "dead", "chat room", "quiet")


def make_health(n: int) -> SimpleNamespace:
    ids = [f"g{number:02d}" for number in range(n)]
    weeks = pd.DataFrame([{"group_id": name, "week": week} for name in ids for week in range(20)])
    weeks["week_start"] = pd.Timestamp("2026-06-24") - pd.to_timedelta(7 * weeks["week"], unit="D")
    weeks["n_messages"] = 5 + weeks["week"] % 4 + 3 * weeks["group_id"].str[1:].astype(int)
    weeks["on_topic_share"] = np.where(weeks["week"] == 3, np.nan, 0.7)
    weeks["on_topic_n"] = np.where(weeks["week"] == 4, 2, 10)
    table = pd.DataFrame({"group_id": ids, "title": ["妈妈成长圈 & <friends>"] + [""] * (n - 1),
                          "verdict": [VERDICTS[number % 4] for number in range(n)], "n_messages": 30,
                          "warning": [""] * n})  # fmt: skip
    day = pd.Timestamp("2026-05-01")
    return SimpleNamespace(
        table=table,
        weekly=weeks,
        activities=pd.DataFrame({"group_id": ids[:1], "starts": [day]}),
        entrants=pd.DataFrame({"group_id": ids[:1] * 2, "starts": [day] * 2}),
        warnings=pd.DataFrame({"group_id": ids[:1], "since": [day]}),
    )


def panels(figure):
    return [axes for axes in figure.axes if axes.get_title(loc="left")]


def test_each_group_has_a_panel_with_its_verdict_in_words_and_its_marks():
    figure = plot_group_health(make_health(8))
    titles = [axes.get_title(loc="left") for axes in panels(figure)]
    assert len(titles) == 8 and titles[0].endswith(": thriving") and titles[1] == "g01: dead"
    assert len(panels(figure)[0].patches) == 20
    assert len(panels(figure)[0].collections) == 3 and not panels(figure)[1].collections


def test_too_few_messages_leave_a_gap_in_the_share():
    figure = plot_group_health(make_health(1))
    (line,) = [line for axes in figure.axes for line in axes.lines if len(line.get_xdata()) == 20]
    assert np.isnan(line.get_ydata()).sum() == 2


def test_beyond_twelve_the_urgent_and_the_busiest_stay_and_the_rest_is_told():
    health = make_health(20)
    health.table.loc[3, "warning"] = "8 of 20 messages complain"
    figure = plot_group_health(health)
    shown = {axes.get_title(loc="left").split(":")[0] for axes in panels(figure)}
    assert len(shown) == 12 and {"g03", "g01", "g02", "g19"} <= shown and "g07" not in shown
    assert any("12 of 20 groups" in text.get_text() for text in figure.texts)


def test_it_draws_the_same_each_time_and_says_when_there_is_nothing():
    health = make_health(1)
    assert to_svg(plot_group_health(health)) == to_svg(plot_group_health(health))
    assert to_png(plot_group_health(health), 60).startswith(b"\x89PNG")
    health.weekly = health.weekly.head(0)
    with pytest.raises(InputError, match="No group has a week"):
        plot_group_health(health)
