"""Small tables in an engine, for tests of labels: what a study would have read, without reading."""

from __future__ import annotations

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


def tiny_engine(**tables: list[dict]) -> DuckDBEngine:
    """Return an engine with tables of rows, the columns a study derives, and every user."""
    engine = DuckDBEngine(threads=1)
    for name, rows in tables.items():
        frame = pd.DataFrame(rows)
        time = TIMES.get(name)
        if time in frame:
            frame[time] = pd.to_datetime(frame[time], format="ISO8601")
            frame["age_days"] = (AS_OF - frame[time]) / pd.Timedelta(days=1)
            frame["local_date"] = frame[time].dt.date
            frame["local_hour"] = frame[time].dt.hour
            frame["local_weekday"] = frame[time].dt.day_of_week + 1
        engine.register(name, frame)
    users = " UNION ".join(f"SELECT user_id FROM {name}" for name in tables)
    engine.create("user_index", f"SELECT DISTINCT user_id FROM ({users}) AS everyone")
    return engine


def label_tiny(catalog: Catalog | str, engine: DuckDBEngine, **options):
    """Compile and run a catalogue on a tiny engine; return what was compiled."""
    catalog = Catalog.from_toml(catalog) if isinstance(catalog, str) else catalog
    tables = [name for name in engine.tables() if name in TIMES or name in ("members", "community")]
    schemas = {name: engine.columns(name) for name in tables}
    compiled = compile_labels(catalog, schemas, as_of=AS_OF.to_pydatetime(), **options)
    run_labels(compiled, engine)
    return compiled


def values(engine: DuckDBEngine, label: str) -> dict[str, str | list[str]]:
    """Return user -> value of one resolved label; several values as a sorted list."""
    rows = engine.query(f"SELECT user_id, value FROM labels WHERE label = '{label}' ORDER BY user_id, value")
    found = rows.groupby("user_id")["value"].apply(list)
    return {user: said[0] if len(said) == 1 else said for user, said in found.items()}


def purchases(user: str, *amounts: float, day: str = "2026-06-20") -> list[dict]:
    """Return rows of purchases."""
    return [{"user_id": user, "event_time": day, "event": "purchase", "amount": amount} for amount in amounts]


def views(user: str, **topics: int) -> list[dict]:
    """Return rows of views, so many of each topic."""
    return [
        {"user_id": user, "event_time": "2026-06-20", "event": "view", "topic": topic}
        for topic, n in topics.items()
        for _ in range(n)
    ]
