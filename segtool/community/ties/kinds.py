"""The four kinds of attention: answers, mentions, nearness in time, invitations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.community.replies.names import find_announcements, find_mentions, read_names
from segtool.community.settings import CommunitySettings
from segtool.community.ties.pairs import find_near, sum_by_day

DAY = 86_400.0
INVITE_HALF_LIVES = 6  # an acquaintance fades this many times as slowly as talk
Pairs = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Spoken:
    """What people wrote before a moment, and who was where then.

    Parameters
    ----------
    rows : ndarray of int, shape (n,)
        Rows of the talk's messages: those of people.
    group, user, second, day : ndarray of int, shape (n,)
    seat : ndarray of int, shape (n,)
        Row of the roster of who wrote.
    reply : ndarray of int, shape (n,)
        Position among these messages of the one answered, -1 for none.
    sure : ndarray of float, shape (n,)
        Probability of the answer; 1 also where it answers something that is gone.
    to_all : ndarray of bool, shape (n,)
        Announcements.
    texts : ndarray of str or None, shape (n,)
    seats : ndarray of int64, shape (n_roster,)
        group * n_users + user, sorted.
    here : ndarray of bool, shape (n_roster,)
        In the group at the moment, and no bot.
    bot : ndarray of bool, shape (n_roster,)
    moment : float
        Seconds before ``as_of``.
    n_users : int
    """

    rows: np.ndarray
    group: np.ndarray
    user: np.ndarray
    second: np.ndarray
    day: np.ndarray
    seat: np.ndarray
    reply: np.ndarray
    sure: np.ndarray
    to_all: np.ndarray
    texts: np.ndarray
    seats: np.ndarray
    here: np.ndarray
    bot: np.ndarray
    moment: float
    n_users: int

    def find_seats(self, group: np.ndarray, user: np.ndarray) -> np.ndarray:
        """Return the rows of the roster of people in groups, -1 where they are not on it."""
        key = group.astype(np.int64) * self.n_users + user
        place = np.minimum(np.searchsorted(self.seats, key), max(len(self.seats) - 1, 0))
        return np.where(self.seats[place] == key, place, -1) if len(self.seats) else np.full(len(key), -1)

    def sum(self, row: np.ndarray, other: np.ndarray, amount: np.ndarray, half_life_days: float) -> Pairs:
        """Return pairs (seat * n_users + other) and the faded sums of what they gave by day."""
        pair = self.seat[row].astype(np.int64) * self.n_users + other
        day = self.day[row]
        # From the middle of the day: all of a day must fade alike for its cap to be one.
        age_days = np.maximum(self.moment / DAY - (day + 0.5), 0.0)
        return sum_by_day(pair, day, amount, age_days, half_life_days)


def read_spoken(talk, moment: float = 0.0) -> Spoken:
    """Read what people wrote before a moment.

    Parameters
    ----------
    talk : Talk
    moment : float
        Seconds before ``as_of``, 0 or negative.
    """
    messages, roster = talk.messages, talk.roster
    n_users = max(len(talk.user_ids), 1)
    rows = np.flatnonzero(talk.by_people & (messages["second"].to_numpy() < moment))
    group, user = (messages[name].to_numpy()[rows].astype(np.int64) for name in ("group", "user"))
    seats = roster["group"].to_numpy(np.int64) * n_users + roster["user"].to_numpy()
    texts = talk.texts()[rows] if talk.has_text else np.full(len(rows), None, dtype=object)
    place = np.full(len(messages) + 1, -1)  # the last one is that of no message
    place[rows] = np.arange(len(rows))
    reply = place[messages["reply"].to_numpy()[rows]]
    lost = messages["replied_lost"].to_numpy()[rows]
    sure = np.where(lost, 1.0, messages["reply_sure"].to_numpy()[rows].astype(float))
    since = np.fmin(roster["joined"], roster["first"]).to_numpy()
    left = roster["left"].to_numpy()
    gone = ~np.isnan(left) if moment == 0 else left < moment
    return Spoken(
        rows=rows,
        group=group,
        user=user,
        second=messages["second"].to_numpy()[rows],
        day=messages["day"].to_numpy(np.int64)[rows],
        seat=np.searchsorted(seats, group * n_users + user),
        reply=reply,
        sure=sure,
        to_all=find_announcements(texts),
        texts=texts,
        seats=seats,
        here=~gone & ~(since >= moment) & ~roster["bot"].to_numpy(),
        bot=roster["bot"].to_numpy(),
        moment=moment,
        n_users=n_users,
    )


def count_replies(spoken: Spoken, settings: CommunitySettings) -> Pairs:
    """Return who answers whom."""
    row = np.flatnonzero(spoken.reply >= 0)
    to = spoken.reply[row]
    kept = ~spoken.to_all[to] & (spoken.user[to] != spoken.user[row])
    row, to = row[kept], to[kept]
    return spoken.sum(row, spoken.user[to], spoken.sure[row], settings.tie_half_life_days)


def count_mentions(talk, spoken: Spoken, settings: CommunitySettings) -> Pairs:
    """Return who calls whom by name with an @, unless the message answers the same person anyway."""
    if not talk.has_text:
        return np.array([], dtype=np.int64), np.array([])
    row, other = find_mentions(spoken.texts, read_names(talk))
    seat = spoken.find_seats(spoken.group[row], other)
    known_there = (seat >= 0) & ~spoken.bot[np.maximum(seat, 0)] if len(spoken.bot) else seat >= 0
    answered = spoken.reply[row] >= 0
    same = answered & (spoken.user[np.maximum(spoken.reply[row], 0)] == other) if len(row) else answered
    kept = known_there & ~same & ~spoken.to_all[row] & (other != spoken.user[row])
    row, other = row[kept], other[kept]
    return spoken.sum(row, other, np.ones(len(row)), settings.tie_half_life_days)


def count_near(spoken: Spoken, settings: CommunitySettings) -> Pairs:
    """Return who writes soon after whom, for what a message does not say itself."""
    talk = np.flatnonzero(~spoken.to_all)
    later, earlier, near = find_near(
        *(column[talk] for column in (spoken.group, spoken.user, spoken.second)), settings.near_minutes * 60
    )
    later, earlier = talk[later], talk[earlier]
    amount = near * (1 - spoken.sure[later])
    kept = amount > 0
    pair, weight = spoken.sum(
        later[kept], spoken.user[earlier[kept]], amount[kept], settings.tie_half_life_days
    )
    return pair, settings.near_weight * weight


def count_invitations(roster: pd.DataFrame, spoken: Spoken, settings: CommunitySettings) -> Pairs:
    """Return who came by whose invitation."""
    inviter, joined = roster["inviter"].to_numpy(), roster["joined"].to_numpy()
    bots = np.unique(roster["user"].to_numpy()[spoken.bot])
    come = ~(joined >= spoken.moment)  # a day of joining that is not known lies in the past
    invited = (inviter >= 0) & come & ~spoken.bot & (inviter != roster["user"].to_numpy())
    row = np.flatnonzero(invited & ~np.isin(inviter, bots))
    half_life_days = INVITE_HALF_LIVES * settings.tie_half_life_days
    age_days = (spoken.moment - joined[row]) / DAY
    fade = 2.0 ** (-np.where(np.isnan(age_days), half_life_days, age_days) / half_life_days)
    pair = row.astype(np.int64) * spoken.n_users + inviter[row]
    order = np.argsort(pair, kind="stable")
    return pair[order], settings.invite_weight * fade[order]
