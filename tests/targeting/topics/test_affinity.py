"""Topic affinity: the ranking, and the simulated community whose tastes are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.personas import Personas
from segtool.sources import Sources
from segtool.sources.simulate import simulate_circle
from segtool.targeting import plan_targeting
from segtool.targeting.rows import topic_reason
from segtool.targeting.topics.affinity import rank_topics

TOPICS = pd.DataFrame(
    {
        "topic": ["sure", "bold", "common", "rare"],
        "share": [0.2, 0.05, 0.4, 0.01],
        "share_lo": [0.18, 0.02, 0.38, 0.005],
        "share_hi": [0.22, 0.08, 0.42, 0.02],
        "estimate": [1.5, 3.0, 1.0, 0.5],
        "lo": [1.3, 1.1, 0.9, 0.3],
        "hi": [1.7, 8.0, 1.1, 0.8],
        "n_users": 100,
    }
)


@pytest.mark.parametrize(
    ("ranking", "order"),
    [("safe", ["sure", "bold", "common"]), ("best", ["bold", "sure", "common"])],
)
def test_distinct_topics_come_first_then_equals_and_never_what_is_liked_less(ranking, order):
    table = rank_topics(TOPICS, ranking, 4)
    assert table["topic"].tolist() == order and table["rank"].tolist() == [1, 2, 3]
    assert table["distinct"].tolist() == [True, True, False]


def test_explore_tries_other_orders():
    firsts = {rank_topics(TOPICS, "explore", 1, seed)["topic"].item() for seed in range(30)}
    assert {"sure", "bold"} <= firsts


def test_reasons_are_sentences_a_person_can_check():
    reasons = [topic_reason(row) for row in rank_topics(TOPICS, "safe", 4).itertuples()]
    assert reasons[0] == "asked for 1.5× as often as by everyone (1.3 to 1.7, 100 users)"
    assert reasons[1] == "asked for 3.00× as often as by everyone (1.10 to 8.00, 100 users)"
    assert reasons[2].startswith("as popular here as with everyone (1.00×, 0.90 to 1.10); 40% of what")


@pytest.mark.parametrize("ranking", ["safe", "best"])
def test_without_a_distinct_topic_a_few_popular_ones_are_left(ranking):
    even = TOPICS.assign(estimate=[1.01, 1.2, 1.0, 0.5], lo=[0.95, 0.4, 0.97, 0.1], hi=[1.1, 2.0, 1.02, 3.0])
    assert rank_topics(even, ranking, 4)["topic"].tolist() == ["common", "sure"]


@pytest.fixture(scope="module")
def circle():
    """Tastes of 1,200 simulated users by persona, and the plan made from their events alone."""
    circle = simulate_circle(1200, random_state=11, tables=("events", "users"))
    people = circle.truth["users"].set_index("user_id").sort_index()
    names = dict(enumerate(sorted(people["persona"].unique()), start=1))
    number = people["persona"].map({name: k for k, name in names.items()})
    personas = Personas.from_assignments(people.index.tolist(), number.tolist(), names=names)
    tables = {name: circle.tables[name] for name in ("users", "events")}
    plan = plan_targeting(Sources.read(tables, as_of="2026-07-01", timezone="Asia/Shanghai"), personas)
    taste = circle.truth["topics"].set_index("user_id").sort_index()
    taste = taste[[name for name in taste if name in set(plan.topics["topic"])]]
    taste = taste[taste.index.isin(circle.tables["events"]["user_id"])]
    return plan, taste.div(taste.sum(axis=1), axis=0), people["persona"]


def test_planted_tastes_lie_in_the_intervals(circle):
    plan, taste, persona = circle
    lift = (taste.groupby(persona).mean() / taste.mean()).stack()
    truth = np.array(
        [lift[name, topic] for name, topic in zip(plan.topics["persona"], plan.topics["topic"], strict=True)]
    )
    held = (plan.topics["lo"] <= truth) & (truth <= plan.topics["hi"])
    assert 0.83 < held.mean() <= 1


def test_the_first_topic_is_among_the_planted_favourites(circle):
    plan, taste, persona = circle
    lift = taste.groupby(persona).mean() / taste.mean()
    first = plan.table[plan.table["rank"] == 1].set_index("persona")["topic"]
    assert all(first[name] in set(lift.loc[name].nlargest(2).index) for name in lift.index)


def test_planted_tastes_of_users_lie_in_their_intervals(circle):
    plan, taste, _ = circle
    users = plan.user_topics[plan.user_topics["level"] == "user"]
    lift = (taste / taste.mean()).stack()
    truth = np.array(
        [lift[user, topic] for user, topic in zip(users["user_id"], users["topic"], strict=True)]
    )
    assert 0.85 < ((users["lo"] <= truth) & (truth <= users["hi"])).mean() < 0.97
