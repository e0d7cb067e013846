"""Is there anything to segment? Labels that go together, against the same labels dealt at random.

Personas exist only where labels go together. So the question is put before any is sought: each label
is shuffled among the users of whom it is known, which keeps how often each value occurs and who is
known of what, and takes away what labels have to do with each other. The strength of the strongest
common axis of the labels is measured in the table as it is and in many such tables. If chance brings
axes as strong, there is nothing to segment.

References
----------
Horn (1965), A rationale and test for the number of factors in factor analysis,
https://doi.org/10.1007/BF02289447. Buja, Eyuboglu (1992), Remarks on parallel analysis,
https://doi.org/10.1207/s15327906mbr2704_2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segtool.labels.frames import MANY_SEPARATOR
from segtool.personas.latent.starts import block_coordinates
from segtool.personas.table.design import Rows

N_SHUFFLES = 99  # the smallest share of tables as strong that can then be seen is 1 in 100
MAX_SHARE = 0.01
MAX_STRUCTURE_USERS = 5_000
MAX_AXES = 12
STRUCTURE_SEED = 104_729


@dataclass(frozen=True)
class Structure:
    """How far labels go together, against tables in which they do not.

    Parameters
    ----------
    strength : float
        Variance along the strongest common axis, relative to its mean in shuffled tables; 1 is chance.
    most_by_chance : float
        The largest of that in a shuffled table.
    p_value : float
        Share of tables at least as strong, this one counted: (1 + as strong) / (1 + shuffles).
    n_axes : int
        Leading axes stronger than in 95 % of the shuffled tables.
    n_shuffles : int
    n_users, n_labels : int
        Users looked at, a sample of them if they are many; labels that were shuffled.
    """

    strength: float
    most_by_chance: float
    p_value: float
    n_axes: int
    n_shuffles: int
    n_users: int
    n_labels: int

    @property
    def exists(self) -> bool:
        """Whether no more than 1 in 100 structureless tables has an axis as strong."""
        return self.p_value <= MAX_SHARE

    def in_words(self) -> str:
        """Say it to somebody who wants to know whether to segment at all.

        Examples
        --------
        >>> Structure(1.02, 1.1, 0.4, 0, 99, 800, 24).in_words()
        'the labels do not go together: of 99 tables in which each of the 24 labels was shuffled among \
the users, 39 show a common pattern as strong as this one'
        """
        if self.n_labels < 2:
            return "personas need at least two labels that can go together"
        as_strong = round(self.p_value * (1 + self.n_shuffles)) - 1
        if not self.exists:
            return (
                f"the labels do not go together: of {self.n_shuffles} tables in which each of the "
                f"{self.n_labels} labels was shuffled among the users, {as_strong} show a common pattern as "
                "strong as this one"
            )
        return (
            f"labels go together: their strongest common pattern is {self.strength:.1f} times as strong as "
            f"when each of the {self.n_labels} labels is shuffled among the users (at most "
            f"{self.most_by_chance:.1f} times in {self.n_shuffles} shuffles)"
        )


def measure_structure(
    rows: Rows, blocks: Sequence[int] | None = None, *, seed: int = 0, n_shuffles: int = N_SHUFFLES
) -> Structure:
    """Compare the strongest common axis of the labels with that of tables shuffled label by label.

    Parameters
    ----------
    rows : Rows
        Distinct users in canonical order, so that the same users give the same answer.
    blocks : sequence of int of length n_columns, optional
        Columns of the same number are one label, such as the values of a many-valued one, and are
        shuffled together. By default each column is a label.
    seed : int
    n_shuffles : int

    Returns
    -------
    Structure

    Notes
    -----
    Columns are scaled to equal spread times their weight, so that eight near-copies that share the
    weight of one label are no axis. A shuffle deals cells among users of whom the same columns of
    the label are known: what is missing stays missing, and says nothing.
    """
    users = expand_users(rows, MAX_STRUCTURE_USERS)
    deals = list_deals(users, blocks)
    if len(deals) < 2:
        return Structure(1.0, 1.0, 1.0, 0, n_shuffles, len(users), len(deals))
    points = block_coordinates(users)
    rng = np.random.default_rng((seed, STRUCTURE_SEED))
    basis = rng.standard_normal((points.shape[1], min(MAX_AXES + 4, points.shape[1]))).astype(np.float32)
    found = axis_strengths(points, basis)
    chance = np.array([axis_strengths(shuffle(points, deals, rng), basis) for _ in range(n_shuffles)])
    mean = max(float(chance[:, 0].mean()), 1e-12)
    beyond = found > np.quantile(chance, 0.95, axis=0)
    n_axes = len(beyond) if beyond.all() else int(np.argmin(beyond))
    p_value = (1 + int((chance[:, 0] >= found[0]).sum())) / (1 + n_shuffles)
    return Structure(
        strength=float(found[0]) / mean,
        most_by_chance=float(chance[:, 0].max()) / mean,
        p_value=p_value,
        n_axes=n_axes,
        n_shuffles=n_shuffles,
        n_users=len(users),
        n_labels=len(deals),
    )


def group_columns(names: Sequence[Any]) -> list[int]:
    """Return the same number for columns that are values of one many-valued label.

    Examples
    --------
    >>> group_columns(["age", "likes: tea", "likes: milk", 7])
    [0, 1, 1, 2]
    """
    labels = [name.partition(MANY_SEPARATOR)[0] if isinstance(name, str) else name for name in names]
    place = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    return [place[label] for label in labels]


def expand_users(rows: Rows, most: int) -> Rows:
    """Return one row per user, a row of weight 6 six times, or ``most`` of them in even steps.

    Cells are dealt to users one by one; dealt to distinct rows, a cell that six users share would
    be given to one of them or to six, and the frequencies would not stay what they are.
    """
    n = int(min(max(round(rows.total), 1), most))
    met = np.searchsorted(np.cumsum(rows.weights), (np.arange(n) + 0.5) * rows.total / n, side="right")
    return rows.take(np.minimum(met, len(rows) - 1), np.ones(n))


@dataclass(frozen=True)
class Deal:
    """One label: where its cells lie, and the groups of users they are dealt among."""

    columns: np.ndarray
    users: tuple[np.ndarray, ...]


def list_deals(rows: Rows, blocks: Sequence[int] | None) -> list[Deal]:
    """Return how each label is shuffled: its coordinates, and users known of in the same columns."""
    layout = rows.layout
    n_columns = len(layout.weights)
    label = np.arange(n_columns) if blocks is None else np.asarray(blocks)
    known = np.zeros((len(rows), n_columns), dtype=bool)
    known[:, list(layout.number_of)] = ~np.isnan(rows.prepared.numbers)
    known[:, list(layout.level_of)] = rows.prepared.codes >= 0  # of a hurdle, zero is known too
    owner = label[layout.column_of_part]
    owner = np.concatenate([owner[: layout.n_numbers], owner[layout.n_numbers :][layout.part_of_onehot]])
    deals = []
    for one in np.unique(label):
        _, pattern = np.unique(known[:, label == one], axis=0, return_inverse=True)
        pattern = np.where(known[:, label == one].any(axis=1), pattern.ravel(), -1)
        groups = tuple(np.flatnonzero(pattern == p) for p in np.unique(pattern[pattern >= 0]))
        if len(columns := np.flatnonzero(owner == one)):
            deals.append(Deal(columns, groups))
    return deals


def shuffle(points: np.ndarray, deals: Sequence[Deal], rng: np.random.Generator) -> np.ndarray:
    """Deal the cells of each label anew among the users it is known of."""
    dealt = points.copy()
    for deal in deals:
        for users in deal.users:
            dealt[np.ix_(users, deal.columns)] = points[np.ix_(rng.permutation(users), deal.columns)]
    return dealt


def axis_strengths(points: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Return the variances along the leading axes, largest first, by subspace iteration.

    Few iterations leave them a little low, in this table and in the shuffled ones alike.
    """
    for _ in range(4):
        basis, _ = np.linalg.qr(points.T @ (points @ basis))
    values = np.linalg.svd(points @ basis, compute_uv=False)[:MAX_AXES]
    return values.astype(np.float64) ** 2 / len(points)
