"""Where to post among groups: as much as a group bears and the platform allows."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from segtool.targeting.groups.posts import plan_groups
from segtool.targeting.members import Members
from segtool.targeting.settings import TargetingSettings
from tests.community.worlds import make_talk

USERS = np.array([f"u{i:02d}" for i in range(40)], dtype=object)
FATES = {"a": "thriving", "b": "dead", "c": "loudspeaker", "d": "quiet"}


def make_community(verdicts=FATES, weekly=None, channel="wecom_group"):
    """Group a holds the first half of the users, the others hold everybody."""
    members = [
        {"group_id": group, "user_id": user, "joined_at": "2026-01-01"}
        for group in verdicts
        for user in (USERS[:20] if group == "a" else USERS)
    ]
    messages = [{"group_id": "a", "user_id": user, "sent_at": "2026-06-20 20:00"} for user in USERS[:20]]
    groups = [{"group_id": group, "title": group.upper(), "channel": channel} for group in verdicts]
    talk = make_talk(members=members, messages=messages, groups=groups)
    table = pd.DataFrame(
        {
            "group_id": list(verdicts),
            "verdict": list(verdicts.values()),
            "messages_per_week": [(weekly or {}).get(group, 200.0) for group in verdicts],
            "core_topic": "tea",
        }
    )
    return SimpleNamespace(talk=talk, health=SimpleNamespace(table=table))


def halves() -> Members:
    home = np.repeat([0, 1], 20)
    return Members(np.eye(2)[home], (1, 2), ("readers", "players"), home)


def plan(**options):
    settings = TargetingSettings(**options.pop("settings", {}))
    return plan_groups(make_community(**options), halves(), USERS, settings)


def test_posts_are_a_share_of_the_talk_and_never_more_than_the_platform_allows():
    table = plan(weekly={"a": 30.0, "d": 500.0}).table.set_index("group_id")
    assert table.loc["a", "posts_per_week"] == 3
    assert table.loc["d", "posts_per_week"] == 7  # 50 by share; WeCom allows seven
    assert "7 a week" in table.loc["d", "cap"] and "2025-11" in table.loc["d", "cap"]


@pytest.mark.parametrize("group", ["b", "c"])
def test_dead_groups_and_loudspeakers_get_none(group):
    row = plan().table.set_index("group_id").loc[group]
    assert row["posts_per_week"] == 0 and row["reason"]


def test_what_is_not_known_is_no_zero():
    table = plan(weekly={"d": np.nan}).table.set_index("group_id")
    assert np.isnan(table.loc["d", "posts_per_week"])


def test_a_channel_without_a_known_limit_keeps_the_share_alone():
    table = plan(channel="forum", weekly={"a": 300.0}).table.set_index("group_id")
    assert table.loc["a", "posts_per_week"] == 30 and table.loc["a", "cap"] == ""


def test_personas_are_met_where_they_are_more_common_than_elsewhere():
    found = plan()
    assert set(found.advice["persona"]) == {"readers"}  # everywhere else both are as common as among all
    row = found.advice.iloc[0]
    assert row["advice"].startswith("a A:") and row["estimate"] == 2.0 and row["n_users"] == 20
    assert row["lo"] > 1 and row["verdict"] == "associated only"
    assert found.shares.groupby("group_id")["n_users"].sum().tolist() == [20, 40, 40, 40]


def test_the_time_is_when_most_people_talk():
    table = plan(settings={"min_persona_users": 5}).table.set_index("group_id")
    assert table.loc["a", "daypart"] == "evening" and table.loc["a", "n_daypart"] == 20
    assert table.loc["d", "daypart"] == ""


def test_the_plan_says_that_a_post_leaves_nobody_out():
    assert any("held out" in note for note in plan().notes)


def test_without_a_community_there_is_a_note():
    found = plan_groups(None, halves(), USERS, TargetingSettings())
    assert found.table.empty and found.advice.empty and "no messages" in found.notes[0]
