"""Names from one period to the next: what stays, what is told apart, what is never taken again."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from segtool.labels.frames import LabelInfo
from segtool.personas.follow.events import find_events
from segtool.personas.follow.kept_names import find_trait, keep_names
from segtool.personas.follow.overlap import Comparison, jaccard


def personas(names, shares=None, renamed=()):
    """Make personas of which 100 users each are known, with the shares who drink tea and who vote."""
    shares = shares or {}
    rows = []
    for number in names:
        for label, value in (("drink", "tea"), ("party", "left")):
            share = shares.get(number, {}).get(label, 0.5)
            rows.append((number, label, value, True, 100, 100 * share, share))
    columns = ["persona_id", "label", "value", "forms", "n_known", "n_in", "share_in"]
    infos = {
        "drink": LabelInfo("drink", "Drink", "taste", "nominal", phrase="drinks {value}"),
        "party": LabelInfo("party", "Party", "other", "nominal", sensitive=True),
    }
    return SimpleNamespace(
        names=names, n_personas=len(names), renamed=frozenset(renamed), table=SimpleNamespace(infos=infos),
        profile_table=pd.DataFrame(rows, columns=columns),
    )  # fmt: skip


def aligned(counts, strange=None, retention=None):
    counts = np.array(counts)
    comparison = Comparison(
        counts, 0.5 * (1 - jaccard(counts)),
        np.ones(len(counts)) if retention is None else np.array(retention),
        np.full(counts.shape[1], 0.05) if strange is None else np.array(strange),
    )  # fmt: skip
    return SimpleNamespace(comparison=comparison, events=find_events(comparison))


def test_names_follow_the_users_and_an_analysts_name_stays_one():
    before, after = personas({1: "Night owls", 2: "Parents"}, renamed=[1]), personas({1: "x", 2: "y"})
    names, given = keep_names(before, after, aligned([[1, 80], [90, 2]]))
    assert names == {1: "Parents", 2: "Night owls"} and given == {2}


def test_parts_of_a_split_share_the_name_and_say_what_tells_them_apart():
    after = personas(
        {1: "x", 2: "y", 3: "z"}, {1: {"drink": 0.9, "party": 1.0}, 2: {"drink": 0.4, "party": 0.9}}
    )
    before = personas({1: "Night owls", 2: "Parents"})
    names, _ = keep_names(before, after, aligned([[55, 45, 0], [0, 0, 80]]))
    assert names[1] == "Night owls: drinks tea" and names[3] == "Parents"
    assert names[2] == "y"  # nothing but a sensitive label would tell it apart: its own name


def test_the_main_part_of_a_split_keeps_the_name_as_it_is():
    names, _ = keep_names(personas({1: "Night owls"} | {2: "b"}), personas({1: "x", 2: "y", 3: "z"}),
                          aligned([[80, 20, 0], [0, 0, 90]]))  # fmt: skip
    assert names[1] == "Night owls" and names[2] != "Night owls"


def test_merged_personas_are_called_by_all_names_or_by_that_of_the_main_one():
    before, after = personas({1: "a", 2: "b", 3: "c"}), personas({1: "x", 2: "y"})
    assert keep_names(before, after, aligned([[50, 0], [40, 0], [0, 80]]))[0] == {1: "a + b", 2: "c"}
    assert keep_names(before, after, aligned([[80, 0], [20, 0], [0, 80]]))[0] == {1: "a", 2: "c"}


def test_a_new_persona_never_takes_a_name_that_was_anothers():
    before = personas({1: "Readers", 2: "Cooks"})
    after = personas({1: "x", 2: "readers", 3: "COOKS"}, {3: {"drink": 0.9}})
    counts = [[100, 0, 30], [0, 2, 1]]
    names, _ = keep_names(before, after, aligned(counts, [0.05, 0.9, 0.9], [1, 0.01]))
    assert names == {1: "Readers", 2: "readers (2)", 3: "COOKS: drinks tea"}


def test_all_users_is_no_name_to_hand_on():
    before, after = personas({1: "All users"}), personas({1: "x", 2: "y"})
    assert keep_names(before, after, aligned([[50, 40]]))[0] == {1: "x", 2: "y"}
    assert keep_names(after, before, aligned([[50], [40]]))[0] == {1: "All users"}


def test_a_trait_of_few_users_is_none():
    few = personas({1: "x", 2: "y"}, {1: {"drink": 0.9}})
    assert find_trait(few, 0, [1]) == "drinks tea" and find_trait(few, 1, [0]) == ""
    few.profile_table["n_known"] = 10
    assert find_trait(few, 0, [1]) == ""
