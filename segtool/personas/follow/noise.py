"""What would move if nobody moved: labels come out differently each time, and so do fits.

Two errors look like migration. A user near the edge of a persona is placed on its other side
because a few labels came out differently; and a model refitted on the same users draws its borders a
little differently. Both are measured here on the users themselves, so that they can be shown next to
what was seen.

References
----------
Bolck, Croon, Hagenaars (2004), Estimating latent structure models with categorical variables,
https://doi.org/10.1093/pan/mph001 (errors of assignment as a known table).
Rogan, Gladen (1978), Estimating prevalence from the results of a screening test,
https://doi.org/10.1093/oxfordjournals.aje.a112510 (taking them off a share).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from segtool.personas.follow.events import match_personas
from segtool.personas.follow.overlap import cross, jaccard

MAX_USERS = 10_000  # noise is known well enough from so many
DRAWS = 5
SURE = 0.8  # users surely in one persona at both times tell how much of a label stays of itself
MIN_PAIRS = 30


class Cells(NamedTuple):
    """Encoded labels of some users, and how surely each cell is right where that is known.

    Parameters
    ----------
    values : pd.DataFrame of shape (n_users, n_columns)
    confidence : pd.DataFrame or None
    """

    values: pd.DataFrame
    confidence: pd.DataFrame | None = None

    def take(self, rows: np.ndarray) -> Cells:
        """Return some of the users, by position."""
        trust = None if self.confidence is None else self.confidence.iloc[rows]
        return Cells(self.values.iloc[rows], trust)

    def mix(self, rows: dict[str, np.ndarray]) -> Cells:
        """Return users put together cell by cell: for each column the rows its cells come from."""
        values = pd.DataFrame({name: self.values[name].array.take(each) for name, each in rows.items()})
        if self.confidence is None:
            return Cells(values)
        trust = {name: self.confidence[name].array.take(rows[name]) for name in self.confidence}
        return Cells(values, pd.DataFrame(trust, index=values.index))


def expected_moves(model, then: Cells, now: Cells, rng: np.random.Generator) -> np.ndarray:
    """Count how many of the same users would be placed elsewhere if nobody had moved.

    Parameters
    ----------
    model : estimator
    then, now : Cells
        The labels of the same users, in the same order, at both times, encoded for the model.
    rng : np.random.Generator

    Returns
    -------
    np.ndarray of shape (n_personas, n_personas)
        Users by the persona they were placed in and the one they would be placed in, adding up to
        ``n_users``.

    Notes
    -----
    Each user keeps the persona they may have had (drawn from their membership), and each of their
    labels comes out anew as that of another user of that persona, but for the share of a label that
    stays of itself: kappa (for numbers the rank correlation) between both times among users surely
    in one persona at both. Nothing is assumed of how labels are distributed or hang together.
    Half of the count starts from the labels then and half from those now: a model is a little
    surer of the users it was fitted on than it should be.
    """
    before, after = _place(model, then), _place(model, now)
    keep = _stickiness(then.values, now.values, before, after)
    forth = _redraw(model, then, before, keep, rng)
    return (forth + _redraw(model, now, after, keep, rng).T) / 2


def _redraw(model, cells: Cells, memberships: np.ndarray, keep, rng) -> np.ndarray:
    """Count users by where they are placed and where they would be with labels drawn anew."""
    n_users, n = memberships.shape
    placed = memberships.argmax(axis=1)
    chosen = np.arange(n_users)
    if n_users > MAX_USERS:
        chosen = np.sort(rng.choice(n_users, MAX_USERS, replace=False))
    total = np.zeros((n, n))
    for _ in range(DRAWS):
        persona = _draw(memberships[chosen], rng)
        donors = _draw_members(memberships, persona, rng)
        rows = {
            column: np.where(rng.random(len(chosen)) < share, chosen, donors)
            for column, share in zip(cells.values, keep, strict=True)
        }
        found = _place(model, cells.mix(rows)).argmax(axis=1)
        total += cross(placed[chosen], found, (n, n))
    return total * (n_users / max(total.sum(), 1))


def moved_share(counts: np.ndarray, expected: np.ndarray, memberships: np.ndarray) -> dict[str, float]:
    """Take what noise moves off what was seen to move.

    Parameters
    ----------
    counts, expected : np.ndarray of shape (n_personas, n_personas)
        Users by persona then and now: as seen, and as if nobody had moved.
    memberships : np.ndarray of shape (n_users, n_personas)
        Of the same users, then.

    Returns
    -------
    dict
        seen, expected, moved, low, high: shares of users, 0 to 1; moved with a 95 % interval.

    Notes
    -----
    With ``e`` the share that seems to move where nobody does, and ``s`` the share of true moves that
    are seen at all, seen = moved s + (1 - moved) e is solved for moved.

    Examples
    --------
    >>> seen = np.array([[80, 20], [10, 90]])
    >>> found = moved_share(seen, np.array([[95, 5], [5, 95]]), np.eye(2)[[0, 1] * 100])
    >>> {name: round(share, 2) for name, share in found.items()}
    {'seen': 0.15, 'expected': 0.05, 'moved': 0.11, 'low': 0.04, 'high': 0.17}
    """
    n = max(float(counts.sum()), 1.0)
    seen, noise = (1 - float(np.trace(each)) / max(float(each.sum()), 1.0) for each in (counts, expected))
    room = max(_seen_moves(memberships) - noise, 0.05)
    half = 1.96 * np.sqrt(max(seen * (1 - seen) + noise * (1 - noise), 1 / n) / n)
    moved, low, high = (
        float(np.clip((share - noise) / room, 0, 1)) for share in (seen, seen - half, seen + half)
    )
    return {"seen": seen, "expected": noise, "moved": moved, "low": low, "high": high}


def _seen_moves(memberships: np.ndarray) -> float:
    """Return the share of true moves after which a user is placed elsewhere."""
    n = memberships.shape[1]
    size = memberships.sum(axis=0)
    placed = np.eye(n)[memberships.argmax(axis=1)]
    confusion = (memberships.T @ placed) / np.maximum(size[:, None], 1e-12)
    pairs = np.outer(size, size) * (1 - np.eye(n))
    alike = confusion @ confusion.T
    return 1 - float((pairs * alike).sum() / max(pairs.sum(), 1e-12))


def refit_moves(
    model, cells: Cells, placed: np.ndarray, rng: np.random.Generator, n_personas: int
) -> np.ndarray:
    """Refit twice on bootstraps of the same users, and count who is placed elsewhere.

    Parameters
    ----------
    model : estimator
        Refitted with its own parameters.
    cells : Cells
        Of one moment.
    placed : np.ndarray of int, shape (n_users,)
        Persona of each user by the model itself: both refits are aligned with it.
    rng : np.random.Generator
    n_personas : int

    Returns
    -------
    np.ndarray of shape (n_personas, n_personas)
        Users by persona in one refit and in the other.

    Notes
    -----
    A border that a refit moves is no migration. Two refits differ by twice the error of one, so this
    is rather too much than too little. A method that finds its own number may find another one in a
    refit: what it finds besides counts with the persona that most of its users are in.
    """
    n_users = len(placed)
    if n_users > MAX_USERS:
        chosen = np.sort(rng.choice(n_users, MAX_USERS, replace=False))
        cells, placed, n_users = cells.take(chosen), placed[chosen], MAX_USERS
    found = []
    for _ in range(2):
        weights = rng.multinomial(n_users, np.full(n_users, 1 / n_users)).astype(float)
        refit = clone(model)
        if "n_personas" in refit.get_params(deep=False):  # hdbscan finds its own
            refit.set_params(n_personas=min(n_personas, n_users))
        with threadpool_limits(1):
            refit.fit(cells.values, sample_weight=weights, confidence=cells.confidence)
        memberships = _place(refit, cells)
        codes = memberships.argmax(axis=1)
        found.append(_older_numbers(cross(placed, codes, (n_personas, memberships.shape[1])))[codes])
    return cross(*found, (n_personas, n_personas)).astype(float)


def _older_numbers(counts: np.ndarray) -> np.ndarray:
    """Return for each persona of a refit (columns) the one of the model itself (rows) that it is.

    Examples
    --------
    >>> _older_numbers(np.array([[0, 60, 40], [90, 0, 0]])).tolist()
    [1, 0, 0]
    """
    names = match_personas(jaccard(counts), least=0.0)
    most = counts.argmax(axis=0)
    return np.array([names.get(code, most[code]) for code in range(counts.shape[1])])


def _place(model, cells: Cells) -> np.ndarray:
    with threadpool_limits(1):
        return np.asarray(model.predict_proba(cells.values, confidence=cells.confidence), dtype=float)


def _draw(memberships: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a persona for each user from their membership."""
    edges = np.cumsum(memberships, axis=1)[:, :-1]
    return (rng.random(len(memberships))[:, None] > edges).sum(axis=1)


def _draw_members(memberships: np.ndarray, personas: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw another user of each persona named, likelier the surer their membership."""
    donors = np.empty(len(personas), dtype=np.int64)
    for persona in np.unique(personas):
        asked = personas == persona
        edges = np.cumsum(memberships[:, persona])
        donors[asked] = np.searchsorted(edges, rng.random(int(asked.sum())) * edges[-1], side="right")
    return np.minimum(donors, len(memberships) - 1)


def _stickiness(then: pd.DataFrame, now: pd.DataFrame, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the share of each column that stays as it was beyond what its persona explains, 0 to 1."""
    groups = before.argmax(axis=1)
    sure = (groups == after.argmax(axis=1)) & (np.minimum(before.max(axis=1), after.max(axis=1)) >= SURE)
    return np.array([_agreement(then[name], now[name], groups, sure) for name in then])


def _agreement(then: pd.Series, now: pd.Series, groups: np.ndarray, sure: np.ndarray) -> float:
    known = sure & then.notna().to_numpy() & now.notna().to_numpy()
    if known.sum() < MIN_PAIRS:
        return 0.0
    groups = groups[known]
    is_number = pd.api.types.is_numeric_dtype(then.dtype) and not pd.api.types.is_bool_dtype(then.dtype)
    if is_number:
        return _correlation(then.to_numpy(float)[known], now.to_numpy(float)[known], groups)
    codes, values = pd.factorize(pd.concat([then[known], now[known]]).astype(str))
    old, new = codes[: len(groups)], codes[len(groups) :]
    shape = int(groups.max()) + 1, len(values)
    by_chance = cross(groups, old, shape) * cross(groups, new, shape)
    chance = float((by_chance.sum(axis=1) / np.maximum(np.bincount(groups), 1)).sum())
    agree = float((old == new).sum())
    return float(np.clip((agree - chance) / max(len(groups) - chance, 1e-9), 0, 1))


def _correlation(then: np.ndarray, now: np.ndarray, groups: np.ndarray) -> float:
    """Return the rank correlation within groups."""
    sides = []
    for values in (then, now):
        ranks = pd.Series(values).rank().to_numpy()
        means = np.bincount(groups, weights=ranks) / np.maximum(np.bincount(groups), 1)
        sides.append(ranks - means[groups])
    spread = np.sqrt((sides[0] ** 2).sum() * (sides[1] ** 2).sum())
    return float(np.clip((sides[0] * sides[1]).sum() / spread, 0, 1)) if spread > 0 else 0.0
