"""The event study of every activity: what it did to the talk, its topic and silent members, and what stayed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.community.activities.curve import COLUMNS as CURVE
from segtool.community.activities.curve import trace_days
from segtool.community.activities.effects import begin_study, measure_effects
from segtool.community.activities.panel import BEFORE, SETTLES, Panel, build_panel
from segtool.community.activities.pooled import COLUMNS as POOLED
from segtool.community.activities.pooled import pool_effects
from segtool.community.activities.returned import COLUMNS as RETURNED
from segtool.community.activities.returned import find_returned
from segtool.community.activities.steering import measure_steering
from segtool.community.activities.wording import (
    LIFTED,
    MATCHED,
    OWN,
    UNKNOWN,
    adjust,
    give_reason,
    give_verdicts,
)
from segtool.display import Shown
from segtool.notes import known, unknown

TABLE = [
    "activity_id", "group_id", "title", "starts_on", "ends_on", "n_days", "running", "mixed", "verdict", "seen",
    "expected", "lift", "lo", "hi", "p", "q", "method", "n_controls", "lift_after", "after_lo", "after_hi",
    "sticks", "active_lift", "active_lo", "active_hi", "replies_lift", "replies_lo", "replies_hi",
    "first_messages", "first_messages_usual", "topic", "share_before", "n_before", "share_during", "n_during",
    "share_after", "n_after", "steer", "steer_lo", "steer_hi", "kept", "kept_lo", "kept_hi", "n_returned",
    "returned_usual", "n_stayed", "in_slump", "reason",
]  # fmt: skip
MEASURES = [
    "activity_id", "group_id", "measure", "window", "n_days", "seen", "expected", "lift", "lo", "hi", "p",
    "n_controls", "why",
]  # fmt: skip


@dataclass(frozen=True, repr=False, eq=False)
class Activities(Shown):
    """What activities did.

    Parameters
    ----------
    table : DataFrame
        One row per activity: verdict, messages ``seen`` and ``expected`` during it, ``lift`` (times) with its
        interval and p (``q``: adjusted for all activities), ``method`` and ``n_controls``; ``lift_after`` in
        the four weeks after and what share of the log lift ``sticks``; lifts of active members and answers;
        first messages of newcomers beside the usual; the topic's share before, during and after, how far it
        was steered and how much was kept (points from -1 to 1); who returned beside the usual, and how many
        still write; ``in_slump`` (it began when talk was slower than in the weeks before); ``reason``. Missing: not known.
    measures : DataFrame
        One row per activity, measure and window (before, during, week 1 to week 4, after).
    pooled : DataFrame
        One row per group ("" for all), measure and window: lift with its interval over activities.
    returned : DataFrame
        One row per activity and member who came back.
    curve : DataFrame
        One row per day around the start, over all activities that stand alone.
    notes : tuple of str
    level : float
        Of the intervals.
    """

    table: pd.DataFrame
    measures: pd.DataFrame
    pooled: pd.DataFrame
    returned: pd.DataFrame
    curve: pd.DataFrame
    notes: tuple[str, ...]
    level: float

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per activity."""
        return self.table.copy()

    def headline(self) -> str:
        """Return how many activities lifted the talk, and by how much on the whole."""
        if self.table.empty:
            return "No activities"
        n = len(self.table)
        if (self.table["verdict"] == UNKNOWN).all():
            return f"{n} activities on record, of none of which the effect can be told"
        says = f"{int((self.table['verdict'] == LIFTED).sum())} of {n} activities lifted the talk"
        whole = self.overall("messages", "during")
        if whole is None:
            return says
        return f"{says}; over all {whole['lift']:.1f} times as usual ({whole['lo']:.1f} to {whole['hi']:.1f})"

    def overall(self, measure: str, window: str) -> dict | None:
        """Return the pooled effect over all activities; None where it is not known."""
        rows = self.pooled
        row = rows[(rows["group_id"] == "") & (rows["measure"] == measure) & (rows["window"] == window)]
        return row.iloc[0].to_dict() if len(row) and np.isfinite(row["lift"].iloc[0]) else None


def study_activities(talk, settings=None, random_state: int = 0) -> Activities:
    """Study what each activity did: before, during and after, against groups like it on the same days.

    Parameters
    ----------
    talk : Talk
    settings : CommunitySettings, optional
        Those of the talk by default: ``baseline_days``, ``silent_days``, ``n_controls``, ``min_controls``,
        ``activity_confidence``.
    random_state : int, default 0
        Of the sample of placebo windows, where there are very many.

    Returns
    -------
    Activities
        Empty, with a note that says why, where there are no activities or no messages.

    Notes
    -----
    Difference in differences of counts. What was to be expected of a window is the group's pace on the
    ``baseline_days`` before that no activity touched, at the pace of those weekdays, times how far matched
    groups without an activity moved on the same days (shrunk by how surely that is known), and less what
    comes back by itself where those days were slow beside the weeks before (regression to the mean). Noise is learnt
    from placebo windows: the same reckoning at dates at which no activity was. Intervals invert a negative
    binomial test with that noise, at tail chances corrected by where the placebos fell.

    References
    ----------
    Borusyak, Jaravel and Spiess 2024, Revisiting event-study designs, Review of Economic Studies 91.
    Chernozhukov, Wuethrich and Zhu 2021, An exact and robust conformal inference method for counterfactual
    and synthetic controls, Journal of the American Statistical Association 116: 1849-1864.

    Examples
    --------
    >>> from segtool.community.talk import read_talk
    >>> from segtool.sources import Sources
    >>> from segtool.sources.simulate.groups import simulate_groups
    >>> world = simulate_groups(["thriving"] * 6, random_state=1, lift=4.0, dud_share=0.0)
    >>> found = study_activities(read_talk(Sources.read(world.tables, as_of=world.as_of)))
    >>> found.overall("messages", "during")["lo"] > 1
    True
    """
    settings = talk.settings if settings is None else settings
    level = settings.activity_confidence
    if talk.activities.empty or not talk.by_people.any() or not (talk.messages["day"] < 0).any():
        return _nothing(talk, level)
    panel = build_panel(talk, settings.silent_days)
    study = begin_study(panel, settings, random_state)
    effects = measure_effects(study)
    plans = panel.plans
    effects["row"], effects["group"] = (plans[name].to_numpy()[effects["plan"]] for name in ("row", "group"))
    effects["week"] = plans["first"].to_numpy()[effects["plan"]] // 7
    mixed = _mixed(panel)
    alone = ~mixed[effects["plan"].to_numpy()]
    returned = find_returned(talk, panel, settings.silent_days)
    table = _describe(talk, panel, mixed)
    table = _add_effects(table, effects, settings.min_controls, level)
    steering = measure_steering(talk, panel, settings.baseline_days, level)
    table = table.join(steering.set_index(plans["row"].to_numpy()))
    table = _add_returned(table, returned, effects, plans)
    table["reason"] = [give_reason(row) for row in table.to_dict("records")]
    acts = talk.activities
    measures = effects.assign(
        activity_id=acts["activity_id"].to_numpy(object)[plans["row"].to_numpy()[effects["plan"]]],
        group_id=talk.group_ids[effects["group"]],
    )
    return Activities(
        table[TABLE].reset_index(drop=True),
        measures[MEASURES].reset_index(drop=True),
        pool_effects(effects[alone], talk.group_ids, level),
        returned,
        trace_days(study, ~mixed),
        _notes(table, mixed, settings),
        level,
    )


def _nothing(talk, level: float) -> Activities:
    says = "there are no activities" if talk.activities.empty else "nobody wrote anything that is on record"
    empty = (pd.DataFrame(columns=columns) for columns in (TABLE, MEASURES, POOLED, RETURNED, CURVE))
    return Activities(*empty, (unknown(f"Activities: {says}, so what they do is not known."),), level)


def _mixed(panel: Panel) -> np.ndarray:
    """Say of each activity whether another of its group runs, is announced or echoes while it runs."""
    plans = panel.plans.sort_values(["group", "first", "last"], kind="stable")
    group, first = plans["group"].to_numpy(), plans["first"].to_numpy()
    last = plans["last"].to_numpy()
    running = plans.groupby("group")["last"].cummax().to_numpy()  # an earlier one may outlast later ones
    same = group[1:] == group[:-1]
    after = np.r_[False, same & (first[1:] <= running[:-1] + SETTLES)] if len(plans) else np.zeros(0, bool)
    before = np.r_[same & (first[1:] - BEFORE <= last[:-1]), False] if len(plans) else np.zeros(0, bool)
    mixed = np.zeros(len(plans), dtype=bool)
    mixed[plans.index.to_numpy()] = after | before
    return mixed


def _describe(talk, panel: Panel, mixed: np.ndarray) -> pd.DataFrame:
    """Return what each activity is: one row per row of ``talk.activities``."""
    acts = talk.activities
    table = pd.DataFrame(
        {"activity_id": acts["activity_id"].to_numpy(object), "group_id": talk.group_ids[acts["group"]],
         "title": acts["title"].to_numpy(object), "running": (acts["end"] >= 0).to_numpy(bool)}
    )  # fmt: skip
    names = np.array([*talk.topics, None], dtype=object)
    table["topic"] = names[acts["topic"].to_numpy()]
    for column, name, less in (("starts_on", "start", 0.0), ("ends_on", "end", 1.0)):
        seconds = acts[name].fillna(acts["start"] + less).to_numpy(dtype=float) - less
        times = (talk.as_of + pd.to_timedelta(pd.Series(seconds), unit="s")).dt.tz_convert(talk.timezone)
        table[column] = times.dt.strftime("%Y-%m-%d").astype(object)
    rows = panel.plans["row"].to_numpy()
    table["n_days"] = np.nan
    table.loc[rows, "n_days"] = (panel.plans["last"] - panel.plans["first"] + 1).to_numpy(dtype=float)
    table["mixed"] = False
    table.loc[rows, "mixed"] = mixed
    return table


def _add_effects(table: pd.DataFrame, effects: pd.DataFrame, min_controls: int, level: float) -> pd.DataFrame:
    wanted = {
        ("messages", "during"): {"seen": "seen", "expected": "expected", "lift": "lift", "lo": "lo", "hi": "hi",
                                 "p": "p", "n_controls": "n_controls", "in_slump": "in_slump", "why": "why"},
        ("messages", "after"): {"lift": "lift_after", "lo": "after_lo", "hi": "after_hi", "why": "why_after"},
        ("active members", "during"): {"lift": "active_lift", "lo": "active_lo", "hi": "active_hi"},
        ("replies", "during"): {"lift": "replies_lift", "lo": "replies_lo", "hi": "replies_hi"},
        ("first messages", "during"): {"seen": "first_messages", "expected": "first_messages_usual"},
        ("returns", "during"): {"expected": "returned_usual"},
    }  # fmt: skip
    places = effects["row"].to_numpy()
    for (measure, window), names in wanted.items():
        own = ((effects["measure"] == measure) & (effects["window"] == window)).to_numpy()
        part = effects[own].set_index(places[own])[list(names)].rename(columns=names)
        table = table.join(part)
    table["in_slump"] = table["in_slump"].eq(True)
    table["why"] = table["why"].fillna("before the records begin")
    table["why_after"] = table["why_after"].fillna("")
    told = table["lift"].notna()
    table["method"] = np.where(told, np.where(table["n_controls"] >= min_controls, MATCHED, OWN), "")
    table["q"] = adjust(table["p"].to_numpy())
    table["verdict"] = give_verdicts(table, level)
    share = np.log(table["lift_after"]) / np.log(table["lift"])
    table["sticks"] = share.clip(lower=0).where(table["verdict"] == LIFTED)
    return table


def _add_returned(table: pd.DataFrame, returned: pd.DataFrame, effects, plans) -> pd.DataFrame:
    known_days = effects[(effects["measure"] == "returns") & (effects["window"] == "during")]
    can = np.zeros(len(table), dtype=bool)
    can[plans["row"].to_numpy()[known_days["plan"]]] = known_days["n_days"].to_numpy() > 0
    counts = returned["activity_id"].value_counts()
    stayed = returned.loc[returned["still_writes"] == "yes", "activity_id"].value_counts()
    for name, found in (("n_returned", counts), ("n_stayed", stayed)):
        n = table["activity_id"].map(found).astype(float).fillna(0.0)
        table[name] = n.where(can)  # in the first weeks on record nobody can be known to have been silent
    return table


def _notes(table: pd.DataFrame, mixed: np.ndarray, settings) -> tuple[str, ...]:
    n, blind = len(table), table["verdict"] == UNKNOWN
    counts = table["method"].value_counts()
    notes = [
        known(f"Activities: {n:,} on record; compared with matched groups on the same days: "
              f"{counts.get(MATCHED, 0):,}; with the group's own history: {counts.get(OWN, 0):,}.")
    ]  # fmt: skip
    if counts.get(OWN, 0):
        notes.append(known(f"Activities: for those compared with their own history fewer than {settings.min_controls} "
                           "groups are like theirs and had no activity then; what all groups shared on those days "
                           "may be taken for an effect."))  # fmt: skip
    if mixed.any():
        notes.append(known(f"Activities: within days of another one of the same group: {int(mixed.sum()):,}; "
                           "left out of what activities did on the whole."))  # fmt: skip
    if blind.any():
        why = table.loc[blind, "why"].value_counts().index[0]
        notes.append(unknown(f"Activities: {int(blind.sum()):,} of {n:,} cannot be told, mostly: {why}."))
    early = int((~blind & (table["why_after"] == "too recent")).sum())
    if early:
        notes.append(
            unknown(f"Activities: too recent for an after: {early:,}; read them again in four weeks.")
        )
    return tuple(notes)
