"""Each user's own hours: what they showed, leaning on their persona, and that on everyone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize
from scipy.special import gammaln

from segtool.targeting.members import Members
from segtool.targeting.shares import MODERATION_USERS, UserCounts
from segtool.targeting.timing.windows import Stretches

KAPPA_RANGE = (0.5, 5000.0)
USUAL_KAPPA = 20.0  # where nobody shows enough hours to tell; what public data gave
MAX_USERS_FITTED = 20_000
COLUMNS = [
    "user_id", "rank", "daypart", "hour_from", "hour_to", "estimate", "n_hours", "level", "timezone",
]  # fmt: skip


@dataclass(frozen=True)
class HourProfiles:
    """What is needed to say any user's hours.

    Parameters
    ----------
    counts : UserCounts
        Active hours per user and hour of the day ("00" to "23").
    members : Members
    personas : ndarray, shape (n_personas, 24)
        Shares, shrunk towards everyone's.
    everyone : ndarray, shape (24,)
    kappa : float
        Active hours that a user's persona is worth.
    kernel : ndarray, shape (24, 24)
        Of the smoothing over hours; rows sum to 1.
    stretches : Stretches
    zones : ndarray of str, shape (n_users,)
    least : int
        Active hours from which a window is called the user's own.
    """

    counts: UserCounts
    members: Members
    personas: np.ndarray
    everyone: np.ndarray
    kappa: float
    kernel: np.ndarray
    stretches: Stretches
    zones: np.ndarray
    least: int

    def shares(self, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """Return the hours of some users, shape (n, 24), and how many active hours they showed."""
        seen = hours_seen(self.counts, rows)
        n = seen.sum(axis=1)
        prior = _prior(self.members.weights[rows], self.personas, self.everyone)
        enough = seen * (n >= self.least)[:, None]
        return user_shares(enough, prior, self.kappa, self.kernel), n

    def correlations(self) -> tuple[np.ndarray, np.ndarray]:
        """Return which hours users have more or less of together, against their persona, (24, 24) each.

        Returns
        -------
        shown : ndarray
            In what users did: a habit reaches over neighbouring hours, chance does not.
        habit : ndarray
            In their habits alone, with what few visits scatter by chance taken off.
        """
        rows = _some_rows(self.counts)
        seen = hours_seen(self.counts, rows)
        n = seen.sum(axis=1)
        prior = _prior(self.members.weights[rows], self.personas, self.everyone)
        # As heavy as each user is in the means: many hours of one user are not many users.
        pull = n / (1 + n / self.kappa)
        apart = pull[:, None] * (seen / np.maximum(n, 1)[:, None] - prior)
        chance = np.diag(self.everyone) - np.outer(self.everyone, self.everyone)
        # A few users may all do the same by chance; so many more count as the model expects.
        model = MODERATION_USERS * np.mean(pull**2 / np.maximum(n, 1) + pull**2 / self.kappa) * chance
        shown = apart.T @ apart + model
        habit = self.kernel @ (shown - np.sum(pull**2 / np.maximum(n, 1)) * chance) @ self.kernel.T
        return _correlation(shown), _correlation(habit)


def _correlation(covariance: np.ndarray) -> np.ndarray:
    """Return the correlation matrix nearest to what is left of a covariance after a subtraction."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    covariance = (vectors * np.maximum(values, 1e-9 * values.max())) @ vectors.T
    sd = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    return covariance / np.outer(sd, sd)


def user_shares(seen: np.ndarray, prior: np.ndarray, kappa: float, kernel: np.ndarray) -> np.ndarray:
    """Return the posterior mean of users' hours.

    Parameters
    ----------
    seen : ndarray, shape (n_users, 24)
        Active hours, by hour of the day.
    prior : ndarray, shape (n_users, 24) or (24,)
        What they are expected to be, in shares.
    kappa : float
        Active hours that the prior is worth.
    kernel : ndarray, shape (24, 24)

    Notes
    -----
    ``(k smoothed + kappa prior) / (n + kappa)``. Only what the user showed is smoothed: the prior rests on
    many users and needs none.

    Examples
    --------
    >>> user_shares(np.eye(24)[[9]], np.full(24, 1 / 24), 1.0, np.eye(24))[0, 8:10].round(3).tolist()
    [0.021, 0.521]
    """
    return (seen @ kernel + kappa * prior) / (seen.sum(axis=1, keepdims=True) + kappa)


def hours_seen(counts: UserCounts, rows: slice) -> np.ndarray:
    """Return plain counts per user and hour, shape (n, 24)."""
    seen = np.zeros((len(counts.user_ids[rows]), 24))
    seen[:, [int(name) for name in counts.categories]] = counts.events[rows].toarray()
    return seen


def _prior(weights: np.ndarray, personas: np.ndarray, everyone: np.ndarray) -> np.ndarray:
    prior = weights @ personas + (1 - weights.sum(axis=1, keepdims=True)) * everyone
    prior = np.maximum(prior, 1e-6)
    return prior / prior.sum(axis=1, keepdims=True)


def _some_rows(counts: UserCounts) -> slice:
    return slice(None, None, max(1, -(-len(counts.user_ids) // MAX_USERS_FITTED)))


def fit_kappa(counts: UserCounts, members: Members, personas: np.ndarray, everyone: np.ndarray) -> float:
    """Find how many active hours of a user's own their persona is worth, by maximum likelihood.

    Notes
    -----
    Each user's counts are Dirichlet-multinomial with mean the persona's shares and size kappa.
    Without smoothing: neighbouring hours are what tells kappa from chance.

    References
    ----------
    Minka (2000), Estimating a Dirichlet distribution.
    """
    rows = _some_rows(counts)
    seen = hours_seen(counts, rows)
    n = seen.sum(axis=1)
    told = n >= 2
    if not told.any():
        return USUAL_KAPPA
    seen, n = seen[told], n[told]
    prior = _prior(members.weights[rows][told], personas, everyone)
    row, hour = np.nonzero(seen)
    k, mean = seen[row, hour], prior[row, hour]

    def loss(log_kappa: float) -> float:
        kappa = np.exp(log_kappa)
        per_user = gammaln(kappa) - gammaln(kappa + n)
        return -(per_user.sum() + (gammaln(k + kappa * mean) - gammaln(kappa * mean)).sum())

    found = optimize.minimize_scalar(loss, bounds=np.log(KAPPA_RANGE), method="bounded")
    return float(np.exp(found.x))


def profile_windows(profiles: HourProfiles, top_k: int, batch_size: int) -> Iterator[pd.DataFrame]:
    """Yield users' windows, see `user_windows`."""
    for start in range(0, len(profiles.counts.user_ids), batch_size):
        rows = slice(start, start + batch_size)
        shares, n = profiles.shares(rows)
        run, per_hour = profiles.stretches.best(shares)
        order = np.argsort(-per_hour, axis=1, kind="stable")[:, :top_k]
        ranked = np.take_along_axis(run, order, axis=1)
        first, last = profiles.stretches.ends(ranked)
        estimate = np.take_along_axis(shares @ profiles.stretches.matrix(), ranked, axis=1)
        own, in_persona = n >= profiles.least, profiles.members.home[rows] >= 0
        level = np.where(own, "user", np.where(in_persona, "persona", "everyone"))
        users, width = profiles.counts.user_ids[rows], order.shape[1]
        yield pd.DataFrame(
            {
                "user_id": np.repeat(users, width),
                "rank": np.tile(np.arange(1, width + 1), len(users)),
                "daypart": np.array(profiles.stretches.names, dtype=object)[order].ravel(),
                "hour_from": first.ravel(),
                "hour_to": last.ravel(),
                "estimate": estimate.ravel(),
                "n_hours": np.repeat(n.astype(int), width),
                "level": np.repeat(level.astype(object), width),
                "timezone": np.repeat(profiles.zones[rows], width),
            }
        )[COLUMNS]
