"""From numbers to a verdict: how the chance of a false claim is spent, and what is said."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.measurement.effects import Effects
from segtool.measurement.shrinkage import Heterogeneity
from segtool.measurement.verdicts import (
    DIFFER_SHARE,
    HARM,
    MAY_DIFFER,
    NOT_TESTED,
    NOTHING,
    OVERALL_SHARE,
    PERSONA_SHARE,
    PROVED,
)  # fmt: skip

POWER = 0.8


def adjust(p: np.ndarray) -> np.ndarray:
    """Return Benjamini and Hochberg's q-values; missing p-values stay missing and do not count.

    Examples
    --------
    >>> adjust(np.array([0.01, 0.04, np.nan])).tolist()
    [0.02, 0.04, nan]
    """
    from statsmodels.stats.multitest import multipletests

    q, known = np.full(len(p), np.nan), np.isfinite(p)
    if known.any():
        q[known] = multipletests(p[known], method="fdr_bh")[1]
    return q


def smallest_seen(effects: Effects, alpha: float, power: float = POWER) -> np.ndarray:
    """Return the smallest effect that would have been found with the given power."""
    from scipy import stats

    reach = stats.t.ppf(1 - alpha / 2, effects.df) + stats.t.ppf(power, effects.df)
    return reach * np.sqrt(effects.variance)


def describe_differences(found: Heterogeneity, alpha: float) -> str:
    """Say in words whether personas differ.

    Examples
    --------
    >>> describe_differences(Heterogeneity(12, 9.0, 0.62, 0.0, 0.0, 0.1, 0.02), 0.05)
    'no sign that the personas differ (p = 0.62)'
    """
    if found.n_personas < 2 or not np.isfinite(found.p):
        return "fewer than two personas have enough users to be compared"
    if found.p < alpha * DIFFER_SHARE:
        return f"the personas differ (p = {found.p:.2g}; {found.i2:.0%} of the spread seen is not noise)"
    if found.p < MAY_DIFFER:
        return f"the personas may differ (p = {found.p:.2g}): too weak to tell apart from chance"
    return f"no sign that the personas differ (p = {found.p:.2g})"


def judge_overall(table: pd.DataFrame, primary: str, alpha: float, stopped: str) -> pd.DataFrame:
    """Add verdict and reason to everyone's effects.

    The primary metric has half of alpha for itself, shared among the arms. The other metrics stand in
    the family of the personas, by their q.
    """
    main = table["metric"] == primary
    own = alpha * OVERALL_SHARE / max(main.sum(), 1)
    rest = alpha if _answered(table[main], own, stopped) else alpha * PERSONA_SHARE
    said = []
    for row, is_main in zip(table.to_dict("records"), main, strict=True):
        letter, limit = ("p", own) if is_main else ("q", rest)
        sure = not stopped and _is_clear(row) and row[letter] < limit
        said.append(_say(row, sure, letter, stopped))
    return table.assign(verdict=[v for v, _ in said], reason=[r for _, r in said])


def _answered(rows: pd.DataFrame, limit: float, stopped: str) -> bool:
    """Say whether the main question has an answer: what was spent on it then passes to the next."""
    return not stopped and any(row["p"] < limit and _is_clear(row) for row in rows.to_dict("records"))


def _is_clear(row: dict) -> bool:
    return row["lo"] > 0 or row["hi"] < 0


def judge_personas(
    table: pd.DataFrame, overall: pd.DataFrame, found: dict, primary: str, alpha: float, stopped: str
) -> pd.DataFrame:
    """Add verdict and reason to the effects by persona.

    A persona's claim needs its own q and a shrunk interval that leaves out 0. Where the effect on everyone
    is proved and nothing says that personas differ, it holds for each persona whose interval agrees.
    """
    main = overall[overall["metric"] == primary]
    verdicts = dict(zip(main["arm"], main["verdict"], strict=True))
    answered = bool({PROVED, HARM} & set(verdicts.values()))
    limit = alpha if answered else alpha * PERSONA_SHARE
    said = []
    for row in table.to_dict("records"):
        for_all = verdicts[row["arm"]] if row["metric"] == primary else NOT_TESTED
        differ = found[row["metric"], row["arm"]]
        own = _is_clear(row) and row["q"] < limit and np.sign(row["estimate"]) == np.sign(row["raw"])
        carried = for_all in (PROVED, HARM) and differ.p >= MAY_DIFFER and _is_clear(row)
        if stopped or row["smallest"] == 0 or own:
            said.append(_say(row, own and not stopped, "q", stopped))
        elif carried and _agrees(row, for_all):
            said.append((for_all, _carried(row, differ)))
        else:
            said.append(_say(row, False, "q", stopped))
    return table.assign(verdict=[v for v, _ in said], reason=[r for _, r in said])


def _agrees(row: dict, verdict: str) -> bool:
    return row["estimate"] > 0 if verdict == PROVED else row["estimate"] < 0


def _say(row: dict, sure: bool, letter: str, stopped: str) -> tuple[str, str]:
    counts = f"({_n(row['n_treated'])} users against {_n(row['n_control'])} users in control)"
    if stopped:
        return NOT_TESTED, stopped
    if not np.isfinite(row["p"]):
        return NOT_TESTED, f"too few users for a result of its own {counts}"
    if sure:
        word, verdict = ("more", PROVED) if row["estimate"] > 0 else ("less", HARM)
        return verdict, (
            f"{abs(row['estimate']):.3g} {word} than control, between {row['lo']:.3g} and {row['hi']:.3g}, "
            f"{letter} = {row[letter]:.2g} {counts}"
        )
    if not row["smallest"] > 0:
        return NOTHING, f"everybody in both arms had the same outcome {counts}"
    return NOTHING, (
        f"the smallest effect that would have been found in four tests of five is {row['smallest']:.3g} {counts}"
    )


def _carried(row: dict, found: Heterogeneity) -> str:
    return (
        f"proved on everyone, and no sign that personas differ (p = {found.p:.2g}); too few here to prove it "
        f"alone ({_n(row['n_treated'])} users against {_n(row['n_control'])} users in control)"
    )


def _n(count: float) -> str:
    return f"{int(count):,}"
