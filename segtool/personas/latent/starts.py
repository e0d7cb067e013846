"""Many short seeded starts, the hopeless ones dropped early, the best refined.

A single start of a mixture ends in a poor local optimum often enough to look like an unstable
clustering. All starts run side by side in one matrix product, so that twenty cost little more
than a few. Where users are few, the winner is then taken apart and put together otherwise.

A vote of several methods was tried, and is not here. On ten planted scenarios and eleven real tables
the mixture alone, whose starts include k-means in two scalings, had a mean adjusted Rand index of
0.829 and 0.469; a soft vote with these two k-means 0.715 and 0.422, their medoid 0.683 and 0.417, and
a mixture started from the vote 0.833 and 0.470, which is no more than chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtool.personas.latent.exchange import exchange_classes
from segtool.personas.latent.mixture import (
    Classes,
    Overall,
    Quality,
    Settings,
    iterate,
    judge,
    maximise,
    measure_worth,
)
from segtool.personas.table.design import Rows

MAX_START_ROWS = 10_000
MAX_REFINE_ROWS = 50_000
FEW_ROWS = 3_000  # few users make a rough likelihood and cheap starts: take twice as many, and exchange
# Iterations, whether columns are selected, then the share of starts that stay. Columns are selected
# only once classes exist: at first every gain is small, and everything would be thrown out.
RACE = ((5, False, 0.6), (10, True, 0.4), (15, True, 0.2))
AXES = 10  # leading axes in which starts look for well-spread users
POLISH_ITERATIONS = 3


@dataclass(frozen=True)
class Fit:
    """A fitted mixture and how well it describes the rows it was fitted on."""

    classes: Classes
    overall: Overall
    quality: Quality
    best: np.ndarray
    n_iter: int


def fit_mixture(rows: Rows, n_classes: int, *, seed: tuple[int, ...], n_init: int, settings: Settings) -> Fit:
    """Fit one mixture from many starts.

    Parameters
    ----------
    rows : Rows
        All users, distinct and in canonical order.
    n_classes : int
    seed : tuple of int
        Same seed and same users, same result.
    n_init : int
        Starts, doubled when users are few. The two that come from k-means are among them.
    settings : Settings

    Returns
    -------
    Fit
    """
    overall = Overall.of(rows)
    if n_classes == 1 or rows.layout.n_design == 0:
        sums = rows.sums()[None]
        classes = maximise(sums, np.array([[rows.total]]), overall, rows.layout, settings, False)
        return Fit(classes, overall, *judge(rows, classes), 1)
    start = rows.sample(MAX_START_ROWS)
    n_init = 2 * n_init if len(start) <= FEW_ROWS else n_init
    classes, n_iter = _race(start, n_classes, np.random.default_rng(seed), n_init, settings)
    middle = rows.sample(MAX_REFINE_ROWS)
    if len(middle) > len(start):
        classes, _, more = iterate(middle, classes, Overall.of(middle), settings, settings.max_iter)
        n_iter += more
    if len(rows) > len(middle):
        classes, _, more = iterate(rows, classes, overall, settings, POLISH_ITERATIONS)
        n_iter += more
    return Fit(classes, overall, *judge(rows, classes), n_iter)


def _race(rows: Rows, n_classes: int, rng: np.random.Generator, n_init: int, settings: Settings):
    """Run all starts a little, keep the better ones, converge the few that are left."""
    overall = Overall.of(rows)
    sums, users = first_sums(rows, n_classes, rng, n_init)
    classes = maximise(sums, users, overall, rows.layout, settings, False)
    n_iter = 0
    for n_short, select, share in RACE:
        classes, _, done = iterate(
            rows, classes, overall, settings, n_short, select=select and settings.select
        )
        worth = measure_worth(rows, classes)
        best = np.argsort(-worth, kind="stable")[: max(1, round(share * n_init))]
        classes = classes.pick(np.sort(best))
        n_iter += done
    classes, _, done = iterate(rows, classes, overall, settings, settings.max_iter)
    classes, n_iter = classes.pick([int(np.argmax(measure_worth(rows, classes)))]), n_iter + done
    if len(rows) > FEW_ROWS:  # tried on 10,000 rows: no better, half as dear again
        return classes, n_iter
    points = leading_axes(block_coordinates(rows), rows.weights, rng)
    classes, more = exchange_classes(rows, classes, points, overall, settings)
    return classes, n_iter + more


def first_sums(rows: Rows, n_classes: int, rng: np.random.Generator, n_init: int):
    """Turn first guesses of who belongs together into the sums a maximisation step needs.

    Returns
    -------
    sums : ndarray of shape (n_init * n_classes, n_design)
    users : ndarray of shape (n_init, n_classes)
    """
    design, weights = rows.design, rows.weights.astype(np.float32)
    sums = np.empty((n_init, n_classes, rows.layout.n_design))
    users = np.empty((n_init, n_classes))
    for i, member in enumerate(_first_memberships(rows, n_classes, rng, n_init)):
        weighted = member * weights
        users[i] = weighted.sum(axis=1)
        sums[i] = weighted @ design
    return sums.reshape(n_init * n_classes, -1), users


def _first_memberships(rows: Rows, n_classes: int, rng: np.random.Generator, n_init: int):
    """Yield memberships of shape (n_classes, n_users): k-means in two scalings, spread seeds, soft noise."""
    blocks = block_coordinates(rows)
    axes = leading_axes(blocks, rows.weights, rng)
    n_kmeans = min(2, n_init)
    for points in (axes, blocks)[:n_kmeans]:
        yield _hard(_kmeans(points, rows.weights, n_classes, rng), n_classes)
    n_seeded = (n_init - n_kmeans + 1) // 2
    for _ in range(n_seeded):
        yield _hard(_nearest_seed(axes, rows.weights, n_classes, rng), n_classes)
    for _ in range(n_init - n_kmeans - n_seeded):
        noise = rng.standard_exponential((n_classes, len(rows)), dtype=np.float32)
        yield noise / noise.sum(axis=0)


def _hard(nearest: np.ndarray, n_classes: int) -> np.ndarray:
    return (nearest == np.arange(n_classes)[:, None]).astype(np.float32)


def block_coordinates(rows: Rows) -> np.ndarray:
    """Place users so that each column, not each level, has spread 1; missing is the middle.

    Numeric parts are as they are; a level is its indicator over the root of its frequency, as in
    factor analysis of mixed data, divided by the number of levels less one.

    Returns
    -------
    ndarray of shape (n_users, n_numbers + n_onehot), float32

    References
    ----------
    Pagès (2004), Analyse factorielle de données mixtes.
    """
    layout, design = rows.layout, rows.design
    n = layout.n_numbers
    numbers = design[:, :n] - design[:, 2 * n : 3 * n] * Overall.of(rows).mean.astype(np.float32)
    levels = design[:, 3 * n :]
    count = rows.weights @ levels
    known = layout.sum_levels(levels)[:, layout.part_of_onehot]
    frequency = count / np.maximum(layout.sum_levels(count)[layout.part_of_onehot], 1e-12)
    spread = np.sqrt(
        np.maximum(frequency, 1e-3) * np.maximum(layout.part_freedom[n:], 1)[layout.part_of_onehot]
    )
    points = np.hstack([numbers, (levels - known * frequency) / spread]).astype(np.float32)
    weight = layout.part_weight
    return points * np.sqrt(np.concatenate([weight[:n], weight[n:][layout.part_of_onehot]])).astype(
        np.float32
    )


def leading_axes(points: np.ndarray, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Project on the leading principal axes, by subspace iteration (Halko, Martinsson, Tropp 2011)."""
    n_axes = min(AXES, points.shape[1])
    weighted = points * np.sqrt(weights)[:, None].astype(np.float32)
    basis = rng.standard_normal((points.shape[1], min(n_axes + 6, points.shape[1]))).astype(np.float32)
    for _ in range(4):
        basis, _ = np.linalg.qr(weighted.T @ (weighted @ basis))
    _, _, turn = np.linalg.svd(weighted @ basis, full_matrices=False)
    return points @ (basis @ turn[:n_axes].T)


def _nearest_seed(points: np.ndarray, weights: np.ndarray, n_classes: int, rng: np.random.Generator):
    """Choose users far from each other (k-means++) and give everybody to the nearest."""
    nearest = np.zeros(len(points), dtype=np.int64)
    distance = np.full(len(points), np.inf)
    chance = weights.astype(np.float64)
    for i in range(n_classes):
        total = chance.sum()
        if total <= 0:  # fewer distinct places than classes
            break
        seed = min(int(np.searchsorted(np.cumsum(chance), rng.random() * total)), len(points) - 1)
        away = ((points - points[seed]) ** 2).sum(axis=1)
        nearest = np.where(away < distance, i, nearest)
        distance = np.minimum(distance, away)
        chance = weights * distance
    return nearest


def _kmeans(points: np.ndarray, weights: np.ndarray, n_classes: int, rng: np.random.Generator) -> np.ndarray:
    """Run Lloyd's algorithm a little from spread seeds; a start need not be converged."""
    nearest = _nearest_seed(points, weights, n_classes, rng)
    half = 0.0
    for _ in range(15):
        member = _hard(nearest, n_classes) * weights.astype(np.float32)
        size = np.maximum(member.sum(axis=1), 1e-12)
        centres = (member @ points) / size[:, None]
        half = 0.5 * (centres**2).sum(axis=1)
        moved = (points @ centres.T - half).argmax(axis=1)
        if np.array_equal(moved, nearest):
            break
        nearest = moved
    return nearest
