"""The expressions of the label language: SQL in DuckDB's dialect, held to a list.

An expression is parsed by sqlglot into a tree, and every node of the tree must be of a type
named below. What is not named does not exist: no statement, no subquery, no table function, no
window, no function sqlglot does not know. Text that passes is rendered from the tree again, so
nothing of what was written reaches the engine unread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Tokenizer

from segtool.errors import DefinitionError, did_you_mean
from segtool.labels.parsing import MAX_CHARACTERS, check_size, parse_all, read_trees

Role = Literal["aggregate", "row"]

AGGREGATES = {
    exp.Count: "count", exp.Sum: "sum", exp.Avg: "avg", exp.Min: "min", exp.Max: "max",
    exp.Median: "median", exp.Stddev: "stddev", exp.StddevSamp: "stddev_samp", exp.CountIf: "count_if",
    exp.LogicalOr: "bool_or", exp.LogicalAnd: "bool_and",
}  # fmt: skip
SCALARS = {
    exp.Abs: "abs", exp.Round: "round", exp.Floor: "floor", exp.Ceil: "ceil", exp.Ln: "ln",
    exp.Exp: "exp", exp.Sqrt: "sqrt", exp.Pow: "power", exp.Least: "least", exp.Greatest: "greatest",
    exp.Coalesce: "coalesce", exp.Nullif: "nullif", exp.Lower: "lower", exp.Upper: "upper",
    exp.Trim: "trim", exp.Length: "length", exp.StartsWith: "starts_with",
}  # fmt: skip
_STRUCTURE = {
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.And, exp.Or, exp.Not,
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Between,
    exp.In, exp.Is, exp.Like, exp.ILike, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod,
    exp.Neg, exp.Case, exp.If, exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam, exp.Interval,
    exp.Var, exp.Filter, exp.Where, exp.Distinct, exp.Star,
}  # fmt: skip
ALLOWED = frozenset(_STRUCTURE) | frozenset(AGGREGATES) | frozenset(SCALARS)

_TYPES = frozenset(
    getattr(exp.DataType.Type, name)
    for name in ("TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "TEXT",
                 "DATE", "TIMESTAMP", "TIMESTAMPNTZ", "BOOLEAN")
)  # fmt: skip
_UNITS = frozenset({"SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "YEAR"})
# Signs of other languages that the dialect reads as something else: what was meant.
_MEANT = {
    exp.ArrayOverlaps: ("&&", "and between two conditions."),
    exp.DPipe: ("||", "or between two conditions; texts are not joined here."),
}
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
# "order" is only half a keyword ("ORDER BY") to the tokenizer, and none the less no bare name in DuckDB.
# Words that an engine reserves and sqlglot does not.
_RESERVED = (
    "analyse asymmetric at authorization both cast check collation concurrently deferrable do freeze initially"
    " lambda leading minus pivot_longer placing symmetric trailing unpack variadic verbose"
)
_KEYWORDS = frozenset(word for words in (*Tokenizer.KEYWORDS, _RESERVED) for word in words.lower().split())


@dataclass(frozen=True)
class Expression:
    """A checked expression.

    Parameters
    ----------
    text : str
        As written.
    place : str
        Where it stands, such as ``measures.spend_30d.sql``.
    columns : tuple of str
        The columns (or measures) it names, as written, in order, each once.
    tree : sqlglot.exp.Expression
        Never changed in place: `render` works on a copy.
    """

    text: str
    place: str
    columns: tuple[str, ...]
    tree: exp.Expression = field(compare=False, repr=False)


def check_expression(text: str, place: str, role: Role = "row") -> Expression:
    """Parse an expression and hold it to the list.

    Parameters
    ----------
    text : str
        One SQL expression in DuckDB's dialect.
    place : str
        Where it stands, for messages.
    role : {"aggregate", "row"}
        "aggregate": each column stands inside an aggregate; "row": there is no aggregate.

    Returns
    -------
    Expression

    Raises
    ------
    DefinitionError
        Names the place, the character, and what is accepted there.

    Examples
    --------
    >>> check_expression("sum(amount) / count(*)", "measures.basket.sql", "aggregate").columns
    ('amount',)
    >>> check_expression("read_csv('x')", "measures.x.sql")
    Traceback (most recent call last):
    segtool.errors.DefinitionError: measures.x.sql, character 1: READ_CSV is not part of the label language. ...
    """
    if not isinstance(text, str) or not text.strip():
        raise DefinitionError(f"{place} is empty.", "an SQL expression as text.")
    return _check_cached(text, place, role)


@lru_cache(maxsize=4096)
def _check_cached(text: str, place: str, role: Role) -> Expression:
    tree = _parse(text, place)
    for node in tree.walk():
        _check_node(node, place)
    _check_aggregation(tree, place, role)
    names = dict.fromkeys(column.name for column in tree.find_all(exp.Column))
    return Expression(text, place, tuple(sorted(names, key=lambda name: text.find(name))), tree)


def _parse(text: str, place: str) -> exp.Expression:
    check_size(text, place, MAX_CHARACTERS)
    trees = parse_all(text, place, "one SQL expression in DuckDB's dialect, such as sum(amount)")
    if len(trees) != 1 or trees[0] is None:
        raise DefinitionError(
            f"{place} holds {len(trees)} statements.", "one expression, without a semicolon."
        )
    return trees[0]


def _check_node(node: exp.Expression, place: str) -> None:
    if type(node) not in ALLOWED:
        raise _refusal(node, place)
    if isinstance(node, exp.Column) and node.table:
        raise _error(node, place, "a column is written without its table.", f"{node.name} alone.")
    if isinstance(node, exp.Star) and not _is_counted(node):
        raise _error(node, place, "the star stands only in count(*).", "count(*).")
    if isinstance(node, (exp.DataType, exp.Interval, exp.Var, exp.In)):
        check_part(node, place)
    if isinstance(node, exp.Distinct) and not _is_plain_distinct(node):
        raise _error(node, place, "distinct stands only in count(distinct column).", "count(distinct topic).")
    if isinstance(node, (exp.Round, exp.Length, exp.Abs, *AGGREGATES)):  # "@" alone parses as abs()
        _check_arguments(node, place)


def check_part(node: exp.Expression, place: str) -> None:
    """Check the nodes that are fine only in one form."""
    if isinstance(node, exp.DataType) and (node.this not in _TYPES or node.args.get("nested")):
        raise _error(
            node,
            place,
            "this type is not part of the label language.",
            "integer, bigint, double, decimal, text, date, timestamp or boolean.",
        )
    if isinstance(node, exp.In) and not node.expressions:
        raise _error(node, place, "in needs a list of values.", "event in ('view', 'like').")
    if isinstance(node, exp.Interval) and node.text("unit").upper() not in _UNITS:
        raise _error(node, place, "this unit of time is not known.", f"{', '.join(sorted(_UNITS)).lower()}.")
    if isinstance(node, exp.Var) and not isinstance(node.parent, exp.Interval):
        raise _refusal(node, place)


def _check_arguments(node: exp.Expression, place: str) -> None:
    """Refuse the arguments that only one engine knows, such as max(x, 3) or count()."""
    name = AGGREGATES.get(type(node)) or SCALARS[type(node)]
    known = {"this", "big_int", *(["decimals"] if isinstance(node, exp.Round) else [])}
    if node.this is None or any(value for key, value in node.args.items() if key not in known):
        how_many = "one or two arguments" if isinstance(node, exp.Round) else "one argument"
        raise _error(node, place, f"{name} takes {how_many}.", f"{how_many}.")


def _is_counted(star: exp.Star) -> bool:
    return isinstance(star.parent, exp.Count) and not any(star.args.values())


def _is_plain_distinct(node: exp.Distinct) -> bool:
    return isinstance(node.parent, exp.Count) and len(node.expressions) == 1 and not node.args.get("on")


def _check_aggregation(tree: exp.Expression, place: str, role: Role) -> None:
    aggregates = list(tree.find_all(*AGGREGATES))
    filters = list(tree.find_all(exp.Filter, exp.Where))
    if role == "row":
        if aggregates or filters:
            node = (aggregates or filters)[0]
            raise _error(node, place, "an aggregate cannot stand here.", "an expression over single rows.")
        return
    if not aggregates:
        raise _error(tree, place, "one number per user needs an aggregate.", "sum(amount) or count(*), say.")
    for node in aggregates:
        if node.find_ancestor(*AGGREGATES):
            raise _error(node, place, "an aggregate inside an aggregate.", "one level of aggregates.")
    for node in filters:
        if isinstance(node, exp.Filter) and not isinstance(node.this, tuple(AGGREGATES)):
            raise _error(node, place, "filter stands after an aggregate.", "count(*) filter (where ...).")
        if isinstance(node, exp.Filter) and node.find_ancestor(*AGGREGATES):
            raise _error(node, place, "filter inside an aggregate.", "count(*) filter (where ...).")
    for column in tree.find_all(exp.Column):
        if not column.find_ancestor(*AGGREGATES, exp.Filter):
            raise _error(
                column, place, f"the column {column.name} stands outside an aggregate.", "max(column), say."
            )


def position(node: exp.Expression) -> int:
    """Return the character, counted from 1, where a node begins in its text."""
    starts = [child.meta["start"] for child in node.walk() if "start" in child.meta]
    return min(starts) + 1 if starts else 1


def _error(node: exp.Expression, place: str, found: str, accepted: str) -> DefinitionError:
    return DefinitionError(f"{place}, character {position(node)}: {found}", accepted)


def _refusal(node: exp.Expression, place: str) -> DefinitionError:
    if type(node) in _MEANT:
        sign, accepted = _MEANT[type(node)]
        raise_at = f"{sign} is not part of the label language."
        return _error(node, place, raise_at, accepted)
    words = word_for(node)
    functions = sorted([*AGGREGATES.values(), *SCALARS.values()])
    return _error(
        node, place, f"{words} is not part of the label language.", did_you_mean(words.lower(), functions)
    )


def word_for(node: exp.Expression) -> str:
    """Return what a person calls a node that is refused."""
    if isinstance(node, exp.Anonymous):
        return f"the function {node.name}"
    if isinstance(node, exp.Func):
        return node.sql_name()
    if isinstance(node, (exp.Subquery, exp.Query)):
        return "a subquery"
    return {"Command": "a statement", "Window": "a window"}.get(type(node).__name__, type(node).__name__)


def quote_name(name: str) -> str:
    """Return a name as SQL: bare when that is safe, else quoted with doubled quotes.

    Examples
    --------
    >>> quote_name("amount"), quote_name("q 7"), quote_name("order")
    ('amount', '"q 7"', '"order"')
    """
    if _PLAIN_NAME.fullmatch(name) and _is_bare(name):
        return name
    return '"' + name.replace('"', '""') + '"'


@lru_cache(maxsize=4096)
def _is_bare(name: str) -> bool:
    """Whether a plain name is read as a column when it stands alone: "if" and "order" are not."""
    if name in _KEYWORDS:
        return False
    try:
        tree = read_trees(name)[0]
    except SqlglotError:
        return False
    return isinstance(tree, exp.Column) and tree.name == name


def resolve_columns(
    expression: Expression, present: Mapping[str, object], where: str, place: str | None = None
) -> dict[str, str]:
    """Match the columns an expression names with those that exist, letter case aside.

    Parameters
    ----------
    expression : Expression
    present : Mapping
        Names that exist; the values are not looked at.
    where : str
        What has these columns, for the message.
    place : str, optional
        Where the expression stands, when it does not know itself.

    Returns
    -------
    dict of str to str
        As written -> as it is.

    Raises
    ------
    DefinitionError
        Names the place, the character, and the nearest column.
    """
    by_lower = {name.lower(): name for name in present}
    found: dict[str, str] = {}
    for column in expression.tree.find_all(exp.Column):
        name = column.name
        actual = name if name in present else by_lower.get(name.lower())
        if actual is None:
            raise _error(
                column,
                place or expression.place,
                f"{where} has no column {name!r}.",
                did_you_mean(name, present),
            )
        found[name] = actual
    return found


def render(tree: exp.Expression, names: Mapping[str, str] | None = None) -> str:
    """Return the SQL of a checked tree in DuckDB's dialect, made safe to run.

    Division by zero, logarithms of nothing and casts of the wrong text give NULL on every
    engine (left alone, DuckDB answers infinity, Spark an error, and the error shows the data).

    Parameters
    ----------
    tree : sqlglot.exp.Expression
    names : Mapping, optional
        As written -> as it is.

    Examples
    --------
    >>> render(check_expression("Amount / n", "x").tree, {"Amount": "amount"})
    'amount / NULLIF(n, 0)'
    """
    names = names or {}
    safe = tree.copy().transform(_make_safe)
    for column in list(safe.find_all(exp.Column)):
        name = names.get(column.name, column.name)
        is_bare = quote_name(name) == name
        column.this.replace(exp.to_identifier(name, quoted=not is_bare))
    return safe.sql(dialect="duckdb", comments=False)


def render_safely(tree: exp.Expression) -> str:
    """Return the SQL of a checked SELECT, made safe as `render` does, on several lines."""
    safe = tree.copy().transform(_make_safe)
    for name in list(safe.find_all(exp.Identifier)):
        name.set("quoted", quote_name(name.name) != name.name)
    return safe.sql(dialect="duckdb", comments=False, pretty=True)


def _make_safe(node: exp.Expression) -> exp.Expression:
    if isinstance(node, (exp.Div, exp.IntDiv, exp.Mod)) and not _is_never_zero(node.expression):
        node.set("expression", exp.Nullif(this=node.expression, expression=exp.Literal.number(0)))
    elif (
        isinstance(node, exp.Cast)
        and not isinstance(node, exp.TryCast)
        and not isinstance(node.this, exp.Literal)
    ):
        # transform() does not look into what is new.
        return exp.TryCast(this=node.this.transform(_make_safe), to=node.args["to"])
    elif isinstance(node, exp.Median):  # of decimals, DuckDB's is a decimal, and cut
        double = exp.DataType.build("double")
        return exp.Median(this=exp.TryCast(this=node.this.transform(_make_safe), to=double))
    elif isinstance(node, (exp.Ln, exp.Sqrt)):
        test = exp.GT if isinstance(node, exp.Ln) else exp.GTE
        condition = test(this=node.this.copy(), expression=exp.Literal.number(0))
        node.set("this", exp.Case(ifs=[exp.If(this=condition, true=node.this)]))
    return node


def _is_never_zero(node: exp.Expression) -> bool:
    if isinstance(node, exp.Literal):
        return not node.is_string and float(node.this) != 0
    return isinstance(node, exp.Nullif)


def conjuncts(tree: exp.Expression | None) -> Iterator[exp.Expression]:
    """Yield the parts of a condition that are joined by AND."""
    if tree is None:
        return
    while isinstance(tree, exp.Paren):
        tree = tree.this
    if isinstance(tree, exp.And):
        yield from conjuncts(tree.left)
        yield from conjuncts(tree.right)
    else:
        yield tree
