"""Whether communities explain who is tied to whom, and at which resolution they do so best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse, stats
from scipy.special import gammaln

from segtool.community.circles.graph import graph_of, run_leiden, upper_ties

# Seven resolutions on a log grid around that of plain modularity.
RESOLUTIONS = (0.25, 0.4, 0.63, 1.0, 1.6, 2.5, 4.0)
# Share of the cost of naming everybody's circle that counts when two divisions are compared. On 650
# generated graphs of 30 to 400 people the full cost chose too few circles, half of it too many.
NAMING = 0.7
FOLLOWED = 4  # times the resolution that a division itself implies is tried
N_SHUFFLES = 19  # as extreme as all of them: one chance in twenty
# Beside being above them all. Of 150 graphs without groups 5 were above all, none clearly; of the public graphs with
# known groups the least clear ones lie 3.7 to 6.3 standard deviations above, where 2.9 are asked.
FALSE_ALARM = 0.005
SHUFFLE_ROUNDS = 12  # times each tie is offered another end; the graph has forgotten itself after ten


@dataclass(frozen=True)
class Division:
    """A division of people into communities, and how well it explains their ties.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    resolution : float
        At which it was found.
    explained : float
        Nats that the division saves in telling who is tied to whom, beside everyone's number of ties.
    naming : float
        Nats that it costs to say who belongs where.
    implied : float
        Resolution at which modularity is the likelihood of just this division (Newman 2016).
    modularity : float
        At resolution 1.
    """

    labels: np.ndarray
    resolution: float
    explained: float
    naming: float
    implied: float
    modularity: float

    @property
    def gain(self) -> float:
        """Nats saved in all: above 0 the division tells more than it costs."""
        return self.explained - self.naming

    @property
    def rank(self) -> float:
        """By which divisions are compared."""
        return self.explained - NAMING * self.naming


def weigh_division(graph: sparse.csr_matrix, labels: np.ndarray, resolution: float = 1.0) -> Division | None:
    """Say how well a division explains the ties; None where it has no more ties inside than chance gives.

    Parameters
    ----------
    graph : csr_matrix, shape (n, n)
        Symmetric, everyone with a tie.
    labels : ndarray of int, shape (n,)
    resolution : float

    Notes
    -----
    With p the share of tie weight inside communities and e the share expected from everyone's strengths,
    ``explained = m (p ln(p / e) + (1 - p) ln((1 - p) / (1 - e)))``, the gain in likelihood of the planted
    partition with given degrees. m is the effective number of ties, (sum w)^2 / sum w^2: weights are no
    independent observations. ``naming = ln(N! / prod n_r!) + ln C(N - 1, B - 1) + ln N`` for N people in B
    communities of n_r.

    References
    ----------
    Newman (2016), doi:10.1103/PhysRevE.94.052315; Zhang and Peixoto (2020),
    doi:10.1103/PhysRevResearch.2.043271
    """
    strength = np.asarray(graph.sum(axis=1)).ravel()
    total = strength.sum()
    rows = np.repeat(labels, np.diff(graph.indptr))
    inside = graph.data[rows == labels[graph.indices]].sum() / total
    volume = np.bincount(labels, weights=strength) / total
    size = np.bincount(labels)
    volume, size = volume[size > 0], size[size > 0]
    expected = float((volume**2).sum())
    if len(size) < 2 or inside <= expected:
        return None
    m = total**2 / (graph.data**2).sum() / 2
    outside = 1 - inside
    rest = outside * np.log(outside / (1 - expected)) if outside > 0 else 0.0
    n, b = len(labels), len(size)
    naming = gammaln(n + 1) - gammaln(size + 1).sum() + gammaln(n) - gammaln(b) - gammaln(n - b + 1)
    within, between = inside / expected, max(outside, 0.5 / m) / (1 - expected)
    return Division(
        labels=labels,
        resolution=float(resolution),
        explained=float(m * (inside * np.log(within) + rest)),
        naming=float(naming + np.log(n)),
        implied=float((within - between) / np.log(within / between)) if within > between else 1.0,
        modularity=float(inside - expected),
    )


def sweep_resolutions(
    graph: sparse.csr_matrix, rng: np.random.Generator, resolutions: tuple[float, ...], n_starts: int
) -> Division | None:
    """Return the division that explains most for its cost, over resolutions and starts; None for none.

    From the best one, the resolution that it implies is tried, until nothing is won: so small circles are
    found in a large graph, where plain modularity merges them.
    """
    best = None
    for resolution in resolutions:
        best = _try(graph, rng, resolution, n_starts, best)
    for _ in range(FOLLOWED):
        if best is None:
            break
        before, best = best, _try(graph, rng, best.implied, n_starts, best)
        if best.rank <= before.rank:
            break
    return best


def _try(graph, rng, resolution: float, n_starts: int, best: Division | None) -> Division | None:
    for seed in rng.integers(1, 2**31 - 1, n_starts):
        found = weigh_division(graph, run_leiden(graph, resolution, seed), resolution)
        if found is not None and (best is None or found.rank > best.rank):
            best = found
    return best


def beats_shuffles(
    graph: sparse.csr_matrix, rng: np.random.Generator, n_starts: int, n_shuffles: int = N_SHUFFLES
) -> tuple[str, int]:
    """Say whether ties lie inside communities more than in shuffled graphs, and how many were looked at.

    Parameters
    ----------
    graph : csr_matrix, shape (n, n)
    rng : Generator
    n_starts : int
        Runs on each graph, of which the best counts.
    n_shuffles : int
        Two and above.

    Returns
    -------
    verdict : str
        "clearly"; "above all", but by less than chance could do (one in 200, by the spread of the shuffled
        graphs); or "no".
    n_shuffles : int
        It stops at the first shuffled graph that does as well.

    Notes
    -----
    The greatest modularity at resolution 1 is compared. Not the gain: what it costs to name everybody's circle
    stands in the gain of a shuffled graph too, smaller the fewer communities chance happens to give, which has
    nothing to do with the ties; so it hid groups with half of their ties outside.
    """
    own = _greatest_modularity(graph, rng, n_starts)
    chance = []
    for number in range(1, n_shuffles + 1):
        chance.append(_greatest_modularity(shuffle_ties(graph, rng), rng, n_starts))
        if chance[-1] >= own:
            return "no", number
    # One more draw from where the others come from lies this far above their mean with FALSE_ALARM.
    reach = stats.t.isf(FALSE_ALARM, n_shuffles - 1) * np.std(chance, ddof=1) * np.sqrt(1 + 1 / n_shuffles)
    return ("clearly" if own > np.mean(chance) + reach else "above all"), n_shuffles


def _greatest_modularity(graph: sparse.csr_matrix, rng: np.random.Generator, n_starts: int) -> float:
    runs = [
        weigh_division(graph, run_leiden(graph, 1.0, seed)) for seed in rng.integers(1, 2**31 - 1, n_starts)
    ]
    return max((run.modularity for run in runs if run is not None), default=0.0)


def shuffle_ties(graph: sparse.csr_matrix, rng: np.random.Generator) -> sparse.csr_matrix:
    """Return a graph in which everyone has as many ties as before, to other people.

    Pairs of ties exchange an end, unless that made a self-tie or one that exists; weights are dealt anew.

    References
    ----------
    Maslov and Sneppen (2002), doi:10.1126/science.1065103
    """
    row, column, weight = upper_ties(graph)
    n = graph.shape[0]
    m = len(row)
    for _ in range(SHUFFLE_ROUNDS):
        order = rng.permutation(m)
        one, other = order[: m // 2], order[m // 2 : 2 * (m // 2)]
        turn = rng.random(len(one)) < 0.5
        a, b = row[one], column[one]
        c, d = np.where(turn, column[other], row[other]), np.where(turn, row[other], column[other])
        first, second = _key(a, d, n), _key(c, b, n)
        there = np.isin(first, _key(row, column, n)) | np.isin(second, _key(row, column, n))
        _, back, times = np.unique(np.r_[first, second], return_inverse=True, return_counts=True)
        twice = (times[back] > 1).reshape(2, -1).any(axis=0)
        good = ~there & ~twice & (a != d) & (c != b)
        row[one[good]], column[one[good]] = a[good], d[good]
        row[other[good]], column[other[good]] = c[good], b[good]
    return graph_of(row, column, rng.permutation(weight), n)


def _key(a: np.ndarray, b: np.ndarray, n: int) -> np.ndarray:
    return np.minimum(a, b) * n + np.maximum(a, b)
