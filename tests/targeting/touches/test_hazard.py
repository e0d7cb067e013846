"""The chance to act at each touch does not know when sending stops."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.touches import HAZARD, estimate, simulate, true_hazard
from segtool.targeting.touches.hazard import converters_mean, touch_hazard


def test_the_hazard_is_the_same_under_every_cap_while_the_mean_moves():
    made = {cap: simulate(cap, 30_000, cap) for cap in (4, 12)}
    hazard = {cap: estimate(one)["hazard"].to_numpy()[:4] for cap, one in made.items()}
    assert np.abs(hazard[4] / hazard[12] - 1).max() < 0.15 and np.abs(hazard[4] / HAZARD[:4] - 1).max() < 0.15
    mean = {cap: one["touch"][one["acted"]].mean() for cap, one in made.items()}
    assert mean[12] > mean[4] + 2
    table = estimate(made[12])
    assert converters_mean(table["hazard"].to_numpy(), 4)[0] == pytest.approx(mean[4], abs=0.1)


def test_weights_undo_stopping_by_behaviour():
    made = simulate(1, 30_000, 12, ignored_stop=True)
    truth = true_hazard(True, 50_000)[:8]
    weighted, plain = (estimate(made, weighted=w)["hazard"].to_numpy()[:8] / truth for w in (True, False))
    assert abs(weighted[3:].mean() - 1) < 0.1 and plain[3:].mean() > 1.15


def test_stopping_by_chance_needs_no_weights():
    made = simulate(2, 4_000, 8)
    found = touch_hazard(made["user"], made["touch"], made["acted"], behaviour=made["behaviour"])
    assert not found.weighted and found.p_stopping > 0.01
    assert found.table["n_eff"].tolist() == found.table["at_risk"].tolist()


def test_by_hand():
    user = np.repeat(np.arange(50), [1] * 10 + [2] * 40)
    touch = np.concatenate([np.ones(10, int), np.tile([1, 2], 40)])
    acted = np.concatenate([np.ones(10, bool), np.tile([False, True], 8), np.zeros(64, bool)])
    table = touch_hazard(user, touch, acted).table
    assert table["hazard"].tolist() == pytest.approx([0.2, 0.2]) and table["reached"].iloc[
        1
    ] == pytest.approx(0.36)
    assert ((table["lo"] < 0.2) & (table["hi"] > 0.2)).all()


def test_touches_of_too_few_people_are_left_out():
    user = np.concatenate([np.repeat(np.arange(19), 2), np.arange(19, 60)])
    touch = np.concatenate([np.tile([1, 2], 19), np.ones(41, int)])
    assert touch_hazard(user, touch, np.zeros(len(user), bool)).table["touch"].tolist() == [1]


def test_nothing_is_an_empty_table():
    none = np.zeros(0, dtype=int)
    assert touch_hazard(none, none, none.astype(bool)).table.empty
