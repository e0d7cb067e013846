"""A strict pass over delimited text: every record is either returned whole or named with its fault.

DuckDB's own CSV reader loses rows it does not report (a reject table lists only the errors of columns
that were asked for, and with ``strict_mode=false`` surplus fields vanish), so records are cut here,
with the physical line of each. A block without any quote is mere splitting, which Arrow does at full
speed; one with quotes goes through Python's csv module in strict mode; only a block in which something
is odd is read record by record.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from segtool.sources.encodings import UNDECODABLE

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_LINES = 20_000
MAX_RECORD_LINES = 1_000  # an unclosed quote would otherwise swallow the file, again from each line
MAX_FIELD_CHARACTERS = 1 << 20
MAX_RAW_CHARACTERS = 2_000

TOO_FEW, TOO_MANY = "too few fields", "too many fields"
BROKEN_QUOTING, TOO_LONG = "broken quoting", "field too long"
BAD_BYTES, NUL = "undecodable bytes", "NUL character"


@dataclass
class Block:
    """Records of one stretch of a file.

    Attributes
    ----------
    numbers : sequence of int
        Physical line on which each record starts, the file's first line being 1.
    columns : sequence of sequences of str
        The records' fields, column by column.
    broken : list of (int, str, str)
        Line, reason and text of records that cannot be used.
    """

    numbers: Sequence[int] = ()
    columns: Sequence[Sequence[str] | pa.Array] = ()
    broken: list[tuple[int, str, str]] = field(default_factory=list)


class RecordReader:
    """Cuts lines into records.

    Parameters
    ----------
    lines : iterator of str
        Lines with their ends, as a file opened with ``newline=""`` gives them.
    delimiter : str
    look : bool
        Whether lines may hold undecodable bytes or NULs and have to be looked at one by one.

    Examples
    --------
    >>> reader = RecordReader(iter(["a,b\\n", '1,"x\\n', 'y"\\n', "2\\n"]), ",")
    >>> reader.read_header()
    ['a', 'b']
    >>> block = next(reader.blocks())
    >>> block.columns, block.numbers, block.broken
    ([('1',), ('x\\ny',)], [2], [(4, 'too few fields', '2')])
    """

    def __init__(self, lines: Iterator[str], delimiter: str, *, look: bool = True):
        self._lines = lines
        self._waiting: deque[str] = deque()  # lines taken back after a record turned out broken
        self._number = 0  # of the last line that was consumed
        self._format = {"delimiter": delimiter, "strict": True}
        self._look = look
        self._width = 0

    def read_header(self) -> list[str] | None:
        """Return the first record that is not blank; None if there is none.

        Raises
        ------
        csv.Error
            If its quoting is broken.
        """
        while True:
            used: list[str] = []
            row = next(csv.reader(self._feed(used), **self._format), None)
            self._number += len(used)
            if row is None or any(cell.strip() for cell in row):
                self._width = len(row or [])
                return row

    def read_headers(self, count: int) -> list[list[str]]:
        """Return the first records, all of which are header lines; the first says how wide a row is.

        Raises
        ------
        csv.Error
            If the quoting of one is broken.
        """
        first = self.read_header()
        headers = [first] if first else []
        while first and len(headers) < count:
            used: list[str] = []
            row = next(csv.reader(self._feed(used), **self._format), None)
            self._number += len(used)
            if row is None:
                break
            if row:
                headers.append(row)
        return headers

    def blocks(self) -> Iterator[Block]:
        """Return all records after the header, in blocks."""
        while lines := self._take(BLOCK_LINES):
            yield self._read_fast(lines) or self._read_carefully(lines)

    def _take(self, count: int) -> list[str]:
        waiting = [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]
        return waiting + list(islice(self._lines, count - len(waiting)))

    def _read_fast(self, lines: list[str]) -> Block | None:
        """Read a block in which each line is one good record; None if it is not so."""
        text = "".join(lines)
        if self._look and (UNDECODABLE in text or "\0" in text):
            return None
        # Arrow takes a blank line of a one-column file for a record.
        plain = '"' not in text and self._width > 1
        columns = self._split_plain(text) if plain else self._split_quoted(lines)
        if not columns or len(columns[0]) != len(lines):
            return None
        first = self._number + 1
        self._number += len(lines)
        return Block(range(first, first + len(lines)), columns)

    def _split_quoted(self, lines: list[str]) -> list[Sequence[str]] | None:
        try:
            rows = list(csv.reader(lines, **self._format))
        except csv.Error:
            return None
        if len(rows) != len(lines) or any(len(row) != self._width for row in rows):
            return None
        return list(zip(*rows, strict=True))

    def _split_plain(self, text: str) -> list[pa.Array] | None:
        """Split a text without quotes; None if a line has another number of fields."""
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        names = [f"c{i}" for i in range(self._width)]
        data = text.encode()
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(data),
                # One chunk, or a record could be judged across the edge of two.
                arrow_csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
                arrow_csv.ParseOptions(
                    delimiter=self._format["delimiter"], quote_char=False, ignore_empty_lines=False
                ),
                arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid:
            return None
        return [column.combine_chunks() for column in table.columns]

    def _read_carefully(self, lines: list[str]) -> Block:
        """Read record by record; a broken one costs its first line only, the rest is read again."""
        block, rows = Block(numbers=[]), []
        self._waiting.extendleft(reversed(lines))
        last = self._number + len(lines)
        while self._number < last:
            used: list[str] = []
            row, reason = self._next_record(used)
            if reason in (BROKEN_QUOTING, TOO_LONG) and len(used) > 1:
                self._waiting.extendleft(reversed(used[1:]))
                used = used[:1]
            number = self._number + 1
            self._number += len(used)
            if reason:
                block.broken.append((number, reason, _raw(used)))
            elif row:
                block.numbers.append(number)
                rows.append(row)
        block.columns = list(zip(*rows, strict=True))
        return block

    def _next_record(self, used: list[str]) -> tuple[list[str], str | None]:
        try:
            row = next(csv.reader(self._feed(used), **self._format))
        except csv.Error as error:
            return [], TOO_LONG if "field limit" in str(error) else BROKEN_QUOTING
        if row and len(row) != self._width and len(used) > 1:
            return [], BROKEN_QUOTING  # a quote left open joined two records into one
        return row, self._fault(row, used)

    def _fault(self, row: list[str], used: list[str]) -> str | None:
        if self._look and any(UNDECODABLE in line for line in used):
            return BAD_BYTES
        if self._look and any("\0" in line for line in used):
            return NUL
        if not row or len(row) == self._width:
            return None
        return TOO_FEW if len(row) < self._width else TOO_MANY

    def _feed(self, used: list[str]) -> Iterator[str]:
        while len(used) < MAX_RECORD_LINES:
            line = self._waiting.popleft() if self._waiting else next(self._lines, None)
            if line is None:
                return
            used.append(line)
            yield line


def _raw(lines: list[str]) -> str:
    text = "".join(lines).rstrip("\r\n").replace(UNDECODABLE, "\ufffd").replace("\0", "\u2400")
    return text if len(text) <= MAX_RAW_CHARACTERS else text[:MAX_RAW_CHARACTERS] + "…"
