"""What kind of number a measure is, which decides how sure one can be of it.

Three purchases in a month are a sample of how often somebody buys; the day of the last purchase
is a fact, and so is what somebody said. The kind is read off the expression and its table, never
guessed from data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlglot import exp

from segtool.labels.expressions import conjuncts, render
from segtool.labels.measures import Measure

KINDS = ("count", "sum", "share", "mean", "ratio", "fact", "declared")
LATENT = frozenset({"count", "sum", "share", "mean", "ratio"})
# Rows of these say what is so and are no sample of behaviour: one answer is the whole answer.
SAID_TABLES = frozenset({"survey", "users", "notes", "lists", "community"})


@dataclass(frozen=True)
class Aggregate:
    """One number per user over one table, as trees: a measure, or what its evidence needs."""

    name: str
    table: str
    tree: exp.Expression = field(compare=False)
    where: exp.Expression | None = field(compare=False, default=None)
    no_rows: float | None = None


@dataclass(frozen=True)
class Noise:
    """The kind of a measure, and the further aggregates that its sampling variance needs.

    Parameters
    ----------
    kind : str
        "count": Gamma-Poisson; "sum": compound Poisson, whose variance is the sum of squares;
        "share": Beta-Binomial; "mean": normal with s / sqrt(n), on the log scale when positive;
        "ratio": log-normal; "fact": no sampling noise; "declared": noise of unknown form.
    scale : float
        Factor on a count or sum.
    extra : Mapping of str to Aggregate
        Role ("n", "squares", "spread", "n_over", "n_under") -> aggregate.
    """

    kind: str
    scale: float = 1.0
    extra: Mapping[str, Aggregate] = field(default_factory=dict)
    part: exp.Expression | None = field(
        compare=False, default=None
    )  # of a share: what counts; of a sum: the amount


def to_aggregate(measure: Measure) -> Aggregate:
    """Return a measure over a table as an aggregate.

    A filter on the whole of it joins `where`, so that `no_rows` speaks of the rows that count. Not
    so for counts: of rows that are there, those that pass may be none, and that is 0.
    """
    condition = measure.condition.tree if measure.condition else None
    tree = measure.expression.tree
    if isinstance(tree, exp.Filter) and not isinstance(tree.this, exp.Count):
        tree, condition = _split_filter(tree, condition)
    return Aggregate(measure.name, measure.table, tree, condition, measure.no_rows)


def classify(measure: Measure, measures: Mapping[str, Measure]) -> Noise:
    """Return the kind of noise of a measure.

    Examples
    --------
    >>> spend = Measure("spend", "events", "sum(amount)", "event = 'purchase'")
    >>> orders = Measure("orders", "events", "count(*)", "event = 'purchase'")
    >>> basket = Measure("basket", "measures", "spend / orders")
    >>> [classify(m, {"spend": spend, "orders": orders}).kind for m in (spend, orders, basket)]
    ['sum', 'count', 'mean']

    What was said is a fact, whatever is computed of it:

    >>> classify(Measure("love", "survey", "avg((q4 + q5) / 2.0)"), {}).kind
    'fact'
    """
    if measure.is_derived:
        return _classify_derived(measure, {name.lower(): each for name, each in measures.items()})
    noise = _classify_aggregate(to_aggregate(measure))
    return Noise("fact", 1.0, {"n": noise.extra["n"]}) if measure.table in SAID_TABLES else noise


def _classify_aggregate(whole: Aggregate) -> Noise:
    tree, scale = _strip_scale(_strip(whole.tree))
    if isinstance(tree, exp.Div):
        return _classify_division(whole, _strip(tree.left), _strip(tree.right))
    return _classify_one(whole, tree, scale)


def _strip(tree: exp.Expression) -> exp.Expression:
    """Take off what does not change the kind: brackets, casts, rounding, nullif, coalesce."""
    while isinstance(tree, (exp.Paren, exp.Cast, exp.TryCast, exp.Round, exp.Nullif, exp.Coalesce)):
        tree = tree.this
    return tree


def _strip_scale(tree: exp.Expression) -> tuple[exp.Expression, float]:
    """Take off a constant factor."""
    if isinstance(tree, (exp.Mul, exp.Div)) and isinstance(tree.right, exp.Literal) and tree.right.is_number:
        factor = float(tree.right.this) or 1.0
        return _strip(tree.left), factor if isinstance(tree, exp.Mul) else 1 / factor
    return tree, 1.0


def _split_filter(tree: exp.Expression, where: exp.Expression | None):
    """Return an aggregate without its own filter, and both filters together."""
    if isinstance(tree, exp.Filter):
        tree, where = tree.this, _both(where, tree.expression.this)
    if isinstance(tree, exp.CountIf):
        return exp.Count(this=exp.Star(), big_int=True), _both(where, tree.this)
    return tree, where


def _both(left: exp.Expression | None, right: exp.Expression | None) -> exp.Expression | None:
    parts = [part.copy() for part in (left, right) if part is not None]
    return exp.and_(*parts) if parts else None


def _rows(
    whole: Aggregate, role: str, where: exp.Expression | None, column: exp.Expression | None = None
) -> Aggregate:
    counted = exp.Star() if column is None else column.copy()
    return Aggregate(f"{whole.name}__{role}", whole.table, exp.Count(this=counted, big_int=True), where, 0)


def _classify_one(whole: Aggregate, tree: exp.Expression, scale: float) -> Noise:
    is_filtered = isinstance(tree, (exp.Filter, exp.CountIf))
    inner, where = _split_filter(tree, whole.where)
    n = _rows(whole, "n", where)
    if isinstance(inner, exp.Count) and isinstance(inner.this, exp.Distinct):
        # as evidence, distinct days are as many as they are: no other count is needed
        return Noise("count", scale, {"n": Aggregate(f"{whole.name}__n", whole.table, inner, where, 0)})
    if isinstance(inner, exp.Count):
        return Noise("count", scale, {"n": n}, exp.Literal.number(1))
    if isinstance(inner, exp.Sum):
        squares = exp.Sum(this=exp.Mul(this=_double(inner.this), expression=_double(inner.this)))
        extra = {"n": n, "squares": Aggregate(f"{whole.name}__squares", whole.table, squares, where, 0)}
        return Noise("sum", scale, extra, inner.this)
    if isinstance(inner, exp.Avg):
        if _is_boolean(inner.this):
            return Noise("share", 1.0, {"n": _rows(whole, "n", where, inner.this)}, inner.this)
        return _mean(whole, inner.this, where)
    is_fact = isinstance(inner, (exp.Min, exp.Max, exp.LogicalOr, exp.LogicalAnd))
    rows = n if is_filtered else _rows(whole, "n", whole.where)
    return Noise("fact" if is_fact else "declared", 1.0, {"n": rows})


def _mean(whole: Aggregate, column: exp.Expression, where: exp.Expression | None) -> Noise:
    spread = exp.Anonymous(this="var_samp", expressions=[_double(column)])  # our own, after the check
    extra = {
        "n": _rows(whole, "n", where, column),
        "spread": Aggregate(f"{whole.name}__spread", whole.table, spread, where, None),
    }
    return Noise("mean", 1.0, extra)


def _double(tree: exp.Expression) -> exp.Expression:
    return exp.Cast(this=tree.copy(), to=exp.DataType.build("double"))


def _is_boolean(tree: exp.Expression) -> bool:
    """Whether an averaged expression can only be 0 or 1."""
    tree = _strip(tree)
    if isinstance(tree, (exp.Predicate, exp.Not, exp.And, exp.Or, exp.Is, exp.Boolean)):
        return True
    if isinstance(tree, exp.Case):
        results = [branch.args["true"] for branch in tree.args["ifs"]] + [tree.args.get("default")]
        return all(isinstance(r, exp.Literal) and r.this in ("0", "1", "0.0", "1.0") for r in results)
    return False


def _classify_division(whole: Aggregate, over: exp.Expression, under: exp.Expression) -> Noise:
    """An aggregate divided by an aggregate of the same rows."""
    top, top_where = _split_filter(over, whole.where)
    bottom, bottom_where = _split_filter(under, whole.where)
    return _divide(whole, (top, top_where, whole.table), (bottom, bottom_where, whole.table))


def _divide(whole: Aggregate, top, bottom) -> Noise:
    (over, over_where, over_table), (under, under_where, under_table) = top, bottom
    rows = Aggregate(
        f"{whole.name}__n", under_table, exp.Count(this=exp.Star(), big_int=True), under_where, 0
    )
    same_table = over_table == under_table
    if isinstance(under, exp.Count) and isinstance(under.this, exp.Star) and same_table:
        if (
            isinstance(over, exp.Count)
            and isinstance(over.this, exp.Star)
            and _is_part(over_where, under_where)
        ):
            return Noise("share", 1.0, {"n": rows}, over_where)
        if (
            isinstance(over, exp.Sum)
            and _is_part(over_where, under_where)
            and _is_part(under_where, over_where)
        ):
            mean = _mean(Aggregate(whole.name, over_table, over, over_where), over.this, over_where)
            return Noise("mean", 1.0, mean.extra)
    if isinstance(over, (exp.Count, exp.Sum)) and isinstance(under, (exp.Count, exp.Sum)):
        extra = {
            "n": rows,
            "n_over": Aggregate(
                f"{whole.name}__n_over", over_table, exp.Count(this=exp.Star(), big_int=True), over_where, 0
            ),
            "n_under": rows,
        }
        return Noise("ratio", 1.0, extra)
    return Noise("declared", 1.0, {"n": rows})


def _is_part(narrow: exp.Expression | None, wide: exp.Expression | None) -> bool:
    """Whether every row that counts for one filter counts for the other: it has all its parts."""
    return {render(part) for part in conjuncts(wide)} <= {render(part) for part in conjuncts(narrow)}


def _base_measures(measure: Measure, by_name: Mapping[str, Measure]) -> list[Measure]:
    """Return the measures over tables that a measure comes down to."""
    if not measure.is_derived:
        return [measure]
    inner = [by_name.get(need.lower()) for need in measure.needs()]
    return [base for each in inner if each is not None for base in _base_measures(each, by_name)]


def _classify_derived(measure: Measure, by_name: Mapping[str, Measure]) -> Noise:
    bases = _base_measures(measure, by_name)
    is_said = [base.table in SAID_TABLES for base in bases]
    if bases and all(is_said):
        n = _classify_aggregate(to_aggregate(bases[0])).extra["n"]
        return Noise("fact", 1.0, {"n": replace(n, name=f"{measure.name}__n")})
    if any(is_said):  # an answer divided by a count: no model of it
        return Noise("declared")
    tree, _ = _strip_scale(_strip(measure.expression.tree))
    if not isinstance(tree, exp.Div):
        return Noise("declared")
    sides = [_strip(tree.left), _strip(tree.right)]
    if not all(isinstance(side, exp.Column) for side in sides):
        return Noise("declared")
    inner = [by_name.get(side.name.lower()) for side in sides]
    if any(each is None or each.is_derived for each in inner):
        return Noise("declared")
    parts = []
    for each in inner:
        aggregate = to_aggregate(each)
        plain, where = _split_filter(_strip(aggregate.tree), aggregate.where)
        parts.append((plain, where, aggregate.table))
    if tree is not _strip(measure.expression.tree):
        return Noise("declared", 1.0, {})  # a scaled ratio: its own unit, no model of it yet
    whole = Aggregate(measure.name, parts[1][2], parts[0][0], parts[1][1])
    return _divide(whole, *parts)
