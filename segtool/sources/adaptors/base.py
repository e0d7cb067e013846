"""What an import adaptor is: it knows the export of one tool, and says what it leaves out.

An adaptor turns a file into text cells under column names, each row with its physical number. Nothing is
typed or judged by it: its rows go the way of any other table (`segtool.sources.quarantine`), so that
read = kept + rejected + duplicates + after as_of holds for them too. What is no record at all (header
lines, previews, system lines) is not among the rows, and is counted as left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from segtool.engines import DuckDBEngine
    from segtool.sources.adaptors.head import Head
    from segtool.sources.settings import TableSettings

Certainty = Literal["sure", "maybe"] | None
BLOCK_ROWS = 20_000


@dataclass(frozen=True)
class LeftOut:
    """Something of a file that is not among the rows.

    Attributes
    ----------
    what : str
        "header lines", "preview answers", "columns IPAddress, RecipientEmail", ...
    n : int
        How many.
    why : str
    """

    what: str
    n: int
    why: str


@dataclass
class Adapted:
    """A file as an adaptor understands it.

    Attributes
    ----------
    names : list of str
        Columns, in order.
    data : iterable of list, or pyarrow.Table
        Blocks of ``len(names) + 1`` equally long sequences: the columns' cells as str or None, then the
        rows' physical numbers; see `in_blocks`. Or an Arrow table with just these columns under
        positional names ``c0``, ``c1``, ... and `segtool.sources.raw.ROW`.
    left_out : list of LeftOut
        May grow until ``data`` is consumed.
    broken : list of (int, str, str)
        Number, reason and text of records that were no records; they count as read and rejected. May
        grow until ``data`` is consumed.
    defaults : mapping
        Fields of `TableSettings` (columns, values, constants, timezone, time_format, drop) that hold
        where the study says nothing. What a study says always wins.
    candidates : mapping of str to list of str
        Column of the table -> names in ``names`` that could be it, best first, where the choice is the
        analyst's: ``segtool init`` and errors suggest the first that is filled.
    codebook : Codebook or None
        What the questions of a survey are, to be edited by the analyst.
    notes : list of str
        What was found on the way and may matter. May grow until ``data`` is consumed.
    origin : str
        For people: the file, the tool it comes from.
    delimiter : str
        In which rejected rows are shown.
    repeats : int
        Records that say again what an earlier one said, by an id the tool gives them. They are not among
        the rows, and count as read and as duplicates.
    late_days : int
        For how many days after its time a record may still arrive in the tool's export.
    """

    names: list[str]
    data: Iterable[list] | pa.Table
    left_out: list[LeftOut] = field(default_factory=list)
    broken: list[tuple[int, str, str]] = field(default_factory=list)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    candidates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    codebook: Any = None
    notes: list[str] = field(default_factory=list)
    origin: str = ""
    delimiter: str = ","
    repeats: int = 0
    late_days: int = 0


class Adaptor(Protocol):
    """Reads the export of one tool.

    Attributes
    ----------
    name : str
        What ``format`` says in a study: "qualtrics".
    title : str
        For people: "Qualtrics".
    table : str
        The table of segtool that its rows are.
    also : tuple of str
        Further tables a study may read with it, by saying the format.
    """

    name: str
    title: str
    table: str
    also: tuple[str, ...]

    def recognise(self, head: Head) -> Certainty:
        """Return whether a file begins like this tool's: "sure" only if nothing else could.

        A "sure" file is read so even where no format is said (and a note says it was); for "maybe",
        ``segtool init`` writes the format with a comment.
        """
        ...

    def read(self, files: Sequence[Path], settings: TableSettings, engine: DuckDBEngine) -> Adapted:
        """Read files (mostly one).

        Raises
        ------
        InputError
            If they are not what the format says.
        """
        ...


def in_blocks(rows: Iterable[tuple[int, Sequence[str | None]]], width: int) -> Iterator[list]:
    """Return rows (number, cells) as the blocks that `Adapted.data` wants; short rows are filled up.

    Examples
    --------
    >>> list(in_blocks([(2, ["a", "b"]), (3, ["c"])], 2))
    [[('a', 'c'), ('b', None), (2, 3)]]
    """
    held: list[tuple] = []
    for number, cells in rows:
        held.append((*cells[:width], *[None] * (width - len(cells)), number))
        if len(held) >= BLOCK_ROWS:
            yield list(zip(*held, strict=True))
            held = []
    if held:
        yield list(zip(*held, strict=True))
