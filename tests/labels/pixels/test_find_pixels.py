"""Pixels: what is planted is found, chance is not, unknown is not "no", and an analyst has the last word."""

import numpy as np
import pandas as pd
import pytest
from labels.pixels.planted_pixels import found_sets, noise_table, planted_table

from segtool.errors import InputError, ParameterError
from segtool.labels import Labels
from segtool.labels.pixels import find_pixels


@pytest.fixture(scope="module")
def table():
    return planted_table()


@pytest.fixture(scope="module")
def found(table):
    return find_pixels(table)


def test_what_is_planted_is_found_whole(found):
    assert sorted(found_sets(found)) == ["abc", "defg"]


def test_with_a_fifth_unknown_too():
    assert sorted(found_sets(find_pixels(planted_table(unknown=0.2)))) == ["abc", "defg"]


@pytest.mark.parametrize("seed", range(3))
def test_chance_is_no_pixel(seed):
    assert len(find_pixels(noise_table(seed=seed))) == 0


def test_rows_and_columns_may_come_in_any_order(table, found):
    shuffled = table.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(find_pixels(shuffled).to_pandas(), found.to_pandas())
    turned = find_pixels(shuffled[table.columns[::-1]]).to_pandas()
    same = ["pixel_id", "n_users", "n_known", "lift", "q_value", "stability"]
    pd.testing.assert_frame_equal(turned[same], found.to_pandas()[same])


def test_base_is_those_of_whom_all_parts_are_known(table):
    asked = table.astype("boolean")
    asked.loc[asked.index[2000:], "c"] = pd.NA
    row = find_pixels(asked).to_pandas().set_index("parts").loc["a + b + c"]
    assert row["n_known"] == 2000
    assert row["n_users"] == table.iloc[:2000][["a", "b", "c"]].all(axis=1).sum()


def test_a_longer_pixel_explains_its_parts_also_where_it_is_not_known(table):
    # Without setting aside those of whom g is unknown, d + e + f would come back as news.
    asked = table.astype("boolean")
    asked.loc[asked.index[::4], "g"] = pd.NA
    assert "def" not in found_sets(find_pixels(asked))


def test_fewer_than_twenty_are_never_shown():
    frame = pd.DataFrame({"a": [True] * 15 + [False] * 985, "b": [True] * 15 + [False] * 985})
    frame.index = [f"u{i}" for i in range(1000)]
    assert len(find_pixels(frame)) == 0
    pinned = find_pixels(frame, pin=[{"a": "yes", "b": "yes"}]).to_pandas().iloc[0]
    assert (
        pd.isna(pinned["n_users"]) and "15" not in pinned["sentence"] and pinned["status"] == "pinned, fails"
    )


def test_a_pin_survives_and_says_when_it_fails(table):
    pixels = find_pixels(table, pin=[{"h": "yes", "i": "yes"}, {"a": "yes", "b": "yes", "c": "yes"}])
    rows = pixels.to_pandas()
    assert rows["status"].tolist() == ["pinned, fails", "pinned", "found"]
    assert "lift" in rows.loc[0, "why"] and rows.loc[1, "why"] == ""
    assert not set(pixels.users()["pixel_id"].dropna()) & {rows.loc[0, "pixel_id"]}


def test_a_pin_nobody_has_this_time_is_still_there():
    frame = pd.DataFrame(
        {"city": ["x", "y"] * 50, "age": ["old", "young"] * 50}, index=[f"u{i}" for i in range(100)]
    )
    frame["city"] = pd.Categorical(frame["city"], ["x", "y", "z"])
    row = find_pixels(frame, pin=[{"city": "z", "age": "old"}]).to_pandas().iloc[0]
    assert row["status"] == "pinned, fails" and pd.isna(row["n_users"])


def test_forbidden_parts_never_stand_together(table):
    assert found_sets(find_pixels(table, forbid=[{"a": "yes", "b": "yes", "c": "yes"}]))[0] == "defg"
    left = found_sets(find_pixels(table, forbid=[{"a": "yes", "b": "yes"}]))
    assert not any({"a", "b"} <= set(letters) for letters in left)
    assert not any("d" in letters for letters in found_sets(find_pixels(table, forbid=[{"d": "yes"}])))


def test_a_name_belongs_to_the_definition(table, found):
    parts = {"c": "yes", "a": "yes", "b": "yes"}
    named = find_pixels(table, name=[{"name": "The first", "parts": parts}]).to_pandas()
    assert "The first" in set(named["pixel"])
    assert set(named["pixel_id"]) == set(found.to_pandas()["pixel_id"])


def test_each_user_gets_the_pixel_that_says_most(table, found):
    users = found.users().set_index("user_id")
    assert users.index.tolist() == sorted(table.index)
    bits = found.to_pandas().set_index("pixel_id")["bits"]
    both = [user for user in found.members(bits.index[0]) if user in found.members(bits.index[1])]
    assert both and set(users.loc[both, "pixel_id"]) == {bits.idxmax()}
    assert users["bits"].notna().sum() == len(
        set(found.members(bits.index[0])) | set(found.members(bits.index[1]))
    )


def test_sensitive_labels_are_combined_only_when_allowed(table):
    from dataclasses import replace

    labels = Labels.from_frame(table)
    marked = replace(labels, infos=tuple(replace(i, sensitive=i.name in "ab") for i in labels.infos))
    assert found_sets(marked.pixels()) == ["defg"]
    assert not any({"a", "b"} <= set(letters) for letters in found_sets(marked.pixels(sensitive="one")))
    assert "abc" in found_sets(marked.pixels(sensitive="any"))
    with pytest.raises(InputError, match="sensitive"):
        marked.pixels(pin=[{"a": "yes", "d": "yes"}])


def test_inferred_and_unsure_values_count_as_unknown(table):
    labels = Labels.from_frame(table.iloc[:4000])
    labels.engine.create(
        "labels",
        "SELECT * REPLACE (CASE WHEN label = 'c' AND user_id < 'u02000' THEN 'inferred' ELSE source END AS source,"
        " CASE WHEN label = 'f' AND user_id < 'u01000' THEN 0.4 ELSE confidence END AS confidence) FROM labels",
    )
    rows = labels.pixels().to_pandas().set_index("parts")
    assert rows.loc["a + b + c", "n_known"] == 2000
    assert rows.loc["d + e + f + g", "n_known"] == 3000
    assert labels.pixels(inferred=True).to_pandas().set_index("parts").loc["a + b + c", "n_known"] == 4000


def test_one_value_per_label_and_facets(table):
    who = np.where(table["a"], "x", np.where(table["b"], "y", "z"))
    frame = pd.DataFrame(
        {"city": who, "c": table["c"], "likes: x": table["d"], "likes: q": table["e"]}, index=table.index
    )
    for pixel in find_pixels(frame, min_lift=1.01, min_support=0.001).pixels:
        names = [part.info.name for part in pixel.parts]
        assert len(set(names)) == len(names)
        assert {("city", "x"), ("likes", "x")} - {part.key for part in pixel.parts}
    facets = {name: "one" if name in "abc" else "two" for name in table.columns}
    assert not found_sets(Labels.from_frame(table, facets=facets).pixels(facets="distinct"))


def test_words_that_do_not_exist_are_named(table):
    with pytest.raises(ParameterError, match="min_lift"):
        find_pixels(table, min_lifts=2)
    with pytest.raises(ParameterError, match="min_users"):
        find_pixels(table, min_users=5)
    with pytest.raises(InputError, match="'zz'"):
        find_pixels(table, pin=[{"a": "yes", "zz": "yes"}])
    with pytest.raises(InputError, match="not one of its values"):
        find_pixels(table, forbid=[{"a": "maybe"}])


@pytest.mark.parametrize(
    "frame", [pd.DataFrame({"user_id": ["a"], "x": ["y"]}), pd.DataFrame({"user_id": []})]
)
def test_next_to_nothing_gives_nothing(frame):
    pixels = find_pixels(frame)
    assert len(pixels) == 0 and len(pixels.users()) == len(frame) and pixels.to_pandas().empty
    assert "0 pixel labels" in repr(pixels)


def test_it_shows_itself_escaped(table):
    html = find_pixels(table.rename(columns={"a": "<b>"}))._repr_html_()
    assert "&lt;b&gt;" in html and "<b>:" not in html
