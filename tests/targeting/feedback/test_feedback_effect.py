"""What a round of feedback changed, and weights learned from later likes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from segtool.targeting.counts import sql_users
from segtool.targeting.feedback.effect import TABLE, feedback_effect
from segtool.targeting.feedback.weights import refit_weights
from segtool.targeting.members import align_personas
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.topics.affinity import TopicAffinity
from segtool.targeting.topics.evidence import gather_topics
from tests.targeting.fan_studies import days_ago, fan_events, fan_personas, read


def effect_of(events, personas=None, **settings):
    sources = read(events=events)
    users = sql_users(sources.engine)
    members = align_personas(personas or fan_personas(), users)
    return feedback_effect(sources, members, users, TargetingSettings(**settings))


def old_events():
    events = fan_events().assign(event="view")
    events["event_time"] -= pd.Timedelta(days=30)
    third = events.iloc[::6].assign(topic="travel", item_id=lambda t: "x" + t["item_id"])
    return pd.concat([events, third])


def test_a_round_of_likes_lifts_its_topic_and_is_named_as_the_cause():
    likes = pd.DataFrame(
        {
            "user_id": [f"u{i:02d}" for i in range(20) for _ in range(8)],
            "event_time": days_ago(np.tile(np.arange(1, 9), 20)),
            "event": "like",
            "topic": "travel",
        }
    )
    mute = pd.DataFrame({"user_id": ["u01"], "event_time": days_ago([2]), "event": "mute", "topic": "travel"})
    found = effect_of(pd.concat([old_events(), likes, mute]))
    assert list(found.table.columns) == TABLE
    row = found.table.set_index(["persona", "topic"]).loc[("traders", "travel")]
    assert row["after"] > row["before"] and row["moved"]
    assert row[["n_for", "n_against", "n_blocked", "n_users"]].tolist() == [160, 1, 1, 20]
    assert "160 likes, 1 mute (20 users); closed by 1" in row["reason"]
    assert found.table.iloc[0]["topic"] == "travel" and "161 answers" in found.notes[0]


def test_without_a_round_or_without_anybody_to_compare_with_it_is_said():
    from segtool.personas import Personas

    nothing = effect_of(old_events())
    assert nothing.table.empty and "none in the last round" in nothing.notes[0]
    users = [f"u{i:02d}" for i in range(40)]
    one = effect_of(fan_events(), Personas.from_assignments(users, [1] * 40, names={1: "all"}))
    assert one.table.empty and "nobody to be compared with" in one.notes[0]
    assert effect_of(fan_events().drop(columns=["topic", "item_id"])).table.empty


def history(seed=0, n_users=400):
    """Clicks foretell later likes as strongly as likes do; silence of sends foretells nothing."""
    generator = np.random.default_rng(seed)
    taste = generator.dirichlet(np.ones(6) * 0.5, n_users)
    rows = []
    for word, days, per_user in (("like", (29, 100), 10), ("click", (29, 100), 10), ("like", (1, 27), 4)):
        for user in range(n_users):
            for topic in generator.choice(6, per_user, p=taste[user]):
                rows.append((f"u{user:03d}", word, f"t{topic}", generator.uniform(*days)))
    table = pd.DataFrame(rows, columns=["user_id", "event", "topic", "age"])
    table["event_time"] = pd.Timestamp("2026-07-01") - pd.to_timedelta(table.pop("age"), unit="D")
    sends = pd.DataFrame(
        {
            "send_id": [f"s{i}" for i in range(4000)],
            "user_id": [f"u{i:03d}" for i in generator.integers(0, n_users, 4000)],
            "sent_at": days_ago(generator.integers(30, 90, 4000)),
            "topic": [f"t{i}" for i in generator.integers(0, 6, 4000)],
        }
    )
    answered = pd.Series(sends["sent_at"] + pd.Timedelta(hours=1)).where(generator.random(4000) < 0.1)
    return read(events=table, sends=sends.assign(responded_at=answered))


def test_weights_are_learned_where_enough_is_on_record():
    sources = history()
    learned = refit_weights(sources, sql_users(sources.engine), TargetingSettings())
    table = learned.table.set_index("kind")
    assert set(table.index) == {"like", "click", "ignored"}
    assert abs(table.loc["click", "in_likes"] - 1) < 3 * table.loc["click", "se"]
    assert learned.weights["click"][0] > 0.7  # 0.5 was assumed
    assert learned.weights["ignored"][0] == 0 and learned.weights["ignored"][1] < 0.15
    assert learned.weights["share"] == (2.0, 0.0) and "click" in learned.notes[0]


def test_with_little_on_record_the_priors_stay_and_it_is_said():
    sources = read(events=fan_events())
    learned = refit_weights(sources, sql_users(sources.engine), TargetingSettings())
    assert learned.weights == TargetingSettings().feedback_weights and learned.table.empty
    assert learned.notes[0].startswith("Not known") and "2,000" in learned.notes[0]


def test_with_the_round_the_topics_are_those_of_the_plan():
    likes = pd.DataFrame(
        {
            "user_id": [f"u{i:02d}" for i in range(40) for _ in range(4)],
            "event_time": days_ago(np.tile(np.arange(1, 5), 40)),
            "event": "like",
            "topic": np.where(np.arange(160) % 3, "travel", "stocks"),
        }
    )
    sources = read(events=pd.concat([old_events(), likes]))
    users, settings = sql_users(sources.engine), TargetingSettings(half_life_days=30)
    members = align_personas(fan_personas(), users)
    said = pd.DataFrame({"user_id": ["u00", "u01"], "category": "stocks", "n": 3.0})
    plain = gather_topics(sources, None, users, settings)
    evidence = dataclasses.replace(plain, stated=said, settings=plain.settings)
    affinity = TopicAffinity.estimate(plain.counts, members)
    found = feedback_effect(sources, members, users, settings, affinity, evidence).table
    plan = affinity.table().set_index(["persona_id", "topic"])["estimate"]
    own = found.set_index(["persona_id", "topic"])["after"]
    assert len(own) and own.to_numpy() == pytest.approx(plan[own.index].to_numpy())
    # Without a round that is no event at all, both are the same counts.
    same = plain.without(sources, users, "FALSE")
    assert np.allclose(same.share.toarray(), plain.counts.share.toarray())
    assert (same.n == plain.counts.n).all()
    fewer = found[(found["change"] < 1) & (found["n_for"] > 0) & (found["n_against"] == 0)]
    assert len(fewer) and fewer["reason"].str.contains("; others gained more").all()
