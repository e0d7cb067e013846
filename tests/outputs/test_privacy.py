"""Privacy: no small count is shown or can be worked out, and ids need a key."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segtool.errors import PrivacyError
from segtool.outputs.privacy import hash_ids, hide_small_sizes, read_id_key, suppress_small_cells

KEY = b"0123456789abcdef"


def recoverable(hidden: np.ndarray, lines: str = "both") -> list[tuple[int, int]]:
    """Return the hidden cells that totals determine: those whose unit vector the equations span."""
    cells = list(zip(*np.nonzero(hidden), strict=True))
    if not cells:
        return []
    equations = [[float(cell[0] == row) for cell in cells] for row in range(hidden.shape[0])]
    columns = [[float(cell[1] == column) for cell in cells] for column in range(hidden.shape[1])]
    matrix = np.array({"both": equations + columns, "rows": equations, "columns": columns}[lines])
    rank = np.linalg.matrix_rank(matrix)
    units = np.eye(len(cells))
    return [
        cell
        for cell, unit in zip(cells, units, strict=True)
        if np.linalg.matrix_rank(np.vstack([matrix, unit])) == rank
    ]


@pytest.mark.parametrize("seed", range(300))
def test_nothing_small_shows_and_nothing_hidden_can_be_solved_for(seed):
    rng = np.random.default_rng(seed)
    shape = rng.integers(2, 7, 2)
    counts = pd.DataFrame(rng.poisson(rng.choice([2, 8, 20]), shape))
    shown = suppress_small_cells(counts)
    hidden = shown.isna().to_numpy()
    left = shown.to_numpy(dtype=float, na_value=np.nan)
    assert not ((left >= 1) & (left < 5)).any()
    assert recoverable(hidden) == []
    assert (left[~hidden] == counts.to_numpy()[~hidden]).all()


@pytest.mark.parametrize("margins", ["rows", "columns"])
def test_one_total_needs_two_blanks_in_its_line(margins):
    counts = pd.DataFrame([[2, 10, 50], [20, 30, 40], [20, 9, 8]])
    hidden = suppress_small_cells(counts, margins=margins).isna().to_numpy()
    assert hidden.sum() == 2
    assert recoverable(hidden, margins) == []


def test_tables_without_small_cells_are_left_alone():
    counts = pd.DataFrame([[5, 0], [7, 9]])
    assert suppress_small_cells(counts).to_numpy(int).tolist() == counts.to_numpy().tolist()


def test_as_few_people_as_possible_are_hidden():
    counts = pd.DataFrame([[3, 900, 10], [800, 700, 600], [11, 500, 12]])
    hidden = suppress_small_cells(counts).isna().to_numpy()
    assert sorted(counts.to_numpy()[hidden]) == [3, 10, 11, 12]


def test_a_lone_group_with_a_total_is_refused():
    with pytest.raises(PrivacyError, match="single group"):
        suppress_small_cells(pd.DataFrame([[3], [9]]), margins="rows")


def test_sizes_of_small_groups_are_hidden_in_pairs():
    assert hide_small_sizes(pd.Series([90, 30, 2])).isna().tolist() == [False, True, True]
    assert hide_small_sizes(pd.Series([90, 30])).notna().all()
    assert hide_small_sizes(pd.Series([3])).isna().all()


def test_pseudonyms_depend_on_the_key_only():
    one, again, other = hash_ids(["u1"], KEY), hash_ids(["u1"], KEY), hash_ids(["u1"], KEY[::-1])
    assert one == again != other


def test_no_two_ids_meet():
    assert len(set(hash_ids(map(str, range(5000)), KEY))) == 5000


def test_the_key_comes_from_file_or_environment(tmp_path, monkeypatch):
    (tmp_path / "key").write_bytes(KEY + b"\n")
    assert read_id_key(tmp_path / "key") == KEY
    monkeypatch.setenv("SEGTOOL_ID_KEY", KEY.decode())
    assert read_id_key() == KEY


@pytest.mark.parametrize("key", ["", "short-secret"])
def test_without_a_good_key_nothing_is_hashed(monkeypatch, key):
    monkeypatch.setenv("SEGTOOL_ID_KEY", key)
    with pytest.raises(PrivacyError) as error:
        read_id_key()
    assert "SEGTOOL_ID_KEY" in str(error.value)
    assert "short-secret" not in str(error.value)
