"""Who resembles a list of people: seeds against everybody, judged on seeds the model had not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtool.labels.inference.calibrate import Calibration, auc_with_interval, calibrate
from segtool.labels.inference.crossfit import CrossFit, cross_fit
from segtool.labels.inference.curve import exact_bounds
from segtool.labels.inference.tasks import Resemblance

RISK = 0.05
DIGITS = 6


@dataclass
class Likeness:
    """A model of resemblance, or why there is none."""

    report: dict[str, object]
    model: CrossFit | None = None
    calibration: Calibration | None = None

    @property
    def speaks(self) -> bool:
        """Whether anybody is said to resemble."""
        return self.model is not None

    def score(self, design: np.ndarray) -> np.ndarray:
        """Return the score of users."""
        return np.round(self.model.score(design), DIGITS)


def find_likeness(
    design: np.ndarray, is_seed: np.ndarray, goal: Resemblance, *, random_state: int = 0
) -> Likeness:
    """Learn what tells seeds from everybody.

    Seeds are positives and everybody else is unlabelled: some of them may belong on the list. That
    leaves the order of the scores as it would be, so users are ranked, and what is promised is
    the rank.

    Parameters
    ----------
    design : np.ndarray of shape (n_sampled, n_columns)
        Seeds and a fair sample of all others (or everybody), sorted by user.
    is_seed : np.ndarray of bool, shape (n_sampled,)
    goal : Resemblance
    random_state : int

    Returns
    -------
    Likeness
        It speaks only when held-out seeds stand above others: the interval of the AUC is above
        one half, and more of them are in the top share than chance would put there.

    References
    ----------
    Elkan and Noto (2008), Learning classifiers from only positive and unlabeled data.
    """
    n_seeds, n_others = int(is_seed.sum()), int((~is_seed).sum())
    report: dict[str, object] = {
        "value": goal.says, "n_respondents": n_seeds, "n_positive": n_seeds, "n_effective": float(n_seeds),
        "verdict": "abstains", "flag": "", "model": "",
    }  # fmt: skip
    if n_seeds < goal.min_seeds or n_others < goal.min_seeds:
        report["reason"] = f"{n_seeds} seeds and {n_others} others; {goal.min_seeds} of each are needed"
        return Likeness(report)
    if not design.shape[1]:
        report["reason"] = "there is no measure or profile column to compare"
        return Likeness(report)
    fit = cross_fit(design, is_seed, random_state=random_state, trees=False)
    auc, low, high = auc_with_interval(fit.held_out, is_seed)
    found, found_low, found_high = share_found(fit.held_out, is_seed, goal.share)
    report |= {
        "auc": auc, "auc_low": low, "auc_high": high, "model": fit.kind, "precision": np.nan,
        "share_found": found, "share_found_low": found_low, "share_found_high": found_high,
    }  # fmt: skip
    words = (
        f"{found:.0%} of held-out seeds are in the top {goal.share:.0%} of users, "
        f"AUC {auc:.2f} ({low:.2f} to {high:.2f})"
    )
    if low <= 0.5 or found_low <= goal.share:
        report["reason"] = f"seeds are not found better than chance: {words}"
        return Likeness(report)
    report |= {"verdict": "infers", "reason": words}
    # At even odds: how sure one could be that of a seed and a random user, this is the seed.
    balance = np.where(is_seed, 0.5 / n_seeds, 0.5 / n_others)
    calibration = calibrate(np.round(fit.held_out, DIGITS), is_seed, balance)
    return Likeness(report, fit, calibration)


def share_found(scores: np.ndarray, is_seed: np.ndarray, share: float) -> tuple[float, float, float]:
    """Return the share of seeds above the cut that a share of the others is above, with exact bounds.

    Examples
    --------
    >>> scores, is_seed = np.arange(100.0), np.arange(100) >= 90
    >>> share_found(scores, is_seed, 0.1)[0]
    1.0
    """
    cut = np.quantile(scores[~is_seed], 1 - share)
    found, n = int((scores[is_seed] > cut).sum()), int(is_seed.sum())
    low, high = exact_bounds(found, n, RISK)
    return found / n, float(low), float(high)


def cut_for(scores: np.ndarray, share: float) -> float:
    """Return the score from which users are in the top share; equal scores are never parted.

    Examples
    --------
    >>> cut_for(np.array([1.0, 2.0, 2.0, 3.0]), 0.5)
    3.0
    """
    n_top = int(np.floor(share * len(scores)))
    if not n_top:
        return np.inf
    ordered = np.sort(scores)[::-1]
    cut = ordered[n_top - 1]
    # More users share this score than there is room for: none of them, rather than some by chance.
    if (scores >= cut).sum() > n_top:
        above = ordered[ordered > cut]
        return float(above[-1]) if len(above) else np.inf
    return float(cut)
