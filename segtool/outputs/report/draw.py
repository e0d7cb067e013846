"""The figures of the report, those of them that can be drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from segtool.errors import InputError, NotFittedError, PrivacyError
from segtool.outputs.choice_masks import mask_choice
from segtool.outputs.privacy import hide_small_sizes, suppress_small_cells
from segtool.outputs.report.figures import inline_svg
from segtool.outputs.small_shares import mask_profile, read_profile
from segtool.plots import (
    count_stages,
    plot_coverage,
    plot_k_choice,
    plot_persona_map,
    plot_portraits,
    plot_send_times,
    plot_stages,
    plot_topics,
)


@dataclass(frozen=True)
class _Compared:
    """What the figure of the comparison reads: the table as it may be shown."""

    table: pd.DataFrame

    def choice(self) -> pd.DataFrame:
        return self.table.copy()


def draw_figures(
    labels,
    personas,
    plan,
    *,
    seed: int,
    min_cell: int,
    sensitive: Sequence[str] = (),
    draw_map: bool = True,
    proof=None,
) -> dict[str, str]:
    """Return the figures that can be drawn, as SVG elements by name.

    A figure whose table is empty is left out: its section then says in words what there is.
    """
    sizes = hide_small_sizes(personas.portraits().set_index("persona_id")["n_users"], min_cell=min_cell)
    plots: dict[str, tuple[str, Callable[[], Figure]]] = {
        "portraits": (
            "What sets each persona apart, as index",
            lambda: _portraits(personas, min_cell, sensitive, sizes),
        ),
        "choice": (
            "How their number was chosen",
            lambda: plot_k_choice(_Compared(mask_choice(personas, min_cell))),
        ),
        "coverage": (
            "Share of users each label is known of",
            lambda: plot_coverage(labels, leave_out=sensitive),
        ),
        "topics": ("Topics each persona asks for most", lambda: plot_topics(plan)),
        "send_times": ("Activity by hour and weekday", lambda: plot_send_times(plan)),
        "stages": ("Share of users by stage", lambda: _stages(plan, personas, min_cell, sizes)),
    }
    if personas.n_personas == 1:  # nothing to set apart
        del plots["portraits"]
    elif draw_map:
        plots["map"] = ("Map of users", lambda: plot_persona_map(personas, random_state=seed))
    figures = {}
    for name, (title, plot) in plots.items():
        try:
            figures[name] = inline_svg(plot(), name, title)
        except (InputError, NotFittedError):
            continue
    return figures


def _portraits(personas, min_cell: int, sensitive: Sequence[str], sizes: pd.Series) -> Figure:
    masked = mask_profile(read_profile(personas), min_cell)
    return plot_portraits(personas, leave_out=sensitive, sizes=sizes, profile=masked)


def _stages(plan, personas, min_cell: int, sizes: pd.Series) -> Figure:
    counts = count_stages(plan.stages, personas.assigned)
    try:
        shown = suppress_small_cells(counts, min_cell=min_cell)
    except PrivacyError as error:
        raise InputError("The stages of so few people are not drawn.") from error
    on_ladder = shown[[name for name in shown if name not in ("lapsed", "unknown")]]
    if not (on_ladder > 0).fillna(False).any(axis=None):
        raise InputError("All the figure would show is grey: too few people are at any stage.")
    return plot_stages(plan, personas, counts=shown, sizes=sizes)
