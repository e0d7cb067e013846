"""Preparation tames numbers, keeps levels, and leaves missing missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool.errors import InputError
from segtool.personas.table.columns import read_frame
from segtool.personas.table.prepare import CLIP, learn_plan, prepare


def learn(cells, **kwargs):
    column = read_frame(pd.DataFrame({"x": pd.Series(cells, **kwargs)}))[0]
    return learn_plan(column, np.ones(len(cells)))


def apply(plan, cells, **kwargs):
    columns = read_frame(pd.DataFrame({"x": pd.Series(cells, **kwargs)}))
    return prepare(columns, [plan], len(cells))


def test_skewed_amounts_are_logged_and_symmetric_ones_are_not():
    rng = np.random.default_rng(0)
    assert learn(np.exp(rng.normal(size=500))).log
    assert not learn(rng.normal(10, 1, 500)).log


def test_many_zeros_are_a_state_of_their_own():
    spend = np.r_[np.zeros(60), np.exp(np.linspace(0, 5, 140)), np.nan]
    plan = learn(spend)
    ready = apply(plan, [0.0, 50.0, np.nan])
    assert plan.hurdle and plan.n_levels == 2
    assert ready.codes[:, 0].tolist() == [0, 1, -1]
    assert np.isnan(ready.numbers[:, 0]).tolist() == [True, False, True]


def test_gross_outliers_do_not_widen_the_ruler():
    values = np.random.default_rng(1).normal(0, 1, 1000)
    spoiled = values.copy()
    spoiled[:10] = 1e9
    plan = learn(spoiled)
    assert plan.scale < 1.5
    assert np.abs(apply(plan, spoiled).numbers).max() <= CLIP


def test_short_scales_are_levels_and_new_numbers_go_to_the_nearest():
    plan = learn([1, 2, 3, 4, 5] * 30)
    assert plan.kind == "few" and plan.levels == (1.0, 2.0, 3.0, 4.0, 5.0)
    assert apply(plan, [0.0, 2.4, 9.0, np.nan]).codes[:, 0].tolist() == [0, 1, 4, -1]


def test_long_ordered_scale_becomes_a_number():
    scale = pd.CategoricalDtype([f"step {i}" for i in range(12)], ordered=True)
    cells = pd.Series([f"step {i % 12}" for i in range(240)]).astype(scale)
    plan = learn(cells)
    assert plan.kind == "scale"
    ready = apply(plan, pd.Series(["step 0", "step 11", None]).astype(scale))
    assert ready.numbers[0, 0] < 0 < ready.numbers[1, 0] and np.isnan(ready.numbers[2, 0])


def test_rare_levels_share_one_and_unseen_ones_are_missing():
    cells = [f"big {i}" for i in range(30)] * 50 + [f"rare {i}" for i in range(20)]
    plan = learn(cells)
    codes = apply(plan, ["big 3", "rare 7", "never met", None]).codes[:, 0]
    assert plan.n_levels == 31 and len(plan.tail) == 20
    assert codes[1] == 30 and codes[0] not in (-1, 30) and codes[2:].tolist() == [-1, -1]


def test_same_levels_from_another_type():
    plan = learn(["1", "2"] * 20)
    assert apply(plan, [2, 1, np.nan]).codes[:, 0].tolist() == [1, 0, -1]
    flag = learn([True, False] * 20)
    assert apply(flag, [1.0, 0.0, np.nan]).codes[:, 0].tolist() == [1, 0, -1]


def test_numbers_that_became_text_are_refused_but_all_missing_is_fine():
    plan = learn(np.linspace(0, 1, 50))
    with pytest.raises(InputError, match="was numbers"):
        apply(plan, ["a", "b"])
    assert np.isnan(apply(plan, [None, None], dtype=object).numbers).all()


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(-1e300, 1e300) | st.just(np.nan), min_size=20, max_size=60))
def test_any_finite_number_is_prepared_to_something_finite(values):
    known = np.unique([value for value in values if not np.isnan(value)])
    if len(known) < 2:
        return
    ready = apply(learn(values), values)
    assert np.all(np.isnan(ready.numbers) | (np.abs(ready.numbers) <= CLIP))
    missing = np.isnan(values)
    assert np.isnan(ready.numbers[missing]).all() and (ready.codes[missing] == -1).all()


def test_a_value_most_users_have_is_a_state_of_its_own():
    orders = np.r_[np.ones(60), np.arange(2, 42)]
    plan = learn(orders)
    assert plan.hurdle and plan.spike == 1.0
    ready = apply(plan, [1, 5, np.nan])
    assert ready.codes[:, 0].tolist() == [0, 1, -1]
    assert np.isnan(ready.numbers[:, 0]).tolist() == [True, False, True]
    gains_and_losses = np.r_[np.zeros(60), np.arange(-20, 20) + 0.5]
    assert not learn(gains_and_losses).hurdle
