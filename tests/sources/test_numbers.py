"""Amounts as people write them, in SQL and in Python alike; what is unclear is not read."""

from __future__ import annotations

import pandas as pd
import pytest

from segtool.engines import DuckDBEngine, literal
from segtool.errors import InputError
from segtool.sources import Sources, TableSettings
from segtool.sources.numbers import clean_number, describe_shape, guess_decimal, read_number


@pytest.mark.parametrize(("text", "decimal", "number"), [
    ("48,23", ",", 48.23), ("1.234,50", ",", 1234.5), ("€ 48,23", ",", 48.23), ("48,23 EUR", ",", 48.23),
    ("1\u202f234,5", ",", 1234.5), ("-1.234.567", ",", -1234567), ("-€5,10", ",", -5.1), ("7", ",", 7),
    ("48.23", ",", None), ("1.23,45", ",", None), ("0.123", ",", None),
    ("1,234.50", ".", 1234.5), ("￥15.29", ".", 15.29), ("12.5 CNY", ".", 12.5), ("US$3", ".", 3),
    ("48,23", ".", None), ("0,123", ".", None), ("1,23,456", ".", None), ("1_000", ".", None),
    ("12 cats", ".", None),
])  # fmt: skip
def test_a_number_is_read_the_same_in_sql(text, decimal, number):
    assert read_number(text, decimal) == number
    with DuckDBEngine() as engine:
        cleaned = clean_number(literal(text), decimal)
        sql = f"SELECT CASE WHEN NOT contains({cleaned}, '_') THEN TRY_CAST({cleaned} AS DOUBLE) END"
        assert engine.execute(sql).fetchone()[0] == number


def test_the_mark_is_told_by_the_values():
    assert guess_decimal(["1.234,50", "7"]) == ","
    assert guess_decimal(["1,234"]) == "." and guess_decimal(["1,234"], prefer=",") == ","
    assert guess_decimal([]) is None
    assert describe_shape(["1.5 kg"]) == "digits, point, digits, space, letters"


def orders(**more):
    frame = {"user_id": ["a", "b"], "event": "purchase", "event_time": "2026-06-01", **more}
    return pd.DataFrame(frame)


def test_the_advice_is_about_the_column_that_failed():
    with pytest.raises(
        InputError, match=r"amount look like decimal comma \(digits, comma, digits\)"
    ) as refusal:
        Sources.read({"events": orders(amount=["48,23", "7,1"])}, as_of="2026-07-01")
    assert 'decimal = ","' in str(refusal.value) and "time_format" not in str(refusal.value)
    assert "48,23" not in str(refusal.value)


def test_properties_follow_the_decimal_mark_and_codes_stay_text():
    frame = orders(amount=["1.048,23", "7"], size=["1,5", "2"], version=["1.234", "2.0"])
    with Sources.read({"events": (frame, TableSettings(decimal=","))}, as_of="2026-07-01") as sources:
        table, kinds = sources.to_pandas("events"), sources.columns("events")
    assert table["amount"].astype(float).tolist() == [1048.23, 7.0]
    assert table["size"].tolist() == [1.5, 2.0]
    assert kinds["version"] == "text"


def test_two_currencies_in_one_column_are_told():
    frame = orders(amount=["€ 5", "12.5 CNY"])
    with Sources.read({"events": frame}, as_of="2026-07-01") as sources:
        assert sources.notes() == ["events: amount is written in CNY and €; nothing is converted"]


def test_a_silent_quarter_before_as_of_is_told():
    with Sources.read({"events": orders()}, as_of="2026-12-01") as sources:
        assert "183 days before as_of" in sources.notes()[0]
        assert "183 days" in " ".join(sources.check().to_pandas()["note"])


def test_rejected_rows_keep_the_delimiter_of_the_file(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text('user_id;event;event_time;amount\na;"x;y";2026-06-01;1,5\nb;view;soon;2,5\n')
    settings = TableSettings(path=str(path), decimal=",")
    with Sources.read({"events": settings}, as_of="2026-07-01", max_rejected_share=1) as sources:
        assert sources.rejected("events")["raw"].tolist() == ["b;view;soon;2,5"]
