"""What every engine can do, and the two functions through which any name or value enters SQL."""

from __future__ import annotations

import datetime as dt
import math
import numbers
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from segtool.errors import InputError, ParameterError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa

NUMBER_TYPES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "REAL")


class Engine(Protocol):
    """A place where SQL runs.

    ``dialect`` is sqlglot's name of the dialect the engine runs. Statements are handed to it in
    DuckDB's dialect all the same: an engine that runs another one renders them itself. Every
    SELECT that leaves an engine should carry an ORDER BY: without one the order of rows is the
    engine's own affair.
    """

    dialect: str

    def register(self, name: str, data) -> None:
        """Make a DataFrame, an Arrow table or one or more Parquet paths (read lazily) a table."""

    def create(self, name: str, sql: str, *, lazy: bool = False) -> None:
        """Make or replace a table from a SELECT; ``lazy`` makes a view."""

    def drop(self, name: str) -> None:
        """Remove a table or view, if there."""

    def tables(self) -> list[str]:
        """Return the names of tables and views, sorted."""

    def columns(self, name: str) -> dict[str, str]:
        """Return column -> "text", "number", "time", "boolean" or "other"."""

    def query(self, sql: str) -> pd.DataFrame:
        """Run a statement and return its rows."""

    def arrow(self, sql: str) -> pa.Table:
        """Run a statement and return its rows as an Arrow table."""

    def batches(self, sql: str, rows: int = 100_000) -> Iterator[pa.RecordBatch]:
        """Run a statement and return its rows in batches, never all at once."""

    def write(self, sql: str, path: str | Path, format: str) -> int:
        """Write the rows of a statement to a Parquet or CSV file; return how many."""

    def local_time(self, column: str, zone: str, between: tuple | None = None) -> str:
        """Return SQL that turns a UTC timestamp column into local wall-clock time.

        ``between`` is the first and last time the column holds, if known; an engine may use it.
        """

    def close(self) -> None:
        """Free memory and temporary files."""


def quote(name: str) -> str:
    """Return a name as a SQL identifier, whatever characters it holds.

    Raises
    ------
    InputError
        For a name with a NUL character, which no SQL engine can hold.

    Examples
    --------
    >>> print(quote('size "XL"; --'))
    "size ""XL""; --"
    """
    if "\0" in name:
        raise InputError("A column or table name holds a NUL character.", fix="Rename it in the file.")
    return '"' + name.replace('"', '""') + '"'


def literal(value: Any) -> str:
    """Return a value as a SQL literal.

    Parameters
    ----------
    value : str, int, float, Decimal, bool, None, date, datetime or pandas.Timestamp
        Times with a zone become UTC; times without one stay as they are. NaN and missing
        values of pandas become NULL.

    Raises
    ------
    ParameterError
        For any other type.

    Examples
    --------
    >>> print(literal("it's"), literal(None), literal(True), literal(2.5))
    'it''s' NULL TRUE 2.5
    >>> print(literal(dt.date(2026, 7, 1)))
    DATE '2026-07-01'
    """
    if value is None or value != value:  # NaN and NaT are the values that differ from themselves
        return "NULL"
    if isinstance(value, str):
        return _text_literal(value)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, dt.datetime):
        return _timestamp_literal(value)
    if isinstance(value, dt.date):
        return f"DATE '{value:%Y-%m-%d}'" if value.year >= 1000 else f"DATE '{value.isoformat()}'"
    if isinstance(value, numbers.Number) or hasattr(value, "item"):
        return _number_literal(value)
    raise ParameterError(
        f"A value of type {type(value).__name__} cannot be written into SQL.",
        "text, a number, true or false, a date or a time.",
    )


def _text_literal(text: str) -> str:
    parts = ["'" + part.replace("'", "''") + "'" for part in text.split("\0")]
    # A NUL inside a literal ends the statement in DuckDB's parser; chr(0) is the same character, safely.
    return parts[0] if len(parts) == 1 else "(" + " || chr(0) || ".join(parts) + ")"


def _timestamp_literal(value: dt.datetime) -> str:
    if value.tzinfo is not None:
        value = value.astimezone(dt.UTC).replace(tzinfo=None)
    return f"TIMESTAMP '{value.isoformat(sep=' ', timespec='microseconds')}'"


def _number_literal(value: Any) -> str:
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, bool):
        return literal(value)
    if isinstance(value, Decimal):
        return str(value) if value.is_finite() else literal(float(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f"CAST('{value}' AS DOUBLE)"
    raise ParameterError(f"A value of type {type(value).__name__} cannot be written into SQL.")


def kind_of(sql_type: str) -> str:
    """Return the kind of a SQL type: "text", "number", "time", "boolean" or "other".

    Examples
    --------
    >>> kind_of("DECIMAL(18,4)"), kind_of("TIMESTAMP WITH TIME ZONE"), kind_of("INTEGER[]")
    ('number', 'time', 'other')
    """
    name = sql_type.upper()
    if name.endswith("]") or name.startswith(("STRUCT", "MAP", "UNION")):
        return "other"
    if name.startswith(("VARCHAR", "STRING", "CHAR", "ENUM", "UUID")):
        return "text"
    if name.startswith(("TIMESTAMP", "DATE")):
        return "time"
    if name == "BOOLEAN":
        return "boolean"
    return "number" if name.lstrip("U").startswith(NUMBER_TYPES) else "other"
