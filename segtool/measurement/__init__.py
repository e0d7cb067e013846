"""Did it work: who was left alone, and what differed."""

from segtool.measurement.holdout import assign_holdout

__all__ = ["assign_holdout"]
