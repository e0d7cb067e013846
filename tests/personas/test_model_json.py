"""A model goes to JSON and back unchanged, and nothing wrong comes in that way."""

from __future__ import annotations

import copy
import json

import numpy as np
import pandas as pd
import pytest

from benchmarks.planted import plant_users
from segtool.errors import InputError, OutputError
from segtool.personas.latent_class import LatentClassPersonas


@pytest.fixture(scope="module")
def planted():
    return plant_users(400, 3, 12, seed=4, strength=1.6)


@pytest.fixture(scope="module")
def model(planted):
    frame = planted.users.assign(user_id=[f"u{i}" for i in range(400)])
    return LatentClassPersonas(max_personas=4, n_pairs=1, column_weights={"flag_03": 0.5}).fit(frame)


def test_there_and_back(model, planted):
    text = json.dumps(model.to_json(), allow_nan=False)
    again = LatentClassPersonas.from_json(text)
    users = planted.users.assign(user_id=None)
    np.testing.assert_allclose(again.predict_proba(users), model.predict_proba(users), atol=1e-12)
    pd.testing.assert_frame_equal(again.choice_, model.choice_)
    pd.testing.assert_frame_equal(again.columns_, model.columns_)
    assert again.left_out_["column"].tolist() == ["user_id"]
    assert (again.verdict_, again.n_personas_) == (model.verdict_, model.n_personas_)
    assert model.n_personas_ > 1 and again.get_params() == model.get_params()
    assert again.to_json() == model.to_json()


def test_saved_and_loaded_are_the_same(model, planted, tmp_path):
    path = model.save(tmp_path / "model.json")
    again = LatentClassPersonas.load(str(path))
    users = planted.users.assign(user_id=None)
    np.testing.assert_allclose(again.predict_proba(users), model.predict_proba(users), atol=1e-12)
    assert [file.name for file in tmp_path.iterdir()] == ["model.json"]


def test_files_that_cannot_be_are_told(model, tmp_path):
    with pytest.raises(OutputError, match="could not be written"):
        model.save(tmp_path / "nowhere" / "model.json")
    with pytest.raises(InputError, match=r"none\.json cannot be read"):
        LatentClassPersonas.load(tmp_path / "none.json")
    (tmp_path / "raw.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not text"):
        LatentClassPersonas.load(tmp_path / "raw.json")


def test_array_model_has_no_names():
    values = np.random.default_rng(0).normal(size=(60, 3))
    model = LatentClassPersonas(2, random_state=np.random.RandomState(0)).fit(values)
    again = LatentClassPersonas.from_json(json.loads(json.dumps(model.to_json())))
    np.testing.assert_allclose(again.predict_proba(values), model.predict_proba(values), atol=1e-12)
    assert not hasattr(again, "feature_names_in_")


def spoil(path, value):
    """Return a change of one entry, the path being keys and positions."""

    def change(data):
        for key in path[:-1]:
            data = data[key]
        data[path[-1]] = value

    change.__name__ = ".".join(map(str, path))
    return change


SPOILS = [
    spoil(["format"], "other"),
    spoil(["version"], 99),
    spoil(["more"], 1),
    spoil(["verdict"], None),
    spoil(["parameters", "n_cats"], 1),
    spoil(["features", "n"], 1),
    spoil(["features", "names"], ["a"]),
    spoil(["columns", 0, "kind"], "__import__"),
    spoil(["columns", 0, "scale"], 0),
    spoil(["columns", 0, "log"], 1),
    spoil(["columns", 0, "position"], 99),
    spoil(["columns", 0, "centre"], "1"),
    spoil(["columns", 0, "centre"], float("nan")),
    spoil(["columns", 0, "spike"], "1"),
    spoil(["columns", 1, "position"], 0),
    spoil(["columns", 0, "extra"], 1),
    spoil(["columns", 4, "levels"], ["one"]),
    spoil(["columns"], 3),
    spoil(["personas", "share", 0], 5.0),
    spoil(["personas", "mean"], [[0.0]]),
    spoil(["personas", "mean", 0], "x"),
    spoil(["personas", "variance", 0, 0], -1.0),
    spoil(["personas", "probability", 0, 0], 0.999),
    spoil(["personas", "relevant"], [1]),
    spoil(["stability"], [0.5] * 9),
    spoil(["choice", 0, "k"], None),
    spoil(["fit", "n_users"], None),
    spoil(["left_out"], [1]),
]


@pytest.mark.parametrize("change", SPOILS, ids=lambda change: change.__name__)
def test_whatever_is_wrong_is_refused(model, change):
    data = copy.deepcopy(model.to_json())
    change(data)
    with pytest.raises(InputError, match="model file is not usable"):
        LatentClassPersonas.from_json(data)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null"])
def test_what_is_no_model_is_refused(text):
    with pytest.raises(InputError, match="not usable"):
        LatentClassPersonas.from_json(text)


def test_a_column_of_which_one_level_is_left_is_read(model, planted):
    """An export folds values that few users have, and may leave one; it then says nothing of anybody."""
    data = copy.deepcopy(model.to_json())
    place, start = next(
        (place, sum(map(n_levels, data["columns"][:place])))
        for place, plan in enumerate(data["columns"])
        if plan["kind"] in ("text", "ordered")
    )
    width = n_levels(data["columns"][place])
    data["columns"][place] |= {"levels": ["other values"], "tail": []}
    for row in data["personas"]["probability"]:
        row[start : start + width] = [1.0]
    frame = planted.users.assign(user_id=[f"u{i}" for i in range(400)])
    read = LatentClassPersonas.from_json(data)
    assert read.predict_proba(frame).sum() == pytest.approx(400)


def n_levels(plan):
    return (
        (2 if plan["hurdle"] else 0)
        if plan["kind"] in ("number", "scale")
        else len(plan["levels"]) + bool(plan["tail"])
    )
