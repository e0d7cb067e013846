"""How much windows scatter where no activity was: learnt from placebo windows, turned into intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from segtool.community.activities.windows import Windows

# Before any placebo was seen: a fifth up or down from one month to the next, as much as a few windows say.
PRIOR_SCATTER, PRIOR_WINDOWS = 0.10, 3.0
DRIFT_WINDOWS = 4.0  # independent placebo windows at which their drift counts half
OWN_WINDOWS = 8.0  # independent placebo windows at which a group's own scatter weighs half
REBOUND_WINDOWS = 8.0  # independent placebo windows at which what they say of rebounds counts half

PLAIN_MOVE = 3.0  # squared errors; a move beyond them is believed though days seldom move together
MOST_MOVED = np.log(4.0)  # what groups share is a holiday or a campaign, not the end of talk
MOST_SCATTER = 50.0
TOO_IRREGULAR = 3.0  # relative variance beyond which a window may hold anything: there is no usual
LEAST_TAILS = 2  # independent placebos expected beyond each end, below which they do not correct the model


@dataclass(frozen=True)
class Noise:
    """What placebo windows of one length teach.

    Parameters
    ----------
    scatter : ndarray, shape (n_groups,)
        Squared coefficient of variation of a window around its expectation, beyond chance of counts.
    drift : float
        Log factor by which such windows differ from the days before on the whole: groups grow, or tire.
    shared : float
        Variance of the log factor that all groups have in common on the same days, around the drift.
    scatter_all : float
        Of the groups together.
    rebound : float
        Share of a slump (or a peak) of the days before that is gone in such windows, 0 to 1.
    tails : tuple of float
        Chances below and above which the placebos fall as often as an interval should miss, each side.
    n : int
        Placebo windows.
    """

    scatter: np.ndarray
    drift: float
    shared: float
    scatter_all: float
    tails: tuple[float, float]
    n: int
    rebound: float = 0.0


@dataclass(frozen=True)
class Expected:
    """What windows would have held without an activity, and its relative variance."""

    mean: np.ndarray
    spread: np.ndarray


def expect(windows: Windows, noise: Noise, group: np.ndarray, min_controls: int) -> Expected:
    """Return the expectation of windows: as usual, moved as far as the matched groups moved.

    Notes
    -----
    Difference in differences on the log scale, with the move ``x`` of the matched groups drawn towards the
    drift of all by how surely it is known: ``mean = usual * exp(drift + b (x - drift))``,
    ``b = shared / (shared + noise of x)``, or more where the move is plain by itself, as on a holiday that
    placebos hardly saw. With too few of them the move is not used, and its variance counts as uncertainty.
    Talk that was slow comes back by itself (regression to the mean): as much as placebos show it is taken off,
    and after a sure slump, that it may be anything from none to all of it counts as uncertainty.
    """
    x, doubt = _move(windows, noise.scatter_all)
    enough = windows.n_controls >= min_controls
    usual = noise.shared / np.maximum(noise.shared + doubt, 1e-9)
    plain = 1 - PLAIN_MOVE * doubt / np.maximum((x - noise.drift) ** 2, 1e-9)
    pull = np.where(enough, np.maximum(usual, plain), 0.0)
    left = np.where(enough, pull * doubt, noise.shared)
    back = noise.rebound
    # After a sure slump it may be anything from none to all of it, whatever other windows showed.
    unsure = np.where(windows.in_slump, (1 / 12 + (0.5 - back) ** 2) * windows.slump**2, 0.0)
    return Expected(
        windows.usual * np.exp(noise.drift + pull * (x - noise.drift) - back * windows.slump),
        noise.scatter[group] + left + unsure + 1 / np.maximum(windows.base, 1),
    )


def _move(windows: Windows, scatter: float) -> tuple[np.ndarray, np.ndarray]:
    """Return how far matched groups moved on those days, as a log, and its variance."""
    x = np.log((windows.control_seen + 0.5) / (windows.control_usual + 0.5))
    doubt = (
        1 / np.maximum(windows.control_usual, 0.5)
        + 1 / np.maximum(windows.control_base, 0.5)
        + scatter / np.maximum(windows.n_controls, 1)
    )
    return x, doubt


def learn_noise(
    windows: Windows, group: np.ndarray, n_groups: int, length: int, min_controls: int, level: float
) -> Noise:
    """Learn from placebo windows how much a window of that length scatters.

    Parameters
    ----------
    windows : Windows
        Of starts that no activity touches; only those with something to expect.
    group : ndarray of int
        Whose they are.
    n_groups, length, min_controls : int
    level : float
        Of the intervals to come.
    """
    noise = Noise(np.full(n_groups, PRIOR_SCATTER), 0.0, 0.0, PRIOR_SCATTER, (0.0, 0.0), len(group))
    if not len(group):
        return _with_tails(noise, (1 - level) / 2)
    own = np.log((windows.seen + 0.5) / (windows.usual + 0.5))
    apart = max(length, 7)  # weeks resemble each other: starts within one are one observation
    noise = replace(noise, drift=_drift(windows, len(group) / apart))
    noise = replace(noise, rebound=_rebound(windows, own - noise.drift, len(group) / apart))
    usual = windows.usual * np.exp(-noise.rebound * windows.slump)
    own = np.log((windows.seen + 0.5) / (usual + 0.5))
    noise = replace(noise, drift=_drift(replace(windows, usual=usual), len(group) / apart))
    for _ in range(3):
        x, doubt = _move(windows, noise.scatter_all)
        enough = windows.n_controls >= min_controls
        weight = enough / (doubt + noise.scatter_all + 1 / np.maximum(windows.usual, 0.5))
        shared = float(
            max((weight * (own - noise.drift) * (x - noise.drift)).sum() / max(weight.sum(), 1e-9), 0.0)
        )
        noise = _scatter(windows, replace(noise, shared=shared), group, n_groups, apart, min_controls)
    tail, n = (1 - level) / 2, len(group) / apart
    if n < LEAST_TAILS / tail:
        return _with_tails(noise, tail)
    chance = chance_below(windows.seen, expect(windows, noise, group, min_controls))
    # The finite-sample quantile of conformal inference: a little further out than the share asked for.
    q = max((tail * (n + 1) - 1) / n, tail / 2)
    low, high = np.quantile(chance, [q, 1 - q])
    return _with_tails(noise, tail, float(low), float(1 - high))


def _drift(windows: Windows, n: float) -> float:
    """Return the log factor of all placebos together, drawn to none while they are few."""
    weight = 1 / (1 + windows.usual * PRIOR_SCATTER)
    factor = (weight * windows.seen).sum() / max((weight * windows.usual).sum(), 1e-9)
    return float(np.log(max(factor, 0.2)) * n / (n + DRIFT_WINDOWS))


def _rebound(windows: Windows, moved: np.ndarray, n: float) -> float:
    """Return how much of a slump of the days before is gone in placebos, drawn to none while they are few."""
    weight = windows.usual / (1 + windows.usual * PRIOR_SCATTER)
    slump = windows.slump - (weight * windows.slump).sum() / max(weight.sum(), 1e-9)
    share = -(weight * slump * moved).sum() / max((weight * slump**2).sum(), 1e-9)
    return float(np.clip(share * n / (n + REBOUND_WINDOWS), 0.0, 1.0))


def _with_tails(noise: Noise, tail: float, low: float | None = None, high: float | None = None) -> Noise:
    low, high = (tail if each is None else each for each in (low, high))
    # The placebos may correct the model, not overrule it: there are few of them far out.
    tails = tuple(float(np.clip(each, 0.1 * tail, 1.5 * tail)) for each in (low, high))
    return replace(noise, tails=tails)


def _scatter(windows: Windows, noise: Noise, group, n_groups: int, apart: int, min_controls: int) -> Noise:
    """Estimate the scatter by moments, each group's own drawn towards that of all."""
    told = expect(windows, replace(noise, scatter=np.zeros(n_groups)), group, min_controls)
    beyond = (windows.seen - told.mean) ** 2 - told.mean - told.mean**2 * told.spread
    # Where less than one is due, a single message is many times what was due: such windows weigh as if it were one.
    size = np.maximum(told.mean, 1.0)
    weight = 1 / (size + size**2 * (noise.scatter_all + told.spread)) ** 2
    top = np.bincount(group, weight * beyond, minlength=n_groups)
    bottom = np.bincount(group, weight * told.mean**2, minlength=n_groups)
    n = np.bincount(group, minlength=n_groups) / apart
    together = float(np.clip(top.sum() / max(bottom.sum(), 1e-12), 0.0, MOST_SCATTER))
    together = (n.sum() * together + PRIOR_WINDOWS * PRIOR_SCATTER) / (n.sum() + PRIOR_WINDOWS)
    alone = np.maximum(np.divide(top, bottom, out=np.full(n_groups, together), where=bottom > 0), 0.0)
    alone = np.minimum(alone, MOST_SCATTER)
    own = (n * alone + OWN_WINDOWS * together) / (n + OWN_WINDOWS)
    return replace(noise, scatter=own, scatter_all=together)


def chance_below(seen: np.ndarray, told: Expected) -> np.ndarray:
    """Return the chance of fewer than were seen (half of that of as many), were nothing special.

    Notes
    -----
    Counts are negative binomial: mean ``m``, variance ``m + spread * m**2``. Its distribution function is
    a regularised incomplete beta; a half added to the count gives about the mid-p chance.
    """
    size = 1 / np.maximum(told.spread, 1e-4)
    return special.betainc(size, seen + 0.5, size / (size + np.maximum(told.mean, 1e-9)))


def lift_interval(
    seen: np.ndarray, told: Expected, tails: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how many times the expectation was seen, and the interval that inverts the test of it."""
    size = 1 / np.maximum(told.spread, 1e-4)
    mean = np.maximum(told.mean, 1e-9)
    ends = []
    for chance in (1 - tails[1], tails[0]):
        p = special.betaincinv(size, seen + 0.5, chance)
        ends.append(size * (1 - p) / np.maximum(p, 1e-12) / mean)
    # A quarter keeps an empty window from being minus infinity on a log scale.
    return np.clip((seen + 0.25) / (mean + 0.25), *ends), *ends
