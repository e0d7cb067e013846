"""How many personas: the planted number, or none, and a curve that says why."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from benchmarks.persona_number import Table, prepare_rows
from benchmarks.planted import plant_users
from segtool.personas.latent.mixture import Settings
from segtool.personas.latent.starts import fit_mixture
from segtool.personas.latent_class import LatentClassPersonas
from segtool.personas.number.choice_words import chosen_in_words, note_one_scale
from segtool.personas.number.choose import MAX_CHOICE_ROWS, choose_n_classes
from segtool.personas.number.stability import assign


@pytest.fixture(scope="module")
def chosen():
    planted = plant_users(1500, 5, 30, seed=1)
    return planted, LatentClassPersonas(max_personas=8).fit(planted.users)


def test_planted_number_is_found(chosen):
    planted, model = chosen
    assert model.n_personas_ == 5
    assert adjusted_rand_score(planted.persona, model.labels_) > 0.85
    assert model.verdict_.startswith("5 personas, stable: when the users are split in halves")
    low, high = model.stability_.min(), model.stability_.max()
    assert f"share {low:.0%} to {high:.0%} of their users" in model.verdict_


def test_curve_is_kept(chosen):
    _, model = chosen
    curve = model.choice_
    assert curve["k"].tolist() == list(range(1, 9))
    assert curve.loc[curve["chosen"], "k"].tolist() == [5]
    passing = curve[curve["passes"]]
    assert passing["icl"].idxmin() == curve.index[curve["chosen"]][0]
    assert curve["stability"].between(-1, 1).all() and curve["separation"].between(0, 1).all()
    assert model.stability_.shape == (5,) and model.stability_.min() > 0.75


def test_explored_and_asked_for_are_the_same_fit(chosen):
    planted, model = chosen
    asked = LatentClassPersonas(5).fit(planted.users)
    np.testing.assert_array_equal(asked.labels_, model.labels_)
    assert asked.choice_ is None and asked.stability_ is None
    np.testing.assert_allclose(asked.measure_stability(planted.users), model.stability_)


@pytest.mark.parametrize(
    "kinds", ["number amount count flag nominal ordered", "count ordered", "flag nominal"]
)
def test_noise_has_no_personas(kinds):
    noise = plant_users(600, 1, 24, seed=2, kinds=kinds)
    model = LatentClassPersonas(max_personas=6, n_pairs=2).fit(noise.users)
    assert model.n_personas_ == 1
    assert model.verdict_.startswith("No structure: the labels do not go together: of 99 tables")
    assert not model.structure_.exists and model.structure_.n_labels == 24


def test_range_is_obeyed_and_one_is_always_compared(chosen):
    planted, _ = chosen
    model = LatentClassPersonas(min_personas=3, max_personas=4, n_pairs=1).fit(planted.users)
    assert model.choice_["k"].tolist() == [1, 3, 4]


def test_personas_too_small_to_be_of_use_do_not_pass(chosen):
    planted, _ = chosen
    model = LatentClassPersonas(max_personas=5, min_share=0.3, n_pairs=1).fit(planted.users)
    assert model.n_personas_ < 5
    assert not model.choice_.loc[model.choice_["min_share"] < 0.3, "passes"].any()


def test_few_users_are_not_compared():
    frame = pd.DataFrame({"a": np.arange(20) % 3 * 1.7, "b": ["x", "y"] * 10})
    model = LatentClassPersonas().fit(frame)
    assert len(model.choice_) == 1 and "too few" in chosen_in_words(model.choice_, 20)


def test_the_curve_says_why_of_every_number(chosen):
    curve = chosen[1].choice_
    assert (curve["reason"] != "").all() and curve["runner_up"].sum() == curve["recommended"].sum() == 1
    failed = curve[~curve["passes"]]
    assert failed["reason"].str.match("not found again: |too small: |hard to describe: |cannot be").all()
    five = curve.set_index("k").loc[5]
    assert five["reason"].startswith("recommended: of the numbers that pass")
    assert len(five["jaccard"].split()) == 5
    np.testing.assert_allclose(
        sorted(map(float, five["jaccard"].split())), sorted(chosen[1].stability_), atol=5e-4
    )
    assert curve.set_index("k").loc[5, "change"].startswith("from 4 to 5: persona ")


def test_asked_for_and_compared_the_curve_is_shown_and_the_number_stays(chosen):
    planted, free = chosen
    model = LatentClassPersonas(3, compare=True, max_personas=5, n_pairs=1).fit(planted.users)
    assert model.n_personas_ == 3 and model.stability_.shape == (3,)
    assert model.choice_.loc[model.choice_["recommended"], "k"].tolist() == [5]
    assert "3 personas, as asked; the comparison speaks for 5." in model.verdict_
    same = ["k", "icl", "bic", "min_share"]
    pd.testing.assert_frame_equal(model.choice_[same], free.choice_[same].head(5))


def test_the_choice_survives_its_json(chosen):
    model = chosen[1]
    again = LatentClassPersonas.from_json(model.to_json())
    pd.testing.assert_frame_equal(again.choice_, model.choice_)
    assert again.structure_ == model.structure_ and again.structure_.exists


def test_of_many_users_the_personas_are_those_judged_on_the_sample():
    planted = plant_users(11_000, 3, 9, seed=2, strength=1.4)
    model = LatentClassPersonas(max_personas=4, n_init=4, n_pairs=1).fit(planted.users)
    rows = prepare_rows(Table("", "", 3, planted.users))
    choice = choose_n_classes(
        rows, range(1, 5), seed=0, n_init=4, n_pairs=1, min_share=0.03, settings=Settings()
    )
    assert not choice.whole and choice.n_classes == model.n_personas_ == 3
    final = rows.sample(MAX_CHOICE_ROWS)
    now = fit_mixture(rows, 3, seed=(0, 3), n_init=4, settings=Settings())
    assert adjusted_rand_score(choice.fit.best, assign(final, now.classes)) > 0.97
    np.testing.assert_allclose(np.sort(model.stability_), np.sort(choice.jaccard))


def noisy_halves(n_users: int, n_labels: int, error: float, seed: int):
    rng = np.random.default_rng(seed)
    half = rng.integers(0, 2, n_users).astype(bool)
    flags = half[:, None] ^ (rng.random((n_users, n_labels)) < error)
    return pd.DataFrame(flags).add_prefix("flag_").astype("boolean"), half


def test_two_halves_in_few_noisy_labels_are_found_although_icl_refuses_them():
    users, half = noisy_halves(600, 4, 0.2, seed=0)
    model = LatentClassPersonas(max_personas=4).fit(users)
    icl = model.choice_.set_index("k")["icl"]
    assert icl[2] > icl[1]
    assert model.n_personas_ == 2 and model.stability_.min() > 0.75
    assert (model.labels_ == half).mean() > 0.85 or (model.labels_ == half).mean() < 0.15


def test_a_number_that_cannot_be_filled_is_said_and_not_praised():
    users, _ = noisy_halves(200, 3, 0.1, seed=1)
    with pytest.warns(ConvergenceWarning):
        model = LatentClassPersonas(12, compare=True, max_personas=3).fit(users)
    row = model.choice_.set_index("k").loc[12]
    assert row["n_filled"] < 12 and not row["passes"]
    assert row["stability"] == row["min_jaccard"] == row["prediction_strength"] == 0
    assert model.n_personas_ == row["n_filled"] and model.stability_ is None  # to be measured, not 1 or 0
    assert row["reason"].startswith(f"cannot be filled: only {row['n_filled']} of 12 groups")


def test_groups_that_differ_in_one_label_and_its_copy_are_no_personas():
    rng = np.random.default_rng(2)
    trait = rng.random((500, 1)) < 0.5
    cells = np.hstack([np.repeat(trait, 2, axis=1), rng.random((500, 10)) < 0.5])
    model = LatentClassPersonas(max_personas=3).fit(pd.DataFrame(cells).add_prefix("flag_"))
    two = model.choice_.set_index("k").loc[2]
    assert two["stability"] > 0.9 and two["n_differing"] == 2
    assert two["reason"].startswith("hard to describe: one persona differs clearly from the rest in only 2")
    assert model.n_personas_ == 1
    assert model.choice_["reason"].iloc[0].startswith("recommended: no number passes, though labels go")


def test_steps_on_one_scale_are_called_so(chosen):
    rng = np.random.default_rng(3)
    cells = 0.9 * rng.normal(size=(800, 1)) + rng.normal(size=(800, 16))
    users = pd.DataFrame(cells).add_prefix("column_")
    curve = LatentClassPersonas(max_personas=4).fit(users).choice_
    several = curve[curve["k"] > 2]
    assert (several["one_axis"] > 0.9).all()
    assert note_one_scale(several.assign(chosen=several["k"] == 3)).startswith("The 3 personas are steps")
    assert note_one_scale(chosen[1].choice_) == "" == note_one_scale(None)


def test_the_curve_ends_when_nothing_improves():
    noise = plant_users(400, 1, 12, seed=5, kinds="flag nominal")
    curve = LatentClassPersonas(max_personas=12).fit(noise.users).choice_
    assert curve["k"].tolist() == list(range(1, len(curve) + 1)) and len(curve) < 9
    last = curve.tail(3)
    assert last["icl"].min() > curve["icl"].min() and last["bic"].min() > curve["bic"].min()
