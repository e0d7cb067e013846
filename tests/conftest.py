"""Shared by all tests: one thread per fit, and a quiet matplotlib."""

from __future__ import annotations

import os

# Before numpy loads: the results must not depend on it, but the time under a busy CI does.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
