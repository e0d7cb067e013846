"""The model file places users, and does not list what very few of them said."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from segtool.outputs.model_file import fold_rare_values, write_model
from segtool.personas import Personas, find_personas
from segtool.personas.encode import OTHER


@pytest.fixture(scope="module")
def personas():
    """Two groups; three users have a job of their own, two alone keep bees."""
    rng = np.random.default_rng(4)
    n = 300
    group = rng.integers(0, 2, n)
    jobs = np.where(rng.random(n) < 0.85, np.array(["cook", "pilot"])[group], "clerk").astype(object)
    jobs[:3] = ["lighthouse keeper", "astronaut", "Pope"]
    wide = pd.DataFrame(
        {
            "job": jobs,
            "home": np.where(rng.random(n) < 0.85, np.array(["town", "village"])[group], "farm"),
            "pet": np.where(rng.random(n) < 0.85, np.array(["dog", "cat"])[group], "none"),
            "likes: bees": np.arange(n) < 2,
            "likes: tea": rng.random(n) < np.array([0.1, 0.9])[group],
        },
        index=[f"u{number:03d}" for number in range(n)],
    )
    return find_personas(wide, n_personas=2, n_init=3)


def test_rare_values_are_not_in_the_file(personas, tmp_path):
    path = tmp_path / "model.json"
    personas.save(tmp_path / "raw.json")
    told = write_model(personas, path, min_cell=5)
    text = path.read_text(encoding="utf-8")
    for word in ("lighthouse", "astronaut", "Pope"):
        assert word in (tmp_path / "raw.json").read_text(encoding="utf-8") and word not in text
    assert OTHER in json.loads(text)["encoding"]["categories"]["job"]
    assert set(told["model_folded"]) == {"job"} and told["model_silenced"] == ["likes: bees"]


def test_the_file_still_places_users(personas, tmp_path):
    write_model(personas, tmp_path / "model.json", min_cell=5)
    again = Personas.load(tmp_path / "model.json").assign(personas.labels)
    mine = personas.assigned.set_index("user_id")
    theirs = again.set_index("user_id").loc[mine.index]
    assert (mine["persona_id"] == theirs["persona_id"]).mean() > 0.99
    ordinary = mine.index[10:]  # users without any folded value
    gap = (mine.loc[ordinary, "membership"] - theirs.loc[ordinary, "membership"]).abs()
    assert gap.max() < 0.05


def test_without_a_floor_the_file_is_as_saved(personas, tmp_path):
    personas.save(tmp_path / "raw.json")
    told = write_model(personas, tmp_path / "model.json", min_cell=1)
    assert (tmp_path / "model.json").read_bytes() == (tmp_path / "raw.json").read_bytes()
    assert told["model_folded"] == {} and told["model_silenced"] == []


def test_a_label_kept_inside_that_forms_personas_is_named(personas, tmp_path):
    told = write_model(personas, tmp_path / "model.json", 5, inside=["job", "age"])
    assert told["model_formed_by_kept_inside"] == ["job"]


def record_of(levels, kind="text", k=2):
    share = np.full((k, len(levels)), 1 / len(levels))
    column = {"name": "x", "kind": kind, "levels": list(levels), "tail": [], "hurdle": False}
    return {
        "model": {"columns": [column], "personas": {"probability": share.tolist(), "relevant": [True]}},
        "encoding": {"categories": {"x": list(levels)}},
    }


@pytest.mark.parametrize(
    ("counts", "levels", "silent"),
    [
        ({"a": 50, "b": 40, "c": 4, "d": 1}, ["a", "b", OTHER], False),  # together they are five
        ({"a": 50, "b": 40, "c": 30, "d": 3}, ["a", "b", OTHER], False),  # one alone takes another along
        ({"a": 50, "b": 3}, ["a", OTHER], True),  # nothing to join without emptying the label
        ({"a": 50, "b": 40}, ["a", "b"], False),
        ({"a": 50, "b": 40, OTHER: 3}, ["a", OTHER], False),
    ],
)
def test_what_is_folded(counts, levels, silent):
    record = record_of(counts)
    folded, silenced = fold_rare_values(record, {"x": counts}, 5)
    assert record["model"]["columns"][0]["levels"] == levels == record["encoding"]["categories"]["x"]
    probability = np.array(record["model"]["personas"]["probability"])
    assert probability.shape == (2, len(levels)) and np.allclose(probability.sum(axis=1), 1)
    assert (silenced == ["x"]) is silent and record["model"]["personas"]["relevant"] == [not silent]
    assert ("x" in folded) is (levels != list(counts))
