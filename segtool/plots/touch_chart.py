"""Picture of touches: the chance to act at each, and what the mean among those who acted makes of it."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from segtool.checks import check_columns
from segtool.errors import InputError
from segtool.plots.theme import FAINT, INK, MUTED, PALETTE, new_figure, set_ticks, themed

ACT = {"action": "act", "answer": "answer"}


@themed
def plot_touches(touches) -> Figure:
    """Draw the chance to act at each touch, and the mean touch of those who acted under other caps.

    Parameters
    ----------
    touches : TouchPlan
        Read through ``hazard`` (touch, at_risk, hazard, lo, hi, base), ``caps`` (cap, converters_mean),
        ``outcome`` and ``best_touches``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If no hazard was estimated.
    """
    table = touches.hazard
    check_columns(table.columns, ["touch", "at_risk", "hazard", "lo", "hi", "base"], "touches.hazard")
    if table.empty:
        raise InputError(
            "No chance to act per touch was estimated.", "sends, and at least 20 that were acted on."
        )
    act = ACT.get(touches.outcome, "act")
    n = int(table["at_risk"].iloc[0])
    figure, (left, right) = new_figure(
        11.6,
        3.7,
        f"How many {act} at each touch, of those who have not yet",
        f"{n:,} users; bars: intervals, wider where fewer are still sent to",
        ncols=2,
        width_ratios=[7, 3.4],
    )
    _draw_hazard(left, table, touches.best_touches)
    _draw_caps(right, touches.caps, act)
    return figure


def _draw_hazard(axes, table, best) -> None:
    axes.vlines(table["touch"], table["lo"], table["hi"], color=PALETTE[0], lw=5, alpha=0.3)
    axes.plot(table["touch"], table["hazard"], "o", color=PALETTE[0], ms=6, label="after a send")
    if table["base"].notna().any():
        axes.plot(
            table["touch"], table["base"], color=MUTED, lw=1.5, ls="--", label="expected from own history"
        )
        axes.legend(loc="upper right")
    axes.set_ylim(0, table["hi"].max() * 1.25)
    if best is not None and best < table["touch"].max():
        axes.axvline(best + 0.5, color=FAINT, lw=1.5, zorder=0)
        place = (best + 0.5, table["hi"].max() * 1.23)
        axes.annotate(f"last worth its price: {best} ", place, ha="right", va="top", fontsize=9)
    axes.set_title("Share who do, of those still at it", color=INK, fontsize=10)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0 if table["hi"].max() > 0.1 else 1))
    ticks = table["touch"] if len(table) <= 12 else table["touch"][(table["touch"] % 2) == 1]
    set_ticks(axes, "x", [f"{number}" for number in ticks], list(ticks))
    axes.set_xlabel("touch, from a person's first")
    axes.grid(axis="y")


def _draw_caps(axes, caps, act: str) -> None:
    axes.set_title(f"Mean touch of those who {act}, under other caps", color=INK, fontsize=10)
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    if caps.empty:
        axes.set_yticks([])
        axes.text(0.5, 0.5, "too few touches", ha="center", color=MUTED, transform=axes.transAxes)
        return
    axes.barh(range(len(caps)), caps["converters_mean"], height=0.56, color=PALETTE[4])
    for place, mean in enumerate(caps["converters_mean"]):
        axes.text(mean, place, f" {mean:.1f}", va="center", fontsize=10)
    set_ticks(axes, "y", [f"at most {cap:.0f}" for cap in caps["cap"]], range(len(caps)))
    axes.set_xlim(0, caps["converters_mean"].max() * 1.2)
    axes.set_ylim(len(caps) - 0.4, -0.6)
