"""Which adaptors there are, and which of them a file is for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

from segtool.errors import DefinitionError, did_you_mean
from segtool.sources.adaptors.base import Adaptor, Certainty
from segtool.sources.adaptors.head import Head, look_at_head
from segtool.sources.settings import TableSettings

PLAIN = "plain"  # the format that says: no adaptor
CODED = "questionnaire"  # what reads a file of no tool by its codebook
# Each module has a tuple ADAPTORS; they are imported when a file is first looked at.
_MODULES = (
    "qualtrics",
    "surveymonkey",
    "google_forms",
    "limesurvey",
    "wjx",
    "statistics",
    "questionnaire",
    "events_ga4",
    "events_segment",
    "events_amplitude",
    "events_mixpanel",
    "events_matomo",
    "chats_whatsapp",
    "chats_telegram",
)


@cache
def adaptors() -> dict[str, Adaptor]:
    """Return all adaptors by the name that ``format`` gives them."""
    found = {}
    for module in _MODULES:
        for adaptor in import_module(f"segtool.sources.adaptors.{module}").ADAPTORS:
            found[adaptor.name] = adaptor
    return found


def choose_adaptor(table: str, settings: TableSettings, files: Sequence[Path]) -> tuple[Adaptor | None, str]:
    """Return the adaptor that a table's files are read with, and a note if nobody asked for it.

    Raises
    ------
    DefinitionError
        If the format said is unknown, or another table's.
    """
    plain = _named(table, CODED) if settings.codebook else None
    if settings.format == PLAIN:
        return plain, ""
    if settings.format is not None:
        return _named(table, settings.format), ""
    if len(files) != 1:
        return plain, ""
    head = look_at_head(files[0], settings.encoding, settings.delimiter, settings.sheet)
    certainty, adaptor = recognise(head, table)
    if certainty != "sure":
        return plain, ""
    note = (
        f"{files[0].name} was recognised as an export of {adaptor.title} and read as one; "
        f'format = "{adaptor.name}" says so, format = "{PLAIN}" reads it as it stands'
    )
    return adaptor, note


def recognise(head: Head, table: str | None = None) -> tuple[Certainty, Adaptor | None]:
    """Return the adaptor whose file this is (of one table, or of any), and how certain that is."""
    maybe: Adaptor | None = None
    for adaptor in adaptors().values():
        if table is not None and table not in (adaptor.table, *adaptor.also):
            continue
        certainty = adaptor.recognise(head)
        if certainty == "sure":
            return "sure", adaptor
        maybe = maybe or (adaptor if certainty else None)
    return ("maybe" if maybe else None), maybe


def _named(table: str, name: str) -> Adaptor:
    found = adaptors().get(name)
    if found is None:
        raise DefinitionError(
            f"sources.{table}.format names {name!r}, which segtool does not know.",
            did_you_mean(name, [*adaptors(), PLAIN]),
        )
    if table not in (found.table, *found.also):
        fits = sorted(name for name, adaptor in adaptors().items() if adaptor.table == table)
        raise DefinitionError(
            f"sources.{table}.format names {name!r}, which is a format of {found.table}.",
            f"{', '.join([*fits, PLAIN])} for {table}.",
            f"Put it under [sources.{found.table}], or say another format.",
        )
    return found
