import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError, ParameterError
from segtool.labels.frames import LabelInfo
from segtool.personas.encode import OTHER, Encoding, LabelTable, as_levels, fit_encoding, forms_by_default


def read(columns, ids=None):
    frame = pd.DataFrame(columns)
    frame.index = ids or [f"u{number:03}" for number in range(len(frame))]
    return LabelTable.read(frame)


def test_users_are_sorted_and_unknown_stays_unknown():
    table = read({"age": ["young", None, "old"], "vip": [True, None, False]}, ids=["c", "a", "b"])
    matrix = fit_encoding(table).encode(table)
    assert list(matrix.index) == ["a", "b", "c"]
    assert matrix["age"].isna().tolist() == [True, False, False]
    assert matrix["vip"].tolist()[1:] == ["no", "yes"]


def test_rare_constant_and_id_like_labels_are_left_out_with_a_reason():
    n = 200
    table = read(
        {
            "age": ["young", "old"] * (n // 2),
            "rare": ["x", "y", "x"] + [None] * (n - 3),
            "same": ["x"] * n,
            "name": [f"name {number}" for number in range(n)],
            "empty": pd.Series([None] * n, dtype="category"),
        }
    )
    encoding = fit_encoding(table)
    assert encoding.basis == ("age",)
    assert set(encoding.left_out) == {"rare", "same", "name", "empty"}
    assert "1.5%" in encoding.left_out["rare"]


def test_nothing_left_to_form_personas_is_said():
    with pytest.raises(InputError, match="None of the 1 labels can form personas"):
        fit_encoding(read({"same": ["x"] * 5}))


@pytest.mark.parametrize(
    "frame",
    [pd.DataFrame(), pd.DataFrame({"a": []}), pd.DataFrame(index=["u1"])],
    ids=["nothing", "no users", "no labels"],
)
def test_empty_tables_are_refused(frame):
    with pytest.raises(InputError, match="at least one user and one label"):
        LabelTable.read(frame)


def test_doubled_users_are_refused():
    with pytest.raises(InputError, match="more than once"):
        read({"age": ["young", "old"]}, ids=["a", "a"])


def test_activity_and_sensitive_labels_describe_unless_named():
    infos = [
        LabelInfo("interest", "Interest", "taste", "many"),
        LabelInfo("visits", "Visits", "activity", "ordered"),
        LabelInfo("buyer", "Buyer", "consumption", "ordered"),
        LabelInfo("gender", "Gender", "life stage", "nominal", sensitive=True),
    ]
    assert [forms_by_default(info) for info in infos] == [True, False, False, False]
    table = read({"buyer": ["once", "often"] * 5, "age": ["young", "old", "old", "young", "old"] * 2})
    assert fit_encoding(table).basis == ("age",)
    assert fit_encoding(table, basis=["buyer"]).basis == ("buyer",)
    assert fit_encoding(table, basis=["buyer"]).descriptors == ("age",)


def test_a_label_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(ParameterError, match="did you mean 'age'"):
        fit_encoding(read({"age": ["young", "old"]}), basis=["agee"])
    with pytest.raises(ParameterError, match="one of the two"):
        fit_encoding(read({"age": ["young", "old"]}), basis=["age"], descriptors=["age"])


def test_new_users_get_the_old_columns_and_new_values_are_unknown():
    first = read({"city": ["A", "B"] * 20, "likes: tea": [True, False] * 20})
    encoding = fit_encoding(first)
    later = read({"city": ["B", "Z"], "likes: cola": [True, False]})
    matrix = encoding.encode(later)
    assert list(matrix.columns) == ["city", "likes: tea"]
    assert matrix["city"].isna().tolist() == [False, True]
    assert matrix["likes: tea"].tolist() == [False, False]  # known, and it is not tea


def test_users_without_most_of_the_labels_are_refused():
    encoding = fit_encoding(
        read({"city": ["A", "B"] * 5, "age": ["old", "young"] * 5, "vip": [True, False] * 5})
    )
    with pytest.raises(InputError, match="2 of the 3 labels"):
        encoding.encode(read({"vip": [True, False]}))


def test_long_lists_keep_the_common_values():
    values = [f"v{number:02}" for number in range(40)]
    cells = [value for number, value in enumerate(values) for _ in range(60 - number)]
    encoding = fit_encoding(read({"topic": cells}))
    levels = encoding.categories["topic"]
    assert levels[0] == "v00" and levels[-1] == OTHER and len(levels) == 30
    assert list(as_levels(pd.Series(["v39", "v01", None]), levels))[:2] == [OTHER, "v01"]


def test_an_encoding_survives_being_written_down():
    encoding = fit_encoding(read({"city": ["A", "B"] * 5, "spend": [1.0, 2.0, 3.0, np.inf, np.nan] * 2}))
    assert Encoding.from_dict(encoding.to_dict()) == encoding
    assert encoding.kinds["spend"] == "number"


def test_a_label_that_is_gone_counts_as_unknown_and_is_warned_of():
    encoding = fit_encoding(
        read({"city": ["A", "B"] * 5, "age": ["old", "young"] * 5, "vip": [True, False] * 5})
    )
    with pytest.warns(UserWarning, match="count as unknown: city"):
        matrix = encoding.encode(read({"age": ["old"], "vip": [True]}))
    assert matrix["city"].isna().all() and matrix["age"].notna().all()
