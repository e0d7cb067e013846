"""How far along each user is: a chain of weeks read by a model, beside the deepest step of late."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.notes import known, unknown
from segtool.targeting.members import Members
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.stages.funnel_model import Filtered, FunnelModel, filter_users, fit_funnel
from segtool.targeting.stages.persona_stages import explain_stages, persona_stages, stage_advice
from segtool.targeting.stages.rule import LAPSED, RETURN, UNKNOWN, place_by_rule
from segtool.targeting.stages.states import States, conversion_events, tell_states
from segtool.targeting.stages.weekly_counts import WeeklyCounts, read_weekly, step_totals

__all__ = ["LAPSED", "UNKNOWN", "Stages", "explain_stages", "plan_stages"]

MAX_USERS_TO_FIT = 5_000  # more change the second digit of no rate
SURE, LEAST_KAPPA = 0.9, 0.4  # surer than this and agreeing less with the rule: not to be trusted unseen
HMM, RULE = "hmm", "rule"


@dataclass(frozen=True)
class Stages:
    """Where users stand.

    Parameters
    ----------
    users : DataFrame, one row per user
        user_id, persona_id (NaN for none), stage, depth (1 is the first stage; 0 lapsed; NaN unknown),
        days_since_event, n_events (in the window), evidence, probability (of the stage), entropy (0: sure, 1:
        anything is as likely), days_to_action (expected days
        to the next act, unless the user lapses), p_action_7d (chance to act
        within a week), rule_stage, agree (missing where either is unknown), and the posterior:
        ``p_lapsed`` and ``p_<stage>``. By the rule, the probability and all after it but the rule's are NaN.
    personas : DataFrame
        persona_id, persona, stage, n_users (those whose likeliest stage it is), share (of the persona's users
        with any event), lo, hi, typical.
    notes : tuple of str
    advice : DataFrame
        Each persona's typical stage, aspect "stage".
    rates : DataFrame
        Events a week by stage (rows) and kind, of a user of middling activity; empty by the rule.
    moves : DataFrame
        P(stage next week | stage now); empty by the rule.
    method : str
        "hmm" or "rule".
    """

    users: pd.DataFrame
    personas: pd.DataFrame
    notes: tuple[str, ...]
    advice: pd.DataFrame
    rates: pd.DataFrame
    moves: pd.DataFrame
    method: str


def plan_stages(sources, members: Members, user_ids: np.ndarray, settings: TargetingSettings) -> Stages:
    """Find each user's stage and each persona's typical one.

    Parameters
    ----------
    sources : Sources
    members : Members
    user_ids : ndarray of str
        Sorted, as from `sql_users`.
    settings : TargetingSettings
        ``stage_method`` "rule" leaves the model out.

    Returns
    -------
    Stages

    Examples
    --------
    >>> from segtool.personas import Personas
    >>> from segtool.sources import Sources
    >>> from segtool.targeting.members import align_personas
    >>> events = pd.DataFrame({"user_id": ["a", "b"], "event": ["view", "purchase"],
    ...                        "event_time": "2026-06-20 19:30:00"})
    >>> members = align_personas(Personas.from_assignments(["a", "b"], [1, 1]), np.array(["a", "b"]))
    >>> found = plan_stages(Sources.read({"events": events}, as_of="2026-07-01"), members,
    ...                     np.array(["a", "b"]), TargetingSettings())
    >>> found.users["stage"].tolist(), found.method  # two users are too few for the model
    (['attention', 'action'], 'rule')
    """
    users = pd.DataFrame({"user_id": user_ids})
    users["persona_id"] = pd.array(np.array([*members.persona_ids, 0])[members.home], dtype="Int64")
    users.loc[members.home < 0, "persona_id"] = pd.NA
    users = place_by_rule(sources, users, settings.stages(), settings.stage_window_days)
    rule, notes = users["stage"].to_numpy(dtype=object), _rule_notes(users, settings)
    model, states, weekly, why = _fit(sources, users, settings)
    notes += why
    if model is None:
        users, posterior = _by_rule(users, rule, list(settings.stages()))
        rates = moves = pd.DataFrame()
    else:
        users, posterior = _by_model(users, rule, model, states, weekly)
        notes += [*states.notes, *_agreement_notes(users, states, settings)]
        rates, moves = _tables(model, states, weekly)
    personas = persona_stages(users, posterior, members, settings.confidence)
    events = members.counted(users["n_events"].to_numpy(dtype=float))
    advice = stage_advice(personas, dict(zip(members.persona_ids, events, strict=True)))
    return Stages(users, personas, tuple(notes), advice, rates, moves, HMM if model else RULE)


def _rule_notes(users: pd.DataFrame, settings: TargetingSettings) -> list[str]:
    """Say what no method can see."""
    if not (users["depth"] > 0).any():
        window = f"the last {settings.stage_window_days:g} days"
        return [
            unknown(f"Stage: no event of {window} is a step of {settings.stage_model}; nobody's is known.")
        ]
    here = users.loc[users["depth"] > 0, "stage"].unique()
    if len(here) == 1:
        return [
            unknown(f"Stage: all steps on record are of one stage, {here[0]}; the others cannot be seen.")
        ]
    return []


def _fit(
    sources, users: pd.DataFrame, settings: TargetingSettings
) -> tuple[FunnelModel | None, States | None, WeeklyCounts | None, list[str]]:
    """Fit the model, or say why there is none."""
    if settings.stage_method == RULE or "events" not in sources.tables or not (users["depth"] > 0).any():
        return None, None, None, []
    stages = settings.stages()
    words = [word for events in stages.values() for word in events if word != RETURN]
    words = sorted({*words, *conversion_events(settings)})
    totals = step_totals(sources, words, settings.stage_weeks)
    n_weeks = int(min(settings.stage_weeks, totals["oldest"].max() // 7 + 1)) if len(totals) else 0
    returns = any(RETURN in events for events in stages.values())
    n_returns = int(totals["n_events"].sum()) if returns else 0
    states = tell_states(totals["n_events"], n_returns, settings)
    kinds = {states.place[word] for word in totals.index if word in states.place}
    if len(states.names) < 2 or len(kinds) < 2:
        return None, None, None, []  # told already: all steps are of one stage
    weekly = read_weekly(sources, len(users), states.place, n_weeks)
    judged = np.flatnonzero(weekly.start < n_weeks)
    by_rule = "the stage is the deepest step of the last"
    if len(judged) < settings.stage_min_users or n_weeks < 4:
        why = (
            f"only {n_weeks} weeks of steps, 4 are needed"
            if n_weeks < 4
            else f"{len(judged)} users with steps, {settings.stage_min_users} are needed for a model of stages"
        )
        note = known(f"Stage: {why}; {by_rule} {settings.stage_window_days:g} days.")
        return None, None, None, [note]
    some = judged[:: max(1, -(-len(judged) // MAX_USERS_TO_FIT))]
    return fit_funnel(weekly.take(some), len(states.names) + 1), states, weekly, []


def _by_rule(users: pd.DataFrame, rule, names: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    order = [LAPSED, *names]
    posterior = pd.DataFrame({name: (rule == name).astype(float) for name in order})
    nothing = dict.fromkeys(["probability", "entropy", "days_to_action", "p_action_7d"], np.nan)
    agree = pd.array(np.where(rule == UNKNOWN, None, True), dtype="boolean")
    return users.assign(**nothing, rule_stage=rule, agree=agree), posterior


def _by_model(
    users: pd.DataFrame, rule, model: FunnelModel, states: States, weekly: WeeklyCounts
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Place every user by the posterior; the rule stays beside it."""
    order = [LAPSED, *states.names]
    found = filter_users(model, weekly)
    judged = weekly.start < weekly.n_weeks
    # Nothing within the weeks that were read, but something before: gone.
    gone = ~judged & (rule == LAPSED)
    chances = np.where(judged[:, None], found.posterior, 0.0)
    chances[gone, 0] = 1.0
    known_stage = judged | gone
    best = chances.argmax(axis=1)
    stage = np.where(known_stage, np.array(order, dtype=object)[best], UNKNOWN)
    as_read = pd.Series(rule).map({**states.merged, LAPSED: LAPSED, UNKNOWN: UNKNOWN}).to_numpy(dtype=object)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = -np.where(chances > 0, chances * np.log(chances), 0).sum(axis=1) / np.log(len(order))
    blank = np.where(known_stage, 1.0, np.nan)
    told = users["evidence"].to_numpy(dtype=object)
    users = users.assign(
        stage=stage,
        depth=best * blank,
        evidence=np.where(judged, _evidence(chances, order, best) + "; deepest step: " + told, told),
        probability=chances.max(axis=1) * blank,
        entropy=np.maximum(spread, 0) * blank,
        days_to_action=np.where(judged, _days(found, model, states, weekly), np.nan),
        p_action_7d=np.where(judged, _soon(found, model, states, weekly), np.nan),
        rule_stage=rule,
        agree=pd.array(np.where(known_stage & (as_read != UNKNOWN), stage == as_read, None), dtype="boolean"),
    )
    posterior = pd.DataFrame(chances, columns=order)
    return users.join(posterior.mul(blank, axis=0).add_prefix("p_")), posterior


def _days(found: Filtered, model: FunnelModel, states: States, weekly: WeeklyCounts) -> np.ndarray:
    """Return the expected days until a user's next act if not lapsed; NaN where lapsed is likeliest.

    Acts are possible at every stage, at the rate of the stage and the user's activity; the stage moves on
    meanwhile.
    """
    rate = model.rates[1:, _acts(states, weekly)].sum(axis=1)
    stay = model.moves[1:, 1:] / model.moves[1:, 1:].sum(axis=1, keepdims=True)
    weeks = []
    for level in model.levels:
        never = np.exp(-level * rate)
        # Weeks from now: one, and where nothing came of it as many as from the stage then.
        weeks.append(np.linalg.solve(np.eye(len(rate)) - never[:, None] * stay, np.ones(len(rate))))
    here = found.posterior[:, 1:]
    total = here.sum(axis=1)
    by_level = here @ np.array(weeks).T / np.maximum(total, 1e-12)[:, None]
    place = np.abs(np.log(model.levels)[None, :] - np.log(found.activity)[:, None]).argmin(axis=1)
    days = 7 * by_level[np.arange(len(place)), place]
    return np.where(found.posterior.argmax(axis=1) > 0, np.round(days, 1), np.nan)


def _acts(states: States, weekly: WeeklyCounts) -> list[int]:
    return [weekly.families.index(word) for word in states.conversions if word in weekly.families]


def _soon(found: Filtered, model: FunnelModel, states: States, weekly: WeeklyCounts) -> np.ndarray:
    """Return the chance to act within the next week, from stage and activity."""
    rate = model.rates[:, _acts(states, weekly)].sum(axis=1)
    never = found.levels @ np.exp(-model.levels[:, None] * rate[None, :])
    return 1 - ((found.posterior @ model.moves) * never).sum(axis=1)


def _evidence(chances: np.ndarray, order: list[str], best: np.ndarray) -> np.ndarray:
    """Tell the two likeliest stages of each user: "desire 61%, memory 22%"."""
    rest = chances.copy()
    rows = np.arange(len(chances))
    rest[rows, best] = -1
    second = rest.argmax(axis=1)
    words = np.array(order, dtype=object)
    per_cent = np.array([f" {i}%" for i in range(101)], dtype=object)
    first, then = (np.round(100 * chances[rows, place]).astype(int) for place in (best, second))
    both = words[best] + per_cent[first] + ", " + words[second] + per_cent[then]
    return np.where(then > 0, both, words[best] + per_cent[first])


def _agreement_notes(users: pd.DataFrame, states: States, settings: TargetingSettings) -> list[str]:
    """Say how far model and rule agree, and warn where the model is sure and alone."""
    from sklearn.metrics import cohen_kappa_score

    both = users[users["agree"].notna()]
    if both.empty:
        return []
    is_label = settings.stage_events is None and settings.stage_model == "AIDMA"
    label = " (the label funnel_stage)" if is_label else ""
    share = float(both["agree"].astype(float).mean())
    notes = [
        known(
            f"Stage: read week by week by a model; it places {share:.0%} of {len(both):,} users where their "
            f"deepest step{label} does. Where they differ the plan follows the model."
        )
    ]
    order = [LAPSED, *states.names]
    rule = both["rule_stage"].map({**states.merged, LAPSED: LAPSED})
    kappa = cohen_kappa_score(
        both["stage"].map(order.index), rule.map(order.index), weights="quadratic", labels=range(len(order))
    )
    sure = float(both["probability"].mean())
    if sure > SURE and kappa < LEAST_KAPPA:
        notes.append(
            unknown(
                f"Stage: the model is {sure:.0%} sure on average, yet hardly agrees with the deepest step "
                f"(kappa {kappa:.2f}); one of them is wrong: look at some users before relying on either."
            )
        )
    return notes


def _tables(model: FunnelModel, states: States, weekly: WeeklyCounts) -> tuple[pd.DataFrame, pd.DataFrame]:
    order = pd.Index([LAPSED, *states.names], name="stage")
    rates = pd.DataFrame(model.rates, index=order, columns=list(weekly.families))
    rates["visits"] = model.visits
    return rates, pd.DataFrame(model.moves, index=order, columns=list(order))
