"""A picture of what activities did: the lift of each, that of all, and the talk day by day around the start."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from segtool.checks import check_number
from segtool.errors import InputError
from segtool.plots.theme import (
    FAINT,
    GROUND,
    INK,
    MUTED,
    PALETTE,
    UNSURE,
    new_figure,
    set_ticks,
    themed,
    wrap,
)

COLOURS = {"lifted the talk": PALETTE[2], "lowered the talk": PALETTE[5], "no lift shown": UNSURE}
LOW, HIGH = 1 / 8, 16.0  # beyond, an interval is cut: a bar across the picture says no more
TICKS = (0.125, 0.25, 0.5, 1, 2, 4, 8, 16)


@themed
def plot_activities(activities, *, top_k: int = 16) -> Figure:
    """Draw the lift of each activity with its interval, the pooled one, and the days around the start.

    Parameters
    ----------
    activities : Activities
        Read through ``table``, ``curve``, ``overall`` and ``level``.
    top_k : int, default 16
        Activities drawn at most, the latest ones.

    Returns
    -------
    matplotlib.figure.Figure
        Left: times the usual talk while each activity ran, on a log scale. Right: the same day by day, over
        all activities that stand alone; the usual is 1.

    Raises
    ------
    InputError
        If the effect of no activity is known.
    """
    check_number("top_k", top_k, low=1, integer=True)
    told = activities.table.dropna(subset=["lift"]) if len(activities.table) else activities.table
    if told.empty:
        raise InputError(
            "The effect of no activity is known, so there is nothing to draw.",
            "activities in groups that talk, with some weeks before them on record.",
            "see the notes of the activities.",
        )
    shown = told.sort_values(["starts_on", "activity_id"], kind="stable").tail(top_k)
    counts = told["verdict"].value_counts()
    blind = len(activities.table) - len(told)
    left_out = f"; {blind} more cannot be told" if blind else ""
    left_out += f"; the latest {top_k} are drawn" if len(told) > top_k else ""
    figure, axes = new_figure(
        11.2,
        1.9 + 0.34 * max(len(shown), 6),
        f"{counts.get('lifted the talk', 0)} of {len(told)} activities lifted the talk",
        f"Times the usual number of messages, {activities.level:.0%} intervals{left_out}",
        ncols=2,
        width_ratios=[1.25, 1],
    )
    _draw_lifts(axes[0], shown, activities.overall("messages", "during"))
    _draw_days(axes[1], activities.curve)
    return figure


def _draw_lifts(axes, shown: pd.DataFrame, whole: dict | None) -> None:
    labels, places = [], []
    for place, row in enumerate(shown.to_dict("records")):
        _draw_interval(axes, place, row, COLOURS[row["verdict"]], "o")
        labels.append(wrap(f"{row['starts_on'][5:]} {row['group_id']} {row['title']}", 40, lines=1))
        places.append(place)
    if whole is not None:
        places.append(len(shown) + 0.4)
        labels.append(f"all together (n = {whole['n_activities']})")
        _draw_interval(axes, places[-1], whole, INK, "D")
        axes.axhline(len(shown) - 0.3, color=FAINT, lw=1)
    axes.axvline(1, color=MUTED, lw=1.2, zorder=0)
    axes.set_xscale("log")
    axes.set(xlim=(LOW, HIGH), ylim=(places[-1] + 0.7, -0.7))
    set_ticks(axes, "y", labels, places)
    _set_times(axes, "x")
    axes.set_xlabel("times as usual, while it ran")
    axes.spines[["left", "bottom"]].set_visible(False)
    handles = [axes.plot([], [], "o", color=colour, label=verdict)[0] for verdict, colour in COLOURS.items()
               if (shown["verdict"] == verdict).any()]  # fmt: skip
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.4, -0.11 * 6 / max(len(shown), 6) - 0.03),
        ncols=3,
    )


def _draw_interval(axes, place: float, row: dict, colour: str, mark: str) -> None:
    low, high = np.clip([row["lo"], row["hi"]], LOW, HIGH)
    axes.plot([low, high], [place, place], color=colour, lw=2.2, solid_capstyle="butt", zorder=2)
    axes.plot(np.clip(row["lift"], LOW, HIGH), place, mark, color=colour, ms=7, mec=GROUND, mew=0.8, zorder=3)


def _draw_days(axes, curve: pd.DataFrame) -> None:
    told = curve.dropna(subset=["lift"])
    axes.set_title("Day by day around the start, all together")
    if told.empty:
        axes.text(
            0.5,
            0.5,
            "too few messages to tell days apart",
            transform=axes.transAxes,
            ha="center",
            color=MUTED,
        )
        set_ticks(axes, "x", [], [])
        set_ticks(axes, "y", [], [])
    else:
        day = told["day"].to_numpy(dtype=float)
        lift, low, high = (
            np.clip(told[name].to_numpy(dtype=float), LOW, HIGH) for name in ("lift", "lo", "hi")
        )
        axes.axhline(1, color=MUTED, lw=1.2, zorder=1)
        axes.axvline(0, color=FAINT, lw=1.2, zorder=0)
        axes.fill_between(day, low, high, color=PALETTE[0], alpha=0.18, lw=0)
        axes.plot(day, lift, "-o", color=PALETTE[0], ms=3.5, lw=1.6, mec=GROUND, mew=0.4)
        axes.set_yscale("log")
        axes.set_ylim(max(LOW, 0.8 * np.nanmin(low)), min(HIGH, 1.25 * np.nanmax(high)))
        _set_times(axes, "y")
        set_ticks(axes, "x", ["2 weeks\nbefore", "1 week\nbefore", "start", "1 week\nafter", "2 weeks", "3 weeks",
                              "4 weeks"], [-14, -7, 0, 7, 14, 21, 28])  # fmt: skip
    axes.spines[:].set_visible(False)


def _set_times(axes, which: str) -> None:
    """Label a log axis with times, as 1/2 and 4."""
    names = [f"{tick:g}×" if tick >= 1 else f"1/{1 / tick:g}" for tick in TICKS]
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    kept = [(name, tick) for name, tick in zip(names, TICKS, strict=True) if low <= tick <= high]
    set_ticks(axes, which, [name for name, _ in kept], [tick for _, tick in kept])
    set_ticks(axes, which, [], [], minor=True)
