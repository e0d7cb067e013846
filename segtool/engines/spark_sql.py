"""segtool's SQL on Spark: one dialect is written, DuckDB's, and rendered here for the other engine.

sqlglot translates names and grammar. What is left are words that both engines know and read
differently: a decimal divided, a number cast to an integer, an empty pattern, the last letter of a
Greek word. Each rule below is one such difference, found by running the same expression on both
(tests/engines/test_spark_sql.py), and Spark is told to answer as DuckDB does. A rule that depends on
a type asks Spark for it (``typeof`` is folded away before a row is read).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from functools import lru_cache

import sqlglot
from sqlglot import exp

WHOLE_TYPES = ("tinyint", "smallint", "int", "bigint")
_INTEGERS = {exp.DataType.Type[name] for name in ("TINYINT", "SMALLINT", "INT", "BIGINT")}
_FLOATS = {exp.DataType.Type[name] for name in ("FLOAT", "DOUBLE", "DECIMAL")}
_TEXTS = {exp.DataType.Type[name] for name in ("TEXT", "VARCHAR", "CHAR", "NVARCHAR")}
_TIMES = {exp.DataType.Type[name] for name in ("DATE", "TIMESTAMP", "TIMESTAMPNTZ")}

# What DuckDB's trim takes away: the space separators of Unicode, and no tabs or line ends.
SPACES = "".join(map(chr, (0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)))
# An escape character that no pattern holds: DuckDB's LIKE has none, Spark's has the backslash.
NO_ESCAPE = "\x01"
# Letters whose upper case is several letters to Spark, or new in Unicode 16; DuckDB leaves them, or has
# one letter for them.
_LONG_UPPER = "".join(c for c in map(chr, range(0x80, 0x10000)) if len(c.upper()) > 1) + "ƛɤꟓꟕ"
_HELD = "".join(chr(0xE000 + i) for i in range(len(_LONG_UPPER)))  # private use: no case of their own
_KEPT = "".join(c.title() if len(c.title()) == 1 else c for c in _LONG_UPPER).replace("ß", "ẞ")
_NUMBER = r"^\\s*[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?\\s*$"
_DAY = r"^\\s*[0-9]+[-/][0-9]{1,2}[-/][0-9]{1,2}"


def to_spark(
    sql: str,
    dates: Collection[str] = ("local_date",),
    booleans: Collection[str] = (),
    *,
    pretty: bool = False,
) -> str:
    """Return a SELECT that is written in DuckDB's dialect as one that Spark answers alike.

    Parameters
    ----------
    sql : str
    dates, booleans : collection of str
        Columns, in lower case, that hold dates (their difference is a number of days) and truth
        values (their sum is a count); expressions tell it by themselves.

    Examples
    --------
    >>> print(to_spark('SELECT "user_id", a / b AS share FROM t ORDER BY a'))
    SELECT `user_id`, TRY_DIVIDE(CAST(a AS DOUBLE), b) AS share FROM t ORDER BY a NULLS LAST
    """
    tree = sqlglot.parse_one(sql, read="duckdb")
    known = _Known(frozenset(dates), frozenset(booleans)).after(tree)
    # Children before parents: a rule may take its operands along into what it writes.
    for node in reversed(list(tree.dfs())):
        rule = RULES.get(type(node))
        made = node if rule is None else rule(node, known)
        if made is not node:
            if node is tree:
                tree = made
            node.replace(made)
    return tree.sql(dialect="spark", pretty=pretty)


class _Known:
    """What is known of columns by their names."""

    def __init__(self, dates: frozenset[str], booleans: frozenset[str]):
        self.dates, self.booleans = dates, booleans

    def after(self, tree: exp.Expression) -> _Known:
        """Return what is known when the names that a statement gives itself are counted in."""
        given: dict[str, list[exp.Expression]] = defaultdict(list)
        for alias in tree.find_all(exp.Alias):
            given[alias.alias.lower()].append(alias.this)
        known = _Known(self.dates - set(given), self.booleans - set(given))
        for _ in range(3):  # a name may rest on a name of an earlier step
            known = _Known(
                known.dates | {name for name, made in given.items() if all(map(known.is_date, made))},
                known.booleans | {name for name, made in given.items() if all(map(known.is_boolean, made))},
            )
        return known

    def is_date(self, node: exp.Expression | None) -> bool:
        """Whether an expression is a date, as far as can be told from its text."""
        if isinstance(node, exp.Column):
            return node.name.lower() in self.dates
        if isinstance(node, exp.Cast):
            return node.to.this == exp.DataType.Type.DATE
        if isinstance(node, exp.Case):
            return all(map(self.is_date, _results(node)))
        if isinstance(node, (exp.Add, exp.Sub)):
            return self.is_date(node.left) and not isinstance(node.right, (exp.Interval, exp.Column))
        if isinstance(node, (exp.Min, exp.Max, exp.Paren, exp.Coalesce, exp.Greatest, exp.Least, exp.Filter)):
            return self.is_date(node.this)
        return False

    def is_boolean(self, node: exp.Expression | None) -> bool:
        """Whether an expression is a truth value, as far as can be told from its text."""
        if isinstance(node, exp.Column):
            return node.name.lower() in self.booleans
        if isinstance(node, exp.Cast):
            return node.to.this == exp.DataType.Type.BOOLEAN
        if isinstance(node, exp.Paren):
            return self.is_boolean(node.this)
        return isinstance(node, (exp.Predicate, exp.Boolean, exp.And, exp.Or, exp.Not))


def is_whole(node: exp.Expression | None) -> bool:
    """Whether an expression is a whole number by its form."""
    if isinstance(node, exp.Literal):
        return not node.is_string and node.this.isdigit()
    if isinstance(node, exp.Cast):
        return node.to.this in _INTEGERS
    if isinstance(node, exp.Case):
        return all(map(is_whole, _results(node)))
    if isinstance(node, exp.Round):
        return node.args.get("decimals") is None
    if isinstance(node, (exp.Paren, exp.Neg, exp.Filter, exp.Window, exp.Coalesce)):
        return is_whole(node.this) and all(map(is_whole, node.expressions))
    return isinstance(
        node, (exp.Count, exp.CountIf, exp.Floor, exp.Ceil, exp.RowNumber, exp.Length, exp.Null)
    )


def _results(node: exp.Case) -> list[exp.Expression]:
    found = [branch.args["true"] for branch in node.args["ifs"]] + [node.args.get("default")]
    return [each for each in found if each is not None and not isinstance(each, exp.Null)]


@lru_cache(maxsize=256)
def _template(sql: str) -> exp.Expression:
    return sqlglot.parse_one(sql, read="spark")


def _write(sql: str, **parts: exp.Expression) -> exp.Expression:
    """Return Spark SQL with expressions in the places named ``:part``."""
    tree = _template(sql).copy()
    for place in list(tree.find_all(exp.Placeholder)):
        part = parts[place.name].copy()
        place.replace(exp.paren(part, copy=False) if isinstance(part, (exp.Binary, exp.Case)) else part)
    return tree


# --- arithmetic --------------------------------------------------------------------------------


def _divide(node: exp.Div, known: _Known) -> exp.Expression:
    """Divide decimals as doubles, and give NULL where Spark would stop at a zero."""
    if isinstance(node.right, exp.Literal) and float(node.right.this or 0):
        return _write("CAST(:a AS DOUBLE) / :b", a=node.left, b=node.right)
    return _write("TRY_DIVIDE(CAST(:a AS DOUBLE), :b)", a=node.left, b=node.right)


def _divide_whole(node: exp.IntDiv, known: _Known) -> exp.Expression:
    """Cut towards zero between whole numbers; between others DuckDB's // is a plain division."""
    names = ", ".join(f"'{name}'" for name in WHOLE_TYPES)
    share = "TRY_DIVIDE(CAST(:a AS DOUBLE), :b)"
    return _write(
        f"CASE WHEN TYPEOF(:a) IN ({names}) AND TYPEOF(:b) IN ({names}) "
        f"THEN CAST({share} AS BIGINT) ELSE {share} END",
        a=node.left, b=node.right,
    )  # fmt: skip


def _remainder(node: exp.Mod, known: _Known) -> exp.Expression:
    return _write("TRY_MOD(:a, :b)", a=node.left, b=node.right)


def _round(node: exp.Round, known: _Known) -> exp.Expression:
    """Round to decimals in binary arithmetic as DuckDB does: Spark rounds the printed number."""
    decimals = node.args.get("decimals")
    text = decimals.sql() if decimals is not None else "0"
    places = int(text) if text.lstrip("-").isdigit() else 0
    if places == 0:
        return node
    scale = exp.Literal.number(10 ** abs(places))
    first, last = ("*", "/") if places > 0 else ("/", "*")
    return _write(f"(ROUND(:x {first} CAST(:n AS BIGINT)) {last} CAST(:n AS BIGINT))", x=node.this, n=scale)


def _subtract(node: exp.Sub, known: _Known) -> exp.Expression:
    """Between two dates lie days, which Spark calls an interval."""
    if known.is_date(node.left) and known.is_date(node.right):
        return _write("DATEDIFF(:a, :b)", a=node.left, b=node.right)
    return _shift(node, known)


def _shift(node: exp.Add | exp.Sub, known: _Known) -> exp.Expression:
    """A date and an interval make a time in DuckDB, and mostly a date in Spark."""
    if isinstance(node.right, exp.Interval) and known.is_date(node.left):
        node.set("this", _write("CAST(:a AS TIMESTAMP_NTZ)", a=node.left))
    return node


def _interval(node: exp.Interval, known: _Known) -> exp.Expression:
    """An interval of so many seconds as a column says is a function in Spark."""
    inner = node.this.unnest() if node.this is not None else None
    if inner is None or isinstance(inner, exp.Literal) or node.text("unit").upper() != "SECOND":
        return node
    return _write("MAKE_DT_INTERVAL(0, 0, 0, :n)", n=inner)


# --- aggregates --------------------------------------------------------------------------------


def _number_of(node: exp.Sum | exp.Avg | exp.Median, known: _Known) -> exp.Expression:
    """Sum truth values as 1 and 0; average decimals as doubles, as DuckDB does."""
    if known.is_boolean(node.this):
        node.set("this", _write("CAST(:x AS INT)", x=node.this))
    if isinstance(node, exp.Avg):
        node.set("this", _write("CAST(:x AS DOUBLE)", x=node.this))
    return node


def _percentile(node: exp.WithinGroup, known: _Known) -> exp.Expression:
    """Spark has the exact percentile too; sqlglot would write the approximate one."""
    if not isinstance(node.this, exp.PercentileDisc):
        return node
    (order,) = node.expression.expressions
    order.set("nulls_first", True)  # written only where it is not Spark's own habit
    made = exp.Anonymous(this="PERCENTILE_DISC", expressions=[node.this.this.copy()])
    return exp.WithinGroup(this=made, expression=node.expression.copy())


# --- text --------------------------------------------------------------------------------------


def _like(node: exp.Like, known: _Known) -> exp.Expression:
    if isinstance(node.parent, exp.Escape):
        return node
    return exp.Escape(this=node.copy(), expression=exp.Literal.string(NO_ESCAPE))


def _ilike(node: exp.ILike, known: _Known) -> exp.Expression:
    sides = (_lower(exp.Lower(this=side.copy()), known) for side in (node.this, node.expression))
    made = _like(exp.Like(this=next(sides), expression=next(sides)), known)
    return exp.Not(this=made) if node.args.get("negate") else made  # how sqlglot 30 keeps NOT ILIKE


def _lower(node: exp.Lower, known: _Known) -> exp.Expression:
    """Letter by letter: Java makes two letters of İ, and another one of Σ at the end of a word."""
    return _write("LOWER(TRANSLATE(:x, 'İΣ', 'iσ'))", x=node.this)


def _upper(node: exp.Upper, known: _Known) -> exp.Expression:
    """Letter by letter: Java makes SS of ß."""
    held = f"TRANSLATE(:x, '{_LONG_UPPER}', '{_HELD}')"
    return _write(f"TRANSLATE(UPPER({held}), '{_HELD}', '{_KEPT}')", x=node.this)


def _trim(node: exp.Trim, known: _Known) -> exp.Expression:
    if node.expression is not None or node.args.get("position"):
        return node
    return _write(f"TRIM(BOTH '{SPACES}' FROM :x)", x=node.this)


# --- casts -------------------------------------------------------------------------------------


def _cast(node: exp.Cast, known: _Known) -> exp.Expression:
    """segtool's own casts change the type and not the value; whole numbers are rounded, not cut."""
    if isinstance(node.this, exp.Literal):
        return node if node.to.this in _TIMES else _try_cast(node, known)
    if node.to.this in _INTEGERS and not is_whole(node.this) and not known.is_boolean(node.this):
        node.set("this", _write("RINT(:x)", x=node.this))
    elif node.to.this in _TEXTS and not is_whole(node.this):
        return _to_text(node)
    return node


def _try_cast(node: exp.Cast, known: _Known) -> exp.Expression:
    kind = node.to.this
    if kind in _TEXTS:
        return _to_text(node)
    if kind in _INTEGERS and not is_whole(node.this):
        return _to_whole(node)
    if kind in _FLOATS and not is_whole(node.this):
        return _to_number(node)
    if kind in _TIMES:
        return _to_time(node)
    return (
        exp.TryCast(this=node.this.copy(), to=node.to.copy()) if isinstance(node.this, exp.Literal) else node
    )


def _to_text(node: exp.Cast) -> exp.Expression:
    """Write a double as 1234567.5 and 1e+16, not as 1.2345675E6 and 1.0E16."""
    if isinstance(node.this, exp.Literal) and node.this.is_string:
        return node
    number = "TRY_CAST(CAST(:x AS STRING) AS DOUBLE)"
    exact = "CAST(CAST(CAST(:x AS STRING) AS DECIMAL(38, 20)) AS STRING)"
    plain = f"REGEXP_REPLACE({exact}, '([.][0-9]+?)0+$', '$1')"
    short = "REGEXP_REPLACE(CAST(:x AS STRING), '([.]0)?E', 'e')"
    power = f"REGEXP_REPLACE(REGEXP_REPLACE({short}, 'e([0-9])', 'e+$1'), 'e-([0-9])$', 'e-0$1')"
    return _write(
        "CASE WHEN TYPEOF(:x) NOT IN ('double', 'float') THEN CAST(:x AS STRING) "
        f"WHEN ABS({number}) < 1e16D AND (ABS({number}) >= 1e-4D OR {number} = 0) THEN {plain} "
        f"ELSE {power} END",
        x=node.this,
    )


def _to_whole(node: exp.Cast) -> exp.Expression:
    """Round: halves of doubles to the even neighbour, halves of decimals and texts away from zero."""
    to = node.to.sql(dialect="spark")
    text = f"CASE WHEN RLIKE(CAST(:x AS STRING), '{_NUMBER}') THEN CAST(:x AS STRING) END"
    return _write(
        "CASE WHEN TYPEOF(:x) IN ('double', 'float') "
        f"THEN TRY_CAST(RINT(TRY_CAST(CAST(:x AS STRING) AS DOUBLE)) AS {to}) "
        "WHEN TYPEOF(:x) = 'string' OR TYPEOF(:x) LIKE 'decimal%' "
        f"THEN TRY_CAST(ROUND(TRY_CAST({text} AS DECIMAL(38, 12))) AS {to}) "
        f"ELSE TRY_CAST(:x AS {to}) END",
        x=node.this,
    )


def _to_number(node: exp.Cast) -> exp.Expression:
    """Read as a number what DuckDB reads as one: Spark would take 1.5d, too."""
    to = node.to.sql(dialect="spark")
    text = f"LOWER(TRIM(CAST(:x AS STRING))) RLIKE '{_NUMBER}|^[+-]?(inf|infinity|nan)$'"
    cases = [f"WHEN TYPEOF(:x) <> 'string' OR {text} THEN TRY_CAST(:x AS {to})"]
    if node.to.this == exp.DataType.Type.DECIMAL:  # from doubles: in binary arithmetic, as `_round`
        sizes = [int(each.name) for each in node.to.expressions]
        scale = f"1{'0' * (sizes[1] if len(sizes) > 1 else 0 if sizes else 3)}D"
        double = "TRY_CAST(CAST(:x AS STRING) AS DOUBLE)"
        cases.insert(
            0,
            f"WHEN TYPEOF(:x) IN ('double', 'float') THEN TRY_CAST(ROUND({double} * {scale}) / {scale} AS {to})",
        )
    return _write(f"CASE {' '.join(cases)} END", x=node.this)


def _to_time(node: exp.Cast) -> exp.Expression:
    """Read as a day what has year, month and day: Spark would take 2026 for the first of January."""
    to = node.to.sql(dialect="spark")
    text = f"REPLACE(CASE WHEN RLIKE(CAST(:x AS STRING), '{_DAY}') THEN CAST(:x AS STRING) END, '/', '-')"
    return _write(
        f"CASE WHEN TYPEOF(:x) = 'string' THEN TRY_CAST({text} AS {to}) ELSE TRY_CAST(:x AS {to}) END",
        x=node.this,
    )


RULES: dict[type[exp.Expression], Callable[..., exp.Expression]] = {
    exp.Add: _shift, exp.Sub: _subtract, exp.Div: _divide, exp.IntDiv: _divide_whole, exp.Mod: _remainder,
    exp.Round: _round, exp.Interval: _interval, exp.Sum: _number_of, exp.Avg: _number_of,
    exp.Median: _number_of, exp.WithinGroup: _percentile, exp.Like: _like, exp.ILike: _ilike,
    exp.Lower: _lower, exp.Upper: _upper, exp.Trim: _trim, exp.Cast: _cast, exp.TryCast: _try_cast,
}  # fmt: skip
