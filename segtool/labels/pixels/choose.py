"""Which of the conjunctions that hold to show: none that a longer one explains, no two alike.

References
----------
J. Carbonell, J. Goldstein, "The use of MMR", SIGIR 1998, https://doi.org/10.1145/290941.291025
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from segtool.labels.pixels.bitmaps import count
from segtool.labels.pixels.judge import Judged, count_cells, cover, known_of, split_lift, split_p_value
from segtool.labels.pixels.parts import Bits

# A long conjunction has up to ten shorter ones, each with a chance to pass again by luck.
RETEST_P = 0.001


def drop_explained(
    bits: Bits, found: Sequence[Judged], *, retest_lift: float, min_users: int
) -> list[Judged]:
    """Leave out conjunctions that are there only because a longer one is.

    From long to short: the users of the longer conjunctions that were kept are set aside, and the
    shorter one is counted again on the rest. What then has a lift under ``retest_lift``, or one that
    chance may give, or fewer than ``min_users``, says nothing of its own; nor could it be shown
    beside the longer one without giving away how many are in the difference. Where the further parts
    of a longer one are not known of some users, those are set aside too, or they would speak for the
    shorter one only because nobody asked them; but a longer one that is known of few explains
    nothing of the others.

    Returns
    -------
    list of Judged
        In the order they were given.
    """
    longer: dict[tuple[int, ...], list[tuple[np.ndarray, np.ndarray]]] = defaultdict(list)
    kept = set()
    for one in sorted(found, key=lambda one: (-len(one.items), one.items)):
        asides = list(_list_asides(bits, one, longer.get(one.items, [])))
        counts = (count_cells(bits, one.items, aside).sum(axis=1) for aside in asides)
        if any(
            n[-1] < min_users or split_lift(n) < retest_lift or split_p_value(n) > RETEST_P for n in counts
        ):
            continue
        kept.add(one.items)
        if len(one.items) > 2:
            rows = cover(bits, one.items), known_of(bits, one.items)
            for length in range(2, len(one.items)):
                for part in combinations(one.items, length):
                    longer[part].append(rows)
    return [one for one in found if one.items in kept]


def _list_asides(bits: Bits, one: Judged, longer) -> Iterator[np.ndarray]:
    """Yield the users to set aside: those of all longer ones, then of each those not known to lack it."""
    if longer:
        yield np.bitwise_or.reduce([row for row, _ in longer])
    base = known_of(bits, one.items)
    for row, known in longer if len(bits.known) > 1 else ():
        if 2 * count(base & known) >= one.n_known:
            yield row | ~known


def pick_diverse(
    bits: Bits, found: Sequence[Judged], *, max_overlap: float, top: int, first: Sequence[Judged] = ()
) -> list[Judged]:
    """Pick the best conjunctions that are not about the same users.

    Parameters
    ----------
    bits : Bits
    found : sequence of Judged
    max_overlap : float
        The largest Jaccard index of the users of two picks.
    top : int
    first : sequence of Judged
        What is shown anyway; nothing too much like them is picked.

    Returns
    -------
    list of Judged
        In the order of the picks: each has the best score x (1 - overlap) x novelty. Novelty is the
        mean over the parts of 2 / (2 + how often the part was told already): ten sentences about
        one taste are one sentence and nine repetitions.
    """
    if not found:
        return []
    rows = np.array([cover(bits, one.items) for one in found])
    sizes = np.array([one.n_users for one in found])
    scores = np.array([one.score for one in found])
    overlap, told = np.zeros(len(found)), np.zeros(len(bits.parts))
    for one in first:
        told[list(one.items)] += 1
        overlap = np.maximum(overlap, _jaccard(rows, sizes, cover(bits, one.items), one.n_users))
    picks: list[int] = []
    while len(picks) < top:
        novelty = np.array([np.mean(1 / (1 + told[list(one.items)] / 2)) for one in found])
        worth = np.where(overlap <= max_overlap, scores * (1 - overlap) * novelty, -1.0)
        worth[picks] = -1.0
        # Of equals the first: they come in an order that only their definitions decide.
        best = int(np.argmax(worth))
        if worth[best] < 0:
            break
        picks.append(best)
        told[list(found[best].items)] += 1
        overlap = np.maximum(overlap, _jaccard(rows, sizes, rows[best], sizes[best]))
    return [found[pick] for pick in picks]


def _jaccard(rows: np.ndarray, sizes: np.ndarray, row: np.ndarray, size: int) -> np.ndarray:
    both = np.array([int(count(one & row)) for one in rows])
    return both / np.maximum(sizes + size - both, 1)
