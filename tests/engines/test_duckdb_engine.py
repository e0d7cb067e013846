from __future__ import annotations

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segtool.engines import DuckDBEngine
from segtool.errors import InputError, OutputError, ParameterError, SegtoolError


@pytest.fixture
def engine():
    with DuckDBEngine(memory_limit="500MB", threads=2) as engine:
        yield engine


@pytest.fixture
def frame():
    return pd.DataFrame({"user_id": ["b", "a", "c"], "amount": [1.5, None, 3.0]})


def test_a_registered_frame_is_a_copy(engine, frame):
    engine.register("t", frame)
    frame.loc[0, "amount"] = 99.0
    assert engine.query("SELECT max(amount) AS m FROM t")["m"].tolist() == [3.0]


def test_parquet_is_a_view_and_not_copied(engine, tmp_path):
    path = tmp_path / "it's.parquet"
    pq.write_table(pa.table({"a": [1, 2]}), path)
    engine.register("t", path)
    pq.write_table(pa.table({"a": [1, 2, 3]}), path)
    assert engine.query("SELECT count(*) AS n FROM t")["n"].tolist() == [3]


def test_a_list_of_parquet_files_is_one_table(engine, tmp_path):
    for name in ("x", "y"):
        pq.write_table(pa.table({"a": [name]}), tmp_path / f"{name}.parquet")
    engine.register("t", [tmp_path / "x.parquet", tmp_path / "y.parquet"])
    assert engine.query("SELECT a FROM t ORDER BY a")["a"].tolist() == ["x", "y"]


def test_a_missing_parquet_file_is_refused(engine, tmp_path):
    with pytest.raises(InputError, match=r"no file .*none\.parquet"):
        engine.register("t", tmp_path / "none.parquet")


def test_create_replaces_tables_by_views_and_back(engine):
    engine.create("t", "SELECT 1 AS a")
    engine.create("t", "SELECT 2 AS a", lazy=True)
    engine.create("t", "SELECT a + 1 AS a FROM t")
    assert engine.query("SELECT a FROM t")["a"].tolist() == [3]
    assert engine.tables() == ["t"]


def test_drop_of_nothing_is_fine(engine):
    engine.drop("nothing")
    assert engine.tables() == []


def test_columns_have_kinds(engine):
    engine.create(
        "t",
        "SELECT 'x' AS a, 1.5::DECIMAL(18,4) AS b, TIMESTAMP '2026-01-01' AS c, TRUE AS d, "
        "[1] AS e, 1::UBIGINT AS f",
    )
    assert list(engine.columns("t").values()) == ["text", "number", "time", "boolean", "other", "number"]


def test_columns_of_an_unknown_table_are_refused(engine):
    with pytest.raises(ParameterError, match="no table 'nope'"):
        engine.columns("nope")


def test_batches_stream_while_other_statements_run(engine):
    seen = []
    for batch in engine.batches("SELECT i FROM range(250000) AS t(i) ORDER BY i", rows=100_000):
        seen.append(batch.num_rows)
        engine.query("SELECT 1")
    assert sum(seen) == 250_000 and max(seen) <= 102_400


def test_arrow_returns_a_table(engine):
    assert engine.arrow("SELECT 1 AS a").to_pydict() == {"a": [1]}


@pytest.mark.parametrize("format", ["parquet", "csv"])
def test_written_files_hold_the_rows_in_order(engine, tmp_path, format):
    path = tmp_path / "out's"
    path.write_text("old")
    assert engine.write("SELECT i FROM range(3) AS t(i) ORDER BY i DESC", path, format) == 3
    read = pd.read_parquet(path) if format == "parquet" else pd.read_csv(path)
    assert read["i"].tolist() == [2, 1, 0]
    assert [p.name for p in tmp_path.iterdir()] == ["out's"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(engine, tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(duckdb.Error):
        engine.write("SELECT error('boom')", path, "csv")
    with pytest.raises(OutputError, match="could not be written"):
        engine.write("SELECT 1", tmp_path / "no" / "folder.csv", "csv")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]
    assert list(engine.temp_directory.iterdir()) == []


def test_python_variables_are_no_tables(engine, frame):
    with pytest.raises(duckdb.CatalogException):
        engine.query("SELECT * FROM frame")


HOSTILE = [
    "SELECT * FROM read_text('/etc/hostname')",
    "SELECT * FROM '/etc/hostname'",
    "COPY (SELECT 1) TO '/tmp/segtool-escape.csv'",
    "ATTACH '/tmp/segtool-escape.db' AS other",
    "INSTALL spatial",
    "SET enable_external_access = true",
    "SET memory_limit = '1GB'",
]


@pytest.mark.parametrize("sql", HOSTILE)
def test_a_locked_engine_touches_no_file(engine, sql):
    engine.lock()
    with pytest.raises(duckdb.Error, match=r"disabled|locked|Cannot|does not exist"):
        engine.execute(sql)


def test_a_locked_engine_goes_on_reading_its_files_and_registering_and_writing(engine, tmp_path, frame):
    path, late = tmp_path / "a.parquet", tmp_path / "b.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    pq.write_table(pa.table({"a": [2]}), late)
    engine.register("early", path)
    engine.lock([path])
    engine.register("late", late)
    engine.register("frame", frame)
    assert engine.query("SELECT (SELECT a FROM early) + (SELECT a FROM late) AS s")["s"].tolist() == [3]
    assert engine.write("SELECT * FROM frame ORDER BY user_id", tmp_path / "f.parquet", "parquet") == 3


def test_two_engines_do_not_see_each_other(engine):
    with DuckDBEngine(threads=1) as other:
        engine.create("t", "SELECT 1 AS a")
        other.create("t", "SELECT 2 AS a")
        assert engine.query("SELECT a FROM t")["a"].tolist() == [1]


def test_closing_removes_the_private_folder(tmp_path):
    engine = DuckDBEngine(threads=1, temp_directory=tmp_path)
    assert engine.temp_directory.parent == tmp_path
    engine.close()
    assert list(tmp_path.iterdir()) == []


def test_spills_under_a_small_limit():
    with DuckDBEngine(memory_limit="100MB", threads=1) as engine:
        rows = "SELECT i, hash(i)::VARCHAR || repeat('x', 40) AS s FROM range(1500000) AS t(i)"
        (count,) = engine.execute(f"SELECT count(DISTINCT s) FROM ({rows})").fetchone()
    assert count == 1_500_000


def test_too_little_memory_names_the_option():
    with (
        DuckDBEngine(memory_limit="15MB", threads=1) as engine,
        pytest.raises(SegtoolError, match="memory_limit"),
    ):
        engine.query("SELECT list(repeat('x', 1000) || i) AS l FROM range(1000000) AS t(i)")


@pytest.mark.parametrize("limit", ["many", "-5%", "150%", "12 parsecs", 7])
def test_a_limit_that_is_none_is_refused(tmp_path, limit):
    with pytest.raises(ParameterError, match="memory_limit"):
        DuckDBEngine(memory_limit=limit, temp_directory=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_default_limit_is_a_share_of_memory():
    with DuckDBEngine(memory_limit=None) as default, DuckDBEngine(memory_limit="40%") as half:
        sizes = [e.execute("SELECT current_setting('memory_limit')").fetchone()[0] for e in (default, half)]
    amounts = [float(size.split()[0]) for size in sizes]
    assert amounts[1] == pytest.approx(amounts[0] / 2, rel=0.02)
