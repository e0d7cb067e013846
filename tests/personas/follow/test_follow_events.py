"""What became of each persona, read from tables small enough to judge by eye."""

import numpy as np
import pytest

from segtool.personas.follow.events import find_events, match_personas
from segtool.personas.follow.overlap import Comparison, jaccard


def comparison(counts, retention=None, strange=None):
    """Compare personas whose profiles are as far apart as their users are."""
    counts = np.array(counts)
    return Comparison(
        counts,
        0.5 * (1 - jaccard(counts)),
        np.ones(len(counts)) if retention is None else np.array(retention),
        np.full(counts.shape[1], 0.05) if strange is None else np.array(strange),
    )


def test_numbers_of_a_refit_say_nothing():
    events = find_events(comparison([[1, 99, 0], [2, 0, 98], [90, 5, 5]]))
    assert events.matches == {0: 2, 1: 0, 2: 1}
    assert set(events.before) == set(events.after) == {"same"}


def test_a_persona_of_which_most_falls_into_two_is_split():
    events = find_events(comparison([[100, 0, 0], [2, 60, 40]]))
    assert events.before == ("same", "split") and events.after == ("same", "split", "split")
    assert events.links == ((0, 0), (1, 1), (1, 2))


def test_users_the_older_model_finds_strange_are_a_new_persona_and_no_part_of_the_old():
    events = find_events(comparison([[100, 0, 0], [2, 60, 40]], strange=[0.05, 0.05, 0.8]))
    assert events.before == ("same", "same") and events.after == ("same", "same", "new")


def test_in_a_persona_that_has_grown_fewer_strangers_make_a_new_one():
    """Parts of a persona add no users to it; newcomers that end in it do."""
    counts, strange = [[100, 0, 0], [2, 60, 40]], [0.05, 0.05, 0.4]
    assert find_events(comparison(counts, [1, 1], strange)).after[2] == "split"
    assert find_events(comparison(counts, [1, 1.6], strange)).after[2] == "new"


def test_users_from_everywhere_are_a_new_persona():
    events = find_events(comparison([[100, 0, 0, 20], [0, 90, 0, 20], [0, 0, 80, 20]]))
    assert events.after == ("same", "same", "same", "new")


def test_a_new_kind_of_users_in_the_place_of_one_that_is_gone_is_not_it():
    """By users in common it is the same: the older model puts them all where the others were."""
    events = find_events(comparison([[100, 0, 0], [0, 90, 0], [0, 0, 80]], strange=[0.05, 0.06, 0.7]))
    assert events.before == ("same", "same", "gone") and events.after == ("same", "same", "new")


def test_labels_that_aged_for_everybody_make_nobody_new():
    events = find_events(comparison([[100, 0], [0, 90]], strange=[0.6, 0.5]))
    assert events.after == ("same", "same")


def test_two_personas_that_are_still_there_and_told_apart_no_more_have_merged():
    events = find_events(comparison([[60, 0], [40, 0], [0, 80]]))
    assert events.before == ("merged", "merged", "same") and events.after == ("merged", "same")


def test_a_persona_of_which_no_users_are_left_has_not_merged_but_gone():
    events = find_events(comparison([[90, 0], [10, 0], [0, 80]], retention=[1, 0.1, 1]))
    assert events.before == ("same", "gone", "same") and events.after == ("same", "same")


def test_one_gone_and_one_new_are_not_one():
    counts = [[100, 0, 20], [0, 90, 15], [3, 2, 4]]
    events = find_events(comparison(counts, retention=[1, 1, 0.1], strange=[0.05, 0.05, 0.7]))
    assert events.before == ("same", "same", "gone") and events.after == ("same", "same", "new")


def test_a_model_that_cannot_say_who_is_strange_leaves_it_at_the_users():
    events = find_events(comparison([[100, 0, 0], [2, 60, 40]], strange=[np.nan] * 3))
    assert events.before == ("same", "split")


@pytest.mark.parametrize(("least", "expected"), [(0.5, {0: 0}), (0.0, {0: 0, 1: 1})])
def test_pairs_below_the_least_similarity_are_none(least, expected):
    assert match_personas(np.array([[0.9, 0.4], [0.3, 0.2]]), least) == expected
