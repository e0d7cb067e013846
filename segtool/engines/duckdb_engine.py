"""DuckDB inside this process: spills to disk under a memory limit, and reads only what it was given."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd

from segtool.checks import check_in, check_number
from segtool.engines.base import kind_of, literal, quote
from segtool.engines.frames import to_arrow
from segtool.engines.zones import utc_to_local
from segtool.errors import InputError, OutputError, ParameterError, SegtoolError

if TYPE_CHECKING:
    import pyarrow as pa

# Extensions are never fetched (no network), progress bars stay out of notebooks, and a table name in SQL
# never picks up a Python variable that happens to be called the same.
SETTINGS = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}
COPY_OPTIONS = {"parquet": "FORMAT parquet, COMPRESSION zstd", "csv": "FORMAT csv, HEADER true"}


class DuckDBEngine:
    """SQL on one machine.

    Parameters
    ----------
    memory_limit : str or None, default "60%"
        Share of the machine's memory ("60%") or an amount ("4GB"); above it DuckDB spills to
        disk. None leaves DuckDB's own default (80 %).
    threads : int, optional
        As many as there are cores by default.
    temp_directory : str or Path, optional
        Folder in which a private folder is made for spilling and for files being written; the
        system's by default. It is removed when the engine is closed.

    Examples
    --------
    >>> with DuckDBEngine(memory_limit="1GB") as engine:
    ...     engine.register("t", pd.DataFrame({"user_id": ["b", "a"], "n": [1, 2]}))
    ...     engine.query("SELECT user_id FROM t ORDER BY user_id")["user_id"].tolist()
    ['a', 'b']
    """

    dialect = "duckdb"

    def __init__(
        self,
        memory_limit: str | None = "60%",
        threads: int | None = None,
        temp_directory: str | Path | None = None,
    ):
        if threads is not None:
            check_number("threads", threads, low=1, integer=True)
        self.memory_limit, self.threads = memory_limit, threads
        self.temp_directory = Path(_make_private_folder(temp_directory))
        self._locked = False
        self._cleanup = weakref.finalize(self, shutil.rmtree, self.temp_directory, ignore_errors=True)
        try:
            self._connection = self._connect()
        except BaseException:
            self._cleanup()
            raise

    def _connect(self) -> duckdb.DuckDBPyConnection:
        config: dict[str, Any] = {**SETTINGS, "temp_directory": str(self.temp_directory)}
        if self.threads is not None:
            config["threads"] = self.threads
        connection = duckdb.connect(":memory:", config=config)
        # Global, so that every cursor agrees: a cast from a time with a zone must mean UTC.
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        _limit_memory(connection, self.memory_limit)
        return connection

    # -- tables ---------------------------------------------------------------------------------

    def register(self, name: str, data) -> None:
        """Make data a table under a name, replacing what had it.

        Parameters
        ----------
        name : str
        data : pandas.DataFrame, pyarrow.Table, pyarrow.RecordBatchReader, path or list of paths
            Frames and Arrow data are copied in (batches of a reader stream in). Parquet paths
            become a view: nothing is read until a statement asks for it.
        """
        if isinstance(data, (str, os.PathLike)):
            data = [data]
        if isinstance(data, (list, tuple)):
            self._register_parquet(name, [Path(path) for path in data])
            return
        arrow = to_arrow(data) if isinstance(data, pd.DataFrame) else data
        self._copy_arrow(name, arrow)

    def _register_parquet(self, name: str, paths: list[Path]) -> None:
        missing = [path for path in paths if not path.exists()]
        if missing or not paths:
            raise InputError(f"There is no file {str(missing[0]) if missing else '(empty list)'!r}.")
        if self._locked:
            # The lock lets DuckDB open only the files it knew then; Arrow streams this one in instead.
            import pyarrow.dataset

            self._copy_arrow(name, pyarrow.dataset.dataset(paths).scanner().to_reader())
        else:
            self.create(name, f"SELECT * FROM {parquet_scan(paths)}", lazy=True)

    def _copy_arrow(self, name: str, data) -> None:
        source = f"incoming_{uuid.uuid4().hex}"
        self._connection.register(source, data)
        try:
            self.create(name, f"SELECT * FROM {quote(source)}")
        finally:
            self._connection.unregister(source)

    def create(self, name: str, sql: str, *, lazy: bool = False) -> None:
        """Make or replace a table (a view if ``lazy``) from a SELECT, which may read the old one."""
        if lazy:
            if self._relation_kind(name) == "TABLE":
                self.drop(name)
            self.execute(f"CREATE OR REPLACE VIEW {quote(name)} AS {sql}")
            return
        made = f"making_{uuid.uuid4().hex}"
        self.execute(f"CREATE TABLE {quote(made)} AS {sql}")
        self.drop(name)
        self.execute(f"ALTER TABLE {quote(made)} RENAME TO {quote(name)}")

    def drop(self, name: str) -> None:
        """Remove a table or view, if there."""
        kind = self._relation_kind(name)
        if kind:
            self.execute(f"DROP {kind} {quote(name)}")

    def _relation_kind(self, name: str) -> str | None:
        found = self.execute(
            "SELECT 'TABLE' FROM duckdb_tables() WHERE lower(table_name) = lower($name) UNION ALL "
            "SELECT 'VIEW' FROM duckdb_views() WHERE lower(view_name) = lower($name) AND NOT internal",
            {"name": name},
        ).fetchone()
        return found[0] if found else None

    def tables(self) -> list[str]:
        """Return the names of tables and views, sorted."""
        rows = self.execute(
            "SELECT table_name FROM duckdb_tables() UNION ALL "
            "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1"
        ).fetchall()
        return [name for (name,) in rows]

    def columns(self, name: str) -> dict[str, str]:
        """Return column -> kind, in the table's order."""
        return {column: kind_of(sql_type) for column, sql_type in self.types(name).items()}

    def types(self, name: str) -> dict[str, str]:
        """Return column -> SQL type of a table or view."""
        if self._relation_kind(name) is None:
            raise ParameterError(f"The engine has no table {name!r}.", f"{', '.join(self.tables())}.")
        return {row[0]: row[1] for row in self.execute(f"DESCRIBE {quote(name)}").fetchall()}

    # -- statements -----------------------------------------------------------------------------

    def execute(self, sql: str, parameters: dict | None = None) -> duckdb.DuckDBPyConnection:
        """Run a statement; memory that is not enough ends in a message that says what to change."""
        with _memory_errors():
            return self._connection.execute(sql, parameters)

    def query(self, sql: str) -> pd.DataFrame:
        """Run a statement and return its rows; DECIMAL becomes float64, BOOLEAN with NULL "boolean"."""
        with _memory_errors():
            return self.execute(sql).df()

    def arrow(self, sql: str) -> pa.Table:
        """Run a statement and return its rows as an Arrow table."""
        result = self.execute(sql)
        with _memory_errors():
            # Named to_arrow_table since DuckDB 1.5, fetch_arrow_table before.
            return (getattr(result, "to_arrow_table", None) or result.fetch_arrow_table)()

    def batches(self, sql: str, rows: int = 100_000) -> Iterator[pa.RecordBatch]:
        """Return the rows of a statement in batches; other statements may run meanwhile."""
        check_number("rows", rows, low=1, integer=True)
        cursor = self._connection.cursor()
        try:
            with _memory_errors():
                cursor.execute(sql)
                # Named to_arrow_reader since DuckDB 1.5, fetch_record_batch before.
                reader = getattr(cursor, "to_arrow_reader", None) or cursor.fetch_record_batch
                yield from reader(rows)
        finally:
            cursor.close()

    def write(self, sql: str, path: str | Path, format: str) -> int:
        """Write the rows of a statement to a file, which appears whole or not at all.

        Parameters
        ----------
        sql : str
            A SELECT, with an ORDER BY.
        path : str or Path
            Replaced if there. Its folder must exist.
        format : {"parquet", "csv"}

        Returns
        -------
        int
            Rows written.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        check_in("format", format, COPY_OPTIONS)
        draft = self.temp_directory / f"write-{uuid.uuid4().hex}"
        try:
            target = literal(str(draft))
            (rows,) = self.execute(f"COPY ({sql}) TO {target} ({COPY_OPTIONS[format]})").fetchone()
            _publish(draft, Path(path))
        except (duckdb.IOException, OSError) as error:
            raise OutputError(f"{path} could not be written: {_first_line(error)}") from error
        finally:
            draft.unlink(missing_ok=True)
        return rows

    def local_time(self, column: str, zone: str, between: tuple | None = None) -> str:
        """Return SQL for the wall-clock time of a UTC timestamp; see `zones.utc_to_local`."""
        return utc_to_local(column, zone, between)

    # -- safety ---------------------------------------------------------------------------------

    def lock(self, paths: list[Path] | None = None) -> None:
        """Shut every door for the rest of this engine's life.

        From here no statement can read a file that is not in ``paths``, write one outside the
        engine's private folder, attach, install or change a setting. `register` and `write`
        go on working.
        """
        if self._locked:
            return
        allowed = ", ".join(literal(str(path)) for path in paths or [])
        self.execute(f"SET allowed_directories = [{literal(str(self.temp_directory))}]")
        self.execute(f"SET allowed_paths = [{allowed}]")
        self.execute("SET enable_external_access = false")
        self.execute("SET lock_configuration = true")
        self._locked = True

    def close(self) -> None:
        """Free memory and temporary files. A closed engine cannot be used again."""
        self._connection.close()
        self._cleanup()

    def __enter__(self) -> DuckDBEngine:
        return self

    def __exit__(self, *exception) -> None:
        self.close()


def parquet_scan(paths: list[Path], *, numbered: bool = False) -> str:
    """Return the SQL call that reads Parquet files, with their row numbers if asked."""
    files = ", ".join(literal(str(path)) for path in paths)
    return f"read_parquet([{files}]{', file_row_number = true, filename = true' if numbered else ''})"


def _make_private_folder(parent: str | Path | None) -> str:
    try:
        return tempfile.mkdtemp(prefix="segtool-", dir=parent)
    except OSError as error:
        raise OutputError(f"No temporary folder can be made in {parent}: {_first_line(error)}") from error


def _limit_memory(connection: duckdb.DuckDBPyConnection, limit: str | None) -> None:
    if limit is None:
        return
    try:
        if limit.strip().endswith("%"):
            limit = _share_of_memory(connection, float(limit.strip()[:-1]) / 100)
        connection.execute(f"SET memory_limit = {literal(limit)}")
    except (ValueError, AttributeError, duckdb.Error) as error:
        accepted = 'a share like "60%" or an amount like "4GB".'
        raise ParameterError(f"memory_limit is {limit!r}.", accepted) from error


def _share_of_memory(connection: duckdb.DuckDBPyConnection, share: float) -> str:
    """Scale DuckDB's own default, 80 % of what it may use: it knows of containers' limits."""
    check_number("memory_limit", share, low=0, high=1, low_open=True)
    (text,) = connection.execute("SELECT current_setting('memory_limit')").fetchone()
    amount, unit = text.split()
    return f"{float(amount) / 0.8 * share:.3f}{unit}"


class _memory_errors:
    """Turn DuckDB's out-of-memory error into one that names the option."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace) -> None:
        if isinstance(error, duckdb.OutOfMemoryException):
            raise SegtoolError(
                "The engine ran out of memory, or of disk to spill to.",
                fix='Raise memory_limit (for example DuckDBEngine(memory_limit="8GB")) or lower threads.',
            ) from error


def _publish(draft: Path, path: Path) -> None:
    """Move a finished file into place in one step, across file systems too."""
    beside = path.with_name(f".{path.name[:80]}.tmp-{uuid.uuid4().hex[:8]}")
    try:
        shutil.move(draft, beside)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
