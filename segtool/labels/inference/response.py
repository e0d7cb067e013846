"""Who answered, and what follows: weights for uneven answering, and what nobody can repair without a margin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtool.labels.inference.calibrate import auc_with_interval
from segtool.labels.inference.crossfit import CrossFit, cross_fit
from segtool.labels.inference.curve import shift_odds

# Answering counts as uneven when behaviour tells those who answered at least so well.
UNEVEN_AUC = 0.55
TRIM = (0.2, 5.0)
MIN_OTHERS, OTHERS_EACH = 2000, 5
# How much likelier holders of a value may have been to answer, for the sensitivity band.
LIKELIER = (2, 3)
UNEVEN_Z = 3.0


@dataclass(frozen=True)
class Response:
    """How even the answering was.

    Parameters
    ----------
    weights : np.ndarray of shape (n_respondents,)
        How many users each respondent stands for, mean 1; ones where answering looks even.
    auc : float
        How well behaviour tells who answered, on held-out users; 0.5 is not at all.
    is_uneven : bool
    """

    weights: np.ndarray
    auc: float
    is_uneven: bool


def weigh_response(design: np.ndarray, answered: np.ndarray, *, random_state: int = 0) -> Response:
    """Weigh respondents by how unlikely it was that somebody like them answered.

    Parameters
    ----------
    design : np.ndarray of shape (n_users, n_columns)
        Users who answered and a fair sample of all others.
    answered : np.ndarray of bool, shape (n_users,)
    random_state : int

    Returns
    -------
    Response
        Inverse probabilities, trimmed to `TRIM` times their mean. They are for prevalence and for
        checking thresholds: in the model itself, given the same features, they only cost precision.

    References
    ----------
    Little and Rubin (2002), Statistical analysis with missing data, ch. 3.
    """
    n_answered = int(answered.sum())
    even = Response(np.ones(n_answered), 0.5, False)
    if min(n_answered, int((~answered).sum())) < 50 or not design.shape[1]:
        return even
    # Every step-th of those who did not answer: five for each respondent tell as much as all.
    others = np.flatnonzero(~answered)
    step = max(1, len(others) // max(MIN_OTHERS, OTHERS_EACH * n_answered))
    used = answered.copy()
    used[others[::step]] = True
    fitted: CrossFit = cross_fit(design[used], answered[used], random_state=random_state, trees=False)
    auc, low, _ = auc_with_interval(fitted.held_out, answered[used])
    if auc < UNEVEN_AUC or low <= 0.5:
        return Response(even.weights, auc, False)
    against = step * np.exp(-np.clip(fitted.held_out[answered[used]], -30, 30))
    return Response(trim_weights(1 + against), auc, True)


def trim_weights(weights: np.ndarray) -> np.ndarray:
    """Return weights of mean 1, none beyond `TRIM` times the mean.

    Examples
    --------
    >>> trim_weights(np.array([1.0, 1.0, 1.0, 100.0])).round(2)
    array([0.18, 0.18, 0.18, 3.46])
    """
    weights = np.clip(weights / max(weights.mean(), 1e-300), *TRIM)
    return weights / weights.mean()


def effective_number(weights: np.ndarray) -> float:
    """Return how many equal respondents tell as much (Kish)."""
    return float(weights.sum() ** 2 / max((weights**2).sum(), 1e-300))


def odds_to_margin(
    share_known: float, n_users: int, n_yes: int, n_answered: int, share: float
) -> float | None:
    """Return the odds of a value among those who did not answer, over those who did.

    Parameters
    ----------
    share_known : float
        Its share of all users, from elsewhere.
    n_users, n_yes, n_answered : int
    share : float
        Its (weighted) share of the answers.

    Returns
    -------
    float or None
        None when the margin cannot be: more users answered so than there should be.

    Examples
    --------
    >>> round(odds_to_margin(0.1, 10_000, 90, 300, 0.3), 3)
    0.242
    """
    left = n_users - n_answered
    expected = share_known * n_users - n_yes
    if left <= 0 or not 0 < share < 1:
        return 1.0
    if not 0 < expected < left:
        return None
    return float((expected / (left - expected)) / (share / (1 - share)))


def precision_if(precision: float, times: float) -> float:
    """Return what a precision would be if holders were so many times likelier to answer.

    Examples
    --------
    >>> round(precision_if(0.84, 2), 2)
    0.72
    """
    return float(shift_odds(precision, 1 / times))


def differs(respondents: np.ndarray, others: np.ndarray) -> bool:
    """Whether those who answered score otherwise than the rest, beyond chance.

    Parameters
    ----------
    respondents, others : np.ndarray
        Held-out scores, and scores of users who did not answer. Either behaviour decided who
        answered, or the answer itself did; no data tells the two apart.
    """
    if len(respondents) < 30 or len(others) < 30:
        return False
    spread = respondents.var() / len(respondents) + others.var() / len(others)
    return bool(abs(respondents.mean() - others.mean()) > UNEVEN_Z * np.sqrt(max(spread, 1e-300)))
