"""Of which kind a question is, judged by its answers: what an export does not say, a codebook corrects."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

from segtool.sources.adaptors.codebook import Question
from segtool.sources.adaptors.likert import add_opposite_end, order_scale

SEPARATORS = ("┋", "|", ";", "；", ",", "，", "、")
MOST_VALUES = 30  # a question with more different answers is not one of a choice
LONGEST_VALUE = 120
FEWEST_SEVERAL = 0.08  # of the answers to a multiple choice, hold more than one
FEWEST_REPEATS = 2.5  # of each choice on average: words of free text are seldom used again
FEWEST_COMMON = 0.7  # of all that is ticked, be choices others tick too, and not writing
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")


def complete(draft: Question, cells: Sequence[str | None]) -> Question:
    """Return a question with the kind and values that its answers show, where they are not said.

    Parameters
    ----------
    draft : Question
        Read from one column.
    cells : sequence of str or None
    """
    missing = {plain_code(code) for code in draft.missing}
    said = [text for cell in cells if (text := (cell or "").strip()) and plain_code(text) not in missing]
    counts = Counter(said)
    if draft.kind == "multi":
        return _complete_multi(draft, said)
    if draft.values:
        return replace(draft, kind=draft.kind or ("scale" if _is_scale(draft) else "single"))
    if draft.kind in ("number", "text"):
        return draft
    ordered = order_scale(counts)
    if draft.kind == "scale":
        return replace(draft, values=_same(add_opposite_end(ordered) if ordered else ()))
    if draft.kind == "single":
        return replace(draft, values=_same(sort_answers(counts)) if len(counts) <= MOST_VALUES else {})
    if ordered:
        return replace(draft, kind="scale", values=_same(add_opposite_end(ordered)))
    if counts and all(NUMBER.fullmatch(text) for text in counts):
        return replace(draft, kind="number")
    if _is_choice(counts):
        return replace(draft, kind="single", values=_same(sort_answers(counts)))
    return replace(draft, kind="text")


def find_options(answers: Iterable[str], separator: str) -> list[str] | None:
    """Return the choices of a multiple choice whose answers stand in one cell; None if it is none.

    A choice may hold the separator itself: pieces that only ever occur side by side are one choice.

    Examples
    --------
    >>> find_options(["Tea, green, Milk", "Tea, green", "Milk", "Milk, Tea, green", "Milk"], ", ")
    ['Milk', 'Tea, green']
    >>> find_options(["I like it", "well, not so much", "no, never"], ", ") is None
    True
    """
    answers = list(answers)
    several = sum(separator in answer for answer in answers)
    if not several or several < FEWEST_SEVERAL * len(answers):
        return None
    rows = _join_neighbours([answer.split(separator) for answer in answers], separator)
    pieces = [[piece.strip() for piece in row] for row in rows]
    counts = Counter(piece for row in pieces for piece in row)
    repeated = any(len(set(row)) < len(row) for row in pieces)  # nobody ticks a box twice
    if "" in counts or repeated or not any(len(row) > 1 for row in pieces):
        return None
    common = sorted(piece for piece, n in counts.items() if n > 1)  # the others were written by one person
    used = sum(counts[piece] for piece in common)
    if not 2 <= len(common) <= MOST_VALUES or max(map(len, common)) > LONGEST_VALUE:
        return None
    if used < FEWEST_REPEATS * len(common) or used < FEWEST_COMMON * counts.total():
        return None
    return common


def _join_neighbours(rows: list[list[str]], separator: str) -> list[list[str]]:
    """Join pieces of which each only ever occurs right before or after the other."""
    while True:
        counts = Counter(piece.strip() for row in rows for piece in row)
        pairs = Counter((a.strip(), b.strip()) for row in rows for a, b in pairwise(row))
        joined = {(a, b) for (a, b), n in pairs.items() if n == counts[a] == counts[b] and a != b}
        # Two choices that few people tick may stand together by chance; in one that is cut in two, the
        # second piece goes on: it begins in lower case, or the first opened a bracket.
        joined = {(a, b) for a, b in joined if b[:1].islower() or a.count("(") > a.count(")")}
        if not joined:
            return rows
        rows = [_join(row, joined, separator) for row in rows]


def _join(row: list[str], joined: set[tuple[str, str]], separator: str) -> list[str]:
    made: list[str] = []
    last = ""
    for piece in row:
        if made and (last, piece.strip()) in joined:
            made[-1] += separator + piece
            last = ""  # the joined piece takes part in the next round
        else:
            made.append(piece)
            last = piece.strip()
    return made


def split_cell(cell: str, separator: str, options: Sequence[str]) -> list[str]:
    """Return the answers in a cell; options that hold the separator themselves stay whole.

    Examples
    --------
    >>> split_cell("Tea, green, Milk, my own", ", ", ["Milk", "Tea, green"])
    ['Tea, green', 'Milk', 'my own']
    """
    long = sorted((o for o in options if separator in o), key=len, reverse=True)
    found, rest = [], cell
    while rest := rest.lstrip():
        whole = next((o for o in long if rest == o or rest.startswith(o + separator)), None)
        piece, _, after = rest.partition(separator)
        if whole is not None:
            piece, after = whole, rest[len(whole) + len(separator) :]
        found.append(piece.strip())
        rest = after
    return [piece for piece in found if piece]


def _complete_multi(draft: Question, said: list[str]) -> Question:
    if not draft.columns and not draft.separator:
        draft = replace(draft, separator=_find_separator(said, draft.values))
    if draft.values or not draft.separator:
        return draft
    options = find_options(said, draft.separator)
    if options is None:
        options = sorted({piece for cell in said for piece in split_cell(cell, draft.separator, [])})
    return replace(draft, values=_same(options) if len(options) <= 2 * MOST_VALUES else {})


def _find_separator(said: list[str], values: Mapping[str, str]) -> str:
    """Return what stands between answers: of the marks that occur, the one that leaves most known pieces."""
    known = {*values, *values.values()}

    def fits(mark: str) -> tuple[int, int]:
        pieces = [piece for cell in said for piece in split_cell(cell, mark, list(values))]
        return sum(piece in known for piece in pieces), len(pieces)

    there = [mark for mark in SEPARATORS if any(mark in cell for cell in said)]
    return max(there, key=fits, default="")


def _is_scale(question: Question) -> bool:
    """Whether labels of codes are words of a scale in the order of the codes, or numbers with named ends."""
    labels = list(question.values.values())
    return len(labels) > 2 and order_scale(labels) in (labels, labels[::-1])


def _is_choice(counts: Counter) -> bool:
    if not counts or len(counts) > MOST_VALUES or max(map(len, counts)) > LONGEST_VALUE:
        return False
    return len(counts) <= max(2, 0.5 * sum(counts.values()))


def _same(values: Iterable[str]) -> dict[str, str]:
    return {value: value for value in values}


_RANGE = re.compile(
    r"(?P<below><|≤|under|below|less than|up to|fewer than|低于|不到|少于|小于|unter|bis)?"
    r"(?P<above>>|≥|over|above|more than|at least|高于|超过|大于|über|ab)?"
    r"\s*[$€£¥￥]?\s*(?P<number>\d{1,3}(?:\.\d{3})+(?!\d)|\d[\d,]*(?:\.\d+)?)\s*(?P<unit>k|千|万)?(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_UNITS = {"k": 1_000, "千": 1_000, "万": 10_000}


def sort_answers(answers: Iterable[str]) -> list[str]:
    """Return answers sorted, ranges of numbers by their numbers; those without any come last.

    Examples
    --------
    >>> sort_answers(["2000-5000", "no answer", "<2000", ">10,000", "5000-10,000"])
    ['<2000', '2000-5000', '5000-10,000', '>10,000', 'no answer']
    """
    return sorted(answers, key=_place_of)


def _place_of(answer: str) -> tuple:
    found = _RANGE.fullmatch(half_width(answer).strip()) if len(answer) <= LONGEST_VALUE else None
    if found is None:
        return (1, 0.0, 0, answer)
    grouped = re.fullmatch(r"\d{1,3}(\.\d{3})+", found["number"])  # 2.000 is two thousand in much of Europe
    plain = found["number"].replace("." if grouped else ",", "")
    number = float(plain) * _UNITS.get((found["unit"] or "").lower(), 1)
    rest = found["rest"].strip().lower()
    below = found["below"] or rest.endswith(("or less", "or under", "or younger", "以下", "以内"))
    above = found["above"] or rest.endswith(("+", "or more", "or over", "or older", "以上"))
    return (0, number, -1 if below else 1 if above else 0, answer)


@lru_cache(maxsize=4096)
def plain_code(cell: str) -> str:
    """Bring codes to one form: "5 ", "５" and "5.0" are the code 5."""
    text = half_width(cell).strip()
    whole = re.fullmatch(r"([+-]?\d{1,15})\.0+", text)
    return whole[1] if whole else re.sub(r"\s+", " ", text)


def half_width(text: str) -> str:
    return "".join(chr(ord(c) - 0xFEE0) if "！" <= c <= "～" else c for c in text)
