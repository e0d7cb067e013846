"""Who answered whom, how fast and how deep: read once from the reply links of all groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SURE = 0.5  # an inferred link below this is more likely wrong than right
DOUBLINGS = 6  # threads are followed 64 answers up, which also ends links that run in a circle


@dataclass(frozen=True, eq=False)
class Threads:
    """What the reply links say of each message.

    Parameters
    ----------
    known : bool
        Whether there are any links; without them nothing is said of answers.
    answers : ndarray of bool, shape (n_messages,)
        Whether it answers somebody.
    answered : ndarray of bool, shape (n_messages,)
        Whether another person answered it.
    delay : ndarray of float, shape (n_messages,)
        Seconds to its first answer, missing without one.
    depth : ndarray of int, shape (n_messages,)
        Answers above it, 0 for one that answers nobody, at most 64.
    to : ndarray of int, shape (n_messages,)
        Row of the message it answers, -1 for none.
    """

    known: bool
    answers: np.ndarray
    answered: np.ndarray
    delay: np.ndarray
    depth: np.ndarray
    to: np.ndarray


def read_threads(talk) -> Threads:
    """Follow the reply links of a talk; those of bots count neither way.

    Parameters
    ----------
    talk : Talk
    """
    messages = talk.messages
    n = len(messages)
    bot = messages["bot"].to_numpy()
    to = np.where(messages["reply_sure"].to_numpy() >= SURE, messages["reply"].to_numpy(), -1).astype(
        np.int64
    )
    if n:
        to = np.where(bot | ((to >= 0) & bot[np.maximum(to, 0)]), -1, to)
    linked = np.flatnonzero(to >= 0)
    # Some answers on record beside others that could not be inferred say nothing of how many there were.
    whole = talk.has_replies or bool((messages["reply_sure"].to_numpy()[linked] < 1).any())
    second = messages["second"].to_numpy().astype(float)
    delay = np.full(n, np.inf)
    # Clocks differ: an answer stamped a little early came at once.
    np.minimum.at(delay, to[linked], np.maximum(second[linked] - second[to[linked]], 0))
    return Threads(
        known=bool(whole and n),
        answers=(to >= 0) | messages["replied_lost"].to_numpy(),
        answered=np.isfinite(delay),
        delay=np.where(np.isfinite(delay), delay, np.nan),
        depth=_depths(to),
        to=to,
    )


def _depths(to: np.ndarray) -> np.ndarray:
    """Count the answers above each message by pointer doubling: six passes, however long the threads."""
    depth, above = (to >= 0).astype(np.int64), to.copy()
    for _ in range(DOUBLINGS):
        going = np.flatnonzero(above >= 0)
        depth[going] += depth[above[going]]
        above[going] = above[above[going]]
    return np.minimum(depth, 2**DOUBLINGS)
