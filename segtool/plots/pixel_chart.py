"""Pictures of pixel labels: how much more people than chance pairing would give."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from segtool.checks import check_number
from segtool.errors import InputError
from segtool.plots.theme import FAINT, GROUND, INK, MUTED, PALETTE, new_figure, set_ticks, themed, wrap

TICKS = (1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)


@themed
def plot_pixels(pixels, *, top_k: int = 20) -> Figure:
    """Draw the lift of each pixel label, its range over halves of the users, and how many people it is.

    Parameters
    ----------
    pixels : Pixels
        Read through ``to_pandas()``; drawn in its order.
    top_k : int
        How many are drawn.

    Returns
    -------
    matplotlib.figure.Figure
        A dot is the lift, its line the range from the worst to the best half of the users; a hollow
        dot is pinned and fails its tests. Pixels of too few people have no dot.

    Raises
    ------
    InputError
        When there is nothing to draw.
    """
    check_number("top_k", top_k, low=1, integer=True)
    table = pixels.to_pandas().head(top_k).reset_index(drop=True)
    if table.empty:
        raise InputError("There are no pixel labels to draw.", "at least one that was found or pinned.")
    more = f" The first {len(table)} of {len(pixels)}." if len(pixels) > len(table) else ""
    figure, (axes,) = new_figure(
        10.6,
        0.75 + 0.44 * len(table),
        "Who there is more of than chance pairing would give",
        f"Users with all parts ÷ what the best split of the parts gives by chance; line: worst and best half.{more}",
    )
    _draw_lifts(axes, table)
    set_ticks(axes, "y", [wrap(text, 62) for text in table["pixel"]], fontsize=9)
    axes.set(ylim=(len(table) - 0.4, -0.9))
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return figure


def _draw_lifts(axes, table: pd.DataFrame) -> None:
    shown = table[table["lift"].notna()]
    high = max(float(shown["lift_high"].max()) if len(shown) else 2.0, 2.0)
    low = min(float(shown[["lift_low", "lift"]].min().min()) if len(shown) else 1.0, 1.0)
    low = max(low, 0.25) / 1.05
    for place in table.index:
        axes.axhline(place, color=FAINT, lw=0.6, zorder=0)
    axes.axvline(1, color=MUTED, lw=1)
    axes.text(1, -0.75, " chance", color=MUTED, fontsize=8.5, va="center")
    for place, row in shown.iterrows():
        fails = row["status"] == "pinned, fails"
        axes.plot([max(row["lift_low"], low), row["lift_high"]], [place, place], color=PALETTE[4], lw=4.5,
                  solid_capstyle="round", zorder=2)  # fmt: skip
        axes.plot([max(row["lift"], low)], [place], "o", ms=7, color=PALETTE[0], zorder=3,
                  markerfacecolor=GROUND if fails else PALETTE[0])  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(low, high * 1.04)
    ticks = [tick for tick in (0.25, 0.5, *TICKS) if low <= tick <= high * 1.04]
    set_ticks(axes, "x", [f"{tick:g} ×" for tick in ticks], ticks)
    axes.set_xticks([], minor=True)
    place_by_row = axes.get_yaxis_transform()
    for place, row in table.iterrows():
        axes.text(1.012, place, _say_row(row), transform=place_by_row, va="center", fontsize=9, color=INK)
    heading = "people, of those known"
    axes.text(1.012, -0.75, heading, transform=place_by_row, va="center", fontsize=8.5, color=MUTED)


def _say_row(row: pd.Series) -> str:
    mark = "" if row["status"] == "found" else f" ({row['status']})"
    if pd.isna(row["n_users"]):
        return f"too few to show{mark}"
    share = f"{row['share']:.1%}" if row["share"] >= 0.001 else "under 0.1%"
    return f"{int(row['n_users']):,} ({share}){mark}"
