"""Sends and steps of a bounded sample of users, as arrays in order of user and time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.engines import literal
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.stages.rule import RETURN
from segtool.targeting.stages.states import conversion_events

MAX_USERS = 20_000  # every k-th user of more: a rate of 20,000 users is known to its second digit
SPAN = 100_000.0  # days, more than any age: keeps one user's times apart from the next one's


@dataclass(frozen=True)
class Log:
    """What was sent to whom, and what they did.

    Parameters
    ----------
    sends : DataFrame
        code (of the user), age_days, time (days, rising), answered, left (opted out), and where the log has
        them channel, topic, format, arm, propensity. In order of user and time.
    steps : tuple of ndarray
        For each stage, shallow to deep, the sorted keys ``code * SPAN + time`` of its events.
    acts : ndarray
        Sorted keys of conversions.
    first_seen : dict-like Series
        Time of each user's first event of any stage, by code.
    stages : tuple of str
    """

    sends: pd.DataFrame
    steps: tuple[np.ndarray, ...]
    acts: np.ndarray
    first_seen: pd.Series
    stages: tuple[str, ...]


def read_log(sources, settings: TargetingSettings) -> Log:
    """Read the sends of at most 20,000 users who were sent to, and their steps."""
    sends = _read_sends(sources)
    stages = {name: [w for w in events if w != RETURN] for name, events in settings.stages().items()}
    acts = conversion_events(settings)
    events = _read_steps(sources, {word for words in stages.values() for word in words} | set(acts))
    key = events["code"].to_numpy() * SPAN + (SPAN / 2 - events["age_days"].to_numpy(dtype=float))
    word = events["event"].to_numpy(dtype=object)
    steps = tuple(np.sort(key[np.isin(word, list(words))]) for words in stages.values())
    first = (SPAN / 2 - events["age_days"]).groupby(events["code"]).min()
    return Log(sends, steps, np.sort(key[np.isin(word, list(acts))]), first, tuple(stages))


def _sample(sources) -> str:
    """SQL of the users sent to, every k-th of them where there are many, numbered from 0."""
    n = int(sources.engine.query("SELECT count(DISTINCT user_id) AS n FROM sends")["n"].iloc[0])
    every = max(1, -(-n // MAX_USERS))
    return f"""
        sent_to AS (SELECT DISTINCT user_id FROM sends),
        numbered AS (SELECT user_id, row_number() OVER (ORDER BY user_id) - 1 AS place FROM sent_to),
        chosen AS (
            SELECT user_id, row_number() OVER (ORDER BY place) - 1 AS code
            FROM numbered WHERE place % {every} = 0
        )
    """


def _read_sends(sources) -> pd.DataFrame:
    columns = sources.engine.columns("sends")
    present = [name for name in ("channel", "topic", "arm", "propensity") if name in columns]
    answered = "responded" if "responded" in columns else "opened" if "opened" in columns else "FALSE"
    left = [f"coalesce(sends.{name}, FALSE)" for name in ("muted", "unsubscribed") if name in columns]
    has_format = (
        "content" in sources.tables
        and "item_id" in columns
        and {"item_id", "format"} <= set(sources.engine.columns("content"))
    )
    kept = "".join(f", sends.{name}" for name in present) + (", content.format" if has_format else "")
    join = "LEFT JOIN content ON content.item_id = sends.item_id" if has_format else ""
    answered = answered if answered == "FALSE" else f"coalesce(sends.{answered}, FALSE)"
    table = sources.engine.query(f"""
        WITH {_sample(sources)}
        SELECT chosen.code, sends.age_days, {answered} AS answered,
               {" OR ".join(left) if left else "FALSE"} AS left_after{kept}
        FROM sends JOIN chosen ON chosen.user_id = sends.user_id {join}
        WHERE sends.age_days >= 0
        ORDER BY chosen.code, sends.age_days DESC, sends.send_id
    """)
    for name in ("answered", "left_after"):
        table[name] = table[name].astype(bool)
    table["code"] = table["code"].astype(np.int64)
    return table.assign(time=SPAN / 2 - table["age_days"].astype(float))


def _read_steps(sources, words: set[str]) -> pd.DataFrame:
    if "events" not in sources.tables:
        return pd.DataFrame({"code": np.zeros(0, dtype=np.int64), "event": [], "age_days": np.zeros(0)})
    names = ", ".join(literal(word) for word in sorted(words))
    table = sources.engine.query(f"""
        WITH {_sample(sources)}
        SELECT DISTINCT chosen.code, events.event, events.age_days
        FROM events JOIN chosen ON chosen.user_id = events.user_id
        WHERE events.event IN ({names}) AND events.age_days >= 0
        ORDER BY chosen.code, events.age_days DESC, events.event
    """)
    return table.assign(code=table["code"].astype(np.int64))


def last_before(keys: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the days since the last key of the same user before each moment, infinite for none.

    Examples
    --------
    >>> last_before(np.array([5.0, 9.0]), np.array([8.0, SPAN + 8.0]))
    array([ 3., inf])
    """
    if not len(keys):
        return np.full(len(at), np.inf)
    place = np.searchsorted(keys, at, side="left") - 1
    found = keys[np.maximum(place, 0)]
    same = (place >= 0) & (found // SPAN == at // SPAN)
    return np.where(same, at - found, np.inf)


def next_after(keys: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the days to the next key of the same user at or after each moment, infinite for none."""
    if not len(keys):
        return np.full(len(at), np.inf)
    place = np.searchsorted(keys, at, side="left")
    found = keys[np.minimum(place, len(keys) - 1)]
    same = (place < len(keys)) & (found // SPAN == at // SPAN)
    return np.where(same, found - at, np.inf)


def count_before(keys: np.ndarray, at: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Return the keys of the same user within so many days before each moment."""
    low = np.maximum(at - days, np.floor(at / SPAN) * SPAN)
    return np.searchsorted(keys, at, side="left") - np.searchsorted(keys, low, side="left")
