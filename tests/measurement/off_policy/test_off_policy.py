import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.measurement.off_policy import (
    check_propensities,
    compare_arms,
    evaluate_policy,
    logged_evidence,
    read_logged_sends,
)
from segtool.measurement.off_policy.estimators import ESTIMATORS
from tests.targeting.fan_studies import days_ago, fan_events, fan_personas, read

RATES = np.array([[0.04, 0.12, 0.02], [0.10, 0.03, 0.05]])  # persona x arm
CHANCES = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])  # by half of the users, keen ones last


def logged(n=12_000, seed=0, keen=1.6):
    """Sends whose chances follow how keen the user is: plain means of the matching sends mislead."""
    rng = np.random.default_rng(seed)
    user = rng.integers(0, n // 12, n)
    persona, half = user % 2, user // 2 % 2
    arm = (rng.random((n, 1)) > np.cumsum(CHANCES, axis=1)[half]).sum(axis=1)
    rate = RATES[persona, arm] * np.where(half == 1, keen, 1 / keen)
    return pd.DataFrame(
        {
            "user_id": [f"u{i}" for i in user],
            "persona_id": persona + 1,
            "persona": np.array(["traders", "jokers"])[persona],
            "arm": np.array(["a", "b", "c"])[arm],
            "propensity": CHANCES[half, arm],
            "outcome": (rng.random(n) < rate).astype(int),
        }
    )


BEST = {1: "b", 2: "a"}
TRUTH = 0.5 * (0.12 + 0.10) * 0.5 * (1.6 + 1 / 1.6)


@pytest.mark.parametrize("method", list(ESTIMATORS))
def test_every_estimator_finds_the_truth(method):
    found = evaluate_policy(logged(), BEST, method=method, confidence=0.99)
    assert found.gate and found.lo < TRUTH < found.hi
    assert found.value == pytest.approx(TRUTH, rel=0.12)


def test_the_plain_mean_of_matching_sends_would_mislead():
    errors = []
    for seed in (1, 2, 3):
        sends = logged(40_000, seed)
        match = sends["arm"] == sends["persona_id"].map(BEST)
        errors.append(
            (sends.loc[match, "outcome"].mean() - TRUTH, evaluate_policy(sends, BEST).value - TRUTH)
        )
    naive, ours = np.mean(errors, axis=0)
    assert abs(naive) > 3 * abs(ours)


def test_values_by_persona_and_what_was_sent():
    found = evaluate_policy(logged(), BEST)
    table = found.table.set_index("persona")
    assert table.loc["traders", "lo"] < 0.12 * 1.11 < table.loc["traders", "hi"]
    assert table["n_matched"].sum() == found.n_matched and (table["covered"] == 1).all()
    assert found.logged == pytest.approx(logged()["outcome"].mean())
    assert "answers per 100 sends" in repr(found)


def test_sums_and_single_sends_give_the_same():
    sends = logged(4000)
    keys = ["user_id", "persona_id", "persona", "arm", "propensity"]
    sums = sends.groupby(keys, as_index=False).agg(n=("outcome", "size"), hits=("outcome", "sum"))
    one, two = evaluate_policy(sends, BEST), evaluate_policy(sums, BEST)
    assert one.value == pytest.approx(two.value) and one.ess == pytest.approx(two.ess)
    assert (one.lo, one.hi) == pytest.approx((two.lo, two.hi), abs=1e-3)


def test_row_order_and_repetition_change_nothing():
    sends = logged(3000)
    one, two = evaluate_policy(sends, BEST), evaluate_policy(sends.sample(frac=1, random_state=1), BEST)
    assert (one.value, one.lo, one.hi) == (two.value, two.lo, two.hi)


def test_mixed_policies_lie_between():
    sends = logged()
    half = evaluate_policy(sends, {1: {"a": 1, "b": 1}, 2: {"a": 1, "b": 1}}).value
    assert evaluate_policy(sends, {1: "a", 2: "b"}).value < half < evaluate_policy(sends, BEST).value


def test_a_log_too_small_is_refused_with_what_would_help():
    found = evaluate_policy(logged(240), BEST, days=10)
    assert not found.gate and np.isnan(found.value)
    assert "cannot answer" in found.reason and "days" in found.reason and "10% of sends" in found.reason
    assert found.explore_sends > 200 / 0.1 and found.explore_days == pytest.approx(found.explore_sends / 24)
    assert 0 <= found.worst_lo < found.worst_hi <= 1


def test_the_exploration_asked_for_does_make_it_answer():
    asked = evaluate_policy(logged(240), BEST).explore_sends
    rng = np.random.default_rng(5)
    passed = 0
    for _ in range(20):
        n = int(asked)
        persona, explored = rng.integers(0, 2, n), rng.random(n) < 0.1
        arm = np.where(explored, rng.integers(0, 3, n), 2)
        sends = pd.DataFrame(
            {
                "user_id": rng.integers(0, n // 8, n).astype(str),
                "persona_id": persona + 1,
                "arm": np.array(["a", "b", "c"])[arm],
                "propensity": np.where(arm == 2, 0.9 + 0.1 / 3, 0.1 / 3),
                "outcome": (rng.random(n) < RATES[persona, arm]).astype(int),
            }
        )
        passed += evaluate_policy(sends, BEST).gate
    assert passed >= 16


def test_an_arm_never_sent_is_bounded_not_guessed():
    found = evaluate_policy(logged(), {1: "b", 2: "never"})
    assert not found.gate and "jokers got 0 such sends" in found.reason
    assert found.worst_hi - found.worst_lo > 0.45  # half of the traffic could be anything
    some = evaluate_policy(logged(), {1: {"b": 0.97, "never": 0.03}, 2: "a"})
    assert some.gate and "never sent" in some.reason
    assert some.worst_lo < some.lo and some.worst_hi > some.hi


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda p: p.where(np.arange(len(p)) % 10 > 0), "1,200 of 12,000 propensities are missing"),
        (lambda p: p.where(np.arange(len(p)) > 2, 0.0), "3 of 12,000 propensities are 0"),
        (lambda p: p * 100, "look like percent"),
        (lambda p: p.where(np.arange(len(p)) > 2, 1.5), "a chance is at most 1"),
        (lambda p: p * 0 + 1.0, "nothing was drawn"),
        (lambda p: p * 0 + 0.5, "equal chances would be 0.333"),
    ],
)
def test_unusable_propensities_are_refused_with_counts(spoil, says):
    sends = logged()
    sends["propensity"] = spoil(sends["propensity"])
    with pytest.raises(InputError, match=says):
        evaluate_policy(sends, BEST)
    assert says in check_propensities(sends).reason
    evidence = logged_evidence(sends)
    assert evidence.empty and says in evidence.attrs["reason"]


def test_a_log_of_one_arm_is_refused():
    with pytest.raises(InputError, match="same arm"):
        evaluate_policy(logged().assign(arm="a"), "a")


def test_propensities_that_disagree_with_what_was_sent_are_told():
    sends = logged()
    assert check_propensities(sends).agrees
    wrong = sends.assign(propensity=sends["arm"].map({"a": 0.2, "b": 0.4, "c": 0.4}))
    check = check_propensities(wrong)
    assert check.usable and not check.agrees and "promise" in check.reason
    found = evaluate_policy(wrong, BEST)
    assert not found.gate and "promise" in found.reason
    # An arm that only the first half of the users could get says nothing of the others.
    sends["propensity"] = sends["propensity"].where(sends["arm"] != "b", 0.9)
    assert "could not be sent to all of traders" in evaluate_policy(sends, BEST).reason


def test_an_even_split_with_one_constant_chance_is_a_test_and_fine():
    rng = np.random.default_rng(0)
    sends = logged().assign(arm=rng.choice(["a", "b"], 12_000), propensity=0.5)
    assert check_propensities(sends).agrees
    assert evaluate_policy(sends, "a").gate


def test_bad_policies_and_outcomes_are_named():
    with pytest.raises(InputError, match="nothing of persona 2"):
        evaluate_policy(logged(), {1: "a"})
    with pytest.raises(InputError, match="no shares"):
        evaluate_policy(logged(), {1: {"a": -1}, 2: "a"})
    with pytest.raises(InputError, match="neither 0 nor 1"):
        evaluate_policy(logged().assign(outcome=3), BEST)
    with pytest.raises(InputError, match="no column 'propensity'"):
        evaluate_policy(logged().drop(columns="propensity"), BEST)


def test_arms_are_compared_with_what_was_sent():
    table = compare_arms(logged()).set_index(["persona", "arm"])
    assert set(table.index[table["better"]]) == {("traders", "b"), ("jokers", "a")}
    row = table.loc[("traders", "b")]
    assert row["gain"] == pytest.approx(row["value"] - row["logged"], abs=0.005)
    assert row["q"] >= row["p"]


def test_evidence_is_logged_only_where_an_arm_is_surely_better():
    evidence = logged_evidence(logged())
    sure = evidence[evidence["verdict"] == "supported by logged propensities"]
    assert set(zip(sure["persona_id"], sure["advice"], strict=True)) == {(1, "b"), (2, "a")}
    assert (evidence["aspect"] == "arm").all() and sure["reason"].str.contains("users\\)").all()


def test_where_all_arms_are_alike_hardly_anything_is_supported():
    false = 0
    for seed in range(12):
        sends = logged(2500, seed)
        rng = np.random.default_rng(seed)
        sends["outcome"] = (rng.random(len(sends)) < 0.08).astype(int)
        false += compare_arms(sends)["better"].any()
    assert false <= 3  # at 5 % each, more than 3 of 12 has a chance of 1 in 500


def test_sends_of_a_study_are_read_with_their_chances():
    sends = logged(2400).reset_index()
    sent = days_ago(sends["index"] % 40 + 3, 12)
    table = pd.DataFrame(
        {
            "send_id": "s" + sends["index"].astype(str),
            "user_id": "u" + (sends["index"] % 40).astype(str).str.zfill(2),
            "sent_at": sent,
            "topic": sends["arm"],
            "arm": sends["arm"],
            "propensity": sends["propensity"],
            "responded_at": pd.Series(sent + pd.Timedelta(minutes=3)).where(sends["outcome"] == 1),
        }
    )
    log = read_logged_sends(read(events=fan_events(), sends=table), fan_personas())
    assert log["n"].sum() == 2400 and log["hits"].sum() == sends["outcome"].sum()
    assert log.attrs["arms_are"] == "topic" and log.attrs["outcome"] == "responded"
    assert log.attrs["days"] == pytest.approx(39)
    with pytest.raises(InputError, match="hold no propensity"):
        read_logged_sends(read(events=fan_events(), sends=table.drop(columns="propensity")), fan_personas())
    other = table.assign(arm="x")
    with pytest.raises(InputError, match="not of their topic"):
        read_logged_sends(read(events=fan_events(), sends=other), fan_personas(), arm="topic")
