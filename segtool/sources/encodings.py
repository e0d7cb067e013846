"""Which encoding and which delimiter a text file has, found in a stated order and always told.

A byte order mark wins, then UTF-8 if every byte fits, then what the bytes look like. A reader that
guesses wrong turns names into noise without any error, so each step asks for evidence: single high
bytes between ASCII letters are Western European, pairs that form common Chinese characters are
GB18030 (which contains GBK and GB2312).
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import difflib
import io
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from segtool.errors import InputError

UNDECODABLE = "\ufdd0"  # a noncharacter of Unicode: stands where bytes could not be decoded
DELIMITERS = (",", ";", "\t", "|")
CHUNK_BYTES = 1 << 20
SAMPLE_BYTES = 1 << 18
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WIDER = {"gbk": "gb18030", "gb2312": "gb18030", "utf-8": "utf-8-sig", "ascii": "utf-8-sig"}
OTHERS = ["big5", "shift_jis", "euc_jp", "cp949", "cp1251", "koi8_r", "cp1252"]

codecs.register_error("segtool_mark", lambda error: (UNDECODABLE, error.end))


@dataclass(frozen=True)
class Encoding:
    """What was found.

    Attributes
    ----------
    name : str
        Codec that reads the file.
    how : str
        What made it so.
    damaged : bool
        Some bytes may not decode, or the file holds NUL characters: each line has to be looked at.
    """

    name: str
    how: str
    damaged: bool = False

    def __str__(self) -> str:
        return {"utf-8-sig": "UTF-8", "cp1252": "Windows-1252", "latin-1": "Latin-1"}.get(
            self.name, self.name.upper()
        )


def find_encoding(open_bytes: Callable[[], BinaryIO], declared: str | None = None) -> Encoding:
    """Find the encoding of a file.

    Parameters
    ----------
    open_bytes : callable
        Opens the file anew at its start.
    declared : str, optional
        What the user says; only checked for being a text encoding.

    Returns
    -------
    Encoding

    Raises
    ------
    InputError
        If ``declared`` is no encoding.

    Examples
    --------
    >>> print(find_encoding(lambda: io.BytesIO("用户,城市\\n".encode("gbk"))))
    GB18030
    >>> print(find_encoding(lambda: io.BytesIO("Müller,Zoë\\n".encode("latin-1"))))
    Windows-1252
    """
    if declared is not None:
        return Encoding(check_encoding(declared), "declared", damaged=True)
    with open_bytes() as file:
        start = file.read(4096)
    for mark, name in MARKS:
        if start.startswith(mark):
            return Encoding(name, "byte order mark", damaged=True)
    wide = _find_utf16(start)
    if wide:
        return Encoding(wide, "every other byte is NUL", damaged=True)
    fits, has_nul = _fits_utf8(open_bytes)
    if fits:
        return Encoding("utf-8-sig", "every byte fits", damaged=has_nul)
    return _guess(_sample_non_ascii(open_bytes))


def check_encoding(name: str) -> str:
    """Return the codec for a declared encoding, wide enough for its relatives.

    Examples
    --------
    >>> check_encoding("gbk")
    'gb18030'
    """
    try:
        found = codecs.lookup(name)
        if not getattr(found, "_is_text_encoding", True):
            raise LookupError(name)
    except (LookupError, TypeError, ValueError) as error:
        known = ["utf-8", "utf-16", "gbk", "gb18030", "big5", "latin-1", "cp1252", "shift_jis", "cp949"]
        near = difflib.get_close_matches(str(name).lower(), known, n=1)
        raise InputError(
            f"There is no encoding {name!r}{f'; did you mean {near[0]!r}?' if near else '.'}",
            f"{', '.join(known)} and Python's other text encodings.",
        ) from error
    return WIDER.get(found.name, found.name)


def _find_utf16(start: bytes) -> str | None:
    """Text in UTF-16 without a mark: delimiters, digits and newlines leave NULs on one side only."""
    if len(start) < 4:
        return None
    even, odd = start[0::2].count(0) / len(start[0::2]), start[1::2].count(0) / len(start[1::2])
    if max(even, odd) < 0.1 or min(even, odd) > 0.2 * max(even, odd):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _fits_utf8(open_bytes: Callable[[], BinaryIO]) -> tuple[bool, bool]:
    decoder, has_nul = codecs.getincrementaldecoder("utf-8")(), False
    with open_bytes() as file:
        try:
            while chunk := file.read(CHUNK_BYTES):
                has_nul = has_nul or b"\0" in chunk
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False, has_nul
    return True, has_nul


def _sample_non_ascii(open_bytes: Callable[[], BinaryIO]) -> bytes:
    """Collect lines that hold other than ASCII: the start of a file often tells nothing."""
    lines, size = [], 0
    with open_bytes() as file:
        for line in file:
            if not line.isascii():
                lines.append(line[:4096])
                size += len(lines[-1])
                if size > SAMPLE_BYTES:
                    break
    return b"".join(lines)


def _guess(sample: bytes) -> Encoding:
    bad, good = _count(sample, "utf-8")
    if good and bad <= 0.1 * good:
        return Encoding("utf-8-sig", "nearly every byte fits", damaged=True)
    runs = re.findall(rb"[\x80-\xff]+", sample)
    if sum(len(run) == 1 for run in runs) >= 0.8 * len(runs):
        return _western(sample, "single high bytes between ASCII")
    bad, good = _count(sample, "gb18030")
    if bad <= 0.05 * good and _share_common_chinese(sample) >= 0.7:
        return Encoding("gb18030", "common Chinese characters", damaged=True)
    return _ask_charset_normalizer(sample)


def _count(sample: bytes, encoding: str) -> tuple[int, int]:
    text = sample.decode(encoding, errors="segtool_mark")
    bad = text.count(UNDECODABLE)
    return bad, sum(character > "\x7f" for character in text) - bad


def _western(sample: bytes, how: str) -> Encoding:
    try:
        sample.decode("cp1252")
    except UnicodeDecodeError:
        return Encoding("latin-1", how)
    # A byte that Windows-1252 leaves undefined may still stand further down in the file.
    return Encoding("cp1252", how, damaged=True)


def _share_common_chinese(sample: bytes) -> float:
    """Share of decoded characters that GB2312 holds: 99.7 % of running Chinese text does."""
    text = [c for c in sample.decode("gb18030", errors="ignore") if c > "\x7f"]
    common = "".join(text).encode("gb2312", errors="ignore")
    return len(common) / 2 / len(text) if text else 0.0


def _ask_charset_normalizer(sample: bytes) -> Encoding:
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=[*OTHERS, "gb18030"]).best()
    if best is None:
        return _western(sample, "nothing else fits")
    return Encoding(check_encoding(best.encoding), "looks like it", damaged=True)


def find_delimiter(lines: list[str]) -> str:
    """Find the delimiter that splits the header, and most rows into as many fields as it.

    Parameters
    ----------
    lines : list of str
        The first lines of a file, header first.

    Returns
    -------
    str
        One of , ; tab | (a comma for a file of one column).

    Examples
    --------
    >>> find_delimiter(["id;price", "a;1,5", "b;2,25"])
    ';'
    """
    scores = {}
    for delimiter in DELIMITERS:
        # What is cut off at the end of the sample must not count, hence not strict.
        text = io.StringIO("".join(lines), newline="")
        rows = _cut(csv.reader(text, delimiter=delimiter))
        widths = Counter(len(row) for row in rows[1:])
        if rows and len(rows[0]) > 1:
            share = widths[len(rows[0])] / len(rows[1:]) if rows[1:] else 1.0
            scores[delimiter] = (round(share, 1), len(rows[0]))
    return max(scores, key=scores.__getitem__) if scores else ","


def _cut(reader) -> list[list[str]]:
    """Return the records until one has a field too long for the reader, as in JSON on one line."""
    rows: list[list[str]] = []
    with contextlib.suppress(csv.Error):
        rows.extend(row for row in reader if row)
    return rows
