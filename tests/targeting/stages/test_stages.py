"""How far along: the deepest step of late."""

from __future__ import annotations

import pandas as pd
import pytest
from pydantic import ValidationError

from segtool.labels import label_users
from segtool.personas import Personas
from segtool.sources import simulate_circle
from segtool.targeting import TargetingSettings, plan_targeting
from tests.targeting.fan_studies import days_ago, fan_events, fan_personas, read

STEPS = {  # user: (event, days ago) ..., and the stage that it means
    "looks": ([("view", 5)], "attention"),
    "likes": ([("view", 9), ("like", 5)], "interest"),
    "wants": ([("like", 9), ("search", 5)], "desire"),
    "fills": ([("click", 9), ("cart", 5), ("view", 2)], "memory"),
    "buys": ([("purchase", 20), ("view", 1)], "action"),
    "gone": ([("purchase", 90)], "lapsed"),
    "odd": ([("mute", 5)], "unknown"),
    "older": ([("purchase", 90), ("like", 3)], "interest"),
}


def stages_of(**settings):
    rows = [(user, days_ago(days), event) for user, (steps, _) in STEPS.items() for event, days in steps]
    events = pd.DataFrame(rows, columns=["user_id", "event_time", "event"])
    users = pd.DataFrame({"user_id": [*STEPS, "silent"]})
    personas = Personas.from_assignments([*STEPS, "silent"], [1] * (len(STEPS) + 1), names={1: "all"})
    return plan_targeting(read(events=events, users=users), personas, settings=TargetingSettings(**settings))


def test_each_user_stands_at_the_deepest_late_step():
    stages = stages_of().stages.set_index("user_id")["stage"].to_dict()
    assert stages == {user: stage for user, (_, stage) in STEPS.items()} | {"silent": "unknown"}


def test_evidence_is_told():
    users = stages_of().stages.set_index("user_id")["evidence"]
    assert users["buys"].startswith("action 20 days ago") and users["gone"].startswith("last seen ")
    assert users["silent"] == "no events" and users["odd"] == "no event that is a step"


def test_counts_of_a_persona_add_up():
    table = stages_of().persona_stages
    assert table["n_users"].sum() == 8 and table["share"].sum() == pytest.approx(
        1
    )  # the silent one is not in it
    assert table.set_index("stage").loc["unknown", "n_users"] == 1  # events, but no step
    assert (
        table["typical"].sum() == 1
        and ((table["lo"] <= table["share"]) & (table["share"] <= table["hi"])).all()
    )


def test_coming_back_is_a_step_where_a_model_says_so():
    own = {"looks": ("view",), "wants": ("cart",), "remembers": ("return",), "buys": ("purchase",)}
    users = stages_of(stage_events=own).stages.set_index("user_id")
    assert users.loc["fills", "stage"] == "remembers"
    assert users.loc["fills", "evidence"].endswith("and back on a later day")
    assert users.loc[["looks", "buys"], "stage"].tolist() == ["looks", "buys"]


def test_the_label_and_the_plan_place_a_user_alike():
    """One definition, said in two places: the built-in label, and the rule of the plan."""
    made = simulate_circle(300, random_state=3)
    tables = {name: table for name, table in made.tables.items() if name in ("events", "users")}
    sources = read("Asia/Shanghai", **tables)
    label = label_users(sources).wide()["funnel_stage"].dropna().astype(str)
    personas = Personas.from_assignments(made.tables["users"]["user_id"], [1] * 300, names={1: "all"})
    rule = plan_targeting(sources, personas).stages.set_index("user_id")["rule_stage"].reindex(label.index)
    assert len(label) > 200 and label.nunique() == 5
    assert (label != rule).sum() == 0


def test_label_and_plan_know_the_same_words():
    """Each word by itself: a simulation may never have a user whose deepest step is a follow."""
    words = sorted({word for words in TargetingSettings().stages().values() for word in words} | {"review"})
    extra = [("all", days_ago(90), "purchase"), ("all", days_ago(90), "view")]
    rows = [*((word, days_ago(5), word) for word in words), *extra]
    sources = read(events=pd.DataFrame(rows, columns=["user_id", "event_time", "event"]))
    label = label_users(sources).wide()["funnel_stage"].astype(object).reindex(words)
    personas = Personas.from_assignments([*words, "all"], [1] * (len(words) + 1), names={1: "all"})
    rule = plan_targeting(sources, personas).stages.set_index("user_id")["stage"].reindex(words)
    assert label.where(label.notna(), "unknown").to_dict() == rule.to_dict()


@pytest.mark.parametrize("model", ["AISAS", "AARRR"])
def test_other_names_of_the_stages(model):
    settings = TargetingSettings(stage_model=model)
    found = set(stages_of(stage_model=model).stages["stage"])
    assert found <= {*settings.stages(), "lapsed", "unknown"} and len(found) >= 4


def test_stages_of_ones_own():
    own = {"new": ("view",), "regular": ("like", "cart"), "buyer": ("purchase",)}
    stages = stages_of(stage_events=own, stage_window_days=365).stages.set_index("user_id")["stage"]
    assert stages[["looks", "wants", "gone"]].tolist() == ["new", "regular", "buyer"]


def test_mostly_lapsed_personas_say_so():
    events = fan_events()
    events["event_time"] = events["event_time"] - pd.Timedelta(days=100)
    plan = plan_targeting(read(events=events), fan_personas())
    assert set(plan.table["stage"]) == {"lapsed"} and "have lapsed" in plan.table["why_stage"].iloc[0]


@pytest.mark.parametrize("stage_events", [{"one": ("view",)}, {"one": ("return",), "two": ("view",)}])
def test_stages_that_cannot_be_reached_are_refused(stage_events):
    with pytest.raises(ValidationError):
        TargetingSettings(stage_events=stage_events)


def test_the_stage_of_the_active_says_how_many_have_lapsed():
    events = fan_events()
    gone = events["user_id"].isin([f"u{i:02d}" for i in [*range(8), *range(20, 28)]])
    events.loc[gone, "event_time"] -= pd.Timedelta(days=100)
    why = plan_targeting(read(events=events), fan_personas()).table["why_stage"]
    assert (
        why.str.contains("commonest among the active").all()
        and why.str.contains(r"40% have lapsed \(8\)").all()
    )
