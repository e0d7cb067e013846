"""The world of the scale benchmark is one that can be read, and the same for the same seed."""

import pandas as pd
import pytest

from benchmarks.community_scale import AS_OF, check_targets, make_world
from segtool.community.talk import read_talk
from segtool.community.ties.ties import find_ties
from segtool.sources import Sources


@pytest.fixture(scope="module")
def world():
    return make_world(3000, 400, 12, seed=4)


def test_a_world_has_what_was_asked_for(world):
    messages, members = world["messages"], world["members"]
    assert len(messages) == 3000 and messages["message_id"].is_unique
    assert members["user_id"].nunique() == 400 and members["group_id"].nunique() == 12
    first = messages.groupby(["group_id", "user_id"])["sent_at"].min()
    joined = members.set_index(["group_id", "user_id"])["joined_at"]
    assert (joined.reindex(first.index) <= first).all()


def test_the_same_seed_makes_the_same_world(world):
    again = make_world(3000, 400, 12, seed=4)
    for name, table in world.items():
        pd.testing.assert_frame_equal(table, again[name])


def test_a_world_can_be_read_and_is_tied(world):
    with Sources.read(world, as_of=AS_OF, timezone="Asia/Shanghai") as sources:
        talk = read_talk(sources)
        ties = find_ties(talk)
    assert sources.n_users == 400 and talk.has_replies and talk.has_text
    assert (ties.table[["reply", "mention", "near", "invite"]].sum() > 0).all()


@pytest.mark.parametrize(("seconds", "peak", "met"), [(59, 2900, True), (61, 2900, False), (59, 3100, False)])
def test_the_promise_counts_every_part_but_the_reading_of_tables(seconds, peak, met):
    from benchmarks.community_scale import READ

    spent = {"part": [READ, "talk", "circles"], "cpu_s": [50, 9, seconds - 9], "peak_mb": [1, peak, 2]}
    parts = pd.DataFrame(spent | {"broke": [""] * 3})
    assert all(holds for _, holds in check_targets(parts)) is met


def test_a_part_that_breaks_breaks_the_promise():
    parts = pd.DataFrame(
        {"part": ["talk", "ties"], "cpu_s": 1.0, "peak_mb": 1.0, "broke": ["", "ValueError"]}
    )
    assert [holds for _, holds in check_targets(parts)] == [True, False, True]
