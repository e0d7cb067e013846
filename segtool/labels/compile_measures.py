"""Measures to SQL: the scans of each table, joined to one wide row per user."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from segtool.labels.catalog import order_measures
from segtool.labels.expressions import AGGREGATES, quote_name, render, resolve_columns
from segtool.labels.measures import Measure
from segtool.labels.noise import Aggregate, Noise, classify, to_aggregate
from segtool.labels.plans import Step
from segtool.labels.scans import Primitive, plan_scans, split_tests, test_texts
from segtool.labels.sums import split_sums

# Sums and averages of DOUBLE differ in their last bits from run to run, so they are rounded.
DIGITS = 6


@dataclass
class MeasurePlan:
    """The steps of the measures, and where to find what in the wide row."""

    steps: list[Step] = field(default_factory=list)
    extras: dict[tuple[str, str], str] = field(default_factory=dict)
    noises: dict[str, Noise] = field(default_factory=dict)

    def without_noise(self) -> MeasurePlan:
        """Return the plan for claims whose confidence is declared, not estimated."""
        return MeasurePlan(self.steps, {}, {name: Noise("declared") for name in self.noises})


def plan_measures(
    measures: Mapping[str, Measure], schemas: Mapping[str, Mapping[str, str]], evidenced: Iterable[str]
) -> MeasurePlan:
    """Plan the steps that end in ``measures_wide``.

    Parameters
    ----------
    measures : Mapping
        Those whose tables and columns are there.
    schemas : Mapping
        Table -> column -> kind.
    evidenced : iterable of str
        The measures that claims rest on, whose evidence is wanted beside their value.

    Returns
    -------
    MeasurePlan
    """
    plan = MeasurePlan(noises={name: classify(measure, measures) for name, measure in measures.items()})
    builder = _WideBuilder(schemas)
    for measure in measures.values():
        if not measure.is_derived:
            builder.add(to_aggregate(measure))
    for name in evidenced:
        for role, aggregate in plan.noises[name].extra.items():
            plan.extras[name, role] = builder.add(aggregate)
    scans, sums = builder.scan_steps()
    plan.steps = [*scans, *_wide_steps(builder, scans, sums, measures)]
    return plan


class _WideBuilder:
    """Collects aggregates, each distinct one once, and lays them out in scan steps."""

    def __init__(self, schemas: Mapping[str, Mapping[str, str]]):
        self.schemas = schemas
        self.columns: dict[str, str] = {}  # column of the wide row -> SQL over the scan steps
        self._known: dict[tuple, str] = {}
        self._primitives: dict[tuple, Primitive] = {}
        self.scanned: list[str] = []  # columns of the scan steps

    def add(self, aggregate: Aggregate) -> str:
        """Plan an aggregate; return its column in the wide row, an earlier one when it is the same."""
        aggregate = _with_actual_names(aggregate, self.schemas[aggregate.table])
        key = (aggregate.table, render(aggregate.tree), test_texts(aggregate.where), aggregate.no_rows)
        if key not in self._known or "__" not in aggregate.name:
            self._known.setdefault(key, aggregate.name)
            self.columns[aggregate.name] = self._value_sql(aggregate)
        return self._known[key]

    def _value_sql(self, aggregate: Aggregate) -> str:
        """Return the wide column: the expression over its primitives, and what no rows mean."""
        tree = aggregate.tree.copy()
        holder = exp.Paren(this=tree)
        nodes = [node for node in holder.find_all(*AGGREGATES, exp.Anonymous) if not _is_filtered(node)]
        nodes += list(holder.find_all(exp.Filter))
        for number, node in enumerate(nodes, start=1):
            wish = aggregate.name if len(nodes) == 1 and node is tree else f"{aggregate.name}__{number}"
            column = self._primitive(aggregate, node, wish)
            reference = exp.column(column, quoted=quote_name(column) != column)
            if _is_count(node):  # another scan may have no row of this user: that is none, not unknown
                reference = exp.Coalesce(this=reference, expressions=[exp.Literal.number(0)])
            node.replace(reference)
        sql = render(holder.this)
        if _is_rounded(aggregate.tree):
            sql = f"round({sql}, {DIGITS})"
        return self._with_no_rows(aggregate, f"CAST({sql} AS DOUBLE)")

    def _with_no_rows(self, aggregate: Aggregate, sql: str) -> str:
        """Apply `no_rows` where no row counted; simple aggregates tell that by themselves."""
        tree, none = aggregate.tree, aggregate.no_rows
        if _is_count(tree) and none == 0:
            return sql
        if isinstance(tree, exp.Count):
            return f"CASE WHEN {sql} > 0 THEN {sql} ELSE {_number(none)} END"
        if none is None and not list(tree.find_all(exp.Count, exp.CountIf, exp.Coalesce)):
            return sql  # sum, avg, min, ... of no rows is NULL already
        every_row = exp.Count(this=exp.Star(), big_int=True)
        counted = self._primitive(aggregate, every_row, f"{aggregate.name}__rows")
        return f"CASE WHEN {quote_name(counted)} > 0 THEN {sql} ELSE {_number(none)} END"

    def _primitive(self, aggregate: Aggregate, node: exp.Expression, wish: str) -> str:
        """Plan one aggregate function; return its column in the scan steps."""
        filters = [aggregate.where]
        if isinstance(node, exp.Filter):
            filters, node = [*filters, node.expression.this], node.this
        if isinstance(node, exp.CountIf):  # a filtered count: the same thing, and cheaper
            filters, node = [*filters, node.this], exp.Count(this=exp.Star(), big_int=True)
        made = Primitive(wish, aggregate.table, node.copy(), split_tests(*filters))
        key = (made.table, made.sql(), made.conditions())
        return self._primitives.setdefault(key, made).name

    def scan_steps(self) -> tuple[list[Step], dict[str, str]]:
        """Return the scans, and what follows from their columns by adding up."""
        counted, sums = split_sums(list(self._primitives.values()))
        by_table: dict[str, list[Primitive]] = defaultdict(list)
        for primitive in counted:
            by_table[primitive.table].append(primitive)
        steps = [step for table, primitives in by_table.items() for step in plan_scans(table, primitives)]
        self.scanned = [primitive.name for primitive in counted]
        return steps, sums


def _with_actual_names(aggregate: Aggregate, present: Iterable[str]) -> Aggregate:
    """Return an aggregate with columns as the table spells them; that they exist was checked before."""
    by_lower = {name.lower(): name for name in present}

    def rename(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Column) and node.name not in present:
            return exp.column(by_lower[node.name.lower()], quoted=True)
        return node

    where = aggregate.where.transform(rename) if aggregate.where is not None else None
    return replace(aggregate, tree=aggregate.tree.transform(rename), where=where)


def _number(value: float | None) -> str:
    return "NULL" if value is None else f"CAST({value} AS DOUBLE)"


def _is_count(node: exp.Expression) -> bool:
    inner = node.this if isinstance(node, exp.Filter) else node
    return isinstance(inner, (exp.Count, exp.CountIf))


def _is_filtered(node: exp.Expression) -> bool:
    return isinstance(node.parent, exp.Filter) or node.find_ancestor(exp.Filter) is not None


def _is_rounded(tree: exp.Expression) -> bool:
    return bool(list(tree.find_all(exp.Sum, exp.Avg, exp.Stddev, exp.StddevSamp)))


def _wide_steps(
    builder: _WideBuilder, scans: Sequence[Step], sums: Mapping[str, str], measures: Mapping[str, Measure]
) -> list[Step]:
    """Return the join of all scans, and one more step per round of derived measures."""
    joins = "user_index AS u"
    for number, step in enumerate(scans, start=1):
        joins += f"\nLEFT JOIN {quote_name(step.name)} AS s{number} ON s{number}.user_id = u.user_id"
    user_id = "u.user_id"
    if sums:
        scanned = "".join(f", {quote_name(name)}" for name in builder.scanned)
        added = "".join(f",\n    {sql} AS {quote_name(name)}" for name, sql in sums.items())
        joins = joins.replace("\n", "\n  ")
        joins = f"(\n  SELECT u.user_id{scanned}{added}\n  FROM {joins}\n) AS counted"
        user_id = "user_id"
    picks = "".join(f",\n  {sql} AS {quote_name(name)}" for name, sql in builder.columns.items())
    sql = f"SELECT\n  {user_id}{picks}\nFROM {joins}"
    rounds = order_measures(measures)
    if not rounds:
        return [Step("measures_wide", sql, "one row per user", keep="table")]
    steps = [Step("measures_base", sql, "one row per user")]
    for number, names in enumerate(rounds, start=1):
        last = number == len(rounds)
        picks = "".join(
            f",\n  {_derived_sql(measures[name], measures)} AS {quote_name(name)}" for name in names
        )
        name = "measures_wide" if last else f"measures_round{number}"
        derived = f"SELECT\n  *{picks}\nFROM {steps[-1].name}"
        steps.append(Step(name, derived, "arithmetic on measures", keep="table" if last else "no"))
    return steps


def _derived_sql(measure: Measure, measures: Mapping[str, Measure]) -> str:
    names = resolve_columns(measure.expression, measures, "the catalogue")
    sql = f"CAST({render(measure.expression.tree, names)} AS DOUBLE)"
    if measure.no_rows is not None:
        sql = f"coalesce({sql}, {measure.no_rows})"
    return f"round({sql}, {DIGITS})"
