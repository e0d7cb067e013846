"""What a claim says when each value is true, learned from users who have a person's or a survey's word.

Those words are near the truth, not the truth: the share of a note's values that are wrong is known
(or declared), and is taken out again, so that a rule is not blamed for the errors of its judges.

References
----------
Dawid & Skene (1979), "Maximum likelihood estimation of observer error-rates using the EM algorithm",
Applied Statistics 28. https://doi.org/10.2307/2346806. Here the judges' error rates are given, so the
rules' follow in one step, and correlated rules cannot outvote the people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtool.labels.fusion.votes import NEAR_GOLD, Patterns

__all__ = [
    "Anchors", "Reliability", "estimate_confusion", "estimate_speaking", "find_anchors",
    "measure_reliability", "symmetric",
]  # fmt: skip

# Users with a judge that an estimate needs; below, what is declared stands.
LEAST_USERS = 50
# Pseudo-users per true value.
SHRINK_USERS = 20
# Where a rule is shrunk to: right three times in four; inference is less sure.
USUAL = {"profile": 0.75, "behaviour": 0.75, "inferred": 0.65}
LEAST_CHANCE = 0.005
Z = 1.959964  # 95 % intervals


def symmetric(right: float, n_values: int) -> np.ndarray:
    """Return the confusion of a witness who is right with one chance, whatever is true.

    Returns
    -------
    ndarray of shape (n_values, n_values)
        ``[true, said]``.

    Examples
    --------
    >>> symmetric(0.8, 3).round(2).tolist()[0]
    [0.8, 0.1, 0.1]
    """
    right = min(max(right, LEAST_CHANCE), 1 - LEAST_CHANCE)
    table = np.full((n_values, n_values), (1 - right) / (n_values - 1))
    np.fill_diagonal(table, right)
    return table


@dataclass(frozen=True)
class Anchors:
    """Who judges: the near-gold word of each pattern.

    Parameters
    ----------
    codes : list of ndarray of shape (n_patterns,)
        Per tier of judges, best first; 0 where it is silent.
    noises : list of ndarray of shape (n_values, n_values)
        Per tier, P(said | true).
    truth : ndarray of shape (n_patterns, n_values)
        P(true | what the judges say); rows without a judge are zero.
    prior : ndarray of shape (n_patterns, n_values)
        What is likely beforehand among the users each tier speaks about.
    """

    codes: list[np.ndarray]
    noises: list[np.ndarray]
    truth: np.ndarray
    prior: np.ndarray

    @property
    def first(self) -> np.ndarray:
        """The best judge's word in each pattern; 0 for none."""
        said = self.codes[0]
        for codes in self.codes[1:]:
            said = np.where(said == 0, codes, said)
        return said

    def where(self, rows: np.ndarray) -> Anchors:
        """Return the anchors of some of the patterns."""
        return Anchors([codes[rows] for codes in self.codes], self.noises, self.truth[rows], self.prior[rows])

    def likelihood(self) -> np.ndarray:
        """Return P(the judges' words | true value), shape (n_patterns, n_values)."""
        table = np.ones(self.truth.shape)
        for codes, noise in zip(self.codes, self.noises, strict=True):
            table *= np.where((codes > 0)[:, None], noise[:, np.maximum(codes, 1) - 1].T, 1.0)
        return table


def find_anchors(patterns: Patterns, above: int, noises: dict[int, np.ndarray]) -> Anchors | None:
    """Return the judges above a tier, or None where there are none.

    Parameters
    ----------
    patterns : Patterns
    above : int
        Tier that is judged.
    noises : dict of int to ndarray
        Per tier of judges, P(said | true).
    """
    tiers = [tier for tier in NEAR_GOLD if tier > above and patterns.places(tier)]
    if not tiers:
        return None
    codes = [patterns.tier_codes(tier) for tier in tiers]
    used = [noises[tier] for tier in tiers]
    prior = np.zeros((len(patterns.n), patterns.n_values))
    open_rows = np.ones(len(patterns.n), dtype=bool)
    for said, noise in zip(codes, used, strict=True):
        prior[open_rows & (said > 0)] = _prior_of(said, patterns.n, noise)
        open_rows &= said == 0
    anchors = Anchors(codes, used, prior, prior)
    joint = prior * anchors.likelihood()
    total = joint.sum(axis=1, keepdims=True)
    return Anchors(codes, used, np.divide(joint, total, out=np.zeros_like(joint), where=total > 0), prior)


def _prior_of(said: np.ndarray, n: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return the shares of true values among those a tier speaks about, its errors taken out."""
    n_values = len(noise)
    counts = np.bincount(said, weights=n, minlength=n_values + 1)[1:]
    if not counts.sum():
        return np.full(n_values, 1 / n_values)
    shares = np.clip(np.linalg.solve(noise.T, counts / counts.sum()), 0, None)
    shares = shares / shares.sum() * counts.sum() + 1
    return shares / shares.sum()


def estimate_confusion(patterns: Patterns, place: int, anchors: Anchors) -> np.ndarray | None:
    """Return P(said | true) of one witness, or None below `LEAST_USERS` judged users.

    Least squares of what is said on P(true | judges): unbiased whatever the judges' noise, because
    P(said | judges) = sum over true values of P(true | judges) P(said | true). The ridge is
    `SHRINK_USERS` pseudo-users per true value: first such as are usual for the source, then such as
    the claim shows over all values, so that a rare value borrows from the common ones.

    Returns
    -------
    ndarray of shape (n_values, n_values) or None
        ``[true, said]``; each row sums to 1.
    """
    said = patterns.codes[:, place]
    rows = (said > 0) & (anchors.first > 0)
    n = patterns.n[rows]
    if n.sum() < LEAST_USERS:
        return None
    size = patterns.n_values
    truth, votes = anchors.truth[rows], np.eye(size)[said[rows] - 1]
    weighed = truth * n[:, None]
    habit = np.bincount(said, weights=patterns.n, minlength=size + 1)[1:]
    right = USUAL[patterns.witnesses[place].source]
    for _ in range(2):
        usual = _usual_confusion(right, habit)
        table = np.linalg.solve(
            truth.T @ weighed + SHRINK_USERS * np.eye(size), weighed.T @ votes + SHRINK_USERS * usual
        )
        table = np.clip(table, LEAST_CHANCE, None)
        table /= table.sum(axis=1, keepdims=True)
        can_say = weighed.sum(axis=0) * (habit > 0)
        right = float(np.clip((can_say @ np.diag(table)) / max(can_say.sum(), 1e-9), 1 / size, 0.99))
    return table


def estimate_speaking(patterns: Patterns, place: int, anchors: Anchors) -> np.ndarray:
    """Return how often a claim speaks when each value is true, over how often it speaks at all.

    That a claim on nappies speaks tells of parents, whatever it says. Its silence is not counted: how
    often a claim is silent depends first on how active a user is, and those who were asked are active.

    Returns
    -------
    ndarray of shape (n_values,)
    """
    rows = anchors.first > 0
    speaks = (patterns.codes[rows, place] > 0).astype(float)
    weighed = anchors.truth[rows] * patterns.n[rows, None]
    mean = (patterns.n[rows] @ speaks) / patterns.n[rows].sum()
    ridge = SHRINK_USERS * np.eye(patterns.n_values)
    shares = np.linalg.solve(
        anchors.truth[rows].T @ weighed + ridge, weighed.T @ speaks + SHRINK_USERS * mean
    )
    return np.clip(shares / mean, 0.1, 10)


def _usual_confusion(right: float, habit: np.ndarray) -> np.ndarray:
    """Return the confusion of a claim before a true value is looked at: right so often, else as it is used to.

    A claim that never says a value cannot be right about it: there it says what it is used to say.
    """
    size = len(habit)
    others = np.tile((habit + 1) / (habit.sum() + size), (size, 1))
    np.fill_diagonal(others, 0)
    others /= others.sum(axis=1, keepdims=True)
    sure = np.where(habit > 0, right, 0.0)
    return sure[:, None] * np.eye(size) + (1 - sure)[:, None] * others


@dataclass(frozen=True)
class Reliability:
    """How often a witness is right, by its agreement with judges.

    Parameters
    ----------
    n : int
        Users of whom both speak.
    agreement : float
        Share of them where both say the same; missing where nobody was compared.
    estimate, lo, hi : float
        P(right when it speaks), the judges' errors taken out, with a 95 % interval.
    """

    n: int
    agreement: float = np.nan
    estimate: float = np.nan
    lo: float = np.nan
    hi: float = np.nan


def measure_reliability(n_agree: float, n: float, judge: float, n_values: int) -> Reliability:
    """Return how often a witness is right, from its agreement with a judge who errs at times.

    Agreement is r t + (1 - r)(1 - t) / (K - 1) for a witness right with r and a judge right with
    t; the Wilson interval of the agreement is carried over to r.

    References
    ----------
    Wilson (1927), "Probable inference", JASA 22. https://doi.org/10.1080/01621459.1927.10502953

    Examples
    --------
    >>> found = measure_reliability(80, 100, judge=0.95, n_values=2)
    >>> round(found.estimate, 3), round(found.lo, 3), round(found.hi, 3)
    (0.833, 0.735, 0.907)
    """
    if n <= 0:
        return Reliability(0)
    share = n_agree / n
    centre = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * np.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    by_chance = (1 - judge) / (n_values - 1)

    def right(agreement: float) -> float:
        return float(np.clip((agreement - by_chance) / (judge - by_chance), 0, 1))

    return Reliability(int(n), float(share), right(share), right(centre - half), right(centre + half))
