"""Committed benchmarks: what segtool costs beside its peers, measured in the same run."""
