"""A picture of core value: what each group talks about, beside what it is for."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from segtool.errors import InputError
from segtool.plots.theme import (
    FAINT,
    GROUND,
    INK,
    MUTED,
    PALETTE,
    elide,
    ink_on,
    new_figure,
    set_ticks,
    text_width,
    themed,
)

CORE, ASSUMED = PALETTE[0], "#7FB2D6"
OTHERS = ("#C3CAD0", "#D3D8DD", "#E1E5E8")
TOPICS_SHOWN = 3  # besides what a group is for
COLUMNS_PER_SHARE = 60  # of text in a bar of 100 %
TERM_COLUMNS = 60


@themed
def plot_core_value(core_value, max_groups: int = 8) -> Figure:
    """Draw the topics and the own words of the groups with the most messages.

    Parameters
    ----------
    core_value : CoreValue
        Read through ``table``, ``topics`` and ``terms``.
    max_groups : int

    Returns
    -------
    matplotlib.figure.Figure
        A row per group. Left: shares of the messages of a known topic; the strong part is what the group is
        for (lighter where that is assumed), with its interval. Right: the words that set the group apart,
        the surest first, and how many people of the group used each.

    Raises
    ------
    InputError
        If nobody wrote anything.
    """
    spoken = core_value.table[core_value.table["n_messages"] > 0]
    if spoken.empty:
        raise InputError(
            "Nobody wrote in any group, so there is nothing to draw.", "see the notes of the core value."
        )
    shown = spoken.sort_values("n_messages", ascending=False, kind="stable").head(max_groups)
    on_topic = int((shown["core_share"] >= 0.5).sum())
    judged = int(shown["core_share"].notna().sum())
    told = f"{on_topic} of {judged} groups judged spend half of their messages on it"
    told = told if judged else "what they are for, or the topics of messages, are not known"
    figure, (left, right) = new_figure(
        10.4,
        0.62 * len(shown) + 0.9,
        "What groups talk about, beside what they are for",
        f"{told}; {len(shown)} of {len(spoken)} groups shown, most messages first",
        ncols=2,
        width_ratios=(1.25, 1),
    )
    _draw_topics(left, shown, core_value.topics)
    _draw_terms(right, shown, core_value.terms)
    _draw_legend(figure, shown)
    return figure


def _draw_topics(axes, shown: pd.DataFrame, topics: pd.DataFrame) -> None:
    for place, row in enumerate(shown.itertuples(index=False)):
        own = topics[topics["group_id"] == row.group_id]
        if own.empty:
            axes.text(0.01, place, "no topics known", color=MUTED, size=9, va="center")
            continue
        for start, share, name, colour in _segments(row, own):
            axes.barh(place, share, left=start, height=0.62, color=colour, edgecolor=GROUND, lw=0.8)
            _write_inside(axes, place, start, share, name, colour)
        if pd.notna(row.core_share):
            axes.plot([row.core_lo, row.core_hi], [place + 0.4] * 2, color=INK, lw=1.4, solid_capstyle="butt")
    names = [f"{_title(row)}\n{row.n_messages:,} messages" for row in shown.itertuples(index=False)]
    set_ticks(axes, "y", names, range(len(shown)))
    set_ticks(axes, "x", ["0", "50 %", "100 %"], [0, 0.5, 1])
    axes.set(xlim=(0, 1.0), ylim=(len(shown) - 0.45, -0.55))
    axes.set_title("Topics: share of its messages", color=MUTED)
    axes.spines[:].set_visible(False)
    axes.axvline(0.5, color=FAINT, lw=1, zorder=0)


def _segments(row, topics: pd.DataFrame) -> list[tuple[float, float, str, str]]:
    """Return start, share, name and colour of the parts of a bar: what it is for first, then the largest."""
    parts, start = [], 0.0
    core = topics[topics["topic"] == row.charter]
    if len(core):
        share = float(core["share"].iloc[0] if pd.isna(row.core_share) else row.core_share)
        parts.append((0.0, share, str(row.charter), CORE if row.charter_from == "stated" else ASSUMED))
        start = share
    others = topics[topics["topic"] != row.charter].head(TOPICS_SHOWN)
    for (name, share), colour in zip(
        others[["topic", "share"]].itertuples(index=False), OTHERS, strict=False
    ):
        share = min(share, 1 - start)
        parts.append((start, share, str(name), colour))
        start += share
    return parts


def _write_inside(axes, place: int, start: float, share: float, name: str, colour: str) -> None:
    """Write a topic and its share into a part of a bar, as much of it as there is room for."""
    room = int(share * COLUMNS_PER_SHARE) - 1
    text = f"{name} {share:.0%}"
    if text_width(text) > room:
        text = elide(name, room) if room >= min(5, text_width(name)) else ""
    if text:
        axes.text(start + share / 2, place, text, color=ink_on(colour), size=8.5, ha="center", va="center")


def _draw_terms(axes, shown: pd.DataFrame, terms: pd.DataFrame) -> None:
    for place, group in enumerate(shown["group_id"]):
        own = terms[terms["group_id"] == group].sort_values("rank")
        told = [f"{term} {n}" for term, n in zip(own["term"], own["n_people"], strict=True)]
        text = _on_lines(told) or "no words set it apart"
        axes.text(0, place, text, color=INK if told else MUTED, size=9, va="center", linespacing=1.35)
    axes.set(xlim=(0, 1), ylim=(len(shown) - 0.45, -0.55))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title("Its own words, and how many people used them", color=MUTED)
    axes.spines[:].set_visible(False)
    for line in np.arange(0.5, len(shown) - 0.5):
        axes.axhline(line, color=FAINT, lw=0.6)


def _on_lines(told: list[str]) -> str:
    """Return as many terms as fit on two lines, none of them cut in two."""
    lines = [""]
    for text in told:
        longer = f"{lines[-1]}  ·  {text}" if lines[-1] else elide(text, TERM_COLUMNS)
        if text_width(longer) <= TERM_COLUMNS:
            lines[-1] = longer
        elif len(lines) < 2:
            lines.append(elide(text, TERM_COLUMNS))
        else:
            break
    return "\n".join(lines)


def _title(row) -> str:
    return elide(row.title or row.group_id, 28)


def _draw_legend(figure: Figure, shown: pd.DataFrame) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks = [Patch(color=CORE, label="what it is for")]
    if (shown["charter_from"].isin(["its activities", "its first half"])).any():
        marks.append(Patch(color=ASSUMED, label="what it seems to be for"))
    marks += [
        Patch(color=OTHERS[0], label="other topics, largest first"),
        Line2D([], [], color=INK, lw=1.4, label="95 % interval"),
    ]
    figure.legend(handles=marks, loc="outside lower left", ncols=len(marks), fontsize=9)
