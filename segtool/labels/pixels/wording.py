"""The sentence of a conjunction: who they are, what they spend, what they like, how they act, how many."""

from __future__ import annotations

import re
from collections.abc import Sequence

from segtool.display import join_words
from segtool.labels.english import (
    VERBS,
    capital,
    liking,
    name_thing,
    names_people,
    people,
    plural,
    plural_verb,
)
from segtool.labels.frames import LabelInfo
from segtool.labels.pixels.parts import Part
from segtool.labels.sentences import facet_rank

PAST = frozenset(("bought", "complained", "joined", "last", "left", "once", "spent"))
STATES = frozenset(
    (
        "about", "active", "always", "back", "close", "gone", "in", "interested", "mostly", "never", "new",
        "not", "often", "only", "open", "quiet", "rarely", "reachable", "ready", "self-employed",
        "sometimes", "tired", "usually", "very", "written",
    )
)  # fmt: skip
_ALSO = re.compile(
    r"\b(and|or|who) ((?:always|never|often|rarely|seldom|mostly|usually|sometimes) )?([a-z]+)\b"
)


def say_parts(parts: Sequence[Part]) -> str:
    """Return a conjunction as people: the subject of a sentence.

    Parts come in the order a reader wants them: life stage, money, taste, then behaviour. A clause
    of a shape that is not known, in any language, is quoted as it stands.

    Examples
    --------
    >>> stage = LabelInfo("stage", "Stage", "life stage", "nominal", phrase="{value}")
    >>> budget = LabelInfo("budget", "Budget", "consumption", "ordered", phrase="lives on {value} a month")
    >>> taste = LabelInfo("taste", "Taste", "taste", "many", phrase="likes {value} brands")
    >>> parts = [Part(taste, "trendy"), Part(budget, "under 2000"), Part(stage, "college student")]
    >>> say_parts(parts)
    'College students who live on under 2000 a month and like trendy brands'
    """
    ordered = sorted(parts, key=lambda part: (facet_rank(part.info.facet), part.info.name, part.value))
    subject, grouped, things, verbs, likings, marks = "", [], [], [], [], []
    for part in ordered:
        clause = say_part(part.info, part.value)
        is_stage = (
            not clause.startswith("income ") and part.info.facet.lower().replace("_", " ") == "life stage"
        )
        if is_stage and not subject and ": " not in clause and names_people(clause):
            subject = _name_people(clause)
        elif clause.startswith("aged "):
            grouped.append(clause)
        elif thing := name_thing(clause, first=False):
            things.append(thing)
        elif clause.startswith("income "):
            things.append(clause)
        elif clause.startswith("likes ") and (liked := liking(clause)):
            likings.append(liked)
        elif verb := _follow_who(clause):
            verbs.append((facet_rank(part.info.facet), verb))
        else:
            marks.append(f"“{clause}”")
    said = " ".join([subject or "People", *grouped])
    said += " with " + join_words(things) if things else ""
    return said + _say_acts(verbs, likings, marks)


def _say_acts(verbs: list[tuple[int, str]], likings: list[str], marks: list[str]) -> str:
    """Return what people do, what they like in the place of their taste, and what is only quoted."""
    if marks and not verbs and not likings:
        return f" marked {join_words(marks)}"
    taste = facet_rank("taste")
    acts = [verb for rank, verb in verbs if rank <= taste]
    acts += [f"like {_join_liked(likings)}"] if likings else []
    acts += [verb for rank, verb in verbs if rank > taste]
    acts += [f"are marked {join_words(marks)}"] if marks else []
    return " who " + join_words(acts) if acts else ""


def _join_liked(likings: list[str]) -> str:
    # "like tea, travel and shop at night" would run two lists into one.
    return " and ".join(likings)


def say_part(info: LabelInfo, value: str) -> str:
    """Return the clause of one value; where the label has no phrase of its own its title is said too."""
    spaced = re.sub(r"(?<=[^\W_])_(?=[^\W_])", " ", value)
    is_bare = info.phrase == "{value}" and info.facet.lower().replace("_", " ") != "life stage"
    clause = f"{info.title[:1].lower()}{info.title[1:]}: {value}" if is_bare else info.clause(value).strip()
    return clause.replace(value, spaced) if value else clause


def say_count(n_users: int, n_known: int, lift: float) -> str:
    """Return the numbers of a conjunction in words.

    Examples
    --------
    >>> say_count(12400, 400000, 2.41)
    '12,400 people, 3.1% of the users we know this about; 2.4 × as many as chance pairing of its parts would give'
    """
    share = n_users / max(n_known, 1)
    said = f"{share:.1%}" if share >= 0.001 else "under 0.1%"
    times = "as many as" if 0.95 <= lift < 1.05 else f"{lift:.1f} × as many as"
    return f"{n_users:,} people, {said} of the users we know this about; {times} chance pairing of its parts would give"


def _name_people(clause: str) -> str:
    """Return a life stage as its people: "single and working" is no noun and stands before one."""
    if " and " in clause or clause.split()[0] in ("single", "married", "divorced", "retired"):
        return capital(clause) + " people"
    return people(clause, noun=True)


def _follow_who(clause: str) -> str:
    """Return what follows "people who", and an empty text where that is not known.

    Examples
    --------
    >>> [_follow_who(c) for c in ("night person", "fills carts and waits", "loyal customer", "cooling off")]
    ['are night people', 'fill carts and wait', 'are loyal customers', 'are cooling off']
    >>> _follow_who("alles teuer")
    ''
    """
    first = clause.split(" ")[0]
    if clause.endswith(" person"):
        return f"are {clause.removesuffix(' person')} people"
    if verb := plural_verb(clause if " " in clause else clause + " x").removesuffix(" x"):
        return _ALSO.sub(_bend, verb)
    if first in PAST:
        return clause
    if clause.startswith("one of the "):
        return f"are among the {clause.removeprefix('one of the ')}"
    if (since := re.fullmatch(r"(\w+) (for .*)", clause)) and plural(since[1]) != since[1]:
        return f"have been {plural(since[1])} {since[2]}"
    if first in STATES:
        return f"are {clause}"
    if plural(clause) != clause:
        return "are " + _ALSO.sub(_bend, plural(clause))
    return f"are {clause}" if first.endswith("ing") else ""


def _bend(match: re.Match) -> str:
    """Return "and waits" as "and wait"; a word that is no verb stays."""
    often, word = match[2] or "", match[3]
    bent = plural_verb(f"{word} x").removesuffix(" x") if word in VERBS else word
    return f"{match[1]} {often}{bent}"
