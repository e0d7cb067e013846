"""Lift: everyone first, then whether personas differ, then personas; and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from segtool.errors import InputError, ParameterError
from segtool.measurement import measure_lift, proof_table
from segtool.measurement.judge import _say
from tests.measurement.lift_worlds import make_outcomes

EXPECTED = {"control": 0.3, "spring": 0.7}


@pytest.fixture(scope="module")
def alike():
    return measure_lift(make_outcomes(), expected=EXPECTED)


@pytest.fixture(scope="module")
def unlike():
    return measure_lift(make_outcomes(16_000, (0.12, 0.0, 0.0, -0.08)), expected=EXPECTED)


def test_where_personas_are_alike_everyone_is_told_and_the_same_is_sent_to_all(alike):
    assert alike.overall["verdict"].tolist() == ["proved by test"]
    assert alike.heterogeneity["says"].iloc[0].startswith("no sign that the personas differ")
    assert set(alike.table["verdict"]) == {"proved by test"}
    assert alike.policy.verdict == "send the same to everyone (spring)"
    assert alike.headline().startswith("Spring: proved by test; ")


def test_where_they_differ_each_is_told_apart(unlike):
    assert "the personas differ" in unlike.heterogeneity["says"].iloc[0]
    assert unlike.table["verdict"].tolist() == [
        "proved by test",
        "no effect found",
        "no effect found",
        "harm",
    ]
    assert unlike.policy.verdict == "send by persona"
    assert unlike.policy.choices["arm"].iloc[[0, 3]].tolist() == ["spring", "control"]
    assert unlike.policy.gain_lo > 0


def test_everyones_estimate_is_the_plain_difference_of_means(alike):
    table = make_outcomes()
    means = table.groupby("arm")["outcome"].mean()
    assert alike.overall["raw"].iloc[0] == pytest.approx(means["spring"] - means["control"])
    assert alike.overall["n_control"].iloc[0] == (table["arm"] == "control").sum()


def test_effects_are_drawn_towards_each_other_and_the_best_most(alike):
    table = alike.table
    assert table["estimate"].std() < table["raw"].std()
    best = alike.best.iloc[0]
    assert best["raw"] == table["raw"].max() and best["overstated"] > 0


def test_q_is_benjamini_and_hochbergs_over_personas_and_metrics():
    outcomes = make_outcomes().assign(other=lambda t: np.random.default_rng(1).random(len(t)))
    lift = measure_lift(outcomes, outcome=["outcome", "other"])
    further = lift.overall["metric"] == "other"
    p = np.concatenate([lift.overall.loc[further, "p"], lift.table["p"]])
    q = multipletests(p, method="fdr_bh")[1]
    assert np.concatenate([lift.overall.loc[further, "q"], lift.table["q"]]) == pytest.approx(q)
    assert lift.overall.loc[~further, "q"].isna().all() and "primary" in " ".join(lift.notes)


def test_nothing_found_says_the_smallest_effect_that_would_have_been():
    lift = measure_lift(make_outcomes(600, (0.0, 0.0)), expected=EXPECTED)
    row = lift.overall.iloc[0]
    assert (
        row["verdict"] == "no effect found"
        and f"{100 * row['smallest']:.1f} percentage points" in row["reason"]
    )
    assert lift.policy.verdict == "nothing beats sending to nobody for sure"


def test_false_claims_are_rare_where_there_is_nothing():
    claims = 0
    for seed in range(20):
        lift = measure_lift(make_outcomes(1000, (0.0,) * 6, seed=seed), expected=EXPECTED)
        claims += lift.to_pandas()["verdict"].isin(["proved by test", "harm"]).any()
    assert claims <= 3  # 5 % of 20 is 1; 4 or more come by chance in 1 of 60


def test_covariates_narrow_and_gaps_in_them_are_filled():
    outcomes = make_outcomes(6000)
    outcomes["outcome"] = outcomes["activity"] + np.random.default_rng(2).normal(0, 0.2, len(outcomes))
    plain = measure_lift(outcomes).overall.iloc[0]
    adjusted = measure_lift(outcomes, covariates="activity").overall.iloc[0]
    outcomes.loc[::10, "activity"] = np.nan
    gaps = measure_lift(outcomes, covariates="activity").overall.iloc[0]
    width = [row["hi"] - row["lo"] for row in (plain, adjusted, gaps)]
    assert width[1] < 0.5 * width[0] and width[1] < width[2] < width[0]


def test_columns_named_after_the_metric_are_used_by_themselves():
    outcomes = make_outcomes().rename(columns={"outcome": "bought", "activity": "bought_before"})
    named = measure_lift(outcomes, outcome="bought").overall
    said = measure_lift(outcomes, outcome="bought", covariates=["bought_before"]).overall
    pd.testing.assert_frame_equal(named, said)
    assert measure_lift(outcomes, outcome="bought", covariates=()).overall["p"].iloc[0] != named["p"].iloc[0]


def test_a_ratio_is_compared_by_user():
    rng = np.random.default_rng(4)
    outcomes = make_outcomes()
    outcomes["sends"] = rng.poisson(4, len(outcomes))
    rate = np.where(outcomes["arm"] == "spring", 0.3, 0.2)
    outcomes["outcome"] = rng.binomial(outcomes["sends"], rate)
    lift = measure_lift(outcomes, denominator="sends", expected=EXPECTED)
    row = lift.overall.iloc[0]
    assert (row["rate_control"], row["raw"]) == pytest.approx((0.2, 0.1), abs=0.02)
    assert row["verdict"] == "proved by test" and lift.policy is None
    assert "Policies are not compared on a ratio" in " ".join(lift.notes)


def test_order_of_rows_does_not_matter(alike):
    shuffled = measure_lift(make_outcomes().sample(frac=1, random_state=3), expected=EXPECTED)
    pd.testing.assert_frame_equal(shuffled.to_pandas(), alike.to_pandas())
    pd.testing.assert_frame_equal(shuffled.policy.table, alike.policy.table)


def test_looking_at_any_time_costs_width():
    once, any_day = (
        measure_lift(make_outcomes(), always_valid=v, planned_users=16_000) for v in (False, True)
    )
    for name in ("overall", "table"):
        narrow, wide = getattr(once, name), getattr(any_day, name)
        assert (wide["raw_hi"] - wide["raw_lo"] > 1.3 * (narrow["raw_hi"] - narrow["raw_lo"])).all()
        assert (wide["p"] >= narrow["p"]).all()
    assert "1.7 times the users" in " ".join(any_day.notes)


def test_several_arms_share_the_first_question():
    outcomes = make_outcomes(12_000)
    half = outcomes["user_id"].str[-1].astype(int) % 2 == 0
    outcomes.loc[(outcomes["arm"] == "spring") & half, "arm"] = "autumn"
    lift = measure_lift(outcomes)
    assert lift.overall["arm"].tolist() == ["autumn", "spring"] and len(lift.table) == 8
    assert list(lift.policy.table["policy"]) == [
        "nobody", "all autumn", "all spring", "the same to everyone", "chosen by persona",
    ]  # fmt: skip


def test_costs_turn_a_gain_into_none():
    lift = measure_lift(make_outcomes(), expected=EXPECTED, cost=0.05)
    assert lift.policy.verdict == "nothing beats sending to nobody for sure"


def test_sample_ratio_mismatch_stops_everything():
    lift = measure_lift(make_outcomes(), expected={"control": 0.5, "spring": 0.5})
    assert set(lift.to_pandas()["verdict"]) == {"not tested"} and lift.policy is None
    assert lift.headline().startswith("Stop:")
    assert set(proof_table(lift, "topic", "fitness")["verdict"]) == {"not tested"}


def test_missing_outcomes_are_not_zeros_and_lopsided_ones_stop():
    outcomes = make_outcomes()
    outcomes.loc[outcomes.index % 20 == 0, "outcome"] = np.nan
    lift = measure_lift(outcomes, expected=EXPECTED)
    assert lift.overall["n_control"].iloc[0] < (outcomes["arm"] == "control").sum()
    assert "400 users is not known" in " ".join(lift.notes)
    outcomes.loc[(outcomes["arm"] == "spring") & (outcomes.index % 5 == 0), "outcome"] = np.nan
    lopsided = measure_lift(outcomes, expected=EXPECTED)
    assert set(lopsided.overall["verdict"]) == {"not tested"}
    assert "one arm lost more users" in lopsided.overall["reason"].iloc[0]


def test_who_opted_out_before_is_left_out_of_both_arms_and_control_that_was_sent_to_stays():
    outcomes = make_outcomes()
    outcomes["opted_out"] = outcomes.index % 50 == 0
    outcomes["sent"] = np.where(outcomes["arm"] == "control", outcomes.index % 10 == 1, 3)
    lift = measure_lift(outcomes, expected=EXPECTED)
    notes = " ".join(lift.notes)
    kept = outcomes[~outcomes["opted_out"]]
    assert lift.overall["n_control"].iloc[0] == (kept["arm"] == "control").sum()
    assert "160 users had opted out" in notes and "users in control were sent to all the same" in notes
    assert "the effect is diluted" in notes and "larger" not in notes
    assert lift.overall["verdict"].iloc[0] == "proved by test" and lift.policy is not None


@pytest.mark.parametrize(
    ("in_control", "in_spring", "words"),
    [(0.92, 0.95, "control was sent to"), (0.3, 0.7, "control was sent to"), (0.0, 0.02, "hardly anybody")],
)
def test_a_control_that_was_sent_to_is_none(in_control, in_spring, words):
    outcomes = make_outcomes(16_000, (0.12, 0.0, 0.0, -0.08))
    share = np.where(outcomes["arm"] == "control", in_control, in_spring)
    outcomes["sent"] = (np.random.default_rng(7).random(len(outcomes)) < share) * 3
    lift = measure_lift(outcomes, expected=EXPECTED)
    assert set(lift.to_pandas()["verdict"]) == {"not tested"} and lift.policy is None
    assert lift.table["reason"].str.contains(words).all()
    assert lift.heterogeneity["says"].iloc[0].startswith("not read")
    assert words in lift.headline() and lift.headline().startswith("Stop:")
    assert set(proof_table(lift, "topic", "fitness")["verdict"]) == {"not tested"}


@pytest.mark.parametrize("sent", [np.nan, None, 0.7])
def test_a_clean_control_or_sends_that_are_not_known_stop_nothing(sent):
    outcomes = make_outcomes()
    if sent is not None:
        reached = np.random.default_rng(7).random(len(outcomes)) < sent if sent == sent else np.nan
        outcomes["sent"] = np.where(outcomes["arm"] == "control", sent * 0, reached)
    lift = measure_lift(outcomes, expected=EXPECTED)
    notes = " ".join(lift.notes)
    assert lift.overall["verdict"].iloc[0] == "proved by test" and not lift.stopped
    assert ("diluted" in notes) == (sent == 0.7) and ("is not known of enough users" in notes) == (
        sent != sent
    )


def _with_effect(seed: int, everyone: float, first: float) -> pd.DataFrame:
    table = make_outcomes(1500, (everyone + first, *[everyone] * 3), base=0.25, seed=seed)
    return table.assign(other=np.random.default_rng(seed).random(len(table)))


def test_the_smallest_effect_is_found_four_times_in_five():
    def read(everyone=0.0, first=0.0, seed=0):
        return measure_lift(_with_effect(seed, everyone, first), outcome=["outcome", "other"], covariates=())

    plain = read()
    overall, own = plain.overall["smallest"].iloc[0], plain.table["smallest"].iloc[0]
    runs = range(21, 41)
    found = sum(read(everyone=overall, seed=n).overall["verdict"].iloc[0] == "proved by test" for n in runs)
    alone = sum(read(first=own, seed=n).table["verdict"].iloc[0] == "proved by test" for n in runs)
    assert found >= 14 and alone >= 14  # of 20; over 160 runs 79 % and 90 % of them


def test_looking_early_says_nothing_of_what_is_read_once():
    outcomes = make_outcomes(16_000, (0.12, 0.0, 0.0, -0.08))
    early, end = (
        measure_lift(outcomes, expected=EXPECTED, always_valid=True, planned_users=n)
        for n in (30_000, 16_000)
    )
    assert (
        early.heterogeneity["says"].iloc[0].endswith("read once, at the planned end") and early.policy is None
    )
    assert "the personas differ" in end.heterogeneity["says"].iloc[0] and end.policy is not None
    assert early.table["verdict"].iloc[0] == "proved by test"  # its own, which holds at any look
    notes = " ".join(early.notes)
    assert "Read at any look" in notes and "Policies are compared once" in notes
    once = measure_lift(outcomes, expected=EXPECTED)
    assert (end.to_pandas()["smallest"] > 1.1 * once.to_pandas()["smallest"]).all()
    alike = make_outcomes(4000)
    carried = measure_lift(alike).table
    alone = measure_lift(alike, always_valid=True).table
    assert carried["reason"].str.contains("proved on everyone").any()
    assert not alone["reason"].str.contains("proved on everyone").any()


def test_an_interval_without_0_that_proves_nothing_says_why():
    row = {
        "n_treated": 90, "n_control": 50, "p": 0.04, "q": 0.35, "estimate": 0.03, "lo": 0.012, "hi": 0.05,
        "smallest": 0.1, "rate": True, "n_compared": 17,
    }  # fmt: skip
    verdict, reason = _say(row, False, "q", 0.02, "")
    assert verdict == "no effect found"
    assert reason.startswith(
        "the interval leaves out 0, but not after 17 comparisons (q = 0.35); the smallest"
    )
    assert "p has to be below 0.025 (p = 0.04)" in _say(row, False, "p", 0.025, "")[1]
    assert _say(row | {"lo": -0.01}, False, "q", 0.02, "")[1].startswith("the smallest effect")
    sure = _say(row, True, "q", 0.02, "")[1]
    assert sure.startswith("3.0 percentage points more than control, between 1.2 and 5.0, q = 0.35 (90 users")
    harm = _say(row | {"rate": False, "estimate": -1234.5, "lo": -2000.0, "hi": -30.16}, True, "q", 0.02, "")[
        1
    ]
    assert harm.startswith("1,234 less than control, between 30.2 and 2,000")


def test_the_universal_holdout_is_no_arm():
    outcomes = make_outcomes()
    outcomes.loc[outcomes.index % 10 == 0, "arm"] = "holdout"
    assert measure_lift(outcomes, expected=EXPECTED).overall["arm"].tolist() == ["spring"]


def test_the_universal_holdout_may_be_the_control():
    outcomes = make_outcomes().replace({"arm": {"control": "holdout"}})
    outcomes.loc[outcomes.index % 2 == 0, "arm"] = outcomes["arm"].replace("spring", "autumn")
    lift = measure_lift(outcomes, control="holdout")
    assert lift.overall["arm"].tolist() == ["autumn", "spring"]
    assert lift.overall["verdict"].tolist() == ["proved by test"] * 2


def test_personas_of_one_have_what_is_known_of_the_others():
    outcomes = make_outcomes()
    outcomes.loc[0, ["persona_id", "persona"]] = [9, "the hermit"]
    row = measure_lift(outcomes, expected=EXPECTED).table.set_index("persona_id").loc[9]
    assert np.isnan(row["raw"]) and 0.02 < row["estimate"] < 0.08
    assert row["lo"] < row["estimate"] < row["hi"] and row["verdict"] in ("proved by test", "not tested")


@pytest.mark.parametrize("constant", [0.0, 1.0])
def test_where_everybody_did_the_same_nothing_is_found(constant):
    lift = measure_lift(make_outcomes().assign(outcome=constant), expected=EXPECTED)
    assert set(lift.to_pandas()["verdict"]) == {"no effect found"}
    assert "had the same outcome" in lift.overall["reason"].iloc[0]
    assert lift._repr_html_() and lift.headline()


def test_without_personas_everyone_is_measured():
    lift = measure_lift(make_outcomes().drop(columns=["persona_id", "persona"]), expected=EXPECTED)
    assert lift.table.empty and lift.policy is None and len(lift.to_pandas()) == 1
    with pytest.raises(InputError, match="not read by persona"):
        proof_table(lift, "topic", "fitness")


def test_personas_may_be_given_apart_and_some_users_have_none():
    outcomes = make_outcomes()
    personas = outcomes[["user_id", "persona_id", "persona"]].iloc[:6000]
    lift = measure_lift(outcomes.drop(columns=["persona_id", "persona"]), personas=personas)
    assert "2,000 users are in no persona" in " ".join(lift.notes)
    assert lift.table["n_treated"].sum() < lift.overall["n_treated"].iloc[0]


def test_personas_may_have_names_only():
    outcomes = make_outcomes().drop(columns="persona_id")
    table = measure_lift(outcomes, expected=EXPECTED).table
    assert table["persona"].tolist() == ["cooks", "makers", "others", "readers"]
    text = outcomes.rename(columns={"persona": "persona_id"})
    assert measure_lift(text, expected=EXPECTED).table["persona"].tolist() == table["persona"].tolist()


def test_proofs_are_rows_for_the_plan(unlike):
    proof = proof_table(unlike, "topic", "fitness")
    assert list(proof.columns) == [
        "persona_id", "persona", "aspect", "advice", "estimate", "unit", "lo", "hi", "n_users", "verdict", "reason",
    ]  # fmt: skip
    assert proof["verdict"].iloc[0] == "proved by test" and proof["lo"].iloc[0] > 0
    assert proof["n_users"].sum() == 16_000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t[t["arm"] == "spring"], "No user is in the control arm"),
        (lambda t: t[t["arm"] == "control"], "one arm only"),
        (
            lambda t: pd.concat([t, t.head(3).assign(arm="autumn")]),
            "3 of 8,000 users are in more than one arm",
        ),
        (lambda t: pd.concat([t, t.head(3)]), "3 rows name a user again"),
        (lambda t: t.drop(columns="outcome"), "no column 'outcome'"),
        (lambda t: t.assign(outcome="much"), "no numbers"),
        (lambda t: t.assign(outcome=np.inf), "infinite"),
        (lambda t: t.assign(outcome=np.nan), "Nobody's outcome is known"),
        (lambda t: t.assign(user_id=t["user_id"].where(t.index > 4)), "5 rows name no user"),
        (lambda t: t.iloc[:0], "No user is in the control arm"),
    ],
)
def test_tables_that_cannot_tell_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        measure_lift(change(make_outcomes()))


def test_bad_arguments_are_refused():
    outcomes = make_outcomes(200)
    with pytest.raises(ParameterError, match="alpha"):
        measure_lift(outcomes, alpha=0)
    with pytest.raises(ParameterError, match="denominator"):
        measure_lift(outcomes, denominator={"spend": "activity"})
    with pytest.raises(ParameterError, match="outcome"):
        measure_lift(outcomes, outcome=[])
    with pytest.raises(InputError, match="not expected"):
        measure_lift(outcomes, expected={"control": 0.5, "autumn": 0.5})
