"""How many sends weigh on a user when the next one comes: older ones less, by channel."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.engines import literal
from segtool.targeting.frequency.caps import PRESSURE_DAYS, pressure_days
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings

READ_DAYS = 365  # older sends say little about now, and their pressure would underflow
MAX_SENDS_FITTED = 100_000  # by whole users; more changes the third digit of a slope
COLUMNS = ["code", "age", "channel", "hit", "optout", "pressure"]


def read_pressure(sources, log: SendLog, settings: TargetingSettings) -> pd.DataFrame:
    """Return one row per send with what came of it and the pressure it met.

    Returns
    -------
    DataFrame
        code (position of the user in ``user_index``), age (days), channel (None where not recorded), hit
        (1, 0, NaN for not known), optout (1 or 0), pressure: sum over the user's earlier sends, of all channels, of
        ``exp(-(t - t_j) / days)`` with the days of the channel of send j. In the order code, time.
    """
    if not log.n_sends:
        return pd.DataFrame(columns=COLUMNS, dtype=float)
    step = sample_step(log)
    channel = "sends.channel" if log.has_channel else "CAST(NULL AS VARCHAR)"
    spans = _spans(sources, log, settings)
    # exp(age / days) times a running sum of exp(-age_j / days): one pass for any number of sends.
    pressed = " + ".join(
        f"coalesce(exp(age / {days!r}) * sum(CASE WHEN {belongs} THEN exp(-age / {days!r}) END) OVER earlier, 0.0)"
        for days, belongs in spans.items()
    )
    known = f"WHEN {log.outcome} IS NULL THEN NULL" if log.outcome else "WHEN TRUE THEN NULL"
    return sources.engine.query(f"""
        WITH numbered AS (
            SELECT user_id, row_number() OVER (ORDER BY user_id) - 1 AS code FROM user_index
        ),
        recent AS (
            SELECT numbered.code, sends.send_id, sends.age_days AS age, {channel} AS channel,
                   CASE {known} ELSE {log.hit_sql} END AS hit, {log.optout_sql} AS optout
            FROM sends JOIN numbered ON numbered.user_id = sends.user_id
            WHERE sends.age_days <= {READ_DAYS} AND numbered.code % {step} = 0
        )
        SELECT code, age, channel, hit, optout, round({pressed}, 9) AS pressure
        FROM recent
        WINDOW earlier AS (PARTITION BY code ORDER BY age DESC, send_id
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ORDER BY code, age DESC, send_id
    """)


def sample_step(log: SendLog) -> int:
    """Return which users are read: every so many-th, each with all sends."""
    return max(1, -(-log.n_sends // MAX_SENDS_FITTED))


def _spans(sources, log: SendLog, settings: TargetingSettings) -> dict[float, str]:
    """Return each span of pressure in days, and the SQL of the sends it is true of."""
    if not log.has_channel:
        return {PRESSURE_DAYS: "TRUE"}
    table = sources.engine.query(
        "SELECT DISTINCT channel FROM sends WHERE channel IS NOT NULL ORDER BY channel"
    )
    by_span: dict[float, list[str]] = {}
    for channel in table["channel"]:
        days = pressure_days(channel, settings)
        if days != PRESSURE_DAYS:
            by_span.setdefault(days, []).append(literal(channel))
    if not by_span:
        return {PRESSURE_DAYS: "TRUE"}
    spans = {days: f"channel IN ({', '.join(names)})" for days, names in sorted(by_span.items())}
    named = ", ".join(name for names in by_span.values() for name in names)
    return spans | {PRESSURE_DAYS: f"(channel IS NULL OR channel NOT IN ({named}))"}


def steady_pressure(per_week: np.ndarray | float, days: float = PRESSURE_DAYS) -> np.ndarray:
    """Return the pressure a send meets in a steady rhythm.

    Parameters
    ----------
    per_week : ndarray
        Sends a week.
    days : float
        Days in which a send's pressure fades by e.

    Notes
    -----
    The sends before it lie 1/f, 2/f, ... weeks back: the sum of exp(-7 j / (f days)) is
    1 / (exp(7 / (f days)) - 1); with 7 days about half a send less than f.

    Examples
    --------
    >>> steady_pressure(np.array([1.0, 4.0])).round(2).tolist()
    [0.58, 3.52]
    """
    return 1 / np.expm1(7 / (np.asarray(per_week, dtype=float) * days))


def rhythm_of(pressure: float, days: float = PRESSURE_DAYS) -> float:
    """Return the sends a week whose steady pressure is this one.

    Examples
    --------
    >>> round(rhythm_of(steady_pressure(4.0)), 6)
    4.0
    """
    return float(7 / (days * np.log1p(1 / max(pressure, 1e-9))))
