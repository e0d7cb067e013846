"""Arms drawn with logged chances: what each would have brought, had everybody got it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

LEAST_PROPENSITY, LEAST_EFFECTIVE, MOST_SHARE = 0.01, 200, 0.05  # as for off-policy estimates
CALIBRATED = (0.8, 1.25)  # a hundred sends to one person are not a hundred draws
RATES = ["option", "estimate", "variance", "n_users", "n_events", "p_drawn"]


def arm_rates(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Estimate each arm, every send weighing 1 / its chance.

    Parameters
    ----------
    frame : DataFrame
        Sends: code (of the user), arm, propensity, up.

    Returns
    -------
    DataFrame
        option, estimate (P(up) had all got the arm), variance (users being what was sampled), n_users,
        n_events, p_drawn (how likely as much more than what was sent would be, did the arm bring no more).
    list of str
        Why the log cannot answer; empty where it can.

    Notes
    -----
    Self-normalised inverse propensity weights. The arm and what was sent share sends, so the error of their
    difference is taken from each user's part in both.
    """
    chance = frame["propensity"].astype(float)
    usable = (chance >= LEAST_PROPENSITY) & (chance <= 1) & frame["arm"].notna()
    own = frame[usable].assign(weight=1 / chance[usable])
    rows, faults = [], []
    up, code = own["up"].to_numpy(dtype=float), own["code"].to_numpy()
    drawn = up.mean() if len(own) else np.nan
    for arm, part in own.groupby("arm", sort=True):
        w = np.where(own["arm"] == arm, own["weight"], 0.0)
        rate, n_eff = float((w * up).sum() / w.sum()), float(w.sum() ** 2 / (w**2).sum())
        own_part = w * (up - rate) / w.sum()
        variance = max(_by_user(own_part, code), 1e-9)
        apart = max(_by_user(own_part - (up - drawn) / len(own), code), 1e-12)
        p = float(stats.norm.sf((rate - drawn) / np.sqrt(apart))) if len(part) < len(own) else np.nan
        rows.append((str(arm), rate, variance, part["code"].nunique(), len(part), p))
        faults += overlap_faults(str(arm), w[w > 0], n_eff, len(own))
    if len(own) and (share := 1 - len(own) / len(frame)) > 0.05:
        faults.append(f"{share:.0%} of the sends have no usable propensity")
    return pd.DataFrame(rows, columns=RATES), faults


def _by_user(parts: np.ndarray, code: np.ndarray) -> float:
    """Return the variance of a sum, users being what was sampled."""
    sums = pd.Series(parts).groupby(code).sum().to_numpy()
    return float((sums**2).sum()) * len(sums) / max(len(sums) - 1, 1)


def overlap_faults(arm: str, weight: np.ndarray, n_eff: float, n: int) -> list[str]:
    """Say why the log cannot answer for an arm; nothing where it can."""
    sum_of_chances = weight.sum() / n
    if not CALIBRATED[0] <= sum_of_chances <= CALIBRATED[1]:
        return [
            f"the propensities of {arm} do not add up to how often it was sent ({sum_of_chances:.2f} of 1)"
        ]
    if n_eff < max(LEAST_EFFECTIVE, 0.01 * n):
        return [f"{arm} was sent to too few ({n_eff:.0f} after weighing, {LEAST_EFFECTIVE} are needed)"]
    if weight.max() / weight.sum() > MOST_SHARE:
        return [f"one send of {arm} would decide {weight.max() / weight.sum():.0%} of the answer"]
    return []
