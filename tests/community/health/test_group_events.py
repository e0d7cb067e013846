"""Waves of newcomers with the talk before and after them, and early warning of trouble."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.community.health.bursts import burst_chances
from segtool.community.health.health import judge_groups
from segtool.community.health.trouble import LOOKS_A_YEAR
from segtool.community.settings import CommunitySettings
from tests.community.health.chats import END, chat, read, roster


def complain(messages: list[dict], days, people: int, n: int, group="g") -> list[dict]:
    """Return complaints, each an answer to the one before."""
    rows = []
    for number in range(n):
        at = END - pd.Timedelta(days=float(np.linspace(*days, n)[number]))
        rows.append({"message_id": f"{group}_c{number}", "group_id": group, "user_id": f"{group}_u{number % people:02d}",
                     "sent_at": str(at.round("s")), "reply_to": f"{group}_c{number - 1}" if number else None,
                     "topic": "yoga", "text": "bad"})  # fmt: skip
    return messages + rows


def warn(messages, **settings):
    return warn_of(read(messages, roster("g", 20)), **settings)


def warn_of(talk, **settings):
    tone = np.where(talk.texts() == "bad", -0.7, 0.3).astype(np.float32)
    return judge_groups(talk, settings=CommunitySettings(**settings), tones=tone)


def test_complaints_by_several_people_are_told_at_once_with_since_when_and_by_how_many():
    health = warn(complain(chat("g"), (1.8, 0.4), people=5, n=8))
    (row,) = health.warnings.to_dict("records")
    assert row["since"] == END - pd.Timedelta(days=1.8) and row["is_going_on"]
    assert (row["n_negative"], row["n_people"], row["n_agreeing"]) == (8, 5, 7)
    assert row["q"] < 0.05 and row["expected_people"] < 1 and row["severity"] > 0
    assert "8 of" in row["said"] and health.table.loc[0, "warning"] == row["said"]
    assert "trouble in 1" in health.headline()


def test_one_angry_voice_however_often_is_no_burst():
    assert warn(complain(chat("g"), (1.8, 0.4), people=1, n=12)).warnings.empty


def test_a_group_that_always_complains_does_not_burst():
    messages = chat("g")
    for number, row in enumerate(messages):
        row["text"] = "bad" if number % 5 == 0 else "ok"
    assert warn(messages).warnings.empty


def test_other_groups_do_not_make_a_warning_harder_to_give():
    count = np.zeros((2, 13))
    count[:, 0] = 7, 5  # of fifteen who write; one of them used to
    count[:, 1:] = 1
    p = [
        burst_chances(
            np.vstack([count, np.ones((n, 13))]), np.full((n + 2, 13), 15.0), np.ones((n + 2, 13), bool)
        )[0]
        for n in (18, 1998)
    ]
    bound = CommunitySettings().false_warnings_a_year / LOOKS_A_YEAR
    assert [(chances[:2, 0] <= bound).tolist() for chances in p] == [[True, False], [True, False]]


def test_who_asks_for_fewer_false_warnings_gets_fewer():
    messages = complain(chat("g"), (1.8, 0.4), people=5, n=8)
    assert warn(messages, false_warnings_a_year=1e-6).warnings.empty


def test_old_trouble_is_listed_but_does_not_go_on():
    health = warn(complain(chat("g"), (61.8, 60.0), people=5, n=8))
    assert health.warnings["is_going_on"].tolist() == [False] and health.table.loc[0, "warning"] == ""


def test_complaints_weigh_more_than_praise_by_the_declared_weight():
    talk = read(complain(chat("g", daily=2), (1.8, 0.4), people=5, n=8), roster("g", 20))
    heavy, light = (warn_of(talk, negative_weight=weight).warnings for weight in (5.0, 1.0))
    assert heavy["severity"][0] > light["severity"][0] > 0


def test_without_tones_nothing_is_warned_of():
    assert judge_groups(read(complain(chat("g"), (1.8, 0.4), 5, 8))).warnings.empty


@pytest.fixture(scope="module")
def flooded():
    """A group that twenty strangers enter sixty days ago: they write of films, and the others less."""
    old, new = [1 / 12] * 12 + [0] * 20, [0.2 / 12] * 12 + [0.8 / 20] * 20
    messages = chat("g", days=range(60, 180), voices=old, off=0.1)
    after = chat("g", days=range(1, 60), voices=new, off=0.8, seed=1)
    messages += [{**row, "message_id": f"late{row['message_id']}", "reply_to": None} for row in after]
    rng = np.random.default_rng(0)
    joined = np.r_[np.linspace(60, 300, 12) + 120, 60 + rng.random(20)]
    calm = chat("calm", seed=2)
    return messages + calm, roster("g", 32, joined) + roster("calm", 12, np.linspace(190, 300, 12))


def test_a_wave_is_found_and_what_it_did_is_told_with_n_and_interval(flooded):
    entrants = judge_groups(read(*flooded)).entrants
    assert set(entrants["group_id"]) == {"g"} and entrants["starts"].nunique() == 1
    assert entrants["n_entrants"].iloc[0] == 20 and entrants["n_before"].iloc[0] == 12
    rows = entrants.set_index("measure")
    topic = rows.loc["share on topic"]
    assert (
        topic["before_n"] == topic["after_n"] == 84
        and topic["hi"] < 0
        and topic["said"].startswith("share on")
    )
    assert rows.loc["veterans' messages a week", "hi"] < 0


@pytest.fixture(scope="module")
def ageing():
    """Groups that one comes to each day and leaves after some weeks; the wave changes nobody's talk."""
    rng, messages, members = np.random.default_rng(5), [], []
    for group in "abcd":
        joined = np.r_[np.full(15, 400.0), np.arange(330, 0, -1.0), 62 - 2 * rng.random(25)]
        stays = np.r_[np.full(15, 9999.0), rng.exponential(60, len(joined) - 15)]
        days = np.arange(182, 0, -1)
        there = (joined[None] > days[:, None]) & (joined[None] - days[:, None] < stays[None])
        day, voice = np.nonzero(there & (rng.random(there.shape) < 0.18))
        at = END - pd.to_timedelta(days[day], unit="D") + pd.Timedelta(hours=9)
        at = at + pd.to_timedelta(np.arange(len(day)) % 600, unit="min")
        messages += [
            {"message_id": f"{group}{n}", "group_id": group, "user_id": f"{group}_u{who:02d}", "sent_at": str(when),
             "topic": "yoga", "text": "ok", "reply_to": None}
            for n, (who, when) in enumerate(zip(voice, at, strict=True))
        ]  # fmt: skip
        members += roster(group, len(joined), joined)
    return read(messages, members)


def test_veterans_who_get_fewer_anyway_are_not_held_against_a_wave(ageing):
    rows = judge_groups(ageing).entrants
    pace = rows[rows["measure"] == "veterans' messages a week"]
    assert len(pace) == 4 and pace["after"].sum() < 0.8 * pace["before"].sum()
    assert pace["usual"].between(0.5 * pace["before"], 0.95 * pace["before"]).all()
    assert ((pace["lo"] <= 0) & (pace["hi"] >= 0)).all() and set(pace["said"]) == {"no sure change"}
    assert "veterans' share" not in set(rows["measure"])


def test_days_of_an_activity_are_left_out_and_it_is_named(flooded):
    activity = [{"activity_id": "a", "group_id": "g", "starts_at": str(END - pd.Timedelta(days=58)),
                 "ends_at": str(END - pd.Timedelta(days=56)), "topic": "yoga", "title": "open week"}]  # fmt: skip
    rows = judge_groups(read(*flooded, activities=activity)).entrants.set_index("measure")
    assert set(rows["activity"]) == {"open week"}
    assert rows["days_left_out"].iloc[0] == 3 and rows.loc["share on topic", "after_n"] < 84


def test_a_wave_of_yesterday_has_no_effect_yet(flooded):
    messages, members = flooded
    fresh = [{"group_id": "calm", "user_id": f"x{n}", "joined_at": str(END - pd.Timedelta(hours=20 + n))}
             for n in range(12)]  # fmt: skip
    entrants = judge_groups(read(messages, members + fresh)).entrants
    own = entrants[entrants["group_id"] == "calm"]
    assert own["n_entrants"].iloc[0] == 12
    assert own["change"].isna().all() and set(own["said"]) == {"too early to say"}


def test_founders_of_a_new_group_are_no_wave():
    messages = chat("g", days=range(1, 60))
    assert judge_groups(read(messages, roster("g", 12, 60))).entrants.empty
