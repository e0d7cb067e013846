"""What happened and what was said: tables read, checked and bound to one moment."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from segtool.sources.schemas import CHANNEL_WORDS, DERIVED, EVENT_WORDS, SCHEMAS, ColumnSpec, TableSchema
from segtool.sources.settings import TableSettings
from segtool.sources.sources import Sources, SourcesSummary

if TYPE_CHECKING:
    from segtool.sources.guess import guess_codebook, guess_labels, guess_study
    from segtool.sources.simulate import simulate_campaign, simulate_circle, simulate_groups

# Made when asked for: reading a table needs neither the simulator nor the guesser.
_LAZY = {
    "simulate_campaign": "segtool.sources.simulate",
    "simulate_circle": "segtool.sources.simulate",
    "simulate_groups": "segtool.sources.simulate",
    "guess_study": "segtool.sources.guess",
    "guess_labels": "segtool.sources.guess",
    "guess_codebook": "segtool.sources.guess",
}

__all__ = [
    "CHANNEL_WORDS",
    "DERIVED",
    "EVENT_WORDS",
    "SCHEMAS",
    "ColumnSpec",
    "Sources",
    "SourcesSummary",
    "TableSchema",
    "TableSettings",
    "guess_codebook",
    "guess_labels",
    "guess_study",
    "simulate_campaign",
    "simulate_circle",
    "simulate_groups",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
