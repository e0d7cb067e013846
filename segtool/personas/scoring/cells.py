"""The first step of a scoring statement: what a table says of each user, one cell per column of the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from segtool.engines import literal, quote
from segtool.errors import InputError, ParameterError, did_you_mean
from segtool.personas.scoring.expressions import comment, finite
from segtool.personas.scoring.score_columns import ScoreColumn

# Of these sources a value says nothing about the label's other values (see labels.frames): a note that
# someone likes travel is no word on sports.
VALUE_BY_VALUE = ("person", "profile", "inferred", "ruled out")
RULED_OUT = "ruled out"
AGGREGATES_AT_ONCE = 12  # wider GROUP BYs cost more than they have columns (docs/scoring.md)
LEDGER = ("user_id", "label", "value", "confidence", "source")
# What people leave around a value: space, tab, line ends, no-break and ideographic space.
# The last two stand for themselves: Spark's chr() knows 256 characters.
BLANKS = "chr(9) || chr(10) || chr(13) || ' \u00a0\u3000'"


@dataclass(frozen=True)
class Reading:
    """Named steps that end in one called ``cells``.

    Parameters
    ----------
    steps : tuple of (str, str)
        Name and SELECT; ``cells`` holds ``user_id``, ``t<n>`` or ``v<n>`` per column (text, number)
        and ``f<n>`` where a confidence is stated.
    known : dict of str to tuple of str
        Label to the cells of which one is there if the label is known.
    weighted : frozenset of int
        Columns with a confidence.
    """

    steps: tuple[tuple[str, str], ...]
    known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    weighted: frozenset[int] = frozenset()


def name_of(column: ScoreColumn) -> str:
    """Return the name of a column's cells."""
    return f"{'v' if column.is_number else 't'}{column.number}"


def table_sql(table: str | Path) -> str:
    """Return a table as it stands after FROM: dots part schema and table, a Path is a Parquet file.

    Examples
    --------
    >>> print(table_sql("warehouse.labels"))
    "warehouse"."labels"
    """
    if isinstance(table, Path):
        return f"read_parquet({literal(table.as_posix())})"
    if not isinstance(table, str) or not all(table.split(".")):
        raise ParameterError(
            "table is no name of a table.", "'labels', 'schema.labels', or a Path to a Parquet file."
        )
    return ".".join(map(quote, table.split(".")))


# --- one row per user --------------------------------------------------------------------------


def read_wide(
    columns: Sequence[ScoreColumn],
    informative: Iterable[str],
    *,
    table: str | Path,
    user_id: str,
    names: Mapping[str, str],
    confidence: Mapping[str, str],
    trimmed: bool,
) -> Reading:
    """Return the step that reads a table with one row per user and one column per column of the model.

    Parameters
    ----------
    columns : sequence of ScoreColumn
    informative : iterable of str
        Labels that are counted where known.
    table : str or Path
    user_id : str
    names, confidence : Mapping of str to str
        Column of the model to column of the table, and to the column with its confidence.
    trimmed : bool
        Whether blanks around a text are no part of it, as for a model fitted on a DataFrame.
    """
    features = [column.feature for column in columns]
    for what, given in (("columns", names), ("confidence", confidence)):
        for feature in given:
            if feature not in features:
                raise ParameterError(
                    f"{what} names {feature!r}, which is no column of the model.",
                    did_you_mean(feature, features),
                )
    informative = set(informative)
    used = [column for column in columns if column.counts or column.label in informative]
    picks = [f"CAST({quote(user_id)} AS VARCHAR) AS user_id"]
    for column in used:
        cell = quote(names.get(column.feature, column.feature))
        read = finite(cell) if column.is_number else _text_sql(cell, trimmed and column.plan.kind != "flag")
        picks.append(f"{read} AS {name_of(column)}")
        if column.counts and column.feature in confidence:
            picks.append(f"CAST({quote(confidence[column.feature])} AS DOUBLE) AS f{column.number}")
    known: dict[str, tuple[str, ...]] = {}
    for column in used:
        if column.label in informative:
            known[column.label] = (*known.get(column.label, ()), name_of(column))
    sql = f"SELECT\n    {_lines(picks)}\n  FROM {table_sql(table)}"
    weighted = frozenset(column.number for column in used if column.counts and column.feature in confidence)
    return Reading((("cells", sql),), known, weighted)


def _text_sql(cell: str, trimmed: bool) -> str:
    text = f"CAST({cell} AS VARCHAR)"
    return f"trim({text}, {BLANKS})" if trimmed else text


def _lines(picks: Iterable[str]) -> str:
    return ",\n    ".join(picks)


# --- one row per label -------------------------------------------------------------------------


def read_long(
    columns: Sequence[ScoreColumn],
    informative: Iterable[str],
    *,
    table: str | Path,
    users: str | Path | None,
    names: Mapping[str, str],
    use_confidence: bool,
) -> Reading:
    """Return the steps that turn a ledger, one row per user, label and value, into one row per user.

    Parameters
    ----------
    columns : sequence of ScoreColumn
    informative : iterable of str
        Labels that are counted where known.
    table : str or Path
        The ledger.
    users : str, Path or None
        A table of all users; without it those of whom the ledger says nothing are not there.
    names : Mapping of str to str
        What the ledger calls ``user_id``, ``label``, ``value``, ``confidence`` and ``source``.
    use_confidence : bool
    """
    for role in names:
        if role not in LEDGER:
            raise ParameterError(f"columns names {role!r}.", did_you_mean(role, LEDGER))
    called = {role: quote(names.get(role, role)) for role in LEDGER}
    informative = dict.fromkeys(informative)
    used = [column for column in columns if column.counts]
    if any(column.is_number for column in columns if column.counts or column.label in informative):
        raise InputError(
            "These personas were formed on numbers, which a ledger of labels does not hold.",
            'layout="wide".', 'Score the table they were found in, with layout="wide".',
        )  # fmt: skip
    groups: dict[str, list[str]] = {}
    for column in used:
        groups.setdefault(column.label, []).extend(_ledger_picks(column, called, use_confidence))
    known = {column.label: (name_of(column),) for column in used if column.value is None}
    known = {label: known.get(label, (f"k{i + 1}",)) for i, label in enumerate(informative)}
    for label, (cell,) in known.items():
        if cell.startswith("k"):
            groups.setdefault(label, []).append(
                f"max(CASE WHEN {_is(called['label'], label)} THEN 1 END) AS {cell}"
            )
    steps = [(f"cells_{i + 1}", _group_sql(each, called, table)) for i, each in enumerate(_packed(groups))]
    source = f"SELECT DISTINCT {called['user_id']} FROM {table_sql(table)}"
    if users is not None:
        source = f"SELECT {called['user_id']} FROM {table_sql(users)}"
    everyone = (
        f"SELECT\n    CAST({called['user_id']} AS VARCHAR) AS user_id\n  FROM (\n    {source}\n  ) AS listed"
    )
    cells = [pick.rsplit(" AS ", 1)[1] for picks in groups.values() for pick in picks]
    joins = "".join(f"\n  LEFT JOIN {name} ON {name}.user_id = everyone.user_id" for name, _ in steps)
    sql = f"SELECT\n    {_lines(['everyone.user_id', *cells])}\n  FROM everyone{joins}"
    weighted = frozenset(column.number for column in used) if use_confidence else frozenset()
    return Reading((("everyone", everyone), *steps, ("cells", sql)), known, weighted)


def spell_ledger(columns: Sequence[ScoreColumn]) -> list[ScoreColumn]:
    """Return the columns as `read_long` spells their cells: 1 where a value of many is held, 0 where not."""
    return [column if column.value is None else replace(column, codes={"1": 1, "0": 0}) for column in columns]


def _is(column: str, text: str) -> str:
    return f"{column} = {literal(text)}"


def _ledger_picks(column: ScoreColumn, called: Mapping[str, str], use_confidence: bool) -> list[str]:
    """Return what of the ledger's rows makes one cell, and its confidence."""
    label, value, source = _is(called["label"], column.label), called["value"], called["source"]
    n = column.number
    if column.value is None:
        picks = [f"max(CASE WHEN {label} THEN CAST({value} AS VARCHAR) END) AS t{n}"]
        held = label
    else:
        held = f"{label} AND {_is(value, column.value)}"
        alone = ", ".join(map(literal, VALUE_BY_VALUE))
        picks = [
            f"max(CASE WHEN {held} THEN CASE WHEN {_is(source, RULED_OUT)} THEN '0' ELSE '1' END "
            f"WHEN {label} AND {source} NOT IN ({alone}) THEN '0' END) AS t{n}"
        ]
        held = f"{held} AND {source} <> {literal(RULED_OUT)}"
    if use_confidence:
        picks.append(f"max(CASE WHEN {held} THEN CAST({called['confidence']} AS DOUBLE) END) AS f{n}")
    return picks


def _packed(groups: Mapping[str, list[str]]) -> list[dict[str, list[str]]]:
    """Put labels together until a step has as many aggregates as it may have."""
    packs: list[dict[str, list[str]]] = []
    room = 0
    for label, picks in groups.items():
        for start in range(0, len(picks), AGGREGATES_AT_ONCE):
            some = picks[start : start + AGGREGATES_AT_ONCE]
            if len(some) > room:
                packs.append({})
                room = AGGREGATES_AT_ONCE
            packs[-1].setdefault(label, []).extend(some)
            room -= len(some)
    return packs


def _group_sql(groups: Mapping[str, list[str]], called: Mapping[str, str], table: str | Path) -> str:
    user = called["user_id"]
    picks = [f"CAST({user} AS VARCHAR) AS user_id", *(pick for picks in groups.values() for pick in picks)]
    listed = ", ".join(map(literal, groups))
    where = f"\n  WHERE {called['label']} IN ({listed})\n  GROUP BY {user}"
    return f"SELECT\n    {_lines(picks)}\n  FROM {table_sql(table)}{where}"


def describe(column: ScoreColumn) -> str:
    """Return in a few words what a column is, for a comment."""
    if column.is_number:
        kind = "log" if column.plan.log else "number"
        return comment(f"{column.feature} ({kind})")
    return comment(column.feature)
