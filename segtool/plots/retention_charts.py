"""Pictures of retention: how long personas stay, cohorts as a triangle, and who came and went."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from segtool.checks import check_in
from segtool.errors import InputError
from segtool.plots.grids import draw_cells
from segtool.plots.theme import (
    FAINT,
    GROUND,
    INK,
    MUTED,
    PALETTE,
    UNSURE,
    elide,
    ink_on,
    new_figure,
    persona_colours,
    set_ticks,
    themed,
)

COHORT_SHADES = ("#F4F7FA", "#BAD4E8", "#5C9AC7", "#12507F")
CAME, BACK, MOVED, LEFT = PALETTE[0], PALETTE[4], FAINT, PALETTE[5]
# What stands above and below the line, with colour and word.
UP = {
    "new": (CAME, "new"),
    "returned": (BACK, "came back"),
    "moved_in": (MOVED, "from another channel"),
    "came": (UNSURE, "came (too few to tell how)"),
}
DOWN = {"lost": (LEFT, "lost"), "moved_out": (MOVED, "to another channel")}
MAX_CURVES = 10
MAX_COHORTS = 26
EVERYONE_ID, NOBODYS_ID = 0, -1
MIN_FOLLOWED = 5  # a step of a curve of fewer tells of one or two people
BANDS_UP_TO = 4  # more bands lie on top of each other and hide the curves


@themed
def plot_retention_curves(retention) -> Figure:
    """Draw the share of users not yet lost, day by day, one curve per persona.

    Parameters
    ----------
    retention : Retention
        Read through ``survival``, ``start`` and ``churn_days``.

    Returns
    -------
    matplotlib.figure.Figure
        Everyone in grey where there are several personas; intervals are drawn for up to four curves. Curves
        end where fewer than five users are followed; dots lead to their names.

    Raises
    ------
    InputError
        If fewer than five users were followed.
    """
    table = retention.survival
    table = table[table["at_risk"] >= MIN_FOLLOWED]
    if table.empty:
        raise InputError(
            f"Fewer than {MIN_FOLLOWED} users were followed, so there is no curve.",
            "users whose coming was seen, or start=.",
        )
    ids = [number for number in dict.fromkeys(table["persona_id"]) if number > 0][:MAX_CURVES]
    ids = ids if len(ids) > 1 else []  # one persona is everyone
    figure, (axes,) = new_figure(8.6, 4.4, "How long users stay", _say_clock(retention, table))
    colours = persona_colours(ids)
    shown = [(EVERYONE_ID, UNSURE), *colours.items()] if ids else [(EVERYONE_ID, CAME)]
    last = float(table["day"].max())
    ends = []
    for number, colour in shown:
        curve = table[table["persona_id"] == number].sort_values("day")
        if curve.empty:
            continue
        axes.step(
            curve["day"], curve["share"], where="post", color=colour, lw=2 if number or not ids else 1.4
        )
        if len(ids) <= BANDS_UP_TO and (number or not ids):
            axes.fill_between(
                curve["day"], curve["lo"], curve["hi"], step="post", color=colour, alpha=0.14, lw=0
            )
        end = (float(curve["day"].iloc[-1]), float(curve["share"].iloc[-1]))
        ends.append((*end, curve["persona"].iloc[0], f" (n = {curve['at_risk'].iloc[0]:,.0f})", colour))
    _write_ends(axes, ends, last)
    axes.set(xlim=(0, max(last, 1)), ylim=(0, 1.02), xlabel=_axis_word(retention))
    set_ticks(axes, "y", ["0 %", "25 %", "50 %", "75 %", "100 %"], [0, 0.25, 0.5, 0.75, 1])
    axes.grid(axis="y")
    return figure


def _say_clock(retention, table: pd.DataFrame) -> str:
    lost = f"lost: silent for more than {retention.churn_days} days"
    since = f"users here on {retention.start}" if retention.start else "from the day a user came"
    n = table.loc[table["persona_id"] == EVERYONE_ID, "at_risk"].max()
    return f"Share not yet lost, {since}; {lost}; n = {n:,.0f}"


def _axis_word(retention) -> str:
    return f"days since {retention.start}" if retention.start else "days since coming"


def _write_ends(axes, ends: list[tuple[float, float, str, str, str]], last: float) -> None:
    """Write each curve's name beside the figure, moved apart where they would overlap, with a line to its end.

    Names give way, not the number of users.
    """
    room, order = 0.062, sorted(range(len(ends)), key=lambda number: ends[number][1])
    places = np.array([ends[number][1] for number in order])
    for _ in range(len(places)):
        for k in range(1, len(places)):
            places[k] = max(places[k], places[k - 1] + room)
        places -= max(0.0, places[-1] - 1.0)
        places = np.maximum(places, np.arange(len(places)) * room)
    for place, number in zip(places, order, strict=True):
        day, share, name, n, colour = ends[number]
        axes.plot([day, last], [share, share], color=colour, lw=0.8, ls=":")
        axes.plot([last, last * 1.02], [share, place], color=colour, lw=1, clip_on=False)
        said = elide(name, 40 - len(n)) + n
        axes.text(last * 1.03, place, said, color=INK, va="center", fontsize=9)


@themed
def plot_cohorts(retention, *, persona: str | None = None) -> Figure:
    """Draw cohorts as a triangle: who came together, and how many of them were there again later.

    Parameters
    ----------
    retention : Retention
        Read through ``cohorts`` and ``period``.
    persona : str, optional
        Everyone when not given.

    Returns
    -------
    matplotlib.figure.Figure
        Cells that are not over yet are empty, never 0.

    Raises
    ------
    InputError
        If there is no cohort to draw.
    """
    table = retention.cohorts
    name = persona or "everyone"
    check_in("persona", name, list(dict.fromkeys(table["persona"])) or ["everyone"])
    rows = table[table["persona"] == name]
    if rows.empty:
        raise InputError("There is no cohort whose first age is over.", "users whose coming was seen.")
    cohorts = sorted(rows["cohort"].unique())[-MAX_COHORTS:]
    grid = rows.pivot(index="cohort", columns="age", values="share").reindex(cohorts)
    grid = grid.loc[:, grid.notna().any()]
    sizes = rows.groupby("cohort")["n_users"].max().reindex(cohorts)
    step = {"week": "week", "month": "30 days"}[retention.period]
    figure, (axes,) = new_figure(
        2.2 + 0.62 * max(grid.shape[1], 7),
        0.7 + 0.32 * len(cohorts),
        f"Who comes again: {elide(name, 40)}",
        f"Share of each cohort active in each {step} of its own; empty: not over yet",
    )
    draw_cells(axes, grid, COHORT_SHADES, (0, 1), 1.2)
    _write_shares(axes, grid)
    set_ticks(axes, "y", [f"{day}   n = {n:,}" for day, n in sizes.items()], np.arange(len(cohorts)) + 0.5)
    set_ticks(axes, "x", [str(age) for age in grid.columns], np.arange(grid.shape[1]) + 0.5, rotation=0)
    axes.tick_params(axis="y", rotation=0)
    axes.set_xlabel(
        {"week": "weeks since coming", "month": "months of 30 days since coming"}[retention.period]
    )
    return figure


def _write_shares(axes, grid: pd.DataFrame) -> None:
    from matplotlib.colors import to_hex

    from segtool.plots.theme import shades

    colour_of = shades(*COHORT_SHADES)
    for (row, column), share in np.ndenumerate(grid.to_numpy(dtype=float)):
        if np.isfinite(share):
            ink = ink_on(to_hex(colour_of(share)).upper())
            axes.text(
                column + 0.5, row + 0.5, f"{share:.0%}", ha="center", va="center", color=ink, fontsize=8.5
            )


@themed
def plot_flow(retention, *, persona: str | None = None, channel: str = "all") -> Figure:
    """Draw who came, came back and was lost in each period, and how many were here at its end.

    Parameters
    ----------
    retention : Retention
        Read through ``flow``, ``period`` and ``churn_days``.
    persona : str, optional
        Everyone when not given.
    channel : str, default "all"
        That of the users' latest activity.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table = retention.flow
    name = persona or "everyone"
    check_in("persona", name, list(dict.fromkeys(table["persona"])))
    check_in("channel", channel, list(dict.fromkeys(table["channel"])))
    rows = table[(table["persona"] == name) & (table["channel"] == channel)].sort_values("period")
    if rows.empty:
        raise InputError("There is no flow of this persona and channel.", "a persona and channel of flow.")
    of = elide(name, 40) + ("" if channel == "all" else f", {elide(channel, 24)}")
    figure, (stock, moves) = new_figure(
        max(6.4, 1.4 + 0.62 * len(rows)),
        5.0,
        f"Who is here, who came and who went: {of}",
        f"Here at the end of each {retention.period}; lost: silent for more than {retention.churn_days} days",
        nrows=2,
        sharex=True,
        height_ratios=[1, 2],
    )
    _draw_stock(stock, rows)
    _draw_moves(moves, rows)
    words = [f"{period:%d %b %Y}" + ("" if whole else "*") for period, whole in
             zip(pd.to_datetime(rows["period"]), rows["complete"], strict=True)]  # fmt: skip
    set_ticks(
        moves, "x", words, rotation=45 if len(rows) > 6 else 0, ha="right" if len(rows) > 6 else "center"
    )
    if not rows["complete"].all():
        moves.set_xlabel(f"* not a whole {retention.period}")
    return figure


def _draw_stock(axes, rows: pd.DataFrame) -> None:
    places = np.arange(len(rows))
    closing = rows["closing"].to_numpy(dtype=float, na_value=np.nan)
    axes.plot(places, closing, "o-", color=INK, lw=1.8, ms=5, mec=GROUND)
    for place, n in zip(places, closing, strict=True):
        if np.isfinite(n):
            axes.annotate(
                f"{n:,.0f}", (place, n), (0, 7), textcoords="offset points", ha="center", fontsize=9
            )
    axes.set_ylim(0, max(np.nanmax(closing, initial=1.0), 1) * 1.22)
    axes.set_ylabel("here at\nthe end", rotation=0, ha="right", va="center")
    axes.grid(axis="y")
    axes.spines[:].set_visible(False)
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))


def _draw_moves(axes, rows: pd.DataFrame) -> None:
    places = np.arange(len(rows))
    counts = _count_sides(rows)
    up, down = ([kind for kind in kinds if kind in counts] for kinds in (UP, DOWN))
    top = max(counts[up].sum(axis=1).max(), counts[down].sum(axis=1).max(), 1)
    for kinds, sign in ((UP, 1), (DOWN, -1)):
        base = np.zeros(len(rows))
        for kind, (colour, word) in kinds.items():
            n = counts[kind].to_numpy(dtype=float)
            if not n.any():
                continue
            axes.bar(places, sign * n, bottom=sign * base, color=colour, width=0.62, label=word)
            for place in places[n >= 0.1 * top]:
                middle = sign * (base[place] + n[place] / 2)
                axes.text(place, middle, f"{n[place]:,.0f}", ha="center", va="center", fontsize=8.5,
                          color=ink_on(colour))  # fmt: skip
            base += n
    axes.axhline(0, color=MUTED, lw=1)
    axes.set_ylim(-1.08 * top, 1.32 * top)
    if counts.to_numpy().any():
        axes.legend(loc="upper left", ncols=5, fontsize=9, handlelength=1, borderaxespad=0)
    set_ticks(axes, "y", ["went", "came"], [-0.5 * top, 0.5 * top])
    axes.tick_params(axis="y", length=0)
    axes.spines[:].set_visible(False)


def _count_sides(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what is stacked above and below the line.

    Where the new and those who came back are blank, their sum is left, if the stocks and losses are told.
    """
    told = rows.reset_index(drop=True)
    blank = told[["new", "returned", "moved_in"]].isna().any(axis=1)
    came = told["closing"] - told["opening"] + told["lost"] + told["moved_out"]
    counts = told[[kind for kind in (*UP, *DOWN) if kind in told]].copy()
    for kind in UP:
        if kind in counts:
            counts[kind] = counts[kind].mask(blank, 0)
    counts["came"] = came.where(blank, 0)
    return counts.fillna(0).astype(float)
