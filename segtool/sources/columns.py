"""One column of a file as SQL: its cleaned value, its typed value, and what can be wrong with it.

Nothing runs here. A plan has three layers, because each needs the one before: ``x`` is cleaned (trimmed,
values mapped), ``v`` is typed, a problem is a condition on both. Columns go by number inside (``x0``,
``v0``), so that no name out of a file meets another before the last SELECT.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from segtool.engines import kind_of, literal
from segtool.engines.zones import in_clock_change
from segtool.sources import times
from segtool.sources.matching import Match
from segtool.sources.numbers import clean_number, point_decimals
from segtool.sources.schemas import SQL_TYPES

# Closed list of what can be wrong with a value; the faults of whole records are in delimited.py.
MISSING = "missing"
UNREADABLE_TIME, TIME_RANGE = "unreadable time", "time out of range"
UNREADABLE_NUMBER, NOT_FINITE, NUMBER_RANGE = "unreadable number", "not finite", "number out of range"
UNREADABLE_FLAG, INEXACT_ID = "unreadable yes or no", "id not exact"

# Spaces that look like nothing in a spreadsheet: tab, no-break, ideographic, zero-width, byte order mark.
SPACES = " \t\r\n\u00a0\u3000\u200b\ufeff"
YES = ("true", "t", "yes", "y", "1", "on", "是", "真")
NO = ("false", "f", "no", "n", "0", "off", "否", "假")
LARGEST_EXACT = 2**53  # above it a float skips whole numbers, and two ids become one
LARGEST_MONEY = 10**14

# A property is a number when each value is one and none would lose by it: no leading zero, at most 15
# digits, and no "1e5", which is more often an id than a hundred thousand.
NUMBER = (
    r"\s*[+-]?(?:(?:0|[1-9][0-9]{0,14})(?:\.[0-9]+(?:[eE][+-]?[0-9]{1,2})?|[eE]-[0-9]{1,2})?|\.[0-9]+)\s*"
)
BOOLEAN = r"(?i)\s*(?:true|false)\s*"


@dataclass(frozen=True)
class Plan:
    """How one column is read.

    Attributes
    ----------
    name : str
        In the table.
    kind : str
        A kind of `schemas.ColumnSpec`, or "property".
    sql_type : str
        Of the value.
    clean : str
        SQL over the file's columns: ``x``.
    value : str
        SQL over ``x`` (and ``o``, ``w``): ``v``.
    shown : str
        SQL over ``v``: what the table shows.
    problems : tuple of (reason, condition)
        SQL conditions over ``x`` and ``v``, in the order they are looked for.
    offset : str
        SQL over ``x``, for times written as text: ``o``.
    wall : str
        SQL over ``x`` and ``o``, the same: ``w``.
    plain : str or None
        The file's column itself, when it may turn out that cleaning changes nothing.
    ambiguous : str
        SQL over ``x`` and ``w``: a wall-clock time that existed twice or never.
    costly : bool
        Too slow to be done again by every statement.
    """

    name: str
    kind: str
    sql_type: str
    clean: str
    value: str
    shown: str
    problems: tuple[tuple[str, str], ...] = ()
    offset: str = ""
    wall: str = ""
    plain: str | None = None
    ambiguous: str = ""
    costly: bool = False

    def simplified(self) -> Plan:
        """Return the plan without the cleaning that changed nothing."""
        return replace(self, clean=self.plain) if self.plain else self


@dataclass(frozen=True)
class TimeRules:
    """How times and numbers of a table are read.

    Attributes
    ----------
    zone : str
        Of times that do not say theirs.
    time_format : str or None
    as_of : str
        SQL literal, UTC.
    spans : mapping of str to (datetime, datetime)
        First and last raw value of columns that hold times, where known: only the clock changes
        among them need be looked at.
    decimal : {".", ","}
        Of numbers written as text.
    """

    zone: str
    time_format: str | None
    as_of: str
    spans: Mapping[str, tuple] = field(default_factory=dict)
    decimal: str = "."


def plan_column(
    index: int, match: Match, mapping: Mapping[str, str], rules: TimeRules, inferred: str | None = None
) -> Plan:
    """Return how a column is read.

    Parameters
    ----------
    index : int
        Its number among the table's columns.
    match : Match
    mapping : mapping of str to str
        Values in the file -> segtool's.
    rules : TimeRules
    inferred : {"number", "boolean", None}
        Of a property held as text: what each value parses as.
    """
    make = {"time": _plan_time, "money": _plan_number, "number": _plan_number, "flag": _plan_flag}
    kind = match.spec.kind if match.spec else "property"
    if match.spec is None:
        plan = _plan_property(index, match, mapping, rules, inferred)
    else:
        plan = make.get(kind, _plan_text)(index, match, mapping, rules)
    if match.spec is not None and (match.spec.required or match.spec.by_row):
        missing = (f"{MISSING} {match.name}", f"v{index} IS NULL")
        plan = replace(plan, problems=(*plan.problems, missing))
    return plan


def as_text(match: Match, mapping: Mapping[str, str]) -> str:
    """Return SQL of a value as trimmed text in Unicode NFC, mapped; NULL if nothing is left."""
    column = match.raw.sql
    text = column if match.raw.type == "VARCHAR" else f"CAST({column} AS VARCHAR)"
    clean = f"nullif({_normal(match, text)}, '')"
    if not mapping:
        return clean
    cases = " ".join(f"WHEN {literal(a.strip())} THEN {literal(b or None)}" for a, b in mapping.items())
    return f"CASE {clean} {cases} ELSE {clean} END"


def _normal(match: Match, text: str) -> str:
    """Return SQL of trimmed text in NFC; plain ASCII that begins and ends visibly is both already."""
    full = f"nfc_normalize(trim({text}, {literal(SPACES)}))"
    if match.raw.packed and match.spec is not None and match.spec.kind == "word":
        return full  # a plain function runs once per entry of the dictionary, a CASE once per row
    return f"CASE WHEN regexp_matches({text}, '^[!-~]([ -~]*[!-~])?$') THEN {text} ELSE {full} END"


def _plan_text(index: int, match: Match, mapping, rules) -> Plan:
    kind, sql_type = match.spec.kind, match.raw.type
    if sql_type in ("DOUBLE", "FLOAT") and not mapping:
        return _plan_float_id(index, match)
    plain = match.raw.sql if sql_type == "VARCHAR" and not mapping else None
    if kind == "text" and not mapping:  # free text keeps its spaces and line breaks
        text = match.raw.sql if sql_type == "VARCHAR" else f"CAST({match.raw.sql} AS VARCHAR)"
        return Plan(match.name, kind, "VARCHAR", f"nullif({text}, '')", f"x{index}", f"v{index}", plain=plain)
    clean = as_text(match, mapping)
    if kind_of(sql_type) == "number" and not mapping:
        clean = f"CAST({match.raw.sql} AS VARCHAR)"
    return Plan(match.name, kind, "VARCHAR", clean, f"x{index}", f"v{index}", plain=plain)


def _plan_float_id(index: int, match: Match) -> Plan:
    """Ids that a tool turned into floats (for want of a missing integer): 123.0 is 123 again."""
    x = f"x{index}"
    whole = f"{x} = floor({x}) AND abs({x}) < {LARGEST_EXACT}"
    value = f"CASE WHEN {whole} THEN CAST(CAST({x} AS BIGINT) AS VARCHAR) ELSE CAST({x} AS VARCHAR) END"
    problems = ((INEXACT_ID, f"NOT isfinite({x}) OR abs({x}) >= {LARGEST_EXACT}"),)
    clean = f"CASE WHEN isnan({match.raw.sql}) THEN NULL ELSE {match.raw.sql} END"
    return Plan(match.name, match.spec.kind, "VARCHAR", clean, value, f"v{index}", problems, costly=True)


def _plan_time(index: int, match: Match, mapping, rules: TimeRules) -> Plan:
    x, v, sql_type = f"x{index}", f"v{index}", match.raw.type
    clean, offset, wall, ambiguous, costly = match.raw.sql, "", "", "", False
    if kind_of(sql_type) == "time":
        value, ambiguous = _typed_time(x, match, rules)
    elif rules.time_format in times.EPOCH_UNITS:
        clean = clean if kind_of(sql_type) == "number" and not mapping else as_text(match, mapping)
        value = times.epoch_time(x, rules.time_format)
    elif rules.time_format:
        clean, costly = as_text(match, mapping), True
        value = times.pattern_time(x, rules.time_format, rules.zone)
    else:
        clean, costly = as_text(match, mapping), True
        offset, wall = times.clock_offset(x), times.wall_clock(x, f"o{index}")
        value = times.text_time(f"w{index}", f"o{index}", rules.zone)
        ambiguous = f"o{index} = '' AND {in_clock_change(f'w{index}', rules.zone)}"
    earliest = times.ANCIENT if match.spec.ancient else times.EARLIEST
    problems = (
        (UNREADABLE_TIME, f"{x} IS NOT NULL AND {v} IS NULL"),
        (TIME_RANGE, f"{v} < {earliest} OR {v} >= {times.LATEST}"),
    )
    # What came of a row at as_of or later is not known yet.
    shown = f"CASE WHEN {v} < {rules.as_of} THEN {v} END" if match.spec.outcome else v
    return Plan(
        match.name,
        "time",
        "TIMESTAMP",
        clean,
        value,
        shown,
        problems,
        offset,
        wall,
        ambiguous=ambiguous,
        costly=costly,
    )


def _typed_time(x: str, match: Match, rules: TimeRules) -> tuple[str, str]:
    """Return value and ambiguity of a column that already holds times."""
    if match.raw.type == "TIMESTAMP WITH TIME ZONE":
        return f"make_timestamp(epoch_us({x}))", ""
    moment = x if match.raw.type == "TIMESTAMP" else f"CAST({x} AS TIMESTAMP)"
    span = rules.spans.get(match.name)
    return times.naive_time(moment, rules.zone, span), in_clock_change(moment, rules.zone, span)


def _plan_number(index: int, match: Match, mapping, rules) -> Plan:
    x, v, kind = f"x{index}", f"v{index}", match.spec.kind
    typed = kind_of(match.raw.type) in ("number", "boolean") and not mapping
    clean = match.raw.sql if typed else clean_number(as_text(match, mapping), rules.decimal)
    floating = match.raw.type in ("DOUBLE", "FLOAT")
    number = x if floating and typed else f"TRY_CAST({x} AS DOUBLE)"
    problems = []
    if not typed:  # DuckDB reads 1_000 as a thousand, which nobody means
        problems.append((UNREADABLE_NUMBER, f"{x} IS NOT NULL AND ({number} IS NULL OR contains({x}, '_'))"))
    if floating or not typed:
        problems.append((NOT_FINITE, f"NOT isfinite({number})"))
    value = number
    if kind == "money":
        value = f"TRY_CAST({x} AS {SQL_TYPES['money']})"
        problems.append((NUMBER_RANGE, f"{x} IS NOT NULL AND {v} IS NULL"))
    return Plan(match.name, kind, SQL_TYPES[kind], clean, value, v, tuple(problems), costly=not typed)


def _plan_flag(index: int, match: Match, mapping, rules) -> Plan:
    x, v = f"x{index}", f"v{index}"
    if match.raw.type == "BOOLEAN" and not mapping:
        return Plan(match.name, "flag", "BOOLEAN", match.raw.sql, x, v)
    clean = as_text(match, mapping)
    if kind_of(match.raw.type) == "number" and not mapping:
        number = match.raw.sql
        clean = f"CASE {number} WHEN 1 THEN '1' WHEN 0 THEN '0' ELSE CAST({number} AS VARCHAR) END"
    yes, no = (", ".join(map(literal, words)) for words in (YES, NO))
    value = f"CASE WHEN lower({x}) IN ({yes}) THEN TRUE WHEN lower({x}) IN ({no}) THEN FALSE END"
    problems = ((UNREADABLE_FLAG, f"{x} IS NOT NULL AND {v} IS NULL"),)
    return Plan(match.name, "flag", "BOOLEAN", clean, value, v, problems, costly=True)


def _plan_property(index: int, match: Match, mapping, rules: TimeRules, inferred: str | None) -> Plan:
    x, v, sql, sql_type = f"x{index}", f"v{index}", match.raw.sql, match.raw.type
    kind = kind_of(sql_type)
    if inferred == "boolean" or (kind == "boolean" and not mapping):
        clean = sql if kind == "boolean" and not mapping else as_text(match, mapping)
        return Plan(match.name, "property", "BOOLEAN", clean, f"TRY_CAST({x} AS BOOLEAN)", v)
    if inferred == "number":
        typed = kind == "number" and not mapping
        clean = sql if typed else point_decimals(as_text(match, mapping), rules.decimal)
        return Plan(match.name, "property", "DOUBLE", clean, f"TRY_CAST({x} AS DOUBLE)", v)
    if kind == "number" and sql_type in ("DOUBLE", "FLOAT") and not mapping:
        # A float's NaN is how tools write "missing"; infinity is a fault.
        clean = f"CASE WHEN isnan({sql}) THEN NULL ELSE {sql} END"
        infinite = ((NOT_FINITE, f"isinf({x})"),)
        return Plan(match.name, "property", "DOUBLE", clean, f"CAST({x} AS DOUBLE)", v, infinite)
    if sql_type == "DATE" and not mapping:  # a birthday is the same day in every zone
        return Plan(match.name, "property", "DATE", sql, x, v)
    if kind == "time" and not mapping:
        value, _ = _typed_time(x, match, rules)
        return Plan(match.name, "property", "TIMESTAMP", sql, value, v)
    text = as_text(match, mapping) if mapping else f"nullif({_varchar(match)}, '')"
    plain = sql if sql_type == "VARCHAR" and not mapping else None
    return Plan(match.name, "property", "VARCHAR", text, x, v, plain=plain)


def _varchar(match: Match) -> str:
    return match.raw.sql if match.raw.type == "VARCHAR" else f"CAST({match.raw.sql} AS VARCHAR)"
