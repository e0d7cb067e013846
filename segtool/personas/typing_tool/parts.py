"""What a typing tool is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.personas.membership import UnsureRule
from segtool.personas.typing_tool.questions import Question


@dataclass(frozen=True)
class Figures:
    """What was measured by nested folds; every share is of ``n_people``.

    Parameters
    ----------
    n_people : int
        People the questions were chosen and measured on.
    n_askable : int
        Questions there were to choose from: the full battery.
    accuracy, full_accuracy : float
        Share of people whose persona is hit with the chosen number of questions, and with all.
    baseline : float
        The same if everyone were taken for the largest persona.
    points_accuracy : float
        The same by adding up the whole points of the score card.
    sure_share, sure_accuracy : float
        Share of people who are not ``unsure``, and share of hits among them (None if there are none).
    cv, random_state : int
    """

    n_people: int
    n_askable: int
    accuracy: float
    full_accuracy: float
    baseline: float
    points_accuracy: float
    sure_share: float
    sure_accuracy: float | None
    cv: int
    random_state: int


@dataclass(frozen=True, eq=False, repr=False)
class ToolParts:
    """Questions, score table and figures: all that is written into a file, a page or a statement.

    Parameters
    ----------
    names : dict of int to str
        Persona names by persona_id, from 1.
    asked : tuple of Question
        In the order in which they were chosen: the first tells most.
    prior : np.ndarray of shape (n_personas,)
        Shares of the personas.
    shares : tuple of np.ndarray, each of shape (n_personas, n_answers)
        For each question the share of each answer in each persona.
    sharpness : float
        What the scores are multiplied with before they become memberships (see `fit_sharpness`).
    curve : pd.DataFrame
        Accuracy against length: n_questions, accuracy, low, high, kappa, share_of_full, n.
    hits : pd.DataFrame
        Hit rate and precision of each persona, with intervals.
    figures : Figures
    reason : str
        Why so many questions.
    min_membership, min_margin : float
        People below are ``unsure``.
    min_answers : int
        So are people with fewer answers.
    notes : tuple of str
        What a reader should know before trusting the figures.
    min_users : int
        No answer, share or size tells of fewer people; 1 if nothing was hidden.
    """

    names: dict[int, str]
    asked: tuple[Question, ...]
    prior: np.ndarray
    shares: tuple[np.ndarray, ...]
    sharpness: float
    curve: pd.DataFrame
    hits: pd.DataFrame
    figures: Figures
    reason: str
    min_membership: float = 0.6
    min_margin: float = 0.2
    min_answers: int = 3
    notes: tuple[str, ...] = ()
    min_users: int = 1

    @property
    def n_questions(self) -> int:
        return len(self.asked)

    @property
    def unsure_rule(self) -> UnsureRule:
        """Who is unsure; the questions are what must be known of a person."""
        asked = tuple(question.column for question in self.asked)
        return UnsureRule(self.min_membership, self.min_margin, self.min_answers, asked)
