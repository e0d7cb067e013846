"""Spark, local or a cluster's: the same statements where the data is too large for one machine."""

from __future__ import annotations

import itertools
import logging
import os
import re
import uuid
import warnings
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd

from segtool.checks import check_number
from segtool.engines.base import kind_of
from segtool.engines.duckdb_engine import DuckDBEngine
from segtool.engines.frames import to_arrow
from segtool.engines.spark_sql import to_spark
from segtool.engines.zones import utc_to_local
from segtool.errors import InputError, MissingExtraError, ParameterError, require

if TYPE_CHECKING:
    import pyarrow as pa

# What must hold for a statement to mean the same: times without a zone, and errors that are raised.
SESSION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.caseSensitive": "false",
    # Constraints of hundreds of CASE columns take the planner seconds, and no filter here needs them.
    "spark.sql.constraintPropagation.enabled": "false",
    # Plans of hundreds of columns: written out as text they would cost more than they do.
    "spark.sql.maxPlanStringLength": "2000",
}
_TABLE = re.compile(r"\b(?:FROM|JOIN)\s+\"?([^\s\",()]+)", re.IGNORECASE)
LOCAL = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}


class SparkEngine:
    """SQL on Spark 4, for data that one machine does not hold.

    Statements are written in DuckDB's dialect, as for every engine, and rendered by `to_spark`.
    The engine works in a session of its own beside the one it is given: its views and settings are
    not seen from there, and a table of the catalogue is read by ``create(name, "SELECT * FROM
    shop.events", lazy=True)``.

    Parameters
    ----------
    session : pyspark.sql.SparkSession, optional
        One that runs already; ``local[*]`` by default, started when first needed.
    memory : str, default "4g"
        Memory of the Java process when it is started here.

    Raises
    ------
    MissingExtraError
        Without pyspark, or without Java 17 or newer.

    Notes
    -----
    A table that is made is held by the executors (memory, then their disks) and its history is cut
    off, so that the plan of the next one stays small. A view reads its tables as they were when it
    was made; one over tables made here is held as well, once it was read.

    Examples
    --------
    >>> engine = SparkEngine()  # nothing has started yet
    >>> engine.dialect
    'spark'
    """

    dialect = "spark"

    def __init__(self, session: Any = None, *, memory: str = "4g"):
        self._given, self.memory = session, memory
        self._frames: dict[str, tuple[str, Any]] = {}  # name in lower case -> name, Spark's DataFrame
        self._types: dict[str, dict[str, str]] = {}  # the same name -> column -> type
        self._made: set[str] = set()  # tables whose rows are held
        self._open: set[str] = set()  # views over those, whose rows are not held yet

    @cached_property
    def session(self) -> Any:
        """The engine's own session, which starts Spark if it does not run."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # "does not yet fully support pandas 3"
            require("pyspark", "spark", "SparkEngine")
            from pyspark.sql import SparkSession

            running = self._given or SparkSession.getActiveSession() or _start(self.memory)
        # A statement that fails is raised; pyspark would write it to the log with its plan as well.
        logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
        session = running.newSession()
        for name, value in SESSION.items():
            session.conf.set(name, value)
        return session

    # -- tables ---------------------------------------------------------------------------------

    def register(self, name: str, data) -> None:
        """Make data a table under a name, replacing what had it.

        Parameters
        ----------
        name : str
        data : pandas.DataFrame, pyarrow.Table or RecordBatchReader, Spark's DataFrame, or paths
            Parquet paths (one or a list) are read when a statement asks for them; so is a
            DataFrame of Spark. A path that does not exist here is looked up by Spark.
        """
        if isinstance(data, (str, os.PathLike, list, tuple)):
            self._keep(name, self._read_parquet(data))
        elif hasattr(data, "createOrReplaceGlobalTempView"):
            self._keep(name, self._adopt(data))
        else:
            arrow = to_arrow(data) if isinstance(data, pd.DataFrame) else data
            arrow = arrow.read_all() if hasattr(arrow, "read_all") else arrow
            self._keep(name, self.session.createDataFrame(arrow).localCheckpoint())

    def _read_parquet(self, paths) -> Any:
        from pyspark.errors import AnalysisException

        paths = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
        # Not as_uri(): Spark takes %20 for three letters of the name.
        here = [f"file:{Path(path).absolute()}" if Path(path).exists() else str(path) for path in paths]
        if not here:
            raise InputError("There is no file '(empty list)'.")
        try:
            return self.session.read.parquet(*here)
        except AnalysisException as error:
            raise InputError(f"There is no Parquet file {str(paths[0])!r} that Spark can read.") from error

    def _adopt(self, frame) -> Any:
        """Return another session's DataFrame as one of this session."""
        shared = f"segtool_{uuid.uuid4().hex}"
        frame.createOrReplaceGlobalTempView(shared)
        try:
            return self.session.table(f"global_temp.{shared}")
        finally:
            self.session.catalog.dropGlobalTempView(shared)

    def create(self, name: str, sql: str, *, lazy: bool = False) -> None:
        """Make or replace a table (a view if ``lazy``) from a SELECT, which may read the old one."""
        frame = self._run(sql)
        rests_on = self._named_in(sql) & (self._made | self._open)
        self._keep(name, frame if lazy else frame.localCheckpoint())
        if lazy and rests_on:
            self._open.add(name.lower())
        elif not lazy:
            self._made.add(name.lower())

    @staticmethod
    def _named_in(sql: str) -> set[str]:
        return {name.lower() for name in _TABLE.findall(sql)}

    def _hold(self, sql: str) -> None:
        """Hold the rows of the views over made tables that a statement reads, from the first time on.

        A ledger joins the same two tables once for every claim: planning that again would cost
        seconds, whatever the number of rows. A view of somebody's own table is never held.
        """
        for key in sorted(self._named_in(sql) & self._open):
            name, frame = self._frames[key]
            self._keep(name, frame.localCheckpoint())

    def _keep(self, name: str, frame) -> None:
        self.drop(name)
        frame.createOrReplaceTempView("`" + name.replace("`", "``") + "`")
        self._frames[name.lower()] = (name, frame)
        self._types[name.lower()] = dict(frame.dtypes)

    def drop(self, name: str) -> None:
        """Remove a table or view, if there."""
        _, frame = self._frames.pop(name.lower(), (None, None))
        if frame is not None:
            del self._types[name.lower()]
            self._made.discard(name.lower())
            self._open.discard(name.lower())
            self.session.catalog.dropTempView(name)

    def tables(self) -> list[str]:
        """Return the names of the engine's tables and views, sorted."""
        return sorted(name for name, _ in self._frames.values())

    def columns(self, name: str) -> dict[str, str]:
        """Return column -> kind, in the table's order."""
        if name.lower() not in self._frames:
            raise ParameterError(f"The engine has no table {name!r}.", f"{', '.join(self.tables())}.")
        types = self._types[name.lower()]
        return {column: kind_of("integer" if kind == "int" else kind) for column, kind in types.items()}

    def _named(self, kind: str) -> set[str]:
        """Return the columns that are of a type wherever they occur."""
        types = [(column.lower(), found) for each in self._types.values() for column, found in each.items()]
        return {name for name, found in types if found == kind} - {
            name for name, found in types if found != kind
        }

    # -- statements -----------------------------------------------------------------------------

    def _run(self, sql: str) -> Any:
        if sql.startswith("EXPLAIN "):  # Spark's own would write an error down as if it were a plan
            return self._run(sql.removeprefix("EXPLAIN ")).limit(0)
        return self.session.sql(to_spark(sql, self._named("date"), self._named("boolean")))

    def query(self, sql: str) -> pd.DataFrame:
        """Run a statement and return its rows, in the types that DuckDB returns."""
        return self._local.from_arrow(self.arrow(sql)).df()

    @cached_property
    def _local(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(":memory:")

    def arrow(self, sql: str) -> pa.Table:
        """Run a statement and return its rows as an Arrow table."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            self._hold(sql)
            return self._run(sql).toArrow()

    def batches(self, sql: str, rows: int = 100_000) -> Iterator[pa.RecordBatch]:
        """Return the rows of a statement in batches, partition by partition."""
        import pyarrow as pa

        check_number("rows", rows, low=1, integer=True)
        self._hold(sql)
        frame = self._run(sql)
        schema = frame.limit(0).toArrow().schema
        found = frame.toLocalIterator(prefetchPartitions=True)
        while part := list(itertools.islice(found, rows)):
            columns = [
                pa.array(cells, field.type)
                for cells, field in zip(zip(*part, strict=True), schema, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    def write(self, sql: str, path: str | Path, format: str) -> int:
        """Write the rows of a statement to one file beside this process; return how many.

        The rows pass through here. To write many files from the executors, use
        ``engine.session.table(name).write``.
        """
        import pyarrow as pa

        schema = self._run(sql).limit(0).toArrow().schema
        with DuckDBEngine() as local:
            local.register("rows", pa.RecordBatchReader.from_batches(schema, self.batches(sql)))
            return local.write("SELECT * FROM rows", path, format)

    def local_time(self, column: str, zone: str, between: tuple | None = None) -> str:
        """Return SQL for the wall-clock time of a UTC timestamp; see `zones.utc_to_local`."""
        return utc_to_local(column, zone, between)

    def close(self) -> None:
        """Forget the engine's tables. Spark itself goes on: another engine may be using it."""
        for name in self.tables():
            self.drop(name)

    def __enter__(self) -> SparkEngine:
        return self

    def __exit__(self, *exception) -> None:
        self.close()


def _start(memory: str) -> Any:
    """Start Spark in a Java process of this machine, on all its cores."""
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[*]").appName("segtool").config("spark.driver.memory", memory)
    settings = {**LOCAL, "spark.sql.shuffle.partitions": str(2 * (os.cpu_count() or 2))}
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except (PySparkRuntimeError, FileNotFoundError) as error:
        raise MissingExtraError(
            "Spark could not start its Java process.",
            "Java 17 or newer, on the PATH or in JAVA_HOME.",
            'Install it (for example: apt install openjdk-17-jre-headless), and pip install "segtool[spark]".',
        ) from error
