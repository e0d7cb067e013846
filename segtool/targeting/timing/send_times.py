"""When: the hours and weekdays at which a persona is around, and at which sending works.

Being around and answering are two things: people who are around at night may answer at noon.
Both are kept, apart, and neither overrides the quiet hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from segtool.notes import known, unknown
from segtool.targeting.channels.opens import without_machine_opens
from segtool.targeting.counts import sql_counts
from segtool.targeting.members import Members
from segtool.targeting.sending import SendLog, rates_by_persona, slot_totals
from segtool.targeting.settings import DAYPARTS, TargetingSettings
from segtool.targeting.shares import MODERATION_USERS, GroupShares, UserCounts, estimate_shares
from segtool.targeting.timing.choosing import CHOSEN, advise_times, choose_daypart
from segtool.targeting.timing.dayparts import allowed_hours, daypart_case
from segtool.targeting.timing.profiles import HourProfiles, fit_kappa, profile_windows
from segtool.targeting.timing.windows import WINDOWS, Stretches, persona_windows
from segtool.targeting.timing.zones import UserZones, read_zones

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOURS = tuple(f"{hour:02d}" for hour in range(24))
HOURS_TABLE = "targeting_active_hours"  # made and dropped within the step
MIN_SLOT_SHARE = 0.05  # a daypart with fewer of the sends was not really tried
MANY, ONE_TIME = 4, 0.9  # of so many sends to a user such a share at one part of the day: never varied
DAYS = f"(SELECT DISTINCT user_id, local_date, local_weekday FROM {HOURS_TABLE}) AS days"
UNITS = {
    "hour": ("lpad(CAST(local_hour AS VARCHAR), 2, '0')", HOURS_TABLE),
    "weekday": ("CAST(local_weekday AS VARCHAR)", DAYS),
    "daypart": (daypart_case("local_hour"), HOURS_TABLE),
}


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
    windows : DataFrame
        persona_id, persona, rank, daypart, hour_from, hour_to (no longer in it), estimate (share of active hours), lo,
        hi, everyone, p_best (chance that no other part of the day has busier hours), n_users, n_events.
    advice : DataFrame
        Aspect "time", the part of the day chosen first.
    notes : tuple of str
    profiles : HourProfiles or None
        For `user_windows`; None without events.
    """

    table: pd.DataFrame
    chosen: pd.DataFrame
    windows: pd.DataFrame
    advice: pd.DataFrame
    notes: tuple[str, ...]
    profiles: HourProfiles | None


def plan_times(
    sources,
    members: Members,
    user_ids: np.ndarray,
    log: SendLog,
    settings: TargetingSettings,
    random_state: int = 0,
) -> SendTimes:
    """Find when each persona is around and, where the sends tell, when it answers.

    Parameters
    ----------
    random_state : int
        For the chance that a window is the best.

    Raises
    ------
    InputError
        If the settings name a column of zones that ``users`` does not have.
    """
    log, _ = without_machine_opens(sources, log, settings)
    zones = read_zones(sources, settings)
    notes = list(zones.notes)
    with threadpool_limits(1):  # the last digits depend on the number of threads
        around, profiles, spread = _around(sources, members, user_ids, log, settings, zones)
    if around.empty:
        notes.append(
            unknown("When: no events with a time, so nobody's hours are known; dayparts are left open.")
        )
    answers = _answers(sources, members, user_ids, log, settings, zones, notes)
    filled = [part for part in (around, answers) if not part.empty]
    table = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=TABLE)
    rows = [choose_daypart(table, persona, log, settings) for persona in members.persona_ids]
    chosen = pd.DataFrame(rows, columns=CHOSEN)
    windows = pd.DataFrame(columns=WINDOWS)
    if profiles is not None and not around.empty:
        hours = around[around["unit"] == "hour"]
        windows = persona_windows(
            hours, profiles.personas, spread, profiles.stretches, profiles.kernel, settings.confidence, random_state
        )  # fmt: skip
    advice = advise_times(chosen, windows, members, log)
    return SendTimes(table, chosen, windows, advice, tuple(notes), profiles)


def user_windows(times: SendTimes, *, top_k: int = 1, batch_size: int = 100_000) -> Iterator[pd.DataFrame]:
    """Yield the hours to send in of each user, a batch of users at a time, in the order of user_id.

    Parameters
    ----------
    times : SendTimes
    top_k : int
        Parts of the day per user.
    batch_size : int
        Users per batch.

    Yields
    ------
    DataFrame
        user_id, rank, daypart, hour_from, hour_to (no longer in it), estimate (share of active hours), n_hours (active
        hours seen), level ("user"; "persona" or "everyone" where too few were seen), timezone (whose hours these
        are). Nothing where nobody's hours are known.
    """
    if times.profiles is not None:
        yield from profile_windows(times.profiles, top_k, batch_size)


TABLE = [
    "persona_id", "persona", "kind", "unit", "slot", "estimate", "lo", "hi", "everyone", "lift",
    "n_users", "n_events", "allowed", "verdict",
]  # fmt: skip


def _around(sources, members, user_ids, log, settings, zones: UserZones):
    """Return the table of being around, what gives any user's hours, and the errors of personas' hours."""
    nothing = pd.DataFrame(columns=TABLE), None, np.zeros((0, 24, 24))
    if "events" not in sources.tables or not len(members.names):
        return nothing
    # An hour in which somebody did fifty things is one hour of being around.
    own = _own_events_sql(sources, log, settings, zones)
    hours = f"SELECT DISTINCT user_id, local_date, local_weekday, local_hour FROM ({own})"
    sources.engine.create(HOURS_TABLE, hours)
    try:
        counts = {unit: _unit_counts(sources, user_ids, unit) for unit in UNITS}
    finally:
        sources.engine.drop(HOURS_TABLE)
    if not counts["hour"].categories:
        return nothing
    groups = {unit: estimate_shares(counts[unit], members.weights) for unit in UNITS}
    tables = [_unit_table(unit, groups[unit], counts[unit], members, settings) for unit in UNITS]
    profiles = _profiles(sources, counts["hour"], groups["hour"], members, settings, zones)
    return pd.concat(tables, ignore_index=True)[TABLE], profiles, _spread(groups["hour"], profiles)


def _unit_counts(sources, user_ids, unit: str) -> UserCounts:
    slot, rows = UNITS[unit]
    evidence = f"SELECT user_id, {slot} AS category, 1.0 AS weight, 1.0 AS decay FROM {rows}"
    return sql_counts(sources.engine, user_ids, evidence)


def _profiles(sources, counts, groups: GroupShares, members, settings, zones: UserZones) -> HourProfiles:
    personas, _, _, everyone = _every_slot(groups, HOURS, settings.confidence)
    return HourProfiles(
        counts=counts,
        members=members,
        personas=personas,
        everyone=everyone,
        kappa=fit_kappa(counts, members, personas, everyone),
        kernel=_kernel(settings),
        stretches=Stretches.allowed(settings),
        zones=zones.of(sources, counts.user_ids),
        least=settings.min_user_hours,
    )


def _spread(groups: GroupShares, profiles: HourProfiles) -> np.ndarray:
    """Return the covariance of the errors of each persona's hours, (n_personas, 24, 24).

    The variances are those of the estimates, as wide as Student's t makes them where users are few. Which hours
    err together is seen on all users at once: a large persona errs as what users did scatters, and a small
    one, which is mostly taken for everyone, as personas differ, which is by habit.
    """
    sd = np.zeros((len(groups.share), 24))
    heavy = groups.df / np.maximum(groups.df - 2, 1)
    place = [int(name) for name in groups.categories]
    sd[:, place] = np.sqrt(groups.variance * heavy)
    shown, habit = profiles.correlations()
    users = np.maximum(groups.df.mean(axis=1) - MODERATION_USERS + 1, 0)
    own = (users / (users + MODERATION_USERS))[:, None, None]
    return sd[:, :, None] * (own * shown + (1 - own) * habit) * sd[:, None, :]


def _kernel(settings: TargetingSettings) -> np.ndarray:
    return circular_kernel(24, settings.smoothing_hours) if settings.smoothing_hours > 0 else np.eye(24)


def _own_events_sql(sources, log: SendLog, settings: TargetingSettings, zones: UserZones) -> str:
    """Events that no send of the last hours can have called forth."""
    events = zones.table(sources, "events", "event_time")
    select = f"SELECT events.user_id, local_date, local_hour, local_weekday FROM {events}"
    if not log.n_sends or not settings.after_send_hours:
        return select
    minutes = round(settings.after_send_hours * 60)
    return f"""
        {select}
        WHERE NOT EXISTS (
            SELECT 1 FROM sends WHERE sends.user_id = events.user_id
            AND sends.sent_at <= events.event_time
            AND sends.sent_at > events.event_time - INTERVAL {minutes} MINUTE)
    """


def _unit_table(unit, groups: GroupShares, counts: UserCounts, members, settings) -> pd.DataFrame:
    seen = members.counted(counts.seen.astype(float)).astype(int)
    n_events = (counts.events.T @ members.indicator()).T
    slots = {"hour": HOURS, "weekday": tuple("1234567"), "daypart": tuple(DAYPARTS)}[unit]
    share, lo, hi, base = _every_slot(groups, slots, settings.confidence)
    events = np.zeros_like(share)
    events[:, [slots.index(c) for c in groups.categories]] = n_events
    if unit == "hour":
        kernel = _kernel(settings)
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


def _answers(sources, members, user_ids, log: SendLog, settings, zones, notes) -> pd.DataFrame:
    if not log.n_sends or not len(members.names):
        notes.append(unknown("When sending works: there are no sends; dayparts say when people are around."))
        return pd.DataFrame(columns=TABLE)
    if log.outcome is None:
        notes.append(unknown("When sending works: no send has an answer or an open."))
        return pd.DataFrame(columns=TABLE)
    totals = slot_totals(sources, log, daypart_case(zones.hour(sources, "sends", "sent_at")))
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
        return pd.DataFrame(columns=TABLE)
    if _one_time_each(totals):
        notes.append(
            unknown(
                "When sending works: nearly all sends to a user came at one part of the day, so a better part may "
                "only have better users. Dayparts say when people are around."
            )
        )
        return pd.DataFrame(columns=TABLE)
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


def _one_time_each(totals: pd.DataFrame) -> bool:
    """Whether users were each sent to at their own part of the day, while the parts differ between users."""
    sent = totals.pivot_table(index="code", columns="slot", values="trials", aggfunc="sum", fill_value=0)
    often = sent[sent.sum(axis=1) >= MANY]
    if len(often) < 2:
        return False
    own = often.max(axis=1).sum() / often.to_numpy().sum()
    return bool(own > ONE_TIME and own > often.sum().max() / often.to_numpy().sum() + 0.05)
