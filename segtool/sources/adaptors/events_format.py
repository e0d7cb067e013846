"""What the exports of event tools have in common: records become rows of ``events`` by one description.

A tool's description says where its fields lie, which ids could be the user's, what makes two records the
same, and what its standard events are called in segtool. The engine does the rest in a few statements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from segtool.engines import DuckDBEngine, literal, quote
from segtool.errors import InputError
from segtool.sources.adaptors.base import Adapted, LeftOut
from segtool.sources.adaptors.events_records import Records
from segtool.sources.raw import ROW
from segtool.sources.schemas import DERIVED, SCHEMAS
from segtool.sources.settings import TableSettings

MOST_PROPERTIES = 40  # of one export; a row of a wide table costs memory for each
FILLED = 0.95  # share of rows that an id must stand in to be taken without being asked for
MOST_WORDS_SHOWN = 12
RESERVED = frozenset({*SCHEMAS["events"].names, *DERIVED})


@dataclass(frozen=True)
class EventFormat:
    """How the records of one tool become events.

    Attributes
    ----------
    title : str
    fields : mapping of str to str
        Name -> JSON pointer into a record; the value there is taken as text.
    ids : tuple of str
        Names of fields that could be the user's id, the most personal first.
    columns : mapping of str to str
        Column -> SQL over the fields, as text.
    names, contents : str
        SQL over ``doc`` (and ``params``): lists of the names and the texts of its properties.
    params : str
        SQL over ``doc`` that ``names`` and ``contents`` share.
    words, channels : mapping of str to str
        The tool's standard names -> segtool's.
    key : tuple of str
        SQL over the fields (and ``properties``): all equal in two copies of one record.
    key_needs : str
        The field without which the key says nothing.
    is_event : str
        SQL over the fields: what else a record may be is left out.
    not_events : str
        What those are, for people.
    unread : tuple of str
        Properties that no analysis needs and that may name a person; not read.
    late_days : int
        For how many days after its time an event may still arrive.
    second_item, currency : str
        SQL over the fields: the second item of an event, the currency of its amount.
    """

    title: str
    fields: Mapping[str, str]
    ids: tuple[str, ...]
    columns: Mapping[str, str]
    names: str
    contents: str
    words: Mapping[str, str]
    key: tuple[str, ...]
    key_needs: str
    channels: Mapping[str, str] = field(default_factory=dict)
    is_event: str = "TRUE"
    not_events: str = ""
    unread: tuple[str, ...] = ()
    late_days: int = 0
    second_item: str = "NULL"
    currency: str = "NULL"
    params: str = "NULL"


def content_of(name: str) -> str:
    """Return SQL of a property's text."""
    return f"contents[list_position(names, {literal(name)})]"


def epoch_text(name: str, *, zone: bool = True) -> str:
    """Return SQL of an ISO time from seconds, milliseconds or microseconds since 1970; else the text.

    The size of a number says its unit: from 1990 to 2100 no two units overlap.

    Examples
    --------
    >>> with DuckDBEngine() as engine:
    ...     engine.query(f"SELECT {epoch_text('t')} AS t FROM (SELECT '1780272000' AS t)")["t"][0]
    '2026-06-01 00:00:00Z'
    """
    number = f"CAST({name} AS DOUBLE)"  # holds microseconds exactly until the year 2255
    unit = f"CASE WHEN {number} >= 1e14 THEN 1 WHEN {number} >= 1e11 THEN 1000 ELSE 1000000 END"
    moment = f"make_timestamp(CAST(round({number} * {unit}) AS BIGINT))"
    written = f"CAST({moment} AS VARCHAR)" + (" || 'Z'" if zone else "")
    digits = literal("[0-9]{1,16}([.][0-9]{1,9})?")
    other = in_utc(name) if zone else name
    return f"CASE WHEN regexp_full_match({name}, {digits}) THEN {written} ELSE {other} END"


def in_utc(name: str) -> str:
    """Return SQL of a time's text that is UTC where it does not say its zone.

    Examples
    --------
    >>> with DuckDBEngine() as engine:
    ...     engine.query(f"SELECT {in_utc('t')} AS t FROM (SELECT '2026-06-01 00:00:00.5' AS t)")["t"][0]
    '2026-06-01 00:00:00.5Z'
    """
    clock = literal("[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?")
    return f"CASE WHEN regexp_full_match({name}, {clock}) THEN {name} || 'Z' ELSE {name} END"


def read_events(
    engine: DuckDBEngine,
    table: str,
    records: Records,
    fmt: EventFormat,
    settings: TableSettings,
    files: Sequence[Path],
) -> Adapted:
    """Take records apart and return the rows they are.

    Raises
    ------
    InputError
        If there is no record, or none that this tool would write.
    """
    flat = _Flat(engine, table, records, fmt, settings, files)
    flat.take_apart()
    not_events = flat.leave_out()
    chosen = flat.choose_id()
    repeats = flat.find_repeats()
    properties, left_out = flat.choose_properties()
    columns = {**flat.ids(chosen), **fmt.columns, **properties}
    defaults, notes = flat.suggest(chosen)
    return Adapted(
        names=list(columns),
        data=flat.rows(columns),
        left_out=[*records.left_out, *not_events, *left_out],
        broken=records.broken,
        defaults=defaults,
        candidates={"user_id": fmt.ids},
        notes=notes,
        origin=_origin(files, fmt.title),
        repeats=repeats,
        late_days=fmt.late_days,
    )


def _origin(files: Sequence[Path], title: str) -> str:
    shown = files[0].name if len(files) == 1 else f"{len(files)} files"
    return f"{shown} ({title})"


class _Flat:
    """The records of one read, taken apart in the engine."""

    def __init__(self, engine, table, records, fmt, settings, files):
        self.engine, self.table, self.records = engine, table, records
        self.fmt, self.settings, self.files = fmt, settings, files
        self.name, self.again = f"fields_{table}", f"again_{table}"
        self.n = 0

    def take_apart(self) -> None:
        """Parse each record once."""
        paths = "[" + ", ".join(literal(pointer) for pointer in self.fmt.fields.values()) + "]"
        taken = ", ".join(f"nullif(trim(x[{i}]), '') AS {name}" for i, name in enumerate(self.fmt.fields, 1))
        self.engine.create(
            self.name,
            f"SELECT *, CASE WHEN {self.fmt.key_needs} IS NULL THEN whole END AS print FROM ("
            f"SELECT {quote(ROW)}, {taken}, {self.fmt.names} AS names, {self.fmt.contents} AS contents, "
            f"md5(doc) AS whole FROM (SELECT {quote(ROW)}, doc, json_extract_string(doc, {paths}) AS x, "
            f"{self.fmt.params} AS params FROM {self.records.relation} AS records))",
        )
        self.n = self.count("TRUE")
        if not self.n and not self.records.broken:
            raise InputError(f"{self.files[0].name} holds no record.", f"an export of {self.fmt.title}.")
        needed = " AND ".join(f"{name} IS NULL" for name in (*self.fmt.ids, self.fmt.key_needs))
        if self.n and self.count(needed) == self.n:
            raise InputError(
                f"{self.files[0].name} has none of the fields of {self.fmt.title} "
                f"({', '.join(self.fmt.fields[name].strip('/') for name in self.fmt.ids)}).",
                fix="Say another format, or none, for this table.",
            )

    def count(self, condition: str) -> int:
        sql = f"SELECT count(*) FROM {quote(self.name)} WHERE {condition}"
        return self.engine.execute(sql).fetchone()[0]

    def leave_out(self) -> list[LeftOut]:
        """Remove the records that tell something else than an event."""
        if self.fmt.is_event == "TRUE":
            return []
        n = self.count(f"NOT ({self.fmt.is_event})")
        if n:
            self.engine.create(self.name, f"SELECT * FROM {quote(self.name)} WHERE {self.fmt.is_event}")
            self.n -= n
        return [LeftOut(self.fmt.not_events, n, "nobody did something in them")] if n else []

    # -- users ------------------------------------------------------------------------------------

    def choose_id(self) -> str:
        """Return the id that stands in nearly every row, the most personal first; else the commonest."""
        asked = self.settings.columns.get("user_id")
        if asked:
            return asked
        filled = self.filled()
        for name in self.fmt.ids:
            if filled[name] >= FILLED * self.n:
                return name
        return max(self.fmt.ids, key=lambda name: filled[name])

    def filled(self) -> dict[str, int]:
        counts = ", ".join(f"count({name})" for name in self.fmt.ids)
        row = self.engine.execute(f"SELECT {counts} FROM {quote(self.name)}").fetchone()
        return dict(zip(self.fmt.ids, row, strict=True))

    def ids(self, chosen: str) -> dict[str, str]:
        """Return the columns of ids; "a or b" is the first that a row has."""
        columns = {name: name for name in self.fmt.ids}
        parts = chosen.split(" or ")
        if len(parts) > 1 and set(parts) <= set(columns):
            columns[chosen] = f"coalesce({', '.join(parts)})"
        return columns

    # -- copies -----------------------------------------------------------------------------------

    def find_repeats(self) -> int:
        """Number the copies of earlier records, exactly: a hash only finds the suspects.

        Records without the tool's key are copies when every character of them is the same.
        """
        by, row, table = ", ".join((*self.fmt.key, "print")), quote(ROW), quote(self.name)
        suspects = f"SELECT hash({by}) FROM {table} GROUP BY 1 HAVING count(*) > 1"
        self.engine.create(
            self.again,
            f"SELECT {row} FROM (SELECT {row}, row_number() OVER (PARTITION BY {by} ORDER BY {row}) AS nth "
            f"FROM {table} WHERE hash({by}) IN ({suspects})) WHERE nth > 1",
        )
        return self.engine.execute(f"SELECT count(*) FROM {quote(self.again)}").fetchone()[0]

    # -- properties -------------------------------------------------------------------------------

    def choose_properties(self) -> tuple[dict[str, str], list[LeftOut]]:
        """Return name -> SQL of the commonest properties, those a study names first."""
        found = self.engine.execute(
            f"SELECT key, count(*) AS n FROM (SELECT unnest(names) AS key "
            f"FROM {quote(self.name)}) GROUP BY key ORDER BY n DESC, key"
        ).fetchall()
        asked = {*self.settings.columns.values()}
        keys = [key for key, _ in found if key and "\0" not in key]
        unread = [key for key in keys if key in self.fmt.unread and key not in asked]
        keys = sorted((key for key in keys if key not in unread), key=lambda key: key not in asked)
        kept, rest = keys[:MOST_PROPERTIES], keys[MOST_PROPERTIES:]
        taken = {name.lower() for name in (*self.fmt.ids, *self.fmt.columns, *RESERVED)}
        columns = {}
        for key in kept:
            name = key if key.strip().lower() not in taken else f"property {key}"
            columns[name] = content_of(key)
        left_out = []
        if unread:
            why = "they stand in other columns, or no label needs them"
            left_out.append(LeftOut(_named("properties", unread), len(unread), why))
        if rest:
            why = f"only the {MOST_PROPERTIES} commonest are read; name one in columns to have it"
            left_out.append(LeftOut(_named("properties", rest), len(rest), why))
        return columns, left_out

    # -- what is said of it -----------------------------------------------------------------------

    def suggest(self, chosen: str) -> tuple[dict, list[str]]:
        """Return settings for what a study leaves open, and a sentence on each choice."""
        events, told = self.words("event", self.fmt.words)
        values = {"event": events} if events else {}
        notes = [self.id_note(chosen), *told, *self.amount_notes()]
        if "channel" in self.fmt.columns:
            channels, _ = self.words("channel", self.fmt.channels)
            values |= {"channel": channels} if channels else {}
        # A format with ids of its own records has said which rows are copies: equal rows are two events.
        return {"columns": {"user_id": chosen}, "values": values, "keep_duplicates": True}, notes

    def id_note(self, chosen: str) -> str:
        filled = self.filled()
        shares = ", ".join(f"{name} in {filled[name] / max(self.n, 1):.0%}" for name in self.fmt.ids)
        note = f"users are told by {chosen} (of {self.n:,} rows, {shares})"
        others = [name for name in self.fmt.ids if name != chosen and filled[name]]
        if not others:
            return note
        return (
            f'{note}; columns = {{user_id = "{others[0]}"}} chooses another id, '
            f'"{" or ".join(self.fmt.ids[:2])}" the first that a row has'
        )

    def amount_notes(self) -> list[str]:
        """Say what one row cannot hold: further items, and amounts in several currencies."""
        several = self.count(f"{self.fmt.second_item} IS NOT NULL")
        sql = f"SELECT DISTINCT {self.fmt.currency} AS c FROM {quote(self.name)} ORDER BY c"
        found = [code for (code,) in self.engine.execute(sql).fetchall() if code]
        notes = []
        if several:
            notes.append(f"{several:,} events name several items: item_id and topic are the first one's")
        if len(found) > 1:
            notes.append(f"amounts are in {_few(found)}; nothing is converted")
        return notes

    def words(self, column: str, known: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
        """Return which values become segtool's words, and the sentence that says so."""
        found = self.engine.execute(
            f"SELECT {self.fmt.columns[column]} AS word, count(*) AS n FROM {quote(self.name)} "
            "GROUP BY word HAVING word IS NOT NULL ORDER BY n DESC, word"
        ).fetchall()
        said = self.settings.values.get(column, {})
        mapped = {word: known[word] for word, _ in found if word in known and word not in said}
        kept = [word for word, _ in found if word not in known and word not in said]
        notes = []
        if mapped:
            shown = _few([f"{word} = {mapped[word]}" for word in mapped])
            notes.append(f"{column}s taken for segtool's words: {shown}; values.{column} says otherwise")
        if kept:
            shown = _few(kept)
            notes.append(f"{column}s that keep their names: {shown}; values.{column} maps them")
        return mapped, notes

    # -- rows -------------------------------------------------------------------------------------

    def rows(self, columns: Mapping[str, str]) -> Iterator[list]:
        """Return the rows in blocks, then free what they came from."""
        cells = ", ".join(f"{sql} AS c{i}" for i, sql in enumerate(columns.values()))
        sql = (
            f"SELECT {cells}, {quote(ROW)} FROM {quote(self.name)} AS f "
            f"ANTI JOIN {quote(self.again)} AS again USING ({quote(ROW)})"
        )
        try:
            for batch in self.engine.batches(sql):
                yield list(batch.columns)
        finally:
            self.engine.drop(self.name)
            self.engine.drop(self.again)
            self.records.drop(self.engine)


def _named(what: str, names: Sequence[str]) -> str:
    return f"{what} {_few(names)}"


def _few(names: Sequence[str]) -> str:
    more = len(names) - MOST_WORDS_SHOWN
    return ", ".join(names[:MOST_WORDS_SHOWN]) + (f" and {more} more" if more > 0 else "")
