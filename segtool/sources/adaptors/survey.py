"""A survey's export as its tool wrote it, and the table that is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from segtool.display import join_words
from segtool.errors import DefinitionError
from segtool.sources.adaptors.answers import read_answers
from segtool.sources.adaptors.base import Adapted, LeftOut, in_blocks
from segtool.sources.adaptors.batteries import level_batteries
from segtool.sources.adaptors.codebook import Codebook, Question
from segtool.sources.adaptors.kinds import complete
from segtool.sources.settings import TableSettings

MOST_SHOWN = 8
PERSONAL = "they name people; map one under columns to keep it"
PERSONAL_ONE = "it names people; map it under columns to keep it"


@dataclass
class Survey:
    """An export with its header lines read and gone.

    Attributes
    ----------
    columns : dict of str to list
        The file's columns by name, as text.
    numbers : list of int
        Physical number of each row.
    questions : list of Question
        What the file says of its questions; columns of none of them are kept as they stand.
    personal : list of str
        Columns that name people, and are not read unless a study maps them.
    unused : dict of str to str
        Further columns not read -> why.
    broken, left_out, notes, defaults, candidates, origin, delimiter
        See `Adapted`.
    """

    columns: dict[str, list[str | None]]
    numbers: list[int]
    questions: list[Question] = field(default_factory=list)
    personal: list[str] = field(default_factory=list)
    unused: dict[str, str] = field(default_factory=dict)
    broken: list[tuple[int, str, str]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    candidates: Mapping[str, list[str]] = field(default_factory=dict)
    origin: str = ""
    delimiter: str = ","

    def without_rows(self, unwanted: set[int], what: str, why: str) -> None:
        """Take rows (by position) out, and count them as left out."""
        if not unwanted:
            return
        keep = [i for i in range(len(self.numbers)) if i not in unwanted]
        self.columns = {name: [cells[i] for i in keep] for name, cells in self.columns.items()}
        self.numbers = [self.numbers[i] for i in keep]
        self.left_out.append(LeftOut(what, len(unwanted), why))

    def adapted(self, settings: TableSettings) -> Adapted:
        """Return the survey as the table of answers that segtool reads."""
        mapped = self._mapped(settings)
        said = Codebook.read(settings.codebook) if settings.codebook else Codebook()
        found = self._complete(said.over(self.questions))
        free = {q.id for q in self.questions if not q.values and q.kind == ""}
        free -= {q.id for q in said if q.values or q.kind}
        questions = level_batteries(found, free, self.columns)
        read = {source for question in questions for source in question.sources}
        gone = self._leave_out(mapped)
        made: dict[str, list[str | None]] = {
            name: cells
            for name, cells in self.columns.items()
            if (name in mapped) or (name not in read and name not in gone)
        }
        unmapped: dict[str, int] = {}
        for question in questions:
            answers = read_answers(question, self.columns)
            for name, cells in answers.columns.items():
                made[_free(name, made, mapped)] = cells
            if answers.unmapped:
                unmapped[question.id] = answers.unmapped.total()
        self._note_unmapped(unmapped)
        rows = zip(self.numbers, zip(*made.values(), strict=True), strict=True) if made else ()
        return Adapted(
            list(made),
            in_blocks(rows, len(made)),
            left_out=self.left_out,
            # A record that could not be cut into cells may hold anything, names too.
            broken=[(number, reason, "") for number, reason, _ in self.broken] if gone else self.broken,
            defaults=_only_there(self.defaults, made),
            candidates={role: _filled_first(names, made) for role, names in self.candidates.items()},
            codebook=Codebook(tuple(questions)),
            notes=self.notes,
            origin=self.origin,
            delimiter=self.delimiter,
        )

    def _mapped(self, settings: TableSettings) -> set[str]:
        """Return the columns that the study names itself."""
        said = {name.lower() for name in settings.columns.values()}
        return {name for name in self.columns if name.lower() in said}

    def _complete(self, book: Codebook) -> list[Question]:
        """Return the questions whose columns are there, each with its kind."""
        found, absent = [], []
        for question in book:
            there = {name: option for name, option in question.columns.items() if name in self.columns}
            if not there and question.id not in self.columns:
                absent.append(question.id)
                continue
            question = replace(question, columns=there)
            question = complete(question, self.columns[question.sources[0]])
            self._check_order(question)
            found.append(question)
        if absent:
            self.notes.append(f"the codebook has questions that the file has not: {_few(absent)}")
        return found

    def _check_order(self, question: Question) -> None:
        """Say when a scale has no order that is known; refuse to turn one round."""
        if question.kind != "scale" or question.values:
            return
        if question.reversed:
            raise DefinitionError(
                f"The codebook reverses {question.id!r}, whose answers have no order that is known.",
                "values, from low to high.",
                f"List the answers of {question.id!r} under values.",
            )
        self.notes.append(
            f"{question.id} has no score: list its answers in order, under values of the codebook"
        )

    def _leave_out(self, mapped: set[str]) -> set[str]:
        personal = [name for name in self.personal if name in self.columns and name not in mapped]
        if personal:
            why = PERSONAL_ONE if len(personal) == 1 else PERSONAL
            self.left_out.append(LeftOut(_columns(personal), len(personal), why))
        gone = set(personal)
        for why in dict.fromkeys(self.unused.values()):
            names = [n for n, w in self.unused.items() if w == why and n in self.columns and n not in mapped]
            if names:
                self.left_out.append(LeftOut(_columns(names), len(names), why))
            gone.update(names)
        return gone

    def _note_unmapped(self, unmapped: dict[str, int]) -> None:
        if not unmapped:
            return
        shown = _few([f"{name} ({n:,})" for name, n in unmapped.items()])
        self.notes.append(f'codes that the codebook does not know, read as "unmapped": {shown}')


def _free(name: str, taken: Mapping, mapped: set[str]) -> str:
    """Return a name that no column has; a mapped column keeps its own beside the question made of it."""
    unique, count = name, 2
    while unique in taken:
        unique, count = f"{name}_{count}", count + 1
    return unique


def _filled_first(names: list[str], columns: Mapping[str, list]) -> list[str]:
    """Return the names that are there, those of mostly empty columns last."""
    there = [name for name in names if name in columns]
    return sorted(there, key=lambda name: sum(map(bool, columns[name])) < 0.8 * len(columns[name]))


def _only_there(defaults: Mapping[str, Any], names: Mapping) -> dict[str, Any]:
    columns = {role: name for role, name in defaults.get("columns", {}).items() if name in names}
    return {**defaults, **({"columns": columns} if "columns" in defaults else {})}


def _columns(names: list[str]) -> str:
    return f"{'columns' if len(names) > 1 else 'column'} {_few(names)}"


def _few(names: list[str]) -> str:
    short = [name if len(name) <= 60 else f"{name[:57]}..." for name in names[:MOST_SHOWN]]
    more = len(names) - len(short)
    return f"{', '.join(short)} and {more} more" if more > 0 else join_words(short)
