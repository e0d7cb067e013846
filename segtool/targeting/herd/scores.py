"""Who goes first, whom others follow, and who waits, each against what shuffled times would give."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from segtool.pooling import paule_mandel
from segtool.targeting.herd.adoptions import Adoptions
from segtool.targeting.herd.shuffles import deal, upper_tail

PRIOR_EVENTS = 0.5  # per week of a user's own mean: a week without an event is unlikely, not impossible
PRIOR_ADOPTIONS = 2.0  # how many adoptions' worth each user is taken to be like its circle
SCORES = ("lead", "follow", "late", "waited")


def score_users(adoptions: Adoptions, lag_days: float, wait_for: int) -> pd.DataFrame:
    """Score every user who takes up things that others in a circle take up, too.

    Parameters
    ----------
    adoptions : Adoptions
    lag_days : float
        Who takes it up within so many days after somebody has followed.
    wait_for : int
        Who takes it up only after so many others of the circle has waited.

    Returns
    -------
    DataFrame
        One row per member with at least one such item: user (position in ``user_ids``), n_items, n_chances (others of the
        circle who took up the same), and for each score of `SCORES` its sum over items as ``<score>_seen``,
        ``<score>_mean``, ``<score>_variance``, ``<score>_third`` and ``<score>_p`` (one-sided; ``early_p``
        besides). ``lead``: others who follow within the lag. ``follow``: items taken up within the lag
        after somebody else. ``late``: place in the order, 0 for the first and 1 for the last of a
        circle. ``waited``: items of which at least ``wait_for`` others came before.
    """
    group = adoptions.group
    rank, size = _places(group)
    pull = _propensity(adoptions, group, rank)
    kept = size > 1
    if not kept.any():
        return pd.DataFrame(columns=["user", "n_items", "n_chances"])
    scores = _slot_scores(group, adoptions.time, rank, size, lag_days, wait_for)
    moments = deal(group[kept], {name: score[kept] for name, score in scores.items()},
                   _chances(adoptions, pull, kept))  # fmt: skip
    user, n_users = adoptions.user[kept], len(adoptions.user_ids)
    key = user.astype(np.int64) * len(adoptions.items) + adoptions.item[kept]
    _, same, times = np.unique(key, return_inverse=True, return_counts=True)
    table = pd.DataFrame(
        {
            "user": np.arange(n_users),
            "n_items": np.bincount(user, minlength=n_users),
            "n_chances": np.bincount(user, size[kept] - 1, n_users).astype(int),
        }
    )
    for name, moment in moments.items():
        sums = moment.by_user(user, n_users, times[same])
        table = table.join(sums.add_prefix(f"{name}_"))
        table[f"{name}_p"] = upper_tail(sums, step=0 if name == "late" else 1)
        if name == "late":
            table["early_p"] = upper_tail(sums.assign(seen=-sums["seen"], mean=-sums["mean"],
                                                      third=-sums["third"]))  # fmt: skip
    return table[table["n_items"] > 0].reset_index(drop=True)


def shrink(seen: np.ndarray, mean: np.ndarray, variance: np.ndarray, size: np.ndarray, confidence: float):
    """Shrink excesses per chance towards none, by as much as they scatter no more than chance makes them.

    Parameters
    ----------
    seen, mean, variance, size : ndarray, shape (n_users,)
        Sums seen and expected, the variance by chance, and the chances.
    confidence : float

    Returns
    -------
    estimate, lo, hi : ndarray, shape (n_users,)
        Excess per chance.

    Notes
    -----
    Excess ``d = (seen - mean) / size ~ N(true, variance / size^2)``, ``true ~ N(0, tau^2)`` with Paule and
    Mandel's ``tau^2``.
    """
    gap, noise = (seen - mean) / size, np.maximum(variance, 1e-9) / size**2
    tau2 = paule_mandel(gap**2, noise)
    weight = tau2 / (tau2 + noise)
    spread = stats.norm.ppf((1 + confidence) / 2) * np.sqrt(weight * noise)
    return weight * gap, weight * gap - spread, weight * gap + spread


def _places(group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rank within the group and its size; groups are sorted by time."""
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    sizes = np.diff(np.r_[starts, len(group)])
    return np.arange(len(group)) - np.repeat(starts, sizes), np.repeat(sizes, sizes)


def _slot_scores(group, time, rank, size, lag: float, wait_for: int) -> dict[str, np.ndarray]:
    """Return what each time is worth to whoever is dealt it."""
    span = float(time.max() - time.min()) + 2 * lag + 1
    line = np.unique(group, return_inverse=True)[1] * span + (time - time.min())
    # On one line, groups further apart than any lag; equal times are neither before nor after.
    low, high = np.searchsorted(line, line, side="left"), np.searchsorted(line, line, side="right")
    after = np.searchsorted(line, line + lag, side="right") - high
    recent = low - np.searchsorted(line, line - lag, side="left")
    start = np.arange(len(time)) - rank
    before, later = low - start, start + size - high
    ties = high - low - 1
    return {
        "lead": after.astype(float),
        "follow": (recent > 0).astype(float),
        "late": (before + ties / 2) / np.maximum(before + ties + later, 1),
        "waited": (before >= wait_for).astype(float),
    }


def _propensity(adoptions: Adoptions, group: np.ndarray, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return of each adoption the hazard cumulated until then, and how eager its user is for such items.

    Who takes up much comes early wherever it comes at all, without leading anybody: the later a time, the
    less likely that such a user had not come before. Eager is relative to the circle, for all items, and
    for those of the same topic drawn towards that.
    """
    left = np.maximum(adoptions.circle_sizes[adoptions.circle] - rank, 1)
    total = np.cumsum(1.0 / left)
    start = np.arange(len(group)) - rank
    hazard = total - total[start] + 1.0 / left[start]
    ends = np.r_[group[1:] != group[:-1], True]
    last = hazard[ends][np.cumsum(np.r_[False, ends[:-1]])]
    topic = adoptions.topic[adoptions.item]
    whole = _eagerness(adoptions, np.zeros_like(topic), hazard, last, ends, np.ones(len(group)))
    return hazard, _eagerness(adoptions, topic, hazard, last, ends, whole)


def _eagerness(adoptions: Adoptions, topic, hazard, last, ends, prior: np.ndarray) -> np.ndarray:
    """Return adoptions over those a member like its circle would have had, per user and topic."""
    n_topics = int(topic.max()) + 1
    offered = np.zeros((len(adoptions.circles), n_topics))
    np.add.at(offered, (adoptions.circle[ends], topic[ends]), hazard[ends])
    key, back, n = np.unique(adoptions.user * n_topics + topic, return_inverse=True, return_counts=True)
    saved = np.bincount(back, last - hazard)
    in_circle = np.unique(adoptions.user.astype(np.int64) * len(offered) + adoptions.circle)
    member, circle = in_circle // len(offered), in_circle % len(offered)
    by_user = pd.DataFrame(offered[circle]).groupby(member).sum()
    exposure = by_user.to_numpy()[by_user.index.get_indexer(key // n_topics), key % n_topics] - saved
    drawn = prior[np.unique(back, return_index=True)[1]]
    return ((n + PRIOR_ADOPTIONS * drawn) / (np.maximum(exposure, 0) + PRIOR_ADOPTIONS))[back]


def _chances(adoptions: Adoptions, pull, kept: np.ndarray):
    """Return the function from adoptions to log chances of each user for each time."""
    hazard, eager = pull[0][kept], pull[1][kept]
    user, time = adoptions.user[kept], adoptions.time[kept]
    activity = _smooth(adoptions.activity)
    week = ((time - adoptions.first_week) // 7).astype(int).clip(0, activity.shape[1] - 1)

    def log_chance(rows: np.ndarray) -> np.ndarray:
        who, when = user[rows][:, :, None], week[rows][:, None, :]
        return activity[who, when] - eager[rows][:, :, None] * hazard[rows][:, None, :]

    return log_chance


def _smooth(counts: np.ndarray) -> np.ndarray:
    """Return the log of each user's activity a week, drawn towards its own mean and everybody's season."""
    padded = np.pad(counts, ((0, 0), (1, 1)), mode="edge")
    smooth = 0.25 * padded[:, :-2] + 0.5 * padded[:, 1:-1] + 0.25 * padded[:, 2:]
    season = smooth.sum(axis=0)
    season = season / season.mean() if season.sum() else np.ones_like(season)
    mean = np.maximum(counts.mean(axis=1, keepdims=True), 1e-3)
    return np.log(smooth + PRIOR_EVENTS * mean * np.maximum(season, 0.05))
