"""Cohorts: users who share a start, and how many of them were there again, week by week or month by month."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.measurement.retention.activity import DAYS, PEOPLE, Activity, to_date
from segtool.measurement.retention.groups import EVERYONE, EVERYONE_ID, Groups

STEP_DAYS = {"week": 7, "month": 30}
COHORTS = ["persona_id", "persona", "cohort", "age", "n_users", "n_active", "share", "lo", "hi"]


def start_sql(activity: Activity, *, whole_log: bool) -> str:
    """Return SQL of user_id, place and start: the day a user came, for those whose coming was seen.

    Who joined before the log began is left out, and so is one of whom nobody knows since when, if
    first seen while those who were already here are seen for the first time, too.
    """
    first = activity.first if whole_log else activity.settled
    return f"""
        SELECT user_id, place, coalesce(joined, first) AS start FROM {PEOPLE}
        WHERE joined >= {activity.first} OR (joined IS NULL AND first >= {first})
    """


def count_cohorts(
    activity: Activity, groups: Groups, starts: str, kind: str, confidence: float, *, by_persona: bool
) -> pd.DataFrame:
    """Count how many of each cohort were there at each age.

    Parameters
    ----------
    activity : Activity
    groups : Groups
    starts : str
        SQL of user_id, place and start.
    kind : {"week", "month"}
        Cohorts by the calendar week or month of the start; ages in steps of 7 or 30 days of each
        user's own, so that all have had equally long.
    confidence : float
        Of Wilson's interval.
    by_persona : bool
        Also a triangle per persona.

    Returns
    -------
    DataFrame
        Columns of `COHORTS`. Ages that are not yet over for the whole cohort are absent.
    """
    step = STEP_DAYS[kind]
    seen = activity.engine.query(f"""
        WITH starts AS ({starts})
        SELECT starts.start, starts.place, CAST(floor((days.day - starts.start) / {step}.0) AS INTEGER) AS age,
               count(DISTINCT days.user_id) AS n
        FROM {DAYS} AS days JOIN starts ON starts.user_id = days.user_id
        WHERE days.day >= starts.start
        GROUP BY starts.start, starts.place, CAST(floor((days.day - starts.start) / {step}.0) AS INTEGER)
        ORDER BY starts.start, starts.place, age
    """)
    sizes = activity.engine.query(f"""
        WITH starts AS ({starts})
        SELECT start, place, count(*) AS n FROM starts GROUP BY start, place ORDER BY start, place
    """)
    for table in (seen, sizes):
        table["cohort"] = _calendar(table["start"], kind)
    parts = [_triangle(seen.assign(place=0), sizes.assign(place=0), activity.end, step)]
    parts[0] = parts[0].assign(persona_id=EVERYONE_ID, persona=EVERYONE)
    if by_persona and groups.names:
        own = _triangle(seen, sizes, activity.end, step)
        parts.append(own.assign(**groups.columns(own["place"])))
    table = pd.concat(parts, ignore_index=True)
    table["cohort"] = [to_date(day) for day in table["cohort"]]
    return with_shares(table, "n_active", confidence)[COHORTS]


def with_shares(table: pd.DataFrame, column: str, confidence: float) -> pd.DataFrame:
    """Add share, lo and hi: the share of n_users and Wilson's interval."""
    from statsmodels.stats.proportion import proportion_confint

    n = table["n_users"].to_numpy(dtype=float)
    lo, hi = proportion_confint(table[column].to_numpy(dtype=float), np.maximum(n, 1), alpha=1 - confidence,
                                method="wilson")  # fmt: skip
    known = n > 0
    share = np.divide(table[column].to_numpy(dtype=float), n, out=np.full(len(n), np.nan), where=known)
    return table.assign(share=share, lo=np.where(known, lo, np.nan), hi=np.where(known, hi, np.nan))


def _calendar(start: pd.Series, kind: str) -> np.ndarray:
    """Return the first day of the week or month of each day."""
    days = start.to_numpy(dtype=np.int64)
    if kind == "week":
        return days - (days + 3) % 7  # 1970-01-01 was a Thursday
    return days.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _triangle(seen: pd.DataFrame, sizes: pd.DataFrame, end: int, step: int) -> pd.DataFrame:
    groups = sizes.groupby(["place", "cohort"]).agg(n_users=("n", "sum"), last=("start", "max")).reset_index()
    # The age that the youngest of the cohort has completed; a younger cell would count days to come as absence.
    groups["ages"] = (end - groups["last"]) // step
    rows = groups.loc[groups.index.repeat(groups["ages"].clip(lower=0))]
    rows = rows.assign(age=rows.groupby(level=0).cumcount())
    active = seen.groupby(["place", "cohort", "age"])["n"].sum().rename("n_active").reset_index()
    table = rows.merge(active, on=["place", "cohort", "age"], how="left")
    return table.assign(n_active=table["n_active"].fillna(0).astype(np.int64)).reset_index(drop=True)
