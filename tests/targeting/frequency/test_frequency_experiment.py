"""The experiment: who gets how many, the same every time, and whether it can tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError, ParameterError
from segtool.targeting import TargetingSettings
from segtool.targeting.frequency.experiment import design_frequency_experiment, users_per_arm
from tests.targeting.fan_studies import fan_personas, fan_sends
from tests.targeting.outreach_plans import usual

USERS = [f"u{i:05d}" for i in range(3000)]


def arms(users=USERS, **more):
    return design_frequency_experiment(users, **more).table.set_index("user_id")["arm"]


def test_a_user_is_drawn_to_the_same_arm_whoever_else_is_there():
    every = arms()
    assert every.equals(arms(list(reversed(USERS))))
    assert every[USERS[:50]].equals(arms(USERS[:50]))
    assert (every != arms(salt="another")).mean() > 0.5
    assert every.value_counts().between(900, 1100).all() and set(every) == {1, 2, 4}


def test_arms_stay_within_the_caps():
    assert set(arms(channel="email")) == {1, 2}
    design = design_frequency_experiment(USERS, channel="service_account")
    assert design.arms == (0.25, 0.5, 1.0) and "the cap is 1 a week" in " ".join(design.notes)
    assert set(arms(settings=TargetingSettings(weekly_cap_all=3))) == {1, 2}


def test_mail_takes_longer_to_settle():
    assert design_frequency_experiment(USERS, channel="email").settle_weeks == 2
    assert design_frequency_experiment(USERS, channel="app_push").weeks == 5


def test_power_is_what_simulated_experiments_find():
    n = users_per_arm(0.1)
    design = design_frequency_experiment([f"u{i}" for i in range(3 * n)], answer_rate=0.1)
    promised = design.sizes.query("persona == 'everyone'")["power"].iloc[0]
    generator, seen = np.random.default_rng(0), 0
    for _ in range(400):
        rates = []
        for n_sends, rate in ((4, 0.1), (16, 0.08)):
            own = generator.beta(9 * rate, 9 * (1 - rate), size=n)  # similarity 1 / (9 + 1)
            rates.append(generator.binomial(n_sends, own) / n_sends)
        gap = rates[0].mean() - rates[1].mean()
        seen += abs(gap) > 1.96 * np.sqrt(sum(rate.var() / n for rate in rates))
    assert promised == pytest.approx(0.8, abs=0.04) and seen / 400 == pytest.approx(promised, abs=0.06)


def test_personas_too_small_for_an_answer_are_named():
    personas = pd.Series(["many"] * 2990 + ["few"] * 10, index=USERS)
    design = design_frequency_experiment(USERS, personas)
    assert any("in few: too few users" in note for note in design.notes)
    sizes = design.sizes.set_index(["persona", "arm"])
    assert sizes.loc["many", "power"].min() > 0.8 > sizes.loc["few", "power"].max()
    assert np.isnan(sizes.loc[("few", 1), "smallest_effect"])


def test_of_a_study_it_leaves_out_who_closed_the_channel():
    sources = usual()
    left = {user for user, own in fan_sends().groupby("user_id") if own["unsubscribed_at"].notna().any()}
    table = design_frequency_experiment(sources, fan_personas(), channel="app_push", leave_out=["u05"]).table
    assert set(table["user_id"]) == {f"u{i:02d}" for i in range(40)} - left - {"u05"}
    assert set(table["persona"]) == {"traders", "jokers"}
    assert len(design_frequency_experiment(sources, channel="email").table) == 40


def test_it_writes_a_file_and_shows_itself(tmp_path):
    design = design_frequency_experiment(USERS)
    design.table.to_csv(tmp_path / "arms.csv", index=False)
    again = pd.read_csv(tmp_path / "arms.csv", dtype={"user_id": str}, keep_default_na=False)
    assert again["user_id"].tolist() == USERS and again["arm"].tolist() == design.table["arm"].tolist()
    assert "3,000 users drawn to 1, 2, 4 sends a week" in repr(design)
    assert "as drawn" in design.analysis and "responded_at" in design.log


def test_refusals_say_why():
    with pytest.raises(InputError, match="nobody to draw"):
        design_frequency_experiment([])
    with pytest.raises(ParameterError, match="at least two different numbers"):
        design_frequency_experiment(USERS, arms=(2, 2))
    with pytest.raises(ParameterError, match="answer_rate"):
        design_frequency_experiment(USERS, answer_rate=1.5)
