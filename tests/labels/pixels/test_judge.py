"""Lift, p-values and halves against what plain counting gives."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from labels.pixels.planted_pixels import planted_table
from scipy.stats import fisher_exact
from statsmodels.stats.multitest import multipletests

from segtool.labels.frames import infer_info
from segtool.labels.pixels.judge import correct_p_values, judge, split_lift
from segtool.labels.pixels.parts import pair_up, read_bits
from segtool.labels.pixels.search import find_frequent
from segtool.labels.pixels.settings import PixelSettings


def read(frame):
    return read_bits(frame, infer_info(frame, None, None), PixelSettings())


@pytest.fixture(scope="module")
def table():
    return planted_table(3000, n_labels=8, unknown=0.2)


def splits(items):
    for size in range(1, len(items) // 2 + 1):
        for side in combinations(items, size):
            yield list(side), [item for item in items if item not in side]


@pytest.mark.parametrize("items", [(0, 1), (0, 1, 2), (3, 4, 5, 6), (1, 3, 7)])
def test_numbers_are_those_of_plain_counting(table, items):
    one = judge(read(table), [items], retest_lift=1.15)[0]
    known = table.iloc[:, list(items)].dropna().astype(bool)
    holds = known.all(axis=1)
    assert (one.n_users, one.n_known) == (holds.sum(), len(known))
    expected, p_values = [], []
    for left, right in splits(items):
        a, b = (known[table.columns[side]].all(axis=1) for side in (left, right))
        expected.append(a.mean() * b.mean())
        p_values.append(fisher_exact(pd.crosstab(a, b), alternative="greater")[1])
    assert one.lift == pytest.approx(holds.mean() / max(expected))
    assert one.p_value == pytest.approx(max(p_values), rel=1e-6)
    assert one.independence_lift == pytest.approx(holds.mean() / known.mean().prod())
    assert one.lift_low <= one.lift <= one.lift_high


def test_search_finds_every_frequent_set_and_no_other(table):
    full = table.fillna(False).astype(bool)
    bits = read(full)
    settings = PixelSettings()
    found = find_frequent(
        bits, pair_up(bits.parts, settings), min_users=40, min_support=0.02, max_length=4, max_share=1.0, max_sets=10**6
    )  # fmt: skip
    mine = {
        tuple(row): n
        for length in (2, 3, 4)
        for row, n in zip(found.sets[length].tolist(), found.counts[length], strict=True)
    }
    cells = full.to_numpy()
    for length in (2, 3, 4):
        for items in combinations(range(8), length):
            n = cells[:, list(items)].all(axis=1).sum()
            assert mine.get(items) == (n if n >= 60 else None)


def test_too_many_sets_raise_the_support(table):
    bits = read(table)
    options = {"min_users": 20, "min_support": 0.005, "max_length": 4, "max_share": 1.0}
    found = find_frequent(bits, pair_up(bits.parts, PixelSettings()), max_sets=10, **options)
    assert found.min_users > 20 and sum(map(len, found.sets.values())) <= 10


def test_a_part_by_chance_earns_nothing():
    n = np.array([1000, 200, 300, 60, 100, 20, 30, 6])  # the third part is independent of the others
    assert split_lift(n) == pytest.approx(1.0)


def test_q_values_are_those_of_statsmodels():
    p = np.array([0.0004, 0.03, 0.002, 0.5, 0.01])
    padded = np.append(p, np.ones(95))
    assert correct_p_values(p, 100) == pytest.approx(multipletests(padded, method="fdr_bh")[1][:5])
