"""How often the questions hit: nested folds, so that nobody is scored by questions chosen on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from segtool.personas.portrait.intervals import bound_share
from segtool.personas.typing_tool.points import round_table
from segtool.personas.typing_tool.select import select_questions
from segtool.personas.typing_tool.tables import FoldCounts, share_out

CURVE_COLUMNS = ["n_questions", "accuracy", "low", "high", "kappa", "share_of_full", "n"]
HITS_COLUMNS = [
    "persona_id", "persona", "n", "hit_rate", "low", "high",
    "n_assigned", "precision", "precision_low", "precision_high", "taken_for",
]  # fmt: skip
PRECISION = ["precision", "precision_low", "precision_high"]
SHARPNESS_RANGE = (0.2, 2.0)


@dataclass(frozen=True)
class NestedScores:
    """Scores of people by questions that were chosen, and tables that were learned, without them.

    Parameters
    ----------
    truth : np.ndarray of int, shape (n_people,)
    by_length : np.ndarray of shape (n_questions, n_personas, n_people)
        Score after one question, two questions, and so on.
    full : np.ndarray of shape (n_personas, n_people)
        Score from every question there is.
    chosen : tuple of list of int
        Questions in the order they were chosen, for each fold left out.
    """

    truth: np.ndarray
    by_length: np.ndarray
    full: np.ndarray
    chosen: tuple[list[int], ...]

    def hits(self, n_questions: int) -> np.ndarray:
        """Return whose persona was hit with so many questions, shape (n_people,)."""
        return self.by_length[n_questions - 1].argmax(axis=0) == self.truth

    @property
    def full_accuracy(self) -> float:
        """Share of hits with every question there is."""
        return float((self.full.argmax(axis=0) == self.truth).mean())


def score_nested(
    counts: FoldCounts, n_questions: int, *, known_share: np.ndarray, facets: Sequence[str]
) -> NestedScores:
    """Score each fold with questions chosen on the other folds.

    Inside, the questions are chosen by folds again: of five folds one is left out, and each of the
    other four is scored with the table of the remaining three.
    """
    n_questions = min(n_questions, len(counts.sizes))
    n, k = len(counts.truth), counts.n_personas
    by_length, full = np.zeros((n_questions, k, n)), np.zeros((k, n))
    chosen = []
    for fold in range(counts.n_folds):
        others = [other for other in range(counts.n_folds) if other != fold]
        picked = select_questions(counts, others, n_questions, known_share=known_share, facets=facets)
        rows, table = counts.rows(fold), counts.table(others)
        terms = table.terms(counts.codes[rows], range(len(counts.sizes)))
        by_length[:, :, rows] = table.prior[None, :, None] + np.cumsum(
            terms[:, :, picked].transpose(2, 0, 1), axis=0
        )
        full[:, rows] = table.prior[:, None] + terms.sum(axis=2)
        chosen.append(picked)
    return NestedScores(counts.truth, by_length, full, tuple(chosen))


def score_points(counts: FoldCounts, nested: NestedScores, n_questions: int) -> np.ndarray:
    """Return which people are hit when the interviewer adds up whole points, shape (n_people,)."""
    hits = np.zeros(len(counts.truth), bool)
    for fold, picked in enumerate(nested.chosen):
        others = [other for other in range(counts.n_folds) if other != fold]
        rows, asked = counts.rows(fold), picked[:n_questions]
        card = round_table(counts.table(others), counts.sizes, asked)
        hits[rows] = card.add_up(counts.codes[rows], asked).argmax(axis=0) == counts.truth[rows]
    return hits


def make_curve(nested: NestedScores) -> pd.DataFrame:
    """Return accuracy against length: one row per number of questions.

    Returns
    -------
    pd.DataFrame
        n_questions, accuracy (0 to 1), low, high (Wilson, 95 %), kappa, share_of_full (accuracy over
        that of every question there is), n (people).
    """
    k, n = nested.by_length.shape[1:]
    rows = []
    for length, scores in enumerate(nested.by_length, start=1):
        guess = scores.argmax(axis=0)
        hits = int((guess == nested.truth).sum())
        low, high = bound_share(hits, n)
        accuracy = hits / n
        kappa = cohens_kappa(nested.truth, guess, k)
        rows.append([length, accuracy, float(low), float(high), kappa, accuracy / nested.full_accuracy, n])
    return pd.DataFrame(rows, columns=CURVE_COLUMNS)


def cohens_kappa(truth: np.ndarray, guess: np.ndarray, n_personas: int) -> float:
    """Return the agreement beyond what the sizes of the personas give by chance; 1 is all, 0 is none.

    References
    ----------
    Cohen (1960), A coefficient of agreement for nominal scales, Educational and Psychological
    Measurement 20(1).

    Examples
    --------
    >>> cohens_kappa(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), 2)
    0.5
    """
    one = np.bincount(truth, minlength=n_personas) / len(truth)
    other = np.bincount(guess, minlength=n_personas) / len(truth)
    chance, seen = float(one @ other), float((truth == guess).mean())
    return (seen - chance) / (1 - chance) if chance < 1 else 0.0


def make_hits(
    truth: np.ndarray, guess: np.ndarray, names: dict[int, str], min_users: int = 1
) -> pd.DataFrame:
    """Return hit rate and precision of each persona, with 95 % Wilson intervals.

    Returns
    -------
    pd.DataFrame
        persona_id, persona, n (people of the persona), hit_rate (share of them that is recognised),
        low, high, n_assigned (people taken for it), precision (share of those who are), its
        interval, taken_for (the persona its people are most often mistaken for; empty if never).
        Sizes under ``min_users`` are missing with all that is said of them; so is another one where
        the total would tell.
    """
    k = len(names)
    table = np.bincount(truth * k + guess, minlength=k * k).reshape(k, k)
    hit, members, assigned = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    wrong = table - np.diag(hit)
    low, high = bound_share(hit, members)
    precision_low, precision_high = bound_share(hit, assigned)
    with np.errstate(invalid="ignore"):
        hit_rate, precision = hit / members, hit / assigned
    words = [names[number] for number in sorted(names)]
    found = pd.DataFrame(
        {
            "persona_id": np.arange(1, k + 1), "persona": words, "n": members, "hit_rate": hit_rate,
            "low": low, "high": high, "n_assigned": assigned, "precision": precision,
            "precision_low": precision_low, "precision_high": precision_high,
            "taken_for": [words[row.argmax()] if row.any() else "" for row in wrong],
        }
    )  # fmt: skip
    for size, told in (("n", ["hit_rate", "low", "high"]), ("n_assigned", PRECISION)):
        few = pd.Series(find_few(found[size].to_numpy(), min_users), index=found.index)
        if few.any():
            found[size] = found[size].astype("Int64").mask(few)
            found[told] = found[told].mask(few)
            if size == "n":
                found["taken_for"] = found["taken_for"].mask(few, "")
    return found[HITS_COLUMNS]


def find_few(sizes: np.ndarray, min_users: int) -> np.ndarray:
    """Return which sizes are small, and the next larger ones while the total tells how few those are.

    Examples
    --------
    >>> find_few(np.array([90, 30, 2, 0]), 5).tolist()
    [False, True, True, False]
    """
    few = (sizes > 0) & (sizes < min_users)
    while 0 < sizes[few].sum() < min_users and (sizes[~few] > 0).any():
        few = few | (sizes == sizes[~few & (sizes > 0)].min())
    return few


def fit_sharpness(scores: np.ndarray, truth: np.ndarray) -> float:
    """Return what scores must be multiplied with for memberships to be as sure as they are right.

    One number, by maximum likelihood on people the scores were not learned from. Answers that say
    partly the same count double in naive Bayes; who is likeliest stays as it is.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger (2017), On calibration of modern neural networks, ICML.
    """

    def loss(sharpness: float) -> float:
        chances = share_out(scores, sharpness)[np.arange(len(truth)), truth]
        return float(-np.log(np.maximum(chances, 1e-300)).mean())

    found = minimize_scalar(loss, bounds=SHARPNESS_RANGE, method="bounded", options={"xatol": 1e-4})
    return round(float(found.x), 3)


def choose_length(curve: pd.DataFrame, least_share: float) -> tuple[int, str]:
    """Return the shortest good length of a curve, and the reason in words.

    Good is what comes within one standard error of the best accuracy on the curve, or reaches
    ``least_share`` of it, whichever asks for fewer questions: more of them tire people for nothing.
    """
    best = curve.loc[curve["accuracy"].idxmax()]
    error = float(np.sqrt(best["accuracy"] * (1 - best["accuracy"]) / best["n"]))
    by_error, by_share = best["accuracy"] - error, least_share * best["accuracy"]
    enough = curve[curve["accuracy"] >= min(by_error, by_share)]
    length = int(enough["n_questions"].iloc[0])
    rule = "within one standard error" if by_error < by_share else f"{least_share:.0%}"
    reason = (
        f"{length} questions are the shortest set that reaches {rule} of the best accuracy up to "
        f"{int(curve['n_questions'].max())} questions "
        f"({best['accuracy']:.0%} with {int(best['n_questions'])})"
    )
    return length, reason.replace("within one standard error of", "one standard error below")
