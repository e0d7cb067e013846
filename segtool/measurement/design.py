"""Before the start: what a test of this size could find, for everyone and for each persona."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from segtool.checks import check_columns, check_number
from segtool.display import Shown, join_words
from segtool.errors import InputError, ParameterError
from segtool.measurement.arms import check_arms
from segtool.measurement.intake import join_personas, read_covariates, read_numbers, read_persona_codes

COLUMNS = [
    "persona_id", "persona", "n_users", "n_control", "n_treated", "base", "sd", "detectable",
    "detectable_relative", "detectable_strict", "users_needed", "power", "merge_with", "advice",
]  # fmt: skip
ENOUGH, MERGE, ALONE = "enough users", "merge", "only everyone's effect can be measured"
MIN_PER_ARM = 5  # users per arm below which no formula of power is to be trusted


@dataclass(frozen=True, repr=False, eq=False)
class Design(Shown):
    """What a planned test can find.

    Attributes
    ----------
    table : DataFrame, one row per persona
        persona_id, persona, n_users, n_control, n_treated (in the smallest other arm), base (mean of the
        past window, or ratio), sd (per user, what covariates explain taken out), detectable (smallest
        effect found with the power asked for), detectable_relative (of the base), detectable_strict (the
        same if this persona alone had an effect and the false-discovery rate is kept), users_needed (for
        the wished effect), power (for it), merge_with, advice.
    overall : DataFrame
        The same for everyone, one row.
    notes : tuple of str
    effect, alpha, power : float
        The wished relative effect, and the test's errors.
    """

    table: pd.DataFrame
    overall: pd.DataFrame
    notes: tuple[str, ...]
    effect: float
    alpha: float
    power: float

    def to_pandas(self) -> pd.DataFrame:
        """Return everyone's row, then the personas'."""
        tables = [self.overall, self.table] if len(self.table) else [self.overall]
        return pd.concat([each.astype({"persona_id": "Int64"}) for each in tables], ignore_index=True)

    def headline(self) -> str:
        """Say what can be found, over all and by persona."""
        row = self.overall.iloc[0]
        said = f"Everyone ({row['n_users']:,} users): {_in_words(row)}"
        if len(self.table):
            n = int((self.table["advice"] == ENOUGH).sum())
            said += f"; {n} of {len(self.table)} personas have enough users for {self.effect:+.0%}"
        return said + "."


def design_test(
    past: pd.DataFrame,
    *,
    arms: Mapping[str, float],
    control: str = "control",
    outcome: str = "outcome",
    denominator: str | None = None,
    covariates: str | tuple[str, ...] | None = None,
    personas=None,
    effect: float = 0.1,
    alpha: float = 0.05,
    power: float = 0.8,
    n_metrics: int = 1,
) -> Design:
    """Say before a launch what the test could find, and which personas are too small for it.

    Parameters
    ----------
    past : DataFrame, one row per user
        ``user_id``, the outcome over a past window as long as the campaign; optionally its denominator,
        covariates from before that window, persona_id and persona. As from `read_past`.
    arms : mapping
        Arm -> share, as for `assign_arms`.
    control : str
    outcome, denominator : str
        A column ``<outcome>_per`` is the denominator if none is named.
    covariates : str or tuple of str, optional
        Columns ``<outcome>_before`` and ``<outcome>_before_per`` if none are named.
    personas : Personas or DataFrame, optional
    effect : float
        The wished effect, relative to the base: 0.1 is a tenth more.
    alpha, power : float
    n_metrics : int
        Metrics that will be read; they share the false-discovery rate with the personas.

    Returns
    -------
    Design

    Raises
    ------
    InputError
        If a column is missing or nobody's outcome is known.
    ParameterError
        If a number is out of range, or control is not among the arms.

    Notes
    -----
    ``detectable = (z(1 - alpha / 2) + z(power)) sd sqrt(1 / n_control + 1 / n_treated)`` with the sd of
    users (of a ratio: by the delta method). ``detectable_strict`` divides alpha by the number of
    personas, arms and metrics, the first step of Benjamini and Hochberg: the truth lies between.

    Examples
    --------
    >>> past = pd.DataFrame({"user_id": [f"u{i}" for i in range(4000)], "outcome": [1, 0, 0, 0] * 1000,
    ...                      "persona_id": [1] * 3800 + [2] * 200})
    >>> design = design_test(past, arms={"control": 0.5, "spring": 0.5}, effect=0.2)
    >>> design.table[["persona_id", "n_control", "detectable", "users_needed", "power"]].round(3)
       persona_id  n_control  detectable  users_needed  power
    0           1       1900       0.039          2356  0.945
    1           2        100       0.172          2367  0.129
    """
    shares = _check(arms, control, effect, alpha, power, n_metrics)
    (value, left), persona, ids, names, notes = _read(past, outcome, denominator, covariates, personas)
    smallest = min(share for name, share in shares.items() if name != control)
    plan = (shares[control], smallest, effect, alpha, power)
    overall = pd.DataFrame([_row(None, "everyone", value, left, plan, len(shares) - 1)])
    n_tests = max(len(ids), 1) * (len(shares) - 1) * n_metrics
    rows = [
        _row(number, name, value[persona == k], left[persona == k], plan, n_tests)
        for k, (number, name) in enumerate(zip(ids, names, strict=True))
    ]
    table = _advise(pd.DataFrame(rows, columns=COLUMNS), plan)
    overall["advice"] = ENOUGH if overall["power"].iloc[0] >= power else "too few users for the wished effect"
    notes += _notes(table, overall, len(shares), n_tests, effect, power)
    return Design(table, overall, tuple(notes), effect, alpha, power)


def _check(arms, control, effect, alpha, power, n_metrics) -> dict[str, float]:
    shares = check_arms(arms)
    if control not in shares:
        raise ParameterError(f"control is {control!r}.", f"one of the arms: {', '.join(shares)}.")
    check_number("effect", abs(effect), low=0, low_open=True)
    check_number("alpha", alpha, low=0, high=0.5, low_open=True)
    check_number("power", power, low=0.05, high=0.999)
    check_number("n_metrics", n_metrics, low=1, integer=True)
    return {name: float(arms[name]) for name in shares}


def _read(past, outcome, denominator, covariates, personas):
    """Return one value per user whose mean is the metric, and the same cleared of what covariates explain."""
    check_columns(past.columns, ["user_id", outcome], "past")
    if past["user_id"].duplicated().any():
        raise InputError("past names some users more than once.", "one row per user.")
    table = join_personas(past.assign(user_id=past["user_id"].astype("str")), personas)
    y, notes = read_numbers(table[outcome], outcome), list(past.attrs.get("notes", ()))
    known = np.isfinite(y)
    denominator = denominator or (f"{outcome}_per" if f"{outcome}_per" in table else None)
    if denominator:
        per = read_numbers(table[denominator], denominator)
        known &= np.isfinite(per)
    if not known.any():
        raise InputError("Nobody's outcome is known.", "numbers in the column of the outcome.")
    if (~known).any():
        notes.append(f"{int((~known).sum()):,} users are left out: their outcome is not known.")
    persona, ids, names = read_persona_codes(table)
    y, persona = y[known], persona[known]
    if denominator:
        if per[known].sum() <= 0:
            raise InputError(f"{denominator} sums to 0.", "a past in which it happened.")
        ratio = y.sum() / per[known].sum()
        y = (y - ratio * per[known]) / per[known].mean() + ratio
    if covariates is None:
        covariates = tuple(c for c in (f"{outcome}_before", f"{outcome}_before_per") if c in table)
    before = read_covariates(table, (covariates,) if isinstance(covariates, str) else covariates, known)
    return (y, _cleared(y, before, notes)), persona, ids, names, notes


def _cleared(y: np.ndarray, before: np.ndarray | None, notes: list[str]) -> np.ndarray:
    if before is None or y.std() == 0:
        return y
    centred = before - before.mean(axis=0)
    explained = centred @ np.linalg.lstsq(centred, y - y.mean(), rcond=1e-8)[0]
    share = explained.var() / y.var()
    notes.append(f"The time before explains {share:.0%} of the variance; the numbers count on it.")
    return y - explained


def _row(persona_id, persona, value, left, plan, n_tests) -> dict:
    control, treated, effect, alpha, power = plan
    n = len(value)
    base, sd = (float(value.mean()), float(left.std(ddof=1))) if n > 1 else (np.nan, np.nan)
    n_control, n_treated = n * control, n * treated
    fits = min(n_control, n_treated) >= MIN_PER_ARM and sd > 0
    se = sd * np.sqrt(1 / n_control + 1 / n_treated) if fits else np.nan
    wish = abs(effect * base)
    return {
        "persona_id": persona_id,
        "persona": persona,
        "n_users": n,
        "n_control": round(n_control),
        "n_treated": round(n_treated),
        "base": base,
        "sd": sd,
        "detectable": _reach(alpha, power) * se,
        "detectable_relative": _reach(alpha, power) * se / abs(base) if base else np.nan,
        "detectable_strict": _reach(alpha / n_tests, power) * se,
        "users_needed": _needed(sd, wish, control, treated, alpha, power),
        "power": _power(wish, se, alpha),
        "merge_with": "",
        "advice": "",
    }


def _reach(alpha: float, power: float) -> float:
    return float(stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power))


def _power(wish: float, se: float, alpha: float) -> float:
    z = stats.norm.ppf(1 - alpha / 2)
    return float(stats.norm.cdf(wish / se - z) + stats.norm.cdf(-wish / se - z)) if se > 0 else np.nan


def _needed(sd, wish, control, treated, alpha, power):
    """Return users in the whole test; missing where the past shows nothing to be raised."""
    if not (sd > 0 and wish > 0):
        return pd.NA
    return int(np.ceil((_reach(alpha, power) * sd / wish) ** 2 * (1 / control + 1 / treated)))


def _advise(table: pd.DataFrame, plan) -> pd.DataFrame:
    """Say which personas suffice, and put those that do not together with the ones most like them."""
    power = plan[-1]
    enough = table["power"] >= power
    table["advice"] = np.where(enough, ENOUGH, ALONE)
    groups = _merge(table[~enough].dropna(subset=["users_needed"]))
    for group in groups:
        names = table.loc[group, "persona"]
        for row in group:
            others = [names[other] for other in group if other != row]
            table.loc[row, ["merge_with", "advice"]] = [join_words(others), MERGE]
    return table


def _merge(small: pd.DataFrame) -> list[list[int]]:
    """Join neighbours in base rate until the users suffice; what is left joins the last group."""
    groups, open_group = [], []
    for row in small.sort_values(["base", "persona"]).index:
        open_group.append(row)
        rows = small.loc[open_group]
        needed = np.average(rows["users_needed"].astype(float), weights=rows["n_users"])
        if len(open_group) > 1 and rows["n_users"].sum() >= needed:
            groups.append(open_group)
            open_group = []
    if open_group and groups:
        groups[-1] += open_group
    return groups


def _notes(table, overall, n_arms, n_tests, effect, power) -> list[str]:
    notes = [f"Wished: {effect:+.0%} of the base, found with a chance of {power:.0%}."]
    if n_tests > 1:
        notes.append(
            f"{n_tests} comparisons share the false-discovery rate: the truth lies between detectable and "
            "detectable_strict."
        )
    if n_arms > 2:
        notes.append("Several arms: the smallest one is reckoned with.")
    if (table["advice"] == MERGE).any():
        notes.append(
            "Merging joins personas of like base rate: it finds what they share, not how they differ."
        )
    nothing = table.loc[table["base"] == 0, "persona"]
    if len(nothing):
        notes.append(f"{len(nothing)} personas did nothing in the past window: nothing to reckon from.")
    if overall["sd"].iloc[0] == 0:
        notes.append(
            "Everybody's outcome was the same in the past window: the test's size cannot be reckoned."
        )
    return notes


def _in_words(row) -> str:
    if not row["detectable"] > 0:
        return "what could be found cannot be reckoned"
    relative = f"{row['detectable_relative']:+.0%} of {row['base']:.3g}"
    return f"the smallest effect that would be found is {row['detectable']:.3g} ({relative})"
