from __future__ import annotations

import os
import subprocess
import sys

import duckdb
import pandas as pd
import pytest

from segtool.engines import DuckDBEngine
from segtool.errors import InputError, ParameterError
from segtool.sources import SCHEMAS, Sources, TableSettings


def events(n=3, **columns):
    fixed = {
        "user_id": [f"u{i}" for i in range(n)],
        "event_time": [f"2026-06-0{1 + i % 9}" for i in range(n)],
        "event": ["view"] * n,
    }
    return pd.DataFrame(fixed | columns)


def test_all_tables_are_read():
    times = {"time": ["2026-06-01"]}
    tables = {
        name: pd.DataFrame({c.name: times["time"] if c.kind == "time" else ["1"] for c in schema.columns})
        for name, schema in SCHEMAS.items()
    }
    sources = Sources.read(tables, as_of="2026-07-01")
    assert sources.tables == tuple(SCHEMAS)
    assert sources.summary().to_pandas()["kept"].tolist() == [1] * len(SCHEMAS)
    for name, schema in SCHEMAS.items():
        assert list(sources.columns(name))[: len(schema.names)] == list(schema.names)
        assert len(sources.engine.query(f"SELECT * FROM {name} ORDER BY ALL")) == 1


def test_one_user_with_one_event_is_enough():
    sources = Sources.read({"events": events(1)}, as_of="2026-07-01")
    assert (sources.n_users, len(sources.to_pandas("events"))) == (1, 1)


@pytest.mark.parametrize(
    "tables", [{}, None, {"events": events(0)}, {"events": events(3), "user": events(1)}]
)
def test_nothing_to_read_is_refused(tables):
    with pytest.raises(InputError, match=r"No table|no user|no table"):
        Sources.read(tables, as_of="2026-07-01")


def test_an_empty_table_beside_a_full_one_is_fine():
    notes = pd.DataFrame(columns=["user_id", "label", "value", "author", "noted_at"])
    sources = Sources.read({"events": events(), "notes": notes}, as_of="2026-07-01")
    assert len(sources.to_pandas("notes")) == 0


def test_all_events_after_as_of_is_refused():
    with pytest.raises(InputError, match=r"every usable row of events is at or after as_of"):
        Sources.read({"events": events()}, as_of="2025-01-01")


def test_times_come_back_in_utc_and_can_be_read_again():
    sources = Sources.read({"events": events()}, as_of="2026-07-01", timezone="Asia/Shanghai")
    frame = sources.to_pandas("events")
    assert str(frame["event_time"].dt.tz) == "UTC"
    assert (sources.as_of - frame["event_time"]).min() > pd.Timedelta(0)
    again = Sources.read({"events": frame}, as_of="2026-07-01", timezone="Asia/Shanghai")
    pd.testing.assert_frame_equal(again.to_pandas("events"), frame)


def test_a_tables_own_zone_goes_before_the_studys():
    given = (events(1), TableSettings(timezone="America/New_York"))
    sources = Sources.read({"events": given}, as_of="2026-07-01", timezone="Asia/Shanghai")
    assert sources.to_pandas("events")["event_time"].tolist() == [pd.Timestamp("2026-06-01T04:00Z")]


def test_mixed_offsets_in_one_column_mean_their_instants():
    frame = events(3, event_time=["2026-06-01T08:00+08:00", "2026-06-01T00:00Z", "2026-05-31T20:00-04:00"])
    sources = Sources.read({"events": frame}, as_of="2026-07-01")
    assert sources.to_pandas("events")["event_time"].nunique() == 1


def test_a_frame_may_mix_times_with_and_without_a_zone():
    naive, aware = pd.Timestamp("2026-06-01 08:00"), pd.Timestamp("2026-06-01 08:00", tz="Asia/Shanghai")
    frame = events(2, event_time=pd.Series([naive, aware], dtype=object))
    sources = Sources.read({"events": frame}, as_of="2026-07-01", timezone="Asia/Shanghai")
    assert sources.to_pandas("events")["event_time"].nunique() == 1


def test_times_in_a_clock_change_are_noted():
    frame = events(2, event_time=["2024-10-27 02:30", "2024-06-01 02:30"])
    for given in (frame, frame.assign(event_time=pd.to_datetime(frame["event_time"]))):
        sources = Sources.read({"events": given}, as_of="2026-07-01", timezone="Europe/Berlin")
        assert "1 times fall into a clock change" in " ".join(sources.check().to_pandas()["note"])


def test_two_sources_do_not_collide():
    first = Sources.read({"events": events(1)}, as_of="2026-07-01")
    second = Sources.read({"events": events(2)}, as_of="2026-07-01")
    assert (len(first.to_pandas("events")), len(second.to_pandas("events"))) == (1, 2)


def test_its_own_engine_is_locked_and_a_given_one_is_not():
    with Sources.read({"events": events()}, as_of="2026-07-01") as sources, pytest.raises(duckdb.Error):
        sources.engine.execute("SELECT * FROM read_text('/etc/hostname')")
    with DuckDBEngine(threads=1) as engine:
        Sources.read({"events": events()}, as_of="2026-07-01", engine=engine)
        engine.execute("SET threads = 1")


def test_a_refusal_leaves_no_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(InputError):
        Sources.read({"events": "nope.csv"}, as_of="2026-07-01")
    assert list(tmp_path.iterdir()) == []


def test_the_summary_shows_itself_escaped(tmp_path):
    path = tmp_path / "<b>.csv"
    events().to_csv(path, index=False)
    sources = Sources.read({"events": path}, as_of="2026-07-01")
    assert "events: 3 rows, 3 users" in repr(sources)
    assert "&lt;b&gt;.csv" in sources._repr_html_() and "<b>.csv" not in sources._repr_html_()


def test_reasons_are_counted_per_table():
    frame = events(4, amount=["1", "x", "y", "inf"])
    sources = Sources.read({"events": frame}, as_of="2026-07-01", max_rejected_share=1)
    assert sources.reasons().values.tolist() == [
        ["events", "unreadable number", "amount", 2],
        ["events", "not finite", "amount", 1],
    ]


def test_check_says_what_is_missing_and_what_that_costs():
    sources = Sources.read({"events": events()}, as_of="2026-07-01")
    table = sources.check().to_pandas()
    missing = table[table["status"] == "missing column"].set_index("item")["note"]
    assert missing["topic"] == "lost without it: interest labels and topics in the targeting plan"
    assert set(table[table["status"] == "not given"]["table"]) == set(SCHEMAS) - {"events"}


@pytest.mark.parametrize(
    "call", [lambda s: s.columns("event"), lambda s: s.to_pandas("x"), lambda s: s.rejected("")]
)
def test_a_table_that_was_not_read_is_refused(call):
    sources = Sources.read({"events": events()}, as_of="2026-07-01")
    with pytest.raises(ParameterError, match="was not read"):
        call(sources)


@pytest.mark.parametrize("share", [-0.1, 1.5, "much"])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ParameterError, match="max_rejected_share"):
        Sources.read({"events": events()}, as_of="2026-07-01", max_rejected_share=share)


def test_the_zone_of_the_machine_does_not_matter(tmp_path):
    events(3, event_time=["2026-06-01 08:00", "2026-06-01T08:00Z", "2026-06-02"]).to_parquet(
        tmp_path / "e.parquet"
    )
    code = (
        "from segtool.sources import Sources\n"
        f"path = {str(tmp_path / 'e.parquet')!r}\n"
        "s = Sources.read({'events': path}, as_of='2026-07-01', timezone='Asia/Tokyo')\n"
        "print(s.engine.query('SELECT *, local_time FROM events ORDER BY ALL').to_csv())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "TZ": zone},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for zone in ("UTC", "America/St_Johns")
    }
    assert len(outputs) == 1


@pytest.mark.slow
def test_ten_million_rows_of_parquet_stay_out_of_memory(tmp_path):
    """A child process, so that its peak is its own."""
    path = tmp_path / "events.parquet"
    duckdb.sql(
        "COPY (SELECT 'u' || hash(i) % 500000 AS user_id, "
        "TIMESTAMP '2026-01-01' + INTERVAL (i % 15000000) SECOND "
        "AS event_time, 'view' AS event, 't' || i % 30 AS topic, (i % 100)::DOUBLE AS amount "
        f"FROM range(10000000) AS t(i)) TO '{path}' (FORMAT parquet)"
    )
    code = (
        "import resource\nfrom segtool.sources import Sources\n"
        f"tables = {{'events': {str(path)!r}}}\n"
        "s = Sources.read(tables, as_of='2026-07-01', timezone='America/New_York')\n"
        "assert s.n_users == 500000\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1_500  # the rows alone are over 1 GB in pandas; the engine may buffer some
