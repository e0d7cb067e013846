"""Bounded local search: people move, or change places, so that more ties stay inside parts."""

from __future__ import annotations

import numpy as np

FAR = 8.0  # times the heat: noise bridges a gap as wide with a chance of 1 in 3,000


class Parts:
    """A split that can be changed one step at a time, with the ties of everyone into every part.

    Parameters
    ----------
    ties : ndarray, shape (n, n)
        Symmetric weights with a zero diagonal; dense, since a row is read at each step.
    part : ndarray of int, shape (n,)
        Every part from 0 to ``n_parts - 1`` is within bounds.
    n_parts, lower, upper : int
    sizes : ndarray of int, shape (n,)
        People in each node: more than one where some must stay together.
    """

    def __init__(self, ties, part, n_parts: int, lower: int, upper: int, sizes):
        self.ties, self.part = ties, np.array(part, dtype=np.int64)
        self.lower, self.upper, self.sizes = lower, upper, sizes
        self.has_ties = ties.any(axis=1)
        self.alike = bool((sizes == sizes[0]).all()) if len(sizes) else True
        self.filled = np.bincount(self.part, weights=sizes, minlength=n_parts).astype(np.int64)
        # (n_parts, n): a part's row is changed at once. Sums, not a product of matrices: that one's last
        # digits depend on the number of threads.
        self.into = np.stack([ties[self.part == part].sum(axis=0) for part in range(n_parts)])

    @property
    def kept(self) -> float:
        """Weight of the ties inside parts."""
        return float(self.into[self.part, np.arange(len(self.part))].sum()) / 2

    def can_move(self, node: int, to: int) -> bool:
        """Say whether a move keeps both parts within bounds."""
        size, home = self.sizes[node], self.part[node]
        return bool(self.filled[to] + size <= self.upper and self.filled[home] - size >= self.lower)

    def swap_gains(self, node: int, to: int) -> tuple[np.ndarray, np.ndarray]:
        """Return who in a part may change places with a node, and the weight gained by each."""
        home = self.part[node]
        others = (self.part == to).nonzero()[0]
        if not self.alike:
            more = self.sizes[node] - self.sizes[others]
            here, there = self.filled[home] - more, self.filled[to] + more
            fits = (np.minimum(here, there) >= self.lower) & (np.maximum(here, there) <= self.upper)
            others = others[fits]
        gains = self.into[home, others] - self.into[to, others] - 2 * self.ties[node, others]
        return others, gains + (self.into[to, node] - self.into[home, node])

    def move(self, node: int, to: int) -> None:
        """Put a node into another part."""
        home = self.part[node]
        row = self.ties[node]
        self.into[home] -= row
        self.into[to] += row
        self.part[node] = to
        self.filled[home] -= self.sizes[node]
        self.filled[to] += self.sizes[node]

    def swap(self, node: int, other: int) -> None:
        """Let two nodes of different parts change places."""
        home, to = self.part[node], self.part[other]
        self.move(node, to)
        self.move(other, home)


def search(parts: Parts, rng: np.random.Generator, n_sweeps: int, heat: float) -> float:
    """Improve a split in place by annealing, then by steps that gain only; return the weight kept.

    Each visit looks at one node and the part that draws it most (noise grows with the temperature): it
    moves there when the bounds allow, else it changes places with whoever loses least by it. The
    temperature falls from ``heat`` times the median strength to 0, and the best split seen is kept.

    References
    ----------
    Johnson, Aragon, McGeoch and Schevon (1989), "Optimization by simulated annealing: an experimental
    evaluation; part I, graph partitioning", Operations Research 37(6).
    """
    n_parts = len(parts.filled)
    tied = np.flatnonzero(parts.has_ties)  # the others gain nowhere, and make room when asked
    if n_parts < 2 or not len(tied):
        return parts.kept
    hot = heat * float(np.median(parts.ties[tied].sum(axis=1)))
    best, best_part = parts.kept, parts.part.copy()
    for sweep in range(n_sweeps):
        _sweep(parts, tied, hot * (1 - sweep / n_sweeps), rng)
        if parts.kept > best:
            best, best_part = parts.kept, parts.part.copy()
    parts.__init__(parts.ties, best_part, n_parts, parts.lower, parts.upper, parts.sizes)
    for _ in range(30):  # a handful is enough in practice; never without end
        before = parts.kept
        _sweep(parts, tied, 0.0, rng)
        if parts.kept <= before + 1e-9:
            break
    return parts.kept


def _may_leave(parts: Parts, heat: float) -> np.ndarray:
    """Say who is drawn elsewhere, or nearly so at this heat: most people of a good split need no visit.

    Without heat nobody else could gain: of two who change places, one is drawn to the other part.
    """
    everyone = np.arange(len(parts.part))
    elsewhere = parts.into.copy()
    elsewhere[parts.part, everyone] = -np.inf
    return parts.into[parts.part, everyone] - elsewhere.max(axis=0) < FAR * heat


def _sweep(parts: Parts, tied: np.ndarray, heat: float, rng: np.random.Generator) -> None:
    """Visit every node that might leave once, in random order."""
    n, n_parts = len(parts.part), len(parts.filled)
    into, part = parts.into, parts.part
    order = rng.permutation(tied[_may_leave(parts, heat)[tied]])
    noise = heat * rng.gumbel(size=4 * (n + n_parts))
    starts = rng.integers(0, len(noise) - n - n_parts, size=len(order))
    least = (heat * np.log(rng.random(len(order)))).tolist()
    for node, start, floor in zip(order.tolist(), starts.tolist(), least, strict=True):
        home = part[node]
        draw = into[:, node] + noise[start : start + n_parts] if heat else into[:, node].copy()
        draw[home] = -np.inf
        to = int(draw.argmax())
        gain = into[to, node] - into[home, node]
        if parts.can_move(node, to):
            if gain > floor or (floor and gain == floor):
                parts.move(node, to)
            continue
        others, gains = parts.swap_gains(node, to)
        if not len(others):
            continue
        noisy = gains + noise[start : start + len(gains)] if heat else gains
        chosen = int(noisy.argmax())
        if gains[chosen] > floor + 1e-12:
            parts.swap(node, int(others[chosen]))
