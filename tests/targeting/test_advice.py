"""The one table of advice: parts joined, and what tests say of them."""

from __future__ import annotations

import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.targeting.advice import join_advice
from segtool.targeting.verdicts import ADVICE, ASSOCIATED, LOGGED, PROVED


def piece(persona_id=1, aspect="topic", advice="tea", verdict=ASSOCIATED, **more) -> pd.DataFrame:
    row = {
        "persona_id": persona_id, "persona": f"p{persona_id}", "aspect": aspect, "rank": 1, "advice": advice,
        "estimate": 1.5, "unit": "lift over everyone", "lo": 1.2, "hi": 1.9, "n_users": 40, "n_events": 90,
        "level": "persona", "verdict": verdict, "reason": "asked for 1.5× as often",
    }  # fmt: skip
    return pd.DataFrame([{**row, **more}])


def test_rows_stand_by_persona_then_in_the_order_of_planning():
    table = join_advice([piece(2), piece(1, "stage", "desire"), piece(1)])
    assert table[["persona_id", "aspect"]].to_numpy().tolist() == [[1, "topic"], [1, "stage"], [2, "topic"]]
    assert list(table) == ADVICE


def test_a_test_gives_its_verdict_and_its_reason_to_the_advice_it_is_about():
    proof = piece(verdict=PROVED, reason="2.1 more purchases in 100 users").drop(columns="rank")
    row = join_advice([piece(), piece(2)], proof).iloc[0]
    assert row["verdict"] == PROVED
    assert row["reason"] == "asked for 1.5× as often; proved by test: 2.1 more purchases in 100 users"
    assert row["estimate"] == 1.5  # still the lift of the topic: the proof has a unit of its own


def test_a_weaker_finding_never_takes_a_stronger_verdict_away():
    table = join_advice([piece(verdict=PROVED)], piece(verdict=LOGGED, reason="weaker"))
    assert table["verdict"].tolist() == [PROVED]
    assert "weaker" not in table["reason"][0]


def test_evidence_on_something_else_is_a_row_of_its_own():
    table = join_advice([piece()], piece(aspect="plan", advice="send", verdict=PROVED))
    assert table["aspect"].tolist() == ["plan", "topic"]


def test_nothing_gives_an_empty_table_and_odd_verdicts_are_refused():
    assert join_advice([]).empty
    with pytest.raises(InputError, match=r"'surely'.*proved by test"):
        join_advice([piece()], piece(verdict="surely"))
