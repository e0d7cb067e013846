"""Whatever people answer and however files are damaged: no respondent is lost or invented, nothing crashes."""

from __future__ import annotations

import csv
import io
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from survey_files import AS_OF, qualtrics_rows, write

from segtool.errors import SegtoolError
from segtool.sources import Sources, TableSettings
from segtool.sources.adaptors import adaptors, look_at_head, recognise

cell = st.one_of(
    st.sampled_from(
        [
            "",
            "1",
            "0",
            "-99",
            "-3",
            "Y",
            "Music",
            "Music|Sport",
            "a, b",
            "音乐┋运动",
            "其他〖x〗",
            "N/A",
            "Never",
        ]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0\ufdd0"), max_size=10),
)
title = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufdd0"), max_size=12)
table = st.integers(1, 4).flatmap(
    lambda n: st.tuples(
        st.lists(title, min_size=n, max_size=n),
        st.lists(st.lists(cell, min_size=n, max_size=n), max_size=6),
    )
)


def qualtrics(titles, rows):
    questions = [(f"Q{i}_1", text, {"ImportId": f"QID{i % 2}_{i}"}) for i, text in enumerate(titles)]
    return qualtrics_rows(questions, [(f"id-{i}", row) for i, row in enumerate(rows)])


def surveymonkey(titles, rows):
    head = [["Respondent ID", "Collector ID", "Date Modified", *titles], ["", "", "", *titles[::-1]]]
    return head + [[f"id-{i}", "9", "06/10/2026 01:08:25 PM", *row] for i, row in enumerate(rows)]


def google_forms(titles, rows):
    head = ["Timestamp", "member", *titles]
    return [head] + [["2026/05/01 3:00:00 PM GMT+3", f"id-{i}", *row] for i, row in enumerate(rows)]


def limesurvey(titles, rows):
    head = ["id", "submitdate", "lastpage", "startlanguage", *(f"Q[{text}]" for text in titles)]
    return [head] + [[f"id-{i}", "2026-05-01 10:00:00", "1", "en", *row] for i, row in enumerate(rows)]


def wjx(titles, rows):
    head = ["序号", "提交答卷时间", *(f"{1 + i // 2}、{text}" for i, text in enumerate(titles))]
    return [head] + [[f"id-{i}", "2026/5/1 9:08:16", *row] for i, row in enumerate(rows)]


TOOLS = {
    "qualtrics": (qualtrics, "ExternalReference", 3),
    "surveymonkey": (surveymonkey, "Respondent ID", 2),
    "google_forms": (google_forms, "member", 1),
    "limesurvey": (limesurvey, "id", 1),
    "wjx": (wjx, "序号", 1),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def rows_of(adapted) -> list[tuple]:
    """Return the rows that an adaptor gives, numbers last."""
    return [row for block in adapted.data for row in zip(*block, strict=True)]


@pytest.mark.parametrize("name", TOOLS)
@settings(max_examples=60, deadline=None)
@given(made=table, quote=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
@example(made=(["", ""], [["", ""], ["", ""]]), quote=csv.QUOTE_MINIMAL)
def test_every_respondent_comes_out_once(folder, name, made, quote):
    make, user, headers = TOOLS[name]
    path = write(folder / f"{name}.csv", make(*made), quote=quote)
    said = TableSettings(path=str(path), columns={"user_id": user}, encoding="utf-8", delimiter=",")
    adapted = adaptors()[name].read([path], said, None)
    rows = rows_of(adapted)
    place = adapted.names.index(user)
    assert [row[place] for row in rows] == [f"id-{i}" for i in range(len(made[1]))]
    numbers = [row[-1] for row in rows]
    assert numbers == sorted(set(numbers)) and all(number > headers for number in numbers)
    assert len(set(adapted.names)) == len(adapted.names) and not adapted.broken
    assert adapted.left_out[0].n == headers


@pytest.mark.parametrize("name", TOOLS)
@settings(max_examples=40, deadline=None)
@given(made=table, at=st.floats(0, 1), junk=st.binary(max_size=6), cut=st.booleans())
def test_a_damaged_file_is_refused_or_reconciled(folder, name, made, at, junk, cut):
    make, user, _ = TOOLS[name]
    good = io.StringIO()
    csv.writer(good).writerows(make(*made))
    data = good.getvalue().encode()
    place = int(at * len(data))
    path = folder / f"{name}-damaged.csv"
    path.write_bytes(data[:place] + junk + (b"" if cut else data[place:]))
    said = TableSettings(path=str(path), columns={"user_id": user})
    try:
        recognise(look_at_head(path))
        adapted = adaptors()[name].read([path], said, None)
        rows = rows_of(adapted)
    except SegtoolError as error:
        assert "id-" not in str(error)
        return
    lines = data.count(b"\n") + junk.count(b"\n") + junk.count(b"\r") + 1
    assert len(rows) + len(adapted.broken) <= lines
    assert all(len(row) == len(adapted.names) + 1 for row in rows)


@settings(max_examples=8, deadline=None)
@given(made=table, name=st.sampled_from(sorted(TOOLS)))
def test_the_books_balance_to_the_end(folder, made, name):
    make, user, _ = TOOLS[name]
    path = write(
        folder / f"whole-{name}.csv", [*make(*made), *make(["x"] * len(made[0]), [["y"] * len(made[0])])[-1:]]
    )
    said = {
        "path": str(path),
        "format": name,
        "columns": {"user_id": user},
        "encoding": "utf-8",
        "delimiter": ",",
    }
    sources = Sources.read({"survey": said}, as_of=AS_OF, max_rejected_share=1)
    row = sources.summary().to_pandas().iloc[0]
    assert (
        row["read"]
        == len(made[1]) + 1
        == row["kept"] + row["rejected"] + row["duplicates"] + row["after_as_of"]
    )


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
@example(b"PK\x03\x04")
@example(b"$FL2@(#) SPSS DATA FILE")
@example(b"<stata_dta><header>")
def test_any_bytes_are_looked_at_without_a_crash(folder, data):
    path = folder / "any"
    path.write_bytes(data)
    try:
        recognise(look_at_head(path))
    except SegtoolError:
        assert not data or data.startswith(b"\x1f\x8b")


@pytest.mark.parametrize("name", ["limesurvey", "wjx"])
@pytest.mark.parametrize("mark", ["(", "[", " ", "(a)", "〖", "["])
def test_long_headings_and_answers_take_no_time(folder, name, mark):
    make, user, _ = TOOLS[name]
    path = write(folder / "long.csv", make([mark * 40_000] * 2, [[mark * 40_000, "a, " * 9_000]] * 3))
    said = TableSettings(path=str(path), columns={"user_id": user}, encoding="utf-8", delimiter=",")
    start = time.process_time()
    assert len(rows_of(adaptors()[name].read([path], said, None))) == 3
    assert time.process_time() - start < 2


def test_what_names_people_is_not_kept_with_a_broken_record(folder):
    rows = qualtrics([""], [["x"]])
    path = write(folder / "broken.csv", [*rows, ["secret@example.org", "2"]])
    sources = Sources.read(
        {"survey": {"path": str(path), "columns": {"user_id": "ResponseId"}}},
        as_of=AS_OF,
        max_rejected_share=1,
    )
    assert sources.rejected("survey")[["row_number", "reason", "raw"]].values.tolist() == [
        [5, "too few fields", ""]
    ]
