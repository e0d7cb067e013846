"""Users as points: what scikit-learn's clusterers read, each column of the same spread.

A mixture reads a missing cell as nothing at all; a point has to lie somewhere, and an unknown cell
puts it in the middle. Users of whom little is known therefore gather in the middle, whatever they
are like: that is what any method working on distances pays against the mixture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from segtool.personas.json_parts import need, read_numbers
from segtool.personas.latent.mixture import Overall
from segtool.personas.table.design import Layout, Rows, build_design

MIN_FREQUENCY = 1e-3  # a level of one user in a million must not own a distance


@dataclass(frozen=True)
class Coordinates:
    """Where a user lies, learned once from those of the fit.

    Parameters
    ----------
    layout : Layout
    mean : ndarray of shape (n_numbers,)
        Where an unknown number is put.
    frequency : ndarray of shape (n_onehot,)
        Of each level among the users its column is known of.
    axes : ndarray of shape (n_coordinates, n_axes), or None
        Leading principal axes to project on; None keeps every coordinate.
    """

    layout: Layout
    mean: np.ndarray
    frequency: np.ndarray
    axes: np.ndarray | None = None

    @property
    def n_coordinates(self) -> int:
        """Coordinates of a point."""
        full = self.layout.n_numbers + self.layout.n_onehot
        return full if self.axes is None else self.axes.shape[1]

    def place(self, design: np.ndarray) -> np.ndarray:
        """Turn design rows into points.

        Parameters
        ----------
        design : ndarray of shape (n_users, n_design)

        Returns
        -------
        ndarray of shape (n_users, n_coordinates), of the type of ``design``
            Numbers as they are, less their mean; a level is its indicator less its frequency, over
            the root of frequency times (levels - 1), so that a column of many levels counts no more
            than a number. A cell that is less sure than usual lies nearer to the middle.

        References
        ----------
        Pagès (2004), Analyse factorielle de données mixtes.
        """
        layout, n, kind = self.layout, self.layout.n_numbers, design.dtype
        known, levels = design[:, 2 * n : 3 * n], design[:, 3 * n :]
        numbers = (design[:, :n] - known * self.mean.astype(kind)) / np.maximum(known, 1)
        trust = layout.sum_levels(levels)[:, layout.part_of_onehot].astype(kind)
        freedom = np.maximum(layout.part_freedom[n:], 1)[layout.part_of_onehot]
        spread = np.sqrt(np.maximum(self.frequency, MIN_FREQUENCY) * freedom).astype(kind)
        marks = (levels - trust * self.frequency.astype(kind)) / (np.maximum(trust, 1) * spread)
        weight = layout.part_weight
        points = np.hstack([numbers, marks])
        points *= np.sqrt(np.concatenate([weight[:n], weight[n:][layout.part_of_onehot]])).astype(kind)
        return points if self.axes is None else points @ self.axes.astype(kind)

    def place_rows(self, rows: Rows) -> np.ndarray:
        """Turn distinct users into points, chunk by chunk; shape (n_rows, n_coordinates)."""
        return np.concatenate([self.place(design) for design, _ in _exact_chunks(rows)])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        axes = None if self.axes is None else self.axes.tolist()
        return {"mean": self.mean.tolist(), "frequency": self.frequency.tolist(), "axes": axes}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], layout: Layout) -> Coordinates:
        """Read what `to_dict` wrote, checking every part of it."""
        need(set(data) == {"mean", "frequency", "axes"}, "coordinates have other keys than they should")
        mean = read_numbers(data["mean"], (layout.n_numbers,), "mean")
        frequency = read_numbers(data["frequency"], (layout.n_onehot,), "frequency")
        need(bool(((frequency >= 0) & (frequency <= 1)).all()), "a frequency is not from 0 to 1")
        axes = data["axes"]
        if axes is not None:
            full = layout.n_numbers + layout.n_onehot
            width = len(axes[0]) if len(axes) else 0
            axes = read_numbers(axes, (full, width), "axes")
        return cls(layout, mean, frequency, axes)


def learn_coordinates(rows: Rows, n_axes: int | None = None) -> Coordinates:
    """Learn where users lie from the distinct users of a fit.

    Parameters
    ----------
    rows : Rows
    n_axes : int, optional
        Principal axes to keep, at most as many as there are coordinates; all coordinates if not
        given.

    Returns
    -------
    Coordinates
    """
    layout, n = rows.layout, rows.layout.n_numbers
    count = rows.sums()[3 * n :]
    frequency = count / np.maximum(layout.sum_levels(count)[layout.part_of_onehot], 1e-12)
    full = Coordinates(layout, Overall.of(rows).mean, frequency)
    if n_axes is None or full.n_coordinates == 0:
        return full
    scatter = np.zeros((full.n_coordinates, full.n_coordinates))
    for design, weights in _exact_chunks(rows):
        points = full.place(design)
        scatter += points.T @ (points * weights[:, None])
    _, axes = np.linalg.eigh(scatter)
    axes = axes[:, ::-1][:, : min(n_axes, full.n_coordinates)]
    biggest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    return Coordinates(layout, full.mean, frequency, axes * np.sign(biggest))  # an axis has no direction


def _exact_chunks(rows: Rows, size: int = 20_000):
    """Give out design rows in float64, as a prediction sees them: rounded ones may tip a tie."""
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        yield build_design(rows.prepared.take(part), rows.layout), rows.weights[part]
