"""The conflict board: what to ask whom, and which author agrees with others how often."""

import pandas as pd
import pytest

from segtool.labels import Catalog, label_users
from segtool.sources import Sources

CATALOG = """
[labels.stage]
facet = "life stage"
values = ["student", "single", "mom"]
claims = [{column = {name = "stage"}}, {answer = {question = "q1"}}, {note = {}}]
"""


@pytest.fixture(scope="module")
def labels():
    n = 40
    users = pd.DataFrame({"user_id": [f"u{i:02d}" for i in range(n)], "stage": "student"})
    survey = users.head(20).assign(q1="student", answered_at="2026-06-01").drop(columns="stage")
    good = users.head(30).assign(value="student", author="Li", noted_at="2026-06-01")
    bad = users.iloc[10:].assign(value="mom", author="He", noted_at="2025-11-01")
    notes = pd.concat([good, bad]).assign(label="stage").drop(columns="stage")
    sources = Sources.read({"users": users, "survey": survey, "notes": notes}, as_of="2026-07-01")
    return label_users(sources, Catalog.from_toml(CATALOG))


def test_each_author_has_agreement_interval_and_n(labels):
    board = labels.conflicts(by="author").query("label == 'stage'").set_index("author")
    li, he = board.loc["Li"], board.loc["He"]
    # He and Li meet on 20 users; beyond them Li has 10 answers and He 10 profiles to be judged by.
    assert (li["n_notes"], li["n_people"], li["n_survey"], li["n_data"]) == (30, 20, 10, 0)
    assert (he["n_people"], he["n_survey"], he["n_data"]) == (20, 0, 10)
    assert (li["n_agree"], he["n_agree"]) == (10, 0)
    assert he["lo"] == 0 < he["hi"] < li["agreement"] < li["hi"]


def test_an_authors_total_is_over_every_label(labels):
    board = labels.conflicts(by="author").query("label == 'every label'").set_index("author")
    assert board.loc["Li", "n"] == 30


def test_users_to_settle_come_once_with_both_sides(labels):
    board = labels.conflicts(by="user")
    assert board["user_id"].is_unique
    assert len(board) == 30
    two = board.set_index("user_id").loc["u15"]
    assert {two["value"], two["against_value"]} == {"student", "mom"}
    assert two["suggestion"] == "two people disagree: ask both"
    old = board.set_index("user_id").loc["u35"]
    assert (old["source"], old["against_source"]) == ("person", "profile")
    assert old["suggestion"] == "the note is 242 days old: ask again"
    assert board["priority"].is_monotonic_decreasing


def test_what_somebody_corrected_is_settled():
    users = pd.DataFrame({"user_id": ["u1", "u2"], "stage": "student"})
    notes = users.assign(label="stage", value="mom", author="He", noted_at="2026-06-01").drop(columns="stage")
    fixed = pd.DataFrame({"user_id": ["u1"], "label": "stage", "value": "single", "author": "Li"})
    sources = Sources.read({"users": users, "notes": notes, "corrections": fixed}, as_of="2026-07-01")
    labels = label_users(sources, Catalog.from_toml(CATALOG))
    assert labels.conflicts(by="user")["user_id"].tolist() == ["u2"]


def test_labels_are_counted(labels):
    row = labels.conflicts(by="label").iloc[0]
    assert (row["n_known"], row["n_several"], row["n_conflict"]) == (40, 40, 30)
    assert (row["against_people"], row["against_survey"], row["against_data"]) == (20, 0, 10)


def test_a_board_nobody_knows_is_refused(labels):
    with pytest.raises(ValueError, match="did you mean 'author'"):
        labels.conflicts(by="authors")


def test_labels_without_notes_have_no_authors():
    sources = Sources.read({"users": pd.DataFrame({"user_id": ["u1"], "stage": ["mom"]})}, as_of="2026-07-01")
    labels = label_users(sources, Catalog.from_toml(CATALOG))
    assert labels.conflicts(by="author").empty
    assert labels.conflicts(by="user").empty
