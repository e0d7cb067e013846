"""The rules, asked directly, and what would change a verdict."""

from __future__ import annotations

import numpy as np
import pytest

from segtool.community.health.changes import LEVERS, find_changes, move
from segtool.community.health.rules import chance_of_gap, judge, read_signs
from segtool.community.settings import CommunitySettings

SETTINGS = CommunitySettings()
HEALTHY = {
    "n_recent": 200, "n_all": 1200, "n_days": 150, "age_days": 200, "spread": 1.5, "pace": 50, "peak": 60,
    "gap_days": 1, "talk_days": 150, "talk_span": 180, "top1": 0.1, "top1_worth": 150, "top3": 0.25,
    "top3_worth": 150, "reply": 0.55, "reply_worth": 150, "on_topic": 0.8, "on_topic_worth": 100, "before": 0.82,
    "before_worth": 200, "other_share": 0.4, "veteran": 0.6, "veteran_worth": 150, "veteran_members": 0.5,
    "n_members": 90, "absence_factor": 9, "active_slope": 0.0, "active_hi": 0.1, "reply_slope": 0.0,
    "reply_hi": 0.1, "writers_slope": 0.0, "writers_hi": 0.1, "reply_before": 0.55, "reply_before_worth": 300,
    "others_answer": 0.6, "n_speakers": 40, "n_writers": 60, "past_gap": 5, "silent_with": 1, "talked_then": 8,
    "on_topic_slope": 0.0, "on_topic_hi": 0.1, "is_stated": True,
}  # fmt: skip
FEWER_WRITE = {"active_slope": -0.3, "active_hi": -0.2, "writers_slope": -0.2, "writers_hi": -0.1}


def measures(**changed) -> dict[str, np.ndarray]:
    return {
        name: np.array([value], dtype=bool if name == "is_stated" else float)
        for name, value in (HEALTHY | changed).items()
    }


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "thriving"),
        ({"age_days": 41}, "new"),
        ({"n_all": 29}, "too little data"),
        ({"n_days": 4}, "too little data"),
        ({"gap_days": 60, "n_recent": 2}, "dead"),
        ({"gap_days": 60, "n_recent": 2, "talk_days": 2}, "quiet"),  # such silences are its way
        ({"gap_days": 20, "n_recent": 2}, "quiet"),
        ({"top1": 0.85, "top3": 0.9, "reply": 0.05}, "loudspeaker"),
        ({"top1": 0.85, "top3": 0.9, "reply": 0.05, "top1_worth": 6, "top3_worth": 6}, "quiet"),
        (
            {"top1": 0.85, "top3": 0.9, "reply": 0.5, "absence_factor": 1},
            "quiet",
        ),  # a loud host who is answered
        ({"n_members": 300}, "thriving"),  # size alone is no verdict
        ({"n_members": 300, "reply": 0.2}, "quiet"),  # nor is one sign
        ({"n_members": 300, "reply": 0.2, "veteran": 0.1}, "overgrown"),
        ({"n_members": np.nan, "reply": 0.2, "veteran": 0.1}, "quiet"),
        ({"on_topic": 0.3}, "chat room"),
        ({"on_topic": 0.3, "other_share": 0.9}, "thriving"),  # moved to another topic
        ({"on_topic": 0.3, "before": np.nan, "is_stated": False}, "thriving"),
        ({"on_topic": np.nan, "on_topic_worth": 0}, "thriving"),
        ({"reply": np.nan, "reply_worth": 0}, "thriving"),  # not known is not no
        ({"gap_days": 60, "n_recent": 2, "silent_with": 6}, "quiet"),  # a pause of all
        ({"gap_days": 60, "n_recent": 2, "past_gap": 50}, "quiet"),  # it came back from such a one
        ({"gap_days": 100, "n_recent": 2, "silent_with": 6}, "dead"),  # no pause is that long
        ({"top1": 0.5, "top3": 1.0, "reply": 0.05, "n_speakers": 3, "n_members": 3, "n_writers": 3}, "quiet"),
        ({"top1": 0.5, "top3": 1.0, "reply": 0.05, "n_speakers": 12}, "loudspeaker"),
        ({"top1": 0.85, "reply": 0.05, "n_members": 5, "n_writers": 5}, "quiet"),  # no audience
        (
            {"n_members": 300, "reply": 0.2, "veteran": 0.1, "others_answer": 0.0, "reply_before": 0.2},
            "quiet",
        ),
        ({"n_members": 300, "reply": 0.2, "veteran": 0.1, "others_answer": 0.0}, "overgrown"),  # it fell
        ({"n_members": 180, "reply": 0.2, "veteran": 0.1, "reply_before": 0.2}, "quiet"),  # it talks a lot
        (
            {"n_members": 300, "veteran": 0.1, "active_slope": -0.3, "active_hi": -0.2},
            "thriving",
        ),  # only churn
        ({"n_members": 300, "veteran": 0.1, **FEWER_WRITE}, "thriving"),
        ({"n_members": 300, "reply": 0.2, "active_slope": -0.3, "active_hi": -0.2}, "quiet"),
        ({"n_members": 300, "reply": 0.2, **FEWER_WRITE}, "overgrown"),
        ({"n_recent": 24, "peak": 8}, "quiet"),
    ],
)
def test_a_bad_word_needs_its_measures_and_their_intervals(changed, verdict):
    assert judge(measures(**changed), SETTINGS).tolist() == [verdict]


def test_thresholds_come_from_the_settings():
    crowded = measures(n_members=120, reply=0.2, veteran=0.1)
    assert judge(crowded, SETTINGS).tolist() == ["quiet"]
    assert judge(crowded, CommunitySettings(crowded_members=100)).tolist() == ["overgrown"]


def test_what_only_looks_so_is_not_sure():
    signs = read_signs(measures(on_topic=0.5, on_topic_worth=12), SETTINGS)
    assert signs.seems["off_topic"].tolist() == [True] and signs.sure["off_topic"].tolist() == [False]


def test_a_silence_is_judged_by_the_groups_own_pace():
    busy, slow = chance_of_gap(np.array([150.0, 6.0]), np.full(2, 180.0), np.full(2, 21.0))
    assert busy < 1e-6 < 0.3 < slow


@pytest.mark.parametrize(
    "changed",
    [
        {}, {"on_topic": 0.3}, {"gap_days": 60, "n_recent": 2}, {"top1": 0.85, "top3": 0.9, "reply": 0.05},
        {"n_members": 300, "reply": 0.2, "veteran": 0.1}, {"age_days": 20}, {"n_all": 12, "n_days": 4},
    ],
    ids=["thriving", "chat room", "dead", "loudspeaker", "overgrown", "new", "too little"],
)  # fmt: skip
def test_the_measure_that_would_change_a_verdict_does_change_it(changed):
    m = measures(**changed)
    now = judge(m, SETTINGS)
    (said,) = find_changes(m, now, SETTINGS)
    lever = next(
        one
        for one in LEVERS
        if one.title in said
        or (one.name == "age_days" and "days old" in said)
        or (one.name == "gap_days" and "days ago" in said)
    )
    numbers = [float(part.strip("%,()").replace(",", "")) for part in said.replace("(now", "").split()
               if part.strip("%,()").replace(",", "").lstrip("+-").isdigit()]  # fmt: skip
    value = numbers[0] if lever.name in ("age_days", "gap_days") else numbers[-1]
    value = np.array([value / 100 if lever.unit == "share" else value])
    then = judge(move(m, lever.name, value), SETTINGS)
    assert f"would be '{then[0]}'" in said and then[0] != now[0]
    back = m[lever.name] + 0.8 * (value - m[lever.name])  # not yet there
    assert judge(move(m, lever.name, back), SETTINGS)[0] == now[0]


def test_the_border_is_told_to_the_last_one_and_only_where_it_reads_otherwise():
    m = measures(n_members=300, reply=0.2, veteran=0.1)
    for changed, said in (
        ({"n_members": 155, "reply": 0.2, "veteran": 0.1}, "members fell from 155 to 150"),
        ({"age_days": 40}, "once it is 42 days old"),
        ({"on_topic": 0.399, "on_topic_worth": 1e7, "before": 0.41}, ""),
    ):
        m = measures(**changed)
        (told,) = find_changes(m, judge(m, SETTINGS), SETTINGS)
        assert said in told and "from 40% to 40%" not in told


def test_who_talks_again_has_written():
    m = move(measures(gap_days=60, n_recent=0), "gap_days", np.array([20.0]))
    assert m["n_recent"].tolist() == [2]


def test_a_bad_verdict_is_told_what_would_make_it_good():
    m = measures(on_topic=0.3)
    (said,) = find_changes(m, judge(m, SETTINGS), SETTINGS)
    assert said.startswith("would be 'thriving' if the share of messages on topic rose from 30% to")
