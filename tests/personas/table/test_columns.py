"""Columns of any kind are read as what they are, and those that cannot form personas are named."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool.errors import InputError, ParameterError
from segtool.personas.table.columns import canonical_rows, read_array, read_frame, select_columns


def read(cells, **kwargs):
    return read_frame(pd.DataFrame({"x": pd.Series(cells, **kwargs)}))[0]


@pytest.mark.parametrize(
    ("cells", "dtype", "kind"),
    [
        ([1, 2, None], None, "number"),
        ([1, 2, None], "Int64", "number"),
        ([Decimal("1.5"), None, Decimal(2)], object, "number"),
        ([True, False, None], object, "flag"),
        ([True, False, None], "boolean", "flag"),
        ([True, False, True], bool, "flag"),
        (["a", "小红书", None], object, "text"),
        (["a", "🙂", None], "string", "text"),
        (["a", "b", None], "category", "text"),
        (["a", "b", None], pd.CategoricalDtype(["b", "a"], ordered=True), "ordered"),
        (pd.to_datetime(["2026-01-01", None, "2026-02-01"]), None, "unusable"),
        ([[1], [2, 3], None], object, "unusable"),
    ],
)
def test_kind_follows_type_and_content(cells, dtype, kind):
    column = read(cells, dtype=dtype)
    assert column.kind == kind
    if kind != "unusable" and None in list(cells):
        assert column.known.tolist() == [cell is not None for cell in cells]


def test_order_of_an_ordered_column_is_its_own():
    column = read(["high", "low"], dtype=pd.CategoricalDtype(["low", "mid", "high"], ordered=True))
    assert column.levels == ("low", "mid", "high")
    assert column.values.tolist() == [2, 0]


def test_same_level_however_it_is_typed():
    assert read(pd.Series([1, "1", 1.0, "x"], dtype=object)).values.tolist() == [0, 0, 0, 1]


def test_blank_text_is_missing():
    assert read(["a", " ", ""]).known.tolist() == [True, False, False]


@pytest.mark.parametrize("bad", [np.inf, -np.inf, 10**400])
def test_numbers_beyond_all_bounds_are_refused(bad):
    with pytest.raises(InputError, match=r"infinity.*'x'"):
        read(pd.Series([1, bad], dtype=object))


def test_reasons_to_leave_out():
    n = 400
    frame = pd.DataFrame(
        {
            "user_id": np.arange(n) * 7,
            "row": np.arange(n) + 5,
            "phone": [f"0{i:07d}" for i in range(n)],
            "country": "CN",
            "nothing": np.nan,
            "rare": [1.0, 2.0] + [np.nan] * (n - 2),
            "when": pd.Timestamp("2026-01-01"),
            "muted": ["a", "b"] * (n // 2),
            "spend": np.random.default_rng(0).gamma(2, 50, n),
        }
    )
    used, left_out = select_columns(read_frame(frame), np.ones(n), {"muted": 0})
    assert used == [(8, 1.0)]
    reasons = left_out.set_index("column")["reason"]
    assert "an id" in reasons["user_id"] and "an id" in reasons["row"] and "an id" in reasons["phone"]
    assert reasons["country"] == "everyone known has the same value"
    assert reasons["nothing"] == "no value is known"
    assert reasons["rare"] == "known for only 0.5% of users"
    assert "dates" in reasons["when"] and reasons["muted"] == "has weight 0"


@pytest.mark.parametrize("weights", [{"y": 1}, [1, 2], [-1], [np.nan]])
def test_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(ParameterError, match="column_weights"):
        select_columns(read_frame(pd.DataFrame({"x": [1, 2]})), np.ones(2), weights)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, -0.0, 1.5, np.nan]), st.integers(0, 3)), min_size=1, max_size=20)
)
def test_canonical_rows_forget_order_and_repetition(rows):
    """Shuffled, and with repetitions turned into weights, the same distinct rows in the same order."""
    values = np.array([row[0] for row in rows])[:, None]
    weights = np.array([row[1] for row in rows], dtype=float)
    repeated = np.repeat(values, weights.astype(int), axis=0)[::-1]
    kept, summed = canonical_rows(read_array(values, ["x"]), weights)
    again, count = canonical_rows(read_array(repeated, ["x"]), np.ones(len(repeated)))
    np.testing.assert_array_equal(values[kept], repeated[again])
    np.testing.assert_array_equal(summed, count)
