"""Text to trees: SQL read by sqlglot, and refused before that when it would exhaust the parser."""

from __future__ import annotations

import logging
import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from segtool.errors import DefinitionError

# Text longer or deeper than this is no label: it is an attack on the parser's stack.
MAX_CHARACTERS = 4_000
MAX_DEPTH = 60


def parse_all(text: str, place: str, accepted: str) -> list[exp.Expression | None]:
    """Parse a text into trees; what is no SQL, or too deep, is refused with its place."""
    try:
        return read_trees(text)
    except SqlglotError as error:
        details = (getattr(error, "errors", None) or [{}])[0]
        line = f"line {details['line']}, " if text.count("\n") and details.get("line") else ""
        raise DefinitionError(
            f"{place}, {line}character {details.get('col') or 1}: this is not well-formed.", f"{accepted}."
        ) from None
    except RecursionError:
        raise _too_deep(place) from None


def read_trees(text: str) -> list[exp.Expression | None]:
    """Parse a text; sqlglot would log a warning about statements, which are refused anyway."""
    logger = logging.getLogger("sqlglot")
    was_disabled, logger.disabled = logger.disabled, True
    try:
        return sqlglot.parse(text, dialect="duckdb")
    finally:
        logger.disabled = was_disabled


def check_size(text: str, place: str, most: int) -> None:
    """Refuse a text that is too long or too deeply nested for a parser, before one sees it."""
    if len(text) > most:
        raise DefinitionError(f"{place} has {len(text):,} characters.", f"at most {most:,}.")
    if "\x00" in text:
        raise DefinitionError(f"{place}, character {text.index(chr(0)) + 1}: a null character.", "text.")
    depth = deepest = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    # Words that nest without brackets: not not not ..., case case ..., - - - ...
    chains = len(re.findall(r"\b(?:not|case)\b", text, re.IGNORECASE))
    if max(deepest, chains) > MAX_DEPTH or re.search(r"(?:[-+~@]\s*){12}", text):
        raise _too_deep(place)


def _too_deep(place: str) -> DefinitionError:
    return DefinitionError(
        f"{place} is nested too deeply.", f"at most {MAX_DEPTH} levels.", "Split it into several measures."
    )
