"""Starts are seeded, spread, and end in the optimum."""

from __future__ import annotations

import numpy as np

from benchmarks.planted import plant_users
from segtool.personas.latent.mixture import Overall, Settings, iterate, judge, maximise
from segtool.personas.latent.starts import block_coordinates, fit_mixture
from segtool.personas.table.columns import read_frame
from segtool.personas.table.design import Layout, Rows
from segtool.personas.table.prepare import learn_plan, prepare


def planted_rows(n=1200, k=6, seed=0, **kwargs):
    planted = plant_users(n, k, 25, seed=seed, **kwargs)
    columns, weights = read_frame(planted.users), np.ones(n)
    plans = [learn_plan(column, weights) for column in columns]
    return Rows(prepare(columns, plans, n), Layout.from_plans(plans), weights), planted


def test_random_starts_reach_what_the_truth_reaches():
    for seed in range(3):
        rows, planted = planted_rows(seed=seed)
        truth = (planted.persona == np.arange(6)[:, None]).astype(float)
        overall = Overall.of(rows)
        classes = maximise(
            truth @ rows.design, truth.sum(axis=1)[None], overall, rows.layout, Settings(), True
        )
        classes, _, _ = iterate(rows, classes, overall, Settings(), 100)
        found = fit_mixture(rows, 6, seed=(seed, 1), n_init=20, settings=Settings())
        assert found.quality.bic <= judge(rows, classes)[0].bic + 5


def test_same_seed_same_fit():
    rows, _ = planted_rows(500)
    fits = [fit_mixture(rows, 4, seed=(seed,), n_init=6, settings=Settings()) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(fits[0].classes.mean, fits[1].classes.mean)
    assert not np.array_equal(fits[0].classes.mean, fits[2].classes.mean)


def test_each_column_has_the_same_spread_in_block_coordinates():
    rows, _ = planted_rows(4000, missing=0.0)
    spread = np.var(block_coordinates(rows), axis=0)
    n = rows.layout.n_numbers
    assert np.allclose(rows.layout.sum_levels(spread[n:]), 1, atol=0.05)
    whole = rows.prepared.numbers.shape[0] == np.isfinite(rows.prepared.numbers).sum(axis=0)
    assert np.allclose(spread[:n][whole], 1, atol=0.05) and (spread[:n] < 1.05).all()


def test_more_classes_than_kinds_of_users():
    """Three kinds of users, five classes: no crash, and every number stays finite."""
    rows, _ = planted_rows(300)
    few = rows.take(np.array([0, 1, 2]), np.array([100.0, 100.0, 100.0]))
    fit = fit_mixture(few, 5, seed=(0,), n_init=4, settings=Settings())
    assert np.isfinite(fit.quality.bic) and np.isfinite(fit.classes.probability).all()
