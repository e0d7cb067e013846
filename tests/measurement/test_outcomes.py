"""Outcomes out of a study's tables: unknown is never no, and nothing from outside the window counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError, ParameterError
from segtool.measurement import Metric, measure_lift, read_outcomes, read_past
from segtool.sources import Sources

EVENTS = [
    # user, time, event, amount
    ("a", "2026-05-01 10:00", "view", None),
    ("a", "2026-06-05 10:00", "purchase", 20),  # before the start
    ("a", "2026-06-10 00:00", "purchase", 30),  # at the start: within
    ("a", "2026-06-12 10:00", "purchase", 10),
    ("b", "2026-06-20 00:00", "purchase", 99),  # at the end: outside
    ("b", "2026-06-15 10:00", "hide", None),
    ("c", "2026-06-11 10:00", "view", None),
    ("c", "2026-06-11 18:00", "like", None),
]
SENDS = [
    ("1", "a", "2026-06-11", "2026-06-11 09:00", None),
    ("2", "a", "2026-06-12", None, None),
    ("3", "c", "2026-06-01", None, "2026-06-02"),
    ("4", "b", "2026-06-13", None, "2026-06-14"),
]
ARMS = pd.Series({"a": "spring", "b": "control", "c": "spring", "stranger": "control"})
WINDOW = {"start": "2026-06-10", "end": "2026-06-20"}


@pytest.fixture(scope="module")
def sources():
    events = pd.DataFrame(EVENTS, columns=["user_id", "event_time", "event", "amount"])
    columns = ["send_id", "user_id", "sent_at", "responded_at", "unsubscribed_at"]
    sends = pd.DataFrame(SENDS, columns=columns)
    return Sources.read({"events": events, "sends": sends}, as_of="2026-07-01")


def read(sources, metric, **options):
    return read_outcomes(sources, ARMS, metric=metric, **{**WINDOW, **options}).set_index("user_id")


@pytest.mark.parametrize(
    ("metric", "expected", "before"),
    [
        ("purchased", [1, 0, 0], [1, 0, 0]),
        ("purchases", [2, 0, 0], [1, 0, 0]),
        ("spend", [40, 0, 0], [20, 0, 0]),
        ("active", [1, 0, 1], [1, 0, 0]),
        ("active_days", [2, 0, 1], [1, 0, 0]),
        (Metric("likes", "number", ("like",)), [0, 0, 1], [0, 0, 0]),
    ],
)
def test_what_counts(sources, metric, expected, before):
    table = read(sources, metric)
    name = getattr(metric, "name", metric)
    assert table.loc[["a", "b", "c"], name].tolist() == expected
    assert table.loc[["a", "b", "c"], f"{name}_before"].tolist() == before


def test_ratios_have_their_denominators(sources):
    table = read(sources, ["amount_per_purchase", "answers_per_send"], before_days=30)
    assert table.loc["a", ["amount_per_purchase", "amount_per_purchase_per"]].tolist() == [40, 2]
    assert table.loc["a", ["answers_per_send", "answers_per_send_per"]].tolist() == [1, 2]
    assert table.loc["c", ["amount_per_purchase", "amount_per_purchase_per"]].tolist() == [0, 0]


def test_strangers_are_unknown_and_said_and_not_zero(sources):
    table = read_outcomes(sources, ARMS, metric="spend", **WINDOW)
    row = table.set_index("user_id").loc["stranger"]
    assert np.isnan(row["spend"]) and np.isnan(row["sent"])
    assert "1 of 4 assigned users are not known" in " ".join(table.attrs["notes"])


def test_sends_and_opt_outs(sources):
    table = read(sources, "spend")
    assert table.loc[["a", "b", "c"], "sent"].tolist() == [2, 1, 0]
    assert table.loc[["a", "b", "c"], "opted_out"].tolist() == [False, False, True]  # b left after the start


def test_a_log_that_does_not_reach_back_gives_no_covariate(sources):
    table = read_outcomes(sources, ARMS, metric="spend", before_days=60, **WINDOW)
    assert "spend_before" not in table and "no covariate" in " ".join(table.attrs["notes"])


def test_the_past_is_everybodys(sources):
    past = read_past(
        sources, metric="spend", days=20, personas=pd.DataFrame({"user_id": ["a"], "persona_id": [1]})
    )
    assert past["user_id"].tolist() == ["a", "b", "c"] and past["spend"].tolist() == [10, 99, 0]
    assert past["persona_id"].isna().tolist() == [False, True, True] and "arm" not in past


def test_outcomes_go_straight_into_the_lift():
    rng = np.random.default_rng(0)
    users = [f"u{i}" for i in range(400)]
    arm = np.where(rng.random(400) < 0.5, "control", "spring")
    buys = rng.random(400) < np.where(arm == "spring", 0.5, 0.2)
    events = pd.DataFrame({"user_id": users, "event": np.where(buys, "purchase", "view"),
                           "event_time": "2026-06-15", "amount": 10})  # fmt: skip
    early = events.assign(event="view", event_time="2026-05-01")
    sources = Sources.read({"events": pd.concat([events, early])}, as_of="2026-07-01")
    arms = pd.DataFrame({"user_id": [*users, "stranger"], "arm": [*arm, "spring"]})
    lift = measure_lift(read_outcomes(sources, arms, **WINDOW), outcome="purchased")
    assert lift.overall["verdict"].iloc[0] == "proved by test"
    assert "not known to the study" in " ".join(lift.notes)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"end": "2026-08-01"}, "ends after as_of"),
        ({"start": "2026-06-25"}, "not after the start"),
        ({"start": "2026-04-01"}, "begins before the log"),
        ({"metric": "spent"}, "did you mean 'spend'"),
        ({"metric": ["spend", "spend"]}, "one twice"),
    ],
)
def test_windows_and_metrics_that_tell_nothing_are_refused(sources, options, words):
    with pytest.raises((InputError, ParameterError), match=words):
        read_outcomes(sources, ARMS, **{"metric": "spend", **WINDOW, **options})


def test_a_missing_table_is_named():
    events = pd.DataFrame({"user_id": ["a"], "event_time": ["2026-06-01"], "event": ["view"]})
    sources = Sources.read({"events": events}, as_of="2026-07-01")
    with pytest.raises(InputError, match="needs the table sends"):
        read_outcomes(sources, ARMS, metric="answers_per_send", **WINDOW)
    with pytest.raises(InputError, match="amount"):
        read_outcomes(sources, ARMS, metric="spend", **WINDOW)


def test_metrics_that_are_none_are_refused():
    with pytest.raises(ParameterError, match="kind"):
        Metric("x", "sum")
    with pytest.raises(ParameterError, match="no metric"):
        Metric("x", "answers")
