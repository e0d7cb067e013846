"""Times as survey tools write them: on the clock and in the order of their owner's country."""

from __future__ import annotations

import re
from collections.abc import Sequence

# 8/31/2023 19:08:16, 31.08.2023 19:08, 2026/09/27 3:00:00 PM GMT+3, 2023/8/31 下午 3:22:33
_STAMP = re.compile(
    r"^\s*(\d{1,4})([/.\-])(\d{1,2})\2(\d{1,4})[ ,T]*"
    r"(?:(上午|下午|[AaPp]\.?\s?[Mm]\.?)\s*)?(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:\.\d+)?)?"
    r"\s*(上午|下午|[AaPp]\.?\s?[Mm]\.?)?\s*(?:(?:GMT|UTC)?\s*([+\-−]\d{1,2})(?::?(\d{2}))?|GMT|UTC|Z)?\s*$"
)
MONTH_FIRST, DAY_FIRST = "month first", "day first"
EITHER = "day and month could be the other way round: no value tells; say time_format if they are"


def find_time_format(cells: Sequence[str | None]) -> tuple[str | None, str]:
    """Return the pattern of times and a note; None for times that need no pattern, or have none.

    Examples
    --------
    >>> find_time_format(["06/10/2022 07:48:07 AM", "06/23/2022 01:02:03 PM"])
    ('%m/%d/%Y %I:%M:%S %p', '')
    """
    found = [match for cell in cells if cell and (match := _STAMP.match(cell))]
    if not found or any(len(match[1]) == 4 for match in found):
        return None, ""
    order, note = find_order(cells)
    mark, seconds, half = found[0][2], found[0][8], found[0][9]
    day = ("%d", "%m") if order == DAY_FIRST else ("%m", "%d")
    clock = ("%I:%M" if half else "%H:%M") + (":%S" if seconds else "") + (" %p" if half else "")
    return f"{day[0]}{mark}{day[1]}{mark}%Y {clock}", note


def find_order(cells: Sequence[str | None]) -> tuple[str, str]:
    """Return whether day or month comes first in times such as 8/31/2023, and a note if no value tells."""
    parts = [(m[1], m[3]) for cell in cells if cell and (m := _STAMP.match(cell)) and len(m[1]) < 3]
    if any(int(first) > 12 for first, _ in parts):
        return DAY_FIRST, ""
    if not parts or any(int(second) > 12 for _, second in parts):
        return MONTH_FIRST, ""
    return MONTH_FIRST, EITHER


def to_iso(cell: str | None, order: str = MONTH_FIRST) -> str | None:
    """Return a time as ISO text, with its zone if it says one; what is no such time stays as it is.

    Examples
    --------
    >>> to_iso("2026/09/27 3:00:00 PM GMT+3"), to_iso("2023/8/31 下午 3:22:33")
    ('2026-09-27T15:00:00+03:00', '2023-08-31T15:22:33')
    >>> to_iso("8/31/2023 19:08:16"), to_iso("31.08.2023 19:08", DAY_FIRST), to_iso("soon")
    ('2023-08-31T19:08:16', '2023-08-31T19:08:00', 'soon')
    """
    match = _STAMP.match(cell) if cell else None
    if match is None:
        return cell
    first, second, third = int(match[1]), int(match[3]), int(match[4])
    if len(match[1]) == 4:
        year, month, day = first, second, third
    else:
        year, (month, day) = third, ((second, first) if order == DAY_FIRST else (first, second))
    year += 2000 if year < 100 else 0
    hour = _hour(int(match[6]), (match[5] or match[9] or "").lower())
    if not 1 <= month <= 12 or not 1 <= day <= 31 or hour > 23:
        return cell
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{match[7]}:{match[8] or '00'}{_offset(cell, match)}"


def _hour(hour: int, half: str) -> int:
    if not half:
        return hour
    return hour % 12 + (12 if half[0] in "p下" else 0)


def _offset(cell: str, match: re.Match) -> str:
    if match[10]:
        sign = "-" if match[10][0] in "-−" else "+"
        return f"{sign}{int(match[10][1:]):02}:{match[11] or '00'}"
    return "Z" if re.search(r"(GMT|UTC|Z)\s*$", cell) else ""
