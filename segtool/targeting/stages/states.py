"""Which stages a log can tell apart: those it has events of, and fewer where few people act."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from segtool.notes import known
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.stages.rule import RETURN

LEAST_EVENTS = 30  # fewer events of a stage's kinds, and no rate of theirs can be read
PURCHASE = "purchase"


@dataclass(frozen=True)
class States:
    """The stages a model is fitted with.

    Parameters
    ----------
    names : tuple of str
        Shallow to deep.
    place : dict of str to int
        Kind of event -> number of the stage it is typical of, from 1.
    merged : dict of str to str
        Each stage of the settings -> the stage it is read as.
    conversions : tuple of str
        Kinds of event that are acting.
    notes : tuple of str
    """

    names: tuple[str, ...]
    place: dict[str, int]
    merged: dict[str, str]
    conversions: tuple[str, ...]
    notes: tuple[str, ...]


def conversion_events(settings: TargetingSettings) -> tuple[str, ...]:
    """Return the kinds of event that count as acting.

    Examples
    --------
    >>> conversion_events(TargetingSettings(stage_model="AISAS"))
    ('purchase',)
    """
    if settings.conversion_events:
        return settings.conversion_events
    stages = settings.stages()
    words = [word for events in stages.values() for word in events]
    if PURCHASE in words:
        return (PURCHASE,)
    deepest = [events for events in stages.values() if any(word != RETURN for word in events)][-1]
    return tuple(word for word in deepest if word != RETURN)


def tell_states(totals: pd.Series, n_returns: int, settings: TargetingSettings) -> States:
    """Find the stages that a log can tell apart.

    Parameters
    ----------
    totals : Series
        Events by kind.
    n_returns : int
        Days on which somebody came back.
    settings : TargetingSettings
    """
    stages = settings.stages()
    seen = {
        name: sum(n_returns if word == RETURN else int(totals.get(word, 0)) for word in events)
        for name, events in stages.items()
    }
    notes = []
    merged = _onto_seen(seen)
    for name, other in merged.items():
        if name != other:
            notes.append(
                known(
                    f"Stage: {name} is read as {other}: {seen[name]} events tell of it, {LEAST_EVENTS} are "
                    "needed to know it by."
                )
            )
    acts = conversion_events(settings)
    n_acts = sum(int(totals.get(word, 0)) for word in acts)
    names = list(dict.fromkeys(merged.values()))
    if n_acts < settings.stage_min_conversions and len(names) > 3:
        middle = names[len(names) // 2]
        fewer = {name: name if name in (names[0], names[-1]) else middle for name in names}
        merged = {name: fewer[other] for name, other in merged.items()}
        notes.append(
            known(
                f"Stage: only {n_acts} conversions, {settings.stage_min_conversions} are needed to tell all "
                f"stages apart: those between {names[0]} and {names[-1]} are read as one, {middle}."
            )
        )
        names = list(dict.fromkeys(merged.values()))
    place = {
        word: names.index(merged[name]) + 1
        for name, events in stages.items()
        for word in events
        if word == RETURN or totals.get(word, 0) > 0
    }
    return States(tuple(names), place, merged, acts, tuple(notes))


def _onto_seen(seen: dict[str, int]) -> dict[str, str]:
    """Read a stage without events as the one before it; before the first seen, as that."""
    told = [name for name, n in seen.items() if n >= LEAST_EVENTS]
    merged, last = {}, told[0] if told else next(iter(seen))
    for name in seen:
        last = name if name in told else last
        merged[name] = last
    return merged
