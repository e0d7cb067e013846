"""A picture of the plan by week: what each persona is sent, when and where."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from segtool.checks import check_columns, check_number
from segtool.errors import InputError
from segtool.plots.theme import (
    GROUND,
    INK,
    MUTED,
    elide,
    new_figure,
    persona_colours,
    set_ticks,
    text_width,
    themed,
    wrap,
)

NEEDED = ("persona_id", "persona", "week", "week_start", "daypart", "channel", "topic", "n_sends", "share")
CELL_WIDTH, CELL_HEIGHT = 2.35, 1.12
LETTERS = 24
LINES = 3


@themed
def plot_calendar(schedule, *, weeks: int = 4, first_week: int = 1) -> Figure:
    """Draw the calendar: one row per persona, one column per week, the most sent topics in each cell.

    Parameters
    ----------
    schedule : Schedule
        Read through ``calendar``; rows without a topic count in the totals only, and a week whose sends
        are missing says that too few people get them.
    weeks, first_week : int
        Which weeks to show.

    Returns
    -------
    matplotlib.figure.Figure
        The bars below the topics are their shares of the persona's sends of that week.
    """
    check_number("weeks", weeks, low=1, high=8, integer=True)
    check_number("first_week", first_week, low=1, integer=True)
    table = schedule.calendar
    check_columns(table.columns, NEEDED, "schedule.calendar")
    table = table[(table["week"] >= first_week) & (table["week"] < first_week + weeks)]
    if table.empty:
        raise InputError(
            "The calendar has no sends in these weeks.", "weeks of the plan in which somebody is sent to."
        )
    personas = table.drop_duplicates("persona_id").sort_values("persona_id")[["persona_id", "persona"]]
    shown = sorted(table["week"].unique())
    figure, (axes,) = new_figure(
        CELL_WIDTH * len(shown) + 2.1,
        CELL_HEIGHT * len(personas) + 0.4,
        "What goes out, week by week",
        f"the {LINES} most sent topics of each persona, with their share of its sends",
    )
    colours = persona_colours(personas["persona_id"])
    for row, persona in enumerate(personas["persona_id"]):
        for column, week in enumerate(shown):
            own = table[(table["persona_id"] == persona) & (table["week"] == week)]
            _draw_cell(axes, column, row, own, colours[persona])
    starts = table.groupby("week")["week_start"].first()
    set_ticks(
        axes,
        "x",
        [f"week {week}, {starts[week].day} {starts[week]:%b}" for week in shown],
        [c + 0.5 for c in range(len(shown))],
    )
    set_ticks(
        axes,
        "y",
        [wrap(name, 22, 3) for name in personas["persona"]],
        [r + 0.5 for r in range(len(personas))],
    )
    axes.set_xlim(0, len(shown))
    axes.set_ylim(len(personas), 0)
    axes.xaxis.tick_top()
    axes.spines[:].set_visible(False)
    return figure


def _draw_cell(axes, column: int, row: int, own: pd.DataFrame, colour: str) -> None:
    axes.add_patch(Rectangle((column + 0.02, row + 0.05), 0.96, 0.9, facecolor=colour, alpha=0.08, lw=0))
    if own.empty:
        axes.text(column + 0.06, row + 0.5, "nothing", color=MUTED, fontsize=9, va="center")
        return
    if own["n_sends"].isna().any():  # masked: the week's total would count few people
        axes.text(column + 0.06, row + 0.5, "sent to too few to tell", color=MUTED, fontsize=9, va="center")
        return
    topics = own.groupby("topic")["share"].sum().sort_values(ascending=False, kind="stable")
    for place, (topic, share) in enumerate(topics.head(LINES).items()):
        height = row + 0.17 + 0.21 * place
        axes.add_patch(Rectangle((column + 0.06, height + 0.07), 0.88 * share, 0.03, facecolor=colour, lw=0))
        name = str(topic).replace("_", " ") or "any topic"
        axes.text(column + 0.06, height, elide(name, LETTERS), color=INK, fontsize=9, va="center")
        axes.text(column + 0.94, height, f"{share:.0%}", color=MUTED, fontsize=9, va="center", ha="right")
    where = " · ".join([_most(own, "daypart"), _most(own, "channel").replace("_", " ")])
    n_sends = f"{int(own['n_sends'].sum()):,} sends"
    room = LETTERS + 9 - text_width(n_sends)
    axes.text(column + 0.06, row + 0.85, elide(where, room), color=MUTED, fontsize=8, va="center")
    axes.text(column + 0.94, row + 0.85, n_sends, color=MUTED, fontsize=8, va="center", ha="right")
    axes.set_facecolor(GROUND)


def _most(own: pd.DataFrame, column: str) -> str:
    """Return the commonest word of a column, by sends."""
    sums = own.groupby(column)["n_sends"].sum()
    return str(sums.idxmax()) + (" +" if len(sums) > 1 else "")
