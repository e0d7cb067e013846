"""Which part of the day: the busiest that is allowed, unless another surely brings more answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.timing.dayparts import allowed_hours, daypart_hours, daypart_phrase, hours_text
from segtool.targeting.timing.windows import Stretches
from segtool.targeting.verdicts import ADVICE, ASSOCIATED, ASSUMPTION

ANY = "any"
CHOSEN = ["persona_id", "daypart", "kind", "estimate", "lo", "hi", "n_users", "verdict", "reason"]


def choose_daypart(table: pd.DataFrame, persona_id, log: SendLog, settings: TargetingSettings) -> dict:
    """Choose the busiest allowed daypart of a persona, unless another surely brings more answers.

    Parameters
    ----------
    table : DataFrame
        As `SendTimes.table`.
    persona_id : int
    log : SendLog
    settings : TargetingSettings

    Returns
    -------
    dict
        The columns of `CHOSEN`.
    """
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
    answers = allowed[allowed["kind"] == "answers"]
    better = _better_answers(answers, best["slot"], settings.confidence, table["persona_id"].nunique())
    if better is not None:
        chosen, usual = better
        reason = _answer_reason(chosen, usual, best["slot"], log)
        return _chosen_row(chosen, "answers", reason + _quiet_reason(chosen["slot"], hours, settings))
    reason = _around_reason(best, hours, settings) + _rare_reason(best, around, settings)
    reason += _quiet_reason(best["slot"], hours, settings)
    return _chosen_row(best, "around", reason)


def _chosen_row(row: pd.Series, kind: str, reason: str) -> dict:
    kept = row[["persona_id", "estimate", "lo", "hi", "n_users", "verdict"]].to_dict()
    return kept | {"daypart": row["slot"], "kind": kind, "reason": reason}


def _better_answers(
    answers: pd.DataFrame, busiest: str, confidence: float, n_personas: int
) -> tuple[pd.Series, float] | None:
    """Return the daypart that surely brings more answers than the busiest one, and the busiest one's rate.

    Tested is the difference, with the errors of both rates, one-sided and adjusted for the number of
    dayparts that could have won and of personas asked for (Bonferroni): the best of many is the luckiest.
    """
    usual = answers[answers["slot"] == busiest]
    others = answers[answers["slot"] != busiest]
    if usual.empty or others.empty:
        return None
    usual, z = usual.iloc[0], stats.norm.ppf((1 + confidence) / 2)
    error = (others["hi"] - others["lo"]) / 2 / z
    both = np.hypot(error, (usual["hi"] - usual["lo"]) / 2 / z)
    sure = stats.norm.ppf(1 - (1 - confidence) / 2 / (len(others) * max(n_personas, 1)))
    surely = others[others["estimate"] - usual["estimate"] > sure * both]
    if surely.empty:
        return None
    return surely.loc[surely["estimate"].idxmax()], float(usual["estimate"])


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


def _rare_reason(best: pd.Series, around: pd.DataFrame, settings: TargetingSettings) -> str:
    """Say so where the part of the day that is advised is one they are in less than everyone is."""
    if f"{best['estimate']:.0%}" == f"{best['everyone']:.0%}" or best["estimate"] >= best["everyone"]:
        return ""
    hours = around[around["unit"] == "hour"]
    quiet = hours[~hours["allowed"].astype(bool)]
    own, everyone = quiet["estimate"].sum(), quiet["everyone"].sum()
    if own > everyone:
        return (
            f"; rarer than with everyone, for {own:.0%} of their active hours are quiet hours, "
            f"{settings.quiet_from_hour} to {settings.quiet_to_hour} (everyone {everyone:.0%}), "
            "yet the busiest of those allowed"
        )
    return "; rarer than with everyone, yet the busiest hours of those allowed lie in it"


def _busiest_stretch(daypart: str, hours: pd.Series, settings) -> tuple[tuple[int, ...], float]:
    """Return the busiest allowed hours in a row of a daypart, and their mean share."""
    stretches = Stretches.allowed(settings)
    shares = hours.reindex([f"{hour:02d}" for hour in range(24)]).fillna(0).to_numpy(dtype=float)
    (run,), (per_hour,) = stretches.best(shares[None])
    part = stretches.names.index(daypart)
    return stretches.hours[run[part]], float(per_hour[part])


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


def advise_times(chosen: pd.DataFrame, windows: pd.DataFrame, members, log: SendLog) -> pd.DataFrame:
    """Return the parts of the day as advice: the chosen one first, then the other windows.

    Parameters
    ----------
    chosen : DataFrame
        As `SendTimes.chosen`.
    windows : DataFrame
        As `SendTimes.windows`.
    members : Members
    log : SendLog
    """
    names = dict(zip(members.persona_ids, members.names, strict=True))
    rows: list[dict] = []
    for first in chosen.to_dict("records"):
        own = windows[windows["persona_id"] == first["persona_id"]]
        same = own[own["daypart"] == first["daypart"]].to_dict("records")
        others = own[own["daypart"] != first["daypart"]].to_dict("records")
        head = {"persona_id": first["persona_id"], "persona": names[first["persona_id"]]}
        if first["kind"] == "around" and same:
            rows.append(
                head | _around_advice(same[0], 1) | {"reason": f"{first['reason']}; {_chance(same[0])}"}
            )
        else:
            rows.append(head | _chosen_advice(first, log))
        rows += [head | _around_advice(row, 2 + place) for place, row in enumerate(others)]
    return pd.DataFrame(rows).assign(aspect="time").reindex(columns=ADVICE)


def _chosen_advice(row: dict, log: SendLog) -> dict:
    unit = f"sends {log.word}" if row["kind"] == "answers" else ""
    return {
        "rank": 1, "advice": row["daypart"], "estimate": row["estimate"], "unit": unit, "lo": row["lo"],
        "hi": row["hi"], "n_users": row["n_users"], "n_events": row.get("n_events", 0),
        "level": "persona" if row["kind"] == "answers" else "everyone", "verdict": row["verdict"],
        "reason": row["reason"],
    }  # fmt: skip


def _around_advice(row: dict, rank: int) -> dict:
    return {
        "rank": rank, "advice": row["daypart"], "estimate": row["estimate"], "unit": "share of active hours",
        "lo": row["lo"], "hi": row["hi"], "n_users": row["n_users"], "n_events": row["n_events"],
        "level": "persona", "verdict": ASSOCIATED if row["n_users"] else ASSUMPTION,
        "reason": f"{window_text(row)}; {_chance(row)}",
    }  # fmt: skip


def window_text(row: dict) -> str:
    """Say a window in words."""
    return (
        f"{row['hour_from']} to {row['hour_to']} h: {row['estimate']:.0%} of their active hours "
        f"({row['lo']:.0%} to {row['hi']:.0%}, {row['n_users']:,} users; everyone {row['everyone']:.0%})"
    )


def _chance(row: dict) -> str:
    chance = row["p_best"]
    said = "under 1%" if chance < 0.01 else "over 99%" if chance > 0.99 else f"{chance:.0%}"
    return f"chance that it holds the busiest hours allowed: {said}"
