"""The files of the proof: who is sent what and when, what the test can show, who stays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from segtool.outputs.csv_files import write_csv
from segtool.outputs.plan_tables import list_calendar, list_cohorts, list_design, list_flow, list_survival
from segtool.outputs.privacy import hash_ids
from segtool.outputs.proof import Proof
from segtool.outputs.settings import ExportSettings
from segtool.outputs.tables import hide_ids

NAME_LENGTH = 60  # of an audience's file, so that no system refuses it


def write_proof_tables(
    folder: Path,
    proof: Proof | None,
    settings: ExportSettings,
    key: bytes | None,
    memberships: pd.DataFrame | None = None,
) -> dict[str, int]:
    """Write what there is of the proof, and return file name -> rows.

    Parameters
    ----------
    folder : Path
    proof : Proof or None
    settings : ExportSettings
    key : bytes or None
        With a key ids are pseudonyms.
    memberships : DataFrame, optional
        user_id, membership: how surely each user belongs to the persona.
    """
    tables: dict[str, object] = {}
    if proof is not None and proof.schedule is not None:
        tables |= _schedule_tables(proof.schedule, settings.min_cell, key, memberships)
        (folder / "audiences").mkdir()
    if proof is not None and proof.design is not None:
        tables["test_design.csv"] = list_design(proof.design, settings.min_cell)
    if proof is not None and proof.retention is not None:
        tables["retention.csv"] = list_flow(proof.retention, settings.min_cell)
        tables["cohorts.csv"] = list_cohorts(proof.retention, settings.min_cell)
        tables["staying.csv"] = list_survival(proof.retention, settings.min_cell)
    if proof is not None and proof.feedback is not None:
        tables["feedback_audit.csv"] = hide_ids(_without_ids_of_rows(proof.feedback.audit, key), key)
    if proof is not None and proof.experiment is not None:
        tables["frequency_experiment.csv"] = hide_ids(proof.experiment.table, key)
    return {
        name: write_csv(table, folder / name, excel=settings.excel, excel_ids=settings.excel_ids)
        for name, table in tables.items()
    }


def _schedule_tables(schedule, min_cell: int, key: bytes | None, memberships) -> dict[str, object]:
    tables = {
        "calendar.csv": _with_days(list_calendar(schedule, min_cell)),
        "send_list.csv": hide_ids(_send_batches(schedule, key), key),
        "not_sent.csv": hide_ids(schedule.left_out, key),
    }
    for place, (persona, people) in enumerate(schedule.audiences(memberships).items(), start=1):
        tables[f"audiences/{place}_{file_name(persona)}.csv"] = hide_ids(_with_days(people), key)
    return tables


def _send_batches(schedule, key: bytes | None) -> Iterator[pd.DataFrame]:
    """Yield the sends; without the raw ids' order, which a running number would tell."""
    for batch in schedule.send_batches():
        batch = _with_days(batch)
        yield batch if key is None else batch.assign(send_id=hash_ids(batch["send_id"], key))


def _without_ids_of_rows(audit: pd.DataFrame, key: bytes | None) -> pd.DataFrame:
    """Return the audit; with a key the ids of its rows are hashed, too, since they come from the raw ones."""
    return audit if key is None else audit.assign(feedback_id=hash_ids(audit["feedback_id"], key))


def _with_days(table: pd.DataFrame) -> pd.DataFrame:
    """Return days as days, not as midnights."""
    days = [name for name in table if pd.api.types.is_datetime64_dtype(table[name])]
    return table.assign(**{name: table[name].dt.strftime("%Y-%m-%d") for name in days})


def file_name(persona: str) -> str:
    """Return a persona's name as the name of a file, the same on every system.

    Examples
    --------
    >>> file_name("Night readers / 夜读"), file_name("..")
    ('night_readers_夜读', 'persona')
    """
    words = re.sub(r"[^\w]+", "_", persona.lower()).strip("_")
    return words[:NAME_LENGTH].rstrip("_") or "persona"
