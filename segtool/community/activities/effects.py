"""Each activity's effect on each measure: before, during, and in the weeks after."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from segtool.community.activities.noise import (
    TOO_IRREGULAR,
    Noise,
    chance_below,
    expect,
    learn_noise,
    lift_interval,
)
from segtool.community.activities.panel import BEFORE, MEASURES, Panel
from segtool.community.activities.windows import (
    LEAST_CLEAN,
    LEAST_DAYS,
    Base,
    Counted,
    Windows,
    count_days,
    match_groups,
    read_base,
    read_windows,
)

LENGTHS = (1, 2, 3, 5, 7, 14, 28)  # of placebo windows; an activity uses the nearest
MAX_PLACEBOS = 4_000  # a sample of them tells as much
USUAL_LENGTH = 2  # days of an activity that placebos of the weeks after stand for
WEEKS = 4
LEAST_BASE = 8  # messages, answers, ... in the days before, below which "as usual" is not known
FEW = "too little data before"
BURSTS = "talk comes in rare bursts, so that nothing is usual"
POOLABLE = ("", FEW, BURSTS)  # little of one activity is still some of many
OWN_SHARE = 0.5  # of a window's days, on which no other activity runs


@dataclass(frozen=True)
class Study:
    """What all windows are read from."""

    panel: Panel
    near: np.ndarray  # matched groups of each activity, (n_plans, n_controls)
    placebos: tuple[np.ndarray, np.ndarray, np.ndarray]  # group, start and matched groups of each
    base_days: int
    min_controls: int
    level: float


def begin_study(panel: Panel, settings, random_state: int) -> Study:
    """Match groups and settle how the windows are read."""
    plans = panel.plans
    near = match_groups(panel, plans["group"].to_numpy(), plans["first"].to_numpy(), settings.n_controls)
    group, start = _placebo_starts(panel, random_state)
    placebos = group, start, match_groups(panel, group, start, settings.n_controls)
    return Study(
        panel, near, placebos, settings.baseline_days, settings.min_controls, settings.activity_confidence
    )


def _placebo_starts(panel: Panel, random_state: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the starts that no activity touches; a sample where there are very many."""
    group, start = np.nonzero(panel.alive & (panel.touched == 0))
    if len(group) > MAX_PLACEBOS:
        rng = np.random.default_rng(random_state)
        chosen = np.sort(rng.choice(len(group), MAX_PLACEBOS, replace=False))
        group, start = group[chosen], start[chosen]
    return group, start


def measure_effects(study: Study) -> pd.DataFrame:
    """Return one row per activity, measure and window: seen, expected, lift with its interval.

    Returns
    -------
    DataFrame
        plan (row of ``panel.plans``), measure, window ("before", "during", "week 1" to "week 4", "after"),
        n_days, seen, n_controls, in_slump (the days before were slow),
        why (it cannot be told, "" if it can), told, expected, lift, lo, hi, p,
        spread (relative variance of such windows), doubt (that of what
        was expected of this one), size (count of so many usual days of the group).
    """
    rows = [_measure(study, name) for name in MEASURES]
    return pd.concat(rows, ignore_index=True)


def spans(plans: pd.DataFrame, n_days: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the windows of activities: first day, and the day after the last."""
    first, last = plans["first"].to_numpy(), plans["last"].to_numpy() + 1
    windows = {"before": (first - BEFORE, first), "during": (np.maximum(first, 0), np.minimum(last, n_days))}
    for week in range(WEEKS):
        windows[f"week {week + 1}"] = (last + 7 * week, last + 7 * (week + 1))
    windows["after"] = (last, last + 7 * WEEKS)
    return windows


def undisturbed(panel: Panel, name: str) -> np.ndarray:
    """Return the days of each group that may tell what days are like without an activity."""
    return panel.known[name] & panel.alive & (panel.touched == 0)


def _measure(study: Study, name: str) -> pd.DataFrame:
    panel = study.panel
    plans, known, counts = panel.plans, panel.known[name], panel.counts[name]
    group = plans["group"].to_numpy()
    others = count_days(counts, undisturbed(panel, name), panel.weekday)
    own = known[group]
    quiet = count_days(counts[group], own & panel.untouched, panel.weekday[group])
    alone = count_days(counts[group], own & panel.alone, panel.weekday[group])
    start = plans["first"].to_numpy()
    base = read_base(quiet, np.arange(len(plans)), others, study.near, start, study.base_days)
    placebos = draw_placebos(study, others)
    parts = []
    for window, (low, high) in spans(plans, panel.n_days).items():
        found = read_windows(base, alone if window in ("before", "during") else quiet, others, low, high)
        parts.append(_tell(study, placebos, name, window, found, low, high))
    return pd.concat(parts, ignore_index=True)


def _tell(
    study: Study, placebos: Placebos, name: str, window: str, found: Windows, low, high
) -> pd.DataFrame:
    """Return the table of one measure in one window: each length with the noise of its own placebos."""
    group = study.panel.plans["group"].to_numpy()
    length = high - low
    bucket = np.array(LENGTHS)[
        np.abs(np.log(np.maximum(length, 1))[:, None] - np.log(LENGTHS)).argmin(axis=1)
    ]
    table = pd.DataFrame({"plan": np.arange(len(group)), "measure": name, "window": window, "n_days": found.days,
                          "seen": found.seen, "n_controls": found.n_controls,
                          "in_slump": found.in_slump})  # fmt: skip
    table["why"] = _why_not(found, length, high, study.panel.n_days)
    table["told"] = table["why"] == ""
    for column in ("expected", "lift", "lo", "hi", "p", "spread", "doubt"):
        table[column] = np.nan
    usable = table["why"].isin(POOLABLE).to_numpy()
    for size in np.unique(bucket[usable]):
        rows = np.flatnonzero((bucket == size) & usable)
        noise = learn_noise_of(study, placebos, window, int(size))
        part = _picked(found, rows)
        told = expect(part, noise, group[rows], study.min_controls)
        below = chance_below(part.seen, told)
        table.loc[rows, ["expected", "lift", "lo", "hi", "p", "spread", "doubt"]] = np.column_stack(
            [told.mean, *lift_interval(part.seen, told, noise.tails), 2 * np.minimum(below, 1 - below),
             noise.scatter[group[rows]] + noise.shared, told.spread]
        )  # fmt: skip
    bursts = table["told"] & (table["doubt"] > TOO_IRREGULAR)
    table["why"], table["told"] = table["why"].mask(bursts, BURSTS), table["told"] & ~bursts
    table.loc[~table["told"], ["lift", "lo", "hi", "p"]] = np.nan
    return table.assign(size=placebos.others.pace()[group] * found.days)


def _why_not(found: Windows, length, high, n_days: int) -> np.ndarray:
    """Say why a window cannot be told; "" where it can."""
    reasons = [
        (high > n_days, "too recent"),
        (found.base_days < LEAST_DAYS, "too few undisturbed days before"),
        (found.days < np.maximum(OWN_SHARE * length, 1), "another activity at the same time"),
        (found.base < LEAST_BASE, FEW),
    ]
    return np.select([np.asarray(test) for test, _ in reasons], [text for _, text in reasons], "")


@dataclass(frozen=True)
class Placebos:
    """Starts at which no activity was, and what was usual before them."""

    others: Counted
    group: np.ndarray
    start: np.ndarray
    base: Base


def draw_placebos(study: Study, others: Counted) -> Placebos:
    """Return the starts at which no activity was, with enough before them of this measure."""
    group, start, near = study.placebos
    base = read_base(others, group, others, near, start, study.base_days)
    good = (base.days >= LEAST_DAYS) & (base.said >= LEAST_BASE)
    return Placebos(others, group[good], start[good], _picked(base, good))


def learn_noise_of(study: Study, placebos: Placebos, window: str, length: int) -> Noise:
    """Learn the noise of windows of a length."""
    low, high = _placebo_span(window, placebos.start, length)
    found = read_windows(placebos.base, placebos.others, placebos.others, low, high)
    good = (high <= study.panel.n_days) & (low >= 0) & (found.days >= LEAST_CLEAN * (high - low))
    n_groups = study.panel.touched.shape[0]
    return learn_noise(
        _picked(found, good), placebos.group[good], n_groups, length, study.min_controls, study.level
    )


def _picked(table, rows: np.ndarray):
    """Return a dataclass of arrays with some of its rows."""
    return type(table)(*(getattr(table, field.name)[rows] for field in fields(table)))


def _placebo_span(window: str, start: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where a placebo's window lies: as far from the days before as the activity's own."""
    if window == "before":
        return start - BEFORE, start - BEFORE + length
    if window == "during":
        return start, start + length
    week = int(window[-1]) - 1 if window.startswith("week") else 0
    low = start + USUAL_LENGTH + 7 * week
    return low, low + length
