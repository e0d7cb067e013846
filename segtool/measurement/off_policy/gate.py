"""Whether a log can answer what a policy would bring; and if not, what exploring would make it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from segtool.measurement.off_policy.estimators import weigh
from segtool.measurement.off_policy.log import Log

MIN_ESS = 200  # effective sends: a rate of 5 % is then known to within 3 points
MIN_ESS_SHARE = 0.01  # of all sends: below, the policy hardly resembles anything that was done
MAX_WEIGHT_SHARE = 0.05  # of one send: no single answer may move the estimate by much
TRAFFIC = 0.90  # the personas that carry so much of the sends must each be able to answer
MIN_MATCHED, MIN_POSITIVES = 30, 5
EXPLORED = 0.10  # share of sends that an exploration would take


@dataclass(frozen=True)
class Gate:
    """What the log offers for a policy.

    Parameters
    ----------
    passed : bool
    reason : str
        Why not, and what would help; "" when passed.
    ess, max_weight_share : float
        Effective sends, and the largest share of all weight on one send.
    matched, positives : ndarray, shape (n_personas,)
        Sends per persona that the policy would have sent too, and answers among them.
    explore_sends, explore_days : float
        Sends and days of exploring that would make it answer; 0 when passed, NaN days when the log does
        not say how long it took.
    """

    passed: bool
    reason: str
    ess: float
    max_weight_share: float
    matched: np.ndarray
    positives: np.ndarray
    explore_sends: float = 0.0
    explore_days: float = 0.0


def check_gate(log: Log, shares: np.ndarray, days: float | None) -> Gate:
    """Check a policy against a log."""
    weight = weigh(log, shares)
    n_personas = len(log.persona_ids)
    total = (weight * log.n).sum()
    ess = total**2 / max((weight**2 * log.n).sum(), 1e-300)
    largest = weight.max(initial=0) / total if total > 0 else 1.0
    hit = weight > 0
    matched = np.bincount(log.persona[hit], weights=log.n[hit], minlength=n_personas)
    positives = np.bincount(log.persona[hit], weights=log.hits[hit], minlength=n_personas)
    carriers = main_personas(log.traffic)
    why = _why_not(log, ess, largest, matched, positives, carriers)
    if not why:
        return Gate(True, "", ess, largest, matched, positives)
    sends, arms = _sends_needed(log, positives, carriers)
    took = sends / (log.n_sends / days) if days else np.nan
    span = f"about {math.ceil(took):,} days, " if days else ""
    help_text = (
        f"explore: {EXPLORED:.0%} of sends drawn evenly among {arms} arms for {span}{sends:,.0f} sends in all, "
        "would let it answer"
    )
    reason = f"this log cannot answer: {why[0]}{_more(why)}; {help_text}"
    return Gate(False, reason, ess, largest, matched, positives, sends, took)


def main_personas(traffic: np.ndarray) -> np.ndarray:
    """Return the largest personas that together carry 90 % of the sends.

    Examples
    --------
    >>> main_personas(np.array([50.0, 5.0, 45.0])).tolist()
    [0, 2]
    """
    order = np.argsort(-traffic, kind="stable")
    before = np.cumsum(traffic[order]) - traffic[order]
    return np.sort(order[before < TRAFFIC * traffic.sum() - 1e-9])


def _why_not(log: Log, ess, largest, matched, positives, carriers) -> list[str]:
    why = []
    for code in carriers:
        if matched[code] < MIN_MATCHED:
            why.append(f"{log.names[code]} got {matched[code]:,.0f} such sends ({MIN_MATCHED} asked for)")
        elif positives[code] < MIN_POSITIVES:
            why.append(
                f"{log.names[code]} answered {positives[code]:,.0f} such sends ({MIN_POSITIVES} asked for)"
            )
    if ess < MIN_ESS or ess < MIN_ESS_SHARE * log.n_sends:
        asked = max(MIN_ESS, math.ceil(MIN_ESS_SHARE * log.n_sends))
        why.append(f"the sends that match count for {ess:,.0f} ({asked:,} asked for)")
    if largest > MAX_WEIGHT_SHARE:
        why.append(f"one send would carry {largest:.0%} of the result ({MAX_WEIGHT_SHARE:.0%} allowed)")
    return why


def _more(why: list[str]) -> str:
    others = len(why) - 1
    return f", and {others} more reason{'s' * (others != 1)}" if others else ""


def _sends_needed(log: Log, positives, carriers) -> tuple[float, int]:
    """Return the sends after which exploring alone would satisfy the gate, and among how many arms."""
    # More than ten arms would leave each under 1 % of the sends, which the gate refuses again.
    arms = min(len(log.arms), round(EXPLORED / MIN_ESS_SHARE))
    chance = EXPLORED / arms
    traffic = log.traffic
    answers = np.bincount(log.persona, weights=log.hits, minlength=len(traffic))
    overall = (log.hits.sum() + 0.5) / (log.n_sends + 1)
    rate = (answers + 20 * overall) / (traffic + 20)  # the policy's own rate is what is not known
    matches = np.maximum(MIN_MATCHED, MIN_POSITIVES / rate[carriers])
    per_persona = matches / chance / (traffic[carriers] / traffic.sum())
    # A tenth more than on average: half of all explorations would fall short of the average.
    return float(math.ceil(1.1 * max(MIN_ESS / chance, per_persona.max()))), arms
