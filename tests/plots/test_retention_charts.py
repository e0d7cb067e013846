"""Pictures of retention and of herds."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError, ParameterError
from segtool.plots.herd_chart import plot_herd
from segtool.plots.retention_charts import plot_cohorts, plot_flow, plot_retention_curves
from segtool.plots.theme import to_svg

NAMES = {
    0: "everyone",
    1: "Stayers $5",
    2: "People of a name that is long, and longer yet",
    -1: "(no persona)",
}


def make_retention(start=None):
    flow = pd.DataFrame(
        [
            ("all" if number == 0 else "persona", dt.date(2026, month, 1), 30, month > 1, number, name, "all",
             50, 20, 10, 0, 5 * month, 0, 80 - 5 * month)
            for month in (1, 2, 3) for number, name in NAMES.items()
        ],
        columns=["level", "period", "days", "complete", "persona_id", "persona", "channel", "opening", "new",
                 "returned", "moved_in", "lost", "moved_out", "closing"],
    )  # fmt: skip
    cohorts = pd.DataFrame(
        [("everyone", 0, dt.date(2026, month, 1), age, 40, 40 - 10 * age, 1 - age / 4, 0, 1)
         for month in (1, 2, 3) for age in range(4 - month)],
        columns=["persona", "persona_id", "cohort", "age", "n_users", "n_active", "share", "lo", "hi"],
    )  # fmt: skip
    survival = pd.DataFrame(
        [(number, name, day, 100 - day, 1, 1 - day / 100 - number / 20, 0.4, 0.9)
         for number, name in NAMES.items() for day in (0, 10, 20)],
        columns=["persona_id", "persona", "day", "at_risk", "lost", "share", "lo", "hi"],
    )  # fmt: skip
    return SimpleNamespace(
        flow=flow, cohorts=cohorts, survival=survival, period="month", start=start, churn_days=14
    )


def test_each_persona_has_a_curve_with_its_name_and_size():
    figure = plot_retention_curves(make_retention(dt.date(2026, 2, 1)))
    words = [text.get_text() for text in figure.axes[0].texts]
    assert len(words) == 3 and {"Stayers $5 (n = 100)", "everyone (n = 100)"} < set(words)
    assert all(word.endswith("(n = 100)") for word in words)  # names give way, numbers do not
    assert "days since 2026-02-01" in to_svg(figure)
    with pytest.raises(InputError, match="users were followed"):
        retention = make_retention()
        retention.survival = retention.survival.head(0)
        plot_retention_curves(retention)


def test_one_persona_is_drawn_once_and_curves_end_with_few():
    retention = make_retention()
    table = retention.survival[retention.survival["persona_id"] < 2]
    retention.survival = table.assign(at_risk=table["day"].map({0: 100, 10: 50, 20: 4}))
    axes = plot_retention_curves(retention).axes[0]
    assert [text.get_text() for text in axes.texts] == ["everyone (n = 100)"]
    assert axes.get_xlim() == (0, 10)


def test_a_masked_flow_draws_who_came_as_one():
    retention = make_retention()
    flow = retention.flow.astype({"new": "Int64", "returned": "Int64"})
    for name in ("new", "returned"):
        flow[name] = flow[name].mask(flow["period"] == dt.date(2026, 2, 1))
    retention.flow = flow
    stock, moves = plot_flow(retention).axes
    heights = {bars.get_label(): [patch.get_height() for patch in bars] for bars in moves.containers}
    assert heights["new"] == [20, 0, 20] and heights["came (too few to tell how)"] == [0, 30, 0]
    assert len(stock.get_yticks()) >= 2
    assert [label.get_text() for label in moves.get_yticklabels()] == ["went", "came"]


def test_cells_that_are_not_over_are_empty():
    axes = plot_cohorts(make_retention()).axes[0]
    assert len(axes.texts) == 3 + 2 + 1
    assert axes.get_yticklabels()[0].get_text() == "2026-01-01   n = 40"
    with pytest.raises(ParameterError, match="persona is 'nobody'"):
        plot_cohorts(make_retention(), persona="nobody")


def test_bars_are_who_came_and_who_went():
    stock, moves = plot_flow(make_retention()).axes
    heights = [patch.get_height() for patch in moves.patches]
    assert heights == [20, 20, 20, 10, 10, 10, -5, -10, -15]
    assert [text.get_text() for text in stock.texts] == ["75", "70", "65"]
    assert moves.get_xticklabels()[0].get_text() == "01 Jan 2026*"
    assert moves.get_xlabel() == "* not a whole month"
    with pytest.raises(ParameterError, match="channel is 'fax'"):
        plot_flow(make_retention(), channel="fax")


def test_a_herd_is_drawn_by_role():
    rng = np.random.default_rng(0)
    users = pd.DataFrame(
        {name: rng.random(30) for name in ("waited", "waited_usual", "followed", "followed_usual")}
    )
    users["role"] = ["first mover"] * 3 + ["wait and see"] * 5 + [""] * 22
    axes = plot_herd(SimpleNamespace(users=users)).axes[0]
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["no order beyond chance (22)", "wait and see (5)", "first mover (3)"]
    assert [len(line.get_xdata()) for line in axes.lines[2:5]] == [22, 5, 3]
    with pytest.raises(InputError, match="No user could be judged"):
        plot_herd(SimpleNamespace(users=users.head(0)))
