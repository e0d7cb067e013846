"""The exported statement, run in the exported folder, gives personas.csv back."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from outputs.fake_study import make_study
from segtool.labels import Labels
from segtool.outputs import ExportSettings, Manifest, export_study, read_csv
from segtool.outputs.scoring_files import write_ledger, write_scoring
from segtool.personas import Personas, find_personas
from tests.personas.planted_frame import make_planted


@pytest.fixture(scope="module")
def labels():
    """Labels of differing confidence, one user of whom nothing is known, awkward ids and values."""
    frame, _ = make_planted(300)
    frame.index = pd.Index([f"={i:04d}" for i in range(300)], name="user_id")
    frame["town"] = pd.Categorical(np.where(np.arange(300) % 2, "=1+1", "it's"))
    frame.iloc[7] = None
    made = Labels.from_frame(frame)
    made.engine.create("plain", "SELECT * FROM labels")
    sure = "0.4 + 0.6 * (hash(user_id || label || value) % 10) / 10.0 AS confidence"
    made.engine.create("labels", f"SELECT * REPLACE ({sure}) FROM plain")
    return made


@pytest.fixture(scope="module")
def personas(labels):
    return find_personas(labels, n_personas=3, random_state=0)


def run(folder, monkeypatch) -> pd.DataFrame:
    monkeypatch.chdir(folder)
    with duckdb.connect(config={"threads": 1}) as connection:
        return connection.sql((folder / "scoring.sql").read_text(encoding="utf-8")).df()


def test_the_folder_gives_personas_csv_back(labels, personas, tmp_path, monkeypatch):
    sources, _, _, plan = make_study(20)
    none = {name: getattr(plan, name).head(0) for name in ("table", "topics", "send_times", "user_topics")}
    plan = replace(plan, stages=pd.DataFrame({"user_id": labels.user_ids, "stage": "desire"}), **none)
    monkeypatch.setattr("segtool.outputs.export.write_report", lambda path, **_: path.write_text("a report"))
    export_study(
        tmp_path / "out", sources=sources, labels=labels, personas=personas, plan=plan,
        holdout=pd.Series(False, labels.user_ids), settings=ExportSettings(min_cell=1),
    )  # fmt: skip
    found, wanted = run(tmp_path / "out", monkeypatch), read_csv(tmp_path / "out" / "personas.csv")
    assert found["user_id"].tolist() == wanted["user_id"].tolist() and len(found) == 300
    assert found["persona_id"].astype(str).tolist() == wanted["persona_id"].astype(str).tolist()
    assert found["persona"].tolist() == wanted["persona"].tolist()
    assert np.abs(found["membership"] - wanted["membership"].astype(float)).max() < 1e-6
    assert found["unsure"].tolist() == (wanted["unsure"] == "true").tolist()
    manifest = Manifest.read(tmp_path / "out")
    assert manifest.verify(tmp_path / "out") == [] and "scoring.sql" in manifest.privacy["scoring"]
    rows = {said["file"]: said["rows"] for said in manifest.files}
    assert rows["labels.parquet"] == pq.read_table(tmp_path / "out" / "labels.parquet").num_rows


def test_the_ledger_holds_every_user_and_what_is_ruled_out(labels, tmp_path):
    n_rows = write_ledger(labels, tmp_path / "labels.parquet")
    table = pd.read_parquet(tmp_path / "labels.parquet")
    assert len(table) == n_rows and set(table["user_id"]) == set(labels.user_ids)
    assert table[table["user_id"] == "=0007"][["label", "value"]].isna().all(axis=None)
    held = labels.wide()["interest: travel"]
    travel = table[(table["label"] == "interest") & (table["value"] == "travel")].set_index("user_id")[
        "source"
    ]
    assert set(travel.index[travel == "ruled out"]) == set(held.index[(held == False).fillna(False)])  # noqa: E712
    assert table["confidence"].dropna().between(0.39, 1).all()


def test_a_label_that_stays_inside_is_in_neither_file(labels, personas, tmp_path, monkeypatch):
    assert {"life_stage", "interest"} <= set(personas.encoding.basis)
    personas.save(tmp_path / "persona_model.json")
    write_scoring(labels, tmp_path, inside=["life_stage"])
    assert "life_stage" not in set(pd.read_parquet(tmp_path / "labels.parquet")["label"].dropna())
    sql = (tmp_path / "scoring.sql").read_text(encoding="utf-8")
    assert "life_stage" not in sql
    found = run(tmp_path, monkeypatch)
    without = replace(labels, infos=tuple(info for info in labels.infos if info.name != "life_stage"))
    with pytest.warns(UserWarning, match="count as unknown"):
        wanted = Personas.load(tmp_path / "persona_model.json").assign(without)
    assert np.abs(found["membership"] - wanted["membership"]).max() < 1e-9
    assert found["unsure"].tolist() == wanted["unsure"].tolist()


def test_hashed_ids_are_the_ones_in_the_other_files(labels, personas, tmp_path, monkeypatch):
    from segtool.outputs import hash_ids

    key = b"a-key-of-some-length-1234"
    personas.save(tmp_path / "persona_model.json")
    write_scoring(labels, tmp_path, key=key)
    found = run(tmp_path, monkeypatch).set_index("user_id")["persona"]
    wanted = personas.assigned
    hidden = pd.Series(list(hash_ids(wanted["user_id"], key)))
    assert found.loc[hidden].tolist() == wanted["persona"].tolist()
    assert not set(found.index) & set(labels.user_ids)


def test_personas_without_a_model_leave_the_labels_alone(labels, tmp_path):
    told, rows = write_scoring(labels, tmp_path)
    assert "there is none" in told["scoring"] and list(rows) == ["labels.parquet"]
    assert not (tmp_path / "scoring.sql").exists()


def test_personas_formed_on_numbers_say_why_there_is_no_statement(labels, tmp_path):
    frame, _ = make_planted(200)
    spend = np.random.default_rng(0).exponential(size=200) * np.repeat([1, 50], 100)
    find_personas(frame.assign(spend=spend), n_personas=2, random_state=0).save(
        tmp_path / "persona_model.json"
    )
    told, _ = write_scoring(labels, tmp_path)
    assert "numbers" in told["scoring"] and not (tmp_path / "scoring.sql").exists()
