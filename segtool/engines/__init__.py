"""Where SQL runs. An engine registers tables, runs statements and writes files; it knows no business."""

from segtool.engines.base import Engine, kind_of, literal, quote
from segtool.engines.duckdb_engine import DuckDBEngine
from segtool.engines.spark_engine import SparkEngine
from segtool.engines.spark_sql import to_spark

__all__ = ["DuckDBEngine", "Engine", "SparkEngine", "kind_of", "literal", "quote", "to_spark"]
