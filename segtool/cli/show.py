"""How results reach a terminal: progress on standard error, tables or JSON on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


@contextmanager
def show_progress(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show a spinner with the current step on standard error, where a person watches."""
    if quiet or not sys.stderr.isatty():
        yield (lambda step: None) if quiet else (lambda step: print(f"segtool: {step}", file=sys.stderr))
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield lambda step: status.update(f"segtool: {step}")


def show(table: pd.DataFrame, text: str, as_json: bool, csv: Path | None = None) -> None:
    """Print a table, or all of it as JSON; ``csv`` is where it was written, if it was."""
    if as_json:
        print_json({"summary": text, "rows": list_records(table)})
    else:
        print_table(table, text, csv)


def list_records(table: pd.DataFrame) -> list[dict]:
    return json.loads(table.to_json(orient="records", date_format="iso", force_ascii=False))


def print_json(document: dict) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False))


def print_table(table: pd.DataFrame, text: str, csv: Path | None = None) -> None:
    from rich.console import Console
    from rich.table import Table

    print(text)
    shown = Table(header_style="bold", show_lines=False)
    for column in table.columns:
        numeric = table[column].dtype.kind in "iuf"
        shown.add_column(str(column), justify="right" if numeric else "left", overflow="fold")
    for row in table.head(30).itertuples(index=False):
        shown.add_row(*(_cell(value) for value in row))
    Console(markup=False, emoji=False, width=None if sys.stdout.isatty() else 160).print(shown)
    if len(table) > 30:
        where = f"in {csv}" if csv else "write them with --csv FILE"
        print(f"... {len(table) - 30:,} more rows: {where}")


def _cell(value: Any) -> str:
    if value is None or str(value) in ("nan", "<NA>", "NaT"):
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
