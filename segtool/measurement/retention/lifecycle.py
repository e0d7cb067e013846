"""Where each user stands between arriving and leaving, and who moved since four weeks ago."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.measurement.retention.activity import DAYS, PEOPLE, Activity
from segtool.measurement.retention.cohorts import with_shares
from segtool.measurement.retention.flow import FlowError
from segtool.measurement.retention.groups import EVERYONE, EVERYONE_ID, Groups

STATES = ("not seen", "new", "active", "returned", "at risk", "lapsed", "gone")
LIFECYCLE = ["persona_id", "persona", "state", "n_users", "n_persona", "share", "lo", "hi"]
TRANSITIONS = ["persona_id", "persona", "before", "after", "n_users", "n_before", "share", "lo", "hi"]


def define_states(activity: Activity, gone_factor: float) -> dict[str, str]:
    """Return what each state means, in words."""
    churn, risk, gone = activity.churn, activity.risk, int(gone_factor * activity.churn)
    return {
        "not seen": "no activity in the log",
        "new": f"first seen within the last {churn} days, silent for at most {risk}",
        "active": f"here for longer, silent for at most {risk} days",
        "returned": f"came back within the last {churn} days after a silence of more than {churn},"
        f" silent for at most {risk}",
        "at risk": f"silent for more than {risk} days, at most {churn}",
        "lapsed": f"silent for more than {churn} days, at most {gone}",
        "gone": f"silent for more than {gone} days",
    }


def count_states(
    activity: Activity, groups: Groups, step: int, gone_factor: float, confidence: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Count users by state now, and by state a step of days ago and today.

    Parameters
    ----------
    activity : Activity
    groups : Groups
    step : int
        Days.
    gone_factor : float
        Times the days after which a user counts as lost: gone.
    confidence : float
        Of Wilson's intervals.

    Returns
    -------
    lifecycle : DataFrame
        Columns of `LIFECYCLE`; the states of a persona sum to its users.
    transitions : DataFrame
        Columns of `TRANSITIONS`: of those in a state before, the share that is in each today. Empty where the
        log is too short to know the states before.

    Raises
    ------
    FlowError
        If not every user of the study is in exactly one state.
    """
    moments = {"today": activity.end, "earlier": activity.end - step}
    parts = ", ".join(
        f"{name} AS ({_states_sql(activity, day, gone_factor)})" for name, day in moments.items()
    )
    counts = activity.engine.query(f"""
        WITH {parts}
        SELECT today.place, earlier.state AS before, today.state AS after, count(*) AS n
        FROM today JOIN earlier ON earlier.user_id = today.user_id
        GROUP BY today.place, earlier.state, today.state
        ORDER BY today.place, before, after
    """)
    n_users = int(activity.engine.query("SELECT count(*) AS n FROM user_index")["n"].iloc[0])
    if counts["n"].sum() != n_users:
        raise FlowError(f"The states hold {int(counts['n'].sum()):,} of {n_users:,} users.")
    table = pd.concat(
        [
            counts.assign(persona_id=EVERYONE_ID, persona=EVERYONE),
            *([counts.assign(**groups.columns(counts["place"]))] if groups.names else []),
        ]
    )
    known = activity.end - step >= activity.settled
    return _lifecycle(table, confidence), _transitions(table if known else table.iloc[:0], confidence)


def _states_sql(activity: Activity, day: int, gone_factor: float) -> str:
    churn, risk, gone = activity.churn, activity.risk, int(gone_factor * activity.churn)
    # A silence of n days: n whole days between the last visit and the moment.
    silent = f"({day} - lives.last - 1)"
    here_since = f"({day} - lives.since - 1)"
    older = f"(lives.since > people.first OR coalesce(people.joined < {activity.first}, FALSE))"
    return f"""
        SELECT people.user_id, people.place,
               CASE WHEN lives.last IS NULL THEN 'not seen'
                    WHEN {silent} > {gone} THEN 'gone'
                    WHEN {silent} > {churn} THEN 'lapsed'
                    WHEN {silent} > {risk} THEN 'at risk'
                    WHEN {here_since} > {churn} THEN 'active'
                    WHEN {older} THEN 'returned'
                    ELSE 'new' END AS state
        FROM {PEOPLE} AS people
        LEFT JOIN (
            SELECT user_id, max(day) AS last,
                   max(CASE WHEN before IS NULL OR day - before > {churn} THEN day END) AS since
            FROM {DAYS} WHERE day < {day} GROUP BY user_id
        ) AS lives ON lives.user_id = people.user_id
    """


def _lifecycle(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    who = ["persona_id", "persona"]
    sums = table.groupby([*who, "after"], sort=False)["n"].sum()
    names = list(dict.fromkeys(zip(table["persona_id"], table["persona"], strict=True)))
    full = pd.MultiIndex.from_tuples([(*name, state) for name in names for state in STATES],
                                     names=[*who, "state"])  # fmt: skip
    found = sums.rename_axis([*who, "state"]).reindex(full, fill_value=0).rename("n_state").reset_index()
    found["n_users"] = found.groupby("persona_id")["n_state"].transform("sum")
    shares = with_shares(found, "n_state", confidence)
    return shares.rename(columns={"n_users": "n_persona", "n_state": "n_users"})[LIFECYCLE]


def _transitions(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    if table.empty:
        return pd.DataFrame(columns=TRANSITIONS)
    place = {state: number for number, state in enumerate(STATES)}
    sums = table.groupby(["persona_id", "persona", "before", "after"], sort=False)["n"].sum().reset_index()
    sums["n_users"] = sums.groupby(["persona_id", "before"])["n"].transform("sum")
    shares = with_shares(sums, "n", confidence).rename(columns={"n_users": "n_before", "n": "n_users"})
    order = np.lexsort((shares["after"].map(place), shares["before"].map(place), shares["persona_id"]))
    return shares.iloc[order].reset_index(drop=True)[TRANSITIONS]
