"""Pictures of stages: shares per persona with their intervals, and what people do at each stage."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from segtool.checks import check_columns
from segtool.errors import InputError
from segtool.plots.grids import draw_cells
from segtool.plots.plan_charts import ASIDE, STAGE_COLOURS, TIME_SHADES
from segtool.plots.theme import GROUND, INK, new_figure, set_ticks, themed, wrap

COLUMNS = ("persona_id", "persona", "stage", "n_users", "share", "lo", "hi", "typical")
PANEL_COLUMNS = 3


@themed
def plot_stage_shares(persona_stages: pd.DataFrame) -> Figure:
    """Draw how each persona's users spread over the stages, with how sure that is.

    Parameters
    ----------
    persona_stages : DataFrame
        ``personas`` of `Stages`; a share that is missing (too few people) is not drawn.

    Returns
    -------
    matplotlib.figure.Figure
        One panel per persona; the typical stage in bold.

    Raises
    ------
    InputError
        If nobody's stage is known.
    """
    check_columns(persona_stages.columns, COLUMNS, "persona_stages")
    known = persona_stages[persona_stages["share"].notna() & (persona_stages["stage"] != "unknown")]
    if known.empty:
        raise InputError("Nobody's stage is known.", "events that are steps of the stages.")
    stages = list(dict.fromkeys(known["stage"]))
    personas = known.drop_duplicates("persona_id")
    n_columns = min(PANEL_COLUMNS, len(personas))
    n_rows = -(-len(personas) // n_columns)
    figure, panels = new_figure(
        3.6 * n_columns + 0.5,
        n_rows * (0.8 + 0.3 * len(stages)),
        "How far along each persona is",
        "Share of its users with any event; bars: intervals; bold: the stage content is planned for",
        nrows=n_rows,
        ncols=n_columns,
        sharex=True,
    )
    for axes, persona in zip(panels, personas.itertuples(), strict=False):
        own = known[known["persona_id"] == persona.persona_id].set_index("stage").reindex(stages)
        total = persona_stages.loc[persona_stages["persona_id"] == persona.persona_id, "n_users"].sum()
        _draw_shares(axes, own)
        axes.set_title(f"{wrap(persona.persona, 34)}\nn = {int(total):,}", color=INK, fontsize=10)
    for axes in panels:
        axes.set_xlim(0, min(1.0, known["hi"].max() * 1.05))
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.xaxis.set_tick_params(labelbottom=True)
    for axes in panels[len(personas) :]:
        axes.set_visible(False)
    return figure


def _draw_shares(axes, own: pd.DataFrame) -> None:
    places = np.arange(len(own))
    ladder = [stage for stage in own.index if stage not in ASIDE]
    colours = [
        ASIDE.get(stage) or STAGE_COLOURS[1 + ladder.index(stage) % (len(STAGE_COLOURS) - 1)]
        for stage in own.index
    ]
    axes.barh(places, own["share"], height=0.6, color=colours)
    axes.hlines(places, own["lo"], own["hi"], color=GROUND, lw=4)  # a rim, so that it shows on dark bars
    axes.hlines(places, own["lo"], own["hi"], color=INK, lw=1.6)
    axes.set_ylim(len(own) - 0.4, -0.6)
    set_ticks(axes, "y", list(own.index), places)
    for label, typical in zip(axes.get_yticklabels(), own["typical"], strict=True):
        label.set_fontweight("bold" if typical is True or typical == 1 else "normal")


@themed
def plot_stage_rates(rates: pd.DataFrame) -> Figure:
    """Draw what people do at each stage: the evidence that the stages are read from.

    Parameters
    ----------
    rates : DataFrame, shape (n_stages, n_kinds + 1)
        ``rates`` of `Stages`: events a week by kind, and visits.

    Returns
    -------
    matplotlib.figure.Figure
        Darker is nearer to the stage at which a kind is most frequent.

    Raises
    ------
    InputError
        If the stages were found by the rule, which has no rates.
    """
    if rates.empty:
        raise InputError("The stages have no rates.", "stages found by the model (stage_method 'hmm').")
    table = rates.drop(columns="visits", errors="ignore")
    figure, (axes,) = new_figure(
        2.2 + 0.78 * table.shape[1],
        0.7 + 0.42 * len(table),
        "What people do at each stage",
        "Events a week of a user of middling activity; darker: nearer to the stage at which most do it",
    )
    relative = table / table.max()
    draw_cells(axes, relative, TIME_SHADES, (0, 1), 1.2, xticklabels=False, yticklabels=False)
    for row, column in np.ndindex(*table.shape):
        rate = table.iloc[row, column]
        shade = relative.iloc[row, column]
        text = f"{rate:.2f}" if rate >= 0.005 else "–"
        colour = GROUND if shade > 0.6 else INK
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=9, color=colour)
    set_ticks(
        axes, "x", [name.replace("_", " ") for name in table], np.arange(table.shape[1]) + 0.5, rotation=0
    )
    set_ticks(axes, "y", list(table.index), np.arange(len(table)) + 0.5, rotation=0)
    axes.set(xlabel="", ylabel="")
    return figure
