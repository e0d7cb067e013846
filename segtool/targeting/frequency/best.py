"""The weekly number of sends that brings most, for what is known of fatigue and opt-outs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from segtool.targeting.frequency.fatigue import Slope
from segtool.targeting.frequency.pressure import PRESSURE_DAYS, steady_pressure

DRAWS = 400
NEARLY = 0.05  # of the best value: what it takes to call two numbers of sends the same
POINTS = 15  # of the pressures met so far: more change the fourth digit
NEWTON_STEPS = 12


@dataclass(frozen=True)
class Outcome:
    """How often something comes of a send, and how that changes with pressure.

    Parameters
    ----------
    rate, sd : float
        Per send, at the pressures met so far, and how surely that is known.
    slope : Slope
        On the logit scale for answers, on that of the log hazard for opt-outs. An unknown one counts as 0.
    """

    rate: float
    sd: float
    slope: Slope


@dataclass(frozen=True)
class BestFrequency:
    """The weekly number of sends that brings most, and those that bring nearly as much.

    Parameters
    ----------
    best, lo, hi : int
        With its interval.
    flat_lo, flat_hi : int
        All between bring at least 95 % of the best.
    positive : bool
        Whether the best brings more than it costs.
    curve : DataFrame
        per_week (0 to what was tried), value (a week), lo, hi, flat.
    """

    best: int
    lo: int
    hi: int
    flat_lo: int
    flat_hi: int
    positive: bool
    curve: pd.DataFrame


def best_frequency(
    answers: Outcome,
    optouts: Outcome,
    pressures: np.ndarray,
    tried: int,
    *,
    response_value: float,
    optout_cost: float,
    confidence: float,
    send_cost: float = 0.0,
    days: float = PRESSURE_DAYS,
    random_state: int = 0,
) -> BestFrequency:
    """Find ``argmax f (r(f) v - h(f) L - cost)`` for f from 1 to what was tried.

    Parameters
    ----------
    answers, optouts : Outcome
    pressures : ndarray
        Met by the sends behind the two rates.
    tried : int
        Highest frequency looked at: beyond what was sent nothing is known.
    response_value, optout_cost, send_cost : float
        v, L and the cost of one send, in one unit.
    confidence : float
        Of the intervals.
    days : float
        Days in which the pressure of a send fades by e.
    random_state : int

    Returns
    -------
    BestFrequency

    Notes
    -----
    The rates are means over users who differ (`Slope.spread`), so a slope found within users is carried over
    to the mean by integrating over them. Rates and slopes are drawn 400 times from what is known of
    them; the bounds of the best number are quantiles of what is best in each draw.

    Examples
    --------
    >>> answers, optouts = Outcome(0.1, 0.003, Slope(-0.3, 0.03)), Outcome(0.0, 0.0, Slope(0.0, 0.0))
    >>> found = best_frequency(answers, optouts, np.array([1.0, 2.0, 3.0]), 10,
    ...                        response_value=1, optout_cost=0, confidence=0.9)
    >>> found.best, found.flat_lo <= found.best <= found.flat_hi
    (4, True)
    """
    generator = np.random.default_rng(random_state)
    f = np.arange(1, max(tried, 1) + 1)
    met = np.quantile(pressures, (np.arange(POINTS) + 0.5) / POINTS)
    steady = steady_pressure(f, days)
    answered = _rates(answers, met, steady, expit, generator)
    left = _rates(optouts, met, steady, _cloglog, generator) if optouts.rate > 0 else 0.0
    value = f * (response_value * answered - optout_cost * left - send_cost)
    tail = (1 - confidence) / 2
    best = f[value.argmax(axis=1)]
    lo, hi = np.quantile(best[1:], [tail, 1 - tail], method="nearest")
    top = value[0].max()
    near = value[0] >= top - NEARLY * abs(top)
    first, last = _run_around(near, int(value[0].argmax()))
    bounds = np.quantile(value[1:], [tail, 1 - tail], axis=0)
    curve = pd.DataFrame(
        {
            "per_week": np.append(0, f),
            "value": np.append(0.0, value[0]),
            "lo": np.append(0.0, np.minimum(bounds[0], value[0])),
            "hi": np.append(0.0, np.maximum(bounds[1], value[0])),
            "flat": np.append(False, (f >= f[first]) & (f <= f[last])),
        }
    )
    return BestFrequency(
        int(best[0]), int(min(lo, best[0])), int(max(hi, best[0])), int(f[first]), int(f[last]), bool(top > 0), curve
    )  # fmt: skip


def _run_around(near: np.ndarray, place: int) -> tuple[int, int]:
    """Return the ends of the run of true values that holds a place."""
    gaps = np.flatnonzero(~near)
    before, after = gaps[gaps < place], gaps[gaps > place]
    return (int(before[-1]) + 1 if len(before) else 0), (int(after[0]) - 1 if len(after) else len(near) - 1)


def _cloglog(eta: np.ndarray) -> np.ndarray:
    return -np.expm1(-np.exp(np.minimum(eta, 3.0)))


def _rates(outcome: Outcome, met, steady, link, generator) -> np.ndarray:
    """Return rates per send, first as estimated, then drawn; shape (1 + DRAWS, n_frequencies)."""
    slope = outcome.slope
    value, sd = (slope.value, slope.sd) if slope.known else (0.0, 0.0)
    slopes = np.append(value, value + sd * generator.normal(size=DRAWS))
    rate = float(np.clip(outcome.rate, 1e-6, 1 - 1e-6))
    size = max(rate * (1 - rate) / max(outcome.sd, 1e-9) ** 2 - 1, 2.0)
    base = np.append(rate, np.maximum(generator.beta(rate * size, (1 - rate) * size, size=DRAWS), 1e-9))
    place, weight = np.polynomial.hermite_e.hermegauss(7)
    own, share = slope.spread * place, weight / weight.sum()
    centre = met.mean()
    usual = slopes[:, None, None] * (met[:, None] - centre) + own  # (draws, points, nodes)
    start = _start(base, usual, share, link)
    ahead = slopes[:, None, None] * (steady[:, None] - centre) + own + start[:, None, None]
    return (link(ahead) * share).sum(axis=2)


def _start(base, usual, share, link) -> np.ndarray:
    """Return the intercepts with which the mean over pressures and users is the rate that was seen."""
    at = np.log(base)
    for _ in range(NEWTON_STEPS):
        here = (link(at[:, None, None] + usual) * share).sum(axis=2).mean(axis=1)
        there = (link(at[:, None, None] + 1e-4 + usual) * share).sum(axis=2).mean(axis=1)
        steepness = np.maximum((there - here) / 1e-4, 1e-12)
        at = at + np.clip((base - here) / steepness, -2, 2)
    return at
