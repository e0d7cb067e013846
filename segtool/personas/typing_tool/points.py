"""The score card: whole points an interviewer can add up, and what rounding costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from segtool.personas.typing_tool.tables import ScoreTable

# On the circle sample a card of 20 points loses 1 to 2 points of accuracy, one of 10 twice as much; with 30
# adding up takes paper.
MAX_POINTS = 20


def round_points(prior: np.ndarray, answers: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the points to start with and the points of each answer, whole and from 0.

    Parameters
    ----------
    prior : np.ndarray of shape (n_personas,)
        Logarithms of shares, as in all that follow.
    answers : sequence of np.ndarray, each of shape (n_personas, n_answers)

    Returns
    -------
    prior : np.ndarray of int, shape (n_personas,)
    answers : list of np.ndarray of int

    Notes
    -----
    Of an answer only the differences between personas matter, so the lowest becomes 0; the largest
    difference of all becomes 20.

    Examples
    --------
    >>> prior, answers = round_points(np.log([0.5, 0.5]), [np.log([[0.9, 0.1], [0.3, 0.7]])])
    >>> prior.tolist(), answers[0].tolist()
    ([0, 0], [[11, 0], [0, 20]])
    """
    lifted, scale = [_lift(block) for block in (prior[:, None], *answers)], points_per_unit(prior, answers)
    # Half up, not half to even: a card that is made twice shall not differ by a last bit.
    rounded = [np.floor(scale * block + 0.5 + 1e-9).astype(np.int64) for block in lifted]
    return rounded[0][:, 0], rounded[1:]


def points_per_unit(prior: np.ndarray, answers: Sequence[np.ndarray]) -> float:
    """Return how many points a difference of 1 in the score is."""
    most = max(float(_lift(block).max()) for block in (prior[:, None], *answers))
    return MAX_POINTS / most if most > 0 else 0.0


def _lift(block: np.ndarray) -> np.ndarray:
    return block - block.min(axis=0)


def round_table(table: ScoreTable, sizes: np.ndarray, questions: Sequence[int]) -> ScoreTable:
    """Return a score table in whole points, for some of its questions."""
    blocks = [
        table.answers[:, table.offsets[question] : table.offsets[question] + sizes[question]]
        for question in questions
    ]
    prior, rounded = round_points(table.prior, blocks)
    answers = np.zeros(table.answers.shape)
    for question, block in zip(questions, rounded, strict=True):
        answers[:, table.offsets[question] : table.offsets[question] + sizes[question]] = block
    return ScoreTable(prior.astype(float), answers, table.offsets)
