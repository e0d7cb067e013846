"""A log of a month says nothing of who bought nothing in half a year."""

from __future__ import annotations

import pandas as pd
import pytest

from segtool.labels import Catalog, label_users
from segtool.labels.builtin import builtin_catalog
from segtool.labels.expressions import check_expression
from segtool.labels.reach import find_window
from segtool.sources import Sources

AS_OF = pd.Timestamp("2026-07-01")


def label(days, catalog=None):
    """Ten users look on every ``days / 30``-th day; the first three buy."""
    rows = [
        (f"u{user}", AS_OF - pd.Timedelta(days=days * step / 30 + 0.01), event, 10.0)
        for user in range(10)
        for step in range(30)
        for event in (["view", "purchase"] if user < 3 and step < 2 else ["view"])
    ]
    events = pd.DataFrame(rows, columns=["user_id", "event_time", "event", "amount"])
    return label_users(Sources.read({"events": events}, as_of=AS_OF), catalog or builtin_catalog())


def buyers(labels):
    return labels.to_pandas().query("label == 'buyer'").set_index("user_id")["value"].to_dict()


def test_a_month_does_not_tell_who_bought_nothing_in_half_a_year():
    assert set(buyers(label(30))) == {"u0", "u1", "u2"}


def test_half_a_year_does():
    assert buyers(label(170))["u9"] == "none" and len(buyers(label(170))) == 10


def test_labels_say_how_far_the_log_reaches():
    labels = label(30)
    (note,) = labels.notes
    assert note.startswith("events cover 30 days (2026-06-01 to 2026-06-30): windows longer than that")
    assert "buyer" in note and note in repr(labels) and note in labels._repr_html_()


def test_nothing_is_said_of_windows_that_the_log_covers():
    catalog = Catalog.from_toml("""
[measures.n]
from = "events"
sql = "count(*)"
where = "event = 'purchase' and age_days < 30"
no_rows = 0
[labels.buys]
facet = "consumption"
claims = [{flag = {is = "n >= 1"}}]
""")
    labels = label(30, catalog)
    assert labels.notes == () and len(labels.to_pandas()) == 10


def test_the_window_of_a_claim_of_its_own_counts_too():
    catalog = Catalog.from_toml("""
[labels.does]
facet = "taste"
many = true
claims = [{preference = {from = "events", by = "event", where = "age_days < 90", min = 1, at_least = 0}}]
""")
    assert "They are in: does." in label(30, catalog).notes[0]


@pytest.mark.parametrize(
    ("where", "days"),
    [
        ("event = 'x' and age_days < 90", 90),
        ("180 >= age_days", 180),
        ("age_days between 30 and 60", 60),
        ("age_days >= 30 and (age_days < 60 and event = 'x')", 60),
        ("age_days > 30", None),
        ("age_days < 30 or event = 'x'", None),
    ],
)
def test_the_window_is_read_from_the_filter(where, days):
    assert find_window([check_expression(where, "where"), None]) == days
