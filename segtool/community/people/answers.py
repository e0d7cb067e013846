"""Who answered whom in the groups: the messages of people in the time looked back at, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.community.people.tenure import DAY, WEEK, roster_rows
from segtool.community.settings import CommunitySettings


@dataclass(frozen=True, eq=False)
class Answers:
    """Messages of people in the time looked back at, and what they answer.

    Parameters
    ----------
    rows : ndarray of int, shape (n,)
        Rows of ``talk.messages``, ascending.
    member : ndarray of int, shape (n,)
        Row of the roster of the author.
    group : ndarray of int, shape (n,)
    second : ndarray of int, shape (n,)
    week : ndarray of int, shape (n,)
        Weeks before ``as_of``, 0 for the last one.
    reply : ndarray of int, shape (n,)
        Position (here) of the message it answers, -1 for none.
    sure : ndarray of float, shape (n,)
        Probability of the link; 0 for none.
    starts : ndarray of bool, shape (n,)
        It answers nothing, as far as known: a call, to which others may respond.
    n_members, n_groups : int
    """

    rows: np.ndarray
    member: np.ndarray
    group: np.ndarray
    second: np.ndarray
    week: np.ndarray
    reply: np.ndarray
    sure: np.ndarray
    starts: np.ndarray
    n_members: int
    n_groups: int

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def links(self) -> pd.DataFrame:
        """One row per answer: message and answer (positions), member and by (roster rows), week, sure."""
        answer = np.flatnonzero(self.reply >= 0)
        message = self.reply[answer]
        return pd.DataFrame(
            {
                "message": message,
                "answer": answer,
                "member": self.member[message],
                "by": self.member[answer],
                "week": self.week[answer],
                "sure": self.sure[answer],
            }
        )


def read_answers(talk, settings: CommunitySettings) -> Answers:
    """Read the messages of people in the last ``people_days`` and their links.

    Parameters
    ----------
    talk : Talk
    settings : CommunitySettings
    """
    messages = talk.messages
    second = messages["second"].to_numpy()
    rows = np.flatnonzero(talk.by_people & (second >= -settings.people_days * DAY))
    place = np.full(len(messages) + 1, -1, dtype=np.int64)  # the last stands for -1, no reply
    place[rows] = np.arange(len(rows))
    reply = place[messages["reply"].to_numpy()[rows]]
    linked = messages["reply"].to_numpy()[rows] >= 0
    sure = np.where(reply >= 0, messages["reply_sure"].to_numpy(float)[rows], 0.0)
    second = second[rows]
    return Answers(
        rows=rows,
        member=roster_rows(talk)[rows],
        group=messages["group"].to_numpy()[rows].astype(np.int64),
        second=second,
        week=(-second - 1) // int(WEEK),
        reply=reply,
        sure=sure,
        starts=~linked & ~messages["replied_lost"].to_numpy()[rows],
        n_members=len(talk.roster),
        n_groups=len(talk.group_ids),
    )


def count_distinct(of: np.ndarray, what: np.ndarray, n: int) -> np.ndarray:
    """Return how many different values of ``what`` stand beside each of 0 .. n - 1 in ``of``.

    Examples
    --------
    >>> count_distinct(np.array([0, 0, 0, 2]), np.array([7, 7, 8, 7]), 3).tolist()
    [2, 0, 1]
    """
    if not len(of):
        return np.zeros(n, dtype=np.int64)
    pairs = np.unique(of.astype(np.int64) * (int(what.max()) + 1) + what)
    return np.bincount(pairs // (int(what.max()) + 1), minlength=n)
