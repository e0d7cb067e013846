"""Novices, regulars, veterans, lurkers: by place in the order of joining and by what people do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.community.people.tenure import BANDS, active_weeks, joining_places, tenure_bands
from tests.community.worlds import AS_OF, make_talk


def day(before: float) -> str:
    return str(pd.Timestamp(AS_OF) - pd.Timedelta(days=before))


def member(user: str, joined: float | None, **more) -> dict:
    return {"group_id": "g", "user_id": user, "joined_at": None if joined is None else day(joined), **more}


def said(user: str, *days: float) -> list[dict]:
    return [{"group_id": "g", "user_id": user, "sent_at": day(one)} for one in days]


JOINED = {
    "first": 300, "second": 290, "third": 280, "reads": 270, "slept": 250, "middle": 100, "tried": 60, "new": 10,
    "new_writer": 12, "nobody_knows": None,
}  # fmt: skip
MEMBERS = [member("left", 260, left_at=day(9)), *(member(user, joined) for user, joined in JOINED.items())]
WEEKLY = (3, 10, 17, 24, 31)
MESSAGES = [
    *said("first", *WEEKLY), *said("second", *WEEKLY), *said("third", 5, 6, 7), *said("left", 50),
    *said("slept", 70, 80, 90, 100), *said("middle", *WEEKLY), *said("tried", 20), *said("new_writer", *range(1, 10)),
    *said("nobody_knows", 3, 4, 5, 6), *said("stranger", 400, *WEEKLY),
]  # fmt: skip


@pytest.fixture(scope="module")
def bands() -> pd.Series:
    talk = make_talk(messages=MESSAGES, members=MEMBERS)
    return pd.Series(tenure_bands(talk).to_numpy(), index=talk.user_ids[talk.roster["user"]])


@pytest.mark.parametrize(
    ("user", "band"),
    [
        ("first", "veteran"),
        ("third", "regular"),  # early, yet wrote in one week only
        ("reads", "lurker"),
        ("left", "gone"),
        ("slept", "dormant"),
        ("middle", "regular"),  # lives in the group, yet not of the oldest third
        ("tried", "novice"),  # of the youngest third, with one message
        ("new", "novice"),
        ("new_writer", "novice"),
        ("nobody_knows", "unknown"),  # not a novice
        ("stranger", "veteran"),  # on no roster, yet wrote a year ago and still does
    ],
)
def test_each_member_has_the_band_of_place_and_behaviour(bands, user, band):
    assert bands[user] == band


def test_bands_are_those_promised_and_lie_along_the_roster():
    talk = make_talk(messages=MESSAGES, members=MEMBERS)
    bands = tenure_bands(talk)
    assert set(bands) <= set(BANDS) and bands.index.equals(talk.roster.index)


def test_without_a_roster_nobody_is_a_novice():
    assert set(tenure_bands(make_talk(messages=MESSAGES))) == {"unknown", "veteran"}


def test_without_any_message_on_record_nobody_is_called_a_lurker():
    bands = tenure_bands(make_talk(members=MEMBERS))
    assert set(bands) == {"unknown", "novice", "gone"}


def test_bots_have_no_band_and_an_empty_talk_has_none():
    talk = make_talk(members=[member("b", 100, role="bot"), member("a", 100)], messages=said("a", 1))
    assert tenure_bands(talk).tolist() == ["regular", "unknown"]
    assert tenure_bands(make_talk()).empty


def test_the_place_of_one_member_is_in_the_middle_and_ties_share_a_place():
    assert joining_places(make_talk(members=[member("a", 5)])).tolist() == [0.5]
    places = joining_places(
        make_talk(members=[member("a", 9), member("b", 9), member("c", 1), member("d", None)])
    )
    np.testing.assert_allclose(places, [0.75, 0.75, 0.0, np.nan])


def test_weeks_are_counted_once_each():
    talk = make_talk(messages=[*said("a", 1, 2, 8), *said("b", 30)])
    assert active_weeks(talk).tolist() == [2, 1] and active_weeks(talk, since_days=20).tolist() == [2, 0]


def test_of_who_joined_before_a_short_record_it_is_not_known_whether_they_read_along():
    members = [member("early", 300), member("late", 39), member("stranger", None)]
    short = make_talk(members=members, messages=said("w", 40, 3))
    assert tenure_bands(short).tolist() == ["unknown", "lurker", "unknown", "unknown"]
    long = make_talk(members=members, messages=said("w", 100, 3))
    assert tenure_bands(long).tolist() == ["lurker", "lurker", "unknown", "unknown"]


def test_a_group_without_messages_has_no_lurkers_though_another_talks():
    silent = {**member("x", 300), "group_id": "h"}
    talk = make_talk(members=[member("a", 300), silent], messages=said("b", 200, 3))
    assert tenure_bands(talk).tolist() == ["lurker", "unknown", "unknown"]


def test_who_wrote_before_joining_was_there_since():
    talk = make_talk(members=[member("a", 11)], messages=said("a", *range(3, 400, 7)))
    assert tenure_bands(talk).tolist() == ["veteran"]
    assert "before they had joined" in talk.problems["what"].iloc[0]
