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
from segtool.measurement.arms import HELD_OUT, check_arms
from segtool.measurement.intake import join_personas, read_covariates, read_numbers, read_persona_codes
from segtool.measurement.wording import is_rate, say_share, say_size

COLUMNS = [
    "persona_id", "persona", "n_users", "n_control", "n_treated", "base", "sd", "detectable",
    "detectable_relative", "detectable_strict", "users_needed", "power", "merge_with", "advice",
]  # fmt: skip
ENOUGH, MERGE, ALONE = "enough users", "merge", "only everyone's effect can be measured"
TOO_FEW = "too few users for the wished effect"
EVEN_ALL = "too few, even all together: hold out more, test longer, or choose a steadier metric"
CEILING = "the metric is at its ceiling; choose another"
MIN_TOLD = 50  # users of a persona whose share of yes is told in a sentence
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
        the wished effect), power (for it), merge_with, advice. Where the wished effect would take a
        yes-or-no metric above 1, users_needed and power are missing, and the advice says so.
    overall : DataFrame
        The same for everyone, one row.
    notes : tuple of str
    effect, alpha, power : float
        The wished relative effect, and the test's errors.
    rate : bool
        Whether the metric is a share.
    about : str
        What is measured over how long, for the headline: "purchased in 28 days".
    """

    table: pd.DataFrame
    overall: pd.DataFrame
    notes: tuple[str, ...]
    effect: float
    alpha: float
    power: float
    rate: bool = False
    about: str = ""

    def to_pandas(self) -> pd.DataFrame:
        """Return everyone's row, then the personas'."""
        tables = [self.overall, self.table] if len(self.table) else [self.overall]
        return pd.concat([each.astype({"persona_id": "Int64"}) for each in tables], ignore_index=True)

    def headline(self) -> str:
        """Say what can be found, over all and by persona."""
        row = self.overall.iloc[0]
        full = row["advice"] == CEILING
        told = f"{_room(row['base'], self.effect)}: {CEILING}" if full else _in_words(row, self.rate)
        about = f", {self.about}" if self.about else ""
        said = f"Everyone ({row['n_users']:,} users{about}): {told}"
        n = int((self.table["advice"] == ENOUGH).sum())
        if len(self.table) and (n or not full):
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
    drawn: pd.Series | str | None = None,
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
    drawn : Series of str indexed by user_id, or str, optional
        The arms, where they are drawn already, as from `assign_arms`, or the column of ``past`` that holds
        them. Their users are then counted persona by persona, in place of share times users.

    Returns
    -------
    Design

    Raises
    ------
    InputError
        If a column is missing, nobody's outcome is known, or an arm was drawn that is not planned.
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
    past, drawn_notes = _join_drawn(past, drawn, shares)
    (value, left), persona, ids, names, arm, rate, notes = _read(
        past, outcome, denominator, covariates, personas
    )
    notes += drawn_notes
    # A share of what it is counted per has no ceiling here: its users' values are linearised.
    ceiling = is_rate(value)
    plan = _Plan(shares, control, effect, alpha, power, ceiling)
    overall = pd.DataFrame([_row(None, "everyone", value, left, arm, plan, len(shares) - 1)])
    n_tests = max(len(ids), 1) * (len(shares) - 1) * n_metrics
    rows = [
        _row(number, name, value[persona == k], left[persona == k], _only(arm, persona == k), plan, n_tests)
        for k, (number, name) in enumerate(zip(ids, names, strict=True))
    ]
    table = _advise(pd.DataFrame(rows, columns=COLUMNS), plan)
    said = ENOUGH if overall["power"].iloc[0] >= power else TOO_FEW
    overall["advice"] = CEILING if _at_ceiling(overall["base"].iloc[0], plan) else said
    if overall["advice"].iloc[0] == TOO_FEW:  # what everyone together cannot show, no persona is sent to
        table["advice"] = table["advice"].replace(ALONE, EVEN_ALL)
    notes += _notes(table, overall, len(shares), n_tests, effect, power)
    return Design(table, overall, tuple(notes), effect, alpha, power, rate)


@dataclass(frozen=True)
class _Plan:
    shares: dict[str, float]
    control: str
    effect: float
    alpha: float
    power: float
    ceiling: bool

    def count(self, n: int, arm: np.ndarray | None) -> tuple[float, float]:
        """Return users in control and in the smallest other arm: as drawn, or as planned."""
        if arm is None:
            counts = {name: n * share for name, share in self.shares.items()}
        else:
            counts = {name: int((arm == name).sum()) for name in self.shares}
        return counts[self.control], min(c for name, c in counts.items() if name != self.control)


def _only(arm: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if arm is None else arm[rows]


def _at_ceiling(base: float, plan: _Plan) -> bool:
    """Say whether the wished effect would take more than all users to say yes."""
    return plan.ceiling and plan.effect > 0 and base * (1 + plan.effect) > 1


def _join_drawn(past: pd.DataFrame, drawn, shares) -> tuple[pd.DataFrame, list[str]]:
    """Add the arms that are drawn already as a column; leave out who is in none."""
    if drawn is None:
        return past.drop(columns="arm", errors="ignore"), []
    check_columns(past.columns, ["user_id", *([drawn] if isinstance(drawn, str) else [])], "past")
    if isinstance(drawn, str):
        past = past.assign(arm=past[drawn])
    elif isinstance(drawn, pd.Series) and not drawn.index.has_duplicates:
        by_user = drawn.set_axis(drawn.index.astype("str"))
        past = past.assign(arm=past["user_id"].astype("str").map(by_user))
    else:
        raise InputError("drawn does not tell each user's arm.", "a Series of arms by user_id, each once.")
    arm = past["arm"].astype("str").where(past["arm"].notna(), None)
    inside = arm.notna() & ((arm != HELD_OUT) | (HELD_OUT in shares))
    strange = sorted(set(arm[inside]) - set(shares))
    if strange:
        raise InputError(
            f"Users were drawn to {', '.join(strange[:8])}, which is not planned.",
            f"the arms that are: {', '.join(shares)}.",
        )
    if not inside.any():
        raise InputError("No user of past was drawn to an arm.", "arms of the users in past, by user_id.")
    notes = ["Users per arm are those drawn already."]
    if (~inside).any():
        notes.append(f"{int((~inside).sum()):,} users are left out: they were drawn to no arm of this test.")
    kept = past.assign(arm=arm)[inside]
    kept.attrs.update(past.attrs)
    return kept, notes


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
    arm = table["arm"].to_numpy(dtype=object)[known] if "arm" in table else None
    rate = is_rate(y, per[known] if denominator else None)
    if denominator:
        if per[known].sum() <= 0:
            raise InputError(f"{denominator} sums to 0.", "a past in which it happened.")
        ratio = y.sum() / per[known].sum()
        y = (y - ratio * per[known]) / per[known].mean() + ratio
    if covariates is None:
        covariates = tuple(c for c in (f"{outcome}_before", f"{outcome}_before_per") if c in table)
    before = read_covariates(table, (covariates,) if isinstance(covariates, str) else covariates, known)
    return (y, _cleared(y, before, notes)), persona, ids, names, arm, rate, notes


def _cleared(y: np.ndarray, before: np.ndarray | None, notes: list[str]) -> np.ndarray:
    if before is None or y.std() == 0:
        return y
    centred = before - before.mean(axis=0)
    explained = centred @ np.linalg.lstsq(centred, y - y.mean(), rcond=1e-8)[0]
    share = explained.var() / y.var()
    notes.append(f"The time before explains {share:.0%} of the variance; the numbers count on it.")
    return y - explained


def _row(persona_id, persona, value, left, arm, plan: _Plan, n_tests) -> dict:
    alpha, power, n = plan.alpha, plan.power, len(value)
    base, sd = (float(value.mean()), float(left.std(ddof=1))) if n > 1 else (np.nan, np.nan)
    n_control, n_treated = plan.count(n, arm)
    fits = min(n_control, n_treated) >= MIN_PER_ARM and sd > 0
    se = sd * np.sqrt(1 / n_control + 1 / n_treated) if fits else np.nan
    # Nothing can be reckoned for an effect that cannot be.
    wish = np.nan if _at_ceiling(base, plan) else abs(plan.effect * base)
    control, treated = plan.count(1, None)
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


def _advise(table: pd.DataFrame, plan: _Plan) -> pd.DataFrame:
    """Say which personas suffice, and put those that do not together with the ones most like them."""
    enough = table["power"] >= plan.power
    table["advice"] = np.where(enough, ENOUGH, ALONE)
    table.loc[[_at_ceiling(base, plan) for base in table["base"]], "advice"] = CEILING
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
    full = overall if overall["advice"].iloc[0] == CEILING else table
    # A share of few people tells of each of them; their advice says enough.
    full = full[(full["advice"] == CEILING) & (full["n_users"] >= MIN_TOLD)]
    notes += [
        f"{name}: {_room(base, effect)}." for name, base in zip(full["persona"], full["base"], strict=True)
    ]
    nothing = table.loc[table["base"] == 0, "persona"]
    if len(nothing):
        notes.append(f"{len(nothing)} personas did nothing in the past window: nothing to reckon from.")
    if overall["sd"].iloc[0] == 0:
        notes.append(
            "Everybody's outcome was the same in the past window: the test's size cannot be reckoned."
        )
    return notes


def _room(base: float, effect: float) -> str:
    """Say how far a yes-or-no metric can still rise.

    Examples
    --------
    >>> _room(0.973, 0.1)
    '97.3% do it already, so it can rise by 2.7 percentage points (+2.8%) at most, not by the wished +10%'
    """
    if base == 1:
        return "everybody does it already, so it cannot rise"
    return (
        f"{say_share(base)} do it already, so it can rise by {say_size(1 - base, True)} "
        f"({(1 - base) / base:+.1%}) at most, not by the wished {effect:+.0%}"
    )


def _in_words(row, rate: bool) -> str:
    if not row["detectable"] > 0:
        return "what could be found cannot be reckoned"
    base = say_share(row["base"]) if rate else say_size(row["base"], False)
    relative = f"{row['detectable_relative']:+.0%} of {base}"
    more = ", more than it can rise" if rate and row["base"] + row["detectable"] > 1 else ""
    return (
        f"the smallest effect that would be found is {say_size(row['detectable'], rate)} ({relative}{more})"
    )
