"""From log-odds to probabilities that come true, and how well scores separate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Steps need many positives; below, two parameters do better.
MIN_FOR_STEPS = 1000
CLIP = 1e-3


@dataclass(frozen=True)
class Calibration:
    """Log-odds to probabilities: a line on the log-odds, or monotone steps.

    Parameters
    ----------
    slope, intercept : float
        Of the line.
    steps : tuple of two np.ndarray, optional
        Scores and probabilities of the steps, which replace the line.
    """

    slope: float
    intercept: float
    steps: tuple[np.ndarray, np.ndarray] | None = None

    def probability(self, scores: np.ndarray) -> np.ndarray:
        """Return the probability of each score."""
        if self.steps is not None:
            return np.clip(np.interp(scores, *self.steps), CLIP, 1 - CLIP)
        from scipy.special import expit

        return np.clip(expit(self.slope * scores + self.intercept), CLIP, 1 - CLIP)


def calibrate(scores: np.ndarray, is_yes: np.ndarray, weights: np.ndarray | None = None) -> Calibration:
    """Learn probabilities from held-out scores.

    Parameters
    ----------
    scores : np.ndarray of shape (n_respondents,)
    is_yes : np.ndarray of bool, shape (n_respondents,)
    weights : np.ndarray, optional
        How much each respondent counts.

    Returns
    -------
    Calibration
        Platt's line; isotonic steps from `MIN_FOR_STEPS` positives.

    References
    ----------
    Platt (1999), Probabilistic outputs for support vector machines, with his softened targets;
    Zadrozny and Elkan (2002) for isotonic calibration.

    Examples
    --------
    >>> scores = np.linspace(-2, 2, 200)
    >>> calibrate(scores, scores > 0).probability(np.array([-1.0, 1.0])).round(2)
    array([0., 1.])
    """
    weights = np.ones(len(scores)) if weights is None else np.asarray(weights, float)
    n_yes, n_no = int(is_yes.sum()), int((~is_yes).sum())
    if min(n_yes, n_no) >= MIN_FOR_STEPS:
        from sklearn.isotonic import IsotonicRegression

        steps = IsotonicRegression(out_of_bounds="clip").fit(
            scores, is_yes.astype(float), sample_weight=weights
        )
        return Calibration(1.0, 0.0, (steps.X_thresholds_, steps.y_thresholds_))
    # Targets short of 0 and 1: without them, scores that separate the answers get no finite line.
    target = np.where(is_yes, (n_yes + 1) / (n_yes + 2), 1 / (n_no + 2))
    return Calibration(*_fit_line(scores, target, weights / max(weights.mean(), 1e-300)))


def _fit_line(scores: np.ndarray, target: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Return slope and intercept of a logistic line, by Newton's method."""
    from scipy.special import expit

    columns = np.column_stack([scores, np.ones(len(scores))])
    line = np.array([1.0, 0.0])
    for _ in range(100):
        p = expit(columns @ line)
        gradient = columns.T @ (weights * (target - p)) - 1e-6 * line
        curvature = (columns * (weights * p * (1 - p))[:, None]).T @ columns + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        step *= min(1.0, 5.0 / max(np.abs(step).max(), 1e-12))
        line = line + step
        if np.abs(step).max() < 1e-9:
            break
    # A falling line would turn the order of the scores round: then they tell nothing.
    return max(float(line[0]), 0.0), float(line[1])


def auc_with_interval(
    scores: np.ndarray, is_yes: np.ndarray, level: float = 0.95
) -> tuple[float, float, float]:
    """Return the area under the ROC curve and its interval.

    References
    ----------
    Hanley and McNeil (1982), Radiology 143.

    Examples
    --------
    >>> auc_with_interval(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, False, True, True]))[0]
    1.0
    """
    from scipy.stats import norm, rankdata

    n_yes, n_no = int(is_yes.sum()), int((~is_yes).sum())
    if not n_yes or not n_no:
        return np.nan, np.nan, np.nan
    auc = (rankdata(scores)[is_yes].sum() - n_yes * (n_yes + 1) / 2) / (n_yes * n_no)
    both, either = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (n_yes - 1) * (both - auc**2) + (n_no - 1) * (either - auc**2)
    reach = norm.ppf(0.5 + level / 2) * np.sqrt(max(variance, 0.0) / (n_yes * n_no))
    return float(auc), float(max(auc - reach, 0.0)), float(min(auc + reach, 1.0))
