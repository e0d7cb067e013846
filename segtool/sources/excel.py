"""Excel sheets as text."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from segtool.engines import DuckDBEngine
from segtool.errors import InputError, did_you_mean, require
from segtool.sources.raw import Raw, clean_names, collect_text, stage
from segtool.sources.settings import TableSettings

BATCH_ROWS = 5_000


def read_excel(engine: DuckDBEngine, table: str, path: Path, settings: TableSettings) -> Raw:
    with open_sheet(path, settings.sheet) as (title, rows):
        _, header = next(rows, (0, []))
        names, notes = clean_names([cell or "" for cell in header])
        if not names:
            raise InputError(f"The sheet {title!r} of {path.name} is empty.", "a header row.")
        data = collect_text(engine, table, _excel_blocks(rows, len(names)), len(names))
    return stage(engine, table, data, names, f"{path.name} (sheet {title})", notes)


@contextmanager
def open_sheet(path: Path, sheet: str | None) -> Iterator[tuple[str, Iterator[tuple[int, list[str | None]]]]]:
    """Open a sheet (the first by default) and give its title and its rows that are not blank.

    Rows are (number in the sheet, cells as text); empty cells at the end are cut off.

    Raises
    ------
    InputError
        If there is no such sheet, or the file is no Excel file.
    """
    openpyxl = require("openpyxl", "read", f"Reading {path.name}")
    with path.open("rb") as file:  # an open file, since openpyxl judges a path by its ending
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        except Exception as error:  # openpyxl raises whatever its XML and zip readers meet
            raise InputError(
                f"{path.name} is no Excel file that can be read.", fix="Save it again."
            ) from error
        try:
            found = _find_sheet(book, path, sheet)
            numbered = enumerate(found.iter_rows(values_only=True), start=1)
            filled = ((number, row) for number, row in numbered if any(map(_filled, row)))
            yield (
                found.title,
                ((number, [_cell_to_text(cell) for cell in _cut(row)]) for number, row in filled),
            )
        finally:
            book.close()


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


def _excel_blocks(rows: Iterator[tuple[int, list]], width: int) -> Iterator[list]:
    while block := list(itertools.islice(rows, BATCH_ROWS)):
        texts = [row[:width] + [None] * (width - len(row)) for _, row in block]
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
