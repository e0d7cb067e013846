"""One persona too many here, one too few there: merge two that are alike, split another, see if it pays.

Expectation-maximisation moves users between neighbouring classes only. Where it has put two classes
into one persona and left another persona whole, it stays there, however long it runs: the way out
leads through worse likelihoods. An exchange jumps over them.

References
----------
Ueda, Nakano, Ghahramani, Hinton (2000), SMEM algorithm for mixture models,
https://doi.org/10.1162/089976600300015088.
"""

from __future__ import annotations

import numpy as np

from segtool.personas.latent.mixture import (
    Classes,
    Overall,
    Settings,
    iterate,
    maximise,
    measure_worth,
    memberships,
)
from segtool.personas.table.design import Rows

N_PAIRS = 3  # pairs of classes that overlap most, each merged in turn
ROUNDS = 3
SHORT, LONGER = 5, 10  # iterations without and with selection of columns, before the best goes on
KEPT_SHARE = 1 / 3  # of the exchanges, after the short iterations
MIN_GAIN = 0.5  # nats: less is where float32 has rounded


def exchange_classes(
    rows: Rows, classes: Classes, points: np.ndarray, overall: Overall, settings: Settings
) -> tuple[Classes, int]:
    """Merge two classes and split a third as long as the mixture gets better by it.

    Parameters
    ----------
    rows : Rows
    classes : Classes
        A single mixture, converged.
    points : ndarray of shape (n_users, n_axes)
        Users as points; a class is split across the longest axis of its members.
    overall : Overall
    settings : Settings

    Returns
    -------
    classes : Classes
        Never worth less than those given.
    n_iter : int
        Iterations run.
    """
    if classes.n_classes < 3:
        return classes, 0
    worth, n_iter = measure_worth(rows, classes)[0], 0
    for _ in range(ROUNDS):
        sums, users = _sum_exchanges(rows, classes, points)
        tried = maximise(sums, users, overall, rows.layout, settings, False)
        tried, _, done = iterate(rows, tried, overall, settings, SHORT, select=False)
        tried = _best(rows, tried, max(1, round(KEPT_SHARE * tried.n_mixtures)))
        tried, _, more = iterate(rows, tried, overall, settings, LONGER)
        tried = _best(rows, tried, 1)
        tried, _, last = iterate(rows, tried, overall, settings, settings.max_iter)
        n_iter += done + more + last
        found = measure_worth(rows, tried)[0]
        if found < worth + MIN_GAIN:
            break
        classes, worth = tried, found
    return classes, n_iter


def _best(rows: Rows, classes: Classes, n: int) -> Classes:
    order = np.argsort(-measure_worth(rows, classes), kind="stable")[:n]
    return classes.pick(np.sort(order))


def _sum_exchanges(rows: Rows, classes: Classes, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what a maximisation step needs of each exchange: sums of design rows, and of users."""
    design = rows.design
    member = memberships(classes, design.astype(np.float64))[0]
    weighted = (member * rows.weights[:, None]).astype(np.float32)
    first = np.stack([_first_half(points, column) for column in weighted.T], axis=1)
    sums, users = weighted.T @ design, weighted.sum(axis=0, dtype=np.float64)
    half_sums = (weighted * first).T @ design
    half_users = (weighted * first).sum(axis=0, dtype=np.float64)
    all_sums, all_users = [], []
    for one, other in _overlapping(member, rows.weights):
        for third in range(classes.n_classes):
            if third in (one, other):
                continue
            new_sums, new_users = sums.copy(), users.copy()
            for new, old, half in ((new_sums, sums, half_sums), (new_users, users, half_users)):
                new[one] = old[one] + old[other]
                new[other] = half[third]
                new[third] = old[third] - half[third]
            all_sums.append(new_sums)
            all_users.append(new_users)
    return np.concatenate(all_sums), np.stack(all_users)


def _first_half(points: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Say which users lie on one side of the middle of a class, along its longest axis."""
    middle = count @ points / max(float(count.sum()), 1e-9)
    away = (points - middle).astype(np.float64)
    _, axes = np.linalg.eigh((away * count[:, None]).T @ away)
    return away @ axes[:, -1] > 0


def _overlapping(member: np.ndarray, weights: np.ndarray) -> list[tuple[int, int]]:
    """List the pairs of classes that share most of their users, relative to their sizes."""
    shared = (member * weights[:, None]).T @ member
    own = np.maximum(np.diag(shared), 1e-12)
    shared = shared / np.sqrt(np.outer(own, own))
    one, other = np.triu_indices(len(own), 1)
    order = np.argsort(-shared[one, other], kind="stable")[:N_PAIRS]
    return [(int(one[i]), int(other[i])) for i in order]
