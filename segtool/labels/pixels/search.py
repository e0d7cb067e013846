"""Every conjunction that enough users satisfy: depth first over rows of bits.

References
----------
M. J. Zaki, "Scalable algorithms for association mining", IEEE TKDE 12 (2000) (Eclat),
https://doi.org/10.1109/69.846291
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from segtool.labels.pixels.bitmaps import count
from segtool.labels.pixels.parts import Bits

# A conjunction grows while it has this part of the least support. Each length has users of its own of
# whom all parts are known, so that a longer one may have a slightly larger share than a shorter.
GROW_SLACK = 0.8


@dataclass(frozen=True)
class Frequent:
    """Conjunctions that enough users satisfy.

    Parameters
    ----------
    sets : dict of int to np.ndarray, shape (n_sets, length)
        By length: numbers of parts, ascending in each row and from row to row.
    counts, known : dict of int to np.ndarray, shape (n_sets,)
        By length: users who satisfy all parts, and of whom all parts are known.
    n_candidates : int
        Conjunctions that were counted, the infrequent included: the family of tests.
    min_users, min_support : int, float
        What it took; above what was asked for where there would have been too many.
    """

    sets: dict[int, np.ndarray]
    counts: dict[int, np.ndarray]
    known: dict[int, np.ndarray]
    n_candidates: int
    min_users: int
    min_support: float


class _TooMany(Exception):
    """More frequent conjunctions than there is room for."""


def find_frequent(
    bits: Bits,
    may: np.ndarray,
    *,
    min_users: int,
    min_support: float,
    max_length: int,
    max_share: float,
    max_sets: int,
) -> Frequent:
    """Find the conjunctions of two to ``max_length`` parts that enough users satisfy.

    Parameters
    ----------
    bits : Bits
    may : np.ndarray of bool, shape (n_parts, n_parts)
        Which two parts may stand together.
    min_users : int
    min_support : float
        Share of the users of whom all parts are known; both are doubled until at most ``max_sets``
        conjunctions are found.
    max_length : int
    max_share : float
        Parts that a greater share of those known have are left out: no conjunction can hold them
        and have a lift above 1 / share.
    max_sets : int

    Returns
    -------
    Frequent
    """
    while True:
        try:
            return _Search(bits, may, min_users, min_support, max_length, max_share).run(max_sets)
        except _TooMany:
            min_users, min_support = 2 * min_users, 2 * min_support


class _Search:
    """One pass through the conjunctions: what does not change while it runs."""

    def __init__(
        self, bits: Bits, may, min_users: int, min_support: float, max_length: int, max_share: float
    ):
        self.bits, self.max_length = bits, max_length
        self.min_users, self.min_support = min_users, min_support
        n, known = count(bits.has), count(bits.known)[bits.group] if len(bits.parts) else np.zeros(0)
        usable = self._keep(n, known) & (n <= max_share * known)
        self.may = may & usable & usable[:, None]
        # Where all is known of the same users the count of those known never changes.
        self.constant = int(known[0]) if len(bits.known) == 1 else None

    def run(self, max_sets: int) -> Frequent:
        """Return what is frequent; raises _TooMany where there is too much of it."""
        found: dict[int, list] = {length: [] for length in range(2, self.max_length + 1)}
        n_candidates = n_found = 0
        for prefix, ends, n, known in self._walk():
            n_candidates += len(ends)
            kept = (n >= self.min_users) & (n >= self.min_support * known)
            n_found += int(kept.sum())
            if n_found > max_sets:
                raise _TooMany
            starts = np.repeat(np.array([prefix], dtype=np.int64), int(kept.sum()), axis=0)
            found[len(prefix) + 1].append(np.column_stack([starts, ends[kept], n[kept], known[kept]]))
        tables = {
            length: np.concatenate(rows) if rows else np.zeros((0, length + 2), dtype=np.int64)
            for length, rows in found.items()
        }
        return Frequent(
            {length: table[:, :-2] for length, table in tables.items()},
            {length: table[:, -2] for length, table in tables.items()},
            {length: table[:, -1] for length, table in tables.items()},
            n_candidates,
            self.min_users,
            self.min_support,
        )

    def _keep(self, n: np.ndarray, known: np.ndarray) -> np.ndarray:
        slack = GROW_SLACK if len(self.bits.known) > 1 else 1.0
        return (n >= self.min_users) & (n >= slack * self.min_support * known)

    def _walk(self) -> Iterator[tuple[tuple[int, ...], np.ndarray, np.ndarray, np.ndarray]]:
        """Yield (prefix, last parts, users of each, users of whom all is known), all that is counted."""
        has, known_rows = self.bits.has, self.bits.known[self.bits.group]
        self.together = np.zeros_like(self.may)  # frequent pairs: no longer set can hold another
        for first in range(len(self.may)):
            ends = np.flatnonzero(self.may[first, first + 1 :]) + first + 1
            if len(ends):
                n = count(has[ends] & has[first])
                known = self._count_known(known_rows[ends], known_rows[first])[0]
                self.together[first, ends] = self._keep(n, known)
                yield (first,), ends, n, known
        for first in range(len(self.may) if self.max_length > 2 else 0):
            ends = np.flatnonzero(self.together[first])
            if len(ends) > 1:
                known = self._count_known(known_rows[ends], known_rows[first])[1]
                yield from self._extend((first,), has[ends] & has[first], known, ends)

    def _count_known(self, rows: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.constant is not None:
            return np.full(len(rows), self.constant, dtype=np.int64), rows
        both = rows & row
        return count(both), both

    def _extend(self, prefix: tuple[int, ...], rows: np.ndarray, known_rows: np.ndarray, ends: np.ndarray):
        """Grow each of ``rows`` (the prefix and one of ``ends``) by a later one of the ends.

        Yields what `_walk` yields.
        """
        is_last = len(prefix) + 2 == self.max_length
        room = np.empty_like(rows)
        for place in range(len(ends) - 1):
            later = np.flatnonzero(self.together[ends[place], ends[place + 1 :]]) + place + 1
            if not len(later):
                continue
            # A slice where it can be: copying the rows first takes as long as the AND.
            picked = slice(later[0], None) if len(later) == len(ends) - later[0] else later
            grown = np.bitwise_and(rows[picked], rows[place], out=room[: len(later)])
            n = count(grown)
            enough = np.flatnonzero(n >= self.min_users)
            known = np.zeros(len(later), dtype=np.int64)
            known[enough], known_grown = self._count_known(known_rows[later[enough]], known_rows[place])
            longer = (*prefix, int(ends[place]))
            yield longer, ends[later], n, known
            kept = np.flatnonzero(self._keep(n[enough], known[enough]))
            if not is_last and len(kept) > 1:
                onward = enough[kept]
                yield from self._extend(longer, grown[onward], known_grown[kept], ends[later[onward]])
