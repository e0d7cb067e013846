"""A table as it came, before anything is typed, mapped or judged."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from segtool.engines import DuckDBEngine, quote

ROW = "segtool row"  # a name no file has: it lies beside the user's own columns
MEMORY_ROWS = 250_000  # text of more rows than this waits in a file, packed, and not in memory


@dataclass(frozen=True)
class RawColumn:
    """One column as it lies in the file.

    Attributes
    ----------
    name : str
        Its name there, made unique.
    sql : str
        How SQL calls it.
    type : str
        SQL type in the engine.
    packed : bool
        Values lie in dictionaries, as in Parquet.
    """

    name: str
    sql: str
    type: str
    packed: bool = False


@dataclass(frozen=True)
class Raw:
    """A table as it came.

    Attributes
    ----------
    relation : str
        What stands after FROM to read it.
    numbered : str
        The same with what ``row`` needs.
    row : str
        SQL of a row's number: the physical line of a text file (the header's being 1), the row
        of a sheet, the 1-based position in Parquet and frames.
    columns : tuple of RawColumn
    origin : str
        For people: the file, its encoding and delimiter.
    lazy : bool
        Nothing was copied.
    broken : list of (int, str, str)
        Row number, reason and text of records that were no records.
    notes : tuple of str
        What was found on the way and may matter.
    files : tuple of Path
        Files that have to stay readable.
    read_from : tuple of Path
        Every file that was read, whether it has to stay or not.
    delimiter : str
        Of a text file; a comma for all else.
    left_out : tuple of LeftOut
        What an import adaptor did not take for a row.
    defaults : mapping
        Fields of `TableSettings` that an import adaptor knows, where a study does not say them.
    candidates : mapping of str to tuple of str
        Column of the table -> columns here that could be it, where the choice is the analyst's.
    codebook : Codebook or None
        What the questions of a survey are.
    repeats : int
        Records not among the rows, since an id said they were copies of earlier ones.
    late_days : int
        For how many days after its time a record may still come into the file.
    """

    relation: str
    numbered: str
    row: str
    columns: tuple[RawColumn, ...]
    origin: str
    lazy: bool = False
    broken: tuple[tuple[int, str, str], ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    delimiter: str = ","
    read_from: tuple[Path, ...] = ()
    left_out: tuple = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    candidates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    codebook: Any = None
    repeats: int = 0
    late_days: int = 0

    def without(self, dropped: Iterable[str]) -> Raw:
        """Return the same rows without the columns nobody wanted read: rejects must not show them either."""
        dropped = {name.lower() for name in dropped}
        if not dropped:
            return self
        # A record that could not be cut into cells may hold a dropped one anywhere.
        broken = tuple((number, reason, "") for number, reason, _ in self.broken)
        kept = tuple(column for column in self.columns if column.name.lower() not in dropped)
        return replace(self, columns=kept, broken=broken)


def stage(engine, table: str, data, names: list[str], origin: str, notes: Iterable[str]) -> Raw:
    """Copy rows into the engine under positional column names, so that no name can hurt on the way.

    Parameters
    ----------
    engine : DuckDBEngine
    table : str
    data : pyarrow.Table or Path
        Columns ``c0``, ``c1``, ... and `ROW`; a Parquet file in the engine's own folder is read
        where it lies.
    names : list of str
        The columns' own names.
    origin, notes
        See `Raw`.
    """
    staged = f"raw_{table}"
    engine.register(staged, data)
    types = engine.types(staged)
    packed = isinstance(data, Path)
    columns = tuple(RawColumn(name, f"c{i}", types[f"c{i}"], packed) for i, name in enumerate(names))
    relation = quote(staged)
    return Raw(relation, relation, quote(ROW), columns, origin, notes=tuple(notes))


def clean_names(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return column names trimmed, never empty and unique regardless of case, and what was changed.

    Examples
    --------
    >>> clean_names(["id", "", "ID"])[0]
    ['id', 'column_2', 'ID_2']
    """
    clean: list[str] = []
    changed = []
    taken: set[str] = set()
    for position, given in enumerate(names, start=1):
        name = unicodedata.normalize("NFC", given.replace("\0", "\u2400").strip(" \t\r\n\ufeff"))
        unique, count = name or f"column_{position}", 2
        while unique.lower() in taken:  # SQL engines do not tell "A" from "a"
            unique, count = f"{name or 'column'}_{count}", count + 1
        taken.add(unique.lower())
        clean.append(unique)
        if unique != name:
            changed.append(unique)
    notes = [f"{len(changed)} columns had no name or one that was taken: {', '.join(changed[:5])}"]
    return clean, notes if changed else []


def collect_text(engine: DuckDBEngine, table: str, blocks: Iterable[list], width: int):
    """Return blocks of text and row numbers as an Arrow table, or as a Parquet file if there are many.

    Parameters
    ----------
    engine : DuckDBEngine
        Its private folder takes the file.
    table : str
    blocks : iterable of list
        ``width`` columns of text, then row numbers.
    width : int

    Returns
    -------
    pyarrow.Table or Path
    """
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema([(f"c{i}", pa.string()) for i in range(width)] + [(ROW, pa.int64())])
    path, writer, held, rows = engine.temp_directory / f"raw_{table}.parquet", None, [], 0
    for block in blocks:
        arrays = [_to_array(values, kind) for values, kind in zip(block, schema.types, strict=True)]
        held.append(pa.record_batch(arrays, schema=schema))
        rows += held[-1].num_rows
        if rows >= MEMORY_ROWS:
            writer = writer or parquet.ParquetWriter(path, schema)
            writer.write_table(pa.Table.from_batches(held, schema))
            held, rows = [], 0
    last = pa.Table.from_batches(held, schema)
    if writer is None:
        return last
    with writer:
        writer.write_table(last)
    return path


def _to_array(values, kind):
    import pyarrow as pa

    return values if isinstance(values, pa.Array) else pa.array(values, kind)
