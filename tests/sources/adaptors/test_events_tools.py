"""Segment, Amplitude, Mixpanel, Matomo: ids, times, copies and standard events of each."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile

import pytest

from segtool.errors import InputError
from segtool.sources import Sources

SECOND = 1_780_272_000  # 2026-06-01 00:00 UTC


def read(path, records=None, **settings):
    if records is not None:
        path.write_text("\n".join(json.dumps(record) for record in records))
    return Sources.read({"events": {"path": str(path), **settings}}, as_of="2026-07-01", max_rejected_share=1)


def counts(sources):
    return sources.summary().to_pandas().iloc[0, 2:].astype(int).tolist()  # read kept rejected dup after


def left_out(sources):
    return dict(sources.left_out()[["what", "n"]].to_numpy().tolist())


# -- Segment ------------------------------------------------------------------------------------------


def call(number, kind="track", **more):
    said = {"messageId": f"m{number}", "type": kind, "anonymousId": "a1", "userId": None}
    return {**said, "timestamp": f"2026-06-01T00:00:0{number}.5Z", **more}


def test_segment_takes_tracks_and_pages_and_leaves_out_identify(tmp_path):
    bought = {"revenue": 20, "products": [{"product_id": "p1", "category": "Shoes"}], "coupon": "X"}
    calls = [call(1, event="Order Completed", properties=bought), call(2, "page"), call(3, "identify")]
    sources = read(tmp_path / "calls.json", calls)
    events = sources.to_pandas("events")
    assert events["event"].tolist() == ["purchase", "view"]
    assert events.loc[0, ["item_id", "topic", "amount", "coupon"]].tolist() == ["p1", "Shoes", 20, "X"]
    assert left_out(sources)["identify, group and alias calls"] == 1
    assert counts(sources) == [2, 2, 0, 0, 0]


def test_segment_counts_a_message_sent_twice(tmp_path):
    twice = [call(1, event="A"), call(1, event="A", receivedAt="2026-06-02T00:00:00Z"), call(2, event="A")]
    assert counts(read(tmp_path / "calls.json", twice)) == [3, 2, 0, 1, 0]


def test_a_property_cannot_pass_for_a_column_of_segtool(tmp_path):
    sources = read(
        tmp_path / "calls.json", [call(1, event="A", properties={"event_time": "x", "local_hour": 5})]
    )
    assert {"property event_time", "property local_hour"} <= set(sources.columns("events"))


# -- Amplitude ----------------------------------------------------------------------------------------


def hit(number, **more):
    said = {"event_time": "2026-06-01 00:00:00.250000", "event_type": "session_start", "device_id": "d"}
    return {**said, "amplitude_id": 7, "user_id": None, "$insert_id": f"i{number}", **more}


def test_amplitude_reads_the_zip_of_gzipped_lines_as_it_comes(tmp_path):
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for hour in (0, 1):
            lines = "\n".join(json.dumps(hit(i + hour)) for i in range(2))
            packed.writestr(f"99/99_2026-06-01_{hour}#0.json.gz", gzip.compress(lines.encode(), mtime=0))
        packed.writestr("readme.txt", "hello")
    sources = read(path)
    assert counts(sources) == [4, 3, 0, 1, 0]  # i1 stands in both hours
    assert left_out(sources)["other files in the zip"] == 1
    assert sources.to_pandas("events")["user_id"].unique().tolist() == ["7"]
    assert str(sources.to_pandas("events")["event_time"][0]) == "2026-06-01 00:00:00.250000+00:00"


def test_amplitude_says_utc_where_the_study_has_another_zone(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(hit(1)))
    sources = Sources.read({"events": str(path)}, as_of="2026-07-01", timezone="Asia/Shanghai")
    assert sources.engine.query("SELECT local_hour FROM events")["local_hour"].tolist() == [8]


# -- Mixpanel -----------------------------------------------------------------------------------------


def mixpanel(number, **more):
    said = {"time": SECOND + number, "distinct_id": "u1", "$insert_id": f"i{number}", **more}
    return {"event": "Signed Up", "properties": said}


def test_mixpanel_keeps_events_of_one_second_and_counts_copies(tmp_path):
    records = [mixpanel(1), mixpanel(1), mixpanel(1, **{"$insert_id": "other"}), mixpanel(2)]
    sources = read(tmp_path / "m.jsonl", records)
    assert counts(sources) == [4, 3, 0, 1, 0]
    assert sources.to_pandas("events")["event"].unique().tolist() == ["signup"]


@pytest.mark.parametrize(
    ("zone", "hour"), [(None, "2026-06-01 00:00:01"), ("America/Los_Angeles", "2026-06-01 07:00:01")]
)
def test_mixpanel_of_an_older_project_is_on_its_own_clock(tmp_path, zone, hour):
    sources = read(tmp_path / "m.jsonl", [mixpanel(1)], **({"timezone": zone} if zone else {}))
    assert str(sources.to_pandas("events")["event_time"][0]).startswith(hour)
    assert any("timezone" in note for note in sources.notes())


def test_milliseconds_are_told_from_seconds(tmp_path):
    sources = read(tmp_path / "m.jsonl", [mixpanel(1, time=SECOND * 1000 + 250)])
    assert str(sources.to_pandas("events")["event_time"][0]) == "2026-06-01 00:00:00.250000+00:00"


# -- Matomo -------------------------------------------------------------------------------------------


def visit(number, *actions, **more):
    said = {"idSite": "1", "idVisit": str(number), "visitorId": "v1", "userId": None}
    return {**said, "actionDetails": list(actions), **more}


VIEW = {"type": "action", "url": "https://shop.example/", "timestamp": SECOND}
PLAY = {"type": "event", "eventCategory": "Video", "eventAction": "play", "timestamp": SECOND + 1}
ORDER = {
    **{"type": "ecommerceOrder", "revenue": "12.5", "timestamp": SECOND + 2},
    "itemDetails": [{"itemSKU": "s1", "itemCategory": "Shoes"}],
}


def test_matomo_makes_a_row_of_each_action(tmp_path):
    path = tmp_path / "visits.json"
    visits = [visit(1, VIEW, PLAY, ORDER), visit(2), visit(3, VIEW, visitorId=False)]
    path.write_text(json.dumps(visits, indent=1))
    sources = read(path)
    events = sources.to_pandas("events")
    assert events["event"].tolist() == ["view", "play", "purchase"]
    assert events.loc[2, ["item_id", "topic", "amount"]].tolist() == ["s1", "Shoes", 12.5]
    assert counts(sources) == [4, 3, 1, 0, 0]  # the visitor false is none
    assert left_out(sources)["visits without actions"] == 1


def test_matomo_counts_the_known_part_of_a_visit_that_went_on(tmp_path):
    path = tmp_path / "visits.json"
    path.write_text(json.dumps([visit(1, VIEW), visit(1, VIEW, PLAY)]))
    assert counts(read(path)) == [3, 2, 0, 1, 0]


def test_the_visits_log_as_csv_is_the_same(tmp_path):
    path = tmp_path / "visits.csv"
    names = ["idSite", "idVisit", "visitorId", "userId", "actionDetails_0_type", "actionDetails_0_timestamp"]
    names += ["actionDetails_0_url", "actionDetails_1_type", "actionDetails_1_timestamp"]
    names += ["actionDetails_1_revenue", "actionDetails_1_itemDetails_0_itemSKU"]
    with path.open("w", encoding="utf-16", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(names)
        rows.writerow(
            ["1", "5", "v1", "", "action", SECOND, "a, b", "ecommerceOrder", SECOND + 9, "20", "s1"]
        )
        rows.writerow(["1", "6", "v2", "", "action", SECOND, "", "", "", "", ""])
    events = read(path).to_pandas("events")
    assert events[["user_id", "event"]].to_numpy().tolist() == [
        ["v1", "view"],
        ["v1", "purchase"],
        ["v2", "view"],
    ]
    assert events.loc[1, ["item_id", "amount"]].tolist() == ["s1", 20]


def test_an_error_of_matomo_is_no_visit(tmp_path):
    path = tmp_path / "visits.json"
    path.write_text('{"result": "error", "message": "You can\'t access this resource"}')
    with pytest.raises(InputError, match="an error that Matomo answered"):
        read(path, format="matomo")


# -- files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ['[{"event": 1}', '[{"event": 1} {"event": 2}]', '[{"event": 1}] x', "[" * 100_000, "[1e5, oops]"]
)
def test_an_array_that_breaks_off_is_refused(tmp_path, text):
    path = tmp_path / "m.json"
    path.write_text(text)
    with pytest.raises(InputError, match="is no JSON from line"):
        read(path, format="mixpanel")


@pytest.mark.parametrize("cut", [b"PK\x03\x04 no zip", gzip.compress(b'{"event": 1}' * 99, mtime=0)[:-9]])
def test_a_damaged_file_is_refused(tmp_path, cut):
    path = tmp_path / "m.json"
    path.write_bytes(cut)
    with pytest.raises(InputError, match=r"damaged|no JSON"):
        read(path, format="mixpanel")


@pytest.mark.parametrize(("place", "byte"), [("flags", 1), ("method", 97)])
def test_a_locked_archive_is_not_called_damaged(tmp_path, place, byte):
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("m.json", '{"event": 1}')
    data = bytearray(path.read_bytes())
    # the fields of the file's own head and of the directory at the end
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at + (2 if place == "method" else 0)] = byte
    path.write_bytes(data)
    with pytest.raises(InputError, match="password"):
        read(path, format="mixpanel")


def test_more_properties_than_are_read_are_named(tmp_path):
    wide = {f"p{i:03}": i for i in range(60)}
    sources = read(tmp_path / "m.jsonl", [mixpanel(1, **wide)], columns={"kept": "p059"})
    assert "kept" in sources.columns("events")
    assert any(what.startswith("properties") and n == 20 for what, n in left_out(sources).items())
