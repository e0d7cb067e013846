"""What a fitted claim may look at: measures and profile columns that do not rest on what it predicts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from segtool.engines import literal
from segtool.labels.expressions import quote_name
from segtool.labels.inference.tasks import SAID_TABLES
from segtool.labels.measures import Measure

FEATURES = "features"
# Columns every measure may use; sharing one of them makes two measures no copies of each other.
COMMON_COLUMNS = frozenset({
    "user_id", "event", "event_time", "item_id", "age_days", "local_time", "local_date", "local_hour",
    "local_weekday", "channel", "topic",
})  # fmt: skip
# Rows added to a user's own before taking shares: one click is no interest.
SHRINK = 3.0
_DERIVED = ("local_time", "local_date", "local_hour", "local_weekday")


SHARES = "shares__"


def share_column(name: str) -> str:
    """Return the name that the shares of a column of events go by among the features."""
    return f"{SHARES}{name}"


def choose_shares(
    schemas: Mapping[str, Mapping[str, str]], names: Sequence[str], shut: Collection[str]
) -> list[str]:
    """Return the columns of ``events`` whose values may be looked at, as shares of a user's events."""
    shut = {name.lower() for name in shut}
    kinds = schemas.get("events", {})
    return [name for name in names if kinds.get(name) == "text" and f"events.{name}".lower() not in shut]


def shares_sql(values: Mapping[str, Sequence[str]]) -> str:
    """Return the shares of some values among each user's events, one scan for all.

    Parameters
    ----------
    values : Mapping
        Column of ``events`` -> its values.
    """
    picks = [
        f"sum(CASE WHEN {quote_name(name)} = {literal(value)} THEN 1.0 ELSE 0.0 END) "
        f"/ (count({quote_name(name)}) + {SHRINK}) AS {quote_name(f'{share_column(name)}__{number}')}"
        for name, listed in values.items()
        for number, value in enumerate(listed, start=1)
    ]
    return "SELECT user_id, " + ",\n  ".join(picks) + "\nFROM events\nGROUP BY user_id"


def profile_column(name: str) -> str:
    """Return the name a profile column has among the features; measures cannot have it."""
    return f"users__{name}"


def base_measures(name: str, measures: Mapping[str, Measure]) -> list[Measure]:
    """Return the measures over tables that a measure comes down to."""
    measure = {each.lower(): measures[each] for each in measures}[name.lower()]
    if not measure.is_derived:
        return [measure]
    return [base for need in measure.needs() for base in base_measures(need, measures)]


def tables_of(name: str, measures: Mapping[str, Measure]) -> set[str]:
    """Return the tables a measure rests on."""
    return {base.table for base in base_measures(name, measures)}


def columns_of(name: str, measures: Mapping[str, Measure]) -> set[str]:
    """Return "table.column" of each column a measure rests on, those every measure uses left aside.

    Examples
    --------
    >>> spend = Measure("spend", "events", "sum(amount)", "event = 'purchase'")
    >>> columns_of("spend", {"spend": spend})
    {'events.amount'}
    """
    return {
        f"{base.table}.{column}".lower()
        for base in base_measures(name, measures)
        for column in base.columns()
        if column.lower() not in COMMON_COLUMNS
    }


def choose_measures(
    measures: Mapping[str, Measure],
    *,
    tables: Collection[str] = (),
    copies_of: Iterable[str] = (),
    shut_columns: Collection[str] = (),
) -> list[str]:
    """Return the measures that may be features.

    Parameters
    ----------
    measures : Mapping
        All that are computed.
    tables : collection of str
        Tables with the answers; measures of `SAID_TABLES` are never features.
    copies_of : iterable of str
        Measures that decide what is predicted: they, and those over the same columns, are left out.
    shut_columns : collection of str
        "table.column" of what decides it without a measure between.
    """
    shut = {table.lower() for table in (*SAID_TABLES, *tables)}
    deciding = list(copies_of)
    same = {base.name for name in deciding for base in base_measures(name, measures)}
    columns = {column for name in deciding for column in columns_of(name, measures)}
    columns |= {column.lower() for column in shut_columns}

    def is_free(name: str) -> bool:
        bases = base_measures(name, measures)
        return not (
            {base.table.lower() for base in bases} & shut
            or {base.name for base in bases} & same
            or columns_of(name, measures) & columns
        )

    return [name for name in measures if is_free(name)]


def choose_profile(schemas: Mapping[str, Mapping[str, str]], shut: Collection[str]) -> list[str]:
    """Return the columns of ``users`` that may be features: numbers, flags and words.

    Parameters
    ----------
    shut : collection of str
        "users.column" of columns another claim of the label reads. Whoever has such a column does
        not need the inference, and a model that leans on it fails those who do.
    """
    shut = {name.lower() for name in shut}
    return [
        name
        for name, kind in schemas.get("users", {}).items()
        if kind in ("number", "boolean", "text")
        and name.lower() != "user_id"
        and name not in _DERIVED
        and f"users.{name}".lower() not in shut
    ]


def features_sql(measures: Sequence[str], profile: Sequence[str], users: Mapping[str, str]) -> str:
    """Return the view of features: one narrow row per user.

    Parameters
    ----------
    measures, profile : sequence of str
        Columns of ``measures_wide`` and of ``users``.
    users : Mapping
        Column of ``users`` -> kind.
    """
    picks = [f"m.{quote_name(name)}" for name in measures]
    for name in profile:
        kind = {"number": "DOUBLE", "boolean": "DOUBLE"}.get(users[name], "VARCHAR")
        value = f"u.{quote_name(name)}"
        if users[name] == "boolean":
            value = f"CASE WHEN {value} THEN 1 WHEN NOT {value} THEN 0 END"
        picks.append(f"CAST({value} AS {kind}) AS {quote_name(profile_column(name))}")
    sql = "SELECT\n  " + ",\n  ".join(["m.user_id", *picks]) + "\nFROM measures_wide AS m"
    return sql + ("\nLEFT JOIN users AS u ON u.user_id = m.user_id" if profile else "")
