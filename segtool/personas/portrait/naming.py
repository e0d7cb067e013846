"""Plain names and two-sentence portraits, made from the phrases of the labels that define a persona.

A name is put together from what the analyst already wrote in the catalogue ("likes {value}",
"{value} spending power"): who they are first, then what they are into, then how they act. The
little grammar of `english` only knows clauses of some shapes and words; any other clause, in any
language, is used as it stands, after a comma.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.errors import ParameterError
from segtool.labels.english import LEVELS, capital, liking, name_thing, names_people, people, plural_verb
from segtool.labels.frames import YES_NO, LabelInfo
from segtool.personas.encode import OTHER

MAX_FACETS, MAX_WORDS = 3, 8
SECOND_SCORE, THIRD_SCORE = 0.4, 0.75  # of the best trait: two clear traits read better than three
# A value nearly everybody has is no name, however significant its surplus is.
NEAR_UNIVERSAL = 0.8
WEAK_INDEX, MIN_SHARE = 115.0, 0.3
# Who someone is makes a better name than when they open the app.
FACET_WEIGHT = {"taste": 1.2, "consumption": 1.1, "rhythm": 0.9, "channel": 0.9}
MIN_USERS = 10  # with the value in the persona: fewer make no trait
MIN_CONTRAST_USERS = 20  # shares of fewer users are no contrast
# A difference from the nearest persona is told when it is hardly chance, and large enough to be seen.
CONTRAST_Q, CONTRAST_EFFECT = 0.01, 0.3
NOUN_WEIGHT = 1.6  # "students" says more than "aged 18-24"
# What one in twenty answered is no name for the other nineteen, and the more are known the better.
MIN_KNOWN, KNOWN_POWER = 0.2, 0.5
CODE = re.compile(r"[!-~]{1,2}|[\d\W_]+")  # "b", "T3", "18-24": says nothing without its title
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
    known: float = 1.0  # share of the persona for whom the label is known


def name_personas(
    profile: pd.DataFrame,
    infos: Mapping[str, LabelInfo],
    n_personas: int,
    sizes: Sequence[int] | None = None,
    kept: Mapping[int, str] | None = None,
) -> dict[int, str]:
    """Give each persona a short name of its own.

    Parameters
    ----------
    profile : pd.DataFrame
        As made by `profile_personas`.
    infos : Mapping of str to LabelInfo
        The phrases, facets and whether a label is sensitive (those are never part of a name).
    n_personas : int
    sizes : sequence of int, optional
        Users per persona; by default the most for whom any label is known.
    kept : Mapping of int to str, optional
        Names that are given already, by persona_id, such as those of an analyst carried over from the
        last run: they win, whatever the numbers say, and no other persona gets one like them.

    Returns
    -------
    dict of int to str
        Names by persona_id; all different, letter case and spaces aside.

    Raises
    ------
    ParameterError
        If a kept name is empty, is given twice, or is of no persona there is.

    Notes
    -----
    Traits are ranked by Cohen's h times the root of their share times the root of the share of
    users for whom the label is known; defining ones first. The best of up to three facets make the
    name. A label known for under a fifth of a persona names it only where nothing else can. When two
    personas would share a name, the smaller takes its next trait until they differ.
    """
    names = _check_kept(kept or {}, n_personas)
    if n_personas == 1:
        return names or {1: "All users"}
    traits = {}
    for k in range(1, n_personas + 1):
        if k in names:
            continue
        rows = profile[profile["persona_id"] == k]
        traits[k] = name_traits(rows, infos, None if sizes is None else int(sizes[k - 1]))
    for persona_id, ranked in traits.items():
        names[persona_id] = _free_name(ranked, {_folded(name) for name in names.values()}, persona_id)
    return dict(sorted(names.items()))


def _check_kept(kept: Mapping[int, str], n_personas: int) -> dict[int, str]:
    names = {int(number): str(name).strip() for number, name in kept.items()}
    for number, name in names.items():
        if not 1 <= number <= n_personas:
            raise ParameterError(f"A name is kept for persona {number}.", f"personas 1 to {n_personas}.")
        if not name:
            raise ParameterError(f"The name kept for persona {number} is empty.", "a short text.")
    if len({_folded(name) for name in names.values()}) < len(names):
        raise ParameterError("Two personas would keep the same name.", "a name per persona.")
    return names


def _folded(name: str) -> str:
    """Return a name as it is compared with others."""
    return " ".join(name.split()).casefold()


def name_traits(rows: pd.DataFrame, infos: Mapping[str, LabelInfo], n_users: int | None) -> list[Trait]:
    """Return the traits that may name a persona: those known for enough of it, or any if there is none."""
    ranked = rank_traits(rows, infos, n_users)
    return [trait for trait in ranked if trait.known >= MIN_KNOWN] or ranked


def rank_traits(
    rows: pd.DataFrame, infos: Mapping[str, LabelInfo], n_users: int | None = None
) -> list[Trait]:
    """Return what may be said of one persona, best first; labels that formed it before the others."""
    usable = rows[
        (rows["share_in"] >= MIN_SHARE)
        & (rows["share_base"] <= NEAR_UNIVERSAL)
        & (rows["index"] >= WEAK_INDEX)
        & (rows["z"] > 2)
        & (rows["n_in"] >= MIN_USERS)
        & (rows["value"] != OTHER)
    ]
    traits, n_users = [], n_users or max(rows["n_known"].max(), 1)
    for row in usable.itertuples(index=False):
        info = infos[row.label]
        clause = clause_of(info, row.value)
        if info.sensitive or not clause or (info.kind == "flag" and row.value == "no"):
            continue
        facet = facet_of(info)
        score = float(row.effect * np.sqrt(row.share_in) * FACET_WEIGHT.get(facet, 1.0))
        known = row.n_known / n_users
        score *= known**KNOWN_POWER
        if facet == "life stage" and names_people(clause):
            score *= NOUN_WEIGHT
        tier = 2 * bool(row.forms) + bool(row.defining)
        short = short_clause(info, row.value)
        traits.append(Trait(facet, row.label, str(row.value), clause, short, score, tier, known))
    return sorted(traits, key=lambda trait: (-trait.tier, -trait.score))


def facet_of(info: LabelInfo) -> str:
    """Return the facet of a label; where none was declared each label is one."""
    facet = info.name if info.facet == "other" else info.facet
    return facet.lower().replace("_", " ")


def clause_of(info: LabelInfo, value: str) -> str:
    """Return the clause of a value; a label without a phrase of its own says "title: value".

    So does a value that is a mere code: "b" tells nobody who these users are. A phrase per value
    keeps silent about the values it does not name, and a flag says its title, or nothing for "no".

    Examples
    --------
    >>> clause_of(LabelInfo("city", "City", "place", "nominal"), "Hefei")
    'city: Hefei'
    >>> clause_of(LabelInfo("city", "City", "place", "nominal", phrase={"Hefei": "from Hefei"}), "Wuhan")
    ''
    >>> clause_of(LabelInfo("taste", "Taste", "taste", "many", phrase="likes {value}"), "tea")
    'likes tea'
    """
    if info.phrase == "" and info.kind == "flag" and value in YES_NO:
        return lower_title(info) if value == "yes" else ""
    is_bare = facet_of(info) == "life stage" and not CODE.fullmatch(value)
    said_alone = info.phrase == "" or (info.phrase == "{value}" and not is_bare)
    clause = f"{lower_title(info)}: {value}" if said_alone else info.clause(value).strip()
    return clause.replace(value, spaced(value)) if value else clause


def short_clause(info: LabelInfo, value: str) -> str:
    """Return the clause as a name needs it: of "title: high" comes "high title", of a life stage its value.

    Examples
    --------
    >>> short_clause(LabelInfo("spending_power", "Spending power", "other", "ordered"), "high")
    'high spending power'
    >>> short_clause(LabelInfo("topic", "Topic", "other", "nominal"), "tea")
    'topic: tea'
    """
    clause = clause_of(info, value)
    if info.kind == "flag" or clause.lower() != f"{info.title}: {spaced(value)}".lower():
        return clause
    if facet_of(info) == "life stage" and not CODE.fullmatch(value):
        return spaced(value)
    is_level = info.kind == "ordered" and value.lower() in LEVELS
    return f"{value} {lower_title(info)}" if is_level else clause


def spaced(value: str) -> str:
    """Return a value with the underscores between its words as spaces.

    Examples
    --------
    >>> spaced("trendy_wear")
    'trendy wear'
    """
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
    return next(name for name in names if _folded(name) not in taken)


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
        name = people(plain.pop(0), noun=ordered[0].facet == "life stage")
        name += " into " + " and ".join(likings) if likings else ""
    elif likings:
        name = "Fans of " + " and ".join(likings)
    else:
        name = "People" if verbs or things else capital(plain.pop(0))
    name += " with " + " and ".join(things) if things else ""
    name += " who " + " and ".join(verbs) if verbs else ""
    return ", ".join(re.sub(r"\bperson$", "people", part) for part in [name, *plain])


def _sort_clauses(clauses: list[str]) -> tuple[list[str], list[str], list[str], list[str]]:
    """Return what they like, what they do, what they have, and clauses of any other shape."""
    likings, verbs, things, plain = [], [], [], []
    for number, clause in enumerate(clauses):
        if liked := liking(clause):
            likings.append(liked)
        elif number and clause.endswith(" person"):
            verbs.append(f"are {clause.removesuffix(' person')} people")
        elif verb := plural_verb(clause):
            verbs.append(verb)
        elif thing := name_thing(clause, first=number == 0):
            things.append(thing)
        else:
            plain.append(clause)
    return likings, verbs, things, plain


def _facet_place(facet: str) -> int:
    return FACET_ORDER.index(facet) if facet in FACET_ORDER else len(FACET_ORDER)


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
    rows = choose_contrast(contrast[contrast["persona_id"] == persona_id])
    said: dict[str, str] = {}
    for row in rows.itertuples(index=False):
        info = infos[row.label]
        clause = "" if info.sensitive else clause_of(info, row.value)
        if clause and row.label not in said and len(said) < n:
            said[row.label] = f"{clause} {row.share_in:.0%} instead of {row.share_nearest:.0%}"
    return ", ".join(said.values())


def choose_contrast(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one persona's contrast that may be told: what it has more of first.

    Told is what is known of enough users on both sides, is large enough to be seen, and is hardly
    chance (q-value), so that no difference is made up.
    """
    clear = (rows["effect"].abs() >= CONTRAST_EFFECT) & (rows["q_value"] <= CONTRAST_Q)
    clear &= rows[["n_known", "n_known_nearest"]].min(axis=1) >= MIN_CONTRAST_USERS
    return rows[clear].sort_values("difference", key=lambda difference: difference < 0, kind="stable")
