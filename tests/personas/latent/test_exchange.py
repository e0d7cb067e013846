"""An exchange leaves a poor optimum that more iterations cannot leave, and never makes things worse."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.planted import plant_users
from segtool.personas.latent.exchange import exchange_classes
from segtool.personas.latent.mixture import Overall, Settings, iterate, judge, maximise, measure_worth
from segtool.personas.latent.starts import block_coordinates, leading_axes
from segtool.personas.number.stability import adjusted_rand, users_table
from segtool.personas.table.columns import read_frame
from segtool.personas.table.design import Layout, Rows
from segtool.personas.table.prepare import learn_plan, prepare

N_PERSONAS = 5
SETTINGS = Settings()


@pytest.fixture(scope="module")
def planted():
    users = plant_users(900, N_PERSONAS, 25, seed=4, missing=0.05)
    columns, weights = read_frame(users.users), np.ones(900)
    plans = [learn_plan(column, weights) for column in columns]
    return Rows(prepare(columns, plans, 900), Layout.from_plans(plans), weights), users.persona


def converge(rows, best, n_classes=N_PERSONAS):
    member, overall = (best == np.arange(n_classes)[:, None]).astype(float), Overall.of(rows)
    classes = maximise(member @ rows.design, member.sum(axis=1)[None], overall, rows.layout, SETTINGS, False)
    return iterate(rows, classes, overall, SETTINGS, 200)[0]


def exchange(rows, classes):
    points = leading_axes(block_coordinates(rows), rows.weights, np.random.default_rng(0))
    return exchange_classes(rows, classes, points, Overall.of(rows), SETTINGS)


def agreement(rows, classes, persona):
    best = judge(rows, classes)[1]
    return adjusted_rand(users_table(best, persona, rows.weights, (N_PERSONAS, N_PERSONAS)))


@pytest.mark.parametrize(("one", "other", "third"), [(0, 2, 1), (1, 4, 2)])
def test_two_personas_in_one_class_and_two_classes_in_one_persona_are_mended(planted, one, other, third):
    rows, persona = planted
    wrong = np.where(persona == other, one, persona)
    wrong[np.flatnonzero(persona == third)[::2]] = other
    stuck, best = converge(rows, wrong), converge(rows, persona)
    assert agreement(rows, stuck, persona) < agreement(rows, best, persona) - 0.15
    mended, n_iter = exchange(rows, stuck)
    assert measure_worth(rows, mended)[0] > measure_worth(rows, best)[0] - 1
    assert agreement(rows, mended, persona) > agreement(rows, best, persona) - 0.02 and n_iter > 0


def test_the_truth_stays_as_it_is(planted):
    rows, persona = planted
    classes = converge(rows, persona)
    kept, _ = exchange(rows, classes)
    assert measure_worth(rows, kept)[0] >= measure_worth(rows, classes)[0]
    assert agreement(rows, kept, persona) == pytest.approx(agreement(rows, classes, persona), abs=0.02)


def test_two_classes_have_nothing_to_exchange(planted):
    rows, persona = planted
    two = converge(rows, persona % 2, 2)
    kept, n_iter = exchange(rows, two)
    assert kept is two and n_iter == 0
