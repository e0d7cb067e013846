"""The people's messages of all groups as plain arrays, with what their authors were when they wrote."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.community.health.threads import Threads, read_threads

DAY, WEEK = 86_400.0, 604_800
HISTORY_WEEKS = 52  # further back a group was another one
NEGATIVE = -0.2  # tone at and beyond which a message counts as negative, and as positive


@dataclass(frozen=True, eq=False)
class Said:
    """The messages by people, bots left out, in the order of the talk.

    Parameters
    ----------
    n_groups : int
    row : ndarray of int, shape (n_said,)
        Rows of ``talk.messages``.
    group, user, day, week : ndarray of int, shape (n_said,)
        Day is local, 0 that of ``as_of``, 1 the day before; week 0 is the seven days before ``as_of``.
    age : ndarray of float, shape (n_said,)
        Days before ``as_of``.
    topic : ndarray of int, shape (n_said,)
        -1 unknown.
    cell : ndarray of int, shape (n_said,)
        A number for the group's day.
    tenure : ndarray of float, shape (n_said,)
        Days since the author joined the group; where that is not known, since they first wrote.
    has_joined : ndarray of bool, shape (n_said,)
        Whether the join is known, so that tenure is not only a lower bound.
    threads : Threads
        Aligned with ``talk.messages``; use ``row`` to read it.
    tone : ndarray of float, shape (n_said,)
        -1 to 1, missing where it was not judged.
    founded : ndarray of float, shape (n_groups,)
        Days since the first join or message, missing for a group of which nothing is known.
    record : float
        Days since the first message of all groups: what lies before was not recorded, which is not silence.
    """

    n_groups: int
    row: np.ndarray
    group: np.ndarray
    user: np.ndarray
    day: np.ndarray
    week: np.ndarray
    age: np.ndarray
    topic: np.ndarray
    cell: np.ndarray
    tenure: np.ndarray
    has_joined: np.ndarray
    threads: Threads
    tone: np.ndarray
    founded: np.ndarray
    record: float

    @property
    def answers(self) -> np.ndarray:
        """Whether each message answers another, shape (n_said,)."""
        return self.threads.answers[self.row]

    @property
    def answered(self) -> np.ndarray:
        """Whether each message was answered, shape (n_said,)."""
        return self.threads.answered[self.row]


def read_said(talk, tones=None) -> Said:
    """Turn a talk into the arrays that all measures of health read.

    Parameters
    ----------
    talk : Talk
    tones : Tones or ndarray of float, shape (n_messages,), optional
    """
    messages, n_groups = talk.messages, len(talk.group_ids)
    row = np.flatnonzero(talk.by_people)
    part = messages.iloc[row]
    group = part["group"].to_numpy(np.int64)
    user = part["user"].to_numpy(np.int64)
    age = -part["second"].to_numpy(float) / DAY
    day = -part["day"].to_numpy(np.int64)
    joined = _joined(talk, group, user)
    first = -part.groupby(["group", "user"])["second"].transform("min").to_numpy(float) / DAY
    score = (
        np.full(len(messages), np.nan) if tones is None else np.asarray(getattr(tones, "score", tones), float)
    )
    n_days = int(day.max()) + 1 if len(day) else 1
    return Said(
        n_groups=n_groups,
        row=row,
        group=group,
        user=user,
        day=day,
        week=((-part["second"].to_numpy(np.int64) - 1) // WEEK).astype(np.int64),
        age=age,
        topic=part["topic"].to_numpy(np.int64),
        cell=np.unique(group * n_days + day, return_inverse=True)[1] if len(day) else day,
        tenure=np.maximum(np.where(np.isnan(joined), first, -joined / DAY) - age, 0),
        has_joined=~np.isnan(joined),
        threads=read_threads(talk),
        tone=score[row],
        founded=_founded(talk),
        record=float(age.max()) if len(age) else 0.0,
    )


def _joined(talk, group: np.ndarray, user: np.ndarray) -> np.ndarray:
    """Return when each author joined, in seconds before as_of; missing where it is not known."""
    roster = talk.roster
    if roster.empty or not len(group):
        return np.full(len(group), np.nan)
    n_users = len(talk.user_ids)
    key = roster["group"].to_numpy(np.int64) * n_users + roster["user"].to_numpy(np.int64)
    place = np.minimum(np.searchsorted(key, group * n_users + user), len(key) - 1)
    found = key[place] == group * n_users + user
    return np.where(found, roster["joined"].to_numpy(float)[place], np.nan)


def _founded(talk) -> np.ndarray:
    joins = talk.roster.loc[~talk.roster["bot"]].groupby("group")["joined"].min()
    joins = joins.reindex(range(len(talk.group_ids)))
    first = np.fmin(joins.to_numpy(float), talk.groups["first"].to_numpy(float))
    return -first / DAY


def weeks_there(said: Said, n_weeks: int, shift: float = 0.0) -> np.ndarray:
    """Say in which weeks each group existed and messages were recorded, shape (n_groups, n_weeks).

    Parameters
    ----------
    said : Said
    n_weeks : int
    shift : float
        Days before as_of at which week 0 ends.
    """
    near = np.arange(n_weeks) * 7 + shift
    recorded = (near + 7 <= said.record + 1) | (np.arange(n_weeks) == 0)
    return recorded & (near < said.founded[:, None])


def members_by_week(talk, n_weeks: int) -> np.ndarray:
    """Return how many people were in each group at the end of each week, shape (n_groups, n_weeks).

    Column 0 is now. Missing everywhere without a roster. Whoever's joining is not known counts from the start.
    """
    n_groups = len(talk.group_ids)
    if not talk.has_roster:
        return np.full((n_groups, n_weeks), np.nan)
    roster = talk.roster[~talk.roster["bot"]]
    group = roster["group"].to_numpy(np.int64)
    counts = np.zeros((n_groups, n_weeks))
    for name, sign in (("joined", 1), ("left", -1)):
        moment = roster[name].to_numpy(float)
        known = ~np.isnan(moment)
        # Present at the end of week w (w weeks before as_of) if the moment lies before that.
        week = np.clip(np.ceil(-moment[known] / WEEK) - 1, -1, n_weeks - 1).astype(np.int64)
        inside = week >= 0
        table = np.bincount(group[known][inside] * n_weeks + week[inside], minlength=n_groups * n_weeks)
        # Column w counts all whose moment lies at or before the end of week w.
        counts += sign * table.reshape(n_groups, n_weeks)[:, ::-1].cumsum(axis=1)[:, ::-1]
        if name == "joined":
            counts += np.bincount(group[~known], minlength=n_groups)[:, None]
    return counts


def table_by_week(said: Said, n_weeks: int, which: np.ndarray | None = None, weight=None) -> np.ndarray:
    """Count messages by group and week, shape (n_groups, n_weeks)."""
    chosen = said.week < n_weeks if which is None else which & (said.week < n_weeks)
    key = said.group[chosen] * n_weeks + said.week[chosen]
    weight = None if weight is None else weight[chosen]
    return np.bincount(key, weight, said.n_groups * n_weeks).reshape(said.n_groups, n_weeks).astype(float)


def people_by_week(said: Said, n_weeks: int, which: np.ndarray | None = None) -> np.ndarray:
    """Count distinct people who wrote by group and week, shape (n_groups, n_weeks)."""
    chosen = said.week < n_weeks if which is None else which & (said.week < n_weeks)
    n_users = int(said.user.max()) + 1 if len(said.user) else 1
    key = (said.group[chosen] * n_weeks + said.week[chosen]) * n_users + said.user[chosen]
    once = np.unique(key) // n_users
    return np.bincount(once, minlength=said.n_groups * n_weeks).reshape(said.n_groups, n_weeks).astype(float)


def week_starts(talk, n_weeks: int) -> pd.DatetimeIndex:
    """Return the local time at which each week begins, column 0 the latest."""
    end = pd.Timestamp(talk.as_of).tz_convert(talk.timezone).tz_localize(None)
    return pd.DatetimeIndex([end - pd.Timedelta(days=7 * (week + 1)) for week in range(n_weeks)])
