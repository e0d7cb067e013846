"""The value of a policy from sends that another policy chose: four estimators, clustered by user."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from segtool.measurement.off_policy.log import Log

# A third of an answer, as in Kerman's neutral prior, so that nobody having answered is not "never". Its
# mean is the policy's own rate, not a half: over several small personas a half would add up.
PRIOR_ANSWERS = 1 / 3
N_DRAWS = 4000  # the ends of a 95 % interval are then known to a twentieth of its width
STRATUM_SENDS = 50  # matched sends per stratum of propensity; fewer strata where there are fewer sends
MAX_STRATA = 10
MAX_CLUSTERING = 10.0  # a handful of users says little about how alike one user's answers are
MODEL_SENDS = 20.0  # sends before an arm's own rate in a persona counts for half in the outcome model


@dataclass(frozen=True)
class Value:
    """An estimate with its interval, and the same per persona, shape (n_personas,); NaN without a match."""

    value: float
    lo: float
    hi: float
    by_persona: np.ndarray
    lo_by_persona: np.ndarray
    hi_by_persona: np.ndarray


def weigh(log: Log, shares: np.ndarray) -> np.ndarray:
    """Return how many sends of the policy each logged send stands for, 0 where the policy sends something else."""
    return shares[log.persona, log.arm] / log.propensity


def estimate_stratified(log: Log, shares: np.ndarray, confidence: float, seed: int) -> Value:
    """Estimate persona by persona, within strata of alike weights, with Beta posteriors.

    Notes
    -----
    The value is ``sum_p T_p sum_s W_ps r_ps / W_p`` with T a persona's share of the traffic and r the
    answer rate of a stratum, weighted within it. The interval is that of the same sum with
    ``r ~ Beta(1/3 + k/d, 1/3 (1 - m)/m + (n - k)/d)``, n the effective sends of the stratum, m the answer
    rate of all strata, and *d* how many sends of one user count as one. Unlike a normal interval it holds
    where nobody has answered yet.

    References
    ----------
    Kerman (2011), doi:10.1214/11-EJS648 (the prior).
    """
    weight = weigh(log, shares)
    matched = log.rows(weight > 0)
    weight = weight[weight > 0]
    rng = np.random.default_rng([seed, 21])
    stratum = _strata(matched, weight)
    n, k, total = _stratum_sums(matched, weight, stratum, int(stratum.max(initial=-1)) + 1)
    clustered = _clustering(matched, weight, np.divide(k, n, out=np.zeros_like(k), where=n > 0)[stratum])
    middle = np.clip(np.divide((total * k / n).sum(), max(total.sum(), 1e-12)), 0.005, 0.5)
    a, b = PRIOR_ANSWERS + k / clustered, PRIOR_ANSWERS * (1 - middle) / middle + (n - k) / clustered
    draws = rng.beta(a, b, size=(N_DRAWS, len(a)))
    owner = np.zeros(len(n), dtype=int)
    owner[stratum] = matched.persona
    n_personas = len(log.persona_ids)
    rate, sampled = np.full(n_personas, np.nan), np.full((N_DRAWS, n_personas), np.nan)
    for code in np.unique(owner) if len(owner) else []:
        mine = owner == code
        part = total[mine] / total[mine].sum()
        rate[code], sampled[:, code] = (part * k[mine] / n[mine]).sum(), draws[:, mine] @ part
    return _summed(rate, sampled, log.traffic, confidence)


def _strata(log: Log, weight: np.ndarray) -> np.ndarray:
    """Number the strata: persona, arm and level of the propensity, each with enough sends to say something."""
    stratum = np.zeros(len(weight), dtype=int)
    cell = log.persona * len(log.arms) + log.arm
    first = 0
    for code in np.unique(cell):
        mine = np.flatnonzero(cell == code)
        order = mine[np.argsort(weight[mine], kind="stable")]
        sends = np.cumsum(log.n[order])
        parts = int(np.clip(sends[-1] // STRATUM_SENDS, 1, MAX_STRATA))
        level = np.minimum(((sends - log.n[order] / 2) / sends[-1] * parts).astype(int), parts - 1)
        # Sends of one weight belong together: cut only where the weight changes.
        starts = np.r_[True, np.diff(weight[order]) > 1e-12]
        level = level[np.flatnonzero(starts)][np.cumsum(starts) - 1]
        _, level = np.unique(level, return_inverse=True)
        stratum[order] = first + level
        first += int(level.max()) + 1
    return stratum


def _stratum_sums(log: Log, weight, stratum, size: int):
    """Return effective sends, effective answers and summed weights of each stratum."""

    def sums(values):
        return np.bincount(stratum, weights=values, minlength=size)

    total, squares, answers = sums(weight * log.n), sums(weight**2 * log.n), sums(weight * log.hits)
    n = total**2 / squares
    return n, n * answers / total, total


def _clustering(log: Log, weight, rate) -> float:
    """Return how many sends of one user count as one, at least 1."""
    if not len(weight):
        return 1.0
    residual = log.by_user(weight * (log.hits - log.n * rate))
    independent = (weight**2 * log.n * rate * (1 - rate)).sum()
    return float(np.clip((residual**2).sum() / max(independent, 1e-12), 1.0, MAX_CLUSTERING))


def _summed(rate, sampled, traffic, confidence) -> Value:
    known = np.isfinite(rate)
    if not known.any():
        none = np.full(len(rate), np.nan)
        return Value(np.nan, np.nan, np.nan, none, none, none)
    part = np.where(known, traffic, 0) / traffic[known].sum()
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    lo, hi = np.quantile(sampled[:, known] @ part[known], tails)
    value = float((part[known] * rate[known]).sum())
    own = np.full((2, len(rate)), np.nan)
    own[:, known] = np.quantile(sampled[:, known], tails, axis=0)
    own_lo, own_hi = np.fmin(own[0], rate), np.fmax(own[1], rate)
    return Value(value, min(float(lo), value), max(float(hi), value), rate, own_lo, own_hi)


def estimate_snips(log: Log, shares: np.ndarray, confidence: float, seed: int) -> Value:
    """Estimate by weights that are scaled to sum to one (self-normalised inverse propensity)."""
    weight = weigh(log, shares)
    return _by_parts(log, confidence, lambda part, w: (w * part.hits, w * part.n), weight)


def estimate_ipw(log: Log, shares: np.ndarray, confidence: float, seed: int) -> Value:
    """Estimate by plain inverse-propensity weights: unbiased, and unsteady when weights are large."""
    weight = weigh(log, shares)
    return _by_parts(log, confidence, lambda part, w: (w * part.hits, part.n), weight)


def estimate_dr(log: Log, shares: np.ndarray, confidence: float, seed: int) -> Value:
    """Estimate doubly robustly (AIPW): an outcome model, corrected by the weighted residuals.

    Notes
    -----
    ``mean of sum_a pi(a|p) q(p, a) + w (y - q(p, A))``, with *q* the answer rate of the arm in the
    persona, shrunk to that of the arm, from the other half of the users (cross-fitting).

    References
    ----------
    Dudik, Langford and Li (2011), arXiv:1103.4601.
    """
    weight = weigh(log, shares)
    half = log.user % 2
    model, promised = np.zeros(len(weight)), np.zeros(len(weight))
    for fold in (0, 1):
        rates = _rates(log.rows(half != fold))
        mine = half == fold
        model[mine] = rates[log.persona[mine], log.arm[mine]]
        known = shares[:, :-1] / np.maximum(shares[:, :-1].sum(axis=1, keepdims=True), 1e-12)
        promised[mine] = (known * rates).sum(axis=1)[log.persona[mine]]
    extra = log.n * promised - weight * log.n * model
    return _by_parts(log, confidence, lambda part, w: (w[:, 0] * part.hits + w[:, 1], part.n),
                     np.stack([weight, extra], axis=1))  # fmt: skip


def _rates(log: Log) -> np.ndarray:
    """Return the answer rate of each arm in each persona, shrunk to that of the arm."""
    shape = (len(log.persona_ids), len(log.arms))
    cell = log.persona * shape[1] + log.arm
    n = np.bincount(cell, weights=log.n, minlength=shape[0] * shape[1]).reshape(shape)
    k = np.bincount(cell, weights=log.hits, minlength=shape[0] * shape[1]).reshape(shape)
    overall = (k.sum() + 0.5) / (n.sum() + 1)
    arm = (k.sum(axis=0) + MODEL_SENDS * overall) / (n.sum(axis=0) + MODEL_SENDS)
    return (k + MODEL_SENDS * arm) / (n + MODEL_SENDS)


def _by_parts(log: Log, confidence: float, sums, weight: np.ndarray) -> Value:
    """Return a ratio of sums with its clustered interval, overall and per persona."""
    whole = _ratio(log, *sums(log, weight), confidence)
    own = np.full((3, len(log.persona_ids)), np.nan)
    for code in range(len(log.persona_ids)):
        rows = log.persona == code
        part = log.rows(rows)
        own[:, code] = _ratio(part, *sums(part, weight[rows]), confidence)
    return Value(*whole, *own)


def _ratio(log: Log, top: np.ndarray, bottom: np.ndarray, confidence: float) -> tuple[float, float, float]:
    total = bottom.sum()
    if total <= 0:
        return np.nan, np.nan, np.nan
    value = top.sum() / total
    residual = log.by_user(top - value * bottom)
    users = int((log.by_user(bottom) != 0).sum())
    spread = np.sqrt((residual**2).sum() / max(users - 1, 1) * users) / total
    reach = stats.t.ppf(0.5 + confidence / 2, max(users - 1, 1)) * spread
    return float(value), float(np.clip(value - reach, 0, 1)), float(np.clip(value + reach, 0, 1))


ESTIMATORS = {
    "stratified": estimate_stratified,
    "snips": estimate_snips,
    "ipw": estimate_ipw,
    "dr": estimate_dr,
}
