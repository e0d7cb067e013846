"""Whom messages name."""

import numpy as np
import pytest

from segtool.community.replies.names import find_announcements, find_mentions, find_named, read_names
from tests.community.worlds import make_talk

NAMES = {"ann": 0, "bo": 1, "小明": 2, "u0001": 3}


def mentions(text):
    return find_mentions(np.array([text], dtype=object), NAMES)[1].tolist()


def named(text):
    _, user, how = find_named(np.array([text], dtype=object), NAMES)
    return dict(zip(user.tolist(), how.tolist(), strict=True))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@ann hi", [0]),
        ("hi @Ann, @BO!", [0, 1]),
        ("@小明\u2005看看", [2]),  # the space that WeChat puts after a name
        ("＠ｂｏ yes", [1]),
        ("mail ann@bo.org", []),
        ("ann hi", []),
        ("@ann @ann", [0]),
        ("thanks @bo.", [1]),
        ("@", []),
        (None, []),
    ],
)
def test_mentions(text, found):
    assert mentions(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ann: yes", {0: 2}),
        ("ann, yes", {0: 2}),
        ("u0001 yes", {3: 2}),
        ("so says u0001.", {3: 1}),
        ("u0001. great", {3: 2}),
        ("so says bo", {}),  # two letters within a sentence are too often a word
        ("bo: yes", {1: 2}),
        ("小明：好的", {2: 2}),
        ("", {}),
        (None, {}),
    ],
)
def test_names_without_an_at(text, found):
    assert named(text) == found


def test_a_nickname_that_two_bear_names_nobody_and_an_id_wins():
    users = [
        {"user_id": "a", "nickname": "Sun"},
        {"user_id": "b", "nickname": "sun "},
        {"user_id": "c", "nickname": "a"},
        {"user_id": "d", "nickname": "Moon"},
    ]
    talk = make_talk(users=users, messages=[{"group_id": "g", "user_id": "a", "sent_at": "2026-06-01"}])
    assert read_names(talk) == {"a": 0, "b": 1, "c": 2, "d": 3, "moon": 3}


def test_announcements():
    texts = ["群公告：今晚", "[通知] x", "Notice: y", "@everyone z", "通知到了吗", "see the notice", None]
    assert find_announcements(np.array(texts, dtype=object)).tolist() == [True] * 4 + [False] * 3


def test_ids_that_differ_in_case_only_are_named_as_written_or_not_at_all():
    rows = [{"group_id": "g", "user_id": user, "sent_at": "2026-06-01"} for user in ("Ann", "ann", "bob")]
    users = [{"user_id": "bob", "nickname": "ANN"}]
    names = read_names(make_talk(messages=rows, users=users))
    said = np.array(["@Ann hi", "@ann hi", "@ANN hi", "Ann: yes", "so says ann.", "@Bob"], dtype=object)
    row, user = find_mentions(said, names)
    assert list(zip(row.tolist(), user.tolist(), strict=True)) == [(0, 0), (1, 1), (5, 2)]
    row, user, _ = find_named(said, names)
    assert list(zip(row.tolist(), user.tolist(), strict=True)) == [(0, 0), (1, 1), (3, 0), (4, 1), (5, 2)]
