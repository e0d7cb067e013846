from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.engines.frames import to_arrow
from segtool.errors import InputError


def test_mixed_columns_become_text_value_by_value():
    frame = pd.DataFrame({"a": np.array([1, "x", None, 2.5, float("nan"), 10**30], dtype=object)})
    assert to_arrow(frame)["a"].to_pylist() == ["1", "x", None, "2.5", None, str(10**30)]


def test_missing_values_become_null_in_every_type():
    frame = pd.DataFrame(
        {
            "f": [1.0, np.nan],
            "s": ["x", None],
            "t": pd.to_datetime(["2026-01-01", None]),
            "b": pd.array([True, None], dtype="boolean"),
            "c": pd.Categorical(["x", None]),
            "i": pd.array([1, None], dtype="Int64"),
        }
    )
    assert all(column.null_count == 1 for column in to_arrow(frame).columns)


def test_empty_and_all_missing_columns_are_text():
    frame = pd.DataFrame({"a": np.array([None, None], dtype=object)})
    assert str(to_arrow(frame).schema.field("a").type) == "string"


def test_periods_and_durations_become_text():
    frame = pd.DataFrame(
        {"p": pd.period_range("2026-01", periods=2, freq="M"), "d": pd.to_timedelta([1, 2], "h")}
    )
    assert to_arrow(frame)["p"].to_pylist() == ["2026-01", "2026-02"]
    assert to_arrow(frame)["d"].to_pylist()[0].startswith("0 days 01")


def test_times_with_and_without_a_zone_do_not_become_one_type():
    mixed = [pd.Timestamp("2026-06-01 08:00"), pd.Timestamp("2026-06-01 08:00", tz="Asia/Tokyo")]
    arrow = to_arrow(pd.DataFrame({"t": np.array(mixed, dtype=object)}))
    assert arrow["t"].to_pylist() == ["2026-06-01 08:00:00", "2026-06-01 08:00:00+09:00"]


def test_two_columns_of_one_name_are_refused():
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(InputError, match="two columns named 'a'"):
        to_arrow(frame)
