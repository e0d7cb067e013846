"""Models that never score those they learned from: five fits, each blind to a fifth of the respondents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

N_FOLDS = 5
# Strong shrinkage: some hundred answers against a hundred columns. Logistic beat boosted trees
# under about a thousand answers; above, trees are tried and must earn their place.
STRENGTH = 0.1
MIN_FOR_TREES = 1500
TREES_MUST_WIN = 0.99  # of the log-loss


@dataclass(frozen=True)
class CrossFit:
    """Models of one yes-or-no question.

    Parameters
    ----------
    models : tuple
        One per fold; their mean log-odds is the score of a new user.
    held_out : np.ndarray of shape (n_respondents,)
        Log-odds of each respondent from the model that had not seen them.
    kind : {"logistic", "trees"}
    """

    models: tuple[Any, ...]
    held_out: np.ndarray
    kind: str

    def score(self, design: np.ndarray) -> np.ndarray:
        """Return the mean log-odds of new users.

        Parameters
        ----------
        design : np.ndarray of shape (n_users, n_columns)
        """
        if self.kind == "logistic":
            weights = np.mean([model.coef_[0] for model in self.models], axis=0)
            return design @ weights + np.mean([model.intercept_[0] for model in self.models])
        return np.mean([model.decision_function(design) for model in self.models], axis=0)


def cross_fit(
    design: np.ndarray, is_yes: np.ndarray, *, random_state: int = 0, trees: bool = True
) -> CrossFit:
    """Fit one question.

    Parameters
    ----------
    design : np.ndarray of shape (n_respondents, n_columns)
        Standardised; rows sorted by user, so that the folds do not depend on the order of the data.
    is_yes : np.ndarray of bool, shape (n_respondents,)
        At least `N_FOLDS` of each kind.
    random_state : int
    trees : bool
        Whether boosted trees may be tried.

    Returns
    -------
    CrossFit
        Logistic; boosted trees where there are `MIN_FOR_TREES` respondents and trees lower the
        held-out log-loss by more than a hundredth.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        folds = make_folds(is_yes, random_state)
        best = _fit(design, is_yes, folds, "logistic", random_state)
        if trees and len(is_yes) >= MIN_FOR_TREES and min(is_yes.sum(), (~is_yes).sum()) >= 100:
            # The first fold shows whether trees have a chance; most labels stop there.
            first = _log_loss(_fit_fold(design, is_yes, folds[0], "trees", random_state)[1], is_yes, folds[0])
            if first < _log_loss(best.held_out[folds[0]], is_yes, folds[0]):
                trees = _fit(design, is_yes, folds, "trees", random_state)
                everyone = np.arange(len(is_yes))
                won = _log_loss(trees.held_out, is_yes, everyone)
                if won < TREES_MUST_WIN * _log_loss(best.held_out, is_yes, everyone):
                    best = trees
    return best


def make_folds(is_yes: np.ndarray, random_state: int) -> list[np.ndarray]:
    """Return the rows of each fold, with the same share of yes in all."""
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(N_FOLDS, shuffle=True, random_state=random_state)
    return [test for _, test in splitter.split(np.zeros(len(is_yes)), is_yes)]


def _fit(design, is_yes, folds: Sequence[np.ndarray], kind: str, random_state: int) -> CrossFit:
    held_out, models = np.empty(len(is_yes)), []
    for fold in folds:
        model, held_out[fold] = _fit_fold(design, is_yes, fold, kind, random_state)
        models.append(model)
    return CrossFit(tuple(models), held_out, kind)


def _fit_fold(design, is_yes, fold: np.ndarray, kind: str, random_state: int):
    seen = np.ones(len(is_yes), bool)
    seen[fold] = False
    model = _make_model(kind, random_state).fit(design[seen], is_yes[seen])
    return model, model.decision_function(design[fold])


def _make_model(kind: str, random_state: int):
    if kind == "logistic":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=STRENGTH, max_iter=1000)
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        learning_rate=0.06, max_iter=80, max_leaf_nodes=15, min_samples_leaf=30, l2_regularization=5.0,
        early_stopping=False, random_state=random_state,
    )  # fmt: skip


def _log_loss(scores: np.ndarray, is_yes: np.ndarray, rows: np.ndarray) -> float:
    return float(np.logaddexp(0, np.where(is_yes[rows], -scores, scores)).mean())
