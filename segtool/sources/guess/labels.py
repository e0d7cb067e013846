"""A first labels.toml: what people said and, without behaviour, what a table says of them."""

from __future__ import annotations

import re

from segtool.sources.adaptors.answers import SEPARATOR
from segtool.sources.adaptors.codebook import Question
from segtool.sources.guess.look import ColumnLook
from segtool.sources.guess.roles import TableGuess
from segtool.sources.guess.toml_text import comment, one_line, shorten, text
from segtool.sources.guess.words import CONTACT_NAMES, match_name, plain_name

MOST_VALUES = 12  # more kinds of people than this are told apart by no label
MOST_SCALE = 11  # 0 to 10, the widest scale that surveys ask for
LONGEST_VALUE = 60
FEWEST_FILLED = 0.1  # few may have an answer, and "none" counts as nothing in a first look
MARKS = ("┋", ";", "；", "|")  # between several answers in one cell; 问卷星 writes the first
BUILTIN = frozenset(
    [
        *("life_stage", "age_band", "gender", "occupation", "household", "city_tier", "income_band"),
        *("brand_taste", "format_taste", "spending_power", "channel"),
    ]
)
"""Columns and questions that built-in labels read by these names."""
HEAD = """\
# Written by `segtool init`: a label for each question or property with few different values.
# Delete what does not tell people apart; give those that stay a better name, facet and phrase.
"""


def write_labels(used: list[TableGuess]) -> str | None:
    """Return the text of a labels.toml, None if there is nothing to make labels of."""
    # With behaviour, the built-in labels have much to say and profile columns would drown it; but what
    # people were asked is worth a label always.
    behaviour = any(guess.table == "events" for guess in used)
    tables = ("survey",) if behaviour else ("survey", "users")
    taken: set[str] = set(BUILTIN)
    parts = []
    for guess in used:
        if guess.table not in tables:
            continue
        if guess.look.raw.codebook:
            found = [label_of_question(question, taken) for question in guess.look.raw.codebook]
        else:
            found = [_label(guess, column, taken) for column in _columns(guess)]
        parts += [part for part in found if part]
    return "\n".join([HEAD, *parts]) if parts else None


def _columns(guess: TableGuess) -> list[ColumnLook]:
    """Return the columns that could be labels: those that play no role, and no contact."""
    roles = {match.column.name for match in guess.matches.values()}
    return [
        column
        for column in guess.look.columns
        if column.name not in roles
        and column.name not in BUILTIN
        and match_name(column.name, CONTACT_NAMES) <= 0.5
        and column.kind in ("text", "number", "flag")
        and column.filled >= FEWEST_FILLED
    ]


def _label(guess: TableGuess, column: ColumnLook, taken: set[str]) -> str | None:
    # "none" is an answer here: someone has no favourite.
    counts = guess.look.counts(column, top=2_000, said=("none",))
    mark = _mark_between(counts)
    parts = {part.strip() for cell in counts for part in (cell.split(mark) if mark else [cell])}
    values = sorted(parts - {""})
    few = 2 <= len(values) <= (2 * MOST_VALUES if mark else MOST_VALUES)
    if not few or max(map(len, values)) > LONGEST_VALUE or len(values) > 0.5 * guess.look.n_rows:
        return None
    name = _label_name(column.name, taken)
    taken.add(name)
    key = name if name.isascii() else text(name)
    lines = _describe(guess, column, key, values)
    if mark:
        lines.append("many = true   # several answers in one cell")
    elif _is_scale(column, values):
        ordered = ", ".join(text(value) for value in sorted(values, key=int))
        lines += [f"values = [{ordered}]", "ordered = true   # a scale; delete both if they are mere codes"]
    return "\n".join([*lines, f"[[labels.{key}.claims]]", _claim(guess, column, mark)]) + "\n"


def label_of_question(question: Question, taken: set[str]) -> str | None:
    """Return the label of a question that a codebook explains, None for one that tells no kinds apart."""
    values = list(dict.fromkeys(question.values.values() or question.columns.values()))
    many = question.kind == "multi"
    most = 2 * MOST_VALUES if many else MOST_VALUES
    choice = question.kind in ("single", "multi", "scale") and 2 <= len(values) <= most
    if not choice or max(map(len, values)) > LONGEST_VALUE:
        return None
    name = _label_name(question.id, taken)
    taken.add(name)
    key = name if name.isascii() else text(name)
    title = re.sub(r"[{}]", "", shorten(one_line(question.text or question.id), 60)).strip()
    lines = [
        comment(f"Question {question.id}: {shorten(', '.join(values))}."),
        f"[labels.{key}]",
        f"title = {text(title)}",
        'facet = "other"   # or a word for what it is about: life stage, taste, ...',
        f"phrase = {text(f'{title}: {{value}}')}",
    ]
    if many:
        lines.append("many = true   # several answers")
    # All that the codebook knows: "unmapped" is no kind of people.
    lines.append(f"values = [{', '.join(map(text, values))}]")
    if question.kind == "scale":
        lines.append("ordered = true")
    separator = f", separator = {text(SEPARATOR)}" if many else ""
    claim = f"answer = {{question = {text(question.id)}{separator}}}"
    return "\n".join([*lines, f"[[labels.{key}.claims]]", claim]) + "\n"


def _describe(guess: TableGuess, column: ColumnLook, key: str, values: list[str]) -> list[str]:
    asked = guess.table == "survey"
    title = re.sub(r"[{}]", "", shorten(column.name, 60)).strip()
    return [
        comment(f"{'Question' if asked else 'Column'} {column.name}: {shorten(', '.join(values))}."),
        f"[labels.{key}]",
        f"title = {text(title)}",
        'facet = "other"   # or a word for what it is about: life stage, taste, ...',
        f"phrase = {text(f'{title}: {{value}}')}",
    ]


def _claim(guess: TableGuess, column: ColumnLook, mark: str | None) -> str:
    name = text(column.name)
    if guess.table == "users":
        return f'column = {{name = {name}, from = "users"}}'
    separator = f", separator = {text(mark)}" if mark else ""
    return f"answer = {{question = {name}{separator}}}"


def _is_scale(column: ColumnLook, values: list[str]) -> bool:
    """Whether values are a short run of whole numbers, as agreement from 1 to 5."""
    if column.kind != "number" or not all(re.fullmatch(r"[0-9]{1,2}", value) for value in values):
        return False
    numbers = sorted(map(int, values))
    return len(numbers) >= 3 and numbers[-1] - numbers[0] < MOST_SCALE


def _mark_between(counts: dict[str, int]) -> str | None:
    """Return what stands between several answers in one cell, if many cells hold several."""
    total = sum(counts.values())
    for mark in MARKS:
        several = sum(n for cell, n in counts.items() if mark in cell.strip(mark))
        if several >= 0.1 * total:
            return mark
    return None


def _label_name(column: str, taken: set[str]) -> str:
    """Return a name a label may have: a word, not taken, that says where it comes from."""
    name = re.sub(r"_+", "_", re.sub(r"\W", "_", plain_name(column)))[:40].strip("_")
    name = name if name.isidentifier() else f"q_{name}".rstrip("_")
    unique, count = name, 2
    while unique in taken or unique == "user_id":
        unique, count = f"{name}_{count}", count + 1
    return unique
