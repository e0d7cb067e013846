"""Intervals hold what they promise: measured by drawing, and against another's code."""

import numpy as np
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from segtool.personas.portrait.intervals import bound_effect, bound_index, bound_share, cohens_h
from segtool.personas.portrait.portray import compare_counts

N_DRAWS = 4000


def draw(n, m, p, q, seed=0):
    """Counts of N_DRAWS tables of a group of n and a rest of m."""
    rng = np.random.default_rng(seed)
    counts = np.array([rng.binomial(n, p, N_DRAWS), rng.binomial(m, q, N_DRAWS)])
    return counts, np.repeat([[n], [m]], N_DRAWS, axis=1)


@pytest.mark.parametrize(
    ("n", "m", "p", "q"),
    [(20, 200, 0.5, 0.5), (20, 200, 0.9, 0.3), (30, 500, 0.1, 0.1), (50, 50, 0.5, 0.1), (400, 600, 0.6, 0.2),
     (100, 300, 0.05, 0.3), (15, 60, 0.95, 0.6)],
)  # fmt: skip
def test_95_of_100_intervals_hold_the_truth(n, m, p, q):
    found = compare_counts(*draw(n, m, p, q)).head(N_DRAWS)
    index, effect = 100 * p / ((n * p + m * q) / (n + m)), cohens_h(np.array(p), np.array(q))
    # 4000 draws tell 0.95 to within 0.007; discrete counts move the true coverage by another 0.02.
    assert ((found["index_low"] <= index) & (index <= found["index_high"])).mean() == pytest.approx(
        0.955, abs=0.025
    )
    assert ((found["effect_low"] <= effect) & (effect <= found["effect_high"])).mean() == pytest.approx(
        0.96, abs=0.025
    )


def test_an_interval_that_takes_group_and_base_for_strangers_is_wrong():
    """The trap: everyone holds the group, so the ratio to everyone is not one of two samples."""
    n, m, p, q = 400, 200, 0.6, 0.3
    counts, known = draw(n, m, p, q)
    index = 100 * p / ((n * p + m * q) / (n + m))
    base, base_known = counts.sum(axis=0), known.sum(axis=0)
    ratio = (counts[0] / known[0]) / (base / base_known)
    error = np.sqrt(1 / counts[0] - 1 / known[0] + 1 / base - 1 / base_known)
    naive = np.abs(np.log(ratio) - np.log(index / 100)) <= 1.96 * error
    assert naive.mean() > 0.99  # far too long: it hides what is there
    ours = compare_counts(counts, known).head(N_DRAWS)
    assert ((ours["index_low"] <= index) & (index <= ours["index_high"])).mean() == pytest.approx(
        0.95, abs=0.015
    )


@pytest.mark.parametrize(
    "cells", [(60, 100, 30, 300), (3, 20, 10, 500), (19, 20, 10, 30), (250, 400, 100, 900), (1, 40, 7, 90)]
)
def test_the_ratio_behind_the_index_is_that_of_the_score_test(cells):
    x, n, y, m = cells
    ends = confint_proportions_2indep(x, n, y, m, method="score", compare="ratio", correction=False)
    part = n / (n + m)
    theirs = [100 * ratio / (part * ratio + 1 - part) for ratio in ends]
    ours = [float(end[0]) for end in bound_index(*(np.array([cell]) for cell in cells))]
    assert ours == pytest.approx(theirs, rel=1e-3)


def test_shares_are_bound_as_wilson_has_it():
    low, high = bound_share(np.array([0, 7, 40]), np.array([12, 30, 40]))
    theirs = np.array([proportion_confint(x, n, method="wilson") for x, n in ((0, 12), (7, 30), (40, 40))])
    assert np.column_stack([low, high]) == pytest.approx(theirs, abs=1e-12)


def test_ends_are_where_they_can_be():
    """None, all, nobody known and nobody else known: no interval leaves the scale or holds nothing."""
    x, n, y, m = (np.array(part) for part in zip(
        (0, 30, 10, 200), (30, 30, 10, 200), (30, 30, 0, 200), (0, 30, 0, 200), (0, 0, 10, 50), (5, 9, 0, 0),
        strict=True,
    ))  # fmt: skip
    low, high = bound_index(x, n, y, m)
    assert low[0] == 0 and high[0] > 0
    assert high[2] == pytest.approx(100 * 230 / 30)  # nobody else has it: the base cannot be lower
    assert np.isnan(low[3:]).all() and np.isnan(high[3:]).all()
    assert (low[:3] <= high[:3]).all()
    below, above = bound_effect(x, n, y, m)
    assert (below[:4] <= above[:4]).all() and (above[:4] <= np.pi + 1e-9).all()
    assert np.isnan(below[4:]).all()
    assert below[3] < 0 < above[3]  # none of either: a difference is not excluded
