"""Who is still a customer where nobody says goodbye: the BG/NBD model of repeat purchases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, special

from segtool.engines import literal
from segtool.errors import InputError
from segtool.measurement.retention.activity import day_sql

MIN_USERS = 50  # four parameters from fewer would be a guess
MAX_USERS = 50_000  # users of the fit, evenly spread; more change no digit that is read
TOP = 1e4  # of each parameter: beyond, the data says nothing of it


@dataclass(frozen=True)
class BgNbd:
    """A fitted BG/NBD model.

    Users buy at a rate of their own, which varies as a gamma with shape ``r`` and rate ``alpha``; after each
    repeat purchase they are gone with a chance of their own, a beta with ``a`` and ``b``.

    Parameters
    ----------
    r, alpha, a, b : float
    log_likelihood : float
    n_users : int
        Users fitted on.

    Notes
    -----
    A user who never bought again cannot have gone in this model, so its chance of being alive is 1: read
    it for users with repeat purchases. With ``a`` near 0 nobody shows a sign of having gone.

    References
    ----------
    Fader, Hardie, Lee (2005), Marketing Science 24:275.
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    n_users: int

    def alive(self, frequency, recency, age) -> np.ndarray:
        """Return the chance that each user is still a customer.

        Parameters
        ----------
        frequency : array, shape (n_users,)
            Repeat purchases.
        recency, age : array, shape (n_users,)
            Time from the first purchase to the last one, and to now.
        """
        x, last, until = (np.asarray(one, dtype=float) for one in (frequency, recency, age))
        return 1 / (1 + self._gone(x, last, until))

    def expected(self, time: float, frequency, recency, age) -> np.ndarray:
        """Return the purchases to expect of each user within a time from now."""
        x, last, until = (np.asarray(one, dtype=float) for one in (frequency, recency, age))
        z = time / (self.alpha + until + time)
        a = self.a if abs(self.a - 1) > 1e-6 else 1 + 1e-6  # the formula is 0 / 0 at 1, its limit is not
        series = special.hyp2f1(self.r + x, self.b + x, a + self.b + x - 1, z)
        grown = 1 - (1 - z) ** (self.r + x) * series
        return (a + self.b + x - 1) / (a - 1) * grown / (1 + self._gone(x, last, until))

    def _gone(self, x, last, until) -> np.ndarray:
        """Return the odds of being gone."""
        log_odds = np.log(self.a) - np.log(np.maximum(self.b + x - 1, 1e-300))
        log_odds = log_odds + (self.r + x) * (np.log(self.alpha + until) - np.log(self.alpha + last))
        return np.where(x > 0, np.exp(np.minimum(log_odds, 700)), 0.0)


def fit_bg_nbd(frequency, recency, age, *, weights=None) -> BgNbd:
    """Fit the BG/NBD model by maximum likelihood.

    Parameters
    ----------
    frequency, recency, age : array, shape (n_users,)
        As for `BgNbd.alive`, in one unit of time.
    weights : array, shape (n_users,), optional
        How many users each row stands for.

    Returns
    -------
    BgNbd

    Raises
    ------
    InputError
        If fewer than 50 users are given, nobody bought again, or the values contradict each other.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rate, last = rng.gamma(1.0, 0.1, 400), rng.geometric(0.2, 400)
    >>> gaps = rng.exponential(1 / rate[:, None], (400, 60)).cumsum(axis=1)
    >>> bought = (gaps < 50) & (np.arange(60) < last[:, None])
    >>> model = fit_bg_nbd(bought.sum(axis=1), (gaps * bought).max(axis=1), np.full(400, 50.0))
    >>> bool(model.alive([5], [49], [50])[0] > model.alive([5], [10], [50])[0])
    True
    """
    x, last, until = (np.asarray(one, dtype=float) for one in (frequency, recency, age))
    weight = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=float)
    _check(x, last, until, weight)
    unit = until.max() / 20  # times near 1 keep the search well scaled
    data = (x, last / unit, until / unit, weight)
    bounds = [(np.log(1e-4), np.log(TOP))] * 4
    starts = [(0.0, 0.0, 0.0, 0.0), (-1.0, 1.0, -0.5, 1.0)]
    found = [
        optimize.minimize(_cost, start, args=data, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-13})
        for start in starts
    ]
    best = min(found, key=lambda one: one.fun)
    r, alpha, a, b = np.exp(best.x)
    # In units of its own time the likelihood of each repeat purchase carries the unit.
    log_likelihood = -best.fun * weight.sum() - (weight * x).sum() * np.log(unit)
    return BgNbd(float(r), float(alpha * unit), float(a), float(b), float(log_likelihood), int(weight.sum()))


def count_purchases(sources, *, event: str = "purchase") -> pd.DataFrame:
    """Return user_id, frequency, recency and age (days) of every user who bought, a day counting once.

    Parameters
    ----------
    sources : Sources
    event : str
    """
    if "events" not in sources.tables:
        raise InputError("There is no table of events.", "a table events with purchases.")
    day = day_sql("local_date")
    return sources.engine.query(f"""
        WITH bought AS (
            SELECT user_id, count(DISTINCT {day}) AS days, min({day}) AS first, max({day}) AS last,
                   max(age_days) AS oldest
            FROM events WHERE event = {literal(event)} GROUP BY user_id
        )
        SELECT user_id, days - 1 AS frequency, last - first AS recency,
               CAST(floor(oldest) AS INTEGER) AS age
        FROM bought ORDER BY user_id
    """).assign(age=lambda table: table[["age", "recency"]].max(axis=1))


def estimate_alive(
    sources, *, event: str = "purchase", horizon_days: float = 30
) -> tuple[pd.DataFrame, BgNbd]:
    """Estimate for every user who bought whether it is still a customer, and what it will buy.

    Parameters
    ----------
    sources : Sources
    event : str
    horizon_days : float

    Returns
    -------
    table : DataFrame
        user_id, frequency, recency, age, alive (chance), expected (purchases within the horizon).
    model : BgNbd
        In days.
    """
    table = count_purchases(sources, event=event)
    step = max(1, -(-len(table) // MAX_USERS))
    given = ("frequency", "recency", "age")
    model = fit_bg_nbd(*(table[name].to_numpy()[::step] for name in given))
    history = [table[name].to_numpy() for name in given]
    return table.assign(alive=model.alive(*history), expected=model.expected(horizon_days, *history)), model


def _check(x, last, until, weight) -> None:
    if not len(x) == len(last) == len(until) == len(weight):
        raise InputError("frequency, recency, age and weights differ in length.", "one value per user.")
    if weight.sum() < MIN_USERS:
        raise InputError(f"{int(weight.sum())} users bought.", f"at least {MIN_USERS} for four parameters.")
    if not (x > 0).any():
        raise InputError("Nobody bought again.", "some repeat purchases.")
    if (
        (last > until).any()
        or (x < 0).any()
        or ((x > 0) & (last <= 0)).any()
        or ((x == 0) & (last > 0)).any()
    ):
        raise InputError(
            "Some users' purchases contradict each other.",
            "recency up to age; above 0 for users with repeat purchases, else 0.",
        )


def _cost(logs, x, last, until, weight) -> float:
    """Return minus the mean log likelihood, equation (6) of the reference."""
    r, alpha, a, b = np.exp(logs)
    start = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha)
    start = start + special.betaln(a, b + x) - special.betaln(a, b)
    stays = -(r + x) * np.log(alpha + until)
    gone = np.log(a) - np.log(np.where(x > 0, b + x - 1, 1.0)) - (r + x) * np.log(alpha + last)
    both = np.where(x > 0, np.logaddexp(stays, gone), stays)
    return -float((weight * (start + both)).sum() / weight.sum())
