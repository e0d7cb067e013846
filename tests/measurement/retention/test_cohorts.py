"""Cohorts, states and curves on logs small enough to count by hand."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from segtool.measurement.retention.retention import plan_retention
from segtool.measurement.retention.settings import RetentionSettings
from tests.measurement.retention.visit_logs import read_visits

SETTINGS = RetentionSettings(churn_days=6, period="week", min_users=2, horizons=(10,))


@pytest.fixture(scope="module")
def found():
    visits = [(user, 5, "app") for user in "abcd"]  # a Tuesday
    visits += [("a", 12, "app"), ("b", 13, "app"), ("a", 20, "app"), ("e", 20, "app")]
    visits += [("old", 1, "app"), ("old", 26, "app")]
    users = {**dict.fromkeys("abcd", 5), "e": 19, "old": -50, "silent": 7}
    return plan_retention(read_visits(sorted(visits, key=lambda one: one[1]), 28, users), settings=SETTINGS)


def test_cohorts_count_who_was_there_again(found):
    cohort = found.cohorts[found.cohorts["cohort"] == dt.date(2026, 1, 5)].set_index("age")
    # a, b, c, d and the one who joined on day 7 and never came; ages of 7 days since each one's own start
    assert cohort["n_users"].tolist() == [5, 5, 5]
    assert cohort["n_active"].tolist() == [4, 2, 1]
    assert cohort.loc[1, "lo"] < 0.4 < cohort.loc[1, "hi"]


def test_what_is_not_over_is_absent_not_zero(found):
    young = found.cohorts[found.cohorts["cohort"] == dt.date(2026, 1, 19)]
    assert young["age"].tolist() == [0]  # joined on day 19, read until day 28
    ages = found.cohorts.groupby("cohort")["age"].max()
    assert ages[dt.date(2026, 1, 5)] == 2


def test_who_was_here_before_the_log_is_in_no_cohort_and_told(found):
    assert found.cohorts.groupby("cohort")["n_users"].max().sum() == 6
    assert any("1 users seen in the log who joined before it" in note for note in found.notes)


def test_every_user_is_in_one_state(found):
    states = found.lifecycle.set_index("state")["n_users"]
    # a: day 20, silent for 7 days; c and d: day 5, for 22; e: day 20; old: back on day 26
    assert states.to_dict() == {"not seen": 1, "new": 0, "active": 0, "returned": 1, "at risk": 0, "lapsed": 3,
                                "gone": 2}  # fmt: skip
    assert states.sum() == 7
    assert set(found.states) == set(states.index)


def test_transitions_of_a_state_sum_to_it():
    visits = [(user, day, "app") for user in "abc" for day in range(0, 60, 5)] + [("b", 59, "app")]
    visits += [("d", day, "app") for day in range(0, 35)] + [("e", 55, "app")]
    moved = plan_retention(
        read_visits(sorted(visits, key=lambda one: one[1]), 60), settings=SETTINGS
    ).transitions
    assert moved.groupby("before")["share"].sum().round(9).eq(1).all()
    as_pairs = moved.set_index(["before", "after"])["n_users"].to_dict()
    assert as_pairs == {("not seen", "new"): 1, ("active", "active"): 3, ("active", "gone"): 1}


def test_curves_wait_until_a_loss_is_one(found):
    curve = found.survival.set_index("day")
    assert curve.loc[0, "at_risk"] == 5  # a, b, c, d and e; nobody can be lost who never came
    # All four of day 5 were silent for more than 6 days when day 12 began, after 8 days; that a and b came
    # back does not undo it. e, who joined on day 19 and came on day 20, was lost when day 27 began.
    assert curve["lost"].to_dict() == {0: 0, 8: 4, 9: 1}
    assert curve.loc[8, "share"] == pytest.approx(1 / 5)


def test_personas_are_cohorts_of_the_day_they_are_from():
    visits = [(user, day, "app") for user in "ab" for day in range(0, 40, 3)]
    visits += [(user, day, "app") for user in "cd" for day in range(0, 16, 3)] + [("late", 30, "app")]
    personas = pd.Series({"a": "stayers", "b": "stayers", "c": "leavers", "d": "leavers"})
    sources = read_visits(sorted(visits, key=lambda one: one[1]), 40)
    frozen = plan_retention(sources, personas, start="2026-01-12", settings=SETTINGS)
    own = frozen.cohorts[frozen.cohorts["persona_id"] > 0]
    assert set(own["cohort"]) == {dt.date(2026, 1, 12)}
    leavers = own[own["persona"] == "leavers"].set_index("age")["n_active"]
    assert leavers.to_dict() == {0: 2, 1: 0, 2: 0, 3: 0}
    table = frozen.comparison.set_index("persona")
    assert table.loc["leavers", "difference"] == pytest.approx(-table.loc["stayers", "difference"])
    assert table.loc["leavers", "n_lost"] == 2
    assert "stays 0.0" not in table.loc["leavers", "reason"]
    late = frozen.flow[(frozen.flow["persona"] == "(no persona)") & (frozen.flow["channel"] == "all")]
    assert late["new"].sum() == 1
