"""A roster that cannot be used says why."""

from __future__ import annotations

import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.study.roster import read_roster

SMALL = pd.DataFrame({"user_id": ["a", "b"], "persona_id": [1, 2], "persona": "x", "holdout": [True, False]})


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (SMALL.drop(columns="holdout"), "no column 'holdout'"),
        (SMALL.assign(holdout=["true", "perhaps"]), "of 1 of 2 users"),
        (SMALL.assign(user_id="a"), "more than once"),
        (SMALL.assign(user_id=["a", None]), "name no user"),
        (SMALL.assign(persona_id=["1", "tea"]), "no whole number in 1 of 2"),
        (SMALL.assign(persona_id=[1.5, 2]), "no whole number in 1 of 2"),
        ("no/such/personas.csv", "no such file"),
        (".", "cannot be read"),
    ],
)
def test_a_roster_that_cannot_be_used_says_why(table, says):
    with pytest.raises(InputError, match=says):
        read_roster(table)


def test_a_roster_of_text_reads_like_one_of_values():
    read = read_roster(SMALL.astype(str).assign(persona_id=["1.0", ""]))
    assert read["persona_id"].isna().tolist() == [False, True] and read["persona_id"].iloc[0] == 1
    assert read["holdout"].tolist() == [True, False] and read["persona"].isna().tolist() == [False, True]
