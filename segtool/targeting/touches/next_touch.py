"""The next best touch: which send is followed by a step up, by the stage people stood at before it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from segtool.pooling import beta_interval, paule_mandel
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.stages.rule import LAPSED
from segtool.targeting.touches.arms import arm_rates
from segtool.targeting.touches.read import SPAN, Log, count_before, last_before, next_after
from segtool.targeting.touches.within import Within, adjusted, compare_within
from segtool.targeting.verdicts import ASSOCIATED, LOGGED

OPTIONS = [
    "stage", "by", "option", "estimate", "lo", "hi", "base", "increment", "increment_lo", "increment_hi",
    "increment_q", "others_q", "gain", "price", "value", "n_users", "n_events", "verdict",
]  # fmt: skip
BANDS = {"1st": (1, 1), "2nd or 3rd": (2, 3), "4th to 7th": (4, 7), "8th or later": (8, 10**9)}
BOTH, ANY = "channel and topic", "any send"
HABIT_DAYS = 180.0
GOLDEN = 0.6180339887  # spreads numbers 0, 1, 2, ... evenly over a week
MOST_NEAR = 3  # other sends near one; more are held to be as many
BUSY = (1, 3, 5, 8, 12, 18, 27, 40)
CAUTION = 1.0  # standard deviations by which options are held to differ more than seen
AHEAD_DAYS = 28.0  # a stage is worth the share of its people who act within four weeks
LEAST_SENDS = 30  # options sent less often at a stage are left to exploration
CLAIMED = 0.05  # of what is said to surely move people, at most so much is chance (Benjamini-Hochberg)


@dataclass(frozen=True)
class Moments:
    """Moments in time, what stage people were at, and what followed.

    Parameters
    ----------
    code : ndarray of int
    before : ndarray of int
        Deepest step of the days before: 0 lapsed, -1 never seen.
    up : ndarray of bool
        A deeper step within the window; at the last stage on record, being there again.
    gain : ndarray
        By how much a step up raised the share who act soon.
    busy : ndarray of int
        Steps in the days before, in classes: busy people are sent more and step up more, sent to or not.
    habit : ndarray of int
        Steps a month since first seen, in classes: who is new has few steps behind them, and many to come.
    week : ndarray of int
        Weeks before ``as_of``: there are busy weeks, and weeks with many sends.
    """

    code: np.ndarray
    before: np.ndarray
    up: np.ndarray
    gain: np.ndarray
    busy: np.ndarray
    habit: np.ndarray
    week: np.ndarray

    def take(self, rows: np.ndarray) -> Moments:
        """Return some of the moments."""
        return Moments(*(getattr(self, field.name)[rows] for field in fields(self)))


def stage_values(log: Log, settings: TargetingSettings) -> np.ndarray:
    """Return the share of people at each stage (0: lapsed) who act within four weeks."""
    windows = weekly_moments(log, AHEAD_DAYS)
    before = _stage_at(log, windows, settings.stage_window_days)
    acts = next_after(log.acts, windows) < AHEAD_DAYS
    n = np.bincount(before[before >= 0], minlength=len(log.steps) + 1)
    hits = np.bincount(before[before >= 0], weights=acts[before >= 0], minlength=len(log.steps) + 1)
    return hits / np.maximum(n, 1)


def weekly_moments(log: Log, follow_days: float) -> np.ndarray:
    """Return keys of one moment a week for everybody sent to, over the time in which sends were made.

    Each person has a day and hour of their own, so that all parts of a week are seen, as by sends.
    """
    oldest = float(log.sends["age_days"].max())
    codes = np.unique(log.sends["code"].to_numpy())
    phase = 7 * (codes * GOLDEN % 1)
    ages = follow_days + phase[:, None] + np.arange(0, max(oldest - follow_days, 0) + 1e-9, 7.0)[None, :]
    keys = codes[:, None] * SPAN + (SPAN / 2 - ages)
    return keys[ages <= oldest]


def _stage_at(log: Log, at: np.ndarray, window_days: float) -> np.ndarray:
    """Return the deepest step of the window before each moment, 0 for an older one only, -1 for none."""
    stage = np.full(len(at), -1)
    for place, keys in enumerate(log.steps, start=1):
        ago = last_before(keys, at)
        stage = np.where(ago < window_days, place, np.where((ago < np.inf) & (stage < 0), 0, stage))
    return stage


def last_on_record(log: Log) -> int:
    """Return the place of the deepest stage anybody reached: from there, nobody goes further."""
    return max((place for place, keys in enumerate(log.steps, start=1) if len(keys)), default=len(log.steps))


def look_at(log: Log, at: np.ndarray, values: np.ndarray, settings: TargetingSettings) -> Moments:
    """See what stage people were at, and whether a step up followed."""
    before = _stage_at(log, at, settings.stage_window_days)
    after = np.zeros(len(at), dtype=int)
    for place, keys in enumerate(log.steps, start=1):
        after = np.where(next_after(keys, at) < settings.touch_window_days, place, after)
    last = last_on_record(log)
    up = np.where(before == last, after == last, after > np.maximum(before, 0))
    gain = np.where(before == last, 1.0, np.maximum(values[after] - values[np.maximum(before, 0)], 0))
    every = np.sort(np.concatenate(log.steps))
    steps = count_before(every, at, np.full(len(at), settings.stage_window_days))
    busy = np.searchsorted(BUSY, steps, side="right")
    code = (at // SPAN).astype(np.int64)
    seen = at - code * SPAN - log.first_seen.reindex(code).to_numpy(dtype=float)
    days = np.clip(np.nan_to_num(seen), 7, HABIT_DAYS)
    month = 30 * count_before(every, at, np.full(len(at), HABIT_DAYS)) / days
    habit = np.searchsorted(BUSY, month, side="right")
    week = np.floor((SPAN / 2 - at % SPAN) / 7 - 1e-9).astype(int)
    return Moments(code, before, up, np.where(up, gain, 0.0), busy, habit, week)


def next_touches(
    log: Log, settings: TargetingSettings, optout_cost: float | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Estimate what follows each kind of send, stage by stage.

    Parameters
    ----------
    log : Log
    settings : TargetingSettings
    optout_cost : float, optional
        In actions; by default what half a year of sends at the present rhythm has brought.

    Returns
    -------
    DataFrame
        See `TouchPlan`.
    list of str
        What the propensities were worth.

    Notes
    -----
    P(up) of an option is Beta with the stage's own rate as prior mean and a prior size from the spread
    between options (Paule-Mandel); of a channel with a topic, the prior mean is what channel and topic say
    apart, added on the logit scale. Counts are divided by the design effect of sends to one person. What a
    send brings is compared within people (see `compare_within`) and shrunk towards that of any send; what is
    claimed surely rests on the differences as they are, adjusted for all that are looked at.
    """
    sends = log.sends[log.sends["age_days"] >= settings.touch_window_days].reset_index(drop=True)
    if sends.empty:
        return pd.DataFrame(columns=OPTIONS), []
    values = stage_values(log, settings)
    moments = look_at(log, sends["code"].to_numpy() * SPAN + sends["time"].to_numpy(), values, settings)
    quiet = _untouched(log, values, settings)
    sends["touch"] = sends.groupby("code").cumcount() + 1
    sends["near"] = _others_near(log, sends, settings.touch_window_days)
    stages = []
    for place, stage in enumerate([LAPSED, *log.stages]):
        here = moments.before == place
        if here.sum() >= LEAST_SENDS:
            frame = sends[here].assign(up=moments.up[here], won=moments.gain[here])
            frame = frame.assign(**{"touch number": _bands(frame["touch"]), ANY: "any", BOTH: _pair(frame)})
            stages.append(
                AtStage(
                    stage, frame.reset_index(drop=True), moments.take(here), quiet.take(quiet.before == place)
                )
            )
    cost = _optout_cost(sends, stages, settings) if optout_cost is None else optout_cost
    tables, notes = [], []
    for at_stage in stages:
        tables.append(_options(at_stage, cost, settings))
        if {"arm", "propensity"} <= set(at_stage.frame):
            table, why = _by_arm(at_stage, settings)
            tables.append(table)
            notes += why
    tables = [table for table in tables if len(table)]
    return _judged(pd.concat(tables, ignore_index=True)) if tables else pd.DataFrame(columns=OPTIONS), notes


@dataclass(frozen=True)
class AtStage:
    """The sends to people at one stage, and the moments without a send of people there."""

    stage: str
    frame: pd.DataFrame
    sent: Moments
    quiet: Moments

    def compare(self, by: str) -> Within:
        """Compare the options of a kind with no send, and with each other, within people."""
        parts = {
            name: np.concatenate([getattr(self.sent, name), getattr(self.quiet, name)])
            for name in ("code", "up", "week", "busy", "habit")
        }
        sent = np.arange(len(parts["code"])) < len(self.frame)
        near = np.concatenate([self.frame["near"], np.zeros(len(self.quiet.code), dtype=int)])
        controls = np.column_stack([near, *(parts[name] for name in ("week", "busy", "habit"))])
        return compare_within(self.frame[by], parts["code"], parts["up"], sent, controls)


def _others_near(log: Log, sends: pd.DataFrame, window_days: float) -> np.ndarray:
    """Return how many other sends came within a window of each, before and after, in classes; 0 for none.

    What follows a send may be another's doing.
    """
    every = log.sends["code"].to_numpy() * SPAN + log.sends["time"].to_numpy()
    at = sends["code"].to_numpy() * SPAN + sends["time"].to_numpy()
    before = count_before(every, at, np.full(len(at), window_days))
    around = np.searchsorted(every, at + window_days) - np.searchsorted(every, at - window_days)
    after = np.maximum(around - before - 1, 0)
    return np.minimum(before, MOST_NEAR) * (MOST_NEAR + 1) + np.minimum(after, MOST_NEAR)


def _judged(table: pd.DataFrame) -> pd.DataFrame:
    """Adjust for how many options were looked at; chances support an arm only where it surely does more."""
    table["increment_q"], table["others_q"] = adjusted(table["p_more"]), adjusted(table["p_others"])
    drawn = adjusted(table.get("p_drawn", pd.Series(np.nan, table.index))) <= CLAIMED
    table["verdict"] = table["verdict"].where(drawn | (table["verdict"] != LOGGED), ASSOCIATED)
    return table[OPTIONS]


def _untouched(log: Log, values: np.ndarray, settings: TargetingSettings) -> Moments:
    """Look at weeks in which, and before which, a person was sent nothing: what happens anyhow."""
    at = weekly_moments(log, settings.touch_window_days)
    sent = log.sends["code"].to_numpy() * SPAN + log.sends["time"].to_numpy()
    window = settings.touch_window_days
    alone = (last_before(sent, at) > window) & (next_after(sent, at) > window)
    return look_at(log, at[alone], values, settings)


def _optout_cost(sends, stages: list[AtStage], settings: TargetingSettings) -> float:
    """Return what an opt-out costs, in actions: what the sends of half a year would have brought."""
    if settings.optout_cost is not None:
        return settings.optout_cost
    weeks = max((sends["age_days"].max() - sends["age_days"].min()) / 7, 1)
    weekly = len(sends) / sends["code"].nunique() / weeks
    brought = [one.compare(ANY).more["any"] * _gain(one.frame) * len(one.frame) for one in stages]
    return max(float(np.nansum(brought)) / len(sends), 0.0) * weekly * settings.optout_weeks


def _gain(frame: pd.DataFrame) -> float:
    """Return what a step up adds to the share who act soon."""
    return float(frame.loc[frame["up"], "won"].mean()) if frame["up"].any() else 0.0


def _design_effect(frame: pd.DataFrame) -> float:
    """Return how many sends say as much as one by itself: those to one person go together."""
    rate = frame["up"].mean()
    if not 0 < rate < 1:
        return 1.0
    by_user = (frame["up"] - rate).groupby(frame["code"]).sum()
    return max(1.0, float((by_user**2).sum()) / (rate * (1 - rate) * len(frame)))


def _options(at_stage: AtStage, cost: float, settings) -> pd.DataFrame:
    frame = at_stage.frame
    effect, rate = _design_effect(frame), float(frame["up"].mean())
    tables, apart, usual = [], {}, at_stage.compare(ANY)
    for by in (ANY, "channel", "topic", "format", "touch number"):
        if by in frame and frame[by].notna().any():
            apart[by] = _shrunk(frame, by, "up", effect)
            table = _rows(frame, by, *apart[by])
            tables.append(_with_more(table, usual if by == ANY else at_stage.compare(by), usual))
    if {"channel", "topic"} <= set(apart):
        table = _rows(frame, BOTH, *_shrunk(frame, BOTH, "up", effect, _prior(frame, apart, rate)))
        tables.append(_with_more(table, at_stage.compare(BOTH), usual))
    table = pd.concat(tables, ignore_index=True)
    table["price"] = _prices(frame, table["option"]) * cost + settings.touch_cost
    table = table.assign(stage=at_stage.stage, gain=_gain(frame), verdict=ASSOCIATED)
    return _finish(table, settings.confidence)


def _with_more(table: pd.DataFrame, found: Within, usual: Within) -> pd.DataFrame:
    """Add what each option brings beyond no send, shrunk towards what any send does."""
    own = pd.DataFrame(vars(found)).reindex(table["option"])
    more, noise = own["more"].to_numpy(), own["variance"].to_numpy()
    centre, doubt = float(usual.more["any"]), float(usual.variance["any"])
    told = np.isfinite(more)
    if len(table) > 1 and told.any() and np.isfinite(centre):
        spread = max(paule_mandel((more[told] - centre) ** 2, noise[told], CAUTION), 1e-9)
        trust = np.where(told, spread / (spread + np.where(told, noise, 1.0)), 0.0)
        more = centre + trust * np.where(told, more - centre, 0.0)
        noise = np.where(told, trust * np.where(told, noise, 0.0), spread) + doubt * (1 - trust) ** 2
    return table.assign(
        more=more, more_variance=noise, p_more=own["p_more"].to_numpy(), p_others=own["p_others"].to_numpy()
    )


def _prices(frame: pd.DataFrame, options: pd.Series) -> np.ndarray:
    """Return the share of sends after which people opt out: of an option's channel, else of all."""
    usual = float(frame["left_after"].mean())
    if "channel" not in frame or not frame["channel"].notna().any():
        return np.full(len(options), usual)
    leaving = _shrunk(frame, "channel", "left_after", 1.0)[0]
    return options.str.split(": ").str[0].map(leaving).astype(float).fillna(usual).to_numpy()


def _pair(frame: pd.DataFrame) -> pd.Series:
    if not {"channel", "topic"} <= set(frame):
        return pd.Series(None, index=frame.index, dtype=object)
    known = frame["channel"].notna() & frame["topic"].notna()
    return (frame["channel"].astype(str) + ": " + frame["topic"].astype(str)).where(known)


def _bands(touch: pd.Series) -> np.ndarray:
    names = list(BANDS)
    ends = [low for low, _ in BANDS.values()][1:]
    return np.array(names, dtype=object)[np.searchsorted(ends, touch.to_numpy(), side="right")]


def _prior(frame: pd.DataFrame, apart: dict, rate: float) -> pd.DataFrame:
    """Return what channel and topic say of each pair apart, added on the logit scale, and its variance."""
    pairs = frame.dropna(subset=[BOTH]).drop_duplicates(BOTH).set_index(BOTH)
    channel, topic = (_odds(pairs[by].map(apart[by][0]).astype(float)) for by in ("channel", "topic"))
    noise = sum(pairs[by].map(apart[by][1]).astype(float) for by in ("channel", "topic"))
    return pd.DataFrame({"mean": 1 / (1 + np.exp(-(channel + topic - _odds(rate)))), "variance": noise})


def _odds(rate):
    rate = np.clip(rate, 1e-4, 1 - 1e-4)
    return np.log(rate / (1 - rate))


def _shrunk(frame, by: str, hit: str, effect: float, prior: pd.DataFrame | None = None):
    """Return the posterior mean and variance of each option's rate, by option."""
    cells = frame.groupby(by, sort=True, observed=True)[hit].agg(["sum", "count"])
    rate = float(frame[hit].mean())
    if prior is None:  # what all options lean on is itself an estimate
        prior = pd.DataFrame({"mean": rate, "variance": rate * (1 - rate) * effect / len(frame)}, cells.index)
    centre, doubt = (prior[name].reindex(cells.index) for name in ("mean", "variance"))
    n = cells["count"] / effect
    raw = cells["sum"] / cells["count"]
    noise = np.maximum(centre * (1 - centre), 1e-9)
    spread = paule_mandel(((raw - centre) ** 2 / noise).to_numpy(), (1 / n).to_numpy(), CAUTION)
    size = float(np.clip(1 / max(spread, 1e-9) - 1, 2, 5_000))
    mean = (raw * n + centre * size) / (n + size)
    return mean, mean * (1 - mean) / (n + size + 1) + doubt * (size / (n + size)) ** 2


def _rows(frame, by: str, mean: pd.Series, variance: pd.Series) -> pd.DataFrame:
    cells = frame.groupby(by, sort=True, observed=True)["code"].agg(["count", "nunique"])
    table = pd.DataFrame(
        {
            "by": by, "option": [str(name) for name in cells.index], "estimate": mean.to_numpy(dtype=float),
            "variance": variance.to_numpy(dtype=float), "n_users": cells["nunique"].to_numpy(),
            "n_events": cells["count"].to_numpy(),
        }
    )  # fmt: skip
    return table[table["n_events"] >= LEAST_SENDS]


def _finish(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Add intervals, what happens without a send, and what a send is worth beyond that."""
    from scipy import stats

    lo, hi = beta_interval(table["estimate"].to_numpy(), table["variance"].to_numpy(), confidence)
    more = table["more"]
    reach = stats.norm.ppf(0.5 + confidence / 2) * np.sqrt(table["more_variance"])
    return table.assign(
        lo=lo, hi=hi, base=(table["estimate"] - more).clip(0, 1), increment=more, increment_lo=more - reach,
        increment_hi=more + reach, value=more.fillna(table["estimate"]) * table["gain"] - table["price"],
    )  # fmt: skip


def _by_arm(at_stage: AtStage, settings) -> tuple[pd.DataFrame, list[str]]:
    """Estimate each arm for everybody at a stage, every send weighing 1 / its chance."""
    table, faults = arm_rates(at_stage.frame)
    if table.empty:
        return table, []
    table = _with_more(table, at_stage.compare("arm"), at_stage.compare(ANY))
    table = table.assign(
        by="arm", stage=at_stage.stage, gain=_gain(at_stage.frame), price=settings.touch_cost,
        verdict=ASSOCIATED if faults else LOGGED,
    )  # fmt: skip
    notes = [f"Touch: arms at {at_stage.stage} stay associated only: {faults[0]}."] if faults else []
    return _finish(table, settings.confidence), notes
