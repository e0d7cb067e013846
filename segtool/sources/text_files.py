"""CSV and its relatives as text: encoding and delimiter found, records cut by a strict pass."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from segtool.engines import DuckDBEngine
from segtool.errors import InputError
from segtool.sources.delimited import MAX_FIELD_CHARACTERS, RecordReader
from segtool.sources.encodings import Encoding, find_delimiter, find_encoding
from segtool.sources.raw import Raw, clean_names, collect_text, stage
from segtool.sources.settings import TableSettings

SAMPLE_LINES = 200


def read_delimited(engine: DuckDBEngine, table: str, path: Path, settings: TableSettings) -> Raw:
    try:
        with open_records(path, settings) as (reader, encoding, delimiter):
            names, notes = _read_names(path, reader)
            broken: list[tuple[int, str, str]] = []
            data = collect_text(engine, table, _collect(reader, broken), len(names))
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(f"{table}: {path.name} is damaged or cut short.", fix="Fetch it again.") from error
    shown = {"\t": "tab"}.get(delimiter, repr(delimiter))
    raw = stage(engine, table, data, names, f"{path.name} ({encoding}, {shown})", notes)
    return replace(raw, broken=tuple(broken), delimiter=delimiter)


@contextmanager
def open_records(path: Path, settings: TableSettings) -> Iterator[tuple[RecordReader, Encoding, str]]:
    """Open a text file, find its encoding and delimiter, and give a reader of its records."""
    encoding = find_encoding(lambda: _open_bytes(path), settings.encoding)
    delimiter = settings.delimiter or find_delimiter(_first_lines(path, encoding))
    with _open_text(path, encoding) as lines, _long_fields():
        yield RecordReader(_without_hint(lines), delimiter, look=encoding.damaged), encoding, delimiter


def _open_bytes(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if zipped else path.open("rb")


def _open_text(path: Path, encoding: Encoding) -> io.TextIOWrapper:
    return io.TextIOWrapper(_open_bytes(path), encoding=encoding.name, errors="segtool_mark", newline="")


def _first_lines(path: Path, encoding: Encoding) -> list[str]:
    with _open_text(path, encoding) as lines:
        return list(itertools.islice(lines, SAMPLE_LINES))


def _without_hint(lines: Iterator[str]) -> Iterator[str]:
    """Blank out Excel's own first line ``sep=;``, which is no header; later lines keep their numbers."""
    for line in itertools.islice(lines, 1):
        line = line.lstrip("\ufeff")
        yield "\n" if line.lower().startswith("sep=") and len(line.rstrip()) <= 5 else line
    yield from lines


@contextmanager
def _long_fields():
    """Python's csv refuses fields above 128 kB; the limit is the whole process's, so it is put back."""
    before = csv.field_size_limit(MAX_FIELD_CHARACTERS)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _read_names(path: Path, reader: RecordReader) -> tuple[list[str], list[str]]:
    try:
        header = reader.read_header()
    except csv.Error as error:
        raise InputError(
            f"The header line of {path.name} has broken quoting.", "a line of column names."
        ) from error
    if not header:
        raise InputError(f"{path.name} is empty.", "a file with a header line.")
    return clean_names(header)


def _collect(reader: RecordReader, broken: list) -> Iterator[list[tuple]]:
    for block in reader.blocks():
        broken.extend(block.broken)
        if block.columns:
            yield [*block.columns, block.numbers]
