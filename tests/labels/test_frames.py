"""A wide table goes in and comes out the same, through the engine."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool.errors import InputError
from segtool.labels.frames import infer_info, melt_labels, prepare_frame
from segtool.labels.labels import Labels


@pytest.fixture
def wide():
    return pd.DataFrame(
        {
            "user_id": ["003", "001", "002"],
            "spend": pd.Categorical(["low", None, "high"], categories=["low", "mid", "high"], ordered=True),
            "stage": ["学生 🎓", "mom", None],
            "vip": pd.array([True, False, None], dtype="boolean"),
            "likes: tea": pd.array([True, False, None], dtype="boolean"),
            "likes: 旅行": pd.array([False, False, None], dtype="boolean"),
            "orders": [1.5, np.nan, 3.0],
        }
    )


def test_kinds_come_from_types(wide):
    kinds = Labels.from_frame(wide).label_kinds()
    assert kinds == {"spend": "ordered", "stage": "nominal", "vip": "flag", "likes": "many"}


def test_wide_comes_back_with_every_user_sorted(wide):
    back = Labels.from_frame(wide).wide()
    assert list(back.index) == ["001", "002", "003"]
    assert list(back["spend"].cat.categories) == ["low", "mid", "high"]
    assert back["spend"].cat.ordered
    assert back["stage"].tolist()[::2] == ["mom", "学生 🎓"]
    assert back["vip"].isna().tolist() == [False, True, False]


def test_known_no_is_not_unknown(wide):
    back = Labels.from_frame(wide).wide()
    assert not back.loc["001", "likes: tea"]
    assert back.loc["002", "likes: tea"] is pd.NA
    assert str(back["likes: 旅行"].dtype) == "boolean"


def test_numbers_are_measures(wide):
    labels = Labels.from_frame(wide)
    assert labels.measures().loc["003", "orders"] == 1.5
    assert "orders" not in labels.label_kinds()


def test_all_missing_and_constant_columns():
    frame = pd.DataFrame({"a": [None, None], "b": ["x", "x"]}, index=["u1", "u2"])
    labels = Labels.from_frame(frame)
    assert labels.wide()["a"].isna().all()
    table = labels.coverage()
    notes = table[table["claim"] == "all"].set_index("label")["note"]
    assert notes.to_dict() == {"a": "nobody has it", "b": "everybody known has the same value"}


def test_no_labels_at_all_keeps_the_users():
    labels = Labels.from_frame(pd.DataFrame({"user_id": ["a", "b"]}))
    assert labels.wide().shape == (2, 0)
    assert labels.sentences()["sentence"].tolist() == ["", ""]


def test_ids_twice_are_refused():
    with pytest.raises(InputError, match="more than once"):
        Labels.from_frame(pd.DataFrame({"user_id": ["a", "a"], "x": ["1", "2"]}))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(min_size=1, max_size=8)), min_size=1, max_size=12))
def test_any_text_survives(values):
    # The NUL character cannot be kept by the engine, and a lone surrogate is not text.
    values = [v and (v.encode("utf-8", "ignore").decode().replace("\0", "") or "x") for v in values]
    users = [f"u{number:02d}" for number in range(len(values))]
    frame = pd.DataFrame({"x": np.array(values, dtype=object)}, index=users)
    back = Labels.from_frame(frame).wide()["x"]
    assert [None if pd.isna(cell) else str(cell) for cell in back] == values


def test_melt_gives_no_row_for_unknown(wide):
    frame = prepare_frame(wide)
    long = melt_labels(frame, infer_info(frame, None, None))
    assert len(long[long["label"] == "spend"]) == 2
    assert long[long["label"] == "likes"].values.tolist() == [["003", "likes", "tea"]]


def test_confidences_stand_where_a_value_is_held():
    wide = pd.DataFrame({"city": ["Hefei", None], "likes: tea": [True, False]}, index=["a", "b"])
    labels = Labels.from_frame(wide, confidence=0.7)
    sure = labels.confidences()
    assert list(sure.columns) == ["city", "likes: tea"] and sure.loc["a"].tolist() == [0.7, 0.7]
    assert sure.loc["b"].isna().all()  # unknown, and "does not like": nobody put a figure to either
    assert labels.confidences(["likes: tea"]).shape == (2, 1)
