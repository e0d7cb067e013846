"""Filters: others take up what they liked, after rather than before, beyond what the item's course brings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.leader_worlds import AS_OF, make_judging_world
from segtool.community.people.filters import COLUMNS, find_filters
from segtool.community.people.judgements import Judgements, read_circles, read_judgements
from segtool.community.people.precedence import count_followers
from segtool.community.settings import CommunitySettings
from segtool.community.talk import read_talk
from segtool.errors import InputError
from segtool.sources import Sources
from tests.community.worlds import make_sources


def events(*rows) -> list[dict]:
    moment = pd.Timestamp("2026-07-01")
    return [{"user_id": user, "event_time": moment - pd.Timedelta(days=before), "event": event, "item_id": item}
            for user, before, event, item in rows]  # fmt: skip


@pytest.fixture(scope="module")
def planted():
    tables, filters = make_judging_world(3, follow=0.12)
    with Sources.read(tables, as_of=AS_OF) as sources:
        yield sources, filters, find_filters(sources, read_talk(sources))


def test_planted_filters_are_found_and_hardly_anybody_else(planted):
    _, filters, found = planted
    named = set(found.to_pandas()["user_id"])
    assert len(named & filters) >= 15 and len(named - filters) <= 0.1 * len(named) + 1


def test_where_nobody_follows_nobody_is_named():
    tables, _ = make_judging_world(4, follow=0.0)
    with Sources.read(tables, as_of=AS_OF) as sources:
        table = find_filters(sources, read_talk(sources)).table
    assert (
        len(table) > 100 and not table["filter"].any() and table["p"].mean() == pytest.approx(0.5, abs=0.06)
    )


def test_the_table_is_as_promised_and_says_association_only(planted):
    found = planted[2]
    assert list(found.table.columns) == COLUMNS and found.table["p"].is_monotonic_increasing
    assert "associated only" in found.headline() and any("drawn by lot" in note for note in found.notes)
    first = found.table.iloc[0]
    assert first["lo"] <= first["ratio"] <= first["hi"] and "expected from elsewhere" in first["reason"]


def test_circles_may_be_given_as_a_table(planted):
    sources, _, found = planted
    members = sources.engine.query("SELECT user_id, group_id AS circle FROM members ORDER BY user_id")
    pd.testing.assert_frame_equal(
        find_filters(sources, members.sample(frac=1, random_state=0)).table, found.table
    )


def test_others_are_counted_before_and_after_within_the_lag_and_oneself_never():
    sources = make_sources(
        events=events(
            ("ann", 50, "like", "i1"), ("bob", 45, "purchase", "i1"), ("cat", 55, "like", "i1"), ("dan", 20, "like", "i1"),
            ("ann", 49, "purchase", "i1"), ("eve", 44, "like", "i1"), ("ann", 50, "view", "i2"), ("bob", 45, "like", "i2"),
        )
    )  # fmt: skip
    circles = pd.DataFrame({"user_id": ["ann", "bob", "cat", "dan"], "circle": "c"})
    judgements = read_judgements(sources, read_circles(circles))
    table = count_followers(judgements, 14)
    ann = table[judgements.user_ids[table["user"]] == "ann"]
    # dan came too late, eve is of no circle, and a view of i2 is no judgement.
    assert ann[["after", "before", "n_others"]].values.tolist() == [[1, 1, 3]]
    assert (table[["after_expected", "before_expected"]] >= 0).all().all()


def test_oneself_is_not_counted_in_a_large_study_either():
    n = 50_000  # as many circles of two and items; the second likes it an hour after the first
    user, both = np.arange(2 * n), np.repeat(np.arange(n), 2)
    time = np.where(user % 2, -20.0 + 1 / 24, -20.0) - np.repeat(np.linspace(0, 9, n), 2)
    table = count_followers(Judgements(user, both, user, both, both, time, time, both, time), 14)
    first = (table["user"] % 2 == 0).to_numpy()
    assert (table["after"] == first).all() and (table["before"] == ~first).all()


def test_a_purchase_judges_nothing_but_is_taking_up():
    sources = make_sources(events=events(("ann", 50, "purchase", "i1"), ("bob", 45, "like", "i1")))
    judgements = read_judgements(
        sources, read_circles(pd.DataFrame({"user_id": ["ann", "bob"], "circle": "c"}))
    )
    table = count_followers(judgements, 14)
    assert judgements.user_ids[table["user"]].tolist() == ["bob"] and table["before"].tolist() == [1]


ONE = events(("a", 5, "like", "i"))
TWO = events(("a", 5, "like", "i"), ("b", 4, "like", "i"))
VIEWS = events(("a", 5, "view", "i"), ("b", 4, "view", "i"))


@pytest.mark.parametrize(
    ("tables", "users"),
    [
        pytest.param({"events": ONE}, "a", id="a circle of one"),
        pytest.param({"members": [{"group_id": "g", "user_id": "a"}]}, "ab", id="no events"),
        pytest.param({"events": VIEWS}, "ab", id="views only"),
        pytest.param({"events": TWO}, "ab", id="one item"),
        pytest.param({"events": ONE}, "xy", id="nobody of them has events"),
    ],
)
def test_too_little_gives_a_note(tables, users):
    circles = pd.DataFrame({"user_id": list(users), "circle": "c"})
    found = find_filters(make_sources(**tables), circles, CommunitySettings())
    assert found.table.empty and "Not known" in found.notes[0] and found.to_pandas().empty


def test_circles_without_their_columns_are_refused():
    with pytest.raises(InputError, match="circle"):
        find_filters(make_sources(events=events(("a", 5, "like", "i"))), pd.DataFrame({"user_id": ["a"]}))


def test_what_happened_before_joining_does_not_count():
    rows = events(
        *((user, 100 - 3 * n - place, "like", f"i{n}") for n in range(10) for place, user in enumerate("ab"))
    )
    late = [{"group_id": "g", "user_id": user, "joined_at": "2026-06-29"} for user in "ab"]
    sources = make_sources(events=rows, members=late)
    assert find_filters(sources, read_talk(sources)).table.empty
    assert np.isfinite(
        find_filters(sources, pd.DataFrame({"user_id": ["a", "b"], "circle": "g"})).table["p"]
    ).all()
