"""Same seed, same personas: promised to the last bit for users, columns, threads and processes.

Not promised to the last bit: another seed, which may find another optimum, and users of whom some have
changed. What a persona is called does not depend on chance either: personas are numbered by size, and
equally large ones by their centres.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score

from benchmarks.planted import plant_users
from segtool.personas.clusterers import (
    BisectingKMeansPersonas,
    GaussianMixturePersonas,
    HDBSCANPersonas,
    KMeansPersonas,
)
from segtool.personas.latent_class import LatentClassPersonas

MODELS = {
    "latent class": LatentClassPersonas(3, n_init=4),
    "latent class, chosen": LatentClassPersonas(max_personas=4, n_init=4, n_pairs=1),
    "k-means": KMeansPersonas(3, n_init=2),
    "bisecting k-means": BisectingKMeansPersonas(3, n_init=2),
    "gaussian mixture": GaussianMixturePersonas(3, n_init=2),
    "hdbscan": HDBSCANPersonas(),
}
SEEDED = [name for name in MODELS if name != "hdbscan"]
every = pytest.mark.parametrize("name", MODELS)


def plant():
    return plant_users(400, 3, 12, seed=4, strength=1.6)


@pytest.fixture(scope="module")
def users():
    return plant().users


@pytest.fixture(scope="module")
def fitted(users):
    return {name: clone(model).fit(users) for name, model in MODELS.items()}


def all_of(model):
    """Everything a fit has found, as text."""
    return json.dumps(model.to_json(), sort_keys=True)


# --- another process -----------------------------------------------------------------------------


def run_here():
    """Run by a process of its own: fit every model, say what was found and what was imported."""
    users = plant().users
    found = {name: model.fit(users) for name, model in MODELS.items()}
    heavy = {"umap", "numba", "seaborn", "matplotlib", "statsmodels", "pyspark"} & set(sys.modules)
    answers = {name: [all_of(model), model.labels_.tolist()] for name, model in found.items()}
    print(json.dumps({"answers": answers, "heavy": sorted(heavy)}))


ARRAY_API = """
import warnings
from sklearn.utils.estimator_checks import check_array_api_input
import test_same_answer
warnings.simplefilter("ignore")
for model in test_same_answer.MODELS.values():
    check_array_api_input("", model, array_namespace="numpy", expect_only_array_outputs=False)
print("passed")
"""


def run_there(script, **environment):
    here = os.path.dirname(__file__)
    path = os.pathsep.join([here, os.getcwd()])
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("threads", ["1", "2"])
def test_another_process_other_threads_other_hashes(fitted, threads):
    """And none of them loads what only pictures need: UMAP places points for the eye, never for a fit."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONHASHSEED")
    said = json.loads(
        run_there("import test_same_answer as test; test.run_here()", **dict.fromkeys(names, threads))
    )
    for name, model in fitted.items():
        text, labels = said["answers"][name]
        assert text == all_of(model), name
        assert labels == model.labels_.tolist(), name
    assert said["heavy"] == []


def test_array_api_of_scikit_learn():
    """The one check of scikit-learn that is skipped unless a variable is set before SciPy is loaded."""
    assert run_there(ARRAY_API, SCIPY_ARRAY_API="1") == "passed\n"


# --- other orders --------------------------------------------------------------------------------


@every
def test_order_of_users_does_not_matter(name, fitted, users):
    order = np.random.default_rng(1).permutation(400)
    again = clone(MODELS[name]).fit(users.iloc[order])
    np.testing.assert_array_equal(again.labels_, fitted[name].labels_[order])
    assert all_of(again) == all_of(fitted[name])


@every
def test_order_of_named_columns_does_not_matter(name, fitted, users):
    order = np.random.default_rng(2).permutation(12)
    again = clone(MODELS[name]).fit(users.iloc[:, order])
    np.testing.assert_array_equal(again.labels_, fitted[name].labels_)
    mine, theirs = again.to_json(), fitted[name].to_json()
    assert mine["personas"] == theirs["personas"] and mine["verdict"] == theirs["verdict"]
    assert again.columns_["column"].tolist() == [users.columns[i] for i in order]


@every
def test_weight_two_is_two_users(name, users):
    weights = np.random.default_rng(2).integers(0, 3, 400)
    weighed = clone(MODELS[name]).fit(users, sample_weight=weights)
    repeated = clone(MODELS[name]).fit(users.loc[users.index.repeat(weights)])
    assert all_of(weighed) == all_of(repeated)
    np.testing.assert_array_equal(weighed.predict(users), repeated.predict(users))


@every
def test_fitted_twice_is_fitted_once(name, fitted, users):
    again = clone(MODELS[name]).fit(users.head(150)).fit(users)
    assert all_of(again) == all_of(fitted[name])
    loaded = type(again).from_json(all_of(again))
    np.testing.assert_array_equal(loaded.predict_proba(users), again.predict_proba(users))


@every
def test_spelling_of_types_does_not_matter(name, fitted, users):
    loose = users.astype(object).set_axis([f"row {i}" for i in range(400)])
    scales = [column for column in users if isinstance(users[column].dtype, pd.CategoricalDtype)]
    loose = loose.astype({column: users[column].dtype for column in scales})  # the order of levels is content
    np.testing.assert_array_equal(clone(MODELS[name]).fit(loose).labels_, fitted[name].labels_)


# --- what a persona is numbered ------------------------------------------------------------------


@pytest.mark.parametrize("name", SEEDED)
def test_other_seed_same_personas_same_numbers(name, users):
    one, other = (clone(MODELS[name]).set_params(random_state=seed, n_init=10).fit(users) for seed in (0, 11))
    assert adjusted_rand_score(one.labels_, other.labels_) > 0.9
    assert np.mean(one.labels_ == other.labels_) > 0.9  # not merely up to relabelling


@pytest.mark.parametrize("name", [name for name in SEEDED if "chosen" not in name])
def test_equally_large_personas_keep_their_numbers(name):
    """Which start won decides the order in which a fit holds them; sizes do not: they are all equal."""
    rng = np.random.default_rng(5)
    kinds = pd.DataFrame({"a": [0.0, 6.0, 12.0], "b": [9.0, 0.0, 9.0]}).loc[np.repeat([0, 1, 2], 40)]
    users = kinds + rng.normal(0, 0.5, kinds.shape)
    fits = [clone(MODELS[name]).set_params(random_state=seed).fit(users) for seed in range(4)]
    for fit in fits:
        np.testing.assert_array_equal(fit.labels_, fits[0].labels_)
        assert np.bincount(fit.labels_).tolist() == [40, 40, 40]
