"""Small pieces of SQL, in DuckDB's dialect and such that every other dialect reads them alike.

What was avoided on purpose, since engines differ in it: GREATEST of NULLs (skipped, or the answer),
decimal literals (exact in some engines, rounded in others; all numbers here are written with an
exponent, which is a double), NaN in comparisons (the greatest of all, or equal to nothing), exp() of
very small numbers (an error in PostgreSQL), names of one SELECT used again within it.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from segtool.engines import literal
from segtool.personas.scoring.score_columns import ScoreColumn
from segtool.personas.table.prepare import CLIP, ColumnPlan

LARGEST = "1.7976931348623157e308"
ACCURATE_SCALE = 1e-3  # below it ln(1 + x) as written would lose digits that matter
MOST_SPELLED_OUT = 60
TERMS_AT_ONCE = 25  # longer sums nest too deeply for some parsers


def double(value: float) -> str:
    """Return a number as a literal that every engine takes as a double.

    Examples
    --------
    >>> double(-0.5), double(1e-07), double(3)
    ('-0.5e0', '1e-07', '3.0e0')
    """
    text = repr(float(value))
    return text if "e" in text else f"{text}e0"


def finite(expression: str) -> str:
    """Return SQL that is NULL where a number is NaN or infinite, which is one test in every engine."""
    number = f"CAST({expression} AS DOUBLE)"
    return f"CASE WHEN {number} BETWEEN -{LARGEST} AND {LARGEST} THEN {number} END"


def code_sql(column: ScoreColumn, cell: str) -> str:
    """Return SQL that gives the place of a cell's level, NULL where unknown."""
    plan = column.plan
    if plan.kind == "few":
        return _nearest_sql(plan, cell)
    if plan.kind == "number":  # a hurdle: at the spike, or elsewhere
        return f"CASE WHEN {_elsewhere(plan, cell)} THEN 1 WHEN {cell} IS NOT NULL THEN 0 END"
    texts = {
        text: code for text, code in column.codes.items() if code is not None or column.other is not None
    }
    crowded = {code for code, n in Counter(texts.values()).items() if n > MOST_SPELLED_OUT}
    # DuckDB makes a join of every IN list: right for a thousand values, ruinous for six in fifty columns
    cases = [
        f"WHEN {cell} = {literal(text)} THEN {_code(code)}"
        for text, code in texts.items()
        if code not in crowded
    ]
    for code in crowded:
        listed = ", ".join(literal(text) for text, its in texts.items() if its == code)
        cases.append(f"WHEN {cell} IN ({listed}) THEN {_code(code)}")
    if column.other is not None:
        cases.append(f"WHEN {cell} IS NOT NULL THEN {column.other}")
    return f"CASE {' '.join(cases)} END"


def _code(code: int | None) -> str:
    return "NULL" if code is None else str(code)


def _nearest_sql(plan: ColumnPlan, cell: str) -> str:
    levels = np.asarray(plan.levels)
    edges = (levels[1:] + levels[:-1]) / 2
    cases = " ".join(f"WHEN {cell} < {double(edge)} THEN {code}" for code, edge in enumerate(edges))
    return f"CASE {cases} WHEN {cell} >= {double(edges[-1])} THEN {len(edges)} END"


def standard_sql(plan: ColumnPlan, cell: str) -> str:
    """Return SQL that gives the standardised number: logarithm, cut, centred, scaled; NULL where unknown.

    The cuts are put to the number as it stands in the table, before the logarithm: the two say the
    same, since all steps go upwards only.
    """
    low = max(plan.low, plan.centre - CLIP * plan.scale)
    high = min(plan.high, plan.centre + CLIP * plan.scale)
    value = cell
    if plan.log:
        low, value = max(low, 0.0), _log_sql(plan, cell)  # a refund is no reason to fail
    ends = {low: _raw(plan, low), high: _raw(plan, high)}
    standard = {end: (end - plan.centre) / plan.scale for end in ends}
    cases = f"WHEN {cell} <= {double(ends[low])} THEN {double(standard[low])}"
    if math.isfinite(ends[high]):
        cases += f" WHEN {cell} >= {double(ends[high])} THEN {double(standard[high])}"
    middle = f"({value} - {double(plan.centre)}) / {double(plan.scale)}"
    made = f"CASE {cases} ELSE {middle} END"
    return f"CASE WHEN {_elsewhere(plan, cell)} THEN {made} END" if plan.hurdle else made


def _elsewhere(plan: ColumnPlan, cell: str) -> str:
    """Return SQL that is true where a number is not at its column's spike; see `prepare`."""
    return f"{cell} > 0e0" if plan.spike == 0 else f"{cell} <> {double(plan.spike)}"


def _raw(plan: ColumnPlan, value: float) -> float:
    if not plan.log:
        return value
    return math.expm1(value) if value < math.log(float(LARGEST)) else math.inf


def _log_sql(plan: ColumnPlan, cell: str) -> str:
    if plan.scale >= ACCURATE_SCALE:
        return f"ln(1e0 + {cell})"
    # what 1 + x rounds away is divided out again (Goldberg 1991, theorem 4)
    return (
        f"CASE WHEN 1e0 + {cell} = 1e0 THEN {cell} "
        f"ELSE ln(1e0 + {cell}) * {cell} / ((1e0 + {cell}) - 1e0) END"
    )


def terms_of(column: ScoreColumn, persona: int, weighted: bool) -> list[str]:
    """Return what a column adds to the score of one persona: a term for its number, one for its level."""
    n, terms = column.number, []
    times = f" * w{n}" if weighted else ""
    if column.curve is not None:
        constant, linear, square = map(double, column.curve[persona])
        terms.append(f"coalesce(({constant} + z{n} * ({linear} + z{n} * {square})){times}, 0e0)")
    if column.levels is not None:
        cases = " ".join(f"WHEN {code} THEN {double(x)}" for code, x in enumerate(column.levels[persona]))
        terms.append(f"CASE c{n} {cases} ELSE 0e0 END{times}")
    return terms


def counts_of(column: ScoreColumn, weighted: bool) -> list[str]:
    """Return what a column adds to the number of labels known: one term for its number, one for its level."""
    n, weight = column.number, double(column.plan.weight)
    times = f" * w{n}" if weighted else ""
    parts = [("z", column.curve), ("c", column.levels)]
    return [
        f"CASE WHEN {part}{n} IS NOT NULL THEN {weight} ELSE 0e0 END{times}"
        for part, says in parts
        if says is not None
    ]


def add_up(first: str, terms: list[str], indent: str) -> str:
    """Return a sum, one term per line, in brackets of a few so that no parser nests too deeply.

    The first term is a double by type, so that the sum is one wherever literals would be decimals.
    """
    lines = [f"CAST({first} AS DOUBLE)"]
    for start in range(0, len(terms), TERMS_AT_ONCE):
        group = terms[start : start + TERMS_AT_ONCE]
        inner = f"\n{indent}    + ".join(group)
        lines.append(f"({inner})" if len(terms) > TERMS_AT_ONCE else inner)
    return f"\n{indent}  + ".join(lines)


def greatest(names: list[str]) -> str:
    """Return the greatest of some names, none of them NULL; Spark wants two at least."""
    return names[0] if len(names) == 1 else f"greatest({', '.join(names)})"


def first_of(names: list[str], value: str, said: list[str], but: str = "") -> str:
    """Return SQL that says something of the first name that has a value, in order."""
    cases = " ".join(
        f"WHEN {but.format(i + 1)}{name} = {value} THEN {text}"
        for i, (name, text) in enumerate(zip(names, said, strict=True))
    )
    return f"CASE {cases} END"


def comment(text: str, length: int = 70) -> str:
    """Return text that cannot leave a comment: one line, no end marks, not too long."""
    plain = "".join(c if c.isprintable() else " " for c in text).replace("*/", "* /").replace("/*", "/ *")
    return plain if len(plain) <= length else plain[: length - 1] + "…"
