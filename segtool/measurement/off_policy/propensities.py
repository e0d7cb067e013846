"""Whether logged propensities can be used: complete, possible, and in agreement with what was sent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from segtool.display import Shown
from segtool.measurement.off_policy.log import Log, read_log

# An arm that was sent 10 % more or less often than its propensities say spoils an estimate about as much;
# less than that is not worth a refusal, however surely it is known.
TOLERANCE = 0.10
LEVEL = 0.01  # of any false alarm among all personas and arms (Bonferroni)
SAME = 1e-9


@dataclass(frozen=True, repr=False, eq=False)
class PropensityCheck(Shown):
    """What `check_propensities` found.

    Parameters
    ----------
    usable : bool
        Whether weights can be made of them at all.
    reason : str
        In words; "" when nothing is wrong.
    counts : dict of str to int
        n, missing, zero (or below), above_one.
    table : DataFrame
        persona_id, persona, arm, n_sends, share (of the persona's sends), expected (share that the propensities
        promise), ratio, p, agrees.
    """

    usable: bool
    reason: str
    counts: dict[str, int]
    table: pd.DataFrame

    @property
    def agrees(self) -> bool:
        """Whether every arm was sent as often as its propensities say."""
        return bool(self.usable and self.table["agrees"].all())

    def to_pandas(self) -> pd.DataFrame:
        """Return the comparison by persona and arm."""
        return self.table.copy()

    def headline(self) -> str:
        """Return the finding in a sentence."""
        return self.reason or "The propensities are complete and agree with what was sent"


def check_propensities(sends: pd.DataFrame | Log) -> PropensityCheck:
    """Check the propensities of a log.

    Parameters
    ----------
    sends : DataFrame
        user_id, persona_id, arm, propensity, and outcome or n and hits.

    Returns
    -------
    PropensityCheck

    Notes
    -----
    If every arm could be drawn for every send, the sends of an arm, each counted ``1 / propensity`` times, make
    up the whole log. The ratio of the two is tested per persona and arm, clustered by user. A ratio under
    1 may also mean that the arm could not be sent to some of them.

    Examples
    --------
    >>> sends = pd.DataFrame({"user_id": list("abcd"), "persona_id": 1, "arm": list("xyxy"),
    ...                       "propensity": [50, 50, 50, 50], "outcome": [0, 1, 0, 0]})
    >>> print(check_propensities(sends).headline())
    4 of 4 propensities are above 1: they look like percent; divide them by 100
    """
    log = sends if isinstance(sends, Log) else read_log(sends)
    p, n = log.propensity, log.n
    counts = {
        "n": int(n.sum()),
        "missing": int(n[np.isnan(p)].sum()),
        "zero": int(n[p <= 0].sum()),
        "above_one": int(n[p > 1 + SAME].sum()),
    }
    broken = _broken(counts, p) or _nothing_drawn(log)
    if broken:
        return PropensityCheck(False, broken, counts, pd.DataFrame(columns=["agrees"], dtype=bool))
    table = _compare(log)
    return PropensityCheck(True, _disagreement(table), counts, table)


def _broken(counts: dict[str, int], p: np.ndarray) -> str:
    n = counts["n"]
    if counts["missing"]:
        return (
            f"{counts['missing']:,} of {n:,} propensities are missing: it is not known with what chance those sends "
            "were chosen; leave them out yourself if you know that they are a stretch of time, or write them down"
        )
    if counts["zero"]:
        return (
            f"{counts['zero']:,} of {n:,} propensities are 0 or below, yet those sends were sent: the column is not "
            "the chance with which the arm was drawn"
        )
    if counts["above_one"]:
        percent = counts["above_one"] == n or (p.max() <= 100 and p.min() >= 1)
        what = "they look like percent; divide them by 100" if percent else "a chance is at most 1"
        return f"{counts['above_one']:,} of {n:,} propensities are above 1: {what}"
    return ""


def _nothing_drawn(log: Log) -> str:
    p, k, n = log.propensity, len(log.arms), int(log.n_sends)
    if k == 1:
        return f"all {n:,} sends have the same arm: a log of one arm says nothing of another"
    if p.min() > 1 - 1e-6:
        return f"all {n:,} propensities are 1: nothing was drawn by chance, so nothing can be compared"
    if np.ptp(p) < SAME and abs(k * p[0] - 1) > TOLERANCE:
        return (
            f"all {n:,} propensities are {p[0]:.3g}, while {k} arms were sent: equal chances would be {1 / k:.3g} "
            "each; the column is a constant, not the chance of the arm"
        )
    return ""


def _compare(log: Log) -> pd.DataFrame:
    rows = []
    for code, key in enumerate(log.persona_ids):
        mine = log.rows(log.persona == code)
        total = mine.n_sends
        sent = mine.by_user(mine.n)
        for arm, name in enumerate(log.arms):
            own = mine.n * (mine.arm == arm)
            if not own.any():
                continue  # it may never have been on offer here
            stood_for = mine.by_user(own / mine.propensity)
            ratio = stood_for.sum() / total
            spread = np.sqrt(((stood_for - sent) ** 2).sum()) / total
            p = 2 * stats.norm.sf(abs(ratio - 1) / max(spread, 1e-12))
            expected = float((own.sum() / total) / ratio)
            rows.append((key, log.names[code], name, int(own.sum()), own.sum() / total, expected, ratio, p))
    columns = ["persona_id", "persona", "arm", "n_sends", "share", "expected", "ratio", "p"]
    table = pd.DataFrame(rows, columns=columns)
    off = (table["p"] < LEVEL / len(table)) & ((table["ratio"] - 1).abs() > TOLERANCE)
    return table.assign(agrees=~off)


def _disagreement(table: pd.DataFrame) -> str:
    off = table[~table["agrees"]]
    if off.empty:
        return ""
    # Sent more often than promised is always wrong; less often may be an arm that was not for everybody.
    worst = off.loc[off["ratio"].idxmax()] if (off["ratio"] > 1).any() else off.loc[off["ratio"].idxmin()]
    rest = f"; so are {len(off) - 1:,} more" if len(off) > 1 else ""
    return explain_disagreement(worst) + rest


def explain_disagreement(row) -> str:
    """Say in words how an arm was sent otherwise than its propensities say.

    Parameters
    ----------
    row : Series or named tuple
        Of the table of `check_propensities`.
    """
    if row.ratio > 1:
        return (
            f"{row.arm} was {row.share:.0%} of the sends to {row.persona} where its propensities promise "
            f"{row.expected:.0%}: they are not those it was drawn with"
        )
    return (
        f"{row.arm} could not be sent to all of {row.persona}, or its propensities are too large: they account "
        f"for {row.ratio:.0%} of the sends"
    )
