"""Numbers as they stand in sentences: rounded for reading, shares in per cent, their changes in points."""

from __future__ import annotations

import numpy as np


def is_rate(y: np.ndarray, per: np.ndarray | None = None) -> bool:
    """Say whether a metric is a share: yes or no per user, or a part of what it is counted per.

    Examples
    --------
    >>> is_rate(np.array([0.0, 1.0])), is_rate(np.array([0.0, 30.0])), is_rate(np.array([2.0]), np.array([5.0]))
    (True, False, True)
    """
    if per is not None:
        return bool(((y >= 0) & (y <= per)).all())
    return bool(np.isin(y, (0.0, 1.0)).all())


def say_number(value: float, digits: int = 3) -> str:
    """Return a number with a few digits, never as a power of ten.

    Examples
    --------
    >>> [say_number(v) for v in (0.0, 0.012345, 3.14159, 1234.5)]
    ['0', '0.0123', '3.14', '1,234']
    """
    if not np.isfinite(value) or value == 0:
        return f"{value:.0f}"
    places = max(digits - 1 - int(np.floor(np.log10(abs(value)))), 0)
    return f"{value:,.{places}f}"


def say_size(value: float, rate: bool, *, unit: bool = True) -> str:
    """Return the size of a change: percentage points of a share, else the plain number.

    Examples
    --------
    >>> say_size(0.03456, True), say_size(0.03456, True, unit=False), say_size(12.345, False)
    ('3.5 percentage points', '3.5', '12.3')
    """
    if not rate:
        return say_number(value)
    return say_number(100 * value, 2) + (" percentage points" if unit else "")


def say_between(value: float, lo: float, hi: float, rate: bool, *, after: str = "") -> str:
    """Return a change with its interval, ``after`` standing behind its size.

    Examples
    --------
    >>> say_between(0.03456, 0.0012, 0.06, True, after=" more than control")
    '3.5 percentage points more than control, between 0.12 and 6.0'
    """
    low, high = (say_size(end, rate, unit=False) for end in (lo, hi))
    return f"{say_size(value, rate)}{after}, between {low} and {high}"


def say_share(share: float) -> str:
    """Return a share in per cent; with one more digit where it is near 0 or 1.

    Examples
    --------
    >>> say_share(0.25), say_share(0.973), say_share(0.004)
    ('25%', '97.3%', '0.4%')
    """
    return f"{share:.1%}" if min(share, 1 - share) < 0.05 and share not in (0, 1) else f"{share:.0%}"
