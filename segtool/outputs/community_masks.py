"""A community as it may be told: without groups of few people, small counts and what stays inside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from segtool.community.health.rules import DEAD
from segtool.outputs.words import mask_words

# What names a group, and is told of every one; the rest is about its members.
NAMING = ("group_id", "title", "channel", "band", "needs")
# Of a group where few speak: how many members and messages, and what to do. A dead one is told as dead.
KEPT = (
    *NAMING, "verdict", "do", "n_members", "n_messages", "messages_per_week", "messages_usual", "n_parts", "kept_share",
    "gap_days", "age_days", "window_days", "core_topic", "core_assumed", "size", "lacks", "merge_into",
)  # fmt: skip
# What says which row it is; the rest of a row about few people is blank.
KEYS = frozenset(
    {
        "group_id", "title", "week", "week_start", "since", "until", "starts", "ends", "measure", "term", "topic",
        "circle", "name", "circle_name", "persona_id", "persona", "by", "value", "format", "activity_id",
        "neighbour_id", "into_group_id", "into_title", "days",
    }
)  # fmt: skip
TOO_FEW = "too few people to say"
# Rates of a group that rest on part of its members: the rate, and the people it rests on.
RESTS_ON = (
    (("newcomer_answered", "newcomer_answered_lo", "newcomer_answered_hi"), "newcomer_answered_n"),
    (("brought_per_member", "brought_lo", "brought_hi"), "brought_n"),
)
_CROWD = re.compile(
    r"(?<!\bin )(?<!\bthan )\b(\d[\d,]*)((?: of (?:the |their |those )?\d[\d,]*)?)"
    r" (people|persons?|members?|newcomers?|voices?)\b"
)


@dataclass(frozen=True)
class Told:
    """The parts of a community without the groups of few people; figures and tables are made of these."""

    groups: pd.DataFrame
    health: Any
    value: Any
    circles: Any
    splits: Any
    sharing: Any
    activities: Any
    roles: Any
    bands: pd.DataFrame
    merges: pd.DataFrame
    headline: str


def tell_community(community, min_cell: int) -> Told:
    """Leave out of every part the groups of 1 to ``min_cell - 1`` people."""
    groups = list_groups(community, min_cell)
    hidden = set(groups.loc[groups["verdict"] == TOO_FEW, "group_id"])

    def keep(part, *names: str):
        return replace(part, **{name: drop_groups(getattr(part, name), hidden) for name in names})

    sharing = keep(community.sharing, "trees", "members", "growth", "quality")
    quality = sharing.quality[sharing.quality["by"] != "inviter"]  # a row per person is about that person
    few = few_people(community.circles.table["n_users"], min_cell)
    small = set(community.circles.table.loc[few, "circle"])
    circles = community.circles
    members = circles.members
    return Told(
        groups=groups,
        health=keep(community.health, "table", "weekly", "entrants", "warnings", "activities"),
        value=_few_terms(
            keep(community.value, "table", "terms", "topics", "neighbours", "drift"), hidden, min_cell
        ),
        circles=replace(
            circles,
            table=circles.table[~few].reset_index(drop=True),
            topics=circles.topics[~circles.topics["circle"].isin(small)].reset_index(drop=True),
            members=members.assign(circle=members["circle"].mask(members["circle"].isin(small))),
        ),
        splits=community.splits,
        sharing=replace(sharing, quality=quality.reset_index(drop=True)),
        activities=keep(community.activities, "table"),
        roles=community.roles,
        bands=drop_groups(community.bands, hidden),
        merges=drop_groups(community.merges, hidden),
        headline=_say_groups(community, groups, min_cell),
    )


def _few_terms(value, hidden: set[str], min_cell: int):
    neighbours = value.neighbours[~value.neighbours["neighbour_id"].isin(hidden)]
    shown = {name: getattr(value, name) for name in ("terms", "drift")}
    shown = {name: table[~few_people(table["n_people"], min_cell)] for name, table in shown.items()}
    return replace(value, neighbours=neighbours, **shown)


def _say_groups(community, groups: pd.DataFrame, min_cell: int) -> str:
    counts = groups["verdict"].value_counts(sort=False)
    fates = ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
    said = community.talk.headline()
    return mask_crowd(f"{said}: {fates}" if fates else said, min_cell)


def list_groups(community, min_cell: int) -> pd.DataFrame:
    """Return the groups; of one with few members only its name is told, of few speakers no rate."""
    table = community.groups.copy()
    few = few_people(table["n_members"].where(table["n_members"].notna(), table["n_speakers"]), min_cell)
    hushed = few | few_people(table["n_speakers"], min_cell)
    told_dead = hushed & (table["verdict"] == DEAD)
    for rates, n in RESTS_ON:
        small = few_people(table[n], min_cell)
        for name in (*rates, n):
            table[name] = table[name].mask(small)
    for name in table:
        if name not in KEPT:
            table[name] = table[name].mask(hushed & ~(told_dead if name == "reasons" else False))
        if name not in NAMING:
            table[name] = table[name].mask(few)
    table["verdict"] = table["verdict"].mask(few, TOO_FEW)
    return say_masked(table, min_cell)


def few_people(counts: pd.Series, min_cell: int) -> pd.Series:
    """Return where 1 to ``min_cell - 1`` people are counted."""
    return pd.to_numeric(counts).between(1, min_cell - 1).fillna(False).astype(bool)


def drop_groups(table: pd.DataFrame, hidden: set[str]) -> pd.DataFrame:
    """Return the rows of the groups that may be told."""
    if not hidden or "group_id" not in table:
        return table
    return table[~table["group_id"].isin(hidden)].reset_index(drop=True)


def mask_people_rows(
    table: pd.DataFrame, min_cell: int, counts: Sequence[str] = ("n_users",)
) -> pd.DataFrame:
    """Blank everything but the names in rows that count few people."""
    few = pd.Series(False, index=table.index)
    for name in (name for name in counts if name in table):
        few |= few_people(table[name], min_cell)
    masked = table.assign(
        **{name: table[name].mask(few) for name in table if name not in KEYS or name in counts}
    )
    return say_masked(masked, min_cell)


def mask_cells(table: pd.DataFrame, min_cell: int, counts: Sequence[str]) -> pd.DataFrame:
    """Blank small counts alone, where the rest of the row is about everybody's messages."""
    hidden = {name: table[name].mask(few_people(table[name], min_cell)) for name in counts if name in table}
    return say_masked(table.assign(**hidden), min_cell)


def say_masked(table: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Return the table with its sentences masked."""
    said = {
        name: [mask_crowd(text, min_cell) if isinstance(text, str) else text for text in table[name]]
        for name in table
        if table[name].dtype == object or pd.api.types.is_string_dtype(table[name])
    }
    return table.assign(**said)


def mask_crowd(text: str, min_cell: int) -> str:
    """Return a sentence that counts no few people, whatever they are called.

    Examples
    --------
    >>> mask_crowd("at least 2 people wrote; 3 of 60 members left; 12 people stayed", 5)
    'at least fewer than 5 people wrote; fewer than 5 of 60 members left; 12 people stayed'
    """

    def mask(match: re.Match) -> str:
        few = 0 < int(match[1].replace(",", "")) < min_cell
        return f"fewer than {min_cell}{match[2]} {match[3]}" if few else match[0]

    return _CROWD.sub(mask, mask_words(text, min_cell))


def keep_inside(tables: dict[str, pd.DataFrame], inside: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Leave out the files and columns that tell what stays inside."""
    for label in set(inside) & set(RESTS):
        files, columns = RESTS[label]
        tables = {
            name: table.drop(columns=[column for column in columns if column in table])
            for name, table in tables.items()
            if name not in files
        }
    return tables


# Label -> the files that are about it, and the columns that tell it in other files.
RESTS: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {
    "circle": (
        frozenset(f"community/{name}.csv" for name in ("circles", "circle_topics", "circle_personas")),
        ("circle", "circle_id", "circle_confidence", "circle_n"),
    ),
    "community_role": (
        frozenset({"leaders.csv", "community/core_groups.csv"}),
        ("role", "role_confidence", "role_group_id", "role_n", "also", "influence", "why"),
    ),
    "answered": (
        frozenset(),
        ("answered_rate", "answered_lo", "answered_hi", "n_judged", "n_answerers", "evidence"),
    ),
    "group_health": (frozenset(), ("group_verdict",)),
}
