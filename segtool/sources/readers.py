"""From a file or a frame to rows in the engine, as they are: nothing is typed, mapped or judged here.

Text (CSV, Excel) is copied into the engine as text, cut into records by segtool's own strict pass;
frames are copied as they are typed; Parquet stays where it is and is read when asked for.
"""

from __future__ import annotations

import glob
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from segtool.engines import DuckDBEngine, quote
from segtool.engines.duckdb_engine import parquet_scan
from segtool.engines.frames import to_arrow
from segtool.errors import DefinitionError, InputError, did_you_mean
from segtool.sources.adaptors import choose_adaptor, look_at_head
from segtool.sources.adaptors.stage import read_adapted
from segtool.sources.excel import read_excel
from segtool.sources.parquet_files import describe_parquet
from segtool.sources.raw import ROW, Raw, RawColumn, clean_names, stage
from segtool.sources.settings import TableSettings
from segtool.sources.text_files import read_delimited


def read_raw(engine: DuckDBEngine, table: str, settings: TableSettings, data: Any, base: Path | None) -> Raw:
    """Bring a table into the engine's reach.

    Parameters
    ----------
    engine : DuckDBEngine
    table : str
        segtool's name of it; copied rows lie under a name derived from it.
    settings : TableSettings
    data : pandas.DataFrame, pyarrow.Table or None
        None: the file that ``settings.path`` names.
    base : Path or None
        Folder that relative paths start from.

    Raises
    ------
    InputError
        If there is no such file, or it is not what it seems.
    """
    if data is not None and (settings.format or settings.codebook):
        said = "format" if settings.format else "codebook"
        raise DefinitionError(f"sources.{table}: {said} is for files, not for a table in memory.")
    if data is not None:
        return read_frame(engine, table, data)
    files = find_files(table, settings.path, base)
    adaptor, note = choose_adaptor(table, settings, files)
    if adaptor is not None:
        settings = _with_codebook(settings, base)
        adapted = read_adapted(engine, table, adaptor, files, settings, note)
        books = [Path(settings.codebook)] if settings.codebook else []
        return replace(adapted, read_from=(*files, *books))
    kind = _kind_of_file(files[0])
    if kind == "parquet":
        return replace(read_parquet(engine, table, files), read_from=tuple(files))
    if len(files) > 1:
        raise InputError(
            f"{table}: {settings.path} means {len(files)} files, which are not Parquet.",
            "one file, or several Parquet files.",
        )
    read = read_excel if kind == "excel" else read_delimited
    return replace(read(engine, table, files[0], settings), read_from=tuple(files))


def _with_codebook(settings: TableSettings, base: Path | None) -> TableSettings:
    """Return settings whose codebook is found from anywhere."""
    if settings.codebook is None or base is None:
        return settings
    return settings.model_copy(update={"codebook": str(base / Path(settings.codebook).expanduser())})


def find_files(table: str, path: str, base: Path | None = None) -> list[Path]:
    """Return the files a path, folder or pattern means, sorted.

    Raises
    ------
    InputError
        If there is none; names the nearest file of the folder.
    """
    full = Path(path).expanduser()
    full = full if full.is_absolute() or base is None else base / full
    if full.is_dir():
        files = sorted(p for p in full.rglob("*") if p.suffix == ".parquet" and p.is_file())
    elif full.exists():
        files = [full]
    else:
        files = sorted(Path(name) for name in glob.glob(str(full), recursive=True) if Path(name).is_file())
    if not files:
        there = [p.name for p in full.parent.iterdir()] if full.parent.is_dir() else []
        raise InputError(
            f"{table}: there is no file {path!r}{'' if there else ', nor its folder'}.",
            f"in {full.parent}, {did_you_mean(full.name, there)}" if there else None,
            "Correct the path; a relative one starts at the study file (or at base=).",
        )
    return [file.resolve() for file in files]


def _kind_of_file(path: Path) -> str:
    """Tell a file by its first bytes: people name Excel files .csv."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise InputError(f"{path.name} cannot be opened: {error.strerror}.") from error
    if not start:
        raise InputError(f"{path.name} is empty.", "a file with a header line.")
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(b"PK\x03\x04"):
        if look_at_head(path).kind == "zip":
            raise InputError(f"{path.name} is a .zip file.", "the file inside it.", "Unpack it.")
        return "excel"
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputError(f"{path.name} is an old Excel file.", ".xlsx or CSV.", "Save it as .xlsx.")
    if start.startswith((b"$FL2", b"<stata_d")):
        raise InputError(
            f"{path.name} is an SPSS or Stata file.", "CSV, Parquet or Excel.", "Save it as CSV."
        )
    return "text"


def read_parquet(engine: DuckDBEngine, table: str, files: list[Path]) -> Raw:
    described, row = describe_parquet(engine, files, f"{table}: ")
    columns = tuple(
        RawColumn(name, quote(name), sql_type, packed=True) for name, sql_type in described.items()
    )
    origin = files[0].name if len(files) == 1 else f"{len(files)} Parquet files"
    relation, numbered = parquet_scan(files), parquet_scan(files, numbered=True)
    return Raw(relation, numbered, row, columns, origin, lazy=True, files=tuple(files))


def read_frame(engine: DuckDBEngine, table: str, data: Any) -> Raw:
    kind = "DataFrame" if isinstance(data, pd.DataFrame) else "Arrow table"
    if isinstance(data, pd.DataFrame):
        data = to_arrow(data)
    if not hasattr(data, "rename_columns") or not hasattr(data, "append_column"):
        raise InputError(
            f"{table} is a {type(data).__name__}.", "a path, a DataFrame, an Arrow table or TableSettings."
        )
    import pyarrow as pa

    names, notes = clean_names([str(name) for name in data.column_names])
    numbers = pa.array(range(1, data.num_rows + 1), pa.int64())
    positional = data.rename_columns([f"c{i}" for i in range(len(names))])
    return stage(engine, table, positional.append_column(ROW, numbers), names, kind, notes)
