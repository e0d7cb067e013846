"""The picture of how groups fare: each group's weeks, its verdict, and what happened to it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from segtool.checks import check_columns, check_number
from segtool.errors import InputError
from segtool.plots.theme import FAINT, GROUND, INK, MUTED, UNSURE, elide, new_figure, set_ticks, themed

COLOURS = {
    "thriving": "#009E73", "quiet": "#6699CC", "dead": "#5B6770", "chat room": "#D55E00",
    "loudspeaker": "#882255", "overgrown": "#E69F00", "new": UNSURE, "too little data": UNSURE,
}  # fmt: skip
URGENT = ("dead", "overgrown", "chat room", "loudspeaker")  # shown first where not all can be shown
TOPIC, WAVE, TROUBLE, EVENT = "#332288", "#CC79A7", "#B3261E", "#9AA5AE"
COLUMNS = 3
LEAST_FOR_SHARE = 5  # messages with a topic in a week: below, its share jumps between nothing and all
WEEKS_SHOWN = 30
NEEDED = ("group_id", "title", "verdict", "n_messages", "warning")


@themed
def plot_group_health(health, *, top_k: int = 12) -> Figure:
    """Draw each group's messages per week, their share on topic, and what happened.

    Parameters
    ----------
    health : Health
        Read through ``table``, ``weekly``, ``entrants``, ``warnings`` and ``activities``.
    top_k : int
        Groups to draw: those in trouble or with a bad verdict first, then the busiest.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per group, its verdict in the title.

    Raises
    ------
    InputError
        If there is no group with a week to draw.
    """
    check_number("top_k", top_k, low=1, high=24, integer=True)
    check_columns(health.table.columns, NEEDED, "health.table")
    chosen = _choose(health, top_k)
    if chosen.empty:
        raise InputError("No group has a week to draw.", "groups with messages or members of known dates.")
    n_columns = min(COLUMNS, len(chosen))
    n_rows = -(-len(chosen) // n_columns)
    left_out = len(health.table) - len(chosen)
    note = f"{len(chosen)} of {len(health.table):,} groups" if left_out else f"{len(chosen)} groups"
    figure, panels = new_figure(
        max(3.7 * n_columns, 6.5),
        1.75 * n_rows + 0.45,
        "How the groups fare, week by week",
        note + (": trouble and bad verdicts first, then the busiest" if left_out else "")
        + "; bars: messages a week, each group on its own scale",
        nrows=n_rows,
        ncols=n_columns,
        sharex=True,
    )  # fmt: skip
    weekly = health.weekly[health.weekly["week"] < WEEKS_SHOWN]
    for place, (panel, row) in enumerate(zip(panels, chosen.itertuples(), strict=False)):
        own = weekly[weekly["group_id"] == row.group_id]
        _draw_group(panel, own, row, place % n_columns == n_columns - 1 or place == len(chosen) - 1)
        _mark(panel, health, row.group_id, own["week_start"].min())
    for panel in panels[len(chosen) :]:
        panel.set_axis_off()
    _set_dates(panels, len(chosen), n_columns)
    _add_legend(figure)
    return figure


def _choose(health, top_k: int) -> pd.DataFrame:
    weeks = health.weekly[health.weekly["week"] < WEEKS_SHOWN]
    table = health.table[health.table["group_id"].isin(weeks["group_id"])].copy()
    table["urgency"] = np.where(table["warning"] != "", 2, table["verdict"].isin(URGENT).astype(int))
    size = weeks.groupby("group_id")["n_messages"].sum()
    table["size"] = table["group_id"].map(size)
    table = table.sort_values(["urgency", "size", "group_id"], ascending=[False, False, True]).head(top_k)
    return table.sort_values("group_id", ignore_index=True)


def _draw_group(panel, own: pd.DataFrame, row, has_scale: bool) -> None:
    colour = COLOURS.get(row.verdict, UNSURE)
    middle = date2num(own["week_start"] + pd.Timedelta(days=3.5))
    top = max(float(own["n_messages"].max()), 1.0)
    panel.bar(middle, own["n_messages"], width=6.2, color=colour, alpha=0.45, linewidth=0)
    panel.set_ylim(0, top * 1.36)  # the marks stand above the bars
    set_ticks(panel, "y", ["0", f"{top:,.0f}"], [0, top], fontsize=8, color=MUTED)
    panel.spines["left"].set_visible(False)
    share = panel.twinx()
    known = own["on_topic_share"].where(own["on_topic_n"] >= LEAST_FOR_SHARE)
    share.plot(middle, known, color=TOPIC, lw=1.6, marker="o", ms=2.2)
    share.set_ylim(0, 1.36)
    share.spines[:].set_visible(False)
    labels = ["0 %", "50 %", "100 %"] if has_scale else []
    set_ticks(share, "y", labels, [0, 0.5, 1.0] if has_scale else [], fontsize=8, color=TOPIC)
    panel.axhline(top, color=FAINT, lw=0.7, zorder=0)
    name = elide(row.title or row.group_id, 22)
    panel.set_title(f"{name}: {row.verdict}", color=INK, fontsize=9.5, weight="bold")


def _mark(panel, health, group_id: str, first) -> None:
    """Mark activities, waves and trouble in the strip above the bars."""
    top = panel.get_ylim()[1]
    events = health.activities[health.activities["group_id"] == group_id]["starts"]
    waves = health.entrants[health.entrants["group_id"] == group_id].drop_duplicates("starts")["starts"]
    trouble = health.warnings[health.warnings["group_id"] == group_id]["since"]
    for times, height, style in (
        (events, 0.80, {"marker": "|", "color": EVENT, "s": 34, "linewidth": 1.4}),
        (waves, 0.89, {"marker": "^", "color": WAVE, "s": 34, "linewidth": 0}),
        (trouble, 0.97, {"marker": "X", "color": TROUBLE, "s": 40, "edgecolor": GROUND, "linewidth": 0.5}),
    ):
        seen = pd.to_datetime(times)
        seen = seen[seen >= first]
        if len(seen):
            panel.scatter(date2num(seen), np.full(len(seen), height * top), zorder=4, clip_on=False, **style)


def _set_dates(panels, n: int, n_columns: int) -> None:
    """Write dates below the lowest panel of each column; a shared axis hides those of an upper one."""
    locator = AutoDateLocator(minticks=3, maxticks=6)
    for place, panel in enumerate(panels[:n]):
        panel.xaxis.set_major_locator(locator)
        formatter = ConciseDateFormatter(locator, show_offset=False)
        panel.xaxis.set_major_formatter(formatter)
        panel.tick_params(axis="x", labelbottom=place + n_columns >= n, labelsize=8)


def _add_legend(figure: Figure) -> None:
    handles = [
        Patch(color=MUTED, alpha=0.45, label="messages a week"),
        Line2D([], [], color=TOPIC, marker="o", ms=3, lw=1.6, label="share on topic"),
        Line2D([], [], color=EVENT, marker="|", ms=8, mew=1.6, lw=0, label="activity"),
        Line2D([], [], color=WAVE, marker="^", ms=6, lw=0, label="wave of newcomers"),
        Line2D([], [], color=TROUBLE, marker="X", ms=7, mec=GROUND, lw=0, label="complaints burst"),
    ]
    figure.legend(
        handles=handles, loc="outside lower left", ncols=len(handles), fontsize=8.5, handletextpad=0.5
    )
