"""DataFrames into Arrow without surprises: whatever a column holds, it arrives as text or as its type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from segtool.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa


def to_arrow(frame: pd.DataFrame) -> pa.Table:
    """Return a DataFrame as an Arrow table; missing values become null, the index is left out.

    A column of mixed types (numbers beside text) becomes text, value by value, since an id that
    is sometimes a number is still an id.

    Raises
    ------
    InputError
        If two columns have the same name.

    Examples
    --------
    >>> to_arrow(pd.DataFrame({"a": [1, "x", None]}, dtype=object))["a"].to_pylist()
    ['1', 'x', None]
    """
    import pyarrow as pa

    names = [str(name) for name in frame.columns]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InputError(f"The DataFrame has two columns named {twice[0]!r}.", fix="Rename one of them.")
    arrays = [_column_to_arrow(frame.iloc[:, position]) for position in range(len(names))]
    return pa.table(dict(zip(names, arrays, strict=True)))


def _column_to_arrow(column: pd.Series) -> pa.Array:
    import pyarrow as pa

    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if isinstance(column.dtype, (pd.PeriodDtype, pd.IntervalDtype)) or column.dtype.kind in "cm":
        column = column.astype("string")
    try:
        array = pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return _value_by_value(column)
    if pa.types.is_timestamp(array.type) and column.dtype == object and _mixes_zones(column):
        return _value_by_value(column)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.cast(pa.string()) if pa.types.is_null(array.type) else array


def _value_by_value(column: pd.Series) -> pa.Array:
    import pyarrow as pa

    return pa.array([None if _is_missing(value) else str(value) for value in column], pa.string())


def _mixes_zones(column: pd.Series) -> bool:
    """Whether some times say their zone and others do not: Arrow would take the latter for UTC."""
    return len({value.tzinfo is None for value in column if not _is_missing(value)}) > 1


def _is_missing(value) -> bool:
    missing = pd.isna(value)
    return bool(missing) if isinstance(missing, bool) or getattr(missing, "ndim", 1) == 0 else False
