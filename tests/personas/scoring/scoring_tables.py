"""Random tables of mixed columns, the same in pandas and in DuckDB, with all that a cell can hold."""

from __future__ import annotations

import warnings

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from segtool.personas.latent_class import LatentClassPersonas

ODD = [
    "it's",
    'say "hi"',
    "100 %",
    "雪 ❄",
    "a\nb",
    "back\\slash",
    "--",
    "/* x */",
    "?",
    ":x",
    "{y}",
    "NULL",
    "O''Neil",
]


def make_column(rng: np.random.Generator, kind: str, n: int) -> pd.Series:
    """Return one column of a kind, some cells missing."""
    group = rng.integers(0, 3, n)
    if kind == "amount":
        cells = pd.Series(np.exp(rng.normal(group, 1, n)).round(2))
    elif kind == "tiny":
        cells = pd.Series(np.exp(rng.normal(group, 1, n)) * 1e-11)
    elif kind == "hurdle":
        cells = pd.Series(np.where(rng.random(n) < 0.4, 0.0, np.exp(rng.normal(group, 1, n))))
    elif kind == "spiked":
        cells = pd.Series(np.where(rng.random(n) < 0.4, 2.5, np.exp(rng.normal(group, 1, n))))
    elif kind == "signed":
        cells = pd.Series(rng.normal(group * 2.0, 1, n))
    elif kind == "few":
        cells = pd.Series(rng.integers(-1, 4, n).astype(float))
    elif kind == "flag":
        cells = pd.Series(rng.random(n) < 0.3 + 0.2 * group).astype("boolean")
    elif kind == "text":
        cells = pd.Series(rng.choice(ODD[: 3 + group[0] * 3], n).astype(object))
    elif kind == "many texts":
        cells = pd.Series([f"v{i}" for i in rng.zipf(1.5, n) % 45], dtype=object)
    elif kind == "ordered":
        cells = pd.Series(pd.Categorical.from_codes(group, ["low", "mid", "high"], ordered=True))
    else:
        ages = [f"{5 * i}-{5 * i + 4}" for i in range(14)]
        cells = pd.Series(pd.Categorical.from_codes(rng.integers(0, 14, n), ages, ordered=True))
    return cells.mask(pd.Series(rng.random(n) < 0.2))


KINDS = (
    "amount",
    "tiny",
    "hurdle",
    "spiked",
    "signed",
    "few",
    "flag",
    "text",
    "many texts",
    "ordered",
    "scale",
)


def make_table(rng: np.random.Generator, kinds: list[str], n: int) -> pd.DataFrame:
    """Return a table of columns of these kinds, their names as awkward as names get."""
    return pd.DataFrame({f'{kind} "{i}": 50 %': make_column(rng, kind, n) for i, kind in enumerate(kinds)})


def make_strangers(rng: np.random.Generator, table: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return users of whom nothing may be known, with values far out and levels never met."""
    rows = table.iloc[rng.integers(0, len(table), n)].reset_index(drop=True).copy()
    for name in rows:
        far = rng.random(n) < 0.3
        if pd.api.types.is_float_dtype(rows[name].dtype):
            odd = rng.choice([-0.0, 0.0, -3.5, 1e-300, 1e300, -1e300, 0.5, 1.5, 2.5, 7.0, 1e-12, np.nan], n)
            rows[name] = rows[name].where(~far, odd)
        elif rows[name].dtype == object:
            odd = rng.choice(["never met", "", "  it's ", "\n", "V1", "other values"], n)
            rows[name] = rows[name].where(~far, odd)
    rows.iloc[: max(n // 10, 1)] = None
    return rows


def fit_model(
    table: pd.DataFrame, n_personas: int, seed: int, confidence=None, **options
) -> LatentClassPersonas:
    """Return a model fitted in next to no time, all its columns telling, if only by chance."""
    model = LatentClassPersonas(
        n_personas, random_state=seed, n_init=2, max_iter=15, select_columns=False, **options
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # too few iterations, too few users
        return model.fit(table, confidence=confidence)


def to_arrow(table: pd.DataFrame) -> pa.Table:
    """Return a table for DuckDB; NaN of odd rows stays NaN and does not become NULL."""
    cells: dict[str, pa.Array] = {"user_id": pa.array([f"{i:05d}" for i in range(len(table))])}
    for at, name in enumerate(table):
        column = table[name]
        if pd.api.types.is_float_dtype(column.dtype):
            numbers = column.to_numpy()
            cells[name] = pa.array(numbers, mask=np.isnan(numbers) & (np.arange(len(numbers)) % 2 == at % 2))
        else:
            values = [None if pd.isna(value) else value for value in column]
            cells[name] = pa.array(values, type=pa.bool_() if column.dtype == "boolean" else pa.string())
    return pa.table(cells)


def run_duckdb(sql: str, **tables) -> pd.DataFrame:
    """Run a statement on tables of its own."""
    with duckdb.connect(config={"threads": 1}) as connection:
        for name, table in tables.items():
            connection.register(name, table)
        return connection.sql(sql).df()


def add_confidences(
    rng: np.random.Generator, users: pd.DataFrame
) -> tuple[pd.DataFrame, pa.Table, dict[str, str]]:
    """Return confidences, the users' table with them, and which column says how sure which one is."""
    sure = pd.DataFrame({name: rng.beta(3, 1, len(users)) for name in users}).mask(
        rng.random(users.shape) < 0.2
    )
    names = {name: f"sure of {at}" for at, name in enumerate(users)}
    table = to_arrow(users)
    for name, column in names.items():
        table = table.append_column(
            column, pa.array(sure[name].to_numpy(), from_pandas=bool(len(column) % 2))
        )
    return sure, table, names
