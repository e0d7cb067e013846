"""Follow personas into a new period: refit, align, keep names, and count who moved."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from segtool.checks import check_in, check_number
from segtool.display import join_words
from segtool.errors import InputError
from segtool.personas.encode import LabelTable, fit_encoding
from segtool.personas.find import everyone, find_personas
from segtool.personas.follow.align import align_personas, need_model, place, table_holds
from segtool.personas.follow.change import PersonaChange
from segtool.personas.follow.drift import label_drift
from segtool.personas.follow.events import STILL_THERE
from segtool.personas.follow.kept_names import keep_names
from segtool.personas.follow.people import count_people
from segtool.personas.personas import Personas

if TYPE_CHECKING:
    from segtool.labels.labels import Labels

# To stay asks for less proof than to be introduced: below 0.5 a persona is dissolved (Hennig 2007).
STAYS = 0.5
MOST_TRIED = 2  # other numbers; each is a fit
CURVE = {"k", "icl", "stability", "min_jaccard", "passes", "chosen"}


def follow_personas(
    before: Personas,
    labels: Labels | pd.DataFrame,
    *,
    labels_before: Labels | pd.DataFrame | None = None,
    names: str = "keep",
    random_state: int = 0,
    **options,
) -> PersonaChange:
    """Find the personas of a new period, and say what changed since the last one.

    Parameters
    ----------
    before : Personas
        Of the last time; loaded from its file it will do.
    labels : Labels, or wide DataFrame
        Of the new period.
    labels_before : Labels, or wide DataFrame, optional
        Of the last time, to see who moved. Not needed where ``before`` still holds its users.
    names : {"keep", "new"}
        Personas that are the same keep their names, or all are named anew.
    random_state : int
        Same seed and users, same result.
    **options
        Of `find_personas`. Unless ``basis`` is given the labels that formed the personas form them
        again; unless ``n_personas`` is given their number is chosen, the old one staying where
        the personas of the last time are still found: to drop one asks for more than not to form it.

    Returns
    -------
    PersonaChange
        ``after`` are the new personas.

    Raises
    ------
    NotFittedError
        If ``before`` has several personas and no model (`Personas.from_assignments`).
    InputError
        If most labels that formed the personas are not there any more.

    Examples
    --------
    >>> wide = pd.DataFrame({
    ...     "life_stage": ["student"] * 40 + ["parent"] * 50,
    ...     "taste": ["brands"] * 36 + ["toys"] * 54,
    ...     "hours": (["night"] * 3 + ["day"]) * 10 + ["day"] * 50,
    ... }, index=[f"u{number:02}" for number in range(90)])
    >>> before = find_personas(wide, n_personas=2).rename({2: "Night owls"})
    >>> change = follow_personas(before, wide.iloc[:80], n_personas=2)
    >>> change.after.names[1], change.personas["event"].tolist()
    ('Night owls', ['same', 'same'])
    """
    check_in("names", names, ("keep", "new"))
    check_number("random_state", random_state, low=0, integer=True)
    need_model(before)
    now = LabelTable.read(labels)
    notes = []
    notes += _say_hidden(before)
    may_be_one = False
    if options.get("basis") is None and before.encoding is not None:
        options["basis"] = _keep_basis(before, now, notes)
        may_be_one = options.get("n_personas") is None
    options["random_state"] = random_state
    with warnings.catch_warnings():
        # labels that are not there any more are said in the notes, once
        warnings.filterwarnings("ignore", message=".* labels that form these personas are not there")
        try:
            found = _find(before, labels, now, options, notes)
        except InputError:
            why = _nothing_differs(now, options) if may_be_one else ""
            if not why:
                raise
            found = everyone(now, why)
        return _compare(before, found, now, labels_before, names, random_state, notes)


def _compare(before, found, now, labels_before, names, random_state, notes) -> PersonaChange:
    """Align, name and count; table of contents of what `follow_personas` says."""
    notes += _say_everybody(before, found)
    alignment = align_personas(before, found, now)
    kept, given = keep_names(before, found, alignment) if names == "keep" else (found.names, frozenset())
    after = replace(found, names=kept, renamed=given)
    alignment = replace(alignment, names_after=dict(kept))
    then, memberships = _read_then(before, labels_before)
    people = drift = None
    if then is not None:
        people = count_people(before, alignment, then, memberships, now, random_state)
        same = alignment.events.after
        pairs = sorted((old, new) for new, old in alignment.events.matches.items() if same[new] == "same")
        codes = alignment.placed_after.to_numpy() - 1
        shape = before.n_personas, found.n_personas
        drift = label_drift(then, memberships.argmax(axis=1), now, codes, pairs, shape)
    return PersonaChange(before, after, alignment, people, drift, dict(found.names), (*notes, *found.notes))


def _keep_basis(before: Personas, now: LabelTable, notes: list[str]) -> list[str]:
    """Return the labels that formed the personas the last time and can do so again."""
    kept = [label for label in before.encoding.basis if table_holds(now, label)]
    gone = [label for label in before.encoding.basis if label not in kept]
    if 2 * len(gone) > len(before.encoding.basis):
        raise InputError(
            f"{len(gone)} of the {len(before.encoding.basis)} labels that formed the personas are not known "
            f"now, {gone[0]!r} among them.",
            "labels made with the catalogue of the last time.",
            "Give basis=[...] to form personas of other labels.",
        )
    if gone:
        notes.append(
            f"Labels that formed the personas the last time and are not known now: {join_words(gone)}."
        )
    return kept


def _nothing_differs(now: LabelTable, options: dict) -> str:
    """Return why no label that formed the personas can do so today, or an empty text."""
    asked = ("basis", "descriptors", "min_known_share", "weights")
    try:
        fit_encoding(now, **{name: options[name] for name in asked if name in options})
    except InputError as error:
        return error.found
    return ""


def _say_hidden(before: Personas) -> list[str]:
    """Say which sizes of the last time a file does not tell."""
    hidden = int(before.summary[["n_users", "share"]].isna().any(axis=1).sum())
    if not hidden:
        return []
    return [
        f"How many users {hidden} of the {before.n_personas} personas of the last time had is not told in "
        "their file, as some had few."
    ]


def _say_everybody(before: Personas, found: Personas) -> list[str]:
    """Say what one persona of everybody means on either side."""
    if before.n_personas == 1 and found.n_personas == 1:
        return [
            "There is one persona of everybody both times: nothing tells users apart, and nobody can move."
        ]
    if before.n_personas == 1:
        return [
            "The last time there was one persona of everybody: today's are parts of it, and who would have been "
            "where is not known."
        ]
    if found.n_personas == 1:
        return ["Today there is one persona of everybody: those of the last time are not told apart by it."]
    return []


def _find(before: Personas, labels, now: LabelTable, options: dict, notes: list[str]) -> Personas:
    """Find today's personas; those of the last time that are still there are not lost to a smaller number."""
    found = find_personas(labels, **options)
    if options.get("n_personas") is not None or before.n_personas < 2:
        return found
    lost = _count_lost(before, found, now)
    for n in _other_numbers(found, before.n_personas) if lost else ():
        again = find_personas(labels, **{**options, "n_personas": n})
        if again.n_personas == n and _count_lost(before, again, now) < lost:
            notes.append(
                f"Of today's users alone {found.n_personas} personas would be formed; with {n} those of the "
                "last time that are still there stay apart."
            )
            return replace(again, choice_table=found.choice_table.assign(chosen=found.choice_table["k"] == n))
    return found


def _count_lost(before: Personas, found: Personas, now: LabelTable) -> int:
    """Count older personas that are still there and told apart no more."""
    if found.n_personas == 1:
        return before.n_personas
    alignment = align_personas(before, found, now)
    pairs = zip(alignment.events.before, alignment.comparison.retention, strict=True)
    return sum(event == "merged" or (event == "gone" and still >= STILL_THERE) for event, still in pairs)


def _other_numbers(found: Personas, n: int) -> list[int]:
    """Return larger numbers that pass the gate today, and the old one where it nearly does.

    A number passes where each of its personas is found again in halves of today's users. ICL, which
    wants personas well apart and few, chose among them; to drop a persona that is still found asks for
    more than not to form it. The old number may be a little less stable where ICL likes it best.
    """
    choice = found.choice_table
    if choice is None or not set(choice) >= CURVE:
        return []
    chosen = choice[choice["chosen"]].iloc[0]
    stays = (choice["k"] == n) & (choice["icl"] < chosen["icl"])
    stays &= choice[["stability", "min_jaccard"]].min(axis=1) >= STAYS
    larger = choice["passes"] & (choice["k"] > chosen["k"])
    return [int(k) for k in choice.loc[stays | larger, "k"]][:MOST_TRIED]


def _read_then(before: Personas, labels_before) -> tuple[LabelTable | None, np.ndarray | None]:
    """Return the labels of the last time and who was where, by the older model; None where unknown."""
    if labels_before is not None:
        then = LabelTable.read(labels_before)
        return then, place(before, then)
    if before.table is None or before.probabilities is None:
        return None, None
    return before.table, before.probabilities
