from __future__ import annotations

import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.sources import Sources, TableSettings

GOOD = {"user_id": ["a"], "event_time": ["2026-06-01"], "event": ["view"]}


def read(data: dict, **settings):
    given = (pd.DataFrame(data), TableSettings(**settings))
    return Sources.read({"events": given}, as_of="2026-07-01")


def test_a_column_map_renames_required_columns_and_properties():
    sources = read(
        {"uid": ["a"], "ts": ["2026-06-01"], "what": ["view"], "x y": ["1"]},
        columns={"user_id": "uid", "event_time": "ts", "event": "WHAT", "size": "x y"},
    )
    assert list(sources.columns("events")) == ["user_id", "event_time", "event", "size"]


def test_own_names_are_found_in_any_case():
    sources = read({"User_ID": ["a"], "EVENT_TIME": ["2026-06-01"], "Event": ["view"], "Größe": ["1"]})
    assert list(sources.columns("events")) == ["user_id", "event_time", "event", "Größe"]


def test_a_missing_column_shows_the_map_to_write():
    with pytest.raises(InputError) as refusal:
        read({"uid": ["a"], "timestamp": ["2026-06-01"], "action": ["view"]})
    text = str(refusal.value)
    assert "no column 'user_id', 'event_time', 'event'" in text
    assert 'columns = {user_id = "uid", event_time = "timestamp", event = "action"}' in text


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"columns": {"topic": "tpoic"}},
            r"sources\.events\.columns names the column 'tpoic'.*did you mean 'topik'",
        ),
        ({"drop": ["nope"]}, r"sources\.events\.drop names the column 'nope'"),
        (
            {"values": {"evnt": {"a": "b"}}},
            r"sources\.events\.values names the column 'evnt'.*did you mean 'event'",
        ),
    ],
)
def test_settings_that_name_no_column_are_refused(settings, words):
    with pytest.raises(InputError, match=words):
        read(GOOD | {"topik": ["x"]}, **settings)


def test_dropped_columns_are_not_read():
    assert "secret" not in read(GOOD | {"secret": ["x"]}, drop=["secret"]).columns("events")


def test_the_map_wins_over_a_column_of_the_same_name_and_says_so():
    sources = read(GOOD | {"real_id": ["z"]}, columns={"user_id": "real_id"})
    assert sources.to_pandas("events")["user_id"].tolist() == ["z"]
    assert "user_id is left out" in " ".join(sources.check().to_pandas()["note"])


def test_a_constant_fills_a_column_that_the_file_does_not_have():
    sources = read({"user_id": ["a"], "event_time": ["2026-06-01"]}, constants={"event": "purchase"})
    assert sources.to_pandas("events")["event"].tolist() == ["purchase"]


def test_a_property_with_a_derived_name_is_refused_with_the_way_out():
    with pytest.raises(InputError, match=r"'local_date', which segtool derives.*drop = \[\"local_date\"\]"):
        read(GOOD | {"local_date": ["x"]})
    sources = read(GOOD | {"local_date": ["x"]}, columns={"my_date": "local_date"})
    assert "my_date" in sources.columns("events")


def test_values_are_mapped_and_an_empty_one_means_unknown():
    sources = read(
        {
            "user_id": ["a", "b", "c"],
            "event_time": ["2026-06-01"] * 3,
            "event": ["order_paid", " 浏览 ", "other"],
            "amount": ["5", "-", "7"],
        },
        values={"event": {"order_paid": "purchase", "浏览": "view"}, "amount": {"-": ""}},
    )
    frame = sources.to_pandas("events")
    assert frame["event"].tolist() == ["purchase", "view", "other"]
    assert frame["amount"].isna().tolist() == [False, True, False]


HARD = [
    'a"b',
    "a;--",
    "'; DROP TABLE events; --",
    "类目",
    "🎉",
    "x" * 300,
    "select",
    "a\0b",
    "tab\there",
    "%s",
    "{}",
]


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("how", ["frame", "csv", "parquet"])
def test_hard_column_names_are_safe(tmp_path, name, how):
    frame = pd.DataFrame(GOOD | {name: ["7"]})
    if how == "csv":
        frame.to_csv(tmp_path / "e.csv", index=False)
    elif how == "parquet":
        frame.to_parquet(tmp_path / "e.parquet")
    given = frame if how == "frame" else tmp_path / f"e.{how}"
    if how == "parquet" and "\0" in name:  # read where it lies, by its own name, which SQL cannot say
        with pytest.raises(InputError, match="NUL"):
            Sources.read({"events": given}, as_of="2026-07-01")
        return
    sources = Sources.read({"events": given}, as_of="2026-07-01")
    shown = name.replace("\0", "\u2400")
    assert sources.columns("events")[shown] == ("text" if how == "parquet" else "number")
    assert float(sources.to_pandas("events")[shown].iloc[0]) == 7.0


def test_unnamed_and_repeated_columns_get_names_and_a_note(tmp_path):
    (tmp_path / "s.csv").write_text("user_id,q1,,q1,Q1\na,1,2,3,4\n")
    sources = Sources.read({"survey": tmp_path / "s.csv"}, as_of="2026-07-01")
    assert list(sources.columns("survey")) == ["user_id", "q1", "column_3", "q1_2", "Q1_3"]
    assert "3 columns had no name" in " ".join(sources.check().to_pandas()["note"])


@pytest.mark.parametrize("kind", ["frame", "parquet"])
def test_messages_without_ids_are_known_by_their_row(tmp_path, kind):
    said = [("g", f"u{i % 3}", f"2026-05-01 10:{59 - i:02d}", "0", f"t{i}") for i in range(12)]
    frame = pd.DataFrame(said, columns=["group_id", "user_id", "sent_at", "reply_to", "text"])
    frame.to_parquet(tmp_path / "chat.parquet")
    given = frame if kind == "frame" else tmp_path / "chat.parquet"
    with Sources.read({"messages": given}, as_of="2026-06-01") as sources:
        messages = sources.to_pandas("messages")
        notes = " ".join(sources.notes())
    assert messages["message_id"].tolist() == [f"row {i + 1:010d}" for i in range(12)]
    assert messages["text"].tolist() == frame["text"].tolist()
    assert "reply_to" not in messages and "reply_to is left out" in notes


def test_messages_with_ids_need_one_in_each_row():
    said = [(None if i == 3 else f"m{i}", "g", "u", "2026-05-01 10:00") for i in range(40)]
    frame = pd.DataFrame(said, columns=["message_id", "group_id", "user_id", "sent_at"])
    with Sources.read({"messages": frame}, as_of="2026-06-01") as sources:
        assert sources.rejected("messages")["reason"].tolist() == ["missing message_id"]
