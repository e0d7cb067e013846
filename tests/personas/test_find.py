import numpy as np
import pandas as pd
import pytest

from segtool.errors import InputError, ParameterError
from segtool.personas import find_personas
from tests.personas.planted_frame import make_planted


@pytest.fixture(scope="module")
def planted():
    return make_planted()


@pytest.fixture(scope="module")
def personas(planted):
    return find_personas(planted[0], descriptors=["activity_level"], n_init=5, max_personas=5)


def test_planted_personas_are_found_and_named(personas, planted):
    assert personas.n_personas == 3
    found = personas.assigned.merge(
        pd.DataFrame({"user_id": planted[0].index, "truth": planted[1] + 1}), on="user_id"
    )
    sure = found[~found["unsure"]]
    assert (sure["persona_id"] == sure["truth"]).mean() > 0.95
    firsts = zip(personas.names.values(), ["Students", "Young parents", "Employees"], strict=True)
    assert all(name.startswith(first) for name, first in firsts)
    assert len(set(personas.names.values())) == 3


def test_portraits_add_up_and_are_complete(personas):
    table = personas.portraits()
    assert table["n_users"].sum() == 600 and table["share"].sum() == pytest.approx(1)
    assert table["n_users"].is_monotonic_decreasing
    assert (table["stability"] > 0.75).all()
    assert (table["rule_precision"] > 0.75).all()
    assert table["defining"].str.contains("life stage").all()
    assert table["sentence"].str.contains("Unlike the nearest persona").all()


def test_the_profile_is_what_a_count_of_the_assigned_gives(personas, planted):
    both = personas.assigned.set_index("user_id").join(planted[0])
    known = both[(both["persona_id"] == 1) & both["daypart"].notna()]
    row = personas.profile().query("persona_id == 1 and label == 'daypart' and value == 'night'").iloc[0]
    assert row["n_known"] == len(known)
    assert row["share_in"] == pytest.approx((known["daypart"] == "night").mean())


def test_choice_tells_what_was_compared(personas):
    table = personas.choice()
    assert table["k"].tolist() == [1, 2, 3, 4, 5]
    assert table.loc[table["chosen"], "k"].tolist() == [3]


def test_noise_has_no_personas_and_says_so():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"label{number}": rng.choice(["x", "y", "z"], 400) for number in range(8)})
    frame.index = [f"u{number}" for number in range(400)]
    found = find_personas(frame, n_init=4, max_personas=4)
    assert found.n_personas == 1
    assert found.verdict.startswith("No stable personas:") and "label" in found.verdict
    assert found.assigned["runner_up"].isna().all() and not found.assigned["unsure"].any()
    assert "No stable personas" in repr(found)


def test_users_of_whom_nothing_is_known_are_unsure(planted):
    frame = planted[0].copy()
    frame.iloc[:20] = None
    found = find_personas(frame, n_personas=3, n_init=4)
    assert found.assigned["unsure"].iloc[:20].all()
    assert not found.assigned["unsure"].iloc[20:].all()


def test_activity_tiers_are_called_by_their_name():
    from segtool.labels.labels import Labels

    rng = np.random.default_rng(1)
    tier = rng.integers(0, 2, 400)
    frame = pd.DataFrame(
        {f"act{n}": np.where(rng.random(400) < 0.9, tier, 1 - tier).astype(bool) for n in range(5)},
        index=[f"u{number:03}" for number in range(400)],
    )
    labels = Labels.from_frame(frame, facets=dict.fromkeys(frame, "activity"))
    assert "5 only describe" in find_personas(labels).verdict
    found = find_personas(labels, basis=list(frame), n_personas=2, n_init=4)
    assert any("activity tiers" in note for note in found.notes)


def test_personas_of_one_facet_are_told_to_be_that():
    from segtool.labels.labels import Labels

    rng = np.random.default_rng(2)
    night = rng.random(400) < 0.5
    frame = pd.DataFrame({f"hours{n}": np.where(rng.random(400) < 0.9, night, ~night) for n in range(4)})
    frame["city"] = rng.choice(["a", "b"], 400)
    labels = Labels.from_frame(frame, facets={name: "rhythm" for name in frame if name != "city"})
    found = find_personas(labels, n_personas=2, n_init=4)
    assert any("differ almost only in rhythm" in note for note in found.notes)


def test_personas_that_one_label_gives_alone_are_told_to_be_that():
    rng = np.random.default_rng(3)
    plan = rng.integers(0, 2, 600)
    frame = pd.DataFrame({"plan": np.where(plan, "pro", "free")}, index=[f"u{n:03}" for n in range(600)])
    for number in range(4):  # each follows the plan a little, none enough to be a copy
        frame[f"other{number}"] = np.where(rng.random(600) < 0.65, plan, rng.integers(0, 2, 600)).astype(str)
    found = find_personas(frame, n_personas=2, n_init=4)
    assert any("split on one label, " in note for note in found.notes), found.notes


def test_personas_of_several_labels_get_no_such_note(personas):
    assert not any("split on one label" in note for note in personas.notes)


def test_labels_and_the_same_wide_table_give_the_same_personas(planted):
    from segtool.labels.labels import Labels

    frame = planted[0].iloc[:200].drop(columns=[c for c in planted[0] if c.startswith("interest")])
    one = find_personas(frame, n_personas=2, n_init=3)
    two = find_personas(Labels.from_frame(frame), n_personas=2, n_init=3)
    pd.testing.assert_frame_equal(one.assigned, two.assigned)


def test_one_user_is_everyone_and_no_structure():
    found = find_personas(pd.DataFrame({"age": ["young"]}, index=["u1"]))
    assert found.names == {1: "Everyone"}
    assert found.verdict.startswith("No stable personas:")
    assert found.assigned["user_id"].tolist() == ["u1"]


def test_impossible_wishes_and_unknown_arguments_end_in_words():
    with pytest.raises(InputError, match="can form personas"):
        find_personas(pd.DataFrame({"age": ["young"]}, index=["u1"]), n_personas=2)
    with pytest.raises(ParameterError, match="DataFrame with one row per user"):
        find_personas([1, 2, 3])
    with pytest.raises(ParameterError, match="n_personas is 0"):
        find_personas(pd.DataFrame({"age": ["young", "old"] * 5}), n_personas=0)


def test_odd_text_and_ids_survive():
    frame = pd.DataFrame({"城市": ["上海 🏙️", "北京"] * 30, "likes: <b>": [True, False] * 30})
    frame["user_id"] = [f"00{number}" for number in range(60)]
    found = find_personas(frame, n_personas=2, n_init=2)
    assert found.assigned["user_id"].str.startswith("00").all()
    assert "likes: <b>" not in found._repr_html_() and "&lt;b&gt;" in found._repr_html_()
