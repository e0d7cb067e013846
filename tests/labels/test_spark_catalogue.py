"""The whole built-in catalogue says the same on Spark as on DuckDB: values, ledger and what rests on them."""

from __future__ import annotations

import pandas as pd
import pytest

from segtool.labels import Catalog, compile_labels, label_users
from segtool.sources import Sources
from segtool.sources.simulate import simulate_circle

pytestmark = [pytest.mark.slow, pytest.mark.spark]

SPENDING = """
[measures.spend]
from = "events"
sql = "sum(amount)"
[labels.spending]
facet = "consumption"
values = ["low", "high"]
claims = [{bands = {of = "spend", edges = [5]}}]
"""


@pytest.fixture(scope="module")
def both(spark_session):
    from segtool.engines import SparkEngine

    made = simulate_circle(300, random_state=3)
    tables = {name: table for name, table in made.tables.items() if name != "survey_codebook"}
    tables["notes"] = pd.concat([tables["notes"], contradict(tables["users"]["user_id"].head(80))])
    with Sources.read(tables, as_of="2026-07-01", timezone="Asia/Shanghai") as sources:
        moved = sources.to_engine(SparkEngine(spark_session))
        yield label_users(sources), label_users(moved)
        moved.close()


def contradict(users: pd.Series) -> pd.DataFrame:
    """Return notes of two authors that behaviour does not bear out, and that do not agree."""
    notes = pd.DataFrame({"user_id": users, "label": "spending_power", "value": "high", "author": "chen"})
    other = notes.iloc[::2].assign(value="low", author="wu")
    return pd.concat([notes, other]).assign(noted_at=pd.Timestamp("2026-06-20"))


def same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    assert len(left) > 0
    pd.testing.assert_frame_equal(left, right, rtol=0, atol=1e-6)


def test_the_same_labels_were_computed(both):
    duckdb, spark = both
    assert spark.engine.dialect == spark.compiled.dialect == "spark"
    assert duckdb.compiled.steps == spark.compiled.steps
    assert duckdb.compiled.left_out == spark.compiled.left_out


@pytest.mark.parametrize(
    "table", ["to_pandas", "claims", "measures", "wide", "coverage", "conflicts", "sentences"]
)
def test_the_tables_are_the_same(both, table):
    duckdb, spark = (getattr(labels, table)() for labels in both)
    same(duckdb, spark)


def test_overlap_is_the_same(both):
    duckdb, spark = (labels.overlap() for labels in both)
    order = list(duckdb.columns[:3])
    same(duckdb.sort_values(order, ignore_index=True), spark.sort_values(order, ignore_index=True))


def test_why_is_the_same(both):
    duckdb, spark = both
    counts = duckdb.to_pandas()["user_id"].value_counts()
    user = counts.index[0]
    same(duckdb.why(user).to_pandas(), spark.why(user).to_pandas())
    assert duckdb.why(user).headline() == spark.why(user).headline()


def test_the_statement_can_be_pasted_into_spark(spark_engine):
    spark_engine.register("events", pd.DataFrame({"user_id": ["a", "a", "b"], "amount": [1.0, 2.0, 9.0]}))
    spark_engine.create("user_index", "SELECT DISTINCT user_id FROM events")
    catalog = Catalog.from_toml(SPENDING)
    compiled = compile_labels(catalog, {"events": spark_engine.columns("events")}, dialect="spark")
    rows = spark_engine.session.sql(compiled.sql).collect()
    assert [(row.user_id, row.value) for row in rows] == [("a", "low"), ("b", "high")]
