"""What each arm would have brought, persona by persona, estimated from a log with propensities."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from segtool.checks import check_columns, check_number
from segtool.errors import InputError
from segtool.plots.theme import (
    FAINT,
    INK,
    MUTED,
    elide,
    new_figure,
    persona_colours,
    set_ticks,
    themed,
    wrap,
)

COLUMNS = ("persona_id", "persona", "arm", "value", "lo", "hi", "logged", "gate", "n_matched")


@themed
def plot_off_policy(table: pd.DataFrame, *, max_arms: int = 8) -> Figure:
    """Draw the value of each arm in each persona, against what was sent.

    Parameters
    ----------
    table : DataFrame
        As from `segtool.measurement.off_policy.compare_arms`.
    max_arms : int
        Arms per persona, those with the highest values first; arms the log cannot answer for come last.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per persona: dots are estimates, bars their intervals, the dashed line is what was sent.
    """
    check_columns(table.columns, COLUMNS, "table")
    check_number("max_arms", max_arms, low=1, high=40, integer=True)
    if not len(table):
        raise InputError("There is no arm to draw.", "the table of compare_arms.")
    shown = table.sort_values(
        ["persona_id", "value", "arm"], ascending=[True, False, True], na_position="last"
    )
    shown = shown.groupby("persona_id", sort=True).head(max_arms)
    persona_ids = list(dict.fromkeys(shown["persona_id"]))
    n_columns = min(3, len(persona_ids))
    n_rows = -(-len(persona_ids) // n_columns)
    deepest = int(shown.groupby("persona_id").size().max())
    figure, panels = new_figure(
        3.5 * n_columns + 0.6,
        n_rows * (1.15 + 0.34 * deepest),
        "What each arm would have brought",
        "answers per 100 sends if all were sent it; the dashed line: what was sent",
        nrows=n_rows,
        ncols=n_columns,
        sharex=True,
    )
    colours = persona_colours(persona_ids)
    limit = 100 * float(np.nanmax(np.r_[shown["hi"], shown["logged"]])) * 1.05
    for axes, persona_id in zip(panels, persona_ids, strict=False):
        _draw_persona(axes, shown[shown["persona_id"] == persona_id], colours[persona_id], deepest, limit)
    for axes in panels[len(persona_ids) :]:
        axes.set_axis_off()
    return figure


def _draw_persona(axes, rows: pd.DataFrame, colour: str, deepest: int, limit: float) -> None:
    logged = 100 * float(rows["logged"].iloc[0])
    axes.axvline(logged, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    for place, row in enumerate(rows.itertuples()):
        if not row.gate:
            axes.text(
                logged + 0.03 * limit, place, "the log cannot answer", color=MUTED, fontsize=8, va="center"
            )
            continue
        sure = row.lo > row.logged or row.hi < row.logged
        axes.plot(
            [100 * row.lo, 100 * row.hi],
            [place, place],
            color=colour,
            linewidth=2.2,
            alpha=1 if sure else 0.45,
        )
        axes.plot(
            100 * row.value, place, "o", color=colour, markersize=6, markeredgecolor=INK, markeredgewidth=0.4
        )
    set_ticks(axes, "y", [elide(arm, 18) for arm in rows["arm"]])
    axes.set_ylim(deepest - 0.5, -0.5)
    axes.set_xlim(0, limit)
    axes.grid(axis="x", color=FAINT)
    n = int(rows["n_matched"].sum())
    axes.set_title(
        wrap(f"{rows['persona'].iloc[0]} ({n:,} sends)", 34), loc="left", fontsize=10, weight="bold"
    )
    axes.spines[:].set_visible(False)
