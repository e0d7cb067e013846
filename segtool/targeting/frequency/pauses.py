"""Who is to be written to less for now: those who ignore, and those who just complained."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.engines import literal
from segtool.notes import known, unknown
from segtool.targeting.channels.opens import at_once_sql
from segtool.targeting.frequency.pressure import READ_DAYS
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings

COLUMNS = ["user_id", "channel", "n_ignored", "gap_factor", "stopped", "days_left", "why"]
SURPRISE = 0.05  # a run that more of the willing would show by chance says nothing about being tired


@dataclass(frozen=True)
class SendPauses:
    """Who rests, and how.

    Parameters
    ----------
    table : DataFrame
        user_id, channel ("" for all of them), n_ignored (in a row, to this day), gap_factor (the usual gap
        between sends times so much: 1, 2, 4 ...), stopped (nothing more on this channel), days_left (of silence
        after a complaint), why. Only users with something to say.
    notes : tuple of str
    """

    table: pd.DataFrame
    notes: tuple[str, ...]


def send_pauses(sources, log: SendLog, settings: TargetingSettings) -> SendPauses:
    """Find who is to rest, by the settings ``backoff_after``, ``stop_after`` and ``cooloff_hours``.

    Notes
    -----
    On a channel that 3 % answer, eight ignored in a row are what most people show who are not tired at all.
    So on each channel the run it takes is at least as long as 5 % of those would show by chance,
    ``log(0.05) / log(1 - rate)``; the run that doubles the gap grows with it.
    """
    complaints, notes = _complaints(sources, settings)
    runs, more = _runs(sources, log, settings)
    filled = [part for part in (complaints, runs) if len(part)]
    table = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=COLUMNS)
    table = table.sort_values(["user_id", "channel"], kind="stable", ignore_index=True)
    return SendPauses(table[COLUMNS], (*notes, *more))


def run_lengths(rate: float, settings: TargetingSettings) -> tuple[float, float]:
    """Return how many ignored in a row double the gap, and how many end the sends.

    Parameters
    ----------
    rate : float
        Share of sends on the channel that are opened or answered.

    Examples
    --------
    >>> run_lengths(0.5, TargetingSettings()), run_lengths(0.1, TargetingSettings())
    ((3.0, 8.0), (11.0, 29.0))
    """
    backoff = settings.backoff_after or math.inf
    stop = settings.stop_after or math.inf
    by_chance = math.ceil(math.log(SURPRISE) / math.log1p(-min(max(rate, 1e-4), 0.999)))
    usual = stop if stop < math.inf else 8.0
    stretch = max(by_chance / usual, 1.0)
    return float(np.ceil(backoff * stretch)), float(np.ceil(stop * stretch))


def _complaints(sources, settings) -> tuple[pd.DataFrame, list[str]]:
    if "events" not in sources.tables or not settings.cooloff_hours:
        return pd.DataFrame(columns=COLUMNS), []
    days = settings.cooloff_hours / 24
    found = sources.engine.query(f"""
        SELECT user_id, min(age_days) AS age FROM events
        WHERE event = 'complain' AND age_days < {literal(float(days))}
        GROUP BY user_id ORDER BY user_id
    """)
    if not len(found):
        return pd.DataFrame(columns=COLUMNS), []
    table = found[["user_id"]].assign(
        channel="", n_ignored=0, gap_factor=1, stopped=False, days_left=days - found["age"], why="complained"
    )
    who = f"{len(table):,} user{'s' * (len(table) != 1)}"
    told = f"Rest: {who} complained within {settings.cooloff_hours:g} hours: nothing is sent to them."
    return table, [known(told)]


def _runs(sources, log: SendLog, settings) -> tuple[pd.DataFrame, list[str]]:
    nothing = pd.DataFrame(columns=COLUMNS)
    if not log.n_sends or (settings.backoff_after is None and settings.stop_after is None):
        return nothing, []
    timed = settings.machine_open_seconds and "opened_at" in sources.engine.columns("sends")
    machine = at_once_sql(settings.machine_open_seconds) if timed else "FALSE"
    counts = sources.engine.query(_runs_sql(log, settings, machine))
    if not len(counts):
        return nothing, [unknown("Rest: who ignores what is sent; no send has an answer or an open.")]
    totals = counts.groupby("channel")[["n_hits", "n_sends"]].sum()
    lengths = {channel: run_lengths(hits / sends, settings) for channel, hits, sends in totals.itertuples()}
    backoff, stop = (counts["channel"].map(lambda c, place=place: lengths[c][place]) for place in (0, 1))
    run = counts["n_ignored"].to_numpy(dtype=int)
    factor = 2 ** np.minimum(np.where(np.isfinite(backoff), run // backoff, 0), 4).astype(int)
    stopped = run >= stop.to_numpy()
    table = counts.assign(gap_factor=factor, stopped=stopped, days_left=0.0)
    table["why"] = [f"ignored {n} in a row" for n in run]
    table = table[(factor > 1) | stopped]
    return table[COLUMNS], _run_notes(table, lengths)


def _run_notes(table: pd.DataFrame, lengths: dict[str, tuple[float, float]]) -> list[str]:
    if not len(table):
        return []
    rules = "; ".join(
        f"{channel or 'sends'} {' and '.join(_rule(length))}" for channel, length in sorted(lengths.items())
    )
    n_less, n_stop = table["user_id"].nunique(), table.loc[table["stopped"], "user_id"].nunique()
    told = f"Rest: {n_less:,} users ignored so many in a row that they get less, {n_stop:,} of them nothing"
    return [known(f"{told} (house convention, not evidence; {rules}).")]


def _rule(length: tuple[float, float]) -> list[str]:
    words = (f"{length[0]:g} for twice the gap", f"{length[1]:g} to stop")
    return [word for word, number in zip(words, length, strict=True) if math.isfinite(number)]


def _runs_sql(log: SendLog, settings, machine: str) -> str:
    channel = "coalesce(channel, '')" if log.has_channel else "''"
    late = literal(float(settings.ignored_after_days))
    return f"""
        WITH told AS (
            SELECT user_id, {channel} AS channel, age_days,
                   coalesce(responded, FALSE) OR (coalesce(opened, FALSE) AND NOT {machine}) AS hit
            FROM sends
            WHERE (responded IS NOT NULL OR opened IS NOT NULL) AND age_days <= {READ_DAYS}
        ),
        due AS (SELECT * FROM told WHERE hit OR age_days >= {late}),
        latest AS (
            SELECT user_id, channel, min(age_days) FILTER (WHERE hit) AS hit_age,
                   count(*) AS n_sends, count(*) FILTER (WHERE hit) AS n_hits
            FROM due GROUP BY user_id, channel
        )
        SELECT latest.user_id, latest.channel, latest.n_sends, latest.n_hits,
               count(*) FILTER (WHERE NOT due.hit AND (hit_age IS NULL OR due.age_days < hit_age)) AS n_ignored
        FROM latest JOIN due ON due.user_id = latest.user_id AND due.channel = latest.channel
        GROUP BY latest.user_id, latest.channel, latest.n_sends, latest.n_hits
        ORDER BY latest.user_id, latest.channel
    """
