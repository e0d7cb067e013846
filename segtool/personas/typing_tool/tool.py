"""TypingTool: a few questions, a score table, and how often they hit."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from segtool.display import Shown, render_html_table
from segtool.errors import InputError, did_you_mean
from segtool.personas.files import read_text, write_whole
from segtool.personas.label_table import LabelTable
from segtool.personas.membership import list_assigned
from segtool.personas.typing_tool.parts import Figures, ToolParts
from segtool.personas.typing_tool.points import round_points
from segtool.personas.typing_tool.questionnaire import write_questionnaire
from segtool.personas.typing_tool.questions import read_answers
from segtool.personas.typing_tool.read_json import read_tool, write_tool
from segtool.personas.typing_tool.tables import share_out
from segtool.personas.typing_tool.write_python import write_python
from segtool.personas.typing_tool.write_sql import write_sql

if TYPE_CHECKING:
    from segtool.labels.labels import Labels


@dataclass(frozen=True, eq=False, repr=False)
class TypingTool(ToolParts, Shown):
    """The shortest set of questions that tells a person's persona, ready to be used anywhere.

    Made by `build_typing_tool`, or read from a file by `TypingTool.load`. Nothing in it changes. Its
    parts are those of `ToolParts`: names, asked, prior, shares, sharpness, curve, hits, figures, reason,
    min_membership, min_margin, min_answers, notes, min_users.

    Notes
    -----
    The score of a persona is ln(share) + the sum of ln(share of the answer in the persona) over the
    questions answered; membership is exp(sharpness x score) over the sum of all personas. Questions
    without an answer add nothing.
    """

    # --- what is asked ------------------------------------------------------------------------

    @property
    def questions(self) -> pd.DataFrame:
        """One row per question: order, label, column, asked, facet, question, answers, known_share."""
        rows = [
            [order, q.label, q.column, q.asked, q.facet, q.text, " | ".join(q.answers), q.known_share]
            for order, q in enumerate(self.asked, start=1)
        ]
        columns = ["order", "label", "column", "asked", "facet", "question", "answers", "known_share"]
        return pd.DataFrame(rows, columns=columns)

    @property
    def score_card(self) -> pd.DataFrame:
        """Whole points to add up by hand: one row per answer, one column per persona_id.

        Returns
        -------
        pd.DataFrame
            order, question, answer, then the points of persona 1, 2, ... The first row (order 0) is
            what everyone starts with. The persona with most points is the person's; of equal ones the
            first. ``figures.points_accuracy`` says how often that hits.
        """
        start, points = self._points()
        rows = [[0, "Start with", "", *start.tolist()]]
        for order, (question, block) in enumerate(zip(self.asked, points, strict=True), start=1):
            rows += [
                [order, question.text, answer, *column]
                for answer, column in zip(question.answers, block.T.tolist(), strict=True)
            ]
        return pd.DataFrame(rows, columns=["order", "question", "answer", *self.names])

    def _points(self) -> tuple[np.ndarray, list[np.ndarray]]:
        return round_points(np.log(self.prior), [np.log(block) for block in self.shares])

    # --- use ----------------------------------------------------------------------------------

    def assign(self, answers: Labels | pd.DataFrame) -> pd.DataFrame:
        """Place people in personas from their answers.

        Parameters
        ----------
        answers : Labels, or wide DataFrame
            One row per person with the ids in ``user_id`` or in the index, and the columns of
            `questions`. What is missing, or is no answer there is, adds nothing.

        Returns
        -------
        pd.DataFrame
            user_id, persona_id, persona, membership, runner_up, unsure; in the order of user_id.

        Raises
        ------
        InputError
            If none of the questions is there.
        """
        frame = LabelTable.read(answers).frame
        there = [question for question in self.asked if question.column in frame]
        if not there:
            first = self.asked[0].column
            raise InputError(
                f"None of the {self.n_questions} questions is among the columns, {first!r} is not.",
                did_you_mean(first, map(str, frame.columns)),
                "Name the columns as tool.questions does.",
            )
        codes = read_answers(self.asked, frame)
        memberships = share_out(self.add_up(codes), self.sharpness)
        unsure = self.unsure_rule.is_unsure(memberships, (codes >= 0).sum(axis=1))
        words = [self.names[number] for number in sorted(self.names)]
        return list_assigned(frame.index, memberships, unsure, words)

    def add_up(self, codes: np.ndarray) -> np.ndarray:
        """Return scores from places of answers, shape (n_personas, n_people)."""
        scores = np.repeat(np.log(self.prior)[:, None], len(codes), axis=1)
        for number, block in enumerate(self.shares):
            given = codes[:, number]
            scores += np.log(block)[:, np.maximum(given, 0)] * (given >= 0)
        return scores

    # --- taking it along ----------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Return the tool as plain dicts, lists, numbers and text; it holds no people."""
        return write_tool(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | str) -> TypingTool:
        """Read what `to_json` wrote, checking all of it.

        Raises
        ------
        InputError
            Names the first thing that is not as it should be.
        """
        parts = read_tool(data)
        return cls(**{**parts, "figures": Figures(**parts["figures"])})

    def save(self, path: str | Path) -> Path:
        """Write the tool to a JSON file, whole or not at all.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        text = json.dumps(self.to_json(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
        return write_whole(path, text, "The typing tool")

    @classmethod
    def load(cls, path: str | Path) -> TypingTool:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            If there is no such file, or it is not as it should be.
        """
        return cls.from_json(read_text(path, "a file written by tool.save."))

    def to_python(self) -> str:
        """Return a Python module that needs nothing but Python: ``assign(answers) -> dict``.

        ``answers`` is a dict by the columns of `questions`; the result has persona_id, persona,
        membership, runner_up, unsure and memberships (by persona_id), as `assign` gives them.
        """
        return write_python(self)

    def to_sql(
        self, dialect: str = "duckdb", *, table: str | Path = "answers", user_id: str = "user_id"
    ) -> str:
        """Return one SELECT that gives what `assign` gives, from a table with the columns of `questions`.

        Parameters
        ----------
        dialect : {"duckdb", "spark", "postgres", "bigquery", "snowflake"}
        table : str or Path
            A table (dots part schema and name), or a Parquet file.
        user_id : str
            Column with the ids.
        """
        return write_sql(self, dialect, table=table, user_id=user_id)

    def questionnaire(self, title: str = "A few questions") -> str:
        """Return an HTML page to print on A4: the questions with boxes to tick, then the score card."""
        return write_questionnaire(self, title, *self._points())

    # --- showing ------------------------------------------------------------------------------

    def to_pandas(self) -> pd.DataFrame:
        """Return the questions."""
        return self.questions

    def headline(self) -> str:
        """Return how well so many questions do, beside all of them and beside none."""
        f = self.figures
        return (
            f"{self.n_questions} of {f.n_askable} questions tell the persona of {f.accuracy:.0%} of people "
            f"({f.accuracy / f.full_accuracy:.0%} of what all questions do, {f.full_accuracy:.0%}; the "
            f"largest persona alone: {f.baseline:.0%}; n = {f.n_people:,}, {f.cv} nested folds)."
        )

    def describe(self) -> list[str]:
        """Return what else should be known of the figures, sentence by sentence."""
        f = self.figures
        lost = f.accuracy - f.points_accuracy
        points = f"loses {lost:.1%}" if lost > 0.0005 else "loses nothing"
        sure = "" if f.sure_accuracy is None else f", and {f.sure_accuracy:.0%} of them are hit"
        return [
            f"{self.reason}.",
            f"{f.sure_share:.0%} of people are sure{sure}.",
            f"The score card in whole points {points} ({f.points_accuracy:.1%} against {f.accuracy:.1%}).",
            *self.notes,
        ]

    def __repr__(self) -> str:
        shown = self.questions[["order", "question", "asked", "answers"]]
        parts = [self.headline(), shown.to_string(index=False, max_colwidth=50)]
        hits = self.hits[["persona_id", "persona", "n", "hit_rate", "low", "high", "precision", "taken_for"]]
        parts.append(hits.to_string(index=False, max_colwidth=40, float_format="{:.2f}".format))
        return "\n".join([*parts, *self.describe()])

    def _repr_html_(self) -> str:
        said = "".join(f"<p>{html.escape(line)}</p>" for line in self.describe())
        return (
            f"<p><b>{html.escape(self.headline())}</b></p>"
            f"{render_html_table(self.questions)}{render_html_table(self.hits)}{said}"
        )
