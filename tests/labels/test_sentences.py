"""Sentences: informative clauses, in a reader's order, never from what is not known."""

import pandas as pd
import pytest

from segtool.errors import ParameterError
from segtool.labels.labels import Labels
from segtool.labels.sentences import write_sentences

FACETS = {"stage": "life stage", "money": "consumption", "likes": "taste", "vip": "activity"}


@pytest.fixture
def labels():
    frame = pd.DataFrame(
        {
            "vip": [True] + [False] * 9,
            "likes: tea": [True] * 2 + [False] * 8,
            "likes: travel": [True] * 5 + [False] * 5,
            "money": ["low"] * 3 + ["high"] * 7,
            "stage": ["student"] + [None] * 8 + ["mom"],
        },
        index=[f"u{number}" for number in range(10)],
    )
    return Labels.from_frame(frame, facets=FACETS)


def test_facets_come_in_a_readers_order(labels):
    first = labels.sentences().set_index("user_id").loc["u0", "sentence"]
    assert first == "stage: student · money: low · likes: tea and travel · vip"


def test_every_user_has_a_row_and_unknown_says_nothing(labels):
    table = labels.sentences()
    assert table["user_id"].tolist() == [f"u{number}" for number in range(10)]
    assert "stage" not in table.loc[1, "sentence"]
    assert table["n_labels"].tolist()[0] == 4


def test_fewest_clauses_keep_the_most_informative(labels):
    short = labels.sentences(max_clauses=1)
    # One of two answers is a full bit with the double weight of life stage: more than "low" of three tenths.
    assert short.loc[0, "sentence"] in ("vip", "likes: tea and travel")
    assert short.loc[9, "sentence"] == "stage: mom"


def test_braces_and_quotes_in_values_are_text():
    frame = pd.DataFrame({"x": ["{value}", "it's", "{0}"]}, index=["a", "b", "c"])
    assert Labels.from_frame(frame).sentences()["sentence"].tolist() == ["x: {value}", "x: it's", "x: {0}"]


def test_sensitive_labels_stay_silent(labels):
    from dataclasses import replace

    infos = [replace(info, sensitive=info.name == "stage") for info in labels.infos]
    quiet = write_sentences(labels.engine, infos, labels.tables)
    assert not quiet["sentence"].str.contains("stage").any()
    assert "stage" in write_sentences(labels.engine, infos, labels.tables, sensitive=True).loc[0, "sentence"]


def test_n_clauses_is_checked(labels):
    with pytest.raises(ParameterError, match="max_clauses"):
        labels.sentences(max_clauses=0)


def test_one_user():
    table = Labels.from_frame(pd.DataFrame({"x": ["y"]}, index=["only"])).sentences()
    assert table["sentence"].tolist() == ["x: y"]


def test_what_is_told_comes_before_what_is_rarer(labels):
    told = pd.DataFrame({"user_id": ["u0", "u4"], "label": ["money", "likes"], "value": ["low", "travel"]})
    tables = labels.engine, labels.infos, labels.tables
    short = write_sentences(*tables, max_clauses=1, told=told).set_index("user_id")["sentence"]
    assert short["u0"] == "money: low" and short["u4"] == "likes: travel"
    untold = write_sentences(*tables, max_clauses=1).set_index("user_id")["sentence"]
    assert short.drop(["u0", "u4"]).equals(untold.drop(["u0", "u4"]))
    assert "told_in_sentences" not in labels.engine.tables()


def test_a_sentence_holds_the_pixel_of_its_user():
    from labels.pixels.planted_pixels import planted_table

    labels = Labels.from_frame(planted_table(4000, n_labels=10))
    pixels = labels.pixels()
    users, said = pixels.users().set_index("user_id"), labels.sentences(pixels=pixels).set_index("user_id")
    assert users["pixel_id"].notna().sum() > 100
    for pixel in pixels.pixels:
        members = users.index[users["pixel_id"] == pixel.pixel_id]
        for part in pixel.parts:
            assert said.loc[members, "sentence"].str.contains(rf"\b{part.info.name}\b").all()
