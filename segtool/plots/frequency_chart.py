"""How often: what a week brings at each number of sends, and where the caps cut."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from segtool.checks import check_columns
from segtool.errors import InputError
from segtool.plots.theme import FAINT, GROUND, INK, MUTED, elide, new_figure, persona_colours, themed, wrap

COLUMNS = ("persona_id", "persona", "channel", "per_week", "value", "lo", "hi", "flat", "capped")
MOST_PERSONAS, ACROSS = 12, 3


@themed
def plot_frequency(plan) -> Figure:
    """Draw what sending so many times a week brings, persona by persona.

    Parameters
    ----------
    plan : Plan or FrequencyPlan
        Of a plan its ``parts.frequency`` is read. From there, ``curve``: persona_id, persona, channel, per_week,
        value (answers a week and user, opt-outs and costs taken off), lo, hi, flat, capped; and ``table``:
        persona_id, weekly_cap, best, best_lo, best_hi.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per persona: the value with its interval, the flat region in which the number of sends
        hardly matters, the number that brings most, and what the cap cuts off.

    Raises
    ------
    InputError
        Where nothing is known of frequency; the plan's notes say why.
    """
    frequency = plan.parts.frequency if hasattr(plan, "parts") else plan
    curve, table = frequency.curve, frequency.table
    if not len(curve):
        raise InputError(
            "What frequency does is not known for any persona; the notes of the plan say why.",
            "sends whose frequency varied, with their answers.",
            "See design_frequency_experiment.",
        )
    check_columns(curve.columns, COLUMNS, "the curve of frequencies")
    persona_ids = list(dict.fromkeys(curve["persona_id"]))[:MOST_PERSONAS]
    across = min(ACROSS, len(persona_ids))
    down = -(-len(persona_ids) // across)
    figure, panels = new_figure(
        max(3.5 * across + 0.6, 7.2), 2.6 * down, "What sending more often brings",
        "Answers a week and user, opt-outs and costs taken off; shaded column: nearly the same; hatched: above the cap",
        nrows=down, ncols=across,
    )  # fmt: skip
    colours = persona_colours(persona_ids)
    rows = table.set_index("persona_id")
    for axes, persona_id in zip(panels, persona_ids, strict=False):
        own = curve[curve["persona_id"] == persona_id]
        _draw_curve(axes, own, rows.loc[persona_id], colours[persona_id])
    for axes in panels[len(persona_ids) :]:
        axes.set_visible(False)
    return figure


def _draw_curve(axes, curve: pd.DataFrame, row: pd.Series, colour: str) -> None:
    x, value = curve["per_week"].to_numpy(dtype=float), curve["value"].to_numpy(dtype=float)
    flat = x[curve["flat"].to_numpy(dtype=bool)]
    if len(flat):
        axes.axvspan(flat[0] - 0.35, flat[-1] + 0.35, color=FAINT, alpha=0.55, lw=0, zorder=0)
    axes.axhline(0, color=MUTED, lw=1, zorder=1)
    axes.fill_between(x, curve["lo"], curve["hi"], color=colour, alpha=0.18, lw=0)
    axes.plot(x, value, color=colour, lw=1.8)
    best = float(row["best"])
    axes.plot(best, value[np.flatnonzero(x == best)], "o", ms=7, color=colour, mec=GROUND, mew=1.2)
    _draw_cap(axes, float(row["weekly_cap"]), best, x[-1])
    low, high = float(curve["lo"].min()), float(curve["hi"].max())
    room = (high - low) or 1.0
    axes.set(xlim=(0, x[-1] + 0.5), ylim=(low - 0.06 * room, high + 0.3 * room))
    axes.set_xticks(x[:: max(1, len(x) // 8)])
    axes.xaxis.set_major_formatter(lambda number, _: f"{number:g}")
    axes.set_xlabel(f"sends a week on {elide(str(row['channel']).replace('_', ' '), 20)}")
    axes.set_title(wrap(row["persona"], 32), color=INK, fontsize=10, weight="bold")
    axes.text(
        0.03, 0.97, f"{best:g} a week ({row['best_lo']:g} to {row['best_hi']:g})", transform=axes.transAxes,
        va="top", fontsize=8.5, color=INK,
    )  # fmt: skip
    axes.grid(True, axis="y")


def _draw_cap(axes, cap: float, best: float, last: float) -> None:
    """Hatch what is above a cap that some rule sets; one at the best itself is no cut."""
    if not cap < last + 0.5 or cap == best:
        return
    axes.axvspan(cap, last + 0.5, facecolor=GROUND, alpha=0.5, hatch="////", edgecolor=MUTED, lw=0, zorder=2)
    axes.axvline(cap, color=MUTED, lw=1.2, ls=(0, (4, 3)), zorder=3)
    axes.text(cap, 0.8, f" cap {cap:g} ", transform=axes.get_xaxis_transform(), fontsize=8.5, color=INK, zorder=4,
              ha="right", va="top")  # fmt: skip
