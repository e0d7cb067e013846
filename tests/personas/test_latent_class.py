"""The estimator: scikit-learn's manners, planted personas found, missing left alone, same answer."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from benchmarks.planted import plant_users
from segtool.errors import InputError, ParameterError
from segtool.personas.latent_class import LatentClassPersonas


@pytest.fixture(scope="module")
def planted():
    return plant_users(1500, 5, 25, seed=3)


@pytest.fixture(scope="module")
def model(planted):
    return LatentClassPersonas(5).fit(planted.users)


# --- manners -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_personas", [None, 2])
def test_passes_the_checks_of_scikit_learn(n_personas):
    """All of them: a tag can make check_estimator run a handful, or none, and still be content."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(LatentClassPersonas(n_personas), on_skip=None)
    passed = [result["check_name"] for result in results if result["status"] == "passed"]
    skipped = {result["check_name"] for result in results if result["status"] == "skipped"}
    assert len(passed) >= 50 and skipped <= {"check_array_api_input"}  # see test_same_answer
    assert {"check_clustering", "check_sample_weight_equivalence_on_dense_data"} <= set(passed)
    assert {"check_transformer_general", "check_methods_subset_invariance"} <= set(passed)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("n_personas", bad) for bad in (0, 2.5, True, "3")),
        *((name, 0) for name in ("n_init", "max_iter", "n_pairs", "max_personas", "variance_floor")),
        ("tol", -1),
        ("min_share", 1),
        ("min_personas", 99),
    ],
)
def test_parameters_are_checked_in_fit(name, value):
    model = LatentClassPersonas(**{name: value})
    with pytest.raises(ParameterError, match=name):
        model.fit(np.eye(4))


def test_clone_pipeline_and_output_frames(planted):
    model = clone(LatentClassPersonas(3, column_weights={"flag_03": 0.5}))
    assert model.column_weights == {"flag_03": 0.5}
    members = model.set_output(transform="pandas").fit_transform(planted.users)
    assert list(members.columns) == ["persona_1", "persona_2", "persona_3"]
    assert members.index.equals(planted.users.index)
    numbers = planted.users.filter(like="number").to_numpy()
    assert make_pipeline(StandardScaler(), LatentClassPersonas(2)).fit_predict(numbers).max() == 1


def test_not_fitted():
    with pytest.raises(NotFittedError):
        LatentClassPersonas().predict([[1.0]])
    with pytest.raises(NotFittedError):
        LatentClassPersonas().to_json()


# --- what it is for ------------------------------------------------------------------------------


def test_planted_personas_are_found(model, planted):
    assert adjusted_rand_score(planted.persona, model.labels_) > 0.78  # the truth itself reaches 0.82
    assert model.verdict_.startswith("5 personas, as asked")
    sizes = np.bincount(model.labels_)
    assert (np.diff(sizes) <= 0).all()  # largest first


def test_new_users_take_the_same_path(model, planted):
    others = plant_users(1500, 5, 25, seed=77, persona_seed=3)
    assert adjusted_rand_score(others.persona, model.predict(others.users)) > 0.75
    np.testing.assert_array_equal(model.predict(planted.users), model.labels_)


def test_irrelevant_columns_are_told(model, planted):
    relevant = set(model.columns_.loc[model.columns_["relevant"], "column"])
    assert set(planted.informative) >= relevant and len(relevant) >= len(planted.informative) - 2


def test_memberships_are_honest():
    """On users not seen in the fit, those given 70 % are right about 70 % of the time."""
    model = LatentClassPersonas(4).fit(plant_users(4000, 4, 14, seed=5, strength=0.7).users)
    fresh = plant_users(8000, 4, 14, seed=6, persona_seed=5, strength=0.7)
    member = model.predict_proba(fresh.users)
    table = pd.crosstab(member.argmax(axis=1), fresh.persona).to_numpy()
    right = fresh.persona == table.argmax(axis=1)[member.argmax(axis=1)]
    sure = member.max(axis=1)
    bins = np.digitize(sure, np.linspace(0, 1, 11))
    error = sum(
        abs(right[bins == b].mean() - sure[bins == b].mean()) * np.mean(bins == b) for b in np.unique(bins)
    )
    assert error <= 0.03


# --- missing -------------------------------------------------------------------------------------


def test_column_of_nothing_changes_nothing(model, planted):
    wider = planted.users.assign(nothing=np.nan, nowhere=pd.Series([None] * len(planted.users), dtype=object))
    with_nothing = LatentClassPersonas(5).fit(wider)
    np.testing.assert_array_equal(with_nothing.predict_proba(wider), model.predict_proba(planted.users))
    assert set(with_nothing.left_out_["column"]) == {"nothing", "nowhere"}


def test_the_less_is_known_the_softer(model, planted):
    little = planted.users.copy()
    little.iloc[:, 4:] = little.iloc[:, 4:].mask(np.ones((len(little), 21), dtype=bool))
    assert (
        model.predict_proba(little).max(axis=1).mean()
        < model.predict_proba(planted.users).max(axis=1).mean() - 0.1
    )
    unknown = planted.users.head(2).mask(np.ones((2, 25), dtype=bool))
    np.testing.assert_allclose(
        model.predict_proba(unknown), np.tile(np.bincount(model.labels_) / 1500, (2, 1)), atol=0.03
    )


def test_survey_answered_by_few_does_not_become_the_segmentation(planted):
    """Imputed or one-hot "missing" would make two personas: those who answered and those who did not."""
    rng = np.random.default_rng(0)
    answered = rng.random(1500) < 0.1
    survey = {f"q{i}": np.where(answered, rng.choice(["yes", "no", "so so"], 1500), None) for i in range(12)}
    table = planted.users.assign(**survey)
    model = LatentClassPersonas(5).fit(table)
    assert adjusted_rand_score(planted.persona, model.labels_) > 0.78
    assert abs(adjusted_rand_score(answered, model.labels_)) < 0.05


def test_unseen_levels_count_as_missing(model, planted):
    column = next(name for name in planted.users if name.startswith("nominal"))
    new, gone = planted.users.head(20).copy(), planted.users.head(20).copy()
    new[column] = "brand new 🙂"
    gone[column] = None
    np.testing.assert_array_equal(model.predict_proba(new), model.predict_proba(gone))


def test_types_may_change_between_fit_and_predict(model, planted):
    loose = planted.users.head(50).astype({name: object for name in planted.users})
    np.testing.assert_allclose(
        model.predict_proba(loose), model.predict_proba(planted.users.head(50)), atol=1e-12
    )


# --- weights of columns --------------------------------------------------------------------------


def test_copies_of_one_label_can_be_weighed_as_one():
    """Eight copies of a label outvote twelve others, unless each weighs an eighth."""
    planted = plant_users(1500, 4, 12, seed=9, noise=0.0, strength=0.9)
    trait = np.random.default_rng(3).integers(0, 4, 1500)
    rng = np.random.default_rng(4)
    copies = {f"copy{i}": np.where(rng.random(1500) < 0.95, trait, 3 - trait).astype(str) for i in range(8)}
    table = planted.users.assign(**copies)
    plain = LatentClassPersonas(4).fit(table)
    weighed = LatentClassPersonas(4, column_weights=dict.fromkeys(copies, 1 / 8)).fit(table)
    assert adjusted_rand_score(planted.persona, plain.labels_) < 0.1
    assert adjusted_rand_score(planted.persona, weighed.labels_) > 0.7


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1.0], "b": ["x"]}),
        pd.DataFrame({"a": [3.0] * 20, "b": ["x"] * 20}),
        pd.DataFrame({"a": [np.nan] * 20, "b": pd.array([pd.NA] * 20, dtype="boolean")}),
        pd.DataFrame({"user_id": [f"u{i}" for i in range(40)]}),
    ],
    ids=["one user", "constants", "all missing", "ids only"],
)
def test_nothing_to_go_by_is_one_persona_with_a_verdict(frame):
    model = LatentClassPersonas().fit(frame)
    assert model.n_personas_ == 1 and not model.labels_.any()
    assert model.verdict_.startswith("No structure: no column")
    assert set(model.left_out_["column"]) == set(frame.columns)
    np.testing.assert_array_equal(model.predict_proba(frame), np.ones((len(frame), 1)))
    assert LatentClassPersonas.from_json(model.to_json()).predict(frame).tolist() == [0] * len(frame)


def test_two_users_are_too_few_but_no_crash():
    model = LatentClassPersonas().fit(pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}))
    assert model.n_personas_ == 1 and "2 users are too few" in model.verdict_


def test_more_personas_than_users_is_refused():
    with pytest.raises(ParameterError, match=r"n_personas is 8.*3 users"):
        LatentClassPersonas(8).fit(pd.DataFrame({"a": [1, 2, 3]}))


def test_more_personas_than_kinds_of_users_is_said():
    frame = pd.DataFrame({"a": ["x", "y"] * 30, "b": ["p", "q"] * 30})
    with pytest.warns(ConvergenceWarning, match="2 of 4"):
        model = LatentClassPersonas(4).fit(frame)
    assert model.n_personas_ == 2 and "although 4 were asked" in model.verdict_
    assert sorted(set(model.labels_)) == [0, 1]


@pytest.mark.parametrize("frame", [pd.DataFrame({"a": []}), pd.DataFrame(index=range(3))])
def test_empty_tables_are_refused(frame):
    with pytest.raises(InputError, match="minimum of 1"):
        LatentClassPersonas().fit(frame)


def test_weights_of_nobody_are_refused():
    with pytest.raises(ValueError, match=r"(?i)weights .*zero"):
        LatentClassPersonas().fit(pd.DataFrame({"a": [1, 2]}), sample_weight=[0, 0])


def test_chinese_emoji_and_odd_names():
    frame = pd.DataFrame(
        {"城市": ["武汉", "成都 🐼"] * 40, "x\ny": [1.5, 200.0] * 40, 'a"b': [True, None] * 40}
    )
    model = LatentClassPersonas(2).fit(frame)
    assert model.n_personas_ == 2 and model.left_out_["column"].tolist() == ['a"b']
