"""What grids of cells share: how they are drawn, and the strips that say whose row or column it is."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from segtool.plots.theme import GROUND, shades


def draw_cells(
    axes, values: pd.DataFrame, colours: Sequence[str], limits: tuple[float, float], gap: float, **options
) -> None:
    """Draw a table as coloured cells without a colour bar or axis titles.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    values : pd.DataFrame
        Missing cells stay blank.
    colours : sequence of str
        From low to high.
    limits : (float, float)
        Values at the ends of the colours.
    gap : float
        Points between cells.
    **options
        Of ``seaborn.heatmap``, such as annotations.
    """
    import seaborn as sns

    low, high = limits
    sns.heatmap(
        values, ax=axes, cmap=shades(*colours), vmin=low, vmax=high, cbar=False, linewidths=gap,
        linecolor=GROUND, **options,
    )  # fmt: skip
    axes.set(xlabel="", ylabel="")


def draw_strip(axes, x: Sequence[float], y: Sequence[float], colour: str, width: float) -> None:
    """Draw a strip of a persona's colour along the edge of a grid."""
    axes.plot(x, y, color=colour, lw=width, clip_on=False, solid_capstyle="butt")
