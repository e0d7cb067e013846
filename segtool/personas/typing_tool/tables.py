"""Score tables: how often each answer is given in each persona, and what follows from some answers.

The score of a persona is the log of its share plus, for each answer given, the log of that answer's
share in the persona (naive Bayes, which is a latent class model with the classes known). An answer
that is missing adds nothing. Everything is counted once per fold of people: the table of any set of
folds is the sum of their counts, so that nested folds cost no more than plain ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

# Strength of the Dirichlet prior, in people per persona and question, spread as everyone answers: a
# persona of 40 people may have nobody who ticked an answer, and is not ruled out by it.
PRIOR_PEOPLE = 5.0


@dataclass(frozen=True)
class ScoreTable:
    """Log shares of personas and of answers in them.

    Parameters
    ----------
    prior : np.ndarray of shape (n_personas,)
    answers : np.ndarray of shape (n_personas, n_answers in all)
        Question after question.
    offsets : np.ndarray of int, shape (n_questions,)
        Where each question begins.
    """

    prior: np.ndarray
    answers: np.ndarray
    offsets: np.ndarray

    def add_up(self, codes: np.ndarray, questions: Sequence[int]) -> np.ndarray:
        """Return the score of each persona from the answers to some questions.

        Parameters
        ----------
        codes : np.ndarray of int, shape (n_people, n_questions)
        questions : sequence of int

        Returns
        -------
        np.ndarray of shape (n_personas, n_people)
        """
        scores = np.repeat(self.prior[:, None], len(codes), axis=1)
        for question in questions:
            scores += self.terms(codes[:, [question]], [question])[:, :, 0]
        return scores

    def terms(self, codes: np.ndarray, questions: Sequence[int]) -> np.ndarray:
        """Return what each answer adds to the score, shape (n_personas, n_people, n_questions)."""
        places = self.offsets[np.asarray(questions)] + np.maximum(codes, 0)
        return self.answers[:, places] * (codes >= 0)


@dataclass(frozen=True)
class FoldCounts:
    """Answers counted by fold, persona and answer.

    Parameters
    ----------
    codes : np.ndarray of int, shape (n_people, n_questions)
        Place of each answer, -1 where unknown.
    sizes : np.ndarray of int, shape (n_questions,)
        Answers per question.
    truth : np.ndarray of int, shape (n_people,)
        Persona of each person, from 0.
    folds : np.ndarray of int, shape (n_people,)
    n_personas : int
    base : int
        Tables are learned from counts rounded to multiples of it, so that exact ones do not follow.
    """

    codes: np.ndarray
    sizes: np.ndarray
    truth: np.ndarray
    folds: np.ndarray
    n_personas: int
    base: int = 1

    @property
    def n_folds(self) -> int:
        return int(self.folds.max()) + 1

    @cached_property
    def offsets(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(self.sizes)[:-1]]).astype(np.int64)

    @cached_property
    def _people(self) -> np.ndarray:
        """People per fold and persona, shape (n_folds, n_personas)."""
        groups = self.folds * self.n_personas + self.truth
        counts = np.bincount(groups, minlength=self.n_folds * self.n_personas)
        return counts.reshape(self.n_folds, self.n_personas).astype(float)

    @cached_property
    def _answers(self) -> np.ndarray:
        """Answers per fold and persona, shape (n_folds, n_personas, n_answers)."""
        rows, questions = np.nonzero(self.codes >= 0)
        places = self.offsets[questions] + self.codes[rows, questions]
        groups = self.folds * self.n_personas + self.truth
        shape = (self.n_folds * self.n_personas, int(self.sizes.sum()))
        counts = sparse.coo_matrix((np.ones(len(rows)), (groups[rows], places)), shape=shape).toarray()
        return counts.reshape(self.n_folds, self.n_personas, -1)

    def table(self, folds: Sequence[int]) -> ScoreTable:
        """Return the score table learned from the people of some folds."""
        people = round_counts(self._people[list(folds)].sum(axis=0), self.base)
        counts = round_counts(self._answers[list(folds)].sum(axis=0), self.base)
        question = np.repeat(np.arange(len(self.sizes)), self.sizes)
        everyone = counts.sum(axis=0)
        known = np.add.reduceat(everyone, self.offsets)
        # Half an imagined person per answer: a share of exactly 0 would have no logarithm.
        share = (everyone + 0.5) / (known + 0.5 * self.sizes)[question]
        in_persona = np.add.reduceat(counts, self.offsets, axis=1)[:, question]
        smooth = (counts + PRIOR_PEOPLE * share) / (in_persona + PRIOR_PEOPLE)
        prior = np.log((people + 1) / (people.sum() + self.n_personas))
        return ScoreTable(prior, np.log(smooth), self.offsets)

    def rows(self, fold: int) -> np.ndarray:
        """Return which people are in a fold."""
        return np.flatnonzero(self.folds == fold)


def round_counts(counts: np.ndarray, base: int) -> np.ndarray:
    """Return counts as the nearest multiples of a base.

    Totals must be taken of the rounded counts: with an exact one beside them a count may follow.

    Examples
    --------
    >>> round_counts(np.array([1.0, 2.0, 3.0, 49.0]), 5).tolist()
    [0.0, 0.0, 5.0, 50.0]
    """
    return counts if base == 1 else base * np.floor(counts / base + 0.5)


def share_out(scores: np.ndarray, sharpness: float = 1.0) -> np.ndarray:
    """Return memberships from scores, shape (n_people, n_personas).

    Parameters
    ----------
    scores : np.ndarray of shape (n_personas, n_people)
    sharpness : float
        What the scores are multiplied with first: 1 takes answers for independent within a persona,
        less allows for their saying partly the same.

    Examples
    --------
    >>> share_out(np.log([[0.8], [0.2]])).round(2).tolist()
    [[0.8, 0.2]]
    """
    scaled = sharpness * scores
    odds = np.exp(scaled - scaled.max(axis=0))
    return (odds / odds.sum(axis=0)).T


def deal_folds(truth: np.ndarray, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """Deal people into folds, each persona evenly.

    Examples
    --------
    >>> folds = deal_folds(np.array([0, 0, 0, 0, 1, 1]), 2, np.random.default_rng(0))
    >>> np.bincount(folds).tolist()
    [3, 3]
    """
    folds = np.empty(len(truth), dtype=np.int64)
    dealt = 0
    for persona in np.unique(truth):
        people = rng.permutation(np.flatnonzero(truth == persona))
        folds[people] = (dealt + np.arange(len(people))) % n_folds
        dealt += len(people)
    return folds
