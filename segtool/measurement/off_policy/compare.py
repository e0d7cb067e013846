"""Each arm against what was sent, persona by persona, and the evidence that gives a plan."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from segtool.errors import InputError
from segtool.measurement.off_policy.estimators import weigh
from segtool.measurement.off_policy.evaluate import evaluate_log, usable_propensities
from segtool.measurement.off_policy.log import Log, read_log
from segtool.measurement.off_policy.policy import read_policy
from segtool.verdicts import ASSOCIATED, LOGGED

LEVEL = 0.05  # share of false ones among the arms called better (Benjamini and Hochberg)
MAX_ARMS = 60  # with most sends; more would be a table nobody reads, and a test nobody passes
COLUMNS = [
    "persona_id", "persona", "arm", "value", "lo", "hi", "logged", "gain", "gain_lo", "gain_hi", "p", "q",
    "n_users", "n_matched", "ess", "gate", "better", "reason",
]  # fmt: skip
EVIDENCE = [
    "persona_id", "persona", "aspect", "advice", "estimate", "unit", "lo", "hi", "n_users", "n_events",
    "verdict", "reason",
]  # fmt: skip


def compare_arms(
    sends: pd.DataFrame, *, confidence: float = 0.9, days: float | None = None, random_state: int = 0
) -> pd.DataFrame:
    """Estimate, for each persona, what sending one arm to all of it would have brought.

    Parameters
    ----------
    sends : DataFrame
        As for `evaluate_policy`.
    confidence : float
    days : float, optional
    random_state : int

    Returns
    -------
    DataFrame
        persona_id, persona, arm, value, lo, hi (answers per send), logged (of what the persona was sent), gain (value
        less logged) with gain_lo and gain_hi, p (one-sided), q (false-discovery adjusted over all rows), n_users
        and n_matched (with a matched send), ess, gate, better (gate and q under .05 and a gain), reason.

    Raises
    ------
    InputError
        As `evaluate_policy`.
    """
    from statsmodels.stats.multitest import multipletests

    days = days if days is not None else sends.attrs.get("days")
    log = read_log(sends)
    check = usable_propensities(log)
    size = np.bincount(log.arm, weights=log.n, minlength=len(log.arms))
    arms = np.sort(np.argsort(-size, kind="stable")[:MAX_ARMS])
    rows = []
    for code, key in enumerate(log.persona_ids):
        for arm in arms:
            name = log.arms[arm]
            found = evaluate_log(log, name, check, "stratified", confidence, days, random_state, only=code)
            own = found.table.iloc[0]
            gain, lo, hi, p = _gain(log.rows(log.persona == code), read_policy(name, log), confidence)
            told = found.gate
            blank = np.nan
            rows.append(
                (key, log.names[code], name, found.value, found.lo, found.hi, found.logged)
                + ((gain, lo, hi, p) if told else (blank, blank, blank, blank))
                + (blank, int(own["n_users"]), found.n_matched, found.ess, told, False, found.reason)
            )
    table = pd.DataFrame(rows, columns=COLUMNS)
    tested = table["p"].notna()
    if tested.any():
        table.loc[tested, "q"] = multipletests(table.loc[tested, "p"], method="fdr_bh")[1]
    return table.assign(better=(table["q"] < LEVEL) & (table["gain"] > 0))


def _gain(log: Log, shares, confidence: float) -> tuple[float, float, float, float]:
    """Return value less what was sent, clustered by user: both are of the same people."""
    weight = weigh(log, shares)
    total, n = (weight * log.n).sum(), log.n_sends
    if total <= 0:
        return np.nan, np.nan, np.nan, 1.0
    value, logged = (weight * log.hits).sum() / total, log.hits.sum() / n
    pull = weight * (log.hits - value * log.n) / total - (log.hits - logged * log.n) / n
    residual = log.by_user(pull)
    users = int((log.by_user(weight * log.n) > 0).sum())
    spread = np.sqrt((residual**2).sum() * users / max(users - 1, 1))
    df = max(users - 1, 1)
    gain, reach = value - logged, stats.t.ppf(0.5 + confidence / 2, df) * spread
    return gain, gain - reach, gain + reach, float(stats.t.sf(gain / max(spread, 1e-12), df))


def logged_evidence(
    sends: pd.DataFrame, *, confidence: float = 0.9, days: float | None = None, random_state: int = 0
) -> pd.DataFrame:
    """Say which arms the log supports for which persona, in the form that a plan's advice joins.

    Parameters
    ----------
    sends : DataFrame
        As from `read_logged_sends`: ``attrs["arms_are"]`` "topic" makes the arms advice on topics.
    confidence : float
    days : float, optional
    random_state : int

    Returns
    -------
    DataFrame
        persona_id, persona, aspect ("arm", "topic" or "item"), advice (the arm), estimate (answers per send), unit, lo,
        hi, n_users, n_events (matched sends), verdict, reason. "supported by logged propensities" are arms that
        surely brought more than what was sent; the rest is "associated only", and is left out where
        arms are topics or items. Logs whose propensities cannot be used give no rows, and the reason in
        ``attrs["reason"]``.
    """
    aspect = sends.attrs.get("arms_are", "arm")
    try:
        table = compare_arms(sends, confidence=confidence, days=days, random_state=random_state)
    except InputError as refusal:
        empty = pd.DataFrame(columns=EVIDENCE)
        empty.attrs["reason"] = str(refusal.found)
        return empty
    if aspect != "arm":
        table = table[table["better"]]
    noun = "opens" if sends.attrs.get("outcome") == "opened" else "answers"
    made = pd.DataFrame(
        {
            "persona_id": table["persona_id"],
            "persona": table["persona"],
            "aspect": aspect,
            "advice": table["arm"],
            "estimate": table["value"],
            "unit": f"{noun} per send",
            "lo": table["lo"],
            "hi": table["hi"],
            "n_users": table["n_users"],
            "n_events": table["n_matched"],
            "verdict": np.where(table["better"], LOGGED, ASSOCIATED),
            "reason": [_reason(row, noun) for row in table.itertuples()],
        },
        columns=EVIDENCE,
    )
    made.attrs["reason"] = ""
    return made.reset_index(drop=True)


def _reason(row, noun: str) -> str:
    if not row.gate:
        return row.reason
    says = "more than" if row.better else "less than" if row.gain_hi < 0 else "not surely more than"
    return (
        f"sent to all it would bring {100 * row.value:.1f} {noun} per 100 sends ({100 * row.lo:.1f} to "
        f"{100 * row.hi:.1f}), {says} the {100 * row.logged:.1f} of what was sent (difference "
        f"{100 * row.gain:+.1f}, {100 * row.gain_lo:+.1f} to {100 * row.gain_hi:+.1f}); from {row.n_matched:,} sends "
        f"drawn with a known chance ({row.n_users:,} users)"
    )
