"""What changed leaves without counting anybody."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool.labels import Labels
from segtool.labels.change import compare_labels
from segtool.outputs import list_drift, list_moves

LEVELS = ["low", "average", "high"]


def change(before, after):
    def labels(values):
        frame = pd.DataFrame({"level": pd.Categorical(values, LEVELS, ordered=True)})
        frame.index = [f"u{number}" for number in range(len(frame))]
        return Labels.from_frame(frame)

    return compare_labels(labels(before), labels(after))


PAIRS = st.lists(st.tuples(*[st.sampled_from([*LEVELS, None])] * 2), min_size=1, max_size=60)


@given(PAIRS)
@settings(max_examples=20, deadline=None)
def test_no_count_of_few_users_leaves(pairs):
    moves = list_moves(change(*zip(*pairs, strict=True)), min_cell=5)
    assert not moves["n_users"].between(1, 4).fillna(False).any()
    assert not moves["n_sure"].between(1, 4).fillna(False).any()
    assert moves.loc[moves["n_users"].isna(), "share"].isna().all()


def test_one_small_cell_cannot_be_worked_out_from_totals():
    moves = list_moves(change(["low"] * 30 + ["high"] * 30, ["low"] * 28 + ["high"] * 32), min_cell=5)
    assert moves["n_users"].isna().sum() >= 2


def test_large_counts_are_shown():
    moves = list_moves(change(["low"] * 30 + ["high"] * 30, ["high"] * 15 + ["low"] * 30 + ["high"] * 15), 5)
    assert moves["n_users"].tolist() == [15, 15, 15, 15]


def test_drift_says_nothing_of_few_users():
    few = list_drift(change(["low"] * 3 + [None] * 60, ["high"] * 40 + ["low"] * 23), 5).iloc[0]
    assert pd.isna(few["n_known_before"]) and pd.isna(few["drift"]) and pd.isna(few["difference"])
    many = list_drift(change(["low"] * 40 + ["high"] * 23, ["high"] * 40 + ["low"] * 23), 5).iloc[0]
    assert many["n_known_before"] == 63 and np.isfinite(many["difference"])


@pytest.mark.parametrize("is_turned", [False, True])
def test_drift_does_not_tell_that_all_but_few_have_a_value(is_turned):
    days = [["low"] * 20 + ["average"] * 20 + ["high"] * 20, ["low"] * 58 + ["high"] * 2]
    row = list_drift(change(*(days[::-1] if is_turned else days)), 5).iloc[0]
    assert row[["largest", "difference", "low", "high"]].isna().all()
    days[1] = ["low"] * 55 + ["high"] * 5
    row = list_drift(change(*(days[::-1] if is_turned else days)), 5).iloc[0]
    assert row["largest"] == "low" and np.isfinite(row["difference"])


@pytest.mark.parametrize("table", [list_drift, list_moves])
def test_what_is_sensitive_stays_inside(table):
    assert table(change(["low"] * 40, ["high"] * 40), 5, inside={"level"}).empty
