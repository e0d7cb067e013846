"""The beginning of a file, from which an adaptor tells its own."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from segtool.errors import InputError, SegtoolError
from segtool.sources.encodings import find_delimiter, find_encoding

START_BYTES = 1 << 18
MOST_ROWS = 12
OLD_STATA = range(104, 116)  # first byte of the .dta formats before 117


@dataclass(frozen=True)
class Head:
    """The beginning of a file.

    Attributes
    ----------
    path : Path
    kind : str
        "text", "excel", "zip", "parquet", "spss", "stata", "old excel", by the first bytes.
    start : bytes
        The first 256 kB, unpacked if the file is a .gz.
    encoding : str
        Of a text file, by its beginning.
    delimiter : str
        Of a text file.
    """

    path: Path
    kind: str
    start: bytes
    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str | None = None

    @cached_property
    def text(self) -> str:
        """The beginning of a text file without its byte order mark; "" for other kinds."""
        if self.kind != "text":
            return ""
        return self.start.decode(self.encoding, errors="replace").lstrip("\ufeff")

    @cached_property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The first records (12 at most) of a text file or a sheet, as cells; broken quoting ends them."""
        if self.kind == "excel":
            return self._sheet_rows()
        if self.kind != "text":
            return ()
        rows: list[tuple[str, ...]] = []
        try:
            for row in csv.reader(io.StringIO(self.text, newline=""), delimiter=self.delimiter):
                if row:
                    rows.append(tuple(row))
                if len(rows) == MOST_ROWS:
                    break
        except csv.Error:
            pass
        return tuple(rows)

    @property
    def names(self) -> tuple[str, ...]:
        """The first record's cells, trimmed."""
        return tuple(cell.strip(" \t\r\n\ufeff") for cell in self.rows[0]) if self.rows else ()

    def row(self, number: int) -> tuple[str, ...]:
        """Return the record of that number (the first is 0); () if there are fewer."""
        return self.rows[number] if number < len(self.rows) else ()

    def _sheet_rows(self) -> tuple[tuple[str, ...], ...]:
        from segtool.sources.excel import open_sheet

        try:
            with open_sheet(self.path, self.sheet) as (_, rows):
                return tuple(
                    tuple(cell or "" for cell in cells)
                    for (_, cells), _ in zip(rows, range(MOST_ROWS), strict=False)
                )
        except SegtoolError:
            return ()  # the reader says what is wrong with it


def look_at_head(path: Path, encoding: str | None = None, delimiter: str | None = None, sheet=None) -> Head:
    """Look at the beginning of a file.

    Raises
    ------
    InputError
        If it cannot be opened, or is empty.
    """
    try:
        with path.open("rb") as file:
            start = file.read(START_BYTES)
        if start.startswith(b"\x1f\x8b"):
            with gzip.open(path, "rb") as unpacked:
                start = unpacked.read(START_BYTES)
    except (EOFError, zlib.error) as error:
        raise InputError(f"{path.name} is damaged or cut short.", fix="Fetch it again.") from error
    except OSError as error:
        raise InputError(f"{path.name} cannot be opened: {error.strerror or 'it is damaged'}.") from error
    if not start:
        raise InputError(f"{path.name} is empty.", "a file with a header line.")
    kind = _kind(path, start)
    if kind != "text":
        return Head(path, kind, start, sheet=sheet)
    # A character may be cut at the end of what was read.
    found = find_encoding(lambda: io.BytesIO(_whole_lines(start)), encoding).name
    head = Head(path, kind, start, encoding=found)
    lines = io.StringIO(head.text, newline="").readlines()[:200]
    return Head(path, kind, start, found, delimiter or find_delimiter(lines))


def _whole_lines(start: bytes) -> bytes:
    cut = start.rfind(b"\n") if len(start) >= START_BYTES else -1
    return start[: cut + 1] if cut > 0 else start


def _kind(path: Path, start: bytes) -> str:
    """Tell a file by its first bytes: people name Excel files .csv."""
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(b"PK\x03\x04"):
        return "excel" if _is_workbook(path) else "zip"
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        return "old excel"
    if start.startswith((b"$FL2", b"$FL3")):
        return "spss"
    if start.startswith(b"<stata_dta>") or (
        len(start) > 3 and start[0] in OLD_STATA and start[1:4] in _STATA
    ):
        return "stata"
    return "text"


_STATA = (b"\x01\x01\x00", b"\x02\x01\x00")  # byte order, file type, unused


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as packed:
            return "[Content_Types].xml" in packed.namelist()
    except (zipfile.BadZipFile, OSError):
        return True  # the Excel reader says what is wrong with it
