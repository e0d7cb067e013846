"""Who was in the test: the personas and the holdout as they were exported before sending."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from segtool.checks import check_columns
from segtool.errors import InputError
from segtool.outputs import read_csv
from segtool.sources import Sources
from segtool.study.settings import MeasurementSettings

COLUMNS = ["user_id", "persona_id", "persona", "holdout"]
WORDS = {"true": True, "false": False, "1": True, "0": False}


def read_roster(roster: str | Path | pd.DataFrame) -> pd.DataFrame:
    """Read a roster: one row per user with persona and holdout.

    Parameters
    ----------
    roster : path or DataFrame
        ``personas.csv`` of an export, or a table with its columns.

    Returns
    -------
    DataFrame
        user_id, persona_id, persona, holdout (bool).

    Raises
    ------
    InputError
        If a column is missing, a user is named twice, or ``holdout`` says neither true nor false.
    """
    table = roster if isinstance(roster, pd.DataFrame) else read_csv(roster)
    check_columns(table.columns, COLUMNS, "the roster")
    table = table[COLUMNS].copy()
    said = table["holdout"].astype(str).str.strip().str.lower().map(WORDS)
    if said.isna().any():
        raise InputError(
            f"the roster says of {int(said.isna().sum()):,} of {len(table):,} users neither that they were held out "
            "nor that they were not.",
            "true or false in the column holdout.",
            "Take personas.csv as segtool exported it before the sends.",
        )
    if table["user_id"].duplicated().any():
        raise InputError("the roster names some users more than once.", "one row per user.")
    return table.assign(
        user_id=table["user_id"].astype(str),
        persona_id=table["persona_id"].astype(int),
        holdout=said.astype(bool),
    )


def choose_metrics(sources: Sources, said: MeasurementSettings) -> list[str]:
    """Return what a test is about: what the study says, else purchases where there are any, else activity."""
    if said.metrics:
        return list(said.metrics)
    if "events" not in sources.tables:
        raise InputError(
            "there are no events, so nothing can be seen that a plan might change.",
            "a table of events with purchases, visits or other actions.",
        )
    bought = sources.engine.query("SELECT count(*) AS n FROM events WHERE event = 'purchase'")["n"].iloc[0]
    return ["purchased", "active"] if bought else ["active"]
