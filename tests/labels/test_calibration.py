"""Confidences mean something: on the simulated truth they come true about as often as they say."""

import numpy as np
import pandas as pd
import pytest
from circle_truth import CircleTruth

from segtool.labels import Catalog, label_users
from segtool.labels.quality import calibration_error, reliability
from segtool.labels.reliability_table import reliability_diagram
from segtool.sources import Sources
from segtool.sources.simulate import simulate_circle

pytestmark = pytest.mark.slow

LEAST_CLAIMS, LARGEST_ERROR = 300, 0.05
BANDS = ["activity_level", "engagement", "regularity", "sharer", "spend_level", "spending_power", "week"]
PREFERENCES = ["brand_taste", "channel", "daypart", "interest"]


@pytest.fixture(scope="module")
def judged():
    circle = simulate_circle(6000, random_state=3)
    tables = {name: table for name, table in circle.tables.items() if name != "survey_codebook"}
    labels = label_users(Sources.read(tables, as_of=circle.as_of, timezone=circle.timezone))
    claims = labels.claims()
    return reliability(claims, CircleTruth(circle).table(claims))


@pytest.mark.parametrize("label", BANDS + PREFERENCES)
def test_behaviour_claims_are_as_sure_as_they_are_right(judged, label):
    found = calibration_error(judged).set_index(["label", "source"]).loc[(label, "behaviour")]
    assert found["n"] >= LEAST_CLAIMS
    assert found["error"] <= LARGEST_ERROR, judged[judged["label"] == label].to_string()


def test_notes_of_people_are_as_sure_as_they_are_right(judged):
    notes = judged[judged["source"] == "person"].assign(label="any")
    found = calibration_error(notes).iloc[0]
    assert found["n"] >= LEAST_CLAIMS
    assert found["error"] <= LARGEST_ERROR


def test_surer_claims_are_righter(judged):
    for label in BANDS + PREFERENCES:
        mine = judged.query("label == @label and source == 'behaviour' and n >= 200")
        bins = mine.sort_values("mean_confidence")
        assert bins["share_right"].iloc[-1] > bins["share_right"].iloc[0], label


STAGES = ["student", "single", "couple", "parent", "retired"]
# A register that lags behind, a taste that only hints, answers (a third of them paid) and notes.
SEVERAL_SOURCES = """
[labels.life_stage]
facet = "life stage"
values = ["student", "single", "couple", "parent", "retired"]
[[labels.life_stage.claims]]
column = {name = "register"}
[[labels.life_stage.claims]]
preference.from = "events"
preference.by = "topic"
preference.top = 1
preference.lift = 1.5
preference.at_least = 0.5
preference.values.campus = "student"
preference.values.trendy_wear = "student"
preference.values.parenting = "parent"
preference.values.schooling = "parent"
preference.values.wellness = "retired"
[[labels.life_stage.claims]]
answer.question = "q1"
answer.values."Student" = "student"
answer.values."Single, working" = "single"
answer.values."Couple, no children" = "couple"
answer.values."Children at home" = "parent"
answer.values."Retired" = "retired"
[[labels.life_stage.claims]]
note = {}
[labels.employer]
facet = "life stage"
values = ["public sector", "foreign company", "private company", "self-employed", "none"]
[[labels.employer.claims]]
answer.question = "q4"
answer.values."Public sector" = "public sector"
answer.values."Foreign company" = "foreign company"
answer.values."Private company" = "private company"
answer.values."Self-employed" = "self-employed"
answer.values."Not working" = "none"
[[labels.employer.claims]]
note = {}
"""


@pytest.fixture(scope="module")
def fused():
    """Labels of several sources, with what is really so; a seventh of the register is out of date."""
    circle = simulate_circle(12_000, random_state=3)
    people, rng = circle.truth["users"], np.random.default_rng(3)
    true = people["life_stage"].map(STAGES.index).to_numpy()
    other = (true + rng.integers(1, 5, len(true))) % 5
    said = np.where(rng.random(len(true)) < 0.15, other, true)
    register = pd.Series(np.array(STAGES)[said]).where(rng.random(len(true)) < 0.5)
    users = pd.DataFrame({"user_id": people["user_id"], "register": register})
    tables = {name: circle.tables[name] for name in ("events", "survey", "notes")} | {"users": users}
    sources = Sources.read(tables, as_of=circle.as_of, timezone=circle.timezone)
    truth = pd.concat(
        [
            people[["user_id", name]].set_axis(["user_id", "value"], axis=1).assign(label=name)
            for name in ("life_stage", "employer")
        ]
    )
    labels = label_users(sources, Catalog.from_toml(SEVERAL_SOURCES), reliabilities="estimate")
    return labels, truth


@pytest.mark.parametrize("source", ["person", "survey", "profile", "behaviour", "all"])
def test_fused_labels_are_as_sure_as_they_are_right(fused, source):
    labels, truth = fused
    table = reliability_diagram(labels.to_pandas(), truth, by="all" if source == "all" else "source")
    found = table[table["group"] == source].iloc[0]
    assert found["n_group"] >= LEAST_CLAIMS
    assert found["error"] <= LARGEST_ERROR, table.to_string()


def test_what_was_declared_was_not(fused):
    labels, truth = fused
    errors = reliability_diagram(labels.claims(), truth).groupby("group")["error"].first()
    assert errors["behaviour"] > 0.1
    assert errors["profile"] > 0.05


def test_the_discount_of_paid_answers_is_found(fused):
    labels, _ = fused
    row = labels.reliabilities().set_index("claim").loc["paid answers"]
    true = (0.83 - 0.2) / (0.95 - 0.2)  # the simulator's paid and unpaid answers, of five values
    assert row["lo"] <= true <= row["hi"]
    assert row["hi"] - row["lo"] < 0.4


def test_the_author_who_errs_most_agrees_least(fused):
    board = fused[0].conflicts(by="author")
    total = board[board["label"] == "every label"].set_index("author")
    assert total["agreement"].idxmin() == "intern_he"
    assert (total["n"] >= 20).all()
