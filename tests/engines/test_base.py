from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.engines import DuckDBEngine, literal, quote
from segtool.errors import InputError, ParameterError

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=300)
HARD_NAMES = [
    'a"b',
    "a;--",
    "'; DROP TABLE t; --",
    "类目",
    "🎉",
    "x" * 300,
    "select",
    " spaced ",
    "tab\there",
]


@pytest.fixture(scope="module")
def engine():
    with DuckDBEngine(memory_limit="500MB", threads=1) as engine:
        yield engine


@given(NAMES)
def test_any_name_survives_quoting(engine, name):
    assert engine.execute(f"SELECT 1 AS {quote(name)}").description[0][0] == name


@pytest.mark.parametrize("name", HARD_NAMES)
def test_hard_names_are_table_and_column_names(engine, name):
    engine.create(name, f"SELECT 7 AS {quote(name)}")
    assert engine.columns(name) == {name: "number"}
    engine.drop(name)
    assert name not in engine.tables()


def test_a_name_with_nul_is_refused():
    with pytest.raises(InputError, match="NUL"):
        quote("a\0b")


@given(
    st.one_of(
        st.text(st.characters(exclude_categories=("Cs",))),
        st.integers(-(2**62), 2**62),
        st.floats(allow_nan=False),
        st.booleans(),
        st.none(),
        st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 1, 1)),
        st.dates(dt.date(1, 1, 1)),
    )
)
def test_any_value_survives_as_literal(engine, value):
    (read,) = engine.execute(f"SELECT {literal(value)}").fetchone()
    # A literal such as 0.1 is an exact decimal in SQL.
    assert (float(read) if isinstance(value, float) else read) == value


def test_literals_of_pandas_and_numpy_values():
    assert literal(np.int64(3)) == "3"
    assert literal(np.bool_(True)) == "TRUE"
    assert literal(float("nan")) == literal(pd.NaT) == literal(None) == "NULL"
    assert literal(Decimal("1.50")) == "1.50"
    assert literal(pd.Timestamp("2026-07-01T08:00+08:00")) == "TIMESTAMP '2026-07-01 00:00:00.000000'"


@pytest.mark.parametrize("value", [[1], {"a": 1}, object(), b"x"])
def test_other_types_are_refused_as_literals(value):
    with pytest.raises(ParameterError, match="cannot be written into SQL"):
        literal(value)
