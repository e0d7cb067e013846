"""Catalogue and table schemas in, one statement of named steps out. No engine is touched."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlglot
from sqlglot import exp

from segtool.errors import DefinitionError, did_you_mean
from segtool.labels.catalog import Catalog
from segtool.labels.claims import Claim
from segtool.labels.compile_claims import plan_claims
from segtool.labels.compile_measures import plan_measures
from segtool.labels.definitions import Label
from segtool.labels.expressions import Expression, conjuncts, position, resolve_columns
from segtool.labels.measures import Measure
from segtool.labels.noise import Noise
from segtool.labels.plans import RELIABILITIES, ClaimInfo, Step

Schemas = Mapping[str, Mapping[str, str]]
Words = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class LeftOut:
    """Something that could not be computed from the tables at hand, and why."""

    kind: str  # "measure", "claim" or "label"
    name: str
    reason: str


@dataclass(frozen=True)
class Lineage:
    """What a label rests on.

    ``families`` are the tables: labels made of the same rows are not independent witnesses.
    """

    tables: frozenset[str]
    columns: frozenset[str]
    families: frozenset[str]


@dataclass(frozen=True)
class Compiled:
    """A catalogue as SQL.

    Parameters
    ----------
    catalog : Catalog
        What is computed: the definitions whose tables and columns are there.
    steps : tuple of Step
        In order, each a named SELECT in ``dialect``.
    left_out : tuple of LeftOut
    lineage : Mapping of str to Lineage
        By label.
    claims : tuple of ClaimInfo
    noises : Mapping of str to Noise
        The kind of each measure, which its confidence comes from.
    dialect : str
    """

    catalog: Catalog
    steps: tuple[Step, ...]
    left_out: tuple[LeftOut, ...]
    lineage: Mapping[str, Lineage]
    claims: tuple[ClaimInfo, ...]
    noises: Mapping[str, Noise] = field(default_factory=dict)
    dialect: str = "duckdb"

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels that are computed."""
        return tuple(self.catalog.labels.values())

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of the measures that are computed."""
        return tuple(self.catalog.measures)

    @property
    def sql(self) -> str:
        """The whole as one statement, to paste and to debug."""
        return with_statement(self.steps, "SELECT *\nFROM labels\nORDER BY user_id, label, value")


def with_statement(steps: Sequence[Step], final: str) -> str:
    """Return a WITH statement of named steps, each under a comment that says what it is for.

    Examples
    --------
    >>> print(with_statement([Step("one", "SELECT 1 AS x", "a number")], "SELECT x FROM one"))
    WITH
    -- a number
    one AS (
      SELECT 1 AS x
    )
    SELECT x FROM one
    """
    if not steps:
        return final
    parts = []
    for step in steps:
        body = "\n".join(f"  {line}" for line in step.sql.splitlines())
        comment = f"-- {step.why}\n" if step.why else ""
        parts.append(f"{comment}{_name(step.name)} AS (\n{body}\n)")
    return "WITH\n" + ",\n".join(parts) + "\n" + final


def _name(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else '"' + name.replace('"', '""') + '"'


def compile_labels(
    catalog: Catalog,
    schemas: Schemas,
    *,
    dialect: str = "duckdb",
    as_of: datetime | None = None,
    reliabilities: Mapping[str, float] | None = None,
    words: Words | None = None,
    estimate: bool = True,
) -> Compiled:
    """Compile a catalogue to SQL for the tables at hand.

    Parameters
    ----------
    catalog : Catalog
    schemas : Mapping
        Table -> column -> kind ("text", "number", "time", "boolean", "other"), the derived columns
        of the table included.
    dialect : str
        sqlglot's name of the engine's dialect.
    as_of : datetime, optional
        Stamped on what follows from behaviour.
    reliabilities : Mapping, optional
        Source -> P(right when it speaks), over the defaults `RELIABILITIES`.
    words : Mapping, optional
        "table.column" -> the words that occur there. A definition that asks for words of which
        none occurs is left out: a log that does not record sharing cannot say who does not share.
    estimate : bool
        Estimate the confidence of bands, cases and flags from the data. False declares it instead,
        at the reliability of the source, and saves a quarter of the time.

    Returns
    -------
    Compiled

    Raises
    ------
    DefinitionError
        If a reliability or a type does not fit. What lacks a table or a column is left out, with
        the reason, and is no error.

    Examples
    --------
    >>> catalog = Catalog.from_toml('''
    ... [measures.n]
    ... from = "events"
    ... sql = "count(*)"
    ... [labels.busy]
    ... facet = "activity"
    ... claims = [{flag = {is = "n >= 5"}}, {answer = {question = "q1"}}]
    ... ''')
    >>> compiled = compile_labels(catalog, {"events": {"user_id": "text", "event_time": "time"}})
    >>> [step.name for step in compiled.steps][:2], compiled.left_out[0].reason
    (['events__scan1', 'measures_wide'], "there is no table 'survey'.")
    """
    left_out: list[LeftOut] = []
    tables = _Tables(schemas, words or {})
    measures = _keep_measures(catalog.measures, tables, left_out)
    labels = _keep_labels(catalog.labels.values(), measures, tables, left_out)
    kept = catalog.keep(measures, [label for label, _ in labels])
    infos = {
        (label.name, number): _describe(label, number, claim, measures)
        for label, claims in labels
        for number, claim in claims
    }
    judged = dict.fromkeys(
        _actual(name, measures) for _, claims in labels for _, claim in claims for name in claim.measures()
    )
    measure_plan = plan_measures(measures, schemas, judged if estimate else {})
    plan_for_claims = measure_plan if estimate else measure_plan.without_noise()
    known = _check_reliabilities(reliabilities)
    claim_steps = plan_claims(labels, infos, measures, schemas, plan_for_claims, known, as_of)
    steps = [*measure_plan.steps, *claim_steps]
    return Compiled(
        catalog=kept,
        steps=tuple(_to_dialect(step, dialect) for step in steps),
        left_out=tuple(left_out),
        lineage={label.name: _lineage(claims, measures) for label, claims in labels},
        claims=tuple(infos.values()),
        noises=measure_plan.noises,
        dialect=dialect,
    )


def _check_reliabilities(given: Mapping[str, float] | None) -> dict[str, float]:
    for source, value in (given or {}).items():
        if source not in RELIABILITIES:
            raise DefinitionError(f"There is no source {source!r}.", did_you_mean(source, RELIABILITIES))
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not 0 < value < 1:
            raise DefinitionError(f"The reliability of {source} is {value!r}.", "a number between 0 and 1.")
    return {**RELIABILITIES, **(given or {})}


@dataclass(frozen=True)
class _Tables:
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


def _keep_measures(
    measures: Mapping[str, Measure], tables: _Tables, left_out: list[LeftOut]
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


def _keep_labels(
    labels: Iterable[Label], measures: Mapping[str, Measure], tables: _Tables, left_out: list[LeftOut]
) -> list[tuple[Label, list[tuple[int, Claim]]]]:
    kept = []
    reasons = {item.name.lower(): item.reason for item in left_out}
    for label in labels:
        claims, lost = [], []
        for number, claim in enumerate(label.claims, start=1):
            reason = _why_no_claim(claim, measures, reasons, tables)
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


def _why_no_claim(claim: Claim, measures, reasons: Mapping[str, str], tables: _Tables) -> str | None:
    lower = {name.lower() for name in measures}
    for name in claim.measures():
        if name.lower() not in lower:
            return f"the measure {name!r} was left out: {reasons.get(name.lower(), 'it does not exist.')}"
    table = claim.table()
    return None if table is None else tables.why_not(table, claim.table_expressions().values())


def _actual(name: str, measures: Mapping[str, Measure]) -> str:
    return {each.lower(): each for each in measures}[name.lower()]


def _base_measures(names: Iterable[str], measures: Mapping[str, Measure]) -> dict[str, Measure]:
    """Return the measures over tables that some measures come down to."""
    found: dict[str, Measure] = {}
    for name in names:
        measure = measures[_actual(name, measures)]
        found |= _base_measures(measure.needs(), measures) if measure.is_derived else {measure.name: measure}
    return found


def _describe(label: Label, number: int, claim: Claim, measures: Mapping[str, Measure]) -> ClaimInfo:
    bases = _base_measures(claim.measures(), measures)
    tables = dict.fromkeys(filter(None, [claim.table(), *(m.table for m in bases.values())]))
    source = claim.source or _source_of(tuple(tables))
    return ClaimInfo(label.name, label.claim_id(number), claim.kind, source, claim.measures(), tuple(tables))


def _source_of(tables: tuple[str, ...]) -> str:
    """Return the source of a claim over measures: behaviour, unless all its rows are something else."""
    by_table = {"users": "profile", "survey": "survey", "notes": "person"}
    sources = {by_table.get(table, "behaviour") for table in tables}
    return sources.pop() if len(sources) == 1 else "behaviour"


def _lineage(claims: Sequence[tuple[int, Claim]], measures: Mapping[str, Measure]) -> Lineage:
    tables: set[str] = set()
    columns: set[str] = set()
    for _, claim in claims:
        for measure in _base_measures(claim.measures(), measures).values():
            tables.add(measure.table)
            columns |= {f"{measure.table}.{column}" for column in measure.columns()}
        table = claim.table()
        if table:
            tables.add(table)
            columns |= {
                f"{table}.{name}" for each in claim.table_expressions().values() for name in each.columns
            }
    return Lineage(frozenset(tables), frozenset(columns), frozenset(tables))


def _to_dialect(step: Step, dialect: str) -> Step:
    if dialect == "duckdb":
        return step
    sql = sqlglot.transpile(step.sql, read="duckdb", write=dialect, pretty=True)[0]
    return Step(step.name, sql, step.why, step.keep)
