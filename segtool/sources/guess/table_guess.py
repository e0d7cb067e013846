"""What a file is taken for, and its columns."""

from __future__ import annotations

from dataclasses import dataclass, field

from segtool.sources.guess.look import ColumnLook, TableLook


@dataclass(frozen=True)
class Match:
    """A column that plays a role, why, and which others could."""

    role: str
    column: ColumnLook
    score: float
    why: str
    others: tuple[str, ...] = ()


@dataclass
class TableGuess:
    """What a file is taken for.

    Attributes
    ----------
    matches : dict of str to Match
        By role.
    constants : dict of str to str
        Columns the file does not have, and the value every row gets.
    missing : list of str
        Required columns that were not found.
    reasons : list of str
        What spoke for the table.
    codebook : str
        Name of the file that explains its questions, if one is written.
    """

    table: str
    look: TableLook
    matches: dict[str, Match]
    score: float = 0.0
    constants: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    codebook: str = ""
