"""Several Parquet files as one: their columns, and the number of each row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from segtool.engines import DuckDBEngine, literal
from segtool.engines.duckdb_engine import parquet_scan
from segtool.errors import InputError


def describe_parquet(
    engine: DuckDBEngine, files: Sequence[Path], place: str = ""
) -> tuple[dict[str, str], str]:
    """Return column -> type, and SQL of a row's number, from 1, over a numbered scan of the files.

    Parameters
    ----------
    engine : DuckDBEngine
    files : sequence of Path
    place : str
        What an error begins with.

    Raises
    ------
    InputError
        If they are no Parquet files, or their columns differ.
    """
    import duckdb

    try:
        described = engine.execute(f"DESCRIBE SELECT * FROM {parquet_scan(list(files))}").fetchall()
        return {name: sql_type for name, sql_type, *_ in described}, _row_number(engine, files)
    except duckdb.Error as error:
        raise InputError(
            f"{place}{files[0].name} is no Parquet file that can be read"
            f"{' together with the others' if len(files) > 1 else ''}.",
            fix="Write the file again; several files need the same columns.",
        ) from error


def _row_number(engine: DuckDBEngine, files: Sequence[Path]) -> str:
    """Number the rows of several files as if they stood in one."""
    if len(files) == 1:
        return "file_row_number + 1"
    cases, before = [], 0
    for file in files:
        cases.append(f"WHEN {literal(str(file))} THEN {before}")
        sql = f"SELECT num_rows FROM parquet_file_metadata({literal(str(file))})"
        before += engine.execute(sql).fetchone()[0]
    return f"file_row_number + 1 + CASE filename {' '.join(cases)} END"
