"""Centres and covariances go to JSON and back, and nothing wrong comes in that way."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from benchmarks.planted import plant_users
from segtool.errors import InputError, SegtoolError
from segtool.personas.clusterers import (
    BisectingKMeansPersonas,
    GaussianMixturePersonas,
    HDBSCANPersonas,
    KMeansPersonas,
)

KINDS = ("full", "tied", "diag", "spherical")
MODELS = {
    "kmeans": KMeansPersonas(3, n_init=2),
    "axes": KMeansPersonas(3, n_init=2, n_axes=4),
    "bisecting": BisectingKMeansPersonas(3, n_init=1),
    "hdbscan": HDBSCANPersonas(),
    **{kind: GaussianMixturePersonas(3, n_init=1, n_axes=4, covariance_type=kind) for kind in KINDS},
}


@pytest.fixture(scope="module")
def users():
    planted = plant_users(400, 3, 12, seed=4, strength=1.6)
    return planted.users.assign(user_id=[f"u{i}" for i in range(400)])


@pytest.fixture(scope="module")
def fitted(users):
    return {name: model.fit(users) for name, model in MODELS.items()}


@pytest.mark.parametrize("name", MODELS)
def test_there_and_back(name, fitted, users, tmp_path):
    model = fitted[name]
    again = type(model).load(model.save(tmp_path / "model.json"))
    np.testing.assert_allclose(again.predict_proba(users), model.predict_proba(users), atol=1e-12)
    np.testing.assert_array_equal(again.predict(users), model.labels_)
    assert again.to_json() == model.to_json() and again.get_params() == model.get_params()
    assert (again.verdict_, again.n_personas_) == (model.verdict_, model.n_personas_)
    assert again.columns_.equals(model.columns_) and again.left_out_["column"].tolist() == ["user_id"]
    assert not hasattr(again, "labels_")  # a file holds no users
    np.testing.assert_array_equal(again.get_feature_names_out(), model.get_feature_names_out())
    assert getattr(again, "n_iter_", 0) == getattr(model, "n_iter_", 0)


def test_one_kind_does_not_read_another(fitted):
    with pytest.raises(InputError, match=r"format is not 'segtool\.kmeans_personas'"):
        KMeansPersonas.from_json(fitted["bisecting"].to_json())


SPOILS = [
    ("kmeans", ["version"], 9),
    ("kmeans", ["more"], 1),
    ("kmeans", ["verdict"], None),
    ("kmeans", ["parameters", "n_cats"], 1),
    ("kmeans", ["parameters", "n_init"], 0),
    ("kmeans", ["columns"], []),
    ("kmeans", ["columns", 0, "kind"], "__import__"),
    ("kmeans", ["columns", 1, "position"], 0),
    ("kmeans", ["coordinates", "mean", 0], float("nan")),
    ("kmeans", ["coordinates", "frequency", 0], 1.5),
    ("kmeans", ["coordinates", "more"], 1),
    ("axes", ["coordinates", "axes"], [[1.0]]),
    ("axes", ["coordinates", "axes"], []),
    ("kmeans", ["personas", "centres"], []),
    ("kmeans", ["personas", "centres", 0], [1.0]),
    ("kmeans", ["personas", "centres", 0, 0], "x"),
    ("kmeans", ["personas", "spread"], 0),
    ("kmeans", ["personas", "radius"], [1.0, 1.0, 1.0]),
    ("kmeans", ["fit", "n_users"], None),
    ("kmeans", ["fit"], {"n_users": 3}),
    ("kmeans", ["left_out"], [1]),
    ("hdbscan", ["personas", "radius", 0], -1.0),
    ("hdbscan", ["fit", "noise_share"], "many"),
    ("full", ["personas", "share", 0], 5.0),
    ("full", ["personas", "covariance", 0, 0, 1], 0.123),
    ("full", ["personas", "covariance", 0, 0, 0], -1.0),
    ("tied", ["personas", "covariance", 0, 0], 0.0),
    ("diag", ["personas", "covariance", 0, 0], 0.0),
    ("spherical", ["personas", "covariance"], [1.0]),
    ("full", ["parameters", "covariance_type"], "tied"),
]


@pytest.mark.parametrize(("name", "path", "value"), SPOILS, ids=lambda part: str(part)[:40])
def test_whatever_is_wrong_is_refused(name, path, value, fitted):
    data = copy.deepcopy(fitted[name].to_json())
    part = data
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(SegtoolError, match=r"not usable|Accepted"):
        type(fitted[name]).from_json(data)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null"])
def test_what_is_no_model_is_refused(text):
    with pytest.raises(InputError, match="not usable"):
        HDBSCANPersonas.from_json(text)


def test_no_user_is_in_the_file(fitted, users):
    """Centres are means over many; a medoid or a neighbour would be somebody's own row."""
    for model in fitted.values():
        text = json.dumps(model.to_json())
        assert "u17" not in text and len(text) < 60_000
