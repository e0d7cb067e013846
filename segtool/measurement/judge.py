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
from segtool.measurement.wording import say_between, say_size

POWER = 0.8
STEPS = 12  # towards an effect that is as large as its own error asks for
READ_LATER = "whether the personas differ is read once, at the planned end"


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


def smallest_seen(
    effects: Effects,
    limit: float,
    power: float = POWER,
    *,
    at_any_look: np.ndarray | None = None,
    yes_no: bool = False,
) -> np.ndarray:
    """Return the smallest effect that would have been found with the given power.

    Parameters
    ----------
    effects : Effects
    limit : float
        What a p-value has to be below: the share of alpha that the claim has, by the number of claims
        that it is shared among.
    power : float
    at_any_look : ndarray, optional
        Standard errors that a limit for any look asks for, where there is one.
    yes_no : bool
        Whether outcomes are 0 and 1: an effect then changes their variance.
    """
    from scipy import stats

    asked = stats.t.ppf(1 - limit / 2, effects.df)
    if at_any_look is not None:
        asked = np.fmax(asked, at_any_look)
    se, spare = np.sqrt(effects.variance), stats.t.ppf(power, effects.df)
    smallest = plain = (asked + spare) * se
    for _ in range(STEPS if yes_no else 0):
        of_test, of_effect = _widen(effects, smallest)
        smallest = np.fmax((asked * of_test + spare * of_effect) * se, plain)
    return smallest


def _widen(effects: Effects, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many times larger a share's error is once the arms differ by so much.

    First that of the test, which draws the arms again (all users' share), then that of the effect.
    """
    n_c, n_t = effects.n_control, effects.n_treated
    with np.errstate(divide="ignore", invalid="ignore"):
        part = n_t / (n_c + n_t)
        base = (1 - part) * effects.rate_control + part * effects.rate_treated
        raised = np.minimum(np.where(base + size <= 1, base + size, np.maximum(base - size, 0)), 1)
        mixed = base + part * (raised - base)
        usual = base * (1 - base) * (1 / n_c + 1 / n_t)
        test = mixed * (1 - mixed) * (1 / n_c + 1 / n_t) / usual
        effect = (base * (1 - base) / n_c + raised * (1 - raised) / n_t) / usual
    return tuple(np.sqrt(np.where(np.isfinite(ratio), ratio, 1.0)) for ratio in (test, effect))


def share_alpha(alpha: float, n_arms: int, n_metrics: int, n_personas: int) -> tuple[float, float]:
    """Return what p has to be below: of everyone's primary effect, and of one claim of the others alone.

    Examples
    --------
    >>> primary, others = share_alpha(0.05, n_arms=1, n_metrics=2, n_personas=9)
    >>> round(primary, 4), round(others, 4)
    (0.025, 0.0011)
    """
    n_others = n_arms * (n_metrics * n_personas + n_metrics - 1)
    return alpha * OVERALL_SHARE / n_arms, alpha * PERSONA_SHARE / max(n_others, 1)


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
        said.append(_say(row, sure, letter, limit, stopped))
    return table.assign(verdict=[v for v, _ in said], reason=[r for _, r in said])


def _answered(rows: pd.DataFrame, limit: float, stopped: str) -> bool:
    """Say whether the main question has an answer: what was spent on it then passes to the next."""
    return not stopped and any(row["p"] < limit and _is_clear(row) for row in rows.to_dict("records"))


def _is_clear(row: dict) -> bool:
    return row["lo"] > 0 or row["hi"] < 0


def judge_personas(
    table: pd.DataFrame,
    overall: pd.DataFrame,
    found: dict,
    primary: str,
    alpha: float,
    stopped: str,
    early: bool = False,
) -> pd.DataFrame:
    """Add verdict and reason to the effects by persona.

    A persona's claim needs its own q and a shrunk interval that leaves out 0. Where the effect on everyone
    is proved and nothing says that personas differ, it holds for each persona whose interval agrees; not
    before the planned end (``early``), since whether they differ is tested for one look.
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
        carried = not early and for_all in (PROVED, HARM) and differ.p >= MAY_DIFFER and _is_clear(row)
        if stopped or row["smallest"] == 0 or own:
            said.append(_say(row, own and not stopped, "q", limit, stopped))
        elif carried and _agrees(row, for_all):
            said.append((for_all, _carried(row, differ)))
        else:
            said.append(_say(row, False, "q", limit, stopped))
    return table.assign(verdict=[v for v, _ in said], reason=[r for _, r in said])


def _agrees(row: dict, verdict: str) -> bool:
    return row["estimate"] > 0 if verdict == PROVED else row["estimate"] < 0


def _say(row: dict, sure: bool, letter: str, limit: float, stopped: str) -> tuple[str, str]:
    counts = f"({_n(row['n_treated'])} users against {_n(row['n_control'])} users in control)"
    if stopped:
        return NOT_TESTED, stopped
    if not np.isfinite(row["p"]):
        return NOT_TESTED, f"too few users for a result of its own {counts}"
    if sure:
        word, verdict, turn = ("more", PROVED, 1) if row["estimate"] > 0 else ("less", HARM, -1)
        ends = sorted((turn * row["lo"], turn * row["hi"]))
        size = say_between(abs(row["estimate"]), *ends, row["rate"], after=f" {word} than control")
        return verdict, f"{size}, {letter} = {row[letter]:.2g} {counts}"
    if not row["smallest"] > 0:
        return NOTHING, f"everybody in both arms had the same outcome {counts}"
    return NOTHING, (
        f"{_unsure(row, letter, limit)}the smallest effect that would have been found in four tests of five "
        f"is {say_size(row['smallest'], row['rate'])} {counts}"
    )


def _unsure(row: dict, letter: str, limit: float) -> str:
    """Say why nothing is claimed though the interval beside it leaves out 0."""
    if not _is_clear(row):
        return ""
    if letter == "p":
        return f"the interval leaves out 0, but p has to be below {limit:.2g} (p = {row['p']:.2g}); "
    n = int(row["n_compared"])
    after = f"not after {n} comparisons" if n > 1 else f"{limit:.2g} is asked for"
    return f"the interval leaves out 0, but {after} (q = {row['q']:.2g}); "


def _carried(row: dict, found: Heterogeneity) -> str:
    return (
        f"proved on everyone, and no sign that personas differ (p = {found.p:.2g}); too few here to prove it "
        f"alone ({_n(row['n_treated'])} users against {_n(row['n_control'])} users in control)"
    )


def _n(count: float) -> str:
    return f"{int(count):,}"
