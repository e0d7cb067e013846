"""CSV files: nothing runs in a spreadsheet, nothing is changed, everything comes back."""

from __future__ import annotations

import csv
import io
import re
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool.errors import InputError
from segtool.outputs.csv_files import BOM, TRIGGERS, guard, is_rewritten, read_csv, unguard, write_csv

PAYLOADS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    "  =1+1",
    "\ufeff=1+1",
    "\u200b=1+1",
    '=HYPERLINK("http://x","y")',
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def written(frame: pd.DataFrame, **options) -> str:
    target = io.BytesIO()
    write_csv(frame, target, **options)
    return target.getvalue().decode("utf-8-sig")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_cell_and_no_header_starts_a_formula(payload):
    rows = list(csv.reader(io.StringIO(written(pd.DataFrame({payload: [payload]})), newline="")))
    cells = [cell for row in rows for cell in row]
    assert len(cells) == 2
    assert not [cell for cell in cells if cell.lstrip(" \ufeff\u200b")[0] in TRIGGERS]


@given(TEXT, st.booleans())
@settings(max_examples=1000)
def test_guard_is_undone_by_unguard(text, excel):
    assert unguard(guard(text, excel_ids=excel)) == text


@given(TEXT)
@settings(max_examples=500)
def test_a_guarded_text_never_starts_with_a_trigger(text):
    safe = guard(text)
    assert safe.lstrip(" \u200b\ufeff\u00a0\u3000")[:1] not in TRIGGERS or re.fullmatch("-[0-9.]+", safe)


@given(st.lists(st.tuples(TEXT, st.none() | TEXT), min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
def test_any_text_comes_back_as_it_was(tmp_path_factory, rows):
    frame = pd.DataFrame(rows, columns=["user_id", "=note"], dtype=object)
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    write_csv(frame, path)
    back = read_csv(path)
    assert list(back.columns) == ["user_id", "=note"]
    assert back.values.tolist() == frame.values.tolist()


def test_ids_join_with_the_table_they_came_from(tmp_path):
    orders = pd.DataFrame({"user_id": ["00001", "1e5", "5-10", "-5", "-5.25"], "n": range(5)})
    write_csv(orders[["user_id"]].assign(persona_id=1), tmp_path / "personas.csv")
    back = pd.read_csv(tmp_path / "personas.csv", dtype={"user_id": str})
    assert len(orders.merge(back, on="user_id")) == 5


@pytest.mark.parametrize("text", ["-5+1", "-5-1", "-", "--5", "-٣", "-5 ", "-5\n", "+5", "-1e5", "-A1"])
def test_only_plain_negative_numbers_may_begin_with_a_sign(text):
    assert guard(text) == "'" + text


def test_ids_stay_text_in_excel_where_that_is_asked_for():
    ids = ["00123", "12345678901234567890", "1e5", "5-10", "3/4", "Mar-1", "12:30", "5 pm", "7月1日"]
    assert all(is_rewritten(text) for text in ids)
    assert all(guard(text, excel_ids=True) == "'" + text and guard(text) == text for text in ids)
    plain = ["u0042", "123", "tea", "20 or so", "1st place", "h_00e1", "18–24 years", "25-34", "18-24", ""]
    assert not [text for text in plain if guard(text, excel_ids=True) != text]


def test_a_megabyte_in_one_cell_takes_no_time():
    begin = time.process_time()
    cells = ("1" * 1_000_000 + "x", "1" * 1_000_000, "-" + "1" * 1_000_000)
    assert [guard(text, excel_ids=True)[:1] for text in cells] == ["1", "'", "'"]
    assert time.process_time() - begin < 1


def test_numbers_stay_numbers():
    frame = pd.DataFrame({"x": [-5.2, 1 / 3, -0.0, np.inf, np.nan], "n": [-1, 0, 1, 2, 3]})
    assert written(frame).splitlines()[1:] == ["-5.2,-1", "0.333333,0", "0,1", ",2", ",3"]


def test_nullable_and_categorical_columns():
    frame = pd.DataFrame(
        {
            "flag": pd.array([True, pd.NA], "boolean"),
            "n": pd.array([3, pd.NA], "Int64"),
            "level": pd.Categorical(["=high", None]),
            "at": pd.to_datetime(["2026-07-01 08:00+08:00", None], utc=True),
        }
    )
    assert written(frame).splitlines()[1:] == ['true,3,"\'=high","2026-07-01T00:00:00Z"', ",,,"]


def test_bom_only_for_excel(tmp_path):
    frame = pd.DataFrame({"名字": ["宝妈 👶"]})
    for excel in (True, False):
        write_csv(frame, tmp_path / "t.csv", excel=excel)
        assert (tmp_path / "t.csv").read_bytes().startswith(BOM) == excel
        assert read_csv(tmp_path / "t.csv").equals(frame.astype(object))


def test_an_empty_table_keeps_its_header():
    assert written(pd.DataFrame({"user_id": pd.Series([], dtype=str)})) == '"user_id"\n'


def test_same_table_same_bytes():
    frame = pd.DataFrame({"x": np.linspace(0, 1, 50), "t": ["a"] * 50})
    assert written(frame) == written(frame.copy())


def test_large_tables_go_in_slices(monkeypatch):
    monkeypatch.setattr("segtool.outputs.csv_files.ROWS_AT_ONCE", 3)
    frame = pd.DataFrame({"id": [f"u{i}" for i in range(8)], "x": [None] * 7 + [1.5]})
    assert len(written(frame).splitlines()) == 9


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(InputError, match="same name"):
        written(pd.DataFrame([[1, 2]], columns=["a", "a"]))
