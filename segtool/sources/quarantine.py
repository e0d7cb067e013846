"""Rows that cannot be used: found in SQL, counted, and kept where people can look at them.

The sum always holds: read = kept + rejected + duplicates + after as_of. Each part is counted on its own
and the sum is compared, never made to fit by subtraction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from segtool.engines import DuckDBEngine, literal, quote
from segtool.errors import SegtoolError
from segtool.sources.columns import Plan
from segtool.sources.delimited import MAX_RAW_CHARACTERS
from segtool.sources.raw import ROW, Raw
from segtool.sources.schemas import TableSchema

PROBLEM, CLOCK = "segtool problem", "segtool clock"
AFTER = -1  # the problem number of rows at or after as_of
LARGE_ROWS = 2_000_000  # checked rows above this go to a Parquet file: tables in memory are not packed


@dataclass(frozen=True)
class Counts:
    """What became of a table's rows; ``read`` is the sum of the next four.

    Attributes
    ----------
    reasons : tuple of (reason, column, rows)
        Commonest first.
    first, last : datetime or None
        Of the primary time over kept rows, UTC.
    clock_changes : int
        Kept rows whose wall-clock time existed twice or never.
    newest_after : datetime or None
        The newest of the rows at or after as_of, UTC.
    """

    read: int
    kept: int
    rejected: int
    duplicates: int
    after_as_of: int
    reasons: tuple[tuple[str, str, int], ...] = ()
    first: object = None
    last: object = None
    clock_changes: int = 0
    newest_after: object = None


@dataclass
class _Tally:
    """Rows per problem number, and what was seen of the good ones."""

    rows: dict[int, int] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)  # numbers of columns that cleaning changed
    first: object = None
    last: object = None
    clock_changes: int = 0
    newest_after: object = None


def check_table(
    engine: DuckDBEngine,
    schema: TableSchema,
    raw: Raw,
    plans: list[Plan],
    as_of: str,
    *,
    keep_duplicates: bool = False,
) -> tuple[str, Counts]:
    """Judge and count all rows of a table, and keep the rejected ones in the engine.

    Parameters
    ----------
    engine : DuckDBEngine
    schema : TableSchema
    raw : Raw
    plans : list of Plan
    as_of : str
        SQL literal, UTC.
    keep_duplicates : bool
        Do not look for rows equal in every column.

    Returns
    -------
    select : str
        SELECT of the usable rows.
    counts : Counts
    """
    rows = _Rows(schema, raw, plans, as_of)
    if not rows.lazy:
        rows = _settle(engine, rows)
    tally = _count_problems(engine, rows)
    rows = rows.narrowed(tally)
    repeats = _find_repeats(engine, rows, keep_duplicates)
    reasons = _keep_rejected(engine, rows, tally, repeats)
    select = rows.select(without=f"repeats_{schema.name}" if repeats else None)
    return select, _reconcile(engine, rows, tally, repeats, reasons, select)


# -- SQL ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Rows:
    """The rows of one table as SQL: typed anew by each statement, or settled under a name."""

    schema: TableSchema
    raw: Raw
    plans: list[Plan]
    as_of: str
    settled: str | None = None  # where typed rows with their problem numbers lie
    wrong: tuple[int, ...] = ()  # problem numbers that occur; none are looked for but these

    @property
    def lazy(self) -> bool:
        """Whether typing is cheap enough to be done by each statement."""
        return self.raw.lazy and not any(plan.costly for plan in self.plans)

    @property
    def problems(self) -> list[tuple[str, str, str]]:
        """Reason, column and condition of each problem; the first has number 1."""
        return [(reason, plan.name, sql) for plan in self.plans for reason, sql in plan.problems]

    @property
    def time(self) -> int | None:
        """Number of the primary time's column."""
        return next((i for i, plan in enumerate(self.plans) if plan.name == self.schema.time), None)

    def narrowed(self, tally: _Tally) -> _Rows:
        """Leave out the cleaning that changed nothing and the conditions that never held."""
        plans = [p if i in tally.changed else p.simplified() for i, p in enumerate(self.plans)]
        wrong = tuple(sorted(number for number, n in tally.rows.items() if number and n))
        return replace(self, plans=plans, wrong=wrong)

    def typed(self, *, numbered: bool = False, look: bool = False) -> str:
        """Return the layers x, o, w, v as one subquery."""
        first = [f"{plan.clean} AS x{i}" for i, plan in enumerate(self.plans)]
        if look:
            first += [
                f"({p.clean} IS DISTINCT FROM {p.plain}) AS d{i}" for i, p in enumerate(self.plans) if p.plain
            ]
        if numbered:
            first.insert(0, f"{self.raw.row} AS {quote(ROW)}")
        sql = f"SELECT {', '.join(first)} FROM {self.raw.numbered if numbered else self.raw.relation}"
        for letter, layer in (("o", "offset"), ("w", "wall"), ("v", "value")):
            made = [
                f"{getattr(p, layer)} AS {letter}{i}" for i, p in enumerate(self.plans) if getattr(p, layer)
            ]
            sql = f"SELECT *, {', '.join(made)} FROM ({sql})" if made else sql
        return sql

    def problem(self) -> str:
        """Return the number of a row's first problem, AFTER at as_of or later, 0 if it is good."""
        cases = [f"WHEN {condition} THEN {n}" for n, (_, _, condition) in enumerate(self.problems, 1)]
        if self.schema.happened and self.time is not None:
            cases.append(f"WHEN v{self.time} >= {self.as_of} THEN {AFTER}")
        return f"CASE {' '.join(cases)} ELSE 0 END" if cases else "0"

    def shown(self) -> list[str]:
        """Return the table's columns over the typed layers."""
        return [f"{plan.shown} AS {quote(plan.name)}" for plan in self.plans]

    def clock(self) -> str:
        """Return whether the primary time existed twice or never on its clock."""
        return (self.plans[self.time].ambiguous if self.time is not None else "") or "FALSE"

    def select(self, *, numbered: bool = False, without: str | None = None) -> str:
        """Return the SELECT of good rows, with their row numbers or without the rows of a table."""
        names = ", ".join(quote(plan.name) for plan in self.plans)
        if without:
            return (
                f"SELECT {names} FROM ({self.select(numbered=True)}) AS good "
                f"ANTI JOIN {quote(without)} AS repeated ON good.{quote(ROW)} = repeated.{quote(ROW)}"
            )
        row = [quote(ROW)] if numbered else []
        if self.settled:
            where = f" WHERE {quote(PROBLEM)} = 0" if self.wrong else ""
            return f"SELECT {', '.join([*row, names])} FROM {quote(self.settled)}{where}"
        good = [f"NOT coalesce({self.problems[n - 1][2]}, FALSE)" for n in self.wrong if n > 0]
        if AFTER in self.wrong:
            good.append(f"coalesce(v{self.time} < {self.as_of}, TRUE)")
        where = f" WHERE {' AND '.join(good)}" if good else ""
        return f"SELECT {', '.join([*row, *self.shown()])} FROM ({self.typed(numbered=numbered)}){where}"

    def judged(self) -> str:
        """Return the SELECT of all rows with row and problem numbers."""
        if self.settled:
            return f"SELECT * FROM {quote(self.settled)}"
        return (
            f"SELECT {quote(ROW)}, {', '.join(self.shown())}, {self.problem()} AS {quote(PROBLEM)}, "
            f"{self.clock()} AS {quote(CLOCK)} FROM ({self.typed(numbered=True)})"
        )


# -- steps ----------------------------------------------------------------------------------------


def _settle(engine: DuckDBEngine, rows: _Rows) -> _Rows:
    """Type all rows once: parsing text again in every statement would cost more than keeping it."""
    name = f"checked_{rows.schema.name}"
    (count,) = engine.execute(f"SELECT count(*) FROM {rows.raw.relation}").fetchone()
    if count > LARGE_ROWS:
        path = engine.temp_directory / f"{name}.parquet"
        engine.write(rows.judged(), path, "parquet")
        engine.register(name, path)
    else:
        engine.create(name, rows.judged())
    return replace(rows, settled=name)


def _count_problems(engine: DuckDBEngine, rows: _Rows) -> _Tally:
    if rows.settled:
        time = quote(rows.schema.time) if rows.time is not None else "NULL"
        source, looked, clock, problem = quote(rows.settled), [], quote(CLOCK), quote(PROBLEM)
    else:
        time = f"v{rows.time}" if rows.time is not None else "NULL"
        source, clock, problem = f"({rows.typed(look=True)})", rows.clock(), rows.problem()
        looked = [i for i, plan in enumerate(rows.plans) if plan.plain]
    changed = "".join(f", bool_or(d{i})" for i in looked)
    sql = (
        f"SELECT {problem} AS problem, count(*), min({time}), max({time}), "
        f"count(*) FILTER (WHERE {clock}){changed} FROM {source} GROUP BY problem ORDER BY problem"
    )
    tally = _Tally()
    for number, count, first, last, clock_changes, *flags in engine.execute(sql).fetchall():
        tally.rows[number] = count
        tally.changed |= {i for i, flag in zip(looked, flags, strict=True) if flag}
        if number == AFTER:
            tally.newest_after = last
        if number == 0:
            tally.first, tally.last, tally.clock_changes = first, last, clock_changes
    return tally


def _find_repeats(engine: DuckDBEngine, rows: _Rows, keep_duplicates: bool) -> int:
    """Find good rows that say again what an earlier row said; put their numbers into a table."""
    schema = rows.schema
    if schema.key is None and (keep_duplicates or not schema.distinct):
        return 0
    columns = [quote(schema.key)] if schema.key else [quote(plan.name) for plan in rows.plans]
    same = columns[0] if schema.key else f"hash({', '.join(columns)})"
    good = rows.select()
    (repeated,) = engine.execute(f"SELECT count({same}) - count(DISTINCT {same}) FROM ({good})").fetchone()
    if not repeated:
        return 0
    name = f"repeats_{schema.name}"
    by = ", ".join(columns)
    suspects = f"SELECT {same} FROM ({good}) GROUP BY 1 HAVING count(*) > 1"
    engine.create(
        name,
        f"SELECT {quote(ROW)} FROM (SELECT {quote(ROW)}, row_number() OVER (PARTITION BY {by} "
        f"ORDER BY {quote(ROW)}) AS nth FROM ({rows.select(numbered=True)}) WHERE {same} IN ({suspects})) "
        "WHERE nth > 1",
    )
    return engine.execute(f"SELECT count(*) FROM {quote(name)}").fetchone()[0]


def _keep_rejected(engine: DuckDBEngine, rows: _Rows, tally: _Tally, repeats: int) -> tuple:
    """Write ``rejected_<table>``: row_number, reason, raw, column."""
    import pandas as pd

    name = f"rejected_{rows.schema.name}"
    broken = pd.DataFrame(
        [(number, reason, text, "") for number, reason, text in rows.raw.broken],
        columns=["row_number", "reason", "raw", "column"],
    ).astype({"row_number": "int64", "reason": "str", "raw": "str", "column": "str"})
    engine.register(name, broken)
    faulty = [number for number in tally.rows if number > 0]
    if faulty:
        _add_rejected(
            engine,
            rows,
            name,
            f"SELECT {quote(ROW)}, {quote(PROBLEM)} AS n FROM ({rows.judged()}) WHERE {quote(PROBLEM)} > 0",
        )
    if repeats and rows.schema.key:
        again = len(rows.problems) + 1
        _add_rejected(
            engine, rows, name, f"SELECT {quote(ROW)}, {again} AS n FROM repeats_{rows.schema.name}"
        )
    found = engine.execute(
        f'SELECT reason, "column", count(*) FROM {quote(name)} GROUP BY ALL ORDER BY 3 DESC, 1, 2'
    ).fetchall()
    return tuple(found)


def _add_rejected(engine: DuckDBEngine, rows: _Rows, name: str, numbers: str) -> None:
    reasons = [(reason, column) for reason, column, _ in rows.problems]
    if rows.schema.key:
        reasons.append((f"duplicate {rows.schema.key}", rows.schema.key))
    known = ", ".join(f"({n}, {literal(r)}, {literal(c)})" for n, (r, c) in enumerate(reasons, 1))
    cells = _as_csv_line([column.sql for column in rows.raw.columns], rows.raw.delimiter)
    engine.execute(
        f"INSERT INTO {quote(name)} SELECT wrong.{quote(ROW)}, reason, {cells}, col "
        f"FROM ({numbers}) AS wrong JOIN (VALUES {known}) AS why(n, reason, col) USING (n) "
        f"JOIN (SELECT *, {rows.raw.row} AS here FROM {rows.raw.numbered}) AS raw "
        f"ON raw.here = wrong.{quote(ROW)}"
    )


def _as_csv_line(columns: Iterable[str], delimiter: str) -> str:
    """Return SQL of a row as the line of a file with that delimiter."""
    special, cells = literal(f'["\r\n{re.escape(delimiter)}]'), []
    for column in columns:
        text = f"coalesce(CAST(raw.{column} AS VARCHAR), '')"
        quoted = f"'\"' || replace({text}, '\"', '\"\"') || '\"'"
        cells.append(f"CASE WHEN regexp_matches({text}, {special}) THEN {quoted} ELSE {text} END")
    return f"left(concat_ws({literal(delimiter)}, {', '.join(cells)}), {MAX_RAW_CHARACTERS})"


def _reconcile(
    engine: DuckDBEngine, rows: _Rows, tally: _Tally, repeats: int, reasons: tuple, select: str
) -> Counts:
    """Count each part on its own, and hold the sum against what the file has."""
    (physical,) = engine.execute(f"SELECT count(*) FROM {rows.raw.relation}").fetchone()
    (kept,) = engine.execute(f"SELECT count(*) FROM ({select})").fetchone()
    counts = Counts(
        read=physical + len(rows.raw.broken) + rows.raw.repeats,
        kept=kept,
        rejected=sum(n for *_, n in reasons),
        duplicates=(0 if rows.schema.key else repeats) + rows.raw.repeats,
        after_as_of=tally.rows.get(AFTER, 0),
        reasons=reasons,
        first=tally.first,
        last=tally.last,
        clock_changes=tally.clock_changes,
        newest_after=tally.newest_after,
    )
    parts = counts.kept + counts.rejected + counts.duplicates + counts.after_as_of
    if parts != counts.read:
        raise SegtoolError(
            f"{rows.schema.name}: {counts.read:,} rows were read but {parts:,} are accounted for.",
            fix="The file changed while it was read; run again. If it did not, please report this.",
        )
    return counts
