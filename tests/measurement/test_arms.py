"""Arms: who gets what, the same in every process, and never the universal holdout."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest

from segtool.errors import InputError, ParameterError
from segtool.measurement import assign_arms, assign_holdout

USERS = [f"u{i:05d}" for i in range(10_000)]
SHARES = {"control": 0.1, "a": 0.45, "b": 0.45}


def test_shares_are_kept_within_chance():
    shares = assign_arms(USERS, arms=SHARES, salt="spring").value_counts(normalize=True)
    assert shares.to_dict() == pytest.approx(SHARES, abs=0.02)


def test_the_universal_holdout_is_in_no_campaign_and_thins_every_arm_alike():
    universal = assign_holdout(USERS, share=0.2, salt="house")
    for salt in ("spring", "autumn"):
        arms = assign_arms(USERS, arms=SHARES, salt=salt, holdout=universal)
        assert (arms[universal] == "holdout").all() and (arms[~universal] != "holdout").all()
        shares = arms[~universal].value_counts(normalize=True)
        assert shares.to_dict() == pytest.approx(SHARES, abs=0.02)


def test_a_user_keeps_the_arm_whoever_else_is_there():
    whole = assign_arms(USERS, arms=SHARES, salt="spring")
    some = USERS[5000:100:-7]
    assert whole[some].tolist() == assign_arms(some, arms=SHARES, salt="spring").tolist()


def test_a_first_arm_that_grows_keeps_its_users():
    small = assign_arms(USERS, arms={"new": 0.1, "control": 0.1}, salt="ramp")
    large = assign_arms(USERS, arms={"new": 0.4, "control": 0.1}, salt="ramp")
    assert (large[small == "new"] == "new").all() and small.isna().mean() > 0.7


def test_the_same_in_another_process():
    call = "assign_arms(['u1', 'é', '007'], arms={'x': 0.5, 'y': 0.5}, salt='s')"
    code = f"from segtool.measurement import assign_arms; print(*{call})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == assign_arms(["u1", "é", "007"], arms={"x": 0.5, "y": 0.5}, salt="s").tolist()


def test_nobody_falls_out_by_rounding():
    shares = {f"arm{i}": 0.1 for i in range(10)}
    assert sum(shares.values()) < 1 and assign_arms(USERS, arms=shares, salt="s").notna().all()


def test_one_salt_for_both_is_refused():
    universal = assign_holdout(USERS, share=0.05, salt="spring")
    with pytest.raises(ParameterError, match="drawn with this salt"):
        assign_arms(USERS, arms=SHARES, salt="spring", holdout=universal)


@pytest.mark.parametrize(
    ("arms", "words"),
    [
        ({"control": 1.0}, "One arm alone"),
        ({"control": 0.6, "a": 0.6}, "sum to 1.2"),
        ({"control": 0, "a": 1}, "share of arm"),
        ({"holdout": 0.5, "a": 0.5}, "named 'holdout'"),
    ],
)
def test_arms_that_are_none_are_refused(arms, words):
    with pytest.raises(ParameterError, match=words):
        assign_arms(USERS, arms=arms, salt="s")


def test_users_named_twice_and_holdouts_that_are_no_series_are_refused():
    with pytest.raises(InputError, match="more than once"):
        assign_arms(["a", "a"], arms=SHARES, salt="s")
    with pytest.raises(InputError, match="holdout"):
        assign_arms(USERS, arms=SHARES, salt="s", holdout=[True] * len(USERS))
    with pytest.raises(InputError, match="holdout"):
        assign_arms(USERS, arms=SHARES, salt="s", holdout=pd.Series([True, False], index=["u1", "u1"]))
