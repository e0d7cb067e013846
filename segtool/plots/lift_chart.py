"""What a test found: each persona's effect as it was seen, and what is left of it, around everyone's."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from segtool.checks import check_columns, check_in
from segtool.errors import InputError
from segtool.plots.theme import (
    FAINT,
    GROUND,
    INK,
    MUTED,
    UNSURE,
    new_figure,
    persona_colours,
    set_ticks,
    themed,
    wrap,
)

NEEDED = (
    "persona_id", "persona", "metric", "arm", "n_treated", "n_control", "raw", "raw_lo", "raw_hi",
    "estimate", "lo", "hi", "verdict",
)  # fmt: skip
# Verdicts that say something was found; the others are drawn open.
FOUND = ("proved by test", "harm")


@themed
def plot_lift(lift, *, metric: str | None = None, arm: str | None = None) -> Figure:
    """Draw each persona's effect, as seen and as shrunk, with intervals and the line of everyone.

    Parameters
    ----------
    lift : Lift
        Read through ``table``, ``overall``, ``heterogeneity``, ``primary`` and ``confidence``.
    metric, arm : str, optional
        The primary metric and the first arm where not given.

    Returns
    -------
    matplotlib.figure.Figure
        One row per persona, the largest shrunk effect first; filled: a verdict was reached.

    Raises
    ------
    InputError
        If the test was not read by persona.
    """
    metric = check_in("metric", metric or lift.primary, list(dict.fromkeys(lift.overall["metric"])))
    arms = list(dict.fromkeys(lift.overall["arm"]))
    arm = check_in("arm", arm or arms[0], arms)
    rows = _picked(lift.table, metric, arm).dropna(subset=["estimate"])
    if rows.empty:
        raise InputError("The test was not read by persona.", "a lift with personas.")
    check_columns(rows.columns, NEEDED, "lift.table")
    rows = rows.sort_values(["estimate", "persona"], ascending=[False, True])
    everyone = _picked(lift.overall, metric, arm).iloc[0]
    says = _picked(lift.heterogeneity, metric, arm)["says"].iloc[0]
    figure, (axes,) = new_figure(
        9.6,
        1.3 + 0.62 * len(rows),
        f"What {arm} did to {metric.replace('_', ' ')}",
        f"Difference from control per user, {lift.confidence:.0%} intervals; {says}",
    )
    _draw_everyone(axes, everyone)
    _draw_personas(axes, rows)
    _label(axes, rows, everyone)
    return figure


def _picked(table: pd.DataFrame, metric: str, arm: str) -> pd.DataFrame:
    return table[(table["metric"] == metric) & (table["arm"] == arm)]


def _draw_everyone(axes, everyone) -> None:
    axes.axvline(0, color=FAINT, lw=1.5, zorder=0)
    if np.isfinite(everyone["lo"]):
        axes.axvspan(everyone["lo"], everyone["hi"], color=UNSURE, alpha=0.18, lw=0, zorder=0)
    axes.axvline(everyone["estimate"], color=MUTED, lw=1.2, ls=(0, (4, 3)), zorder=1)


def _draw_personas(axes, rows: pd.DataFrame) -> None:
    colours = persona_colours(rows["persona_id"])
    for place, row in enumerate(rows.to_dict("records")):
        colour = colours[int(row["persona_id"])]
        above, below = place - 0.16, place + 0.14
        axes.hlines(above, row["raw_lo"], row["raw_hi"], color=UNSURE, lw=1.6)
        axes.plot(row["raw"], above, "o", ms=5, mfc=GROUND, mec=UNSURE, mew=1.4)
        axes.hlines(below, row["lo"], row["hi"], color=colour, lw=5, alpha=0.35)
        found = row["verdict"] in FOUND
        axes.plot(row["estimate"], below, "o", ms=8, mfc=colour if found else GROUND, mec=colour, mew=1.6)
    axes.set_ylim(len(rows) - 0.45, -0.55)


def _label(axes, rows: pd.DataFrame, everyone) -> None:
    names = [
        f"{wrap(row['persona'], 34, lines=1)}\n{row['n_treated']:,} users, {row['n_control']:,} in control"
        for row in rows.to_dict("records")
    ]
    set_ticks(axes, "y", names, fontsize=9)
    _limit(axes, rows, everyone)
    for place, row in enumerate(rows.to_dict("records")):
        axes.text(
            1.01, place, row["verdict"], transform=axes.get_yaxis_transform(), va="center", fontsize=9,
            color=INK if row["verdict"] in FOUND else MUTED, weight="bold" if row["verdict"] in FOUND else None,
        )  # fmt: skip
    marks = [
        Line2D([], [], color=UNSURE, marker="o", mfc=GROUND, mec=UNSURE, lw=1.6, ms=5, label="as seen"),
        Line2D([], [], color=MUTED, marker="o", lw=5, ms=7, alpha=0.6, label="what is left of it (shrunk)"),
        Line2D([], [], color=MUTED, lw=1.2, ls=(0, (4, 3)), label=f"everyone ({_n_users(everyone):,} users)"),
    ]
    axes.legend(handles=marks, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=9, handlelength=1.8)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.grid(axis="x")


def _n_users(row) -> int:
    return int(row["n_treated"] + row["n_control"])


def _limit(axes, rows: pd.DataFrame, everyone) -> None:
    """Show all shrunk intervals; a persona of three may run out of the picture with its raw one."""
    shown = pd.concat([rows[["lo", "hi", "estimate"]].stack(), pd.Series([0.0, everyone["estimate"]])])
    for name in ("raw", "raw_lo", "raw_hi"):
        big = rows.loc[rows["n_control"] + rows["n_treated"] >= rows["n_control"].sum() / 20, name]
        shown = pd.concat([shown, big])
    low, high = shown.min(), shown.max()
    margin = (high - low) * 0.06 or 1.0
    axes.set_xlim(low - margin, high + margin)
