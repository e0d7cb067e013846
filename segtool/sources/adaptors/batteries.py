"""Items of one battery share one scale, also where nobody gave an item's extreme answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from itertools import groupby

from segtool.sources.adaptors.codebook import Question
from segtool.sources.adaptors.likert import LONGEST, number_in, order_scale

_ROW = re.compile(r"(?:[_.\-]\w{1,12}|\s*\[[^\]]*\]|\([^)]*\)|\s+-\s+.*)$", re.DOTALL)
_NUMBER = re.compile(r"\d+$")


def level_batteries(
    questions: Sequence[Question], free: Set[str], columns: Mapping[str, Sequence[str | None]]
) -> list[Question]:
    """Give the items of a battery all answers that any of them got.

    Else an item of whose five answers three were given would be scored 1 to 3 beside its siblings, and
    the next wave's "Strongly agree" would be unknown to it.

    Parameters
    ----------
    questions : sequence of Question
        Complete, in the order of the file.
    free : set of str
        Ids of questions whose kind and values were found by their answers, and nobody said.
    columns : mapping of str to sequence
        The file's columns.

    Examples
    --------
    >>> words = ["disagree", "neutral", "agree"]
    >>> items = [Question("Q5_1", kind="scale", values=dict(zip(words, words))),
    ...          Question("Q5_2", kind="single", values={"neutral": "neutral"})]
    >>> level_batteries(items, {"Q5_1", "Q5_2"}, {"Q5_1": [], "Q5_2": ["neutral"]})[1].values
    {'disagree': 'disagree', 'neutral': 'neutral', 'agree': 'agree'}
    """
    made: list[Question] = []
    for _, run in groupby(questions, key=lambda question: _stem(question, free)):
        made += _level(list(run), free, columns)
    return made


def _stem(question: Question, free: Set[str]) -> tuple[str, bool]:
    """Return what names of a battery have in common, and whether it is sure to be one."""
    if question.id not in free or (question.columns and list(question.columns) != [question.id]):
        return question.id, False
    if len(question.id) > LONGEST:
        return question.id, False
    row = _ROW.sub("", question.id)
    return (row, True) if row != question.id else (_NUMBER.sub("", question.id), False)


def _level(items: list[Question], free: Set[str], columns: Mapping) -> list[Question]:
    scales = [list(item.values) for item in items if item.kind == "scale" and item.id in free and item.values]
    # Q1 and Q2 may well be asked on numbers that have nothing to do with each other.
    if not _stem(items[0], free)[1]:
        scales = [words for words in scales if all(number_in(answer) is None for answer in words)]
    if len(items) < 2 or not scales:
        return items
    return [_with_all(item, scales, columns) for item in items]


def _with_all(item: Question, scales: Sequence[list[str]], columns: Mapping) -> Question:
    """Return an item with the answers of all scales that can be one with its own."""
    if item.kind not in ("scale", "single", "number"):
        return item
    said = {text for cell in columns[item.sources[0]] if (text := (cell or "").strip())}
    own = list(item.values) or sorted(said - set(item.missing))
    alike = [words for words in scales if order_scale([*own, *words])] if own else []
    shared = order_scale([*own, *(answer for words in alike for answer in words)]) if alike else None
    # One answer that belongs to a scale makes none: all of a choice's have to be of it.
    if not shared or (item.kind != "scale" and not any(set(own) <= set(words) for words in alike)):
        return item
    return replace(item, kind="scale", values={answer: answer for answer in shared})
