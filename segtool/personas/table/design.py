"""The rows a latent class model multiplies: ``[z, z², known, one-hot levels]``, zero where missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from segtool.personas.table.prepare import ColumnPlan, Prepared

CHUNK_ROWS = 2048  # a chunk of responsibilities stays in the processor's cache
MAX_DESIGN_BYTES = 400e6  # above it the design is built again in each pass instead of kept


@dataclass(frozen=True)
class Layout:
    """Where each part of the model lies in a row of the design.

    Parameters
    ----------
    number_of : tuple of int
        Column (position among the plans) of each numeric part.
    level_of : tuple of int
        Column of each categorical part.
    sizes : tuple of int
        Levels of each categorical part.
    weights : tuple of float
        Weight of each column.
    """

    number_of: tuple[int, ...]
    level_of: tuple[int, ...]
    sizes: tuple[int, ...]
    weights: tuple[float, ...]

    @classmethod
    def from_plans(cls, plans: Sequence[ColumnPlan]) -> Layout:
        numbers = tuple(i for i, plan in enumerate(plans) if plan.has_number)
        levels = tuple(i for i, plan in enumerate(plans) if plan.n_levels)
        sizes = tuple(plans[i].n_levels for i in levels)
        return cls(numbers, levels, sizes, tuple(plan.weight for plan in plans))

    @property
    def n_numbers(self) -> int:
        return len(self.number_of)

    @cached_property
    def offsets(self) -> np.ndarray:
        """First one-hot column of each categorical part, counted from the first of all."""
        return np.concatenate([[0], np.cumsum(self.sizes)])[:-1].astype(np.int64)

    @property
    def n_onehot(self) -> int:
        return int(sum(self.sizes))

    @property
    def n_design(self) -> int:
        return 3 * self.n_numbers + self.n_onehot

    @cached_property
    def part_of_onehot(self) -> np.ndarray:
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @cached_property
    def column_of_part(self) -> np.ndarray:
        """Column of each part: numeric parts first, then categorical ones."""
        return np.array(self.number_of + self.level_of, dtype=np.int64)

    @cached_property
    def part_weight(self) -> np.ndarray:
        return np.asarray(self.weights, dtype=float)[self.column_of_part]

    @cached_property
    def part_freedom(self) -> np.ndarray:
        """Free parameters of each part in one class."""
        return np.concatenate([np.full(self.n_numbers, 2.0), np.asarray(self.sizes, dtype=float) - 1.0])

    @cached_property
    def design_weight(self) -> np.ndarray:
        numbers = self.part_weight[: self.n_numbers]
        return np.concatenate(
            [numbers, numbers, numbers, self.part_weight[self.n_numbers :][self.part_of_onehot]]
        )

    def sum_by_part(self, values: np.ndarray) -> np.ndarray:
        """Add up design columns (last axis) by part."""
        n = self.n_numbers
        numbers = values[..., :n] + values[..., n : 2 * n] + values[..., 2 * n : 3 * n]
        return np.concatenate([numbers, self.sum_levels(values[..., 3 * n :])], axis=-1)

    def sum_levels(self, values: np.ndarray) -> np.ndarray:
        if not self.sizes:
            return np.zeros((*values.shape[:-1], 0))
        return np.add.reduceat(values, self.offsets, axis=-1)

    def known_users(self, sums: np.ndarray) -> np.ndarray:
        """Users known per part, from sums of design rows."""
        n = self.n_numbers
        return np.concatenate([sums[..., 2 * n : 3 * n], self.sum_levels(sums[..., 3 * n :])], axis=-1)


def build_design(prepared: Prepared, layout: Layout, dtype=np.float64) -> np.ndarray:
    """Build rows ``[z, z², known, one-hot]``, all zero where missing.

    A cell of half the usual trust is half a cell: all it adds to a row is halved, and so is its
    log-likelihood in any class.

    Returns
    -------
    ndarray of shape (n_users, n_design)
    """
    n, n_numbers = len(prepared), layout.n_numbers
    design = np.zeros((n, layout.n_design), dtype=dtype)
    known = ~np.isnan(prepared.numbers)
    z = np.where(known, prepared.numbers, 0.0)
    design[:, :n_numbers] = z
    design[:, n_numbers : 2 * n_numbers] = z * z
    design[:, 2 * n_numbers : 3 * n_numbers] = known
    user, part = np.nonzero(prepared.codes >= 0)
    place = 3 * n_numbers + layout.offsets[part] + prepared.codes[user, part]
    if prepared.trust is None:
        design[user, place] = 1
        return design
    design[:, : 3 * n_numbers] *= np.tile(prepared.trust[:, list(layout.number_of)], 3)
    design[user, place] = prepared.trust[user, np.asarray(layout.level_of, dtype=np.int64)[part]]
    return design


class Rows:
    """Weighted users, given out chunk by chunk as design rows.

    Parameters
    ----------
    prepared : Prepared
    layout : Layout
    weights : ndarray of shape (n_users,)
    """

    def __init__(self, prepared: Prepared, layout: Layout, weights: np.ndarray):
        self.prepared, self.layout = prepared, layout
        self.weights = np.asarray(weights, dtype=np.float64)
        self.total = float(self.weights.sum())
        self._design = None
        if len(prepared) * layout.n_design * 4 <= MAX_DESIGN_BYTES:
            self._design = build_design(prepared, layout, np.float32)

    def __len__(self) -> int:
        return len(self.weights)

    def chunks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in range(0, len(self), CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            if self._design is not None:
                yield self._design[part], self.weights[part]
            else:
                yield build_design(self.prepared.take(part), self.layout, np.float32), self.weights[part]

    @property
    def design(self) -> np.ndarray:
        """All design rows, float32 of shape (n_users, n_design)."""
        return np.concatenate([rows for rows, _ in self.chunks()]) if self._design is None else self._design

    def take(self, rows: np.ndarray, weights: np.ndarray | None = None) -> Rows:
        """Return some of the users, with their own or with new weights."""
        part = object.__new__(Rows)
        part.prepared, part.layout = self.prepared.take(rows), self.layout
        part.weights = self.weights[rows] if weights is None else np.asarray(weights, dtype=np.float64)
        part.total = float(part.weights.sum())
        part._design = None if self._design is None else self._design[rows]
        return part

    def sample(self, n: int) -> Rows:
        """Return at most ``n`` users, each standing for equally many, without any chance in it.

        Even steps through the summed weights: a row of weight 500 is met as often as 500 rows
        of weight 1, and rows lie in hash order, so that steps through them are a fair sample.
        """
        if len(self) <= n:
            return self
        met = np.searchsorted(np.cumsum(self.weights), (np.arange(n) + 0.5) * self.total / n, side="right")
        rows, times = np.unique(np.minimum(met, len(self) - 1), return_counts=True)
        return self.take(rows, times * (self.total / n))

    def sums(self) -> np.ndarray:
        """Weighted sum of all design rows, of shape (n_design,)."""
        total = np.zeros(self.layout.n_design)
        for design, weights in self.chunks():
            total += weights @ design
        return total
