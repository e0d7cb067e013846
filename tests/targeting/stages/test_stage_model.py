"""Stages by the model, as a plan has them, and what becomes of it where the log cannot carry it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.sources import simulate_circle
from segtool.targeting import TargetingSettings
from segtool.targeting.counts import sql_users
from segtool.targeting.members import align_table
from segtool.targeting.stages.stages import _agreement_notes, plan_stages
from segtool.targeting.stages.states import States
from tests.targeting.fan_studies import days_ago, read


@pytest.fixture(scope="module")
def circle():
    return simulate_circle(320, random_state=3)


def stages_of(events, personas=None, **settings):
    sources = read("Asia/Shanghai", events=events)
    ids = sql_users(sources.engine)
    members = align_table(pd.Series("all", index=ids) if personas is None else personas(ids), ids)
    return plan_stages(sources, members, ids, TargetingSettings(**settings))


@pytest.fixture(scope="module")
def found(circle):
    return stages_of(circle.tables["events"])


def test_the_model_is_nearer_to_the_truth_than_the_rule(circle, found):
    truth = circle.truth["users"].set_index("user_id")
    users = found.users.set_index("user_id")
    users = users[
        users["rule_stage"].isin(TargetingSettings().stages()) & ~truth["lapsed"].reindex(users.index)
    ]
    right = users["stage"] == truth["stage"].reindex(users.index)
    by_rule = users["rule_stage"] == truth["stage"].reindex(users.index)
    assert found.method == "hmm" and right.mean() > by_rule.mean() + 0.15


def test_the_posterior_is_told_whole(found):
    users = found.users[found.users["probability"].notna()]
    posterior = users.filter(regex="^p_(?!action_7d)")
    assert posterior.sum(axis=1).to_numpy() == pytest.approx(1)
    assert (posterior.max(axis=1) == users["probability"]).all()
    assert users["entropy"].between(0, 1).all() and users["p_action_7d"].dropna().between(0, 1).all()
    days = users.groupby("stage")["days_to_action"].median()
    assert days["action"] < days["desire"] < days["attention"] and pd.isna(days["lapsed"])
    assert users["evidence"].str.contains("deepest step").mean() > 0.9


def test_shares_are_means_of_posteriors_over_everybody_with_an_event(found):
    table, users = found.personas.set_index("stage"), found.users
    known = users["probability"].notna()
    assert table["share"].sum() == pytest.approx(1) and table["n_users"].sum() == len(users)
    assert table.loc["desire", "share"] == pytest.approx(users.loc[known, "p_desire"].sum() / len(users))
    assert (table["lo"] <= table["share"]).all() and (table["share"] <= table["hi"]).all()
    assert (
        found.advice["rank"].iloc[0] == 1
        and (found.advice["advice"].iloc[0] == table.index[table["typical"]])[0]
    )


def test_where_rule_and_model_differ_is_said(found):
    assert any("deepest step (the label funnel_stage) does" in note for note in found.notes)
    assert 0 < found.users["agree"].mean() < 1


def test_row_order_changes_nothing(circle, found):
    again = stages_of(circle.tables["events"].sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(again.users, found.users)


@pytest.mark.parametrize("model", ["AISAS", "AARRR"])
def test_other_models_by_name(circle, model):
    other = stages_of(circle.tables["events"], stage_model=model)
    named = {*TargetingSettings(stage_model=model).stages(), "lapsed", "unknown"}
    assert other.method == "hmm" and set(other.users["stage"]) <= named and other.users["stage"].nunique() > 4


def test_a_stage_nothing_tells_of_is_merged_and_said(circle):
    events = circle.tables["events"]
    merged = stages_of(events[events["event"] != "cart"])
    assert any("memory is read as desire: 0 events" in note for note in merged.notes)
    assert "memory" not in set(merged.users["stage"]) and "p_desire" in merged.users


def test_few_conversions_leave_three_stages(circle):
    events = circle.tables["events"]
    bought = events.index[events["event"] == "purchase"]
    few = stages_of(events.drop(bought[40:]))
    assert any("only 40 conversions" in note for note in few.notes)
    assert set(few.users["stage"]) <= {"attention", "desire", "action", "lapsed", "unknown"}


def test_few_users_or_weeks_leave_the_rule(circle):
    events = circle.tables["events"]
    few = stages_of(events[events["user_id"] < "u0060"])
    assert few.method == "rule" and any("100 are needed" in note for note in few.notes)
    new = events.assign(event_time=days_ago(np.arange(len(events)) % 12))
    assert any("weeks of steps, 4 are needed" in note for note in stages_of(new).notes)


def test_purchases_alone_tell_no_stage(circle):
    events = circle.tables["events"]
    only = stages_of(events[events["event"] == "purchase"], stage_model="AARRR")
    assert only.method == "rule" and any("all steps on record" in note for note in only.notes)


def test_personas_of_one(circle):
    events = circle.tables["events"]
    events = events[events["user_id"] < "u0130"]
    alone = stages_of(events, lambda ids: pd.Series(ids, index=ids))
    assert alone.personas.groupby("persona_id")["typical"].sum().eq(1).all()
    assert alone.advice.groupby("persona_id").size().between(1, 2).all()


def test_a_sure_model_that_is_alone_is_warned_of():
    users = pd.DataFrame(
        {"stage": ["one"] * 6 + ["two"] * 6, "rule_stage": ["one", "two"] * 6, "probability": 0.97}
    )
    users["agree"] = pd.array(users["stage"] == users["rule_stage"], dtype="boolean")
    states = States(("one", "two"), {}, {"one": "one", "two": "two"}, (), ())
    assert any("97% sure on average" in note for note in _agreement_notes(users, states, TargetingSettings()))
    users["probability"] = 0.6
    assert len(_agreement_notes(users, states, TargetingSettings())) == 1


def test_no_events_is_unknown():
    sources = read(
        users=pd.DataFrame({"user_id": ["a", "b"]}), survey=pd.DataFrame({"user_id": ["a"], "q": [1]})
    )
    ids = sql_users(sources.engine)
    found = plan_stages(sources, align_table(pd.Series("all", index=ids), ids), ids, TargetingSettings())
    assert set(found.users["stage"]) == {"unknown"} and found.advice.empty and found.notes
