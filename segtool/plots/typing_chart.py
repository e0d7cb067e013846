"""A picture of a typing tool: what each further question brings, and who is recognised."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from segtool.plots.theme import (
    FAINT,
    GROUND,
    INK,
    MUTED,
    PALETTE,
    new_figure,
    persona_colours,
    set_ticks,
    themed,
    wrap,
)


@themed
def plot_typing_tool(tool) -> Figure:
    """Draw accuracy against the number of questions, and the hit rate of each persona.

    Parameters
    ----------
    tool : TypingTool
        Read through ``curve``, ``hits``, ``figures``, ``n_questions`` and ``names``.

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Bands and bars are 95 % Wilson intervals over people who had no part in choosing the questions
    they are scored by. The dotted lines are what all questions reach, and what is reached without
    asking anything, by always naming the largest persona.
    """
    figures, n = tool.figures, tool.n_questions
    figure, (left, right) = new_figure(
        10.4,
        max(3.3, 0.8 + 0.42 * len(tool.hits)),
        f"{n} questions tell the persona of {figures.accuracy:.0%} of people",
        f"{figures.accuracy / figures.full_accuracy:.0%} of what all {figures.n_askable} questions do; "
        f"{figures.n_people:,} people, {figures.cv} nested folds, 95 % intervals",
        ncols=2,
        width_ratios=[1.25, 1],
    )
    _draw_curve(left, tool)
    _draw_hits(right, tool)
    return figure


def _draw_curve(axes, tool) -> None:
    curve, figures = tool.curve, tool.figures
    steps, accuracy = curve["n_questions"].to_numpy(), curve["accuracy"].to_numpy(float)
    axes.fill_between(
        steps, curve["low"].to_numpy(float), curve["high"].to_numpy(float), color="#DCE9F2", lw=0
    )
    axes.plot(steps, accuracy, color=PALETTE[0], lw=1.8, marker="o", ms=4.5, mfc=GROUND, mec=PALETTE[0])
    chosen = curve[curve["n_questions"] == tool.n_questions].iloc[0]
    axes.plot([chosen["n_questions"]], [chosen["accuracy"]], "o", color=PALETTE[0], ms=9, zorder=4)
    axes.annotate(
        f"{chosen['accuracy']:.0%}", (chosen["n_questions"], chosen["accuracy"]), (0, -17),
        textcoords="offset points", ha="center", color=PALETTE[0], weight="bold",
        bbox={"fc": GROUND, "ec": "none", "pad": 1.0, "alpha": 0.85},
    )  # fmt: skip
    first, last = steps[0], steps[-1]
    # Each where the curve is not: it starts low and ends high.
    for height, said, place, side in (
        (figures.full_accuracy, f"all {figures.n_askable} questions", first, "left"),
        (figures.baseline, "largest persona for everyone", last, "right"),
    ):
        axes.axhline(height, color=MUTED, lw=1, ls=(0, (1, 2)), zorder=1)
        axes.annotate(
            f"{said} {height:.0%}", (place, height), (0, 3), textcoords="offset points", ha=side,
            color=MUTED, fontsize=8.5,
        )  # fmt: skip
    axes.set_ylim(0, 1.06)
    axes.set_yticks(np.arange(0, 1.01, 0.2), [f"{share:.0%}" for share in np.arange(0, 1.01, 0.2)])
    every = -(-last // 10)
    axes.set_xticks(steps[(steps - 1) % every == 0])
    axes.grid(axis="y")
    axes.set_xlabel("number of questions")
    axes.set_title("Accuracy against length", color=MUTED, fontsize=9.5)


def _draw_hits(axes, tool) -> None:
    hits = tool.hits.iloc[::-1].reset_index(drop=True)
    colours = persona_colours(hits["persona_id"])
    for place, row in hits.iterrows():
        if not np.isfinite(row["hit_rate"]):
            continue
        axes.barh(place, row["hit_rate"], height=0.52, color=colours[row["persona_id"]])
        axes.plot([row["low"], row["high"]], [place, place], color=INK, lw=1.4, solid_capstyle="butt")
        axes.annotate(
            f"{row['hit_rate']:.0%}", (row["high"], place), (5, 0), textcoords="offset points",
            va="center", fontsize=9, color=INK,
        )  # fmt: skip
        if np.isfinite(row["precision"]):
            axes.plot([row["precision"]], [place + 0.36], marker="v", ms=5, color=MUTED, clip_on=False)
    sizes = ["n not shown" if pd.isna(n) else f"n = {n:,}" for n in hits["n"]]
    names = [f"{wrap(name, 26)}\n{size}" for name, size in zip(hits["persona"], sizes, strict=True)]
    set_ticks(axes, "y", names, fontsize=8.5)
    axes.set_xlim(0, 1.14)
    axes.set_xticks(np.arange(0, 1.01, 0.25), [f"{share:.0%}" for share in np.arange(0, 1.01, 0.25)])
    axes.spines["left"].set_color(FAINT)
    axes.set_title("Recognised, of each persona's people (▾ right when said)", color=MUTED, fontsize=9.5)
