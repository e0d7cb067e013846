from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool import Study, find_personas, label_users
from segtool.errors import OutputError
from segtool.outputs import read_csv
from segtool.sources import simulate_circle
from segtool.study import StudyFile


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("circle")
    simulate_circle(150, random_state=1).write_study(folder)
    return folder


@pytest.fixture
def study(folder):
    return Study.read(folder)


def test_what_is_exported_was_made_from_one_another(study, tmp_path):
    study.find_personas(n_personas=2)
    study.plan_targeting()
    three = study.find_personas(n_personas=3).rename({1: "Mine"})
    study.plan_targeting(three)
    study.export(tmp_path / "out")
    people, plan = (read_csv(tmp_path / "out" / name) for name in ("personas.csv", "targeting.csv"))
    assert set(people["persona"]) >= {"Mine"}
    assert set(plan["persona"]) <= set(people["persona"])
    assert people["persona_id"].nunique() == three.n_personas


def test_results_of_the_plain_functions_can_be_exported(study, tmp_path):
    labels = label_users(study.sources, study.catalog)
    study.plan_targeting(find_personas(labels, n_personas=2, n_init=4))
    study.export(tmp_path / "out")
    assert len(read_csv(tmp_path / "out" / "labels.csv")) == 150


def test_a_new_label_run_forgets_what_rested_on_the_old_one(study):
    study.find_personas(n_personas=2)
    assert study._personas is not None
    study.label()
    assert study._personas is None


def test_another_seed_keeps_the_same_people_held_out(folder, study):
    text = (folder / "study.toml").read_text(encoding="utf-8")
    (folder / "other.toml").write_text(text.replace("seed = 1", "seed = 2"), encoding="utf-8")
    pd.testing.assert_series_equal(study.assign_holdout(), Study.read(folder / "other.toml").assign_holdout())


def test_held_out_users_are_marked_wherever_users_are_listed(study, tmp_path):
    study.export(tmp_path / "out")
    held = set(study.assign_holdout()[lambda flags: flags].index)
    topics = read_csv(tmp_path / "out" / "user_topics.csv")
    marked = topics[topics["holdout"].str.lower() == "true"]
    assert set(marked["user_id"]) == held & set(topics["user_id"])


def test_a_folder_in_the_way_is_refused_before_the_work(study, tmp_path):
    (tmp_path / "letter.txt").write_text("keep me")
    steps = []
    with pytest.raises(OutputError, match="did not write"):
        study.run(tmp_path, force=True, progress=steps.append)
    assert not steps


def test_same_study_same_files(folder, tmp_path):
    for name in ("one", "two"):
        Study.read(folder).run(tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    differing = [
        str(name)
        for name in files
        if name.name != "manifest.json"
        and (tmp_path / "one" / name).read_bytes() != (tmp_path / "two" / name).read_bytes()
    ]
    assert not differing


def test_files_lend_their_measures_to_the_files_after_them(tmp_path):
    flag = '[labels.%s]\nfacet = "x"\nclaims = [{flag = {is = "spend_180d > 3"}}]\n'
    mine = '[measures.spend_180d]\nfrom = "events"\nsql = "sum(price)"\n'
    for name, text in {"first": "", "second": mine, "third": ""}.items():
        (tmp_path / f"{name}.toml").write_text(text + flag % name)
    said = {"study": {"name": "x", "as_of": "2026-07-01"}, "sources": {}}
    catalogs = ["builtin", "first.toml", "second.toml", "third.toml"]
    study = Study(StudyFile.from_dict(said | {"labels": {"catalogs": catalogs}}), tmp_path)
    assert study.catalog.measures["spend_180d"].sql == "sum(price)"
    assert list(study.own_catalog.measures) == ["spend_180d"]
    assert study.own_catalog.measures["spend_180d"].sql == "sum(price)"
    assert not study.own_catalog.borrowed


def test_tables_in_memory_make_a_study():
    events = pd.DataFrame(
        {
            "user_id": np.repeat(["a", "b"], 5),
            "event_time": "2026-06-01 10:00",
            "event": "view",
            "topic": list("xyzxy") * 2,
        }
    )
    study = Study.from_tables({"events": events}, as_of=pd.Timestamp("2026-07-01"), name="memory")
    assert repr(study).startswith("Study 'memory'")
    assert study.label().n_users == 2


def test_what_the_study_keeps_inside_shapes_and_shows_nothing(folder, tmp_path):
    text = (folder / "study.toml").read_text(encoding="utf-8")
    inside = text + '\n[export]\nsensitive = ["life_stage", "age_band", "employer"]\n'
    (folder / "inside.toml").write_text(inside, encoding="utf-8")
    study = Study.read(folder / "inside.toml")
    study.find_personas(n_personas=3)
    study.export(tmp_path / "out")
    words = ["student", "retired", "18-24", "55+", "public sector"]
    for name in ("personas.csv", "portraits.csv", "targeting.csv", "labels.csv", "report.html"):
        page = (tmp_path / "out" / name).read_text(encoding="utf-8-sig").lower()
        assert not [word for word in words if word in page], name
