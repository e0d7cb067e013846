"""Who was where before the sends: users placed in personas by what was known of them at a moment."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import pandas as pd

from segtool.errors import ParameterError
from segtool.sources import Sources
from segtool.sources.times import parse_as_of

TIMES = {"events": "event_time", "sends": "sent_at"}


@dataclass(frozen=True)
class Placed:
    """Users in personas, and what a reader must know of how they came there.

    Parameters
    ----------
    table : DataFrame
        user_id, persona_id, persona, unsure.
    known_until : Timestamp or None
        Nothing later was known of the users; None where that cannot be said.
    notes : tuple of str
    """

    table: pd.DataFrame
    known_until: pd.Timestamp | None
    notes: tuple[str, ...]


FOR_LIFT = (
    "What is proved should rest on the roster: personas.csv as exported before {day}"
    " (roster=, or --roster of segtool measure)."
)
FOR_RETENTION = (
    "Personas that nothing later has shaped are in the roster: personas.csv as exported before {day}, which"
    " segtool.measurement.plan_retention takes."
)


def place_users(study, personas, since, advice: str) -> Placed:
    """Return who would have been in which of today's personas at an earlier moment.

    Parameters
    ----------
    study : Study
    personas : Personas
    since : str or timestamp
    advice : str
        What would be better, with ``{day}`` in it.

    Raises
    ------
    ParameterError
        If the moment is not within the log.
    """
    earlier = study._read_earlier(since)
    day = f"{earlier.as_of.tz_convert(earlier.timezone):%Y-%m-%d}"
    if personas.model is None or personas.encoding is None:
        note = (
            f"Whether the personas rest on nothing after {day}: they were given as a list of users and cannot be asked"
            f" who was in them then, so each user stands where the list has it today. {advice.format(day=day)}"
        )
        return Placed(personas.assigned, None, (note,))
    with warnings.catch_warnings():  # what nobody had said by then is unknown, as it should be
        warnings.simplefilter("ignore", UserWarning)
        table = personas.assign(study._label(earlier))
    note = (
        f"The personas as they were on {day}: users stand in today's personas, which were found in the whole log, what"
        f" happened after {day} included; who is in which goes by what was known of them on {day}. {advice.format(day=day)}"
    )
    return Placed(table, earlier.as_of.tz_convert(earlier.timezone), (note,))


def check_within_log(sources: Sources, since) -> None:
    """Refuse a moment by which nothing was known of anybody.

    Raises
    ------
    ParameterError
        Names ``since`` and the first day on record.
    """
    table = next((name for name in TIMES if name in sources.tables), None)
    if table is None:
        return
    first = sources.engine.query(f"SELECT min({TIMES[table]}) AS t FROM {table}")["t"].iloc[0]
    if pd.isna(first):
        return
    first = pd.Timestamp(first)
    first = first.tz_localize("UTC") if first.tzinfo is None else first
    first, moment = (
        at.tz_convert(sources.timezone).normalize() for at in (first, parse_as_of(since, sources.timezone))
    )
    if moment <= first:
        raise ParameterError(
            f"since is {since}, and the table {table} begins on {first:%Y-%m-%d}: nothing was known of anybody by then.",
            f"a moment after {first:%Y-%m-%d} and before the study's own.",
        )
