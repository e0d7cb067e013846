"""The tables of a study, read and judged: what happened and what was said, until ``as_of``."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from segtool.checks import check_number
from segtool.display import Shown, join_words
from segtool.engines import DuckDBEngine, Engine, quote
from segtool.engines.zones import check_zone
from segtool.errors import InputError, ParameterError, did_you_mean
from segtool.sources import views
from segtool.sources.columns import TimeRules, as_text, plan_column
from segtool.sources.inference import find_spans, infer_properties
from segtool.sources.matching import Match, match_columns, number_rows
from segtool.sources.moving import move_tables
from segtool.sources.numbers import currency_of, read_number
from segtool.sources.quarantine import Counts, check_table
from segtool.sources.raw import Raw
from segtool.sources.readers import read_raw
from segtool.sources.report import TableRead, check_as_of, check_late, describe_check, explain_refusal
from segtool.sources.schemas import SCHEMAS
from segtool.sources.settings import TableSettings, check_table_name, split_settings
from segtool.sources.times import as_of_literal, check_time_format, parse_as_of

Given = TableSettings | Mapping[str, Any] | str | Path | pd.DataFrame


class Sources(Shown):
    """The tables of a study in an engine, checked and bound to one moment.

    Made by `Sources.read`. In the engine each table lies under its own name (``events``, ``users``, ...)
    with what is derived from its time: ``age_days``, ``local_time``, ``local_date``,
    ``local_hour`` (0 to 23) and ``local_weekday`` (Monday = 1); ``user_index`` lists every user.

    Attributes
    ----------
    engine : DuckDBEngine
    as_of : pandas.Timestamp
        UTC. Nothing at or after it was read.
    timezone : str
        Zone of the derived local times.
    n_users : int

    Examples
    --------
    >>> events = pd.DataFrame({"user_id": ["007", "7"], "event": ["view", "purchase"],
    ...     "event_time": ["2026-06-01 09:00", "2026-06-02T09:00+08:00"], "amount": ["", "12.50"]})
    >>> sources = Sources.read({"events": events}, as_of="2026-07-01", timezone="Asia/Shanghai")
    >>> sources.n_users, sources.columns("events")["amount"]
    (2, 'number')
    >>> sources.engine.query("SELECT user_id, local_hour FROM events ORDER BY user_id").values.tolist()
    [['007', 9], ['7', 9]]
    """

    def __init__(
        self, engine: DuckDBEngine, as_of: pd.Timestamp, timezone: str, reads: Mapping[str, TableRead]
    ):
        self.engine, self.as_of, self.timezone = engine, as_of, timezone
        self._home = engine  # where the files were read, which `to_engine` does not change
        self._reads = MappingProxyType(dict(reads))
        self.n_users: int = engine.execute("SELECT count(*) FROM user_index").fetchone()[0]

    @classmethod
    def read(
        cls,
        tables: Mapping[str, Given],
        *,
        as_of: Any,
        timezone: str = "UTC",
        max_rejected_share: float = 0.05,
        base: str | Path | None = None,
        engine: DuckDBEngine | None = None,
    ) -> Sources:
        """Read tables, set aside what cannot be used, and count all of it.

        Parameters
        ----------
        tables : mapping
            Name (one of those of `SCHEMAS`) -> a path, `TableSettings` (or a mapping of them), a
            DataFrame, an Arrow table, or a pair (frame, TableSettings).
        as_of : str, date, datetime or Timestamp
            Records at or after it are not read. A date means its 00:00 in ``timezone``.
        timezone : str, default "UTC"
            Zone of times that do not say theirs, and of the derived local times.
        max_rejected_share : float, default 0.05
            Above this share of rejected rows in a table, reading stops.
        base : str or Path, optional
            Folder that relative paths start from.
        engine : DuckDBEngine, optional
            One of its own by default; it is locked after reading, one that is given is not.

        Returns
        -------
        Sources

        Raises
        ------
        InputError
            A file or column that is missing, rows that cannot be used, no user at all.
        DefinitionError
            Settings that are not well formed.
        """
        check_number("max_rejected_share", max_rejected_share, low=0, high=1)
        if not isinstance(tables, Mapping) or not tables:
            raise InputError("No table was given.", f"a mapping with at least one of {', '.join(SCHEMAS)}.")
        zone = check_zone(timezone)
        moment = parse_as_of(as_of, zone)
        if engine is not None and engine.dialect != "duckdb":
            raise ParameterError(
                f"Tables cannot be read by a {engine.dialect} engine.",
                "a DuckDBEngine.",
                "Read them first, then sources.to_engine(engine).",
            )
        reading = _Reading(engine or DuckDBEngine(), moment, zone, max_rejected_share, base)
        try:
            return reading.run(tables, lock=engine is None)
        except BaseException:
            if engine is None:
                reading.engine.close()
            raise

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that were read, in the order of `SCHEMAS`."""
        return tuple(name for name in SCHEMAS if name in self._reads)

    def columns(self, table: str) -> dict[str, str]:
        """Return column -> "text", "number", "time", "boolean" or "other", without derived columns."""
        return dict(self._read(table).columns)

    def files(self, table: str) -> tuple[Path, ...]:
        """Return the files a table was read from, sorted; none for one handed over in memory."""
        return self._read(table).files

    def to_pandas(self, table: str | None = None) -> pd.DataFrame:
        """Return a table's kept rows without derived columns, times in UTC; without a name, the summary.

        Rows are ordered by all columns from the first on.
        """
        if table is None:
            return self._summarize()
        columns = self._read(table).columns
        names = ", ".join(map(quote, columns))
        frame = self._home.query(f"SELECT {names} FROM {quote(table)} ORDER BY ALL")
        types = self._home.types(table)
        for name in columns:
            if types[name] == "TIMESTAMP":
                frame[name] = frame[name].dt.tz_localize("UTC")
        return frame

    def summary(self) -> SourcesSummary:
        """Return what became of each table's rows: read = kept + rejected + duplicates + after_as_of."""
        return SourcesSummary(self._summarize(), self.headline())

    def left_out(self) -> pd.DataFrame:
        """Return what import adaptors did not take for rows or columns: table, what, n, why.

        Header lines, previews, columns that name people. None of it is among the rows read.
        """
        rows = [
            (name, item.what, item.n, item.why) for name in self.tables for item in self._reads[name].left_out
        ]
        return pd.DataFrame(rows, columns=["table", "what", "n", "why"])

    def rejected(self, table: str) -> pd.DataFrame:
        """Return the rows of a table that could not be used.

        Returns
        -------
        DataFrame
            row_number (the physical line of a text file, its header being line 1; the 1-based
            position elsewhere), reason, raw (the row as text, at most 2,000 characters), column.
        """
        self._read(table)
        return self._home.query(
            f'SELECT row_number, reason, raw, "column" FROM {quote(f"rejected_{table}")} ORDER BY 1, 2'
        )

    def reasons(self) -> pd.DataFrame:
        """Return table, reason, column, rows: why rows were rejected, commonest first in each table."""
        rows = [(name, *reason) for name in self.tables for reason in self._reads[name].counts.reasons]
        return pd.DataFrame(rows, columns=["table", "reason", "column", "rows"])

    def check(self) -> SourcesSummary:
        """Return what each table has, what it lacks, and what segtool cannot say for want of it."""
        return SourcesSummary(describe_check(self._reads), self.headline())

    def notes(self) -> list[str]:
        """Return what was found while reading and may matter, one sentence each, the table first."""
        return [f"{name}: {note}" for name in self.tables for note in self._reads[name].notes]

    def headline(self) -> str:
        """Return one sentence on what was read."""
        rows = sum(read.counts.kept for read in self._reads.values())
        until = f"{self.as_of.tz_convert(self.timezone):%Y-%m-%d %H:%M} ({self.timezone})"
        return f"{join_words(list(self.tables))}: {rows:,} rows, {self.n_users:,} users, until {until}"

    def to_engine(self, engine: Engine, folder: str | Path | None = None) -> Sources:
        """Return the same study with its tables in another engine, where it is labelled from then on.

        Parameters
        ----------
        engine : Engine
            A `SparkEngine`, say. Tables of the same names are replaced.
        folder : str or Path, optional
            A folder that the engine's machines can read; the tables go there as Parquet and are
            read on demand. Without one they pass through a temporary folder of this machine, which
            is enough for Spark on this machine.

        Returns
        -------
        Sources
            Closing it closes the other engine; what was rejected is still told by this one.
        """
        move_tables(self._home, (*self.tables, "user_index"), engine, folder)
        moved = copy(self)
        moved.engine = engine
        return moved

    def close(self) -> None:
        """Free the engine's memory and temporary files."""
        self.engine.close()

    def __enter__(self) -> Sources:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def _read(self, table: str) -> TableRead:
        if table not in self._reads:
            raise ParameterError(f"The table {table!r} was not read.", did_you_mean(table, self.tables))
        return self._reads[table]

    def _summarize(self) -> pd.DataFrame:
        fields = ["read", "kept", "rejected", "duplicates", "after_as_of"]
        rows = [
            (name, self._reads[name].origin, *(getattr(self._reads[name].counts, field) for field in fields))
            for name in self.tables
        ]
        return pd.DataFrame(rows, columns=["table", "origin", *fields])


class SourcesSummary(Shown):
    """A table about tables, with the sentence above it."""

    def __init__(self, frame: pd.DataFrame, sentence: str):
        self._frame, self._sentence = frame, sentence

    def to_pandas(self) -> pd.DataFrame:
        """Return the table."""
        return self._frame.copy()

    def headline(self) -> str:
        """Return the sentence."""
        return self._sentence


class _Reading:
    """One run of `Sources.read`."""

    def __init__(self, engine: DuckDBEngine, as_of: pd.Timestamp, zone: str, limit: float, base):
        self.engine, self.as_of, self.zone, self.limit = engine, as_of, zone, limit
        self.base = Path(base) if base is not None else None
        self.files: list[Path] = []

    def run(self, tables: Mapping[str, Given], *, lock: bool) -> Sources:
        reads = {check_table_name(name): self.read_table(name, given) for name, given in tables.items()}
        filled = views.find_topics_to_fill(self.engine, reads)
        for name, read in reads.items():
            views.create_table(self.engine, name, read.counts, self.as_of, self.zone, fill=name in filled)
        views.create_user_index(self.engine, reads)
        reads = {name: self.with_columns(name, read) for name, read in reads.items()}
        if lock:
            self.engine.lock(self.files)
        return Sources(self.engine, self.as_of, self.zone, reads)

    def read_table(self, name: str, given: Given) -> TableRead:
        settings, data = split_settings(name, given)
        schema = SCHEMAS[name]
        raw = read_raw(self.engine, name, settings, data, self.base)
        settings = settings.over(raw.defaults)
        zone = check_zone(settings.timezone or self.zone)
        check_time_format(self.engine, name, settings.time_format)
        matches, notes = match_columns(schema, raw, settings)
        raw, matches, made = number_rows(schema, raw.without(settings.drop), matches)
        notes += made
        _check_values(name, settings, matches)
        spans = find_spans(self.engine, raw, matches)
        rules = TimeRules(zone, settings.time_format, as_of_literal(self.as_of), spans, settings.decimal)
        plans = self.plan(raw, matches, settings, rules)
        select, counts = check_table(
            self.engine, schema, raw, plans, rules.as_of, keep_duplicates=settings.keep_duplicates
        )
        self.refuse_if_too_many(name, raw, matches, settings, counts)
        notes += check_as_of(name, counts, self.as_of, self.zone)
        notes += check_late(counts, self.as_of, raw.late_days)
        notes += self.currency_notes(name, raw, matches)
        self.engine.create(views.base_name(name), select, lazy=True)
        if not raw.lazy:
            self.engine.drop(f"raw_{name}")
            (self.engine.temp_directory / f"raw_{name}.parquet").unlink(missing_ok=True)
        self.files += raw.files
        found = (*raw.notes, *notes, *_clock_note(counts, zone))
        return TableRead(raw.origin, counts, {}, found, raw.read_from, raw.left_out)

    def plan(self, raw: Raw, matches: list[Match], settings: TableSettings, rules: TimeRules) -> list:
        inferred = infer_properties(self.engine, raw, matches, settings.values, settings.decimal)
        return [
            plan_column(i, match, settings.values.get(match.name, {}), rules, inferred.get(match.name))
            for i, match in enumerate(matches)
        ]

    def refuse_if_too_many(
        self, name: str, raw: Raw, matches: list[Match], settings: TableSettings, counts: Counts
    ) -> None:
        if counts.rejected <= self.limit * counts.read:
            return
        samples = {}
        for reason, column, _ in counts.reasons[:3]:
            match = next((m for m in matches if m.name == column), None)
            if match and reason in ("unreadable time", "unreadable number"):
                text = as_text(match, settings.values.get(column, {}))
                sql = f"SELECT {text} AS t FROM {raw.relation} WHERE {text} IS NOT NULL LIMIT 200"
                found = [value for (value,) in self.engine.execute(sql).fetchall()]
                if reason == "unreadable number":
                    found = [value for value in found if read_number(value, settings.decimal) is None]
                samples[reason, column] = found
        raise explain_refusal(name, raw.origin, counts, self.limit, samples)

    def currency_notes(self, name: str, raw: Raw, matches: list[Match]) -> list[str]:
        """Say when amounts of one column are written in several currencies: they are summed all the same."""
        notes = []
        for match in matches:
            if match.spec is None or match.spec.kind != "money" or match.raw.type != "VARCHAR":
                continue
            sign = currency_of(match.raw.sql)
            sql = f"SELECT DISTINCT {sign} AS sign FROM {raw.relation} WHERE {sign} != '' ORDER BY 1"
            found = [sign for (sign,) in self.engine.execute(sql).fetchall()]
            if len(found) > 1:
                notes.append(f"{match.name} is written in {join_words(found[:5])}; nothing is converted")
        return notes

    def with_columns(self, name: str, read: TableRead) -> TableRead:
        hidden = views.hidden_columns(self.engine, name)
        columns = {c: kind for c, kind in self.engine.columns(name).items() if c not in hidden}
        return replace(read, columns=MappingProxyType(columns))


def _check_values(name: str, settings: TableSettings, matches: list[Match]) -> None:
    there = [match.name for match in matches]
    for column in settings.values:
        if column not in there:
            raise InputError(
                f"sources.{name}.values names the column {column!r}, which is not read.",
                did_you_mean(column, there),
            )


def _clock_note(counts: Counts, zone: str) -> list[str]:
    if not counts.clock_changes:
        return []
    return [f"{counts.clock_changes:,} times fall into a clock change of {zone}; read as the earlier of two"]
