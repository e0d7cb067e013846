"""Whether an activity turned the talk to its topic: the topic's share before, during and after."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from segtool.community.activities.effects import spans
from segtool.community.activities.panel import BEFORE, Panel

LEAST_MESSAGES = 10  # with a topic, below which a share says nothing
USUAL_ALIKE = 0.4  # correlation of topics within a conversation, where it cannot be measured
BREAK_SECONDS = 1_800


def measure_steering(talk, panel: Panel, base_days: int, level: float) -> pd.DataFrame:
    """Return the share of an activity's topic among messages with a topic, before, during and after.

    Returns
    -------
    DataFrame
        One row per row of ``panel.plans``: share_before, n_before, share_during, n_during, share_after,
        n_after, steer, steer_lo, steer_hi (during less before, points from -1 to 1), kept, kept_lo,
        kept_hi (after less before). Missing where there is no topic or too little talk.

    Notes
    -----
    Newcombe's interval of a difference of two shares. Messages of one conversation (with no break of half
    an hour) share its topic, so counts are divided by the design effect ``1 + (m - 1) rho``: ``m`` messages
    in the conversation of a message, ``rho`` how much more than by chance the share of the group's commonest
    topic scatters from one conversation to the next (Kish 1965).
    """
    plans = panel.plans
    topic = talk.activities["topic"].to_numpy()[plans["row"].to_numpy()]
    on, n = _topic_days(talk, panel, topic)
    known = panel.known["messages"][plans["group"].to_numpy()]
    quiet, alone = known & panel.untouched, known & panel.alone
    alike, squares = _conversations(talk, panel)
    day = np.arange(panel.n_days)
    first = plans["first"].to_numpy()[:, None]
    masks = {"before": (day >= first - BEFORE - base_days) & (day < first - BEFORE) & quiet}
    for name, window, free in (("during", "during", alone), ("after", "after", quiet)):
        low, high = (np.asarray(edge)[:, None] for edge in spans(plans, panel.n_days)[window])
        masks[name] = (day >= low) & (day < high) & free & ((high <= panel.n_days) | (name == "during"))
    table, counts = {}, {}
    for name, mask in masks.items():
        total = (n * mask).sum(axis=1)
        size = (squares * mask).sum(axis=1) / np.maximum(total, 1)
        counts[name] = total / (1 + np.maximum(size - 1, 0) * alike)
        enough = (total >= LEAST_MESSAGES) & (topic >= 0)
        share = np.where(enough, (on * mask).sum(axis=1) / np.maximum(total, 1), np.nan)
        table |= {f"share_{name}": share, f"n_{name}": total.astype(np.int64)}
    for name, window in (("steer", "during"), ("kept", "after")):
        lo, hi = newcombe(table[f"share_{window}"], counts[window], table["share_before"], counts["before"],
                          level)  # fmt: skip
        table |= {name: table[f"share_{window}"] - table["share_before"], f"{name}_lo": lo, f"{name}_hi": hi}
    return pd.DataFrame(table)


def _conversations(talk, panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Return how alike in topic the messages of a conversation are, and sums of squared sizes by day.

    Returns
    -------
    tuple of ndarray
        rho of shape (n_plans,), and sums of the squared sizes of the day's conversations (n_plans, n_days).
    """
    keep = talk.by_people & (talk.messages["day"] < 0).to_numpy() & (talk.messages["topic"] >= 0).to_numpy()
    said = talk.messages[keep]
    group, second = said["group"].to_numpy(np.int64), said["second"].to_numpy()
    opens = np.r_[True, (np.diff(group) != 0) | (np.diff(second) > BREAK_SECONDS)][: len(said)]
    talk_of = np.cumsum(opens) - 1
    n_groups, n_topics = len(talk.group_ids), max(len(talk.topics), 1)
    cell = group * n_topics + said["topic"].to_numpy()
    counts = np.bincount(cell, minlength=n_groups * n_topics).reshape(n_groups, n_topics)
    share = counts.max(axis=1) / np.maximum(counts.sum(axis=1), 1)
    size = np.bincount(talk_of).astype(float)
    on = np.bincount(talk_of, said["topic"].to_numpy() == counts.argmax(axis=1)[group], minlength=len(size))
    at, day = group[opens], said["day"].to_numpy()[opens] - panel.first_day
    sums = [
        np.bincount(at, values, minlength=n_groups)
        for values in (
            (on - size * share[at]) ** 2,
            size * (share * (1 - share))[at],
            size**2,
            size,
            size > 0,
        )
    ]
    deff = np.divide(sums[0], sums[1], out=np.ones(n_groups), where=sums[1] > 0)
    mean = np.divide(sums[2], sums[3], out=np.ones(n_groups), where=sums[3] > 0)
    own = np.clip((deff - 1) / np.maximum(mean - 1, 0.5), 0, 1)
    rho = (own * sums[4] + USUAL_ALIKE * 20) / (sums[4] + 20)
    squares = np.bincount(at * panel.n_days + day, size**2, minlength=n_groups * panel.n_days)
    plan_group = panel.plans["group"].to_numpy()
    return rho[plan_group], squares.reshape(n_groups, panel.n_days)[plan_group]


def _topic_days(talk, panel: Panel, topic: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count messages on each activity's topic, and with any topic, by day: (n_plans, n_days) each."""
    keep = talk.by_people & (talk.messages["day"] < 0).to_numpy() & (talk.messages["topic"] >= 0).to_numpy()
    said = talk.messages[keep]
    group = panel.plans["group"].to_numpy()
    n_days, n_groups = panel.n_days, len(talk.group_ids)
    cell = said["group"].to_numpy(np.int64) * n_days + said["day"].to_numpy() - panel.first_day
    n = np.bincount(cell, minlength=n_groups * n_days).reshape(n_groups, n_days)[group].astype(float)
    wanted, place = np.unique(np.column_stack([group, topic]), axis=0, return_inverse=True)
    place = place.ravel()
    n_topics = len(talk.topics) + 1
    keys = wanted[:, 0].astype(np.int64) * n_topics + wanted[:, 1] + 1
    own = said["group"].to_numpy(np.int64) * n_topics + said["topic"].to_numpy() + 1
    at = np.searchsorted(keys, own)
    hit = (
        (at < len(keys)) & (keys[np.minimum(at, len(keys) - 1)] == own)
        if len(keys)
        else np.zeros(len(own), bool)
    )
    on = np.bincount(at[hit] * n_days + (cell % n_days)[hit] if n_days else at[hit],
                     minlength=len(keys) * n_days).reshape(len(keys), n_days)  # fmt: skip
    return on[place].astype(float), n


def newcombe(one, n_one, other, n_other, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the interval of a difference of two shares from their Wilson intervals.

    References
    ----------
    Newcombe 1998, Statistics in Medicine 17: 873-890, method 10.

    Examples
    --------
    >>> lo, hi = newcombe(np.array([0.7]), np.array([80.0]), np.array([0.5857]), np.array([70.0]), 0.95)
    >>> round(float(lo[0]), 2), round(float(hi[0]), 2)
    (-0.04, 0.26)
    """
    z = stats.norm.ppf((1 + level) / 2)
    (low_one, high_one), (low_two, high_two) = (_wilson(p, n, z) for p, n in ((one, n_one), (other, n_other)))
    apart = one - other
    return (
        apart - np.sqrt((one - low_one) ** 2 + (high_two - other) ** 2),
        apart + np.sqrt((high_one - one) ** 2 + (other - low_two) ** 2),
    )


def _wilson(share, n, z: float) -> tuple[np.ndarray, np.ndarray]:
    n = np.maximum(n, 1e-9)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return middle - reach, middle + reach
