"""Corrections: who set the data right, about what, and whether it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from segtool.engines import Engine, quote
from segtool.labels.catalog import Catalog
from segtool.labels.claims.correction import NOT_WORDS, TABLE, Correction

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


def list_corrections(catalog: Catalog | None, engine: Engine, labels: str) -> pd.DataFrame:
    """Return every correction and what came of it.

    Parameters
    ----------
    catalog : Catalog or None
    engine : Engine
    labels : str
        The table of resolved labels.

    Returns
    -------
    pd.DataFrame
        user_id, label, value, author, noted_at, text, outcome ("holds", "overtaken by a later one",
        "no such label", "no such value").
    """
    if TABLE not in engine.tables():
        return pd.DataFrame(columns=list(COLUMNS))
    present = engine.columns(TABLE)
    picks = [
        quote(name) if name in present else f"CAST(NULL AS VARCHAR) AS {quote(name)}" for name in COLUMNS[:-1]
    ]
    rows = engine.query(
        f"SELECT {', '.join(picks)} FROM {quote(TABLE)} ORDER BY user_id, {quote('label')}, noted_at, {quote('value')}"
    )
    resolved = engine.query(
        f"SELECT user_id, label, value FROM {quote(labels)} WHERE user_id IN (SELECT user_id FROM {quote(TABLE)})"
        " ORDER BY user_id, label, value"
    )
    held = set(resolved.itertuples(index=False, name=None))
    by_name = {} if catalog is None else _by_name(catalog)
    rows["outcome"] = [_judge(row, by_name, held) for row in rows.itertuples(index=False)]
    return rows


def _by_name(catalog: Catalog) -> dict:
    titles = {label.title.strip().lower(): label for label in catalog.labels.values()}
    return titles | {label.name.lower(): label for label in catalog.labels.values()}


def _judge(row, by_name: dict, held: set[tuple[str, str, str]]) -> str:
    label = by_name.get(str(row.label).strip().lower())
    if label is None:
        return "no such label"
    said = str(row.value).strip()
    values = {value.lower(): value for value in label.values}
    word = next((word for word in NOT_WORDS if said.lower().startswith(word)), None)
    is_not = word is not None and said.lower() not in values
    bare = said[len(word) :].strip() if is_not else said
    value = values.get(bare.lower()) if values else bare
    if value is None or (is_not and not values and not label.many):
        return "no such value"
    holds = (row.user_id, label.name, value) in held
    return "holds" if holds != is_not else "overtaken by a later one"
