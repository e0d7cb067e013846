"""The tables of a community as they leave: no row counts or describes few people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from segtool.outputs.csv_files import write_csv
from segtool.outputs.plan_tables import mask_rows
from segtool.outputs.settings import ExportSettings
from segtool.outputs.tables import hide_ids
from segtool.outputs.words import mask_words

FOLDER = "community"
# What names a group, and is told of every one; the rest is about its members.
NAMING = ("group_id", "title", "channel", "band", "needs")
KEPT = (
    "n_members",
    "n_messages",
    "messages_per_week",
    "messages_usual",
    "n_parts",
    "kept_share",
    "gap_days",
    "age_days",
)
TOO_FEW = "too few people to say"
# Rates of a group that rest on part of its members: the rate, and the people it rests on.
RESTS_ON = (
    (("newcomer_answered", "newcomer_answered_lo", "newcomer_answered_hi"), "newcomer_answered_n"),
    (("brought_per_member", "brought_lo", "brought_hi"), "brought_n"),
)


def write_community_tables(
    folder: Path, community, group_posts: pd.DataFrame | None, settings: ExportSettings, key: bytes | None
) -> dict[str, int]:
    """Write what the reading of the groups found, and return file name -> rows.

    Parameters
    ----------
    folder : Path
    community : Community or None
    group_posts : DataFrame or None
        Where to post, with the groups that are drawn to get none.
    settings : ExportSettings
    key : bytes or None
        With a key ids are pseudonyms.
    """
    if community is None:
        return {}
    tables = list_tables(community, settings.min_cell)
    if group_posts is not None and len(group_posts):
        tables["group_posts.csv"] = mask_rows(
            group_posts, settings.min_cell, counts=("n_members", "n_daypart"), numbers=("messages_per_week",)
        )
    (folder / FOLDER).mkdir()
    return {
        name: write_csv(
            hide_ids(table, key), folder / name, excel=settings.excel, excel_ids=settings.excel_ids
        )
        for name, table in tables.items()
    }


def list_tables(community, min_cell: int) -> dict[str, pd.DataFrame]:
    """Return every table of a community by file name; those without a row are left out."""
    sharing, circles = community.sharing, community.circles
    found = {
        "groups.csv": list_groups(community, min_cell),
        "leaders.csv": community.leaders,
        "split.csv": community.splits.table,
        "community/users.csv": community.measures,
        "community/circles.csv": _mask(circles.table, min_cell),
        "community/circle_topics.csv": _mask(circles.topics, min_cell),
        "community/weeks.csv": _mask(community.health.weekly, min_cell, ("n_speakers", "n_members")),
        "community/newcomers.csv": _mask(community.health.entrants, min_cell, ("n_entrants",)),
        "community/warnings.csv": _mask(community.health.warnings, min_cell, ("n_people",)),
        "community/terms.csv": _mask(community.value.terms, min_cell, ("n_people",)),
        "community/group_topics.csv": _mask(community.value.topics, min_cell, ("n_people",)),
        "community/new_terms.csv": _mask(community.value.drift, min_cell, ("n_people",)),
        "community/neighbours.csv": _mask(community.value.neighbours, min_cell, ("shared_people",)),
        "community/bands.csv": _mask(community.bands, min_cell, ("n_members", "n_wrote")),
        "community/merges.csv": _mask(community.merges, min_cell, ("n_members", "n_into")),
        "community/core_groups.csv": community.core_groups,
        "community/filters.csv": community.filters.table,
        "community/growth.csv": _mask(sharing.growth, min_cell, ("n_members", "n_watched")),
        "community/invited.csv": _mask(sharing.quality, min_cell, ("n_invited", "n_alone")),
        "community/seeds.csv": sharing.seeds,
        "community/formats.csv": _mask(sharing.formats, min_cell, ("n_sharers",)),
        "community/activities.csv": _mask_returned(community.activities.table, min_cell),
        "community/returned.csv": community.activities.returned,
    }
    if community.circle_personas is not None:
        found["community/circle_personas.csv"] = _mask(community.circle_personas.table, min_cell)
    kept = {"groups.csv", "leaders.csv", "split.csv"}  # an empty one says that there is none
    return {name: table for name, table in found.items() if len(table) or name in kept}


def list_groups(community, min_cell: int) -> pd.DataFrame:
    """Return the groups; of one with few members only its name is told, of few speakers no rate."""
    table = community.groups.copy()
    few = _few(table["n_members"].where(table["n_members"].notna(), table["n_speakers"]), min_cell)
    # A dead group is told as dead: what its last few speakers did is not.
    hushed = few | _few(table["n_speakers"], min_cell)
    for name in table:
        if name not in KEPT and pd.api.types.is_float_dtype(table[name]):
            table[name] = table[name].mask(hushed)
    table["n_speakers"] = table["n_speakers"].mask(hushed)
    for rates, n in RESTS_ON:
        small = _few(table[n], min_cell)
        for name in (*rates, n):
            table[name] = table[name].mask(small)
    for name in table:
        if name not in NAMING:
            table[name] = table[name].mask(few)
    table["verdict"] = table["verdict"].mask(few, TOO_FEW)
    return _say(table, min_cell)


def _mask_returned(activities: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Blank how many came back where they are few; the lift is about the messages of all."""
    few = _few(activities["n_returned"], min_cell) | _few(activities["n_stayed"], min_cell)
    hidden = {name: activities[name].mask(few) for name in ("n_returned", "n_stayed")}
    return _say(activities.assign(**hidden), min_cell)


def _few(counts: pd.Series, min_cell: int) -> pd.Series:
    return counts.between(1, min_cell - 1).fillna(False).astype(bool)


def _mask(table: pd.DataFrame, min_cell: int, counts: Sequence[str] = ("n_users",)) -> pd.DataFrame:
    """Blank every number of a row that is about few people."""
    numbers = [name for name in table if pd.api.types.is_float_dtype(table[name])]
    return _say(mask_rows(table, min_cell, counts=counts, numbers=numbers), min_cell)


def _say(table: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Return the table with its sentences masked."""
    for name in table:
        if pd.api.types.is_string_dtype(table[name]) or table[name].dtype == object:
            table[name] = [
                mask_words(text, min_cell) if isinstance(text, str) else text for text in table[name]
            ]
    return table
