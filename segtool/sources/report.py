"""What reading found, in words: the refusal of a table, and the dry check of a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from segtool.errors import InputError
from segtool.sources.quarantine import Counts
from segtool.sources.schemas import SCHEMAS
from segtool.sources.times import suggest_format


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
    """

    origin: str
    counts: Counts
    columns: Mapping[str, str]
    notes: tuple[str, ...]


def explain_refusal(
    table: str, origin: str, counts: Counts, limit: float, samples: Mapping[str, list[str]]
) -> InputError:
    """Return the error that stops a run over a table with too many rejected rows.

    Parameters
    ----------
    table, origin : str
    counts : Counts
    limit : float
        Share of rows that may be rejected.
    samples : mapping of str to list of str
        Column -> some of its unreadable times, from which a ``time_format`` is suggested. No
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


def _advice(table: str, counts: Counts, samples: Mapping[str, list[str]]) -> str:
    for column, values in samples.items():
        found = suggest_format(values)
        if found:
            return f'The times in {column} look like time_format = "{found}" under [sources.{table}]. '
    reasons = {reason for reason, *_ in counts.reasons[:3]}
    if "unreadable number" in reasons:
        example = 'values.COLUMN = {"WORD" = ""}'
        return f'If a word stands for "unknown", say so: {example} under [sources.{table}]. '
    if reasons & {"too few fields", "too many fields", "broken quoting"}:
        return f'If the delimiter was found wrongly, say delimiter = ";" under [sources.{table}]. '
    return ""


def describe_check(reads: Mapping[str, TableRead]) -> pd.DataFrame:
    """Return table, item, status, note: what is there, what is missing, and what is lost by it."""
    rows: list[tuple[str, str, str, str]] = []
    for name, schema in SCHEMAS.items():
        read = reads.get(name)
        if read is None:
            rows.append((name, "", "not given", f"without it: no {schema.loses}"))
            continue
        counts = read.counts
        rows.append((name, read.origin, "read", _count_sentence(counts)))
        rows += [(name, column, "rejected rows", f"{reason}: {n:,}") for reason, column, n in counts.reasons]
        for column in schema.columns:
            if column.name not in read.columns and column.loses:
                rows.append((name, column.name, "missing column", f"without it: {column.loses}"))
        extra = [f"{c} ({kind})" for c, kind in read.columns.items() if schema.column(c) is None]
        if extra:
            more = f" and {len(extra) - 12} more" if len(extra) > 12 else ""
            rows.append((name, "", "properties", ", ".join(extra[:12]) + more))
        rows += [(name, "", "note", note) for note in read.notes]
    return pd.DataFrame(rows, columns=["table", "item", "status", "note"])


def _count_sentence(counts: Counts) -> str:
    parts = [f"{counts.kept:,} of {counts.read:,} rows kept"]
    parts += [f"{counts.rejected:,} rejected"] if counts.rejected else []
    parts += [f"{counts.duplicates:,} duplicates"] if counts.duplicates else []
    parts += [f"{counts.after_as_of:,} at or after as_of"] if counts.after_as_of else []
    if counts.first is not None:
        parts.append(f"times from {counts.first:%Y-%m-%d %H:%M} to {counts.last:%Y-%m-%d %H:%M} UTC")
    return ", ".join(parts)
