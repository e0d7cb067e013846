"""Traffic minus evaporation adds up to the user, whatever the log."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool.measurement.retention.activity import read_activity, to_day
from segtool.measurement.retention.flow import MOVES, FlowError, check_flow, count_flow, set_periods
from segtool.measurement.retention.groups import read_groups
from segtool.measurement.retention.retention import plan_retention
from segtool.measurement.retention.settings import RetentionSettings
from tests.measurement.retention.visit_logs import FIRST, bare_visits, read_visits, walk

N_DAYS, CHURN = 60, 6
VISITS = st.lists(
    st.tuples(st.sampled_from("abcde"), st.integers(0, N_DAYS - 1), st.sampled_from(["app", "store", "web"])),
    min_size=1,
    max_size=60,
)
PERSONAS = pd.Series({"a": "early birds", "b": "early birds", "c": "night owls"})


def flow_of(visits):
    visits = sorted(visits, key=lambda visit: visit[1])
    options = RetentionSettings(churn_days=CHURN)
    groups = read_groups(PERSONAS)
    with read_activity(bare_visits(visits, N_DAYS), groups.place, options) as activity:
        edges, kind, _ = set_periods(activity, None, "week")
        return visits, count_flow(activity, groups, edges, kind)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(VISITS)
def test_flow_equals_a_count_day_by_day(visits):
    visits, flow = flow_of(visits)
    moves, here = walk(visits, N_DAYS, CHURN)
    for row in flow.itertuples():
        low = to_day(row.period) - to_day(FIRST)
        high = low + row.days

        def is_meant(user, channel, row=row):
            persona = PERSONAS.get(user, "(no persona)")
            return row.persona in ("everyone", persona) and row.channel in ("all", channel)

        counts = {
            kind: sum(
                k == kind and low <= day < high and is_meant(user, channel) for k, day, user, channel in moves
            )
            for kind in MOVES
        }
        if row.channel == "all":
            counts["moved_in"] = counts["moved_out"] = 0
        assert [getattr(row, kind) for kind in MOVES] == [counts[kind] for kind in MOVES]
        assert row.opening == sum(is_meant(*one) for one in here[low].items())
        assert row.closing == sum(is_meant(*one) for one in here[high].items())
    sums = flow.groupby(["level", "period"])[["opening", "new", "returned", "lost", "closing"]].sum()
    for level in ("channel", "persona", "persona and channel"):  # every user in one row of each
        assert sums.loc[level].equals(sums.loc["all"])


def test_a_flow_that_does_not_add_up_is_never_shown():
    _, flow = flow_of([("a", 0, "app"), ("a", 30, "web"), ("b", 31, "web")])
    check_flow(flow)
    for column in ("opening", "new", "lost", "moved_in", "closing"):
        wrong = flow.copy()
        wrong.loc[wrong.index[-1], column] += 1
        with pytest.raises(FlowError, match="does not reconcile"):
            check_flow(wrong)


def test_who_goes_and_comes_back_within_a_period_counts_in_both():
    visits = [("a", day, "app") for day in (0, 8, 9, 17)] + [("b", 40, "app")]
    sources = read_visits(visits, 59)
    flow = plan_retention(sources, settings=RetentionSettings(churn_days=6, period="month")).flow
    first = flow[flow["level"] == "all"].iloc[0]
    assert (first["period"], first["days"], bool(first["complete"])) == (
        pd.Timestamp("2026-02-01").date(),
        28,
        True,
    )
    assert (first["opening"], first["new"], first["lost"], first["closing"]) == (0, 1, 1, 0)
    start = plan_retention(
        sources, start="2026-01-08", settings=RetentionSettings(churn_days=6, period="month")
    ).flow
    january = start[start["level"] == "all"].iloc[0]
    assert not january["complete"]
    assert (january["opening"], january["returned"], january["lost"], january["closing"]) == (1, 2, 3, 0)


def test_who_joined_before_the_log_is_not_new():
    visits = [("a", 0, "app"), ("old", 20, "app"), ("fresh", 20, "app")]
    sources = read_visits(visits, 40, users={"a": 0, "old": -100, "fresh": 19})
    flow = plan_retention(sources, settings=RetentionSettings(churn_days=6)).flow
    whole = flow[flow["level"] == "all"][["new", "returned"]].sum()
    assert (whole["new"], whole["returned"]) == (1, 1)


def test_rare_channels_are_one_row():
    visits = [("a", day, f"c{day:02d}") for day in range(20)] + [("a", day, "c01") for day in range(20, 40)]
    found = plan_retention(read_visits(visits, 40), settings=RetentionSettings(max_channels=2))
    assert set(found.flow["channel"]) == {"all", "c00", "c01", "(other channels)"}


def test_a_log_without_channels_still_flows():
    visits = [("a", day, None) for day in range(0, 40, 3)]
    found = plan_retention(read_visits(visits, 40), settings=RetentionSettings(churn_days=6))
    assert set(found.flow["channel"]) == {"all", "(not recorded)"}
