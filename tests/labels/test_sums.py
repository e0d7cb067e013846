"""Counts that follow from others give what counting gives, in fewer aggregates."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_tables import AS_OF, label_tiny, tiny_engine

from segtool.labels import Catalog, Measure, compile_labels

EVENTS = {"user_id": "text", "event": "text", "age_days": "number", "event_time": "time"}
WHERES = {
    "carts": "event = 'cart'", "bought": "event = 'purchase'", "both": "event in ('cart', 'purchase')",
    "three": "event in ('cart', 'purchase', 'view')", "viewed": "event = 'view'", "young": "age_days < 30",
    "older": "age_days < 90", "between": "age_days >= 30 and age_days < 90", "all": None,
    "young_both": "event in ('purchase', 'cart') and age_days < 30",
    "not_both": "not event in ('purchase', 'cart')", "lone_pair": "event in ('like', 'share')",
}  # fmt: skip
MEASURES = [Measure(name, "events", "count(*)", where, no_rows=0) for name, where in WHERES.items()]


def scans(measures):
    steps = compile_labels(Catalog(measures), {"events": EVENTS}).steps
    return "\n".join(step.sql for step in steps if "scan" in step.name)


def test_what_adds_up_is_not_counted():
    sql = scans(MEASURES)
    for name in ("both", "three", "between"):
        assert f" AS {name}" not in sql
    for name in ("carts", "bought", "viewed", "older", "lone_pair", "young_both", "not_both"):
        assert f" AS {name}" in sql


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.sampled_from(["cart", "purchase", "view", "like", None]),
            st.integers(0, 120),
        ),
        min_size=1,
        max_size=20,
    )
)
@settings(max_examples=25, deadline=None)
def test_measures_equal_what_pandas_counts(history):
    rows = [
        {"user_id": user, "event": event, "event_time": AS_OF - pd.Timedelta(days=days, hours=1)}
        for user, event, days in history
    ]
    engine = tiny_engine(events=rows)
    label_tiny(Catalog(MEASURES), engine)
    found = engine.query("SELECT * FROM measures ORDER BY user_id").set_index("user_id")
    events = pd.DataFrame(rows)
    age, event = (AS_OF - events["event_time"]) / pd.Timedelta(days=1), events["event"]
    two = event.isin(["cart", "purchase"])
    tests = {
        "carts": event == "cart", "both": two, "three": two | (event == "view"), "young": age < 30,
        "between": (age >= 30) & (age < 90), "young_both": two & (age < 30), "all": age >= 0,
        "not_both": event.notna() & ~two, "lone_pair": event == "like",
    }  # fmt: skip
    for name, test in tests.items():
        counted = events[test].groupby("user_id").size().reindex(found.index).fillna(0)
        assert found[name].to_dict() == pytest.approx(counted.to_dict()), name
