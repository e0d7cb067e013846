"""The tables of a plan and of its proof as they leave: nothing counts few people."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd

from segtool.outputs.plan_tables import (
    list_advice,
    list_calendar,
    list_calendar_topics,
    list_cohorts,
    list_curves,
    mask_rows,
)


def test_advice_that_rests_on_few_people_counts_nobody_and_gives_no_reason():
    advice = pd.DataFrame(
        {
            "persona_id": [1, 2],
            "n_users": [3, 40],
            "n_events": [9, 90],
            "estimate": [0.3, 0.4],
            "lo": [0.1, 0.2],
            "hi": [0.5, 0.6],
            "reason": ["3 users", "asked for (40 users)"],
        }
    )
    table = list_advice(SimpleNamespace(advice=advice), 5)
    for name in ("n_users", "n_events", "estimate", "lo", "hi", "reason"):
        assert table[name].isna().tolist() == [True, False]


def test_any_small_count_hides_the_rates_of_its_row():
    rates = pd.DataFrame({"n_treated": [90, 80], "n_control": [2, 9], "raw": [0.5, 0.1]})
    assert mask_rows(rates, 5, ("n_treated", "n_control"), ("raw",))["raw"].isna().tolist() == [True, False]


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


def test_a_persona_of_a_cohort_is_not_the_rest_of_everyone():
    cohorts = pd.DataFrame(
        {
            "persona_id": [0, 1, 2, 3], "persona": "x", "cohort": "2026-01", "age": 1,
            "n_users": [123, 60, 60, 3], "n_active": [62, 30, 31, 1], "share": 0.5, "lo": 0.4, "hi": 0.6,
        }
    )  # fmt: skip
    table = list_cohorts(SimpleNamespace(cohorts=cohorts), 5)
    assert table["n_users"].isna().tolist() == [False, True, False, True]
    assert table["n_active"].isna().tolist() == [False, True, False, True]


def calendar_rows(*users) -> pd.DataFrame:
    n = np.array(users)
    return pd.DataFrame(
        {
            "persona_id": 1, "persona": "Readers", "week": 1, "week_start": pd.Timestamp("2026-07-01"),
            "daypart": "evening", "channel": "app_push", "topic": ["tea"] * 3 + ["chess"] * (len(n) - 3),
            "item_id": [f"c{i}" for i in range(len(n))], "n_sends": n, "n_users": n,
            "n_explore": [2] + [0] * (len(n) - 1), "share": n / n.sum(),
        }
    )  # fmt: skip


def test_a_blank_row_of_the_calendar_cannot_be_worked_out():
    table = list_calendar(SimpleNamespace(calendar=calendar_rows(40, 3, 30, 20, 10)), 5)
    numbers = table[["n_sends", "n_users", "share"]].isna()
    assert numbers.all(axis=1).tolist() == [False, True, False, False, True]  # the smallest other, too
    assert not numbers.loc[[0, 2, 3]].any(axis=None)
    assert table["n_explore"].isna().tolist() == [True, True, False, False, True]


def test_the_figure_of_the_calendar_counts_items_that_few_get_each():
    schedule = SimpleNamespace(calendar=calendar_rows(4, 4, 4, 2, 1))
    shown = list_calendar_topics(schedule, 5)
    assert shown["topic"].fillna("").tolist() == ["tea", ""]  # twelve get tea, three chess
    assert shown["n_sends"].tolist() == [12, 3] and shown["share"].sum() == 1
    schedule.sends = SimpleNamespace(
        row=np.repeat([0, 1], [12, 3]), day=np.zeros(15, dtype=int), topic=np.repeat([0, 1], [12, 3])
    )
    schedule.people = SimpleNamespace(table=pd.DataFrame({"persona_id": [1, 1]}))
    schedule.catalogue = SimpleNamespace(topics=["tea", "chess"])
    alone = list_calendar_topics(schedule, 5)  # all of it to two people
    assert alone["topic"].isna().all() and alone["n_sends"].isna().all()


def test_curves_end_and_step_where_enough_people_are():
    days = np.arange(20)
    survival = pd.DataFrame(
        {"persona_id": 0, "persona": "everyone", "day": days, "at_risk": 41 - 2 * days,
         "lost": np.r_[0, np.full(19, 2)], "share": 1 - days / 20}
    )  # fmt: skip
    shown = list_curves(SimpleNamespace(survival=survival), 5)
    assert shown["day"].tolist() == [0, 3, 6, 9, 12, 15, 18]
    assert shown["at_risk"].min() >= 5
