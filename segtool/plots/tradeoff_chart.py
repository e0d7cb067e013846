"""A picture of what variety costs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from segtool.checks import check_columns
from segtool.errors import InputError
from segtool.plots.theme import FAINT, GROUND, INK, MUTED, PALETTE, new_figure, themed

NEEDED = (
    "method",
    "weight",
    "change",
    "change_lo",
    "change_hi",
    "intra_list_diversity",
    "kl_profile",
    "n_users",
)
WAYS = {
    "mmr": "each item unlike those before it",
    "mmr_closest": "each item unlike the nearest before it",
    "calibrate": "the list's topics near the user's own mix",
}
PANELS = {
    "intra_list_diversity": "how varied a list is (1 - mean likeness of two items)",
    "kl_profile": "distance of a list's topics from the user's own mix",
}


@themed
def plot_tradeoff(tradeoff) -> Figure:
    """Draw what lists lose in quality against what they gain in variety, weight by weight.

    Parameters
    ----------
    tradeoff : Tradeoff
        Read through ``table``, ``weight`` and ``suggestion``.

    Returns
    -------
    matplotlib.figure.Figure
        The chosen weight is filled; lines are 90 % intervals of the same users' differences.
    """
    table = tradeoff.table
    check_columns(table.columns, NEEDED, "tradeoff.table")
    table = table.dropna(subset=["change"])
    if table.empty:
        raise InputError(
            "No weight was judged.", "users who did something after the time the scores rest on."
        )
    panels = [name for name in PANELS if table[name].notna().any()]
    method, n_users = str(table["method"].iloc[0]), int(table["n_users"].iloc[0])
    figure, axes = new_figure(
        4.6 * max(len(panels), 1) + 0.4,
        3.6,
        "What variety costs",
        f"{WAYS.get(method, method)}; {n_users:,} users; filled: the safe choice, weight {tradeoff.weight:g}",
        ncols=max(len(panels), 1),
        sharey=True,
    )
    for place, (each, name) in enumerate(zip(axes, panels, strict=False)):
        _draw(each, table, name, tradeoff.weight)
        if place == 0:
            each.set_ylabel("change of the lists' quality (NDCG)")
    return figure


def _draw(axes, table: pd.DataFrame, name: str, chosen: float) -> None:
    x, y = table[name].to_numpy(dtype=float), table["change"].to_numpy(dtype=float)
    axes.axhline(0, color=FAINT, lw=1.2, zorder=0)
    axes.plot(x, y, color=PALETTE[0], lw=1.2, alpha=0.5)
    axes.vlines(x, table["change_lo"], table["change_hi"], color=PALETTE[0], lw=2, alpha=0.35)
    filled = np.isclose(table["weight"], chosen)
    axes.plot(x[~filled], y[~filled], "o", color=GROUND, mec=PALETTE[0], mew=1.5, ms=7)
    axes.plot(x[filled], y[filled], "o", color=PALETTE[0], ms=9)
    for at, height, weight in zip(x, y, table["weight"], strict=True):
        axes.annotate(f"{weight:g}", (at, height), (6, 6), textcoords="offset points", fontsize=9, color=INK)
    if name == "kl_profile":
        axes.invert_xaxis()  # nearer is to the right, as more varied is in the other panel
    axes.set_xlabel(PANELS[name] + " →", color=MUTED)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0 if np.ptp(y) > 0.05 else 1))
    axes.margins(0.12)
