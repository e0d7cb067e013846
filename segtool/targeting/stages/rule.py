"""The rule anybody can check: a user stands at the deepest step taken lately."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.engines import literal

RETURN = "return"
LAPSED, UNKNOWN = "lapsed", "unknown"
STEP_COLUMNS = ["user_id", "days_since_event", "n_events", "deepest", "depth", "step_days"]


def place_by_rule(sources, users: pd.DataFrame, stages: dict[str, tuple[str, ...]], window_days: float):
    """Place users by their deepest step.

    Parameters
    ----------
    sources : Sources
    users : DataFrame
        With ``user_id``.
    stages : dict of str to tuple of str
        Shallow to deep, with their events.
    window_days : float
        Older steps do not count.

    Returns
    -------
    DataFrame
        ``users`` with stage, depth (1 is the first stage; 0 lapsed; NaN unknown), days_since_event, n_events
        (in the window) and evidence.
    """
    steps = pd.DataFrame(columns=STEP_COLUMNS)
    if "events" in sources.tables:
        steps = sources.engine.query(stage_sql(stages, window_days))
    return _placed(users, steps, list(stages))


def stage_sql(stages: dict[str, tuple[str, ...]], window_days: float) -> str:
    """Return the statement that finds the deepest step of every user with events.

    One row per user: days_since_event, n_events (in the window), depth (0: none) and the age of the
    deepest step, ``step_days``. "return" is reached by any activity on a later day than the first
    event of the stage before.
    """
    window = f"age_days < {literal(float(window_days))}"  # as the label "funnel_stage" counts it
    cases = {
        place: ", ".join(literal(event) for event in events if event != RETURN)
        for place, events in enumerate(stages.values(), start=1)
    }
    named = " ".join(f"WHEN event IN ({events}) THEN {place}" for place, events in cases.items() if events)
    returns = [
        place for place, events in enumerate(stages.values(), start=1) if RETURN in events and place > 1
    ]
    firsts = "".join(f", min(local_date) FILTER (WHERE step = {p - 1}) AS first_{p}" for p in returns)
    came_back = "".join(f" WHEN last_date > first_{p} AND deepest < {p} THEN {p}" for p in reversed(returns))
    depth = f"CASE{came_back} ELSE deepest END" if returns else "deepest"
    ages = "".join(f", min(age_days) FILTER (WHERE step = {p}) AS days_{p}" for p in cases)
    step_days = " ".join(f"WHEN {p} THEN days_{p}" for p in cases)
    return f"""
        WITH steps AS (
            SELECT user_id, age_days, local_date, {window} AS recent,
                   CASE WHEN {window} THEN CASE {named} ELSE 0 END ELSE 0 END AS step
            FROM events
        ),
        by_user AS (
            SELECT user_id, min(age_days) AS days_since_event, count(*) FILTER (WHERE recent) AS n_events,
                   max(step) AS deepest, max(local_date) FILTER (WHERE recent) AS last_date{firsts}{ages}
            FROM steps
            GROUP BY user_id
        )
        SELECT user_id, days_since_event, n_events, deepest, {depth} AS depth,
               CASE deepest {step_days} END AS step_days
        FROM by_user
        ORDER BY user_id
    """


def _placed(users: pd.DataFrame, steps: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    steps = steps.set_index("user_id").reindex(users["user_id"])
    depth = steps["depth"].astype(float).to_numpy()
    days = steps["days_since_event"].astype(float).to_numpy()
    n_events = steps["n_events"].astype(float).fillna(0).to_numpy(dtype=int)
    lapsed = ~np.isnan(days) & (n_events == 0)
    known = np.nan_to_num(depth).astype(int)
    # Events that are no step (a mute, a word of one's own) leave the stage unknown, not the first.
    depth = np.where(known > 0, depth, np.where(lapsed, 0, np.nan))
    stage = np.array([UNKNOWN, *names], dtype=object)[known]
    stage[lapsed] = LAPSED
    users = users.assign(stage=stage, depth=depth, days_since_event=days, n_events=n_events)
    users["evidence"] = _evidence(users, steps, names)
    return users


def _evidence(users: pd.DataFrame, steps: pd.DataFrame, names: list[str]) -> np.ndarray:
    deepest = steps["deepest"].astype(float).fillna(0).to_numpy(dtype=int)
    ago = steps["step_days"].astype(float).round().fillna(0).astype(int).astype(str).to_numpy(dtype=object)
    word = np.array(["", *names], dtype=object)[deepest]
    told = word + " " + ago + " days ago"
    came_back = users["depth"].fillna(0).to_numpy() > deepest
    told = np.where(came_back, told + ", and back on a later day", told)
    silent = users["days_since_event"].round().fillna(0).astype(int).astype(str).to_numpy(dtype=object)
    told = np.where(users["stage"] == LAPSED, "last seen " + silent + " days ago", told)
    nothing = np.where(users["days_since_event"].isna(), "no events", "no event that is a step")
    return np.where(users["stage"] == UNKNOWN, nothing, told)
