"""Ids stay text, properties find their type, flags and numbers are read in every form."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.sources import Sources

IDS = {
    "00123": "00123",
    "123": "123",
    "9007199254740993": "9007199254740993",
    "12345678901234567890123": "12345678901234567890123",
    "1e5": "1e5",
    "NA": "NA",
    "null": "null",
    "Inf": "Inf",
    "True": "True",
    " x ": "x",
    "e\u0301": "é",
    "\u3000全角\u3000": "全角",
    "a b": "a b",
    "\ufeffz\u200b": "z",
}


def read(frame, table="events", **options):
    return Sources.read({table: frame}, as_of="2026-07-01", **{"max_rejected_share": 1, **options})


def events(**columns) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    fixed = {"user_id": [f"u{i}" for i in range(n)], "event_time": ["2026-06-01"] * n, "event": ["view"] * n}
    return pd.DataFrame(fixed | columns)


@pytest.mark.parametrize("how", ["frame", "csv", "parquet"])
def test_ids_stay_the_text_they_are(tmp_path, how):
    frame = events(user_id=list(IDS))
    if how == "csv":
        frame.to_csv(tmp_path / "e.csv", index=False)
    elif how == "parquet":
        frame.to_parquet(tmp_path / "e.parquet")
    sources = read(frame if how == "frame" else tmp_path / f"e.{how}")
    assert set(sources.to_pandas("events")["user_id"]) == set(IDS.values())
    assert sources.n_users == len(set(IDS.values()))


def test_clean_ids_of_parquet_are_read_as_they_lie(tmp_path):
    events(user_id=["a", "b"]).assign(event_time=pd.Timestamp("2026-06-01")).to_parquet(
        tmp_path / "e.parquet"
    )
    sources = read(tmp_path / "e.parquet")
    (sql,) = sources.engine.execute(
        "SELECT sql FROM duckdb_views() WHERE view_name = 'base_events'"
    ).fetchone()
    assert "trim" not in sql and "WHERE" not in sql


@pytest.mark.parametrize(
    ("given", "expected", "rejected"),
    [
        ([1, 2], ["1", "2"], 0),
        ([1.0, np.nan], ["1"], 1),
        ([1.5, 2.0], ["1.5", "2"], 0),
        ([2.0**60, 2.0], ["2"], 1),
        (np.array([7, "x"], dtype=object), ["7", "x"], 0),
        (np.array([2**70, 1], dtype=object), ["1", str(2**70)], 0),
    ],
)
def test_numeric_ids_become_their_own_digits(given, expected, rejected):
    sources = read(events(user_id=given))
    assert sources.to_pandas("events")["user_id"].tolist() == expected
    assert len(sources.rejected("events")) == rejected


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2.5", "-3", ""], "number"),
        (["0.30000000000000004", "1.5e-7", ".5"], "number"),
        (["true", "False", ""], "boolean"),
        (["00123", "5"], "text"),
        (["1e5", "2"], "text"),
        (["9007199254740993"], "text"),
        (["1", "x"], "text"),
        (["yes", "no"], "text"),
        (["1_000"], "text"),
        (["NA", "1"], "text"),
        (["inf", "1"], "text"),
        (["", ""], "text"),
        (["2026-01-01"], "text"),
    ],
)
def test_properties_are_numbers_only_when_nothing_is_lost(values, kind):
    sources = read(events(p=values))
    assert sources.columns("events")["p"] == kind
    assert sources.to_pandas("events").sort_values("user_id")["p"].isna().tolist() == [
        v == "" for v in values
    ]


def test_a_late_value_still_makes_a_property_text():
    values = ["1"] * 6_000 + ["x"]
    assert read(events(p=values)).columns("events")["p"] == "text"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "number"),
        ([2**60, 1], "text"),
        ([1.5, np.nan], "number"),
        ([True, False], "boolean"),
        (pd.to_datetime(["2026-01-01", "2026-01-02"]), "time"),
        (pd.Categorical(["a", "b"]), "text"),
    ],
)
def test_typed_properties_keep_their_kind(tmp_path, values, kind):
    frame = events(p=values)
    frame.to_parquet(tmp_path / "e.parquet")
    assert read(frame).columns("events")["p"] == kind
    assert read(tmp_path / "e.parquet").columns("events")["p"] == kind


def test_infinity_is_rejected_wherever_numbers_are():
    for column in ("amount", "p"):
        sources = read(events(**{column: [1.0, np.inf, -np.inf, np.nan]}))
        assert sources.rejected("events")["reason"].tolist() == ["not finite"] * 2
        assert len(sources.to_pandas("events")) == 2


def test_amounts_are_exact_decimals():
    sources = read(events(amount=["0.1"] * 10))
    assert sources.engine.types("events")["amount"] == "DECIMAL(18,4)"
    assert sources.engine.execute("SELECT sum(amount) = 1 FROM events").fetchone() == (True,)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), ("0", False), ("Yes", True), ("否", False), ("TRUE", True), ("", None)],
)
def test_flags_are_read_in_many_words(value, expected):
    sources = read(pd.DataFrame({"user_id": ["a"], "paid": [value]}), "survey")
    paid = sources.to_pandas("survey")["paid"].iloc[0]
    assert (None if pd.isna(paid) else bool(paid)) is expected


def test_a_flag_that_is_none_rejects_its_row():
    sources = read(pd.DataFrame({"user_id": ["a", "b"], "paid": ["perhaps", "1"]}), "survey")
    assert sources.rejected("survey")["reason"].tolist() == ["unreadable yes or no"]


def test_emoji_and_chinese_survive_in_every_text_field():
    text = "购买 🎉 'x' \"y\" ;-- \\ %s 👩‍👩‍👧"
    frame = events(event=[text], topic=[text], channel=[text], p=[text], item_id=[text])
    read_back = read(frame).to_pandas("events")
    assert (read_back[["event", "topic", "channel", "p", "item_id"]] == text).all(axis=None)
