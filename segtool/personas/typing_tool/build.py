"""From personas to a typing tool. The main function is the list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from segtool.checks import check_number
from segtool.errors import InputError, NotFittedError
from segtool.personas.label_table import LabelTable
from segtool.personas.membership import UnsureRule
from segtool.personas.typing_tool.measure import (
    NestedScores,
    choose_length,
    fit_sharpness,
    make_curve,
    make_hits,
    score_nested,
    score_points,
)
from segtool.personas.typing_tool.parts import Figures
from segtool.personas.typing_tool.questions import WAYS, Question, list_questions, read_answers
from segtool.personas.typing_tool.select import select_questions
from segtool.personas.typing_tool.tables import FoldCounts, ScoreTable, deal_folds, share_out
from segtool.personas.typing_tool.tool import TypingTool

if TYPE_CHECKING:
    import pandas as pd

    from segtool.labels.labels import Labels

# Of the best accuracy on the curve: the last twentieth often costs as many questions as all before it.
LEAST_SHARE = 0.95
AS_FOUND = UnsureRule()  # who is unsure: as when personas are found
# People x questions x personas that are looked at in each step of the selection.
MAX_CELLS, LEAST_PEOPLE = 5_000_000, 2_000
FORMED_ON_THEM = (
    "The personas were formed on these same people, from these answers among others: the figures say how "
    "well few questions repeat what all answers say. For people who were not there when the personas were "
    "formed, compare with measure_on_others(tool, personas, labels)."
)


def build_typing_tool(
    personas: Any,
    labels: Labels | pd.DataFrame | None = None,
    *,
    n_questions: int | None = None,
    askable: Iterable[str] | None = None,
    ways: Iterable[str] = WAYS,
    max_questions: int = 15,
    cv: int = 5,
    texts: Mapping[str, str] | None = None,
    min_users: int = 1,
    random_state: int = 0,
) -> TypingTool:
    """Find the shortest set of questions that tells a new person's persona, and measure how well.

    Parameters
    ----------
    personas : Personas
        What `find_personas` returned; or groups of your own (`Personas.from_assignments`), with
        ``labels``.
    labels : Labels or wide DataFrame, optional
        What is known of these people; by default what the personas were found in.
    n_questions : int, optional
        How many to ask. By default the shortest set within one standard error of the best accuracy,
        or with 95 % of it, whichever is shorter.
    askable : iterable of str, optional
        Labels, or single columns of many-valued ones (``"interest: travel"``), that may be asked. By
        default all that form or describe the personas, but none that is marked sensitive.
    ways : iterable of {"question", "behaviour"}
        ``("question",)`` leaves out what only a log can tell.
    max_questions : int
        The longest set looked at.
    cv : int
        Folds, 3 or more. The questions that score a fold are chosen on the others.
    texts : Mapping of str to str, optional
        Label or column to the text to ask; by default the label's own title or phrase.
    min_users : int
        What may leave: answers of fewer people become "other values", a question that keeps one answer
        only is not asked, shares are learned from counts rounded to multiples of ``min_users``, and
        sizes below it are not told.
    random_state : int
        Of the folds.

    Returns
    -------
    TypingTool

    Raises
    ------
    NotFittedError
        If it is not known what these people answered.
    InputError
        If there is one persona only, a persona with too few people for the folds, or nothing to ask.
    ParameterError
        If an argument is out of range or names a label that does not exist.

    Examples
    --------
    >>> import pandas as pd
    >>> from segtool.personas import Personas
    >>> ids = [f"u{number:03}" for number in range(90)]
    >>> wide = pd.DataFrame({"pet": ["cat", "dog", "none"] * 30, "car": ["yes", "no"] * 45}, index=ids)
    >>> personas = Personas.from_assignments(ids, [1, 2, 3] * 30)
    >>> tool = build_typing_tool(personas, wide)
    >>> tool.questions[["order", "label", "answers"]].values.tolist()
    [[1, 'pet', 'cat | dog | none']]
    >>> tool.assign(pd.DataFrame({"user_id": ["new"], "pet": ["dog"]}))["persona_id"].tolist()
    [2]
    """
    _check(n_questions, max_questions, cv, min_users, random_state)
    table, truth = _read_people(personas, labels, cv)
    which = {"askable": askable, "ways": ways, "texts": texts, "min_users": min_users}
    asked = list_questions(table, _labels_of(personas, table), **which)
    if not asked:
        raise InputError(
            f"None of the {len(table.infos)} labels can be asked.",
            "labels that are known and differ between people, and are not sensitive.",
            "Name what may be asked: askable=[...].",
        )
    rng = np.random.default_rng(random_state)
    sample = _sample(truth, len(asked), personas.n_personas, rng)
    sizes = personas.n_personas, cv, min_users
    counts = _count(table.frame.iloc[sample], asked, truth[sample], *sizes, rng)
    how = {"known_share": np.array([q.known_share for q in asked]), "facets": [q.facet for q in asked]}
    nested = score_nested(counts, max(max_questions, n_questions or 1), **how)
    curve = make_curve(nested)
    length, reason = _settle_length(curve, n_questions)
    order = select_questions(counts, range(cv), length, **how)
    everyone = _count(table.frame, [asked[q] for q in order], truth, personas.n_personas, 1, min_users, rng)
    return _assemble(personas, asked, order, everyone.table([0]), curve, counts, nested, reason, random_state)


def _check(n_questions, max_questions, cv, min_users, random_state) -> None:
    if n_questions is not None:
        check_number("n_questions", n_questions, low=1, high=100, integer=True)
    check_number("max_questions", max_questions, low=1, high=100, integer=True)
    check_number("cv", cv, low=3, high=20, integer=True)
    check_number("min_users", min_users, low=1, integer=True)
    check_number("random_state", random_state, low=0, integer=True)


def _read_people(personas: Any, labels, cv: int) -> tuple[LabelTable, np.ndarray]:
    """Return the people whose persona and labels are known, and their personas from 0."""
    if personas.n_personas < 2:
        raise InputError(
            "There is one persona only: there is nothing to tell apart.", "two or more personas."
        )
    table = personas.table if labels is None else LabelTable.read(labels)
    if table is None:
        raise NotFittedError(
            "These personas hold no labels: they were loaded from a file or given as a list.",
            fix="Give what is known of the people: build_typing_tool(personas, labels).",
        )
    if personas.user_ids is None:
        assigned = personas.assign(labels)
        truth = assigned.set_index("user_id")["persona_id"]
    else:
        truth = personas.assigned.set_index("user_id")["persona_id"]
    truth = truth.reindex(table.frame.index)
    here = truth.notna().to_numpy()
    table = LabelTable(table.frame[here], table.infos)
    codes = truth[here].to_numpy(np.int64) - 1
    sizes = np.bincount(codes, minlength=personas.n_personas)
    if sizes.min() < cv:
        raise InputError(
            f"A persona has {sizes.min()} people with labels, fewer than the {cv} folds.",
            "at least one person of each persona per fold.",
            "Find fewer personas, or give the labels of more of their people.",
        )
    return table, codes


def _labels_of(personas: Any, table: LabelTable) -> list[str]:
    if personas.encoding is None:
        return list(table.infos)
    labels = (*personas.encoding.basis, *personas.encoding.descriptors)
    return [label for label in labels if label in table.infos]


def _sample(truth: np.ndarray, n_questions: int, n_personas: int, rng: np.random.Generator) -> np.ndarray:
    """Return people to choose and measure on: all, or as many as are looked at in reasonable time."""
    most = max(LEAST_PEOPLE, MAX_CELLS // (n_questions * n_personas))
    if len(truth) <= most:
        return np.arange(len(truth))
    folds = deal_folds(truth, -(-len(truth) // most), rng)  # one of them: each persona with its share
    return np.flatnonzero(folds == 0)


def _count(frame, asked: list[Question], truth, n_personas: int, cv: int, base: int, rng) -> FoldCounts:
    codes = read_answers(asked, frame)
    sizes = np.array([len(question.answers) for question in asked])
    return FoldCounts(codes, sizes, truth, deal_folds(truth, cv, rng), n_personas, base)


def _settle_length(curve: pd.DataFrame, n_questions: int | None) -> tuple[int, str]:
    if n_questions is None:
        return choose_length(curve, LEAST_SHARE)
    length = min(n_questions, len(curve))
    few = "" if length == n_questions else f"; there are only {length} to ask"
    return length, f"{n_questions} questions were asked for{few}"


def _assemble(
    personas: Any, asked, order, table: ScoreTable, curve, counts, nested: NestedScores, reason, seed
) -> TypingTool:
    """Return the tool with its final table, learned from everyone, and the figures of the nested folds."""
    length = len(order)
    scores = nested.by_length[length - 1]
    sharpness = fit_sharpness(scores, nested.truth)
    answered = _count_answers(counts, nested, length)
    figures = _measure(counts, nested, scores, sharpness, answered, length)
    chosen = tuple(asked[q] for q in order)
    blocks = [
        np.exp(table.answers[:, start : start + len(question.answers)])
        for start, question in zip(table.offsets, chosen, strict=True)
    ]
    return TypingTool(
        names=dict(personas.names),
        asked=chosen,
        prior=np.exp(table.prior),
        shares=tuple(blocks),
        sharpness=sharpness,
        curve=curve,
        hits=make_hits(nested.truth, scores.argmax(axis=0), personas.names, counts.base),
        figures=Figures(**figures, n_askable=len(asked), cv=counts.n_folds, random_state=seed),
        reason=reason,
        min_membership=AS_FOUND.min_membership,
        min_margin=AS_FOUND.min_margin,
        min_answers=min(AS_FOUND.min_known, length),
        notes=(FORMED_ON_THEM,) if personas.model is not None else (),
        min_users=counts.base,
    )


def _count_answers(counts: FoldCounts, nested: NestedScores, length: int) -> np.ndarray:
    """Return how many of the questions put to each person in the folds have an answer."""
    answered = np.zeros(len(counts.truth), dtype=np.int64)
    for fold, picked in enumerate(nested.chosen):
        rows = counts.rows(fold)
        answered[rows] = (counts.codes[np.ix_(rows, picked[:length])] >= 0).sum(axis=1)
    return answered


def _measure(counts, nested: NestedScores, scores, sharpness, answered, length) -> dict[str, float]:
    memberships = share_out(scores, sharpness)
    unsure = replace(AS_FOUND, informative=tuple(map(str, range(length)))).is_unsure(memberships, answered)
    hits = nested.hits(length)
    return {
        "n_people": len(counts.truth),
        "full_accuracy": nested.full_accuracy,
        "baseline": float(np.bincount(nested.truth).max() / len(nested.truth)),
        "accuracy": float(hits.mean()),
        "points_accuracy": float(score_points(counts, nested, length).mean()),
        "sure_share": float((~unsure).mean()),
        "sure_accuracy": float(hits[~unsure].mean()) if (~unsure).any() else None,
    }
