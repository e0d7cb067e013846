"""The talk day by day around the start of activities, beside what was to be expected."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.community.activities.effects import (
    Study,
    draw_placebos,
    learn_noise_of,
    undisturbed,
)
from segtool.community.activities.noise import expect
from segtool.community.activities.panel import BEFORE
from segtool.community.activities.pooled import LEAST_EXPECTED, pool_one
from segtool.community.activities.windows import LEAST_DAYS, count_days, read_base, read_windows

DAYS_BEFORE, DAYS_AFTER = 14, 28
COLUMNS = ["day", "n_activities", "seen", "expected", "lift", "lo", "hi"]


def trace_days(study: Study, use: np.ndarray) -> pd.DataFrame:
    """Return messages day by day around the start of activities, over all of them.

    Parameters
    ----------
    study : Study
    use : ndarray of bool, shape (n_plans,)
        The activities to count: those that stand alone.

    Returns
    -------
    DataFrame
        day (0 is the day of the start), n_activities, seen, expected, lift, lo, hi; missing where too few.

    Notes
    -----
    The two weeks before are part of what is usual, so that they lie around 1 by themselves (below it where
    activities began in a slump); that they do without a slope is what makes the comparison believable.
    """
    panel, name = study.panel, "messages"
    plans, group = panel.plans, panel.plans["group"].to_numpy()
    day, first, last = (
        np.arange(panel.n_days),
        plans["first"].to_numpy()[:, None],
        plans["last"].to_numpy()[:, None],
    )
    own = (day >= first - BEFORE) & (day <= last)
    mask = panel.known[name][group] & np.where(own, panel.alone, panel.untouched)
    counts = panel.counts[name]
    others = count_days(counts, undisturbed(panel, name), panel.weekday)
    quiet = count_days(counts[group], panel.known[name][group] & panel.untouched, panel.weekday[group])
    inside = count_days(counts[group], mask, panel.weekday[group])
    start = first[:, 0]
    base = read_base(quiet, np.arange(len(plans)), others, study.near, start, study.base_days)
    noise = learn_noise_of(study, draw_placebos(study, others), "during", 1)
    size, spread = others.pace()[group], noise.scatter[group] + noise.shared
    rows = []
    for offset in range(-DAYS_BEFORE, DAYS_AFTER + 1):
        low = start + offset
        found = read_windows(base, inside, others, low, low + 1)
        told = expect(found, noise, group, study.min_controls)
        good = use & (found.days == 1) & (found.base_days >= LEAST_DAYS) & (low >= 0) & (low < panel.n_days)
        good &= told.mean[good].sum() >= LEAST_EXPECTED
        part = [values[good] for values in (found.seen, told.mean, spread, size)]
        rows.append({"day": offset, **pool_one(*part, study.level, (group[good], start[good] // 7))})
    return pd.DataFrame(rows)[COLUMNS]
