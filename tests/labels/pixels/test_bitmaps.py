"""Bits: what is packed comes back, counts are counts, and halves are halves of the users."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtool.labels.pixels import bitmaps
from segtool.labels.pixels.bitmaps import N_BLOCKS, count, count_blocks, lay_out_users, pack, unpack


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=1200))
def test_what_is_packed_comes_back(flags):
    flags = np.array(flags)
    positions, n_words = lay_out_users([f"u{number}" for number in range(len(flags))])
    row = pack(flags, positions, n_words)
    assert (unpack(row, positions) == flags).all()
    assert count(row) == flags.sum() == count_blocks(row[None]).sum()


def test_blocks_are_of_one_size_and_drawn_by_id_alone():
    users = [f"u{number}" for number in range(1000)]
    positions, n_words = lay_out_users(users)
    everyone = count_blocks(pack(np.ones(1000, bool), positions, n_words)[None])[0]
    assert everyone.tolist() == [1000 // N_BLOCKS] * N_BLOCKS
    backwards, _ = lay_out_users(users[::-1])
    assert (backwards[::-1] == positions).all()


def test_neighbours_in_the_list_are_not_neighbours_in_the_blocks():
    positions, n_words = lay_out_users([f"u{number:04d}" for number in range(2000)])
    first = np.arange(2000) < 1000
    in_blocks = count_blocks(pack(first, positions, n_words)[None])[0]
    assert abs(in_blocks - 125).max() < 40


def test_old_numpy_counts_the_same(monkeypatch):
    rows = np.random.default_rng(0).integers(0, 2**63, size=(3, 16), dtype=np.uint64)
    new = count(rows), count_blocks(rows)
    if hasattr(np, "bitwise_count"):
        monkeypatch.delattr(bitmaps.np, "bitwise_count")
    assert (count(rows) == new[0]).all()
    assert (count_blocks(rows) == new[1]).all()


@pytest.mark.parametrize("users", [["é", "宝妈", "\ud800"], ["only"]])
def test_any_text_is_an_id(users):
    positions, n_words = lay_out_users(users)
    assert len(set(positions)) == len(users) and positions.max() < n_words * 64
