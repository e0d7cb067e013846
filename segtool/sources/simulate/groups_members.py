"""The members of a simulated group: when they come and go, how much they write, who follows whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtool.sources.simulate.groups_fates import Fate

DAY = 86_400
LURKERS = 1 / 3  # of members never write


@dataclass
class Members:
    """Arrays over the members of one group, in order of joining; times in days of the window."""

    user: np.ndarray  # code
    joined: np.ndarray
    left: np.ndarray  # nan: still there
    fades: np.ndarray  # day after which a member writes no more
    voice: np.ndarray  # how much a member writes
    influence: np.ndarray  # how much others answer a member, whatever they write
    leader: np.ndarray
    chatterbox: np.ndarray
    circle: np.ndarray
    inviter: np.ndarray  # position; -1 came alone
    wave: np.ndarray  # number of the wave a member came with; -1 none

    def __len__(self) -> int:
        return len(self.user)


def draw_members(
    fate: Fate, user: np.ndarray, founded: float, waves: np.ndarray, n_circles: int, days: int, rng
) -> Members:
    """Draw the members of a group.

    Parameters
    ----------
    fate : Fate
    user : ndarray of int
        Codes of the users who were ever in it.
    founded : float
        Day of founding; negative: before the window.
    waves : ndarray of float
        Days at which many came at once.
    n_circles, days : int
    rng : Generator
    """
    n = len(user)
    joined, wave = _draw_joins(fate, n, founded, waves, days, rng)
    order = np.argsort(joined, kind="stable")
    joined, wave = joined[order], wave[order]
    n_leaders = min(int(rng.integers(fate.leaders[0], fate.leaders[1] + 1)), max(1, n // 4))
    # Leaders are early, yet not simply the first: drawn from the first third.
    early = np.arange(max(n_leaders, n // 3))
    leader = np.isin(np.arange(n), rng.choice(early, n_leaders, replace=False))
    influence = np.where(leader, rng.lognormal(1.7, 0.3, n), rng.lognormal(0.0, 0.7, n))
    voice, chatterbox = _draw_voices(fate, leader, rng)
    influence[chatterbox] = rng.lognormal(-1.2, 0.3, int(chatterbox.sum()))
    inviter = _draw_inviters(joined, influence, rng)
    stays = rng.exponential(fate.stays * np.where(inviter >= 0, 1.2, 0.9), n)
    fades = np.where(leader | chatterbox, np.inf, np.maximum(joined, 0) + stays)
    gone = (rng.random(n) < fate.leaves) & ~leader & ~chatterbox & (joined < days - 1)
    left = np.where(gone, joined + rng.random(n) * (days - 0.1 - joined), np.nan)
    circle = rng.integers(0, n_circles, n)
    return Members(
        user, joined, left, fades, voice, influence, leader, chatterbox, circle, inviter, wave
    )  # fmt: skip


def _draw_joins(fate: Fate, n: int, founded: float, waves: np.ndarray, days: int, rng):
    """Draw days of joining: founders, a steady trickle, and waves."""
    first = max(founded, 0.0)
    before = founded + rng.random(n) ** 1.5 * max(-founded, 3.0)
    inside = first + rng.random(n) * (days - 0.1 - first)
    joined = np.where(rng.random(n) < fate.late_joins, inside, before)
    joined[: max(2, n // 10)] = founded + rng.random(max(2, n // 10)) * 2
    wave = np.full(n, -1)
    size = round(fate.wave_share * n)
    for number, day in enumerate(waves):
        chosen = np.flatnonzero(wave[n // 3 :] < 0)[:size] + n // 3
        wave[chosen] = number
        joined[chosen] = day + 2 * rng.random(len(chosen))
    return np.clip(joined, founded, days - 0.1), wave


def _draw_voices(fate: Fate, leader: np.ndarray, rng) -> tuple[np.ndarray, np.ndarray]:
    """Draw how much each member writes; how much they are answered is another matter."""
    n = len(leader)
    shape = fate.tail / 3
    voice = rng.gamma(shape, 1 / shape, n)
    voice[rng.permutation(np.flatnonzero(~leader))[: int(LURKERS * n)]] = 0.0
    mean = voice[voice > 0].mean() if (voice > 0).any() else 1.0
    if fate.leader_voice > 0:
        voice[leader] = mean * fate.leader_voice * rng.uniform(0.5, 1.5, int(leader.sum()))
    else:  # a loudspeaker: one voice says nearly all
        voice[leader] = 25 * max(voice[~leader].sum(), 1.0)
    chatterbox = np.zeros(n, dtype=bool)
    writing = np.flatnonzero(~leader & (voice > 0))
    chatterbox[rng.permutation(writing)[: fate.chatterboxes]] = True
    voice[chatterbox] = mean * fate.chatter * rng.uniform(0.8, 1.2, int(chatterbox.sum()))
    return voice, chatterbox


def _draw_inviters(joined: np.ndarray, influence: np.ndarray, rng) -> np.ndarray:
    """Return who invited each member: an earlier one, the more influential the likelier."""
    n = len(joined)
    earlier = np.searchsorted(joined, joined, side="left")
    reach = np.cumsum(influence)
    drawn = np.searchsorted(reach, rng.random(n) * np.r_[0.0, reach][earlier], side="right")
    drawn = np.minimum(drawn, np.maximum(earlier - 1, 0))
    return np.where((earlier > 0) & (rng.random(n) < 0.5), drawn, -1)
