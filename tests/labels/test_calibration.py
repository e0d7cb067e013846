"""Confidences mean something: on the simulated truth they come true about as often as they say."""

import pytest
from circle_truth import CircleTruth

from segtool.labels import label_users
from segtool.labels.quality import calibration_error, reliability
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
