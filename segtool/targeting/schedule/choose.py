"""What goes out on each day: topics in turn by how much they are wanted, the freshest item of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtool.targeting.schedule.draws import uniform
from segtool.targeting.schedule.pool import Pool

EXPLORE, WHICH = 1, 2  # salts of the draws


@dataclass
class Drawn:
    """Which sends are for learning, and what was drawn for them.

    Parameters
    ----------
    topic : ndarray of int, shape (n_users, n_sends)
        The topic drawn; -1 where the plan decides.
    chances : ndarray, shape (n_users, n_topics)
        Chance of each topic when one is drawn; 0 where a user refused it.
    share : ndarray, shape (n_users,)
        Of a user's sends that are for learning.
    """

    topic: np.ndarray
    chances: np.ndarray
    share: np.ndarray


def draw_topics(
    keys, chances: np.ndarray, blocked: np.ndarray, share: np.ndarray, n_sends: int, seed: int
) -> Drawn:
    """Decide for each user's first, second, ... send whether it is drawn, and which topic.

    Parameters
    ----------
    keys : ndarray of uint64, shape (n_users,)
    chances : ndarray, shape (n_users, n_topics)
        Of each topic in the user's persona; rows of zeros are never drawn from.
    share : ndarray, shape (n_users,)
        Of each user's sends that are drawn.
    """
    chances = np.where(blocked, 0, chances)
    total = chances.sum(axis=1, keepdims=True)
    chances = np.divide(chances, total, out=np.zeros_like(chances), where=total > 0)
    steps = np.cumsum(chances, axis=1)
    topic = np.full((len(keys), n_sends), -1, dtype=np.int16)
    for number in range(n_sends):
        rows = np.flatnonzero((total[:, 0] > 0) & (uniform(keys, seed, EXPLORE, number) < share))
        at = uniform(keys[rows], seed, WHICH, number) * steps[rows, -1]
        topic[rows, number] = (steps[rows] <= at[:, None]).sum(axis=1)
    return Drawn(topic, chances, share)


@dataclass
class Picked:
    """One entry per send that was filled.

    Parameters
    ----------
    row, day, place : ndarray of int
        User of the batch, day of the plan, place in the pool.
    planned : ndarray of int
        Place of what the plan alone would have sent; another one only where it was drawn.
    explored : ndarray of bool
    propensity : ndarray
        Chance with which this topic goes out on this occasion.
    """

    row: np.ndarray
    day: np.ndarray
    place: np.ndarray
    planned: np.ndarray
    explored: np.ndarray
    propensity: np.ndarray


def fill_days(
    pool: Pool,
    sent: np.ndarray,
    drawn: Drawn | None,
    published: np.ndarray,
    repeat_days: int,
    max_share: float,
    once: np.ndarray | None = None,
) -> Picked:
    """Fill every day with the candidate whose turn it is.

    Parameters
    ----------
    pool : Pool
    sent : ndarray of bool, shape (n_users, n_days)
    published : ndarray of int, shape (n_users, width)
        First day on which each candidate is out.
    once : ndarray of bool, shape (n_users, width), optional
        Candidates whose topic may be sent once at most.

    Notes
    -----
    Turns are by highest averages (Sainte-Laguë): with c sends so far, a topic of weight w stands at
    w / (2 c + 1), so that topics come up in proportion to how much they are wanted. No topic gets more
    than ``max_share`` of the sends the plan decides on, those drawn before counted in, as long as the user
    has topics enough. A draw itself is not held to it: a topic at its share would have no chance of being
    drawn, and what has no chance cannot be judged from the log.
    """
    pool.last = pool.last.copy()
    taken = np.zeros(pool.topic.shape, dtype=np.int16)
    most = _most_per_topic(pool, sent.sum(axis=1), max_share)[:, None]
    most = most if once is None else np.where(once, np.minimum(most, 1), most)
    parts = []
    for number in range(int(sent.sum(axis=1).max(initial=0))):
        rows = np.flatnonzero(sent.sum(axis=1) > number)
        day = _nth_day(sent[rows], number)
        parts.append(_fill_once(pool, taken, most, rows, day, number, drawn, published, repeat_days))
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else _nothing()
    return Picked(*joined)


def _nothing() -> list[np.ndarray]:
    kinds = (int, int, int, int, bool, float)
    return [np.zeros(0, dtype=kind) for kind in kinds]


def _nth_day(sent: np.ndarray, number: int) -> np.ndarray:
    return np.argmax(np.cumsum(sent, axis=1, dtype=np.int16) == number + 1, axis=1)


def _fill_once(pool, taken, most, rows, day, number, drawn: Drawn | None, published, repeat_days):
    topic, last = pool.topic[rows], pool.last[rows]
    ready = (published[rows] <= day[:, None]) & (day[:, None] - last >= repeat_days)
    # Of a topic without content it is not known that what is written about it would be the same.
    fits = (topic >= 0) & (ready | (pool.item[rows] < 0))
    turn = pool.weight[rows] / (2 * taken[rows] + 1)
    may = fits & (taken[rows] < most[rows]) & (pool.weight[rows] > 0)
    place, filled = _first_best(turn, may)
    planned = place
    explored = np.zeros(len(rows), dtype=bool)
    propensity = np.ones(len(rows))
    if drawn is not None:
        wish = drawn.topic[rows, number]
        explored = wish >= 0
        other, found = _first_best(np.ones_like(turn), fits & (topic == wish[:, None]))
        place, filled = np.where(explored, other, place), filled & np.where(explored, found, True)
        got, usual = topic[np.arange(len(rows)), place], topic[np.arange(len(rows)), planned]
        by_draw = drawn.chances[rows, np.maximum(got, 0)]
        share = np.where(drawn.chances[rows].any(axis=1), drawn.share[rows], 0.0)
        propensity = share * by_draw + (1 - share) * (got == usual)
    rows, day, place, planned, explored, propensity = (
        each[filled] for each in (rows, day, place, planned, explored, propensity)
    )
    pool.last[rows, place] = day
    taken[rows] += pool.topic[rows] == pool.topic[rows, place][:, None]
    return rows, day, place, planned, explored, propensity


def _first_best(score: np.ndarray, may: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    place = np.argmax(np.where(may, score, -1), axis=1)
    return place, may[np.arange(len(place)), place]


def _most_per_topic(pool: Pool, n_sends: np.ndarray, max_share: float) -> np.ndarray:
    """Return how often one topic may come up: its share, or an even one where topics are few."""
    new = (pool.weight > 0) & (pool.topic >= 0)
    # Candidates of one topic lie side by side or scattered; distinct ones are counted by sorting.
    codes = np.sort(np.where(new, pool.topic, -1), axis=1)
    n_topics = (np.diff(codes, axis=1, prepend=-1) != 0).sum(axis=1)
    even = np.ceil(n_sends / np.maximum(n_topics, 1))
    return np.maximum(np.maximum(np.floor(max_share * n_sends + 1e-9), even), 1).astype(np.int16)
