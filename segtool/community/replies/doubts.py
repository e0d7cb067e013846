"""Where the probabilities of inferred links say too much: slow chats, and stamps that leave the order open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FAR_SECONDS = 1800  # of the annotated links that segtool's coefficients come from, 1 in 100 reaches further
MANY_FAR = 0.2
# In simulated slow chats (simulate_circle, seeds 501 to 504) 13.8 % of 4,867 links were right where 57.4 % were
# claimed, whatever the probability and however far the link reached.
SLOW = 0.24
PRIOR_LINKS = 10  # of the whole talk, added to those of a group: one far link of two makes no slow chat
MANY_SAME = 0.05  # of messages with the stamp of the one before; fewer are left alone
# Annotated chats with stamps by the minute, ids drawn by chance: of the links to a line of the same minute 16 % were
# right where 61 % were claimed, of those from or to such a minute 35 % of 63 %.
SAME, BESIDE_SAME = 0.27, 0.55
LEAST_PAIRS = 20  # of messages, to tell whether ids follow time
IDS_SQL = """
    SELECT count(*) AS n, sum(CASE WHEN message_id > id_before THEN 1 ELSE 0 END) AS n_up
    FROM (
        SELECT message_id, age_days,
            lag(message_id) OVER (PARTITION BY group_id ORDER BY age_days DESC, message_id) AS id_before,
            lag(age_days) OVER (PARTITION BY group_id ORDER BY age_days DESC, message_id) AS age_before
        FROM messages
    ) AS lined
    WHERE age_before > age_days
"""


@dataclass(frozen=True, eq=False)
class Doubts:
    """What is left of the probability of each link, and why.

    Parameters
    ----------
    factor : ndarray of float, shape (n_links,)
    far : float
        Share of links that reach back over half an hour.
    n_slow : int
        Links in groups where more than a fifth do.
    same : float
        Share of messages with the stamp of the one before.
    n_same : int
        Links that hang on an order which neither stamps nor ids tell.
    """

    factor: np.ndarray
    far: float
    n_slow: int
    same: float
    n_same: int


def doubt_links(group: np.ndarray, second: np.ndarray, row: np.ndarray, to: np.ndarray, talk) -> Doubts:
    """Say by how much the probabilities of links are to be lowered.

    Parameters
    ----------
    group, second : ndarray of int, shape (n,)
        Of all messages of people, in order.
    row, to : ndarray of int, shape (n_links,)
        The messages that answer, and those answered.
    talk : Talk
    """
    if not len(row):
        return Doubts(np.ones(0), 0.0, 0, 0.0, 0)
    reaches = second[row] - second[to] > FAR_SECONDS
    far = float(reaches.mean())
    n_far, n_links = np.bincount(group[row], reaches), np.bincount(group[row])
    slow = ((n_far + PRIOR_LINKS * far) / (n_links + PRIOR_LINKS) > MANY_FAR)[group[row]]
    factor = np.where(slow, SLOW, 1.0)
    as_before = np.r_[False, (np.diff(second) == 0) & (np.diff(group) == 0)]
    same, n_same = float(as_before.mean()), 0
    if same > MANY_SAME:
        disorder = find_disorder(talk.engine)
        in_run = as_before | np.r_[as_before[1:], False]
        level = second[row] == second[to]
        beside = ~level & (in_run[row] | in_run[to])
        factor = factor * (1 - disorder * np.select([level, beside], [1 - SAME, 1 - BESIDE_SAME], 0.0))
        n_same = int((level | beside).sum()) if disorder > MANY_SAME else 0
    return Doubts(factor, far, int(slow.sum()), same, n_same)


def find_disorder(engine) -> float:
    """Return how little message ids follow time: 0 where they rise with it, 1 where they fall as often as they rise."""
    found = engine.query(IDS_SQL).iloc[0]
    if not found["n"] >= LEAST_PAIRS:
        return 1.0
    return float(np.clip(2 * (1 - found["n_up"] / found["n"]), 0.0, 1.0))
