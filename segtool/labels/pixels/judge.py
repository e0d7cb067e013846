"""Is a conjunction more than its parts: lift, chance, and whether it holds in every half of the users.

Everything is counted on the users for whom all parts of a conjunction are known: a part that
nobody asked about is not a "no".

References
----------
G. I. Webb, "Self-sufficient itemsets", ACM TKDD 4 (2010), https://doi.org/10.1145/1644873.1644876
Y. Benjamini, Y. Hochberg, "Controlling the false discovery rate", J. R. Stat. Soc. B 57 (1995),
https://doi.org/10.1111/j.2517-6161.1995.tb02031.x
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from segtool.labels.pixels.bitmaps import N_BLOCKS, count, count_blocks
from segtool.labels.pixels.parts import Bits
from segtool.labels.pixels.search import Frequent

# The screen takes each share on the users of whom that part is known, the judgement on those of
# whom all are: a set a little below the bar in the one may be above it in the other.
SCREEN_SLACK = 0.85
# Of three and more parts none may follow from another: of students who are 18 to 24 it is enough to
# say that they are students.
IMPLIED = 0.9


@dataclass(frozen=True)
class Judged:
    """What the data say of one conjunction.

    Parameters
    ----------
    items : tuple of int
        Numbers of its parts, ascending.
    n_users, n_known : int
        Users who satisfy it, and users of whom all its parts are known.
    lift : float
        Users over the number that the best split of the parts into two would give by chance.
    lift_low, lift_high : float
        The same in the worst and the best half of the users.
    leave_one_out_lift : float
        Users over the number that the weakest part, by chance beside the others, would give.
    weakest : int
        The number of that part.
    independence_lift : float
        Users over the number that all parts by chance would give.
    p_value : float
        Of a one-sided exact test of the worst split.
    stability : float
        Share of the halves in which the lift holds.
    implied : int, optional
        The number of a part that nearly all users have who have another one of three or more.
    """

    items: tuple[int, ...]
    n_users: int
    n_known: int
    lift: float
    lift_low: float
    lift_high: float
    leave_one_out_lift: float
    weakest: int
    independence_lift: float
    p_value: float
    stability: float
    implied: int | None = None

    @property
    def score(self) -> float:
        """What it is ranked by: lift alone prefers the tiny, numbers alone the obvious."""
        return self.lift * np.log(max(self.n_users, 1))


@cache
def list_splits(length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ways to split parts in two, as bit masks of the one side and of the other.

    Examples
    --------
    >>> [side.tolist() for side in list_splits(3)]
    [[1, 3, 5], [6, 4, 2]]
    """
    everything = (1 << length) - 1
    one = np.arange(1, everything, 2)
    return one, everything - one


@cache
def list_halves() -> np.ndarray:
    """Return which blocks of users make each half, shape (N_BLOCKS, n_halves)."""
    halves = [
        [block in chosen for block in range(N_BLOCKS)]
        for chosen in combinations(range(N_BLOCKS), N_BLOCKS // 2)
    ]
    return np.array(halves, dtype=np.int64).T


def screen(bits: Bits, frequent: Frequent, *, min_lift: float, room: int) -> list[tuple[int, ...]]:
    """Return the conjunctions worth judging, the best ``room`` of them by lift x log(users)."""
    shares = {1: (None, count(bits.has) / np.maximum(count(bits.known)[bits.group], 1))}
    least = min_lift * (SCREEN_SLACK if len(bits.known) > 1 else 1.0)
    picked: list[tuple[float, tuple[int, ...]]] = []
    for length, sets in frequent.sets.items():
        if not len(sets):
            continue
        n = frequent.counts[length]
        share = n / np.maximum(frequent.known[length], 1)
        shares[length] = (_keys(sets, len(bits.parts)), share)
        lift = share / _best_split(sets, shares, len(bits.parts))
        scores = lift * np.log(n)
        for row in np.flatnonzero(lift >= least):
            picked.append((-float(scores[row]), tuple(int(item) for item in sets[row])))
    return [items for _, items in sorted(picked)[:room]]


def _best_split(sets: np.ndarray, shares, n_parts: int) -> np.ndarray:
    """Return the largest share that a split of each set into two would give by chance."""
    length = sets.shape[1]
    best = np.zeros(len(sets))
    for sides in zip(*list_splits(length), strict=True):
        product = np.ones(len(sets))
        for mask in sides:
            columns = [place for place in range(length) if mask >> place & 1]
            product *= _look_up(sets[:, columns], shares, n_parts)
        best = np.maximum(best, product)
    return best


def _look_up(sets: np.ndarray, shares, n_parts: int) -> np.ndarray:
    keys, share = shares[sets.shape[1]]
    if keys is None:
        return share[sets[:, 0]]
    wanted = _keys(sets, n_parts)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)  # rows come in ascending order
    # What is not there fell under the least share by a hair; the judgement counts it exactly.
    return np.where(keys[places] == wanted, share[places], 0.0)


def _keys(sets: np.ndarray, n_parts: int) -> np.ndarray:
    keys = np.zeros(len(sets), dtype=np.int64)
    for column in sets.T:
        keys = keys * n_parts + column
    return keys


def known_of(bits: Bits, items: Sequence[int]) -> np.ndarray:
    """Return the users of whom all parts are known, as a row of bits."""
    return np.bitwise_and.reduce(bits.known[np.unique(bits.group[list(items)])])


def cover(bits: Bits, items: Sequence[int]) -> np.ndarray:
    """Return the users who satisfy all parts, as a row of bits."""
    return np.bitwise_and.reduce(bits.has[list(items)] & bits.known[bits.group[list(items)]])


def count_cells(bits: Bits, items: Sequence[int], without: np.ndarray | None = None) -> np.ndarray:
    """Count, for each subset of the parts, the users who have it, block by block.

    Parameters
    ----------
    bits : Bits
    items : sequence of int
    without : np.ndarray of uint64, shape (n_words,), optional
        Users who are set aside.

    Returns
    -------
    np.ndarray of int, shape (2 ** n_items, N_BLOCKS)
        By bit mask of the subset, on the users of whom all parts are known.
    """
    rows = np.empty((1 << len(items), bits.has.shape[1]), dtype=np.uint64)
    rows[0] = known_of(bits, items)
    if without is not None:
        rows[0] &= ~without
    for place, item in enumerate(items):
        np.bitwise_and(rows[: 1 << place], bits.has[item], out=rows[1 << place : 2 << place])
    return count_blocks(rows)


def split_lift(n: np.ndarray) -> np.ndarray:
    """Return the lift over the best split into two.

    Parameters
    ----------
    n : np.ndarray, shape (2 ** n_items, ...)
        Users per subset, as of `count_cells`.

    Examples
    --------
    >>> float(split_lift(np.array([1000, 100, 200, 40])))  # 40 where chance gives 20
    2.0
    """
    one, other = list_splits(int(np.log2(len(n))))
    expected = (n[one].astype(float) * n[other]).max(axis=0)
    return np.divide(n[-1] * n[0].astype(float), expected, out=np.zeros(expected.shape), where=expected > 0)


def split_p_value(n: np.ndarray) -> np.ndarray:
    """Return the p-value of the worst split: Fisher's exact test, one-sided.

    Parameters
    ----------
    n : np.ndarray of int, shape (2 ** n_items, ...)
        Users per subset, as for `split_lift`.

    Notes
    -----
    That a conjunction beats every split is an intersection of claims, and the largest p-value
    tests it at its level (R. L. Berger, Technometrics 24 (1982)).
    """
    from scipy.stats import hypergeom

    one, other = list_splits(int(np.log2(len(n))))
    return np.max(hypergeom.sf(n[-1] - 1, n[0], n[one], n[other]), axis=0)


def judge(bits: Bits, sets: Sequence[Sequence[int]], *, retest_lift: float) -> list[Judged]:
    """Count conjunctions and test them, those of one length together.

    Returns
    -------
    list of Judged
        In the order they were given.
    """
    places: dict[int, list[int]] = {}
    for place, items in enumerate(sets):
        places.setdefault(len(items), []).append(place)
    judged: dict[int, Judged] = {}
    for same_length in places.values():
        chosen = [tuple(int(item) for item in sets[place]) for place in same_length]
        cells = np.stack([count_cells(bits, items) for items in chosen], axis=1)
        judged |= dict(zip(same_length, _judge_cells(chosen, cells, retest_lift), strict=True))
    return [judged[place] for place in range(len(sets))]


def _judge_cells(sets: list[tuple[int, ...]], cells: np.ndarray, retest_lift: float) -> list[Judged]:
    """Judge conjunctions of one length by their counts, shape (2 ** n_items, n_sets, N_BLOCKS)."""
    n = cells.sum(axis=-1)
    halves = split_lift(cells @ list_halves())
    n_known = np.maximum(n[0], 1).astype(float)
    singles = np.array([1 << place for place in range(len(sets[0]))])
    one_out = n[len(n) - 1 - singles] * n[singles] / n_known
    by_chance = n_known * np.prod(n[singles] / n_known, axis=0)
    weakest = one_out.argmax(axis=0)
    lift, p_values = split_lift(n), split_p_value(n)
    return [
        Judged(
            items=items,
            n_users=int(n[-1, row]),
            n_known=int(n[0, row]),
            lift=float(lift[row]),
            lift_low=float(halves[row].min()),
            lift_high=float(halves[row].max()),
            leave_one_out_lift=_ratio(n[-1, row], one_out[:, row].max()),
            weakest=items[weakest[row]],
            independence_lift=_ratio(n[-1, row], by_chance[row]),
            p_value=float(p_values[row]) if n[0, row] else 1.0,
            stability=float((halves[row] >= retest_lift).mean()),
            implied=_find_implied(n[:, row], items),
        )
        for row, items in enumerate(sets)
    ]


def _ratio(n: float, by_chance: float) -> float:
    return float(n / by_chance) if by_chance else 0.0


def _find_implied(n: np.ndarray, items: Sequence[int]) -> int | None:
    """Return the part that another part implies the most, where it does and the parts are three or more."""
    pairs = [(a, b) for a in range(len(items)) for b in range(len(items)) if a != b and n[1 << a]]
    if len(items) < 3 or not pairs:
        return None
    share, implied = max((n[1 << a | 1 << b] / n[1 << a], -b) for a, b in pairs)
    return int(items[-implied]) if share >= IMPLIED else None


def correct_p_values(p_values: Sequence[float], n_tests: int) -> np.ndarray:
    """Return Benjamini-Hochberg q-values of the smallest of ``n_tests`` p-values.

    Parameters
    ----------
    p_values : sequence of float
    n_tests : int
        The whole family; those that are not given count as 1.

    Examples
    --------
    >>> [round(float(q), 3) for q in correct_p_values([0.001, 0.02, 0.004], 10)]
    [0.01, 0.067, 0.02]
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    q = p[order] * max(n_tests, len(p)) / np.arange(1, len(p) + 1)
    out = np.empty(len(p))
    out[order] = np.minimum(np.minimum.accumulate(q[::-1])[::-1], 1.0)
    return out
