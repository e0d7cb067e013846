"""Each planted scenario has the trouble it is named after, and the estimator gets through it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from benchmarks.persona_scenarios import check_targets, summarize
from benchmarks.scenarios import RECIPES, SCENARIOS, plant_scenario
from segtool.personas import LatentClassPersonas
from segtool.personas.weigh import weigh_columns

SEED = 950  # not one of those reported


def fit(scenario, weights=None):
    model = LatentClassPersonas(scenario.n_personas, column_weights=weights).fit(scenario.users)
    return adjusted_rand_score(scenario.persona, model.labels_)


def test_same_seed_same_table_and_another_one_another():
    one, again, other = (plant_scenario("noise", seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one.users, again.users)
    assert not one.users.equals(other.users)


def test_shares_of_cells_and_columns_are_as_said():
    known = plant_scenario("survey", SEED).users.notna().mean()
    assert known.filter(like="likert").between(0.06, 0.13).all()
    assert known.filter(like="count").between(0.92, 0.98).all()
    assert plant_scenario("missing", SEED).users.isna().to_numpy().mean() == pytest.approx(0.3, abs=0.01)
    noise = plant_scenario("noise", SEED)
    assert len(noise.informative) == round(0.4 * 42)
    amounts = noise.users.filter(like="number")
    assert (((amounts - amounts.median()).abs() / amounts.std(ddof=0)) > 5).to_numpy().any()


@pytest.mark.parametrize("name", SCENARIOS)
def test_signal_lies_in_the_columns_named(name):
    """In the columns that speak, and in no other, the personas explain more than chance does."""
    scenario = plant_scenario(name, SEED)
    for column in scenario.users.filter(regex="^(number|likert)"):
        cells = scenario.users[column]
        cells = cells.cat.codes.where(cells.notna()).astype(float) if cells.dtype == "category" else cells
        cells = cells.rank()  # gross errors are in the table to stay
        between = cells.groupby(scenario.persona).mean()
        share = (between.loc[scenario.persona].to_numpy() - cells.mean())[cells.notna()].var() / cells.var()
        chance = scenario.n_personas / cells.notna().sum()
        assert (share > 4 * chance) == (column in scenario.informative), column


def test_near_copies_outvote_the_rest_until_their_family_is_declared():
    scenario = plant_scenario("copies", SEED)
    weights = weigh_columns(scenario.users, {name: name for name in scenario.users}, scenario.families)
    copies = [weight for name, weight in weights.items() if name.startswith("copy")]
    assert 1 <= sum(copies) < 2 and all(weights[name] > 0.9 for name in scenario.informative)
    assert fit(scenario) < 0.5 and fit(scenario, weights) > 0.9


@pytest.mark.parametrize(
    ("name", "least"), [("noise", 0.7), ("levels", 0.68), ("survey", 0.8), ("activity", 0.8)]
)
def test_personas_are_found_all_the_same(name, least):
    assert fit(plant_scenario(name, SEED)) > least


def test_personas_are_not_who_answered_the_survey():
    scenario = plant_scenario("survey", SEED)
    labels = LatentClassPersonas(scenario.n_personas).fit(scenario.users).labels_
    answered = scenario.users.filter(like="likert").notna().any(axis=1)
    assert adjusted_rand_score(answered, labels) < 0.05


def test_a_missed_promise_is_said(recipes=RECIPES):
    rows = [
        {"method": method, "scenario": name, "seed": 0, "ari": ari, "cpu_seconds": cpu}
        for name in recipes
        for method, ari, cpu in (
            ("segtool", 0.8, 1.0),
            ("segtool, families", 0.6 if name == "weak" else 0.95, 1.0),
            ("StepMix 5, prepared", 0.79, 20.0),
        )
    ]
    met = [holds for _, holds in check_targets(summarize(pd.DataFrame(rows)))]
    assert met == [True, False, True, True]


def test_centres_are_equally_far_apart_in_every_column():
    scenario = plant_scenario("clean", SEED)
    numbers = [name for name in scenario.informative if name.startswith("number")]
    spread = scenario.users[numbers].groupby(scenario.persona).mean().std(ddof=0)
    np.testing.assert_allclose(spread, RECIPES["clean"].strength, atol=0.1)
