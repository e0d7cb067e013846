"""The discount of paid answers: found where there is enough, declared where there is not."""

import numpy as np
import pandas as pd
import pytest

from segtool.labels.fusion.paid import judge_paid


def counts(n, left, seed=0, n_values=4, pairs=2):
    """Return counts of agreement with a witness right in 70 %; answers are right in 90 %."""
    rng = np.random.default_rng(seed)
    edge = (0.9 - 1 / n_values) * (0.7 - 1 / n_values) * n_values / (n_values - 1)
    rows = [
        (
            f"pair {pair}",
            n_values,
            f"{fold:x}",
            paid,
            n // 16,
            rng.binomial(n // 16, 1 / n_values + edge * factor),
        )
        for pair in range(pairs)
        for fold in range(16)
        for paid, factor in ((True, left), (False, 1.0))
    ]
    return pd.DataFrame(rows, columns=["pair", "n_values", "fold", "is_paid", "n", "n_agree"])


@pytest.mark.parametrize("left", [0.4, 0.85, 1.0])
def test_the_planted_factor_is_found(left):
    found = [judge_paid(counts(800, left, seed), 0.85) for seed in range(40)]
    assert np.mean([each.estimate for each in found]) == pytest.approx(left, abs=0.03)
    assert np.mean([each.lo <= left <= each.hi for each in found]) >= 0.85


def test_what_is_used_lies_between_estimate_and_declared():
    few, many = judge_paid(counts(96, 0.4), 0.85), judge_paid(counts(8000, 0.4), 0.85)
    assert few.estimate < few.used < 0.85
    assert many.used == pytest.approx(0.4, abs=0.05)


def test_too_few_answers_leave_what_is_declared():
    found = judge_paid(counts(16, 0.4), 0.8)
    assert (found.used, found.is_estimated) == (0.8, False)
    assert np.isnan(found.estimate)


def test_evidence_that_agrees_with_nobody_says_nothing_about_payment():
    table = counts(800, 1.0)
    table["n_agree"] = table["n"] // 4
    assert not judge_paid(table, 0.85).is_estimated
