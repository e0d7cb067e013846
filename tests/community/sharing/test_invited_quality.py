"""Whether people who were invited stay longer: within groups, with alike people as one cluster."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from segtool.community.sharing.quality import (
    FEW,
    LESS,
    compare_quality,
    difference_of,
    read_outcomes,
    share_of,
)
from segtool.community.sharing.trees import grow_forest
from tests.community.worlds import make_talk


def make_members(n=40, *, gone=(), days=100.0, group="g"):
    """One who came first, half invited by that one, half alone; some gone after two days."""
    joined = pd.Timestamp("2026-07-01") - pd.Timedelta(days=days)
    rows = [
        {"group_id": group, "user_id": "first", "joined_at": joined - pd.Timedelta(days=20), "role": "owner"}
    ]
    for k in range(n):
        left = joined + pd.Timedelta(days=2) if k in gone else None
        by = "first" if k % 2 else None
        rows.append({"group_id": group, "user_id": f"u{k:02d}", "joined_at": joined, "left_at": left,
                     "invited_by": by, "role": "member"})  # fmt: skip
    return rows


def compare(talk, **more):
    forest = grow_forest(talk.roster)
    outcomes, _ = read_outcomes(forest, talk, 30.0)
    table = compare_quality(forest, outcomes, talk, min_compared=5, confidence=0.9, **more)
    return table.set_index(["by", "value", "measure"])


def test_those_invited_who_leave_are_found():
    table = compare(make_talk(members=make_members(gone=range(1, 40, 2))))  # all invited are gone
    row = table.loc[("all", "everybody", "still there")]
    assert (row["n_invited"], row["n_alone"]) == (20, 21)
    assert (row["invited"], row["alone"]) == (0.0, 1.0) and row["verdict"] == LESS
    assert row["difference"] == -1 and row["hi"] < 0


def test_who_joined_lately_is_left_out_and_counted():
    table = compare(make_talk(members=make_members(gone=[1], days=10)))
    row = table.loc[("all", "everybody", "still there")]
    assert (row["n_invited"], row["n_alone"], row["n_too_new"]) == (0, 1, 40)
    assert np.isnan(row["invited"]) and row["verdict"] == FEW


def test_without_a_single_leave_staying_is_not_known():
    talk = make_talk(members=make_members())
    outcomes, missing = read_outcomes(grow_forest(talk.roster), talk, 30.0)
    assert outcomes == [] and len(missing) == 2  # nobody left, and nobody wrote
    assert compare(talk).empty


def test_writing_again_needs_the_second_month():
    def write(user, days_after):
        moment = pd.Timestamp("2026-07-01") - pd.Timedelta(days=100 - days_after)
        return {"group_id": "g", "user_id": user, "sent_at": moment}

    messages = [write("first", -19), write("u01", 29), write("u03", 31), write("u05", 59), write("u07", 61)]
    table = compare(make_talk(members=make_members(), messages=messages))
    row = table.loc[("all", "everybody", "wrote again")]
    assert row["invited"] == pytest.approx(2 / 20)  # u03 and u05
    assert row["alone"] == 0


def test_by_persona_and_by_who_invited():
    personas = pd.DataFrame(
        {"user_id": [f"u{k:02d}" for k in range(40)], "persona": ["A", "A", "B", "B"] * 10}
    )
    table = compare(make_talk(members=make_members(gone=[1, 5, 9])), personas=personas)
    assert table.loc[("persona", "A", "still there"), "invited"] == pytest.approx(0.7)
    assert table.loc[("persona", "B", "still there"), "invited"] == 1
    assert table.loc[("inviter", "first", "still there"), "n_invited"] == 20
    assert table.loc[("role of the inviter", "owner", "still there"), "n_invited"] == 20


def test_roles_may_be_given():
    roles = pd.DataFrame({"user_id": ["first", "u01"], "role": ["leader", None]})
    table = compare(make_talk(members=make_members(gone=[1])), roles=roles)
    assert table.loc[("role of the inviter", "leader", "still there"), "n_invited"] == 20
    assert ("role of the inviter", "owner", "still there") not in table.index


def test_a_good_group_with_many_invitations_makes_none_look_good():
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1], 4000)
    arm = rng.random(8000) < np.where(group == 0, 0.9, 0.1)
    value = (rng.random(8000) < np.where(group == 0, 0.9, 0.3)).astype(float)
    difference, lo, hi, _ = difference_of(value, arm, group, np.arange(8000), 0.9)
    assert lo < 0 < hi and abs(difference) < 0.05
    assert value[arm].mean() - value[~arm].mean() > 0.4


def test_people_of_one_inviter_are_not_so_many_witnesses():
    value = np.tile([1.0, 0.0], 60)
    arm = np.arange(120) < 60
    alone = np.arange(120)
    alike = np.where(arm, value.astype(int), alone)  # two inviters: all of one stay, none of the other
    narrow, wide = (difference_of(value, arm, np.zeros(120, int), cluster, 0.9) for cluster in (alone, alike))
    assert wide[2] - wide[1] > 3 * (narrow[2] - narrow[1])


def test_all_of_both_is_no_certainty():
    difference, lo, hi, _ = difference_of(
        np.ones(20), np.arange(20) < 10, np.zeros(20, int), np.arange(20), 0.9
    )
    assert difference == 0 and lo < -0.05 and hi > 0.05


def test_a_share_alone_has_the_interval_of_wilson():
    value = (np.arange(50) < 18).astype(float)
    expected = proportion_confint(18, 50, alpha=0.1, method="wilson")
    assert share_of(value, np.arange(50), 0.9)[1:] == pytest.approx(expected)
    assert share_of(value, np.zeros(50, int), 0.9)[1:] == pytest.approx(
        expected
    )  # one cluster tells nothing of alikeness


def test_nobody_to_compare_with_in_the_same_group():
    assert np.isnan(
        difference_of(np.ones(4), np.array([1, 1, 0, 0], bool), np.array([0, 0, 1, 1]), np.arange(4), 0.9)[0]
    )
