"""Tables of the report: texts only, rounded for reading."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from segtool.outputs.small_shares import percent

MAX_ROWS = 200  # a page is read, not searched: the CSV has the rest


@dataclass(frozen=True)
class Table:
    """A table of texts; ``numeric`` are the columns that line up at the right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[int, ...] = ()
    left_out: str = ""


NOTHING = Table((), ())


def describe_table(
    frame: pd.DataFrame, columns: dict[str, str], *, max_rows: int = MAX_ROWS, where_all: str = ""
) -> Table:
    """Return a table of texts: the columns that are there, renamed, numbers rounded for reading.

    Parameters
    ----------
    frame : pd.DataFrame
    columns : dict of str to str
        Column to heading; a heading that ends in "%" shows a share as per cent.
    max_rows : int
        More are left out, and the table says where they are.
    where_all : str
        The file that holds all rows.
    """
    present = {name: heading for name, heading in columns.items() if name in frame.columns}
    shown = frame[list(present)].head(max_rows)
    cells = [[_cell(value, heading) for value in shown[name]] for name, heading in present.items()]
    numeric = tuple(
        place
        for place, name in enumerate(present)
        if pd.api.types.is_numeric_dtype(frame[name]) and not pd.api.types.is_bool_dtype(frame[name])
    )
    left_out = f"{len(frame) - max_rows:,} more rows: {where_all}" if len(frame) > max_rows else ""
    headings = tuple(heading.removesuffix("%").strip() for heading in present.values())
    return Table(headings, tuple(zip(*cells, strict=True)) if cells else (), numeric, left_out)


def _cell(value, heading: str) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return "–"
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return "yes" if value else "no"
    if hasattr(value, "item"):
        value = value.item()
    if heading.endswith("%"):
        return percent(value)
    if isinstance(value, float) and not value.is_integer():
        if abs(value) < 0.1:  # 0.004 answers per send are not 0.00
            return f"{value:#.2g}"
        return f"{value:,.2f}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,.0f}" if isinstance(value, (int, float)) else str(value)
