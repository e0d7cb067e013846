"""Reads the small tables of the spec, labels them, and compares with the answer that is written down.

A chapter is a list of `Spec`: some tables drawn in text, definitions in TOML, and the answer.
The same chapters are to run on every engine.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from segtool.engines import DuckDBEngine
from segtool.labels import Catalog, compile_labels, run_labels

AS_OF = pd.Timestamp("2026-07-01")
TIMES = {
    "events": "event_time",
    "survey": "answered_at",
    "notes": "noted_at",
    "users": "joined_at",
    "sends": "sent_at",
    "lists": "added_at",
}
DERIVED = {
    "age_days": lambda time: (AS_OF - time) / pd.Timedelta(days=1),
    "local_date": lambda time: time.dt.date,
    "local_hour": lambda time: time.dt.hour,
    "local_weekday": lambda time: time.dt.day_of_week + 1,
}


@dataclass(frozen=True)
class Spec:
    """One page of the manual.

    Parameters
    ----------
    says : str
        What it shows, as one sentence.
    tables : dict of str to str
        Drawn with ``|`` between cells; an empty cell is unknown.
    toml : str
        Measures and one label.
    answer : str
        Table of user and value; users who are not listed have no value. Empty: nothing is said.
    """

    says: str
    tables: dict[str, str]
    toml: str
    answer: str


def read_table(text: str) -> pd.DataFrame:
    """Return a drawn table; numbers become numbers, the rest stays text.

    Examples
    --------
    >>> read_table("user | amount\\nu1 | 3\\nu2 |").to_dict("list")
    {'user_id': ['u1', 'u2'], 'amount': [3.0, nan]}
    """
    lines = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    frame = pd.DataFrame(lines[1:], columns=lines[0]).rename(columns={"user": "user_id"}).replace("", None)
    for column in frame.columns.drop("user_id"):
        number = pd.to_numeric(frame[column], errors="coerce")
        if number.notna().sum() == frame[column].notna().sum() and number.notna().any():
            frame[column] = number.astype(float)
        elif set(frame[column].dropna()) <= {"true", "false"} and frame[column].notna().any():
            frame[column] = frame[column].map({"true": True, "false": False}).astype("boolean")
    return frame


def with_times(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its time as a time, and what a study derives from it; community has none."""
    time = TIMES.get(name)
    if time is None:
        return frame
    if time not in frame:
        frame = frame.assign(**{time: "2026-06-30"})
    times = pd.to_datetime(frame[time], format="ISO8601")
    return frame.assign(**{time: times}, **{column: make(times) for column, make in DERIVED.items()})


def label(spec: Spec, engine: DuckDBEngine) -> dict[str, list[str]]:
    """Return user -> values, as the engine finds them."""
    for name, text in spec.tables.items():
        engine.register(name, with_times(name, read_table(text)))
    users = " UNION ".join(f"SELECT user_id FROM {name}" for name in spec.tables)
    engine.create("user_index", f"SELECT DISTINCT user_id FROM ({users}) AS everyone")
    schemas = {name: engine.columns(name) for name in spec.tables}
    compiled = compile_labels(
        Catalog.from_toml(spec.toml), schemas, dialect=engine.dialect, as_of=AS_OF.to_pydatetime()
    )
    run_labels(compiled, engine)
    rows = engine.query("SELECT user_id, value FROM labels ORDER BY user_id, value")
    return {user: list(part) for user, part in rows.groupby("user_id")["value"]}


def expected(spec: Spec) -> dict[str, list[str]]:
    """Return user -> values, as the spec says; several values stand between commas."""
    if not spec.answer.strip():
        return {}
    table = read_table(spec.answer)
    return {
        user: sorted(part.strip() for part in str(value).split(","))
        for user, value in zip(table["user_id"], table["value"], strict=True)
        if value is not None
    }
