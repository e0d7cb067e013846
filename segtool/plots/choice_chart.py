"""A picture of how the number of personas was chosen: fit, stability, sizes, and the reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from segtool.checks import check_number
from segtool.errors import InputError
from segtool.plots.theme import FAINT, GROUND, INK, MUTED, PALETTE, new_figure, set_ticks, themed, wrap

TRUSTED, VALID = 0.6, 0.75  # Hennig (2007): below not to be relied on, from here on valid
MOSTLY, PREDICTED = 0.5, 0.8  # below, most pairs of users part; above, Tibshirani and Walther's mark
CHOSEN, OTHER = PALETTE[0], PALETTE[5]
SHADE = "#F6F1E7"
MIN_WIDTH = 3.6
LINE_INCHES = 0.19


@themed
def plot_k_choice(personas, *, width: float = 7.2) -> Figure:
    """Draw how the number of personas was chosen: each number's fit, stability, sizes, and why.

    Parameters
    ----------
    personas : Personas
        Read through ``choice()``: columns k, icl, stability, chosen. Of the others (bic, jaccard,
        prediction_strength, min_share, n_filled, passes, recommended, runner_up, reason, change) those
        that are there are drawn.
    width : float
        Inches; from 3.6, for a column of a page, up to a slide.

    Returns
    -------
    matplotlib.figure.Figure
        Numbers that did not pass are pale; one that could not be filled has a cross, not a figure.

    Raises
    ------
    InputError
        When no numbers of personas were compared.
    """
    check_number("width", width, low=MIN_WIDTH, high=30)
    table = personas.choice().sort_values("k").reset_index(drop=True)
    if table.empty:
        raise InputError(
            "No choice of k was kept.", "personas found with n_personas=None, or with compare=True."
        )
    table["filled"] = table["n_filled"] >= table["k"] if "n_filled" in table else True
    table["pale"] = ~table["passes"].astype(bool) if "passes" in table else False
    panels = [draw for column, draw in PANELS.items() if column in table]
    lines = _wrap_all(_say_why(table), _columns(width))
    heights: list[float] = [1.35 if draw is _draw_sizes else 1.75 for draw in panels] + [
        0.4 + LINE_INCHES * len(lines)
    ]
    headline, note = _head(table)
    figure, axes = new_figure(
        width, sum(heights) + 0.25, headline, note,
        nrows=len(heights), sharex=True, gridspec_kw={"height_ratios": heights},
    )  # fmt: skip
    for each, draw in zip(axes, panels, strict=False):
        _shade_chosen(each, table)
        draw(each, table)
    _label_numbers(axes[len(panels) - 1], table)
    _write_lines(axes[-1], lines)
    return figure


def _head(table: pd.DataFrame) -> tuple[str, str]:
    note = f"{len(table)} numbers, each tried on halves of the users"
    if not table["chosen"].any():
        return "How many personas", note
    chosen = table.loc[table["chosen"].astype(bool)].iloc[0]
    if "recommended" in table and not chosen["recommended"]:
        best = int(table.loc[table["recommended"].astype(bool), "k"].iloc[0])
        return f"{chosen['k']} personas, as asked", f"the comparison speaks for {best}; {note}"
    return ("Why no personas" if chosen["k"] == 1 else f"Why {chosen['k']} personas"), note


# --- panels ------------------------------------------------------------------------------------


def _draw_criterion(axes: Axes, table: pd.DataFrame) -> None:
    """ICL as a line, BIC thin beside it; both in thousands."""
    values = (table["cost"] if "cost" in table else table["icl"]).astype(float) / 1000
    dear = "cost" in table and bool((table["cost"] > table["icl"] + 1e-6).any())
    if "bic" in table:
        axes.plot(table["k"], table["bic"].astype(float) / 1000, color=MUTED, lw=1, ls=(0, (2, 2)), zorder=2)
    _draw_line(axes, table, values)
    _write_chosen(axes, table, values, "{:,.1f}")
    also = "; dotted: BIC, blind to users in between" if "bic" in table else ""
    what = "ICL at the price of a persona this curve shows" if dear else "ICL"
    _title(axes, f"How well they describe users: {what}, in thousands, lower is better{also}")
    axes.margins(y=0.22)


def _draw_stability(axes: Axes, table: pd.DataFrame) -> None:
    """One dot per persona: how well it comes back; without those, the agreement of the halves."""
    axes.axhspan(0, TRUSTED, color=SHADE, zorder=0, lw=0)
    axes.axhline(VALID, color=FAINT, lw=1.2, zorder=1)
    axes.set_ylim(0, 1.08)
    axes.set_yticks([0, TRUSTED, VALID, 1], ["0", "60%", "75%", "100%"])
    if "jaccard" not in table:
        _draw_line(axes, table, table["stability"].astype(float))
        _write_chosen(axes, table, table["stability"].astype(float), "{:.2f}")
        _title(axes, "How surely they come back: agreement of refits, 1 = always the same")
        return
    for row in table[table["k"] > 1].itertuples():
        if not row.filled:
            axes.plot(row.k, 0.06, "x", color=OTHER, ms=6, mew=1.6)
            continue
        dots = np.array(row.jaccard.split(), dtype=float)
        beside = row.k + np.linspace(-0.24, 0.24, len(dots))
        colour = CHOSEN if row.chosen else MUTED
        axes.plot(
            beside, dots, "o", color=colour, ms=4.5, mew=1, mfc=GROUND if row.pale else colour, zorder=3
        )
    crosses = "; cross: groups without members" if not table["filled"].all() else ""
    _title(axes, f"How surely each persona comes back, a dot each: from 75% stable, under 60% (shaded) not{crosses}")


def _draw_strength(axes: Axes, table: pd.DataFrame) -> None:
    axes.axhspan(0, MOSTLY, color=SHADE, zorder=0, lw=0)
    axes.axhline(PREDICTED, color=FAINT, lw=1.2, zorder=1)
    several = table[(table["k"] > 1) & table["filled"]]
    axes.plot(several["k"], several["stability"].astype(float), color=MUTED, lw=1, ls=(0, (2, 2)), zorder=2)
    _draw_line(axes, several, several["prediction_strength"].astype(float))
    _write_chosen(axes, several, several["prediction_strength"].astype(float), "{:.2f}")
    axes.set_ylim(0, 1.22)
    axes.set_yticks([0, 0.5, PREDICTED, 1], ["0", "0.5", "0.8", "1"])
    _title(axes, "How one half foretells the other: prediction strength, from 0.8 strong; dotted: their agreement")


def _draw_sizes(axes: Axes, table: pd.DataFrame) -> None:
    several = table[table["k"] > 1] if len(table) > 1 else table  # a bar of 100 % would dwarf the others
    share = several["min_share"].astype(float)
    colours = [CHOSEN if chosen else FAINT for chosen in several["chosen"].astype(bool)]
    axes.bar(several["k"], share, width=0.5, color=colours, zorder=2)
    for k, value in zip(several["k"], share, strict=True):
        if np.isnan(value):  # too few users to tell how many
            continue
        axes.annotate(
            f"{value:.0%}" if value >= 0.095 or value == 0 else f"{value:.1%}", (k, value), (0, 2),
            textcoords="offset points", ha="center", fontsize=8, color=MUTED,
        )  # fmt: skip
    axes.set_ylim(0, 1.35 * max(float(share.fillna(0).max()), 0.01))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    hidden = "; no bar: too few to say" if share.isna().any() else ""
    _title(axes, f"Smallest persona, share of users{hidden}")


PANELS = {
    "icl": _draw_criterion,
    "stability": _draw_stability,
    "prediction_strength": _draw_strength,
    "min_share": _draw_sizes,
}


def _draw_line(axes: Axes, table: pd.DataFrame, values: pd.Series) -> None:
    axes.plot(table["k"], values, color=MUTED, lw=1.6, zorder=2)
    for pale, ground in ((True, GROUND), (False, MUTED)):
        part = table["pale"] == pale
        axes.plot(table["k"][part], values[part], "o", ms=5, color=MUTED, mfc=ground, mew=1.3, zorder=3)


def _write_chosen(axes: Axes, table: pd.DataFrame, values: pd.Series, form: str) -> None:
    picked = table["chosen"].astype(bool)
    axes.plot(table["k"][picked], values[picked], "o", color=CHOSEN, ms=8.5, zorder=4)
    for k, value in zip(table["k"][picked], values[picked], strict=True):
        axes.annotate(
            form.format(value), (k, value), (0, 9), textcoords="offset points", ha="center", va="bottom",
            color=CHOSEN, weight="bold", zorder=5, bbox={"fc": GROUND, "ec": "none", "pad": 1},
        )  # fmt: skip


def _shade_chosen(axes: Axes, table: pd.DataFrame) -> None:
    for k in table.loc[table["chosen"].astype(bool), "k"]:
        axes.axvspan(k - 0.36, k + 0.36, color="#EAF2F8", zorder=0, lw=0)
    axes.set_xlim(float(table["k"].min()) - 0.6, float(table["k"].max()) + 0.6)


def _title(axes: Axes, text: str) -> None:
    """Write a panel's title, on two lines where the figure is narrow."""
    columns = _columns(axes.get_figure().get_figwidth())
    axes.set_title(wrap(text, columns, lines=3), color=MUTED, fontsize=9, loc="left")


def _columns(width: float) -> int:
    """Characters of small print that fit beside the axis of a figure so many inches wide."""
    return round((width - 0.55) * 16)


def _label_numbers(axes: Axes, table: pd.DataFrame) -> None:
    set_ticks(axes, "x", [str(k) for k in table["k"]], table["k"])
    axes.tick_params(labelbottom=True)
    axes.set_xlabel("number of personas")


# --- why ---------------------------------------------------------------------------------------


def _say_why(table: pd.DataFrame) -> list[str]:
    """Return the reason for the number chosen, the next best one, and what kept out the others."""
    if "reason" not in table:
        return []
    best = table[table["recommended"].astype(bool)].iloc[0]
    why = best["reason"].removeprefix("recommended: ")
    said = [] if best["k"] == 1 else [_sentence(table["reason"].iloc[0].partition(": ")[2])]
    said.append(f"{'No personas' if best['k'] == 1 else best['k']}: {why}.")
    for row in table[table["runner_up"].astype(bool)].itertuples():
        said.append(f"Next best, {row.k}: {row.reason}.")
        later = table[table["k"] == max(row.k, best["k"])].iloc[0]
        if best["k"] > 1 and abs(row.k - best["k"]) == 1 and later["change"]:
            said.append(_sentence(later["change"]))
    shown = table["recommended"].astype(bool) | table["runner_up"].astype(bool) | (table["k"] == 1)
    rest = table[~shown]
    for short, rows in rest.groupby(rest["reason"].map(lambda text: text.partition(":")[0]), sort=False):
        said.append(_sentence(f"{short}: {', '.join(map(str, rows['k']))}"))
    return said


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _wrap_all(texts: list[str], columns: int) -> list[str]:
    return [line for text in texts for line in wrap(text, columns, lines=9).split("\n")]


def _write_lines(axes: Axes, lines: list[str]) -> None:
    axes.axis("off")
    style = {"va": "top", "fontsize": 9, "color": INK, "linespacing": 1.35}
    axes.text(0, 1, "\n".join(lines), transform=axes.transAxes, **style).set_in_layout(False)
