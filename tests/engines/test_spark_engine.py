"""SparkEngine keeps the promises of an engine."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from segtool.engines import DuckDBEngine, SparkEngine
from segtool.errors import InputError, MissingExtraError, ParameterError

pytestmark = [pytest.mark.slow, pytest.mark.spark]

FRAME = pd.DataFrame(
    {
        "user_id": ["b", "a", None, "中"],
        "n": pd.array([1, None, 3, -4], dtype="Int64"),
        "x": [0.5, None, 2.5, 1e17],
        "paid": pd.array([True, None, False, True], dtype="boolean"),
        "at": pd.to_datetime(
            ["2026-01-01 10:00:00.25", None, "1969-01-01 00:00:00", "2026-03-31 01:02:03"], format="ISO8601"
        ),
        "day": [dt.date(2026, 1, 1), None, dt.date(1969, 1, 1), dt.date(2026, 3, 31)],
        "mixed": [1, "x", None, 2.5],
    }
)
ORDERED = "SELECT * FROM t ORDER BY x"


def test_rows_come_back_as_from_duckdb(spark_engine):
    with DuckDBEngine(threads=1) as duckdb:
        for engine in (spark_engine, duckdb):
            engine.register("t", FRAME)
        pd.testing.assert_frame_equal(spark_engine.query(ORDERED), duckdb.query(ORDERED))
        assert spark_engine.columns("t") == duckdb.columns("t")


def test_decimals_and_empty_results_keep_their_types(spark_engine):
    spark_engine.register("t", pa.table({"m": pa.array([1, None], pa.decimal128(18, 4)), "s": ["a", "b"]}))
    assert spark_engine.query("SELECT m FROM t ORDER BY m")["m"].tolist()[0] == 1.0
    assert spark_engine.arrow("SELECT * FROM t WHERE FALSE").schema.names == ["m", "s"]
    assert spark_engine.columns("t") == {"m": "number", "s": "text"}


def test_a_parquet_file_is_read_when_asked(spark_engine, tmp_path):
    path = tmp_path / "with space.parquet"
    pa.parquet.write_table(pa.table({"user_id": ["a", "b"]}), path)
    spark_engine.register("t", path)
    assert spark_engine.query("SELECT count(*) AS n FROM t")["n"].iloc[0] == 2
    with pytest.raises(InputError, match="missing"):
        spark_engine.register("t", tmp_path / "missing.parquet")


def test_a_table_can_be_made_from_its_old_self_and_outlives_what_it_came_from(spark_engine):
    spark_engine.register("t", FRAME)
    spark_engine.create("T", "SELECT user_id FROM t WHERE n > 0")
    spark_engine.create("v", 'SELECT upper("user_id") AS u FROM t', lazy=True)
    assert spark_engine.tables() == ["T", "v"]
    spark_engine.drop("t")
    spark_engine.drop("t")
    assert spark_engine.query("SELECT u FROM v ORDER BY u")["u"].dropna().tolist() == ["B"]
    with pytest.raises(ParameterError, match="no table 't'"):
        spark_engine.columns("t")


def test_engines_of_one_spark_do_not_see_each_other(spark_session, spark_engine):
    spark_engine.register("t", FRAME)
    with SparkEngine(spark_session) as other:
        assert other.tables() == []
        other.register("t", pd.DataFrame({"z": [1]}))
        other.create("mine", "SELECT z FROM t")
    assert spark_engine.tables() == ["t"]
    assert list(spark_engine.columns("t")) == list(FRAME.columns)
    # The given session stays as it was.
    assert spark_session.conf.get("spark.sql.timestampType") != "TIMESTAMP_NTZ"


def test_a_dataframe_of_the_given_session_is_adopted(spark_session, spark_engine):
    frame = spark_session.createDataFrame([("a", 1)], "user_id string, n int")
    spark_engine.register("t", frame)
    assert spark_engine.query("SELECT * FROM t ORDER BY n").to_dict("list") == {"user_id": ["a"], "n": [1]}


def test_batches_and_files_hold_every_row_in_order(spark_engine, tmp_path):
    spark_engine.register("t", pd.DataFrame({"i": range(1000), "s": [f"é,{i}" for i in range(1000)]}))
    sql = "SELECT * FROM t ORDER BY i DESC"
    sizes = [batch.num_rows for batch in spark_engine.batches(sql, rows=300)]
    assert sizes == [300, 300, 300, 100]
    assert spark_engine.write(sql, tmp_path / "t.csv", "csv") == 1000
    assert pd.read_csv(tmp_path / "t.csv")["i"].tolist() == list(range(999, -1, -1))
    assert (
        spark_engine.write("SELECT * FROM t WHERE i < 0 ORDER BY i", tmp_path / "t.parquet", "parquet") == 0
    )
    assert pa.parquet.read_schema(tmp_path / "t.parquet").names == ["i", "s"]
    with pytest.raises(ParameterError):
        list(spark_engine.batches(sql, rows=0))


def test_local_time_is_that_of_duckdb(spark_engine):
    moments = pd.date_range("2025-10-25 22:00", periods=12, freq="30min")
    with DuckDBEngine(threads=1) as duckdb:
        local = []
        for engine in (spark_engine, duckdb):
            engine.register("t", pd.DataFrame({"event_time": moments}))
            local_time = engine.local_time("event_time", "Europe/Berlin")
            local.append(engine.query(f"SELECT {local_time} AS l FROM t ORDER BY event_time"))
        pd.testing.assert_frame_equal(*local)


def test_a_statement_that_cannot_run_is_refused_before_it_does(spark_engine):
    from pyspark.errors import AnalysisException

    spark_engine.register("t", FRAME)
    with pytest.raises(AnalysisException):
        spark_engine.query("EXPLAIN SELECT sum(user_idd) FROM t")
    assert len(spark_engine.query("EXPLAIN SELECT sum(n) FROM t")) == 0


def test_without_pyspark_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyspark", None)
    with pytest.raises(MissingExtraError, match=r"segtool\[spark\]"):
        SparkEngine().tables() or SparkEngine().session
