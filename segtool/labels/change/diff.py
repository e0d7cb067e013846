"""What changed between two catalogues, and whether it changes meaning or only wording."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from difflib import SequenceMatcher
from typing import Any

import pandas as pd

from segtool.labels.catalog import Catalog
from segtool.labels.definitions import Label
from segtool.labels.measures import Measure

# What a reader sees differs, what is computed does not.
WORDING = frozenset({"title", "phrase", "description", "facet", "unit"})
# Worked examples and where the text came from say nothing of the label.
_SKIPPED = frozenset({"tests"})
COLUMNS = ["label", "part", "change", "affects", "before", "after"]


def diff_catalogs(before: Catalog, after: Catalog) -> pd.DataFrame:
    """List how two catalogues differ, label by label.

    Parameters
    ----------
    before, after : Catalog

    Returns
    -------
    pd.DataFrame
        label, part (the field, the claim, or the measure it rests on), change (added, removed,
        changed), affects (meaning or wording), before, after (as text). A measure that changed
        stands once for every label that rests on it, and once without a label if none does.

    Examples
    --------
    >>> from segtool.labels import Flag, Label, Measure
    >>> n = Measure("n", "events", "count(*)", no_rows=0)
    >>> old = Catalog([n], [Label("busy", "activity", [Flag("n >= 5")])])
    >>> new = Catalog([n], [Label("busy", "activity", [Flag("n >= 9")])])
    >>> diff_catalogs(old, new)[["label", "part", "change", "before", "after"]].values.tolist()
    [['busy', 'claim 1 flag', 'changed', 'when: n >= 5', 'when: n >= 9']]
    """
    rows: list[tuple] = []
    changed = {name: row for name, row in _measure_rows(before, after)}
    told: set[str] = set()
    for name in dict.fromkeys([*before.labels, *after.labels]):
        old, new = before.labels.get(name), after.labels.get(name)
        if old is None or new is None:
            change = "added" if old is None else "removed"
            rows.append(
                (
                    name,
                    "label",
                    change,
                    "meaning",
                    "" if old is None else old.title,
                    "" if new is None else new.title,
                )
            )
            continue
        rows += [(name, *row) for row in _label_rows(old, new)]
        rested = measures_behind(old, before) | measures_behind(new, after)
        rows += [(name, *changed[measure]) for measure in changed if measure in rested]
        told |= rested
    rows += [("", *row) for measure, row in changed.items() if measure not in told]
    return pd.DataFrame(rows, columns=COLUMNS)


def changed_meaning(before: Catalog, after: Catalog) -> frozenset[str]:
    """Return the labels of both catalogues that no longer mean the same."""
    table = diff_catalogs(before, after)
    is_told = (table["affects"] == "meaning") & (table["label"] != "") & (table["part"] != "label")
    return frozenset(table.loc[is_told, "label"])


def _label_rows(old: Label, new: Label) -> Iterator[tuple]:
    for field in fields(Label):
        name = field.name
        if name in _SKIPPED or name in ("name", "claims"):
            continue
        yield from _field_row(name, getattr(old, name), getattr(new, name))
    yield from _claim_rows(old, new)


def _field_row(name: str, old: Any, new: Any) -> Iterator[tuple]:
    if old != new:
        affects = "wording" if name in WORDING else "meaning"
        yield name, "changed", affects, _text(old), _text(new)


def _claim_rows(old: Label, new: Label) -> Iterator[tuple]:
    """Match claims as lines of a text: one more in front does not change those behind it."""
    matcher = SequenceMatcher(None, [*map(repr, old.claims)], [*map(repr, new.claims)], autojunk=False)
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        if tag == "equal":
            continue
        gone, come = list(range(a0, a1)), list(range(b0, b1))
        while gone and come and old.claims[gone[0]].kind == new.claims[come[0]].kind:
            yield _claim_change(old, gone.pop(0), new, come.pop(0))
        for number in gone:
            yield _claim_name(old, number), "removed", "meaning", _claim_text(old.claims[number]), ""
        for number in come:
            yield _claim_name(new, number), "added", "meaning", "", _claim_text(new.claims[number])


def _claim_change(old: Label, a: int, new: Label, b: int) -> tuple:
    first, second = _said(old.claims[a]), _said(new.claims[b])
    differ = [name for name in {**first, **second} if first.get(name) != second.get(name)]
    texts = ["; ".join(f"{name}: {_text(side.get(name))}" for name in differ) for side in (first, second)]
    return _claim_name(new, b), "changed", "meaning", *texts


def _claim_name(label: Label, number: int) -> str:
    return f"claim {number + 1} {label.claims[number].kind}"


def _claim_text(claim: Any) -> str:
    return "; ".join(f"{name}: {_text(value)}" for name, value in _said(claim).items())


def _said(claim: Any) -> dict[str, Any]:
    """Return what a definition says, without what was left at nothing."""
    found = {field.name: getattr(claim, field.name) for field in fields(claim)}
    return {name: value for name, value in found.items() if value is not None and value != ()}


def _measure_rows(before: Catalog, after: Catalog) -> Iterator[tuple[str, tuple]]:
    for name in dict.fromkeys([*before.measures, *after.measures]):
        old, new = before.measures.get(name), after.measures.get(name)
        if old is None or new is None:
            change = "added" if old is None else "removed"
            yield (
                name,
                (f"measure {name}", change, "meaning", *("" if m is None else _sql(m) for m in (old, new))),
            )
            continue
        first, second = _said(old), _said(new)
        differ = [key for key in {**first, **second} if first.get(key) != second.get(key)]
        if differ:
            affects = "wording" if set(differ) <= WORDING else "meaning"
            texts = [
                "; ".join(f"{key}: {_text(side.get(key))}" for key in differ) for side in (first, second)
            ]
            yield name, (f"measure {name}", "changed", affects, *texts)


def _sql(measure: Measure) -> str:
    return measure.sql if measure.where is None else f"{measure.sql} where {measure.where}"


def measures_behind(label: Label, catalog: Catalog) -> set[str]:
    """Return the measures a label rests on, those behind others included."""
    found: set[str] = set()
    waiting = [name for claim in label.claims for name in _named(claim)]
    while waiting:
        name = waiting.pop()
        if name in catalog.measures and name not in found:
            found.add(name)
            waiting += catalog.measures[name].needs()
    return found


def _named(claim: Any) -> list[str]:
    of = getattr(claim, "of", None)
    return [*claim.measures(), *([of] if isinstance(of, str) else [])]


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {_text(each)}" for key, each in value.items())
    if isinstance(value, (tuple, list, frozenset)):
        return ", ".join(map(_text, value))
    return "" if value is None else str(value)
