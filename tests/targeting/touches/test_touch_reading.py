"""Times around a moment, and a person's touches up to acting."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.targeting import TargetingSettings
from segtool.targeting.touches.paths import _ignored, touch_paths
from segtool.targeting.touches.read import SPAN, Log, count_before, last_before, next_after

TIMES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40)), max_size=12)


@given(keys=TIMES, moments=TIMES)
def test_times_around_a_moment_are_of_the_same_user(keys, moments):
    own = np.sort(np.array([u * SPAN + t for u, t in keys], dtype=float))
    at = np.array([u * SPAN + t for u, t in moments], dtype=float)
    before, after = last_before(own, at), next_after(own, at)
    within = count_before(own, at, np.full(len(at), 5.0))
    for place, (user, time) in enumerate(moments):
        times = [t for u, t in keys if u == user]
        assert before[place] == min([time - t for t in times if t < time], default=np.inf)
        assert after[place] == min([t - time for t in times if t >= time], default=np.inf)
        assert within[place] == sum(time - 5 <= t < time for t in times)


def log_of(sends, acts):
    frame = pd.DataFrame(sends, columns=["code", "age_days", "answered"])
    frame = frame.assign(left_after=False, time=SPAN / 2 - frame["age_days"])
    keys = np.sort(np.array([c * SPAN + SPAN / 2 - age for c, age in acts]))
    return Log(frame, (keys, keys), keys, pd.Series({0: SPAN / 2 - 90.0, 1: SPAN / 2 - 90.0}), ("one", "two"))


def test_paths_end_at_the_first_act():
    log = log_of([(0, 30, False), (0, 20, False), (0, 10, True), (1, 30, True)], [(0, 18.0), (1, 15.0)])
    paths = touch_paths(log, "action", TargetingSettings())
    assert paths[["code", "touch", "acted"]].to_numpy(dtype=int).tolist() == [[0, 1, 0], [0, 2, 1], [1, 1, 0]]
    assert paths["went_on"].tolist() == [True, False, False]  # the other acted by itself, a week too late


def test_the_last_days_are_not_followed_to_their_end():
    log = log_of([(0, 30, False), (1, 3, False)], [])
    assert touch_paths(log, "answer", TargetingSettings())["code"].tolist() == [0]


def test_a_last_touch_just_made_counts_neither_with_nor_without_an_act():
    sends = [(user, 30, False) for user in range(2)] + [(0, 3, True), (1, 3, False)]
    log = log_of(sorted(sends, key=lambda one: (one[0], -one[1])), [])
    assert touch_paths(log, "answer", TargetingSettings())["touch"].tolist() == [1, 1]


def test_what_would_have_come_anyhow_falls_with_every_touch_survived():
    acts = [(0, 80.0), (0, 70.0), (0, 60.0)]
    log = log_of([(0, 40, False), (0, 30, False), (0, 20, False), (1, 40, False), (1, 30, False)], acts)
    base = touch_paths(log, "action", TargetingSettings()).groupby("code")["base"].apply(list)
    assert base[0][0] > base[0][1] > base[0][2] and base[0][0] > base[1][0]


def test_ignored_in_a_row():
    answered = np.array([False, False, True, False, False, True])
    assert _ignored(answered, np.array([0, 0, 0, 0, 1, 1])).tolist() == [1, 2, 0, 1, 1, 0]


def test_bases_are_shares():
    log = log_of([(0, 40, False), (0, 2, False)], [(0, 80.0)])
    assert touch_paths(log, "action", TargetingSettings())["base"].between(0, 1).all()
    assert pytest.approx(0) == touch_paths(log, "action", TargetingSettings())["acted"].sum()
