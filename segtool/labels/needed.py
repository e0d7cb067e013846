"""Which steps a step rests on."""

from __future__ import annotations

import re
from collections.abc import Mapping

from segtool.labels.plans import Step

# What a step reads: every table of a step is written by segtool, after FROM or JOIN.
_TABLE = re.compile(r"\b(?:FROM|JOIN)\s+([\"`]?)(\w+)\1", re.IGNORECASE)


def tables_read(step: Step) -> set[str]:
    """Return the tables and steps that a step reads."""
    return {name for _, name in _TABLE.findall(step.sql)}


def needed_steps(step: Step, waiting: Mapping[str, Step]) -> list[Step]:
    """Return the waiting steps a step rests on, in order."""
    found: set[str] = set()
    front = [step]
    while front:
        tables = tables_read(front.pop())
        new = [name for name in waiting if name in tables and name not in found]
        found.update(new)
        front.extend(waiting[name] for name in new)
    return [each for name, each in waiting.items() if name in found]
