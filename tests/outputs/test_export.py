"""The export: every file, nothing that must stay inside, the same bytes each time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from outputs.fake_study import make_study
from segtool.errors import OutputError, PrivacyError
from segtool.outputs import (
    ExportSettings,
    Manifest,
    export_study,
    find_sensitive,
    list_coverage,
    list_portraits,
    list_targeting,
    read_csv,
)
from segtool.outputs.tables import list_labels

FILES = {
    "advice.csv", "claims.parquet", "labels.csv", "manifest.json", "persona_model.json", "personas.csv", "portraits.csv",
    "rejected", "report.html", "targeting.csv", "user_topics.csv",
}  # fmt: skip


@pytest.fixture(autouse=True)
def quick_map(monkeypatch):
    """The map has tests of its own; here it would take most of the time."""
    from segtool.outputs.report import draw

    monkeypatch.setattr(
        draw, "plot_persona_map", lambda personas, random_state: draw.plot_portraits(personas)
    )


def export(made, out, **options):
    sources, labels, personas, plan = made
    holdout = pd.Series([place % 10 == 0 for place in range(labels.n_users)], labels.user_ids)
    return export_study(
        out, sources=sources, labels=labels, personas=personas, plan=plan, holdout=holdout, **options
    )


@pytest.fixture(scope="module")
def said():
    inner = SimpleNamespace(name="圈子 Circle", seed=7, about="fans", simulated=True)
    return SimpleNamespace(
        study=inner, export=ExportSettings(), model_dump=lambda mode: {"study": {"seed": 7}}
    )


def test_all_files_are_there_and_verify(study, said, tmp_path):
    manifest = export(study, tmp_path / "out", study=said)
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert Manifest.read(tmp_path / "out").verify(tmp_path / "out") == []
    assert (manifest.study, manifest.seed, manifest.counts["users"]) == ("圈子 Circle", 7, 300)


def test_what_became_of_earlier_personas_is_a_file_where_there_are_any(study, tmp_path):
    became = pd.DataFrame(
        {"event": ["same", "same", "new"], "before_id": [1, 2, None], "after_id": [1, 2, 3]}
    )
    became = became.assign(
        n_before=[90, 70, None], n_placed=[83, 90, None], n_after=[80, 90, 3], what="Said."
    )
    became = became.assign(
        share_before=0.5, share_placed=0.5, share_after=0.5, overlap=0.9, profile_distance=0.1
    )
    counts = ["before_id", "after_id", "n_before", "n_placed", "n_after"]
    share = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    found = SimpleNamespace(
        counts=np.array([[80, 0, 3], [0, 90, 0]]), strange=np.full(3, np.nan), share_of_after=share
    )
    change = SimpleNamespace(
        personas=became.astype(dict.fromkeys(counts, "Int64")), alignment=SimpleNamespace(comparison=found)
    )
    manifest = export(study, tmp_path / "out", persona_change=change)
    shown = pd.read_csv(tmp_path / "out" / "persona_changes.csv")
    assert shown["n_after"].isna().tolist() == [True, False, True]  # the smallest hides with the few
    assert shown["what"].isna().tolist() == [True, False, True] and shown["n_before"].notna().sum() == 2
    assert manifest.verify(tmp_path / "out") == []


def test_rows_in_and_out_are_counted(study, tmp_path):
    manifest = export(study, tmp_path / "out")
    rows = {said["file"]: said["rows"] for said in manifest.files}
    assert rows["labels.csv"] == rows["personas.csv"] == study[1].n_users
    assert rows["rejected/events.csv"] == 12
    assert rows["claims.parquet"] == pq.read_table(tmp_path / "out" / "claims.parquet").num_rows
    for said in manifest.inputs:
        assert said["read"] == said["kept"] + said["rejected"] + said["duplicates"] + said["after_as_of"]


def test_personas_csv_says_what_the_design_says(study, tmp_path):
    export(study, tmp_path / "out")
    table = read_csv(tmp_path / "out" / "personas.csv")
    assert {"user_id", "persona_id", "persona", "membership", "runner_up", "sentence", "holdout"} <= set(
        table
    )
    assert list(table["user_id"]) == list(study[1].user_ids)  # leading zeros and all
    assert (table["holdout"] == "true").sum() == 30


def test_ids_are_written_as_they_are_unless_excel_ids(study, tmp_path):
    export(study, tmp_path / "plain")
    plain = pd.read_csv(tmp_path / "plain" / "personas.csv", dtype=str)["user_id"]
    assert list(plain) == list(study[1].user_ids)
    export(study, tmp_path / "excel", settings=ExportSettings(excel_ids=True))
    guarded = pd.read_csv(tmp_path / "excel" / "personas.csv", dtype=str)["user_id"]
    assert list(guarded) == ["'" + user for user in study[1].user_ids]
    assert list(read_csv(tmp_path / "excel" / "personas.csv")["user_id"]) == list(plain)


def test_the_same_study_writes_the_same_bytes(study, said, tmp_path):
    files = [export(study, tmp_path / name, study=said).files for name in ("one", "two")]
    assert files[0] == files[1]


def test_hashed_ids_leave_no_trace(study, tmp_path, monkeypatch):
    monkeypatch.setenv("SEGTOOL_ID_KEY", "a-key-of-some-length-1234")
    export(study, tmp_path / "out", settings=ExportSettings(hash_ids=True))
    ids = set(study[1].user_ids)
    for name in ("labels.csv", "personas.csv", "user_topics.csv"):
        assert not ids & set(read_csv(tmp_path / "out" / name)["user_id"])
    claims = pq.read_table(tmp_path / "out" / "claims.parquet")
    assert claims.num_rows and not ids & set(claims["user_id"].to_pylist())
    everything = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert b"a-key-of-some-length" not in everything
    assert "raw" not in read_csv(tmp_path / "out" / "rejected" / "events.csv")


def test_the_same_person_has_one_pseudonym_in_all_files(study, tmp_path, monkeypatch):
    monkeypatch.setenv("SEGTOOL_ID_KEY", "a-key-of-some-length-1234")
    export(study, tmp_path / "out", settings=ExportSettings(hash_ids=True))
    labels, personas = (
        set(read_csv(tmp_path / "out" / name)["user_id"]) for name in ("labels.csv", "personas.csv")
    )
    assert labels == personas and len(labels) == 300


def test_without_a_key_nothing_is_written(study, tmp_path, monkeypatch):
    monkeypatch.delenv("SEGTOOL_ID_KEY", raising=False)
    with pytest.raises(PrivacyError):
        export(study, tmp_path / "out", settings=ExportSettings(hash_ids=True))
    assert list(tmp_path.iterdir()) == []


def test_an_export_is_not_written_over(study, tmp_path):
    export(study, tmp_path / "out")
    with pytest.raises(OutputError, match="earlier export"):
        export(study, tmp_path / "out")
    export(study, tmp_path / "out", force=True)


def test_sensitive_labels_stay_inside(study, tmp_path):
    manifest = export(study, tmp_path / "out", settings=ExportSettings(sensitive=("life_stage", "interest")))
    columns = set(read_csv(tmp_path / "out" / "labels.csv"))
    assert not [name for name in columns if name.startswith(("life_stage", "interest"))]
    claims = pq.read_table(tmp_path / "out" / "claims.parquet")
    assert claims.num_rows and "life_stage" not in set(claims["label"].to_pylist())
    assert read_csv(tmp_path / "out" / "portraits.csv")["defining"].isna().all()
    assert manifest.privacy["kept_inside"] == ["interest", "life_stage"]


@dataclass
class Info:
    name: str
    sensitive: bool


def test_a_marked_label_is_let_out_only_by_name():
    labels = SimpleNamespace(
        infos=(Info("health", True), Info("age", False)),
        label_kinds=lambda: {"health": "flag", "age": "ordered"},
    )
    assert find_sensitive(labels, ExportSettings()) == ("health",)
    assert find_sensitive(labels, ExportSettings(sensitive=("age",))) == ("age", "health")
    assert find_sensitive(labels, ExportSettings(allow_sensitive=("health",))) == ()


def test_small_personas_are_not_counted_in_tables(study):
    _, labels, personas, plan = study
    portraits = personas.portraits()
    portraits.loc[5, "n_users"] = 3
    shown = list_portraits(labels, SimpleNamespace(portraits=lambda: portraits), 5)
    assert shown["n_users"].isna().sum() == 2
    assert shown.loc[shown["n_users"].isna(), ["share", "sentence"]].isna().all(axis=None)
    targeting = list_targeting(SimpleNamespace(table=plan.table.assign(n_users=3)), 5)
    assert targeting[["n_users", "n_events", "reason"]].isna().all(axis=None)


def test_a_failure_leaves_nothing(study, tmp_path):
    sources, labels, personas, plan = study

    class Broken(type(personas)):
        def save(self, path):
            raise OSError(28, "No space left on device")

    broken = Broken(**{name: getattr(personas, name) for name in ("labels", "persona", "names")})
    with pytest.raises(OutputError, match="disk is full"):
        export((sources, labels, broken, plan), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_real_objects_of_very_few_users_are_written(tmp_path):
    """One group of three users, without a model: every file but the model, and no count of them."""
    from segtool.labels import Labels
    from segtool.personas import Personas

    wide = pd.DataFrame({"age": pd.Categorical(["18-24", "25-34", None])}, index=["001", "002", "003"])
    labels = Labels.from_frame(wide)
    personas = Personas.from_assignments(["001", "002", "003"], [1, 1, 1])
    sources, _, _, plan = make_study(20)
    none = {name: getattr(plan, name).head(0) for name in ("table", "topics", "send_times", "user_topics")}
    stages = pd.DataFrame({"user_id": ["001", "002", "003"], "stage": "desire"})
    plan = replace(plan, stages=stages, **none)
    manifest = export((sources, labels, personas, plan), tmp_path / "out")
    assert "persona_model.json" not in [said["file"] for said in manifest.files]
    assert read_csv(tmp_path / "out" / "labels.csv")["user_id"].tolist() == ["001", "002", "003"]
    assert read_csv(tmp_path / "out" / "portraits.csv")["n_users"].isna().all()


def test_a_value_less_likely_than_not_is_marked(study):
    table = list_labels(study[1])
    marked = table["unsure_labels"].notna()
    assert set(table.loc[marked, "unsure_labels"]) == {"life_stage"} and 0 < marked.sum() <= 30
    assert table.loc[marked, "life_stage"].notna().all()  # the value stays: it is the best there is
    assert list_labels(study[1], ["life_stage"])["unsure_labels"].isna().all()


def test_the_files_that_were_read_are_hashed(tmp_path):
    """Of tables in memory, of paths relative to somewhere, of patterns: what was read counts."""
    from segtool import Study
    from segtool.outputs.manifest import sha256_of

    rows = pd.DataFrame(
        {"user_id": [f"u{n % 30}" for n in range(300)], "event_time": "2026-06-01", "event": "view"}
    )
    rows["topic"] = [f"t{n * n % 7}" for n in range(300)]
    (tmp_path / "parts").mkdir()
    for name, part in (("b", rows[:100]), ("a", rows[100:])):
        part.to_parquet(tmp_path / "parts" / f"{name}.parquet")
    users = pd.DataFrame({"user_id": ["u1"]})
    study = Study.from_tables({"events": tmp_path / "parts", "users": users}, as_of="2026-07-01")
    (tmp_path / "parts" / "c.parquet").write_bytes(b"came after the reading") if study.sources else None
    said = {entry["table"]: entry["files"] for entry in study.export(tmp_path / "out").inputs}
    assert [entry["file"] for entry in said["events"]] == ["a.parquet", "b.parquet"]
    assert said["events"][0]["sha256"] == sha256_of(tmp_path / "parts" / "a.parquet")
    assert said["users"] == []


def test_coverage_counts_nobody(study):
    labels = SimpleNamespace(
        coverage=lambda: study[1].coverage().assign(n_users=[3, 0, 5, 6, 7, 8, 9], mean_confidence=1.0)
    )
    table = list_coverage(labels, 5, ["active_daypart"])
    assert table["n_users"].isna().sum() == 1 and table["share_known"].isna().sum() == 1
    assert "active_daypart" not in set(table["label"]) and 0 in set(table["n_users"].dropna())


def test_the_reason_of_a_stage_counts_nobody(study):
    """20 users, of them 12 at interest, 4 at desire, 4 lapsed: the last two are not for a file."""
    stages = pd.DataFrame(
        {
            "persona_id": 1, "persona": "x", "stage": ["lapsed", "attention", "interest", "desire"],
            "n_users": [4, 0, 12, 4], "share": [0.2, 0, 0.6, 0.2], "lo": 0.1, "hi": 0.9,
            "typical": [False, False, True, False],
        }
    )  # fmt: skip
    table = study[3].table.query("persona_id == 1").assign(why_stage="raw", n_users=20)
    why = list_targeting(SimpleNamespace(table=table, persona_stages=stages), 5)["why_stage"].iloc[0]
    assert why == (
        "60% of 20 users are at interest (10% to 90%), commonest among the active (under 25% at desire); "
        "under 25% have lapsed"
    )
