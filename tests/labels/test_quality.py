"""Coverage, overlap, conflict, sameness, and confidences that come true or do not."""

import numpy as np
import pandas as pd
import pytest
from labels_ledger import claim, labels_of

from segtool.errors import InputError
from segtool.labels.labels import Labels
from segtool.labels.quality import calibration_error, reliability, same_labels


@pytest.fixture
def ledger():
    claims = [
        claim("u1", "student", "person"), claim("u1", "mom", "behaviour"),
        claim("u2", "student", "person"), claim("u2", "mom", "behaviour"),
        claim("u3", "mom", "person"), claim("u3", "mom", "behaviour"),
        claim("u4", "mom", "behaviour"),
    ]  # fmt: skip
    resolved = [
        ("u1", "student", 0.9, "person", True), ("u2", "student", 0.9, "person", True),
        ("u3", "mom", 0.95, "person", False), ("u4", "mom", 0.9, "behaviour", False),
    ]  # fmt: skip
    return labels_of(claims, resolved)


def test_coverage_counts_label_and_claims(ledger):
    table = ledger.coverage().set_index("claim")
    assert table.loc["all", "n_users"] == 4
    assert table.loc["stage.person", "n_users"] == 3
    assert table.loc["all", "share_known"] == pytest.approx(4 / 6)
    assert table.loc["stage.behaviour", "note"] == "everybody known has the same value"


def test_overlap_counts_agreement(ledger):
    row = ledger.overlap().iloc[0]
    assert (row["n_a"], row["n_b"], row["n_both"], row["n_agree"]) == (4, 3, 3, 1)
    assert row["share_agree"] == pytest.approx(1 / 3)


def test_conflicts_say_who_wins_and_how_often(ledger):
    row = ledger.conflicts().iloc[0]
    assert (row["kept_source"], row["kept_value"]) == ("person", "student")
    assert (row["against_source"], row["against_value"]) == ("behaviour", "mom")
    assert (row["n_users"], row["n_both"]) == (2, 3)


def test_many_values_do_not_conflict():
    claims = [claim("u1", "tea", "behaviour"), claim("u1", "travel", "person")]
    resolved = [("u1", "tea", 0.9, "behaviour", False), ("u1", "travel", 0.9, "person", False)]
    assert labels_of(claims, resolved, kind="many").conflicts().empty


def test_labels_show_themselves(ledger):
    assert "1 label" in ledger.headline()
    assert "Life stage" in repr(ledger)
    assert "student 50%" in ledger._repr_html_()


def test_labels_that_say_the_same_are_found():
    rng = np.random.default_rng(0)
    first = rng.choice(["a", "b", "c"], 400)
    frame = pd.DataFrame(
        {"x": first, "copy": pd.Series(first).str.upper(), "other": rng.choice(["a", "b"], 400), "same": "s"}
    )
    frame.index = [f"u{number:03d}" for number in range(400)]
    found = same_labels(Labels.from_frame(frame))
    assert found[["label_a", "label_b"]].values.tolist() == [["x", "copy"]]


def claims_with(confidence, n=4000, seed=0):
    rng = np.random.default_rng(seed)
    users = [f"u{number}" for number in range(n)]
    right = rng.random(n) < confidence
    claims = pd.DataFrame({"user_id": users, "label": "x", "source": "behaviour", "confidence": confidence})
    claims["value"] = np.where(right, "a", "b")
    return claims, pd.DataFrame({"user_id": users, "label": "x", "value": "a"})


def test_honest_confidence_has_no_error():
    confidence = np.random.default_rng(1).uniform(0.5, 1, 4000)
    claims, truth = claims_with(confidence)
    assert calibration_error(reliability(claims, truth))["error"].iloc[0] < 0.03


def test_boasting_shows():
    claims, truth = claims_with(0.6)
    claims["confidence"] = 0.95
    row = calibration_error(reliability(claims, truth)).iloc[0]
    assert row["error"] == pytest.approx(0.35, abs=0.03)
    assert row["n"] == 4000


def test_users_without_truth_are_not_judged():
    claims, truth = claims_with(0.8, n=50)
    assert reliability(claims, truth.head(20))["n"].sum() == 20
    assert reliability(claims, truth.head(0)).empty


def test_many_true_values_are_each_right():
    claims = pd.DataFrame({"user_id": ["a", "a", "a"], "label": "likes", "value": ["tea", "milk", "rum"],
                           "source": "behaviour", "confidence": 0.7})  # fmt: skip
    truth = pd.DataFrame({"user_id": ["a", "a"], "label": "likes", "value": ["tea", "milk"]})
    assert reliability(claims, truth)["share_right"].iloc[0] == pytest.approx(2 / 3)


def test_missing_columns_are_named():
    with pytest.raises(InputError, match="confidence"):
        reliability(pd.DataFrame({"user_id": [], "label": [], "value": [], "source": []}), pd.DataFrame())
