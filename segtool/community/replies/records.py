"""Whether an export records all answers or only some of them, such as those that quote what they answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from segtool.community.replies.coefficients import WITHOUT_TEXT
from segtool.community.replies.lines import read_lines
from segtool.community.settings import CommunitySettings

FEW_EXPECTED = (
    0.1  # of messages; one voice that speaks to all is hardly answered, which is no gap in the record
)
LEAST_EXPECTED = 30  # answers; where fewer are expected, none recorded says little
SURELY_ALL = (
    0.6  # of messages; in annotated chats, in which every answer is marked, 54 in 100 answer somebody
)
BLOCKS, BLOCK = 20, 1000  # lines looked at: enough to know a share to two digits, in a tenth of a second


@dataclass(frozen=True)
class Records:
    """Answers on record, and how many are to be expected of such a talk.

    Parameters
    ----------
    n : int
        Messages of people.
    n_recorded : int
        Of these, answers on record.
    expected : float
        Share of messages that answer one, as times and turns have it; missing where nothing hangs on it.
    whole : bool
        Whether the record is taken to have all answers.
    """

    n: int
    n_recorded: int
    expected: float
    whole: bool


def find_recorded(talk) -> np.ndarray:
    """Return whether each message says that it answers one, shape (n_messages,)."""
    return (talk.messages["reply"].to_numpy() >= 0) | talk.messages["replied_lost"].to_numpy()


def judge_records(talk, settings: CommunitySettings | None = None) -> Records:
    """Say whether the record has all answers.

    Parameters
    ----------
    talk : Talk
    settings : CommunitySettings, optional
        ``reply_links`` forces either; ``least_recorded`` is the share of the expected answers below which
        the record is taken to have only some.

    Notes
    -----
    Expected is the share of answers by the coefficients without texts, over up to twenty stretches of a
    thousand messages. In slow chats it is on the low side, so that a whole record is not taken for part of one.
    """
    settings = settings or talk.settings
    rows = np.flatnonzero(talk.by_people)
    n, n_recorded = len(rows), int(find_recorded(talk)[rows].sum())
    if settings.reply_links != "auto" or not n_recorded or n_recorded >= SURELY_ALL * n:
        whole = settings.reply_links == "recorded" or (settings.reply_links == "auto" and n_recorded > 0)
        return Records(n, n_recorded, np.nan, whole)
    starts = np.unique(np.linspace(0, max(n - BLOCK, 0), BLOCKS).astype(int)) if n > BLOCK * BLOCKS else [0]
    size = BLOCK if n > BLOCK * BLOCKS else n
    shares = [_expect(talk, rows[start : start + size], settings) for start in starts]
    expected = float(np.mean(shares))
    return Records(n, n_recorded, expected, not falls_short(n_recorded, expected * n, n, settings))


def falls_short(n_recorded, n_expected, n, settings: CommunitySettings):
    """Say of counts, or arrays of them, whether far fewer answers are recorded than are expected."""
    telling = (n_expected >= LEAST_EXPECTED) & (n_expected >= FEW_EXPECTED * n)
    return telling & (n_recorded < settings.least_recorded * n_expected)


def find_gaps(group: np.ndarray, recorded: np.ndarray, expected: np.ndarray, settings) -> np.ndarray:
    """Return whether each line is of a group whose record is to be filled, shape (n,).

    Not to be filled are groups that record what is expected, and those in which few answers are expected.
    """
    n = np.bincount(group)
    n_recorded, n_expected = np.bincount(group, recorded), np.bincount(group, expected)
    whole = n_recorded >= settings.least_recorded * n_expected
    return (~whole & (n_expected >= FEW_EXPECTED * n))[group]


def _expect(talk, rows: np.ndarray, settings: CommunitySettings) -> float:
    columns = [talk.messages[name].to_numpy()[rows] for name in ("group", "user", "second")]
    choice = WITHOUT_TEXT.choose(read_lines(*columns, None, {}), settings.link_messages_back)
    return float(np.mean(1 - choice.starts - choice.goes_on))
