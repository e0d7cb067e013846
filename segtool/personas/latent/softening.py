"""How far memberships have to be softened, because labels repeat each other within a persona.

A latent class model takes what it knows of a user as independent witnesses. Labels that say nearly
the same (and are not known to come from one source) are then counted twice, and memberships come
out close to 0 and 1 without being that sure. So what all labels together say is divided by a design
effect (Kish 1965) that grows with the number of labels known: ``1 + softening * (n_known - 1)``.
Of whom little is known, little is said twice.

The users themselves tell how much: hide one label of a user, guess it from the memberships that the
other labels give, and see how likely what was hidden is. Memberships that are too sure guess badly.
No truth is needed, and no second fit.

References
----------
Besag (1975), Statistical analysis of non-lattice data (pseudo-likelihood).
Kish (1965), Survey Sampling (design effect).
Guo, Pleiss, Sun, Weinberger (2017), On calibration of modern neural networks (temperature).
"""

from __future__ import annotations

import numpy as np

from segtool.personas.latent.mixture import Classes
from segtool.personas.table.design import Rows

MAX_ROWS = 2000  # one number needs no more users
STEP = 1.125
MAX_EFFECT = 4.0  # of the average user; beyond it there is nothing left of a membership


def fit_softening(rows: Rows, classes: Classes) -> float:
    """Find the softening with which hidden labels are guessed best.

    Parameters
    ----------
    rows : Rows
        The users of the fit, distinct and in canonical order.
    classes : Classes
        A single mixture.

    Returns
    -------
    float
        0 where labels are as independent as the model takes them to be; never below, so that
        memberships are not made surer than the model has them.

    Notes
    -----
    On held-out users of planted scenarios with half of their columns repeated (15 % of the cells
    drawn anew), the calibration error fell from 0.066 to 0.013, and from 0.036 to 0.011 where only 8
    of their cells were known; on the scenarios as they are, from 0.014 to 0.007. A single divisor for
    all users was tried too: it did as well where all is known, and ruined those of whom little is
    (0.111). See ``benchmarks/persona_membership.py``.
    """
    parts = np.flatnonzero(classes.relevant[0])
    if classes.n_classes < 2 or len(parts) < 2:
        return 0.0
    others, own, beside, count = _split_evidence(rows.sample(MAX_ROWS), classes, parts)
    beyond_first = np.maximum(beside - 1.0, 0.0)
    usual = float(np.average(beyond_first, weights=count)) if count.sum() > 0 else 0.0
    if usual <= 0:
        return 0.0
    share = np.log(classes.share[0])[:, None]
    effects, worth = [], []
    for step in range(-1, int(np.log(MAX_EFFECT) / np.log(STEP)) + 2):
        effects.append(STEP**step)
        divisor = np.maximum(1.0 + (effects[-1] - 1.0) / usual * beyond_first, 0.5)
        worth.append(_guess(others / divisor + share, own, count))
        if len(worth) > 2 and worth[-1] < worth[-2]:
            break
    effect = float(np.clip(_top(np.log(effects), np.array(worth)), 1.0, MAX_EFFECT))
    return (effect - 1.0) / usual


def _split_evidence(rows: Rows, classes: Classes, parts: np.ndarray):
    """Give, for each known cell, what the user's other labels say of each class, and what it says itself.

    Returns
    -------
    others, own : ndarray of shape (n_classes, n_cells)
    beside : ndarray of shape (n_cells,)
        How many other labels are known of the user.
    count : ndarray of shape (n_cells,)
        Weight of the cell: of its user and of its column.
    """
    layout, design = rows.layout, rows.design.astype(np.float64)
    coefficients = classes.coefficients()
    everything = (coefficients * layout.design_weight) @ design.T
    known = layout.known_users(design)
    n_known = design @ classes.counting()
    others, own, beside, count = [], [], [], []
    for part in parts:
        columns, there = _columns_of(layout, part), known[:, part] > 0
        says = coefficients[:, columns] @ design[there][:, columns].T
        weight = layout.part_weight[part]
        own.append(says)
        others.append(everything[:, there] - weight * says)
        beside.append(n_known[there] - weight * known[there, part])
        count.append(rows.weights[there] * weight)
    return np.hstack(others), np.hstack(own), np.concatenate(beside), np.concatenate(count)


def _columns_of(layout, part: int) -> np.ndarray:
    """Return the columns of the design that belong to one part."""
    n = layout.n_numbers
    if part < n:
        return np.array([part, n + part, 2 * n + part])
    return 3 * n + np.flatnonzero(layout.part_of_onehot == part - n)


def _guess(member: np.ndarray, own: np.ndarray, count: np.ndarray) -> float:
    """Return the log-likelihood of hidden cells, each guessed from the rest of its user."""
    member = np.exp(member - member.max(axis=0))
    top = own.max(axis=0)
    likely = (member * np.exp(own - top)).sum(axis=0) / member.sum(axis=0)
    return float(count @ (top + np.log(np.maximum(likely, 1e-300))))


def _top(at: np.ndarray, worth: np.ndarray) -> float:
    """Return what lies at the top of a parabola through the best point and its neighbours."""
    best = int(worth.argmax())
    if best in (0, len(at) - 1):
        return float(np.exp(at[best]))
    left, middle, right = worth[best - 1 : best + 2]
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float(np.exp(at[best] + shift * (at[best + 1] - at[best])))
