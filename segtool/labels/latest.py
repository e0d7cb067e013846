"""Which labels the tables of an engine hold: those of the latest run, and nobody's before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from segtool.errors import InputError

if TYPE_CHECKING:
    from segtool.engines import Engine
    from segtool.labels.compile import Compiled

_LATEST: WeakKeyDictionary[Engine, Compiled] = WeakKeyDictionary()


def note_run(engine: Engine, compiled: Compiled) -> None:
    """Note that the tables of an engine are about to become those of a compiled catalogue."""
    _LATEST[engine] = compiled


class RunTables(Mapping[str, str]):
    """Names of the tables of one run, which refuse once another run has replaced them.

    A ledger may be gigabytes, so a second run does not keep the first one's: whoever asks the
    older labels must be told, and not be answered from the newer ones.

    Parameters
    ----------
    names : Mapping
    engine : Engine
    compiled : Compiled
        The run they belong to. A later run of the very same definitions makes the same tables.
    """

    def __init__(self, names: Mapping[str, str], engine: Engine, compiled: Compiled):
        self._names, self._engine, self._compiled = dict(names), engine, compiled

    def __getitem__(self, key: str) -> str:
        latest = _LATEST.get(self._engine, self._compiled)
        if latest is not self._compiled and not _is_same(latest, self._compiled):
            raise InputError(
                "These labels are gone: label_users ran again on the same Sources, with other definitions.",
                "the newest Labels of a Sources.",
                "Use what the later label_users returned; to keep both, read the Sources once more.",
            )
        return self._names[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _is_same(one: Compiled, other: Compiled) -> bool:
    return one.steps == other.steps and one.catalog == other.catalog
