"""How long people are in their groups and what they do there: novices, veterans, lurkers, dormant."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.community.settings import CommunitySettings

DAY = 86_400.0
WEEK = 7 * DAY
BANDS = ("novice", "regular", "veteran", "lurker", "dormant", "gone", "unknown")
OLDEST, YOUNGEST = 2 / 3, 1 / 3  # places in the order of joining; thirds are told apart in groups of ten, too
SETTLED_DAYS = 90  # a quarter: the oldest third of a group that is a month old are no veterans
LONG_DAYS = 365  # here a year is long in any group, whoever else joined when
FEW_MESSAGES = 3  # fewer, and one has tried the group out rather than taken part
RECORD_SLACK = 7 * DAY  # a group's first message is mostly not of the day it was founded
VETERAN_WEEKS = 4  # weeks in which one wrote: a veteran has lived in the group, not only waited in it


def tenure_bands(talk, settings: CommunitySettings | None = None) -> pd.Series:
    """Tell novices, regulars, veterans, lurkers, dormant and gone members apart.

    Parameters
    ----------
    talk : Talk
    settings : CommunitySettings, optional
        Those of the talk when not given.

    Returns
    -------
    Series of str, shape (n_roster,)
        Aligned with ``talk.roster``, each one of `BANDS`.

    Notes
    -----
    Place in the order of joining and behaviour count together. *gone*: left. *novice*: here for less
    than ``novice_days``, or of the youngest third, here for less than 90 days and with fewer than three
    messages. *lurker*: never wrote, or fewer than three messages and none for ``dormant_days``; they
    are known from the roster alone. *dormant*: wrote more, but not for ``dormant_days``. *veteran*:
    still writes, in four weeks or more, and either of the oldest third and here for 90 days, or here
    for a year. *regular*: everybody else. Where joining is not known the band is *unknown*: a stranger
    is no novice; only a first message that is old enough makes a veteran. So is whoever never wrote in a
    group without messages, or joined before a record that is younger than ``dormant_days``: what was said
    before is not known (`knows_silence`). Bots are *unknown*.

    Examples
    --------
    >>> from segtool.community.talk import read_talk
    >>> from segtool.sources import Sources
    >>> members = pd.DataFrame({"group_id": "g", "user_id": ["ann", "bob", "cat"],
    ...                         "joined_at": ["2026-01-02", "2026-06-20", None]})
    >>> tenure_bands(read_talk(Sources.read({"members": members}, as_of="2026-07-01"))).tolist()
    ['unknown', 'novice', 'unknown']
    """
    settings = settings or talk.settings
    roster = talk.roster
    bands = pd.Series("unknown", index=roster.index, name="tenure", dtype=object)
    if roster.empty:
        return bands
    tenure = -roster["joined"].to_numpy() / DAY
    known = np.isfinite(tenure)
    # Whoever wrote has been there at least since the first message.
    least = np.where(known, tenure, np.nan_to_num(-roster["first"].to_numpy() / DAY, nan=-1.0))
    place = joining_places(talk)
    written = roster["n_messages"].to_numpy()
    quiet = ~(roster["last"].to_numpy() > -settings.dormant_days * DAY)  # missing: never wrote
    lived = ~quiet & (active_weeks(talk) >= VETERAN_WEEKS)
    oldest = (place >= OLDEST) & (least >= SETTLED_DAYS)
    tried = (place <= YOUNGEST) & (tenure < SETTLED_DAYS) & (written < FEW_MESSAGES)
    gone, bot = roster["left"].notna().to_numpy(), roster["bot"].to_numpy()
    chosen = np.select(
        [
            bot,
            gone,
            lived & (oldest | (least >= LONG_DAYS)),
            ~known,
            (tenure < settings.novice_days) | (tried & (written > 0)),
            quiet & (written < FEW_MESSAGES),
            quiet,
        ],
        ["unknown", "gone", "veteran", "unknown", "novice", "lurker", "dormant"],
        default="regular",
    )
    chosen = np.where((chosen == "lurker") & ~knows_silence(talk, settings), "unknown", chosen)
    return pd.Series(chosen, index=roster.index, name="tenure", dtype=object)


def record_starts(talk) -> np.ndarray:
    """Return the second of the first message on record in each member's group, shape (n_roster,), missing for none."""
    first = talk.messages.groupby("group")["second"].min().reindex(range(len(talk.group_ids)))
    return first.to_numpy(dtype=float)[talk.roster["group"]]


def joined_before_record(talk) -> np.ndarray:
    """Say who may have been in the group before its record begins, shape (n_roster,)."""
    return ~(talk.roster["joined"].to_numpy() >= record_starts(talk) - RECORD_SLACK)


def knows_silence(talk, settings: CommunitySettings) -> np.ndarray:
    """Say of whom it is known that they are silent, if they are, shape (n_roster,).

    Not of those who joined before a record that is shorter than ``dormant_days``, unless they wrote in it, and
    of nobody in a group without messages.
    """
    start = record_starts(talk)
    short = ~(start <= -settings.dormant_days * DAY)  # missing: no message
    return talk.roster["last"].notna().to_numpy() | (
        np.isfinite(start) & ~(short & joined_before_record(talk))
    )


def joining_places(talk) -> np.ndarray:
    """Return the place in the order of joining of those still there: 1 the first, 0 the last.

    Returns
    -------
    ndarray of float, shape (n_roster,)
        Missing where joining is not known, for bots and for those who left; 0.5 in a group of one.
    """
    roster = talk.roster
    here = talk.here & roster["joined"].notna().to_numpy()
    joined = roster["joined"].where(here)
    grouped = joined.groupby(roster["group"])
    rank, n = grouped.rank(ascending=False), grouped.transform("count")
    place = ((rank - 1) / (n - 1).where(n > 1)).where(n > 1, 0.5)
    return place.where(here).to_numpy(dtype=float)


def roster_rows(talk) -> np.ndarray:
    """Return the row of the roster of each message's author, shape (n_messages,)."""
    n = max(len(talk.user_ids), 1)
    keys = talk.roster["group"].to_numpy(np.int64) * n + talk.roster["user"].to_numpy(np.int64)
    wanted = talk.messages["group"].to_numpy(np.int64) * n + talk.messages["user"].to_numpy(np.int64)
    return np.searchsorted(keys, wanted)


def active_weeks(talk, since_days: float | None = None) -> np.ndarray:
    """Return in how many weeks each member wrote, counted back from as_of, shape (n_roster,)."""
    second = talk.messages["second"].to_numpy()
    week = (-second - 1) // int(WEEK)
    rows = roster_rows(talk)
    if since_days is not None:
        kept = second >= -since_days * DAY
        rows, week = rows[kept], week[kept]
    span = int(week.max()) + 1 if len(week) else 1
    seen = np.unique(rows * span + week)
    return np.bincount(seen // span, minlength=len(talk.roster)).astype(np.int64)
