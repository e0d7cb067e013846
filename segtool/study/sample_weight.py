"""How many people each user stands for, read from the column that a study names."""

from __future__ import annotations

import pandas as pd

from segtool.errors import DefinitionError, did_you_mean
from segtool.sources import Sources


def find_weight_column(columns: dict[str, list[str]], place: str) -> tuple[str, str]:
    """Return table and column of ``"table.column"``, or say which there are.

    Parameters
    ----------
    columns : dict of str to list of str
        Columns of each table that is there.
    place : str

    Raises
    ------
    DefinitionError
        If it names no column of a table that is there.

    Examples
    --------
    >>> find_weight_column({"survey": ["user_id", "weight"]}, "survey.weight")
    ('survey', 'weight')
    """
    table, _, column = place.partition(".")
    if table not in columns or not column:
        raise DefinitionError(
            f"sample_weight in [personas] names {place!r}, which is no column of a table that is read.",
            'a table and its column, such as "survey.weight".',
            did_you_mean(table, columns),
        )
    if column not in columns[table]:
        raise DefinitionError(
            f"sample_weight in [personas]: the table {table} has no column {column!r}.",
            did_you_mean(column, columns[table]),
        )
    return table, column


def read_sample_weight(sources: Sources, place: str) -> pd.Series:
    """Return the weight of each user who has one, index user_id; of several rows the last counts."""
    table, column = find_weight_column({name: list(sources.columns(name)) for name in sources.tables}, place)
    rows = sources.to_pandas(table)[["user_id", column]].dropna()
    weights = pd.to_numeric(rows[column], errors="coerce")
    if weights.isna().any():
        raise DefinitionError(
            f"sample_weight in [personas]: {int(weights.isna().sum()):,} cells of {place} are no numbers.",
            "a column of numbers from 0.",
        )
    return weights.set_axis(rows["user_id"].astype(str)).groupby(level=0).last()
