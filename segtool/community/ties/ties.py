"""Who gives attention to whom: answers, mentions, nearness in time and invitations, faded by age."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.checks import check_number
from segtool.community.settings import CommunitySettings
from segtool.community.ties.kinds import (
    Spoken,
    count_invitations,
    count_mentions,
    count_near,
    count_replies,
    read_spoken,
)
from segtool.display import Shown
from segtool.notes import known, unknown

KINDS = ("reply", "mention", "near", "invite")
COLUMNS = ["group", "user", "other", *KINDS, "weight", "gone"]
DECIMALS = 6  # sums of floats differ in their last bits from machine to machine


@dataclass(frozen=True, repr=False, eq=False)
class Ties(Shown):
    """Attention between people, by group and over all of them.

    Parameters
    ----------
    user_ids, group_ids : ndarray of str
        As in the talk.
    table : DataFrame
        One row per group and ordered pair, sorted by them: group (-1: an invitation outside groups),
        user, other (user gives attention to other), reply, mention, near, invite (what each kind adds),
        weight (their sum), gone (one of both is not in this group at the moment). Ties of people who have
        left stay here, since what was said to them explains the past; no graph below has them, since a
        circle or a part of a group must not be held together by somebody who is not there.
    here : DataFrame
        group and user of the people in groups, at the moment of the ties, without bots.
    settings : CommunitySettings
    notes : tuple of str
    """

    user_ids: np.ndarray
    group_ids: np.ndarray
    table: pd.DataFrame
    here: pd.DataFrame
    settings: CommunitySettings
    notes: tuple[str, ...] = ()

    @cached_property
    def matrix(self) -> sparse.csr_matrix:
        """Attention that row gives to column over all groups, shape (n_users, n_users)."""
        living = self.table[~self.table["gone"].to_numpy()]
        return _square(living["user"], living["other"], living["weight"], len(self.user_ids))

    @cached_property
    def shared(self) -> sparse.csr_matrix:
        """Groups that two people share, each counted 1 / (its size - 1), shape (n_users, n_users)."""
        return self._share_groups()

    def _share_groups(self, users: np.ndarray | None = None) -> sparse.csr_matrix:
        group, user = (self.here[name].to_numpy() for name in ("group", "user"))
        size = np.bincount(group, minlength=len(self.group_ids))
        small = ((size > 1) & (size <= self.settings.max_shared_group))[group]
        group, user = group[small], user[small]
        shape = (len(self.user_ids), len(self.group_ids))
        members = sparse.csr_matrix((1.0 / np.maximum(size[group] - 1, 1), (user, group)), shape=shape)
        members = members if users is None else members[users]
        ones = members.copy()
        ones.data[:] = 1.0
        return _tidy(_without_self(members @ ones.T))

    def undirected(self, shared: bool = True) -> sparse.csr_matrix:
        """Return what two people give each other, with a bonus where both do, shape (n_users, n_users).

        Parameters
        ----------
        shared : bool
            Add ``shared_weight`` times the groups they share. In many large groups this is by far most
            of the pairs; leave it out where only talk counts.

        Returns
        -------
        csr_matrix
            Symmetric: w_uv + w_vu + sqrt(w_uv * w_vu).
        """
        both = _both_ways(self.matrix)
        return _tidy(both + self.settings.shared_weight * self.shared) if shared else both

    def among(self, users: np.ndarray) -> sparse.csr_matrix:
        """Return `undirected` among a few people, with the groups that they share, shape (n, n).

        Parameters
        ----------
        users : ndarray of int, shape (n,)
            Positions in ``user_ids``. Shared groups of nobody else are counted: of all they are most of the work.
        """
        both = _both_ways(sparse.csr_matrix(self.matrix[users][:, users]))
        return _tidy(both + self.settings.shared_weight * self._share_groups(users))

    def in_group(self, group: int) -> tuple[np.ndarray, sparse.csr_matrix]:
        """Return the people of a group, and what they give each other there.

        Parameters
        ----------
        group : int
            Position in ``group_ids``.

        Returns
        -------
        users : ndarray of int, shape (n_here,)
            Sorted; those who are there now, without bots, also those without any tie.
        matrix : csr_matrix, shape (n_here, n_here)
            Symmetric, as in `undirected`, without shared groups.
        """
        users = self.here["user"].to_numpy()[_slice(self.here["group"], group)]
        rows = _slice(self.table["group"], group)
        kept = ~self.table["gone"].to_numpy()[rows]
        user, other, weight = (
            self.table[name].to_numpy()[rows][kept] for name in ("user", "other", "weight")
        )
        places = np.searchsorted(users, user), np.searchsorted(users, other)
        return users, _both_ways(_square(*places, weight, len(users)))

    def to_pandas(self) -> pd.DataFrame:
        """Return the ties with ids, the strongest first."""
        shown = self.table.sort_values("weight", ascending=False, kind="stable").reset_index(drop=True)
        ids = np.append(self.group_ids, None)
        return shown.assign(
            group=ids[shown["group"]], user=self.user_ids[shown["user"]], other=self.user_ids[shown["other"]]
        ).rename(columns={"group": "group_id", "user": "user_id", "other": "other_id"})

    def headline(self) -> str:
        """Return how many ties there are, and between how many people."""
        people = np.union1d(self.table["user"], self.table["other"])
        gone = int(self.table["gone"].sum())
        more = f"; {gone:,} with people who have left a group" if gone else ""
        return f"Ties: {len(self.table):,} between {len(people):,} people{more}"


def find_ties(talk, settings: CommunitySettings | None = None, as_of_second: float = 0.0) -> Ties:
    """Weigh who gives attention to whom.

    Parameters
    ----------
    talk : Talk
        With inferred reply links where none are recorded (`segtool.community.replies.replies`).
    settings : CommunitySettings, optional
        Those of the talk when not given.
    as_of_second : float
        Seconds before ``as_of``, negative: look from an earlier moment, at which later messages, joins
        and leaves have not happened.

    Returns
    -------
    Ties
        Empty, with a note that says why, where nobody wrote to anybody.

    Raises
    ------
    ParameterError
        If ``as_of_second`` lies after ``as_of``.

    Notes
    -----
    Answers (with their probability where inferred) and mentions weigh log2(1 + x) for x on a day, times
    2 ** (-age / half life); nearness the same, times ``near_weight``, and only for what a message does
    not say itself, that is 1 - the probability of its link. Announcements to all, and answers to them,
    tie nobody to anybody; nor do bots. An answer that also names its addressee counts once. Who came by invitation
    gives ``invite_weight`` to the inviter, fading from the day of joining six times as slowly: it tells of an
    acquaintance outside the chat; where that day is not known, one such half life is taken.

    References
    ----------
    sqrt(w_uv * w_vu), the bonus where both give, is the strength of Kossinets and Watts (2006,
    https://doi.org/10.1126/science.1116869); shared groups count 1 / (size - 1) as joint papers do with
    Newman (2001, https://doi.org/10.1103/PhysRevE.64.016132). The cap by day is a rule of our own.

    Examples
    --------
    >>> from segtool.community.talk import read_talk
    >>> from segtool.sources import Sources
    >>> messages = pd.DataFrame({"message_id": ["m1", "m2"], "group_id": "g", "user_id": ["a", "b"],
    ...                          "sent_at": ["2026-06-30 09:00", "2026-06-30 09:05"], "reply_to": [None, "m1"]})
    >>> ties = find_ties(read_talk(Sources.read({"messages": messages}, as_of="2026-07-01")))
    >>> ties.to_pandas()[["user_id", "other_id", "reply"]].round(2).values.tolist()
    [['b', 'a', 0.99]]
    """
    settings = settings or talk.settings
    check_number("as_of_second", as_of_second, high=0.0)
    spoken = read_spoken(talk, as_of_second)
    parts = {
        "reply": count_replies(spoken, settings),
        "mention": count_mentions(talk, spoken, settings),
        "near": count_near(spoken, settings),
        "invite": count_invitations(talk.roster, spoken, settings),
    }
    table = _put_together(parts, talk.roster, spoken)
    here = talk.roster.loc[spoken.here, ["group", "user"]].reset_index(drop=True)
    return Ties(talk.user_ids, talk.group_ids, table, here, settings, tuple(_say(talk, spoken, table)))


def _put_together(parts, roster: pd.DataFrame, spoken: Spoken) -> pd.DataFrame:
    """Return one row per group, user and other, with what each kind adds."""
    n_users = spoken.n_users
    seat_and_other = np.unique(np.concatenate([pair for pair, _ in parts.values()]))
    columns = {}
    for kind in KINDS:
        pair, weight = parts[kind]
        columns[kind] = np.zeros(len(seat_and_other))
        columns[kind][np.searchsorted(seat_and_other, pair)] = weight
    seat, other = np.divmod(seat_and_other, n_users)
    group, user = roster["group"].to_numpy()[seat], roster["user"].to_numpy()[seat]
    other_seat = spoken.find_seats(group, other)
    known_there = other_seat >= 0
    table = pd.DataFrame(
        {
            "group": np.where(known_there, group, -1).astype(np.int32),
            "user": user.astype(np.int32),
            "other": other.astype(np.int32),
            **columns,
            "gone": known_there & ~(spoken.here[seat] & spoken.here[np.maximum(other_seat, 0)]),
        }
    )
    outside = table["group"] < 0
    if outside.any():  # somebody asked into two groups by a person of neither
        twice = table[outside].groupby(["group", "user", "other"], as_index=False, sort=True)
        table = pd.concat([twice.agg({**dict.fromkeys(KINDS, "sum"), "gone": "max"}), table[~outside]])
        table = table.reset_index(drop=True)
    table[list(KINDS)] = table[list(KINDS)].round(DECIMALS)
    table["weight"] = table[list(KINDS)].sum(axis=1).round(DECIMALS)
    return table.loc[table["weight"] > 0, COLUMNS].reset_index(drop=True)


def _say(talk, spoken: Spoken, table: pd.DataFrame) -> list[str]:
    if not len(talk.group_ids):
        return [unknown("Ties: there is no table of messages, members or groups.")]
    notes = []
    if not len(spoken.user):
        notes.append(unknown("Ties: nobody wrote anything, so they rest on invitations and shared groups."))
    elif not (spoken.sure > 0).any():
        notes.append(
            unknown("Ties: no message answers another, so they rest on mentions and nearness in time.")
        )
    elif ((spoken.sure > 0) & (spoken.sure < 1)).any():
        notes.append(known("Ties: answers are inferred, each counted by its probability."))
    if talk.has_text and spoken.to_all.any():
        notes.append(known(f"Ties: {int(spoken.to_all.sum()):,} announcements to all tie nobody to anybody."))
    gone = int(table["gone"].sum())
    if gone:
        notes.append(known(f"Ties: {gone:,} with people who have left a group are kept in the table only."))
    return notes


def _square(row, column, weight, n: int) -> sparse.csr_matrix:
    shape = (n, n)
    place = (np.asarray(row), np.asarray(column))
    return _tidy(sparse.coo_matrix((np.asarray(weight, dtype=float), place), shape=shape).tocsr())


def _tidy(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    matrix = sparse.csr_matrix(matrix)
    matrix.sum_duplicates()
    matrix.data = matrix.data.round(DECIMALS)
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


def _without_self(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    matrix = matrix.tocoo()
    off = matrix.row != matrix.col
    return sparse.csr_matrix((matrix.data[off], (matrix.row[off], matrix.col[off])), shape=matrix.shape)


def _both_ways(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    other = matrix.T.tocsr()
    return _tidy(matrix + other + matrix.multiply(other).sqrt())


def _slice(column: pd.Series, value: int) -> slice:
    codes = column.to_numpy()
    return slice(*np.searchsorted(codes, [value, value + 1]))
