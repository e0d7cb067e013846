"""Bringing the clean tables of a study over to another engine, as Parquet files and in one pass."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from segtool.engines import Engine, quote
from segtool.errors import OutputError


def move_tables(home: Engine, tables: Iterable[str], engine: Engine, folder: str | Path | None) -> None:
    """Write tables of one engine to files and make them tables of another.

    Parameters
    ----------
    home : Engine
        Where the tables are.
    tables : iterable of str
    engine : Engine
        Where they are wanted.
    folder : str or Path, optional
        A folder that the engine can read, which keeps the files and is read on demand. Without
        one, the files are temporary and the engine holds the rows itself.

    Raises
    ------
    OutputError
        If the folder is no folder.
    """
    if folder is not None:
        if not Path(folder).is_dir():
            raise OutputError(f"There is no folder {str(folder)!r}.", fix="Make it first.")
        _move(home, tables, engine, Path(folder), keep=True)
        return
    with tempfile.TemporaryDirectory(prefix="segtool-") as passing:
        _move(home, tables, engine, Path(passing), keep=False)


def _move(home: Engine, tables: Iterable[str], engine: Engine, folder: Path, *, keep: bool) -> None:
    for name in tables:
        path = folder / f"{name}.parquet"
        home.write(f"SELECT * FROM {quote(name)}", path, "parquet")
        engine.register(name, path)
        if not keep:
            engine.create(name, f"SELECT * FROM {quote(name)}")
