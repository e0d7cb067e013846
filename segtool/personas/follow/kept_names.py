"""Names that stay: a persona that is the same keeps its name, whatever number a refit gives it."""

from __future__ import annotations

import pandas as pd

from segtool.personas.follow.align import Alignment
from segtool.personas.personas import Personas
from segtool.personas.portrait.naming import short_clause
from segtool.personas.portrait.portray import cohens_h

# Of an old persona that falls apart, or of a new one that took in several: so much of it is the thing itself.
MAIN_PART = 2 / 3
MIN_KNOWN, MIN_SHARE = 20, 0.3
MAX_JOINED = 3


def keep_names(
    before: Personas, after: Personas, alignment: Alignment
) -> tuple[dict[int, str], frozenset[int]]:
    """Return the names of the newer personas, and which of them an analyst gave for good.

    Notes
    -----
    Same: the old name. Split: the part that holds two thirds keeps it, others are "old name: what
    sets them apart from the other parts". Merged: the name of the one that makes up two thirds, or all
    of them with a plus. New: the automatic name, never one that a persona had the last time, gone ones
    included.
    """
    names: dict[int, str] = {}
    given = set()
    order = {"same": 0, "merged": 1, "split": 2, "new": 3}
    events = alignment.events.after
    for new in sorted(range(len(events)), key=lambda position: (order[events[position]], position)):
        olds = [old for old, other in alignment.events.links if other == new]
        name, keeps = _propose(before, after, alignment, new, olds)
        taken = {other.casefold() for other in names.values()}
        if keeps is None:
            taken |= {other.casefold() for other in before.names.values()}
        elif keeps + 1 in before.renamed:
            given.add(new + 1)
        names[new + 1] = _free(name, taken, after, new)
    return dict(sorted(names.items())), frozenset(given)


def _propose(before, after, alignment: Alignment, new: int, olds: list[int]) -> tuple[str, int | None]:
    """Return a name, and the position of the older persona whose name it is, if it is one's."""
    event, found = alignment.events.after[new], alignment.comparison
    if before.n_personas != after.n_personas and 1 in (before.n_personas, after.n_personas):
        return after.names[new + 1], None  # "all users" is no persona to be named after
    if event == "same":
        return before.names[olds[0] + 1], olds[0]
    if event == "merged":
        olds = sorted(olds, key=lambda old: -found.share_of_after[old, new])
        if found.share_of_after[olds[0], new] >= MAIN_PART:
            return before.names[olds[0] + 1], olds[0]
        more = f" + {len(olds) - MAX_JOINED} more" if len(olds) > MAX_JOINED else ""
        return " + ".join(before.names[old + 1] for old in olds[:MAX_JOINED]) + more, None
    if event == "split":
        old = olds[0]
        if alignment.events.matches.get(new) == old and found.share_of_before[old, new] >= MAIN_PART:
            return before.names[old + 1], old
        parts = [other for one, other in alignment.events.links if one == old and other != new]
        trait = find_trait(after, new, parts)
        return (f"{before.names[old + 1]}: {trait}" if trait else after.names[new + 1]), None
    return after.names[new + 1], None


def _free(name: str, taken: set[str], after: Personas, new: int) -> str:
    """Return a name nobody has: as it is, with what sets the persona apart, or with a number."""
    if name.casefold() not in taken:
        return name
    others = [number - 1 for number in after.names if number != new + 1]
    trait = find_trait(after, new, others)
    tries = [f"{name}: {trait}"] if trait else []
    tries += [f"{name} ({number})" for number in range(2, len(taken) + 3)]
    return next(each for each in tries if each.casefold() not in taken)


def find_trait(personas: Personas, new: int, others: list[int]) -> str:
    """Return the short clause that best tells a persona from some others, or an empty text.

    Sensitive labels are never named.
    """
    if personas.profile_table is None or not others:
        return ""
    profile = personas.profile_table
    keys = ["label", "value"]
    mine = profile[profile["persona_id"] == new + 1].set_index(keys)
    rest = profile[profile["persona_id"].isin([other + 1 for other in others])]
    rest = rest.groupby(keys, sort=False)[["n_in", "n_known"]].sum().reindex(mine.index)
    there = (rest["n_in"] / rest["n_known"].where(rest["n_known"] > 0)).to_numpy(float)
    share = mine["share_in"].to_numpy(float)
    worth = pd.Series(cohens_h(share, there) * share**0.5, mine.index)
    enough = (mine["n_known"] >= MIN_KNOWN) & (rest["n_known"] >= MIN_KNOWN) & (share >= MIN_SHARE)
    # what formed the personas first: a descriptor may differ by chance
    ranked = pd.DataFrame({"worth": worth[enough], "forms": mine.loc[enough, "forms"]})
    ranked = ranked[ranked["worth"] > 0].sort_values(["forms", "worth"], ascending=False, kind="stable")
    for label, value in ranked.index:
        info = personas.table.infos[label]
        if info.sensitive or (info.kind == "flag" and value == "no"):
            continue
        if clause := short_clause(info, str(value)):
            return clause
    return ""
