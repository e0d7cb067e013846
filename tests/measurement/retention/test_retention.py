"""The study of retention as a whole: what it says of itself, and what it refuses."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError, ParameterError
from segtool.measurement.retention.activity import DAYS, PEOPLE
from segtool.measurement.retention.retention import plan_retention
from segtool.measurement.retention.settings import RetentionSettings
from segtool.personas import Personas
from segtool.sources import Sources
from tests.measurement.retention.visit_logs import FIRST, bare_visits, read_visits


def many_visits(n_users=40, n_days=120, seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(n_users):
        end = rng.integers(20, 2 * n_days)
        rows += [
            (f"u{user:02d}", int(day), "app") for day in range(n_days) if day < end and rng.random() < 0.3
        ]
    return sorted(rows, key=lambda row: row[1])


@pytest.fixture(scope="module")
def log():
    return read_visits(many_visits(), 120)


def personas_at(day=None, n_users=40):
    made = Personas.from_assignments(
        [f"u{k:02d}" for k in range(n_users)], [1 + k % 2 for k in range(n_users)]
    )
    if day is None:
        return made
    moment = (FIRST + pd.Timedelta(days=day)).tz_localize("UTC")
    return SimpleNamespace(assigned=made.assigned, names=made.names, labels=SimpleNamespace(as_of=moment))


def test_the_headline_adds_up(log):
    found = plan_retention(log)
    table = found.to_pandas()
    came = table["opening"].iloc[0] + table[["new", "returned"]].to_numpy().sum() - table["lost"].sum()
    assert came == table["closing"].iloc[-1]
    assert f"= {came} now" in found.headline()
    assert "<table" in found._repr_html_()


def test_the_choice_of_churn_is_said(log):
    assert any("90% of" in note and "14 is the least" in note for note in plan_retention(log).notes)
    few = read_visits([("a", 0, "app"), ("a", 3, "app"), ("a", 50, "app")], 60)
    found = plan_retention(few)
    assert found.churn_days == 30
    assert any("a convention" in note for note in found.notes)


def test_personas_of_today_are_said_to_mislead(log):
    notes = plan_retention(log, personas_at()).notes
    assert any("look more loyal" in note and note.startswith("Not known") for note in notes)


def test_personas_later_than_the_start_are_said_to_mislead(log):
    late = plan_retention(log, personas_at(day=60), start="2026-01-31").notes
    assert any("they rest on 30 days after 2026-01-31" in note for note in late)
    fair = plan_retention(log, personas_at(day=30), start="2026-01-31").notes
    assert any("each user's as known by 2026-01-31" in note for note in fair)
    assert not any("look more loyal" in note for note in fair)
    silent = plan_retention(log, personas_at(), start="2026-01-31").notes
    assert any("they do not say of when they are" in note for note in silent)


def test_personas_assigned_by_the_labels_of_the_start_are_read(log):
    table = personas_at().assigned.drop(columns=["runner_up"])
    moment = pd.Timestamp("2026-01-31", tz="UTC")
    found = plan_retention(log, table, start="2026-01-31", personas_as_of=moment)
    assert any("each user's as known by 2026-01-31" in note for note in found.notes)
    whole = plan_retention(log, personas_at(day=30), start="2026-01-31")
    pd.testing.assert_frame_equal(found.comparison, whole.comparison)
    with pytest.raises(InputError, match="no column 'persona'"):
        plan_retention(log, table.drop(columns=["persona"]))


def test_where_nobody_is_lost_there_is_no_interval(log):
    settings = RetentionSettings(churn_days=100, horizons=(30,))
    table = plan_retention(log, personas_at(), start="2026-01-31", settings=settings).comparison
    assert (table["mean_days"] == 30).all()
    assert table[["mean_lo", "lo"]].isna().all(axis=None)
    assert table["reason"].str.contains("nobody was lost").all()


def test_one_persona_has_nobody_to_compare_with(log):
    everybody = pd.Series("all of us", index=[f"u{k:02d}" for k in range(40)])
    found = plan_retention(log, everybody, start="2026-01-31")
    assert found.overall is None
    assert np.isfinite(found.comparison["mean_days"].iloc[0])
    assert found.comparison["difference"].isna().all()
    assert any("fewer than two" in note for note in found.notes)


def test_a_small_persona_is_counted_not_compared(log):
    few = pd.Series(["small"] * 2 + ["large"] * 38, index=[f"u{k:02d}" for k in range(40)])
    table = plan_retention(log, few, start="2026-01-10").comparison.set_index("persona")
    assert table.loc["small", "mean_days"].isna().all()
    assert "asked for" in table.loc["small", "reason"].iloc[0]
    assert table.loc["small", "p_value"].isna().all()


def test_a_horizon_beyond_the_log_is_not_known(log):
    found = plan_retention(
        log, personas_at(), start="2026-03-31", settings=RetentionSettings(horizons=(20, 90))
    )
    far = found.comparison[found.comparison["horizon_days"] == 90]
    assert far["mean_days"].isna().all()
    assert far["reason"].str.contains("nobody was followed for 90 days").all()
    assert any("within 90 days" in note for note in found.notes)


def test_users_all_new_are_all_new():
    visits = [(f"u{k}", 10 + k % 5, "app") for k in range(30)]
    found = plan_retention(read_visits(visits, 16), settings=RetentionSettings(whole_log=True))
    whole = found.flow[found.flow["level"] == "all"]
    assert whole["new"].sum() == 30
    assert any("users who were here already count as new" in note for note in found.notes)
    assert found.lifecycle.set_index("state").loc["new", "n_users"] == 30


def test_unsure_users_are_in_no_persona(log):
    sure = personas_at()
    unsure = sure.assigned.assign(unsure=lambda table: table["user_id"] < "u10")
    found = plan_retention(log, SimpleNamespace(assigned=unsure, names=sure.names))
    assert found.lifecycle.groupby("persona")["n_users"].sum()["(no persona)"] == 10


def test_the_engine_is_left_as_it_was():
    sources = bare_visits([("a", 0, "app"), ("a", 30, "app")], 40)
    before = sources.engine.tables()
    plan_retention(sources)
    with pytest.raises(ParameterError):
        plan_retention(sources, start="2030-01-01")
    assert sources.engine.tables() == before
    assert {DAYS, PEOPLE} & set(before) == set()


def test_same_log_in_another_order_gives_the_same_tables():
    visits = many_visits(10, 60)
    one = plan_retention(bare_visits(visits, 60), personas_at(n_users=10)).comparison
    # Later visits of a day come later still: only whole users change places.
    turned = sorted(visits, key=lambda row: (row[1], -int(row[0][1:])))
    two = plan_retention(bare_visits(turned, 60), personas_at(n_users=10)).comparison
    pd.testing.assert_frame_equal(one, two)


@pytest.mark.parametrize("start", ["2025-12-01", "2026-09-01", "soon", 7])
def test_a_start_outside_the_log_is_refused(log, start):
    with pytest.raises(ParameterError, match="no day within the log"):
        plan_retention(log, start=start)


def test_without_events_there_is_nothing_to_count():
    survey = pd.DataFrame({"user_id": ["a"], "q1": ["yes"]})
    with pytest.raises(InputError, match="no table of events"):
        plan_retention(Sources.read({"survey": survey}, as_of="2026-07-01"))


def test_events_that_are_no_visits_are_not_counted():
    events = pd.DataFrame({"user_id": ["a"], "event": ["unsubscribe"], "event_time": ["2026-01-01"]})
    with pytest.raises(InputError, match="No event shows a user"):
        plan_retention(Sources.read({"events": events}, as_of="2026-07-01"))


def test_a_user_named_twice_is_refused(log):
    with pytest.raises(InputError, match="more than once"):
        plan_retention(log, pd.Series(["x", "y"], index=["u00", "u00"]))
