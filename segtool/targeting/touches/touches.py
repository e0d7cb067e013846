"""Touches: which send to make next at each stage, and how many in all are worth making."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.notes import known, unknown
from segtool.targeting.members import Members
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.stages.rule import LAPSED, UNKNOWN
from segtool.targeting.touches.hazard import HAZARD, TouchHazard, converters_mean, touch_hazard
from segtool.targeting.touches.next_touch import ANY, BOTH, CLAIMED, OPTIONS, last_on_record, next_touches
from segtool.targeting.touches.paths import ACTION, choose_outcome, touch_paths
from segtool.targeting.touches.read import Log, read_log
from segtool.targeting.verdicts import ADVICE, LOGGED

CAPS = (4, 7, 12, 20)
FOLKLORE = 7
LEAST_ACTS = 20  # fewer actions, and the curve is noise
TOP_OPTIONS = 3
BEHAVIOUR = ["answered", "ignored", "answers"]


@dataclass(frozen=True)
class TouchPlan:
    """What touches bring.

    Parameters
    ----------
    advice : DataFrame
        The next best touches of each persona's typical stage, aspect "touch".
    options : DataFrame
        stage (by the deepest step before the send), by ("any send", "channel", "topic", "format", "touch
        number", "channel and topic", "arm"), option, estimate (P(a step up within the window)), lo, hi,
        increment with increment_lo and increment_hi (over the same people's own weeks without a send, shrunk
        towards that of any send; NaN where too few have both), base (the estimate less the increment),
        increment_q and others_q (false-discovery adjusted, over everything looked at: that it is no more than
        without a send, than the stage's other options), gain (what a step up adds to the share who act within
        four weeks), price (of the opt-outs and the send, in actions), value (actions per send, net), n_users,
        n_events (sends), verdict.
    hazard : DataFrame
        touch, at_risk, acted, n_eff, hazard, lo, hi, reached (share who have acted by then had everybody been
        sent to), base (the same chance from people's own history, had nothing been sent), optout (P(opting
        out) at that touch), value (actions, net of base and price).
    caps : DataFrame
        cap, converters_mean (mean touch among those who act), reached: the same people under other caps.
    outcome : str
        "action" or "answer"; "" without sends.
    best_touches : int or None
        The last touch worth more than it costs; None where the log cannot tell.
    notes : tuple of str
    sure : tuple of str
        Options that surely move more people than the other sends at their stage, as "stage: option".
    """

    advice: pd.DataFrame
    options: pd.DataFrame
    hazard: pd.DataFrame
    caps: pd.DataFrame
    outcome: str
    best_touches: int | None
    notes: tuple[str, ...]
    sure: tuple[str, ...] = ()


def plan_touches(sources, members: Members, stages, settings: TargetingSettings) -> TouchPlan:
    """Find the next best touch of each persona, and the hazard of acting at each touch.

    Parameters
    ----------
    sources : Sources
    members : Members
    stages : Stages
        Read through ``personas``: the typical stage.
    settings : TargetingSettings

    Returns
    -------
    TouchPlan
        Empty, with a note that says why, where nothing was sent.
    """
    nothing = unknown("Touch: nothing was sent, so what a send brings about cannot be known.")
    if "sends" not in sources.tables:
        return _no_touches(nothing)
    log = read_log(sources, settings)
    if log.sends.empty:
        return _no_touches(nothing)
    options, faults = next_touches(log, settings)
    outcome = choose_outcome(log, settings)
    hazard, caps, best, notes = _hazards(log, outcome, settings)
    advice = _advice(options, stages.personas, members, log, settings.touch_window_days)
    notes += [unknown(fault) for fault in faults]
    notes += _option_notes(options, log)
    better = options[
        (options["others_q"] <= CLAIMED) & options["by"].isin(["channel", "topic", "format", BOTH])
    ]
    sure = tuple(f"{row.stage}: {row.option}" for row in better.itertuples())
    return TouchPlan(advice, options, hazard, caps, outcome, best, tuple(notes), sure)


def _no_touches(note: str) -> TouchPlan:
    hazard = pd.DataFrame(columns=[*HAZARD, "base", "optout", "value"])
    caps = pd.DataFrame(columns=["cap", "converters_mean", "reached"])
    return TouchPlan(
        pd.DataFrame(columns=ADVICE), pd.DataFrame(columns=OPTIONS), hazard, caps, "", None, (note,)
    )


def _hazards(log: Log, outcome: str, settings: TargetingSettings):
    """Return the curve, the caps, the last touch worth making, and notes."""
    paths = touch_paths(log, outcome, settings)
    n_acts = int(paths["acted"].sum())
    if n_acts < LEAST_ACTS:
        empty = _no_touches("")
        note = unknown(
            f"Touch: {n_acts} of the sends were acted on; {LEAST_ACTS} are needed to tell the curve."
        )
        return empty.hazard, empty.caps, None, [note]
    code, touch, acted = (paths[name].to_numpy() for name in ("code", "touch", "acted"))
    found = touch_hazard(
        code, touch, acted, went_on=paths["went_on"].to_numpy(),
        behaviour=paths[BEHAVIOUR].to_numpy(dtype=float), confidence=settings.confidence,
    )  # fmt: skip
    table, more, sure = _worth(found, paths, settings)
    best = _last_worth(table) if sure else None
    caps = pd.DataFrame(
        [(cap, *converters_mean(table["hazard"].to_numpy(), cap)) for cap in CAPS if cap <= len(table)],
        columns=["cap", "converters_mean", "reached"],
    )
    return table, caps, best, _hazard_notes(found, table, caps, paths, outcome, best, more, settings)


def _worth(found: TouchHazard, paths: pd.DataFrame, settings: TargetingSettings):
    """Add what would have happened anyhow, opt-outs and the value of each touch."""
    table = found.table
    table = table.assign(
        base=_mean_by_touch(paths, found.weights, "base")[: len(table)],
        optout=_mean_by_touch(paths, found.weights, "left_after")[: len(table)],
    )
    has_base = table["base"].notna().all()
    extra = paths["acted"].to_numpy(dtype=float) - (paths["base"].to_numpy() if has_base else 0.0)
    by_user = pd.DataFrame({"code": paths["code"], "extra": extra, "n": 1.0}).groupby("code").sum()
    more = float(by_user["extra"].sum() / by_user["n"].sum())
    noise = np.sqrt(((by_user["extra"] - more * by_user["n"]) ** 2).sum()) / by_user["n"].sum()
    noise = float(np.hypot(noise, np.nan_to_num(paths["base_doubt"].mean())))
    weekly = 7 / max(float(paths["exposure"].mean()), 1.0)
    cost = settings.optout_cost
    cost = max(more, 0.0) * weekly * settings.optout_weeks if cost is None else cost
    net = table["hazard"] - (table["base"] if has_base else 0.0)
    table["value"] = net - table["optout"] * cost - settings.touch_cost
    return table, (more, noise), more - 1.645 * noise > 0


def _mean_by_touch(paths: pd.DataFrame, weights: np.ndarray, name: str) -> np.ndarray:
    """Return the weighted mean of a column at each touch, from the first."""
    touch = paths["touch"].to_numpy()
    sums = np.bincount(touch, weights=weights * paths[name].to_numpy(dtype=float))
    return sums[1:] / np.bincount(touch, weights=weights)[1:]


def _last_worth(table: pd.DataFrame) -> int | None:
    """Return the last touch worth more than nothing; neighbours are averaged, since one touch is noisy."""
    weights = table["n_eff"].to_numpy()
    sums = np.convolve(table["value"].to_numpy() * weights, np.ones(3))[1:-1]
    smooth = sums / np.convolve(weights, np.ones(3))[1:-1]
    worth = np.flatnonzero(smooth > 0)
    return int(table["touch"].iloc[worth[-1]]) if len(worth) else None


def _hazard_notes(found, table, caps, paths, outcome, best, more, settings) -> list[str]:
    act = "act" if outcome == ACTION else "answer"
    acted = paths[paths["acted"]]
    mean, n_users = acted["touch"].mean(), paths["code"].nunique()
    low, high = table["hazard"].min(), table["hazard"].max()
    notes = [
        f"Touch: of those not there yet, {low:.1%} to {high:.1%} {act} at each of the first "
        f"{len(table)} touches ({n_users:,} users, {len(acted):,} who {act})."
    ]
    if len(caps) > 1:
        first, last = caps.iloc[0], caps.iloc[-1]
        notes.append(
            f"Touch: those who {act} do so at touch {mean:.1f} on average; stopped at {first['cap']:.0f} touches "
            f"the same people would at {first['converters_mean']:.1f}, at {last['cap']:.0f} at "
            f"{last['converters_mean']:.1f}: that mean says when sending stops, not how many reminders it takes."
        )
    if len(table) >= FOLKLORE:
        notes.append(_folklore(table, act))
    if found.weighted:
        notes.append(
            "Touch: who is still sent to depends on how they answered before; people weigh by how likely they "
            "were to stay, so that the late touches speak for everybody."
        )
    notes = [known(note) for note in notes]
    return [*notes, _worth_note(table, more, act, best, settings)]


def _folklore(table: pd.DataFrame, act: str) -> str:
    """Hold the saying of the seven reminders against this log."""
    own = table.set_index("touch")
    at, before = own.loc[FOLKLORE], own.loc[: FOLKLORE - 1]
    usual = float(np.average(before["hazard"], weights=before["n_eff"]))
    apart = "no different from" if at["lo"] <= usual <= at["hi"] else "unlike"
    return (
        f"Touch: 'seven reminders before people {act}' is a saying, not a finding: here {at['hazard']:.1%} "
        f"({at['lo']:.1%} to {at['hi']:.1%}) {act} at the seventh, {apart} the {usual:.1%} at those before; "
        f"{at['reached']:.0%} have by then."
    )


def _worth_note(table: pd.DataFrame, more, act: str, best, settings) -> str:
    extra, noise = more
    low, high = 100 * (extra - 1.645 * noise), 100 * (extra + 1.645 * noise)
    span = f"({low:+.1f} to {high:+.1f} points)"
    if table["base"].isna().any():
        why = "what would have come without a send is not known, nobody having acted before the first"
        if act == "answer":
            why = "an answer needs a send, so what it is worth beyond is not known"
        return known(f"Touch: {why}; {extra:.1%} {act} per send ({low:.1f} to {high:.1f}).")
    if low <= 0:
        return unknown(
            f"Touch: how many sends are worth making; after a send {100 * extra:+.1f} points more {act} {span} "
            "than their own history leads one to expect, so sends may bring nothing at all. A holdout would tell."
        )
    upto = f"the last worth its price is touch {best}" if best else "none is worth its price"
    return known(
        f"Touch: after a send {100 * extra:+.1f} points more {act} {span} than their own history leads one to "
        f"expect; {upto} of {len(table)} seen. Associated only."
    )


def _option_notes(options: pd.DataFrame, log: Log) -> list[str]:
    if options.empty:
        return [
            unknown("Touch: what brings people a stage further; there are too few sends with steps after.")
        ]
    usual = options[options["by"] == BOTH] if (options["by"] == BOTH).any() else options
    surely = int((usual["increment_q"] <= CLAIMED).sum())
    told = int(usual["increment_q"].notna().sum())
    lead = f"Touch: {surely} of {told} kinds of send (by stage) are surely followed by more steps up than weeks without"
    notes = [
        known(
            f"{lead}: each is compared with the same people's own weeks without a send, and at most "
            f"{CLAIMED:.0%} of such claims are chance; the stage is that of the deepest step before the send."
        )
        if told
        else unknown(
            "Touch: what a send brings beyond none; too few people had weeks with and without a send at the same "
            "stage, so kinds of send are compared with each other alone."
        )
    ]
    last = last_on_record(log)
    if last and sum(len(keys) > 0 for keys in log.steps) == 1:
        notes.append(
            unknown(
                f"Touch: what brings people a stage further; every step on record is of one stage, "
                f"{log.stages[last - 1]}, so what is counted there is taking that step again."
            )
        )
    if (options["verdict"] == LOGGED).any():
        notes.append(
            known(
                "Touch: arms were drawn with logged chances and are compared as if all had got each; channels "
                "and topics were not, and stay associated only."
            )
        )
    return notes


def _advice(
    options: pd.DataFrame, personas: pd.DataFrame, members: Members, log: Log, days: float
) -> pd.DataFrame:
    """Return the best options at each persona's typical stage."""
    typical = personas[personas["typical"]].set_index("persona_id")["stage"]
    rows = []
    for persona_id, name in zip(members.persona_ids, members.names, strict=True):
        stage = typical.get(persona_id, UNKNOWN)
        own = options[options["stage"] == stage]
        usual = own.loc[own["by"] == ANY, "estimate"]
        usual = float(usual.iloc[0]) if len(usual) else np.nan
        own = own[(own["by"] != "arm") | (own["verdict"] == LOGGED)]
        for by in (_finest(own), "arm"):
            best = own[own["by"] == by].sort_values(["value", "option"], ascending=[False, True])
            best = best.head(1 if by == "arm" else TOP_OPTIONS)
            for row in best.itertuples():
                place = 1 + sum(one[0] == persona_id for one in rows)
                rows.append(_advice_row((persona_id, name), place, row, usual, log, days))
    return pd.DataFrame(rows, columns=ADVICE)


def _finest(own: pd.DataFrame) -> str:
    """Return what to advise: a channel with a topic, else whichever of them is known."""
    return next((by for by in (BOTH, "channel", "topic", "format") if (own["by"] == by).any()), BOTH)


def _advice_row(who: tuple, place: int, row, usual: float, log: Log, days: float) -> tuple:
    what = f"arm {row.option}" if row.by == "arm" else row.option
    last = log.stages[last_on_record(log) - 1]
    step = {LAPSED: "came back", last: "took that step again"}.get(row.stage, "took a step further")
    unit = "acting again per send" if row.stage == last else "steps up per send"
    reason = (
        f"of everyone at {row.stage}, {row.estimate:.0%} {step} within {days:g} days ({row.lo:.0%} to "
        f"{row.hi:.0%}, {row.n_events:,} sends, {row.n_users:,} users)"
    )
    if row.increment_q <= CLAIMED:
        reason += (
            f"; {100 * row.increment:.0f} points more than in the same people's own weeks without a send "
            f"({100 * row.increment_lo:.0f} to {100 * row.increment_hi:.0f})"
        )
    else:
        reason += "; seen after a send, not surely because of it"
    if row.verdict == LOGGED:
        reason += f"; surely more than what was sent ({usual:.0%})"
    elif not row.others_q <= CLAIMED:
        reason += f"; not surely better than any other send ({usual:.0%})"
    return (
        *who, "touch", place, what, row.estimate, unit, row.lo, row.hi,
        int(row.n_users), int(row.n_events), "everyone", row.verdict, reason,
    )  # fmt: skip
