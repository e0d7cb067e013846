"""A community leaves without groups of few people, without ids that name, and without what stays inside."""

from __future__ import annotations

import pandas as pd
import pytest

from segtool.community.community import read_community
from segtool.outputs import ExportSettings, read_csv
from segtool.outputs.community_masks import TOO_FEW, list_groups, mask_crowd, tell_community
from segtool.outputs.community_tables import list_tables, write_community_tables
from segtool.outputs.report.community_facts import describe_community
from segtool.sources import Sources
from segtool.sources.simulate import simulate_circle

PAIR = "tiny"


@pytest.fixture(scope="module")
def community():
    """The groups of the simulated community, and one of three people who talk every day."""
    wanted = ("messages", "members", "groups", "activities")
    tables = simulate_circle(2000, random_state=11, tables=wanted).tables
    days = pd.date_range("2026-04-01", periods=80, freq="D")
    talk = pd.DataFrame(
        {
            "message_id": [f"x{i}" for i in range(80)],
            "group_id": PAIR,
            "user_id": [f"v{i % 3}" for i in range(80)],
            "sent_at": days.astype(str),
            "topic": "news",
            "text": "挺好 nice",
        }
    )
    few = pd.DataFrame({"group_id": PAIR, "user_id": ["v0", "v1", "v2"], "joined_at": "2026-01-01"})
    tables["messages"] = pd.concat([tables["messages"].astype({"sent_at": str}), talk], ignore_index=True)
    tables["members"] = pd.concat([tables["members"].astype({"joined_at": str}), few], ignore_index=True)
    return read_community(Sources.read(tables, as_of="2026-07-01", timezone="Asia/Shanghai"))


def test_a_group_of_three_is_named_and_nothing_else_is_said_of_it(community):
    row = list_groups(community, 5).set_index("group_id").loc[PAIR]
    assert row["verdict"] == TOO_FEW
    told = row.drop(["title", "channel", "band", "needs", "verdict"])
    assert told[told.notna() & (told != "")].empty


def test_it_is_in_no_other_table_and_no_figure(community):
    told = tell_community(community, 5)
    for name, table in list_tables(community, 5).items():
        if "user_id" not in table and "group_id" in table and name != "groups.csv":
            assert PAIR not in set(table["group_id"]), name
    for table in (told.health.table, told.health.weekly, told.value.table, told.sharing.members):
        assert PAIR not in set(table["group_id"])
    assert TOO_FEW in told.headline


def test_a_dead_group_is_told_as_dead_without_what_its_last_speakers_did(community):
    row = list_groups(community, 5).set_index("group_id").loc["g07"]
    assert row["verdict"] == "dead" and row["n_members"] > 5 and "nobody" in row["reasons"]
    assert pd.isna(row["n_speakers"]) and pd.isna(row["reciprocity_n"]) and pd.isna(row["gini"])


def test_rows_about_few_people_keep_their_names_alone(community):
    weeks = list_tables(community, 5)["community/weeks.csv"]
    few = community.health.weekly["n_speakers"].between(1, 4).sum()
    blank = weeks[weeks["n_messages"].isna()]
    assert 0 < len(blank) <= few and blank["week_start"].notna().all()
    assert blank.drop(columns=["group_id", "week", "week_start"]).isna().all(axis=None)


def test_nobody_is_named_but_in_user_id(community, tmp_path):
    ids = set(community.talk.user_ids)
    write_community_tables(tmp_path, community, None, ExportSettings(), b"0123456789abcdef")
    for path in tmp_path.rglob("*.csv"):
        table = read_csv(path)
        for column in table.columns.difference(["user_id"]):
            assert not ids & set(table[column].dropna().astype(str)), (path.name, column)
        if "user_id" in table:
            assert table["user_id"].str.startswith("h_").all()


def test_the_report_names_nobody(community):
    facts = describe_community(community, None, 5)
    assert not any(user in str(facts) for user in set(community.leaders["user_id"]))


@pytest.mark.parametrize(
    ("label", "gone", "column"),
    [
        ("circle", "community/circles.csv", "circle"),
        ("community_role", "leaders.csv", "role"),
        ("answered", None, "answered_rate"),
        ("group_health", None, "group_verdict"),
    ],
)
def test_what_stays_inside_is_in_no_file(community, label, gone, column):
    tables = list_tables(community, 5, [label])
    assert gone not in tables
    assert all(column not in table for table in tables.values())


def test_sentences_count_no_few_people():
    assert (
        mask_crowd("three of 40 members; 4 people wrote", 5)
        == "three of 40 members; fewer than 5 people wrote"
    )
