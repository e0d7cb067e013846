"""The arithmetic: densities are right, missing adds nothing, each step gains."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from segtool.personas.latent.mixture import (
    Classes,
    Overall,
    Settings,
    expect,
    iterate,
    judge,
    maximise,
    memberships,
)
from segtool.personas.table.columns import read_frame
from segtool.personas.table.design import Layout, Rows, build_design
from segtool.personas.table.prepare import ColumnPlan, Prepared, learn_plan, prepare

PLANS = (ColumnPlan("a", "number"), ColumnPlan("b", "text", levels=("x", "y", "z")))
LAYOUT = Layout.from_plans(PLANS)


def two_classes():
    return Classes(
        LAYOUT,
        share=np.array([[0.7, 0.3]]),
        mean=np.array([[-1.0], [2.0]]),
        variance=np.array([[1.0], [0.5]]),
        probability=np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]),
        relevant=np.ones((1, 2), dtype=bool),
    )


def test_membership_is_bayes_rule_on_what_is_known():
    prepared = Prepared(
        np.array([[0.5], [np.nan], [0.5], [np.nan]]), np.array([[2], [0], [-1], [-1]], dtype=np.int32)
    )
    member, evidence = memberships(two_classes(), build_design(prepared, LAYOUT))
    normal = stats.norm([-1, 2], np.sqrt([1, 0.5])).pdf(0.5)
    joint = np.array([0.7, 0.3]) * np.array([normal * [0.5, 0.1], [0.2, 0.6], normal, [1, 1]])
    np.testing.assert_allclose(member, joint / joint.sum(axis=1, keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(evidence, np.log(joint.sum(axis=1)), rtol=1e-9, atol=1e-12)


def rows_of(n=400, seed=0):
    rng = np.random.default_rng(seed)
    who = rng.integers(0, 2, n)
    frame = pd.DataFrame(
        {
            "a": rng.normal(3 * who),
            "b": np.where(rng.random(n) < 0.2 + 0.6 * who, "x", "y"),
            "c": rng.normal(size=n),
        }
    )
    frame = frame.mask(rng.random(frame.shape) < 0.2)
    columns = read_frame(frame)
    plans = [learn_plan(column, np.ones(n)) for column in columns]
    return Rows(prepare(columns, plans, n), Layout.from_plans(plans), np.ones(n))


def first_classes(rows, select=False, seed=0):
    member = np.random.default_rng(seed).dirichlet([1, 1], len(rows)).T
    overall = Overall.of(rows)
    sums = member @ rows.design
    return maximise(sums, member.sum(axis=1)[None], overall, rows.layout, Settings(), select), overall


def test_likelihood_rises_with_every_step():
    rows = rows_of()
    classes, overall = first_classes(rows)
    track = []
    for _ in range(30):
        sums, users, likelihood = expect(rows, classes)
        track.append(likelihood[0])
        classes = maximise(sums, users, overall, rows.layout, Settings(), False)
    assert track[-1] > track[0] + 20
    assert min(np.diff(track)) > -0.05  # the priors and float32 may cost a hair


def test_stacked_mixtures_are_the_single_ones():
    rows = rows_of()
    singles = [first_classes(rows, seed=seed)[0] for seed in (1, 2)]
    stacked = Classes(
        rows.layout,
        *(
            np.concatenate([getattr(c, name) for c in singles])
            for name in ("share", "mean", "variance", "probability", "relevant")
        ),
    )
    both, _, _ = expect(rows, stacked)
    alone = np.concatenate([expect(rows, single)[0] for single in singles])
    np.testing.assert_allclose(both, alone, rtol=1e-4, atol=1e-3)


def test_column_without_news_gets_equal_parameters():
    rows = rows_of()
    classes, overall = first_classes(rows)
    classes, _, _ = iterate(rows, classes, overall, Settings(), 60, select=False)
    classes, _, _ = iterate(rows, classes, overall, Settings(), 20)
    assert classes.relevant[0].tolist() == [True, False, True]  # a, c, then the levels of b
    assert np.ptp(classes.mean[:, 1]) == 0


def test_variance_has_a_floor():
    """A spike of equal counts must not become a class of no width."""
    spike = np.r_[np.zeros(300), np.random.default_rng(0).normal(size=300)]
    rows = Rows(
        Prepared(spike[:, None], np.empty((600, 0), np.int32)), Layout((0,), (), (), (1.0,)), np.ones(600)
    )
    overall = Overall.of(rows)
    member = np.vstack([np.arange(600) < 300, np.arange(600) >= 300]).astype(float)
    classes = maximise(
        member @ rows.design, member.sum(axis=1)[None], overall, rows.layout, Settings(), False
    )
    assert classes.variance.min() == pytest.approx(Settings().variance_floor * overall.variance[0])


def test_weight_counts_a_column_twice_or_not_at_all():
    rows = rows_of()
    classes, _ = first_classes(rows)
    design = rows.design.astype(float)
    doubled = Layout(rows.layout.number_of, rows.layout.level_of, rows.layout.sizes, (2.0, 1.0, 0.0))
    plain = memberships(classes, design)[0]
    weighed = memberships(
        Classes(
            doubled, *(getattr(classes, n) for n in ("share", "mean", "variance", "probability", "relevant"))
        ),
        design,
    )[0]
    assert not np.allclose(plain, weighed)
    hidden = rows.prepared.numbers.copy()
    hidden[:, 1] = np.nan  # column c, of weight 0
    twice = np.log(memberships(classes, build_design(Prepared(hidden, rows.prepared.codes), rows.layout))[0])
    only_a = np.full_like(rows.prepared.codes, -1)
    extra = np.log(memberships(classes, build_design(Prepared(hidden, only_a), rows.layout))[0]) - np.log(
        classes.share[0]
    )
    joint = np.exp(twice + extra)
    np.testing.assert_allclose(weighed, joint / joint.sum(axis=1, keepdims=True), rtol=1e-6)


def test_criteria_of_one_class_agree():
    rows = rows_of()
    overall = Overall.of(rows)
    one = maximise(rows.sums()[None], np.array([[rows.total]]), overall, rows.layout, Settings(), True)
    quality, best = judge(rows, one)
    assert quality.icl == pytest.approx(quality.bic) and not best.any()
    assert quality.n_parameters == 2 + 2 + 1


def test_sample_stands_for_everybody():
    rows = rows_of(1000)
    heavy = rows.take(np.arange(1000), np.r_[500.0, np.ones(999)])
    sample = heavy.sample(300)
    assert sample.total == pytest.approx(heavy.total)
    assert sample.weights.max() == pytest.approx(500, abs=6)
