"""Persona cards as HTML for a notebook: styles in place, nothing loaded, no script, every text escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import pandas as pd

from segtool.checks import check_number
from segtool.display import join_words
from segtool.personas.found import FoundPersonas
from segtool.personas.portrait.cards import CardContrast, CardRule, CardTrait, PersonaCard, list_cards
from segtool.personas.portrait.exemplars import find_exemplars

COLOUR = "#0b5c91"
# Greys of some transparency: they stay legible on the dark ground of a notebook too.
_LINE, _TRACK, _MUTED = "rgba(127,140,150,.4)", "rgba(127,140,150,.22)", "opacity:.72"
_SMALL = "font-size:.875em"


def render_cards(
    personas: FoundPersonas,
    *,
    n_traits: int = 5,
    n_exemplars: int = 0,
    colours: Mapping[int, str] | None = None,
) -> str:
    """Return the persona cards as HTML.

    Parameters
    ----------
    personas : Personas
    n_traits : int
        Values per card.
    n_exemplars : int
        Typical users named on each card, with as many who sit between two personas. None by
        default: with ids in it a page is not for passing on.
    colours : Mapping of int to str, optional
        By persona_id, such as `segtool.plots.persona_colours` gives, as in "#0072B2".

    Returns
    -------
    str
        For ``IPython.display.HTML``; side by side where there is room, below each other on a phone.

    Examples
    --------
    >>> from segtool.personas import Personas
    >>> given = Personas.from_assignments(["a", "b", "c"], [1, 1, 2], names={1: "Regulars", 2: "<b>"})
    >>> "&lt;b&gt;" in render_cards(given)
    True
    """
    check_number("n_exemplars", n_exemplars, low=0, integer=True)
    people = find_exemplars(personas, n_exemplars, n_exemplars) if n_exemplars else pd.DataFrame()
    cards = [
        _card(card, (colours or {}).get(card.persona_id, COLOUR), _of(people, card.persona_id))
        for card in list_cards(personas, n_traits=n_traits)
    ]
    return (
        f"<div style='{_SMALL};line-height:1.45'><p>{explain_cards()}</p>"
        "<div style='display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24em),1fr));gap:16px'>"
        f"{''.join(cards)}</div></div>"
    )


def explain_cards() -> str:
    """Return how a card is read, in two sentences."""
    return (
        "A bar is the share of the persona with a trait, among those of whom it is known; the upright mark is "
        "the share of everyone. The number is the index with its 95% interval, also drawn as the thin line: "
        "100 is average, over 120 is typical."
    )


def _of(people: pd.DataFrame, number: int) -> pd.DataFrame:
    return people[people["persona_id"] == number] if len(people) else people


def _card(card: PersonaCard, colour: str, people: pd.DataFrame) -> str:
    colour = escape(colour, quote=True)
    unsure = f", {card.n_unsure:,} of them unsure" if card.n_unsure else ""
    parts = [
        f"<div style='font-size:1.2em;font-weight:700;overflow-wrap:anywhere'>{escape(card.name)}</div>",
    ]
    if card.share == card.share:
        size = f"<b>{card.share:.0%}</b> <span style='{_MUTED}'>{card.n_users:,} users{unsure}</span>"
        parts += [f"<div>{size}</div>", _bar(card.share, colour, height=5)]
    else:  # of a file that does not tell it
        parts.append(_muted("Size not told"))
    if card.stability_words:
        parts.append(_muted(f"Stability {card.stability:.2f}, {escape(card.stability_words)}"))
    if card.traits:
        parts += [_head("Typical of them"), *(_trait(trait, colour) for trait in card.traits)]
    if card.contrast:
        parts += [_head(f"Unlike {escape(card.nearest)}"), *(_contrast(each) for each in card.contrast)]
    if not card.traits and not card.contrast and card.sentence:
        parts.append(f"<p>{escape(card.sentence)}</p>")
    if card.recognise:
        parts += [_head("How to recognise them"), f"<div>{escape(card.recognise)}</div>"]
        parts += [_muted(escape(say_rule(card.rule)))] if card.rule else []
    parts += _people(people)
    style = f"border:1px solid {_LINE};border-top:4px solid {colour};border-radius:8px;padding:12px 14px;text-align:left"
    return f"<div style='{style};overflow-wrap:anywhere'>{''.join(parts)}</div>"


def _head(text: str) -> str:
    return f"<div style='margin:12px 0 4px;font-weight:600'>{text}</div>"


def _muted(text: str) -> str:
    return f"<div style='{_SMALL};{_MUTED}'>{text}</div>"


def _trait(trait: CardTrait, colour: str) -> str:
    natural = f"; {trait.natural}" if trait.natural else ""
    said = f"{trait.share:.0%} of {trait.n_known:,} known, everyone {trait.base:.0%}{natural}"
    return (
        "<div style='margin:0 0 8px'><div style='display:flex;justify-content:space-between;gap:1em'>"
        f"<span>{escape(trait.text)}</span><span style='white-space:nowrap'>{say_index(trait)}</span></div>"
        f"{_bar(trait.share, colour, trait.base, trait.share_range)}{_muted(escape(said))}</div>"
    )


def say_index(trait: CardTrait) -> str:
    """Return the index with its interval, such as "343 (310–380)"."""
    index = f"<b>{trait.index:.0f}</b>"
    if trait.index_low != trait.index_low:
        return index
    return f"{index} ({trait.index_low:.0f}–{trait.index_high:.0f})"


def _bar(
    share: float,
    colour: str,
    base: float | None = None,
    ends: tuple[float, float] | None = None,
    height: int = 8,
):
    """Return a bar of a share; with a mark at everyone's, and a line where the share may end."""
    at = "position:absolute"
    inner = f"<i style='{at};left:0;top:0;bottom:0;width:{100 * share:.1f}%;background:{colour}'></i>"
    if ends and ends[0] == ends[0]:
        width = 100 * (ends[1] - ends[0])
        middle = f"top:calc(50% - 1px);height:2px;width:{width:.1f}%"
        inner += f"<i style='{at};left:{100 * ends[0]:.1f}%;{middle};background:currentColor'></i>"
    if base is not None:
        inner += f"<i style='{at};left:{100 * base:.1f}%;top:-2px;bottom:-2px;width:2px;background:currentColor'></i>"
    return f"<div style='position:relative;height:{height}px;background:{_TRACK};margin:3px 0'>{inner}</div>"


def _contrast(each: CardContrast) -> str:
    return f"<div>{escape(each.text)}: <b>{each.share:.0%}</b> instead of {each.share_nearest:.0%}</div>"


def say_rule(rule: CardRule) -> str:
    """Return what a rule is worth, in words, with what it was measured on.

    Examples
    --------
    >>> say_rule(CardRule("age is 55+", 0.945, 0.699, 91, 123))
    'A rule of thumb, no definition: of the 91 held-out users it names 94% belong here; of the 123 who do it finds 70%.'
    """
    if rule.precision != rule.precision or rule.recall != rule.recall:
        return f"{rule.verdict}."
    if not rule.n_caught or not rule.n_members:
        return f"{rule.verdict}: of those it names {rule.precision:.0%} belong here; it finds {rule.recall:.0%} of them."
    return (
        f"{rule.verdict}: of the {rule.n_caught:,} held-out users it names {rule.precision:.0%} belong here; "
        f"of the {rule.n_members:,} who do it finds {rule.recall:.0%}."
    )


def _people(people: pd.DataFrame) -> list[str]:
    if people.empty:
        return []
    typical = people[people["kind"] == "typical"]["user_id"].astype(str)
    between = people[people["kind"] == "borderline"]
    said = []
    if len(typical):
        said.append(f"Typical: {escape(join_words(list(typical)))}")
    for row in between.itertuples(index=False):
        said.append(f"Between this and {escape(row.other)}: {escape(str(row.user_id))}")
    return [_head("People to look at"), *(f"<div>{line}</div>" for line in said)] if said else []
