"""Labels as tables: what a reader must know of each label, and the way between long and wide.

Long is one row per user and label (and value, for labels with many values); wide is one row per
user. Both directions live here, so that a table written by hand and a compiled catalogue end in
exactly the same shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd

from segtool.engines import Engine, literal, quote
from segtool.errors import InputError

KINDS = ("ordered", "nominal", "flag", "many")
YES_NO = ("no", "yes")
MANY_SEPARATOR = ": "


@dataclass(frozen=True)
class LabelInfo:
    """What a reader needs to know of one label, whoever defined it.

    Parameters
    ----------
    name : str
        Column name.
    title : str
        Name for people.
    facet : str
        Life stage, consumption, taste, ...
    kind : {"ordered", "nominal", "flag", "many"}
    values : tuple of str
        In the label's order; empty when the values come from the data.
    phrase : str or Mapping
        A clause with ``{value}`` in it, or one clause per value; an empty clause says nothing.
    families : frozenset of str
        The source families it rests on (its lineage).
    sensitive : bool
        Whether it stays inside unless named.
    """

    name: str
    title: str
    facet: str
    kind: str
    values: tuple[str, ...] = ()
    phrase: str | Mapping[str, str] = "{value}"
    families: frozenset[str] = field(default_factory=frozenset)
    sensitive: bool = False

    def clause(self, value: str) -> str:
        """Return the clause a sentence uses for a value, or an empty text.

        Examples
        --------
        >>> LabelInfo("age", "Age", "life stage", "ordered", phrase="aged {value}").clause("18-24")
        'aged 18-24'
        >>> LabelInfo("vip", "VIP", "activity", "flag", phrase="is a VIP").clause("no")
        ''
        """
        if isinstance(self.phrase, Mapping):
            return self.phrase.get(value, "").replace("{value}", value)
        if self.kind == "flag" and value == "no":
            return ""  # "does not share" is rarely worth a clause; a mapping can say so where it is
        return self.phrase.replace("{value}", value)


class LabelTables(Protocol):
    """What `quality` and `why` read of `Labels`: they stand below it and must not import it."""

    engine: Engine
    infos: tuple[LabelInfo, ...]
    tables: Mapping[str, str]
    compiled: Any
    as_of: pd.Timestamp | None
    n_users: int
    user_ids: pd.Index
    value_counts: pd.DataFrame

    def headline(self) -> str: ...
    def left_out(self) -> pd.DataFrame: ...
    def wide(self) -> pd.DataFrame: ...
    def titles(self) -> dict[str, str]: ...
    def facets(self) -> dict[str, str]: ...
    def label_kinds(self) -> dict[str, str]: ...


def infer_info(frame: pd.DataFrame, facets: Mapping[str, str] | None, families) -> list[LabelInfo]:
    """Read the labels of a wide table off its column types.

    Parameters
    ----------
    frame : pd.DataFrame of shape (n_users, n_columns)
        Categorical, text and boolean columns; numbers are measures and are skipped.
    facets, families : Mapping or None
        Label to facet, label to source families; the default facet is "other" and each label is
        its own family.

    Returns
    -------
    list of LabelInfo
    """
    facets, families = facets or {}, families or {}
    found: dict[str, LabelInfo] = {}
    for column in frame.columns:
        kind, name, values = _read_column(str(column), frame[column])
        if kind == "number":
            continue
        if name in found:  # another value of a many-valued label
            values = found[name].values + values
        found[name] = LabelInfo(
            name=name,
            title=name.replace("_", " "),
            facet=facets.get(name, "other"),
            kind=kind,
            values=values,
            phrase=name.replace("_", " ") + ("" if kind == "flag" else ": {value}"),
            families=frozenset(families.get(name, {name})),
        )
    return list(found.values())


def _read_column(column: str, cells: pd.Series) -> tuple[str, str, tuple[str, ...]]:
    """Return kind, label name and values of one column of a wide table."""
    if pd.api.types.is_bool_dtype(cells.dtype):
        name, separator, value = column.partition(MANY_SEPARATOR)
        return ("many", name, (value,)) if separator else ("flag", column, YES_NO)
    if isinstance(cells.dtype, pd.CategoricalDtype):
        values = tuple(str(value) for value in cells.cat.categories)
        if set(values) == set(YES_NO):
            return "flag", column, YES_NO
        return ("ordered" if cells.cat.ordered else "nominal"), column, values
    if pd.api.types.is_numeric_dtype(cells.dtype):
        return "number", column, ()
    present = cells.dropna()
    if len(present) and present.map(lambda cell: isinstance(cell, (bool, np.bool_))).all():
        return _read_column(column, cells.astype("boolean"))
    return "nominal", column, tuple(sorted({str(value) for value in present}))


def prepare_frame(wide: pd.DataFrame) -> pd.DataFrame:
    """Return a wide table indexed by text user ids, sorted, each once.

    Raises
    ------
    InputError
        If ids are missing or come twice, or a column name comes twice.
    """
    frame = wide.set_index("user_id") if "user_id" in wide.columns else wide.copy()
    if frame.index.hasnans:
        raise InputError("The wide table has rows without a user_id.", fix="Drop or fill them.")
    frame.index = pd.Index(frame.index.astype(str), name="user_id")
    if frame.index.has_duplicates:
        n_twice = int(frame.index.duplicated().sum())
        raise InputError(f"{n_twice} user_ids of the wide table come more than once.", "one row per user.")
    if frame.columns.has_duplicates:
        raise InputError("Two columns of the wide table have the same name.", "one column per label.")
    return frame.sort_index()


def melt_labels(frame: pd.DataFrame, infos: Sequence[LabelInfo]) -> pd.DataFrame:
    """Return the long table of a wide one: user_id, label, value; unknown cells give no row.

    Examples
    --------
    >>> wide = pd.DataFrame({"likes: tea": [True, False]}, index=pd.Index(["a", "b"], name="user_id"))
    >>> melt_labels(wide, infer_info(wide, None, None))
      user_id  label value
    0       a  likes   tea
    """
    parts = []
    for info in infos:
        if info.kind == "many":
            for value in info.values:
                is_set = frame[f"{info.name}{MANY_SEPARATOR}{value}"].astype("boolean").fillna(False)
                parts.append(_long(frame.index[is_set.to_numpy(bool)], info.name, value))
            continue
        texts = _as_text(frame[info.name], info)
        known = texts.notna().to_numpy()
        parts.append(_long(frame.index[known], info.name, texts[known].to_numpy()))
    empty = _long(pd.Index([], dtype=str), "", "")
    return pd.concat([empty, *parts], ignore_index=True).astype(str)


def _long(users: pd.Index, label: str, value) -> pd.DataFrame:
    return pd.DataFrame({"user_id": users.to_numpy(), "label": label, "value": value})


def pick_values(frame: pd.DataFrame, infos: Sequence[LabelInfo]) -> pd.DataFrame:
    """Return user_id and the single-valued labels of a wide table as text, flags as yes and no."""
    cells = {info.name: _as_text(frame[info.name], info) for info in infos if info.kind != "many"}
    return pd.DataFrame(cells, index=frame.index).reset_index()


def _as_text(cells: pd.Series, info: LabelInfo) -> pd.Series:
    """Return a column as text, flags as yes and no; each value is written once, not each cell."""
    words = {True: "yes", False: "no"} if info.kind == "flag" else {}
    coded = cells.astype("category")
    names = np.array([words.get(value, str(value)) for value in coded.cat.categories] + [None], dtype=object)
    return pd.Series(names[coded.cat.codes.to_numpy()], index=cells.index, dtype=object)


def pick_measures(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the number columns of a wide table as a measures table, user_id first."""
    api = pd.api.types
    is_number = [api.is_numeric_dtype(kind) and not api.is_bool_dtype(kind) for kind in frame.dtypes]
    return frame.loc[:, is_number].astype(float).reset_index()


def melt_ruled_out(frame: pd.DataFrame, infos: Sequence[LabelInfo]) -> pd.DataFrame:
    """Return user_id, label, value for each value of a many-valued label that is known not to hold."""
    parts = [_long(pd.Index([], dtype=str), "", "")]
    for info in infos:
        for value in info.values if info.kind == "many" else ():
            is_set = frame[f"{info.name}{MANY_SEPARATOR}{value}"].astype("boolean").fillna(True)
            parts.append(_long(frame.index[~is_set.to_numpy(bool)], info.name, value))
    return pd.concat(parts, ignore_index=True).astype(str)


def read_wide(engine: Engine, infos: Sequence[LabelInfo], tables: Mapping[str, str]) -> pd.DataFrame:
    """Return one row per user and one properly typed column per label.

    The engine turns text into small integer codes, so half a million users with forty labels
    pass as a few tens of megabytes.

    Parameters
    ----------
    engine : Engine
    infos : sequence of LabelInfo
    tables : Mapping
        Names of the tables ``values`` (user_id and one text column per single-valued label),
        ``labels`` (long), ``users``, and ``ruled_out`` where there is one (user_id, label, value:
        known not to hold).

    Returns
    -------
    pd.DataFrame of shape (n_users, n_columns)
        Index ``user_id``, every user, sorted.
    """
    single = [info for info in infos if info.kind != "many"]
    many = [info for info in infos if info.kind == "many"]
    parts = {info.name: {} for info in infos}
    index = read_users(engine, tables["users"])
    if single:
        for info, cells in _read_single(engine, single, tables):
            parts[info.name][info.name] = cells
    if many:
        for info, name, cells in _read_many(engine, many, tables):
            parts[info.name][name] = cells
    cells = {name: column for columns in parts.values() for name, column in columns.items()}
    return pd.DataFrame(cells, index=range(len(index))).set_axis(index, axis=0)


def read_users(engine: Engine, users: str) -> pd.Index:
    """Return every user id as text, sorted."""
    found = engine.query(f"SELECT user_id FROM {quote(users)} ORDER BY user_id")
    return pd.Index(found["user_id"].astype(str), name="user_id")


def _read_single(engine: Engine, infos: Sequence[LabelInfo], tables: Mapping[str, str]):
    categories = {info.name: info.values or _occurring(engine, info.name, tables["values"]) for info in infos}
    picks = "".join(
        f",\n  {_code_sql(f'v.{quote(info.name)}', categories[info.name])} AS c{number}"
        for number, info in enumerate(infos)
    )
    codes = engine.query(
        f"SELECT u.user_id{picks}\nFROM {quote(tables['users'])} AS u\n"
        f"LEFT JOIN {quote(tables['values'])} AS v ON v.user_id = u.user_id\nORDER BY u.user_id"
    )
    for number, info in enumerate(infos):
        filled = codes[f"c{number}"].fillna(-1).to_numpy().astype(np.int32)
        names = list(categories[info.name])
        yield info, pd.Categorical.from_codes(filled, categories=names, ordered=info.kind == "ordered")


def _occurring(engine: Engine, label: str, values: str) -> tuple[str, ...]:
    column = quote(label)
    found = engine.query(
        f"SELECT DISTINCT {column} AS value FROM {quote(values)} WHERE {column} IS NOT NULL ORDER BY 1"
    )
    return tuple(found["value"].astype(str))


def _code_sql(column: str, values: Sequence[str]) -> str:
    cases = " ".join(f"WHEN {literal(value)} THEN {code}" for code, value in enumerate(values))
    return f"CASE {column} {cases} END" if cases else "CAST(NULL AS INTEGER)"


def _read_many(engine: Engine, infos: Sequence[LabelInfo], tables: Mapping[str, str]):
    said = _said_sql(infos, tables)
    seen = engine.query(f"SELECT DISTINCT label, value FROM ({said}) AS said ORDER BY label, value")
    plan = []
    for info in infos:
        occurring = seen.loc[seen["label"] == info.name, "value"].astype(str)
        plan += [(info, value) for value in dict.fromkeys([*info.values, *occurring])]
    if not plan:
        return
    picks = [f"{_many_sql(info.name, value)} AS c{number}" for number, (info, value) in enumerate(plan)]
    names = "".join(f", codes.c{number}" for number in range(len(plan)))
    codes = engine.query(
        f"WITH said AS (\n  {said}\n),\n"
        f"codes AS (\n  SELECT user_id,\n  {', '.join(picks)}\n  FROM said\n  GROUP BY user_id\n)\n"
        f"SELECT u.user_id{names}\nFROM {quote(tables['users'])} AS u\n"
        "LEFT JOIN codes ON codes.user_id = u.user_id\nORDER BY u.user_id"
    )
    for number, (info, value) in enumerate(plan):
        flags = codes[f"c{number}"].astype("Int8").astype("boolean").array
        yield info, f"{info.name}{MANY_SEPARATOR}{value}", flags


def _said_sql(infos: Sequence[LabelInfo], tables: Mapping[str, str]) -> str:
    """Return SQL of what is said of many-valued labels, the values ruled out included."""
    wanted = ", ".join(literal(info.name) for info in infos)
    said = f"SELECT user_id, label, value, source FROM {quote(tables['labels'])} WHERE label IN ({wanted})"
    if "ruled_out" in tables:
        ruled_out = quote(tables["ruled_out"])
        said += f"\n  UNION ALL SELECT user_id, label, value, 'ruled out' AS source FROM {ruled_out}"
    return said


def _many_sql(label: str, value: str) -> str:
    """Return SQL that is 1 where a value holds, 0 where it does not, NULL where nobody knows."""
    # A note that someone likes travel says nothing about sports, nor does a model, which abstains value
    # by value; a computed list of tastes does.
    text = literal(value)
    return (
        f"max(CASE WHEN label <> {literal(label)} THEN NULL "
        f"WHEN source = 'ruled out' THEN CASE WHEN value = {text} THEN 0 END "
        f"WHEN value = {text} THEN 1 WHEN source NOT IN ('person', 'profile', 'inferred') THEN 0 END)"
    )


def read_confidences(
    engine: Engine, infos: Sequence[LabelInfo], tables: Mapping[str, str], columns: Sequence[str]
) -> pd.DataFrame:
    """Return how sure each value of the wide table is.

    Parameters
    ----------
    engine : Engine
    infos : sequence of LabelInfo
    tables : Mapping
        Names of the tables ``labels`` (long) and ``users``.
    columns : sequence of str
        Columns of the wide table.

    Returns
    -------
    pd.DataFrame of shape (n_users, n_columns)
        Index ``user_id``, every user, sorted. Missing where the value is unknown, and where it is
        known of a many-valued label that a value does not hold: nobody put a figure to that.
    """
    kinds = {info.name: info.kind for info in infos}
    index = read_users(engine, tables["users"])
    picks = []
    for column in columns:
        label, _, value = (column, "", "") if column in kinds else column.partition(MANY_SEPARATOR)
        is_it = f"label = {literal(label)}" + (f" AND value = {literal(value)}" if value else "")
        picks.append(f"max(CASE WHEN {is_it} THEN confidence END) AS c{len(picks)}")
    if not picks:
        return pd.DataFrame(index=index)
    names = "".join(f", sure.c{number}" for number in range(len(picks)))
    cells = engine.query(
        f"WITH sure AS (\n  SELECT user_id,\n  {', '.join(picks)}\n"
        f"  FROM {quote(tables['labels'])}\n  GROUP BY user_id\n)\n"
        f"SELECT u.user_id{names}\nFROM {quote(tables['users'])} AS u\n"
        "LEFT JOIN sure ON sure.user_id = u.user_id\nORDER BY u.user_id"
    )
    found = {
        column: cells[f"c{number}"].to_numpy(float, na_value=np.nan)
        for number, column in enumerate(columns)
    }
    return pd.DataFrame(found, index=index)
