"""How far along each user is, by the deepest step taken lately: a rule anybody can check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.engines import literal
from segtool.targeting.members import Members
from segtool.targeting.notes import unknown
from segtool.targeting.settings import TargetingSettings

RETURN = "return"
LAPSED, UNKNOWN = "lapsed", "unknown"


@dataclass(frozen=True)
class Stages:
    """Where users stand.

    Parameters
    ----------
    users : DataFrame, one row per user
        user_id, persona_id (NaN for none), stage, depth (1 is the first stage; 0 lapsed; NaN unknown),
        days_since_event, n_events (in the window), evidence.
    personas : DataFrame
        persona_id, persona, stage, n_users, share (of the persona's users with a known stage), lo, hi,
        typical.
    notes : tuple of str
    """

    users: pd.DataFrame
    personas: pd.DataFrame
    notes: tuple[str, ...]


def plan_stages(sources, members: Members, user_ids: np.ndarray, settings: TargetingSettings) -> Stages:
    """Find each user's stage and each persona's typical one."""
    stages = settings.stages()
    users = pd.DataFrame({"user_id": user_ids})
    home = pd.array(np.array([*members.persona_ids, 0])[members.home], dtype="Int64")
    users["persona_id"] = home
    users.loc[members.home < 0, "persona_id"] = pd.NA
    notes = []
    steps = _steps(sources, stages, settings.stage_window_days) if "events" in sources.tables else _no_steps()
    users = _placed(users, steps, list(stages), settings)
    if not (users["depth"] > 0).any():
        window = f"the last {settings.stage_window_days:g} days"
        notes.append(
            unknown(f"Stage: no event of {window} is a step of {settings.stage_model}; nobody's is known.")
        )
    here = users.loc[users["depth"] > 0, "stage"].unique()
    if len(here) == 1:
        notes.append(
            unknown(f"Stage: all steps on record are of one stage, {here[0]}; the others cannot be seen.")
        )
    return Stages(users, _typical(users, members, list(stages)), tuple(notes))


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


def _steps(sources, stages, window_days) -> pd.DataFrame:
    return sources.engine.query(stage_sql(stages, window_days))


def _no_steps() -> pd.DataFrame:
    return pd.DataFrame(columns=["user_id", "days_since_event", "n_events", "deepest", "depth", "step_days"])


def _placed(users: pd.DataFrame, steps: pd.DataFrame, names: list[str], settings) -> pd.DataFrame:
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
    users["evidence"] = _evidence(users, steps, names, settings)
    return users


def _evidence(users: pd.DataFrame, steps: pd.DataFrame, names: list[str], settings) -> np.ndarray:
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


def _typical(users: pd.DataFrame, members: Members, names: list[str]) -> pd.DataFrame:
    """Count stages by persona.

    The typical one is the commonest of those who are here, the deeper one in a tie: content meets
    them. Where most have lapsed, it is that.
    """
    from statsmodels.stats.proportion import proportion_confint

    order = [LAPSED, *names]
    known = users[users["stage"] != UNKNOWN]
    counts = known.groupby(["persona_id", "stage"], observed=True).size()
    rows = []
    for persona_id, name in zip(members.persona_ids, members.names, strict=True):
        own = np.array([counts.get((persona_id, stage), 0) for stage in order])
        if own.sum() == 0:
            rows.append((persona_id, name, UNKNOWN, 0, np.nan, np.nan, np.nan, True))
            continue
        lo, hi = proportion_confint(own, own.sum(), alpha=0.1, method="wilson")
        here = len(order) - 1 - int(np.argmax(own[:0:-1]))
        typical = 0 if own[0] > own.sum() / 2 else here
        rows += [
            (persona_id, name, stage, int(own[i]), own[i] / own.sum(), lo[i], hi[i], i == typical)
            for i, stage in enumerate(order)
        ]
    return pd.DataFrame(
        rows, columns=["persona_id", "persona", "stage", "n_users", "share", "lo", "hi", "typical"]
    )


def _per_cent(share: float, n: int) -> str:
    return f"{share:.0%}"


def explain_stages(
    personas: pd.DataFrame, say_share: Callable[[float, int], str] = _per_cent
) -> dict[int, str]:
    """Say why each persona's typical stage is what it is.

    Parameters
    ----------
    personas : DataFrame
        As of `Stages`: one row per persona and stage.
    say_share : callable
        Share and the number of users it is of -> words. Where it says something else than the
        plain per cent, because few people stand behind it, no interval and no count is told.

    Returns
    -------
    dict of int to str
        By persona_id.
    """
    return {
        persona_id: _explain_stage(own.set_index("stage"), say_share)
        for persona_id, own in personas.groupby("persona_id", sort=False)
    }


def _explain_stage(own: pd.DataFrame, say_share) -> str:
    """Say how a persona's typical stage stands to the others; the lapsed may be more than the active."""
    total = int(own["n_users"].sum())
    typical = own.index[own["typical"]][0]
    if typical == UNKNOWN:
        return "nobody's stage is known"

    def tell(stage: str, detail: str) -> tuple[str, str]:
        said = say_share(own["share"][stage], total)
        return said, detail if said == _per_cent(own["share"][stage], total) else ""

    share, bounds = tell(typical, f" ({own['lo'][typical]:.0%} to {own['hi'][typical]:.0%})")
    if typical == LAPSED:
        return f"{share} of {total:,} users have lapsed{bounds}"
    second = own["share"].drop([LAPSED, typical]).idxmax()
    next_most = f" ({tell(second, '')[0]} at {second})" if own["share"][second] > 0 else ""
    n_lapsed = int(own["n_users"][LAPSED])
    gone, count = tell(LAPSED, f" ({n_lapsed:,})")
    lapsed = f"{gone} have lapsed{count}" if n_lapsed else "nobody has lapsed"
    return f"{share} of {total:,} users are at {typical}{bounds}, commonest among the active{next_most}; {lapsed}"
