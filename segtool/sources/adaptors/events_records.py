"""JSON records out of files: one to a line, or one array, plain, with gzip, or packed into a zip.

Python only cuts the text into records, each with its number; taking them apart is left to the engine,
which does it a hundred times faster.
"""

from __future__ import annotations

import codecs
import gzip
import io
import itertools
import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from segtool.engines import DuckDBEngine, quote
from segtool.errors import InputError
from segtool.sources.adaptors.base import BLOCK_ROWS, LeftOut
from segtool.sources.adaptors.head import Head
from segtool.sources.delimited import BAD_BYTES, MAX_RAW_CHARACTERS
from segtool.sources.encodings import UNDECODABLE, check_encoding
from segtool.sources.raw import ROW, collect_text

BROKEN_JSON = "broken JSON"
NO_RECORD = "not a JSON object"
SPACE = " \t\r\n"
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError)
# What zipfile raises of a part with a password, and of a compression it does not know.
LOCKED = (RuntimeError, NotImplementedError)


@dataclass
class Records:
    """JSON objects in the engine.

    Attributes
    ----------
    relation : str
        What stands after FROM: columns ``doc`` (text) and ``segtool row``.
    broken : list of (int, str, str)
        Records that are none.
    left_out : list of LeftOut
    made : list of str
        Tables to drop when done.
    """

    relation: str
    broken: list[tuple[int, str, str]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    made: list[str] = field(default_factory=list)

    def drop(self, engine: DuckDBEngine) -> None:
        """Free what the records took."""
        for name in self.made:
            engine.drop(name)
            (engine.temp_directory / f"raw_{name}.parquet").unlink(missing_ok=True)


def stage_records(
    engine: DuckDBEngine, table: str, files: Sequence[Path], encoding: str | None = None
) -> Records:
    """Copy the records of files into the engine, numbered as if they stood in one file.

    Parameters
    ----------
    engine : DuckDBEngine
    table : str
        Names the staged records.
    files : sequence of Path
        A record to a line (numbered by its line), or JSON arrays (numbered by position); ``.gz`` and
        ``.zip`` too.
    encoding : str, optional
        UTF-8 by default, UTF-16 by its mark.

    Raises
    ------
    InputError
        If a file is damaged, or an array breaks off.
    """
    found = Records("")
    texts = _Texts(files, encoding, found)
    return judge_texts(engine, table, texts.blocks(), found)


def judge_texts(engine: DuckDBEngine, table: str, blocks: Iterator[list], found: Records) -> Records:
    """Copy texts into the engine and set aside those that are no JSON objects."""
    name = f"records_{table}"
    engine.register(name, collect_text(engine, name, blocks, 1))
    found.made.append(name)
    kind = "CASE WHEN json_valid(c0) THEN coalesce(json_type(c0) = 'OBJECT', FALSE) END"
    wrong = engine.execute(
        f"SELECT {quote(ROW)}, {kind} IS NULL, left(c0, {MAX_RAW_CHARACTERS}) "
        f"FROM {quote(name)} WHERE NOT coalesce({kind}, FALSE) ORDER BY 1"
    ).fetchall()
    found.broken += [(row, BROKEN_JSON if no_json else NO_RECORD, raw) for row, no_json, raw in wrong]
    good = f" WHERE coalesce({kind}, FALSE)" if wrong else ""
    found.relation = f"(SELECT c0 AS doc, {quote(ROW)} FROM {quote(name)}{good})"
    return found


class _Texts:
    """The texts of records, over all files."""

    def __init__(self, files: Sequence[Path], encoding: str | None, found: Records):
        self.files, self.found = files, found
        self.encoding = check_encoding(encoding) if encoding else None
        self.before = 0  # lines or positions of the parts already read

    def blocks(self) -> Iterator[list]:
        texts: list[str] = []
        numbers: list[int] = []
        for number, text in self.numbered():
            if UNDECODABLE in text:
                self.found.broken.append((number, BAD_BYTES, text[:MAX_RAW_CHARACTERS]))
                continue
            texts.append(text)
            numbers.append(number)
            if len(texts) >= BLOCK_ROWS:
                yield [texts, numbers]
                texts, numbers = [], []
        if texts:
            yield [texts, numbers]

    def numbered(self) -> Iterator[tuple[int, str]]:
        for path in self.files:
            with readable(path):
                for stream in open_parts(path, self.found.left_out):
                    last = 0
                    for last, text in _cut(stream, self.encoding, path.name):
                        if text:
                            yield self.before + last, text
                    self.before += last


@contextmanager
def readable(path: Path):
    """Turn what gzip, zip and the disk may raise into one message."""
    try:
        yield
    except InputError:
        raise
    except LOCKED as error:
        raise InputError(
            f"{path.name} is packed with a password or in a way that cannot be read.", fix="Unpack it first."
        ) from error
    except DAMAGED as error:
        raise InputError(f"{path.name} is damaged or cut short.", fix="Fetch it again.") from error


def open_parts(path: Path, left_out: list[LeftOut]) -> Iterator[BinaryIO]:
    """Return the unpacked streams of a file: one, or one for each JSON file in a zip, sorted by name."""
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if not start.startswith(b"PK"):
            yield unpacked(file, start)
            return
        with zipfile.ZipFile(file) as packed:
            names = sorted(name for name in packed.namelist() if not name.endswith("/"))
            wanted = [name for name in names if is_json_name(name)]
            if len(wanted) < len(names):
                left_out.append(
                    LeftOut("other files in the zip", len(names) - len(wanted), "they are not JSON")
                )
            if not wanted:
                raise InputError(f"{path.name} holds no JSON.", ".json, .jsonl and .json.gz files in a zip.")
            for name in wanted:
                with packed.open(name) as member:
                    begin = member.peek(4) if hasattr(member, "peek") else b""
                    yield unpacked(member, begin)


def is_json_name(name: str) -> bool:
    """Return whether a file in a zip is one of records; what macOS adds is not."""
    plain = name.lower().removesuffix(".gz")
    return plain.endswith((".json", ".jsonl", ".ndjson")) and not name.startswith("__MACOSX/")


def unpacked(file: BinaryIO, start: bytes) -> BinaryIO:
    """Return a stream, unpacked if it begins as gzip does."""
    return gzip.GzipFile(fileobj=file) if start.startswith(b"\x1f\x8b") else file


def _cut(stream: BinaryIO, encoding: str | None, name: str) -> Iterator[tuple[int, str]]:
    """Return number and text of each record; blank lines keep their numbers and give ""."""
    buffered = io.BufferedReader(stream)  # type: ignore[arg-type]
    encoding = encoding or encoding_of(buffered.peek(4))
    with io.TextIOWrapper(buffered, encoding=encoding, errors="segtool_mark", newline="\n") as lines:
        begun: list[str] = []
        for line in lines:
            begun.append(line)
            if line.strip(SPACE + "\ufeff"):
                break
        first = begun[-1].strip(SPACE + "\ufeff") if begun else ""
        if first.startswith("[") or first == "{":
            yield from _documents("".join([*begun, lines.read()]).lstrip("\ufeff"), name)
            return
        for number, line in enumerate(itertools.chain(begun, lines), start=1):
            yield number, line.strip(SPACE + "\ufeff")


def encoding_of(start: bytes) -> str:
    """Return UTF-16 if the mark says so, else UTF-8."""
    return "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


def _documents(text: str, name: str) -> Iterator[tuple[int, str]]:
    """Return position and text of the elements of a JSON array, or of documents one after the other."""
    decoder, at, number = json.JSONDecoder(), _skip(text, 0), 0
    in_array = text.startswith("[", at)
    at = _skip(text, at + in_array)
    while at < len(text):
        if in_array and text[at] == "]":
            break
        end = _end_of_value(decoder, text, at, name)
        number += 1
        yield number, text[at:end]
        at = _skip(text, end)
        if in_array and text.startswith(",", at):
            at = _skip(text, at + 1)
        elif in_array and not text.startswith("]", at):
            raise _breaks_off(text, at, name)
    if in_array and (at >= len(text) or _skip(text, at + 1) < len(text)):
        raise _breaks_off(text, at, name)


def _end_of_value(decoder: json.JSONDecoder, text: str, at: int, name: str) -> int:
    try:
        return decoder.raw_decode(text, at)[1]
    except (ValueError, RecursionError) as error:  # numbers of 5,000 digits are a ValueError too
        raise _breaks_off(text, getattr(error, "pos", at), name) from error


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in SPACE:
        at += 1
    return at


def _breaks_off(text: str, at: int, name: str) -> InputError:
    line = text.count("\n", 0, at) + 1
    return InputError(
        f"{name} is no JSON from line {line:,} on: it breaks off, or something stands between the records.",
        "one JSON object to a line, or one array of objects.",
        "Export it again.",
    )


def first_record(head: Head) -> dict[str, Any]:
    """Return the first JSON object of a file's beginning, {} if there is none."""
    text = head.text if head.kind == "text" else _start_in_zip(head)
    text = text.lstrip(SPACE + "\ufeff").removeprefix("[").lstrip(SPACE)
    if not text.startswith("{"):
        return {}
    try:
        found, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _start_in_zip(head: Head) -> str:
    if head.kind != "zip":
        return ""
    try:
        for stream in open_parts(head.path, []):
            start = stream.read(1 << 16)
            return start.decode(encoding_of(start), errors="replace")
    except (InputError, *DAMAGED, *LOCKED):
        return ""  # the reader says what is wrong with it
    return ""
