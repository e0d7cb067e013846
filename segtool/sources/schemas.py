"""The eleven tables segtool knows, column by column: required or not, of which kind, what its absence costs.

Columns that are not listed here are kept as *properties*: text, numbers or booleans.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["id", "word", "text", "time", "money", "number", "flag"]

# How each kind lies in the engine. Times are TIMESTAMP meaning UTC. Money is DECIMAL because sums of
# DOUBLE differ from run to run in their last bits, and a label at a threshold would flip with them.
SQL_TYPES: dict[str, str] = {
    "id": "VARCHAR",
    "word": "VARCHAR",
    "text": "VARCHAR",
    "time": "TIMESTAMP",
    "money": "DECIMAL(18,4)",
    "number": "DOUBLE",
    "flag": "BOOLEAN",
}

DERIVED: dict[str, str] = {
    "age_days": "DOUBLE",
    "local_time": "TIMESTAMP",
    "local_date": "DATE",
    "local_hour": "INTEGER",
    "local_weekday": "INTEGER",
}
"""Columns that every table with a primary time has besides its own, as SQL types."""

EVENT_WORDS = (
    *("visit", "view", "search", "like", "comment", "share", "invite", "click", "cart", "purchase", "refund"),
    *("review", "signup", "follow", "hide", "mute", "complain", "unsubscribe"),
)
"""The names of events that the built-in labels know; a study maps its own with ``values.event``."""

CHANNEL_WORDS = (
    *("app_push", "email", "sms", "wecom_group", "wecom_direct", "service_account", "subscription_account"),
    *("web", "in_app", "store"),
)


class ColumnSpec(BaseModel):
    """One column of a table.

    Attributes
    ----------
    name : str
    kind : str
        id (text, trimmed, NFC), word (the same, for names of things), text (free), time, money,
        number (a float), flag (yes or no).
    required : bool
        The table needs the column, and a row needs a value in it.
    loses : str
        What segtool cannot say without the column; "" if nothing much.
    outcome : bool
        A time at which something came of the row. At or after ``as_of`` it is not known yet.
    ancient : bool
        A time that may lie before 1990.
    by_row : bool
        A file without the column gets one, made of the number of each row; in a file with it each
        row needs a value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    required: bool = False
    loses: str = ""
    outcome: bool = False
    ancient: bool = False
    by_row: bool = False


class TableSchema(BaseModel):
    """One table.

    Attributes
    ----------
    name : str
    columns : tuple of ColumnSpec
    time : str or None
        The primary time, from which `DERIVED` columns come.
    happened : bool
        Rows record what happened at the primary time: those at or after ``as_of`` are not read.
    key : str or None
        The column that identifies a row; a second row with the same value is rejected.
    flags : tuple of str
        Columns of yes or no that a file may have instead of the time of an outcome.
    distinct : bool
        Rows equal in every column are the same fact told twice, and are kept once.
    loses : str
        What segtool cannot say without the table.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    columns: tuple[ColumnSpec, ...]
    time: str | None = None
    happened: bool = False
    key: str | None = None
    flags: tuple[str, ...] = ()
    distinct: bool = False
    loses: str = ""

    def column(self, name: str) -> ColumnSpec | None:
        """Return the column of that name, or None for a property.

        Examples
        --------
        >>> SCHEMAS["events"].column("amount").kind
        'money'
        """
        if name in self.flags:
            return ColumnSpec(name=name, kind="flag")
        return next((column for column in self.columns if column.name == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns the table needs."""
        return tuple(column.name for column in self.columns if column.required)


def _id(name: str, *, required: bool = False, loses: str = "") -> ColumnSpec:
    return ColumnSpec(name=name, kind="id", required=required, loses=loses)


def _word(name: str, *, required: bool = False, loses: str = "") -> ColumnSpec:
    return ColumnSpec(name=name, kind="word", required=required, loses=loses)


def _time(name: str, **more) -> ColumnSpec:
    return ColumnSpec(name=name, kind="time", **more)


def _other(name: str, kind: Kind, loses: str = "") -> ColumnSpec:
    return ColumnSpec(name=name, kind=kind, loses=loses)


USER = _id("user_id", required=True)
GROUP = _id("group_id", required=True)

_TABLES = (
    TableSchema(
        name="users",
        columns=(USER, _time("joined_at", loses="how long someone has been here")),
        time="joined_at",
        happened=True,
        key="user_id",
        loses="profile labels, and users who never did anything",
    ),
    TableSchema(
        name="events",
        columns=(
            USER,
            _time("event_time", required=True),
            _word("event", required=True),
            _id("item_id", loses="topics looked up in content"),
            _word("topic", loses="interest labels and topics in the targeting plan"),
            _word("channel", loses="channel labels and the channel in the targeting plan"),
            _other("amount", "money", "spending labels"),
        ),
        time="event_time",
        happened=True,
        distinct=True,
        loses="every label from behaviour, send times and topics",
    ),
    TableSchema(
        name="survey",
        columns=(
            USER,
            _time("answered_at", loses="which of two answers is the newer, and how old it is"),
            _other("paid", "flag", "answers given for a reward count like any other"),
            _other("weight", "number"),
        ),
        time="answered_at",
        happened=True,
        loses="labels from what people say themselves",
    ),
    TableSchema(
        name="notes",
        columns=(
            USER,
            _word("label", required=True),
            _word("value", required=True),
            _word("author", required=True),
            _time("noted_at", required=True),
            _other("text", "text"),
        ),
        time="noted_at",
        happened=True,
        loses="labels from people who know the users, and the check of data against them",
    ),
    TableSchema(
        name="content",
        columns=(
            _id("item_id", required=True),
            _word("topic", required=True),
            _other("title", "text"),
            _word("format"),
            _other("duration_seconds", "number"),
            _time("published_at", ancient=True),
        ),
        time="published_at",
        key="item_id",
        loses="topics of events that only name an item",
    ),
    TableSchema(
        name="sends",
        columns=(
            _id("send_id", required=True),
            USER,
            _time("sent_at", required=True),
            _id("item_id"),
            _word("topic", loses="which topics people respond to when sent"),
            _word("channel", loses="which channel works"),
            _word("arm", loses="which variant works"),
            _other("propensity", "number", "corrected estimates of what other plans would have done"),
            _time("opened_at", outcome=True),
            _time("responded_at", outcome=True, loses="response rates"),
            _time("muted_at", outcome=True),
            _time("unsubscribed_at", outcome=True, loses="a frequency cap from opt-outs"),
        ),
        flags=("opened", "responded", "muted", "unsubscribed"),
        time="sent_at",
        happened=True,
        key="send_id",
        loses="response rates, frequency caps from opt-outs, lift",
    ),
    TableSchema(
        name="messages",
        columns=(
            ColumnSpec(name="message_id", kind="id", by_row=True),
            GROUP,
            USER,
            _time("sent_at", required=True),
            _id("reply_to", loses="who answers whom"),
            _word("topic", loses="what groups talk about"),
            _other("text", "text"),
        ),
        time="sent_at",
        happened=True,
        key="message_id",
        loses="roles, ties and the health of groups",
    ),
    TableSchema(
        name="members",
        columns=(
            GROUP,
            USER,
            _time("joined_at", loses="how groups grow"),
            _time("left_at", outcome=True, loses="who leaves groups"),
            _word("role"),
            _id("invited_by", loses="who brings whom"),
        ),
        time="joined_at",
        happened=True,
        loses="silent members of groups",
    ),
    TableSchema(
        name="groups",
        columns=(
            GROUP,
            _other("title", "text"),
            _word("topic", loses="what a group is for, to hold its talk against"),
            _word("channel"),
        ),
        key="group_id",
        loses="names of groups, and what each is for",
    ),
    TableSchema(
        name="activities",
        columns=(
            _id("activity_id", required=True),
            GROUP,
            _time("starts_at", required=True),
            _time("ends_at"),
            _word("topic"),
            _other("title", "text"),
        ),
        time="starts_at",
        key="activity_id",
        loses="what activities did to a group",
    ),
    TableSchema(
        name="lists",
        columns=(
            USER,
            _word("list", required=True),
            _word("value"),
            _time("added_at", loses="since when someone is on a list, and whether that is too long ago"),
        ),
        time="added_at",
        happened=True,
        loses="labels from imported lists, such as the members of a programme",
    ),
    TableSchema(
        name="corrections",
        columns=(
            USER,
            _word("label", required=True),
            _word("value", required=True),
            _word("author", loses="who corrected what"),
            _time("noted_at", loses="which of two corrections is the newer"),
            _other("text", "text"),
        ),
        time="noted_at",  # whenever it was written, it holds: what was wrong before as_of was wrong
        loses="the last word of people who know better than the data",
    ),
)

SCHEMAS: dict[str, TableSchema] = {table.name: table for table in _TABLES}
"""The tables, by name."""

USER_TABLES: tuple[str, ...] = tuple(name for name, table in SCHEMAS.items() if "user_id" in table.names)
"""Tables whose users make up the user index."""
