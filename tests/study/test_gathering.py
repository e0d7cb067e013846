"""A study reads its groups between two passes of labelling, and beside its personas."""

from __future__ import annotations

import pandas as pd
import pytest

from segtool.errors import InputError
from segtool.sources.simulate import simulate_circle
from segtool.study import Study
from segtool.study.gathering import list_interests

COMMUNITY_LABELS = ["community_role", "circle", "answered", "group_health"]


@pytest.fixture(scope="module")
def tables():
    wanted = ("users", "events", "messages", "members", "groups", "activities")
    return simulate_circle(800, random_state=5, tables=wanted).tables


@pytest.fixture(scope="module")
def study(tables):
    study = Study.from_tables(tables, as_of="2026-07-01", timezone="Asia/Shanghai")
    study.label()
    return study


def test_what_groups_say_of_users_becomes_labels_with_evidence(study):
    labels = study._labels
    wide = labels.wide()
    assert set(COMMUNITY_LABELS) <= set(wide.columns)
    measures = study.read_community().measures.set_index("user_id")
    said = wide["community_role"].dropna()
    assert len(said) and (measures.loc[said.index, "role"] == said).all()
    leader = measures.index[measures["role"] == "leader"][0]
    assert "leader" in str(labels.why(leader))


def test_people_in_no_group_have_no_such_label(study):
    outside = sorted(set(study._labels.user_ids) - set(study.read_community().measures["user_id"]))
    assert outside and study._labels.wide().loc[outside, COMMUNITY_LABELS].isna().all().all()


def test_circles_rest_on_interest_labels(study):
    found = list_interests(study._labels, ("interest",))
    assert list(found) == ["user_id", "topic", "weight"] and found["weight"].between(0, 1).all()
    assert list_interests(study._labels, ("no such label",)) is None


def test_a_second_pass_changes_nothing_but_what_it_adds(tables, study):
    alone = Study.from_tables(
        {name: tables[name] for name in ("users", "events", "messages", "members", "groups", "activities")},
        as_of="2026-07-01",
        timezone="Asia/Shanghai",
    )
    alone.file = alone.file.model_copy(
        update={"community": alone.file.community.model_copy(update={"as_labels": False})}
    )
    before, after = alone.label().to_pandas(), study._labels.to_pandas()
    kept = after[~after["label"].isin(COMMUNITY_LABELS)].reset_index(drop=True)
    pd.testing.assert_frame_equal(before.reset_index(drop=True), kept)
    assert alone.read_community().measures.equals(study.read_community().measures)


def test_a_study_without_groups_says_what_is_missing(tables):
    study = Study.from_tables({"events": tables["events"]}, as_of="2026-07-01")
    with pytest.raises(InputError, match="no groups"):
        study.read_community()


def test_interests_that_stay_inside_form_no_circle_and_name_none(tables, study):
    inside = {"interest", "buys", "talks_about"}
    kept = Study.from_tables(tables, as_of="2026-07-01", timezone="Asia/Shanghai")
    kept.file = kept.file.model_copy(
        update={"export": kept.file.export.model_copy(update={"sensitive": tuple(inside)})}
    )
    kept.label()
    community = kept.read_community()
    topics = set(study.read_community().circles.topics["topic"])
    assert community.interests.empty and topics
    assert not any(topic in " ".join(community.circles.table["name"]) for topic in topics)


def test_an_earlier_moment_calls_the_same_circles_the_same(study):
    now = study.read_community()
    other = now.with_circle_names(now)
    assert other.circles.table["name"].tolist() == now.circles.table["name"].tolist()
    then = study._label_all(study._read_earlier("2026-06-25"))[1]
    kept = set(then.circles.table["name"]) & set(now.circles.table["name"])
    assert kept
    both = then.measures.merge(now.measures, on="user_id", suffixes=("_then", "_now")).dropna(
        subset=["circle_then", "circle_now"]
    )
    assert (both["circle_then"] == both["circle_now"]).mean() > 0.8
