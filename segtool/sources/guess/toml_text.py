"""Text that is safe in a TOML file, whatever names a user's file has."""

from __future__ import annotations

import re


def text(value: str) -> str:
    """Return a TOML string.

    Examples
    --------
    >>> print(text('a "b" \\\\ c'))
    "a \\"b\\" \\\\ c"
    """
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    shown = "".join(escapes.get(c, c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}") for c in value)
    return f'"{shown}"'


def comment(sentence: str, indent: int = 0) -> str:
    """Return a comment, one line whatever the sentence holds."""
    return "# " + " " * indent + one_line(sentence)


def one_line(sentence: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]+", " ", sentence)


def shorten(words: str, longest: int = 300) -> str:
    return words if len(words) <= longest else words[:longest].rsplit(",", 1)[0] + ", ..."
