"""Lines of a WhatsApp export: where a message begins, and what its date means."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from segtool.errors import InputError
from segtool.sources.adaptors.chats_whatsapp_words import AFTERNOON, HALF, MARKS, SPACES

_DATE = r"(?P<a>\d{1,4})(?P<sep>\s?[./\-年]\s?)(?P<b>\d{1,2})\s?[./\-月]\s?(?P<c>\d{1,4})[.日]?"
_TIME = rf"(?:(?P<before>{HALF})\s?)?(?P<h>\d{{1,2}})[:.](?P<m>\d{{2}})(?:[:.](?P<s>\d{{2}}))?(?:\s?(?P<after>{HALF}))?"
_HEAD = rf"{_DATE},?\s(?:[^\W\d]{{1,5}}\.?\s)?{_TIME}"
START = re.compile(rf"(?:\[{_HEAD}\]\s?|{_HEAD.replace('?P<', '?P<x')}\s[-–—]\s)", re.IGNORECASE)

ORDERS = {"day first": (2, 1, 0), "month first": (2, 0, 1), "year first": (0, 1, 2)}  # year, month, day
FIRST_YEAR, LAST_YEAR = 2009, 2099  # WhatsApp began in 2009
FULL_FORMATS = ("%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S")
DAY = dt.timedelta(days=1)
LONGEST_HEAD = 80  # characters that date and time may take, marks included


@dataclass
class Line:
    """A message as it stands in the file.

    Attributes
    ----------
    number : int
        Line it begins on.
    stamp : tuple of str
        The three numbers of its date, then hour, minute, second, half of the day.
    written : str
        Date and time as they stand there.
    text : str
        All the rest, its own further lines included.
    bracketed : bool
        Its date stands in brackets, as on iPhones.
    """

    number: int
    stamp: tuple[str, ...]
    written: str
    text: str
    bracketed: bool = False


def cut_messages(lines: Iterable[str]) -> tuple[list[Line], int]:
    """Return the messages of a file, and how many lines stand before the first.

    Only lines that begin as most do begin a message: a chat pasted into a message from another phone
    stays part of it.

    Examples
    --------
    >>> found, before = cut_messages(["31/12/24, 21:15 - Ann: a", "b", "31/12/24, 21:16 - Ben: c"])
    >>> [(line.number, line.text) for line in found], before
    ([(1, 'Ann: a\\nb'), (3, 'Ben: c')], 0)
    """
    read = [(line, _begin(line)) for line in lines]
    kinds = Counter(begin.kind for _, begin in read if begin)
    if not kinds:
        return [], sum(1 for line, _ in read if line.strip())
    usual = max(kinds, key=lambda kind: (kinds[kind], kind))
    messages: list[Line] = []
    before = 0
    for number, (line, begin) in enumerate(read, start=1):
        if begin and begin.kind == usual:
            messages.append(Line(number, begin.stamp, begin.written, line[begin.end :], begin.kind[0]))
        elif messages:
            messages[-1].text += "\n" + line
        elif line.strip():
            before += 1
    for message in messages:
        message.text = message.text.rstrip("\n ")
    return messages, before


@dataclass(frozen=True)
class _Begin:
    """The date and time at the beginning of a line; ``kind`` is whether in brackets, and its mark."""

    kind: tuple[bool, str]
    stamp: tuple[str, ...]
    written: str
    end: int


def _begin(line: str) -> _Begin | None:
    head = line[:LONGEST_HEAD]
    bare = MARKS.sub("", head)
    if not (bare[:1].isdigit() or bare.startswith("[")):
        return None
    found = START.match(SPACES.sub(" ", bare))
    if found is None:
        return None
    x = "" if found["sep"] is not None else "x"
    half = found[f"{x}before"] or found[f"{x}after"] or ""
    stamp = tuple(found[f"{x}{part}"] or "" for part in "abchms")
    written = found[0].strip(" -–—[]")
    end = found.end()
    if len(bare) < len(head):  # marks were between: count them in again
        end = [place for place, sign in enumerate(head) if not MARKS.match(sign)][end - 1] + 1
    return _Begin((not x, found[f"{x}sep"].strip()), (*stamp, half), written, end)


def read_times(messages: Sequence[Line], time_format: str | None) -> tuple[list[dt.datetime | None], str]:
    """Return the clock time of each message (None if it has none), and a sentence on the order of dates.

    Chats run forward: of two readings that the calendar allows, the one in which time goes back less
    often is right. If neither does, nothing in the file tells, and that is said instead of guessed.

    Raises
    ------
    InputError
        If day and month could be either, or no reading fits.
    """
    candidates = _orders(messages, time_format)
    read = {order: [_moment(message.stamp, ORDERS[order]) for message in messages] for order in candidates}
    odd = {order: sum(moment is None for moment in moments) for order, moments in read.items()}
    fewest = min(odd.values())
    left = [order for order in candidates if odd[order] == fewest]
    if fewest == len(messages):
        raise InputError(
            "No date of the chat can be read.",
            "day, month and year as numbers, from 2009 on.",
            "Export it again.",
        )
    why = "no other order gives dates"
    if len(left) > 1 and any(read[order] != read[left[0]] for order in left):
        back = {order: _steps_back(read[order]) for order in left}
        least = min(back.values())
        left = [order for order in left if back[order] == least]
        why = "in the other order the chat would run backwards"
        if len(left) > 1:
            raise _either(left)
    if time_format:
        why = "as time_format says"
    return read[left[0]], f"dates are read {left[0]}: {why}"


def _orders(messages: Sequence[Line], time_format: str | None) -> list[str]:
    """Return the orders that dates of this length can be in."""
    if time_format:
        if time_format not in FULL_FORMATS:
            raise InputError(
                f"time_format is {time_format!r}, which does not say the order of a WhatsApp chat's dates.",
                " or ".join(FULL_FORMATS) + ".",
            )
        return ["day first" if time_format == FULL_FORMATS[0] else "month first"]
    lengths = Counter(
        "first" if len(m.stamp[0]) == 4 else "last" if len(m.stamp[2]) == 4 else "short" for m in messages
    )
    usual = max(lengths, key=lambda length: (lengths[length], length))
    if usual == "first":
        return ["year first"]
    # Two digits of a year come first in Korea only, which sets points and spaces: "22. 3. 15."
    korean = usual == "short" and re.match(r"\d+\.\s", messages[0].written)
    return [*ORDERS] if korean else ["day first", "month first"]


def _moment(stamp: tuple[str, ...], order: tuple[int, int, int]) -> dt.datetime | None:
    year, month, day = (int(stamp[place]) for place in order)
    hour, minute, second = (int(part or 0) for part in stamp[3:6])
    half = stamp[6].lower().replace(".", "").replace(" ", "")
    if half:
        if not 0 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in AFTERNOON else 0)
    year = year + 2000 if year < 100 else year
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    try:
        return dt.datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None


def _steps_back(moments: Sequence[dt.datetime | None]) -> int:
    """Count how often a message is more than a day older than the one before: clocks err by less."""
    known = [moment for moment in moments if moment is not None]
    return sum(later < earlier - DAY for earlier, later in itertools.pairwise(known))


def _either(orders: Sequence[str]) -> InputError:
    return InputError(
        f"The dates of the chat could be {' or '.join(orders)}: no day is above 12, and both run forward.",
        f'time_format = "{FULL_FORMATS[0]}" (day first) or "{FULL_FORMATS[1]}" (month first).',
        "Say which; the clock of the phone that exported the chat decides.",
    )
