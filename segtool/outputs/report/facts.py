"""The report's facts: everything the page says, as plain data, with privacy already applied.

The template only lays out what stands here. A count that must not be shown is a text such as
"<5" before it reaches the template, so no layout can bring it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from segtool.errors import NotFittedError
from segtool.outputs.privacy import hide_small_sizes
from segtool.plots import ink_on, persona_colours

MAX_ROWS = 200
TRAITS_PER_PERSONA = 5
TOPICS_PER_PERSONA = 5
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
    trust: tuple[tuple[str, str], ...]
    rule: str


@dataclass(frozen=True)
class Table:
    """A table of texts; ``numeric`` are the columns that line up at the right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[int, ...] = ()
    left_out: str = ""


@dataclass(frozen=True)
class PlanGroup:
    """One persona's rows of the plan."""

    persona: str
    colour: str
    users: str
    rows: tuple[tuple[str, ...], ...]


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
    tiles: tuple[tuple[str, str], ...]
    cards: tuple[Card, ...]
    plan_headings: tuple[str, ...]
    plan: tuple[PlanGroup, ...]
    plan_left_out: str
    plan_notes: tuple[str, ...]
    choice: Table
    coverage: Table
    conflicts: Table
    left_out: Table
    data: Table
    made: tuple[tuple[str, str], ...]
    limits: tuple[str, ...]
    figures: dict[str, str] = field(default_factory=dict)


def describe_cards(
    labels, personas, plan, *, min_cell: int, sensitive: Sequence[str] = ()
) -> tuple[Card, ...]:
    """Return one card per persona, largest first."""
    portraits = personas.portraits().sort_values("persona_id", ignore_index=True)
    sizes = hide_small_sizes(portraits["n_users"], min_cell=min_cell)
    colours = persona_colours(portraits["persona_id"])
    profile = _profile(personas)
    titles = labels.titles()
    widest = max(portraits["share"].max(), 1e-9)
    cards = []
    for row, size in zip(portraits.to_dict("records"), sizes, strict=True):
        number, shown = int(row["persona_id"]), not pd.isna(size)
        mine = profile[profile["persona_id"] == number]
        cards.append(
            Card(
                number=number,
                name=str(row["persona"]),
                colour=colours[number],
                ink=ink_on(colours[number]),
                size=f"{size:,}" if shown else "too few to show",
                share=percent(row["share"]) if shown else "",
                share_width=row["share"] / widest if shown else 0.0,
                sentence=_sentence(row) if shown else "",
                traits=describe_traits(mine, titles, min_cell=min_cell, sensitive=sensitive) if shown else (),
                topics=_topics(plan, number),
                doing=_doing(plan, number),
                trust=_trust(row) if shown else (),
                rule=_rule(row) if shown else "",
            )
        )
    return tuple(cards)


def _profile(personas) -> pd.DataFrame:
    """Return the profile; that of personas given as a list of users, which have none, is empty."""
    try:
        return personas.profile()
    except NotFittedError:
        return pd.DataFrame(
            columns=["persona_id", "label", "value", "n_known", "share_in", "share_base", "index", "effect"]
        )


def _sentence(row: dict) -> str:
    """Return the persona's sentence without the size it begins with: the card has said it."""
    sentence = str(row["sentence"] or "")
    if sentence.startswith(f"{row['n_users']:,} users"):
        sentence = (
            sentence.partition("users")[2].partition(", " if ", typically" in sentence else ".")[2].strip()
        )
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
    return tuple(_trait(row, titles, min_cell) for row in best.head(TRAITS_PER_PERSONA).to_dict("records"))


def _trait(row: dict, titles: dict[str, str], min_cell: int) -> Trait:
    title = titles.get(row["label"], row["label"].replace("_", " "))
    others = round(row["n_known"] * (1 - row["share_in"]))
    share = f"over {1 - min_cell / row['n_known']:.0%}" if 0 < others < min_cell else percent(row["share_in"])
    return Trait(
        text=title if row["value"] == "yes" else f"{title}: {words(row['value'])}",
        share=float(row["share_in"]),
        base=float(row["share_base"]),
        share_text=f"{share}, everyone {percent(row['share_base'])}",
        index_text=f"{row['index']:.0f}",
    )


def _topics(plan, number: int) -> tuple[str, ...]:
    mine = plan.table[plan.table["persona_id"] == number].sort_values("rank")
    return tuple(str(topic) for topic in mine["topic"].dropna().head(TOPICS_PER_PERSONA))


def _doing(plan, number: int) -> tuple[tuple[str, str], ...]:
    """Return when, where, how often and at which stage, from the persona's first row of the plan."""
    mine = plan.table[plan.table["persona_id"] == number].sort_values("rank")
    if mine.empty:
        return ()
    first = mine.iloc[0]
    cap = first.get("weekly_cap")
    said = {
        "Best time": words(first.get("daypart")),
        "Channel": words(first.get("channel")),
        "At most": "" if pd.isna(cap) else f"{cap:g} a week",
        "Typical stage": words(first.get("stage")),
    }
    return tuple((name, text) for name, text in said.items() if text)


def _trust(row: dict) -> tuple[tuple[str, str], ...]:
    said = {"Stability over refits": row.get("stability"), "Mean membership": row.get("mean_membership")}
    return tuple(
        (name, f"{value:.2f}") for name, value in said.items() if value is not None and value == value
    )


def _rule(row: dict) -> str:
    rule = row.get("rule")
    if rule is None or rule != rule or not str(rule):
        return ""
    known = all(
        row.get(name) is not None and row[name] == row[name] for name in ("rule_precision", "rule_recall")
    )
    if not known:
        return str(rule)
    right, found = percent(row["rule_precision"]), percent(row["rule_recall"])
    return f"{rule} ({right} of those it names belong here; it finds {found} of them)"


def describe_plan(
    table: pd.DataFrame, columns: dict[str, str], *, min_cell: int
) -> tuple[tuple[str, ...], tuple[PlanGroup, ...]]:
    """Return the headings, and one group of rows per persona.

    Parameters
    ----------
    table : pd.DataFrame
        As `Plan.table`.
    columns : dict of str to str
        Column to heading.
    min_cell : int
        A persona of fewer users shows no count.
    """
    table = table.sort_values(["persona_id", "rank"]).head(MAX_ROWS).copy()
    table["interval"] = [_interval(row.estimate, row.lo, row.hi) for row in table.itertuples(index=False)]
    for name in ("daypart", "channel", "stage"):
        table[name] = [words(value) for value in table[name]]
    colours = persona_colours(table["persona_id"].unique())
    groups = []
    for persona_id, mine in table.groupby("persona_id", sort=True):
        n = int(mine["n_users"].iloc[0])
        users = f"estimated from {n:,} users" if n >= min_cell else f"fewer than {min_cell} users"
        rows = describe_table(mine, columns)
        groups.append(PlanGroup(str(mine["persona"].iloc[0]), colours[int(persona_id)], users, rows.rows))
    headings = tuple(heading for name, heading in columns.items() if name in table.columns)
    return headings, tuple(groups)


def _interval(estimate: float, lo: float, hi: float) -> str:
    if pd.isna(estimate):
        return ""
    return f"{estimate:.2f}×" if pd.isna(lo) or pd.isna(hi) else f"{estimate:.2f}× ({lo:.2f} to {hi:.2f})"


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


def percent(share: float) -> str:
    """Return a share as whole per cent; a small one is not rounded to nothing.

    Examples
    --------
    >>> percent(0.314), percent(0.004), percent(0.0)
    ('31%', '<1%', '0%')
    """
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def words(value) -> str:
    """Return a name such as ``app_push`` as words, and nothing for what is unknown.

    Examples
    --------
    >>> words("app_push"), words(None)
    ('app push', '')
    """
    return "" if value is None or value != value else str(value).replace("_", " ")
