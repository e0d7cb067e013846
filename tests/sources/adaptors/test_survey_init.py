"""From a tool's file to a study: `segtool init` writes format, codebook and labels that fit together."""

from __future__ import annotations

import tomllib

import pytest
from survey_files import QUALTRICS_QUESTIONS, qualtrics_rows, write

from segtool.sources import Sources, guess_codebook, guess_labels, guess_study
from segtool.study import Study, check_study


@pytest.fixture
def folder(tmp_path):
    ages, words = ("18-24", "25-34"), ("Strongly disagree", "Somewhat agree", "Strongly agree")
    people = [
        (
            f"u{i:02}",
            (ages[i % 2], words[i % 3], "Music" * (i % 2), "Sport" * (i % 3 > 0), "", "", "1", "red"),
        )
        for i in range(30)
    ]
    path = write(tmp_path / "export.csv", qualtrics_rows(QUALTRICS_QUESTIONS, people))
    (tmp_path / "study.toml").write_text(guess_study([path], relative_to=tmp_path), encoding="utf-8")
    (tmp_path / "labels.toml").write_text(guess_labels([path]), encoding="utf-8")
    (tmp_path / "codebook.csv").write_text(guess_codebook([path]), encoding="utf-8")
    return tmp_path


def test_init_writes_what_runs(folder):
    said = tomllib.loads((folder / "study.toml").read_text(encoding="utf-8"))["sources"]["survey"]
    assert (said["format"], said["codebook"]) == ("qualtrics", "codebook.csv")
    assert said["columns"] == {"user_id": "ExternalReference", "answered_at": "RecordedDate"}
    checked = check_study(Study.read(folder / "study.toml"))
    assert not checked.problems
    assert (
        "header lines left out: 3: field ids, questions and import ids"
        in checked.to_pandas()["what"].tolist()
    )


def test_the_codebook_that_init_writes_changes_nothing(folder):
    columns = {"user_id": "ExternalReference"}
    plain = {"path": "export.csv", "columns": columns}
    frames = [
        Sources.read({"survey": {**plain, **more}}, as_of="2026-07-01", base=folder).to_pandas("survey")
        for more in ({}, {"codebook": "codebook.csv"})
    ]
    assert frames[0].equals(frames[1])


def test_labels_are_made_of_the_questions(folder):
    wide = Study.read(folder / "study.toml").label().wide()
    assert wide["q1"].value_counts().to_dict() == {"18-24": 15, "25-34": 15}
    assert list(wide["q2"].cat.categories) == ["Strongly disagree", "Somewhat agree", "Strongly agree"]
    assert wide["q3: Music"].sum() == 15 and wide["q3: Sport"].sum() == 20


def test_an_edited_codebook_is_obeyed(folder):
    path = folder / "codebook.csv"
    path.write_text(
        path.read_text(encoding="utf-8").replace("|Strongly agree,", "|Strongly agree,yes"), encoding="utf-8"
    )
    survey = Study.read(folder / "study.toml").sources.to_pandas("survey")
    assert survey.groupby("Q2")["Q2_score"].first().to_dict() == {
        "Strongly disagree": 3.0,
        "Somewhat agree": 2.0,
        "Strongly agree": 1.0,
    }


def test_a_form_that_only_looks_like_one_is_said_to_be_a_guess(tmp_path):
    rows = [
        ["Timestamp", "How do you like our shop?"],
        *[[f"5/{d}/2026 9:00:00", "good"] for d in range(13, 20)],
    ]
    said = guess_study([write(tmp_path / "form.csv", rows)], relative_to=tmp_path)
    assert 'format = "google_forms"   # guess' in said and 'user_id = "response"' in said
