"""The columns of a piece of advice, and the four words for how well it is known."""

from __future__ import annotations

from segtool.verdicts import ASSOCIATED, ASSUMPTION, LOGGED, PROVED, VERDICTS

__all__ = ["ADVICE", "ASSOCIATED", "ASSUMPTION", "LOGGED", "PROVED", "VERDICTS"]

ADVICE = [
    "persona_id", "persona", "aspect", "rank", "advice", "estimate", "unit", "lo", "hi", "n_users", "n_events",
    "level", "verdict", "reason",
]  # fmt: skip
