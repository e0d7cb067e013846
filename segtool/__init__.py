"""segtool: from raw tables to labels, personas and a content plan.

The map of the house; each floor uses only those below it::

    study        reads study.toml and calls the stages in order        Study
    outputs      one door out: privacy, files, manifest, report         write_csv
    plots        figures drawn from results                             plot_persona_map, plot_portraits, ...
    targeting    what to show to whom, when, where, how often           plan_targeting, recommend_topics
    measurement  did it work                                            assign_holdout
    personas     groups of alike users                                  find_personas, LatentClassPersonas
    labels       what is true of each user, with evidence               label_users, Catalog, Measure, Label
    community    who is tied to whom, and how groups fare               read_community
    sources      what happened and what was said                        Sources, simulate_circle
    engines      where SQL runs                                         DuckDBEngine, SparkEngine

In a notebook::

    import segtool as st

    study = st.Study.read("data/sample/circle/study.toml")
    labels = study.label()
    personas = study.find_personas(labels)
    plan = study.plan_targeting(personas)
    study.export("out/")

Names load when they are first used, so ``import segtool`` and ``segtool --help`` answer at once.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_HOMES = {
    "community": ["Community", "CommunitySettings", "read_community"],
    "engines": ["DuckDBEngine", "SparkEngine"],
    "errors": ["SegtoolError"],
    "labels": [
        "Catalog",
        "Label",
        "Labels",
        "Measure",
        "builtin_catalog",
        "compare_labels",
        "label_costs",
        "label_users",
    ],
    "measurement": ["assign_arms", "assign_holdout", "design_test", "measure_lift"],
    "outputs": ["read_csv", "write_csv"],
    "personas": [
        "LatentClassPersonas",
        "Personas",
        "build_typing_tool",
        "compile_scoring",
        "find_personas",
        "follow_personas",
    ],
    "plots": [
        "plot_activities",
        "plot_calendar",
        "plot_cards",
        "plot_cohorts",
        "plot_core_value",
        "plot_coverage",
        "plot_flow",
        "plot_frequency",
        "plot_group_health",
        "plot_inference",
        "plot_k_choice",
        "plot_lift",
        "plot_persona_flow",
        "plot_persona_map",
        "plot_pixels",
        "plot_portraits",
        "plot_reliability",
        "plot_retention_curves",
        "plot_send_times",
        "plot_sharing",
        "plot_split",
        "plot_tie_map",
        "plot_topics",
        "plot_touches",
        "plot_typing_tool",
    ],
    "sources": ["Sources", "guess_study", "simulate_campaign", "simulate_circle", "simulate_groups"],
    "study": ["Study"],
    "targeting": ["Plan", "TargetingSettings", "plan_targeting", "rank_items", "recommend_topics"],
}
_HOME_OF = {name: room for room, names in _HOMES.items() for name in names}
__all__ = [*sorted(_HOME_OF), "__version__"]


def __getattr__(name: str):
    if name in _HOME_OF:
        return getattr(importlib.import_module(f"segtool.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module 'segtool' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
