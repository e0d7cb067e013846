"""The files of a community: groups, leaders, splits, and what each part found."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from segtool.outputs.community_masks import (
    Told,
    drop_groups,
    few_people,
    keep_inside,
    mask_cells,
    mask_people_rows,
    say_masked,
    tell_community,
)
from segtool.outputs.csv_files import write_csv
from segtool.outputs.settings import ExportSettings
from segtool.outputs.tables import hide_ids

FOLDER = "community"
ALWAYS = frozenset({"groups.csv", "leaders.csv", "split.csv"})  # an empty one says that there is none


def write_community_tables(
    folder: Path,
    community,
    group_posts: pd.DataFrame | None,
    settings: ExportSettings,
    key: bytes | None,
    inside: Iterable[str] = (),
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
    inside : iterable of str
        Labels that stay inside.
    """
    if community is None:
        return {}
    tables = list_tables(community, settings.min_cell, inside)
    tables = {name: table for name, table in tables.items() if len(table) or name in ALWAYS}
    if group_posts is not None and len(group_posts):
        shown = tables["groups.csv"]
        hidden = set(group_posts["group_id"]) - set(shown.loc[shown["n_messages"].notna(), "group_id"])
        posts = drop_groups(group_posts, hidden)
        few = few_people(posts["n_daypart"], settings.min_cell)
        posts = posts.assign(daypart=posts["daypart"].mask(few))
        tables["group_posts.csv"] = mask_cells(posts, settings.min_cell, ("n_daypart",))
    (folder / FOLDER).mkdir()
    return {
        name: write_csv(
            hide_ids(table, key), folder / name, excel=settings.excel, excel_ids=settings.excel_ids
        )
        for name, table in tables.items()
    }


def list_tables(
    community, min_cell: int, inside: Iterable[str] = (), told: Told | None = None
) -> dict[str, pd.DataFrame]:
    """Return every table of a community by file name, as it may be seen; ids are not hidden yet."""
    told = told or tell_community(community, min_cell)
    health, value, sharing, circles = told.health, told.value, told.sharing, told.circles
    parts = {
        "newcomers": (health.entrants, ("n_entrants",)),
        "warnings": (health.warnings, ("n_people",)),
        "weeks": (health.weekly, ("n_speakers", "n_members")),
        "circles": (circles.table, ("n_users",)),
        "circle_topics": (circles.topics, ("n_users",)),
        "terms": (value.terms, ("n_people",)),
        "group_topics": (value.topics, ("n_people",)),
        "new_terms": (value.drift, ("n_people",)),
        "neighbours": (value.neighbours, ("shared_people",)),
        "bands": (told.bands, ("n_members",)),
        "growth": (sharing.growth, ("n_members", "n_watched")),
        "invited": (sharing.quality, ("n_invited", "n_alone")),
        "formats": (sharing.formats, ("n_sharers",)),
    }
    found = {
        "groups.csv": told.groups,
        "leaders.csv": community.leaders,
        "split.csv": community.splits.table,
        "community/users.csv": community.measures,
        **{
            f"{FOLDER}/{name}.csv": mask_people_rows(table, min_cell, counts)
            for name, (table, counts) in parts.items()
        },
        "community/merges.csv": mask_cells(
            _merges(told.merges, min_cell), min_cell, ("n_members", "n_shared")
        ),
        "community/core_groups.csv": community.core_groups,
        "community/filters.csv": community.filters.table,
        "community/seeds.csv": community.sharing.seeds,
        "community/activities.csv": mask_cells(told.activities.table, min_cell, ("n_returned", "n_stayed")),
        "community/returned.csv": community.activities.returned,
    }
    for name, column in (("growth", "n_inviters"), ("circles", "n_known")):
        path = f"{FOLDER}/{name}.csv"
        found[path] = mask_cells(found[path], min_cell, (column,))
    if community.circle_personas is not None:
        beside = mask_people_rows(community.circle_personas.table, min_cell)
        found["community/circle_personas.csv"] = beside
    found["community/notes.csv"] = say_masked(pd.DataFrame({"note": list(community.notes)}), min_cell)
    return keep_inside(found, inside)


def _merges(table: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Blank the size after a merge where it and the sizes before give away how few are in both."""
    few = few_people(table["n_shared"], min_cell)
    return table.assign(
        **{name: table[name].mask(few) for name in ("n_after", "shared_share") if name in table}
    )
