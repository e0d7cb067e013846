"""How results show themselves: as a table, escaped, in a notebook and in a terminal."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS_SHOWN = 20


class Shown:
    """A result that is a table first: ``to_pandas`` gives it, the rest is how it looks.

    A subclass defines ``to_pandas()`` and may define ``headline()``, one sentence that a
    reader needs before the table.
    """

    def to_pandas(self) -> pd.DataFrame:
        """Return the result as a new DataFrame."""
        raise TypeError(f"{type(self).__name__} does not say how it becomes a table")

    def headline(self) -> str:
        """Return the sentence shown above the table."""
        return type(self).__name__

    def __repr__(self) -> str:
        table = self.to_pandas()
        shown = table.head(MAX_ROWS_SHOWN).to_string(index=False, max_colwidth=60)
        return f"{self.headline()}\n{shown}{_more(len(table))}"

    def _repr_html_(self) -> str:
        table = self.to_pandas()
        body = render_html_table(table.head(MAX_ROWS_SHOWN))
        return f"<p><b>{html.escape(self.headline())}</b></p>{body}<p>{_more(len(table)).strip()}</p>"


def _more(n_rows: int) -> str:
    return f"\n... {n_rows - MAX_ROWS_SHOWN:,} more rows: .to_pandas()" if n_rows > MAX_ROWS_SHOWN else ""


def render_html_table(table: pd.DataFrame) -> str:
    """Return an HTML table with every cell escaped.

    Examples
    --------
    >>> import pandas as pd
    >>> "&lt;b&gt;" in render_html_table(pd.DataFrame({"x": ["<b>"]}))
    True
    """
    return table.to_html(index=False, escape=True, border=0, na_rep="", float_format=lambda x: f"{x:.3g}")


def join_words(words: list[str]) -> str:
    """Join words as a sentence does.

    Examples
    --------
    >>> join_words(["a", "b", "c"])
    'a, b and c'
    """
    words = [str(word) for word in words]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1] if words else ""
