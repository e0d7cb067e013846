"""Questions as columns: codes become answers, several columns one, and nothing unknown becomes nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from segtool.sources.adaptors.codebook import Question
from segtool.sources.adaptors.kinds import NUMBER, half_width, plain_code, split_cell
from segtool.sources.adaptors.likert import number_in

SEPARATOR = "|"  # between several answers in one cell, whatever the file has
UNMAPPED = "unmapped"
NONE_CHOSEN, NO_NUMBER = "none chosen", "not a number"
NOT_CHOSEN = frozenset(
    [
        "0",
        "n",
        "no",
        "false",
        "nein",
        "non",
        "否",
        "未选",
        "未选中",
        "not selected",
        "not checked",
        "unchecked",
    ]
)
CHOSEN = frozenset(["1", "y", "yes", "true", "x", "ja", "oui", "是", "√", "selected", "checked", "quoted"])

Cells = list[str | None]


@dataclass
class Answers:
    """What became of one question.

    Attributes
    ----------
    columns : dict of str to list
        The question under its id, and what goes with it: ``_code`` (as in the file), ``_score`` (the place
        on a scale, reversed where the codebook says so), ``_missing`` (why there is no answer), ``_other``
        (what was written beside a choice).
    unmapped : Counter
        Code the codebook does not know -> cells.
    """

    columns: dict[str, Cells] = field(default_factory=dict)
    unmapped: Counter = field(default_factory=Counter)


def read_answers(question: Question, columns: Mapping[str, Sequence[str | None]]) -> Answers:
    """Return the columns that a question becomes.

    Parameters
    ----------
    question : Question
        Complete: with its kind.
    columns : mapping of str to sequence
        The file's columns, by name, as text.

    Examples
    --------
    >>> question = Question("Q1", kind="single", values={"1": "yes", "2": "no"}, missing={"-99": "not answered"})
    >>> read_answers(question, {"Q1": ["1", "7", "-99", ""]}).columns
    ... # doctest: +NORMALIZE_WHITESPACE
    {'Q1': ['yes', 'unmapped', None, None], 'Q1_code': ['1', '7', '-99', None],
     'Q1_missing': [None, None, 'not answered', None]}
    """
    if question.kind == "multi" and question.columns and not question.separator:
        return _several_columns(question, columns)
    cells = [_clean(cell) for cell in columns[question.sources[0]]]
    missing = {plain_code(code): reason for code, reason in question.missing.items()}
    found = {cell: missing.get(plain_code(cell)) for cell in set(cells) if cell is not None}
    reasons: Cells = [None if cell is None else found[cell] for cell in cells]
    said = [None if reason else cell for cell, reason in zip(cells, reasons, strict=True)]
    answers = _READERS[question.kind](question, said, reasons)
    if question.kind != "multi" and (_is_coded(question) or answers.unmapped):
        answers.columns[f"{question.id}_code"] = cells
    if any(reasons):
        answers.columns[f"{question.id}_missing"] = reasons
    return answers


def _text(question: Question, said: Cells, reasons: Cells) -> Answers:
    return Answers({question.id: said})


def _number(question: Question, said: Cells, reasons: Cells) -> Answers:
    """What is no number is not kept as one, and says so."""
    good = [cell if cell and NUMBER.fullmatch(half_width(cell)) else None for cell in said]
    for i, (cell, kept) in enumerate(zip(said, good, strict=True)):
        if cell is not None and kept is None:
            reasons[i] = NO_NUMBER
    return Answers({question.id: [half_width(cell) if cell else None for cell in good]})


def _single(question: Question, said: Cells, reasons: Cells) -> Answers:
    if not question.values:
        return Answers({question.id: said})
    answers = Answers()
    look_up = _look_up(question.values)
    labels = {cell: look_up.get(plain_code(cell), UNMAPPED) for cell in set(said) if cell is not None}
    answers.unmapped = Counter(cell for cell in said if cell is not None and labels[cell] == UNMAPPED)
    answers.columns[question.id] = [None if cell is None else labels[cell] for cell in said]
    return answers


def _scale(question: Question, said: Cells, reasons: Cells) -> Answers:
    answers = _single(question, said, reasons)
    scores = score_values(question)
    if scores and (question.reversed or list(question.values.values()) != list(scores.values())):
        made = answers.columns[question.id]
        answers.columns[f"{question.id}_score"] = [scores.get(label) if label else None for label in made]
    return answers


def score_values(question: Question) -> dict[str, str]:
    """Return answer -> place on the scale, turned round if the scale is reversed.

    The place is the answers' own number where all have one, else 1 for the first, 2 for the next.

    Examples
    --------
    >>> score_values(Question("Q", kind="scale", values={"1": "no", "2": "maybe", "3": "yes"}, reversed=True))
    {'no': '3', 'maybe': '2', 'yes': '1'}
    """
    labels = list(dict.fromkeys(question.values.values()))
    codes = [number_in(code) for code in question.values]
    numbers = codes if None not in codes else [number_in(label) for label in labels]
    if None in numbers or len(set(numbers)) < len(labels) or len(numbers) != len(labels):
        numbers = list(range(1, len(labels) + 1))
    ends = min(numbers, default=0) + max(numbers, default=0)
    return {
        label: str(ends - n if question.reversed else n) for label, n in zip(labels, numbers, strict=True)
    }


def _one_cell(question: Question, said: Cells, reasons: Cells) -> Answers:
    """Several answers in one cell."""
    answers, look_up = Answers(), _look_up(question.values)
    made: Cells = []
    others: Cells = []
    for cell in said:
        if cell is None:
            made.append(None)
            others.append(None)
            continue
        parts = split_cell(cell, question.separator, list(question.values)) if question.separator else [cell]
        labels = [look_up.get(plain_code(part), UNMAPPED) if look_up else part for part in parts]
        strange = [part for part, label in zip(parts, labels, strict=True) if label == UNMAPPED]
        answers.unmapped.update(strange)
        made.append(_joined(labels))
        others.append(_joined(strange))
    answers.columns[question.id] = made
    if any(others):
        answers.columns[f"{question.id}_other"] = others
    return answers


def _several_columns(question: Question, columns: Mapping[str, Sequence[str | None]]) -> Answers:
    """One column for each choice."""
    answers = Answers()
    missing = {plain_code(code): reason for code, reason in question.missing.items()}
    there = {name: option for name, option in question.columns.items() if name in columns}
    made: Cells = []
    others: Cells = []
    reasons: Cells = []
    for row in zip(*(columns[name] for name in there), strict=True):
        ticks = [_clean(cell) for cell in row]
        chosen, seen, other, reason = _read_ticks(ticks, list(there.values()), missing)
        made.append(_joined(chosen))
        others.append(other)
        reasons.append(None if chosen else reason or (NONE_CHOSEN if seen else None))
    answers.columns[question.id] = made
    if any(others):
        answers.columns[f"{question.id}_other"] = others
    if any(reasons):
        answers.columns[f"{question.id}_missing"] = reasons
    return answers


def _read_ticks(cells: Cells, options: list[str], missing: Mapping[str, str]):
    """Return the options chosen, whether any was seen and not chosen, text beside them, why there is none."""
    chosen, seen, other, reason = [], False, None, None
    for cell, option in zip(cells, options, strict=True):
        if cell is None:
            continue
        if plain_code(cell) in missing:
            reason = missing[plain_code(cell)]
        elif cell.lower() in NOT_CHOSEN and cell != option:
            seen = True
        else:
            chosen.append(option)
            if not is_tick(cell, option):
                other = cell
    return chosen, seen, other, reason


@lru_cache(maxsize=4096)  # the same few words, a million times
def is_tick(cell: str, option: str) -> bool:
    """Return whether a cell only says that its option is chosen (or not), and is no text of its own."""
    return cell.lower() in CHOSEN or cell.lower() in NOT_CHOSEN or _same_text(cell, option) or cell.isdigit()


def _same_text(a: str, b: str) -> bool:
    return re.sub(r"\s+", " ", a).strip().lower() == re.sub(r"\s+", " ", b).strip().lower()


def _is_coded(question: Question) -> bool:
    return any(code != label for code, label in question.values.items())


def _look_up(values: Mapping[str, str]) -> dict[str, str]:
    """Return code -> answer; an answer stands for itself too, since one export has codes and the next words."""
    words = {plain_code(label): label for label in values.values()}
    return {**words, **{plain_code(code): label for code, label in values.items()}}


def _clean(cell: str | None) -> str | None:
    return (cell.strip(" \t\r\n\u00a0\u3000\u200b\ufeff") or None) if cell else None


def _joined(labels: Sequence[str]) -> str | None:
    """Join answers; a mark inside one would cut it in two."""
    return SEPARATOR.join(label.replace(SEPARATOR, "/") for label in dict.fromkeys(labels)) or None


_READERS = {"text": _text, "number": _number, "single": _single, "scale": _scale, "multi": _one_cell}
