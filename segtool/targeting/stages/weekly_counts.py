"""What each user did each week, by kind of event: two GROUP BYs, and a sparse matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.engines import literal
from segtool.targeting.stages.rule import RETURN


@dataclass(frozen=True)
class WeeklyCounts:
    """Events by user, week and kind.

    Parameters
    ----------
    counts : csr_array, shape (n_users * n_weeks, n_families)
        Row ``user * n_weeks + week``; the last week is the one before ``as_of``.
    start : ndarray of int, shape (n_users,)
        First week a user can be judged in.
    n_weeks : int
    families : tuple of str
    place : ndarray of int, shape (n_families,)
        Number of the state each kind is typical of, from 1.
    visits : ndarray, shape (n_weeks, n_users)
        How much there was in all: days with an event, since the events of a visit come together.
    """

    counts: sparse.csr_array
    start: np.ndarray
    n_weeks: int
    families: tuple[str, ...]
    place: np.ndarray
    visits: np.ndarray

    @property
    def n_users(self) -> int:
        """Users in the counts."""
        return len(self.start)

    def rows(self, first: int, last: int) -> WeeklyCounts:
        """Return some neighbouring users."""
        part = self.counts[first * self.n_weeks : last * self.n_weeks]
        start, visits = self.start[first:last], self.visits[:, first:last]
        return WeeklyCounts(part, start, self.n_weeks, self.families, self.place, visits)

    def take(self, users: np.ndarray) -> WeeklyCounts:
        """Return the users at some places."""
        rows = (users[:, None] * self.n_weeks + np.arange(self.n_weeks)).ravel()
        start, visits = self.start[users], self.visits[:, users]
        return WeeklyCounts(self.counts[rows], start, self.n_weeks, self.families, self.place, visits)

    def seen(self) -> np.ndarray:
        """Return which weeks count, shape (n_weeks, n_users)."""
        return np.arange(self.n_weeks)[:, None] >= self.start[None, :]


def step_totals(sources, words: list[str], n_weeks: int) -> pd.DataFrame:
    """Return event, n_events, n_users and weeks (with the oldest) for each kind of step.

    Parameters
    ----------
    sources : Sources
    words : list of str
        Kinds of event.
    n_weeks : int
        How far back.
    """
    return sources.engine.query(f"""
        SELECT event, count(*) AS n_events, count(DISTINCT user_id) AS n_users, max(age_days) AS oldest
        FROM events
        WHERE {_steps(words, n_weeks)}
        GROUP BY event
        ORDER BY event
    """).set_index("event")


def read_weekly(sources, n_users: int, place: dict[str, int], n_weeks: int) -> WeeklyCounts:
    """Count every user's steps by week.

    Parameters
    ----------
    sources : Sources
    n_users : int
        Of the study.
    place : dict of str to int
        Kind of event -> number of the state it is typical of. "return" is coming back on a later day.
    n_weeks : int
    """
    words = [word for word in place if word != RETURN]
    steps, numbered = (
        _steps(words, n_weeks),
        "SELECT user_id, row_number() OVER (ORDER BY user_id) - 1 AS code",
    )
    week = f"{n_weeks - 1} - CAST(floor(age_days / 7) AS INTEGER)"
    kinds = sources.engine.query(f"""
        WITH numbered AS ({numbered} FROM user_index),
        sums AS (
            SELECT user_id, {week} AS week, event, count(*) AS n FROM events WHERE {steps}
            GROUP BY user_id, {week}, event
        )
        SELECT numbered.code, sums.week, sums.event, sums.n
        FROM sums JOIN numbered ON numbered.user_id = sums.user_id
        ORDER BY numbered.code, sums.week, sums.event
    """)
    days = sources.engine.query(f"""
        WITH numbered AS ({numbered} FROM user_index),
        sums AS (
            SELECT user_id, {week} AS week, count(DISTINCT CAST(floor(age_days) AS INTEGER)) AS n
            FROM events WHERE {steps}
            GROUP BY user_id, {week}
        )
        SELECT numbered.code, sums.week, sums.n
        FROM sums JOIN numbered ON numbered.user_id = sums.user_id
        ORDER BY numbered.code, sums.week
    """)
    return _weekly(kinds, days, n_users, place, n_weeks)


def _steps(words: list[str], n_weeks: int) -> str:
    names = ", ".join(literal(word) for word in words)
    return f"event IN ({names}) AND age_days >= 0 AND age_days < {7 * n_weeks}"


def _weekly(kinds, days, n_users: int, place: dict[str, int], n_weeks: int) -> WeeklyCounts:
    code, week = days["code"].to_numpy(dtype=np.int64), days["week"].to_numpy(dtype=np.int64)
    start = np.full(n_users, n_weeks)  # a user without a step is never judged
    np.minimum.at(start, code, week)
    visits = np.zeros((n_weeks, n_users))
    visits[week, code] = days["n"].to_numpy(dtype=float)
    families = tuple(place)
    column = pd.Index(families).get_indexer(kinds["event"])
    row = kinds["code"].to_numpy(dtype=np.int64) * n_weeks + kinds["week"].to_numpy(dtype=np.int64)
    cells = [(row, column, kinds["n"].to_numpy(dtype=float))]
    if RETURN in place:
        again = days["n"].to_numpy(dtype=float) - (week == start[code])  # the first day is no return
        kept = again > 0
        home = np.full(kept.sum(), families.index(RETURN))
        cells.append(((code * n_weeks + week)[kept], home, again[kept]))
    row, column, n = (np.concatenate(part) for part in zip(*cells, strict=True))
    counts = sparse.csr_array((n, (row, column)), shape=(n_users * n_weeks, len(families)))
    return WeeklyCounts(counts, start, n_weeks, families, np.array(list(place.values())), visits)
