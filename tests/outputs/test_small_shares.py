"""Shares in words and figures: none of them counts a handful of people."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segtool.outputs.small_shares import (
    bound_share,
    find_side,
    mask_counts,
    mask_profile,
    mask_sentence,
    say_share,
)

COLUMNS = ["label", "value", "n_known", "share_in", "share_base", "index", "effect"]
PROFILE = pd.DataFrame(
    [["a", "x", 22, 21 / 22, 0.2, 477, 1], ["a", "y", 22, 11 / 22, 0.2, 250, 1]], columns=COLUMNS
)
CONTRAST = pd.DataFrame(
    {"share_in": [0.54, 0.5], "share_nearest": [0.01, 0.3], "n_known": 100, "n_known_nearest": 100}
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("student (95% of 22 known, index 477)", "student (over 77% of 22 known)"),
        ("student (50% of 22 known, index 250)", "student (50% of 22 known, index 250)"),
        ("parenting 54% instead of 1%, travel 50% instead of 30%",
         "parenting 54% instead of under 5%, travel 50% instead of 30%"),
        ("no such row 61% instead of 2%", "no such row 61% instead of under 5%"),
    ],
)  # fmt: skip
def test_a_sentence_says_bounds_where_shares_count_few(text, shown):
    assert mask_sentence(text, PROFILE, CONTRAST, 5) == shown


@given(st.integers(5, 3000), st.data())
def test_what_is_shown_never_tells_which_few(n_known, data):
    n_in = data.draw(st.integers(1, 4))
    assert say_share(n_in / n_known, n_known, 5) == say_share(1 / n_known, n_known, 5)
    if n_known >= 10:  # in fewer, all but few may themselves be few
        assert say_share(1 - n_in / n_known, n_known, 5) == say_share(1 - 1 / n_known, n_known, 5)


@given(st.integers(10, 100_000), st.integers(1, 4))
def test_the_bound_is_true(n_known, n_in):
    assert n_in / n_known < bound_share(find_side(n_in, n_known, 5), n_known, 5)
    rest = n_known - n_in
    assert rest / n_known > bound_share(find_side(rest, n_known, 5), n_known, 5)


@given(st.integers(1, 4), st.integers(12, 5000))
def test_a_rounded_share_in_a_text_is_found_too(n_in, n_known):
    text = f"{n_in / n_known:.0%} of {n_known:,} users"
    assert mask_counts(text, 5).startswith("under")


def test_index_and_share_of_a_masked_profile_are_bounds():
    table = mask_profile(PROFILE, 5)
    assert table["hidden"].tolist() == [">", ""]
    assert table["share_in"].tolist() == [0.77, 0.5]
    assert table["index"].tolist() == pytest.approx([385, 250])


def test_no_interval_of_a_masked_share_is_kept():
    intervals = {"index_low": 300.0, "index_high": 480.0, "effect_low": 0.9, "effect_high": 1.1}
    table = mask_profile(PROFILE.assign(**intervals), 5)
    assert table.loc[0, list(intervals)].isna().all()  # its width would tell the count
    assert table.loc[1, list(intervals)].tolist() == list(intervals.values())
