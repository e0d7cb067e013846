"""Power before the launch: equal to statsmodels, true in simulation, and frank about small personas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.power import NormalIndPower

from segtool.errors import InputError, ParameterError
from segtool.measurement import design_test
from segtool.measurement.design import CEILING, EVEN_ALL
from tests.measurement.lift_worlds import make_outcomes

ARMS = {"control": 0.2, "spring": 0.8}


def past_of(sizes, base=0.25) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    persona = np.repeat(np.arange(1, len(sizes) + 1), sizes)
    outcome = rng.random(len(persona)) < base
    return pd.DataFrame(
        {"user_id": range(len(persona)), "persona_id": persona, "outcome": outcome.astype(float)}
    )


def test_equal_to_statsmodels():
    design = design_test(past_of([5000]), arms=ARMS)
    row = design.overall.iloc[0]
    theirs = NormalIndPower().solve_power(nobs1=1000, ratio=4, alpha=0.05, power=0.8)
    assert row["detectable"] / row["sd"] == pytest.approx(theirs, rel=1e-4)
    power = NormalIndPower().power(0.1 * row["base"] / row["sd"], 1000, 0.05, ratio=4)
    assert row["power"] == pytest.approx(power, rel=1e-4)


def test_the_smallest_effect_is_found_in_four_runs_of_five():
    from segtool.measurement.effects import Outcome, measure_effects

    design = design_test(make_outcomes(4000, (0.0,)), arms=ARMS)
    effect, found = design.overall["detectable"].iloc[0], 0
    for seed in range(80):
        table = make_outcomes(4000, (effect,), control=0.2, seed=seed + 1)
        arm = (table["arm"] == "spring").to_numpy().astype(int)
        found += (
            measure_effects(Outcome(table["outcome"].to_numpy(), arm), 1, np.zeros(4000, dtype=int), 1).p[0]
            < 0.05
        )
    assert 0.65 <= found / 80 <= 0.92


def test_users_needed_give_the_power_asked_for():
    design = design_test(past_of([3000]), arms=ARMS, effect=0.2)
    needed = int(design.overall["users_needed"].iloc[0])
    assert design_test(past_of([needed]), arms=ARMS, effect=0.2).overall["power"].iloc[0] == pytest.approx(
        0.8, abs=0.04
    )


def test_many_comparisons_and_arms_need_larger_effects():
    past = past_of([2000] * 6)
    few, many = (design_test(past, arms=ARMS, n_metrics=k).table for k in (1, 3))
    assert (few["detectable"] < few["detectable_strict"]).all()
    assert (few["detectable_strict"] < many["detectable_strict"]).all()
    three = design_test(past, arms={"control": 0.2, "a": 0.4, "b": 0.4}).overall
    assert three["detectable"].iloc[0] > design_test(past, arms=ARMS).overall["detectable"].iloc[0]


def test_small_personas_are_merged_with_those_of_like_base():
    table = design_test(past_of([9000, 2200, 1900, 40]), arms=ARMS, effect=0.2).table
    assert table["advice"].tolist()[0] == "enough users"
    assert table["advice"].tolist()[1:3] == ["merge", "merge"]
    assert "persona 2" in table["merge_with"].iloc[2]


def test_where_all_together_are_too_few_no_persona_is_sent_to_everyone():
    design = design_test(past_of([300, 30]), arms=ARMS, effect=0.1)
    assert design.table["advice"].str.startswith("too few, even all together").all()


def test_a_persona_too_small_for_any_merger_says_so():
    design = design_test(past_of([9000, 30]), arms=ARMS, effect=0.2)
    assert design.table["advice"].iloc[1] == "only everyone's effect can be measured"
    assert design.headline().startswith("Everyone (9,030 users): the smallest effect that would be found is")


def test_what_was_known_before_makes_smaller_effects_visible():
    rng = np.random.default_rng(1)
    past = past_of([4000]).assign(outcome_before=rng.normal(size=4000))
    past["outcome"] = past["outcome_before"] + rng.normal(0, 0.5, 4000)
    with_it, without = (design_test(past, arms=ARMS, covariates=c) for c in (None, ()))
    assert with_it.overall["detectable"].iloc[0] < 0.5 * without.overall["detectable"].iloc[0]
    assert with_it.overall["base"].iloc[0] == without.overall["base"].iloc[0]
    assert "80%" in " ".join(with_it.notes)


def test_a_ratio_is_reckoned_with_the_user_as_unit():
    rng = np.random.default_rng(2)
    per = rng.poisson(5, 3000)
    past = past_of([3000]).assign(outcome=rng.binomial(per, 0.3), outcome_per=per)
    row = design_test(past, arms=ARMS).overall.iloc[0]
    assert row["sd"] > np.sqrt(0.3 * 0.7 / 5) and row["detectable"] > 0


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_a_past_without_change_cannot_be_reckoned_from(outcome):
    design = design_test(past_of([500, 500]).assign(outcome=outcome), arms=ARMS)
    words = "everybody does it already, so it cannot rise" if outcome else "cannot be reckoned"
    assert design.table["detectable"].isna().all() and words in design.headline()
    said = CEILING if outcome else EVEN_ALL
    assert set(design.table["advice"]) == {said}


def test_an_effect_above_everybody_is_not_promised():
    past = past_of([3000, 3000])
    full = past["persona_id"] == 1
    past.loc[full, "outcome"] = (past.index[full] % 50 != 0).astype(float)  # 98 %
    design = design_test(past, arms=ARMS, effect=0.3)
    assert design.table["advice"].tolist() == [CEILING, "enough users"]
    assert design.table["power"].isna().tolist() == [True, False] and pd.isna(
        design.table["users_needed"].iloc[0]
    )
    assert "98.0% do it already, so it can rise by 2.0 percentage points (+2.0%) at most" in " ".join(
        design.notes
    )
    assert CEILING in design_test(past[full], arms=ARMS).headline()
    # Fewer of them are possible, and a number per user has no ceiling.
    assert CEILING not in set(design_test(past, arms=ARMS, effect=-0.1).table["advice"])
    more = past.assign(outcome=past["outcome"] * 2)
    assert CEILING not in set(design_test(more, arms=ARMS).table["advice"])


def test_arms_that_are_drawn_already_are_counted_by_persona():
    past = past_of([1000, 1000, 50])
    arm = np.where(past["user_id"] % 10 == 0, "control", "spring")
    arm[past["persona_id"] == 2] = np.where(
        past.loc[past["persona_id"] == 2, "user_id"] % 4, "spring", "control"
    )
    arm[past["persona_id"] == 3] = "spring"
    drawn = pd.Series(arm, index=past["user_id"].astype(str)).sample(frac=1, random_state=0)
    design = design_test(past, arms={"control": 0.1, "spring": 0.9}, drawn=drawn)
    assert design.table["n_control"].tolist() == [100, 250, 0]
    assert design.table["n_treated"].tolist() == [900, 750, 50] and design.overall["n_control"].iloc[0] == 350
    assert design.table["detectable"].iloc[1] < design.table["detectable"].iloc[0]
    assert np.isnan(design.table["detectable"].iloc[2])
    column = design_test(past.assign(group=arm), arms={"control": 0.1, "spring": 0.9}, drawn="group")
    pd.testing.assert_frame_equal(column.to_pandas(), design.to_pandas())
    few = design_test(past, arms={"control": 0.1, "spring": 0.9}, drawn=drawn.head(2000))
    assert few.overall["n_users"].iloc[0] == 2000 and "50 users are left out" in " ".join(few.notes)
    with pytest.raises(InputError, match="not planned"):
        design_test(past, arms={"control": 0.1, "autumn": 0.9}, drawn=drawn)
    with pytest.raises(InputError, match="each user's arm"):
        design_test(past, arms=ARMS, drawn=arm)


def test_personas_of_one_and_none_at_all():
    design = design_test(past_of([500, 1]), arms=ARMS)
    assert np.isnan(design.table["detectable"].iloc[1]) and len(design.to_pandas()) == 3
    assert len(design_test(past_of([500]).drop(columns="persona_id"), arms=ARMS).to_pandas()) == 1


def test_bad_input_is_refused():
    with pytest.raises(ParameterError, match="control"):
        design_test(past_of([50]), arms={"a": 0.5, "b": 0.5})
    with pytest.raises(ParameterError, match="effect"):
        design_test(past_of([50]), arms=ARMS, effect=0)
    with pytest.raises(InputError, match="more than once"):
        design_test(past_of([50]).assign(user_id="a"), arms=ARMS)
    with pytest.raises(InputError, match="Nobody's outcome"):
        design_test(past_of([50]).assign(outcome=np.nan), arms=ARMS)
    with pytest.raises(InputError, match="sums to 0"):
        design_test(past_of([50]).assign(outcome_per=0), arms=ARMS)
