"""Pictures of the plan: what each persona asks for, when it is there, and how far along it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from segtool.checks import check_columns, check_number
from segtool.errors import InputError
from segtool.plots.grids import draw_cells, draw_strip
from segtool.plots.theme import (
    FAINT,
    GROUND,
    INK,
    MUTED,
    elide,
    new_figure,
    persona_colours,
    set_ticks,
    themed,
    wrap,
)

HOURS = tuple(f"{hour:02d}" for hour in range(24))
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# From light to dark in even steps of lightness, so that it reads in grey and for the colour-blind.
STAGE_COLOURS = ("#D6E6F2", "#A6CBE3", "#6FA8D0", "#3A7DB5", "#12507F", "#0B3555", "#061C2E")
TIME_SHADES = ("#F4F7FA", "#BAD4E8", "#5C9AC7", "#12507F")
LEGEND_COLUMNS = 7
# Users at no stage stand apart from the ladder, in greys.
ASIDE = {"lapsed": "#C5CCD2", "unknown": "#E4E8EB"}
TOPIC_COLUMNS = ("persona", "topic", "estimate", "lo", "hi")
LIFT_LIMITS = (1 / 8, 32)  # beyond, a lift is the noise of a rare topic
LIFT_TICKS = {"⅛": 0.125, "¼": 0.25, "½": 0.5, "1×": 1, "2×": 2, "4×": 4, "8×": 8, "16×": 16, "32×": 32}


@themed
def plot_topics(plan, *, top_k: int = 5) -> Figure:
    """Draw the topics each persona asks for most, with how sure that is.

    Parameters
    ----------
    plan : Plan
        Read through ``table``, so that figure and plan name the same topics in the same order, or,
        where no row of it has an interval, ``topics``: persona_id, persona, topic, estimate, lo, hi
        (lift over everyone).
    top_k : int
        Topics per persona.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per persona; the bars are the intervals of the estimates.
    """
    check_number("top_k", top_k, low=1, high=30, integer=True)
    best = _planned_topics(plan, top_k)
    if best.empty and plan.topics["persona_id"].nunique() == 1 and "share" in plan.topics:
        return _draw_popular(plan.topics, top_k)
    if best.empty:
        best = _top_topics(plan.topics, top_k)
    if best.empty:
        raise InputError("No topic has an estimate.", "events with topics, or a content table.")
    persona_ids = list(dict.fromkeys(best["persona_id"]))
    n_columns = min(3, len(persona_ids))
    n_rows = -(-len(persona_ids) // n_columns)
    deepest = best.groupby("persona_id").size().max()
    figure, panels = new_figure(
        3.5 * n_columns + 0.6,
        n_rows * (0.95 + 0.3 * deepest),
        "What each persona asks for",
        "× everyone's share of attention; a line right of 1×: clearly more than everyone",
        nrows=n_rows,
        ncols=n_columns,
        sharex=True,
    )
    colours = persona_colours(persona_ids)
    for axes, persona_id in zip(panels, persona_ids, strict=False):
        _draw_topics(axes, best[best["persona_id"] == persona_id], colours[persona_id], deepest)
    _set_lifts(panels, best)
    for axes in panels[len(persona_ids) :]:
        axes.set_visible(False)
    return figure


def _draw_popular(topics: pd.DataFrame, top_k: int) -> Figure:
    """Draw what everyone does most: one group has nobody to be compared with."""
    best = topics.sort_values(["share", "topic"], ascending=[False, True]).head(top_k)
    figure, (axes,) = new_figure(
        7.0, 0.95 + 0.34 * len(best), "What people do most", "share of all activity, with its interval"
    )
    places, colour = np.arange(len(best)), persona_colours([1])[1]
    axes.hlines(places, best["share_lo"], best["share_hi"], color=colour, lw=5, alpha=0.35)
    axes.plot(best["share"], places, "o", color=colour, ms=7, mec=GROUND, mew=1)
    axes.set_xlim(0, None)
    axes.set_ylim(len(best) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    set_ticks(axes, "y", [elide(str(topic).replace("_", " "), 24) for topic in best["topic"]], places)
    axes.spines[:].set_visible(False)
    return figure


def _planned_topics(plan, top_k: int) -> pd.DataFrame:
    """Return each persona's first topics in the order of the plan."""
    table = getattr(plan, "table", None)
    if table is None:
        return pd.DataFrame()
    check_columns(table.columns, ["persona_id", "rank", *TOPIC_COLUMNS], "plan.table")
    known = table.dropna(subset=["estimate", "lo", "hi"]).sort_values(["persona_id", "rank"])
    return known.groupby("persona_id").head(top_k)


def _top_topics(table: pd.DataFrame, top_k: int) -> pd.DataFrame:
    """Return each persona's first topics by the lower bound: a promise kept, not a record claimed."""
    check_columns(table.columns, ["persona_id", *TOPIC_COLUMNS], "plan.topics")
    known = table.dropna(subset=["estimate", "lo", "hi"])
    order = known.sort_values(["persona_id", "lo", "topic"], ascending=[True, False, True])
    return order.groupby("persona_id").head(top_k)


def _draw_topics(axes, rows: pd.DataFrame, colour: str, n_places: int) -> None:
    places = np.arange(len(rows))
    low, high = (rows[name].clip(*LIFT_LIMITS) for name in ("lo", "hi"))
    axes.axvline(1, color=FAINT, lw=1.5, zorder=0)
    axes.hlines(places, low, high, color=colour, lw=5, alpha=0.35)
    axes.plot(rows["estimate"].clip(*LIFT_LIMITS), places, "o", color=colour, ms=7, mec=GROUND, mew=1)
    axes.set_ylim(n_places - 0.4, -0.6)
    set_ticks(axes, "y", [elide(str(topic).replace("_", " "), 20) for topic in rows["topic"]], places)
    axes.set_title(wrap(rows["persona"].iloc[0], 32), color=INK, fontsize=10, weight="bold")
    axes.spines[:].set_visible(False)


def _set_lifts(panels, best: pd.DataFrame) -> None:
    """Give all panels one logarithmic scale, no wider than the intervals need."""
    low = min(LIFT_TICKS["½"], best["lo"].clip(*LIFT_LIMITS).min())
    high = max(LIFT_TICKS["2×"], best["hi"].clip(*LIFT_LIMITS).max())
    ticks = {text: place for text, place in LIFT_TICKS.items() if low <= place <= high * 1.01}
    for axes in panels:
        axes.set_xscale("log")
        axes.set_xlim(low * 0.93, high * 1.07)
        axes.minorticks_off()
        set_ticks(axes, "x", list(ticks), list(ticks.values()))
        axes.xaxis.set_tick_params(labelbottom=True)


@themed
def plot_send_times(plan) -> Figure:
    """Draw when each persona is there: hours of the day and days of the week.

    Parameters
    ----------
    plan : Plan
        Read through ``send_times``: persona_id, persona, kind ("around" is drawn), unit ("hour" or
        "weekday"), slot ("00" to "23", "Mon" to "Sun"), estimate (share of the persona's activity);
        and ``settings.is_quiet(hour)``, where it has settings: hours in which nothing is sent.

    Returns
    -------
    matplotlib.figure.Figure
    """
    hours, days = time_grid(plan.send_times, "hour", HOURS), time_grid(plan.send_times, "weekday", WEEKDAYS)
    if hours.empty:
        raise InputError("No send times were estimated.", "events with times.")
    quiet = quiet_hours(plan)
    figure, (left, right) = new_figure(
        11.6,
        0.95 + 0.46 * len(hours),
        "When each persona is there",
        "Local time; darker is more of its own activity; dot: busiest "
        + ("hour one may send in, and day; hatched: quiet hours" if quiet else "hour and day"),
        ncols=2,
        width_ratios=[24, 8],
    )
    _draw_times(left, hours, list(HOURS), quiet)
    _draw_times(right, days, list(WEEKDAYS))
    _shade_quiet(left, quiet, len(hours))
    names = plan.send_times.drop_duplicates("persona_id").set_index("persona_id")["persona"]
    set_ticks(left, "y", [wrap(names[number], 30) for number in hours.index], np.arange(len(hours)) + 0.5)
    right.set_yticks([])
    left.set_xlabel("hour of the day")
    _mark_personas(left, hours.index)
    return figure


def time_grid(send_times: pd.DataFrame, unit: str, slots) -> pd.DataFrame:
    """Return one row per persona and one column per slot: its activity, as a share of its busiest."""
    check_columns(
        send_times.columns, ["persona_id", "persona", "kind", "unit", "slot", "estimate"], "plan.send_times"
    )
    rows = send_times[(send_times["unit"] == unit) & (send_times["kind"] == "around")]
    grid = rows.pivot_table(index="persona_id", columns="slot", values="estimate").reindex(
        columns=list(slots)
    )
    return grid.div(grid.max(axis=1), axis=0)


def quiet_hours(plan) -> list[int]:
    """Return the local hours in which nothing is sent; none where the plan has no settings."""
    is_quiet = getattr(getattr(plan, "settings", None), "is_quiet", None)
    return [hour for hour in range(len(HOURS)) if is_quiet(hour)] if is_quiet else []


def _shade_quiet(axes, hours: list[int], n_rows: int) -> None:
    """Hatch quiet hours: what people do there stays to be seen, but is no time to send."""
    for hour in hours:
        axes.fill_between(
            [hour, hour + 1], 0, n_rows, facecolor=GROUND, alpha=0.45, hatch="////", edgecolor=MUTED, lw=0
        )


def _draw_times(axes, grid: pd.DataFrame, names: list[str], closed: list[int] = ()) -> None:
    draw_cells(axes, grid, TIME_SHADES, (0, 1), 1.2, xticklabels=False, yticklabels=False)
    set_ticks(axes, "x", names, np.arange(len(names)) + 0.5, rotation=0)
    activity = grid.fillna(-1).to_numpy().copy()
    activity[:, list(closed)] = -2  # below unknown, so never the best
    best = np.argmax(activity, axis=1)
    axes.plot(best + 0.5, np.arange(len(grid)) + 0.5, "o", color=GROUND, ms=4.5)


def _mark_personas(axes, persona_ids) -> None:
    """Put each persona's colour at the left of its row."""
    for place, colour in enumerate(persona_colours(persona_ids).values()):
        draw_strip(axes, [0, 0], [place + 0.06, place + 0.94], colour, 6)
