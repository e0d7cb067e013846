"""A picture of whether confidences come true."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.figure import Figure

from segtool.checks import check_columns
from segtool.errors import InputError
from segtool.plots.theme import FAINT, INK, MUTED, PALETTE, elide, new_figure, themed

MAX_COLUMNS = 3
NEEDED = ("group", "n", "mean_confidence", "share_right", "lo", "hi", "n_group", "error")


@themed
def plot_reliability(table: pd.DataFrame) -> Figure:
    """Draw stated confidence against the share that came true, one panel per source.

    Parameters
    ----------
    table : pd.DataFrame
        As `reliability_diagram` returns it.

    Returns
    -------
    matplotlib.figure.Figure
        On the diagonal, confidences come true; below it they boast, above it they are too modest. The
        area of a dot is the share of claims in its bin, its line the 95 % interval.

    Raises
    ------
    InputError
        When nothing was judged.
    """
    check_columns(table.columns, NEEDED, "the reliability diagram")
    if table.empty:
        raise InputError("No claim was judged.", "claims about users and labels of which the truth is known.")
    groups = list(dict.fromkeys(table["group"]))
    columns = 2 if len(groups) == 4 else min(len(groups), MAX_COLUMNS)
    rows = math.ceil(len(groups) / columns)
    n = int(table.drop_duplicates("group")["n_group"].sum())
    figure, panels = new_figure(
        max(3.3 * columns, 6.6),
        3.2 * rows,
        "Do confidences come true?",
        f"{n:,} claims against the truth; below the line they boast",
        nrows=rows,
        ncols=columns,
        sharex=True,
        sharey=True,
    )
    for axes, group in zip(panels, groups, strict=False):
        _draw_group(axes, table[table["group"] == group], str(group))
    for axes in panels[len(groups) :]:
        axes.set_visible(False)
    for place, axes in enumerate(panels[: len(groups)]):
        if place + columns >= len(groups):
            axes.set_xlabel("stated confidence")
            axes.tick_params(labelbottom=True)
        if place % columns == 0:
            axes.set_ylabel("came true")
    return figure


def _draw_group(axes, part: pd.DataFrame, name: str) -> None:
    axes.plot([0, 1], [0, 1], color=FAINT, lw=1.5, zorder=1)
    axes.vlines(part["mean_confidence"], part["lo"], part["hi"], color=INK, lw=1.2, alpha=0.6, zorder=2)
    sizes = 20 + 260 * part["n"] / part["n_group"]
    axes.scatter(
        part["mean_confidence"], part["share_right"], s=sizes, color=PALETTE[0], zorder=3, linewidths=0
    )
    axes.set_title(elide(name, 24), loc="left", fontsize=11)
    said = f"{int(part['n_group'].iloc[0]):,} claims, error {part['error'].iloc[0]:.3f}"
    axes.text(0.97, 0.04, said, transform=axes.transAxes, ha="right", fontsize=9, color=MUTED)
    ticks = [0, 0.25, 0.5, 0.75, 1]
    axes.set(xlim=(-0.02, 1.03), ylim=(-0.02, 1.03), xticks=ticks, yticks=ticks)
    axes.set_xticklabels([f"{tick:.0%}" for tick in ticks])
    axes.set_yticklabels([f"{tick:.0%}" for tick in ticks])
