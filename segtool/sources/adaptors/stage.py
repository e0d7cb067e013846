"""From what an adaptor read to rows in the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from segtool.engines import DuckDBEngine
from segtool.sources.adaptors.base import Adaptor
from segtool.sources.raw import Raw, clean_names, collect_text, stage
from segtool.sources.settings import TableSettings


def read_adapted(
    engine: DuckDBEngine,
    table: str,
    adaptor: Adaptor,
    files: Sequence[Path],
    settings: TableSettings,
    note: str = "",
) -> Raw:
    """Read files with an adaptor and copy the rows into the engine.

    Parameters
    ----------
    engine : DuckDBEngine
    table : str
        Names the staged rows.
    adaptor : Adaptor
    files : sequence of Path
    settings : TableSettings
        With an absolute path to the codebook, if any.
    note : str
        Why this adaptor, if nobody asked for it.
    """
    adapted = adaptor.read(files, settings, engine)
    names, changed = clean_names(adapted.names)
    data = adapted.data
    if not hasattr(data, "append_column"):
        data = collect_text(engine, table, data, len(names))
    origin = adapted.origin or f"{files[0].name} ({adaptor.title})"
    notes = [*([note] if note else []), *adapted.notes, *changed]
    raw = stage(engine, table, data, names, origin, notes)
    return replace(
        raw,
        broken=tuple(adapted.broken),
        delimiter=adapted.delimiter,
        left_out=tuple(adapted.left_out),
        defaults=dict(adapted.defaults),
        candidates={role: tuple(columns) for role, columns in adapted.candidates.items()},
        codebook=adapted.codebook,
        repeats=adapted.repeats,
        late_days=adapted.late_days,
    )
