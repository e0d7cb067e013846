"""Labels that repeat each other make a model too sure; the users themselves show by how much."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.persona_membership import assign_held_out, calibration_error, pool, repeat_columns
from benchmarks.planted import plant_users
from benchmarks.scenarios import plant_scenario
from segtool.errors import InputError
from segtool.personas.latent_class import LatentClassPersonas
from segtool.personas.scoring import compile_scoring
from tests.personas.scoring.scoring_tables import run_duckdb, to_arrow


@pytest.fixture(scope="module")
def weak():
    return plant_scenario("weak", 43)


@pytest.fixture(scope="module")
def repeated(weak):
    return repeat_columns(weak, 43)


@pytest.fixture(scope="module")
def model(repeated):
    return LatentClassPersonas(5).fit(repeated.users)


def effect(model, n_known):
    return 1 + model.softening_ * (n_known - 1)


def test_independent_labels_are_left_as_they_are_and_repeated_ones_are_not(weak, model, repeated):
    independent = LatentClassPersonas(5).fit(weak.users)
    assert effect(independent, weak.users.shape[1]) < 1.25
    assert effect(model, repeated.users.shape[1]) > 1.5


def test_softened_memberships_of_users_never_seen_are_as_sure_as_they_are_right():
    twice = [repeat_columns(plant_scenario("weak", seed), seed) for seed in (45, 46)]
    users = pool([assign_held_out(each, 45)["all that is known"] for each in twice])
    softened, bare = (calibration_error(each, users.right, 5) for each in (users.sureness, users.unsoftened))
    assert softened < 0.045 < bare and softened < 0.6 * bare


def test_of_whom_one_label_is_known_nothing_can_be_repeated(model, repeated):
    one = repeated.users.iloc[:50]
    one = one.where(np.tile(np.arange(one.shape[1]) == 0, (50, 1)))
    softened = model.predict_proba(one)
    bare = LatentClassPersonas.from_json(_with_softening(model, 0.0)).predict_proba(one)
    assert np.allclose(softened, bare, rtol=0, atol=1e-12)


def test_of_whom_nothing_is_known_memberships_are_the_shares(model, repeated):
    nobody = repeated.users.iloc[:1].mask(np.ones((1, repeated.users.shape[1]), bool))
    assert np.allclose(model.predict_proba(nobody)[0], model.to_json()["personas"]["share"])


def test_the_fit_the_criteria_and_the_likelihood_are_not_softened(model, repeated):
    bare = LatentClassPersonas.from_json(_with_softening(model, 0.0))
    assert model.softening_ > 0 == bare.softening_
    assert model.score(repeated.users) == bare.score(repeated.users)
    assert (model.bic_, model.icl_) == (bare.bic_, bare.icl_)


def test_a_loaded_model_is_as_sure_as_the_one_that_was_saved(model, repeated):
    loaded = LatentClassPersonas.from_json(model.to_json())
    assert loaded.softening_ == model.softening_
    assert np.array_equal(loaded.predict_proba(repeated.users), model.predict_proba(repeated.users))


@pytest.mark.parametrize("wrong", [-0.1, "much", None, float("nan")])
def test_a_file_with_another_softening_is_refused(model, wrong):
    with pytest.raises(InputError, match="softening"):
        LatentClassPersonas.from_json(_with_softening(model, wrong))


def test_sql_softens_by_what_is_known_of_each_user(model, repeated):
    rng = np.random.default_rng(1)
    users = repeated.users.iloc[:200].reset_index(drop=True)
    users = users.mask(rng.random(users.shape) < rng.random((200, 1)))
    assert model.softening_ > 0
    found = run_duckdb(compile_scoring(model), labels=to_arrow(users))
    found = found[[name for name in found if name.startswith("p_")]].to_numpy()
    assert np.abs(found - model.predict_proba(users)).max() < 1e-9


def test_neither_the_order_of_users_nor_equal_ones_change_it(repeated):
    users = repeated.users.iloc[:600]
    whole, shuffled, twice = (
        LatentClassPersonas(5, n_init=4).fit(each)
        for each in (users, users.sample(frac=1, random_state=5), pd.concat([users] * 2))
    )
    assert whole.softening_ == shuffled.softening_ > 0
    weighed = LatentClassPersonas(5, n_init=4).fit(users, sample_weight=np.full(len(users), 2.0))
    assert twice.softening_ == pytest.approx(weighed.softening_, abs=1e-9)


@pytest.mark.parametrize("n_columns", [1, 6])
def test_one_persona_or_one_column_needs_no_softening(n_columns):
    users = plant_users(200, 3, n_columns, noise=0.0).users
    assert LatentClassPersonas(1).fit(users).softening_ == 0
    assert n_columns > 1 or LatentClassPersonas(2).fit(users).softening_ == 0


def _with_softening(model, value):
    data = model.to_json()
    return {**data, "fit": {**data["fit"], "softening": value}}
