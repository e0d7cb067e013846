import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from segtool.personas.encode import LabelTable, fit_encoding
from segtool.personas.portrait.notes import explained_share
from segtool.personas.portrait.portray import (
    compare_counts,
    contrast_nearest,
    control_false_discoveries,
    cut_in_thirds,
    find_nearest,
    find_typical,
    measure_typicality,
    profile_personas,
)


def profile(columns, codes, **options):
    frame = pd.DataFrame(columns)
    frame.index = [f"u{number:03}" for number in range(len(frame))]
    table = LabelTable.read(frame)
    codes = np.asarray(codes)
    return profile_personas(table, fit_encoding(table, **options), codes, codes.max() + 1)


def pick(table, persona_id, label, value):
    found = table[(table["persona_id"] == persona_id) & (table["label"] == label) & (table["value"] == value)]
    return found.iloc[0]


def test_shares_are_of_the_known_and_the_index_is_share_over_base():
    # persona 1: 2 of 3 known are students (one unknown); persona 2: 1 of 4; base: 3 of 7
    stage = ["student", "student", "parent", None, "student", "parent", "parent", "parent"]
    row = pick(profile({"stage": stage}, [0] * 4 + [1] * 4), 1, "stage", "student")
    assert (row["n_known"], row["n_in"]) == (3, 2)
    assert row["share_in"] == pytest.approx(2 / 3)
    assert row["share_base"] == pytest.approx(3 / 7)
    assert row["index"] == pytest.approx(100 * (2 / 3) / (3 / 7))
    assert row["effect"] == pytest.approx(2 * np.arcsin(np.sqrt(2 / 3)) - 2 * np.arcsin(np.sqrt(1 / 4)))


def test_many_valued_labels_count_only_users_for_whom_they_are_known():
    tea = pd.array([True, False, None, True, False, False], dtype="boolean")
    row = pick(profile({"likes: tea": tea}, [0, 0, 0, 1, 1, 1]), 1, "likes", "tea")
    assert (row["n_known"], row["share_in"], row["share_base"]) == (2, 0.5, pytest.approx(0.4))


def test_descriptors_are_portrayed_but_do_not_form():
    columns = {"stage": ["a", "b"] * 4, "visits": ["few", "many"] * 4}
    table = profile(columns, [0, 1] * 4, descriptors=["visits"])
    assert dict(zip(table["label"], table["forms"], strict=True)) == {"stage": True, "visits": False}


def test_numbers_are_portrayed_in_thirds():
    table = profile({"age": np.arange(30.0), "vip": [True, False] * 15}, [0] * 15 + [1] * 15)
    assert pick(table, 1, "age", "up to 9.67")["share_in"] == pytest.approx(10 / 15)
    assert list(cut_in_thirds(pd.Series([1.0, 1.0, 1.0, 2.0])).categories) == ["up to 1", "over 1"]


def test_chance_defines_nothing_and_a_clear_surplus_does():
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1], 200)
    noise = {f"noise{number}": rng.choice(["x", "y"], 400) for number in range(20)}
    clear = np.where(rng.random(400) < np.where(codes == 0, 0.8, 0.2), "student", "parent")
    table = profile({**noise, "stage": clear}, codes)
    defining = table[table["defining"]]
    assert set(defining["label"]) == {"stage"}
    assert pick(table, 1, "stage", "student")["defining"]


def test_a_label_nobody_else_is_known_for_shows_no_effect():
    found = compare_counts(np.array([[3], [0]]), np.array([[5], [0]]))
    assert found["effect"].tolist() == [0.0, 0.0]
    assert found["z"].tolist() == [0.0, 0.0]
    assert np.isnan(found["share_in"][1])


def test_q_values_match_benjamini_and_hochberg():
    from scipy.stats import false_discovery_control, norm

    z = np.random.default_rng(1).normal(size=50) * 2
    assert control_false_discoveries(z) == pytest.approx(false_discovery_control(2 * norm.sf(np.abs(z))))


def test_contrast_is_with_the_persona_most_alike():
    stage = ["student"] * 20 + ["parent"] * 40
    hours = ["day"] * 40 + ["night"] * 20
    table = profile({"stage": stage, "hours": hours, "city": ["a", "b"] * 30}, np.repeat([0, 1, 2], 20))
    nearest = find_nearest(table, 3)
    assert nearest[0] == 2 and nearest[2] == 2
    top = contrast_nearest(table, nearest).groupby("persona_id").first()
    assert top.loc[1, "label"] == "stage" and abs(top.loc[1, "difference"]) == 1.0
    assert top.loc[3, "label"] == "hours"


def test_explained_share_is_zero_without_a_relation():
    tiers = pd.Categorical(["low", "high"] * 10, ["low", "high"], ordered=True)
    assert explained_share(tiers, np.repeat([0, 1], 10), 2) == 0.0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["x", "y", "z", None]), st.sampled_from([True, False, None]), st.integers(0, 2)
        ),
        min_size=3,
        max_size=40,
    )
)
@settings(max_examples=60, deadline=None)
def test_any_profile_is_what_pandas_counts(users):
    cells = pd.DataFrame(users, columns=["stage", "likes: tea", "code"])
    assume(cells["stage"].nunique() > 1 and cells["likes: tea"].nunique() > 1)
    cells["likes: tea"] = cells["likes: tea"].astype("boolean")
    codes = cells["code"].to_numpy()
    table = profile(cells[["stage", "likes: tea"]], codes)
    for row in table.itertuples():
        column = cells["stage"] if row.label == "stage" else cells["likes: tea"]
        mine = column[(codes == row.persona_id - 1) & column.notna().to_numpy()]
        is_value = mine == (row.value if row.label == "stage" else True)
        assert (row.n_known, row.n_in) == (len(mine), int(is_value.sum()))
        assert np.isfinite(row.z) and 0 <= row.q_value <= 1
        assert not (row.defining and row.share_in < 0.3)


def test_an_index_stands_within_its_interval():
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 3, 300)
    table = profile({f"label{k}": rng.choice(list("abcd"), 300) for k in range(6)}, codes)
    assert ((table["index_low"] <= table["index"]) & (table["index"] <= table["index_high"])).all()
    assert ((table["effect_low"] <= table["effect"]) & (table["effect"] <= table["effect_high"])).all()
    assert (table["index_low"] <= 100).mean() > 0.9 and (table["index_high"] >= 100).mean() > 0.9


def test_contrast_tells_chance_from_difference():
    """Of 60 noise values between two alike personas none is a discovery; the planted one is."""
    rng = np.random.default_rng(6)
    codes = np.repeat([0, 1], 150)
    noise = {f"noise{number}": rng.choice(["x", "y", "z"], 300) for number in range(20)}
    stage = np.where(rng.random(300) < np.where(codes == 0, 0.8, 0.3), "student", "parent")
    table = profile({**noise, "stage": stage}, codes)
    found = contrast_nearest(table, np.array([2, 1]))
    real = found[found["q_value"] <= 0.01]
    assert set(real["label"]) == {"stage"} and len(real) == 4
    assert found.loc[found["label"] != "stage", "effect"].abs().max() > 0.2  # large enough to be told
    row = real.iloc[0]
    assert row["effect_low"] < row["effect"] < row["effect_high"]


def test_typical_members_hold_the_values_of_their_persona():
    """Everyone is equally sure; one holds every typical value, one none, of one nothing is known."""
    columns = {
        "stage": ["student"] * 9 + ["parent"] + ["parent"] * 10,
        "hours": ["night"] * 8 + ["day", "day"] + ["day"] * 10,
        "likes: tea": pd.array([True] * 7 + [None, False, False] + [False] * 10, dtype="boolean"),
    }
    frame = pd.DataFrame(columns, index=[f"u{number:02}" for number in range(20)])
    frame.iloc[8] = [None, None, pd.NA]
    table = LabelTable.read(frame)
    codes = np.repeat([0, 1], 10)
    found = profile_personas(table, fit_encoding(table), codes, 2)
    typical = measure_typicality(table, found, codes)
    assert typical[0] > typical[7] > typical[8] == 0.0 > typical[9]
    users = find_typical(table, found, frame.index, np.eye(2)[codes], 10)
    mine = users[users["persona_id"] == 1]
    assert mine["user_id"].iloc[0] == "u00" and mine["user_id"].tolist()[-2:] == ["u08", "u09"]


def test_descriptors_are_judged_among_themselves():
    """The trap: labels that formed the personas are nearly all rejected, and carry noise along."""
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 3, 300)
    basis = {f"basis{k}": np.where(rng.random(300) < 0.9, codes, 9).astype(str) for k in range(6)}
    noise = {f"noise{k}": rng.choice(["x", "y"], 300) for k in range(30)}
    table = profile({**basis, **noise}, codes, basis=list(basis))
    nearest = find_nearest(table, 3)
    contrast = contrast_nearest(table, nearest)
    together = control_false_discoveries(table["z"].to_numpy())
    for forms in (True, False):
        mine = table["forms"] == forms
        assert table.loc[mine, "q_value"].tolist() == control_false_discoveries(table.loc[mine, "z"]).tolist()
        assert table.loc[mine, "q_value"].tolist() != together[mine].tolist()
        alone = contrast_nearest(table[mine], nearest)["q_value"]
        mine = contrast["label"].isin(list(basis)) == forms
        assert contrast.loc[mine, "q_value"].tolist() == alone.tolist()
    assert (contrast.loc[~contrast["label"].isin(list(basis)), "q_value"] > 0.01).all()
