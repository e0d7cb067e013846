"""Which message a message answers: a choice among those before it, and none of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtool.community.replies.features import find_candidates, pair_features, start_features
from segtool.community.replies.lines import Lines
from segtool.errors import InputError

RIDGE = 1.0  # on standardised features: some are rare, and a few hundred lines are little
LEAST_LINES = 100


@dataclass(frozen=True, eq=False)
class Choice:
    """What each line answers, if anything.

    Parameters
    ----------
    answers : ndarray of int, shape (n,)
        Row of the likeliest line of another person, -1 where nobody else wrote before.
    probability : ndarray of float, shape (n,)
        That the line answers this one.
    starts : ndarray of float, shape (n,)
        Probability that it answers none of those looked at.
    goes_on : ndarray of float, shape (n,)
        Probability that its author goes on from a line of their own.
    """

    answers: np.ndarray
    probability: np.ndarray
    starts: np.ndarray
    goes_on: np.ndarray


@dataclass(frozen=True)
class LinkModel:
    """Coefficients of a choice among the messages before one, and of answering none.

    Parameters
    ----------
    pair : dict
        Feature of a message and one before it -> coefficient.
    start : dict
        Feature of a message that answers none -> coefficient.
    fitted_on : str
        What it was fitted on, in words.
    """

    pair: dict[str, float]
    start: dict[str, float]
    fitted_on: str

    @property
    def reads_texts(self) -> bool:
        """Whether names and words speak for a link."""
        return "named" in self.pair

    def choose(self, lines: Lines, back: int) -> Choice:
        """Return for each line the likeliest line of another person, and how likely it is.

        Parameters
        ----------
        lines : Lines
        back : int
            Steps back that are looked at.
        """
        n = len(lines)
        found = Choice(np.full(n, -1), np.zeros(n), np.ones(n), np.zeros(n))
        for first, known, chunk in lines.chunks(back):
            chance, is_self = (part[known:] for part in self.chances(chunk, back))
            rows = np.arange(len(chance))
            own = slice(first, first + len(chance))
            found.starts[own] = chance[:, 0]
            others = np.where(is_self, 0, chance[:, 1:])
            found.goes_on[own] = np.where(is_self, chance[:, 1:], 0).sum(axis=1)
            best = others.argmax(axis=1)
            found.probability[own] = others[rows, best]
            found.answers[own] = np.where(others[rows, best] > 0, first + rows - best - 1, -1)
        return found

    def chances(self, lines: Lines, back: int) -> tuple[np.ndarray, np.ndarray]:
        """Return probabilities of none and of each line before, and which of these are the author's own.

        Returns
        -------
        chance : ndarray of float, shape (n, 1 + back)
            Sums to 1 over a row; the first column is none.
        is_self : ndarray of bool, shape (n, back)
        """
        there = find_candidates(lines, back)
        score = np.zeros((len(lines), back + 1), dtype=np.float32)
        is_self = np.zeros_like(there)
        for name, values in pair_features(lines, back):
            score[:, 1:] += np.float32(self.pair[name]) * values
            is_self = values > 0 if name == "own" else is_self
        for name, values in start_features(lines, back):
            score[:, 0] += np.float32(self.start[name]) * values
        score[:, 1:][~there] = -np.inf
        score -= score.max(axis=1, keepdims=True)
        chance = np.exp(score)
        return chance / chance.sum(axis=1, keepdims=True), is_self


def fit_links(
    lines: Lines, rows: np.ndarray, answers: list[list[int]], back: int, fitted_on: str, ridge: float = RIDGE
) -> LinkModel:
    """Fit the coefficients on lines of which people said what they answer.

    Parameters
    ----------
    lines : Lines
        All lines, those without annotation too: they are what others answer.
    rows : ndarray of int, shape (n_annotated,)
    answers : list of lists of int
        Rows that each of them answers; empty for one that starts something. Where there are several, any is right.
    back : int
    fitted_on : str
    ridge : float
        Penalty of squared coefficients of standardised features.

    Returns
    -------
    LinkModel

    Raises
    ------
    InputError
        If fewer than a hundred lines are annotated.

    References
    ----------
    McFadden (1974), conditional logit; the features follow Elsner and Charniak (2008,
    https://aclanthology.org/P08-1095) and Kummerfeld et al. (2019, https://aclanthology.org/P19-1374).
    """
    from threadpoolctl import threadpool_limits

    rows = np.asarray(rows, dtype=np.int64)
    if len(rows) < LEAST_LINES:
        raise InputError(
            f"{len(rows)} messages say what they answer.",
            f"at least {LEAST_LINES}, so that the coefficients mean something.",
            "Annotate more of them, or keep the coefficients that segtool brings.",
        )
    there = np.column_stack([np.ones(len(rows), dtype=bool), find_candidates(lines, back)[rows]])
    right = _mark_right(rows, answers, there)
    pair = {name: values[rows] for name, values in pair_features(lines, back)}
    start = {name: values[rows] for name, values in start_features(lines, back)}
    table = np.zeros((*there.shape, len(pair) + len(start)))
    table[:, 1:, : len(pair)] = np.stack(list(pair.values()), axis=2)
    table[:, 0, len(pair) :] = np.stack(list(start.values()), axis=1)
    scale = table[there].std(axis=0)
    scale[scale < 1e-9] = 1.0
    with threadpool_limits(1):  # the last bits must not depend on the machine
        weight = (_climb(table / scale, there, right, ridge) / scale).round(4).tolist()
    return LinkModel(
        pair=dict(zip(pair, weight[: len(pair)], strict=True)),
        start=dict(zip(start, weight[len(pair) :], strict=True)),
        fitted_on=fitted_on,
    )


def _mark_right(rows: np.ndarray, answers: list[list[int]], there: np.ndarray) -> np.ndarray:
    """Return which choices are right, shape (n_annotated, 1 + back); none where what is answered is out of reach."""
    right = np.zeros_like(there)
    for place, (row, own) in enumerate(zip(rows.tolist(), answers, strict=True)):
        right[place, [row - to for to in own if 1 <= row - to < there.shape[1]]] = True
    right &= there
    right[~right.any(axis=1), 0] = True
    return right


def _climb(table: np.ndarray, there: np.ndarray, right: np.ndarray, ridge: float) -> np.ndarray:
    """Return the weights under which the right choices together are the likeliest, less the penalty."""
    from scipy import optimize

    def loss(weight):
        score = np.where(there, table @ weight, -np.inf)
        score -= score.max(axis=1, keepdims=True)
        chance = np.exp(score)
        chance /= chance.sum(axis=1, keepdims=True)
        hit = np.where(right, chance, 0)
        total = np.maximum(hit.sum(axis=1, keepdims=True), 1e-300)
        slope = np.einsum("nk,nkf->f", chance - hit / total, table, optimize=True)
        return ridge * weight @ weight - np.log(total).sum(), slope + 2 * ridge * weight

    start = np.zeros(table.shape[2])
    return optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
