"""One SELECT over the study's tables, read and held to a list: the way out of the label language.

As in `expressions`, what is not named here does not exist: statements, table functions, files,
settings, other schemas, functions sqlglot does not know, and what gives another answer each time.
Text that passes is rendered from the tree again, so nothing of what was written reaches the engine
unread. The engine of a study is locked as well; this is the first door, not the only one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from sqlglot import exp

from segtool.errors import DefinitionError, did_you_mean
from segtool.labels import expressions as language
from segtool.labels.parsing import check_size, parse_all
from segtool.sources.schemas import SCHEMAS

# The tables a study can have, and the one that an analysis of ties adds.
STUDY_TABLES = (*SCHEMAS, "community")
MAX_CHARACTERS = 12_000
MAX_NODES = 3_000

_CLAUSES = {
    exp.Select, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Qualify, exp.Order, exp.Ordered,
    exp.With, exp.CTE, exp.TableAlias, exp.Table, exp.Subquery, exp.Alias, exp.Union, exp.Intersect,
    exp.Except, exp.Exists, exp.Window, exp.WindowSpec, exp.WithinGroup, exp.Tuple, exp.Any,
}  # fmt: skip
_FUNCTIONS = {
    exp.RowNumber: "row_number", exp.Rank: "rank", exp.DenseRank: "dense_rank", exp.PercentRank: "percent_rank",
    exp.CumeDist: "cume_dist", exp.Lag: "lag", exp.Lead: "lead", exp.FirstValue: "first_value",
    exp.LastValue: "last_value", exp.PercentileCont: "percentile_cont", exp.PercentileDisc: "percentile_disc",
    exp.Variance: "var_samp", exp.VariancePop: "var_pop", exp.StddevPop: "stddev_pop", exp.Corr: "corr",
    exp.DateDiff: "date_diff", exp.TimestampTrunc: "date_trunc", exp.DateTrunc: "date_trunc",
    exp.Extract: "extract", exp.Year: "year", exp.Month: "month", exp.Day: "day", exp.Concat: "concat",
    exp.DPipe: "||", exp.Replace: "replace", exp.Substring: "substring", exp.SplitPart: "split_part",
    exp.RegexpLike: "regexp_matches", exp.Sign: "sign",
}  # fmt: skip
ALLOWED = language.ALLOWED | _CLAUSES | set(_FUNCTIONS)
FUNCTIONS = tuple(
    sorted({*language.AGGREGATES.values(), *language.SCALARS.values(), *_FUNCTIONS.values()} - {"||"})
)
# The parts of a clause that are read: another part is another meaning, so it is refused by name.
_PARTS = {
    exp.Select: {"with_", "with", "distinct", "expressions", "from_", "from", "joins", "where",
                 "group", "having", "qualify", "windows", "order"},
    exp.Table: {"this", "alias", "joins"},
    exp.Join: {"this", "on", "using", "side", "kind"},
    exp.With: {"expressions"},
    exp.CTE: {"this", "alias"},
    exp.Group: {"expressions"},
    exp.Subquery: {"this", "alias", "joins"},
    exp.Distinct: {"expressions"},
}  # fmt: skip
_STATE = "a statement that is not a SELECT"
_ODD = {
    exp.Into: "into", exp.Lock: "for update", exp.Limit: "limit", exp.Offset: "offset",
    exp.TableSample: "a sample", exp.Pivot: "pivot", exp.Hint: "a hint", exp.Values: "values",
    exp.Lateral: "lateral", exp.Placeholder: "a parameter", exp.Parameter: "a parameter",
    exp.Lambda: "a lambda", exp.Array: "a list", exp.Struct: "a struct", exp.Bracket: "a place in a list",
    exp.CurrentDate: "current_date", exp.CurrentTimestamp: "now", exp.Rand: "random",
    exp.ArrayOverlaps: "&&",
}  # fmt: skip
_EVERY_USER = (
    "Leave it out: a label is for every user, as SELECT user_id, ... AS value. To keep the first few,"
    " rank them with row_number() in a WITH step and filter on the rank."
)
_FIXES = {
    **dict.fromkeys((exp.Limit, exp.Offset), _EVERY_USER),
    exp.ArrayOverlaps: "Write and between two conditions.",
    exp.CurrentDate: "as_of is stated in the study: use age_days, or the times themselves.",
    exp.CurrentTimestamp: "as_of is stated in the study: use age_days, or the times themselves.",
    exp.Rand: "Two runs must give one answer.",
}


_STEP_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


@dataclass(frozen=True)
class Select:
    """A checked SELECT.

    Parameters
    ----------
    text, place : str
        As written, and where.
    tables : tuple of str
        The study's tables it reads, sorted.
    outputs : tuple of str
        The names of its columns, lower case.
    tree : sqlglot.exp.Select
        Never changed in place.
    """

    text: str
    place: str
    tables: tuple[str, ...]
    outputs: tuple[str, ...]
    tree: exp.Select = field(compare=False, repr=False)


def check_select(text: str, place: str, *, required: Collection[str], optional: Collection[str]) -> Select:
    """Parse a SELECT and hold it to the list.

    Parameters
    ----------
    text : str
        In DuckDB's dialect; ``WITH`` may stand before it.
    place : str
        For messages, such as ``labels.loyal.claims[1].sql``.
    required, optional : collection of str
        The columns it must and may return.

    Returns
    -------
    Select

    Raises
    ------
    DefinitionError
        Names the place, the line and character, and what is accepted there.

    Examples
    --------
    >>> check_select("SELECT user_id, 'yes' AS value FROM events WHERE amount > 100", "x",
    ...              required=("user_id", "value"), optional=()).tables
    ('events',)
    >>> check_select("SELECT * FROM read_csv('/etc/passwd')", "x", required=(), optional=())
    Traceback (most recent call last):
    segtool.errors.DefinitionError: x, line 1, character 15: READ_CSV stands in the place of a table. ...
    """
    if not isinstance(text, str) or not text.strip():
        raise DefinitionError(f"{place} is empty.", "one SELECT over the study's tables.")
    return _check_cached(text, place, tuple(required), tuple(optional))


@lru_cache(maxsize=256)
def _check_cached(text: str, place: str, required: tuple[str, ...], optional: tuple[str, ...]) -> Select:
    tree = _parse(text, place)
    made = [cte.alias for cte in tree.ctes]
    for number, node in enumerate(tree.walk(), start=1):
        if number > MAX_NODES:
            raise DefinitionError(f"{place} has more than {MAX_NODES:,} parts.", "a shorter SELECT.")
        _check_node(node, text, place, made)
    _check_names(tree, made, text, place)
    outputs = _check_outputs(tree, text, place, required, optional)
    read = {table.name.lower() for table in tree.find_all(exp.Table)} - {name.lower() for name in made}
    if not read:
        raise DefinitionError(f"{place} reads no table.", _list_tables())
    return Select(text, place, tuple(sorted(read)), outputs, tree)


def _parse(text: str, place: str) -> exp.Select:
    check_size(text, place, MAX_CHARACTERS)
    trees = [tree for tree in parse_all(text, place, "one SELECT") if tree is not None]
    if len(trees) != 1:
        raise DefinitionError(f"{place} holds {len(trees)} statements.", "one SELECT, without a semicolon.")
    if isinstance(trees[0], exp.SetOperation):
        raise DefinitionError(
            f"{place} joins several SELECTs at the top.", "one SELECT.",
            "Put the union into a WITH step, and select from it.",
        )  # fmt: skip
    if not isinstance(trees[0], exp.Select):
        raise DefinitionError(f"{place} is {_STATE}.", "one SELECT, with WITH before it if need be.")
    return trees[0]


def _at(node: exp.Expression, text: str, place: str) -> str:
    character = language.position(node)
    before = text[: character - 1]
    line = before.count("\n") + 1
    return f"{place}, line {line}, character {character - (before.rfind(chr(10)) + 1)}"


def _error(node, text: str, place: str, found: str, accepted: str, fix: str | None = None) -> DefinitionError:
    return DefinitionError(f"{_at(node, text, place)}: {found}", accepted, fix)


def _check_node(node: exp.Expression, text: str, place: str, made: list[str]) -> None:
    if isinstance(node, exp.Table):
        _check_table(node, text, place, made)
    if type(node) not in ALLOWED:
        words = _ODD.get(type(node)) or language.word_for(node)
        near = did_you_mean(words.removeprefix("the function ").lower(), FUNCTIONS)
        known = near if isinstance(node, exp.Func) else "SELECT, WITH, joins, groups and windows over rows."
        raise _error(
            node, text, place, f"{words} is not part of what a label may ask.", known, _FIXES.get(type(node))
        )
    parts = _PARTS.get(type(node))
    if parts is not None:
        odd = [key for key, value in node.args.items() if value and key not in parts]
        if odd:
            fix = _FIXES.get(type(node.args[odd[0]]))
            found = f"{odd[0].strip('_')} cannot stand here."
            raise _error(node, text, place, found, "a plain SELECT.", fix)
    if isinstance(node, exp.With) and node.parent.parent is not None:
        raise _error(
            node, text, place, "a WITH inside another SELECT.", "all steps in the one WITH at the top."
        )
    if isinstance(node, exp.Join):
        _check_join(node, text, place, made)
    if isinstance(node, (exp.DataType, exp.Interval)):
        language.check_part(node, _at(node, text, place))
    if isinstance(node, (exp.Literal, exp.Identifier)) and not node.name.isprintable():
        raise _error(node, text, place, "a line break or control character in a text or name.", "plain text.")
    if isinstance(node, exp.Column) and node.args.get("db"):
        raise _error(node, text, place, "a column stands behind two points.", "table.column.")


def _check_table(node: exp.Table, text: str, place: str, made: list[str]) -> None:
    if not isinstance(node.this, exp.Identifier):
        what = language.word_for(node.this) if isinstance(node.this, exp.Expression) else "nothing"
        raise _error(node, text, place, f"{what} stands in the place of a table.", _list_tables())
    if node.args.get("db") or node.args.get("catalog"):
        raise _error(node, text, place, "a table of another schema.", _list_tables())
    if isinstance(node.parent, exp.Subquery) and not node.args.get("joins"):  # DuckDB cannot parse it
        raise _error(node, text, place, "a table stands alone in brackets.", f"{node.name} without brackets.")
    step = node.find_ancestor(exp.CTE)
    earlier = made if step is None else made[: made.index(step.alias)]
    if node.name.lower() not in {name.lower() for name in (*STUDY_TABLES, *earlier)}:
        near = did_you_mean(node.name, [*STUDY_TABLES, *earlier])
        raise _error(node, text, place, "this is no table of a study, and no step before this one.", near)


def _check_join(node: exp.Join, text: str, place: str, made: list[str]) -> None:
    """Refuse joins without a condition, except with what was made of few rows by a step before."""
    on = node.args.get("on")
    if node.args.get("using") or (on is not None and on.find(exp.Column)):
        return
    table = node.this
    is_made = isinstance(table, exp.Subquery) or (
        isinstance(table, exp.Table) and table.name.lower() in {name.lower() for name in made}
    )
    if not is_made:
        raise _error(
            node, text, place, "a table is joined without a condition.",
            "JOIN ... ON a.user_id = b.user_id, or USING (user_id).",
        )  # fmt: skip


def _check_names(tree: exp.Select, made: list[str], text: str, place: str) -> None:
    """Refuse steps that hide a table, and stars, whose columns nobody can check."""
    for cte in tree.find_all(exp.CTE):
        if not _STEP_NAME.fullmatch(cte.alias):
            raise _error(cte, text, place, "a step has an odd name.", "letters, digits and underscores.")
        if cte.alias.lower() in STUDY_TABLES:
            raise _error(
                cte, text, place, f"the step {cte.alias!r} hides a table of the study.", "another name."
            )
    lower = [name.lower() for name in made]
    if len(set(lower)) != len(lower):
        raise DefinitionError(f"{place} names two steps alike.", "each name once.")
    for star in tree.find_all(exp.Star):
        if not isinstance(star.parent, exp.Count):
            fix = "Write SELECT user_id, ... AS value."
            raise _error(
                star, text, place, "a star hides which columns are read.", "the columns by name.", fix
            )


def _check_outputs(
    tree: exp.Select, text: str, place: str, required: tuple[str, ...], optional: tuple[str, ...]
) -> tuple[str, ...]:
    names = tuple(name.lower() for name in tree.named_selects)
    for name in names:
        if name not in (*required, *optional):
            shown = f"the column {name!r}" if name else "a column without a name"
            raise DefinitionError(
                f"{place} returns {shown}.", f"{', '.join((*required, *optional))}, each named with AS."
            )
    for name in required:
        if name not in names:
            raise DefinitionError(
                f"{place} returns no {name}.", f"{' and '.join(required)}.", f"Write ... AS {name}."
            )
    if len(set(names)) != len(names):
        raise DefinitionError(f"{place} returns a column twice.", "each name once.")
    return names


def why_not(select: Select, schemas: Mapping[str, Mapping[str, str]]) -> str | None:
    """Return why a SELECT cannot be computed from the tables at hand, or None when it can."""
    for table in select.tables:
        if table not in schemas:
            return f"there is no table {table!r}."
    aliases = _aliases(select.tree)
    own = _own_names(select.tree)
    anywhere = {name.lower() for table in select.tables for name in schemas[table]}
    for column in select.tree.find_all(exp.Column):
        name, of = column.name.lower(), aliases.get(column.table.lower())
        present = {each.lower() for each in schemas[of]} if of in schemas else anywhere | own
        if name not in present:
            where = of or " or ".join(select.tables)
            at = _at(column, select.text, select.place)
            return (
                f"{at}: {where} has no column {column.name!r}; {did_you_mean(column.name, sorted(present))}"
            )
    return None


def columns_read(select: Select, schemas: Mapping[str, Mapping[str, str]]) -> set[str]:
    """Return the columns a SELECT reads, as "table.column"; what could be of two tables is of both."""
    aliases = _aliases(select.tree)
    found = set()
    for column in select.tree.find_all(exp.Column):
        of = aliases.get(column.table.lower())
        for table in (of,) if of else select.tables:
            by_lower = {name.lower(): name for name in schemas.get(table, {})}
            if column.name.lower() in by_lower:
                found.add(f"{table}.{by_lower[column.name.lower()]}")
    return found


def _aliases(tree: exp.Select) -> dict[str, str]:
    """Return alias -> study table, for the aliases that stand for one table only."""
    found: dict[str, set[str]] = {}
    for table in tree.find_all(exp.Table):
        found.setdefault(table.alias_or_name.lower(), set()).add(table.name.lower())
    for made in tree.find_all(exp.Subquery, exp.CTE):
        found.setdefault(made.alias.lower(), set()).add("")
    return {
        alias: next(iter(tables))
        for alias, tables in found.items()
        if len(tables) == 1 and next(iter(tables)) in STUDY_TABLES
    }


def _own_names(tree: exp.Select) -> set[str]:
    """Return the names the SELECT makes itself."""
    found = {alias.alias.lower() for alias in tree.find_all(exp.Alias)}
    for alias in tree.find_all(exp.TableAlias):
        found |= {column.name.lower() for column in alias.args.get("columns") or ()}
    return found


def _list_tables() -> str:
    return f"the study's tables: {', '.join(STUDY_TABLES)}."
