"""In how many columns does each class differ clearly, from everybody else and from the nearest class?

A persona nobody can describe cannot be acted on. Labels and their facets are known only later; an
estimator can say in how many of its columns a persona is far from the rest, and from its neighbour.
"""

from __future__ import annotations

import numpy as np

from segtool.personas.latent.mixture import Classes

CLEAR_NUMBER = 0.5  # standard deviations: a medium effect (Cohen 1988)
CLEAR_SHARE = 0.2  # points between the shares of a level
CLEAR_LIFT, TYPICAL_SHARE = 1.5, 0.3  # or: typical, and this many times as common as in the rest


def count_differing(classes: Classes) -> tuple[np.ndarray, np.ndarray]:
    """Count the columns, each with its weight, in which classes differ clearly.

    Parameters
    ----------
    classes : Classes
        A single mixture.

    Returns
    -------
    from_rest, from_nearest : ndarray of shape (n_classes,)
        Columns in which a class differs from all others taken together, and from the class from
        which it differs in fewest. A single class differs from nobody: zeros.
    """
    k = classes.n_classes
    if k == 1:
        return np.zeros(1), np.zeros(1)
    share = classes.share[0][:, None]
    rest = np.maximum(1 - share, 1e-12)
    means = ((share * classes.mean).sum(axis=0) - share * classes.mean) / rest
    levels = ((share * classes.probability).sum(axis=0) - share * classes.probability) / rest
    from_rest = _count(classes, classes.mean - means, classes.probability, levels)
    pairs = np.full((k, k), np.inf)
    for one in range(k):
        apart = _count(
            classes, classes.mean - classes.mean[one], classes.probability, classes.probability[one]
        )
        pairs[one] = np.where(np.arange(k) == one, np.inf, apart)
    return from_rest, np.minimum(pairs.min(axis=1), pairs.min(axis=0))


def _count(classes: Classes, gap: np.ndarray, here: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Sum the weights of columns with a clear difference; a column of two parts counts once."""
    layout = classes.layout
    typical = (here >= TYPICAL_SHARE) & (here >= CLEAR_LIFT * there)
    clear_level = (np.abs(here - there) >= CLEAR_SHARE) | typical
    clear = np.zeros((classes.n_classes, len(layout.weights)), dtype=bool)
    clear[:, list(layout.number_of)] = np.abs(gap) >= CLEAR_NUMBER
    if layout.sizes:
        by_part = np.logical_or.reduceat(clear_level, layout.offsets, axis=1)
        clear[:, list(layout.level_of)] |= by_part
    return clear @ np.asarray(layout.weights, dtype=float)


def share_on_one_axis(classes: Classes) -> float:
    """Return how much of what sets classes apart lies on one axis: near 1, they are steps on a scale.

    Users who differ by degree, not in kind, are cut into stable, well separated tiers by any mixture.
    Planted personas, three to eight of them, have 0.3 to 0.8 on their first axis; tiers of one
    continuous trait have 0.92 to 0.98. Two classes always lie on one.

    Returns
    -------
    float
        Of the variance between class centres, each column scaled as in the starts; 1 for two or fewer.
    """
    if classes.n_classes < 3:
        return 1.0
    layout, n = classes.layout, classes.layout.n_numbers
    share = classes.share[0][:, None]
    numbers = classes.mean - (share * classes.mean).sum(axis=0)
    overall = (share * classes.probability).sum(axis=0)
    freedom = np.maximum(layout.part_freedom[n:], 1)[layout.part_of_onehot]
    levels = (classes.probability - overall) / np.sqrt(np.maximum(overall, 1e-3) * freedom)
    weight = np.concatenate([layout.part_weight[:n], layout.part_weight[n:][layout.part_of_onehot]])
    spread = np.linalg.svd(np.hstack([numbers, levels]) * np.sqrt(weight * share), compute_uv=False) ** 2
    return float(spread[0] / spread.sum()) if spread.sum() > 0 else 1.0
