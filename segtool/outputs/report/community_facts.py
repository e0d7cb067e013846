"""What the report says of the groups: a card each, what threatens, what to change, who brings whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from segtool.community.health.rules import CHAT, DEAD, LOUD, NEW, OVERGROWN, QUIET, THRIVING, TOO_LITTLE
from segtool.outputs.community_masks import TOO_FEW, mask_crowd, tell_community
from segtool.outputs.community_tables import list_tables
from segtool.outputs.report.plan_facts import plain_words, words
from segtool.outputs.report.text_table import NOTHING, Table, describe_table
from segtool.outputs.small_shares import percent

MOST_CARDS = 24  # a page of more is not read: groups.csv has them all, those in trouble come first
# Those that need somebody come first.
ORDER = (DEAD, OVERGROWN, CHAT, LOUD, THRIVING, QUIET, NEW, TOO_LITTLE)
COLOURS = {
    THRIVING: ("#2a7f4f", "#fff"), QUIET: ("#5b7f95", "#fff"), NEW: ("#8a8f98", "#fff"),
    DEAD: ("#4b4f57", "#fff"), CHAT: ("#b26a00", "#fff"), LOUD: ("#8b4a9c", "#fff"),
    OVERGROWN: ("#b3403a", "#fff"),
}  # fmt: skip
GREY = ("#e3e7ea", "#1f2933")
# Measure, the number of what it rests on, how it is called, of what.
MEASURES = (
    ("active_share", "n_members", "Wrote in the window", "members"),
    ("answered", "answered_n", "Messages answered", "messages"),
    ("on_topic", "on_topic_n", "On its topic", "messages"),
    ("top3", "top3_n", "By the three busiest", "messages"),
    ("newcomer_answered", "newcomer_answered_n", "Newcomers answered", "messages of newcomers"),
    ("veteran", "veteran_n", "By veterans", "messages"),
)
TABLES = {
    "warnings": ("community/warnings.csv", {"group_id": "Group", "since": "Since", "said": "What was seen"}),
    "newcomers": (
        "community/newcomers.csv",
        {"group_id": "Group", "n_entrants": "Newcomers", "measure": "What", "before": "Before",
         "after": "After", "lo": "Change from", "hi": "To", "said": "In words"},
    ),
    "merges": (
        "community/merges.csv",
        {"group_id": "Group", "into_group_id": "Into", "n_after": "Members then", "reason": "Why",
         "against": "What speaks against it"},
    ),
    "circles": (
        "community/circles.csv",
        {"name": "Circle", "n_users": "Users", "stability": "Stability", "ties_inside": "Ties inside %",
         "topics": "What it is about"},
    ),
    "beside": (
        "community/circle_personas.csv",
        {"circle_name": "Circle", "persona": "Persona", "n_users": "Users", "share": "Of the circle %",
         "base_share": "Of everyone %", "index": "Index"},
    ),
    "activities": (
        "community/activities.csv",
        {"group_id": "Group", "title": "Activity", "lift": "Messages, times usual", "lo": "From", "hi": "To",
         "n_controls": "Groups compared with", "verdict": "Verdict", "reason": "In words"},
    ),
    "growth": ("community/growth.csv", {"title": "Group", "n_watched": "Members followed", "k": "Brought per member",
                                        "lo": "From", "hi": "To", "sentence": "In words"}),
    "invited": (
        "community/invited.csv",
        {"by": "By", "value": "Who", "measure": "What", "n_invited": "Invited", "n_alone": "Came alone",
         "invited": "Invited %", "alone": "Alone %", "lo": "Difference from", "hi": "To", "verdict": "Verdict"},
    ),
}  # fmt: skip
ROWS = 12


@dataclass(frozen=True)
class GroupCard:
    """One group, as a community manager meets it; no member of it is named."""

    group_id: str
    title: str
    verdict: str
    colour: str
    ink: str
    size: str
    band: str
    measures: tuple[tuple[str, str, str], ...]
    reasons: str
    counter: str
    would_change: str
    about: str
    doing: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class CommunityFacts:
    """The groups, as the page says them."""

    headline: str
    cards: tuple[GroupCard, ...]
    left_out: str
    tables: dict[str, Table]
    circles_said: str
    problems: Table
    notes: tuple[str, ...]


def describe_community(
    community, plan, min_cell: int, sensitive: Sequence[str] = ()
) -> CommunityFacts | None:
    """Return what is said of the groups; None where there are none.

    Parameters
    ----------
    community : Community or None
    plan : Plan
        For what to post in each group.
    min_cell : int
    sensitive : sequence of str
        Labels that are not to appear.
    """
    if community is None or community.talk.groups.empty:
        return None
    told = tell_community(community, min_cell)
    groups = told.groups
    posts = getattr(plan, "group_posts", None)
    posts = None if posts is None or posts.empty else posts.set_index("group_id")
    place = (
        groups["verdict"].map({verdict: number for number, verdict in enumerate(ORDER)}).fillna(len(ORDER))
    )
    ordered = groups.assign(place=place).sort_values(["place", "group_id"], kind="stable")
    cards = [_card(row, posts, min_cell) for row in ordered.head(MOST_CARDS).to_dict("records")]
    more = len(groups) - len(cards)
    tables = list_tables(community, min_cell, sensitive, told)
    return CommunityFacts(
        headline=told.headline + ".",
        cards=tuple(cards),
        left_out=f"{more:,} more groups: groups.csv has them all" if more > 0 else "",
        tables={name: _table(tables, *said) for name, said in TABLES.items()},
        circles_said="" if "circle" in sensitive else mask_crowd(_say_circles(community), min_cell),
        problems=describe_table(
            community.talk.problems, {"what": "Found", "n": "How often", "handled": "What was done"}
        ),
        notes=tuple(plain_words(mask_crowd(note, min_cell)) for note in community.notes),
    )


def _table(tables: dict[str, pd.DataFrame], file: str, columns: dict[str, str]) -> Table:
    if file not in tables or tables[file].empty:
        return NOTHING
    table = tables[file]
    for name in table:
        if name in ("persona", "measure", "verdict", "by"):
            table = table.assign(**{name: [words(value) for value in table[name]]})
        if pd.api.types.is_datetime64_any_dtype(table[name]):
            table = table.assign(**{name: table[name].dt.strftime("%Y-%m-%d")})
    return describe_table(table, columns, max_rows=ROWS, where_all=f"{file} has them all")


def _say_circles(community) -> str:
    said = community.circles.headline() + "."
    beside = community.circle_personas
    if beside is not None:
        said += f" {beside.headline().rstrip('.')}."
    return said


def _card(row: dict, posts: pd.DataFrame | None, min_cell: int) -> GroupCard:
    verdict = row["verdict"]
    colour, ink = COLOURS.get(verdict, GREY)
    n = row["n_members"]
    known = posts is not None and row["group_id"] in posts.index and verdict != TOO_FEW
    post = posts.loc[row["group_id"]] if known else None
    doing = [
        ("To do", _said(row.get("do"))),
        ("Posts", "" if post is None else _say_posts(post)),
        ("Size", _said(row.get("needs"))),
        ("Missing", _said(row.get("missing_roles"))),
        ("Split", _say_split(row)),
        ("Merge", f"into {row['merge_into']}" if _said(row.get("merge_into")) else ""),
    ]
    return GroupCard(
        group_id=row["group_id"],
        title=_said(row["title"]) or row["group_id"],
        verdict=verdict,
        colour=colour,
        ink=ink,
        size="size not known" if pd.isna(n) else f"{int(n):,} members",
        band=_said(row.get("band")),
        measures=tuple(_measures(row, min_cell)),
        reasons=_said(row.get("reasons")),
        counter=_said(row.get("counter")),
        would_change=_said(row.get("would_change")),
        about=words(_said(row.get("sentence"))),
        doing=tuple((name, text) for name, text in doing if text),
    )


def _measures(row: dict, min_cell: int):
    for name, n, title, of in MEASURES:
        share, count = row.get(name), row.get(n)
        if share is None or pd.isna(share) or pd.isna(count) or count < min_cell:
            continue
        yield title, percent(float(share)), f"of {int(count):,} {of}"


def _say_posts(post: pd.Series) -> str:
    if pd.isna(post["posts_per_week"]):
        return ""
    if post["posts_per_week"] == 0:
        return f"none: {post['reason']}"
    when = f", {post['daypart']}" if post["daypart"] else ""
    return f"up to {post['posts_per_week']:.0f} a week{when}"


def _say_split(row: dict) -> str:
    if pd.isna(row.get("n_parts")) or row["n_parts"] < 2:
        return ""
    kept = row.get("kept_share")
    said = f"into {int(row['n_parts'])} parts"
    return said if pd.isna(kept) else f"{said}, which keeps {percent(float(kept))} of the ties"


def _said(value) -> str:
    return "" if value is None or (isinstance(value, float) and value != value) else str(value)
