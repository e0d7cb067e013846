"""Features as numbers a linear model can use; what is missing is a fact of its own, never a zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

REACH = 4.0  # standard deviations; one heavy buyer must not tilt a line for everybody
MAX_LEVELS = 20
MIN_LEVEL_SHARE = 0.01
MIN_LEVEL_USERS = 10


@dataclass(frozen=True)
class NumberColumn:
    """A number: logged where it is skewed, standardised, cut at `REACH`; missing is the mean, and marked."""

    name: str
    is_logged: bool
    mean: float
    scale: float
    marks_missing: bool

    @property
    def n_columns(self) -> int:
        """How many columns it becomes."""
        return 1 + self.marks_missing

    def encode(self, column: pa.Array) -> np.ndarray:
        """Return (n_users, n_columns)."""
        values = _numbers(column)
        missing = np.isnan(values)
        values = np.log1p(np.maximum(values, 0.0)) if self.is_logged else values
        values = np.clip((values - self.mean) / self.scale, -REACH, REACH)
        values[missing] = 0.0
        return np.column_stack([values, missing]) if self.marks_missing else values[:, None]


@dataclass(frozen=True)
class WordColumn:
    """A word: one column per frequent level."""

    name: str
    levels: tuple[str | None, ...]

    @property
    def n_columns(self) -> int:
        """How many columns it becomes."""
        return len(self.levels)

    def encode(self, column: pa.Array) -> np.ndarray:
        """Return (n_users, n_columns)."""
        codes = _codes(column, self.levels)
        return (codes[:, None] == np.arange(len(self.levels))).astype(float)


@dataclass(frozen=True)
class Encoder:
    """Columns of features to columns of numbers.

    Parameters
    ----------
    columns : tuple of NumberColumn or WordColumn
        Constant ones, and words nearly everybody writes differently, are left out.
    """

    columns: tuple[NumberColumn | WordColumn, ...]

    def encode(self, table: pa.Table) -> np.ndarray:
        """Return the design, (n_users, n_columns)."""
        parts = [column.encode(table.column(column.name)) for column in self.columns]
        return np.hstack(parts) if parts else np.zeros((table.num_rows, 0))

    def places(self, names) -> np.ndarray:
        """Return which columns of the design come from some features."""
        names = set(names)  # "shares__topic" stands for "shares__topic__1", "shares__topic__2", ...
        owners = [
            bool({column.name, column.name.rpartition("__")[0]} & names)
            for column in self.columns
            for _ in range(column.n_columns)
        ]
        return np.flatnonzero(owners)


def learn_encoder(table: pa.Table) -> Encoder:
    """Learn scales and levels from users, whether they answered or not.

    Parameters
    ----------
    table : pa.Table of shape (n_users, n_features)
        ``user_id`` and the features: text columns and number columns.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = pa.table({"user_id": ["a", "b", "c"], "n": [1.0, 2.0, None], "same": [5.0, 5.0, 5.0]})
    >>> learn_encoder(table).encode(table).round(2).tolist()
    [[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    import pyarrow as pa

    columns = []
    for name in table.column_names:
        if name == "user_id":
            continue
        is_text = pa.types.is_string(table.schema.field(name).type) or pa.types.is_large_string(
            table.schema.field(name).type
        )
        learned = (
            _learn_words(name, table.column(name)) if is_text else _learn_number(name, table.column(name))
        )
        if learned is not None:
            columns.append(learned)
    return Encoder(tuple(columns))


def _learn_number(name: str, column: pa.ChunkedArray) -> NumberColumn | None:
    values = _numbers(column)
    share_missing = float(np.isnan(values).mean()) if len(values) else 1.0
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    is_logged = bool(known.min() >= 0 and _skew(known) > 1)
    known = np.log1p(known) if is_logged else known
    mean, scale = float(known.mean()), float(known.std())
    marks_missing = 0.005 < share_missing < 0.995
    if scale < 1e-9:
        return NumberColumn(name, is_logged, mean, 1.0, True) if marks_missing else None
    near = known[np.abs(known - mean) <= REACH * scale]
    return NumberColumn(name, is_logged, float(near.mean()), max(float(near.std()), 1e-9), marks_missing)


def _skew(values: np.ndarray) -> float:
    spread = values.std()
    return float((((values - values.mean()) / spread) ** 3).mean()) if spread > 1e-12 else 0.0


def _learn_words(name: str, column: pa.ChunkedArray) -> WordColumn | None:
    import pyarrow.compute as pc

    counts = pc.value_counts(column)
    rows = [(row["values"].as_py(), row["counts"].as_py()) for row in counts]
    least = max(MIN_LEVEL_USERS, MIN_LEVEL_SHARE * len(column))
    frequent = sorted((-n, "" if level is None else level, level is None) for level, n in rows if n >= least)
    levels = tuple(None if is_none else level for _, level, is_none in frequent[:MAX_LEVELS])
    covered = sum(-n for n, _, _ in frequent[:MAX_LEVELS])
    # One level for all says nothing; a column hardly anybody shares a level of is an id or a text.
    if not levels or (len(levels) == 1 and covered == len(column)) or covered < 0.2 * len(column):
        return None
    return WordColumn(name, levels)


def _numbers(column) -> np.ndarray:
    import pyarrow as pa

    values = np.array(column.cast(pa.float64()).to_numpy(zero_copy_only=False) if _is_array(column)
                      else column.cast(pa.float64()).to_numpy(), dtype=float)  # fmt: skip
    values[~np.isfinite(values)] = np.nan
    return values


def _is_array(column) -> bool:
    import pyarrow as pa

    return isinstance(column, pa.Array)


def _codes(column, levels: tuple[str | None, ...]) -> np.ndarray:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.fill_null(pc.index_in(column, value_set=pa.array(levels, column.type)), -1)
    return np.asarray(found.to_numpy(zero_copy_only=False) if _is_array(found) else found.to_numpy())
