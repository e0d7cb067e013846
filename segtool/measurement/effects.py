"""Differences between arms, group by group, with variances that hold for small and skewed groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

# Weights, in users' worth of a normal outcome: of everyone's variance against a group's, and of a
# group's against that of one of its arms. The latter is heavier: with a yes-or-no outcome an arm that
# did well by luck also shows another variance, and trusting that would lean the shrunk effects.
MODERATION = 10.0
ARM_MODERATION = 50.0
KURTOSIS_USERS = 50.0  # users a group needs for its own kurtosis to count as much as everyone's
MAX_DF = 1e6
# Users of a normal outcome that an arm must be worth for a persona's own result to be used: with
# fewer, one buyer makes a result that no bell curve knows of, and the persona has only what all share.
MIN_WORTH = 0.5


@dataclass(frozen=True)
class Effects:
    """One arm against control; arrays of shape (n_groups,).

    ``value`` is the difference of means (or of ratios), adjusted where there are covariates; NaN
    where a group lacks users in one of the arms. ``p`` is the larger one of two: Welch's t with
    moderated variances, and the permutation of arms within the group. ``thin`` marks groups with too
    little in an arm for the bell curve that shrinkage rests on.
    """

    n_treated: np.ndarray
    n_control: np.ndarray
    rate_treated: np.ndarray
    rate_control: np.ndarray
    value: np.ndarray
    variance: np.ndarray
    df: np.ndarray
    p: np.ndarray
    thin: np.ndarray

    def interval(self, confidence: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the central interval by Student's t."""
        reach = stats.t.ppf(0.5 + confidence / 2, self.df) * np.sqrt(self.variance)
        return self.value - reach, self.value + reach


@dataclass(frozen=True)
class Outcome:
    """One metric of one test, users as rows.

    Parameters
    ----------
    y : ndarray of float, shape (n_users,)
        Without missing ones.
    per : ndarray of float, shape (n_users,), or None
        Denominator of a ratio metric: the metric is sum(y) / sum(per), the user being the unit.
    before : ndarray of float, shape (n_users, n_covariates), or None
        Measured before the arms were drawn; without missing ones.
    arm : ndarray of int, shape (n_users,)
        0 is control.
    """

    y: np.ndarray
    arm: np.ndarray
    per: np.ndarray | None = None
    before: np.ndarray | None = None

    def only(self, rows: np.ndarray) -> Outcome:
        """Return some of the users."""
        per = None if self.per is None else self.per[rows]
        before = None if self.before is None else self.before[rows]
        return Outcome(self.y[rows], self.arm[rows], per, before)


def measure_effects(
    outcome: Outcome,
    treated: int,
    group: np.ndarray,
    n_groups: int,
    *,
    moderated: bool = True,
    tested: bool = True,
) -> Effects:
    """Compare one arm with control in every group.

    Parameters
    ----------
    outcome : Outcome
    treated : int
        Code of the arm.
    group : ndarray of int, shape (n_users,)
    n_groups : int
    moderated : bool
        False gives Welch's test as in the books.
    tested : bool
        False leaves out the p-values, for those who need estimates only.

    Returns
    -------
    Effects

    Notes
    -----
    Covariates: Lin's interacted regression, with a slope per arm that all groups share, so that a
    persona of twenty is not asked for a slope of its own. Ratios: the delta method, that is means of
    ``(y - R per) / mean(per)`` with the user as the unit.

    A group's variance is a weighted mean of its own and of a pooled one. A variance from n users of
    kurtosis k is worth ``2 n / (k - 1)`` normal ones: with an event of 1 % and 50 users in control the
    sample variance is most often 0, and would prove anything.

    References
    ----------
    Lin (2013), Agnostic notes on regression adjustments to experimental data.
    https://doi.org/10.1214/12-AOAS583
    Deng et al. (2018), Applying the delta method in metric analytics. https://arxiv.org/abs/1803.06336
    """
    rows = (outcome.arm == 0) | (outcome.arm == treated)
    pair, group = outcome.only(rows), group[rows]
    side = (pair.arm == treated).astype(np.int64)
    cell = group * 2 + side
    value = _linearised(pair, cell, 2 * n_groups)
    rates = _means(value, cell, 2 * n_groups).reshape(n_groups, 2)
    value, extra = _adjusted(value, pair.before, side, group, cell, n_groups)
    n = np.bincount(cell, minlength=2 * n_groups).reshape(n_groups, 2).astype(float)
    mean = _means(value, cell, 2 * n_groups).reshape(n_groups, 2)
    variance, df, thin = _moderated(value, cell, n, mean, moderated)
    per_arm = variance / np.maximum(n, 1)
    total = per_arm.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        welch = total**2 / (per_arm**2 / df).sum(axis=1)
    estimable = (n > 0).all(axis=1) & np.isfinite(rates).all(axis=1)
    estimable &= np.isfinite(df).all(axis=1) & (df > 0).all(axis=1)
    difference = np.where(estimable, mean[:, 1] - mean[:, 0], np.nan)
    total = np.where(estimable, total + extra, np.nan)
    welch = np.where(estimable, np.clip(np.nan_to_num(welch, nan=MAX_DF), 1, MAX_DF), np.nan)
    p = np.full(n_groups, np.nan)
    if tested:
        alike = permutation_p(_null_values(pair, value, group, n_groups), side, group, n)
        p = np.where(estimable, np.fmax(_welch_p(difference, total, welch), alike), np.nan)
    return Effects(*n.T[::-1], *rates.T[::-1], difference, total, welch, p, thin)


def _means(value: np.ndarray, cell: np.ndarray, n_cells: int) -> np.ndarray:
    n = np.bincount(cell, minlength=n_cells)
    total = np.bincount(cell, weights=value, minlength=n_cells)
    return np.divide(total, n, out=np.full(n_cells, np.nan), where=n > 0)


def _linearised(pair: Outcome, cell: np.ndarray, n_cells: int) -> np.ndarray:
    """Return values whose means by cell are the metric, and whose variance is that of the ratio."""
    if pair.per is None:
        return pair.y
    top, bottom = _means(pair.y, cell, n_cells), _means(pair.per, cell, n_cells)
    ratio = np.divide(top, bottom, out=np.full(n_cells, np.nan), where=bottom > 0)
    safe = np.where(bottom > 0, bottom, 1.0)
    return (pair.y - ratio[cell] * pair.per) / safe[cell] + ratio[cell]


def _null_values(pair: Outcome, value: np.ndarray, group: np.ndarray, n_groups: int) -> np.ndarray:
    """Return what each user would have in either arm if the arms did nothing."""
    if pair.per is None:
        return value
    plain = _linearised(pair, group, n_groups)  # one ratio for both arms
    own = _linearised(pair, group * 2 + (pair.arm > 0), 2 * n_groups)
    return plain + (value - own)


def _adjusted(value, before, side, group, cell, n_groups) -> tuple[np.ndarray, np.ndarray]:
    """Take out what the time before explains; also return the variance of having centred it."""
    nothing = np.zeros(n_groups)
    if before is None or not before.shape[1] or not np.isfinite(value).any():
        return value, nothing
    inside = np.isfinite(value)
    centred = before - _column_means(before, group, n_groups)[group]
    within = before - _column_means(before, cell, 2 * n_groups)[cell]
    own = value - _means(value, cell, 2 * n_groups)[cell]
    slopes = []
    adjusted = value.copy()
    for arm in (0, 1):
        rows = inside & (side == arm)
        enough = rows.sum() > 2 * n_groups + before.shape[1] + 1
        slope = (
            np.linalg.lstsq(within[rows], own[rows], rcond=1e-8)[0] if enough else np.zeros(before.shape[1])
        )
        adjusted[rows] -= centred[rows] @ slope
        slopes.append(slope)
    shift = centred @ (slopes[1] - slopes[0])
    n = np.bincount(group, minlength=n_groups)
    spread = np.bincount(group, weights=shift**2, minlength=n_groups)
    return adjusted, spread / np.maximum(n, 1) / np.maximum(n - 1, 1)


def _column_means(table: np.ndarray, cell: np.ndarray, n_cells: int) -> np.ndarray:
    return np.column_stack([_means(column, cell, n_cells) for column in table.T])


def _moderated(value, cell, n, mean, moderated) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return variances of users and their degrees of freedom, each of shape (n_groups, 2), and the thin."""
    n_groups = len(n)
    square_off = (value - mean.reshape(-1)[cell]) ** 2
    square = np.bincount(cell, weights=square_off, minlength=2 * n_groups).reshape(n_groups, 2)
    free = np.maximum(n - 1, 0)
    own = np.divide(square, free, out=np.zeros(square.shape), where=free > 0)
    if not moderated:
        return own, free, (free < 1).any(axis=1)
    fourth = np.bincount(cell, weights=square_off**2, minlength=2 * n_groups).reshape(n_groups, 2)
    worth = _worth(n, square, fourth)  # users of a normal outcome that one user is worth
    all_free = free.sum(axis=1)
    pooled = np.divide(square.sum(axis=1), all_free, out=np.zeros(n_groups), where=all_free > 0)
    everyone = square[np.isfinite(square)].sum() / max(free.sum(), 1)
    weight = all_free * worth
    pooled = (weight * pooled + MODERATION * everyone) / (weight + MODERATION)
    df = (weight + MODERATION)[:, None]
    weight = free * worth[:, None]
    variance = (weight * own + ARM_MODERATION * pooled[:, None]) / (weight + ARM_MODERATION)
    df = np.minimum(weight + ARM_MODERATION, df)
    return variance, df, (n * worth[:, None] < MIN_WORTH).any(axis=1)


def _worth(n, square, fourth) -> np.ndarray:
    users = n.sum(axis=1)
    of_all = users.sum() * np.nansum(fourth) / max(np.nansum(square) ** 2, 1e-300)
    below = np.where(square.sum(axis=1) > 0, square.sum(axis=1) ** 2, np.inf)
    own = users * np.nan_to_num(fourth.sum(axis=1)) / below
    kurtosis = (users * own + KURTOSIS_USERS * of_all) / (users + KURTOSIS_USERS)
    return 2 / (np.maximum(kurtosis, 3.0) - 1)


def _welch_p(value, variance, df) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.abs(value) / np.sqrt(variance)
    return np.where(variance > 0, 2 * stats.t.sf(score, df), np.where(value == 0, 1.0, np.nan))


def permutation_p(value: np.ndarray, side: np.ndarray, group: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return two-sided p-values of a difference of means if the arms were drawn again within groups.

    Parameters
    ----------
    value : ndarray, shape (n_users,)
    side : ndarray of 0 and 1, shape (n_users,)
    group : ndarray of int, shape (n_users,)
    n : ndarray, shape (n_groups, 2)
        Users per side.

    Returns
    -------
    ndarray, shape (n_groups,)

    Notes
    -----
    Yes-or-no outcomes: hypergeometric (Fisher), half of the observed table counted. Others: the
    first three moments of the permuted sum are known exactly, and a shifted gamma (Pearson's type
    III) that has them gives the tail, skewed as money is. Nothing is drawn at random.

    References
    ----------
    Mielke and Berry (2007), Permutation Methods. https://doi.org/10.1007/978-0-387-69813-7
    """
    n_groups, total = len(n), n.sum(axis=1)
    seen = np.where(np.isfinite(value), value, 0.0)
    sums = np.bincount(group[side == 1], weights=seen[side == 1], minlength=n_groups)
    if np.isin(seen, (0.0, 1.0)).all():
        hits = np.bincount(group, weights=seen, minlength=n_groups)
        law = stats.hypergeom(np.maximum(total, 1), hits, n[:, 1])
        half = law.pmf(sums) / 2
        return np.minimum(2 * np.minimum(law.cdf(sums) - half, law.sf(sums) + half), 1.0)
    mean = np.bincount(group, weights=seen, minlength=n_groups) / np.maximum(total, 1)
    off = seen - mean[group]
    second, third = (
        np.bincount(group, weights=off**k, minlength=n_groups) / np.maximum(total, 1) for k in (2, 3)
    )
    product = n[:, 0] * n[:, 1]
    spread = product / np.maximum(total - 1, 1) * second
    lean = product * (n[:, 0] - n[:, 1]) / np.maximum((total - 1) * (total - 2), 1) * third
    sd = np.sqrt(np.maximum(spread, 1e-300))
    score = np.clip((sums - n[:, 1] * mean) / sd, -1e6, 1e6)
    skew = np.where(spread > 1e-290, np.clip(lean / np.maximum(sd**3, 1e-300), -1e3, 1e3), 0.0)
    tails = np.minimum(stats.pearson3.cdf(score, skew), stats.pearson3.sf(score, skew))
    return np.where(spread > 1e-290, np.minimum(2 * tails, 1.0), 1.0)
