"""Where SQL runs. An engine registers tables, runs statements and writes files; it knows no business."""

from segtool.engines.base import Engine, kind_of, literal, quote
from segtool.engines.duckdb_engine import DuckDBEngine

__all__ = ["DuckDBEngine", "Engine", "kind_of", "literal", "quote"]
