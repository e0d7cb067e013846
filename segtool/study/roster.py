"""Who was in the test: the personas and the holdout as they were exported before sending."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from segtool.checks import check_columns
from segtool.errors import InputError, PrivacyError
from segtool.outputs import hash_ids, read_csv, read_id_key

COLUMNS = ["user_id", "persona_id", "persona", "holdout"]
WORDS = {"true": True, "false": False, "1": True, "0": False}
REMEDY = "Take personas.csv as segtool exported it before the sends."


def read_roster(roster: str | Path | pd.DataFrame) -> pd.DataFrame:
    """Read a roster: one row per user with persona and holdout.

    Parameters
    ----------
    roster : path or DataFrame
        ``personas.csv`` of an export, or a table with its columns.

    Returns
    -------
    DataFrame
        user_id, persona_id (Int64, missing for users in no persona), persona, holdout (bool).

    Raises
    ------
    InputError
        If it cannot be read, a column or a user_id is missing, a user is named twice, ``persona_id`` is no
        whole number, or ``holdout`` says neither true nor false.
    """
    table = roster if isinstance(roster, pd.DataFrame) else _read_file(Path(roster))
    check_columns(table.columns, COLUMNS, "the roster")
    table = table[COLUMNS].reset_index(drop=True)
    said = table["holdout"].astype(str).str.strip().str.lower().map(WORDS)
    if said.isna().any():
        raise InputError(
            f"the roster says of {int(said.isna().sum()):,} of {len(table):,} users neither that they were held out "
            "nor that they were not.",
            "true or false in the column holdout.",
            REMEDY,
        )
    if table["user_id"].isna().any():
        raise InputError(
            f"{int(table['user_id'].isna().sum()):,} rows of the roster name no user.", "a user_id in each."
        )
    table["user_id"] = table["user_id"].astype(str)
    if table["user_id"].duplicated().any():
        raise InputError("the roster names some users more than once.", "one row per user.")
    persona_id = _read_persona_ids(table["persona_id"])
    named = table["persona"].where(persona_id.notna())
    return table.assign(persona_id=persona_id, persona=named, holdout=said.astype(bool))


def _read_file(path: Path) -> pd.DataFrame:
    try:
        return read_csv(path)
    except (OSError, pa.ArrowException) as error:
        why = "there is no such file" if isinstance(error, FileNotFoundError) else type(error).__name__
        raise InputError(
            f"the roster {path} cannot be read: {why}.", "the path of a CSV file.", REMEDY
        ) from error


def _read_persona_ids(column: pd.Series) -> pd.Series:
    """Return whole numbers, missing for users who are in no persona."""
    empty = column.isna() | (column.astype(str).str.strip() == "")
    number = pd.to_numeric(column.mask(empty), errors="coerce")
    wrong = ~empty & (number.isna() | (number % 1 != 0))
    if wrong.any():
        raise InputError(
            f"persona_id is no whole number in {int(wrong.sum()):,} of {len(column):,} rows of the roster.",
            "1, 2, 3, ..., empty for users in no persona.",
            REMEDY,
        )
    return number.astype("Float64").astype("Int64")


def match_users(
    roster: pd.DataFrame, user_ids: Sequence[str], *, hashed: bool, key_file: Path | None
) -> pd.DataFrame:
    """Return a roster under the study's own ids: where it was exported with pseudonyms, these are read back.

    Parameters
    ----------
    roster : DataFrame
        As from `read_roster`.
    user_ids : sequence of str
        The study's.
    hashed : bool
        Whether the study exports pseudonyms (``hash_ids``).
    key_file : Path or None
        Holds their key; without it the variable ``SEGTOOL_ID_KEY`` is read.

    Raises
    ------
    PrivacyError
        If the roster holds pseudonyms and there is no key to read them with.
    InputError
        If nobody in the roster is a user of the study.
    """
    known = set(map(str, user_ids))
    if roster["user_id"].isin(known).any():
        return roster
    if not hashed:
        raise InputError(
            f"none of the {len(roster):,} users of the roster is a user of this study.",
            "the ids of the study, or their pseudonyms with hash_ids in [export].",
            REMEDY,
        )
    try:
        key = read_id_key(key_file)
    except PrivacyError as error:
        raise PrivacyError(
            "the roster holds pseudonyms in place of ids (hash_ids), and the study's key for them is not there. "
            f"{error.found}",
            error.accepted,
            "Give the key the roster was exported with: the study's ids are hashed with it and matched.",
        ) from error
    ids = sorted(known)
    raw = dict(zip(hash_ids(ids, key), ids, strict=True))
    if not roster["user_id"].isin(raw).any():
        raise InputError(
            f"none of the {len(roster):,} pseudonyms of the roster belongs to a user of this study.",
            "a roster of this study, exported with this key.",
            "Another key gives other pseudonyms: take the one the roster was exported with.",
        )
    return roster.assign(user_id=roster["user_id"].map(raw).fillna(roster["user_id"]))
