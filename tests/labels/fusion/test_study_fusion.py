"""From tables to labels: the statement counts as the estimates say, in any order and on any number of threads."""

import numpy as np
import pandas as pd
import pytest

from segtool.engines import DuckDBEngine
from segtool.labels import Catalog, label_users
from segtool.labels.fusion import believe
from segtool.labels.fusion.read import read_patterns
from segtool.sources import Sources
from segtool.study.settings import StudyFile

CATALOG = """
[measures.looks]
from = "events"
sql = "count(*)"
where = "event = 'view'"
[labels.stage]
facet = "life stage"
values = ["student", "single", "mom"]
claims = [
  {note = {}},
  {answer = {question = "q1"}},
  {column = {name = "register"}},
  {column = {name = "guess"}},
]
"""


def tables(n=1500, seed=0):
    rng = np.random.default_rng(seed)
    values = np.array(["student", "single", "mom"])
    true = rng.choice(3, n, p=[0.5, 0.3, 0.2])

    def say(right, share):
        said = np.where(rng.random(n) < right, true, (true + rng.integers(1, 3, n)) % 3)
        return pd.Series(values[said]).where(rng.random(n) < share)

    users = pd.DataFrame({"user_id": [f"u{i:04d}" for i in range(n)]})
    people = users.assign(register=say(0.7, 0.8), guess=say(0.5, 0.6))
    notes = users.assign(value=say(0.93, 0.15), label="stage", noted_at="2026-06-01", author="Li").dropna()
    survey = users.assign(q1=say(0.9, 0.3), paid=rng.random(n) < 0.4, answered_at="2026-06-01").dropna()
    return {"users": people, "notes": notes, "survey": survey}


def label(given=None, engine=None, **options):
    sources = Sources.read(given or tables(), as_of="2026-07-01", engine=engine)
    return label_users(sources, Catalog.from_toml(CATALOG), **{"reliabilities": "estimate", **options})


@pytest.fixture(scope="module")
def labels():
    return label()


def test_the_statement_and_its_twin_agree(labels):
    patterns = dict(read_patterns(labels.compiled, labels.engine))["stage"]
    belief = believe(patterns, labels.compiled.fusion.tiers("stage")[2])
    data_alone = (patterns.codes[:, :2] == 0).all(axis=1)
    expected = np.repeat(belief[data_alone].max(axis=1), patterns.n[data_alone].astype(int))
    found = labels.to_pandas().query("source == 'profile'")["confidence"]
    assert len(found) == len(expected)
    assert np.sort(found) == pytest.approx(np.sort(expected), abs=2e-4)


def test_people_and_answers_still_decide(labels):
    said = labels.claims().query("source == 'person'").set_index("user_id")["value"]
    found = labels.to_pandas().set_index("user_id").loc[said.index]
    assert (found["value"] == said).all()
    assert (found["source"] == "person").all()


def test_order_of_rows_and_threads_do_not_matter(labels):
    shuffled = {name: table.sample(frac=1, random_state=1) for name, table in tables().items()}
    other = label(shuffled, DuckDBEngine(threads=4))
    pd.testing.assert_frame_equal(other.to_pandas(), labels.to_pandas())
    pd.testing.assert_frame_equal(other.reliabilities(), labels.reliabilities())


def test_the_table_shows_declared_and_estimated(labels):
    table = labels.reliabilities().set_index("claim")
    row = table.loc["stage.3 column"]
    assert row["declared"] == pytest.approx(0.95)
    assert row["lo"] <= 0.7 <= row["hi"]
    assert (row["used"], row["n"] > 300) == ("estimated", True)
    assert table.loc["stage.1 note", "why"] == "the others are judged by it"
    assert table.loc["stage.2 answer", "n"] > 50
    assert "paid answers" in table.index


def test_without_asking_estimates_are_shown_and_not_used():
    labels = label(reliabilities=None)
    table = labels.reliabilities()
    assert set(table["used"]) == {"declared"}
    assert table.set_index("claim").loc["stage.3 column", "estimated"] == pytest.approx(0.7, abs=0.07)
    assert labels.compiled.fusion is None


def test_one_source_can_be_declared_and_another_estimated():
    labels = label(reliabilities={"person": 0.97, "profile": "estimate"})
    table = labels.reliabilities().set_index("claim")
    assert table.loc["stage.1 note", "declared"] == pytest.approx(0.97)
    assert table.loc["stage.3 column", "used"] == "estimated"
    assert table.loc["stage.2 answer", "used"] == "declared"


@pytest.mark.parametrize("said", ["guess", {"persons": "estimate"}, {"person": "guess"}])
def test_what_is_not_known_is_refused(said):
    with pytest.raises(ValueError, match=r"reliabilit|no source"):
        label(reliabilities=said)


def test_a_second_run_only_repeats_what_changed(monkeypatch):
    made = []
    original = DuckDBEngine.create
    monkeypatch.setattr(
        DuckDBEngine,
        "create",
        lambda self, name, *rest, **more: (made.append(name), original(self, name, *rest, **more))[1],
    )
    label()
    assert made.count("claims_wide") == 1
    assert made.count("resolved") == 2


def test_a_study_file_may_ask_for_estimates():
    said = {"study": {"name": "x", "as_of": "2026-07-01"}, "sources": {}}
    for reliabilities in ("estimate", {"person": 0.97, "profile": "estimate"}):
        file = StudyFile.from_dict({**said, "labels": {"reliabilities": reliabilities}})
        assert file.labels.reliabilities == reliabilities
    with pytest.raises(ValueError, match="reliabilities"):
        StudyFile.from_dict({**said, "labels": {"reliabilities": "guess"}})
