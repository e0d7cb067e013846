"""Excel sheets as text."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from segtool.engines import DuckDBEngine
from segtool.errors import InputError, did_you_mean, require
from segtool.sources.raw import Raw, clean_names, collect_text, stage
from segtool.sources.settings import TableSettings

BATCH_ROWS = 5_000


def read_excel(engine: DuckDBEngine, table: str, path: Path, settings: TableSettings) -> Raw:
    openpyxl = require("openpyxl", "read", f"Reading {path.name}")
    with path.open("rb") as file:  # an open file, since openpyxl judges a path by its ending
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        except Exception as error:  # openpyxl raises whatever its XML and zip readers meet
            raise InputError(
                f"{path.name} is no Excel file that can be read.", fix="Save it again."
            ) from error
        try:
            return _read_sheet(engine, table, path, _find_sheet(book, path, settings.sheet))
        finally:
            book.close()


def _read_sheet(engine: DuckDBEngine, table: str, path: Path, sheet) -> Raw:
    numbered = enumerate(sheet.iter_rows(values_only=True), start=1)
    rows = ((number, row) for number, row in numbered if any(map(_filled, row)))
    _, header = next(rows, (0, ()))
    names, notes = clean_names([_cell_to_text(cell) or "" for cell in _cut(header)])
    if not names:
        raise InputError(f"The sheet {sheet.title!r} of {path.name} is empty.", "a header row.")
    data = collect_text(engine, table, _excel_blocks(rows, len(names)), len(names))
    return stage(engine, table, data, names, f"{path.name} (sheet {sheet.title})", notes)


def _find_sheet(book, path: Path, name: str | None):
    if name is None:
        return book.worksheets[0]
    if name not in book.sheetnames:
        raise InputError(f"{path.name} has no sheet {name!r}.", did_you_mean(name, book.sheetnames))
    return book[name]


def _filled(cell: Any) -> bool:
    return cell is not None and cell != ""


def _cut(row: tuple) -> list:
    """Drop empty cells at the end of a row: sheets remember columns that were once filled."""
    filled = [position for position, cell in enumerate(row) if _filled(cell)]
    return list(row[: filled[-1] + 1]) if filled else []


def _excel_blocks(rows: Iterator[tuple[int, tuple]], width: int) -> Iterator[list]:
    while block := list(itertools.islice(rows, BATCH_ROWS)):
        texts = [
            [_cell_to_text(cell) for cell in row[:width]] + [None] * (width - len(row)) for _, row in block
        ]
        yield [*zip(*texts, strict=True), [number for number, _ in block]]


def _cell_to_text(cell: Any) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ")
    return str(cell)
