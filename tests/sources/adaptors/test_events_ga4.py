"""GA4's BigQuery export: one row an event, users by the id that nearly all rows have, copies counted."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from pyarrow import parquet

from segtool.errors import InputError
from segtool.sources import Sources

FIRST = 1_780_272_000_000_000  # 2026-06-01 00:00 UTC, in microseconds


def event(second, name="page_view", *, user=None, device="d1", **more):
    params = [
        {"key": "page_location", "value": {"string_value": f"https://shop.example/{second}"}},
        {"key": "ga_session_id", "value": {"int_value": "77"}},
    ]
    return {
        "event_date": "20260601",
        "event_timestamp": str(FIRST + second * 1_000_000),
        "event_name": name,
        "event_params": params,
        "event_bundle_sequence_id": "5",
        "user_id": user,
        "user_pseudo_id": device,
        "platform": "WEB",
        "items": [],
        **more,
    }


@pytest.fixture
def read(tmp_path):
    """Read records written as JSON lines."""

    def reader(records, *, as_of="2026-07-01", name="ga4.json", **settings):
        path = tmp_path / name
        path.write_text("\n".join(json.dumps(record) for record in records))
        return Sources.read({"events": {"path": str(path), **settings}}, as_of=as_of, max_rejected_share=1)

    return reader


def counts(sources):
    return sources.summary().to_pandas().set_index("table").iloc[0, 1:].astype(int).to_dict()


def test_it_is_recognised_and_says_what_it_takes_for_what(read):
    sources = read([event(1), event(2, "purchase", ecommerce={"purchase_revenue": 9.5})])
    events = sources.to_pandas("events")
    assert events["event"].tolist() == ["view", "purchase"]
    assert events["amount"].tolist()[1] == 9.5
    assert events["channel"].tolist() == ["web", "web"]
    assert str(events["event_time"][0]) == "2026-06-01 00:00:01+00:00"
    assert events["page_location"][0] == "https://shop.example/1"
    said = " ".join(sources.notes())
    assert "recognised" in said and "page_view = view" in said and "user_pseudo_id" in said


def test_copies_are_counted_not_dropped_in_silence(read):
    sources = read([event(1), event(1), event(1, "scroll"), event(2)])
    assert counts(sources) == {"read": 4, "kept": 3, "rejected": 0, "duplicates": 1, "after_as_of": 0}


def test_two_events_in_one_microsecond_are_two_if_the_batch_says_so(read):
    both = [event(1, batch_event_index="1"), event(1, batch_event_index="2")]
    assert counts(read(both))["kept"] == 2
    other = event(1)
    other["event_params"] = [{"key": "item_list_id", "value": {"string_value": "b"}}]
    assert counts(read([event(1), other]))["kept"] == 2  # older exports: their parameters differ


def test_rows_without_the_id_are_rejected_with_their_line(read):
    sources = read([event(1), event(2, device=None), event(3, user="u3", device=None), event(4)])
    assert sources.rejected("events")["row_number"].tolist() == [2, 3]
    assert sources.rejected("events")["reason"].unique().tolist() == ["missing user_id"]


@pytest.mark.parametrize(
    ("asked", "users"),
    [("user_id", {"u1"}), ("user_pseudo_id", {"d1"}), ("user_id or user_pseudo_id", {"u1", "d1"})],
)
def test_which_id_is_the_user_is_a_choice(read, asked, users):
    sources = read([event(1, user="u1"), event(2)], columns={"user_id": asked})
    assert set(sources.to_pandas("events")["user_id"]) == users


def test_the_login_is_the_user_where_nearly_all_rows_have_it(read):
    sources = read([event(i, user="u1") for i in range(20)])
    assert set(sources.to_pandas("events")["user_id"]) == {"u1"}


def test_a_study_can_say_other_words_and_keeps_the_rest(read):
    sources = read([event(1), event(2, "add_to_cart")], values={"event": {"page_view": "visit"}})
    assert sorted(sources.to_pandas("events")["event"]) == ["cart", "visit"]


def test_the_first_of_several_items_is_taken_and_said(read):
    items = [{"item_id": "a", "item_category": "Shoes"}, {"item_id": "b"}]
    sources = read([event(1, "purchase", items=items)])
    assert sources.to_pandas("events").loc[0, ["item_id", "topic"]].tolist() == ["a", "Shoes"]
    assert any("1 events name several items" in note for note in sources.notes())


def test_a_row_for_each_item_where_that_is_asked_for(read):
    items = [
        {"item_id": "a", "item_category": "Shoes", "price": 10, "quantity": 2},
        {"item_id": "b", "item_category": "Hats", "price": 5, "item_revenue": 4.5},
    ]
    bought = event(1, "purchase", items=items, ecommerce={"purchase_revenue": 24.5})
    refund = event(2, "refund", items=[], ecommerce={"refund_value": 3})
    sources = read([bought, bought, refund], format="ga4_items")
    rows = sources.engine.query(
        "SELECT event, item_id, topic, amount FROM events ORDER BY event_time, item_id"
    )
    assert rows.astype(object).where(rows.notna(), None).to_numpy().tolist() == [
        ["purchase", "a", "Shoes", 20],
        ["purchase", "b", "Hats", 4.5],
        ["refund", None, None, 3],
    ]
    assert counts(sources) == {"read": 5, "kept": 3, "rejected": 0, "duplicates": 2, "after_as_of": 0}


@pytest.mark.parametrize(("as_of", "warned"), [("2026-06-02", True), ("2026-06-30", False)])
def test_days_that_google_still_rewrites_are_warned_of(read, as_of, warned):
    notes = read([event(1)], as_of=as_of).notes()
    assert any("late rows for 3 days" in note for note in notes) == warned


def test_unreadable_lines_are_rejected_and_reconcile(tmp_path):
    path = tmp_path / "ga4.json"
    path.write_bytes(json.dumps(event(1)).encode() + b'\n\n{"half": \n[1]\n\xff\xfe{"a"\n')
    tables = {"events": {"path": str(path), "format": "ga4"}}
    sources = Sources.read(tables, as_of="2026-07-01", max_rejected_share=1)
    assert sources.rejected("events")["row_number"].tolist() == [3, 4, 5]
    assert counts(sources)["read"] == 4
    assert set(sources.rejected("events")["reason"]) == {
        "broken JSON",
        "not a JSON object",
        "undecodable bytes",
    }


def test_parquet_gives_what_json_gives_in_both_of_its_shapes(tmp_path, read):
    records = [
        event(1, items=[{"item_id": "a", "item_category": "Shoes"}]),
        event(2, "add_to_cart", user="u", items=[{"item_id": "b", "item_category": "Hats"}]),
    ]
    expected = read(records).to_pandas("events")
    nested = [
        {**r, **{key: {"list": [{"element": e} for e in r[key]]} for key in ("event_params", "items")}}
        for r in records
    ]
    for name, rows in (("plain", records), ("nested", nested)):
        rows = [{**row, "event_timestamp": int(row["event_timestamp"])} for row in rows]
        path = tmp_path / f"{name}.parquet"
        parquet.write_table(pa.Table.from_pylist(rows), path)
        got = Sources.read({"events": str(path)}, as_of="2026-07-01").to_pandas("events")
        assert got.astype(str).equals(expected.astype(str)), name


def test_daily_tables_are_read_together_and_numbered_through(tmp_path):
    for day in (1, 2):
        rows = [{**event(day * 100 + i), "user_pseudo_id": "d" if i else None} for i in range(3)]
        parquet.write_table(pa.Table.from_pylist(rows), tmp_path / f"events_{day}.parquet")
    tables = {"events": {"path": str(tmp_path / "events_*.parquet"), "format": "ga4"}}
    sources = Sources.read(tables, as_of="2026-07-01", max_rejected_share=1)
    assert counts(sources) == {"read": 6, "kept": 4, "rejected": 2, "duplicates": 0, "after_as_of": 0}
    assert sources.rejected("events")["row_number"].tolist() == [1, 4]


def test_another_file_is_refused_with_the_fields_it_lacks(read):
    with pytest.raises(InputError, match="none of the fields of Google Analytics 4"):
        read([{"a": 1}], format="ga4")
