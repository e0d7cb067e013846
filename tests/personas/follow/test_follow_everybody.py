"""Following where one side has one persona of everybody, no model, or sizes that are not told."""

import json

import numpy as np
import pandas as pd
import pytest

from segtool.personas import Personas, find_personas
from segtool.personas.follow import align_personas, follow_personas
from segtool.plots.persona_flow import plot_persona_flow
from tests.personas.planted_frame import make_planted

OPTIONS = {"n_personas": 3, "n_init": 2}


@pytest.fixture(scope="module")
def some():
    return make_planted(300, seed=3)[0]


@pytest.fixture(scope="module")
def nobody_differs(some):
    """Return the same users, of whom every label says the same."""
    return some.assign(**{name: some[name].dropna().iloc[0] for name in some})


@pytest.fixture(scope="module")
def before(some):
    return find_personas(some, **OPTIONS)


def test_personas_after_a_time_when_nothing_told_users_apart(some, nobody_differs):
    everybody = find_personas(nobody_differs)
    assert everybody.model is None
    change = follow_personas(everybody, some, **OPTIONS)
    assert change.after.names == change.automatic and change.personas["n_after"].nunique() > 1
    assert any("The last time there was one persona of everybody" in note for note in change.notes)
    assert not change.moves["more_than_noise"].any() and np.isnan(change.moved["seen"])
    assert plot_persona_flow(change).axes and set(change.drift["persona"]) <= set(change.after.names.values())


def test_a_time_when_nothing_tells_users_apart_any_more(before, nobody_differs):
    change = follow_personas(before, nobody_differs)
    assert change.after.names == {1: "Everyone"} and change.after.model is None
    assert any("Today there is one persona of everybody" in note for note in change.notes)
    assert set(change.personas["event"]) <= {"merged", "gone", "same"} and len(change.personas) == 3
    assert not change.personas["what"].str.contains("by either model").any()
    assert plot_persona_flow(change).axes


def test_everybody_both_times_is_the_same(nobody_differs):
    everybody = find_personas(nobody_differs)
    change = follow_personas(everybody, nobody_differs.iloc[:200])
    assert change.personas["event"].tolist() == ["same"] and change.departures["n_left"].tolist() == [100]
    assert any("both times" in note for note in change.notes)


def test_a_method_that_finds_its_own_number_can_be_followed():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 150)
    then = pd.DataFrame(rng.normal(truth[:, None] * 8, 1, (150, 3)), columns=list("abc"))
    then.index = [f"u{number:03}" for number in range(150)]
    found = find_personas(then, method="hdbscan")
    assert found.n_personas > 1
    change = follow_personas(found, then, method="hdbscan")
    assert set(change.personas["event"]) == {"same"} and change.moved["seen"] == 0
    assert 0 <= change.moved["refit"] <= 1


@pytest.mark.parametrize("size", [10, None])
def test_sizes_that_a_file_does_not_tell_are_missing_and_change_no_fate(before, some, tmp_path, size):
    path = before.save(tmp_path / "p.json")
    record = json.loads(path.read_text())
    record["summary"][2] |= {"n_users": size, "share": None}
    path.write_text(json.dumps(record))
    masked = Personas.load(path)
    true, found = (align_personas(each, before, some) for each in (before, masked))
    np.testing.assert_allclose(found.comparison.retention, true.comparison.retention)
    change = follow_personas(masked, some, **OPTIONS)
    assert change.personas["event"].tolist() == ["same"] * 3
    assert change.personas["n_before"].isna().tolist() == [False, False, True]
    assert any("1 of the 3 personas of the last time" in note for note in change.notes)


def test_where_several_sizes_are_not_told_the_model_has_shares(before, some):
    summary = before.summary.copy()
    summary.loc[1:, "share"] = np.nan
    masked = Personas(**{**vars(before), "summary": summary})
    true, found = (align_personas(each, before, some).comparison.retention for each in (before, masked))
    np.testing.assert_allclose(found, true, atol=0.15)
