"""The personas as SQL, and the labels it reads: whoever has a database can place users by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from segtool.engines import literal, quote
from segtool.errors import InputError
from segtool.outputs.ledger import pseudonyms_beside
from segtool.personas.saving import load_personas
from segtool.personas.scoring import compile_persona_scoring

LEDGER = "labels.parquet"
STATEMENT = "scoring.sql"
ORDER = "user_id, label, value, source"
NOTE = (
    "scoring.sql holds what persona_model.json holds, and reads labels.parquet beside it. A value that was "
    "folded in the model is folded there too, and a label that stays inside counts as unknown: users who "
    "have one may be placed otherwise than personas.csv has them."
)

NO_MODEL = "There is no scoring.sql: it is made from persona_model.json, and there is none."


def write_scoring(
    labels, folder: Path, inside: Iterable[str] = (), key: bytes | None = None
) -> tuple[dict[str, Any], dict[str, int]]:
    """Write ``labels.parquet`` and ``scoring.sql``, once ``persona_model.json`` lies in the folder.

    Parameters
    ----------
    labels : Labels
    folder : Path
    inside : iterable of str
        Labels that stay inside: they are in neither file.
    key : bytes, optional
        Of the pseudonyms; without it ids are written as they are.

    Returns
    -------
    dict
        For the manifest: ``scoring``, what the statement does, or why there is none.
    dict of str to int
        File name to rows.

    Notes
    -----
    Run it in the folder: ``duckdb < scoring.sql``.
    """
    if "labels" not in labels.tables or "users" not in labels.tables:
        return {}, {}
    rows = {LEDGER: write_ledger(labels, folder / LEDGER, inside, key)}
    model = folder / "persona_model.json"
    if not model.exists():
        return {"scoring": NO_MODEL}, rows
    absent = sorted(set(inside) & set(load_personas(model)["encoding"].basis))
    try:
        sql = compile_persona_scoring(model, table=Path(LEDGER), layout="long", absent=absent)
    except InputError as error:  # of another method, or formed on numbers, which are no labels
        return {"scoring": str(error)}, rows
    (folder / STATEMENT).write_text(sql, encoding="utf-8", newline="\n")
    return {"scoring": NOTE}, rows


def write_ledger(labels, path: Path, inside: Iterable[str] = (), key: bytes | None = None) -> int:
    """Write the labels as Parquet: one row per user, label and value, typed and as they are.

    Parameters
    ----------
    labels : Labels
    path : Path
    inside : iterable of str
        Labels that stay inside.
    key : bytes, optional
        Of the pseudonyms.

    Returns
    -------
    int
        Rows. The source ``ruled out`` says that a value is known not to hold; a user of whom nothing
        is known has one row, without label.
    """
    tables, engine = labels.tables, labels.engine
    parts = [f"SELECT user_id, label, value, confidence, source FROM {quote(tables['labels'])}"]
    if "ruled_out" in tables:
        nothing = "CAST(NULL AS DOUBLE) AS confidence, 'ruled out' AS source"
        parts.append(f"SELECT user_id, label, value, {nothing} FROM {quote(tables['ruled_out'])}")
    listed = ", ".join(map(literal, sorted(inside)))
    shown = f" WHERE label NOT IN ({listed})" if listed else ""
    said = f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS everything{shown}"
    user = "u.user_id" if key is None else "p.pseudonym"
    with pseudonyms_beside(labels, key, "u") as join:
        sql = (
            f"SELECT {user} AS user_id, s.label, s.value, CAST(s.confidence AS DOUBLE) AS confidence, s.source "
            f"FROM {quote(tables['users'])} AS u{join} LEFT JOIN ({said}) AS s ON s.user_id = u.user_id"
        )
        return engine.write(f"SELECT * FROM ({sql}) AS shown ORDER BY {ORDER}", path, "parquet")
