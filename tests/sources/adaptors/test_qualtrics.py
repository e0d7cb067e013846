"""Qualtrics' exports: three header lines or two, previews, multiple answers, seen but unanswered."""

from __future__ import annotations

import pytest
from survey_files import (
    QUALTRICS_PEOPLE,
    QUALTRICS_QUESTIONS,
    answers,
    qualtrics_rows,
    read,
    write,
    write_sheet,
)

from segtool.errors import InputError
from segtool.sources import Sources


@pytest.fixture
def export(tmp_path):
    return write(tmp_path / "q.csv", qualtrics_rows(QUALTRICS_QUESTIONS, QUALTRICS_PEOPLE))


def test_no_header_line_is_a_respondent_and_previews_are_left_out(export):
    sources = read(export, "ExternalReference")
    row = sources.summary().to_pandas().iloc[0]
    assert (row["read"], row["kept"], row["rejected"]) == (4, 4, 0)
    left_out = sources.left_out().set_index("what")["n"].to_dict()
    assert left_out["header lines"] == 3 and left_out["preview answers"] == 1
    assert left_out["columns IPAddress and RecipientEmail"] == 2
    assert not {"zoe", "Recipient Email"} & set(sources.to_pandas("survey")["user_id"])
    assert any("recognised as an export of Qualtrics" in note for note in sources.notes())


def test_choices_in_columns_become_one_question(export):
    assert answers(read(export, "ExternalReference"), "Q3", "Q3_3_TEXT") == {
        "ann": ("Music", None),
        "bob": ("Music|Sport", None),
        "cyd": ("Other", "chess,\nfast"),
        "dan": (None, None),
    }


def test_times_are_on_the_clock_of_the_export(export):
    survey = read(export, "ExternalReference").to_pandas("survey").set_index("user_id")
    assert str(survey.loc["ann", "answered_at"]) == "2026-05-01 16:05:00+00:00"


def test_words_of_agreement_have_a_score(export):
    assert answers(read(export, "ExternalReference"), "Q2", "Q2_score") == {
        "ann": ("Strongly agree", 4.0),  # "Strongly disagree" is its other end, though nobody chose it
        "bob": ("Somewhat disagree", 2.0),
        "cyd": ("Neither agree nor disagree", 3.0),
        "dan": (None, None),
    }


def test_numeric_values_keep_why_there_is_no_answer(tmp_path):
    people = [
        ("ann", ("2", "5", "1", "", "", "", "", "")),
        ("bob", ("-99", "-99", "-99", "-99", "-99", "", "", "")),
        ("2/tim", ("1", "5", "1", "1", "", "", "", "")),
    ]
    rows = qualtrics_rows(QUALTRICS_QUESTIONS, people, status="0")
    sources = read(write(tmp_path / "q.tsv", rows, encoding="utf-16", delimiter="\t"), "ExternalReference")
    assert answers(sources, "Q1_missing", "Q3", "Q3_missing") == {
        "ann": (None, "Music", None),
        "bob": ("seen, not answered", None, "seen, not answered"),
    }
    assert sources.left_out()["what"].tolist()[:2] == ["header lines", "test answers"]


def test_legacy_exports_have_two_header_lines(tmp_path):
    rows = [
        ["V1", "V2", "V8", "V9", "V10", "Q1", "Q2_1", "Q2_2"],
        [
            "ResponseID",
            "ResponseSet",
            "StartDate",
            "EndDate",
            "Finished",
            "Age?",
            "Like? - Tea",
            "Like? - Milk",
        ],
        ["R_1", "Default", "2026-05-01 10:00:00", "2026-05-01 10:05:00", "1", "young", "1", ""],
        ["R_2", "Default", "2026-05-01 10:00:00", "2026-05-01 10:06:00", "0", "old", "1", "1"],
    ]
    sources = read(write(tmp_path / "old.csv", rows), "ResponseID")
    assert answers(sources, "Q1", "Q2") == {"R_1": ("young", "Tea"), "R_2": ("old", "Tea|Milk")}
    assert sources.left_out()["n"][0] == 2
    assert any("unfinished answers (Finished): 1" in note for note in sources.notes())


def test_plain_reads_the_file_as_it_stands(export):
    assert read(export, "ExternalReference", format="plain").summary().to_pandas()["read"][0] == 7


def test_another_file_is_refused(tmp_path):
    path = write(tmp_path / "a.csv", [["a", "b"], ["1", "2"]])
    with pytest.raises(InputError, match=r"not an export of Qualtrics.*ImportId"):
        read(path, "a", format="qualtrics")


def test_a_respondent_is_named_by_the_analyst(export):
    with pytest.raises(InputError, match='user_id = "ExternalReference"'):
        Sources.read({"survey": str(export)}, as_of="2026-07-01")


@pytest.mark.parametrize("said", [("1,3", "1", "3", "1,2"), ("Tea,Milk", "Tea", "Milk", "Tea,Rum, old")])
def test_several_answers_in_one_cell(tmp_path, said):
    people = [(f"u{i}", [said[i % 4]]) for i in range(12)]
    rows = qualtrics_rows([("Q5", "What do you drink?", {"ImportId": "QID5"})], people)
    assert answers(read(write(tmp_path / "q.csv", rows), "ExternalReference"), "Q5")["u0"] == said[0].replace(
        ",", "|"
    )
    if "old" in said[3]:
        assert answers(read(tmp_path / "q.csv", "ExternalReference"), "Q5")["u3"] == "Tea|Rum, old"


@pytest.mark.parametrize("lines", [1, 2])
def test_files_without_the_further_header_lines(tmp_path, lines):
    rows = qualtrics_rows(QUALTRICS_QUESTIONS, QUALTRICS_PEOPLE)
    sources = read(write_sheet(tmp_path / "q.xlsx", rows[:lines] + rows[3:]), "ExternalReference")
    assert sources.summary().to_pandas()[["read", "kept"]].values.tolist() == [[4, 4]]
    assert sources.left_out()["n"].tolist()[:2] == [lines, 1]
    assert answers(sources, "Q1")["bob"] == "25-34"
