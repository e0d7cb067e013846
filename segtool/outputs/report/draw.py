"""The figures of the report, those of them that can be drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from segtool.errors import InputError, NotFittedError
from segtool.outputs.choice_masks import mask_choice
from segtool.outputs.community_masks import tell_community
from segtool.outputs.plan_tables import list_calendar_topics, mask_retention
from segtool.outputs.privacy import hide_small_sizes
from segtool.outputs.report.figures import inline_svg
from segtool.outputs.small_shares import mask_profile, read_profile
from segtool.plots import (
    plot_activities,
    plot_calendar,
    plot_core_value,
    plot_coverage,
    plot_flow,
    plot_frequency,
    plot_group_health,
    plot_k_choice,
    plot_persona_map,
    plot_portraits,
    plot_retention_curves,
    plot_send_times,
    plot_sharing,
    plot_split,
    plot_stage_shares,
    plot_tie_map,
    plot_topic_heat,
    plot_topics,
)


@dataclass(frozen=True)
class _Compared:
    """What the figure of the comparison reads: the table as it may be shown."""

    table: pd.DataFrame

    def choice(self) -> pd.DataFrame:
        return self.table.copy()


@dataclass(frozen=True)
class _Calendar:
    """What the figure of the calendar reads: the rows that may be shown."""

    calendar: pd.DataFrame


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
    community=None,
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
        "stages": ("Share of users by stage", lambda: _stages(plan, min_cell)),
    }
    plots |= _proof_plots(plan, proof, min_cell)
    plots |= _community_plots(community, min_cell, sensitive, draw_map=draw_map)
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


def _proof_plots(plan, proof, min_cell: int) -> dict[str, tuple[str, Callable[[], Figure]]]:
    """Return the figures of frequency, heat and staying, where their parts were made."""
    plots: dict[str, tuple[str, Callable[[], Figure]]] = {}
    parts = getattr(plan, "parts", None)
    if parts is not None:
        plots["frequency"] = ("What sending so many times a week brings", lambda: plot_frequency(plan))
        if (parts.heat.trend["direction"] != "steady").any():  # a page of flat lines says less than the note
            plots["heat"] = ("Topics by week", lambda: plot_topic_heat(parts.heat))
    if proof is not None and proof.schedule is not None:
        shown = list_calendar_topics(proof.schedule, min_cell)
        plots["calendar"] = ("What goes out, week by week", lambda: plot_calendar(_Calendar(shown)))
    if proof is not None and proof.retention is not None:
        staying = mask_retention(proof.retention, min_cell)
        plots["flow"] = ("Who came and who left", lambda: plot_flow(staying))
        plots["staying"] = (
            "Share of users not yet lost, by day",
            lambda: plot_retention_curves(staying),
        )
    return plots


def _community_plots(
    community, min_cell: int, sensitive: Sequence[str] = (), *, draw_map: bool
) -> dict[str, tuple[str, Callable[[], Figure]]]:
    """Return the figures of the groups, where there are any."""
    if community is None or community.talk.groups.empty:
        return {}
    told = tell_community(community, min_cell)
    roles = None if "community_role" in sensitive else told.roles.users
    plots: dict[str, tuple[str, Callable[[], Figure]]] = {
        "group_health": ("Groups week by week", lambda: plot_group_health(told.health)),
        "core_value": ("What each group talks about", lambda: plot_core_value(told.value)),
        "sharing": ("Who brings whom", lambda: plot_sharing(told.sharing)),
        "activities": ("What activities did", lambda: plot_activities(told.activities)),
    }
    if len(community.splits.table):
        plots["split"] = ("A group before and after its split", lambda: plot_split(told.splits))
    if draw_map and "circle" not in sensitive:
        plots["tie_map"] = ("Who is tied to whom", lambda: plot_tie_map(told.circles, roles))
    return plots


def _portraits(personas, min_cell: int, sensitive: Sequence[str], sizes: pd.Series) -> Figure:
    masked = mask_profile(read_profile(personas), min_cell)
    return plot_portraits(personas, leave_out=sensitive, sizes=sizes, profile=masked)


def _stages(plan, min_cell: int) -> Figure:
    """Draw the stages; shares that stand for few people are left out, small personas altogether."""
    table = getattr(plan, "persona_stages", None)
    if table is None or table.empty:
        raise InputError("Nobody's stage is known.")
    size = table.groupby("persona_id")["n_users"].transform("sum")
    shown = table[size >= min_cell]
    few = shown["n_users"].between(1, min_cell - 1)
    shown = shown.assign(**{name: shown[name].mask(few) for name in ("share", "lo", "hi")})
    on_ladder = shown[~shown["stage"].isin(["lapsed", "unknown"])]
    if not (on_ladder["share"] > 0).any():
        raise InputError("All the figure would show is grey: too few people are at any stage.")
    return plot_stage_shares(shown)
