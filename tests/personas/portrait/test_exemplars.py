"""People to look at, who is unsure, numbers in their units, and the tree: on personas that are planted."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu

from segtool.errors import NotFittedError
from segtool.personas import Personas, find_personas
from segtool.personas.portrait.exemplars import (
    BETWEEN,
    TOO_LITTLE,
    describe_unsure,
    find_exemplars,
    profile_unsure,
    rank_two,
)
from segtool.personas.portrait.natural_units import profile_numbers
from segtool.personas.portrait.tree import grow_tree
from tests.personas.planted_frame import make_planted


@pytest.fixture(scope="module")
def frame():
    """The planted users with an age in years; of forty nothing but one label is known."""
    frame, truth = make_planted()
    rng = np.random.default_rng(11)
    frame["age"] = rng.normal(np.array([22, 31, 41])[truth], 9).round()
    frame.loc[frame.index[::15], [name for name in frame if name != "daypart"]] = None
    return frame


@pytest.fixture(scope="module")
def personas(frame):
    return find_personas(frame, n_personas=3, n_init=4)


def test_typical_users_are_sure_and_borderline_ones_sit_between_two(personas):
    found = find_exemplars(personas, 3, 2)
    assert (found[found["kind"] == "typical"].groupby("persona_id").size() == 3).all()
    sizes = found[found["kind"] == "borderline"].groupby("persona_id").size()
    assert sizes.max() == 2 and len(sizes) > 1  # a persona may have nobody who nearly belongs elsewhere
    typical, between = (found[found["kind"] == kind] for kind in ("typical", "borderline"))
    assert (typical["membership"] > 0.9).all() and typical["other"].isna().all()
    lead = between["membership"] - between["other_membership"]
    assert (lead >= 0).all() and (between["persona_id"] != between["other_id"]).all()
    assert not set(typical["user_id"]) & set(between["user_id"])
    for row in between.itertuples():
        mine = personas.memberships.loc[row.user_id]
        assert (mine.idxmax(), mine.drop(mine.idxmax()).idxmax()) == (row.persona_id, row.other_id)


def test_users_of_whom_nearly_nothing_is_known_are_no_borderline_cases(personas, frame):
    found = find_exemplars(personas, 1, 50)
    between = found[found["kind"] == "borderline"]
    assert not set(between["user_id"]) & set(frame.index[::15])
    assert len(find_exemplars(personas, 0, 0)) == 0


def test_every_unsure_user_is_told_once_and_why(personas, frame):
    table = describe_unsure(personas)
    assert table["n_users"].sum() == personas.unsure.sum() > 0
    assert table["share"].sum() == pytest.approx(personas.unsure.mean())
    little = table[table["reason"] == TOO_LITTLE]
    assert len(little) == 1 and little["n_users"].iloc[0] >= 40 and little["persona"].isna().all()
    assert little["mean_known"].iloc[0] < 3
    pairs = table[table["reason"] == BETWEEN]
    assert (pairs["persona_id"] < pairs["other_id"]).all()
    assert not pairs.duplicated(["persona_id", "other_id"]).any()
    assert (pairs["persona"] == pairs["persona_id"].map(personas.names)).all()


def test_what_unsure_users_have_more_of_is_beyond_chance(frame):
    """Those unsure by design all come at night; nothing else sets them apart."""
    night = frame.copy()
    night["daypart"] = night["daypart"].cat.add_categories("dawn")
    night.loc[frame.index[::15], "daypart"] = "dawn"
    found = profile_unsure(find_personas(night, n_personas=3, n_init=4))
    assert (found.iloc[0]["label"], found.iloc[0]["value"]) == ("daypart", "dawn")
    assert (found["q_value"] <= 0.01).all() and found.iloc[0]["index_low"] > 100


def test_nobody_is_unsure_of_groups_that_were_given():
    given = Personas.from_assignments(["a", "b", "c"], [1, 1, 2])
    assert describe_unsure(given).empty
    assert find_exemplars(given, 1, 2)["kind"].tolist() == ["typical", "typical"]
    with pytest.raises(NotFittedError):
        profile_numbers(given)


def test_a_file_without_users_says_so(personas, tmp_path):
    loaded = Personas.load(personas.save(tmp_path / "p.json"))
    for ask in (find_exemplars, describe_unsure, profile_unsure, profile_numbers, grow_tree):
        with pytest.raises(NotFittedError):
            ask(loaded)


def test_second_of_one_persona_is_itself():
    best, second, lead = rank_two(np.ones((2, 1)))
    assert best.tolist() == second.tolist() == [0, 0] and lead.tolist() == [1, 1]


def test_numbers_are_told_in_the_units_they_came_in(personas, frame):
    table = profile_numbers(personas)
    assert table["label"].unique().tolist() == ["age"] and len(table) == 3
    codes = personas.probabilities.argmax(axis=1)
    for row in table.itertuples():
        mine, rest = (
            frame["age"].to_numpy()[side]
            for side in (codes == row.persona_id - 1, codes != row.persona_id - 1)
        )
        mine, rest = mine[~np.isnan(mine)], rest[~np.isnan(rest)]
        assert (row.n_known, row.median) == (len(mine), np.median(mine))
        assert (row.low, row.high) == pytest.approx(tuple(np.quantile(mine, [0.25, 0.75])))
        theirs = mannwhitneyu(mine, rest, method="asymptotic", use_continuity=False)
        assert row.superiority == pytest.approx(theirs.statistic / len(mine) / len(rest))
        assert row.q_value >= theirs.pvalue * 0.999
    assert sorted(table["median"].round(-1)) == [20, 30, 40]
    assert (table["median_base"] == np.nanmedian(frame["age"])).all()


def test_a_table_without_numbers_has_none():
    frame, _ = make_planted(200)
    assert profile_numbers(find_personas(frame, n_personas=2, n_init=2)).empty


def test_a_tree_is_never_shown_without_its_fidelity(personas):
    tree = grow_tree(personas)
    assert str(tree).startswith(f"{tree.fidelity:.0%} of 300 held-out users")
    assert tree.fidelity_low < tree.fidelity < tree.fidelity_high and tree.baseline < tree.fidelity
    assert set(tree.recalls) == {1, 2, 3} and tree.depth <= 3
    assert all(name in tree.text for name in personas.names.values())
    assert ("does not define" in tree.headline()) is (tree.fidelity_low < 0.8)
    assert str(grow_tree(personas)) == str(tree)


def test_a_tree_that_is_wrong_for_a_third_defines_nothing():
    """The trap: a readable tree over personas that no few questions tell apart."""
    rng = np.random.default_rng(12)
    codes = rng.integers(0, 3, 900)
    frame = pd.DataFrame(
        {
            f"label{k}": np.where(rng.random(900) < 0.5, codes, rng.integers(0, 3, 900)).astype(str)
            for k in range(12)
        },
        index=[f"u{number:03}" for number in range(900)],
    )
    tree = grow_tree(find_personas(frame, n_personas=3, n_init=3), max_depth=2)
    assert tree.fidelity_low < 0.8 and not tree.defines
    assert "The tree does not define the personas." in str(tree)


def test_numbers_that_describe_are_judged_among_themselves():
    rng = np.random.default_rng(21)
    group = np.repeat([0, 1], 150)
    frame = pd.DataFrame({f"basis{k}": group * 9.0 + rng.normal(size=300) for k in range(4)})
    frame = frame.assign(**{f"noise{k}": rng.normal(size=300) for k in range(40)})
    frame.index = [f"u{number:03}" for number in range(300)]
    found = find_personas(frame, n_personas=2, n_init=1, basis=[f"basis{k}" for k in range(4)])
    table = profile_numbers(found)
    alone = profile_numbers(replace(found, encoding=replace(found.encoding, basis=())))
    noise = table.loc[~table["forms"], ["persona_id", "label", "q_value"]].reset_index(drop=True)
    assert (table.loc[table["forms"], "q_value"] < 1e-9).all()
    pd.testing.assert_frame_equal(noise, alone[["persona_id", "label", "q_value"]])
