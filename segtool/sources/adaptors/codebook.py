"""A codebook: what the questions of a survey are, and what their codes mean.

An analyst edits it as a CSV file, one question a line::

    id,text,kind,values,reversed,missing,separator,columns
    Q1,How old are you?,single,1=under 25|2=25 to 44|3=45 or more,,-99=not answered,,
    Q2,I follow trends.,scale,1=disagree|2=neither|3=agree,yes,,,
    Q3,What do you like?,multi,,,,,Q3_1=music|Q3_2=sport

``values`` are all there are: any other code becomes "unmapped" and is counted. Without values, cells
stand as they are. A value without "=" is its own code. A backslash goes before a "|", "=" or "\\" that
belongs to a word.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from segtool.display import join_words
from segtool.errors import DefinitionError, did_you_mean
from segtool.sources.adaptors.records import Records, read_records
from segtool.sources.settings import TableSettings

KINDS = ("single", "multi", "scale", "number", "text")
FIELDS = ("id", "text", "kind", "values", "reversed", "missing", "separator", "columns")
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
YES, NO = frozenset(["yes", "y", "true", "1", "x", "是"]), frozenset(["", "no", "n", "false", "0", "否"])


@dataclass(frozen=True)
class Question:
    """One question of a survey.

    Attributes
    ----------
    id : str
        The column it becomes.
    text : str
    kind : str
        "single", "multi" (several answers), "scale" (ordered), "number" or "text"; "" is found out.
    values : mapping of str to str
        Code in the file -> answer, in order; empty if any answer is possible.
    reversed : bool
        A scale whose high end means little of what the others measure: its score is turned round.
    missing : mapping of str to str
        Code in the file -> why there is no answer.
    separator : str
        What stands between several answers in one cell of the file.
    columns : mapping of str to str
        Column of the file -> the answer it stands for, for several answers in several columns; else
        the one column, under its own name if empty.
    """

    id: str
    text: str = ""
    kind: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    reversed: bool = False
    missing: Mapping[str, str] = field(default_factory=dict)
    separator: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def sources(self) -> tuple[str, ...]:
        """Columns of the file that it is read from."""
        return tuple(self.columns) or (self.id,)


@dataclass(frozen=True)
class Codebook:
    """All questions of a survey.

    Examples
    --------
    >>> book = Codebook((Question("Q2", "I follow trends.", "scale", {"1": "no", "2": "yes"}),))
    >>> print(book.to_csv())
    id,text,kind,values,reversed,missing,separator,columns
    Q2,I follow trends.,scale,1=no|2=yes,,,,
    <BLANKLINE>
    >>> Codebook.from_rows(csv.DictReader(io.StringIO(book.to_csv()))) == book
    True
    """

    questions: tuple[Question, ...] = ()

    def __iter__(self):
        return iter(self.questions)

    def get(self, name: str) -> Question | None:
        """Return the question of that id."""
        return next((question for question in self.questions if question.id == name), None)

    def over(self, drafts: Iterable[Question]) -> Codebook:
        """Return drafts of a file's questions as this codebook has them; what it adds comes last."""
        known = {question.id: question for question in self.questions}
        drafts = list(drafts)
        made = [_over(known.get(draft.id), draft) for draft in drafts]
        there = {draft.id for draft in drafts}
        return Codebook((*made, *(question for question in self.questions if question.id not in there)))

    def to_csv(self) -> str:
        """Return the file that an analyst edits."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(FIELDS)
        for q in self.questions:
            turned = "yes" if q.reversed else ""
            values, missing, columns = (_guard(_pack(p), "|") for p in (q.values, q.missing, q.columns))
            name, text = _guard(q.id, " "), _guard(re.sub(r"\s+", " ", q.text).strip(), " ")
            writer.writerow([name, text, q.kind, values, turned, missing, q.separator, columns])
        return out.getvalue()

    @classmethod
    def read(cls, path: str | Path) -> Codebook:
        """Read a codebook's file (CSV in any encoding, or Excel).

        Raises
        ------
        InputError
            If there is no such file.
        DefinitionError
            If a line of it cannot be understood; names the line.
        """
        records = read_records(Path(path), TableSettings(path=str(path)), what="codebook")
        if records.broken:
            number, reason, _ = records.broken[0]
            raise DefinitionError(f"{Path(path).name}, line {number}: {reason}.", fix="Mend that line.")
        return cls.from_rows(_as_dicts(records), Path(path).name, records.numbers)

    @classmethod
    def from_rows(
        cls, rows: Iterable[Mapping[str, str]], name: str = "codebook", numbers: Iterable[int] = ()
    ) -> Codebook:
        """Return a codebook from rows of `FIELDS`; those but ``id`` may be absent.

        Raises
        ------
        DefinitionError
            If a row cannot be understood.
        """
        numbers = iter(numbers)
        questions: dict[str, Question] = {}
        for place, row in enumerate(rows, start=2):
            where = f"{name}, line {next(numbers, place)}"
            question = _read_question(row, where)
            if question is None:
                continue
            if question.id in questions:
                raise DefinitionError(
                    f"{where}: question {question.id!r} is there twice.", fix="Join the two."
                )
            questions[question.id] = question
        return cls(tuple(questions.values()))


def _as_dicts(records: Records) -> list[dict[str, str]]:
    names = [cell.strip().lower() for cell in records.headers[0]]
    unknown = [name for name in names if name and name not in FIELDS]
    if "id" not in names or unknown:
        found = f"a column {unknown[0]!r}" if unknown else "no column 'id'"
        raise DefinitionError(f"The codebook has {found}.", f"the columns {join_words(list(FIELDS))}.")
    return [dict(zip(names, row, strict=False)) for row in zip(*records.columns, strict=True)]


def _read_question(row: Mapping[str, str | None], where: str) -> Question | None:
    said = {name: (row.get(name) or "").strip() for name in FIELDS}
    if not any(said.values()):
        return None
    if not said["id"]:
        raise DefinitionError(f"{where}: a question has no id.", fix="Name the column it is.")
    kind = said["kind"].lower()
    if kind and kind not in KINDS:
        raise DefinitionError(f"{where}: there is no kind {kind!r}.", did_you_mean(kind, KINDS))
    turned = said["reversed"].lower()
    if turned not in YES and turned not in NO:
        raise DefinitionError(f"{where}: reversed is neither yes nor no.", "yes, or nothing.")
    values, missing, columns = (_unpack(said[name], where) for name in ("values", "missing", "columns"))
    missing = {code: reason or f"declared missing ({code})" for code, reason in missing.items()}
    if turned in YES and kind != "scale":
        raise DefinitionError(
            f"{where}: only a scale can be reversed.", 'kind "scale", with values in order.'
        )
    return Question(
        *(said["id"], said["text"], kind, values, turned in YES, missing, row.get("separator") or "", columns)
    )


def _over(said: Question | None, draft: Question) -> Question:
    """Return what the analyst says of a question, over what its file says."""
    if said is None:
        return draft
    return replace(
        said,
        text=said.text or draft.text,
        kind=said.kind or draft.kind,
        values=said.values or draft.values,
        missing={**draft.missing, **said.missing},
        separator=said.separator or draft.separator,
        columns=said.columns or draft.columns,
    )


def _pack(words: Mapping[str, str]) -> str:
    def escaped(word: str) -> str:
        return re.sub(r"([\\|=])", r"\\\1", word)

    return "|".join(
        escaped(code) if code == label else f"{escaped(code)}={escaped(label)}"
        for code, label in words.items()
    )


def _guard(cell: str, mark: str) -> str:
    """Put a mark that reading takes off before what a spreadsheet takes for a formula, as "-99=refused"."""
    return mark + cell if cell.startswith(FORMULA) else cell


def _unpack(cell: str, where: str) -> dict[str, str]:
    """Return "1=a|2=b" as {"1": "a", "2": "b"}."""
    words: dict[str, str] = {}
    for item in _split(cell, "|"):
        parts = [re.sub(r"\\(.)", r"\1", part).strip() for part in _split(item, "=")]
        code, label = parts[0], "=".join(parts[1:]) if len(parts) > 1 else parts[0]
        if not code and not label:
            continue
        if code in words:
            raise DefinitionError(f"{where}: the code {code!r} is there twice.", fix="Give each code once.")
        words[code] = label
    return words


def _split(text: str, mark: str) -> list[str]:
    """Split at a mark that no backslash stands before."""
    return re.findall(rf"(?:^|{re.escape(mark)})((?:\\.|[^\\{re.escape(mark)}]|\\$)*)", text, re.DOTALL)
