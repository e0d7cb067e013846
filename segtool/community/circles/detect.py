"""Circles of a graph: found at the resolution that explains most, agreed on by many runs, or none."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.checks import check_number
from segtool.community.circles.evidence import (
    N_SHUFFLES,
    RESOLUTIONS,
    Division,
    beats_shuffles,
    sweep_resolutions,
)
from segtool.community.circles.graph import LARGE, check_graph, damp_weights, people_in_pieces
from segtool.community.circles.runs import agree, compare_runs, forget_ties

SMALL = 40_000  # ties: from there on fewer runs, since each takes a tenth of a second or more
MOST_TIES_SHUFFLED = 100_000
FEW_SHUFFLES = 5  # chance differs little from one large graph to the next
SHUFFLED = {
    "clearly": "Ties lie inside circles clearly more than in any of {n} graphs with shuffled ties.",
    "above all": "Ties lie inside circles more than in any of {n} graphs with shuffled ties, but not so clearly that"
    " it could not be chance: no circles.",
    "no": "Shuffled ties fall into circles as clearly as these do: no circles.",
}
RESPLIT_ABOVE = {"small": 20, "large": 1000}  # people; thousands of small circles would take too long
# Ties up to which so many runs agree on each division that tests stability. Single runs on few ties differ by their
# seed alone: on four LFR graphs with mixing 0.4 they dissolved 17 circles, ten that agree dissolve 5.
TEST_AGREE = ((5_000, 10), (20_000, 3))
MOST_SHUFFLES_TO = 20_000  # ties: above, FEW_SHUFFLES
STARTS = 2  # runs at each resolution, of which the best counts


@dataclass(frozen=True)
class Structure:
    """Whether a graph falls into circles, and what says so.

    Parameters
    ----------
    found : bool
    why : str
        In one sentence.
    resolution : float
        Of the division taken; missing for none.
    gain : float
        Nats saved in telling who is tied to whom, less what naming the circles costs.
    modularity : float
        At resolution 1.
    n_shuffles : int
        Graphs with shuffled ties that were looked at; 0 where the gain speaks for itself, or ties are too many.
    n_dissolved : int
        Circles that did not come back often enough, and people in none for that reason.
    """

    found: bool
    why: str
    resolution: float = np.nan
    gain: float = np.nan
    modularity: float = np.nan
    n_shuffles: int = 0
    n_dissolved: int = 0


@dataclass(frozen=True, eq=False)
class Detected:
    """Circles of the rows of a graph.

    Parameters
    ----------
    labels : ndarray of int32, shape (n,)
        0 and up by size, -1 for people in no circle.
    confidence : ndarray of float, shape (n,)
        Share of runs without a fifth of the ties that put the person into their circle; missing for -1.
    circles : DataFrame
        circle, n_users, stability (0 to 1), ties_inside (share of its members' tie weight that stays).
    structure : Structure
    """

    labels: np.ndarray
    confidence: np.ndarray
    circles: pd.DataFrame
    structure: Structure = field(repr=False)


def detect_circles(
    matrix: sparse.spmatrix,
    *,
    min_members: int = 5,
    min_stability: float = 0.5,
    resplit_above: int | None = None,
    n_runs: int = 20,
    damp: bool = True,
    random_state: int = 0,
) -> Detected:
    """Find groups of people tied to each other more than to others.

    Parameters
    ----------
    matrix : sparse matrix, shape (n, n)
        Undirected: weights of ties, 0 and above.
    min_members : int
        Fewer are no circle.
    min_stability : float
        Mean Jaccard overlap over runs below which a circle is dissolved.
    resplit_above : int, optional
        Circles with more people are looked at once more on their own: a resolution that fits the whole
        can be too coarse for a part. When not given, 20, and 1000 in graphs of more than 40,000 ties.
    n_runs : int
        Runs with other seeds to agree on a division, and as many divisions without a fifth of the ties to test
        it, each of which up to ten runs agree on; fewer in graphs of more than 40,000 ties, and no agreement but
        two tests beyond 250,000.
    damp : bool
        Take log(1 + w / median) of the weights.
    random_state : int

    Returns
    -------
    Detected
        Without circles where the ties do not fall into any: more would be read into chance.

    Raises
    ------
    InputError
        If the matrix is no undirected graph with weights of 0 and above.

    Notes
    -----
    Leiden on modularity at seven resolutions and at the one its own result implies; the division that
    tells most about the ties for what it costs to name is taken (description length). It counts as found
    when it saves more than it costs; or else, up to 100,000 ties, when ties lie inside communities (modularity)
    more than in each of 19 graphs with shuffled ties (5 above 20,000 ties), and further above their mean than one
    more of them would lie in one case of 200.

    References
    ----------
    Traag, Waltman and van Eck (2019), doi:10.1038/s41598-019-41695-z; Newman (2016),
    doi:10.1103/PhysRevE.94.052315; Fortunato and Barthélemy (2007), doi:10.1073/pnas.0605965104 (the
    resolution limit).

    Examples
    --------
    >>> cliques = sparse.block_diag([np.ones((8, 8))] * 3)
    >>> found = detect_circles(cliques)
    >>> found.labels.tolist() == [0] * 8 + [1] * 8 + [2] * 8, found.structure.found
    (True, True)
    >>> detect_circles(sparse.csr_matrix(np.ones((30, 30)))).structure.found
    False
    """
    check_number("min_members", min_members, low=2, integer=True)
    check_number("min_stability", min_stability, low=0, high=1)
    check_number("n_runs", n_runs, low=1, integer=True)
    graph = check_graph(matrix)
    graph = damp_weights(graph) if damp else graph
    rows = people_in_pieces(graph, min_members)
    part = graph[rows][:, rows].tocsr()
    part.sort_indices()
    rng = np.random.default_rng(random_state)
    best, structure = _look(part, rng)
    if not structure.found:
        return _nothing(graph.shape[0], structure)
    labels, stability, confidence = _divide(part, best, rng, n_runs)
    if resplit_above is None:
        resplit_above = RESPLIT_ABOVE["small" if part.nnz // 2 <= SMALL else "large"]
    labels, stability, confidence = _look_inside(
        part, labels, stability, confidence, rng, resplit_above=resplit_above, n_runs=n_runs
    )
    size = np.bincount(labels, minlength=len(stability))
    unstable = (size >= min_members) & (stability < min_stability)
    kept = (size >= min_members) & ~unstable
    if not kept.any():
        why = "What looked like circles did not come back without a fifth of the ties: no circles."
        return _nothing(graph.shape[0], replace(structure, found=False, why=why))
    structure = replace(structure, n_dissolved=int(unstable.sum()))
    labels = np.where(kept[labels], labels, -1)
    everyone = np.full(graph.shape[0], -1, dtype=np.int64)
    sure = np.full(graph.shape[0], np.nan)
    everyone[rows], sure[rows] = labels, np.where(labels >= 0, confidence, np.nan)
    return _publish(graph, everyone, sure, stability, structure)


def _look(graph: sparse.csr_matrix, rng: np.random.Generator) -> tuple[Division | None, Structure]:
    """Return the best division, and whether it is more than chance."""
    n_ties = graph.nnz // 2
    if graph.shape[0] < 2:
        return None, Structure(found=False, why="Nobody is tied to enough others: no circles.")
    small = n_ties <= SMALL
    best = sweep_resolutions(graph, rng, RESOLUTIONS if small else (1.0,), STARTS if small else 1)
    if best is None:
        return None, Structure(found=False, why="Ties are as even as chance would leave them: no circles.")
    told = {"resolution": best.resolution, "gain": best.gain, "modularity": best.modularity}
    if best.gain > 0:
        why = "People of a circle are tied to each other clearly more than chance would tie them."
        return best, Structure(found=True, why=why, **told)
    if n_ties > MOST_TIES_SHUFFLED:
        why = (
            f"{n_ties:,} ties are too many to compare with shuffled ones, and to name circles costs more than"
            " they tell about ties: no circles."
        )
        return best, Structure(found=False, why=why, **told)
    n_shuffles, n_starts = (N_SHUFFLES, STARTS) if n_ties <= MOST_SHUFFLES_TO else (FEW_SHUFFLES, 1)
    verdict, n_shuffles = beats_shuffles(graph, rng, n_starts, n_shuffles)
    return best, Structure(
        found=verdict == "clearly", why=SHUFFLED[verdict].format(n=n_shuffles), n_shuffles=n_shuffles, **told
    )


def _divide(
    graph: sparse.csr_matrix, best: Division, rng: np.random.Generator, n_runs: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels from 0, the stability of each and everyone's confidence."""
    n_ties = graph.nnz // 2
    if n_ties > LARGE:
        # Seconds each, and in a graph with so many ties runs hardly differ.
        division, runs = best, forget_ties(graph, best.resolution, rng, min(n_runs, 2))
    else:
        n_runs = n_runs if n_ties <= SMALL else min(n_runs, 6)
        division = agree(graph, best, rng, n_runs)
        n_agree = next((runs for most, runs in TEST_AGREE if n_ties <= most), 1)
        # Not the runs that were agreed on: the division is made of them, so they would praise it.
        runs = forget_ties(graph, division.resolution, rng, n_runs, n_agree)
    labels = np.unique(division.labels, return_inverse=True)[1]
    stability, confidence = compare_runs(labels, runs)
    return labels, stability, confidence


def _look_inside(graph, labels, stability, confidence, rng, *, resplit_above: int, n_runs: int):
    """Divide circles of more than so many people once more, where that tells more than it costs."""
    labels, confidence, stability = labels.copy(), confidence.copy(), list(stability)
    for circle in np.flatnonzero(np.bincount(labels) > resplit_above):
        rows = np.flatnonzero(labels == circle)
        part = graph[rows][:, rows].tocsr()
        part.sort_indices()
        best = sweep_resolutions(part, rng, RESOLUTIONS if part.nnz <= 2 * SMALL else (1.0,), 1)
        if best is None or best.gain <= 0:
            continue
        inner, inner_stability, inner_confidence = _divide(part, best, rng, n_runs)
        labels[rows] = np.where(inner == 0, circle, len(stability) + inner - 1)
        confidence[rows] = inner_confidence
        stability[circle] = inner_stability[0]
        stability.extend(inner_stability[1:])
    return labels, np.array(stability), confidence


def _publish(graph, labels, confidence, stability, structure: Structure) -> Detected:
    """Number circles by size, then by their first row, and say how much of their ties stays inside."""
    names, first, size = np.unique(labels[labels >= 0], return_index=True, return_counts=True)
    order = np.lexsort((np.flatnonzero(labels >= 0)[first], -size))
    number = np.full(labels.max() + 1, -1)
    number[names[order]] = np.arange(len(names))
    labels = np.where(labels >= 0, number[labels], -1).astype(np.int32)
    row = np.repeat(labels, np.diff(graph.indptr))
    inside = (row >= 0) & (row == labels[graph.indices])
    kept = np.bincount(row[inside], weights=graph.data[inside], minlength=len(names))
    total = np.bincount(row[row >= 0], weights=graph.data[row >= 0], minlength=len(names))
    circles = pd.DataFrame(
        {
            "circle": np.arange(len(names), dtype=np.int32),
            "n_users": size[order].astype(np.int64),
            "stability": stability[names[order]].round(6),
            "ties_inside": (kept / np.maximum(total, 1e-300)).round(6),
        }
    )
    return Detected(labels, confidence.round(6), circles, structure)


def _nothing(n: int, structure: Structure) -> Detected:
    empty = pd.DataFrame(
        {
            "circle": np.array([], dtype=np.int32),
            "n_users": np.array([], dtype=np.int64),
            "stability": np.array([], dtype=float),
            "ties_inside": np.array([], dtype=float),
        }
    )
    return Detected(np.full(n, -1, dtype=np.int32), np.full(n, np.nan), empty, structure)
