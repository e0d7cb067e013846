"""The table of outcomes as it is given, checked: one row per user, arms, personas, what is missing."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from segtool.checks import check_columns
from segtool.errors import InputError, ParameterError
from segtool.measurement.arms import HELD_OUT
from segtool.measurement.effects import Outcome

NO_PERSONA = "(in no persona)"


@dataclass(frozen=True)
class Trial:
    """A test ready to be measured; arrays of shape (n_users,).

    ``arms`` starts with control, and ``arm`` holds places in it; ``persona`` holds places in
    ``persona_ids``, -1 for users in none. ``metrics`` starts with the primary one.
    """

    table: pd.DataFrame
    arms: tuple[str, ...]
    arm: np.ndarray
    persona: np.ndarray
    persona_ids: tuple
    names: tuple[str, ...]
    metrics: tuple[str, ...]
    per: Mapping[str, str]
    before: Mapping[str, tuple[str, ...]]
    notes: list[str] = field(default_factory=list)

    def outcome(self, metric: str) -> tuple[Outcome, np.ndarray]:
        """Return one metric, and which users it is known of."""
        y = read_numbers(self.table[metric], metric)
        known = np.isfinite(y)
        per = None
        if metric in self.per:
            per = read_numbers(self.table[self.per[metric]], self.per[metric])
            if (per < 0).any():
                raise InputError(f"{self.per[metric]} holds negative numbers.", "counts from 0.")
            known &= np.isfinite(per)
        before = read_covariates(self.table, self.before.get(metric, ()), known)
        if not known.any():
            raise InputError(
                f"Nobody's {metric} is known.", "numbers; 0 where it is known that nothing happened."
            )
        rows = np.flatnonzero(known)
        return Outcome(y[rows], self.arm[rows], None if per is None else per[rows], before), known


def read_trial(
    outcomes: pd.DataFrame,
    *,
    control: str,
    outcome: str | Sequence[str],
    denominator: str | Mapping[str, str] | None,
    covariates: str | Sequence[str] | Mapping[str, Sequence[str]] | None,
    personas=None,
) -> Trial:
    """Check a table of outcomes and put it in order of user; see `measure_lift`."""
    if not isinstance(outcomes, pd.DataFrame):
        raise InputError("The outcomes are no table.", "a DataFrame with one row per user.")
    metrics = (outcome,) if isinstance(outcome, str) else tuple(outcome)
    if not metrics or len(set(metrics)) < len(metrics):
        raise ParameterError(f"outcome is {outcome!r}.", "one column name or several, the primary one first.")
    if isinstance(denominator, str):
        denominator = {metrics[0]: denominator}
    if denominator is None:
        denominator = {m: f"{m}_per" for m in metrics if f"{m}_per" in outcomes}
    per = _per_metric(denominator, metrics, "denominator")
    if covariates is None:
        covariates = {m: [c for c in (f"{m}_before", f"{m}_before_per") if c in outcomes] for m in metrics}
    elif not isinstance(covariates, Mapping):
        covariates = dict.fromkeys(metrics, covariates)
    before = {
        name: (columns,) if isinstance(columns, str) else tuple(columns)
        for name, columns in _per_metric(covariates, metrics, "covariates").items()
    }
    needed = ["user_id", "arm", *metrics, *per.values(), *(name for each in before.values() for name in each)]
    check_columns(outcomes.columns, dict.fromkeys(needed), "outcomes")
    table, notes = _in_test(outcomes, control)
    table = join_personas(table, personas)
    table, arms, arm = _read_arms(table, control)
    persona, persona_ids, names = read_persona_codes(table)
    n_outside = int((persona < 0).sum())
    if persona_ids and n_outside:
        notes.append(f"{n_outside:,} users are in no persona; they count for everyone's effect only.")
    return Trial(table, arms, arm, persona, persona_ids, names, metrics, per, before, notes)


def _per_metric(given: Mapping, metrics: tuple[str, ...], name: str) -> dict:
    if strange := sorted(set(given) - set(metrics)):
        raise ParameterError(f"{name} names {', '.join(strange)}.", f"metrics: {', '.join(metrics)}.")
    return dict(given)


def _in_test(outcomes: pd.DataFrame, control: str) -> tuple[pd.DataFrame, list[str]]:
    """Leave out who was never in the campaign, saying how many; refuse users named twice."""
    notes = list(outcomes.attrs.get("notes", ()))
    if outcomes["user_id"].isna().any():
        raise InputError(
            f"{int(outcomes['user_id'].isna().sum()):,} rows name no user.", "a user_id in each row."
        )
    table = outcomes.assign(user_id=outcomes["user_id"].astype("str"), arm=outcomes["arm"].astype("str"))
    counts = table.groupby("user_id", sort=False)["arm"].nunique()
    n_both = int((counts > 1).sum())
    if n_both:
        raise InputError(
            f"{n_both:,} of {len(counts):,} users are in more than one arm.", "one arm per user.",
            "Where arms were drawn per send and not per user, a comparison of users has no meaning: "
            "estimate policies from the logged propensities instead.",
        )  # fmt: skip
    if table["user_id"].duplicated().any():
        raise InputError(
            f"{int(table['user_id'].duplicated().sum()):,} rows name a user again.", "one row per user.",
            "Sum the outcomes of each user first: users were assigned, so users are what is counted.",
        )  # fmt: skip
    outside = table["arm"].isna()
    if outside.any():
        notes.append(f"{int(outside.sum()):,} users have no arm; they are not part of the test.")
    held = table["arm"] == HELD_OUT
    if held.any() and control != HELD_OUT:
        notes.append(f"{int(held.sum()):,} users of the universal holdout are not part of this test.")
        outside |= held
    if "opted_out" in table:
        gone = table["opted_out"].fillna(False).astype(bool) & ~outside
        if gone.any():
            notes.append(
                f"{int(gone.sum()):,} users had opted out before the start; they are left out of every arm alike."
            )
            outside |= gone
    table = table[~outside].sort_values("user_id").reset_index(drop=True)
    table.attrs.clear()
    return table, notes


def _read_arms(table: pd.DataFrame, control: str) -> tuple[pd.DataFrame, tuple[str, ...], np.ndarray]:
    present = sorted(table["arm"].unique())
    if control not in present:
        raise InputError(
            f"No user is in the control arm {control!r}; the arms are: {', '.join(present[:8]) or 'none'}.",
            "users who were left alone, or got what was usual, drawn at random before the start.",
            "Name that arm with control=...; without one nothing can be proved after the fact.",
        )  # fmt: skip
    if len(present) < 2:
        raise InputError(
            "There is one arm only.", "control and at least one other.",
            "A change over time is not an effect: compare with users who were left alone.",
        )  # fmt: skip
    arms = (control, *(name for name in present if name != control))
    return table, arms, pd.Index(arms).get_indexer(table["arm"])


def join_personas(table: pd.DataFrame, personas) -> pd.DataFrame:
    """Add persona_id and persona of `Personas` or of a table, in place of those at hand."""
    if personas is None:
        return table
    given = getattr(personas, "assigned", personas)
    if not isinstance(given, pd.DataFrame):
        raise InputError("personas is neither Personas nor a table.", "Personas, or user_id and persona_id.")
    check_columns(given.columns, ["user_id", "persona_id"], "personas")
    given = given.assign(user_id=given["user_id"].astype("str"))
    if given["user_id"].duplicated().any():
        raise InputError("personas names some users more than once.", "one row per user.")
    columns = [name for name in ("user_id", "persona_id", "persona") if name in given]
    return table.drop(columns=["persona_id", "persona"], errors="ignore").merge(
        given[columns], on="user_id", how="left", validate="1:1"
    )


def read_persona_codes(table: pd.DataFrame) -> tuple[np.ndarray, tuple, tuple[str, ...]]:
    """Return each user's place among the personas (-1: in none), their ids and their names."""
    key = "persona_id" if "persona_id" in table else "persona" if "persona" in table else None
    if key is None:
        return np.full(len(table), -1), (), ()
    known = table[key].where(table[key].notna(), None)
    ids = sorted(known.dropna().unique())
    place = pd.Index(ids).get_indexer(table[key]) if ids else np.full(len(table), -1)
    place = np.where(table[key].isna(), -1, place)
    if "persona" in table:
        named = table.dropna(subset=[key]).groupby(key)["persona"].first()
        names = tuple(str(named[i]) for i in ids)
    else:
        names = tuple(f"persona {int(i)}" if isinstance(i, numbers.Real) else str(i) for i in ids)
    numbered = all(isinstance(i, numbers.Real) for i in ids)
    persona_ids = tuple(int(i) if numbered else k + 1 for k, i in enumerate(ids))
    return place, persona_ids, names


def read_numbers(column: pd.Series, name: str) -> np.ndarray:
    """Return a column as floats, missing ones as NaN; refuse what is no finite number."""
    try:
        values = pd.to_numeric(column, errors="raise").to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise InputError(f"{name} holds values that are no numbers.", "numbers, or True and False.") from None
    if np.isinf(values).any():
        raise InputError(f"{name} holds infinite values.", "finite numbers; empty where not known.")
    return values


def read_covariates(table: pd.DataFrame, names: Sequence[str], known: np.ndarray) -> np.ndarray | None:
    """Return covariates with gaps filled by the mean and marked, constant ones dropped."""
    columns = []
    for name in names:
        values = read_numbers(table[name], name)[known]
        gap = ~np.isfinite(values)
        if gap.all():
            continue
        # Whether it is known was decided before the draw too, so the mark may be a covariate itself.
        columns += [np.where(gap, values[~gap].mean(), values), gap.astype(float)]
    columns = [values / values.std() for values in columns if len(values) and values.std() > 0]
    return np.column_stack(columns) if columns else None
