"""Shares of topics: against a loop, with people as the unit, and what a group is assumed to be for."""

from __future__ import annotations

import numpy as np
import pytest

from segtool.community.settings import CommunitySettings
from segtool.community.value.topics import (
    TopicCounts,
    compare_topics,
    count_topics,
    find_charters,
    share_of_topic,
)
from tests.community.worlds import make_talk

SETTINGS = CommunitySettings(min_people_per_term=1)


def make_counts(seed: int = 0, people: int = 30) -> TopicCounts:
    rng = np.random.default_rng(seed)
    return TopicCounts(rng.poisson(2.0, (3 * people, 4)).astype(float), np.repeat([0, 1, 2], people), 3)


def test_shares_and_index_are_those_of_the_counts():
    counts = make_counts()
    table = compare_topics(counts, SETTINGS).set_index(["group", "topic"])
    own, rest = counts.by_person[:30], counts.by_person[30:]
    for topic in range(4):
        row = table.loc[(0, topic)]
        assert row["share"] == pytest.approx(own[:, topic].sum() / own.sum())
        assert row["elsewhere"] == pytest.approx(rest[:, topic].sum() / rest.sum())
        assert row["index"] == pytest.approx(100 * row["share"] / row["elsewhere"], rel=0.02)
        assert row["n_people"] == (own[:, topic] > 0).sum() and row["lo"] < row["index"] < row["hi"]


def test_intervals_hold_and_nothing_is_distinctive_where_groups_are_alike():
    held, distinctive = [], 0
    for seed in range(40):
        table = compare_topics(make_counts(seed), SETTINGS)
        held.append(((table["lo"] <= 100) & (table["hi"] >= 100)).mean())
        distinctive += table["distinctive"].sum()
    assert 0.90 <= np.mean(held) <= 0.99 and distinctive <= 2


def test_one_person_with_many_messages_widens_the_interval():
    alone = np.ones((40, 2))
    alone[0, 0] = 41.0
    spread = np.ones((40, 2))
    spread[:, 0] = 2.0
    group = np.repeat([0, 1], 20)
    loud, even = (share_of_topic(TopicCounts(table, group, 2), np.array([0, 0])) for table in (alone, spread))
    assert loud.loc[0, "share"] == pytest.approx(60 / 80) and loud.loc[0, "n"] == 80
    wide, narrow = (table.loc[0, "hi"] - table.loc[0, "lo"] for table in (loud, even))
    assert wide > 1.5 * narrow


def test_no_topic_and_no_message_are_missing():
    counts = TopicCounts(np.ones((2, 2)), np.array([0, 1]), 3)
    table = share_of_topic(counts, np.array([0, -1, 0]))
    assert table["share"].isna().tolist() == [False, True, True] and table["n"].tolist() == [2, 2, 0]


def rows(topics: str) -> list[dict]:
    return [
        {"group_id": "g", "user_id": f"u{n % 4}", "sent_at": f"2026-05-01 {n:02d}:00", "topic": topic}
        for n, topic in enumerate(topics)
    ]


@pytest.mark.parametrize(
    ("topics", "expected", "n_fair"),
    [("aaaaabbbbb", "a", 5), ("ababababab", "a", 5), ("aabbcdef", None, 8), ("ab", None, 2), ("", None, 0)],
    ids=["first half is one topic", "leads by a little", "none leads", "too few", "nothing"],
)
def test_what_a_group_seems_to_be_for(topics, expected, n_fair):
    talk = make_talk(messages=rows(topics), members=[{"group_id": "g", "user_id": "u0"}])
    charter, source, fair = find_charters(talk, min_messages=3)
    assert (talk.topics[charter[0]] if charter[0] >= 0 else None) == expected
    assert source[0] == ("its first half" if expected else "") and fair.sum() == n_fair


def test_topics_are_counted_by_person_without_bots():
    talk = make_talk(messages=rows("aabbccaa"), settings=CommunitySettings(bots=("u3",)))
    counts = count_topics(talk, talk.by_people)
    assert counts.by_person.tolist() == [[1, 0, 1], [1, 0, 1], [1, 1, 0]]
