"""What can be asked of a person or seen of them, and how an answer becomes a number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from segtool.checks import check_in
from segtool.errors import ParameterError, did_you_mean
from segtool.labels.frames import MANY_SEPARATOR, YES_NO, LabelInfo
from segtool.personas.encode import OTHER, common_values
from segtool.personas.label_table import LabelTable
from segtool.personas.typing_tool.tables import round_counts

# Source families that nobody can be asked for: what the log and the send list saw.
SEEN_FAMILIES = frozenset({"events", "messages", "members", "sends", "activities", "content"})
WAYS = ("question", "behaviour")
N_RANGES = 4  # a number becomes an answer by ranges that hold a quarter of the people each
YES_SPELLINGS, NO_SPELLINGS = ("true", "True", "Yes", "1", "1.0"), ("false", "False", "No", "0", "0.0")


@dataclass(frozen=True)
class Question:
    """One thing to ask or to look up, with the answers there are.

    Parameters
    ----------
    column : str
        Column of a wide table that holds the answer; a value of a many-valued label has one of its own.
    label : str
    text : str
        What the person or the interviewer reads.
    asked : {"question", "behaviour"}
        Whether the person can say it, or only the log has seen it.
    kind : {"ordered", "nominal", "flag", "many", "number"}
    facet : str
    answers : tuple of str
    cuts : tuple of float
        For numbers: answer i holds values up to and with ``cuts[i]``, the last one all above.
    known_share : float
        Share of the people the tool was made on whose answer is known.

    Examples
    --------
    >>> spend = Question("spend", "spend", "Spend", "question", "number", "other", ("low", "high"), (10.0,))
    >>> spend.read([5, 10, 11, None, "many"]).tolist()
    [0, 0, 1, -1, -1]
    """

    column: str
    label: str
    text: str
    asked: str
    kind: str
    facet: str
    answers: tuple[str, ...]
    cuts: tuple[float, ...] = ()
    known_share: float = 1.0

    def spellings(self) -> dict[str, int]:
        """Return every text that is taken for an answer, with the place of that answer.

        Booleans, 0 and 1 are answers to a yes-or-no question; a whole number may come as 3 or 3.0.
        """
        found = {answer: place for place, answer in enumerate(self.answers) if answer != OTHER}
        if self.answers == YES_NO:
            more = dict.fromkeys(NO_SPELLINGS, 0) | dict.fromkeys(YES_SPELLINGS, 1)
        else:
            more = {f"{answer}.0": place for answer, place in found.items() if answer.lstrip("-").isdigit()}
        return found | {text: place for text, place in more.items() if text not in found}

    @property
    def other(self) -> int:
        """Place of the answer that stands for all rare ones; -1 if there is none."""
        return self.answers.index(OTHER) if OTHER in self.answers else -1

    def read(self, cells: Iterable[Any]) -> np.ndarray:
        """Return the place of each answer, -1 where unknown or not among the answers."""
        cells = pd.Series(cells)
        known = cells.notna().to_numpy()
        if self.kind == "number":
            numbers = pd.to_numeric(cells, errors="coerce").to_numpy(float, na_value=np.nan)
            known = np.isfinite(numbers)
            return np.where(known, np.searchsorted(self.cuts, numbers, side="left"), -1)
        coded = cells.astype("category")
        place, other = self.spellings(), self.other
        lookup = [place.get(str(value), other) for value in coded.cat.categories]
        codes = np.array([*lookup, -1], dtype=np.int64)[coded.cat.codes.to_numpy()]
        return np.where(known, codes, -1)


def read_answers(questions: Sequence[Question], frame: pd.DataFrame) -> np.ndarray:
    """Return the place of every answer, shape (n_people, n_questions); -1 where unknown.

    A column that is not there is unknown: it is not taken for a "no".
    """
    codes = np.full((len(frame), len(questions)), -1, dtype=np.int64)
    for number, question in enumerate(questions):
        if question.column in frame:
            codes[:, number] = question.read(frame[question.column])
    return codes


def list_questions(
    table: LabelTable,
    labels: Sequence[str],
    *,
    askable: Iterable[str] | None = None,
    ways: Iterable[str] = WAYS,
    texts: Mapping[str, str] | None = None,
    min_users: int = 1,
) -> list[Question]:
    """Return everything that may be asked, in the order of the labels.

    Parameters
    ----------
    table : LabelTable
    labels : sequence of str
        Where to look when nobody says what may be asked; sensitive ones among them are left out.
    askable : iterable of str, optional
        Labels, or single columns of many-valued ones, that may be asked, sensitive or not.
    ways : iterable of {"question", "behaviour"}
        Leave out "behaviour" where there is no log of the people to be typed.
    texts : Mapping of str to str, optional
        Column or label to the text of the question.
    min_users : int
        Answers that fewer people have are one answer, "other values"; a yes or a no of fewer is not asked.

    Raises
    ------
    ParameterError
        If ``askable`` or ``texts`` names what does not exist, or a way is unknown.
    """
    ways, texts = [check_in("ways", way, WAYS) for way in ways], dict(texts or {})
    known = {*table.infos, *map(str, table.frame.columns)}
    for what, given in (("askable", askable), ("texts", texts)):
        for name in given or ():
            if name not in known:
                raise ParameterError(f"{what} names {name!r}, which is no label.", did_you_mean(name, known))
    if askable is None:
        labels = [label for label in labels if not table.infos[label].sensitive]
        wanted = {column for label in labels for column in table.columns_of(label)}
    else:
        wanted = {column for name in askable for column in _columns_named(table, name)}
        labels = [label for label in table.infos if wanted & set(table.columns_of(label))]
    made = [
        _make(table, table.infos[label], column, texts, min_users)
        for label in labels
        for column in table.columns_of(label)
        if column in wanted and say_way(table.infos[label]) in ways
    ]
    return [question for question in made if question is not None]


def _columns_named(table: LabelTable, name: str) -> list[str]:
    return table.columns_of(name) if name in table.infos else [name]


def say_way(info: LabelInfo) -> str:
    """Return whether a person can be asked for a label, or only the log tells.

    Examples
    --------
    >>> say_way(LabelInfo("buyer", "Buyer", "consumption", "ordered", families=frozenset({"events"})))
    'behaviour'
    >>> say_way(LabelInfo("age", "Age", "life stage", "ordered", families=frozenset({"users", "events"})))
    'question'
    """
    return "behaviour" if info.families and info.families <= SEEN_FAMILIES else "question"


def _make(
    table: LabelTable, info: LabelInfo, column: str, texts: Mapping[str, str], min_users: int
) -> Question | None:
    """Return the question for a column, or None where all who are known would answer alike."""
    cells = table.frame[column]
    cuts: tuple[float, ...] = ()
    if info.kind == "number":
        cuts = cut_points(cells.to_numpy(float, na_value=np.nan), min_users)
        answers = name_ranges(cuts)
    elif info.kind in ("many", "flag"):
        sizes = cells.value_counts()
        answers = YES_NO if len(sizes) > 1 and sizes.min() >= min_users else ()
    else:
        answers = fold_rare(cells, common_values(cells), min_users)
    if len(answers) < 2:
        return None
    n_unknown = round_counts(np.array(float(cells.isna().sum())), min_users)
    known_share = 1 - float(n_unknown) / max(len(cells), float(n_unknown))
    text = write_text(info, column, texts)
    way = say_way(info)
    return Question(column, info.name, text, way, info.kind, info.facet, answers, cuts, known_share)


def write_text(info: LabelInfo, column: str, texts: Mapping[str, str]) -> str:
    """Return what to ask: the given text, else the label's own words.

    Examples
    --------
    >>> interest = LabelInfo("interest", "Interest", "taste", "many", phrase="likes {value}")
    >>> write_text(interest, "interest: travel", {})
    'Likes travel'
    >>> write_text(interest, "interest: travel", {"interest": "What do you like?"})
    'What do you like? travel'
    """
    value = column[len(info.name) + len(MANY_SEPARATOR) :] if info.kind == "many" else "yes"
    if column in texts:
        return texts[column].strip()
    if info.name in texts:
        return texts[info.name].strip() + (f" {value}" if info.kind == "many" else "")
    words = info.clause(value) if info.kind in ("many", "flag") else info.title
    words = words.strip() or (f"{info.title}: {value}" if info.kind == "many" else info.title)
    return words[:1].upper() + words[1:]


def fold_rare(cells: pd.Series, answers: Sequence[str], min_users: int) -> tuple[str, ...]:
    """Return answers, those of fewer people as one; that one stands for ``min_users`` people or more.

    Parameters
    ----------
    cells : pd.Series of categorical
    answers : sequence of str
        Maybe with "other values" for those not listed.
    min_users : int

    Examples
    --------
    >>> cells = pd.Series(["tea"] * 9 + ["milk"] * 6 + ["absinthe"], dtype="category")
    >>> fold_rare(cells, ["absinthe", "milk", "tea"], 5), fold_rare(cells, ["milk", "tea"], 1)
    (('tea', 'other values'), ('milk', 'tea'))
    """
    sizes = cells.value_counts().rename(index=str).groupby(level=0).sum()
    listed = [answer for answer in answers if answer != OTHER]
    kept = [answer for answer in listed if sizes[answer] >= min_users]
    if len(kept) == len(answers):
        return tuple(answers)
    n_other = sizes.sum() - sizes[kept].sum()
    while kept and n_other < min_users:
        rarest = min(kept, key=lambda answer: sizes[answer])
        kept.remove(rarest)
        n_other += sizes[rarest]
    return (*kept, OTHER)


def cut_points(values: np.ndarray, min_users: int = 1) -> tuple[float, ...]:
    """Return where to cut a number into ranges that hold about as many people each.

    Ends are rounded to three digits, since an interviewer reads them; equal ends merge, and so do
    ranges of fewer than ``min_users``.

    Examples
    --------
    >>> cut_points(np.arange(1000.0))
    (249.0, 499.0, 749.0)
    >>> cut_points(np.zeros(5))
    ()
    """
    values = values[np.isfinite(values)]
    if not len(values):
        return ()
    ends = np.quantile(values, np.arange(1, N_RANGES) / N_RANGES, method="inverted_cdf")
    rounded = sorted({float(f"{end:.3g}") for end in ends})
    cuts: list[float] = []
    for end in rounded:
        above = values > cuts[-1] if cuts else np.ones(len(values), bool)
        n_in, n_over = (above & (values <= end)).sum(), (values > end).sum()
        if min(n_in, n_over) >= min_users:  # no range is left without anybody
            cuts.append(end)
    return tuple(cuts)


def name_ranges(cuts: Sequence[float]) -> tuple[str, ...]:
    """Return ranges in words, one more than there are cuts; empty without a cut.

    Examples
    --------
    >>> name_ranges((10.0, 20.0))
    ('up to 10', 'over 10, up to 20', 'over 20')
    """
    if not cuts:
        return ()
    ends = [f"{cut:,.10g}" for cut in cuts]
    middle = [f"over {low}, up to {high}" for low, high in pairwise(ends)]
    return (f"up to {ends[0]}", *middle, f"over {ends[-1]}")
