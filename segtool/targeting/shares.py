"""How often each group does each thing: shares of activity with intervals that hold.

One estimator serves topics, hours, weekdays, dayparts, channels and answer rates. It has three
levels, everyone, persona and user, each the prior of the next (hierarchical empirical Bayes).

Users, not events, are what was sampled: events of one user resemble each other, and counting
them as independent gives intervals that promise 90 % and hold 67 %.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse, stats

from segtool.pooling import beta_interval, paule_mandel

# Weight, in users, of the variance that the model expects against the variance a persona's own
# users show. Three users say little about their own spread; a hundred say enough.
MODERATION_USERS = 10
# Weight, in personas, of the spread that all topics share against one topic's own spread.
MODERATION_PERSONAS = 4
# An estimated spread of 0 would make every persona surely equal to everyone; half a standard error
# of caution keeps 90 % intervals near 90 % where personas hardly differ.
CAUTION = 0.5
# A small persona's interval is that spread itself, and its doubt is counted (Morris): caution on top
# held 95 % where 90 % were said. From so many users on, half of the caution counts.
CAUTIOUS_USERS = 5
RHO_RANGE = (1e-3, 0.9)  # between-user correlation; its ends keep 1/rho - 1 a usable prior weight
MAX_USERS_FOR_RHO = 20_000  # users read for the between-user spread: more change its third digit
ROUNDS = 4  # weights, means and spread depend on each other; they settle in three


@dataclass(frozen=True)
class UserCounts:
    """Evidence per user and category.

    Parameters
    ----------
    user_ids : ndarray of str, shape (n_users,)
        Sorted.
    categories : tuple of str, length n_categories
    share : scipy.sparse.csr_array, shape (n_users, n_categories)
        Each user's own weighted share; rows of users without evidence are empty.
    events : scipy.sparse.csr_array, shape (n_users, n_categories)
        Plain counts, for the reader.
    n : ndarray, shape (n_users,)
        Effective number of events: ``(sum w d)^2 / sum w^2 d`` with weight w and decay d. Equal
        weights without decay give the plain count; old events count less.
    noise : ndarray, shape (n_users,)
        Variance of the share per unit of ``p (1 - p)``: ``sum (w d)^2 / (sum w d)^2``.
    """

    user_ids: np.ndarray
    categories: tuple[str, ...]
    share: sparse.csr_array
    events: sparse.csr_array
    n: np.ndarray
    noise: np.ndarray

    @property
    def seen(self) -> np.ndarray:
        """Users with any evidence, shape (n_users,)."""
        return self.n > 0


@dataclass(frozen=True)
class GroupShares:
    """What `estimate_shares` found; arrays of shape (n_groups, n_categories) unless said."""

    categories: tuple[str, ...]
    base: np.ndarray  # everyone, (n_categories,)
    base_variance: np.ndarray  # as a sample of users, (n_categories,)
    raw: np.ndarray
    gap: np.ndarray  # distance from everyone, shrunk
    gap_variance: np.ndarray
    gap_covariance: np.ndarray  # with the error of everyone's share
    part_variance: np.ndarray  # of everyone's share, given the sizes of the groups, (n_categories,)
    df: np.ndarray  # degrees of freedom of the variances
    rho: np.ndarray  # between-user correlation within a group, (n_categories,)

    @property
    def share(self) -> np.ndarray:
        """Each group's share, shrunk towards everyone's."""
        return np.clip(self.base + self.gap, 0, 1)

    @property
    def variance(self) -> np.ndarray:
        """Posterior variance of the shares."""
        total = self.gap_variance + self.part_variance + 2 * self.gap_covariance
        return np.maximum(total, 0.01 * self.part_variance)

    def interval(self, confidence: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the bounds of the shares, each upper one the wider of a Beta's and Student's t.

        A Beta with a mean near 0 piles up at 0 and ends below its own mean; a t knows no border.
        """
        reach = stats.t.ppf(0.5 + confidence / 2, self.df) * np.sqrt(self.variance)
        heavy = self.variance * self.df / np.maximum(self.df - 2, 1)
        lo, hi = beta_interval(self.share, heavy, confidence)
        return np.minimum(lo, self.share), np.minimum(np.maximum(hi, self.share + reach), 1.0)

    def lift(self) -> np.ndarray:
        """Return group share over everyone's share; 1 where nobody does a thing."""
        return np.where(self.base > 0, self.share / np.where(self.base > 0, self.base, 1), 1.0)

    def lift_interval(self, confidence: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the bounds of the lift, on the log scale.

        A group is part of everyone, so both errors go together: without that, a persona with
        half of all users would get an interval far too wide.
        """
        reach = stats.t.ppf(0.5 + confidence / 2, self.df) * np.sqrt(self.log_lift_variance())
        factor = np.exp(np.minimum(reach, 10))  # e^10: "anything"
        return self.lift() / factor, self.lift() * factor

    def log_lift_variance(self) -> np.ndarray:
        """Return the variance of the log lift, by the delta method on ``1 + gap / base``."""
        base = np.maximum(self.base, 1e-12)
        ratio = self.gap / base
        variance = self.gap_variance + ratio**2 * self.part_variance - 2 * ratio * self.gap_covariance
        return np.maximum(variance, 0) / base**2 / np.maximum(self.lift(), 1e-6) ** 2


def estimate_shares(counts: UserCounts, membership: np.ndarray) -> GroupShares:
    """Estimate each group's mean share per category, shrunk towards everyone's.

    Parameters
    ----------
    counts : UserCounts
    membership : ndarray, shape (n_users, n_groups)
        P(group | user), rows summing to 1, or to 0 for users in no group.

    Returns
    -------
    GroupShares

    Notes
    -----
    A user's share counts with weight ``g = n / (1 + (n - 1) rho)``: a heavy user says more than a
    light one but never more than 1/rho events' worth, so nobody decides for a persona. The
    variance is clustered by user, ``V = sum h^2 (p_u - p)^2 / (1 - h)``, and moderated:
    ``V' = ((n - 1) V + 10 V_model) / (n - 1 + 10)`` with n + 9 degrees of freedom. Between personas
    the spread tau^2 is found per category (Paule-Mandel) and pooled over categories; then
    ``share = base + B (raw - base)`` with ``B = c tau^2 / (c tau^2 + V'')``, where c and V'' account
    for the group being a part of everyone (a group with most of the users lies near to itself, which
    says nothing about how far groups lie apart).

    References
    ----------
    Paule and Mandel (1982), doi:10.6028/jres.087.022 (tau^2); Morris (1983),
    doi:10.1080/01621459.1983.10477920 (its uncertainty); Smyth (2004),
    doi:10.2202/1544-6115.1027 (moderated variances).
    """
    if not membership.shape[1]:
        alone = estimate_shares(counts, np.ones((len(counts.n), 1)))
        rows = ("raw", "gap", "gap_variance", "gap_covariance", "df")
        return replace(alone, **{name: getattr(alone, name)[:0] for name in rows})
    seen = counts.seen
    share, n, noise = counts.share[seen], counts.n[seen], counts.noise[seen]
    member = membership[seen]
    everyone = np.ones((len(n), 1))
    rho = np.full(share.shape[1], 0.1)
    for _ in range(ROUNDS):
        pull = n / (1 + np.maximum(n - 1, 0) * rho.mean())
        means, weights = _weighted_means(share, member, pull)
        rho = _between_users(share, member, means, weights, n, noise)
    base, base_weights = _weighted_means(share, everyone, pull)
    base_variance, _ = _moderated_variance(share, base_weights, base, noise, rho)
    raw_variance, df = _moderated_variance(share, weights, means, noise, rho, halfway_to=base)
    part = (member * pull[:, None]).sum(axis=0) / max(pull.sum(), 1e-300)
    gap = _gaps(means, raw_variance, base[0], part)
    weight, spread_weight, doubt = _shrink(gap, base[0], part > 0, df)
    return GroupShares(
        categories=counts.categories,
        base=base[0],
        base_variance=base_variance[0],
        raw=means,
        gap=weight * gap.value,
        gap_variance=spread_weight * gap.variance + doubt,
        gap_covariance=spread_weight * gap.covariance,
        part_variance=(part[:, None] ** 2 * raw_variance).sum(axis=0),
        # Satterthwaite: what is shrunk rests little on the variance of its own few users.
        df=np.minimum((df + MODERATION_USERS) / np.maximum(weight, 1e-3) ** 2, 1e6),
        rho=rho,
    )


def _weighted_means(share, member, pull) -> tuple[np.ndarray, np.ndarray]:
    """Return group means (n_groups, n_categories) and the users' weights (n_users, n_groups)."""
    weights = member * pull[:, None]
    weights = weights / np.maximum(weights.sum(axis=0), 1e-300)
    return (share.T @ weights).T, weights


def _between_users(share, member, means, weights, n, noise) -> np.ndarray:
    """Return the correlation rho of two events of one user, by moments, per category.

    ``E (p_u - m)^2 = v m (1 - m) + (1 - v) (rho m (1 - m) + what an unsure membership adds)``.
    """
    rows = _some_rows(len(n))
    p, own, v = share[rows].toarray(), member[rows], noise[rows][:, None]
    mean = own @ means
    leverage = np.minimum((own * weights[rows]).sum(axis=1, keepdims=True), 0.9)
    # What a membership shared between personas adds: their means differ.
    unsure = np.maximum(own @ means**2 - mean**2, 0)
    room = own @ (means * (1 - means))
    excess = (p - mean) ** 2 / (1 - leverage) - v * mean * (1 - mean) - (1 - v) * unsure
    trust = 1 / (v + 0.1) ** 2 * (1 - v) * (own.sum(axis=1, keepdims=True) > 0.5)
    top, bottom = (trust * excess).sum(axis=0), (trust * (1 - v) * room).sum(axis=0)
    if bottom.sum() <= 0:
        return np.full(share.shape[1], 0.1)  # nobody has two events: a middling guess
    pooled = top.sum() / bottom.sum()
    # A rare category needs more users to show its own spread: a user hits it or does not.
    loan = bottom.sum() / max(len(rows), 1) * 20
    return np.clip((top + loan * pooled) / (bottom + loan), *RHO_RANGE)


def _some_rows(n_users: int) -> np.ndarray:
    step = max(1, -(-n_users // MAX_USERS_FOR_RHO))
    return np.arange(0, n_users, step)


def _moderated_variance(share, weights, means, noise, rho, halfway_to=None):
    """Return the clustered, moderated variance of group means, and the users behind it less one."""
    squares = weights**2 / np.maximum(1 - weights, 0.1)
    own = (share**2).T @ squares - 2 * means.T * (share.T @ squares) + means.T**2 * squares.sum(axis=0)
    users = 1 / np.maximum((weights**2).sum(axis=0), 1e-300)
    users = np.where(weights.sum(axis=0) > 0, users, 0.0)
    centre = means if halfway_to is None else _halfway(means, halfway_to, users)
    # Nobody having done it yet does not make it impossible: never surer than one in all the users.
    least = 1 / (share.shape[0] + 2)
    centre = np.clip(centre, least, 1 - least)
    spread = (weights**2).T @ (noise[:, None] + (1 - noise[:, None]) * rho)
    model = centre * (1 - centre) * spread
    # What three users touched has a spread known as well as three users show it, in a group of any size.
    touched = users[:, None] * ((share > 0).astype(float).T @ weights).T
    df = np.maximum(np.minimum(users[:, None] - 1, touched), 0)
    return (df * np.maximum(own.T, 0) + MODERATION_USERS * model) / (df + MODERATION_USERS), df


def _halfway(means, base, users) -> np.ndarray:
    """Where the model's variance is read: a group of three must not think a share of 0 is certain."""
    own = (users / (users + MODERATION_USERS))[:, None]
    return own * means + (1 - own) * base


@dataclass(frozen=True)
class _Gap:
    """Distance of each group from everyone, of whom it is a part; (n_groups, n_categories)."""

    value: np.ndarray
    variance: np.ndarray
    covariance: np.ndarray  # with the error of everyone's share
    room: np.ndarray  # expected square of the distance, in units of tau^2, (n_groups, 1)


def _gaps(raw, variance, base, part) -> _Gap:
    """Distances and their noise, with ``base = sum part raw``: a big group is near to itself."""
    s = part[:, None]
    others = (s**2 * variance).sum(axis=0) - s**2 * variance
    return _Gap(
        value=raw - base,
        variance=(1 - s) ** 2 * variance + others,
        covariance=s * (1 - s) * variance - others,
        room=np.maximum((1 - s) ** 2 + (s**2).sum() - s**2, 1e-9),
    )


def _shrink(gap: _Gap, base, real, df) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the weight of each distance, 0 to 1, that of its variance, and the doubt in both, as a variance."""
    unit = np.maximum(base * (1 - base), 1e-12)
    n_groups = int(real.sum())
    if n_groups < 2:
        return (np.zeros_like(gap.value),) * 3  # one group is everyone
    squares = gap.value[real] ** 2 / unit / gap.room[real]
    noise = np.maximum(gap.variance[real], 1e-15) / unit / gap.room[real]
    weight, plain = (
        tau2 / (tau2 + gap.variance)
        for tau2 in (_spread(squares, noise, caution) * unit * gap.room for caution in (CAUTION, 0.0))
    )
    # Morris: the spread is itself an estimate, and the more is shrunk the more that matters.
    doubt = 2 / (n_groups + MODERATION_PERSONAS) * ((1 - weight) * gap.value) ** 2
    large = df / (df + CAUTIOUS_USERS)
    # A persona nobody has shown anything in may lie anywhere that personas lie.
    nobody = ~real[:, None]
    anywhere = _spread(squares, noise, CAUTION) * unit * gap.room
    return (
        np.where(nobody, 0.0, weight),
        np.where(nobody, 0.0, large * weight + (1 - large) * plain),
        np.where(nobody, anywhere, doubt),
    )


def _spread(squares, noise, caution: float) -> np.ndarray:
    """Return tau^2 by category in units of ``p (1 - p)``, each category's own and the common one mixed."""
    n_groups = len(squares)
    own = np.array([paule_mandel(d, v, caution) for d, v in zip(squares.T, noise.T, strict=True)])
    common = paule_mandel(squares, noise, caution)
    return np.maximum(
        (n_groups * own + MODERATION_PERSONAS * common) / (n_groups + MODERATION_PERSONAS), 1e-6
    )
