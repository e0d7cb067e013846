"""Is there anything to segment: labels that go together, and everything that only looks like it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.persona_number import Table, prepare_rows
from benchmarks.planted import plant_users
from segtool.personas.latent.starts import block_coordinates
from segtool.personas.number.structure import (
    expand_users,
    group_columns,
    list_deals,
    measure_structure,
    shuffle,
)


def rows_of(users: pd.DataFrame, weights=None):
    return prepare_rows(Table("", "", 1, users, weights))


def flags(cells: np.ndarray, prefix: str = "flag") -> pd.DataFrame:
    return pd.DataFrame(
        {f"{prefix}_{i}": pd.array(cells[:, i] > 0, "boolean") for i in range(cells.shape[1])}
    )


def test_planted_personas_are_structure_and_noise_is_not():
    found = measure_structure(rows_of(plant_users(600, 4, 20, seed=1).users))
    assert found.exists and found.p_value == 0.01 and found.strength > 1.2 > found.most_by_chance
    assert 1 <= found.n_axes <= 4
    noise = measure_structure(rows_of(plant_users(600, 1, 20, seed=1).users))
    assert not noise.exists and noise.n_axes == 0 and noise.strength < 1.1


def test_noise_is_called_structure_as_rarely_as_the_test_says():
    noise = [rows_of(plant_users(150, 1, 6, seed=seed).users) for seed in range(30)]
    shares = [measure_structure(rows, n_shuffles=19).p_value for rows in noise]
    assert np.mean(np.array(shares) <= 0.2) < 0.45  # about 6 of 30 are expected
    assert min(shares) >= 0.05 and np.mean(np.array(shares) > 0.5) > 0.2


def test_what_is_missing_together_is_not_structure():
    users = plant_users(800, 1, 16, seed=3, missing=0).users
    users.loc[np.random.default_rng(0).random(800) < 0.8, list(users)[8:]] = None
    assert not measure_structure(rows_of(users)).exists


def test_copies_that_share_the_weight_of_one_label_are_not_structure():
    rng = np.random.default_rng(4)
    trait = rng.random((500, 1)) < 0.5
    copies = flags(trait ^ (rng.random((500, 6)) < 0.05), "copy")
    users = pd.concat([copies, flags(rng.random((500, 10)) < 0.4)], axis=1)
    assert measure_structure(rows_of(users)).exists
    assert not measure_structure(rows_of(users, {column: 1 / 6 for column in copies})).exists


def test_values_of_one_label_are_shuffled_together():
    rng = np.random.default_rng(5)
    favourite = rng.integers(0, 4, 500)
    only_one = flags(favourite[:, None] == np.arange(4), "likes").add_prefix("likes: ")
    users = pd.concat([only_one, flags(rng.random((500, 6)) < 0.5)], axis=1)
    rows = rows_of(users)
    assert measure_structure(rows).exists
    together = measure_structure(rows, group_columns(sorted(users)))
    assert not together.exists and together.n_labels == 7


def test_a_shuffle_keeps_every_value_and_what_is_missing():
    rows = expand_users(rows_of(plant_users(300, 3, 12, seed=6, missing=0.3).users), 300)
    points = block_coordinates(rows)
    dealt = shuffle(points, list_deals(rows, None), np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(points, axis=0), np.sort(dealt, axis=0))
    last = 2 * rows.layout.n_numbers  # coordinates lack the squares and the known of the design
    last_label = slice(3 * rows.layout.n_numbers + rows.layout.offsets[-1], None)
    known = rows.design[:, last_label].any(axis=1)
    np.testing.assert_array_equal(known, (dealt[:, last_label.start - last :] != 0).any(axis=1))
    assert not np.array_equal(points, dealt)


def test_a_row_of_weight_six_is_six_users():
    rows = rows_of(plant_users(200, 2, 8, seed=7).users)
    heavy = rows.take(np.arange(len(rows)), rows.weights * 6)
    assert len(expand_users(heavy, 5000)) == 1200
    assert len(expand_users(heavy, 100)) == 100
    assert measure_structure(heavy).n_users == 1200


@pytest.mark.parametrize("n_columns", [0, 1])
def test_one_label_goes_together_with_nothing(n_columns):
    users = plant_users(100, 2, 2, seed=8).users.iloc[:, :n_columns]
    rows = rows_of(users) if n_columns else rows_of(pd.DataFrame({"same": [1.0] * 100}))
    found = measure_structure(rows)
    assert not found.exists and "at least two labels" in found.in_words()
