"""Checks of arguments, each ending in a message that says what is accepted."""

from __future__ import annotations

import numbers
from collections.abc import Collection, Iterable
from typing import Any

from segtool.errors import InputError, ParameterError, did_you_mean


def check_number(
    name: str,
    value: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    integer: bool = False,
    low_open: bool = False,
    high_open: bool = False,
) -> float | int:
    """Check that a number lies in a range, ends included unless ``*_open``.

    Examples
    --------
    >>> check_number("share", 0.3, low=0, high=1)
    0.3
    >>> check_number("top_k", 2.5, integer=True)
    Traceback (most recent call last):
    segtool.errors.ParameterError: top_k is 2.5. Accepted: a whole number.
    """
    kind = numbers.Integral if integer else numbers.Real
    accepted = _range_text(low, high, integer, low_open, high_open)
    is_number = isinstance(value, kind) and not isinstance(value, bool) and value == value
    too_low = is_number and low is not None and (value < low or (low_open and value == low))
    too_high = is_number and high is not None and (value > high or (high_open and value == high))
    if not is_number or too_low or too_high:
        raise ParameterError(f"{name} is {value!r}.", f"{accepted}.")
    return value


def _range_text(low, high, integer, low_open, high_open) -> str:
    text = "a whole number" if integer else "a number"
    if low is not None:
        text += f" {'above' if low_open else 'from'} {low:g}"
    if high is not None:
        text += f" {'below' if high_open else 'to'} {high:g}"
    return text


def check_in(name: str, value: Any, options: Collection[Any]) -> Any:
    """Check that a value is one of a closed list.

    Examples
    --------
    >>> check_in("ranking", "safest", ["safe", "best"])
    Traceback (most recent call last):
    segtool.errors.ParameterError: ranking is 'safest'. Accepted: did you mean 'safe'? There are: best, safe.
    """
    if value not in options:
        raise ParameterError(f"{name} is {value!r}.", did_you_mean(str(value), map(str, options)))
    return value


def check_columns(present: Iterable[str], needed: Iterable[str], where: str) -> None:
    """Check that columns exist, naming the nearest ones that do.

    Raises
    ------
    InputError
        Names the first missing column and what is there instead.
    """
    present = [str(name) for name in present]
    missing = [name for name in needed if name not in present]
    if missing:
        raise InputError(
            f"{where} has no column {', '.join(map(repr, missing))}.",
            did_you_mean(missing[0], present),
        )
