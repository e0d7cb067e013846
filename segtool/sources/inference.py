"""What the values of a table say about its columns, asked before any is judged."""

from __future__ import annotations

from segtool.engines import DuckDBEngine, kind_of, literal
from segtool.sources.columns import BOOLEAN, NUMBER, as_text
from segtool.sources.matching import Match
from segtool.sources.numbers import point_decimals
from segtool.sources.raw import Raw
from segtool.sources.times import EARLIEST, LATEST

SAMPLE_ROWS = 5_000
DIGITS = 15  # what a float holds of any whole number
LONG_TYPES = ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "DECIMAL")


def infer_properties(
    engine: DuckDBEngine,
    raw: Raw,
    matches: list[Match],
    values: dict[str, dict[str, str]],
    decimal: str = ".",
) -> dict[str, str]:
    """Return property -> "number" or "boolean"; a property that is text is not listed.

    A sample decides which properties cannot be anything but text, all rows decide about the rest.
    Whole numbers of Parquet and frames with more than 15 digits stay text: they are ids.
    """
    properties = [match for match in matches if match.spec is None]
    texts = [m for m in properties if m.raw.type == "VARCHAR" and not (raw.lazy and not values.get(m.name))]
    kinds = _kinds(engine, f"(FROM {raw.relation} LIMIT {SAMPLE_ROWS})", texts, values, decimal)
    likely = [match for match in texts if kinds[match.name]]
    kinds = _kinds(engine, raw.relation, likely, values, decimal)
    found = {name: kind for name, kind in kinds.items() if kind}
    return found | _short_enough(engine, raw, properties, values)


def _kinds(
    engine: DuckDBEngine, relation: str, matches: list[Match], values: dict, decimal: str
) -> dict[str, str | None]:
    if not matches:
        return {}
    tests = []
    for match in matches:
        text = point_decimals(as_text(match, values.get(match.name, {})), decimal)
        tests += [f"bool_and(regexp_full_match({text}, {literal(shape)}))" for shape in (NUMBER, BOOLEAN)]
    flags = engine.execute(f"SELECT {', '.join(tests)} FROM {relation}").fetchone()
    # bool_and over no value at all is NULL: a property that is never filled stays text.
    return {
        match.name: "number" if flags[2 * i] else "boolean" if flags[2 * i + 1] else None
        for i, match in enumerate(matches)
    }


def _short_enough(engine: DuckDBEngine, raw: Raw, properties: list[Match], values: dict) -> dict[str, str]:
    """Return the properties held as whole numbers or decimals that a float can hold without loss.

    Floats are not listed: they are numbers anyway.
    """
    numbers = [
        match
        for match in properties
        if kind_of(match.raw.type) == "number"
        and match.raw.type not in ("DOUBLE", "FLOAT")
        and not values.get(match.name)
    ]
    long = [match for match in numbers if match.raw.type.startswith(LONG_TYPES)]
    if not long:
        return {match.name: "number" for match in numbers}
    bound = 10**DIGITS
    tests = ", ".join(
        f"coalesce(max({m.raw.sql}) < {bound} AND min({m.raw.sql}) > -{bound}, TRUE)" for m in long
    )
    flags = engine.execute(f"SELECT {tests} FROM {raw.relation}").fetchone()
    too_long = {match.name for match, short in zip(long, flags, strict=True) if not short}
    return {match.name: "number" for match in numbers if match.name not in too_long}


def find_spans(engine: DuckDBEngine, raw: Raw, matches: list[Match]) -> dict[str, tuple]:
    """Return column -> first and last value, for columns of times without a zone.

    Only columns that lie between 1990 and 2100 are listed. Parquet knows the answer without
    being read.
    """
    naive = [m for m in matches if kind_of(m.raw.type) == "time" and "TIME ZONE" not in m.raw.type]
    if not naive:
        return {}
    ends = ", ".join(
        f"CAST({end}({m.raw.sql}) AS TIMESTAMP) BETWEEN {EARLIEST} AND {LATEST}, "
        f"CAST({end}({m.raw.sql}) AS TIMESTAMP)"
        for m in naive
        for end in ("min", "max")
    )
    row = engine.execute(f"SELECT {ends} FROM {raw.relation}").fetchone()
    found = {}
    for match, (low_fine, low, high_fine, high) in zip(
        naive, zip(*[iter(row)] * 4, strict=True), strict=True
    ):
        if low_fine and high_fine:
            found[match.name] = (low, high)
    return found
