"""What each vote is worth: witnesses who say the same for the same reason share one voice.

Three rules over the same events agree far beyond what the truth explains. The correlation of their
errors, given the truth, turns them into an effective number of witnesses, and one factor per tier,
fitted on the users a person or a survey speaks about, takes out what over-confidence is left.

References
----------
Kish (1965), "Survey sampling", for the effective number; Guo et al. (2017), "On calibration of modern
neural networks", for one temperature. https://arxiv.org/abs/1706.04599
Lipton, Wang & Smola (2018), "Detecting and correcting for label shift with black box predictors", for the
shares of values among everyone, not among the few who were asked. https://arxiv.org/abs/1802.03916
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtool.labels.fusion.confusion import LEAST_USERS, Anchors
from segtool.labels.fusion.votes import Patterns

__all__ = ["TierWeights", "fit_shares", "fit_temperature", "fit_trust", "measure_kinship", "score_patterns"]

# Pseudo-users that lineage counts for: same rows, same witness, until the data say otherwise.
LINEAGE_USERS = 50
SHARE_USERS = 10
LEAST_SHARE = 0.001
# ln of the temperature is near 0 beforehand, give or take so much.
TEMPERATURE_SD = 0.7
TRUSTS = (0.0, 0.25, 0.5, 0.75, 1.0)
TEMPERATURES = np.round(np.exp(np.linspace(np.log(0.05), np.log(2.5), 200)), 4)


@dataclass(frozen=True)
class TierWeights:
    """How the claims of one tier add up to a value.

    Parameters
    ----------
    values : tuple of str
    log_shares : tuple of float
        ln of the share of each value beforehand.
    numbers : tuple of int
        The claims, by their place in the label.
    log_likelihoods : ndarray of shape (n_claims, n_values, n_values)
        ``[claim, said, true]``: what a vote adds to the score of each value, temperature included.
    kinship : ndarray of shape (n_claims, n_claims)
        Correlation of errors given the truth, 1 on the diagonal.
    log_odds : tuple of float or None
        Per claim, the log-odds of a vote of strength 1; None where all its votes count alike.
    trust : tuple of float
        Per claim, how far its own doubt is believed: 0 all its votes count alike, 1 in proportion to
        the log-odds it states.
    temperature : float
    """

    values: tuple[str, ...]
    log_shares: tuple[float, ...]
    numbers: tuple[int, ...]
    log_likelihoods: np.ndarray
    kinship: np.ndarray
    log_odds: tuple[float | None, ...]
    trust: tuple[float, ...]
    temperature: float = 1.0


def measure_kinship(patterns: Patterns, places: list[int], tables: list[np.ndarray], known, anchors: Anchors):
    """Return the correlation of errors, given the truth, between the claims of a tier.

    The agreement of two claims, less the agreement the truth explains, over what is left to vary
    (for two values this is the correlation of residuals). Shrunk to what lineage says: 1 for claims on
    the same rows, 0 otherwise, with the weight of `LINEAGE_USERS` users.

    Parameters
    ----------
    patterns : Patterns
    places : list of int
        The claims of the tier.
    tables : list of ndarray of shape (n_values, n_values)
        Their confusions.
    known : list of bool
        Whose confusion was estimated; for the others lineage decides.
    anchors : Anchors

    Returns
    -------
    ndarray of shape (n_claims, n_claims)
    """
    found = np.eye(len(places))
    witnesses = [patterns.witnesses[place] for place in places]
    for i in range(len(places)):
        for j in range(i):
            by_lineage = float(witnesses[i].family == witnesses[j].family)
            n, rho = 0.0, 0.0
            if known[i] and known[j]:
                n, rho = _residual_correlation(
                    patterns, (places[i], places[j]), tables[i], tables[j], anchors
                )
            mixed = (n * rho + LINEAGE_USERS * by_lineage) / (n + LINEAGE_USERS)
            found[i, j] = found[j, i] = round(float(np.clip(mixed, 0, 1)), 3)
    return found


def _residual_correlation(patterns: Patterns, pair, first, second, anchors: Anchors) -> tuple[float, float]:
    one, two = (patterns.codes[:, place] for place in pair)
    rows = (one > 0) & (two > 0) & (anchors.first > 0)
    n = patterns.n[rows]
    if n.sum() < LEAST_USERS:
        return 0.0, 0.0
    shares = (anchors.truth[rows] * n[:, None]).sum(axis=0) / n.sum()
    agree = (n * (one[rows] == two[rows])).sum() / n.sum()
    spread = [1 - shares @ (table**2).sum(axis=1) for table in (first, second)]
    excess = agree - shares @ (first * second).sum(axis=1)
    return float(n.sum()), float(excess / max(np.sqrt(spread[0] * spread[1]), 1e-6))


def score_patterns(patterns: Patterns, weights: TierWeights) -> np.ndarray:
    """Return the summed evidence for each value, without the shares beforehand.

    Returns
    -------
    ndarray of shape (n_patterns, n_values)
    """
    places = [
        place
        for number in weights.numbers
        for place, w in enumerate(patterns.witnesses)
        if w.number == number
    ]
    spoken = (patterns.codes[:, places] > 0).astype(float)
    scores = np.zeros((len(patterns.n), patterns.n_values))
    for row, place in enumerate(places):
        voices = 1 + spoken @ weights.kinship[row] - spoken[:, row]
        said = np.maximum(patterns.codes[:, place], 1) - 1
        strength = 1 + weights.trust[row] * (patterns.strengths[:, place] - 1)
        weight = spoken[:, row] * strength / voices
        scores += weight[:, None] * weights.log_likelihoods[row][said]
    return scores


def fit_trust(patterns: Patterns, place: int, log_likelihoods: np.ndarray, anchors: Anchors) -> float:
    """Return how far a claim's own doubt is worth believing: the trust under which judges' words are likeliest.

    A rule may be unsure of what it measures, and wrong for quite another reason: then its doubt says
    little about whether the label is right.
    """
    said = patterns.codes[:, place]
    rows = (said > 0) & (anchors.first > 0)
    n, strengths = patterns.n[rows], patterns.strengths[rows, place]
    if n.sum() < LEAST_USERS or np.ptp(strengths) == 0:
        return 1.0
    log_prior, judged = np.log(anchors.prior[rows]), anchors.likelihood()[rows]
    fits = []
    for trust in TRUSTS:
        weight = (1 + trust * (strengths - 1))[:, None]
        chance = softmax(log_prior + weight * log_likelihoods[said[rows] - 1])
        fits.append((n * np.log((chance * judged).sum(axis=1))).sum())
    return float(TRUSTS[int(np.argmax(np.round(fits, 6)))])


def fit_temperature(scores: np.ndarray, n: np.ndarray, anchors: Anchors) -> float:
    """Return the factor on the evidence under which the judges' words are likeliest.

    Parameters
    ----------
    scores : ndarray of shape (n_patterns, n_values)
        Evidence at temperature 1.
    n : ndarray of shape (n_patterns,)
        Users; only those with a judge and a vote count.
    """
    rows = (anchors.first > 0) & (np.ptp(scores, axis=1) > 0)
    if n[rows].sum() < LEAST_USERS:
        return 1.0
    log_prior, judged = np.log(anchors.prior[rows]), anchors.likelihood()[rows]
    fits = []
    for temperature in TEMPERATURES:
        chance = softmax(log_prior + temperature * scores[rows])
        fit = (n[rows] * np.log((chance * judged).sum(axis=1))).sum()
        fits.append(fit - np.log(temperature) ** 2 / (2 * TEMPERATURE_SD**2))
    return float(TEMPERATURES[int(np.argmax(np.round(fits, 6)))])


def fit_shares(scores: np.ndarray, n: np.ndarray, spoken: np.ndarray, anchors: Anchors) -> np.ndarray:
    """Return the shares of values among everyone the claims speak about.

    The few who were asked are no random sample. How far the mean belief of everyone lies from
    theirs, carried back through what is believed of each true value among them, is how far the
    shares differ (Lipton et al. 2018); of that, only what exceeds chance is taken (James-Stein).

    Parameters
    ----------
    scores : ndarray of shape (n_patterns, n_values)
        Evidence, temperature included.
    n : ndarray of shape (n_patterns,)
    spoken : ndarray of shape (n_patterns,)
        Whether any claim of the tier speaks: only there everyone and those asked are compared.
    anchors : Anchors

    Returns
    -------
    ndarray of shape (n_values,)
    """
    asked = anchors.first > 0
    size = scores.shape[1]
    base = n[asked] @ anchors.truth[asked] + 1
    base /= base.sum()
    anchors, scores, n = anchors.where(spoken), scores[spoken], n[spoken]
    judged = anchors.first > 0
    truth, n_judged = anchors.truth[judged], n[judged]
    start = n_judged @ truth + 1
    start /= start.sum()
    belief = softmax(np.log(base) + scores)
    # Row k: the mean belief where k is true; the ridge keeps rare values from blowing it up.
    weighed = truth * n_judged[:, None]
    usual = np.eye(size) * 0.5 + 0.5 * start
    table = np.linalg.solve(
        truth.T @ weighed + SHARE_USERS * np.eye(size), weighed.T @ belief[judged] + SHARE_USERS * usual
    )
    back = np.linalg.pinv(table, rcond=0.05)
    mean_judged = n_judged @ belief[judged] / n_judged.sum()
    shift = (n @ belief / n.sum() - mean_judged) @ back
    centred = belief[judged] - mean_judged
    noise = back.T @ ((centred * n_judged[:, None]).T @ centred) @ back / n_judged.sum() ** 2
    beyond_chance = max(0.0, 1 - np.trace(noise) / max((shift**2).sum(), 1e-12))
    shares = base * np.clip(start + beyond_chance * shift, LEAST_SHARE, None) / start
    return shares / shares.sum()


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return probabilities of each row's scores, shape (n_rows, n_values)."""
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)
