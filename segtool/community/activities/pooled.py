"""What activities did on the whole: of each group, and of all."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from segtool.community.activities.effects import POOLABLE
from segtool.pooling import paule_mandel

COLUMNS = ["group_id", "measure", "window", "n_activities", "seen", "expected", "lift", "lo", "hi", "differ"]
LEAST = 2  # activities, below which there is nothing to pool
LEAST_BLOCKS = 6  # groups or weeks, below which their own spread cannot be told
LEAST_EXPECTED = 5.0  # fewer expected in all say nothing of how many times more were seen


def pool_effects(effects: pd.DataFrame, group_ids: np.ndarray, level: float) -> pd.DataFrame:
    """Pool the effects of activities, of all groups together ("") and on the talk of each group.

    Parameters
    ----------
    effects : DataFrame
        As of `measure_effects`, with ``group`` and ``week``; of activities that stand alone.
    group_ids : ndarray of str
    level : float
        Of the intervals.

    Returns
    -------
    DataFrame
        group_id ("" for all), measure, window, n_activities, seen, expected, lift, lo, hi, differ (spread
        of the log lifts among activities beyond chance: one standard deviation).

    Notes
    -----
    A random-effects ratio: ``lift = sum w y / sum w e`` with weights from the variance of a count of that
    size, ``w = 1 / (1 + lift n (scatter + differ^2))``, ``n`` from the group's pace over the whole record so
    that weights do not lean on what was seen; ``differ^2`` by Paule and Mandel; interval by the spread of
    the activities themselves (Student's t), with those of a group, and those of a week, as one where that
    spreads wider. Unlike a mean of logs it takes windows in which nobody wrote.
    """
    usable = effects[effects["why"].isin(POOLABLE) & effects["expected"].notna()]
    usable = usable.sort_values(["group", "plan"], kind="stable")
    rows = []
    for (measure, window), own in usable.groupby(["measure", "window"], sort=False):
        named = {"measure": measure, "window": window}
        values = own[["seen", "expected", "spread", "size"]].to_numpy(dtype=float).T
        blocks = own[["group", "week"]].to_numpy(dtype=np.int64).T
        rows.append({"group_id": "", **named, **pool_one(*values, level, blocks)})
        if measure != "messages" or window not in ("during", "after"):
            continue  # of one group there are too few activities to tell more
        group, starts = np.unique(own["group"].to_numpy(), return_index=True)
        parts = np.split(values, starts[1:], axis=1)
        rows += [{"group_id": str(group_ids[code]), **named, **pool_one(*part, level)}
                 for code, part in zip(group, parts, strict=True)]  # fmt: skip
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.sort_values("group_id", kind="stable", ignore_index=True)


def pool_one(
    seen: np.ndarray, usual: np.ndarray, spread: np.ndarray, size: np.ndarray, level: float, blocks=()
) -> dict:
    """Pool activities: how many times what was expected was seen, and how far they differ.

    ``blocks`` are ways to tell which activities go together, each an array of codes: of groups, of weeks.
    """
    n = len(seen)
    told = {"n_activities": n, "seen": seen.sum(), "expected": usual.sum(),
            "lift": np.nan, "lo": np.nan, "hi": np.nan, "differ": np.nan}  # fmt: skip
    if n < LEAST or usual.sum() < LEAST_EXPECTED or seen.sum() == 0:
        return told
    between, lift = 0.0, seen.sum() / usual.sum()
    for _ in range(5):
        weight = 1 / (1 + lift * np.maximum(size, 0.5) * (spread + between))
        lift = max((weight * seen).sum() / (weight * usual).sum(), 1e-3)
        mean = np.maximum(lift * usual, 0.5)
        between = paule_mandel((seen / mean - 1) ** 2 * n / (n - 1), 1 / mean + spread)
    part = weight * usual / (weight * usual).sum()
    # Activities at a high share pull the pooled lift towards themselves: HC3 corrects for that.
    residual = weight * (seen - lift * usual) / (weight * usual).sum() / np.maximum(1 - part, 0.2)
    error = max(np.sqrt((residual**2).sum()), lift * np.sqrt((part**2 * (1 / mean + spread)).sum()))
    reach = stats.t.ppf((1 + level) / 2, n - 1) * error
    for codes in blocks:
        together = np.bincount(np.unique(codes, return_inverse=True)[1].ravel(), residual)
        n_blocks = len(together)
        if n_blocks >= LEAST_BLOCKS:
            error = np.sqrt((together**2).sum() * n_blocks / (n_blocks - 1))
            reach = max(reach, stats.t.ppf((1 + level) / 2, n_blocks - 1) * error)
    factor = np.exp(reach / lift)
    return told | {"lift": lift, "lo": lift / factor, "hi": lift * factor, "differ": float(np.sqrt(between))}
