"""What precision can be promised: exact bounds on held-out respondents, threshold by threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

# Thresholds tried: so many sizes of the top group, geometric, from the smallest that can prove anything.
N_SIZES = 25
MIN_TOP = 15


def exact_bounds(n_right, n, risk: float):
    """Return the exact lower and upper bound of a share, each wrong with probability ``risk``.

    Parameters
    ----------
    n_right, n : float or array
        Successes and trials; effective numbers need not be whole.
    risk : float
        One-sided, for each bound.

    Returns
    -------
    (low, high)

    References
    ----------
    Clopper and Pearson (1934), Biometrika 26, in its form with quantiles of the Beta distribution.

    Examples
    --------
    >>> [round(float(bound), 3) for bound in exact_bounds(84, 100, 0.1)]
    [0.783, 0.886]
    """
    from scipy.stats import beta

    n_right, n = np.asarray(n_right, float), np.asarray(n, float)
    n_wrong = np.maximum(n - n_right, 0.0)
    with np.errstate(invalid="ignore"):
        low = np.where(n_right > 0, beta.ppf(risk, np.maximum(n_right, 1e-12), n_wrong + 1), 0.0)
        high = np.where(n_wrong > 0, beta.ppf(1 - risk, n_right + 1, np.maximum(n_wrong, 1e-12)), 1.0)
    return low, high


def shift_odds(share, ratio: float):
    """Return a share after its odds are multiplied.

    Examples
    --------
    >>> round(float(shift_odds(0.8, 0.5)), 4)
    0.6667
    """
    share = np.asarray(share, float)
    return share * ratio / (share * ratio + 1 - share)


@dataclass(frozen=True)
class HeldOut:
    """Respondents with the score they got from models that had not seen them.

    Parameters
    ----------
    scores : np.ndarray of shape (n_respondents,)
        Higher means likelier.
    is_right : np.ndarray of bool, shape (n_respondents,)
        Whether they gave the value.
    is_candidate : np.ndarray of bool, shape (n_respondents,)
        Whether the value would be said of them at all: no other value is likelier.
    weights : np.ndarray of shape (n_respondents,)
        How many users each stands for; ones when all count the same.
    odds_ratio : float
        Odds of the value among those who did not answer over those who did, as far as a share
        known from elsewhere says; 1 when nothing is known.
    """

    scores: np.ndarray
    is_right: np.ndarray
    is_candidate: np.ndarray
    weights: np.ndarray
    odds_ratio: float = 1.0


def precision_curve(held_out: HeldOut, risk: float) -> pd.DataFrame:
    """Return precision against coverage over thresholds, with exact bounds.

    The bounds are those of a binomial share of the effective number of respondents (Kish); a known
    share of the value outside shifts their odds, which keeps them exact: with classes reweighted,
    how many of the top group are right is still binomial among those who answered.

    Parameters
    ----------
    held_out : HeldOut
    risk : float
        That a lower bound is too high.

    Returns
    -------
    pd.DataFrame
        threshold, n (respondents at or above it), n_right, n_effective, coverage (their weight
        among all respondents), precision, low, high; strictest threshold first.

    References
    ----------
    Geifman and El-Yaniv (2017), Selective classification for deep neural networks; Kish (1965).
    """
    places = np.flatnonzero(held_out.is_candidate)
    order = places[np.argsort(-held_out.scores[places], kind="stable")]
    scores, right, weights = held_out.scores[order], held_out.is_right[order], held_out.weights[order]
    ends = _group_ends(scores)
    total = np.cumsum(weights)[ends]
    n_effective = total**2 / np.maximum(np.cumsum(weights**2)[ends], 1e-300)
    share = np.cumsum(weights * right)[ends] / np.maximum(total, 1e-300)
    low, high = exact_bounds(share * n_effective, n_effective, risk)
    shifted = [shift_odds(each, held_out.odds_ratio) for each in (share, low, high)]
    return pd.DataFrame(
        {
            "threshold": scores[ends],
            "n": ends + 1,
            "n_right": np.cumsum(right)[ends].astype(np.int64),
            "n_effective": n_effective,
            "coverage": total / max(held_out.weights.sum(), 1e-300),
            "precision": shifted[0],
            "low": shifted[1],
            "high": shifted[2],
        }
    )


def _group_ends(scores: np.ndarray) -> np.ndarray:
    """Return the last place of each top group; equal scores are never parted."""
    n = len(scores)
    if n < MIN_TOP:
        return np.array([], dtype=np.int64)
    sizes = np.unique(np.round(np.geomspace(MIN_TOP, n, N_SIZES)).astype(np.int64))
    ends = np.searchsorted(-scores, -scores[sizes - 1], side="right") - 1
    return np.unique(ends)


def certify(curve: pd.DataFrame, target: float) -> pd.Series | None:
    """Return the row of the loosest threshold whose lower bound holds the target, if one does.

    Parameters
    ----------
    curve : pd.DataFrame
        As `precision_curve` gives it.
    target : float
        The precision that is promised.
    """
    holding = curve[curve["low"] >= target]
    return None if holding.empty else holding.loc[holding["n"].idxmax()]
