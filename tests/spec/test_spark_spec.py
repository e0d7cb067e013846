"""Every page of the manual, and with it every claim kind, answers alike on Spark."""

import pandas as pd
import pytest
from spec_chapters import CHAPTERS
from spec_tables import expected, label

from segtool.engines import DuckDBEngine

pytestmark = [pytest.mark.slow, pytest.mark.spark]

LEDGER = "SELECT * FROM claims ORDER BY user_id, label, value, claim, evidence"


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_page_holds_on_spark(name, spark_engine):
    page = CHAPTERS[name]
    assert label(page, spark_engine) == expected(page), page.says
    with DuckDBEngine(threads=1) as duckdb:
        label(page, duckdb)
        pd.testing.assert_frame_equal(spark_engine.query(LEDGER), duckdb.query(LEDGER), rtol=0, atol=1e-6)
