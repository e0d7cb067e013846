"""How often: the strictest of what a platform allows, what the house keeps to, and what was observed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from threadpoolctl import threadpool_limits

from segtool.notes import known, unknown
from segtool.targeting.channels.channels import ANY, UNKNOWN
from segtool.targeting.channels.opens import without_machine_opens
from segtool.targeting.channels.presets import CHANNEL_PRESETS
from segtool.targeting.frequency.best import BestFrequency, Outcome, best_frequency
from segtool.targeting.frequency.caps import Cap, caps_for, pressure_days
from segtool.targeting.frequency.experiment import users_per_arm
from segtool.targeting.frequency.fatigue import Slope, fit_fatigue, fit_optouts, pool_slopes
from segtool.targeting.frequency.pressure import READ_DAYS, read_pressure, rhythm_of, sample_step
from segtool.targeting.members import Members
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.verdicts import ADVICE, ASSOCIATED, ASSUMPTION

TRIED_QUANTILE = 0.95  # pressures above are too rare to speak about
RHYTHM_QUANTILE = 0.9  # of users by their sends a week: what a channel was used for, without its excesses
RAREST_WEEKS = 4  # a cap below one in so many weeks would close the channel
MIN_CHANNEL_SENDS = 200  # of a channel to be told apart from the others in the fit

TABLE = [
    "persona_id", "persona", "channel", "weekly_cap", "basis", "best", "best_lo", "best_hi", "flat_lo",
    "flat_hi", "fatigue", "fatigue_lo", "fatigue_hi", "optout_slope", "mean_pressure", "n_users", "n_sends",
    "verdict", "reason",
]  # fmt: skip
CURVE = ["persona_id", "persona", "channel", "per_week", "value", "lo", "hi", "flat", "capped"]


@dataclass(frozen=True)
class FrequencyPlan:
    """How often, one row per persona, for the channel that was chosen for it.

    Parameters
    ----------
    table : DataFrame
        ``weekly_cap`` in sends a week (NaN: no cap), ``basis`` the rule that gave it; ``best`` with bounds
        and the flat region (brings at least 95 % of the best); ``fatigue`` in logits of answering per unit
        of pressure, the pressure of one send just made; ``optout_slope`` in log hazard per unit.
    curve : DataFrame
        persona_id, persona, channel, per_week (0 to what was tried), value (answers a week and user, the price
        of opt-outs and sends taken off), lo, hi, flat, capped (above the weekly cap). Only
        personas of which frequency is known.
    advice : DataFrame
        One row per persona, aspect "frequency".
    notes : tuple of str
    """

    table: pd.DataFrame
    curve: pd.DataFrame
    advice: pd.DataFrame
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
    random_state : int
        For the intervals.
    """
    log, _ = without_machine_opens(sources, log, settings)
    sends = read_pressure(sources, log, settings)
    with threadpool_limits(1):  # the last digits of a fit depend on the number of threads
        slopes, optouts, notes = _slopes(sends, members, log, settings)
    rhythm = _rhythm(sources, log)
    home = members.home[sends["code"].to_numpy(dtype=np.int64)]
    rows, curves = [], []
    for place, (persona_id, name) in enumerate(zip(members.persona_ids, members.names, strict=True)):
        own = sends[home == place]
        where = channels.loc[persona_id] if persona_id in channels.index else pd.Series({"channel": ANY})
        row = {"persona_id": persona_id, "persona": name, "channel": where["channel"]}
        row |= {"n_users": int(own["code"].nunique()), "n_sends": len(own)}
        found = None
        if slopes[place].known and own["hit"].notna().any():
            found = _best(own, slopes[place], optouts[place], where, log, settings, random_state + place)
            row |= _observed(own, slopes[place], optouts[place], found, settings)
        row |= _cap(row["channel"], found, rhythm.get(row["channel"]), settings)
        rows.append(row)
        curves += [_curve(row, found)] if found is not None else []
    table = pd.DataFrame(rows, columns=TABLE)
    curve = pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(columns=CURVE)
    notes += _cap_notes(table, rhythm, settings)
    if sample_step(log) > 1:
        notes.append(known(f"How often: read from one user in {sample_step(log)}, with all of their sends."))
    return FrequencyPlan(table, curve, _advice(table), tuple(notes))


def _cap_notes(table: pd.DataFrame, rhythm: dict[str, float], settings) -> list[str]:
    open_words = (*CHANNEL_PRESETS, *settings.weekly_caps, ANY, UNKNOWN)
    return [
        unknown(
            f"How often: no preset for {channel}; "
            + (
                "the cap is what it was used for so far."
                if channel in rhythm
                else "the cap over all is used."
            )
        )
        for channel in sorted(set(table["channel"]) - set(open_words))
    ]


def _slopes(
    sends: pd.DataFrame, members: Members, log: SendLog, settings: TargetingSettings
) -> tuple[list[Slope], list[Slope], list[str]]:
    """Return each persona's slope of answers and of opt-outs, leaning on everyone's, with notes."""
    n_personas = len(members.names)
    if not len(sends):
        missing = [Slope(np.nan, np.nan, "no sends")] * n_personas
        note = "How often: there are no sends. Caps are platform rules and conventions."
        return missing, missing, [unknown(note)]
    # A send of today has not had its time to be answered.
    told = sends[sends["hit"].notna() & (sends["age"] >= settings.ignored_after_days)]
    fatigue, overall = _by_persona(told, "hit", fit_fatigue, members)
    optout, overall_optout = _by_persona(sends, "optout", fit_optouts, members)
    if not overall.known:
        n = users_per_arm(float(told["hit"].mean()) if len(told) else 0.1)
        learn = f"send at random 1, 2 or 4 times a week to {n:,} users each"
        why = f"How often: {overall.why_not}. To learn it, {learn} for four weeks"
        return fatigue, optout, [unknown(f"{why}; design_frequency_experiment writes the list.")]
    said = [
        known(f"How often: sends {log.word}, against the sends to the same user in the days before."),
        unknown(
            "How often: whether users were sent to more just when they were active; if so, fatigue is "
            "stronger than it looks. An experiment tells (design_frequency_experiment)."
        ),
    ]
    if not log.optouts:
        said.append(
            unknown("How often: what opt-outs do (none is recorded); sends look cheaper than they are.")
        )
    elif not overall_optout.known:
        said.append(unknown(f"How often: what opt-outs do ({overall_optout.why_not})."))
    return fatigue, optout, said


def _by_persona(sends: pd.DataFrame, outcome: str, fit, members: Members) -> tuple[list[Slope], Slope]:
    home = members.home[sends["code"].to_numpy(dtype=np.int64)]
    controls = _controls(sends)

    def fitted(rows) -> Slope:
        columns = (sends[name].to_numpy(dtype=float)[rows] for name in (outcome, "pressure"))
        code = sends["code"].to_numpy(dtype=np.int64)[rows]
        return fit(*columns, code, -sends["age"].to_numpy(dtype=float)[rows] / 7, controls[rows])

    overall = fitted(np.ones(len(sends), dtype=bool))
    if not overall.known:
        return [overall] * len(members.names), overall
    if len(members.names) == 1:
        return [overall], overall
    return pool_slopes([fitted(home == place) for place in range(len(members.names))], overall), overall


def _controls(sends: pd.DataFrame) -> np.ndarray:
    """Return 0/1 columns of the channels with enough sends, the commonest left out."""
    counts = sends["channel"].value_counts()
    kept = sorted(counts.index[counts >= MIN_CHANNEL_SENDS])[1:]
    flags = [(sends["channel"] == name).to_numpy(dtype=float) for name in kept]
    return np.column_stack(flags) if flags else np.zeros((len(sends), 0))


def _best(
    own: pd.DataFrame, fatigue: Slope, optout: Slope, where: pd.Series, log: SendLog, settings, random_state
) -> BestFrequency:
    channel = where["channel"]
    days = pressure_days(channel, settings)
    on_channel = own[own["channel"] == channel]
    used = on_channel if len(on_channel) >= settings.min_sends_for_channel else own
    tried = rhythm_of(float(own["pressure"].quantile(TRIED_QUANTILE)), days)
    return best_frequency(
        Outcome(*_rate(where, "response", used, "hit", settings), fatigue),
        Outcome(*(_rate(where, "optout", used, "optout", settings) if log.optouts else (0.0, 0.0)), optout),
        used["pressure"].to_numpy(dtype=float),
        int(np.clip(round(tried), 1, settings.max_weekly)),
        response_value=settings.response_value,
        optout_cost=log.optout_cost(settings),
        send_cost=settings.channel_costs.get(channel, 0.0),
        confidence=settings.confidence,
        days=days,
        random_state=random_state,
    )


def _rate(where: pd.Series, name: str, used: pd.DataFrame, column: str, settings) -> tuple[float, float]:
    """Return what comes of a send on the channel, and its standard error.

    As estimated for the channel, leaning on everyone: no opt-out in sixty sends does not make them free.
    """
    if where.get("basis") == "value per send" and pd.notna(where[name]):
        reach = 2 * stats.norm.ppf(0.5 + settings.confidence / 2)
        return float(where[name]), float(where[f"{name}_hi"] - where[f"{name}_lo"]) / reach
    told = used[used[column].notna()]
    rate = (told[column].sum() + 0.5) / (len(told) + 1)
    return float(rate), float(np.sqrt(_design_effect(told, column) * rate * (1 - rate) / max(len(told), 1)))


def _design_effect(told: pd.DataFrame, column: str) -> float:
    """Return how much larger the variance of a rate is than it would be with as many users as sends."""
    own = told.groupby("code")[column].agg(["sum", "count"])
    rate, n = told[column].mean(), len(told)
    binomial = rate * (1 - rate) / n
    clustered = ((own["sum"] - rate * own["count"]) ** 2).sum() / n**2
    return max(float(clustered / binomial), 1.0) if binomial > 0 else 1.0


def _observed(own, fatigue: Slope, optout: Slope, found: BestFrequency, settings) -> dict:
    lo, hi = fatigue.interval(settings.confidence)
    return {
        "best": found.best, "best_lo": found.lo, "best_hi": found.hi,
        "flat_lo": found.flat_lo, "flat_hi": found.flat_hi,
        "fatigue": fatigue.value, "fatigue_lo": lo, "fatigue_hi": hi,
        "optout_slope": optout.value, "mean_pressure": float(own["pressure"].mean()),
    }  # fmt: skip


def _curve(row: dict, found: BestFrequency) -> pd.DataFrame:
    labelled = found.curve.assign(**{name: row[name] for name in ("persona_id", "persona", "channel")})
    return labelled.assign(capped=found.curve["per_week"] > row["weekly_cap"])[CURVE]


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
    stated = caps_for(channel, settings)
    if preset is not None and not preset.pushed and not stated:
        return {"weekly_cap": np.nan, "basis": "none", "verdict": ASSUMPTION, "reason": preset.sentence()}
    limits = [(cap.weekly, cap.basis, _limit_text(cap), ASSUMPTION) for cap in stated]
    limits += [(cap.weekly, cap.basis, cap.stated, ASSUMPTION) for cap in caps_for(None, settings)]
    if found is not None:
        limits.append((float(found.best), "observed", _observed_reason(found), ASSOCIATED))
    elif rhythm is not None and preset is None and not stated:
        seen = f"at most {cap_text(rhythm)}: 9 in 10 users got no more on {channel} so far"
        limits.append((rhythm, "rhythm", seen, ASSUMPTION))
    if not limits:
        return {"weekly_cap": np.nan, "basis": "none", "verdict": ASSUMPTION, "reason": "no cap is set"}
    cap, basis, reason, verdict = min(limits, key=lambda limit: limit[0])
    if found is None:
        reason += "; what frequency does here is not known"
    elif basis != "observed":
        reason += f"; observed: {_observed_reason(found)}"
    return {"weekly_cap": float(cap), "basis": basis, "verdict": verdict, "reason": reason}


def _limit_text(cap: Cap) -> str:
    return f"at most {cap_text(cap.weekly)}: {cap.stated}" if cap.basis == "study" else cap.stated


def _observed_reason(found: BestFrequency) -> str:
    if not found.positive:
        return "at the stated price of an opt-out every send costs more than it brings; 1 a week at most"
    flat = (
        f"{found.flat_lo} to {found.flat_hi} bring nearly the same"
        if found.flat_hi > found.flat_lo
        else "no other number brings nearly as much"
    )
    edge = "; more was hardly tried" if found.best == found.curve["per_week"].iloc[-1] else ""
    return f"by the slopes seen {found.best} a week brings most ({found.lo} to {found.hi}); {flat}{edge}"


def _advice(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table as advice; the estimate is what was observed to be best, the advice what is allowed."""
    known_best = table["best"].notna().to_numpy(dtype=bool)
    estimate = table["best"].astype(float).where(known_best, table["weekly_cap"].astype(float))
    blind = np.where(known_best, "", "; no interval: a limit is not estimated")
    rows = table.assign(
        aspect="frequency",
        rank=1,
        advice=[cap_text(cap) for cap in table["weekly_cap"].astype(float)],
        estimate=estimate,
        unit=np.where(known_best, "sends a week that bring most", "sends a week at most"),
        lo=table["best_lo"].astype(float),
        hi=table["best_hi"].astype(float),
        n_events=table["n_sends"],
        level="persona",
        reason=table["reason"] + blind,
    )
    rows["level"] = np.where(known_best, "persona", "everyone")
    return rows[ADVICE]
