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
from segtool.outputs.report.community_facts import CommunityFacts
from segtool.outputs.report.plan_facts import (
    PlanGroup,
    describe_stage,
    plain_words,
    plans_nothing,
    say_cap,
    surely_asked,
    with_hours,
    words,
)
from segtool.outputs.report.proof_facts import ProofFacts
from segtool.outputs.report.text_table import NOTHING, Table, describe_table
from segtool.outputs.sensitive import mentions, words_of
from segtool.outputs.small_shares import mask_profile, mask_sentences, percent, read_profile, say_share
from segtool.personas.portrait.cards import CardContrast, CardRule, CardTrait, PersonaCard, list_cards
from segtool.personas.portrait.exemplars import TOO_LITTLE, describe_unsure
from segtool.plots import ink_on, persona_colours

UNSURE_COLUMNS = {"why": "Why unsure", "n_users": "Users", "share": "Of all users %"}
MAX_PAIRS = 6
MIN_WITH_VALUE = 10  # users with a value before a card tells it; more where small cells are larger


@dataclass(frozen=True)
class Trait:
    """One label value of a persona: how common there, and among everyone.

    ``low`` and ``high`` are the ends of the index's interval on the scale of shares; where the share
    is a bound, both are the share.
    """

    text: str
    share: float
    base: float
    low: float
    high: float
    share_text: str
    index_text: str
    interval_text: str


@dataclass(frozen=True)
class Card:
    """One persona, as a reader meets it; no user of it is named."""

    number: int
    name: str
    colour: str
    ink: str
    size: str
    share: str
    share_width: float
    sentence: str
    stability: str
    traits: tuple[Trait, ...]
    nearest: str
    contrast: tuple[tuple[str, str, str], ...]
    topics: tuple[str, ...]
    doing: tuple[tuple[str, str], ...]
    timing: str
    trust: tuple[tuple[str, str, str], ...]
    rule: str
    rule_worth: str


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
    unsure: Table = NOTHING
    advice: dict[str, Table] = field(default_factory=dict)  # by persona
    proof: ProofFacts | None = None
    community: CommunityFacts | None = None
    figures: dict[str, str] = field(default_factory=dict)


def describe_cards(
    labels, personas, plan, *, min_cell: int, sensitive: Sequence[str] = ()
) -> tuple[Card, ...]:
    """Return one card per persona, largest first, in which nothing counts few people."""
    portraits = personas.portraits().sort_values("persona_id", ignore_index=True)
    sizes = hide_small_sizes(portraits["n_users"], min_cell=min_cell)
    sentences = [_without_size(text) for text in mask_sentences(personas, portraits, min_cell)]
    profile = mask_profile(read_profile(personas), min_cell)
    found = list_cards(
        personas, leave_out=sensitive, profile=profile, min_users=max(min_cell, MIN_WITH_VALUE)
    )
    inside = words_of(labels, sensitive)
    return tuple(
        _card(card, size, "" if mentions(sentence, inside) else sentence, plan, min_cell, inside)
        for card, size, sentence in zip(found, sizes, sentences, strict=True)
    )


def _card(card: PersonaCard, size, sentence: str, plan, min_cell: int, inside: set[str]) -> Card:
    number, shown = card.persona_id, not pd.isna(size)
    colour = persona_colours([number])[number]
    traits = tuple(_trait(trait) for trait in card.traits) if shown else ()
    contrast = tuple(_contrast(each, min_cell) for each in card.contrast) if shown else ()
    rule = card.rule if shown and card.rule and not mentions(card.rule.text, inside) else None
    return Card(
        number=number,
        name=card.name,
        colour=colour,
        ink=ink_on(colour),
        size=f"{size:,}" if shown else "too few to show",
        share=percent(card.share) if shown else "",
        share_width=card.share if shown else 0.0,
        sentence=sentence if shown and not (traits or contrast) else "",
        stability=_capital(card.stability_words) if shown else "",
        traits=traits,
        nearest=card.nearest,
        contrast=contrast,
        topics=surely_asked(plan, number),
        doing=_doing(plan, number, min_cell),
        timing=_timing(plan, number, min_cell),
        trust=_trust(card) if shown and card.share < 1 else (),  # of one, everyone is surely a member
        rule=plain_words(card.recognise) if rule else "",
        rule_worth=_worth(rule, card, min_cell) if rule else "",
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _without_size(sentence: str) -> str:
    """Return a persona's sentence without the size it begins with: the card has said it."""
    sentence = re.sub(r"^[\d,]+ users(?: \([\d.]+ ?%\))?[.,]?\s*", "", sentence)
    return _capital(sentence)


def _trait(trait: CardTrait) -> Trait:
    """Return a trait in words; a hidden share is a bound, and so are its bar and index."""
    over = {">": "over ", "<": "under "}.get(trait.hidden, "")
    low, high = trait.share_range
    is_exact = low == low and not trait.hidden
    share = f"{over}{percent(trait.share)} of {trait.n_known:,} known"
    return Trait(
        text=plain_words(trait.text),
        share=trait.share,
        base=trait.base,
        low=low if is_exact else trait.share,
        high=high if is_exact else trait.share,
        share_text=f"{share}, everyone {percent(trait.base)}",
        index_text=f"{over}{trait.index:.0f}",
        interval_text=f"({trait.index_low:.0f}–{trait.index_high:.0f})" if is_exact else "",
    )


def _contrast(each: CardContrast, min_cell: int) -> tuple[str, str, str]:
    """Return a value, its share here, and its share in the nearest persona."""
    mine = say_share(each.share, each.n_known, min_cell)
    return plain_words(each.text), mine, say_share(each.share_nearest, each.n_known_nearest, min_cell)


def _first_row(plan, number: int) -> pd.Series | None:
    mine = plan.table[plan.table["persona_id"] == number].sort_values("rank")
    return None if mine.empty else mine.iloc[0]


def _doing(plan, number: int, min_cell: int) -> tuple[tuple[str, str], ...]:
    """Return when, where, how often and at which stage, from the persona's first row of the plan."""
    first = _first_row(plan, number)
    if first is None or plans_nothing(plan):
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


def _trust(card: PersonaCard) -> tuple[tuple[str, str, str], ...]:
    said = (
        ("Found again", card.stability,
         "overlap with the same persona in halves of the users: over 0.75 is sound, below 0.6 is loose"),
        ("Surely a member", card.mean_membership,
         "how likely its users belong here rather than elsewhere, on average: 1 is certain"),
    )  # fmt: skip
    return tuple((name, f"{value:.2f}", hint) for name, value, hint in said if value == value)


def _worth(rule: CardRule, card: PersonaCard, min_cell: int) -> str:
    """Return what a rule is worth on users it was not searched on, without counting few of them."""
    few = 0 < rule.n_caught < min_cell or 0 < rule.n_members < min_cell
    if few or rule.precision != rule.precision or rule.recall != rule.recall:
        return f"{rule.verdict}."
    right = say_share(rule.precision, rule.n_caught or card.n_users, min_cell)
    found = say_share(rule.recall, rule.n_members or card.n_users, min_cell)
    named = f"the {rule.n_caught:,} held-out users" if rule.n_caught else "those"
    who_do = f"of the {rule.n_members:,} who do" if rule.n_members else "of all who do"
    return f"{rule.verdict}: of {named} it names {right} belong here; {who_do} it finds {found}."


def describe_unsure_users(personas, min_cell: int) -> Table:
    """Return why users are unsure, with how many: the commonest pairs of personas, the rest as one.

    All rows together are the share of unsure users that stands elsewhere on the page, so a small
    count takes a second one with it.
    """
    if getattr(personas, "probabilities", None) is None:
        return NOTHING
    found = describe_unsure(personas)
    if found.empty:
        return NOTHING
    whys = [
        "too little is known of them"
        if row.reason == TOO_LITTLE
        else f"between {row.persona} and {row.other}"
        for row in found.itertuples(index=False)
    ]
    table = pd.DataFrame({"why": whys, "n_users": found["n_users"], "share": found["share"]})
    if len(table) > MAX_PAIRS + 1:
        rest = table.iloc[MAX_PAIRS:]
        pooled = {"why": "between other personas", **rest[["n_users", "share"]].sum()}
        table = pd.concat([table.head(MAX_PAIRS), pd.DataFrame([pooled])], ignore_index=True)
    sizes = hide_small_sizes(table["n_users"], min_cell=min_cell)
    table = table.assign(n_users=sizes, share=table["share"].mask(sizes.isna()))
    return describe_table(table, UNSURE_COLUMNS)
