"""The tables of a plan and of its proof as they leave: no row counts or describes few people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from segtool.outputs.csv_files import write_csv
from segtool.outputs.privacy import suppress_small_cells
from segtool.outputs.small_shares import mask_counts, mask_people

EVENTS = ("n_events", "n_sends")
FLOW = ["opening", "new", "returned", "moved_in", "lost", "moved_out", "closing"]


def mask_rows(
    table: pd.DataFrame,
    min_cell: int,
    counts: Sequence[str] = ("n_users",),
    numbers: Sequence[str] = (),
) -> pd.DataFrame:
    """Blank what a row says of 1 to ``min_cell - 1`` people: counts, numbers that tell them, reasons.

    Parameters
    ----------
    table : DataFrame
    min_cell : int
    counts : sequence of str
        Columns that count people; a row is about few people if any of them is small.
    numbers : sequence of str
        Columns that are blank in such rows, too, beside events and sends: rates with so small a base
        name people.
    """
    counts = [name for name in counts if name in table]
    few = pd.Series(False, index=table.index)
    for name in counts:
        few |= table[name].between(1, min_cell - 1).fillna(False).astype(bool)
    masked = table.copy()
    for name in (*counts, *(name for name in EVENTS if name in table)):
        masked[name] = pd.to_numeric(masked[name]).round().astype("Int64").mask(few)
    for name in numbers:
        if name in masked:
            masked[name] = masked[name].mask(few)
    for name in (column for column in masked if column == "reason" or column.startswith("why_")):
        masked[name] = mask_texts(masked[name], min_cell).mask(few)
    return masked.reset_index(drop=True)


def mask_texts(texts: pd.Series, min_cell: int) -> pd.Series:
    """Return reasons that count no small group."""
    said = [
        mask_people(mask_counts(text, min_cell), min_cell) if isinstance(text, str) else text
        for text in texts
    ]
    return pd.Series(said, texts.index, dtype=object)


def list_advice(plan, min_cell: int) -> pd.DataFrame:
    """Return every piece of advice with its verdict; those that rest on few people give no count."""
    return mask_rows(plan.advice, min_cell)


def list_design(design, min_cell: int) -> pd.DataFrame:
    """Return what the test can show, persona by persona."""
    table = design.table
    numbers = [name for name in table if pd.api.types.is_float_dtype(table[name])]
    return mask_rows(table, min_cell, ("n_users",), numbers)


def list_lift(lift, min_cell: int) -> pd.DataFrame:
    """Return what the test showed: everyone first, then persona by persona."""
    overall = lift.overall.assign(persona_id=0, persona="everyone")
    table = pd.concat([overall, lift.table], ignore_index=True)
    table = table[[*lift.table.columns, *(name for name in overall if name not in lift.table)]]
    rates = ("rate_treated", "rate_control", "raw", "raw_lo", "raw_hi", "p")
    return mask_rows(table, min_cell, ("n_treated", "n_control"), rates)


def list_flow(retention, min_cell: int) -> pd.DataFrame:
    """Return who came, came back and left; no number of few people can be worked out from the others.

    Each row adds up and the personas of a period add up to everyone, so a small number takes others
    with it.
    """
    flow = retention.flow
    shown = [
        own.assign(**suppress_small_cells(own[FLOW], min_cell=min_cell, margins=_margins(own)))
        for _, own in flow.groupby(["level", "period", "channel"], sort=False, dropna=False)
        if len(own)
    ]
    return pd.concat(shown, ignore_index=True) if shown else flow


def _margins(own: pd.DataFrame) -> str:
    return "both" if len(own) > 1 else "rows"


def list_cohorts(retention, min_cell: int) -> pd.DataFrame:
    """Return the cohort triangle; cells of few people are blank."""
    table = retention.cohorts
    few = table["n_users"].between(1, min_cell - 1)
    for column in ("n_users", "n_active"):
        few |= table[column].between(1, min_cell - 1)
    few |= (table["n_users"] - table["n_active"]).between(1, min_cell - 1)
    masked = table.assign(n_active=table["n_active"].astype("Int64").mask(few))
    masked["n_users"] = table["n_users"].astype("Int64").mask(table["n_users"].between(1, min_cell - 1))
    for name in ("share", "lo", "hi"):
        masked[name] = table[name].mask(few)
    return masked


def list_survival(retention, min_cell: int) -> pd.DataFrame:
    """Return what sets the personas' staying apart."""
    return mask_rows(
        retention.comparison, min_cell, ("n_users", "n_lost"),
        ("mean_days", "rest_days", "difference", "lo", "hi", "p_value", "q_value"),
    )  # fmt: skip


def list_calendar(schedule, min_cell: int) -> pd.DataFrame:
    """Return the calendar; rows that stand for few people give no count."""
    return mask_rows(schedule.calendar, min_cell)


def write_proof(lift, path: str | Path, min_cell: int) -> int:
    """Write what was proved, for the next plan: the file that ``proof`` in [measurement] names."""
    from segtool.measurement import proof_table

    told = proof_table(lift, "plan", "send")
    return write_csv(mask_rows(told, min_cell), Path(path))
