"""Can so many people be put into parts within bounds, and one way to do it where some must stay together."""

from __future__ import annotations

import numpy as np

from segtool.errors import ParameterError

MILP_NODES = 2_000  # a count, not seconds: the same answer on a slow machine
MAX_COUNTS = 60  # numbers of parts that are tried before the exact search


def part_counts(n: int, lower: int, upper: int) -> tuple[int, int]:
    """Return the fewest and the most parts of ``lower`` to ``upper`` that ``n`` people can fill.

    Examples
    --------
    >>> part_counts(268, 30, 150)
    (2, 8)
    """
    return -(-n // upper), n // max(lower, 1)


def check_bounds(n: int, lower: int, upper: int) -> None:
    """Refuse bounds that no split of ``n`` people can hold.

    Raises
    ------
    ParameterError
        Says which bounds would do.
    """
    fewest, most = part_counts(n, lower, upper)
    if not n or fewest <= most:
        return
    if n < lower:
        ways = f"lower up to {n}"
    else:  # more parts fall short of lower, fewer run over upper
        ways = f"lower up to {n // fewest} ({fewest} parts), or upper from {-(-n // most)} ({most} parts)"
    raise ParameterError(
        f"{n} people cannot be split into parts of {lower} to {upper}.",
        f"for {n} people: {ways}.",
        "widen one of the two bounds.",
    )


def pack_blocks(sizes: np.ndarray, lower: int, upper: int) -> np.ndarray | None:
    """Return a part for each block so that every part holds ``lower`` to ``upper`` people, or None.

    Blocks are people who must stay together. Largest first into the emptiest part that takes it is tried
    for many numbers of parts; where it fails an integer programme decides (bin packing with two bounds).

    Parameters
    ----------
    sizes : ndarray of int, shape (n_blocks,)
    lower, upper : int

    Returns
    -------
    ndarray of int, shape (n_blocks,), or None

    Examples
    --------
    >>> pack_blocks([3, 3, 2, 2, 2], 6, 6).tolist()
    [0, 0, 1, 1, 1]
    >>> pack_blocks([4, 4, 4], 5, 8) is None
    True
    """
    sizes = np.asarray(sizes, dtype=np.int64)
    fewest, most = part_counts(int(sizes.sum()), lower, upper)
    if fewest > most or (len(sizes) and sizes.max() > upper):
        return None
    if len(sizes) and sizes.max() == 1:
        return np.arange(len(sizes)) % fewest
    for n_parts in np.unique(np.linspace(fewest, most, MAX_COUNTS).astype(int)):
        for emptiest in (True, False):
            part = _pack_greedily(sizes, int(n_parts), lower, upper, emptiest)
            if part is not None:
                return part
    return _pack_exactly(sizes, most, lower, upper)


def _pack_greedily(sizes, n_parts: int, lower: int, upper: int, emptiest: bool) -> np.ndarray | None:
    """Put the largest blocks first into the emptiest or the fullest part with room."""
    filled = np.zeros(n_parts, dtype=np.int64)
    part = np.empty(len(sizes), dtype=np.int64)
    for block in np.argsort(-sizes, kind="stable"):
        room = filled + sizes[block] <= upper
        if not room.any():
            return None
        order = filled if emptiest else -filled
        part[block] = into = int(np.where(room, order, np.iinfo(np.int64).max).argmin())
        filled[into] += sizes[block]
    return part if (filled >= lower).all() else None


def _pack_exactly(sizes, most: int, lower: int, upper: int) -> np.ndarray | None:
    """Decide by an integer programme over how many blocks of each size every part takes."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    kinds, counts = np.unique(sizes, return_counts=True)
    n_kinds = len(kinds)
    used = n_kinds * most  # the last `most` unknowns say whether a part is used
    every = np.zeros((n_kinds, used + most))
    for kind in range(n_kinds):
        every[kind, kind * most : (kind + 1) * most] = 1
    fill = np.hstack([np.eye(most) * size for size in kinds])
    at_least = np.hstack([fill, -lower * np.eye(most)])
    at_most = np.hstack([fill, -upper * np.eye(most)])
    found = milp(
        np.zeros(used + most),
        integrality=np.ones(used + most),
        bounds=Bounds(0, np.r_[np.repeat(counts, most), np.ones(most)]),
        constraints=[
            LinearConstraint(every, counts, counts),
            LinearConstraint(at_least, 0, np.inf),
            LinearConstraint(at_most, -np.inf, 0),
        ],
        options={"node_limit": MILP_NODES},
    )
    if found.x is None:
        return None
    taken = np.rint(found.x[:used]).astype(int).reshape(n_kinds, most)
    part = np.empty(len(sizes), dtype=np.int64)
    for kind, size in enumerate(kinds):
        part[np.flatnonzero(sizes == size)] = np.repeat(np.arange(most), taken[kind])
    return np.unique(part, return_inverse=True)[1]
