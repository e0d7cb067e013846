"""Which fitted claims can be learned at all, before anything is run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from segtool.errors import did_you_mean
from segtool.labels.claims import Claim
from segtool.labels.definitions import Label
from segtool.labels.inference.features import SHARES, columns_of, tables_of
from segtool.labels.inference.tasks import Resemblance
from segtool.labels.measures import Measure
from segtool.labels.plans import Step

Kept = list[tuple[Label, list[tuple[int, Claim]]]]
Lost = list[tuple[str, str, str]]


def keep_fitted(labels: Kept, source_of: Callable[[Label, int, Claim], str]) -> tuple[Kept, Lost]:
    """Leave out fitted claims whose teachers or seeds were left out.

    Parameters
    ----------
    labels : list of (Label, claims with their numbers)
    source_of : callable
        Label, number and claim -> source of the claim.

    Returns
    -------
    (what is left, list of (kind, name, reason))
    """
    lost: Lost = []
    while True:
        names, n_lost, kept = {label.name for label, _ in labels}, len(lost), []
        for label, claims in labels:
            left = []
            for number, claim in claims:
                sources = {source_of(label, *other) for other in claims if other[1] is not claim}
                reason = _why_not(label, claim, sources, names)
                if reason is None:
                    left.append((number, claim))
                else:
                    lost.append(("claim", label.claim_id(number), reason))
            if left:
                kept.append((label, left))
            else:
                lost.append(("label", label.name, lost[-1][2]))
        labels = kept
        if len(lost) == n_lost:
            return labels, lost


def _why_not(label: Label, claim: Claim, sources: set[str], names: set[str]) -> str | None:
    seeds = claim.label if claim.kind == "lookalike" else ""
    if seeds and seeds not in names:
        return f"there is no label {seeds!r} to take seeds from; {did_you_mean(seeds, names - {label.name})}"
    return claim.why_alone(sources)


def with_features(
    lineages: Mapping[str, Any], steps: Iterable[Step], measures: Mapping[str, Measure]
) -> dict:
    """Add the tables and columns that models look at to the lineage of labels.

    They make no family of an answered label: it is not one witness with every click. Of a
    resemblance they do, which has nothing else.

    Parameters
    ----------
    lineages : Mapping
        Label -> Lineage.
    steps : iterable of Step
    measures : Mapping
    """
    found = dict(lineages)
    for task in (task for step in steps for task in step.tasks):
        tables, columns = set(), set()
        for name in task.features:
            if name in measures:
                tables |= tables_of(name, measures)
                columns |= columns_of(name, measures)
            else:
                table = "events" if name.startswith(SHARES) else "users"
                tables.add(table)
                columns.add(f"{table}.{name.partition('__')[2]}")
        old = found[task.label]
        families = old.families | (tables if isinstance(task.goal, Resemblance) else set())
        found[task.label] = replace(
            old, tables=old.tables | tables, columns=old.columns | columns, families=families
        )
    return found
