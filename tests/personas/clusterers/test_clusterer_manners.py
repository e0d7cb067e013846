"""scikit-learn's clusterers behind our face: its manners, its errors, and what each of them is for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from benchmarks.planted import plant_users
from segtool.errors import InputError, ParameterError
from segtool.personas.clusterers import (
    BisectingKMeansPersonas,
    GaussianMixturePersonas,
    HDBSCANPersonas,
    KMeansPersonas,
)
from tests.personas.planted_frame import make_planted

QUICK = [
    KMeansPersonas(3, n_init=2),
    BisectingKMeansPersonas(3, n_init=1),
    GaussianMixturePersonas(3, n_init=1),
    HDBSCANPersonas(),
]
GIVEN = QUICK[:3]  # those whose number of personas is given


def name_of(model):
    return type(model).__name__


every = pytest.mark.parametrize("model", QUICK, ids=name_of)


@pytest.fixture(scope="module")
def planted():
    return plant_users(600, 3, 18, seed=5, strength=1.6, missing=0.05)


# --- manners -------------------------------------------------------------------------------------


@parametrize_with_checks(QUICK)
def test_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


@every
def test_last_step_of_a_pipeline_on_some_columns(model, planted):
    numbers = [name for name in planted.users if name.startswith(("number", "amount"))]
    some = ColumnTransformer([("numbers", "passthrough", numbers), ("first", "drop", ["flag_03"])])
    some.set_output(transform="pandas")
    pipe = Pipeline([("some", some), ("personas", clone(model))]).fit(planted.users)
    proba = pipe.predict_proba(planted.users)
    assert proba.shape == (600, pipe["personas"].n_personas_)
    assert list(pipe["personas"].feature_names_in_) == [f"numbers__{name}" for name in numbers]
    np.testing.assert_array_equal(pipe.predict(planted.users), pipe["personas"].labels_)
    assert pipe.get_feature_names_out()[0] == "persona_1"


@every
def test_clone_and_output_frames(model, planted):
    again = clone(model).set_params(column_weights={"flag_03": 0.5})
    members = again.set_output(transform="pandas").fit_transform(planted.users)
    assert list(members.columns) == [f"persona_{i + 1}" for i in range(again.n_personas_)]
    assert members.index.equals(planted.users.index)
    assert set(again.columns_) == {"column", "kind", "weight", "relevant"}
    assert again.columns_.set_index("column").loc["flag_03", "weight"] == 0.5
    with pytest.raises(ValueError, match="feature names"):
        again.predict(planted.users.rename(columns={"flag_03": "flag"}))
    with pytest.raises(NotFittedError):
        clone(model).predict(planted.users)


def test_scores_can_be_searched_by(planted):
    search = GridSearchCV(GaussianMixturePersonas(n_init=1), {"n_personas": [1, 3]}, cv=3).fit(planted.users)
    assert search.best_params_ == {"n_personas": 3}
    by_axes = GridSearchCV(KMeansPersonas(3, n_init=2), {"tol": [1e-4, 1e-2]}, cv=2).fit(planted.users)
    assert np.isfinite(by_axes.best_score_) and by_axes.best_score_ < 0


@pytest.mark.parametrize(
    ("model", "name"),
    [
        *(
            (clone(model).set_params(n_personas=bad), "n_personas")
            for model in GIVEN
            for bad in (0, 2.5, None)
        ),
        *((clone(model).set_params(n_init=0), "n_init") for model in GIVEN),
        *((clone(model).set_params(n_axes=0), "n_axes") for model in QUICK),
        (KMeansPersonas(tol=-1), "tol"),
        (KMeansPersonas(max_iter=True), "max_iter"),
        (BisectingKMeansPersonas(bisecting_strategy="best"), "bisecting_strategy"),
        (GaussianMixturePersonas(covariance_type="round"), "covariance_type"),
        (GaussianMixturePersonas(reg_covar=0), "reg_covar"),
        (HDBSCANPersonas(min_share=0.6), "min_share"),
        (HDBSCANPersonas(min_samples=0), "min_samples"),
        (HDBSCANPersonas(cluster_selection_method="all"), "cluster_selection_method"),
    ],
    ids=lambda value: value if isinstance(value, str) else name_of(value),
)
def test_wrong_parameters_are_told_in_fit(model, name):
    with pytest.raises(ParameterError, match=rf"{name} is .*Accepted"):
        model.fit(np.eye(4))


# --- what they are for ---------------------------------------------------------------------------


@every
def test_planted_personas_are_found_again_in_new_users(model, planted):
    fitted = clone(model).fit(planted.users)
    least = 0.45 if isinstance(model, HDBSCANPersonas) else 0.75
    assert adjusted_rand_score(planted.persona, fitted.labels_) > least
    assert (np.diff(np.bincount(fitted.labels_)) <= 0).all()  # the largest first
    np.testing.assert_array_equal(fitted.predict(planted.users), fitted.labels_)
    others = plant_users(600, 3, 18, seed=6, persona_seed=5, strength=1.6, missing=0.05)
    assert adjusted_rand_score(others.persona, fitted.predict(others.users)) > least
    assert fitted.measure_stability(planted.users, n_pairs=1).shape == (fitted.n_personas_,)


@pytest.mark.parametrize("model", GIVEN, ids=name_of)
def test_memberships_add_up_and_the_sure_are_right_more_often(model, planted):
    fitted = clone(model).fit(planted.users)
    proba = fitted.predict_proba(planted.users)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(proba.argmax(axis=1), fitted.labels_)
    commonest = pd.crosstab(fitted.labels_, planted.persona).idxmax(axis=1).to_numpy()
    right = planted.persona == commonest[fitted.labels_]
    half = proba.max(axis=1) > np.median(proba.max(axis=1))
    assert right[half].mean() > right[~half].mean() + 0.05


@every
def test_nothing_to_go_by_is_one_persona_with_a_verdict(model):
    frame = pd.DataFrame({"a": [3.0] * 20, "user_id": [f"u{i}" for i in range(20)]})
    fitted = clone(model).fit(frame)
    assert fitted.n_personas_ == 1 and not fitted.labels_.any()
    assert fitted.verdict_ == "No structure: no column is left that could form personas."
    np.testing.assert_array_equal(fitted.predict_proba(frame), np.ones((20, 1)))
    np.testing.assert_array_equal(type(model).from_json(fitted.to_json()).predict(frame), fitted.labels_)


@pytest.mark.parametrize("model", GIVEN, ids=name_of)
def test_more_personas_than_kinds_of_users_is_said(model):
    frame = pd.DataFrame({"a": ["x", "y"] * 30, "b": ["p", "q"] * 30})
    with pytest.warns(ConvergenceWarning, match="2 of 3"):
        fitted = clone(model).fit(frame)
    assert fitted.n_personas_ == 2 and "although 3 were asked" in fitted.verdict_
    with pytest.raises(ParameterError, match=r"n_personas is 3.*2 users"):
        clone(model).fit(frame.head(2))


@pytest.mark.parametrize("model", [GaussianMixturePersonas(), HDBSCANPersonas()], ids=name_of)
def test_weights_that_cannot_be_counted_are_refused(model, planted):
    with pytest.raises(InputError, match=r"not whole.*whole numbers.*LatentClassPersonas or KMeansPersonas"):
        model.fit(planted.users, sample_weight=np.full(600, 0.5))


def test_kmeans_takes_weights_of_any_size(planted):
    half = np.where(planted.persona == 0, 1.5, 0.25)
    fitted = KMeansPersonas(3, n_init=2).fit(planted.users, sample_weight=half)
    largest = planted.persona[fitted.labels_ == 0]
    assert np.mean(largest == 0) > 0.8  # counted by weight, not by rows


def test_a_persona_of_no_width_does_not_win():
    """The trap of equal values: on an axis that is one label, a narrow group is ever likelier."""
    users, truth = make_planted(seed=3)
    narrow, wide = (GaussianMixturePersonas(3, n_axes=5, reg_covar=each).fit(users) for each in (1e-6, 0.1))
    assert narrow.score(users) > wide.score(users) + 1  # the likelihood is for it, and it is worthless:
    assert adjusted_rand_score(truth, narrow.labels_) < 0.4
    assert adjusted_rand_score(truth, GaussianMixturePersonas(3).fit(users).labels_) > 0.7


# --- HDBSCAN -------------------------------------------------------------------------------------


def test_noise_is_given_to_the_nearest_with_little_trust():
    rng = np.random.default_rng(0)
    dense = [rng.normal((x, 0), 0.15, (150, 2)) for x in (-2, 2)]
    between = rng.uniform(-4, 4, (60, 2)) * (0.2, 1)
    model = HDBSCANPersonas(min_share=0.2).fit(np.vstack([*dense, between]))
    assert model.n_personas_ == 2 and 0.02 < model.noise_share_ < 0.2
    assert f"{model.noise_share_:.1%} of users lie in no dense group" in model.verdict_
    sure = model.predict_proba(np.vstack([*dense, between])).max(axis=1)
    assert sure[:300].mean() > 0.9 > 0.8 > sure[300:].mean()
    assert set(model.labels_) == {0, 1}  # everybody has a persona


def test_no_dense_group_is_no_structure():
    model = HDBSCANPersonas(min_share=0.2).fit(np.random.default_rng(1).normal(size=(300, 4)))
    assert model.n_personas_ == 1 and model.noise_share_ == 1
    assert model.verdict_ == "No structure: there are no two dense groups of at least 60 users."
    assert HDBSCANPersonas().fit(np.eye(4)).n_personas_ == 1  # too few users to be dense
