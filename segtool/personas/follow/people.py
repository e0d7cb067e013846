"""Who moved between two periods, by one and the same model, next to what noise alone would move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.labels.change.shares import wilson
from segtool.personas.encode import LabelTable
from segtool.personas.follow.align import Alignment
from segtool.personas.follow.noise import Cells, expected_moves, moved_share, refit_moves
from segtool.personas.follow.overlap import cross
from segtool.personas.personas import Personas
from segtool.personas.portrait.portray import control_false_discoveries

MOVE_Q = 0.05


@dataclass(frozen=True)
class People:
    """The users of two periods by persona.

    Parameters
    ----------
    counts : np.ndarray of shape (n_before, n_before)
        Users of both periods by the older persona they were in and are in, by the older model.
    expected : np.ndarray of shape (n_before, n_before)
        The same, if nobody had moved: labels alone came out differently.
    refits : np.ndarray of shape (n_before, n_before)
        Users of the older period by persona in one refit and in another: what moves with the model.
    moved : dict of str to float
        seen, expected, moved, low, high, refit: shares of the users of both periods, 0 to 1.
    groups : tuple of int
        Older personas of one number have merged: between them nobody is said to move.
    flows : pd.DataFrame
        then_id, now_by_old_id, now_id, n_users: older persona then, older persona now, newer persona
        now; 0 where the user was not there.
    """

    counts: np.ndarray
    expected: np.ndarray
    refits: np.ndarray
    moved: dict[str, float]
    groups: tuple[int, ...]
    flows: pd.DataFrame

    @property
    def n_stayed(self) -> int:
        """Users of both periods."""
        return int(self.counts.sum())


def count_people(
    before: Personas,
    alignment: Alignment,
    then: LabelTable,
    memberships: np.ndarray,
    now: LabelTable,
    random_state: int,
) -> People:
    """Count who moved, and what would have moved anyway.

    Parameters
    ----------
    before : Personas
        The model that places users at both times.
    alignment : Alignment
        On the users of today.
    then, now : LabelTable
    memberships : np.ndarray of shape (n_users_then, n_before)
        By the older model, then.
    random_state : int
    """
    n = before.n_personas
    rng = np.random.default_rng([abs(int(random_state)), 20_003])
    placed_then = memberships.argmax(axis=1)
    rows_then = then.frame.index.get_indexer(now.frame.index)
    there = rows_then >= 0
    both = now.frame.index[there]
    placed_now = alignment.placed_before.reindex(both).to_numpy() - 1
    groups = _merged_groups(alignment)
    counts = cross(placed_then[rows_then[there]], placed_now, (n, n))
    if len(both) and n > 1:
        cells, today = _encode(before, then), _encode(before, now).take(np.flatnonzero(there))
        expected = expected_moves(before.model, cells.take(rows_then[there]), today, rng)
        refits = refit_moves(before.model, cells, placed_then, rng, n)
        join = np.eye(n)[list(groups)]  # those that merged count as one
        moved = moved_share(
            join.T @ counts @ join, join.T @ expected @ join, memberships[rows_then[there]] @ join
        )
        moved["refit"] = 1 - float(np.trace(refits)) / max(float(refits.sum()), 1.0)
    else:
        expected, refits = np.diag(counts.sum(axis=1)).astype(float), np.eye(n)
        moved = dict.fromkeys(("seen", "expected", "moved", "low", "high", "refit"), float("nan"))
    return People(counts, expected, refits, moved, groups, _flows(then, placed_then, alignment))


def _encode(personas: Personas, table: LabelTable) -> Cells:
    return Cells(personas.encoding.encode(table), personas.encoding.confidences(table))


def _merged_groups(alignment: Alignment) -> tuple[int, ...]:
    """Return for each older persona the first of those it has merged with."""
    events = alignment.events
    groups = list(range(len(events.before)))
    for new, event in enumerate(events.after):
        if event == "merged":
            olds = [old for old, other in events.links if other == new]
            for old in olds:
                groups[old] = groups[olds[0]]
    return tuple(groups)


def _flows(then: LabelTable, placed_then: np.ndarray, alignment: Alignment) -> pd.DataFrame:
    was = pd.Series(placed_then + 1, index=then.frame.index, name="then_id")
    sides = pd.concat(
        [
            was,
            alignment.placed_before.rename("now_by_old_id"),
            alignment.placed_after.rename("now_id"),
        ],
        axis=1,
    )
    sides = sides.fillna(0).astype(int)
    names = list(sides.columns)
    return sides.groupby(names, sort=True).size().rename("n_users").reset_index()


def list_moves(people: People, names: Mapping[int, str]) -> pd.DataFrame:
    """Return one row per way from an older persona to an older persona that anybody took."""
    counts, n_from = people.counts, people.counts.sum(axis=1)
    refits = people.refits / np.maximum(people.refits.sum(axis=1, keepdims=True), 1) * n_from[:, None]
    old, new = np.nonzero(counts)
    n, noise = counts[old, new].astype(float), people.expected[old, new]
    z = (n - noise) / np.sqrt(2 * noise + 1)  # both are counts with an error of their own
    groups = np.asarray(people.groups)
    moved = groups[old] != groups[new]
    q = np.full(len(old), np.nan)
    q[moved] = control_false_discoveries(z[moved]) if moved.any() else []
    beyond = moved & (z > 0) & (q <= MOVE_Q) & (n > refits[old, new])
    return pd.DataFrame(
        {
            "from_id": old + 1,
            "from": [names[number + 1] for number in old.tolist()],
            "to_id": new + 1,
            "to": [names[number + 1] for number in new.tolist()],
            "n_users": counts[old, new],
            "n_from": n_from[old],
            "share": counts[old, new] / np.maximum(n_from[old], 1),
            "n_noise": noise.round(1),
            "n_refit": refits[old, new].round(1),
            "q_value": q,
            "more_than_noise": beyond,
        }
    )


def list_turnover(flows: pd.DataFrame, side: str, names: Mapping[int, str]) -> pd.DataFrame:
    """Return who came or left: one row per persona, with the users of that time.

    Parameters
    ----------
    flows : pd.DataFrame
        As in `People`.
    side : {"came", "left"}
        Came: by newer persona. Left: by older one.
    names : Mapping of int to str
    """
    persona, other = ("now_id", "then_id") if side == "came" else ("then_id", "now_id")
    there = flows[flows[persona] > 0]
    total = there.groupby(persona)["n_users"].sum()
    gone = there[there[other] == 0].groupby(persona)["n_users"].sum().reindex(total.index, fill_value=0)
    share, low, high = wilson(gone, total)
    return pd.DataFrame(
        {
            "persona_id": total.index.to_numpy(),
            "persona": [names[number] for number in total.index.tolist()],
            "n_users": total.to_numpy(),
            f"n_{side}": gone.to_numpy(),
            f"share_{side}": share,
            "low": low,
            "high": high,
        }
    )
