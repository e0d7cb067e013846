"""How alike older and newer personas are: by the users of today both models place, and by profile.

A refit numbers its personas anew, so numbers say nothing (label switching). What can be compared
is where two models put the same people; the older model, read from its file, places today's users
as well as the newer one does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from segtool.personas.encode import LabelTable
from segtool.personas.portrait.portray import count_values


@dataclass(frozen=True)
class Comparison:
    """Two sets of personas over the same users.

    Parameters
    ----------
    counts : np.ndarray of shape (n_before, n_after)
        Users of today by the persona the older and the newer model give them.
    profile_distance : np.ndarray of shape (n_before, n_after)
        Jensen-Shannon distance of their labels, 0 to 1.
    retention : np.ndarray of shape (n_before,)
        Share of users whom the older model places there today, over the share it had.
    strange : np.ndarray of shape (n_after,)
        Share of users who are stranger than 19 of 20 users of their older persona should be; NaN
        where the older model cannot say.
    """

    counts: np.ndarray
    profile_distance: np.ndarray
    retention: np.ndarray
    strange: np.ndarray

    @property
    def overlap(self) -> np.ndarray:
        """Jaccard overlap of each pair."""
        return jaccard(self.counts)

    @property
    def similarity(self) -> np.ndarray:
        """Half of it overlap, half likeness of profile; 0 to 1."""
        return (self.overlap + 1 - self.profile_distance) / 2

    @property
    def share_of_before(self) -> np.ndarray:
        """Of the users the older model places in a persona, the share in each newer one."""
        return self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)

    @property
    def share_of_after(self) -> np.ndarray:
        """Of the users of a newer persona, the share in each older one."""
        return self.counts / np.maximum(self.counts.sum(axis=0, keepdims=True), 1)


def cross(one: np.ndarray, other: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Count users by two codes.

    Examples
    --------
    >>> cross(np.array([0, 0, 1]), np.array([1, 1, 0]), (2, 2)).tolist()
    [[0, 2], [1, 0]]
    """
    return np.bincount(one * shape[1] + other, minlength=shape[0] * shape[1]).reshape(shape)


def jaccard(counts: np.ndarray) -> np.ndarray:
    """Return common over united users of each pair.

    Examples
    --------
    >>> jaccard(np.array([[30.0, 0.0], [10.0, 10.0]])).round(2).tolist()
    [[0.75, 0.0], [0.2, 0.5]]
    """
    united = counts.sum(axis=1, keepdims=True) + counts.sum(axis=0) - counts
    return counts / np.maximum(united, 1)


def profile_distances(
    table: LabelTable,
    labels: Sequence[str],
    one: np.ndarray,
    other: np.ndarray,
    shape: tuple[int, int],
) -> np.ndarray:
    """Return how different the labels of two sets of personas are, 0 to 1.

    Parameters
    ----------
    table : LabelTable
    labels : sequence of str
        Those that form personas.
    one, other : np.ndarray of int, shape (n_users,)
        Persona of each user in either set, from 0.
    shape : (int, int)
        Numbers of personas.

    Returns
    -------
    np.ndarray of shape ``shape``

    Notes
    -----
    The mean over labels of the Jensen-Shannon distance (root of the divergence in bits), each
    label weighted by how far it sets the personas of the first set apart. Unweighted, ten labels of
    noise make any two personas look alike: strangers were 0.2 apart then, and are 0.45 so.

    References
    ----------
    Endres, Schindelin (2003), A new metric for probability distributions,
    https://doi.org/10.1109/TIT.2003.813506.
    """
    total, weight = np.zeros(shape), 0.0
    apart = ~np.eye(shape[0], dtype=bool)
    for label in labels:
        left, right = (_shares(table, label, codes, n) for codes, n in zip((one, other), shape, strict=True))
        tells = float(_distances(left, left)[apart].mean()) if shape[0] > 1 else 1.0
        total += tells * _distances(left, right)
        weight += tells
    return total / max(weight, 1e-12)


def _shares(table: LabelTable, label: str, codes: np.ndarray, n_groups: int) -> np.ndarray:
    """Return shares of values, shape (n_parts, n_groups, n_values); a many-valued label has a part per value."""
    ((_, _, counts, known),) = count_values(table, [label], codes, n_groups)
    base = counts.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    share = (counts + base) / (known + 1)  # one user who is like everybody: a group of none has no profile
    return np.stack([share.T, 1 - share.T], axis=2) if table.infos[label].kind == "many" else share[None]


def _distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return Jensen-Shannon distances of all groups of two sets, averaged over the parts of a label."""
    p, q = one[:, :, None, :], other[:, None, :, :]
    middle = np.maximum((p + q) / 2, 1e-300)
    divergence = sum(
        (side * np.log2(np.maximum(side, 1e-300) / middle)).sum(axis=3) for side in np.broadcast_arrays(p, q)
    )
    return np.sqrt(np.maximum(divergence / 2, 0)).mean(axis=0)
