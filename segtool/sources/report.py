"""What reading found, in words: the refusal of a table, and the dry check of a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from segtool.errors import InputError
from segtool.sources.numbers import describe_shape, guess_decimal
from segtool.sources.quarantine import Counts
from segtool.sources.schemas import SCHEMAS
from segtool.sources.times import suggest_format

MOST_DAYS_SILENT = 90  # the longest window of the built-in labels: beyond it they have nothing to say
MOST_PROPERTIES_SHOWN = 6


@dataclass(frozen=True)
class TableRead:
    """What is known of one table after reading.

    Attributes
    ----------
    origin : str
        File, encoding and delimiter, or "DataFrame".
    counts : Counts
    columns : mapping of str to str
        Column -> kind, without derived columns.
    notes : tuple of str
        What was found on the way and may matter.
    files : tuple of Path
        Where the rows came from; none for a table handed over in memory.
    left_out : tuple of LeftOut
        What an import adaptor did not take for a row.
    """

    origin: str
    counts: Counts
    columns: Mapping[str, str]
    notes: tuple[str, ...]
    files: tuple[Path, ...] = ()
    left_out: tuple = ()


def explain_refusal(
    table: str, origin: str, counts: Counts, limit: float, samples: Mapping[tuple[str, str], list[str]]
) -> InputError:
    """Return the error that stops a run over a table with too many rejected rows.

    Parameters
    ----------
    table, origin : str
    counts : Counts
    limit : float
        Share of rows that may be rejected.
    samples : mapping of (str, str) to list of str
        Reason and column -> some of the unreadable values, from which a setting is suggested. No
        value is repeated in the message.
    """
    commonest = ", ".join(
        f"{reason}{f' ({column})' if column and column not in reason else ''} {rows:,}"
        for reason, column, rows in counts.reasons[:3]
    )
    share = counts.rejected / counts.read
    return InputError(
        f"{table}: {counts.rejected:,} of {counts.read:,} rows of {origin} cannot be used ({share:.1%}). "
        f"Commonest reasons: {commonest}.",
        f"at most {limit:.1%} (max_rejected_share).",
        f"{_advice(table, counts, samples)}To look at the rows, read with max_rejected_share=1 and see "
        f'.rejected("{table}").',
    )


def _advice(table: str, counts: Counts, samples: Mapping[tuple[str, str], list[str]]) -> str:
    """Return what to do about the commonest reason that something can be done about."""
    section = f"under [sources.{table}]. "
    for reason, column, _ in counts.reasons[:3]:
        values = samples.get((reason, column), [])
        if reason == "unreadable time" and values:
            return f"{_time_advice(column, values)} {section}"
        if reason == "unreadable number" and values:
            return f"{_number_advice(column, values)} {section}"
        if reason in ("too few fields", "too many fields", "broken quoting"):
            return f'If the delimiter was found wrongly, say delimiter = ";" {section}'
    return ""


def _time_advice(column: str, values: list[str]) -> str:
    found = suggest_format(values)
    if found:
        return f'The times in {column} look like time_format = "{found}": set it'
    return f'The times in {column} look like "{describe_shape(values)}": say their time_format'


def _number_advice(column: str, values: list[str]) -> str:
    shape, decimal = describe_shape(values), guess_decimal(values, prefer=",")
    if decimal:
        name = "comma" if decimal == "," else "point"
        return f'The numbers in {column} look like decimal {name} ({shape}): set decimal = "{decimal}"'
    example = f'values.{column} = {{"WORD" = ""}}'
    return f'What is no number in {column} looks like "{shape}": if it stands for "unknown", say {example}'


def check_as_of(table: str, counts: Counts, as_of: pd.Timestamp, zone: str) -> list[str]:
    """Return notes on how a table's times lie to as_of.

    Raises
    ------
    InputError
        If no event lies before as_of: nothing would be left to study, and a wrong as_of is the cause.
    """
    shown = _on_clock(as_of, zone)
    if counts.after_as_of and not counts.kept:
        newest = _on_clock(pd.Timestamp(counts.newest_after, tz="UTC"), zone)
        found = f"every usable row of {table} is at or after as_of ({shown}); the newest is {newest}"
        if table == "events":
            raise InputError(
                f"{found}.", "events before as_of.", "Set as_of to the day after the newest event."
            )
        return [found]
    if table != "events" or counts.last is None:
        return []
    days = (as_of - pd.Timestamp(counts.last, tz="UTC")).days
    if days <= MOST_DAYS_SILENT:
        return []
    newest = _on_clock(pd.Timestamp(counts.last, tz="UTC"), zone)
    return [
        f"the newest event ({newest}) is {days:,} days before as_of ({shown}): "
        "what looks back 30 or 90 days finds nothing"
    ]


def check_late(counts: Counts, as_of: pd.Timestamp, late_days: int) -> list[str]:
    """Return a note if rows of the last days may still be missing from a tool's export.

    Examples
    --------
    >>> counts = Counts(1, 1, 0, 0, 0, last=pd.Timestamp("2026-06-29 12:00"))
    >>> check_late(counts, pd.Timestamp("2026-07-01", tz="UTC"), 3)[0][:47]
    'the tool adds late rows for 3 days, and the new'
    """
    if not late_days or counts.last is None:
        return []
    days = (as_of - pd.Timestamp(counts.last, tz="UTC")) / pd.Timedelta(days=1)
    if days > late_days and not counts.after_as_of:
        return []
    newest = max(filter(None, (counts.last, counts.newest_after)))
    if (pd.Timestamp(newest, tz="UTC") - as_of) / pd.Timedelta(days=1) > late_days:
        return []  # the export was made so much later that all had arrived
    return [
        f"the tool adds late rows for {late_days} days, and the newest row is {max(days, 0):.1f} days before "
        "as_of: the last days may be incomplete; export again later, or set as_of earlier"
    ]


def _on_clock(moment: pd.Timestamp, zone: str) -> str:
    return f"{moment.tz_convert(zone):%Y-%m-%d %H:%M}"


def describe_check(reads: Mapping[str, TableRead]) -> pd.DataFrame:
    """Return table, item, status, note: what is there, what is missing, and what is lost by it."""
    rows: list[tuple[str, str, str, str]] = []
    for name, schema in SCHEMAS.items():
        read = reads.get(name)
        if read is None:
            rows.append((name, "", "not given", f"lost without it: {schema.loses}"))
            continue
        counts = read.counts
        rows.append((name, read.origin, "read", _count_sentence(counts)))
        rows += [(name, column, "rejected rows", f"{reason}: {n:,}") for reason, column, n in counts.reasons]
        for column in schema.columns:
            if column.name not in read.columns and column.loses:
                rows.append((name, column.name, "missing column", f"lost without it: {column.loses}"))
        extra = [f"{c} ({kind})" for c, kind in read.columns.items() if schema.column(c) is None]
        if extra:
            rows.append((name, "", "properties", _few(extra)))
        rows += [(name, "", "note", note) for note in read.notes]
        rows += [(name, item.what, "left out", f"{item.n:,}: {item.why}") for item in read.left_out]
    return pd.DataFrame(rows, columns=["table", "item", "status", "note"])


def _few(words: list[str]) -> str:
    more = len(words) - MOST_PROPERTIES_SHOWN
    return ", ".join(words[:MOST_PROPERTIES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _count_sentence(counts: Counts) -> str:
    parts = [f"{counts.kept:,} of {counts.read:,} rows kept"]
    parts += [f"{counts.rejected:,} rejected"] if counts.rejected else []
    parts += [f"{counts.duplicates:,} duplicates"] if counts.duplicates else []
    parts += [f"{counts.after_as_of:,} at or after as_of"] if counts.after_as_of else []
    if counts.first is not None:
        parts.append(f"times from {counts.first:%Y-%m-%d %H:%M} to {counts.last:%Y-%m-%d %H:%M} UTC")
    return ", ".join(parts)
