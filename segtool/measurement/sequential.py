"""Looking at a test before its end: intervals that hold at any look, and what they cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from segtool.checks import check_number

PATHS = 20_000  # simulated tests behind `price_peeking`: a rate of 5 % to a third of a point


def tune_spread(planned_users: float, alpha: float) -> float:
    """Return rho for which the boundary is narrowest at half of the planned users.

    References
    ----------
    Waudby-Smith et al. (2021), Time-uniform central limit theory and asymptotic confidence
    sequences, appendix B.2. https://arxiv.org/abs/2103.06476

    Examples
    --------
    >>> round(tune_spread(1000, 0.05), 3)
    0.126
    """
    log = -2 * np.log(alpha)
    return float(np.sqrt((log + np.log(log + 1)) / (planned_users / 2)))


def boundary(users: np.ndarray, rho: float, alpha: float) -> np.ndarray:
    """Return how many standard errors an estimate may be off at every look at once.

    Parameters
    ----------
    users : ndarray
        Users at the look.
    rho : float
        As from `tune_spread`.
    alpha : float
        Chance of ever being off by more.

    Notes
    -----
    ``sqrt(2 (n rho^2 + 1) / (n rho^2) log(sqrt(n rho^2 + 1) / alpha))``, the normal mixture of Robbins.
    The mixture sequential probability ratio test (mSPRT) of Johari et al. is the same boundary with
    ``n rho^2 = tau^2 / variance`` for effects thought to be about tau: see `mixture_p`.

    Examples
    --------
    >>> boundary(np.array([500.0, 1000.0]), tune_spread(1000, 0.05), 0.05).round(2)
    array([3.04, 3.06])
    """
    ratio = np.asarray(users, dtype=float) * rho**2
    return np.sqrt(2 * (ratio + 1) / ratio * np.log(np.sqrt(ratio + 1) / alpha))


def mixture_p(value: np.ndarray, variance: np.ndarray, spread2: np.ndarray | float) -> np.ndarray:
    """Return p-values that hold whenever one stops: 1 over the mixture likelihood ratio, at most 1.

    Parameters
    ----------
    value, variance : ndarray
        Effect so far and its squared standard error.
    spread2 : float or ndarray
        Squared size of the effects that are thought of (tau^2 of the mSPRT).

    References
    ----------
    Johari et al. (2022), Always valid inference. https://doi.org/10.1287/opre.2021.2135

    Examples
    --------
    >>> mixture_p(np.array([3.0]), np.array([1.0]), 4.0).round(3)
    array([0.061])
    """
    value, variance = np.asarray(value, dtype=float), np.asarray(variance, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = 0.5 * np.log(variance / (variance + spread2))
        log = log + spread2 * value**2 / (2 * variance * (variance + spread2))
    return np.minimum(np.exp(-log), 1.0)


def price_peeking(
    *, n_looks: int = 28, alpha: float = 0.05, power: float = 0.8, random_state: int = 0
) -> pd.DataFrame:
    """Say what looking on any day costs, and what it saves.

    Parameters
    ----------
    n_looks : int
        Looks at equal steps, the last one at the planned end.
    alpha : float
    power : float
        Of one look at the end; sets the effect that is compared.
    random_state : int

    Returns
    -------
    DataFrame
        rule ("one look at the end", "any look, fixed limits", "any look, always valid",
        "any look, mSPRT"), false_positive, power (both over all looks), effect_needed (times the effect
        of the first rule, for the same power), users_needed (times its users), and share_used (share
        of the planned users at the median stop when the effect is twice as large).

    Examples
    --------
    >>> price_peeking().round(2)[["rule", "false_positive", "power", "effect_needed"]]
                         rule  false_positive  power  effect_needed
    0     one look at the end            0.05   0.80           1.00
    1  any look, fixed limits            0.28   0.89           0.84
    2  any look, always valid            0.02   0.51           1.31
    3         any look, mSPRT            0.01   0.51           1.31
    """
    check_number("n_looks", n_looks, low=1, high=1000, integer=True)
    check_number("alpha", alpha, low=0, high=0.5, low_open=True)
    check_number("power", power, low=0.05, high=0.99)
    part = np.arange(1, n_looks + 1) / n_looks
    steps = np.random.default_rng(random_state).normal(size=(PATHS, n_looks)) / np.sqrt(n_looks)
    noise = np.cumsum(steps, axis=1) / np.sqrt(part)
    z = stats.norm.ppf(1 - alpha / 2)
    drift = z + stats.norm.ppf(power)
    limits = {
        "one look at the end": np.where(part == 1, z, np.inf),
        "any look, fixed limits": np.full(n_looks, z),
        "any look, always valid": boundary(part, tune_spread(1.0, alpha), alpha),
        # mixing over effects as large as the one the test was planned for
        "any look, mSPRT": boundary(part, drift, alpha),
    }
    rows = [_priced(rule, limit, noise, np.sqrt(part), drift, power) for rule, limit in limits.items()]
    return pd.DataFrame(rows)


def _priced(rule: str, limit, noise, root, drift: float, power: float) -> dict:
    def found(times: float) -> np.ndarray:
        return np.abs(noise + times * drift * root) > limit

    def power_at(times: float) -> float:
        return float(found(times).any(axis=1).mean())

    low, high = 0.1, 4.0
    for _ in range(18):
        middle = (low + high) / 2
        low, high = (middle, high) if power_at(middle) < power else (low, middle)
    # An effect needed t times as large is the same as t^2 times the users.
    twice = found(2.0)
    stop = np.where(twice.any(axis=1), twice.argmax(axis=1) + 1, twice.shape[1]) / twice.shape[1]
    return {
        "rule": rule,
        "false_positive": power_at(0.0),
        "power": power_at(1.0),
        "effect_needed": high,
        "users_needed": high**2,
        "share_used": float(np.median(stop)),
    }
