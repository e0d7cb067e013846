"""The tables of a plan and of its proof as they leave: nothing counts few people."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd

from segtool.outputs.plan_tables import list_advice, list_cohorts, list_flow, mask_rows

FLOW = ["opening", "new", "returned", "moved_in", "lost", "moved_out", "closing"]


def flow_table(*rows) -> SimpleNamespace:
    table = pd.DataFrame(rows, columns=FLOW)
    table = table.assign(
        level="persona", period="2026-01-01", channel="all", persona=[f"p{i}" for i in table.index]
    )
    return SimpleNamespace(flow=table)


def test_advice_that_rests_on_few_people_counts_nobody_and_gives_no_reason():
    advice = pd.DataFrame(
        {
            "persona_id": [1, 2],
            "n_users": [3, 40],
            "n_events": [9, 90],
            "reason": ["3 users", "asked for (40 users)"],
        }
    )
    table = list_advice(SimpleNamespace(advice=advice), 5)
    assert table["n_users"].isna().tolist() == [True, False]
    assert table["n_events"].isna().tolist() == [True, False]
    assert table["reason"].isna().tolist() == [True, False]


def test_any_small_count_hides_the_rates_of_its_row():
    rates = pd.DataFrame({"n_treated": [90, 80], "n_control": [2, 9], "raw": [0.5, 0.1]})
    assert mask_rows(rates, 5, ("n_treated", "n_control"), ("raw",))["raw"].isna().tolist() == [True, False]


def test_no_small_number_of_a_flow_can_be_worked_out_from_its_row():
    table = list_flow(flow_table([100, 20, 3, 0, 13, 0, 110]), 5)
    hidden = table[FLOW].isna().iloc[0]
    assert hidden["returned"] and hidden.sum() >= 2  # one blank alone would be the rest of the sum


def test_a_flow_without_small_numbers_is_told_whole():
    given = flow_table([100, 20, 30, 0, 40, 0, 110], [50, 10, 10, 5, 20, 5, 50])
    assert list_flow(given, 5)[FLOW].astype(int).to_numpy().tolist() == given.flow[FLOW].to_numpy().tolist()


def test_cohort_cells_of_few_or_of_all_but_few_are_blank():
    cohorts = pd.DataFrame(
        {
            "persona": "everyone", "cohort": "2026-01", "age": [0, 1, 2], "n_users": [40, 40, 40],
            "n_active": [38, 20, 2], "share": [0.95, 0.5, 0.05], "lo": 0.0, "hi": 1.0,
        }
    )  # fmt: skip
    table = list_cohorts(SimpleNamespace(cohorts=cohorts), 5)
    assert table["share"].isna().tolist() == [True, False, True]
    assert table["n_active"].isna().tolist() == [True, False, True]
