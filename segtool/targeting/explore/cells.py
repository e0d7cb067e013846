"""Answer rates of arms by persona, each the prior of the next: all sends, the arm, the arm in the persona."""

from __future__ import annotations

import numpy as np

# Relative variance of rates (between arms, and of one arm between personas) that is assumed before
# anything is seen, and the weight of that guess in pairs of rates: rates of content commonly differ by
# a factor of two (log sd 0.6), and a handful of cells cannot say otherwise.
SPREAD_GUESS, SPREAD_WEIGHT = 0.5, 4.0
LEAST_SPREAD = 0.03  # below, all arms would be called equal for good after one dull week
LEAST_LEVELS = 0.003  # relative variance of personas' levels when nothing says that they differ
ROUNDS = 5  # spreads and means depend on each other; they settle in four


def shrink_cells(hits: np.ndarray, trials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the Beta posterior of each arm's rate in each persona.

    Parameters
    ----------
    hits, trials : ndarray, shape (n_personas, n_arms)
        Answers and sends; sends may be effective numbers, 0 for an arm never sent to a persona.

    Returns
    -------
    a, b : ndarray, shape (n_personas, n_arms)
        Parameters of the Beta distributions.

    Notes
    -----
    The rate of arm *c* in persona *p* is ``m_c l_p g`` with *g* of mean 1 and variance *v* (gamma), the
    arm's mean ``m_c`` is ``m_0`` times a gamma of variance *w*, and ``l_p`` is the persona's level. Rates
    multiply, so a relative spread is alike for rare and common answers, where a Beta prior of one strength
    would shrink the best arms most. *v* and *w* are found by moments, weighted by precision, and shrunk to
    a guess. What is not known of the arm's mean widens the cell's prior.

    References
    ----------
    Morris (1983), doi:10.1080/01621459.1983.10477920; Robbins (1956), the Poisson case.

    Examples
    --------
    An arm that did well elsewhere is expected to do well where it was never sent:

    >>> a, b = shrink_cells(np.array([[30.0, 5.0], [0.0, 0.0]]), np.array([[300.0, 300.0], [0.0, 0.0]]))
    >>> rate = a / (a + b)
    >>> bool(rate[1, 0] > 1.5 * rate[1, 1]), bool(a[1, 0] + b[1, 0] < a[0, 0] + b[0, 0])
    (True, True)
    """
    total = (hits.sum() + 0.5) / (trials.sum() + 15)  # 1 in 30 before anything is known
    means = np.full(trials.shape[1], total)
    level = np.ones((trials.shape[0], 1))
    between_arms = within_arm = SPREAD_GUESS
    for _ in range(ROUNDS):
        expected = trials * np.minimum(means * level, 0.9)
        level = _levels(hits, trials * means, within_arm)
        within_arm = _spread_within(hits, expected, within_arm)
        precision = expected / (1 + expected * within_arm)
        known = precision.sum(axis=0)
        ratio = np.divide(hits, expected, out=np.zeros_like(expected), where=expected > 0)
        raw = means * np.divide(
            (precision * ratio).sum(axis=0), known, out=np.ones_like(known), where=known > 0
        )
        between_arms = _spread_between(raw / total, known, between_arms)
        means = np.minimum((total / between_arms + known * raw) / (1 / between_arms + known), 0.9)
    spread = within_arm + 1 / (1 / between_arms + known)
    centre = np.minimum(means * level, 0.9)
    a = 1 / np.broadcast_to(spread, centre.shape)  # a gamma of relative variance v has shape 1/v
    return a + hits, a * (1 - centre) / centre + trials - hits


def _levels(hits, expected, spread: float) -> np.ndarray:
    """Return how much more than the others each persona answers, as far as that is sure.

    No arm counts for more than its spread allows, and only differences between personas count: the arms a
    persona is sent most are its best, and would pass for a persona that answers everything.
    """
    precision = expected / (1 + expected * spread)
    ratio = np.divide(hits, expected, out=np.zeros_like(expected), where=expected > 0)
    known = precision.sum(axis=1)
    raw = np.divide((precision * ratio).sum(axis=1), known, out=np.ones_like(known), where=known > 0)
    raw = raw / max(float((known * raw).sum() / max(known.sum(), 1e-12)), 1e-12)
    noise = np.divide(raw, known, out=np.zeros_like(known), where=known > 0)
    weight = known**2
    levels = (weight * ((raw - 1) ** 2 - noise)).sum() / max(weight.sum(), 1e-12)
    own = 1 / max(levels, LEAST_LEVELS)
    return ((own + known * raw) / (own + known))[:, None]


def _spread_within(hits, expected, guess: float) -> float:
    """Return the relative variance of an arm's rate between personas, beyond what chance brings."""
    weight = 1 / (1 + expected * guess) ** 2
    excess = (weight * ((hits - expected) ** 2 - expected)).sum()
    return _moderated(excess, (weight * expected**2).sum())


def _spread_between(relative, known, guess: float) -> float:
    """Return the relative variance of the arms' means."""
    weight = (known / (1 + known * guess)) ** 2
    noise = np.divide(relative**2, known, out=np.zeros_like(known), where=known > 0)
    return _moderated((weight * ((relative - 1) ** 2 - noise)).sum(), weight.sum())


def _moderated(excess: float, weight: float) -> float:
    return max((excess + SPREAD_GUESS * SPREAD_WEIGHT) / (weight + SPREAD_WEIGHT), LEAST_SPREAD)
