"""How often: the strictest of what a platform allows, what the house keeps to, and what was observed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.targeting.channels.channels import ANY, UNKNOWN
from segtool.targeting.channels.presets import CHANNEL_PRESETS
from segtool.targeting.frequency.fatigue import BestFrequency, Slope, best_frequency, fit_slope, pool_slopes
from segtool.targeting.members import Members
from segtool.targeting.notes import known, unknown
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings

PRESSURE_DAYS = 7  # a send presses less with every day: by e in a week (see `steady_pressure`)
READ_DAYS = 730  # older sends say little about now, and their pressure would underflow
MAX_SENDS_FITTED = 200_000  # by whole users; more changes the third digit of a slope
TRIED_QUANTILE = 0.95  # pressures above are too rare to speak about
RHYTHM_QUANTILE = 0.9  # of users by their sends a week: what a channel was used for, without its excesses
RAREST_WEEKS = 4  # a cap below one in so many weeks would close the channel

TABLE = [
    "persona_id", "persona", "channel", "weekly_cap", "basis", "best", "best_lo", "best_hi", "flat_lo",
    "flat_hi", "fatigue", "fatigue_lo", "fatigue_hi", "optout_slope", "mean_pressure", "n_users", "n_sends",
    "verdict", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class FrequencyPlan:
    """How often, one row per persona, for the channel that was chosen for it.

    Parameters
    ----------
    table : DataFrame
        ``weekly_cap`` in sends a week (NaN: no cap), ``basis`` the rule that gave it; ``best`` with bounds
        and the flat region (brings at least 95 % of the best); ``fatigue`` in logits of answering per weekly
        send.
    notes : tuple of str
    """

    table: pd.DataFrame
    notes: tuple[str, ...]


def plan_frequency(
    sources,
    members: Members,
    channels: pd.DataFrame,
    log: SendLog,
    settings: TargetingSettings,
    random_state: int = 0,
) -> FrequencyPlan:
    """Find each persona's weekly cap for its channel.

    Parameters
    ----------
    channels : DataFrame
        As from `ChannelPlan.chosen`.
    """
    sends, notes = _read_pressure(sources, log)
    slopes, optouts, why = _slopes(sends, members, log)
    notes += why
    rhythm = _rhythm(sources, log)
    rows = []
    for place, (persona_id, name) in enumerate(zip(members.persona_ids, members.names, strict=True)):
        channel = channels["channel"].get(persona_id, ANY)
        row = {"persona_id": persona_id, "persona": name, "channel": channel}
        own = sends[members.home[sends["code"].to_numpy(dtype=np.int64)] == place]
        row |= {"n_users": int(own["code"].nunique()), "n_sends": len(own)}
        found = None
        if slopes[place].known and len(own):
            found = _best(
                own, slopes[place], optouts[place], log.optout_cost(settings), settings, random_state
            )
            row |= _observed(own, slopes[place], optouts[place], found, settings)
        row |= _cap(channel, found, rhythm.get(channel), settings)
        rows.append(row)
    table = pd.DataFrame(rows, columns=TABLE)
    open_words = (*CHANNEL_PRESETS, *settings.weekly_caps, ANY, UNKNOWN)
    for channel in sorted(set(table["channel"]) - set(open_words)):
        used = "the cap is what it was used for so far" if channel in rhythm else "the cap over all is used"
        notes.append(unknown(f"How often: no preset for {channel}; {used}."))
    return FrequencyPlan(table, tuple(notes))


def _read_pressure(sources, log: SendLog) -> tuple[pd.DataFrame, list[str]]:
    columns = ["code", "pressure", "hit", "optout", "week"]
    if not log.n_sends:
        note = "How often: there are no sends. Caps are platform rules and conventions."
        return pd.DataFrame(columns=columns, dtype=float), [unknown(note)]
    # sum over earlier sends of exp(-(t - t_j) / 7), as exp(age / 7) times a running sum of exp(-age_j / 7).
    sends = sources.engine.query(f"""
        WITH numbered AS (
            SELECT user_id, row_number() OVER (ORDER BY user_id) - 1 AS code FROM user_index
        ),
        recent AS (
            SELECT numbered.code, sends.send_id, sends.age_days AS age,
                   {log.hit_sql} AS hit, {log.optout_sql} AS optout
            FROM sends JOIN numbered ON numbered.user_id = sends.user_id
            WHERE sends.age_days <= {READ_DAYS}
        )
        SELECT code, hit, optout, -age / 7.0 AS week,
               coalesce(exp(age / {PRESSURE_DAYS}.0) * sum(exp(-age / {PRESSURE_DAYS}.0)) OVER (
                   PARTITION BY code ORDER BY age DESC, send_id
                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0.0) AS pressure
        FROM recent
        ORDER BY code, age DESC, send_id
    """)
    return _some_users(sends), []


def _some_users(sends: pd.DataFrame) -> pd.DataFrame:
    step = -(-len(sends) // MAX_SENDS_FITTED)
    return sends if step <= 1 else sends[sends["code"] % step == 0].reset_index(drop=True)


def _slopes(
    sends: pd.DataFrame, members: Members, log: SendLog
) -> tuple[list[Slope], list[Slope], list[str]]:
    n_personas = len(members.names)
    home = members.home[sends["code"].to_numpy(dtype=np.int64)] if len(sends) else np.array([])

    def fits(outcome: str, within: bool) -> tuple[list[Slope], Slope]:
        parts = [sends[home == place] for place in range(n_personas)]
        overall = _fit(sends, outcome, within)
        return pool_slopes([_fit(part, outcome, within) for part in parts], overall), overall

    if not len(sends):
        return (
            [Slope(np.nan, np.nan, "no sends")] * n_personas,
            [Slope(np.nan, np.nan, "no sends")] * n_personas,
            [],
        )
    fatigue, overall = fits("hit", True)
    optout, overall_optout = fits("optout", False)
    if not overall.known:
        learn = f"send at random 1, 2 or 4 times a week to {_users_to_learn(sends):,} users each"
        why = f"How often: {overall.why_not}. To learn it, {learn} for four weeks."
        return fatigue, optout, [unknown(why)]
    said = [known(f"How often: sends {log.word}, against the sends to the same user in the days before.")]
    if not overall_optout.known:
        said.append(unknown(f"How often: what opt-outs do ({overall_optout.why_not})."))
    return fatigue, optout, said


def _fit(sends: pd.DataFrame, outcome: str, within: bool) -> Slope:
    columns = (sends[name].to_numpy(dtype=float) for name in (outcome, "pressure", "code", "week"))
    return fit_slope(*columns, within=within)


def _users_to_learn(sends: pd.DataFrame) -> int:
    """Users per arm to tell a fifth fewer answers per send at 80 % power, 4 weeks of 1 against 4."""
    p = float(np.clip(sends["hit"].mean(), 0.005, 0.5))
    z = 1.96 + 0.84
    variance = p * (1 - p) * (1 / 4 + 1 / 16)
    return int(np.ceil(z**2 * variance / (0.2 * p) ** 2 / 10) * 10)


def _best(
    own: pd.DataFrame, fatigue: Slope, optout: Slope, optout_cost: float, settings, random_state
) -> BestFrequency:
    tried = int(np.floor(own["pressure"].quantile(TRIED_QUANTILE))) + 1
    return best_frequency(
        _rate(own["hit"]),
        _rate(own["optout"]) if own["optout"].any() else 0.0,
        float(own["pressure"].mean()),
        fatigue,
        optout,
        min(tried, settings.max_weekly),
        response_value=settings.response_value,
        optout_cost=optout_cost,
        confidence=settings.confidence,
        random_state=random_state,
    )


def _rate(hits: pd.Series) -> float:
    return float((hits.sum() + 0.5) / (len(hits) + 1))


def _observed(own, fatigue: Slope, optout: Slope, found: BestFrequency, settings) -> dict:
    lo, hi = fatigue.interval(settings.confidence)
    return {
        "best": found.best, "best_lo": found.lo, "best_hi": found.hi,
        "flat_lo": found.flat_lo, "flat_hi": found.flat_hi,
        "fatigue": fatigue.value, "fatigue_lo": lo, "fatigue_hi": hi,
        "optout_slope": optout.value, "mean_pressure": float(own["pressure"].mean()),
    }  # fmt: skip


def _rhythm(sources, log: SendLog) -> dict[str, float]:
    """Return what most users got at most of each channel, in sends a week, as a cap."""
    if not log.n_sends or not log.has_channel:
        return {}
    # From a user's first send to the channel's last: who joined late was not sent to before.
    rates = sources.engine.query(f"""
        WITH per_user AS (
            SELECT channel, user_id, count(*) AS n, max(age_days) AS first FROM sends
            WHERE channel IS NOT NULL AND age_days <= {READ_DAYS} GROUP BY channel, user_id
        ),
        ends AS (SELECT channel, min(age_days) AS last FROM sends GROUP BY channel),
        rates AS (
            SELECT per_user.channel, n / greatest((first - last) / 7 + 1, {RAREST_WEEKS}) AS rate
            FROM per_user JOIN ends ON ends.channel = per_user.channel
        )
        SELECT channel, percentile_cont({RHYTHM_QUANTILE}) WITHIN GROUP (ORDER BY rate) AS rate
        FROM rates GROUP BY channel ORDER BY channel
    """).set_index("channel")["rate"]
    return {channel: _even(float(rate)) for channel, rate in rates.items()}


def _even(rate: float) -> float:
    """Round a rate down to whole sends a week, or to one in whole weeks."""
    if rate >= 1:
        return float(np.floor(rate + 1e-9))
    return 1 / min(int(np.ceil(1 / rate - 1e-9)), RAREST_WEEKS)


def cap_text(weekly: float) -> str:
    """Say a weekly cap in words.

    Examples
    --------
    >>> cap_text(2.0), cap_text(0.25), cap_text(1.5), cap_text(float("nan"))
    ('2 a week', '1 in 4 weeks', '1.5 a week', 'no cap')
    """
    if not weekly > 0:
        return "no cap"
    weeks = round(1 / weekly)
    return f"1 in {weeks} weeks" if weeks > 1 and abs(weekly * weeks - 1) < 0.01 else f"{weekly:g} a week"


def _cap(channel: str, found: BestFrequency | None, rhythm: float | None, settings) -> dict:
    """Return the strictest limit, with the words and the verdict it deserves."""
    preset = CHANNEL_PRESETS.get(channel)
    if preset is not None and not preset.pushed:
        return {"weekly_cap": np.nan, "basis": "none", "verdict": "assumption", "reason": preset.sentence()}
    limits = _stated_limits(channel, settings)
    if found is not None:
        limits.append((float(found.best), "observed", _observed_reason(found), "associated only"))
    elif rhythm is not None and preset is None and channel not in settings.weekly_caps:
        seen = f"at most {cap_text(rhythm)}: 9 in 10 users got no more on {channel} so far"
        limits.append((rhythm, "rhythm", seen, "assumption"))
    if not limits:
        return {"weekly_cap": np.nan, "basis": "none", "verdict": "assumption", "reason": "no cap is set"}
    cap, basis, reason, verdict = min(limits, key=lambda limit: limit[0])
    if found is None:
        reason += "; what frequency does here is not known"
    elif basis != "observed":
        reason += f"; observed: {_observed_reason(found)}"
    return {"weekly_cap": float(cap), "basis": basis, "verdict": verdict, "reason": reason}


def _stated_limits(channel: str, settings: TargetingSettings) -> list[tuple]:
    preset, limits = CHANNEL_PRESETS.get(channel), []
    if channel in settings.weekly_caps:
        limits.append((settings.weekly_caps[channel], "study", "the cap this study sets", "assumption"))
    elif preset is not None:
        limits.append((preset.weekly, preset.kind, preset.sentence(), "assumption"))
    house = settings.weekly_cap_all
    limits.append(
        (house, "house", f"at most {house or 0:g} a week over all channels (house convention)", "assumption")
    )
    return [limit for limit in limits if limit[0] is not None]


def _observed_reason(found: BestFrequency) -> str:
    if not found.positive:
        return "at the stated price of an opt-out every send costs more than it brings; 1 a week at most"
    flat = (
        f"{found.flat_lo} to {found.flat_hi} bring nearly the same"
        if found.flat_hi > found.flat_lo
        else "no other number brings nearly as much"
    )
    return f"by the slopes seen {found.best} a week brings most ({found.lo} to {found.hi}); {flat}"
