"""recommend_topics: the topic part, from a plain table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError, ParameterError
from segtool.targeting import recommend_topics


@pytest.fixture(scope="module")
def events():
    """Forty users: the first half mostly stocks, the others mostly jokes; all some news."""
    generator = np.random.default_rng(0)
    rows = [
        (f"u{i:02d}", topic)
        for i in range(40)
        for topic in generator.choice(
            ["stocks", "jokes", "news"], 12, p=[0.7, 0.1, 0.2] if i < 20 else [0.1, 0.7, 0.2]
        )
    ]
    return pd.DataFrame(rows, columns=["user_id", "topic"])


PERSONAS = pd.Series({f"u{i:02d}": "traders" if i < 20 else "jokers" for i in range(40)})


def test_personas_get_what_they_ask_for(events):
    top = recommend_topics(events, PERSONAS, top_k=1, by="persona").set_index("persona")
    assert top["topic"].to_dict() == {"jokers": "jokes", "traders": "stocks"}
    assert (
        (top["lo"] > 1).all() and (top["lo"] < top["estimate"]).all() and (top["estimate"] < top["hi"]).all()
    )


def test_a_user_who_differs_gets_the_own_topic_and_a_new_one_the_personas(events):
    odd = pd.DataFrame({"user_id": ["odd"] * 15 + ["new"], "topic": ["jokes"] * 15 + ["news"]})
    personas = pd.concat([PERSONAS, pd.Series({"odd": "traders", "new": "traders"})])
    top = recommend_topics(pd.concat([events, odd]), personas, top_k=1).set_index("user_id")
    assert top.loc["odd", ["topic", "level"]].tolist() == ["jokes", "user"]
    assert top.loc["new", ["topic", "level"]].tolist() == ["stocks", "persona"]


def test_one_personas_table_is_as_good_as_a_series(events):
    table = PERSONAS.rename_axis("user_id").rename("persona").reset_index()
    pd.testing.assert_frame_equal(recommend_topics(events, table), recommend_topics(events, PERSONAS))


def test_rows_in_any_order_give_the_same(events):
    shuffled = events.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(recommend_topics(shuffled, PERSONAS), recommend_topics(events, PERSONAS))


def test_old_events_fade_and_weights_count():
    times = ["2026-01-01"] * 8 + ["2026-06-01"] * 4
    events = pd.DataFrame(
        {"user_id": "a", "topic": ["old"] * 8 + ["new"] * 4, "event_time": times, "event": "like"}
    )
    others = events.assign(user_id="b", event_time="2026-06-01")
    both = pd.concat([events, others])
    fading = recommend_topics(both).query("user_id == 'a' and topic == 'new'")["estimate"].item()
    lasting = (
        recommend_topics(both, half_life_days=None)
        .query("user_id == 'a' and topic == 'new'")["estimate"]
        .item()
    )
    assert fading > lasting
    shared = both.assign(event=["view"] * 8 + ["share"] * 4 + ["view"] * 8 + ["view"] * 4)
    weighted = recommend_topics(shared, half_life_days=None).query("user_id == 'a' and topic == 'new'")
    assert weighted["estimate"].item() > lasting


def test_safe_ranks_by_the_lower_bound(events):
    table = recommend_topics(events, PERSONAS, top_k=3)
    assert (table.groupby("user_id")["lo"].diff().dropna() <= 1e-9).all()
    best = recommend_topics(events, PERSONAS, top_k=3, ranking="best")
    assert (best.groupby("user_id")["estimate"].diff().dropna() <= 1e-9).all()


def test_explore_is_drawn_and_repeats_with_its_seed():
    generator = np.random.default_rng(3)
    liked = generator.choice(list("abcdef"), (30, 2))  # every user likes a topic or two
    events = pd.DataFrame(
        {"user_id": np.repeat([f"u{i:02d}" for i in range(30)], 4), "topic": np.repeat(liked, 2)}
    )
    first, again, other = (
        recommend_topics(events, ranking="explore", random_state=seed) for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(first, again)
    assert not first["topic"].equals(other["topic"])


def test_any_text_is_a_topic():
    events = pd.DataFrame({"user_id": ["007"] * 4 + ["7"] * 4, "topic": ["股票", "a'b", "😀", "股票"] * 2})
    table = recommend_topics(events)
    assert set(table["user_id"]) == {"007", "7"} and set(table["topic"]) == {"股票", "a'b", "😀"}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({"user": ["a"], "topic": ["x"]}), "no column 'user_id'"),
        (pd.DataFrame({"user_id": [], "topic": []}), "none of 0 events"),
        (pd.DataFrame({"user_id": ["a"], "topic": [None]}), "none of 1 events"),
        (pd.DataFrame({"user_id": ["a"], "topic": ["x"], "event": ["dance"]}), "none of 1 events"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(table, message):
    with pytest.raises(InputError, match=message):
        recommend_topics(table)


def test_bad_arguments_are_refused(events):
    with pytest.raises(ParameterError, match="did you mean 'safe'"):
        recommend_topics(events, ranking="save")
    with pytest.raises(InputError, match="without personas"):
        recommend_topics(events, by="persona")
    with pytest.raises(InputError, match="more than once"):
        recommend_topics(events, pd.concat([PERSONAS, PERSONAS]))


@pytest.mark.parametrize("by", ["user", "persona"])
def test_nothing_liked_less_is_recommended(events, by):
    table = recommend_topics(events, PERSONAS, by=by)
    assert (table["hi"] >= 1).all() and (table["estimate"] >= 0.9).all() and len(table)


@pytest.mark.parametrize(
    "time", ["03.04.2025", "30.05.2025", "04/03/2025", 20250403, 1.7e9, "2025-13-40", True]
)
def test_times_that_would_be_guessed_are_refused(events, time):
    with pytest.raises(InputError, match="event_time are not times in a form") as refusal:
        recommend_topics(events.assign(event_time=[time, *["2025-04-03"] * (len(events) - 1)]))
    assert "ISO" in str(refusal.value)
    with pytest.raises(InputError, match="as_of"):
        recommend_topics(events.assign(event_time="2025-04-03"), as_of=time)


def test_datetimes_dates_and_iso_text_are_the_same(events):
    day = pd.Timestamp("2026-05-01")
    days = [day + pd.Timedelta(days=i % 30) for i in range(len(events))]
    forms = [days, [str(d) for d in days], [d.date() for d in days], [d.isoformat() + "Z" for d in days]]
    tables = [recommend_topics(events.assign(event_time=form), as_of="2026-07-01") for form in forms]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0])
