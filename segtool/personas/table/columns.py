"""Columns as people keep them: what each is, which can form personas, and one order of rows for all.

Everything here looks at content only: which user came first, or whether two equal users are two rows
or one of weight two, changes nothing further on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from segtool.errors import InputError, ParameterError, did_you_mean

MIN_KNOWN_SHARE = 0.02  # below this a column says nothing about almost everybody
MAX_TEXT_LEVELS = 1000  # beyond it a text column is free text or an id, whatever its name


@dataclass(frozen=True)
class RawColumn:
    """A column as read: numbers (NaN = missing), or codes into ``levels`` (-1 = missing).

    Parameters
    ----------
    name : str or int
        Name of the column, its position for a plain array.
    kind : {"number", "flag", "text", "ordered", "unusable"}
        How it is to be understood. A flag holds 0.0 and 1.0.
    values : ndarray of shape (n_users,)
        float64 for numbers and flags, int64 codes else.
    levels : tuple of str
        Names of the codes; in the column's own order if ordered, alphabetical else.
    reason : str
        Why an unusable column is unusable.
    confidence : ndarray of shape (n_users,), optional
        How surely each cell is right, 0 to 1; NaN where nobody said.
    """

    name: Any
    kind: str
    values: np.ndarray
    levels: tuple[str, ...] = ()
    reason: str = ""
    confidence: np.ndarray | None = None

    @property
    def known(self) -> np.ndarray:
        return ~np.isnan(self.values) if self.values.dtype.kind == "f" else self.values >= 0

    def take(self, rows: np.ndarray) -> RawColumn:
        confidence = None if self.confidence is None else self.confidence[rows]
        return RawColumn(self.name, self.kind, self.values[rows], self.levels, self.reason, confidence)


# --- reading -----------------------------------------------------------------------------------


def read_frame(frame: pd.DataFrame) -> list[RawColumn]:
    """Read each column of a DataFrame by its type, and object columns by their content.

    Parameters
    ----------
    frame : DataFrame of shape (n_users, n_columns)

    Returns
    -------
    list of RawColumn

    Raises
    ------
    InputError
        If a number is infinite or complex.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": [31, None], "city": ["Wuhan", ""], "vip": [True, None]})
    >>> [(column.name, column.kind, int(column.known.sum())) for column in read_frame(frame)]
    [('age', 'number', 1), ('city', 'text', 1), ('vip', 'flag', 1)]
    """
    return [_read_series(name, frame.iloc[:, i]) for i, name in enumerate(frame.columns)]


def read_array(values: np.ndarray, names: Sequence[Any]) -> list[RawColumn]:
    """Read a checked 2-D array of floats, NaN meaning missing."""
    values = np.asarray(values, dtype=np.float64)
    # -0.0 and 0.0 are one number to a person and two to a hash
    return [RawColumn(name, "number", values[:, i] + 0.0) for i, name in enumerate(names)]


def _read_series(name: Any, series: pd.Series) -> RawColumn:
    dtype = series.dtype
    types = pd.api.types
    if isinstance(dtype, pd.CategoricalDtype):
        return _read_categories(name, series)
    if types.is_complex_dtype(dtype):
        raise InputError(f"Complex data not supported: column {name!r}.", "numbers, text, booleans.")
    if types.is_bool_dtype(dtype):
        return _read_numbers(name, series, "flag")
    if types.is_numeric_dtype(dtype):
        return _read_numbers(name, series, "number")
    kind = types.infer_dtype(series, skipna=True)
    if kind == "boolean":
        return _read_numbers(name, series, "flag")
    if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
        return _read_numbers(name, series, "number")
    if kind.startswith(("date", "time", "period", "interval")):
        return _unusable(name, len(series), "holds dates: pass days before as_of, or a band, instead")
    if kind == "mixed" and series.map(lambda cell: isinstance(cell, (list, dict, set, tuple))).any():
        return _unusable(name, len(series), "cells hold lists: pass one boolean column per value instead")
    return _read_text(name, series)


def _unusable(name: Any, n: int, reason: str) -> RawColumn:
    return RawColumn(name, "unusable", np.full(n, np.nan), reason=reason)


def _read_numbers(name: Any, series: pd.Series, kind: str) -> RawColumn:
    missing = series.isna().to_numpy(dtype=bool)
    values = np.full(len(series), np.nan)
    try:
        values[~missing] = series[~missing].to_numpy().astype(np.float64)
    except OverflowError:
        values[~missing] = np.inf
    if np.isinf(values).any():
        raise InputError(
            f"Input X contains infinity or a value too large for dtype('float64'), in column {name!r}.",
            "finite numbers; missing values are welcome.",
            "Replace infinite values by missing ones, or cap them.",
        )
    return RawColumn(name, kind, values + 0.0)


def _read_categories(name: Any, series: pd.Series) -> RawColumn:
    names = [level_text(category) for category in series.cat.categories]
    codes = series.cat.codes.to_numpy().astype(np.int64)
    if series.cat.ordered:
        return RawColumn(name, "ordered", codes, tuple(names))
    return _sorted_levels(name, codes, names)


def _read_text(name: Any, series: pd.Series) -> RawColumn:
    codes, found = pd.factorize(series, use_na_sentinel=True)
    return _sorted_levels(name, codes.astype(np.int64), [level_text(value) for value in found])


def _sorted_levels(name: Any, codes: np.ndarray, names: list[str]) -> RawColumn:
    """Merge equal names, make blank text missing, and put levels in alphabetical order."""
    used = np.zeros(len(names), dtype=bool)
    used[codes[codes >= 0]] = True
    levels = sorted({text for text, there in zip(names, used, strict=True) if there and text})
    place = {text: i for i, text in enumerate(levels)}
    translate = np.array([place.get(text, -1) for text in names] + [-1], dtype=np.int64)
    return RawColumn(name, "text", translate[codes], tuple(levels))


def level_text(value: Any) -> str:
    """Name a value so that 1, 1.0 and "1" are the same level.

    Examples
    --------
    >>> level_text(1.0), level_text(" a "), level_text(True)
    ('1', 'a', 'True')
    """
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def add_confidence(columns: Sequence[RawColumn], confidence: Any) -> list[RawColumn]:
    """Say of each cell how surely it is right.

    Parameters
    ----------
    columns : sequence of RawColumn
    confidence : DataFrame, array-like of shape (n_users, n_columns), or None
        0 to 1, NaN where nobody said; of a DataFrame the columns of the same name are taken, others
        of the table have none.

    Raises
    ------
    InputError
        If a confidence lies outside 0 to 1, or the table has another shape.

    Examples
    --------
    >>> (column,) = add_confidence(read_frame(pd.DataFrame({"age": [31, 40]})), [[0.9], [None]])
    >>> column.confidence.tolist()
    [0.9, nan]
    """
    if confidence is None:
        return list(columns)
    n = len(columns[0].values) if columns else 0
    if isinstance(confidence, pd.DataFrame):
        cells = [confidence[c.name] if c.name in confidence else pd.Series(np.nan, range(n)) for c in columns]
        table = np.column_stack([cell.to_numpy(dtype=float, na_value=np.nan) for cell in cells] or [[]])
    else:
        table = np.asarray(confidence, dtype=float)
    if table.shape != (n, len(columns)):
        raise InputError(
            f"confidence has the shape {table.shape}, X has {(n, len(columns))}.", "one confidence per cell."
        )
    if np.any((table < 0) | (table > 1)):
        raise InputError("Some confidences lie outside 0 to 1.", "0 to 1, missing where nobody said.")
    return [replace(c, confidence=table[:, i] + 0.0) for i, c in enumerate(columns)]


# --- what to leave out -------------------------------------------------------------------------


def reason_to_leave_out(column: RawColumn, weights: np.ndarray) -> str | None:
    """Say why a column cannot form personas, or None if it can.

    Parameters
    ----------
    column : RawColumn
    weights : ndarray of shape (n_users,)
        How many users a row stands for.
    """
    if column.kind == "unusable":
        return column.reason
    known = column.known & (weights > 0)
    n_known = float(weights[known].sum())
    if not known.any():
        return "no value is known"
    if n_known < MIN_KNOWN_SHARE * weights.sum():
        return f"known for only {n_known / weights.sum():.1%} of users"
    n_distinct = len(np.unique(column.values[known]))
    if n_distinct == 1:
        return "everyone known has the same value"
    if column.kind == "text" and _is_free_text(n_distinct, n_known):
        return f"has {n_distinct:,} different values: an id or free text"
    if column.kind == "number" and _is_row_id(column, known, n_distinct, n_known):
        return "a different whole number for each user: an id"
    return None


def _is_free_text(n_distinct: int, n_known: float) -> bool:
    everyone_differs = n_distinct > 2 and n_distinct >= n_known
    return everyone_differs or (n_distinct > 10 and n_distinct > n_known / 2) or n_distinct > MAX_TEXT_LEVELS


def _is_row_id(column: RawColumn, known: np.ndarray, n_distinct: int, n_known: float) -> bool:
    """Whole numbers, all different, that are named like an id or count rows."""
    values = column.values[known]
    # as floats, long ids that are neighbours become equal: nearly all different is enough
    if n_distinct < 10 or n_distinct < 0.9 * n_known or not np.array_equal(values, np.floor(values)):
        return False
    named_id = bool(re.search(r"(^|[_\s])(id|uid)$", str(column.name).lower()))
    counts_rows = n_distinct >= max(50, n_known) and values.max() - values.min() + 1 == n_distinct
    return named_id or counts_rows


def select_columns(
    columns: Sequence[RawColumn], weights: np.ndarray, column_weights: Any = None
) -> tuple[list[tuple[int, float]], pd.DataFrame]:
    """Tell the columns that can form personas from those left out.

    Parameters
    ----------
    columns : sequence of RawColumn
    weights : ndarray of shape (n_users,)
    column_weights : dict, array-like or None
        As given to the estimator.

    Returns
    -------
    used : list of (int, float)
        Position and weight.
    left_out : DataFrame
        column, reason.

    Raises
    ------
    ParameterError
        If the weights do not fit the columns.
    """
    each = _weigh(column_weights, [column.name for column in columns])
    used, reasons = [], []
    for i, column in enumerate(columns):
        reason = reason_to_leave_out(column, weights) if each[i] > 0 else "has weight 0"
        if reason is None:
            used.append((i, float(each[i])))
        else:
            reasons.append((column.name, reason))
    return used, pd.DataFrame(reasons, columns=["column", "reason"])


def _weigh(column_weights: Any, names: list[Any]) -> np.ndarray:
    if column_weights is None:
        return np.ones(len(names))
    if isinstance(column_weights, Mapping):
        unknown = [name for name in column_weights if name not in names]
        if unknown:
            raise ParameterError(
                f"column_weights names {unknown[0]!r}, which is no column.",
                did_you_mean(str(unknown[0]), map(str, names)),
            )
        column_weights = [column_weights.get(name, 1.0) for name in names]
    weights = np.asarray(column_weights, dtype=float)
    if weights.shape != (len(names),) or not np.all(np.isfinite(weights)) or np.any(weights < 0):
        raise ParameterError(
            "column_weights does not fit the columns.", f"{len(names)} finite numbers from 0, one per column."
        )
    return weights


# --- one order of rows for everybody ------------------------------------------------------------


def canonical_rows(columns: Sequence[RawColumn], weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the distinct rows, in an order that depends on their content only.

    Sorting by a hash of the content makes a fit independent of the order of users and of
    whether two equal users are two rows or one row of weight two; and since a hash is as good as
    a shuffle, every stretch of the result is a fair sample.

    Parameters
    ----------
    columns : sequence of RawColumn
    weights : ndarray of shape (n_users,)
        Rows of weight 0 do not appear.

    Returns
    -------
    rows : ndarray of shape (n_distinct,)
        Position of one representative of each distinct row.
    summed : ndarray of shape (n_distinct,)
        Sum of the weights of the rows equal to it.
    """
    code = np.zeros(len(weights), dtype=np.uint64)
    for column in columns:
        code = _mix(code ^ _mix(_bits(column.values)))
        if column.confidence is not None and np.ptp(np.nan_to_num(column.confidence, nan=-1.0)) > 0:
            code = _mix(code ^ _mix(_bits(column.confidence)))
    order = np.lexsort((weights, code))
    order = order[weights[order] > 0]
    code = code[order]
    first = np.flatnonzero(np.r_[True, code[1:] != code[:-1]]) if len(order) else np.empty(0, dtype=np.int64)
    summed = np.add.reduceat(weights[order], first) if len(order) else np.empty(0)
    return order[first], summed


def _bits(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), -1.2345e301, values)  # NaN has many bit patterns
    return np.ascontiguousarray(values).view(np.uint64)


def _mix(bits: np.ndarray) -> np.ndarray:
    """SplitMix64, a mixing step of one multiply-xorshift round (Steele, Lea, Flood 2014)."""
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
