from __future__ import annotations

import random

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segtool.engines import DuckDBEngine
from segtool.errors import InputError
from segtool.sources import Sources, TableSettings

HEADER = "user_id,event_time,event,amount\n"
REASONS = {
    *("missing user_id", "missing event_time", "missing event", "unreadable time", "time out of range"),
    *("unreadable number", "not finite", "number out of range", "too few fields", "too many fields"),
    *("broken quoting", "undecodable bytes", "NUL character", "field too long"),
}


def read(path_or_settings, **options) -> Sources:
    options = {"as_of": "2026-07-01", "max_rejected_share": 1, **options}
    return Sources.read({"events": path_or_settings}, **options)


def write(tmp_path, *lines: str, header: str = HEADER, name: str = "events.csv"):
    path = tmp_path / name
    path.write_bytes((header + "".join(line + "\n" for line in lines)).encode())
    return path


def reasons_of(sources) -> list[tuple[int, str]]:
    return list(sources.rejected("events")[["row_number", "reason"]].itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("line", "reason", "column"),
    [
        (",2026-06-01,view,", "missing user_id", "user_id"),
        ("\t,2026-06-01,view,", "missing user_id", "user_id"),
        ("a,,view,", "missing event_time", "event_time"),
        ("a,2026-06-01,,", "missing event", "event"),
        ("a,yesterday,view,", "unreadable time", "event_time"),
        ("a,1970-01-20,view,", "time out of range", "event_time"),
        ("a,2200-01-01,view,", "time out of range", "event_time"),
        ("a,2026-06-01,view,much", "unreadable number", "amount"),
        ("a,2026-06-01,view,1_000", "unreadable number", "amount"),
        ("a,2026-06-01,view,inf", "not finite", "amount"),
        ("a,2026-06-01,view,NaN", "not finite", "amount"),
        ("a,2026-06-01,view,1e400", "not finite", "amount"),
        ("a,2026-06-01,view,1e15", "number out of range", "amount"),
        ("a,2026-06-01", "too few fields", ""),
        ("a,2026-06-01,view,1,2", "too many fields", ""),
        ('a,2026-06-01,"view,1', "broken quoting", ""),
        ("a\0,2026-06-01,view,1", "NUL character", ""),
    ],
)
def test_a_bad_row_is_set_aside_with_its_line_and_reason(tmp_path, line, reason, column):
    sources = read(write(tmp_path, "x,2026-06-01,view,1", line, "y,2026-06-01,view,1"))
    rejected = sources.rejected("events")
    assert rejected[["row_number", "reason", "column"]].values.tolist() == [[3, reason, column]]
    assert rejected["raw"].tolist() == [line.replace("\0", "\u2400")]
    assert sources.to_pandas("events")["user_id"].tolist() == ["x", "y"]


def test_undecodable_bytes_reject_their_row_only(tmp_path):
    path = tmp_path / "events.csv"
    good = "".join(f"用户{i},2026-06-01,浏览,1\n" for i in range(20))
    path.write_bytes((HEADER + good).encode() + "截".encode()[:2] + b"x,2026-06-01,view,1\n")
    sources = read(path)
    assert reasons_of(sources) == [(22, "undecodable bytes")]
    assert sources.n_users == 20


def test_the_first_fault_of_a_row_is_its_reason(tmp_path):
    assert reasons_of(read(write(tmp_path, "x,2026-06-01,view,1", ",soon,,much"))) == [(3, "missing user_id")]


def test_rows_equal_in_every_column_are_kept_once(tmp_path):
    lines = [
        "a,2026-06-01,view,1",
        "a,2026-06-01 00:00,view,1.00",
        "a,2026-06-01,view,",
        "a,2026-06-01,view,",
    ]
    path = write(tmp_path, *lines)
    assert read(path).summary().to_pandas()["duplicates"].tolist() == [2]
    kept = read(TableSettings(path=path, keep_duplicates=True))
    assert kept.summary().to_pandas()["kept"].tolist() == [4]


def test_rows_at_as_of_are_not_read_and_one_microsecond_before_are(tmp_path):
    path = write(
        tmp_path, "a,2026-06-30 23:59:59.999999,view,", "b,2026-07-01 00:00,view,", "c,2026-07-02,view,"
    )
    sources = read(path)
    assert sources.to_pandas("events")["user_id"].tolist() == ["a"]
    assert sources.summary().to_pandas()["after_as_of"].tolist() == [2]
    assert sources.n_users == 1


def test_the_first_of_two_users_is_kept_and_the_second_rejected(tmp_path):
    path = write(tmp_path, "a,x", "b,y", "a,z", header="user_id,city\n")
    sources = Sources.read({"users": path}, as_of="2026-07-01", max_rejected_share=0.5)
    assert sources.to_pandas("users").values.tolist() == [["a", "x"], ["b", "y"]]
    assert sources.rejected("users").values.tolist() == [[4, "duplicate user_id", "a,z", "user_id"]]


def test_too_many_rejected_rows_stop_the_run(tmp_path):
    lines = ["a,2026-06-01,view,1"] * 3 + [
        "b,soon,view,1",
        "c,later,view,2",
        "d,2026-06-01,view,x",
        ",2026-06-01,view,",
    ]
    with pytest.raises(InputError) as refusal:
        read(write(tmp_path, *lines), max_rejected_share=0.05)
    text = str(refusal.value)
    assert "events: 4 of 7 rows" in text and "57.1%" in text
    assert "unreadable time (event_time) 2, missing user_id 1, unreadable number (amount) 1" in text
    assert "max_rejected_share" in text and '.rejected("events")' in text
    assert "soon" not in text and "later" not in text


def test_a_share_at_the_limit_is_accepted(tmp_path):
    lines = [f"u{i},2026-06-01,view,1" for i in range(19)] + [",2026-06-01,view,1"]
    assert read(write(tmp_path, *lines), max_rejected_share=0.05).n_users == 19


@pytest.mark.parametrize(
    ("value", "time_format"),
    [("1780272000", "epoch_s"), ("1780272000000", "epoch_ms"), ("01.06.2026", "%d.%m.%Y")],
)
def test_a_refusal_suggests_the_time_format(tmp_path, value, time_format):
    path = write(tmp_path, f"a,{value},view,1")
    with pytest.raises(InputError, match=f'time_format = "{time_format}"'):
        read(path, max_rejected_share=0)
    assert read(TableSettings(path=path, time_format=time_format)).n_users == 1


def test_parquet_and_csv_come_to_the_same(tmp_path):
    frame = pd.DataFrame(
        {
            "user_id": ["a", " b ", "", "c", "c", "d", "e", None],
            "event_time": pd.to_datetime(["2026-06-01"] * 5 + ["2026-07-02", "1970-01-20", "2026-06-01"]),
            "event": ["view"] * 8,
            "amount": [1.5, None, 1.0, 2.0, 2.0, 1.0, 1.0, 1.0],
        }
    )
    frame.to_parquet(tmp_path / "e.parquet")
    frame.to_csv(tmp_path / "e.csv", index=False)
    results = [read(tmp_path / name) for name in ("e.parquet", "e.csv")] + [read(frame)]
    for sources in results:
        counts = sources.summary().to_pandas()[["read", "kept", "rejected", "duplicates", "after_as_of"]]
        assert counts.values.tolist() == [[8, 3, 3, 1, 1]]
        pd.testing.assert_frame_equal(
            sources.to_pandas("events"), results[0].to_pandas("events"), check_dtype=False
        )
    assert reasons_of(results[0]) == [(n - 1, reason) for n, reason in reasons_of(results[1])]
    assert reasons_of(results[0]) == reasons_of(results[2])


def test_parquet_with_nothing_wrong_stays_a_view(tmp_path):
    frame = pd.DataFrame({"user_id": ["a"], "event_time": pd.to_datetime(["2026-06-01"]), "event": ["view"]})
    frame.to_parquet(tmp_path / "e.parquet")
    sources = read(tmp_path / "e.parquet")
    tables = sources.engine.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert {name for (name,) in tables} == {"rejected_events", "user_index"}


def test_row_numbers_run_on_over_several_parquet_files(tmp_path):
    frame = pd.DataFrame(
        {"user_id": ["a", None], "event_time": pd.to_datetime(["2026-06-01"] * 2), "event": "view"}
    )
    for name in ("1", "2"):
        frame.assign(amount=float(name)).to_parquet(tmp_path / f"{name}.parquet")
    sources = read(tmp_path)
    assert reasons_of(sources) == [(2, "missing user_id"), (4, "missing user_id")]
    assert sources.rejected("events")["raw"].str[-3:].tolist() == ["1.0", "2.0"]


def test_large_tables_go_through_a_file_and_come_to_the_same(tmp_path, monkeypatch):
    path = write(tmp_path, "a,2026-06-01,view,1", "b,soon,view,1", "a,2026-06-01,view,1")
    small = read(path)
    monkeypatch.setattr("segtool.sources.quarantine.LARGE_ROWS", 1)
    large = read(path)
    assert small.summary().to_pandas().equals(large.summary().to_pandas())
    assert small.to_pandas("events").equals(large.to_pandas("events"))
    assert reasons_of(small) == reasons_of(large)


# -- whatever is done to a file, its records are accounted for --------------------------------------

GOOD = [f"u{i % 7},2026-06-{1 + i % 28:02d} 0{i % 10}:00,view,{i}\n" for i in range(12)] + [
    'u8,2026-06-02,"view, twice",\n',
    'u9,2026-06-02,"line\nbreak",5\n',
    "u1,2026-07-09,view,5\n",
    GOOD_TWICE := "u2,2026-06-05,view,5\n",
    GOOD_TWICE,
]
SCRAPS = [
    ",",
    '"',
    "\n",
    "\r",
    "\r\n",
    "\0",
    "x",
    ";",
    "é",
    "inf",
    "\ufeff",
    " ",
    "\n\n",
    '""',
    "1e999",
    "2026-99-99",
]
EDITS = st.lists(
    st.tuples(st.sampled_from(["insert", "delete", "swap"]), st.integers(0, 10_000), st.sampled_from(SCRAPS)),
    min_size=1,
    max_size=8,
)


@given(EDITS, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]), st.booleans())
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_record_of_a_mutated_file_is_accounted_for(tmp_path, shared_engine, edits, encoding, cut):
    body = "".join(GOOD)
    for kind, place, scrap in edits:
        at = place % (len(body) + 1)
        body = body[:at] + (scrap if kind != "delete" else "") + body[at + (kind != "insert") :]
    data = (HEADER + body).encode(encoding)
    path = tmp_path / "events.csv"
    path.write_bytes(data[: len(data) - 1] if cut else data)
    try:
        sources = read(path, engine=shared_engine)
    except InputError as refusal:  # nothing usable may be left, but never anything else
        assert "no user" in str(refusal)
        return
    (row,) = sources.summary().to_pandas().to_dict("records")
    assert row["read"] == row["kept"] + row["rejected"] + row["duplicates"] + row["after_as_of"]
    assert len(sources.rejected("events")) == row["rejected"]
    assert len(sources.to_pandas("events")) == row["kept"]
    assert set(sources.rejected("events")["reason"]) <= REASONS


@pytest.fixture(scope="module")
def shared_engine():
    with DuckDBEngine(memory_limit="500MB", threads=1) as engine:
        yield engine


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_rows_are_read_to_the_same_table(tmp_path, seed):
    lines = "".join(GOOD[:12]).splitlines()
    random.Random(seed).shuffle(lines)
    shuffled = read(write(tmp_path, *lines, name="b.csv")).to_pandas("events")
    assert shuffled.equals(read(write(tmp_path, *"".join(GOOD[:12]).splitlines())).to_pandas("events"))


def test_dropped_columns_do_not_come_back_in_the_rejects(tmp_path):
    path = tmp_path / "events.csv"
    good = "".join(f"u{n},2026-05-01,view,555{n:04}\n" for n in range(50))
    path.write_text("user_id,event_time,event,phone\n" + good + "u1,soon,view,13800000003\n", encoding="utf-8")
    with Sources.read({"events": TableSettings(path=str(path), drop=["phone"])}, as_of="2026-07-01") as sources:
        rejected = sources.rejected("events")
    assert len(rejected) == 1
    assert "soon" in rejected["raw"].iloc[0]
    assert "13800000003" not in rejected["raw"].iloc[0]
