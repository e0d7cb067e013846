"""When: the hours and weekdays at which a persona is around, and at which sending works.

Being around and answering are two things: people who are around at night may answer at noon.
Both are kept, apart, and neither overrides the quiet hours.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.targeting.counts import sql_counts
from segtool.targeting.members import Members
from segtool.targeting.notes import known, unknown
from segtool.targeting.sending import SendLog, rates_by_persona, slot_totals
from segtool.targeting.settings import DAYPARTS, TargetingSettings
from segtool.targeting.shares import GroupShares, estimate_shares
from segtool.targeting.timing.dayparts import (
    allowed_hours,
    daypart_case,
    daypart_hours,
    daypart_phrase,
    hours_text,
)

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOURS = tuple(f"{hour:02d}" for hour in range(24))
ANY = "any"
HOURS_TABLE = "targeting_active_hours"  # made and dropped within the step
MIN_SLOT_SHARE = 0.05  # a daypart with fewer of the sends was not really tried


@dataclass(frozen=True)
class SendTimes:
    """When, as a table and as one daypart per persona.

    Parameters
    ----------
    table : DataFrame
        persona_id, persona, kind ("around" or "answers"), unit ("hour", "weekday", "daypart"), slot,
        estimate (share of active hours or days; or answers per send), lo, hi, everyone, lift, n_users,
        n_events, allowed, verdict.
    chosen : DataFrame
        persona_id, daypart, kind, estimate, lo, hi, n_users, verdict, reason.
    notes : tuple of str
    """

    table: pd.DataFrame
    chosen: pd.DataFrame
    notes: tuple[str, ...]


def plan_times(
    sources, members: Members, user_ids: np.ndarray, log: SendLog, settings: TargetingSettings
) -> SendTimes:
    """Find when each persona is around and, where the sends tell, when it answers."""
    notes: list[str] = []
    parts = [_around(sources, members, user_ids, log, settings)]
    if parts[0].empty:
        notes.append(
            unknown("When: no events with a time, so nobody's hours are known; dayparts are left open.")
        )
    answers = _answers(sources, members, user_ids, log, settings, notes)
    table = (
        pd.concat([part for part in [*parts, answers] if not part.empty], ignore_index=True)
        if not parts[0].empty or not answers.empty
        else _empty_table()
    )
    chosen = [_choose(table, persona, log, settings) for persona in members.persona_ids]
    return SendTimes(table, pd.DataFrame(chosen, columns=CHOSEN), tuple(notes))


CHOSEN = ["persona_id", "daypart", "kind", "estimate", "lo", "hi", "n_users", "verdict", "reason"]
TABLE = [
    "persona_id", "persona", "kind", "unit", "slot", "estimate", "lo", "hi", "everyone", "lift",
    "n_users", "n_events", "allowed", "verdict",
]  # fmt: skip


def _empty_table() -> pd.DataFrame:
    return pd.DataFrame(columns=TABLE)


def _around(sources, members, user_ids, log, settings) -> pd.DataFrame:
    if "events" not in sources.tables or not len(members.names):
        return _empty_table()
    # An hour in which somebody did fifty things is one hour of being around.
    own = _own_events_sql(log, settings)
    hours = f"SELECT DISTINCT user_id, local_date, local_weekday, local_hour FROM ({own})"
    sources.engine.create(HOURS_TABLE, hours)
    try:
        return _around_units(sources, members, user_ids, settings)
    finally:
        sources.engine.drop(HOURS_TABLE)


def _around_units(sources, members, user_ids, settings) -> pd.DataFrame:
    days = f"(SELECT DISTINCT user_id, local_date, local_weekday FROM {HOURS_TABLE})"
    units = {
        "hour": ("lpad(CAST(local_hour AS VARCHAR), 2, '0')", HOURS_TABLE),
        "weekday": ("CAST(local_weekday AS VARCHAR)", days),
        "daypart": (daypart_case("local_hour"), HOURS_TABLE),
    }
    tables = []
    for unit, (slot, rows) in units.items():
        counts = sql_counts(
            sources.engine,
            user_ids,
            f"SELECT user_id, {slot} AS category, 1.0 AS weight, 1.0 AS decay FROM {rows}",
        )
        if not counts.categories:
            return _empty_table()
        groups = estimate_shares(counts, members.weights)
        n_events = (counts.events.T @ members.indicator()).T
        seen = members.counted(counts.seen.astype(float)).astype(int)
        tables.append(_unit_table(unit, groups, members, seen, n_events, settings))
    return pd.concat(tables, ignore_index=True)[TABLE]


def _own_events_sql(log: SendLog, settings: TargetingSettings) -> str:
    """Events that no send of the last hours can have called forth."""
    if not log.n_sends or not settings.after_send_hours:
        return "SELECT user_id, local_date, local_hour, local_weekday FROM events"
    minutes = round(settings.after_send_hours * 60)
    return f"""
        SELECT user_id, local_date, local_hour, local_weekday FROM events
        WHERE NOT EXISTS (
            SELECT 1 FROM sends WHERE sends.user_id = events.user_id
            AND sends.sent_at <= events.event_time
            AND sends.sent_at > events.event_time - INTERVAL {minutes} MINUTE)
    """


def _unit_table(unit, groups: GroupShares, members, seen, n_events, settings) -> pd.DataFrame:
    slots = {"hour": HOURS, "weekday": tuple("1234567"), "daypart": tuple(DAYPARTS)}[unit]
    share, lo, hi, base = _every_slot(groups, slots, settings.confidence)
    events = np.zeros_like(share)
    events[:, [slots.index(c) for c in groups.categories]] = n_events
    if unit == "hour" and settings.smoothing_hours > 0:
        kernel = circular_kernel(24, settings.smoothing_hours)
        share, base = share @ kernel, base @ kernel
        lo, hi = np.minimum(lo @ kernel, share), np.maximum(hi @ kernel, share)
    n_personas, n_slots = share.shape
    shown = [WEEKDAYS[int(s) - 1] for s in slots] if unit == "weekday" else slots
    return pd.DataFrame(
        {
            "persona_id": np.repeat(np.array(members.persona_ids, dtype=int), n_slots),
            "persona": np.repeat(np.array(members.names, dtype=object), n_slots),
            "kind": "around",
            "unit": unit,
            "slot": np.tile(np.array(shown, dtype=object), n_personas),
            "estimate": share.ravel(),
            "lo": lo.ravel(),
            "hi": hi.ravel(),
            "everyone": np.tile(base, n_personas),
            "lift": (share / np.where(base > 0, base, 1)).ravel(),
            "n_users": np.repeat(seen, n_slots),
            "n_events": events.ravel().astype(int),
            "allowed": np.tile([_allowed(unit, s, settings) for s in slots], n_personas),
            "verdict": "associated only",
        }
    )


def _every_slot(groups: GroupShares, slots, confidence):
    """Fill in the slots in which nobody was ever seen."""
    place = [slots.index(c) for c in groups.categories]
    share, lo, hi = (np.zeros((groups.share.shape[0], len(slots))) for _ in range(3))
    base = np.zeros(len(slots))
    share[:, place], base[place] = groups.share, groups.base
    lo[:, place], hi[:, place] = groups.interval(confidence)
    return share, lo, hi, base


def circular_kernel(n: int, sd: float) -> np.ndarray:
    """Return weights by which neighbouring hours inform each other, 23 next to 0.

    Examples
    --------
    >>> kernel = circular_kernel(24, 1.5)
    >>> bool(kernel[0, 23] == kernel[0, 1] > kernel[0, 2]), round(float(kernel[0].sum()), 9)
    (True, 1.0)
    """
    gap = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    kernel = np.exp(-0.5 * (np.minimum(gap, n - gap) / sd) ** 2)
    return kernel / kernel.sum(axis=1, keepdims=True)


def _allowed(unit: str, slot: str, settings: TargetingSettings) -> bool:
    if unit == "weekday":
        return True
    return not settings.is_quiet(int(slot)) if unit == "hour" else bool(allowed_hours(slot, settings))


def _answers(sources, members, user_ids, log: SendLog, settings, notes) -> pd.DataFrame:
    if not log.n_sends or not len(members.names):
        notes.append(unknown("When sending works: there are no sends; dayparts say when people are around."))
        return _empty_table()
    if log.outcome is None:
        notes.append(unknown("When sending works: no send has an answer or an open."))
        return _empty_table()
    totals = slot_totals(sources, log, daypart_case("local_hour"))
    sent = totals.groupby("slot")["trials"].sum()
    tried = [slot for slot, n in sent.items() if n >= MIN_SLOT_SHARE * sent.sum()]
    if log.n_sends < settings.min_sends_for_timing or len(tried) < 2:
        parts = f"{len(tried)} part{'s' * (len(tried) != 1)} of the day"
        notes.append(
            unknown(
                f"When sending works: {log.n_sends:,} sends, in {parts}; it takes "
                f"{settings.min_sends_for_timing:,} in at least 2. Dayparts say when people are around."
            )
        )
        return _empty_table()
    rates = rates_by_persona(
        totals[totals["slot"].isin(tried)], "hits", members, len(user_ids), settings.confidence
    )
    notes.append(known(f"When sending works: sends {log.word}, by part of the day."))
    notes.append(
        unknown(
            "When sending works: whether the hours were drawn at random; if not, a better part of the day "
            "may only have been given to better users."
        )
    )
    allowed = [_allowed("daypart", slot, settings) for slot in rates["slot"]]
    lift = rates["estimate"] / rates["everyone"].where(rates["everyone"] > 0, 1)
    return rates.assign(
        kind="answers", unit="daypart", lift=lift, allowed=allowed, verdict="associated only"
    )[TABLE]


def _choose(table: pd.DataFrame, persona_id, log: SendLog, settings: TargetingSettings) -> dict:
    """Choose the busiest allowed daypart, unless another surely brings more answers."""
    own = table[table["persona_id"] == persona_id]
    allowed = own[own["allowed"].astype(bool)]
    around = own[own["kind"] == "around"]
    parts = allowed[(allowed["kind"] == "around") & (allowed["unit"] == "daypart")]
    if parts.empty or parts["estimate"].sum() == 0:
        reason = "no activity with an hour: any time outside the quiet hours"
        row = dict.fromkeys(["estimate", "lo", "hi"], np.nan) | {"n_users": 0, "verdict": "assumption"}
        return row | {"persona_id": persona_id, "daypart": ANY, "kind": "none", "reason": reason}
    hours = around[around["unit"] == "hour"].set_index("slot")["estimate"]
    # By the busiest stretch, not the mean: a long daypart that starts slowly is not a worse one.
    busiest = [_busiest_stretch(slot, hours, settings)[1] for slot in parts["slot"]]
    best = parts.iloc[int(np.argmax(busiest))]
    better = _better_answers(allowed[allowed["kind"] == "answers"], best["slot"])
    if better is not None:
        chosen, usual = better
        reason = _answer_reason(chosen, usual, best["slot"], log)
        return _chosen_row(chosen, "answers", reason + _quiet_reason(chosen["slot"], hours, settings))
    reason = _around_reason(best, hours, settings) + _quiet_reason(best["slot"], hours, settings)
    return _chosen_row(best, "around", reason)


def _chosen_row(row: pd.Series, kind: str, reason: str) -> dict:
    kept = row[["persona_id", "estimate", "lo", "hi", "n_users", "verdict"]].to_dict()
    return kept | {"daypart": row["slot"], "kind": kind, "reason": reason}


def _better_answers(answers: pd.DataFrame, busiest: str) -> tuple[pd.Series, float] | None:
    """Return the daypart whose lower bound beats the busiest one's rate, and that rate."""
    usual = answers.loc[answers["slot"] == busiest, "estimate"]
    if usual.empty:
        return None
    winner = answers.loc[answers["lo"].idxmax()]
    return (winner, float(usual.iloc[0])) if winner["lo"] > usual.iloc[0] else None


def _answer_reason(row: pd.Series, usual: float, busiest: str, log: SendLog) -> str:
    return (
        f"sends {daypart_phrase(row['slot'])} are {log.word} by {row['estimate']:.1%} ({row['lo']:.1%} to "
        f"{row['hi']:.1%}, {row['n_users']:,} users), those {daypart_phrase(busiest)}, the busiest hours, "
        f"by {usual:.1%}"
    )


def _around_reason(best: pd.Series, hours: pd.Series, settings) -> str:
    peak, _ = _busiest_stretch(best["slot"], hours, settings)
    return (
        f"around {daypart_phrase(best['slot'])} in {best['estimate']:.0%} of their active hours "
        f"({best['lo']:.0%} to {best['hi']:.0%}; everyone {best['everyone']:.0%}), "
        f"most from {hours_text(peak)}" + (" of the hours allowed" if _cut(best["slot"], settings) else "")
    )


def _busiest_stretch(daypart: str, hours: pd.Series, settings) -> tuple[tuple[int, ...], float]:
    """Return the two busiest allowed hours in a row of a daypart, and their mean share."""
    usable = allowed_hours(daypart, settings)
    pairs = [pair for pair in itertools.pairwise(usable) if (pair[0] + 1) % 24 == pair[1]]
    means = {run: float(hours[[f"{hour:02d}" for hour in run]].mean()) for run in pairs or [(usable[0],)]}
    peak = max(means, key=means.get)
    return peak, means[peak]


def _cut(daypart: str, settings: TargetingSettings) -> bool:
    return allowed_hours(daypart, settings) != daypart_hours(daypart)


def _quiet_reason(chosen: str, hours: pd.Series, settings: TargetingSettings) -> str:
    """Say so where the hour they are most active at is one nobody may be written to."""
    peak = int(hours.idxmax())
    if not settings.is_quiet(peak):
        return ""
    usable = allowed_hours(chosen, settings)
    open_hours = f" from {hours_text(usable)}" if _cut(chosen, settings) else ""
    return (
        f"; most active at {peak} h, inside the quiet hours {settings.quiet_from_hour} to "
        f"{settings.quiet_to_hour}; the best allowed is {chosen}{open_hours}"
    )
