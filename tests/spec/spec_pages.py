"""Renders the pages of the spec into the manual, between its marks: what is shown there is what was run.

In docs/labels.md a line ``<!-- pages: NEEDS, CASES -->`` opens a place for pages and
``<!-- end of pages -->`` closes it; all between is written from here.
"""

import re
import textwrap
from pathlib import Path

from spec_chapters import CHAPTERS
from spec_tables import Spec

MANUAL = Path(__file__).parents[2] / "docs" / "labels.md"
_PLACE = re.compile(r"^<!-- pages: (?P<names>[A-Z_, ]+) -->\n.*?^<!-- end of pages -->$", re.M | re.S)
# A drawn table longer than this shows its first rows; the rest is told in words.
MAX_ROWS = 14


def names_in(text: str) -> list[str]:
    """Return the pages a manual asks for, in order."""
    return [name.strip() for place in _PLACE.finditer(text) for name in place["names"].split(",")]


def render(text: str) -> str:
    """Return the manual with every place filled anew."""

    def fill(place: re.Match) -> str:
        names = [name.strip() for name in place["names"].split(",")]
        pages = "\n\n".join(render_page(CHAPTERS[name]) for name in names)
        return f"<!-- pages: {', '.join(names)} -->\n\n{pages}\n\n<!-- end of pages -->"

    return _PLACE.sub(fill, text)


def drift(text: str) -> str:
    """Return the first line in which a manual differs from its pages; empty when none does."""
    for number, (is_there, should_be) in enumerate(
        zip(text.splitlines(), render(text).splitlines(), strict=False), start=1
    ):
        if is_there != should_be:
            return f"line {number} is {is_there!r} and should be {should_be!r}"
    return ""


def render_page(page: Spec) -> str:
    """Return a page as Markdown: what it says, the definition, the tables and the answer."""
    tables = "\n\n".join(f"{name}\n{draw(text)}" for name, text in page.tables.items())
    answer = draw(page.answer) if page.answer.strip() else "(nothing is said of anybody)"
    return (
        f"**{page.says}**\n\n```toml\n{textwrap.dedent(page.toml).strip()}\n```\n\n"
        f"```text\n{tables}\n\nanswer\n{answer}\n```"
    )


def draw(text: str) -> str:
    """Return a drawn table with its columns in line.

    Examples
    --------
    >>> print(draw("user | n\\nu1 | 1"))
      user | n
      u1   | 1
    """
    rows = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    if len(lines) <= MAX_ROWS:
        return "\n".join(lines)
    lines = _count_repeats(lines)
    n_left = len(lines) - MAX_ROWS
    return "\n".join(
        [*lines[: MAX_ROWS // 2], f"  ... {n_left} more rows", *lines[-MAX_ROWS // 2 :]]
        if n_left > 0
        else lines
    )


def _count_repeats(lines: list[str]) -> list[str]:
    """Return lines with equal neighbours told once and counted."""
    found: list[tuple[str, int]] = []
    for line in lines:
        if found and found[-1][0] == line:
            found[-1] = (line, found[-1][1] + 1)
        else:
            found.append((line, 1))
    return [line if n == 1 else f"{line}   ({n} times)" for line, n in found]
