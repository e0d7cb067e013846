"""How the talk of a group is shared among its voices."""

from __future__ import annotations

import numpy as np

from segtool.community.health.intervals import day_shares
from segtool.community.health.said import Said


def count_voices(said: Said, now: np.ndarray) -> dict[str, np.ndarray]:
    """Return who holds how much of the talk in the window.

    Parameters
    ----------
    said : Said
    now : ndarray of bool, shape (n_said,)

    Returns
    -------
    dict of ndarray, shape (n_groups,)
        n_speakers; n_writers (who wrote at any time on record); top1 and top3 (shares of messages of the
        loudest, with ``_n`` and ``_worth``); gini (of messages among those who wrote); absence_factor (fewest
        people who wrote half of the messages).

    References
    ----------
    CHAOSS, Contributor absence factor (formerly bus factor), https://chaoss.community.
    """
    n_groups = said.n_groups
    n_users = int(said.user.max(initial=0)) + 1
    key, inverse, count = np.unique(
        said.group[now] * n_users + said.user[now], return_inverse=True, return_counts=True
    )
    group = key // n_users
    order = np.lexsort((key, -count, group))  # within a group the loudest first, ties by user
    speakers = np.bincount(group, minlength=n_groups)
    start = np.cumsum(speakers) - speakers
    rank = np.empty(len(key), dtype=np.int64)
    rank[order] = np.arange(len(key)) - start[group[order]]
    ranked = count[order].astype(float)
    home, place = group[order], rank[order]
    running = np.cumsum(ranked)
    before = np.concatenate([[0.0], running])[start]
    total = np.bincount(home, ranked, n_groups)
    within = running - before[home]
    half = within >= total[home] / 2
    absence = np.full(n_groups, np.inf)
    np.minimum.at(absence, home[half], place[half] + 1)
    # Gini from ranks that run from the loudest down.
    weighted = np.bincount(home, (place + 1) * ranked, n_groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        gini = (speakers + 1 - 2 * weighted / total) / speakers
    found = {
        "n_speakers": speakers,
        "n_writers": np.bincount(np.unique(said.group * n_users + said.user) // n_users, minlength=n_groups),
        "gini": np.where(speakers > 0, np.maximum(gini, 0.0), np.nan),
        "absence_factor": np.where(np.isfinite(absence), absence, np.nan),
    }
    of_row = rank[inverse]
    for name, top in (("top1", 1), ("top3", 3)):
        share, n, worth = day_shares(
            (of_row < top).astype(float), np.ones(len(of_row)), said.group[now], said.cell[now], n_groups
        )
        found |= {name: share, f"{name}_n": n, f"{name}_worth": worth}
    return found
