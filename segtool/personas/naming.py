"""Plain names and two-sentence portraits, made from the phrases of the labels that define a persona.

A name is put together from what the analyst already wrote in the catalogue ("likes {value}",
"{value} spending power"): who they are first, then what they are into, then how they act. The
little grammar here only knows English clauses of these shapes; any other clause, in any language,
is used as it stands, after a comma.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.labels.frames import LabelInfo
from segtool.personas.encode import OTHER

MAX_FACETS, MAX_WORDS = 3, 8
SECOND_SCORE, THIRD_SCORE = 0.4, 0.75  # of the best trait: two clear traits read better than three
# A value nearly everybody has is no name, however significant its surplus is.
NEAR_UNIVERSAL = 0.8
WEAK_INDEX, MIN_SHARE = 115.0, 0.3
# Who someone is makes a better name than when they open the app.
FACET_WEIGHT = {"taste": 1.2, "consumption": 1.1}
MIN_USERS = 10  # with the value in the persona: fewer make no trait
MIN_CONTRAST_USERS = 20  # shares of fewer users are no contrast
NOUN_WEIGHT = 1.6  # "students" says more than "aged 18-24"
# What one in ten of a persona answered may still name it, if it is clearer than what all show.
KNOWN_POWER = 0.125
FACET_ORDER = ("life stage", "consumption", "taste", "rhythm", "channel")


@dataclass(frozen=True)
class Trait:
    """One value of one label that is typical of a persona, with the clause that says it."""

    facet: str
    label: str
    value: str
    clause: str
    short: str  # the clause as a name uses it
    score: float
    tier: int = 3  # 3 forms and defines, 2 forms, 1 a defining descriptor, 0 the rest


def name_personas(profile: pd.DataFrame, infos: Mapping[str, LabelInfo], n_personas: int) -> dict[int, str]:
    """Give each persona a short name of its own.

    Parameters
    ----------
    profile : pd.DataFrame
        As made by `profile_personas`.
    infos : Mapping of str to LabelInfo
        The phrases, facets and whether a label is sensitive (those are never part of a name).
    n_personas : int

    Returns
    -------
    dict of int to str
        Names by persona_id; all different.

    Notes
    -----
    Traits are ranked by Cohen's h times the root of their share, among those that are defining,
    a little less where few are known; the best of up to three facets make the name. When two
    personas would share a name, the smaller takes its next trait until they differ.
    """
    if n_personas == 1:
        return {1: "All users"}
    traits = {k: rank_traits(profile[profile["persona_id"] == k], infos) for k in range(1, n_personas + 1)}
    names: dict[int, str] = {}
    for persona_id, ranked in traits.items():
        names[persona_id] = _free_name(ranked, {name.casefold() for name in names.values()}, persona_id)
    return names


def rank_traits(rows: pd.DataFrame, infos: Mapping[str, LabelInfo]) -> list[Trait]:
    """Return what may be said of one persona, best first; labels that formed it before the others."""
    usable = rows[
        (rows["share_in"] >= MIN_SHARE)
        & (rows["share_base"] <= NEAR_UNIVERSAL)
        & (rows["index"] >= WEAK_INDEX)
        & (rows["z"] > 2)
        & (rows["n_in"] >= MIN_USERS)
        & (rows["value"] != OTHER)
    ]
    traits, most_known = [], rows["n_known"].max()
    for row in usable.itertuples(index=False):
        info = infos[row.label]
        clause = clause_of(info, row.value)
        if info.sensitive or not clause or (info.kind == "flag" and row.value == "no"):
            continue
        facet = facet_of(info)
        score = float(row.effect * np.sqrt(row.share_in) * FACET_WEIGHT.get(facet, 1.0))
        score *= (row.n_known / most_known) ** KNOWN_POWER
        if facet == "life stage" and names_people(clause):
            score *= NOUN_WEIGHT
        tier = 2 * bool(row.forms) + bool(row.defining)
        traits.append(
            Trait(facet, row.label, str(row.value), clause, short_clause(info, row.value), score, tier)
        )
    return sorted(traits, key=lambda trait: (-trait.tier, -trait.score))


def facet_of(info: LabelInfo) -> str:
    """Return the facet of a label; where none was declared each label is one."""
    facet = info.name if info.facet == "other" else info.facet
    return facet.lower().replace("_", " ")


def clause_of(info: LabelInfo, value: str) -> str:
    """Return the clause of a value; a label without a phrase of its own says "title: value".

    Examples
    --------
    >>> clause_of(LabelInfo("city", "City", "place", "nominal"), "Hefei")
    'city: Hefei'
    >>> clause_of(LabelInfo("taste", "Taste", "taste", "many", phrase="likes {value}"), "tea")
    'likes tea'
    """
    if info.phrase == "{value}" and facet_of(info) != "life stage":
        clause = f"{lower_title(info)}: {value}"
    else:
        clause = info.clause(value).strip()
    return clause.replace(value, _spaced(value)) if value else clause


def short_clause(info: LabelInfo, value: str) -> str:
    """Return the clause as a name needs it: "title: value" becomes "value" or "value title".

    Examples
    --------
    >>> short_clause(LabelInfo("spending_power", "Spending power", "other", "ordered"), "high")
    'high spending power'
    >>> short_clause(LabelInfo("topic", "Topic", "other", "nominal"), "tea")
    'tea'
    """
    clause = clause_of(info, value)
    words = _spaced(value)
    if info.kind != "flag" and clause.lower() == f"{info.title}: {words}".lower():
        return f"{words} {lower_title(info)}" if info.kind == "ordered" else words
    return clause


def _spaced(value: str) -> str:
    """Return a value with the underscores between its words as spaces."""
    return re.sub(r"(?<=[^\W_])_(?=[^\W_])", " ", value)


def lower_title(info: LabelInfo) -> str:
    """Return the title as it stands within a sentence; an acronym keeps its capitals."""
    return info.title if info.title[:2].isupper() else info.title[:1].lower() + info.title[1:]


def _free_name(ranked: list[Trait], taken: set[str], persona_id: int) -> str:
    """Return the best name that no other persona has; ``taken`` is in case-folded form."""
    chosen = _choose(ranked)
    spare = [trait for trait in ranked if trait not in chosen]
    names = (
        [compose_name([*chosen, *extra]) for extra in [[], *[[trait] for trait in spare]]] if ranked else []
    )
    base = names[0] if names else "Mixed group"
    names = names or [base]
    names += [f"{base} ({number})" for number in range(persona_id, persona_id + len(taken) + 1)]
    return next(name for name in names if name.casefold() not in taken)


def _choose(ranked: list[Trait]) -> list[Trait]:
    """Return the best trait of up to three facets, as long as the name stays short.

    A many-valued label may speak twice in its turn ("into anime and games").
    """
    chosen: list[Trait] = []
    for trait in ranked:
        facets = {one.facet for one in chosen}
        enough = (THIRD_SCORE if len(chosen) > 1 else SECOND_SCORE) * chosen[0].score if chosen else 0.0
        much_weaker = trait.score < enough or (chosen and trait.tier < chosen[0].tier)
        if trait.facet in facets or len(facets) == MAX_FACETS or much_weaker:
            continue
        if chosen and len(compose_name([*chosen, trait]).split()) > MAX_WORDS:
            continue
        chosen.append(trait)
    return chosen


def compose_name(traits: list[Trait]) -> str:
    """Put traits together as a name.

    Examples
    --------
    >>> who = Trait("life stage", "life_stage", "student", "student", "student", 1.0)
    >>> what = Trait("taste", "interest", "trendy brands", "", "likes trendy brands", 1.0)
    >>> how = Trait("rhythm", "hours", "night", "", "shops at night", 1.0)
    >>> compose_name([what, who])
    'Students into trendy brands'
    >>> compose_name([what])
    'Fans of trendy brands'
    >>> compose_name([what, how, who])
    'Students into trendy brands who shop at night'
    """
    ordered = sorted(traits, key=lambda trait: (_facet_place(trait.facet), -trait.score))
    clauses = [trait.short for trait in ordered]
    likings, verbs, things, plain = _sort_clauses(clauses)
    if plain and plain[0] == clauses[0]:  # the first says who they are
        name = _people(plain.pop(0), noun=ordered[0].facet == "life stage")
        name += " into " + " and ".join(likings) if likings else ""
    elif likings:
        name = "Fans of " + " and ".join(likings)
    else:
        name = "People" if verbs or things else _capital(plain.pop(0))
    name += " with " + " and ".join(things) if things else ""
    name += " who " + " and ".join(verbs) if verbs else ""
    return ", ".join(re.sub(r"\bperson$", "people", part) for part in [name, *plain])


def _sort_clauses(clauses: list[str]) -> tuple[list[str], list[str], list[str], list[str]]:
    """Return what they like, what they do, what they have, and clauses of any other shape."""
    likings, verbs, things, plain = [], [], [], []
    for number, clause in enumerate(clauses):
        if liked := _liking(clause):
            likings.append(liked)
        elif verb := _plural_verb(clause):
            verbs.append(verb)
        elif thing := _thing(clause, first=number == 0):
            things.append(thing)
        else:
            plain.append(clause)
    return likings, verbs, things, plain


def names_people(clause: str) -> bool:
    """Return whether a clause says who someone is ("student") and not what they do or where.

    Examples
    --------
    >>> names_people("student"), names_people("aged 18-24"), names_people("lives in a big city")
    (True, False, False)
    """
    is_other = re.match(r"(?:aged|in|with|under|over|from|between|not|no) ", clause)
    is_other = is_other or ": " in clause or _thing(clause, first=False)
    return not (is_other or _liking(clause) or _plural_verb(clause))


def _facet_place(facet: str) -> int:
    return FACET_ORDER.index(facet) if facet in FACET_ORDER else len(FACET_ORDER)


def _people(clause: str, noun: bool) -> str:
    """Return a clause that is no verb as the people it speaks of."""
    if spending := re.fullmatch(r"(\w+)[ -]spending(?: power)?", clause):
        return _capital(spending[1]) + " spenders"
    if re.match(r"(?:aged|in|with|under|over|from|between) ", clause):
        return "People " + clause
    return _capital(plural(re.sub(r"^(?:an?|the) ", "", clause)) if noun else clause)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _thing(clause: str, first: bool) -> str:
    """Return "public-sector job" as "a public-sector job"; what comes first and names spenders is none."""
    if clause.endswith("spending power"):
        return "" if first else clause
    if re.search(r"\b(?:job|income|degree|household|budget)$", clause) and ": " not in clause:
        return (
            clause
            if re.match(r"(?:an?|the) ", clause)
            else ("an " if clause[0] in "aeiou" else "a ") + clause
        )
    return ""


def _liking(clause: str) -> str:
    found = re.fullmatch(
        r"(?:likes|loves|enjoys|prefers|(?:is )?(?:interested in|into|fond of)) (.+)", clause
    )
    return found[1] if found else ""


_VERB = re.compile(r"([a-z]+[^s\W]s|is|has) (.+)")


def _plural_verb(clause: str) -> str:
    """Return "shops at night" as "shop at night", and an empty text for what is no such clause."""
    found = _VERB.fullmatch(clause)
    if not found:
        return ""
    verb, rest = found[1], found[2]
    if verb in ("is", "has"):
        return ("are " if verb == "is" else "have ") + rest
    if verb.endswith("ies"):
        return f"{verb[:-3]}y {rest}"
    return f"{verb[:-2] if re.search(r'(?:sh|ch|ss|x|zz|o)es$', verb) else verb[:-1]} {rest}"


def plural(noun: str) -> str:
    """Return an English noun phrase in the plural, and anything else as it is.

    Examples
    --------
    >>> plural("student"), plural("young family"), plural("parent of small children"), plural("retired")
    ('students', 'young families', 'parents of small children', 'retired people')
    """
    parts = re.match(r"(.*?[a-z])((?: (?:of|with|in|on|at|who|from|without) .*)?)$", noun)
    if not parts or re.match(r"(?:aged|at|living|no) ", noun):
        return noun
    head, tail = parts[1], parts[2]
    if head.endswith(("ed", "ing")):
        return f"{head} people{tail}"
    if head.endswith("s"):
        return noun
    if re.search(r"[^aeiou]y$", head):
        return head[:-1] + "ies" + tail
    if head.endswith("person"):
        return head[:-6] + "people" + tail
    if head.endswith(("sh", "ch", "x")):
        return head + "es" + tail
    return head + "s" + tail


def list_defining(profile: pd.DataFrame, infos: Mapping[str, LabelInfo], persona_id: int, n: int = 5) -> str:
    """Return the defining values of one persona as text, best first; empty where nothing defines it."""
    rows = profile[(profile["persona_id"] == persona_id) & profile["defining"]]
    return "; ".join(trait.clause for trait in rank_traits(rows, infos)[:n])


def describe_typical(
    profile: pd.DataFrame, infos: Mapping[str, LabelInfo], persona_id: int, n: int = 3
) -> str:
    """Return the most typical values of one persona with share, number known and index."""
    rows = profile[profile["persona_id"] == persona_id]
    by_key = {(row.label, row.value): row for row in rows.itertuples(index=False)}
    said, facets = [], []
    for trait in rank_traits(rows, infos):
        if len(said) < n and facets.count(trait.facet) < 2:
            facets.append(trait.facet)
            row = by_key[trait.label, trait.value]
            index = 100 * row.share_in / row.share_base
            said.append(f"{trait.clause} ({row.share_in:.0%} of {row.n_known:,} known, index {index:.0f})")
    return ", ".join(said)


def describe_contrast(
    contrast: pd.DataFrame, infos: Mapping[str, LabelInfo], persona_id: int, n: int = 2
) -> str:
    """Return what a persona has more of than its nearest one, then what it has less of, one per label."""
    rows = contrast[contrast["persona_id"] == persona_id]
    rows = rows.sort_values("difference", key=lambda difference: difference < 0, kind="stable")
    said: dict[str, str] = {}
    for row in rows.itertuples(index=False):
        info = infos[row.label]
        clause = "" if info.sensitive else clause_of(info, row.value)
        clear = abs(row.effect) >= 0.3 and min(row.n_known, row.n_known_nearest) >= MIN_CONTRAST_USERS
        if clause and clear and row.label not in said and len(said) < n:
            said[row.label] = f"{clause} {row.share_in:.0%} instead of {row.share_nearest:.0%}"
    return ", ".join(said.values())
