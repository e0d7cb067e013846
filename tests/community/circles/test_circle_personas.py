"""Circles beside personas: the same, not at all the same, and too few to say."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from segtool.community.circles.against_personas import compare_with_personas
from segtool.errors import InputError


def circles_of(circle: np.ndarray) -> SimpleNamespace:
    ids = np.array(["c01", "c02", "c03", None], dtype=object)
    members = pd.DataFrame({"user_id": [f"u{n:04d}" for n in range(len(circle))], "circle": ids[circle]})
    table = pd.DataFrame({"circle": ["c01", "c02", "c03"], "name": ["home", "games", "travel"]})
    return SimpleNamespace(members=members, table=table)


def personas_of(persona: np.ndarray) -> pd.DataFrame:
    names = np.array(["savers", "fans", "readers"], dtype=object)
    return pd.DataFrame(
        {
            "user_id": [f"u{n:04d}" for n in range(len(persona))],
            "persona_id": persona + 1,
            "persona": names[persona],
        }
    )


def test_circles_that_are_personas_are_said_to_be():
    kind = np.arange(300) % 3
    found = compare_with_personas(circles_of(kind), personas_of(kind))
    assert found.measures.loc[0, "agreement"] == pytest.approx(1)
    assert "largely the personas again" in found.notes[0]
    own = found.table[found.table["index"] > 100]
    assert own["index"].tolist() == [300.0] * 3
    assert own["differs"].all()


def test_circles_by_chance_are_not_personas():
    rng = np.random.default_rng(0)
    found = compare_with_personas(circles_of(rng.integers(0, 3, 600)), personas_of(rng.integers(0, 3, 600)))
    measures = found.measures.iloc[0]
    assert measures["lo"] < 0.01
    assert measures["agreement"] <= measures["by_chance"]
    assert measures["p"] > 0.05
    assert "no more than by chance" in found.headline()
    assert not found.table["differs"].any()


def test_agreement_is_adjusted_mutual_information_and_lies_in_its_interval():
    rng = np.random.default_rng(1)
    kind = rng.integers(0, 3, 500)
    other = np.where(rng.random(500) < 0.6, kind, rng.integers(0, 3, 500))
    measures = compare_with_personas(circles_of(kind), personas_of(other)).measures.iloc[0]
    assert measures["agreement"] == pytest.approx(adjusted_mutual_info_score(kind, other), abs=1e-5)
    assert measures["lo"] < measures["agreement"] < measures["hi"]
    assert measures["p"] == pytest.approx(1 / 100)


def test_the_interval_holds():
    """Of samples of 400, the interval must hold the agreement of the whole about as often as it says."""
    rng = np.random.default_rng(2)
    kind = rng.integers(0, 3, 60_000)
    other = np.where(rng.random(60_000) < 0.5, kind, rng.integers(0, 3, 60_000))
    whole = adjusted_mutual_info_score(kind, other)
    held = 0
    for rows in np.split(np.arange(60_000)[: 400 * 30], 30):
        found = compare_with_personas(circles_of(kind[rows]), personas_of(other[rows]), n_shuffles=60)
        held += found.measures.loc[0, "lo"] <= whole <= found.measures.loc[0, "hi"]
    assert 22 <= held <= 30


def test_counts_add_up_over_those_in_both():
    circle = np.array([0] * 40 + [1] * 40 + [3] * 20)
    personas = personas_of(np.arange(100) % 2)
    personas["persona_id"] = personas["persona_id"].astype(float).where(np.arange(100) >= 10)
    table = compare_with_personas(circles_of(circle), personas).table
    assert table["n_users"].sum() == 70
    assert table.groupby("circle")["n_circle"].first().tolist() == [30, 40]


@pytest.mark.parametrize("n", [0, 12])
def test_too_few_are_not_compared(n):
    found = compare_with_personas(circles_of(np.arange(n) % 3), personas_of(np.arange(n) % 3))
    assert np.isnan(found.measures.loc[0, "agreement"])
    assert found.notes[0].startswith("Not known")


def test_the_same_seed_gives_the_same():
    rng = np.random.default_rng(3)
    circles, personas = circles_of(rng.integers(0, 3, 200)), personas_of(rng.integers(0, 3, 200))
    one = compare_with_personas(circles, personas, random_state=5)
    other = compare_with_personas(circles, personas.sample(frac=1, random_state=1), random_state=5)
    pd.testing.assert_frame_equal(one.measures, other.measures)
    pd.testing.assert_frame_equal(one.table, other.table)


def test_a_user_with_two_personas_is_refused():
    personas = pd.concat([personas_of(np.zeros(5, dtype=int))] * 2)
    with pytest.raises(InputError, match="one row per user"):
        compare_with_personas(circles_of(np.zeros(5, dtype=int)), personas)
