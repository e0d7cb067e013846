"""The calendar as a picture."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.plots.calendar_chart import plot_calendar
from segtool.plots.theme import to_svg


def calendar(n_weeks=4):
    rows = [
        {
            "persona_id": persona, "persona": name, "week": week, "week_start": pd.Timestamp("2026-07-01"),
            "daypart": "evening", "channel": "app_push", "topic": topic, "n_sends": n, "share": n / 100,
        }
        for persona, name in ((1, "Readers"), (2, "Cooks"))
        for week in range(1, n_weeks + 1)
        for topic, n in (("books", 60), ("slow_food", 30), ("tea", 7), ("chess", 3))
        if (persona, week) != (2, 2)
    ]  # fmt: skip
    return SimpleNamespace(calendar=pd.DataFrame(rows))


def test_each_cell_names_the_most_sent_topics_with_their_share():
    svg = to_svg(plot_calendar(calendar()))
    for text in ("books", "slow food", "60%", "evening · app push", "100 sends", "Readers", "week 4"):
        assert text in svg
    assert "chess" not in svg


def test_a_week_without_sends_says_so_and_weeks_can_be_chosen():
    assert "nothing" in to_svg(plot_calendar(calendar()))
    later = to_svg(plot_calendar(calendar(), first_week=3, weeks=2))
    assert "week 3" in later and "week 2" not in later


def test_an_empty_calendar_is_refused():
    with pytest.raises(InputError, match="no sends"):
        plot_calendar(calendar(), first_week=9)


def test_what_few_people_get_is_counted_and_not_named():
    schedule = calendar()
    table = schedule.calendar
    table["topic"] = table["topic"].mask(table["topic"] == "tea", None)
    table["n_sends"] = (
        table["n_sends"].astype("Int64").mask((table["week"] == 4) & (table["persona_id"] == 1))
    )
    svg = to_svg(plot_calendar(schedule))
    assert "tea" not in svg and "100 sends" in svg and "sent to too few to tell" in svg
