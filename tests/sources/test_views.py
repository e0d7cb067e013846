from __future__ import annotations

import pandas as pd
import pytest

from segtool.sources import DERIVED, Sources
from segtool.sources.views import OUTCOMES


def read(tables, **options):
    return Sources.read(tables, **{"as_of": "2026-07-01", **options})


def events(times, **columns):
    n = len(times)
    fixed = {"user_id": [f"u{i}" for i in range(n)], "event_time": times, "event": ["view"] * n}
    return pd.DataFrame(fixed | columns)


def ask(sources, columns, table="events"):
    return sources.engine.query(f"SELECT {columns} FROM {table} ORDER BY user_id").values.tolist()


def test_local_times_are_those_of_the_study():
    sources = read({"events": events(["2026-06-07T20:30Z", "2026-06-30"])}, timezone="Asia/Shanghai")
    assert ask(sources, "local_hour, local_weekday, CAST(local_date AS VARCHAR)") == [
        [4, 1, "2026-06-08"],
        [0, 2, "2026-06-30"],
    ]


def test_local_times_follow_the_clock_changes_of_every_year():
    sources = read({"events": events(["1999-01-15T12:00Z", "2024-07-01T12:00Z"])}, timezone="Europe/Berlin")
    assert ask(sources, "local_hour") == [[13], [14]]


def test_age_is_in_days_before_as_of():
    sources = read({"events": events(["2026-06-30 12:00", "2026-06-01"])})
    assert ask(sources, "age_days") == [[0.5], [30.0]]


def test_derived_columns_have_the_types_stated():
    sources = read({"events": events(["2026-06-01"])})
    types = sources.engine.types("events")
    assert {name: types[name] for name in DERIVED} == DERIVED
    assert not set(DERIVED) & set(sources.columns("events"))


def test_a_table_without_its_time_has_no_derived_columns():
    sources = read({"users": pd.DataFrame({"user_id": ["a"]})})
    assert list(sources.engine.columns("users")) == ["user_id"]


CONTENT = pd.DataFrame({"item_id": ["i1", "i2"], "topic": ["shoes", "books"]})


def test_topics_come_from_content_where_events_name_none():
    sources = read({"events": events(["2026-06-01"] * 3, item_id=["i1", "i2", "i9"]), "content": CONTENT})
    assert [None if pd.isna(t) else t for (t,) in ask(sources, "topic")] == ["shoes", "books", None]
    assert "topic" in sources.columns("events")


def test_a_topic_that_events_name_stands():
    frame = events(["2026-06-01"] * 2, item_id=["i1", "i2"], topic=["own", ""])
    sources = read({"content": CONTENT, "events": frame})
    assert ask(sources, "topic") == [["own"], ["books"]]
    assert list(sources.columns("events")) == ["user_id", "event_time", "event", "item_id", "topic"]


def test_content_listed_twice_does_not_double_events():
    sources = read(
        {"events": events(["2026-06-01"], item_id=["i1"]), "content": pd.concat([CONTENT, CONTENT])},
        max_rejected_share=0.5,
    )
    assert len(sources.to_pandas("events")) == 1


def sends(**columns):
    n = len(next(iter(columns.values())))
    fixed = {"send_id": range(n), "user_id": [f"u{i}" for i in range(n)], "sent_at": ["2026-06-01"] * n}
    return pd.DataFrame(fixed | columns)


def test_outcomes_are_yes_when_their_time_is_there_and_before_as_of():
    frame = sends(opened_at=["2026-06-02", "", "2026-07-01"], unsubscribed_at=["", "2026-06-03", ""])
    sources = read({"sends": frame})
    assert ask(sources, "opened, unsubscribed", "sends") == [[True, False], [False, True], [False, False]]
    assert sources.to_pandas("sends")["opened_at"].isna().tolist() == [False, True, True]


def test_outcomes_of_which_the_file_does_not_speak_are_unknown():
    sources = read({"sends": sends(opened=["yes", "no"])})
    assert ask(sources, "opened", "sends") == [[True], [False]]
    assert sources.engine.execute("SELECT count(responded) FROM sends").fetchone() == (0,)
    assert set(OUTCOMES) & set(sources.columns("sends")) == {"opened"}


def test_the_user_index_holds_every_user_of_every_table_once():
    tables = {
        "users": pd.DataFrame({"user_id": ["a", "b"]}),
        "events": events(["2026-06-01", "2026-07-02"]),
        "survey": pd.DataFrame({"user_id": ["b", "c"]}),
        "members": pd.DataFrame({"group_id": ["g", "g"], "user_id": ["d", "d"]}),
        "content": CONTENT,
    }
    sources = read(tables)
    index = sources.engine.query("SELECT user_id FROM user_index ORDER BY user_id")["user_id"].tolist()
    assert index == ["a", "b", "c", "d", "u0"]
    assert sources.n_users == 5


@pytest.mark.parametrize(
    ("table", "columns", "kept"),
    [
        ("users", {"user_id": ["a", "b"], "joined_at": ["2026-06-30", "2026-07-01"]}, 1),
        ("survey", {"user_id": ["a", "b"], "answered_at": ["2026-06-30", "2026-07-01"]}, 1),
        ("members", {"group_id": ["g"] * 2, "user_id": ["a", "b"], "joined_at": ["", "2026-07-01"]}, 1),
    ],
)
def test_what_happened_at_as_of_or_later_is_not_read(table, columns, kept):
    sources = read({table: pd.DataFrame(columns)})
    assert len(sources.to_pandas(table)) == kept


def test_plans_for_later_are_read():
    tables = {
        "users": pd.DataFrame({"user_id": ["a"]}),
        "content": CONTENT.assign(published_at=["2027-01-01", "1850-01-01"]),
        "activities": pd.DataFrame({"activity_id": ["x"], "group_id": ["g"], "starts_at": ["2026-08-01"]}),
    }
    sources = read(tables)
    assert sources.summary().to_pandas().set_index("table")["kept"].to_dict() == {
        "users": 1,
        "content": 2,
        "activities": 1,
    }
