"""Trends of shares over weeks, clustered by user."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse, stats

from segtool.pooling import paule_mandel

# A user's week counts with weight n / (1 + (n - 1) rho): the busiest user does not make a trend.
RHO = 0.1
STEP_WEEKS = 4  # a change is told over four weeks: a weekly factor of 1.03 says nothing to a reader
SPREAD_WEIGHT = 4  # weight, in topics, of the common week-to-week unrest against a topic's own
CAUTION = 0.5  # as of shares: a spread of 0 between groups is never sure
USERS_PER_BATCH = 20_000


@dataclass(frozen=True)
class WeekCells:
    """Counts per user, topic and week.

    Parameters
    ----------
    code, topic, week : ndarray of int, shape (n_cells,)
        Week 0 is the oldest.
    n : ndarray, shape (n_cells,)
        Events.
    y : ndarray, shape (n_cells,)
        The topic's share of the user's week, times the week's weight.
    pull : scipy.sparse.csr_array, shape (n_users, n_weeks)
        Weights of the users' weeks.
    """

    topics: tuple[str, ...]
    shape: tuple[int, int, int]
    code: np.ndarray
    topic: np.ndarray
    week: np.ndarray
    n: np.ndarray
    y: np.ndarray
    pull: sparse.csr_array

    @classmethod
    def build(cls, code, topic, week, n, shape, topics) -> WeekCells:
        """Weigh the users' weeks."""
        n_users, _, n_weeks = shape
        total = sparse.csr_array((n, (code, week)), shape=(n_users, n_weeks))
        total.sum_duplicates()
        pull = total.copy()
        pull.data = total.data / (1 + np.maximum(total.data - 1, 0) * RHO)
        scale = sparse.csr_array((pull.data / total.data, total.indices, total.indptr), shape=total.shape)
        y = n * np.asarray(scale[code, week]).ravel()
        return cls(topics, shape, code, topic, week, n, y, pull)

    def per_user_topic(self) -> sparse.csr_array:
        """Return plain events by user and topic."""
        return sparse.csr_array((self.n, (self.code, self.topic)), shape=self.shape[:2])


def fit_trends(cells: WeekCells, groups: np.ndarray, confidence: float) -> dict[str, np.ndarray]:
    """Fit a straight line to the log share of each topic in each group.

    Parameters
    ----------
    cells : WeekCells
    groups : ndarray, shape (n_users, n_groups)
        Memberships; the first group is everyone.

    Returns
    -------
    dict of ndarray, shape (n_groups, n_topics)
        change (factor over four weeks), lo, hi, p, share_first, share_last, own (weight, 0 to 1, of the
        group's own trend against everyone's).

    Notes
    -----
    Poisson regression of a topic's weekly sum on the week, with the week's sum of all topics as its
    exposure. The variance of the slope is a sum over users of their squared influence, since one
    user's events resemble each other; it is raised where the weekly sums lie further from the line
    than users explain (a holiday, a campaign), and the interval is Student's with n_weeks - 2 degrees
    of freedom. A group's slope is shrunk towards everyone's by how far the groups' slopes lie apart
    (Paule-Mandel): where they do not, what rises for everyone rises for each.
    """
    _, n_topics, n_weeks = cells.shape
    lines = []
    for place in range(groups.shape[1]):
        member = groups[:, place]
        sums = np.zeros((n_topics, n_weeks))
        np.add.at(sums, (cells.topic, cells.week), cells.y * member[cells.code])
        exposure = cells.pull.T @ member
        level, slope = _poisson_lines(sums, exposure)
        expected = np.exp(level[:, None] + slope[:, None] * np.arange(n_weeks))
        variance, unrest = _slope_variance(cells, member, exposure, expected, sums)
        fine = (sums > 0).sum(axis=1) >= 3
        lines.append((level, slope, np.where(fine, variance * _shared(unrest, n_weeks), np.nan)))
    level, slope, variance = (np.array(part) for part in zip(*lines, strict=True))
    return _told(level, slope, *_pool_slopes(slope, variance), n_weeks, confidence)


def _pool_slopes(slope: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the slopes shrunk towards everyone's (the first row), their variances, and the weights."""
    pooled, doubt, own = slope.copy(), variance.copy(), np.ones_like(slope)
    for topic in range(slope.shape[1]):
        known = np.flatnonzero(np.isfinite(variance[1:, topic])) + 1
        all_variance = variance[0, topic]
        if not np.isfinite(all_variance) or not len(known):
            continue
        noise = variance[known, topic]
        gap = slope[known, topic] - slope[0, topic]
        tau2 = paule_mandel(gap**2, noise, CAUTION) if len(known) > 1 else 0.0
        weight = tau2 / (tau2 + noise)
        own[1:, topic] = 0.0
        own[known, topic] = weight
        pooled[1:, topic] = slope[0, topic]
        pooled[known, topic] += weight * gap
        doubt[1:, topic] = all_variance
        doubt[known, topic] = weight * noise + (1 - weight) ** 2 * all_variance
    return pooled, doubt, own


def _told(level, raw, slope, variance, own, n_weeks: int, confidence: float) -> dict[str, np.ndarray]:
    df, se = n_weeks - 2, np.sqrt(variance)
    reach = stats.t.ppf(0.5 + confidence / 2, df) * se
    # The line keeps its height in the middle of the weeks, whatever its slope was shrunk to.
    middle = level + raw * (n_weeks - 1) / 2
    ends = {name: np.exp(middle + slope * at) for name, at in
            (("share_first", -(n_weeks - 1) / 2), ("share_last", (n_weeks - 1) / 2))}  # fmt: skip
    return {
        "change": np.exp(STEP_WEEKS * np.clip(slope, -3, 3)),
        "lo": np.exp(STEP_WEEKS * np.clip(slope - reach, -6, 6)),
        "hi": np.exp(STEP_WEEKS * np.clip(slope + reach, -6, 6)),
        "p": 2 * stats.t.sf(np.abs(slope) / np.where(se > 0, se, np.nan), df),
        "own": own,
        **ends,
    }


def _poisson_lines(sums: np.ndarray, exposure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return level and slope of the log rate of each row, by Newton's steps."""
    n_weeks = sums.shape[1]
    week = np.arange(n_weeks) - (n_weeks - 1) / 2
    exposure = np.maximum(exposure, 1e-12)
    # Half an event spread evenly: a topic seen in one week alone has a line, if a doubtful one.
    y = sums + 0.5 * exposure / exposure.sum()
    level = np.log(y.sum(axis=1) / exposure.sum())
    slope = np.zeros(len(y))
    for _ in range(30):
        mu = exposure * np.exp(np.clip(level[:, None] + slope[:, None] * week, -30, 30))
        s0, s1, s2 = (mu * week**k for k in range(3))
        a, b, c = s0.sum(axis=1), s1.sum(axis=1), s2.sum(axis=1)
        r0, r1 = (y - mu).sum(axis=1), ((y - mu) * week).sum(axis=1)
        det = np.maximum(a * c - b * b, 1e-12)
        step0, step1 = (c * r0 - b * r1) / det, (a * r1 - b * r0) / det
        level, slope = level + np.clip(step0, -1, 1), slope + np.clip(step1, -0.5, 0.5)
        if np.abs(step1).max(initial=0) < 1e-10:
            break
    return level - slope * (n_weeks - 1) / 2, slope


def _slope_variance(cells, member, exposure, expected, sums) -> tuple[np.ndarray, np.ndarray]:
    """Return the clustered variance of each slope, and how restless its weeks are against users' noise."""
    n_users, n_topics, n_weeks = cells.shape
    mu = expected * exposure
    week = np.arange(n_weeks)
    total = np.maximum(mu.sum(axis=1), 1e-12)
    centre = (mu * week).sum(axis=1) / total
    lean = week - centre[:, None]
    lean = lean / np.maximum((mu * lean**2).sum(axis=1), 1e-12)[:, None]
    slope_squares, week_squares = np.zeros(n_topics), np.zeros((n_topics, n_weeks))
    order = np.argsort(cells.code, kind="stable")
    code = cells.code[order]
    for start in range(0, n_users, USERS_PER_BATCH):
        stop = min(start + USERS_PER_BATCH, n_users)
        rows = order[np.searchsorted(code, start) : np.searchsorted(code, stop)]
        local, topic, week_of = cells.code[rows] - start, cells.topic[rows], cells.week[rows]
        weight = member[start:stop]
        shape = (stop - start, n_topics)
        own = sparse.csr_array((cells.y[rows] * lean[topic, week_of], (local, topic)), shape=shape)
        influence = own.toarray() - cells.pull[start:stop] @ (expected * lean).T
        slope_squares += ((weight[:, None] * influence) ** 2).sum(axis=0)
        week_squares += _week_squares(cells, rows, start, stop, weight, expected)
    residual = (sums - mu) ** 2
    unrest = (residual / np.maximum(week_squares, 1e-12)).sum(axis=1) / max(n_weeks - 2, 1)
    users = max((member > 0).sum(), 2)
    return slope_squares * users / (users - 1), unrest


def _week_squares(cells, rows, start, stop, weight, expected) -> np.ndarray:
    """Return sum over users of ``(y - pull p)^2`` per topic and week, without a dense cube.

    ``sum (y - g p)^2 = sum y^2 - 2 p sum y g + p^2 sum g^2``, the last over all users of the week.
    """
    _, n_topics, n_weeks = cells.shape
    local, topic, week = cells.code[rows] - start, cells.topic[rows], cells.week[rows]
    squares, cross = np.zeros((n_topics, n_weeks)), np.zeros((n_topics, n_weeks))
    y, square = cells.y[rows], weight[local] ** 2
    pull = np.asarray(cells.pull[start:stop][local, week]).ravel() if len(rows) else np.zeros(0)
    np.add.at(squares, (topic, week), square * y**2)
    np.add.at(cross, (topic, week), square * y * pull)
    block = cells.pull[start:stop]
    all_pull = (block.multiply(block)).T @ weight**2
    return squares - 2 * expected * cross + expected**2 * all_pull


def _shared(unrest: np.ndarray, n_weeks: int) -> np.ndarray:
    """Return by how much variances are raised: a topic's own unrest mixed with all topics', never below 1."""
    df = max(n_weeks - 2, 1)
    common = np.median(unrest) if len(unrest) else 1.0
    return np.maximum((df * unrest + SPREAD_WEIGHT * common) / (df + SPREAD_WEIGHT), 1.0)


def fit_volume(cells: WeekCells, confidence: float) -> dict[str, np.ndarray]:
    """Fit a line to the log of each topic's plain number of events; the interval allows for overdispersion."""
    _, n_topics, n_weeks = cells.shape
    sums = np.zeros((n_topics, n_weeks))
    np.add.at(sums, (cells.topic, cells.week), cells.n)
    level, slope = _poisson_lines(sums, np.ones(n_weeks))
    week = np.arange(n_weeks)
    mu = np.exp(level[:, None] + slope[:, None] * week)
    # Negative binomial of the first kind: the variance is a multiple of the mean.
    unrest = np.maximum(((sums - mu) ** 2 / np.maximum(mu, 0.5)).sum(axis=1) / (n_weeks - 2), 1.0)
    centre = (mu * week).sum(axis=1) / mu.sum(axis=1)
    information = (mu * (week - centre[:, None]) ** 2).sum(axis=1)
    reach = stats.t.ppf(0.5 + confidence / 2, n_weeks - 2) * np.sqrt(unrest / np.maximum(information, 1e-12))
    ends = {"volume_change": slope, "volume_lo": slope - reach, "volume_hi": slope + reach}
    return {name: np.exp(STEP_WEEKS * np.clip(value, -6, 6)) for name, value in ends.items()}
