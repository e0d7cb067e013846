"""The picture of what is warming up: topics week by week, and their trends with intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from segtool.checks import check_columns, check_number
from segtool.errors import InputError
from segtool.plots.grids import draw_cells
from segtool.plots.theme import FAINT, GROUND, INK, MUTED, elide, new_figure, set_ticks, themed

# Blue below a topic's own average, orange above it: two hues that the colour-blind tell apart.
SHADES = ("#2F6F9F", "#A9CBE0", "#F5F5F3", "#F2C48B", "#C8660F")
WAYS = {"rising": "#C8660F", "falling": "#2F6F9F", "steady": "#A3ABB2"}
LIMITS = (0.25, 4.0)  # factors over four weeks beyond which a trend is the noise of a rare topic
COLUMNS = ("persona_id", "topic", "change", "lo", "hi", "direction", "n_users", "share_last")
TICKS = {
    "¼×": 0.25,
    "½×": 0.5,
    "⅔×": 2 / 3,
    "0.8×": 0.8,
    "1×": 1,
    "1.25×": 1.25,
    "1½×": 1.5,
    "2×": 2,
    "4×": 4,
}


@themed
def plot_topic_heat(heat, *, top_k: int = 15) -> Figure:
    """Draw each topic's share by week beside its trend.

    Parameters
    ----------
    heat : TopicHeat
        Read through ``weeks`` (topic, week, week_start, share) and ``trend`` (persona_id 0: everyone;
        topic, change, lo, hi, direction, n_users, share_last).
    top_k : int
        Topics to draw: those that surely move first, then the largest.

    Returns
    -------
    matplotlib.figure.Figure
        Left, each week's share over the topic's own average; right, the change of its share in four
        weeks with its interval. A line that crosses 1× may be no trend at all.

    Raises
    ------
    InputError
        If there is no trend to draw.
    """
    check_number("top_k", top_k, low=1, high=40, integer=True)
    check_columns(heat.trend.columns, COLUMNS, "heat.trend")
    rows = _chosen(heat.trend[heat.trend["persona_id"] == 0], top_k)
    if rows.empty:
        raise InputError("No topic has a trend.", "six whole weeks of events with topics, or more.")
    grid = _week_grid(heat.weeks, rows["topic"])
    n_moving = int((rows["direction"] != "steady").sum())
    figure, (cells, bars) = new_figure(
        9.6,
        1.0 + 0.32 * len(rows),
        "What is warming up",
        f"{len(rows)} topics, {n_moving} of them surely rising or falling; shares of all activity, so that "
        "growth as a whole does not count",
        ncols=2,
        width_ratios=(1.35, 1),
    )
    _draw_weeks(cells, grid, rows)
    _draw_trends(bars, rows)
    return figure


def _chosen(trend: pd.DataFrame, top_k: int) -> pd.DataFrame:
    known = trend.dropna(subset=["change", "lo", "hi"])
    moving = known["direction"] != "steady"
    order = known.assign(moving=moving).sort_values(
        ["moving", "share_last", "topic"], ascending=[False, False, True]
    )
    return order.head(top_k).sort_values(["change", "topic"], ascending=[False, True], ignore_index=True)


def _week_grid(weeks: pd.DataFrame, topics: pd.Series) -> pd.DataFrame:
    """Return the log of each week's share over the topic's own average, oldest week first."""
    check_columns(weeks.columns, ["topic", "week", "week_start", "share"], "heat.weeks")
    grid = weeks.pivot_table(index="topic", columns="week_start", values="share").reindex(topics)
    mean = grid.mean(axis=1)
    return np.log2(grid.div(mean.where(mean > 0), axis=0).clip(lower=1 / 16))


def _draw_weeks(axes, grid: pd.DataFrame, rows: pd.DataFrame) -> None:
    draw_cells(axes, grid, SHADES, (-1, 1), 1.0)
    names = [elide(str(topic).replace("_", " "), 22) for topic in rows["topic"]]
    set_ticks(axes, "y", names, np.arange(len(rows)) + 0.5, rotation=0)
    shown = range(0, grid.shape[1], max(1, grid.shape[1] // 6))
    days = [grid.columns[i].strftime("%d %b").lstrip("0") for i in shown]
    set_ticks(axes, "x", days, [i + 0.5 for i in shown], rotation=0)
    axes.set_title("Week by week, against the topic's own average", color=INK, fontsize=10, weight="bold")
    axes.set_xlabel("blue: half of it, orange: twice", color=MUTED)


def _draw_trends(axes, rows: pd.DataFrame) -> None:
    places = np.arange(len(rows)) + 0.5
    low, high = (rows[name].clip(*LIMITS) for name in ("lo", "hi"))
    colours = rows["direction"].map(WAYS)
    axes.axvline(1, color=FAINT, lw=1.5, zorder=0)
    axes.hlines(places, low, high, color=colours, lw=5, alpha=0.4)
    axes.scatter(rows["change"].clip(*LIMITS), places, color=colours, s=46, edgecolor=GROUND, zorder=3)
    axes.set_ylim(len(rows), 0)
    set_ticks(axes, "y", [], [])
    axes.set_xscale("log")
    left, right = min(0.75, low.min()), max(1.35, high.max())
    ticks = {text: at for text, at in TICKS.items() if left <= at <= right}
    axes.set_xlim(left * 0.97, right * 1.03)
    axes.minorticks_off()
    set_ticks(axes, "x", list(ticks), list(ticks.values()))
    axes.spines[:].set_visible(False)
    axes.set_title("Share, change in four weeks", color=INK, fontsize=10, weight="bold")
    axes.set_xlabel("grey: may be no trend", color=MUTED)
