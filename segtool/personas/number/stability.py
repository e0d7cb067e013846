"""Do personas come back? Fits on disjoint halves of the users, compared persona by persona.

References
----------
Hennig (2007), Cluster-wise assessment of cluster stability, https://doi.org/10.1016/j.csda.2006.11.025.
Tibshirani, Walther (2005), Cluster validation by prediction strength,
https://doi.org/10.1198/106186005X59243. Hubert, Arabie (1985), Comparing partitions,
https://doi.org/10.1007/BF01908075.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtool.personas.latent.mixture import Classes, Settings, memberships
from segtool.personas.latent.starts import Fit, fit_mixture
from segtool.personas.table.design import Rows

STABILITY_SEED = 7919  # keeps the dealing of halves apart from the starts of fits


@dataclass(frozen=True)
class Found:
    """Classes, and the class of each row they are to be found again in."""

    classes: Classes
    best: np.ndarray


@dataclass(frozen=True)
class Stability:
    """How well a clustering comes back in disjoint halves of the users.

    Parameters
    ----------
    agreement : float
        Mean adjusted Rand index between the models of the two halves, over everybody.
    jaccard : ndarray of shape (n_classes,)
        Mean overlap of each class with its best match in the model of a half.
    prediction_strength : float
        Of the pairs of users a half puts together, the share that the other half's model puts
        together too, in the class where it is smallest; mean over halves.
    """

    agreement: float
    jaccard: np.ndarray
    prediction_strength: float = 1.0


def users_table(a: np.ndarray, b: np.ndarray, weights: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Cross-tabulate two assignments, in users."""
    return np.bincount(a * shape[1] + b, weights=weights, minlength=shape[0] * shape[1]).reshape(shape)


def adjusted_rand(table: np.ndarray) -> float:
    """Adjusted Rand index from a cross table of (weighted) users.

    Examples
    --------
    >>> adjusted_rand(np.array([[30.0, 0.0], [0.0, 20.0]]))
    1.0
    """
    total = table.sum()

    def pairs(counts):
        return float((counts * (counts - 1)).sum() / 2)

    both, rows, columns = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    expected = rows * columns / max(total * (total - 1) / 2, 1e-12)
    most = (rows + columns) / 2
    return 1.0 if most <= expected else float((both - expected) / (most - expected))


def best_jaccard(table: np.ndarray) -> np.ndarray:
    """Overlap of each row class with its best column class: common over united users.

    Examples
    --------
    >>> best_jaccard(np.array([[30.0, 0.0], [10.0, 10.0]]))
    array([0.75, 0.5 ])
    """
    united = table.sum(axis=1, keepdims=True) + table.sum(axis=0) - table
    return (table / np.maximum(united, 1e-12)).max(axis=1)


def prediction_strength(table: np.ndarray) -> float:
    """Share of the pairs within a row class that the column classes keep together, where it is least.

    Parameters
    ----------
    table : ndarray of shape (n_classes, n_classes)
        Users of one half, by their own model (rows) and by that of the other half (columns).

    Examples
    --------
    >>> round(prediction_strength(np.array([[30.0, 0.0], [10.0, 10.0]])), 3)
    0.474
    """
    size = table.sum(axis=1)
    there = size >= 2
    if not there.any():
        return 0.0
    together = (table * np.maximum(table - 1, 0)).sum(axis=1)[there]
    return float((together / (size[there] * (size[there] - 1))).min())


def split_halves(weights: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Deal users into two disjoint halves; a row of weight 6 is six users, dealt one by one.

    Returns
    -------
    left, right : ndarray of shape (n_distinct,)
        Weights that add up to those given.
    """
    whole = np.floor(weights)
    left = rng.binomial(whole.astype(np.int64), 0.5) + (weights - whole) * rng.integers(0, 2, len(weights))
    return left, weights - left


def measure_stability(
    rows: Rows, fit: Fit | Found, *, seed: tuple[int, ...], n_pairs: int, n_init: int, settings: Settings
) -> Stability:
    """Fit again on disjoint halves of the users, and compare on everybody.

    Parameters
    ----------
    rows : Rows
    fit : Fit or Found
        The model of everybody.
    seed : tuple of int
    n_pairs : int
        Pairs of halves.
    n_init : int
        Starts per half. With few starts one measures the optimiser's luck, not the data.
    settings : Settings
    """
    n_classes = fit.classes.n_classes
    if n_classes == 1:
        return Stability(1.0, np.ones(1))
    shape, agreement, jaccard, strength = (n_classes, n_classes), [], [], []
    for pair in range(n_pairs):
        halves = split_halves(rows.weights, np.random.default_rng((*seed, pair)))
        best = []
        for side, weights in enumerate(halves):
            there = np.flatnonzero(weights > 0)
            half = rows.take(there, weights[there])
            other = fit_mixture(
                half, n_classes, seed=(*seed, pair, side, n_classes), n_init=n_init, settings=settings
            )
            best.append(assign(rows, other.classes))
            jaccard.append(best_jaccard(users_table(fit.best, best[-1], rows.weights, shape)))
        agreement.append(_agreement(users_table(best[0], best[1], rows.weights, shape)))
        own = (
            users_table(best[0], best[1], halves[0], shape),
            users_table(best[1], best[0], halves[1], shape),
        )
        strength += [prediction_strength(table) for table in own]
    return Stability(float(np.mean(agreement)), np.mean(jaccard, axis=0), float(np.mean(strength)))


def _agreement(table: np.ndarray) -> float:
    """Adjusted Rand index; two halves that both find one group only agree on nothing."""
    one_group = (table.sum(axis=1) > 0).sum() < 2 or (table.sum(axis=0) > 0).sum() < 2
    return 0.0 if one_group else adjusted_rand(table)


def assign(rows: Rows, classes: Classes) -> np.ndarray:
    """Give each user the likeliest class."""
    return np.concatenate([memberships(classes, design)[0].argmax(axis=1) for design, _ in rows.chunks()])
