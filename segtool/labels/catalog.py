"""Catalogues: measures and labels that fit together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from segtool.errors import DefinitionError, did_you_mean
from segtool.labels.claims import Bands, Lookalike
from segtool.labels.definitions import Label
from segtool.labels.expressions import Expression, resolve_columns
from segtool.labels.measures import Measure
from segtool.labels.toml_reader import parse_definitions, read_definitions

_NAME_BEFORE = (
    "Measures of another catalogue, such as the built-in one, need it before this one:"
    " in [labels] catalogs of a study, or as base=builtin_catalog()."
)


class Catalog:
    """Measures and labels that fit together.

    Parameters
    ----------
    measures, labels : iterable, or mapping by name
        Definitions; a name may occur once.
    base : Catalog, optional
        What stands before these definitions: a measure that they name and do not define is
        taken from it, with what it rests on (`borrowed`).

    Attributes
    ----------
    borrowed : frozenset of str
        The measures taken from ``base``; in a sum, the other catalogue's own definition wins.

    Raises
    ------
    DefinitionError
        If a label or a derived measure names a measure that does not exist, with the nearest one.

    Examples
    --------
    >>> n = Measure("n_events", "events", "count(*)", no_rows=0)
    >>> activity = Label("activity", "activity", [Bands("n_events", edges=[3])], values=["low", "high"])
    >>> Catalog([n], [activity])
    Catalog(1 measures, 1 labels)
    >>> Catalog([], [activity])
    Traceback (most recent call last):
    segtool.errors.DefinitionError: labels.activity.claims[1].bands names the measure 'n_events', which does not ...
    """

    def __init__(
        self,
        measures: Iterable[Measure] | Mapping[str, Measure] = (),
        labels: Iterable[Label] | Mapping[str, Label] = (),
        *,
        base: Catalog | None = None,
    ):
        own = _by_name(measures, "measure")
        self.labels = MappingProxyType(_by_name(labels, "label"))
        lent = {} if base is None else _borrow(own, self.labels, base.measures)
        self.borrowed = frozenset(lent)
        self.measures = MappingProxyType({**lent, **own})
        self._check(base)

    def __repr__(self) -> str:
        return f"Catalog({len(self.measures)} measures, {len(self.labels)} labels)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Catalog):
            return NotImplemented
        return dict(self.measures) == dict(other.measures) and dict(self.labels) == dict(other.labels)

    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, name: str) -> Label:
        if name not in self.labels:
            raise DefinitionError(f"There is no label {name!r}.", did_you_mean(name, self.labels))
        return self.labels[name]

    def __len__(self) -> int:
        return len(self.labels)

    def __add__(self, other: Catalog) -> Catalog:
        """Return both together; where a name is in both, the later definition wins."""
        if not isinstance(other, Catalog):
            return NotImplemented
        lent = {name for name in other.borrowed if name in self.measures}
        measures = {**self.measures, **{n: each for n, each in other.measures.items() if n not in lent}}
        made = Catalog(measures, {**self.labels, **other.labels})
        made.borrowed = (self.borrowed | other.borrowed) - self._own() - other._own()
        return made

    def _own(self) -> frozenset[str]:
        return frozenset(self.measures) - self.borrowed

    def _with_labels(self, labels: Iterable[Label]) -> Catalog:
        made = Catalog(self.measures, labels)
        made.borrowed = self.borrowed
        return made

    def without(self, names: Iterable[str]) -> Catalog:
        """Return the catalogue without some labels; measures stay.

        Raises
        ------
        DefinitionError
            If a name is no label.
        """
        names = set(names)
        for name in sorted(names - set(self.labels)):
            raise DefinitionError(
                f"There is no label {name!r} to leave out.", did_you_mean(name, self.labels)
            )
        return self._with_labels([label for label in self.labels.values() if label.name not in names])

    def only(self, names: Iterable[str]) -> Catalog:
        """Return the catalogue with some labels only; measures stay."""
        names = list(names)
        return self._with_labels([self[name] for name in names])

    def keep(self, measures: Mapping[str, Measure], labels: Iterable[Label]) -> Catalog:
        """Return part of a checked catalogue; a label may name measures that fell away with a claim."""
        part = Catalog()
        part.measures, part.labels = (
            MappingProxyType(dict(measures)),
            MappingProxyType(_by_name(labels, "label")),
        )
        return part

    @classmethod
    def read(cls, path: str | Path, *, base: Catalog | None = None) -> Catalog:
        """Read a catalogue from a TOML file.

        Parameters
        ----------
        path : path
        base : Catalog, optional
            A catalogue whose measures the file may name, such as `builtin_catalog()`.

        Raises
        ------
        InputError
            If the file is missing or not text.
        DefinitionError
            If a definition is not well formed; names file, label and place.
        """
        return _name_file(cls, read_definitions(path), Path(path).name, base)

    @classmethod
    def from_toml(cls, text: str, where: str = "the text", *, base: Catalog | None = None) -> Catalog:
        """Read a catalogue from TOML text; ``base`` as in `read`.

        Examples
        --------
        >>> Catalog.from_toml('''
        ... [measures.n_events]
        ... from = "events"
        ... sql = "count(*)"
        ... [labels.active]
        ... facet = "activity"
        ... [[labels.active.claims]]
        ... flag = {is = "n_events >= 5"}
        ... ''')["active"].values
        ('no', 'yes')
        """
        return _name_file(cls, parse_definitions(text, where), where, base)

    def _check(self, base: Catalog | None) -> None:
        known = {**(base.measures if base else {}), **self.measures}
        labels = {**(base.labels if base else {}), **self.labels}
        fix = None if base is not None and base.measures else _NAME_BEFORE
        for measure in self.measures.values():
            _check_known(measure.needs(), measure.expression, known, f"measures.{measure.name}.sql", fix)
        order_measures(self.measures)
        for label in self.labels.values():
            for number, claim in enumerate(label.claims, start=1):
                place = f"labels.{label.name}.claims[{number}]"
                for name, expression in claim.predicates().items():
                    _check_known(expression.columns, expression, known, f"{place}.{claim.kind}.{name}", fix)
                if isinstance(claim, Bands):
                    _check_known((claim.of,), None, known, f"{place}.bands", fix)
                if isinstance(claim, Lookalike) and claim.label:
                    _check_seeds(claim, label, labels, f"{place}.lookalike")


def _borrow(
    own: Mapping[str, Measure], labels: Mapping[str, Label], measures: Mapping[str, Measure]
) -> dict[str, Measure]:
    """Return the measures of another catalogue that definitions come down to and do not define."""
    mine = {name.lower(): each for name, each in own.items()}
    theirs = {name.lower(): each for name, each in measures.items()}
    wanted = [need for each in own.values() for need in each.needs()]
    wanted += [name for label in labels.values() for claim in label.claims for name in claim.measures()]
    found: dict[str, Measure] = {}
    while wanted:
        name = wanted.pop().lower()
        if name not in mine and name in theirs and theirs[name].name not in found:
            found[theirs[name].name] = theirs[name]
            wanted += theirs[name].needs()
    return {name: each for name, each in measures.items() if name in found}


def _check_seeds(claim: Lookalike, label: Label, labels: Mapping[str, Label], place: str) -> None:
    """Check what seeds are asked of a label; one that is not here is left out when compiling, with the reason."""
    if claim.label == label.name:
        raise DefinitionError(f"{place}.label is the label itself.", "another label.")
    values = labels[claim.label].values if claim.label in labels else ()
    if values and claim.value not in values:
        raise DefinitionError(f"{place}.value is {claim.value!r}.", did_you_mean(claim.value, values))


def _name_file(make, definitions: tuple, where: str, base: Catalog | None) -> Catalog:
    """Make a catalogue of what a file says; a refusal names the file."""
    try:
        return make(*definitions, base=base)
    except DefinitionError as error:
        raise DefinitionError(f"{where}: {error.found}", error.accepted, error.fix) from None


def _by_name(definitions, what: str) -> dict:
    items = list(definitions.values() if isinstance(definitions, Mapping) else definitions)
    found: dict[str, Any] = {}
    lower: dict[str, str] = {}
    for item in items:
        if item.name.lower() in lower:  # SQL does not tell letter case apart
            raise DefinitionError(
                f"The {what} {item.name!r} is defined twice.", "each name once, letter case aside."
            )
        found[item.name] = item
        lower[item.name.lower()] = item.name
    return found


def _check_known(
    names: Iterable[str], expression: Expression | None, measures: Mapping, place: str, fix: str | None
) -> None:
    by_lower = {name.lower() for name in measures}
    for name in names:
        if name.lower() in by_lower:
            continue
        where = place
        if expression is not None:
            try:
                resolve_columns(expression, measures, "the catalogue", place=place)
            except DefinitionError as error:
                where = error.found.split(":")[0]
        raise DefinitionError(
            f"{where} names the measure {name!r}, which does not exist.", did_you_mean(name, measures), fix
        )


def order_measures(measures: Mapping[str, Measure]) -> list[list[str]]:
    """Return derived measures in rounds: each rests on tables and on earlier rounds only.

    Raises
    ------
    DefinitionError
        If measures rest on each other in a circle.

    Examples
    --------
    >>> a = Measure("a", "events", "count(*)")
    >>> b = Measure("b", "measures", "a * 2")
    >>> order_measures({"b": b, "a": a})
    [['b']]
    """
    known = {name.lower() for name, measure in measures.items() if not measure.is_derived}
    waiting = [measure for measure in measures.values() if measure.is_derived]
    rounds: list[list[str]] = []
    while waiting:
        ready = [m.name for m in waiting if all(need.lower() in known for need in m.needs())]
        if not ready:
            names = ", ".join(repr(m.name) for m in waiting)
            raise DefinitionError(f"The measures {names} rest on each other.", "measures without a circle.")
        rounds.append(ready)
        known |= {name.lower() for name in ready}
        waiting = [m for m in waiting if m.name not in ready]
    return rounds
