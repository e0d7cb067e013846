"""From a fitted model to one SQL statement that places users where they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segtool.checks import check_in
from segtool.errors import InputError, NotFittedError, ParameterError, did_you_mean
from segtool.personas.encode import Encoding
from segtool.personas.membership import UnsureRule
from segtool.personas.model_json import FORMAT, ModelRecord, read_model
from segtool.personas.saving import load_personas
from segtool.personas.scoring.cells import read_long, read_wide, spell_ledger, table_sql
from segtool.personas.scoring.score_columns import drop_absent, read_score_columns
from segtool.personas.scoring.statement import (
    DIALECTS,
    needed_known,
    translate,
    write_header,
    write_statement,
)

if TYPE_CHECKING:
    from segtool.personas.found import FoundPersonas

LAYOUTS = ("wide", "long")
KEEP = ("all", "best")


def compile_scoring(
    model: Any,
    *,
    table: str | Path = "labels",
    user_id: str = "user_id",
    dialect: str = "duckdb",
    columns: Mapping[str, str] | None = None,
    confidence: Mapping[str, str] | None = None,
    keep: str = "all",
) -> str:
    """Return one SQL statement that gives what ``model.predict_proba`` gives.

    Parameters
    ----------
    model : LatentClassPersonas, or its JSON as dict or str
    table : str or Path
        Table with one row per user and one column per column of the fit; a Path is a Parquet file
        (DuckDB only).
    user_id : str
        Its column of user ids.
    dialect : {"duckdb", "spark", "postgres", "bigquery", "snowflake"}
    columns : Mapping of str to str, optional
        Column of the fit to column of the table, where they differ. Columns of an array are called
        ``x0``, ``x1``, ...
    confidence : Mapping of str to str, optional
        Column of the fit to the column of the table that says how sure its cells are, 0 to 1.
    keep : {"all", "best"}
        Whether the membership in each persona is given too, as ``p_1`` to ``p_K``.

    Returns
    -------
    str
        A SELECT of user_id, persona_id (1 is the largest persona), membership, runner_up_id, and the
        memberships; one row per row of the table, in the order of user_id.

    Raises
    ------
    ParameterError
        If an argument is not one of those listed, or ``columns`` names what the model does not have.
    InputError
        If the JSON is not that of a model.
    NotFittedError
        Before fit.

    Notes
    -----
    Blanks around a text do not count (spaces, tabs, line ends); unknown are NULL, NaN, infinite
    numbers and levels the model never met.

    Examples
    --------
    >>> import duckdb
    >>> import pandas as pd
    >>> from segtool.personas.latent_class import LatentClassPersonas
    >>> fans = pd.DataFrame({"city": ["Wuhan", "Chengdu", "Wuhan"] * 20, "vip": [True, False, True] * 20})
    >>> sql = compile_scoring(LatentClassPersonas(n_personas=2).fit(fans), table="guests")
    >>> _ = duckdb.sql("CREATE TEMP TABLE guests AS SELECT 'u1' AS user_id, 'Chengdu' AS city, NULL AS vip")
    >>> duckdb.sql(sql).fetchone()[:2]
    ('u1', 2)
    """
    _check(dialect, keep, table)
    record = _read(model)
    scored = read_score_columns(record)
    reading = read_wide(
        scored, (), table=table, user_id=user_id, names=columns or {}, confidence=confidence or {}, trimmed=True
    )  # fmt: skip
    sql = write_statement(reading, scored, _log_share(record), keep=keep, softening=record.softening)
    needs = [columns.get(c.feature, c.feature) if columns else c.feature for c in scored if c.counts]
    lines = [
        f"{record.classes.n_classes} personas, model {_digest(_plain(record))}: a latent class model compiled by segtool.",
        f"Needs a table with one row per user: {user_id} and {_listed(needs)}.",
        *_how_to_read(keep, named=False),
    ]
    return write_header(lines) + translate(sql, dialect)


def compile_persona_scoring(
    personas: FoundPersonas | str | Path,
    *,
    table: str | Path = "labels",
    layout: str = "wide",
    dialect: str = "duckdb",
    user_id: str = "user_id",
    columns: Mapping[str, str] | None = None,
    confidence: Mapping[str, str] | bool | None = None,
    users: str | Path | None = None,
    absent: Collection[str] = (),
    keep: str = "best",
) -> str:
    """Return one SQL statement that gives what ``personas.assign`` gives.

    Parameters
    ----------
    personas : Personas, or path of a file that `Personas.save` wrote
    table : str or Path
        Where the labels are; a Path is a Parquet file (DuckDB only).
    layout : {"wide", "long"}
        "wide": one row per user, one column per label, and one per value of a many-valued label
        (``interest: campus``, true or false), as ``labels.csv`` has it. "long": the ledger of labels,
        one row per user, label and value, with ``confidence`` and ``source``, as ``labels.parquet``.
    dialect : {"duckdb", "spark", "postgres", "bigquery", "snowflake"}
    user_id : str
        Column of user ids in a wide table.
    columns : Mapping of str to str, optional
        Wide: column of the personas to column of the table. Long: ``user_id``, ``label``, ``value``,
        ``confidence``, ``source`` to what the ledger calls them.
    confidence : Mapping of str to str, or bool, optional
        Wide: column of the personas to the column with its confidence. Long: whether the ledger's
        confidences count; they do if the personas were formed with them.
    users : str or Path, optional
        Long: a table of all users, so that those of whom nothing is known are placed too.
    absent : collection of str
        Labels that are not in the table: they count as unknown.
    keep : {"all", "best"}
        Whether the membership in each persona is given too, as ``p_1`` to ``p_K``.

    Returns
    -------
    str
        A SELECT of user_id, persona_id, persona, membership, runner_up, unsure, in the order of user_id.

    Raises
    ------
    ParameterError
        If an argument is not one of those listed, or names what the personas do not have.
    InputError
        If the file is none of personas, or personas formed on numbers are to be scored in a ledger.
    NotFittedError
        If the personas have no model (`Personas.from_assignments`).

    Notes
    -----
    In a ledger the label's other values are "no" beside a value that was computed or answered, and
    unknown beside one that a person noted, a profile holds or a model inferred; a row with the source
    ``ruled out`` says "no" to its own value. Flags are read as yes, true and 1.
    """
    _check(dialect, keep, table)
    check_in("layout", layout, LAYOUTS)
    names, encoding, rule, record = _open(personas)
    for label in absent:
        if label not in encoding.basis:
            raise ParameterError(f"absent names {label!r}.", did_you_mean(label, encoding.basis))
    scored = drop_absent(read_score_columns(record, encoding), absent)
    informative = [label for label in rule.informative if label not in set(absent)]
    if not needed_known(rule, record.classes.n_classes):
        informative = []
    if layout == "long":
        scored = spell_ledger(scored)
        counts = _formed_with_confidence(encoding, record) if confidence is None else bool(confidence)
        reading = read_long(
            scored, informative, table=table, users=users, names=columns or {}, use_confidence=counts
        )
    else:
        _check_wide(confidence, users)
        reading = read_wide(
            scored, informative, table=table, user_id=user_id, names=columns or {},
            confidence=confidence or {}, trimmed=False,
        )  # fmt: skip
    sql = write_statement(
        reading, scored, _log_share(record), names=names, rule=rule, keep=keep, softening=record.softening
    )
    digest = _digest([_plain(record), names, encoding.to_dict(), rule.to_dict()])
    lines = [
        f"{len(names)} personas, model {digest}, compiled by segtool from persona_model.json.",
        _needs(layout, scored, informative, user_id, bool(reading.weighted)),
        *_how_to_read(keep, named=True),
    ]
    return write_header(lines) + translate(sql, dialect)


def _check(dialect: str, keep: str, table: str | Path) -> None:
    check_in("dialect", dialect, DIALECTS)
    check_in("keep", keep, KEEP)
    if isinstance(table, Path) and dialect != "duckdb":
        raise ParameterError("table is a file, which only DuckDB reads by itself.", "the name of a table.")
    table_sql(table)


def _check_wide(confidence: Any, users: Any) -> None:
    if isinstance(confidence, bool) or users is not None:
        raise ParameterError(
            "A wide table takes confidence as a mapping, and needs no users.",
            'confidence={"age": "age_confidence"}, or layout="long".',
        )


def _read(model: Any) -> ModelRecord:
    """Return a model as read from its JSON, whatever it comes as."""
    if not isinstance(model, (str, Mapping)):
        if not hasattr(model, "to_json"):
            raise ParameterError(
                f"model is a {type(model).__name__}, which cannot be compiled.",
                "a fitted LatentClassPersonas, or its JSON.",
            )
        said = model.to_json()
        if said.get("format") != FORMAT:
            raise InputError(
                f"Personas found by {type(model).__name__} are not written in SQL.",
                "a latent class model.",
                "Find them with LatentClassPersonas, or place users with predict_proba.",
            )
        model = said
    return read_model(model)


def _open(personas: Any) -> tuple[dict[int, str], Encoding, UnsureRule, ModelRecord]:
    if isinstance(personas, (str, Path)):
        parts = load_personas(Path(personas))
        names, model, encoding, rule = (parts[key] for key in ("names", "model", "encoding", "unsure_rule"))
    else:
        names, model, encoding, rule = (
            getattr(personas, key, None) for key in ("names", "model", "encoding", "unsure_rule")
        )
    if model is None or encoding is None:
        raise NotFittedError(
            "These personas have no model, so there is nothing to compile.",
            fix="find_personas(labels) makes personas that can be scored in SQL.",
        )
    return dict(names), encoding, rule, _read(model)


def _formed_with_confidence(encoding: Encoding, record: ModelRecord) -> bool:
    wanted = getattr(encoding, "use_confidence", True)
    return wanted and any(plan.confidence != 1.0 for plan in record.plans)


def _log_share(record: ModelRecord) -> np.ndarray:
    return np.log(record.classes.share[0])


def _plain(record: ModelRecord) -> list[Any]:
    classes = record.classes
    parts = (classes.share, classes.mean, classes.variance, classes.probability)
    return [[repr(plan) for plan in record.plans], record.softening, *(part.tolist() for part in parts)]


def _digest(plain: Any) -> str:
    """Return a short name of a model that changes with anything that decides a membership."""
    text = json.dumps(plain, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:12]


def _needs(layout: str, scored, informative, user_id: str, weighted: bool) -> str:
    if layout == "wide":
        features = [c.feature for c in scored if c.counts or c.label in informative]
        return f"Needs a table with one row per user: {user_id} and {_listed(features)}."
    labels = dict.fromkeys([*(c.label for c in scored if c.counts), *informative])
    confidence = ", confidence" if weighted else ""
    return f"Needs a ledger with user_id, label, value{confidence}, source; it reads the labels {_listed(labels)}."


def _listed(names: Collection[str], most: int = 6) -> str:
    shown = ", ".join(list(names)[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown or "nothing else"


def _how_to_read(keep: str, *, named: bool) -> list[str]:
    every = " p_1, p_2, ... are the memberships in every persona." if keep == "all" else ""
    unsure = " unsure: do not rely on it." if named else ""
    return [
        f"Gives each user's likeliest persona and its probability (membership).{unsure}{every}",
        "Steps: cells (what is said), prepared (c: level, z: number, w: weight), scores (log share + what each",
        "column says), memberships (exp of the scores, adding up to 1). Run a step alone to look at it.",
    ]
