"""Pictures of the plan: the surest topics, the hours, the stages."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from outputs.fake_study import NAMES

from segtool.errors import InputError
from segtool.plots import plot_send_times, plot_topics, to_svg
from segtool.plots.plan_charts import time_grid


def test_each_panel_lists_the_topics_of_the_plan(study):
    plan = study[3]
    backwards = plan.table.assign(rank=6 - plan.table["rank"])
    axes = plot_topics(replace(plan, table=backwards), top_k=3).axes[0]
    mine = backwards[backwards["persona_id"] == 1].sort_values("rank").head(3)
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(mine["topic"])


def test_without_a_plan_the_surest_topics_come_first(study):
    plan = replace(study[3], table=study[3].table.head(0))
    axes = plot_topics(plan, top_k=3).axes[0]
    mine = plan.topics[plan.topics["persona_id"] == 1].nlargest(3, "lo")
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(mine["topic"])


def test_no_topic_is_said_so(study):
    with pytest.raises(InputError, match="No topic"):
        plot_topics(replace(study[3], topics=study[3].topics.head(0), table=study[3].table.head(0)))


def test_every_hour_and_day_is_written(study):
    left, right = plot_send_times(study[3]).axes
    assert [tick.get_text() for tick in left.get_xticklabels()] == [f"{hour:02d}" for hour in range(24)]
    assert len(right.get_xticklabels()) == 7
    assert len(left.get_yticklabels()) == len(NAMES)


def test_quiet_hours_are_hatched_and_never_marked(study):
    plan = study[3]
    times = plan.send_times.assign(
        estimate=plan.send_times["estimate"].where(plan.send_times["slot"] != "23", 1.0)
    )
    settings = SimpleNamespace(is_quiet=lambda hour: hour >= 22 or hour < 8)
    timed = SimpleNamespace(send_times=times, settings=settings)
    left = plot_send_times(timed).axes[0]
    marked = next(line for line in left.lines if line.get_marker() == "o").get_xdata()
    assert ((marked > 8) & (marked < 22)).all()
    assert "quiet hours" in to_svg(plot_send_times(timed))
    assert "quiet hours" not in to_svg(plot_send_times(plan))


def test_the_busiest_hour_is_one(study):
    grid = time_grid(study[3].send_times, "hour", [f"{hour:02d}" for hour in range(24)])
    assert (grid.max(axis=1) == 1).all()


def test_one_persona_is_enough(study):
    plan = study[3]
    first = {
        name: table[table["persona_id"] == 1]
        for name, table in {"table": plan.table, "send_times": plan.send_times}.items()
    }
    one = replace(plan, **first)
    assert len(plot_topics(one).axes) == 1
    assert np.isfinite(plot_send_times(one).get_size_inches()).all()


def test_one_group_is_compared_with_nobody():
    topics = pd.DataFrame(
        {
            "persona_id": 1, "persona": "All users", "topic": ["automotive", "bread", "milk"],
            "share": [0.01, 0.6, 0.3], "share_lo": [0.0, 0.55, 0.25], "share_hi": [0.02, 0.65, 0.35],
        }
    )  # fmt: skip
    table = pd.DataFrame(columns=["persona_id", "rank", "persona", "topic", "estimate", "lo", "hi"])
    svg = to_svg(plot_topics(SimpleNamespace(table=table, topics=topics), top_k=2))
    assert "What people do most" in svg and "bread" in svg and "automotive" not in svg
