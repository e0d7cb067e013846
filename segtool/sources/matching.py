"""Which column of a file is which column of a table."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace

from segtool.engines import literal
from segtool.errors import InputError, did_you_mean
from segtool.sources.raw import Raw, RawColumn
from segtool.sources.schemas import DERIVED, ColumnSpec, TableSchema
from segtool.sources.settings import TableSettings

ROW_DIGITS = 10  # of row numbers in ids: more than any file has rows

# What other tools call the columns that a table cannot do without; only ever used to suggest a column map.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "user_id": (
        *("uid", "userid", "user", "customer_id", "member_id", "openid", "unionid", "visitor_id"),
        *("respondentid", "respondent_id", "respid", "responseid", "response_id", "id"),
        *("sender", "sender_id", "who", "from", "author", "member", "nickname", "name"),
    ),
    "group_id": ("chat", "chat_id", "room", "room_id", "group", "conversation_id", "channel", "group_name"),
    "event_time": ("timestamp", "time", "ts", "event_timestamp", "created_at", "datetime", "date"),
    "event": ("event_name", "event_type", "action", "behavior", "type"),
    "item_id": ("sku", "product_id", "content_id", "item"),
    "sent_at": ("timestamp", "time", "ts", "send_time", "created_at", "date", "when", "datetime"),
    "noted_at": ("timestamp", "time", "created_at", "date"),
    "starts_at": ("start", "start_time", "time", "date"),
}


@dataclass(frozen=True)
class Match:
    """A column of the table and where it lies in the file.

    Attributes
    ----------
    name : str
        segtool's name, or a property's own.
    raw : RawColumn
    spec : ColumnSpec or None
        None for a property.
    """

    name: str
    raw: RawColumn
    spec: ColumnSpec | None


def match_columns(schema: TableSchema, raw: Raw, settings: TableSettings) -> tuple[list[Match], list[str]]:
    """Match the columns of a file to a table's, by the column map first and by name else.

    Returns
    -------
    matches : list of Match
        The table's own columns in its order, then properties in the file's.
    notes : list of str

    Raises
    ------
    InputError
        If the map names a column that is not there, a required one is missing, or a property
        has the name of a column that segtool derives.
    """
    by_name = _Names(schema.name, raw)
    mapped = {target: by_name.find(source, "columns") for target, source in settings.columns.items()}
    dropped = {by_name.find(name, "drop").name for name in settings.drop}
    used = {column.name for column in mapped.values()} | dropped
    notes = []
    found: dict[str, RawColumn] = dict(mapped)
    for column in raw.columns:
        if column.name in used:
            continue
        name = _own_name(schema, column.name)
        if any(name.lower() == taken.lower() for taken in mapped):
            notes.append(f"{column.name} is left out: {name} is read from {mapped.get(name, column).name}")
        else:
            found.setdefault(name, column)
    for name, value in settings.constants.items():
        if name in found:
            notes.append(f"{found[name].name} is left out: {name} is the same for all rows by constants")
        found[name] = RawColumn(name, literal(value), "VARCHAR")
    _check_required(schema, raw, found)
    _check_derived(schema, found)
    ordered = [name for name in schema.names if name in found]
    ordered += [name for name in found if name not in ordered]
    return [Match(name, found[name], schema.column(name)) for name in ordered], notes


def number_rows(schema: TableSchema, raw: Raw, matches: list[Match]) -> tuple[Raw, list[Match], list[str]]:
    """Give each row an id of its number where the table needs one and the file has none.

    Zeros before the number make ids sort as the rows stand. What refers to ids of others is left out:
    no number is among them.
    """
    there = {match.name for match in matches}
    spec = next((column for column in schema.columns if column.by_row and column.name not in there), None)
    if spec is None:
        return raw, matches, []
    number = f"lpad(CAST({raw.row} AS VARCHAR), {ROW_DIGITS}, '0')"
    made = Match(spec.name, RawColumn(spec.name, f"('row ' || {number})", "VARCHAR"), spec)
    notes = [
        f"there is no {spec.name}: each row is known by its number in the file, as 'row {12:0{ROW_DIGITS}}'"
    ]
    if "reply_to" in there:
        notes.append(f"reply_to is left out: without {spec.name} nothing tells what it means")
    else:
        notes.append(f"without {spec.name} no file can record who answers whom: replies are inferred")
    kept = [match for match in matches if match.name != "reply_to"]
    # Row numbers are there only in what is read with them.
    return replace(raw, relation=raw.numbered), [made, *kept], notes


class _Names:
    """Finds a column by the name people wrote, exact or in another case."""

    def __init__(self, table: str, raw: Raw):
        self.table, self.raw = table, raw
        self.exact = {column.name: column for column in raw.columns}
        self.lower = {column.name.lower(): column for column in raw.columns}

    def find(self, name: str, where: str) -> RawColumn:
        column = self.exact.get(name) or self.lower.get(name.lower())
        if column is None:
            raise InputError(
                f"sources.{self.table}.{where} names the column {name!r}; {self.raw.origin} has none such.",
                did_you_mean(name, self.exact),
            )
        return column


def _own_name(schema: TableSchema, name: str) -> str:
    """Return the table's own spelling of a column ("User_ID" is user_id), else the name itself."""
    return name.lower() if name.lower() in (*schema.names, *schema.flags) else name


def _check_required(schema: TableSchema, raw: Raw, found: dict[str, RawColumn]) -> None:
    missing = [name for name in schema.required if name not in found]
    if not missing:
        return
    there = [column.name for column in raw.columns]
    known = {name: next(iter(raw.candidates.get(name, ())), None) for name in missing}
    maps = ", ".join(f'{name} = "{known[name] or _nearest(name, there) or "..."}"' for name in missing)
    listed = ", ".join(there[:20]) + (f" and {len(there) - 20} more" if len(there) > 20 else "")
    raise InputError(
        f"{schema.name}: {raw.origin} has no column {', '.join(map(repr, missing))}.",
        f"required are {', '.join(schema.required)}; there are: {listed}.",
        f"Name it with columns = {{{maps}}} under [sources.{schema.name}].",
    )


def _nearest(name: str, there: list[str]) -> str | None:
    lower = {column.lower(): column for column in there}
    for synonym in SYNONYMS.get(name, ()):
        if synonym in lower:
            return lower[synonym]
    near = difflib.get_close_matches(name, lower, n=1, cutoff=0.7)
    return lower[near[0]] if near else None


def _check_derived(schema: TableSchema, found: dict[str, RawColumn]) -> None:
    derived = set(DERIVED) if schema.time in found else set()
    for name in found:
        if name.lower() in derived:
            raise InputError(
                f"{schema.name} has a column {name!r}, which segtool derives itself from {schema.time}.",
                fix=f'Rename it, columns = {{my_{name} = "{found[name].name}"}}, '
                f'or leave it out, drop = ["{found[name].name}"], under [sources.{schema.name}].',
            )
