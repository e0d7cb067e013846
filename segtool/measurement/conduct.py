"""How a test was carried out: shares of the arms, outcomes that went missing, who was in fact reached."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.measurement.intake import Trial
from segtool.measurement.sequential import price_peeking
from segtool.measurement.srm import RatioCheck, check_ratio
from segtool.measurement.verdicts import (
    MAX_ATTRITION_P,
    MAX_CONTROL_REACHED,
    MIN_KNOWN_SENDS,
    MIN_REACH_GAP,
    MIN_REACHED,
)


def check_shares(trial: Trial, expected) -> RatioCheck:
    """Compare users per arm with the planned shares, over all and by persona."""
    arms = pd.Series(np.array(trial.arms, dtype=object)[trial.arm])
    personas = None
    if trial.persona_ids:
        place = trial.persona
        number = pd.array(np.append(trial.persona_ids, 0)[place], dtype="Int64")
        personas = pd.DataFrame({"persona_id": number, "persona": np.append(trial.names, "")[place]})
        personas.loc[place < 0, "persona_id"] = pd.NA
    return check_ratio(arms, expected, personas=personas)


def check_attrition(trial: Trial, metric: str, known: np.ndarray) -> tuple[str, str]:
    """Say how many outcomes are missing, and whether one arm lost more than another."""
    from scipy import stats

    lost = np.bincount(trial.arm[~known], minlength=len(trial.arms))
    if not lost.any():
        return "", ""
    kept = np.bincount(trial.arm[known], minlength=len(trial.arms))
    p = stats.chi2_contingency(np.array([lost, kept]))[1] if kept.any() else 0.0
    words = ", ".join(f"{name} {n:,}" for name, n in zip(trial.arms, lost, strict=True))
    note = f"{metric}: the outcome of {int(lost.sum()):,} users is not known ({words}); they are left out, not counted as 0."
    if p < MAX_ATTRITION_P:
        return note, (
            f"one arm lost more users than another (p = {p:.1g}), so those who are left are not alike: "
            "nothing is proved"
        )
    return note, ""


def check_reach(trial: Trial) -> tuple[list[str], str]:
    """Say who was in fact sent to, and why that is no test where control was, or where nobody else was."""
    if "sent" not in trial.table:
        return [], ""
    sent = trial.table["sent"].to_numpy(dtype=float, na_value=np.nan)
    known = np.isfinite(sent)
    told = np.bincount(trial.arm[known], minlength=len(trial.arms))
    reached = np.bincount(trial.arm[known & (sent > 0)], minlength=len(trial.arms))
    if (told < MIN_KNOWN_SENDS * np.bincount(trial.arm, minlength=len(trial.arms))).any():
        return ["Who was in fact sent to is not known of enough users: nothing is said of it."], ""
    share = reached / told
    stopped = next((why for k in range(1, len(share)) if (why := _no_holdout(trial.arms, share, k))), "")
    notes = []
    if reached[0]:
        notes.append(
            f"{reached[0]:,} of {told[0]:,} users in control were sent to all the same. They stay in control, "
            "since taking them out would make the arms unlike."
        )
    missed = int((told - reached)[1:].sum())
    if missed:
        notes.append(
            f"{missed:,} of {int(told[1:].sum()):,} users who should have been reached were not. They stay in "
            "their arm: this is what the campaign did as it was carried out."
        )
    if notes and not stopped:
        notes.append("So the effect is diluted: it is that of the campaign as it was carried out.")
    return notes, stopped


def _no_holdout(arms: tuple[str, ...], share: np.ndarray, k: int) -> str:
    """Say why one arm cannot be compared with control; nothing where it can."""
    control, treated = share[0], share[k]
    seen = f"{control:.0%} of control against {treated:.0%} of {arms[k]}"
    if treated < MIN_REACHED:
        return f"hardly anybody in {arms[k]} was sent to ({treated:.1%} of its users): nothing was tested"
    if control > MAX_CONTROL_REACHED and treated - control < MIN_REACH_GAP:
        return f"control was sent to ({seen}): this is no holdout"
    return ""


def standing_notes(trial: Trial, always_valid: bool, confidence: float) -> list[str]:
    """Return what every reader of a lift should know."""
    notes = [
        f"Intervals are {confidence:.0%}; users are compared as they were assigned, whoever was in fact reached."
    ]
    if trial.persona_ids:
        notes.append(
            "Personas must be those from before the start: what the campaign did may move users between them."
        )
    if any(trial.before.values()):
        notes.append("Effects are adjusted for the time before the start; rates are as they were seen.")
    if len(trial.metrics) > 1:
        notes.append(
            f"{trial.metrics[0]} is the primary metric; the others are read with the personas' caution."
        )
    if always_valid:
        price = price_peeking().set_index("rule").loc["any look, always valid"]
        notes.append(
            "Read at any look: the intervals, p, q and verdicts of everyone and of each persona. Read once, at "
            "the planned end: whether the personas differ, what holds for everyone carried over to each "
            "persona, which policy is best, and by how much the best persona is overstated. The checks of the "
            "arms' sizes and of lost outcomes are for one look: at many they stop a sound test more often."
        )
        notes.append(
            f"Looking on 28 days costs power: {price['power']:.0%} where "
            f"one look at the end has 80%, or {price['users_needed']:.1f} times the users for the same; an effect "
            f"twice as large is mostly found with {price['share_used']:.0%} of the users."
        )
    return notes
