"""A correction is one row, outranks everyone, and holds in every run to come."""

import pandas as pd
import pytest

from segtool.labels import Catalog, label_users
from segtool.sources import Sources

CATALOG = """
[labels.stage]
facet = "life stage"
values = ["student", "single", "mom"]
[[labels.stage.claims]]
column = {name = "stage"}
[[labels.stage.claims]]
note = {}
[labels.likes]
facet = "taste"
many = true
claims = [{preference = {from = "events", by = "topic", min = 1, at_least = 0}}]
[labels.town]
facet = "activity"
claims = [{column = {name = "town"}}]
[labels.vip]
facet = "activity"
values = ["no", "yes"]
claims = [{column = {name = "vip"}}]
"""


def label(*rows, notes=(), **options):
    users = pd.DataFrame({"user_id": ["u1", "u2"], "stage": ["student", "mom"], "vip": ["yes", "no"]})
    users["town"] = ["Oslo", "Bergen"]
    events = pd.DataFrame(
        {"user_id": ["u1", "u1", "u2"], "topic": ["tea", "travel", "tea"], "event": "view"}
    ).assign(event_time="2026-06-20")
    tables = {"users": users, "events": events}
    if rows:
        columns = ["user_id", "label", "value", "author", "noted_at"]
        tables["corrections"] = pd.DataFrame(
            [(*row, "Li", "2026-08-01")[:5] for row in rows], columns=columns
        )
    if notes:
        tables["notes"] = pd.DataFrame(notes, columns=["user_id", "value", "author"]).assign(
            label="stage", noted_at="2026-06-01"
        )
    sources = Sources.read(tables, as_of="2026-07-01")
    return label_users(sources, Catalog.from_toml(CATALOG), **options)


def said(labels, name, user="u1"):
    found = labels.to_pandas().query("label == @name and user_id == @user")
    return found["value"].tolist()


def test_one_row_outranks_data_and_all_notes():
    notes = [("u1", "single", "Wang"), ("u1", "single", "Zhao"), ("u1", "single", "He")]
    assert said(label(notes=notes), "stage") == ["single"]
    labels = label(("u1", "stage", "mom"), notes=notes)
    assert said(labels, "stage") == ["mom"]
    row = labels.to_pandas().query("label == 'stage' and user_id == 'u1'").iloc[0]
    assert (row["source"], row["n_claims"], row["conflict"]) == ("person", 5, True)
    assert said(labels, "stage", "u2") == ["mom"]


def test_a_label_needs_no_note_claim_and_may_be_named_by_its_title():
    labels = label(("u1", "Vip", "NO"))
    assert said(labels, "vip") == ["no"]
    assert "correction by Li" in labels.claims()["evidence"].tolist()


def test_the_latest_correction_holds():
    labels = label(("u1", "stage", "mom", "Li", "2026-06-01"), ("u1", "stage", "single", "Li", "2026-06-02"))
    assert said(labels, "stage") == ["single"]
    assert labels.corrections()["outcome"].tolist() == ["overtaken by a later one", "holds"]


def test_not_x_rules_a_value_out_and_says_nothing_else():
    labels = label(("u1", "stage", "not student"))
    assert said(labels, "stage") == []
    assert said(label(("u1", "stage", "!student"), notes=[("u1", "single", "Wang")]), "stage") == ["single"]
    assert labels.corrections()["outcome"].tolist() == ["holds"]


def test_why_says_what_a_correction_ruled_out():
    labels = label(("u1", "stage", "not student"), ("u1", "likes", "!Travel"), ("u2", "stage", "not single"))
    table = labels.why("u1").to_pandas().set_index(["label", "value"])
    assert (table.loc[[("stage", "student"), ("likes", "travel")], "why"] == "a correction rules it out").all()
    assert table.loc[("likes", "tea"), "outcome"] == "kept"
    assert "a correction rules it out" not in labels.why("u2").to_pandas()["why"].tolist()


def test_not_x_of_two_values_is_the_other_one():
    assert said(label(("u1", "vip", "not yes")), "vip") == ["no"]


def test_many_values_gain_and_lose_one():
    plain = said(label(), "likes")
    assert "travel" in plain
    labels = label(("u1", "likes", "not travel"), ("u2", "likes", "Travel"))
    assert "travel" not in said(labels, "likes")
    assert said(labels, "likes", "u2") == ["tea", "travel"]
    assert labels.corrections()["outcome"].tolist() == ["holds", "holds"]


def test_what_is_misspelt_is_said():
    labels = label(("u1", "stagee", "mom"), ("u1", "stage", "moms"), ("u2", "stage", "mom"))
    assert sorted(labels.corrections()["outcome"]) == [
        "holds",
        "no such label; did you mean 'stage'?",
        "no such value; did you mean 'mom'?",
    ]
    assert said(labels, "stage") == ["student"]


@pytest.mark.parametrize("name", ["likes", "town"], ids=["many", "one"])
def test_a_value_that_nobody_has_is_misspelt(name):
    right = {"likes": "travel", "town": "Oslo"}[name]
    labels = label(("u2", name, right[:-1]), ("u2", name, "not " + right[:-1], "Li", "2026-06-01"))
    assert said(labels, name, "u2") == said(label(), name, "u2")
    assert labels.corrections()["outcome"].tolist() == [f"no such value; did you mean {right!r}?"] * 2
    assert said(label(("u2", name, right.upper())), name, "u2")[-1] == right
    assert label(("u2", name, "zzz")).corrections()["outcome"].tolist() == ["no such value"]


def test_a_correction_makes_nobody_a_user():
    labels = label(("u9", "vip", "no"), ("u9", "likes", "tea"))
    assert labels.n_users == 2 and "u9" not in labels.to_pandas()["user_id"].tolist()
    assert labels.corrections()["outcome"].tolist() == ["no such user", "no such user"]
    assert "u9" not in labels.claims()["user_id"].tolist()


def test_a_correction_needs_no_author_and_no_date(tmp_path):
    (tmp_path / "corrections.csv").write_text("user_id,label,value\nu1,stage,mom\n", encoding="utf-8")
    users = pd.DataFrame({"user_id": ["u1"], "stage": ["student"], "vip": ["yes"]})
    sources = Sources.read({"users": users, "corrections": tmp_path / "corrections.csv"}, as_of="2026-07-01")
    assert said(label_users(sources, Catalog.from_toml(CATALOG)), "stage") == ["mom"]


def test_estimated_weights_respect_what_is_ruled_out():
    assert said(label(("u1", "stage", "not student"), reliabilities="estimate"), "stage") == []


def test_an_unknown_word_for_reliabilities_is_refused():
    with pytest.raises(ValueError, match="estimate"):
        label(reliabilities="guess")
