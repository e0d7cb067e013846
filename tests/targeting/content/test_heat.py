"""Heat: planted rises are found, growth of the whole is no rise, chance makes few claims."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.personas import Personas
from segtool.targeting.content.heat import topic_heat
from segtool.targeting.counts import sql_users
from segtool.targeting.members import align_personas
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.verdicts import ADVICE
from tests.targeting.fan_studies import days_ago, fan_events, read

TOPICS = ["art", "bikes", "cats", "dogs"]


def weeks_of_events(seed=0, *, rise=1.0, growth=1.0, n_users=120, n_weeks=12, only=None):
    """Likes; the share of art rises by a factor in four weeks, for all users or those before ``only``."""
    generator = np.random.default_rng(seed)
    taste = generator.dirichlet(np.ones(4) * 4, n_users)
    activity = generator.gamma(1.0, 3.0, n_users)
    rows = []
    for week in range(n_weeks):  # 0 is the last
        p = taste.copy()
        users = slice(None) if only is None else slice(0, only)
        p[users, 0] *= rise ** (-week / 4)
        p /= p.sum(axis=1, keepdims=True)
        counts = generator.multinomial(generator.poisson(activity * growth ** (-week / 4)), p)
        user, topic = np.nonzero(counts)
        again = np.repeat(np.arange(len(user)), counts[user, topic])
        age = 7 * week + generator.uniform(0.01, 6.99, len(again))
        rows.append(pd.DataFrame({"user": user[again], "topic": topic[again], "age": age}))
    table = pd.concat(rows, ignore_index=True)
    return pd.DataFrame(
        {
            "user_id": table["user"].map("u{:03d}".format),
            "event_time": pd.Timestamp("2026-07-01") - pd.to_timedelta(table["age"], unit="D"),
            "event": "like",
            "topic": [TOPICS[t] for t in table["topic"]],
        }
    )


def heat_of(events, n_personas=2, **settings):
    sources = read(events=events)
    users = sql_users(sources.engine)
    names = {k: f"p{k}" for k in range(1, n_personas + 1)}
    personas = Personas.from_assignments(
        users.tolist(), [1 + i * n_personas // len(users) for i in range(len(users))], names=names
    )
    return topic_heat(sources, align_personas(personas, users), users, TargetingSettings(**settings))


def everyone(heat):
    return heat.trend[heat.trend["persona_id"] == 0].set_index("topic")


def test_a_planted_rise_is_found_with_its_size():
    heat = heat_of(weeks_of_events(rise=1.5))
    art = everyone(heat).loc["art"]
    assert art["direction"] == "rising" and art["lo"] < 1.35 < art["hi"]  # the others give way: below 1.5
    assert set(heat.advice["advice"]) == {"art"} and set(heat.advice["persona"]) == {"p1", "p2"}
    assert list(heat.advice.columns) == ADVICE and heat.advice["reason"].str.startswith("rising: ").all()
    assert "rising art" in heat.notes[0]


def test_growth_of_the_whole_raises_volumes_and_no_share():
    heat = heat_of(weeks_of_events(growth=1.5))
    table = everyone(heat)
    assert (table["direction"] == "steady").all() and heat.advice.empty
    assert (
        (table["volume_lo"] > 1.2).all()
        and (table["volume_lo"] < 1.5).all()
        and (table["volume_hi"] > 1.5).all()
    )


def test_one_loud_user_does_not_make_a_trend():
    events = weeks_of_events(1)
    loud = pd.DataFrame(
        {
            "user_id": "u000",
            "event_time": [
                t - pd.Timedelta(minutes=i) for i, t in enumerate(days_ago(np.linspace(1, 20, 600)))
            ],
            "event": "like",
            "topic": "dogs",
        }
    )
    assert everyone(heat_of(pd.concat([events, loud]))).loc["dogs", "direction"] == "steady"


def test_chance_makes_few_claims():
    claims = [
        (heat_of(weeks_of_events(seed), n_personas=1).trend["direction"] != "steady").any()
        for seed in range(8)
    ]
    assert np.mean(claims) <= 0.13


def test_intervals_hold_the_truth():
    held = []
    for seed in range(5):
        table = everyone(heat_of(weeks_of_events(100 + seed), n_personas=1))
        held.append((table["lo"] <= 1) & (table["hi"] >= 1))
    assert 0.8 < np.mean(held) <= 1


def test_weeks_reconcile_with_the_events():
    events = weeks_of_events()
    heat = heat_of(events)
    whole = 7 * heat.weeks["week"].nunique()  # the oldest week may be cut off, and is not read
    age = (pd.Timestamp("2026-07-01") - events["event_time"]).dt.total_seconds() / 86_400
    assert heat.weeks["n_events"].sum() == (age < whole).sum() and whole == 77
    assert heat.weeks.groupby("week")["share"].sum().round(9).eq(1).all()
    assert heat.weeks["week_start"].max() == pd.Timestamp("2026-06-24", tz="UTC")


def test_a_persona_that_moves_alone_is_told_from_the_others():
    heat = heat_of(weeks_of_events(2, rise=2.5, only=60, n_users=160))
    own = heat.trend[heat.trend["topic"] == "art"].set_index("persona")
    assert own.loc["p1", "change"] > own.loc["p2", "change"] * 1.15 and own.loc["p1", "direction"] == "rising"


@pytest.mark.parametrize(
    ("events", "why"),
    [
        (weeks_of_events(n_weeks=5), "whole weeks"),
        (weeks_of_events().assign(topic="art"), "no two topics"),
        (fan_events().drop(columns=["topic", "item_id"]), "no event has a topic"),
    ],
)
def test_what_cannot_be_known_is_said(events, why):
    heat = heat_of(events)
    assert heat.trend.empty and heat.advice.empty and why in heat.notes[0]


def test_the_same_events_in_another_order_tell_the_same():
    events = weeks_of_events()
    first, other = heat_of(events), heat_of(events.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(first.trend, other.trend)
