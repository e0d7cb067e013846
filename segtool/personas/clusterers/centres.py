"""Personas as centres: who is nearest, and how surely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from segtool.personas.json_parts import need, read_number, read_numbers


@dataclass(frozen=True)
class Centres:
    """Personas that are known by their centres.

    Parameters
    ----------
    centres : ndarray of shape (n_personas, n_coordinates)
    spread : float
        Variance of users about their centre along a typical direction: the temperature of
        memberships.
    radius : ndarray of shape (n_personas,), or None
        Beyond it from the nearest centre a membership fades into "any of them"; None: never.
    """

    centres: np.ndarray
    spread: float
    radius: np.ndarray | None = None

    @classmethod
    def one_group(cls, n_coordinates: int, *, fading: bool = False) -> Centres:
        """Return the one persona of users who do not differ."""
        return cls(np.zeros((1, n_coordinates)), 1.0, np.ones(1) if fading else None)

    def distances(self, points: np.ndarray) -> np.ndarray:
        """Return squared distances to the centres, shape (n_users, n_personas)."""
        cross = points @ self.centres.T
        square = (points**2).sum(axis=1)[:, None] + (self.centres**2).sum(axis=1)
        return np.maximum(square - 2 * cross, 0.0)

    def memberships(self, points: np.ndarray) -> np.ndarray:
        """Return softmax of ``-distance² / (2 spread)``, shape (n_users, n_personas).

        It is what a mixture of round, equally frequent normal groups of that variance would say.
        """
        squared = self.distances(points)
        nearest = squared.min(axis=1)
        member = np.exp((nearest[:, None] - squared) / (2 * self.spread))
        member /= member.sum(axis=1, keepdims=True)
        if self.radius is None:
            return member
        away = nearest / self.radius[squared.argmin(axis=1)] ** 2
        strength = 1.0 / np.maximum(away, 1.0)[:, None]
        return strength * member + (1 - strength) / len(self.centres)

    def keep(self, personas: list[int]) -> Centres:
        """Return some of the personas, in the order given."""
        radius = None if self.radius is None else self.radius[personas]
        return Centres(self.centres[personas], self.spread, radius)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        found = {"centres": self.centres.tolist(), "spread": float(self.spread)}
        return found if self.radius is None else {**found, "radius": self.radius.tolist()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], n_coordinates: int, *, fading: bool = False) -> Centres:
        """Read what `to_dict` wrote, checking every part of it."""
        wanted = {"centres", "spread", "radius"} if fading else {"centres", "spread"}
        need(set(data) == wanted, "personas have other keys than they should")
        n = len(data["centres"])
        need(n >= 1, "there is no persona")
        centres = read_numbers(data["centres"], (n, n_coordinates), "centres")
        spread = read_number(data["spread"], "spread")
        need(spread > 0, "spread is not above 0")
        if not fading:
            return cls(centres, spread)
        radius = read_numbers(data["radius"], (n,), "radius")
        need(bool((radius > 0).all()), "a radius is not above 0")
        return cls(centres, spread, radius)


def typical_spread(points: np.ndarray, weights: np.ndarray, centre_of: np.ndarray) -> float:
    """Return the variance about the centres along a typical direction.

    Parameters
    ----------
    points : ndarray of shape (n_users, n_coordinates)
    weights : ndarray of shape (n_users,)
    centre_of : ndarray of shape (n_users, n_coordinates)
        Centre of the persona of each user.

    Notes
    -----
    With the eigenvalues v of the covariance about the centres it is sum(v²) / sum(v): the coordinates of
    a column with many levels are many and small, and the plain mean variance would take each of them for
    evidence of its own and memberships for surer than they are.
    """
    away = points - centre_of
    covariance = away.T @ (away * weights[:, None]) / weights.sum()
    total = float(np.trace(covariance))
    return float((covariance**2).sum()) / total if total > 1e-12 else 1e-6


def repeat_rows(weights: np.ndarray, n_most: int) -> np.ndarray:
    """Return the row of each user, at most ``n_most`` of them, by even steps through the weights.

    Examples
    --------
    >>> repeat_rows(np.array([1.0, 3.0]), 10).tolist()
    [0, 1, 1, 1]
    """
    total = weights.sum()
    n = int(min(round(total), n_most))
    met = np.searchsorted(np.cumsum(weights), (np.arange(n) + 0.5) * total / n, side="right")
    return np.minimum(met, len(weights) - 1)
