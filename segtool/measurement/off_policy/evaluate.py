"""What a plan would bring, estimated from a log before anything is sent, or refused with the reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.checks import check_in, check_number
from segtool.display import Shown
from segtool.errors import InputError
from segtool.measurement.off_policy.estimators import ESTIMATORS, Value, weigh
from segtool.measurement.off_policy.gate import Gate, check_gate
from segtool.measurement.off_policy.log import Log, read_log
from segtool.measurement.off_policy.policy import read_policy
from segtool.measurement.off_policy.propensities import (
    PropensityCheck,
    check_propensities,
    explain_disagreement,
)

METHODS = ("auto", *ESTIMATORS)


@dataclass(frozen=True, repr=False, eq=False)
class OffPolicy(Shown):
    """The value of a policy; made by `evaluate_policy`.

    Parameters
    ----------
    value, lo, hi : float
        Answers per send and the interval; NaN when the gate refuses.
    worst_lo, worst_hi : float
        The bounds if nobody, or everybody, answered what the log has no counterpart for; the interval where
        it has one for all. Given also when the gate refuses.
    logged : float
        Answers per send of what was sent.
    n, n_matched : int
        Sends of the log, and those that the policy would have sent too.
    ess, max_weight_share : float
    gate : bool
        Whether the log can answer.
    reason : str
        Why it cannot, and what exploring would make it; what is left out when it can; "" for neither.
    explore_sends, explore_days : float
        That exploration: sends in all and days; 0 when the gate is passed.
    method : str
    confidence : float
    table : DataFrame
        persona_id, persona, traffic (share of sends), value, lo, hi, logged, n_sends, n_matched, n_positives,
        n_users (with a matched send), covered (share of the policy that the log has a counterpart for).
    """

    value: float
    lo: float
    hi: float
    worst_lo: float
    worst_hi: float
    logged: float
    n: int
    n_matched: int
    ess: float
    max_weight_share: float
    gate: bool
    reason: str
    explore_sends: float
    explore_days: float
    method: str
    confidence: float
    table: pd.DataFrame

    def to_pandas(self) -> pd.DataFrame:
        """Return the values by persona."""
        return self.table.copy()

    def headline(self) -> str:
        """Return the answer, or the refusal, in a sentence."""
        if not self.gate:
            return f"Refused: {self.reason}"
        return (
            f"{100 * self.value:.2f} answers per 100 sends ({100 * self.lo:.2f} to {100 * self.hi:.2f}), against "
            f"{100 * self.logged:.2f} of what was sent; {self.n_matched:,} of {self.n:,} sends match"
        )


def evaluate_policy(
    sends: pd.DataFrame,
    policy,
    *,
    method: str = "auto",
    confidence: float = 0.9,
    days: float | None = None,
    random_state: int = 0,
) -> OffPolicy:
    """Estimate what a policy would have brought on the traffic of a log.

    Parameters
    ----------
    sends : DataFrame
        One row per send: user_id, persona_id, arm, propensity (the chance with which the arm was drawn) and
        outcome (0 or 1); or sums, with n and hits instead of outcome, as from `read_logged_sends`.
    policy : str or mapping
        An arm for all; ``{persona_id: arm}``; or ``{persona_id: {arm: share}}``.
    method : {"auto", "stratified", "snips", "ipw", "dr"}
        "auto" is "stratified", whose interval held in every set-up tried (benchmarks/off_policy.py).
    confidence : float
    days : float, optional
        What the log spans, to say an exploration in days; else from ``sends.attrs["days"]``.
    random_state : int
        Of the draws behind the interval of "stratified".

    Returns
    -------
    OffPolicy

    Raises
    ------
    InputError
        If propensities are missing, 0, above 1 or constant, or the log has one arm only.

    Notes
    -----
    The gate asks for 200 effective sends and 1 % of all, at most 5 % of the weight on one send, and in each of
    the personas that carry 90 % of the sends 30 matched sends and 5 answers; and that the arms of the policy
    were sent as often as their propensities say.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> arm = rng.choice(["a", "b"], 4000, p=[0.8, 0.2])
    >>> sends = pd.DataFrame({"user_id": np.arange(4000) % 500, "persona_id": 1, "arm": arm,
    ...                       "propensity": np.where(arm == "a", 0.8, 0.2),
    ...                       "outcome": (rng.random(4000) < np.where(arm == "a", 0.05, 0.15)).astype(int)})
    >>> result = evaluate_policy(sends, "b")
    >>> result.gate, bool(result.lo < 0.15 < result.hi)
    (True, True)
    >>> evaluate_policy(sends.head(300), "b").gate
    False
    """
    check_in("method", method, METHODS)
    check_number("confidence", confidence, low=0.5, high=1, low_open=True, high_open=True)
    days = days if days is not None else sends.attrs.get("days")
    log = read_log(sends)
    check = usable_propensities(log)
    return evaluate_log(log, policy, check, method, confidence, days, random_state)


def usable_propensities(log: Log) -> PropensityCheck:
    """Check propensities, and refuse those no weights can be made of."""
    check = check_propensities(log)
    if not check.usable:
        raise InputError(
            f"{check.reason}.",
            "for each send the chance, above 0 and at most 1, with which its arm was drawn.",
            "Write the chance down when the arm is drawn: draw_arms gives it.",
        )
    return check


def evaluate_log(
    log: Log, policy, check: PropensityCheck, method, confidence, days, seed, only: int | None = None
) -> OffPolicy:
    """Evaluate a policy on a log whose propensities were checked; ``only`` one persona of it."""
    if only is not None:
        log = log.rows(log.persona == only)
    shares = read_policy(policy, log)
    gate = check_gate(log, shares, days)
    doubt = _disagreeing(log, shares, check)
    estimate = ESTIMATORS["stratified" if method == "auto" else method](log, shares, confidence, seed)
    covered = _covered(log, shares)
    worst = _worst_case(estimate, covered, log.traffic)
    passed = gate.passed and not doubt
    part = covered @ (log.traffic / log.n_sends)
    left_out = (
        f"{1 - part:.0%} of what the policy sends was never sent, and is not in this value"
        if part < 1
        else ""
    )
    refused = np.nan
    return OffPolicy(
        value=estimate.value if passed else refused,
        lo=estimate.lo if passed else refused,
        hi=estimate.hi if passed else refused,
        worst_lo=worst[0],
        worst_hi=worst[1],
        logged=float(log.hits.sum() / log.n_sends),
        n=int(log.n_sends),
        n_matched=int(gate.matched.sum()),
        ess=float(gate.ess),
        max_weight_share=float(gate.max_weight_share),
        gate=passed,
        reason=(gate.reason or f"this log cannot answer: {doubt}") if not passed else left_out,
        explore_sends=gate.explore_sends,
        explore_days=gate.explore_days,
        method="stratified" if method == "auto" else method,
        confidence=confidence,
        table=_table(log, shares, gate, estimate, covered, passed),
    )


def _disagreeing(log: Log, shares: np.ndarray, check: PropensityCheck) -> str:
    """Say which arm of the policy was not sent as its propensities promise."""
    present = {log.persona_ids[code]: code for code in np.unique(log.persona)}
    off = check.table[~check.table["agrees"].astype(bool)].sort_values(
        "ratio", ascending=False, kind="stable"
    )
    for row in off.itertuples():
        if row.persona_id in present and shares[present[row.persona_id], log.arms.index(row.arm)] > 0:
            return explain_disagreement(row)
    return ""


def _covered(log: Log, shares: np.ndarray) -> np.ndarray:
    """Return the share of the policy in each persona that the log has matched sends for."""
    seen = np.zeros_like(shares)
    seen[log.persona, log.arm] = 1.0
    return np.minimum((shares * seen).sum(axis=1), 1.0).round(12)


def _worst_case(estimate: Value, covered, traffic) -> tuple[float, float]:
    """Return the bounds if nobody, or everybody, answered what has no counterpart."""
    part = traffic / traffic.sum()
    if (covered >= 1)[traffic > 0].all():
        return estimate.lo, estimate.hi
    if not np.isfinite(estimate.value):
        return 0.0, 1.0
    known = float(part @ covered)
    return known * estimate.lo, min(known * estimate.hi + 1 - known, 1.0)


def _table(log: Log, shares, gate: Gate, estimate: Value, covered, passed: bool) -> pd.DataFrame:
    size = len(log.persona_ids)
    answers = np.bincount(log.persona, weights=log.hits, minlength=size)
    hit = weigh(log, shares) > 0
    pairs = np.unique(log.persona[hit] * (log.user.max() + 1) + log.user[hit])
    users = np.bincount(pairs // (log.user.max() + 1), minlength=size)
    traffic = log.traffic
    table = pd.DataFrame(
        {
            "persona_id": log.persona_ids,
            "persona": log.names,
            "traffic": traffic / traffic.sum(),
            "value": estimate.by_persona if passed else np.nan,
            "lo": estimate.lo_by_persona if passed else np.nan,
            "hi": estimate.hi_by_persona if passed else np.nan,
            "logged": np.divide(answers, traffic, out=np.full(size, np.nan), where=traffic > 0),
            "n_sends": traffic.astype(int),
            "n_matched": gate.matched.astype(int),
            "n_positives": gate.positives.astype(int),
            "n_users": users,
            "covered": covered,
        }
    )
    return table[traffic > 0].reset_index(drop=True)
