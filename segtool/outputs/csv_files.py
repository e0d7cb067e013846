"""CSV that opens right in a spreadsheet, and cannot do anything there.

A spreadsheet runs a cell that begins like a formula: one leading apostrophe keeps it from that. A
text that has one of its own gets a second, so that taking one away always gives the original back
(`unguard`, `read_csv`). All other text is written as it is, so that ids join with the tables they
came from. Excel also rewrites text that looks like a number or a date (00123 becomes 123, 5-10 the
tenth of May); only where that is asked for, `excel_ids`, such text gets the apostrophe too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from segtool.errors import InputError

GUARD = "'"
BOM = b"\xef\xbb\xbf"
ROWS_AT_ONCE = 100_000
DECIMALS = 6

# Excel, LibreOffice and Google Sheets start a formula or a command at these; the full-width twins
# are folded by some East Asian versions.
TRIGGERS = frozenset("=+-@\t\r\n＝＋－＠")
# Left of a trigger these are skipped by one reader or another.
INVISIBLE = " \u00a0\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\u3000\ufeff\x00"

_TWO_PARTS = re.compile(r"(\d{1,4})[-/](\d{1,4})\Z")
LAST_MONTH = 12
LONGEST_NUMBER = 255
_HAS_DIGIT = re.compile(r"\d")
# A negative number runs nothing. Not \d: other scripts' digits are no number to a spreadsheet.
_NEGATIVE = re.compile(r"-[0-9]{1,15}(\.[0-9]{1,15})?\Z")
_PLAIN_INTEGER = re.compile(r"(0|[1-9][0-9]{0,14})\Z")  # a spreadsheet keeps 15 digits
_NUMBER_OR_DATE = re.compile(r"[\s\d.,:/%$€£¥₩()年月日時时分秒上午下-]+\Z")
_EXPONENT = re.compile(r"\s*\d*\.?\d+e[+\-]?\d+\s*\Z", re.IGNORECASE)
_CLOCK = re.compile(r"\s*\d{1,2}(:\d+)*\s*[ap]m?\s*\Z", re.IGNORECASE)
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_NAMED_DATE = re.compile(rf"\s*(\d{{1,4}}[\s/\-]*{_MONTH}|{_MONTH}[\s/\-]*\d)[\s/\-,\d]*\Z", re.IGNORECASE)


def guard(text: str, *, excel_ids: bool = False) -> str:
    """Return a cell's text such that a spreadsheet takes it as text and runs nothing.

    Parameters
    ----------
    text : str
    excel_ids : bool
        Also keep Excel from turning ids and ranges into numbers and dates. Other programs then
        have to take the apostrophe away before they can join on the ids.

    Examples
    --------
    >>> guard("=1+1"), guard("00123"), guard("-5"), guard("00123", excel_ids=True), guard("tea & books")
    ("'=1+1", '00123', '-5', "'00123", 'tea & books')
    """
    begins = text[:1] == GUARD or text.lstrip(INVISIBLE)[:1] in TRIGGERS or text[:1] in TRIGGERS
    if text and ((begins and not _NEGATIVE.match(text)) or (excel_ids and is_rewritten(text))):
        return GUARD + text
    return text


def unguard(text: str) -> str:
    """Return the text that `guard` was given.

    Examples
    --------
    >>> unguard("'=1+1"), unguard("tea")
    ('=1+1', 'tea')
    """
    return text[1:] if text[:1] == GUARD else text


def is_rewritten(text: str) -> bool:
    """Say whether a spreadsheet would read a text as a number or date and show another text.

    Examples
    --------
    >>> [is_rewritten(text) for text in ("00123", "12345678901234567890", "1e5", "5-10", "Mar 1")]
    [True, True, True, True, True]
    >>> [is_rewritten(text) for text in ("123", "u0042", "h_1e5", "25-34", "may like tea")]
    [False, False, False, False, False]
    """
    if not _HAS_DIGIT.search(text) or _PLAIN_INTEGER.match(text):
        return False
    if parts := _TWO_PARTS.match(text):  # 5-10 is a day in May; 25-34, with no month in it, is an age
        return min(map(int, parts.groups())) <= LAST_MONTH
    if len(text) > LONGEST_NUMBER:  # the other patterns would take quadratic time on a megabyte
        return bool(_NUMBER_OR_DATE.match(text))
    return any(pattern.match(text) for pattern in (_NUMBER_OR_DATE, _EXPONENT, _CLOCK, _NAMED_DATE))


def write_csv(
    frame: pd.DataFrame | Iterable[pd.DataFrame],
    path: str | Path | BinaryIO,
    *,
    excel: bool = True,
    excel_ids: bool = False,
) -> int:
    """Write a table as CSV: text guarded and quoted, numbers as numbers, unknown as nothing.

    Parameters
    ----------
    frame : pd.DataFrame of shape (n_rows, n_columns), or several with the same columns
        The index is not written. Of no frames at all, the file is empty.
    path : path or binary file
    excel : bool
        A byte order mark, so that Excel reads UTF-8.
    excel_ids : bool
        Ids kept from becoming numbers in Excel, by an apostrophe (see `guard`).

    Returns
    -------
    int
        Rows written.

    Raises
    ------
    InputError
        When two columns have the same name.

    Notes
    -----
    Numbers are rounded to six decimals, so that two machines write the same bytes; infinite and
    not-a-number are written as unknown, and -0 as 0.

    Examples
    --------
    >>> import io
    >>> target = io.BytesIO()
    >>> write_csv(pd.DataFrame({"user_id": ["007"], "spend": [1.5]}), target, excel=False)
    1
    >>> print(target.getvalue().decode().strip())
    "user_id","spend"
    "007",1.5
    """
    frames = [frame] if isinstance(frame, pd.DataFrame) else frame
    if hasattr(path, "write"):
        return _write_into(path, frames, excel, excel_ids)
    with open(path, "wb") as target:
        return _write_into(target, frames, excel, excel_ids)


def _write_into(target: BinaryIO, frames: Iterable[pd.DataFrame], excel: bool, excel_ids: bool) -> int:
    if excel:
        target.write(BOM)
    writer, n_rows = None, 0
    for rows in (part for frame in frames for part in _slices(frame)):
        if rows.columns.has_duplicates:
            raise InputError("Two columns have the same name.", "each column named once.")
        if rows.columns.empty:
            continue
        header = [guard(str(name), excel_ids=excel_ids) for name in rows.columns]
        batch = pa.table([_arrow_column(rows[name], excel_ids) for name in rows.columns], names=header)
        if writer is None:
            options = pa.csv.WriteOptions(quoting_style="needed")
            writer = pa.csv.CSVWriter(target, batch.schema, write_options=options)
        writer.write_table(batch)
        n_rows += len(rows)
    if writer is not None:
        writer.close()
    return n_rows


def _slices(frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for start in range(0, max(len(frame), 1), ROWS_AT_ONCE):
        yield frame.iloc[start : start + ROWS_AT_ONCE]


def _arrow_column(cells: pd.Series, excel_ids: bool) -> pa.Array:
    """Return one column as Arrow: numbers, booleans, or guarded text."""
    dtype = cells.dtype
    if pd.api.types.is_bool_dtype(dtype) and not isinstance(dtype, pd.CategoricalDtype):
        return pa.array(cells.astype("boolean"), pa.bool_(), from_pandas=True)
    if pd.api.types.is_integer_dtype(dtype):
        return pa.array(cells.astype("Int64") if str(dtype) != "uint64" else cells, from_pandas=True)
    if pd.api.types.is_float_dtype(dtype):
        return _float_column(cells)
    if pd.api.types.is_datetime64_any_dtype(dtype):
        cells = _iso_times(cells)
    return _text_column(cells, excel_ids)


def _float_column(cells: pd.Series) -> pa.Array:
    values = cells.to_numpy(dtype=float, na_value=np.nan)
    values = np.where(np.isfinite(values), np.round(values, DECIMALS), np.nan) + 0.0  # -0 + 0 is 0
    return pa.array(values, pa.float64(), from_pandas=True)


def _iso_times(cells: pd.Series) -> pd.Series:
    """Return times as ISO 8601, in UTC where a zone is known; spreadsheets read it as a time."""
    zone = "Z" if cells.dt.tz is not None else ""
    plain = cells.dt.tz_convert("UTC").dt.tz_localize(None) if zone else cells
    return plain.dt.strftime("%Y-%m-%dT%H:%M:%S").add(zone).where(cells.notna())


def _text_column(cells: pd.Series, excel_ids: bool) -> pa.Array:
    """Guard each distinct text once: a label column repeats a handful of values half a million times."""
    codes, distinct = pd.factorize(cells.astype(object), use_na_sentinel=True)
    safe = pa.array([guard(_as_text(value), excel_ids=excel_ids) for value in distinct], pa.string())
    return safe.take(pa.array(codes, pa.int64(), mask=codes < 0))


def _as_text(value) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def read_csv(path: str | Path) -> pd.DataFrame:
    """Read a CSV that segtool wrote: every column as text, guards taken away, unknown as missing.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "t.csv"
    >>> _ = write_csv(pd.DataFrame({"user_id": ["=007"]}), file)
    >>> read_csv(file)["user_id"].tolist()
    ['=007']
    """
    if os.path.getsize(path) <= len(BOM):
        return pd.DataFrame()
    with open(path, "rb") as source:
        header = pa.csv.open_csv(
            source, parse_options=pa.csv.ParseOptions(newlines_in_values=True)
        ).schema.names
    options = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(header, pa.string()),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=[""],
    )
    table = pa.csv.read_csv(
        path, convert_options=options, parse_options=pa.csv.ParseOptions(newlines_in_values=True)
    )
    cells = {
        unguard(name): [None if cell is None else unguard(cell) for cell in table[name].to_pylist()]
        for name in header
    }
    return pd.DataFrame(cells, dtype=object)
