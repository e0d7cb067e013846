"""Corrections: who set the data right, about what, and whether it holds."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from segtool.engines import Engine, literal, quote
from segtool.labels.catalog import Catalog
from segtool.labels.claims.correction import NOT_WORDS, TABLE, Correction, known_step
from segtool.labels.needed import needed_steps

if TYPE_CHECKING:
    from segtool.labels.compile import Compiled

COLUMNS = ("user_id", "label", "value", "author", "noted_at", "text", "outcome")


def with_corrections(catalog: Catalog, engine: Engine, schemas: Mapping[str, Mapping[str, str]]) -> Catalog:
    """Return the catalogue with a claim `Correction` on each label that somebody corrected.

    Parameters
    ----------
    catalog : Catalog
    engine : Engine
        Holds the table ``corrections``, if there is one.
    schemas : Mapping
        Table -> column -> kind.
    """
    if TABLE not in schemas:
        return catalog
    named = engine.query(f'SELECT DISTINCT lower(trim("label")) AS label FROM {quote(TABLE)} ORDER BY label')
    wanted = set(named["label"].dropna().astype(str))
    corrected = [
        replace(label, claims=(*label.claims, Correction()))
        for label in catalog.labels.values()
        if wanted & {label.name.lower(), label.title.strip().lower()}
        and not any(isinstance(claim, Correction) for claim in label.claims)
    ]
    return catalog + Catalog().keep({}, corrected) if corrected else catalog


def list_corrections(
    catalog: Catalog | None, engine: Engine, labels: str, claims: str = "claims", users: str = "user_index"
) -> pd.DataFrame:
    """Return every correction and what came of it.

    Parameters
    ----------
    catalog : Catalog or None
    engine : Engine
    labels : str
        The table of resolved labels.
    claims, users : str
        The ledger, which knows the values of labels that declare none; and the table of users.

    Returns
    -------
    pd.DataFrame
        user_id, label, value, author, noted_at, text, outcome ("holds", "overtaken by a later one",
        "no such label", "no such user", "no such value"; the nearest label or value is named, if one is near).
    """
    if TABLE not in engine.tables():
        return pd.DataFrame(columns=list(COLUMNS))
    rows = _read(engine)
    resolved = engine.query(
        f"SELECT user_id, label, value FROM {quote(labels)} WHERE user_id IN (SELECT user_id FROM {quote(TABLE)})"
        " ORDER BY user_id, label, value"
    )
    held = set(resolved.itertuples(index=False, name=None))
    by_name = {} if catalog is None else _by_name(catalog)
    known: dict[str, dict[str, str]] = {}
    if open_names := [label.name for label in corrected_labels(catalog, rows) if not label.values]:
        said = engine.query(
            f"SELECT DISTINCT label, value FROM {quote(claims)} "
            f"WHERE label IN ({', '.join(map(literal, open_names))}) AND source <> 'inferred' ORDER BY label, value"
        )
        known = {name: _by_letters(said.loc[said["label"] == name, "value"]) for name in open_names}
    faults = find_faults(by_name, engine, rows, known, users)
    rows["outcome"] = [
        fault or _judge(row, by_name, held, known)
        for fault, row in zip(faults, rows.itertuples(index=False), strict=True)
    ]
    return rows


def _read(engine: Engine) -> pd.DataFrame:
    present = engine.columns(TABLE)
    picks = [
        quote(name) if name in present else f"CAST(NULL AS VARCHAR) AS {quote(name)}" for name in COLUMNS[:-1]
    ]
    return engine.query(
        f"SELECT {', '.join(picks)} FROM {quote(TABLE)} ORDER BY user_id, {quote('label')}, noted_at, {quote('value')}"
    )


def corrected_labels(catalog: Catalog | None, rows: pd.DataFrame) -> list:
    """Return the labels that corrections name."""
    by_name = {} if catalog is None else _by_name(catalog)
    named = dict.fromkeys(str(name).strip().lower() for name in rows["label"])
    return list({by_name[name].name: by_name[name] for name in named if name in by_name}.values())


def _by_letters(values) -> dict[str, str]:
    """Return values by their small letters; of two spellings the first counts, as in the statement."""
    return {value.lower(): value for value in sorted(map(str, values), reverse=True)}


def find_faults(
    by_name: Mapping, engine: Engine, rows: pd.DataFrame, known: Mapping[str, Mapping[str, str]], users: str
) -> list[str | None]:
    """Return, per correction, why it cannot hold, and the nearest label or value; None where it can.

    Parameters
    ----------
    by_name : Mapping
        Name or title, in small letters -> label.
    engine : Engine
    rows : pd.DataFrame
        The corrections.
    known : Mapping
        Label without declared values -> its values by their small letters.
    users : str
        The table of users.
    """
    found = engine.query(f"SELECT user_id FROM {quote(users)} WHERE user_id IN (SELECT user_id FROM {quote(TABLE)})")
    return [_fault(row, by_name, known, set(found["user_id"])) for row in rows.itertuples(index=False)]


def check_corrections(
    catalog: Catalog, compiled: Compiled, engine: Engine, *, unsaid: Collection[str] = ()
) -> dict[str, int]:
    """Return why corrections cannot hold -> how many, before anything runs; no table is made for it.

    Parameters
    ----------
    catalog : Catalog
        All definitions; of those that cannot be computed no correction holds.
    compiled : Compiled
        For the tables of the engine.
    engine : Engine
    unsaid : collection of str
        Labels of which no value is shown.
    """
    if TABLE not in engine.tables():
        return {}
    rows, by_name = _read(engine), _by_name(catalog)
    made = {label.name for label in compiled.labels}
    known = {
        label.name: _by_letters(_values_before_run(label, compiled, engine))
        for label in corrected_labels(catalog, rows)
        if label.name in made and not label.values
    }
    found: Counter[str] = Counter()
    for fault, row in zip(
        find_faults(by_name, engine, rows, known, "user_index"), rows.itertuples(index=False), strict=True
    ):
        label = by_name.get(str(row.label).strip().lower())
        if label is not None and label.name not in made:
            fault = "the label cannot be made here"
        if fault is not None and label is not None and fault != "no such user":
            bare = label.sensitive or label.name in unsaid
            fault = f"{label.name}: {fault.split(';')[0] if bare else fault}"
        found.update([fault] if fault else [])
    return dict(found.most_common())


def _values_before_run(label, compiled: Compiled, engine: Engine) -> list[str]:
    """Return what the other claims of an open label say of anybody."""
    from segtool.labels.compile import with_statement

    steps = {step.name: step for step in compiled.steps if step.keep != "fitted"}
    last = steps[known_step(label)]
    sql = with_statement(needed_steps(last, steps), last.sql)
    return engine.query(f"{sql}\nORDER BY value")["value"].tolist()


def _fault(row, by_name: Mapping, known: Mapping, users: set[str]) -> str | None:
    name = str(row.label).strip().lower()
    label = by_name.get(name)
    if label is None:
        return "no such label" + _near(name, [label.name for label in by_name.values()])
    if row.user_id not in users:
        return "no such user"
    values = known.get(label.name)
    value, is_not = _read_value(str(row.value), label, values)
    if value is None:
        said, options = str(row.value).strip(), list(values.values()) if values else label.values
        word = next((word for word in NOT_WORDS if said.lower().startswith(word)), "")
        return "no such value" + _near(said[len(word) :].strip(), options)
    return "no such value" if is_not and not label.values and not label.many else None


def _near(name: str, options) -> str:
    by_letters = {str(option).lower(): option for option in options}
    near = difflib.get_close_matches(name.lower(), sorted(by_letters), n=1, cutoff=0.6)
    return f"; did you mean {by_letters[near[0]]!r}?" if near else ""


def _by_name(catalog: Catalog) -> dict:
    titles = {label.title.strip().lower(): label for label in catalog.labels.values()}
    return titles | {label.name.lower(): label for label in catalog.labels.values()}


def find_ruled_out(catalog: Catalog, engine: Engine, labels: str, user_id: str) -> set[tuple[str, str]]:
    """Return label and value (in small letters) of what a correction that holds says a user is not."""
    rows, by_name = list_corrections(catalog, engine, labels), _by_name(catalog)
    mine = rows[(rows["user_id"] == user_id) & (rows["outcome"] == "holds")]
    names = [by_name[str(row.label).strip().lower()] for row in mine.itertuples(index=False)]
    said = [_read_value(str(value), label) for value, label in zip(mine["value"], names, strict=True)]
    return {(label.name, value.lower()) for label, (value, is_not) in zip(names, said, strict=True) if is_not}


def _read_value(said: str, label, known: Mapping[str, str] | None = None) -> tuple[str | None, bool]:
    """Return the value a correction speaks of, None where the label has no such, and whether it denies it.

    ``known`` are the values of a label that declares none; without them any value will do.
    """
    said, values = said.strip(), {value.lower(): value for value in label.values}
    word = next((word for word in NOT_WORDS if said.lower().startswith(word)), None)
    is_not = word is not None and said.lower() not in values
    bare = said[len(word) :].strip() if is_not else said
    values = values or known
    return (bare if values is None else values.get(bare.lower())), is_not


def _judge(row, by_name: dict, held: set[tuple[str, str, str]], known: Mapping[str, Mapping[str, str]]) -> str:
    label = by_name[str(row.label).strip().lower()]
    value, is_not = _read_value(str(row.value), label, known.get(label.name))
    holds = (row.user_id, label.name, value) in held
    return "holds" if holds != is_not else "overtaken by a later one"
