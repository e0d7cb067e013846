"""SPSS and Stata: labels, codes and the reasons why there is no answer."""

from __future__ import annotations

import pandas as pd
import pytest
from survey_files import answers, read

from segtool.errors import InputError, MissingExtraError
from segtool.sources import Sources

pyreadstat = pytest.importorskip("pyreadstat", reason="the read extra is not installed")


@pytest.fixture(scope="module")
def sav(tmp_path_factory):
    path = tmp_path_factory.mktemp("spss") / "wave1.sav"
    frame = pd.DataFrame(
        {
            "caseid": [1.0, 2.0, 3.0, 4.0],
            "q1": [1.0, 9.0, 8.0, None],
            "q2": [1.0, 3.0, 5.0, 2.0],
            "income": [1200.0, 99999.0, 3410.0, 560.0],
            "said": ["é, so", "", "b", "c"],
            "when": pd.to_datetime(["2026-05-01 10:00"] * 4),
            "wrong": [1.0, 2.0, 7.0, 1.0],
        }
    )
    pyreadstat.write_sav(
        frame,
        path,
        column_labels={"q1": "Do you smoke?", "q2": "How content are you?"},
        variable_value_labels={
            "q1": {1.0: "yes", 2.0: "no", 9.0: "refused"},
            "q2": {1.0: "not at all", 5.0: "very"},
            "income": {99999.0: "refused"},
            "wrong": {1.0: "red", 2.0: "blue"},
        },
        missing_ranges={"q1": [{"lo": 8, "hi": 9}]},
        variable_measure={"q2": "ordinal"},
    )
    return path


def test_spss_keeps_label_code_and_reason(sav):
    sources = read(sav, "caseid", columns={"answered_at": "when"})
    assert answers(sources, "q1", "q1_code", "q1_missing") == {
        "1": ("yes", 1.0, None),
        "2": (None, 9.0, "refused"),
        "3": (None, 8.0, "declared missing (8)"),
        "4": (None, None, None),
    }
    assert str(sources.to_pandas("survey")["answered_at"][0]) == "2026-05-01 10:00:00+00:00"


def test_spss_scales_with_named_ends_and_amounts_with_a_code(sav):
    sources = read(sav, "caseid")
    assert answers(sources, "q2", "q2_score")["2"] == ("3", 3.0)
    assert answers(sources, "q2")["3"] == "very"
    assert answers(sources, "income", "income_missing")["2"] == (None, "refused")
    assert answers(sources, "wrong", "wrong_code")["3"] == ("unmapped", 7.0)
    assert any('"unmapped": wrong (1)' in note for note in sources.notes())


def test_spss_may_be_the_table_of_users(sav):
    sources = Sources.read(
        {"users": {"path": str(sav), "columns": {"user_id": "caseid"}}}, as_of="2026-07-01"
    )
    assert sources.n_users == 4 and sources.columns("users")["q1"] == "text"


def test_stata_keeps_the_letter_of_a_missing_value(tmp_path):
    path = tmp_path / "wave1.dta"
    pyreadstat.write_dta(
        pd.DataFrame({"uid": [1, 2, 3], "q1": [1, 2, "a"]}),
        path,
        variable_value_labels={"q1": {1: "yes", 2: "no", "a": "refused"}},
        missing_user_values={"q1": ["a"]},
    )
    assert answers(read(path, "uid"), "q1", "q1_missing") == {
        "1": ("yes", None),
        "2": ("no", None),
        "3": (None, "refused"),
    }


def test_a_damaged_file_is_refused(sav, tmp_path):
    path = tmp_path / "cut.sav"
    path.write_bytes(sav.read_bytes()[:300])
    with pytest.raises(InputError, match=r"cut.sav is no SPSS file that can be read"):
        read(path, "caseid")


def test_without_pyreadstat_the_extra_is_named(sav, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyreadstat", None)
    with pytest.raises(MissingExtraError, match=r'pip install "segtool\[read\]"'):
        read(sav, "caseid")
