"""The holdout: who is left alone."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.errors import InputError, ParameterError
from segtool.measurement import assign_holdout

USERS = [f"u{i:06d}" for i in range(20_000)]


@pytest.mark.parametrize(
    ("salt", "user_id", "place"),
    [
        ("spring", "u1", 0.43883),
        ("spring", "u2", 0.90650),
        ("2026-07", "小明", 0.32578),
        ("2026-07", "0042", 0.95810),
    ],
)
def test_known_places_never_move(salt, user_id, place):
    assert assign_holdout([user_id], share=place + 0.0001, salt=salt).item()
    assert not assign_holdout([user_id], share=place, salt=salt).item()


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
def test_share_is_kept_within_chance(share):
    held = assign_holdout(USERS, share=share, salt="a").mean()
    assert abs(held - share) < 4 * np.sqrt(share * (1 - share) / len(USERS))


def test_salts_are_independent_and_shares_are_nested():
    first, second = (assign_holdout(USERS, share=0.3, salt=salt) for salt in ("a", "b"))
    assert abs((first & second).mean() - 0.09) < 0.01
    larger = assign_holdout(USERS, share=0.5, salt="a")
    assert larger[first].all()


@given(st.lists(st.text(min_size=1), unique=True, min_size=1, max_size=20), st.randoms())
def test_place_does_not_depend_on_company_or_order(users, random):
    shuffled = random.sample(users, len(users))
    whole = assign_holdout(users, share=0.5, salt="s")
    assert whole.loc[shuffled].tolist() == assign_holdout(shuffled, share=0.5, salt="s").tolist()


def test_same_in_another_process():
    call = "assign_holdout(['u1', 'é', '007'], share=0.5, salt='x')"
    code = f"from segtool.measurement import assign_holdout; print(*{call})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = assign_holdout(["u1", "é", "007"], share=0.5, salt="x")
    assert run.stdout.split() == [str(held) for held in here]


def test_duckdb_assigns_the_same():
    import duckdb

    place = "('0x' || substr(sha256('s' || ':' || user_id), 1, 15))::BIGINT / 2.0^60 < 0.3"
    users = pd.DataFrame({"user_id": USERS[:500]})
    there = duckdb.sql(f"SELECT {place} AS held FROM users").df()["held"]
    assert there.tolist() == assign_holdout(users["user_id"], share=0.3, salt="s").tolist()


def test_ends_of_the_share_and_whole_numbers():
    assert not assign_holdout(USERS[:50], share=0, salt="a").any()
    assert assign_holdout(USERS[:50], share=1, salt="a").all()
    assert assign_holdout([], share=0.1, salt="a").empty
    assert (
        assign_holdout([7], share=0.5, salt="a").tolist()
        == assign_holdout(["7"], share=0.5, salt="a").tolist()
    )


@pytest.mark.parametrize("users", [[7.0], [None], ["a", float("nan")], [True]])
def test_ids_that_would_hash_apart_are_refused(users):
    with pytest.raises(InputError, match="neither text nor whole numbers"):
        assign_holdout(users, share=0.5, salt="a")


def test_bad_parameters_are_refused():
    with pytest.raises(ParameterError, match=r"share is 1\.5"):
        assign_holdout(USERS, share=1.5, salt="a")
    with pytest.raises(ParameterError, match="salt"):
        assign_holdout(USERS, share=0.5, salt="")
