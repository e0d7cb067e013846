from __future__ import annotations

import datetime as dt
import gzip

import pandas as pd
import pyarrow as pa
import pytest

from segtool.errors import InputError
from segtool.sources import Sources, TableSettings

FRAME = pd.DataFrame(
    {
        "user_id": ["00123", "张三", "🎉", "O'Hara"],
        "event_time": ["2026-06-01 08:00", "2026-06-02", "2026-06-03T08:00Z", "2026-06-04"],
        "event": ["view", "购买", "share", "view"],
        "amount": ["1.5", "", "3", "0"],
        "备注": ["a, b", "多\n行", 'q"q', ";--"],
    }
)
WESTERN = FRAME.replace({"张三": "Zoë", "🎉": "Ærø", "购买": "kauf", "多\n行": "zwei\nZeilen"}).rename(
    columns={"备注": "größe"}
)


def read(given, **options):
    return Sources.read({"events": given}, as_of="2026-07-01", **options)


def events(given, **options) -> pd.DataFrame:
    with read(given, **options) as sources:
        return sources.to_pandas("events")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_one_table_in_any_encoding_and_delimiter_is_one_table(tmp_path, encoding, delimiter):
    frame = FRAME if encoding != "gb18030" else FRAME.replace({"🎉": "李四"})
    path = tmp_path / "events.csv"
    frame.to_csv(path, index=False, encoding=encoding, sep=delimiter)
    pd.testing.assert_frame_equal(events(path), events(frame))


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8", "utf-16"])
def test_western_encodings(tmp_path, encoding):
    path = tmp_path / "events.csv"
    WESTERN.to_csv(path, index=False, encoding=encoding)
    pd.testing.assert_frame_equal(events(path), events(WESTERN))


def test_a_declared_encoding_and_delimiter_win(tmp_path):
    path = tmp_path / "events.txt"
    path.write_bytes("user_id;event_time;event\nд,1;2026-06-01;view\n".encode("cp1251"))
    settings = TableSettings(path=path, encoding="cp1251", delimiter=";")
    assert events(settings)["user_id"].tolist() == ["д,1"]


def test_a_zipped_file_is_read_whatever_its_name(tmp_path):
    path = tmp_path / "events.csv"
    path.write_bytes(gzip.compress(FRAME.to_csv(index=False).encode()))
    pd.testing.assert_frame_equal(events(path), events(FRAME))


def test_a_zipped_file_cut_short_is_refused(tmp_path):
    path = tmp_path / "events.csv.gz"
    path.write_bytes(gzip.compress(FRAME.to_csv(index=False).encode())[:-12])
    with pytest.raises(InputError, match="damaged or cut short"):
        read(path)


def test_excels_own_first_line_names_the_delimiter_and_is_no_header(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text("sep=;\nuser_id;event_time;event\na;soon;view\nb;2026-06-01;view\n")
    with read(path, max_rejected_share=0.5) as sources:
        assert sources.to_pandas("events")["user_id"].tolist() == ["b"]
        assert sources.rejected("events")["row_number"].tolist() == [3]


def test_excel_sheets(tmp_path):
    from openpyxl import Workbook

    book = Workbook()
    book.active.title = "first"
    sheet = book.create_sheet("events")
    sheet.append([])
    sheet.append(["user_id", "event_time", "event", "amount", "vip", None])
    sheet.append([123, dt.datetime(2026, 6, 1, 8), "view", 2.5, True])
    sheet.append(["00123", "2026-06-02", "购买 🎉", None, False])
    sheet.append([None, None, None, None, None])
    sheet.append([7.0, dt.date(2026, 6, 3), "view", "x", True])
    book.save(tmp_path / "e.csv")  # people name Excel files .csv
    with read(TableSettings(path=tmp_path / "e.csv", sheet="events"), max_rejected_share=0.5) as sources:
        frame = sources.to_pandas("events")
        assert frame["user_id"].tolist() == ["00123", "123"]
        assert frame["vip"].tolist() == [False, True]
        assert sources.rejected("events")[["row_number", "reason"]].values.tolist() == [
            [6, "unreadable number"]
        ]
    with pytest.raises(InputError, match=r"no sheet 'event'.*did you mean 'events'"):
        read(TableSettings(path=tmp_path / "e.csv", sheet="event"))
    with pytest.raises(InputError, match=r"'first' .* is empty"):
        read(tmp_path / "e.csv")


def test_arrow_tables_and_frames_of_many_types():
    table = pa.table(
        {
            "user_id": pa.array([1, 2], pa.int64()),
            "event_time": pa.array(
                [dt.datetime(2026, 6, 1), dt.datetime(2026, 6, 2)], pa.timestamp("ns", "UTC")
            ),
            "event": pa.array(["view", "view"]).dictionary_encode(),
            "tags": [["a"], None],
            "day": [dt.date(2026, 6, 1), None],
        }
    )
    with read(table) as sources:
        assert sources.columns("events") | {} == {
            "user_id": "text",
            "event_time": "time",
            "event": "text",
            "tags": "text",
            "day": "time",
        }
        assert sources.to_pandas("events")["user_id"].tolist() == ["1", "2"]


def test_the_users_frame_is_left_alone():
    before = FRAME.copy()
    events(FRAME)
    pd.testing.assert_frame_equal(FRAME, before)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("e.csv", b"", "is empty"),
        ("e.csv", b"\n\n  \n", "is empty"),
        ("e.csv", b'"user_id,event\n', "header line of e.csv has broken quoting"),
        ("e.parquet", b"PAR1 but no more", "no Parquet file that can be read"),
        ("e.xlsx", b"PK\x03\x04 but no more", "no Excel file that can be read"),
        ("e.xls", b"\xd0\xcf\x11\xe0", "old Excel file"),
        ("e.sav", b"$FL2@(#)", "SPSS or Stata"),
    ],
)
def test_files_that_are_not_what_they_seem_are_refused(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        read(tmp_path / name)


def test_a_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "events.csv").write_text("x")
    with pytest.raises(InputError, match=r"no file 'event\.csv'.*did you mean 'events\.csv'"):
        read("event.csv", base=tmp_path)
    with pytest.raises(InputError, match="nor its folder"):
        read("no/where.csv", base=tmp_path)


def test_patterns_and_folders_mean_several_parquet_files_only(tmp_path):
    for day in (1, 2):
        FRAME.assign(event_time=pd.Timestamp(2026, 6, day)).to_parquet(tmp_path / f"day={day}.parquet")
    assert len(events(tmp_path)) == len(events("day=*.parquet", base=tmp_path)) == 8
    for name in ("a.csv", "b.csv"):
        FRAME.to_csv(tmp_path / name, index=False)
    with pytest.raises(InputError, match="2 files, which are not Parquet"):
        read(str(tmp_path / "*.csv"))


@pytest.mark.parametrize("given", [[1, 2], 5, None])
def test_what_is_no_table_is_refused(given):
    with pytest.raises(InputError, match="a path, a DataFrame"):
        read(given)
