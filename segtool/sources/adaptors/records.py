"""All records of one text file or sheet, with any number of header lines: surveys fit into memory."""

from __future__ import annotations

import csv
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from segtool.errors import InputError
from segtool.sources.adaptors.head import look_at_head
from segtool.sources.excel import open_sheet
from segtool.sources.settings import TableSettings
from segtool.sources.text_files import open_records


@dataclass
class Records:
    """A file cut into header lines and records.

    Attributes
    ----------
    headers : list of list of str
        Header lines, all as wide as the first.
    columns : list of list of (str or None)
        The records' cells, column by column; "" in text and None in sheets are empty cells.
    numbers : list of int
        Physical line (or sheet row) of each record.
    broken : list of (int, str, str)
        Records that could not be cut.
    origin, delimiter : str
    """

    headers: list[list[str]]
    columns: list[list[str | None]]
    numbers: list[int]
    broken: list[tuple[int, str, str]] = field(default_factory=list)
    origin: str = ""
    delimiter: str = ","


def read_records(path: Path, settings: TableSettings, headers: int = 1, what: str = "survey") -> Records:
    """Read all of a text file or a sheet.

    Parameters
    ----------
    path : Path
    settings : TableSettings
        encoding, delimiter and sheet count.
    headers : int
        How many header lines there are.
    what : str
        For messages.

    Raises
    ------
    InputError
        If it is no text or Excel file, is damaged, or has fewer lines than header lines.
    """
    kind = look_at_head(path, settings.encoding, settings.delimiter).kind
    if kind not in ("text", "excel"):
        found = {"zip": "a .zip file", "old excel": "an old Excel file", "parquet": "a Parquet file"}
        raise InputError(
            f"{path.name} is {found.get(kind, f'a file of {kind}')}.",
            f"CSV, TSV or .xlsx for a {what}.",
            "Unpack it." if kind == "zip" else "Save it as CSV.",
        )
    records = _read_sheet(path, settings, headers) if kind == "excel" else _read_text(path, settings, headers)
    if len(records.headers) < headers:
        raise InputError(
            f"{path.name} has {len(records.headers)} of the {headers} header lines of such an export.",
            fix='Export it again, or say format = "plain".',
        )
    width = len(records.headers[0])
    records.headers = [(row + [""] * width)[:width] for row in records.headers]
    return records


def _read_text(path: Path, settings: TableSettings, count: int) -> Records:
    try:
        with open_records(path, settings) as (reader, encoding, delimiter):
            headers = reader.read_headers(count)
            records = Records(headers, [[] for _ in (headers or [[]])[0]], [], delimiter=delimiter)
            for block in reader.blocks():
                records.broken.extend(block.broken)
                for column, cells in zip(records.columns, block.columns, strict=False):
                    column.extend(cells if isinstance(cells, tuple) else cells.to_pylist())
                records.numbers.extend(block.numbers)
    except csv.Error as error:
        raise InputError(f"A header line of {path.name} has broken quoting.", "column names.") from error
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(f"{path.name} is damaged or cut short.", fix="Fetch it again.") from error
    shown = {"\t": "tab"}.get(delimiter, repr(delimiter))
    records.origin = f"{path.name} ({encoding}, {shown})"
    return records


def _read_sheet(path: Path, settings: TableSettings, count: int) -> Records:
    with open_sheet(path, settings.sheet) as (title, rows):
        found = list(rows)
    headers = [[cell or "" for cell in cells] for _, cells in found[:count]]
    width = max(map(len, headers), default=0)  # a sheet's rows end at their last filled cell
    headers = [row + [""] * (width - len(row)) for row in headers]
    rest = found[count:]
    columns = [[cells[i] if i < len(cells) else None for _, cells in rest] for i in range(width)]
    return Records(headers, columns, [number for number, _ in rest], origin=f"{path.name} (sheet {title})")
