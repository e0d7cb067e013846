"""Half-life and stated weights are judged by later behaviour that they have not seen."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.targeting.counts import sql_users
from segtool.targeting.settings import TargetingSettings
from segtool.targeting.topics.validate import choose_half_life, learn_stated
from tests.targeting.fan_studies import fan_events, read


def drifting(swap_at, n_users=150, seed=0):
    """A year of likes; each user's favourite changes for good so many days before the end."""
    generator = np.random.default_rng(seed)
    user = np.repeat(np.arange(n_users), 60)
    age = generator.uniform(0, 360, len(user))
    old, new = generator.integers(0, 5, (2, n_users))
    topic = np.where(age > swap_at, old[user], new[user])
    topic = np.where(generator.random(len(user)) < 0.3, generator.integers(0, 5, len(user)), topic)
    return pd.DataFrame(
        {
            "user_id": [f"u{i:03d}" for i in user],
            "event_time": pd.Timestamp("2026-07-01") - pd.to_timedelta(age, unit="D"),
            "event": "like",
            "topic": [f"t{t}" for t in topic],
        }
    )


def chosen(events, **settings):
    sources = read(events=events)
    return choose_half_life(sources, sql_users(sources.engine), TargetingSettings(**settings))


def test_tastes_that_changed_get_a_short_half_life_and_lasting_ones_none():
    assert chosen(drifting(swap_at=70)).days == 30
    lasting = chosen(drifting(swap_at=0))
    assert lasting.days in (120, None) and "surely better than a half-life of 60 days" in lasting.notes[0]
    assert lasting.table.set_index("half_life_days")["difference"].loc[30] < 0
    assert lasting.table["n_users"].min() > 100 and lasting.table["difference"].iloc[0] == 0


def test_what_follows_the_date_of_the_study_plays_no_part():
    events = drifting(swap_at=70)
    later = events.assign(event_time=events["event_time"] + pd.Timedelta(days=400), topic="t0")
    pd.testing.assert_frame_equal(chosen(events).table, chosen(pd.concat([events, later])).table)


def test_with_few_users_the_stated_half_life_stays():
    few = chosen(fan_events(), half_life_days=45)
    assert few.days == 45 and few.table.empty and few.notes[0].startswith("Not known")
    assert chosen(fan_events().drop(columns=["topic", "item_id"])).days == 60


def said_of(events, users, topics, when="2026-05-01", source="survey"):
    return pd.DataFrame(
        {
            "user_id": users,
            "category": topics,
            "source": source,
            "confidence": 1.0,
            "observed_at": pd.Timestamp(when, tz="UTC"),
        }
    )


def learned(events, said, **settings):
    sources = read(events=events)
    given = TargetingSettings(learn_stated_users=50, **settings)
    return learn_stated(sources, said, sql_users(sources.engine), given)


def test_what_people_say_weighs_as_much_as_it_foretells():
    events = drifting(swap_at=0)
    favourite = events.groupby("user_id")["topic"].agg(lambda t: t.mode().iloc[0])
    sparse = events.groupby("user_id").sample(8, random_state=1)  # few events of their own: words count
    true = learned(sparse, said_of(events, favourite.index, favourite.to_numpy()))
    wrong = (favourite.str[1:].astype(int) + 1) % 5
    false = learned(sparse, said_of(events, favourite.index, [f"t{t}" for t in wrong]))
    assert true.weights["survey"] >= 1 and false.weights["survey"] == 0
    assert "learned" in false.notes[0] and true.table["source"].eq("survey").all()
    gain = true.table.set_index("n_events")["loglik"]
    assert gain[1.0] > gain[0.0]  # what is said truly helps


def test_what_was_said_in_the_last_days_or_inferred_is_not_learned_from():
    events = drifting(swap_at=0)
    favourite = events.groupby("user_id")["topic"].agg(lambda t: t.mode().iloc[0])
    late = learned(events, said_of(events, favourite.index, favourite.to_numpy(), when="2026-06-20"))
    assert late.weights["survey"] == 3 and "as declared" in late.notes[0]
    guessed = learned(events, said_of(events, favourite.index, favourite.to_numpy(), source="inferred"))
    assert guessed.weights["inferred"] == 1 and guessed.notes == ()
