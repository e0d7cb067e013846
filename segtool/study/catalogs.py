"""The label definitions a study names, in the order it names them."""

from __future__ import annotations

from pathlib import Path

from segtool.labels import Catalog, builtin_catalog
from segtool.study.settings import StudyFile

BUILTIN = "builtin"


def read_catalogs(file: StudyFile, base: Path) -> list[tuple[str, Catalog]]:
    """Return each catalogue by name; a file may use the measures of those named before it."""
    parts, earlier = [], Catalog()
    for name in file.labels.catalogs:
        part = (
            builtin_catalog(currency=file.study.currency)
            if name == BUILTIN
            else Catalog.read(base / name, base=earlier)
        )
        parts.append((name, part))
        earlier = earlier + part
    return parts


def merge_catalogs(file: StudyFile, base: Path) -> Catalog:
    """Return the definitions merged: later ones win."""
    merged = sum((part for _, part in read_catalogs(file, base)), Catalog())
    return merged.without(file.labels.leave_out)


def merge_own_catalogs(file: StudyFile, base: Path) -> Catalog:
    """Return the definitions of the study's own files alone: those somebody wrote for these tables."""
    own = sum((part for name, part in read_catalogs(file, base) if name != BUILTIN), Catalog())
    return own.without(set(file.labels.leave_out) & set(own.labels))
