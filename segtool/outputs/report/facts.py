"""The report's facts: everything the page says, as plain data, with privacy already applied.

The template only lays out what stands here. A count that must not be shown is a text such as
"<5" before it reaches the template, so no layout can bring it back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from segtool.outputs.privacy import hide_small_sizes
from segtool.outputs.report.plan_facts import (
    MAX_ROWS,
    PlanGroup,
    describe_stage,
    plain_words,
    say_cap,
    surely_asked,
    with_hours,
    words,
)
from segtool.outputs.small_shares import mask_profile, mask_sentences, percent, read_profile, say_share
from segtool.plots import ink_on, persona_colours

TRAITS_PER_PERSONA = 5
MIN_KNOWN = 20


@dataclass(frozen=True)
class Trait:
    """One label value of a persona: how common there, and among everyone."""

    text: str
    share: float
    base: float
    share_text: str
    index_text: str


@dataclass(frozen=True)
class Card:
    """One persona, as a reader meets it."""

    number: int
    name: str
    colour: str
    ink: str
    size: str
    share: str
    share_width: float
    sentence: str
    traits: tuple[Trait, ...]
    topics: tuple[str, ...]
    doing: tuple[tuple[str, str], ...]
    timing: str
    trust: tuple[tuple[str, str, str], ...]
    rule: str


@dataclass(frozen=True)
class Table:
    """A table of texts; ``numeric`` are the columns that line up at the right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[int, ...] = ()
    left_out: str = ""


NOTHING = Table((), ())


@dataclass(frozen=True)
class ReportFacts:
    """Everything the page says."""

    title: str
    as_of: str
    timezone: str
    about: str
    simulated: bool
    verdict: str
    notes: tuple[str, ...]
    tiles: tuple[tuple[str, str, str], ...]
    cards: tuple[Card, ...]
    plan: tuple[PlanGroup, ...]
    plan_left_out: str
    plan_notes: tuple[str, ...]
    choice: Table
    coverage: Table
    conflicts: Table
    left_out: Table
    not_in_data: tuple[str, ...]
    data: Table
    made: tuple[tuple[str, str], ...]
    limits: tuple[str, ...]
    pixels: Table = NOTHING
    inferred: Table = NOTHING
    figures: dict[str, str] = field(default_factory=dict)


def describe_cards(
    labels, personas, plan, *, min_cell: int, sensitive: Sequence[str] = ()
) -> tuple[Card, ...]:
    """Return one card per persona, largest first."""
    portraits = personas.portraits().sort_values("persona_id", ignore_index=True)
    sizes = hide_small_sizes(portraits["n_users"], min_cell=min_cell)
    portraits["sentence"] = [_without_size(text) for text in mask_sentences(personas, portraits, min_cell)]
    profile = read_profile(personas)
    cards = []
    for row, size in zip(portraits.to_dict("records"), sizes, strict=True):
        traits = ()
        if not pd.isna(size):
            mine = profile[profile["persona_id"] == row["persona_id"]]
            traits = describe_traits(mine, labels.titles(), min_cell=min_cell, sensitive=sensitive)
        cards.append(_card(row, size, traits, plan, min_cell))
    return tuple(cards)


def _card(row: dict, size, traits: tuple[Trait, ...], plan, min_cell: int) -> Card:
    number, shown = int(row["persona_id"]), not pd.isna(size)
    colour = persona_colours([number])[number]
    return Card(
        number=number,
        name=str(row["persona"]),
        colour=colour,
        ink=ink_on(colour),
        size=f"{size:,}" if shown else "too few to show",
        share=percent(row["share"]) if shown else "",
        share_width=float(row["share"]) if shown else 0.0,
        sentence=row["sentence"] if shown else "",
        traits=traits,
        topics=surely_asked(plan, number),
        doing=_doing(plan, number, min_cell),
        timing=_timing(plan, number, min_cell),
        trust=_trust(row) if shown and row["share"] < 1 else (),  # of one, everyone is surely a member
        rule=_rule(row, min_cell) if shown else "",
    )


def _without_size(sentence: str) -> str:
    """Return a persona's sentence without the size it begins with: the card has said it."""
    sentence = re.sub(r"^[\d,]+ users(?: \([\d.]+ ?%\))?[.,]?\s*", "", sentence)
    return sentence[:1].upper() + sentence[1:]


def describe_traits(
    profile: pd.DataFrame, titles: dict[str, str], *, min_cell: int, sensitive: Sequence[str] = ()
) -> tuple[Trait, ...]:
    """Return the label values that set one persona apart most, by effect.

    A value few have, or that all but a few have, is left out: its share would count them.
    """
    if profile.empty:
        return ()
    n_in = profile["n_known"] * profile["share_in"]
    clear = (
        (profile["index"] > 110) & (profile["n_known"] >= MIN_KNOWN) & ~profile["label"].isin(list(sensitive))
    )
    enough = (n_in.round() >= min_cell) & ~profile["value"].isin(["no"])
    best = profile[clear & enough].sort_values(["effect", "label", "value"], ascending=[False, True, True])
    best = best.drop_duplicates("label") if best["label"].nunique() >= TRAITS_PER_PERSONA else best
    best = mask_profile(best.head(TRAITS_PER_PERSONA), min_cell)
    return tuple(_trait(row, titles) for row in best.to_dict("records"))


def _trait(row: dict, titles: dict[str, str]) -> Trait:
    title = titles.get(row["label"], row["label"].replace("_", " "))
    over = "over " if row["hidden"] else ""
    share = f"{over}{percent(row['share_in'])} of {row['n_known']:,} known"
    return Trait(
        text=title if row["value"] == "yes" else f"{title}: {words(row['value'])}",
        share=float(row["share_in"]),
        base=float(row["share_base"]),
        share_text=f"{share}, everyone {percent(row['share_base'])}",
        index_text=f"{over}{row['index']:.0f}",
    )


def _first_row(plan, number: int) -> pd.Series | None:
    mine = plan.table[plan.table["persona_id"] == number].sort_values("rank")
    return None if mine.empty else mine.iloc[0]


def _doing(plan, number: int, min_cell: int) -> tuple[tuple[str, str], ...]:
    """Return when, where, how often and at which stage, from the persona's first row of the plan."""
    first = _first_row(plan, number)
    if first is None:
        return ()
    said = {
        "Best time": words(first.get("daypart")),
        "Channel": words(first.get("channel")),
        "At most": say_cap(first.get("weekly_cap")),
    }
    stage = describe_stage(plan, number, words(first.get("stage")), min_cell)
    return tuple((name, text) for name, text in (*said.items(), stage) if text)


def _timing(plan, number: int, min_cell: int) -> str:
    """Return what the best time rests on: the busiest hour of all may lie in the quiet ones."""
    first = _first_row(plan, number)
    if first is None or not words(first.get("daypart")):
        return ""
    why = first.get("why_daypart") if first["n_users"] >= min_cell else ""
    text = with_hours(plain_words(why) if isinstance(why, str) else "", plan)
    return f"Best time: {text}." if text else ""


def _trust(row: dict) -> tuple[tuple[str, str, str], ...]:
    said = (
        ("Found again", row.get("stability"),
         "overlap with the same persona in halves of the users: over 0.75 is sound, below 0.6 is loose"),
        ("Surely a member", row.get("mean_membership"),
         "how likely its users belong here rather than elsewhere, on average: 1 is certain"),
    )  # fmt: skip
    return tuple(
        (name, f"{value:.2f}", hint) for name, value, hint in said if value is not None and value == value
    )


def _rule(row: dict, min_cell: int) -> str:
    rule = row.get("rule")
    if rule is None or rule != rule or not str(rule):
        return ""
    rule = plain_words(rule)
    known = all(
        row.get(name) is not None and row[name] == row[name] for name in ("rule_precision", "rule_recall")
    )
    if not known:
        return rule
    right, found = (
        say_share(row[name], row["n_users"], min_cell) for name in ("rule_precision", "rule_recall")
    )
    return f"{rule} ({right} of those it names belong here; it finds {found} of them)"


def describe_table(
    frame: pd.DataFrame, columns: dict[str, str], *, max_rows: int = MAX_ROWS, where_all: str = ""
) -> Table:
    """Return a table of texts: the columns that are there, renamed, numbers rounded for reading.

    Parameters
    ----------
    frame : pd.DataFrame
    columns : dict of str to str
        Column to heading; a heading that ends in "%" shows a share as per cent.
    max_rows : int
        More are left out, and the table says where they are.
    where_all : str
        The file that holds all rows.
    """
    present = {name: heading for name, heading in columns.items() if name in frame.columns}
    shown = frame[list(present)].head(max_rows)
    cells = [[_cell(value, heading) for value in shown[name]] for name, heading in present.items()]
    numeric = tuple(
        place
        for place, name in enumerate(present)
        if pd.api.types.is_numeric_dtype(frame[name]) and not pd.api.types.is_bool_dtype(frame[name])
    )
    left_out = f"{len(frame) - max_rows:,} more rows: {where_all}" if len(frame) > max_rows else ""
    headings = tuple(heading.removesuffix("%").strip() for heading in present.values())
    return Table(headings, tuple(zip(*cells, strict=True)) if cells else (), numeric, left_out)


def _cell(value, heading: str) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return "–"
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return "yes" if value else "no"
    if hasattr(value, "item"):
        value = value.item()
    if heading.endswith("%"):
        return percent(value)
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.2f}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,.0f}" if isinstance(value, (int, float)) else str(value)
