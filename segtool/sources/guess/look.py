"""A look at a file: what its columns hold, judged by a sample of rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from segtool.engines import DuckDBEngine, literal
from segtool.errors import InputError
from segtool.sources.adaptors import PLAIN, Adaptor, look_at_head, recognise
from segtool.sources.adaptors.registry import adaptors
from segtool.sources.adaptors.stage import read_adapted
from segtool.sources.numbers import guess_decimal, read_number
from segtool.sources.raw import Raw, RawColumn
from segtool.sources.readers import read_raw
from segtool.sources.settings import TableSettings
from segtool.sources.times import suggest_format

SAMPLE_ROWS = 20_000
ENOUGH = 0.95  # of the filled cells of a column have to be of a kind
# Rows that stand apart from all others are wrong clocks: one in 100 or less after half a year of silence. Of
# rows dated after the file was made up to a fifth, after a month: nothing else can have written them.
FEW_APART, APART = 0.01, 180
FEW_AHEAD, APART_AHEAD = 0.2, 30
MISSING = ("", "na", "n/a", "nan", "null", "none", "nat", "\\n", "-", "#n/a")
YES_NO = frozenset(["0", "1", "true", "false", "yes", "no", "y", "n", "t", "f", "是", "否"])
ISO_TIME = (
    r"\d{4}[-/]\d{1,2}[-/]\d{1,2}([ T]\d{1,2}:\d{2}(:\d{2})?([.,]\d+)?\s*(Z|z|UTC|[+-]\d{2}(:?\d{2})?)?)?"
)


@dataclass(frozen=True)
class ColumnLook:
    """What a sample of one column holds.

    Attributes
    ----------
    name, sql : str
        Name in the file; how SQL calls it.
    kind : str
        time, number, flag, text, or empty.
    filled : float
        Share of cells that hold something.
    n_distinct : int
        Different values in the sample.
    whole : bool
        Numbers without a fraction, which may be ids.
    time_format : str or None
        What the reader has to be told to read the times.
    dates_only : bool
        Times without a time of day.
    either_order : bool
        Whether day and month could be the other way round.
    has_zone : bool
        Times say their zone.
    decimal : str or None
        What stands before the fraction of numbers that are more than digits and a point.
    """

    name: str
    sql: str
    kind: str
    filled: float
    n_distinct: int
    whole: bool = False
    time_format: str | None = None
    dates_only: bool = False
    either_order: bool = False
    has_zone: bool = False
    mean_length: float = 0.0
    decimal: str | None = None


@dataclass(frozen=True)
class Newest:
    """The newest time that can be trusted, the newest there is if others stand apart, and how many do."""

    moment: pd.Timestamp
    apart: pd.Timestamp | None = None
    n_apart: int = 0


@dataclass(frozen=True)
class TableLook:
    """A file, or a sheet of one, and its columns."""

    path: Path
    sheet: str | None
    n_rows: int
    columns: tuple[ColumnLook, ...]
    warning: str
    raw: Raw = field(repr=False)
    engine: DuckDBEngine = field(repr=False)
    adaptor: Adaptor | None = None  # of the tool whose export it is
    certain: bool = True  # that it is

    @property
    def shown(self) -> str:
        """The file's name, and the sheet's."""
        return f"{self.path.name} (sheet {self.sheet})" if self.sheet else self.path.name

    def column(self, name: str) -> ColumnLook | None:
        """Return the column of that name."""
        return next((column for column in self.columns if column.name == name), None)

    def n_different(self, column: ColumnLook) -> int:
        """Return how many different values a column has in all rows."""
        sql = f"SELECT count(DISTINCT {_text(column.sql)}) AS n FROM {self.raw.relation}"
        return int(self.engine.query(sql)["n"][0])

    def counts(self, column: ColumnLook, top: int = 500, said: tuple[str, ...] = ()) -> dict[str, int]:
        """Return the commonest values of a column and their numbers of rows.

        Words that mostly mean "missing" are left out, but for those in ``said``.
        """
        text = _text(column.sql)
        found = self.engine.query(
            f"SELECT {text} AS value, count(*) AS n FROM {self.raw.relation} "
            f"WHERE {text} IS NOT NULL GROUP BY 1 ORDER BY n DESC, value LIMIT {top}"
        )
        return {
            str(value): int(n)
            for value, n in zip(found["value"], found["n"], strict=True)
            if not is_missing(value) or str(value).strip().lower() in said
        }

    def newest(self, column: ColumnLook) -> Newest | None:
        """Return the newest time of a column, the clock as written; what stands apart is left aside.

        Some rows after a long silence are wrong clocks when they are few (`FEW_APART` of the rows after
        `APART` days), or when they are dated later than the file itself was last changed.
        """
        days = self.engine.query(
            f"SELECT CAST(moment AS DATE) AS day, max(moment) AS last, count(*) AS n FROM "
            f"(SELECT {_moment_sql(column)} AS moment FROM {self.raw.relation}) "
            f"WHERE moment BETWEEN TIMESTAMP '1990-01-01' AND TIMESTAMP '2099-12-30' GROUP BY 1 ORDER BY 1"
        )
        if days.empty:
            return None
        last, n = pd.to_datetime(days["last"]), days["n"].to_numpy()
        silence = pd.to_datetime(days["day"]).diff().dt.days.fillna(0).to_numpy()
        later = n[::-1].cumsum()[::-1]  # rows on a day or after it
        made = pd.Timestamp(self.path.stat().st_mtime, unit="s") + pd.Timedelta(days=2)  # zones, slow clocks
        beyond = pd.to_datetime(days["day"]).to_numpy() > made.to_datetime64()
        few = (silence > APART) & (later <= FEW_APART * n.sum())
        ahead = beyond & (silence > APART_AHEAD) & (later <= FEW_AHEAD * n.sum())
        cut = (few | ahead).nonzero()[0]
        if not len(cut):
            return Newest(last.iloc[-1])
        return Newest(last.iloc[cut[0] - 1], last.iloc[-1], int(later[cut[0]]))


def look_at(path: Path, engine: DuckDBEngine, number: int) -> list[TableLook]:
    """Look at a file: one look, or one per sheet of a workbook.

    Raises
    ------
    InputError
        If the file is missing or cannot be read.
    """
    looks = []
    for sheet in _sheets(path):
        settings = TableSettings(path=str(path), sheet=sheet, format=PLAIN)
        name = f"look_{number}_{len(looks)}"
        look = _look_adapted(path, sheet, settings, name, engine)
        if look is None:
            look = _look(path, sheet, read_raw(engine, name, settings, None, None), engine)
        looks.append(look)
    return looks


def _look_adapted(path: Path, sheet, settings: TableSettings, name: str, engine) -> TableLook | None:
    """Look at an export of a tool that segtool knows; None if it is of none."""
    if not path.is_file():
        return None
    certainty, adaptor = recognise(look_at_head(path, sheet=sheet))
    if adaptor is None:
        return None
    try:
        raw = read_adapted(engine, name, adaptor, [path], settings)
    except InputError:
        if certainty == "sure":
            raise
        return None
    return replace(_look(path, sheet, raw, engine), adaptor=adaptor, certain=certainty == "sure")


def look_for_members(chat: TableLook) -> TableLook | None:
    """Look at an exported chat for who came and went; None if it does not tell."""
    adaptor = adaptors().get(f"{chat.adaptor.name}_members") if chat.adaptor else None
    if adaptor is None:
        return None
    settings = TableSettings(path=str(chat.path), format=PLAIN)
    raw = read_adapted(chat.engine, "look_members", adaptor, [chat.path], settings)
    look = replace(_look(chat.path, None, raw, chat.engine), adaptor=adaptor, certain=chat.certain)
    return look if look.n_rows else None


def is_missing(value: object) -> bool:
    """Return whether a cell says that nothing is known.

    Examples
    --------
    >>> [is_missing(value) for value in (None, " NA ", "0")]
    [True, True, False]
    """
    return value is None or str(value).strip().lower() in MISSING


def _sheets(path: Path) -> list[str | None]:
    try:
        with path.open("rb") as file:
            is_workbook = file.read(4) == b"PK\x03\x04"
    except OSError:
        return [None]  # the reader says what is wrong with it
    if not is_workbook:
        return [None]
    from segtool.errors import require

    openpyxl = require("openpyxl", "read", f"Reading {path.name}")
    try:
        book = openpyxl.load_workbook(path, read_only=True)
    except Exception as error:  # openpyxl raises whatever its XML and zip readers meet
        raise InputError(f"{path.name} is no Excel file that can be read.", fix="Save it again.") from error
    try:
        filled = [sheet.title for sheet in book.worksheets if next(sheet.iter_rows(values_only=True), None)]
    finally:
        book.close()
    return filled if len(filled) > 1 else [None]


def _look(path: Path, sheet: str | None, raw: Raw, engine: DuckDBEngine) -> TableLook:
    texts = ", ".join(f"{_text(column.sql)} AS c{place}" for place, column in enumerate(raw.columns))
    sample = engine.query(f"SELECT {texts} FROM {raw.relation} LIMIT {SAMPLE_ROWS}")
    n_rows = int(engine.query(f"SELECT count(*) AS n FROM {raw.relation}")["n"][0])
    # A file that spares its commas for something else than fields writes fractions with them.
    prefer = "," if raw.delimiter == ";" else "."
    columns = tuple(
        _look_at_column(column, sample[f"c{place}"], prefer) for place, column in enumerate(raw.columns)
    )
    return TableLook(path, sheet, n_rows, columns, _warn(sample), raw, engine)


def _warn(sample: pd.DataFrame) -> str:
    first = " ".join(str(value) for value in sample.head(2).to_numpy().ravel())
    if '"ImportId"' in first:
        return "This is a Qualtrics export: its second and third lines are headings too. Delete them first."
    return ""


def _look_at_column(column: RawColumn, cells: pd.Series, prefer: str) -> ColumnLook:
    texts = [str(value).strip() for value in cells.dropna() if not is_missing(value)]
    about = {"name": column.name, "sql": column.sql, "filled": len(texts) / max(len(cells), 1)}
    about["n_distinct"] = len(set(texts))
    about["mean_length"] = sum(map(len, texts)) / max(len(texts), 1)
    if not texts:
        return ColumnLook(kind="empty", **about)
    if column.type.startswith(("TIMESTAMP", "DATE")):
        dates = column.type == "DATE" or all(text.endswith("00:00:00") or len(text) == 10 for text in texts)
        return ColumnLook(kind="time", dates_only=dates, has_zone="TIME ZONE" in column.type, **about)
    if column.type == "BOOLEAN" or {text.lower() for text in texts} <= YES_NO:
        return ColumnLook(kind="flag", whole=True, **about)
    return _judge_texts(texts, about, prefer)


def _judge_texts(texts: list[str], about: dict, prefer: str) -> ColumnLook:
    iso = [text for text in texts if re.fullmatch(ISO_TIME, text)]
    if len(iso) >= ENOUGH * len(texts):
        zones = sum(bool(re.search(r":\d{2}.*(Z|z|UTC|[+-]\d{2}(:?\d{2})?)$", text)) for text in iso)
        dates = all(len(text) <= 10 for text in iso)
        return ColumnLook(kind="time", dates_only=dates, has_zone=zones > len(iso) / 2, **about)
    found = suggest_format(texts[:2000])
    if found and _is_plausible(found, texts, about["name"]):
        return _time_in_format(found, texts, about)
    numbers = pd.to_numeric(pd.Series(texts), errors="coerce")
    if numbers.notna().mean() >= ENOUGH:
        known = numbers.dropna()
        return ColumnLook(kind="number", whole=bool((known == known.round()).all()), **about)
    decimal = guess_decimal(texts, prefer=prefer)
    if decimal:
        known = [number for text in texts if (number := read_number(text, decimal)) is not None]
        whole = all(number == round(number) for number in known)
        return ColumnLook(kind="number", whole=whole, decimal=decimal, **about)
    return ColumnLook(kind="text", **about)


def _is_plausible(found: str, texts: list[str], name: str) -> bool:
    """Nine digits may be an id: a number is a time if it falls into years with data and is named so."""
    if not all(text.replace(".", "").isdigit() for text in texts[:100]) or found.startswith("%d."):
        return True
    if not re.search(r"time|date|ts\b|_at$|stamp|day|时间|日期", name.lower()):
        return False
    if found.startswith("epoch"):
        unit = {"epoch_s": 1, "epoch_ms": 1e3, "epoch_us": 1e6}[found]
        return all(631_152_000 < float(text) / unit < 4_102_444_800 for text in texts[:2000])
    return all(1900 < int(text[:4]) < 2100 and 1 <= int(text[4:6]) <= 12 for text in texts[:2000])


def _time_in_format(found: str, texts: list[str], about: dict) -> ColumnLook:
    either = False
    if found.startswith("%m/%d"):
        parts = [text.split("/") for text in texts]
        day_first = any(int(part[0]) > 12 for part in parts)
        either = not day_first and not any(int(part[1]) > 12 for part in parts)
        found = found.replace("%m/%d", "%d/%m") if day_first else found
    dates = "%H" not in found and not found.startswith("epoch")
    return ColumnLook(
        kind="time",
        time_format=found,
        dates_only=dates,
        either_order=either,
        has_zone=found[0] == "e",
        **about,
    )


def _text(sql: str) -> str:
    return f"CAST({sql} AS VARCHAR)"


def _moment_sql(column: ColumnLook) -> str:
    """Return SQL of the time as the file's clock shows it (UTC where the file says the zone)."""
    units = {"epoch_s": 1, "epoch_ms": 1e3, "epoch_us": 1e6}
    if column.time_format in units:
        seconds = f"TRY_CAST({column.sql} AS DOUBLE) / {units[column.time_format]:.0f}"
        moment = f"make_timestamp(CAST({seconds} * 1000000 AS BIGINT))"
        return f"CASE WHEN {seconds} BETWEEN 0 AND 4102444800 THEN {moment} END"
    if column.time_format:
        return f"try_strptime({_text(column.sql)}, {literal(column.time_format)})"
    if column.has_zone:
        return f"CAST(TRY_CAST(replace({_text(column.sql)}, '/', '-') AS TIMESTAMPTZ) AS TIMESTAMP)"
    return f"TRY_CAST(replace({_text(column.sql)}, '/', '-') AS TIMESTAMP)"
