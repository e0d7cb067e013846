"""Events of one visit are alike; feedback enters a user's posterior; advice rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from segtool.targeting.feedback.posterior import TopicFeedback
from segtool.targeting.members import Members
from segtool.targeting.topics.advice import LIFT, SHARE, topic_advice
from segtool.targeting.topics.affinity import TopicAffinity
from segtool.targeting.topics.beta_quantiles import beta_quantile
from segtool.targeting.topics.visits import allow_for_visits, visit_sums
from segtool.targeting.verdicts import ADVICE
from tests.targeting.fan_studies import read
from tests.targeting.simulated_shares import simulate_shares


def visits(alike, seed=0, n_users=150):
    """Five days of six likes; with chance ``alike`` an event copies the day's first topic."""
    generator = np.random.default_rng(seed)
    taste = generator.dirichlet(np.ones(5), n_users)
    topic = np.array([generator.choice(5, (5, 6), p=p) for p in taste])
    copies = generator.random(topic.shape) < np.sqrt(alike)
    lead = np.array([generator.choice(5, 5, p=p) for p in taste])
    topic = np.where(copies, lead[:, :, None], topic)
    user, day, place = (x.ravel() for x in np.indices(topic.shape))
    return pd.DataFrame(
        {
            "user_id": [f"u{i:03d}" for i in user],
            "event_time": pd.Timestamp("2026-06-01 10:00")
            + pd.to_timedelta(day * 24 * 60 + place, unit="min"),
            "event": "like",
            "topic": [f"t{t}" for t in topic.ravel()],
        }
    )


def allowed(alike):
    from segtool.targeting.counts import sql_counts, sql_users

    sources = read(events=visits(alike))
    evidence = "SELECT user_id, topic AS category, 1.0 AS weight, 1.0 AS decay, local_date AS day FROM events"
    counts = sql_counts(sources.engine, sql_users(sources.engine), evidence)
    return counts, *allow_for_visits(counts, visit_sums(sources.engine, evidence))


@pytest.mark.parametrize("alike", [0.0, 0.25, 0.6])
def test_likeness_of_a_day_is_found_and_counts_it_for_less(alike):
    before, after, likeness = allowed(alike)
    assert likeness == pytest.approx(alike, abs=0.05)
    assert np.allclose(after.n, before.n / (1 + likeness * 5))
    assert (after.share != before.share).nnz == 0 and (after.events != before.events).nnz == 0


def test_quantiles_of_many_are_those_of_the_beta():
    generator = np.random.default_rng(0)
    mean, size = generator.beta(1, 6, 30_000).clip(1e-3, 0.97), generator.lognormal(2, 1, 30_000)
    a, b = mean * size, (1 - mean) * size
    for p in (0.05, 0.95):
        found, exact = beta_quantile(a, b, p), stats.beta.ppf(p, a, b)
        solid = exact > 1e-6
        assert np.abs(found / exact - 1)[solid].max() < 5e-3
    assert beta_quantile(np.ones((2, 3)), np.ones((2, 3)), 0.5).shape == (2, 3)


def affinity_of(simulated):
    names = tuple(f"p{i}" for i in range(simulated.membership.shape[1]))
    home = simulated.membership.argmax(axis=1)
    return TopicAffinity.estimate(
        simulated.counts, Members(simulated.membership, tuple(range(1, len(names) + 1)), names, home)
    )


def test_feedback_moves_the_topic_it_is_about_and_no_other():
    simulated = simulate_shares(0, (40, 40))
    affinity, shape = affinity_of(simulated), simulated.counts.share.shape

    def one(value, row=0, column=2):
        return sparse.csr_array(([value], ([row], [column])), shape=shape)

    plain = affinity.users()
    against = affinity.users(feedback=TopicFeedback(one(0.0), one(5.0), one(1.0)))
    rows = np.flatnonzero(simulated.counts.n >= 3)[:1]
    rows_feedback = TopicFeedback(one(0.0, rows[0]), one(5.0, rows[0]), one(1.0, rows[0]))
    against = affinity.users(feedback=rows_feedback)
    (a, b), (c, d) = plain.posterior(rows), against.posterior(rows)
    assert np.allclose(a, c) and d[0, 2] == pytest.approx(b[0, 2] + 5)
    assert np.allclose(np.delete(b, 2, axis=1), np.delete(d, 2, axis=1))


def test_without_personas_the_spread_of_users_is_still_estimated():
    from segtool.targeting.shares import estimate_shares

    simulated = simulate_shares(1, (300,), rho=0.4)
    groups = estimate_shares(simulated.counts, np.zeros((300, 0)))
    assert groups.rho.mean() == pytest.approx(0.4, rel=0.25) and groups.share.shape == (0, 12)


PLAN = pd.DataFrame(
    {
        "persona_id": [1, 1], "persona": "fans", "rank": [1, 2], "topic": ["t00", "t01"], "estimate": [2.0, 1.5],
        "lo": [1.5, 1.1], "hi": [2.5, 2.0], "n_users": 40, "n_events": [10, 8], "level": "persona",
        "verdict": "associated only", "reason": "because",
    }
)  # fmt: skip


def test_advice_has_the_columns_of_the_plan_and_lifts_as_they_are():
    advice = topic_advice(PLAN, affinity_of(simulate_shares(0, (40, 40))))
    assert list(advice.columns) == ADVICE and set(advice["aspect"]) == {"topic"}
    assert advice["unit"].tolist() == [LIFT, LIFT] and advice["estimate"].tolist() == [2.0, 1.5]


def test_a_single_persona_is_not_compared_with_itself():
    affinity = affinity_of(simulate_shares(0, (40,)))
    alone = PLAN.assign(level="everyone", estimate=1.0, lo=np.nan, hi=np.nan)
    advice = topic_advice(alone, affinity)
    assert set(advice["unit"]) == {SHARE} and advice["lo"].notna().all()
    assert advice["estimate"].tolist() == pytest.approx(
        affinity.everyone().set_index("topic").loc[["t00", "t01"], "share"]
    )
    assert topic_advice(PLAN.head(0), None).empty
