"""How much each signal counts, by length of history, chosen on the window before the study's date."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

# Items a user has taken up: what is known of a user decides which signals can be trusted.
BUCKETS = {"0": (0, 0), "1-2": (1, 2), "3-5": (3, 5), "6-10": (6, 10), "11-20": (11, 20), "21+": (21, 10**9)}
STEPS = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # standard deviations of a signal
# Of popularity, in place of 0: where nothing else speaks for either of two items, the more popular is first.
FAINT_POPULARITY = 0.01
LEAST_GAIN = 0.0003  # of NDCG@10; smaller ones are noise
# Paired standard errors by which a ranking must beat popularity, as many are tried, and by which a
# step must beat the one before it: what is surely better than popularity may be refined more freely.
SURELY, PROBABLY = 2.0, 1.0
ROUNDS = 4
TOP = 10
DISLIKE = 0.02  # of EASE's scale: items near disliked ones fall a little, whole topics do not


@dataclass(frozen=True)
class Weights:
    """Weights per bucket and signal, with what they were worth on the validation window.

    Parameters
    ----------
    names : tuple of str
    values : ndarray, shape (n_buckets, n_signals)
    table : DataFrame
        bucket, one column per signal, ndcg, ndcg_popularity, gain, gain_lo, gain_hi (90 %, paired by
        user), n_users, source (whose histories they were, or why popularity ranks alone). What ranking is
        worth is measured on users who had no part in choosing its weights: each half of the users is ranked
        by weights chosen on the other; the weights told, chosen on both halves, should do no worse.
    """

    names: tuple[str, ...]
    values: np.ndarray
    table: pd.DataFrame

    def of(self, length: np.ndarray) -> np.ndarray:
        """Return the weights of users with so many items, shape (n_users, n_signals)."""
        return self.values[bucket_of(length)]


def bucket_of(length: np.ndarray) -> np.ndarray:
    """Return the position of each history length in `BUCKETS`.

    Examples
    --------
    >>> bucket_of(np.array([0, 2, 5, 500])).tolist()
    [0, 1, 2, 5]
    """
    return np.searchsorted([high for _, high in BUCKETS.values()], length)


@dataclass(frozen=True)
class Trial:
    """Validation users of one bucket, with a few hundred candidates each.

    Parameters
    ----------
    x : ndarray of float32, shape (n_signals, n_users, n_candidates)
    allowed, relevant : ndarray of bool, shape (n_users, n_candidates)
    ideal : ndarray, shape (n_users,)
        The best DCG possible.
    kinds : tuple of ndarray of int
        Rows of kinds of users none of whom may lose by a step.
    """

    x: np.ndarray
    allowed: np.ndarray
    relevant: np.ndarray
    ideal: np.ndarray
    kinds: tuple[np.ndarray, ...] = ()

    def keep(self, rows: np.ndarray) -> Trial:
        """Return some of the users (sorted positions); kinds keep those of theirs who are among them."""
        kinds = tuple(np.flatnonzero(np.isin(rows, kind)) for kind in self.kinds)
        return Trial(
            self.x[:, rows],
            self.allowed[rows],
            self.relevant[rows],
            self.ideal[rows],
            tuple(kind for kind in kinds if len(kind)),
        )

    def ndcg(self, weights: np.ndarray) -> np.ndarray:
        """Return NDCG@10 per user."""
        return self.ndcg_of(np.tensordot(weights.astype(np.float32), self.x, axes=1))

    def ndcg_of(self, score: np.ndarray) -> np.ndarray:
        """Return NDCG@10 per user of a score, shape (n_users, n_candidates)."""
        score = np.where(self.allowed, score, np.float32(-np.inf))
        top = min(TOP, score.shape[1])
        best = np.argpartition(-score, top - 1, axis=1)[:, :top] if top < score.shape[1] else None
        best = np.broadcast_to(np.arange(top), (len(score), top)) if best is None else best
        order = np.argsort(-np.take_along_axis(score, best, axis=1), axis=1, kind="stable")
        hits = np.take_along_axis(self.relevant, np.take_along_axis(best, order, axis=1), axis=1)
        return (hits * DISCOUNT[:top]).sum(axis=1) / self.ideal


DISCOUNT = 1 / np.log2(np.arange(TOP) + 2)


def ideal_dcg(n_relevant: np.ndarray) -> np.ndarray:
    """Return the DCG@10 of a list with every relevant item first."""
    return np.concatenate([[0.0], np.cumsum(DISCOUNT)])[np.minimum(n_relevant, TOP)]


def climb(trial: Trial, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Raise weights one at a time from popularity alone, as long as NDCG clearly improves.

    Returns
    -------
    weights : ndarray, shape (n_signals,)
    ndcg, ndcg_popularity : ndarray, shape (n_users,)

    Notes
    -----
    Coordinate ascent on the measure itself (Metzler and Croft 2007). Weights by likelihood ranked
    worse than popularity where this did not.
    """
    scale = _spread(trial)
    weights = np.zeros(len(names))
    weights[0] = 1 / scale[0] if np.isfinite(scale[0]) else 1.0
    score = np.tensordot(weights.astype(np.float32), trial.x, axes=1)
    best = start = trial.ndcg_of(score)
    free = [place for place, name in enumerate(names) if name != "dislike" and scale[place] < np.inf]
    for _ in range(ROUNDS):
        before = weights.copy()
        for place in free:
            weights, score, best = _best_step(trial, place, 1 / scale[place], weights, score, best, start)
        if (weights == before).all():
            break
    return weights, best, start


def held_out_ndcg(trial: Trial, names: tuple[str, ...], generator) -> np.ndarray:
    """Return NDCG@10 per user under weights chosen on the half of the users he or she is not in.

    Weights look better on the users they were chosen for than on anybody else, with noise alone too.
    """
    order = generator.permutation(len(trial.ideal))
    halves = [np.sort(half) for half in np.array_split(order, 2)]
    found = np.zeros(len(order))
    for chosen_on, judged_on in (halves, halves[::-1]):
        weights, _, _ = climb(trial.keep(chosen_on), names)
        found[judged_on] = trial.keep(judged_on).ndcg(weights)
    return found


def _best_step(trial, place, unit, weights, score, best, start):
    """Try every step of one weight and keep the best, if it is clearly better."""
    rest = score - np.float32(weights[place]) * trial.x[place]
    steps = [step * unit for step in (STEPS if place else (FAINT_POPULARITY, *STEPS[1:]))]
    tried = [(step, rest + np.float32(step) * trial.x[place]) for step in steps]
    results = [trial.ndcg_of(total) for _, total in tried]
    chosen = int(np.argmax([result.mean() for result in results]))
    new = results[chosen]
    if not (_better(new, best, PROBABLY, trial.kinds) and _better(new, start, SURELY, trial.kinds)):
        return weights, score, best
    weights = weights.copy()
    weights[place] = tried[chosen][0]
    return weights, tried[chosen][1], results[chosen]


def _better(new: np.ndarray, old: np.ndarray, errors: float, kinds: tuple[np.ndarray, ...]) -> bool:
    difference = new - old
    if any(difference[rows].mean() < 0 for rows in kinds):
        return False
    error = difference.std(ddof=1) / np.sqrt(len(difference)) if len(difference) > 1 else np.inf
    return difference.mean() > max(LEAST_GAIN, errors * error)


def _spread(trial: Trial) -> np.ndarray:
    """Return each signal's typical spread among one user's candidates; infinite where it says nothing."""
    n = np.maximum(trial.allowed.sum(axis=1), 1)
    spread = []
    for x in trial.x:
        values = np.where(trial.allowed, x, 0).astype(float)
        mean = values.sum(axis=1) / n
        spread.append(np.sqrt(np.maximum((values**2).sum(axis=1) / n - mean**2, 0)).mean())
    return np.array([value if value > 1e-9 else np.inf for value in spread])


def gain_interval(new: np.ndarray, old: np.ndarray, confidence: float) -> tuple[float, float, float]:
    """Return the mean gain per user and its bounds, users being what was sampled."""
    difference = new - old
    if len(difference) < 2:
        return float(difference.mean()) if len(difference) else np.nan, np.nan, np.nan
    reach = stats.t.ppf(0.5 + confidence / 2, len(difference) - 1) * difference.std(ddof=1)
    reach /= np.sqrt(len(difference))
    mean = float(difference.mean())
    return mean, mean - float(reach), mean + float(reach)
