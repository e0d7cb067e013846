"""Estimators by name, and a saved one of any kind."""

from __future__ import annotations

import json

import numpy as np
import pytest

from segtool.errors import InputError, ParameterError
from segtool.personas.methods import METHODS, make_estimator, read_estimator


@pytest.mark.parametrize("method", METHODS)
def test_every_kind_is_made_and_read_back(method):
    rng = np.random.default_rng(0)
    values = np.vstack([rng.normal(x, 0.3, (40, 3)) for x in (-2, 2)])
    n_personas = None if method == "hdbscan" else 2
    model = make_estimator(method, n_personas=n_personas, min_share=0.3).fit(values)
    assert sorted(np.bincount(model.labels_)) == [40, 40] and model.labels_[0] != model.labels_[-1]
    again = read_estimator(json.dumps(model.to_json()))
    assert type(again) is METHODS[method]
    np.testing.assert_array_equal(again.predict(values), model.labels_)


def test_what_a_method_cannot_do_is_said():
    with pytest.raises(ParameterError, match=r"did you mean 'k-means'"):
        make_estimator("kmeans", n_personas=3)
    with pytest.raises(ParameterError, match=r"'gaussian mixture' does not choose.*Give n_personas"):
        make_estimator("gaussian mixture")
    with pytest.raises(ParameterError, match=r"'hdbscan' finds its own number"):
        make_estimator("hdbscan", n_personas=3)
    with pytest.raises(ParameterError, match=r"max_personas.*n_init"):
        make_estimator("k-means", n_personas=3, max_personas=8)


@pytest.mark.parametrize(
    "data", ["", "[]", {}, {"format": 3}, {"format": ["x"]}, {"format": "segtool.personas"}]
)
def test_what_is_no_model_is_refused(data):
    with pytest.raises(InputError, match="of no known kind"):
        read_estimator(data)
