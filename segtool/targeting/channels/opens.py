"""Opens that no reader made: mail programs and scanners open a message the moment it arrives."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from segtool.notes import known, unknown
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings


@dataclass(frozen=True)
class ReadLog(SendLog):
    """A `SendLog` by opens in which an open within ``machine_seconds`` of sending is none."""

    machine_seconds: float = 0.0

    @property
    def hit_sql(self) -> str:
        """SQL of 1.0 for a send that was opened, later than a machine would."""
        return f"CASE WHEN {self.outcome} AND NOT {at_once_sql(self.machine_seconds)} THEN 1.0 ELSE 0.0 END"


def at_once_sql(seconds: float) -> str:
    """Return SQL that is true for an open within so many seconds of sending."""
    whole = float(seconds).is_integer()
    late = f"INTERVAL {round(seconds)} SECOND" if whole else f"INTERVAL {round(seconds * 1000)} MILLISECOND"
    return f"coalesce(opened_at <= sent_at + {late}, FALSE)"


def without_machine_opens(
    sources, log: SendLog, settings: TargetingSettings
) -> tuple[SendLog, tuple[str, ...]]:
    """Return the log without opens that came at once, and what to say of it.

    Only a log whose outcome is "opened" is changed: answers and clicks are people's.

    Returns
    -------
    log : SendLog
    notes : tuple of str
    """
    if log.outcome != "opened" or isinstance(log, ReadLog) or not settings.machine_open_seconds:
        return log, ()
    if "opened_at" not in sources.engine.columns("sends"):
        why = "Where: whether people or mail programs opened (no time of opening is recorded)."
        return log, (unknown(why),)
    seconds = settings.machine_open_seconds
    row = sources.engine.query(
        f"SELECT count(*) FILTER (WHERE opened AND {at_once_sql(seconds)}) AS n_machine, "
        "count(*) FILTER (WHERE opened) AS n_open, "
        f"count(*) FILTER (WHERE opened AND NOT {at_once_sql(seconds)} AND {log.known_sql}) AS n_read, "
        f"count(*) FILTER (WHERE {log.known_sql}) AS n_known FROM sends"
    ).iloc[0]
    n_machine, n_open = int(row["n_machine"]), int(row["n_open"])
    if not n_machine:
        return log, ()
    fields = {field.name: getattr(log, field.name) for field in dataclasses.fields(SendLog)}
    fields["answer_rate"] = float(row["n_read"] / max(row["n_known"], 1))
    told = (
        f"Where: {n_machine:,} of {n_open:,} opens came within {seconds:g} s of sending and are not counted"
    )
    return ReadLog(**fields, machine_seconds=seconds), (known(f"{told}: a mail program's, not a reader's."),)


def opens_note(log: SendLog) -> str:
    """Return the note that opens stand in for answers."""
    what = "those that are left still hold some" if isinstance(log, ReadLog) else "so e-mail looks better"
    return unknown(f"Where: opens stand in for answers; mail programs open by themselves, {what}.")
