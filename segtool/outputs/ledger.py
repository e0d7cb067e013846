"""The claims ledger as a file, written where it lies: millions of claims never pass through Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from segtool.engines import literal, quote
from segtool.outputs.privacy import hash_ids
from segtool.outputs.sensitive import AMONG, cut_within

PSEUDONYMS = "export_pseudonyms"
SELECT_CLAIM = " sql"  # the id of a claim ends with its kind
FROM_SELECT = "from a SELECT of the study"
ORDER = "user_id, label, value, source, claim, evidence"


def write_claims(labels, path: Path, inside: Iterable[str] = (), key: bytes | None = None) -> int:
    """Write the claims as Parquet.

    Parameters
    ----------
    labels : Labels
    path : Path
    inside : iterable of str
        Labels that stay inside.
    key : bytes, optional
        Of the pseudonyms; without it ids are written as they are.

    Returns
    -------
    int
        Rows.
    """
    table = quote(labels.tables["claims"])
    inside = sorted(inside)
    condition = f" WHERE label NOT IN ({', '.join(map(literal, inside))})" if inside else ""
    telling = sorted(cut_within(labels, inside))
    names = labels.engine.columns(labels.tables["claims"])
    column = _shown_column if key is None else _hidden_column
    columns = ", ".join(column(name, telling) for name in names)
    with pseudonyms_beside(labels, key, "c") as join:
        sql = f"SELECT {columns} FROM {table} AS c{join}{condition}"
        # Rows in the order of the raw ids would give hidden ids away to whoever has the list of users.
        return labels.engine.write(f"SELECT * FROM ({sql}) AS shown ORDER BY {ORDER}", path, "parquet")


@contextmanager
def pseudonyms_beside(labels, key: bytes | None, table: str) -> Iterator[str]:
    """Have each user's pseudonym in the engine, and give the SQL that joins it as ``p``; "" without a key.

    Parameters
    ----------
    labels : Labels
    key : bytes or None
    table : str
        What the statement calls the table whose ``user_id`` is hidden.
    """
    if key is None:
        yield ""
        return
    labels.engine.register(PSEUDONYMS, list_pseudonyms(labels.user_ids, key))
    try:
        yield f" JOIN {PSEUDONYMS} AS p ON p.raw_id = {table}.user_id"
    finally:
        labels.engine.drop(PSEUDONYMS)


def list_pseudonyms(user_ids: pd.Index, key: bytes) -> pd.DataFrame:
    """Return each raw id with its pseudonym."""
    raw = pd.Series(user_ids.astype(str), name="raw_id")
    return pd.DataFrame({"raw_id": raw.to_numpy(), "pseudonym": list(hash_ids(raw, key))})


def _shown_column(name: str, telling: list[str]) -> str:
    """Return a column; evidence of some labels without the peer group it ends with."""
    if name != "evidence" or not telling:
        return f"c.{quote(name)}"
    listed = ", ".join(map(literal, telling))
    cut = f"split_part(c.evidence, {literal(AMONG)}, 1)"
    return f"CASE WHEN c.label IN ({listed}) THEN {cut} ELSE c.evidence END AS evidence"


def _hidden_column(name: str, telling: list[str]) -> str:
    if name == "user_id":
        return "p.pseudonym AS user_id"
    if name == "evidence":  # a note's names the colleague who wrote it, a SELECT's says what its author likes
        shown = _shown_column(name, telling).removesuffix(" AS evidence")
        select = f"c.claim LIKE '%{SELECT_CLAIM}' THEN {literal(FROM_SELECT)}"
        return f"CASE WHEN c.source = 'person' THEN 'a note' WHEN {select} ELSE {shown} END AS evidence"
    return f"c.{quote(name)}"
