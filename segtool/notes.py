"""Notes of a plan, each marked as something known or something that could not be known."""

from __future__ import annotations

KNOWN, UNKNOWN = "Known", "Not known"


def known(text: str) -> str:
    """Mark a note that says what the plan rests on.

    Examples
    --------
    >>> known("Topics: 420 stated interests count.")
    'Known - Topics: 420 stated interests count.'
    """
    return f"{KNOWN} - {text}"


def unknown(text: str) -> str:
    """Mark a note that says what the data could not tell, and why.

    Examples
    --------
    >>> is_unknown(unknown("How often: there are no sends.")), is_unknown(known("Topics: all."))
    (True, False)
    """
    return f"{UNKNOWN} - {text}"


def is_unknown(note: str) -> bool:
    """Say whether a note is about what is not known."""
    return note.startswith(UNKNOWN)


def in_order(notes: list[str]) -> list[str]:
    """Put what is known first, keeping the order within both."""
    return sorted(notes, key=is_unknown)
