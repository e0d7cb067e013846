"""What of a catalogue can be computed from the tables at hand, and why the rest cannot."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from segtool.errors import DefinitionError, did_you_mean
from segtool.labels.claims import Claim
from segtool.labels.definitions import Label
from segtool.labels.expressions import Expression, conjuncts, position, resolve_columns
from segtool.labels.measures import Measure

Schemas = Mapping[str, Mapping[str, str]]
Words = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class LeftOut:
    """Something that could not be computed from the tables at hand, and why."""

    kind: str  # "measure", "claim" or "label"
    name: str
    reason: str


@dataclass(frozen=True)
class Tables:
    """The tables at hand, and the words that occur in them."""

    schemas: Schemas
    words: Words

    def why_not(self, table: str, expressions: Iterable[Expression]) -> str | None:
        """Return why expressions over a table cannot be computed, or None when they can."""
        if table not in self.schemas:
            return f"there is no table {table!r}."
        if "user_id" not in self.schemas[table]:
            return f"{table} has no column 'user_id'."
        for expression in expressions:
            try:
                names = resolve_columns(expression, self.schemas[table], table)
            except DefinitionError as error:
                return _without_place(error, expression)
            _check_kinds(expression.tree, names, self.schemas[table], expression.place)
            reason = self._why_no_words(table, expression.tree)
            if reason:
                return reason
        return None

    def _why_no_words(self, table: str, tree: exp.Expression) -> str | None:
        for part in conjuncts(tree):
            if not isinstance(part, (exp.EQ, exp.In)) or not isinstance(part.this, exp.Column):
                continue
            column = part.this.name.lower()
            present = self.words.get(f"{table}.{column}")
            asked = part.expressions if isinstance(part, exp.In) else [part.expression]
            if present is None or not all(isinstance(each, exp.Literal) and each.is_string for each in asked):
                continue
            names = [each.this for each in asked]
            if not set(names) & set(present):
                return f"no {column} {' or '.join(map(repr, names))} occurs in {table}; {did_you_mean(names[0], present)}"
        return None


def _without_place(error: DefinitionError, expression: Expression) -> str:
    """Return why, naming the place only where the expression is more than one column."""
    found = (
        error.found.removeprefix(f"{expression.place}, character 1: ")
        if _is_column(expression)
        else error.found
    )
    near, mark, _ = (error.accepted or "").partition("?")
    return f"{found.rstrip('.')}; {near}?" if mark else found


def _is_column(expression: Expression) -> bool:
    return isinstance(expression.tree, exp.Column)


def keep_measures(
    measures: Mapping[str, Measure], tables: Tables, left_out: list[LeftOut]
) -> dict[str, Measure]:
    """Keep the measures whose table and columns are there, then those made of kept ones."""
    kept: dict[str, Measure] = {}
    for measure in measures.values():
        parts = filter(None, (measure.expression, measure.condition))
        reason = None if measure.is_derived else tables.why_not(measure.table, parts)
        if reason:
            left_out.append(LeftOut("measure", measure.name, reason))
        else:
            kept[measure.name] = measure
    while True:
        lower = {name.lower() for name in kept}
        lost = {m.name: n for m in kept.values() for n in m.needs() if n.lower() not in lower}
        if not lost:
            return kept
        for name, need in lost.items():
            left_out.append(LeftOut("measure", name, f"the measure {need!r} was left out."))
            del kept[name]


def _check_kinds(
    tree: exp.Expression, names: Mapping[str, str], schema: Mapping[str, str], place: str
) -> None:
    """Refuse what an engine would refuse on the data, in words that name the label and no data."""

    def kind(node: exp.Expression) -> str | None:
        if isinstance(node, exp.Literal):
            return "text" if node.is_string else "number"
        return schema[names[node.name]] if isinstance(node, exp.Column) else None

    for node in tree.find_all(exp.Sum, exp.Avg, exp.Median, exp.Stddev, exp.StddevSamp):
        if kind(node.this) in ("text", "time"):
            raise DefinitionError(
                f"{place}, character {position(node)}: {node.sql_name().lower()} of {node.this.name}, "
                f"which holds {kind(node.this)}.",
                "a column of numbers.",
                "Use count(distinct ...), or map the column to a number when reading.",
            )
    for node in tree.find_all(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In):
        others = [*node.expressions, node.args.get("expression"), node.args.get("low"), node.args.get("high")]
        for other in filter(None, others):
            if {kind(node.this), kind(other)} == {"text", "number"}:
                raise DefinitionError(
                    f"{place}, character {position(node)}: text is compared with a number.",
                    "a text in quotes beside a column of text, a number beside a column of numbers.",
                )


def keep_labels(
    labels: Iterable[Label], measures: Mapping[str, Measure], tables: Tables, left_out: list[LeftOut]
) -> list[tuple[Label, list[tuple[int, Claim]]]]:
    """Keep the claims whose measures, tables and columns are there, and the labels that have any left."""
    kept = []
    reasons = {item.name.lower(): item.reason for item in left_out}
    for label in labels:
        claims, lost = [], []
        for number, claim in enumerate(label.claims, start=1):
            reason = _why_no_claim(claim, measures, reasons, tables) or claim.why_not(tables.schemas)
            if reason is None:
                claims.append((number, claim))
            else:
                lost.append(reason)
                left_out.append(LeftOut("claim", label.claim_id(number), reason))
        if claims:
            kept.append((label, claims))
        else:
            left_out.append(LeftOut("label", label.name, " ".join(dict.fromkeys(lost))))
    return kept


def _why_no_claim(claim: Claim, measures, reasons: Mapping[str, str], tables: Tables) -> str | None:
    lower = {name.lower() for name in measures}
    for name in claim.measures():
        if name.lower() not in lower:
            return f"the measure {name!r} was left out: {reasons.get(name.lower(), 'it does not exist.')}"
    table = claim.table()
    return None if table is None else tables.why_not(table, claim.table_expressions().values())
