"""What is written in DuckDB's dialect is rendered for Spark, rule by rule; no Spark is needed to read it."""

import pytest

from segtool.engines import to_spark


@pytest.mark.parametrize(
    ("duckdb", "spark"),
    [
        ("a / 2", "CAST(a AS DOUBLE) / 2"),
        ("a / b", "TRY_DIVIDE(CAST(a AS DOUBLE), b)"),
        ("a % b", "TRY_MOD(a, b)"),
        ("round(a, 2)", "(ROUND(a * CAST(100 AS BIGINT)) / CAST(100 AS BIGINT))"),
        ("round(a)", "ROUND(a)"),
        ("CAST(a AS BIGINT)", "CAST(RINT(a) AS BIGINT)"),
        ("CAST(count(*) AS BIGINT)", "CAST(COUNT(*) AS BIGINT)"),
        ("max(local_date) - min(local_date)", "DATEDIFF(MAX(local_date), MIN(local_date))"),
        ("x - y", "x - y"),
        ("sum(a > 1)", "SUM(CAST((a > 1) AS INT))"),
        ("avg(a)", "AVG(CAST(a AS DOUBLE))"),
        ("percentile_disc(0.5) WITHIN GROUP (ORDER BY a)", "PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY a)"),
        ("row_number() OVER (ORDER BY a, b DESC)", "ROW_NUMBER() OVER (ORDER BY a NULLS LAST, b DESC)"),
        ('"a ""b"""', '`a "b"`'),
        ("'it''s a \\n'", "'it\\'s a \\\\n'"),
    ],
)
def test_a_rule_writes(duckdb, spark):
    assert to_spark(f"SELECT {duckdb} FROM t") == f"SELECT {spark} FROM t"


def test_an_alias_is_not_taken_for_the_date_it_is_called_by():
    assert "DATEDIFF" not in to_spark("SELECT d - d AS x FROM (SELECT 1.5 AS d) AS t", dates={"d"})
    assert "DATEDIFF" in to_spark("SELECT d - d AS x FROM t", dates={"d"})
    assert "DATEDIFF" in to_spark(
        "WITH a AS (SELECT max(d) AS hi FROM t) SELECT hi - hi AS x FROM a", dates={"d"}
    )


def test_types_are_asked_for_where_the_text_does_not_tell():
    text = to_spark("SELECT TRY_CAST(a AS INTEGER) AS x FROM t")
    assert text.count("TYPEOF(a)") >= 2 and "RINT" in text
