"""Users as points: every column of the same spread, what is not known in the middle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.planted import plant_users
from segtool.errors import InputError
from segtool.personas.latent.starts import block_coordinates
from segtool.personas.table.columns import add_confidence, read_frame
from segtool.personas.table.coordinates import Coordinates, learn_coordinates
from segtool.personas.table.design import Layout, Rows, build_design
from segtool.personas.table.prepare import learn_plan, prepare


@pytest.fixture(scope="module")
def rows():
    planted = plant_users(500, 3, 12, seed=8, missing=0.2)
    return rows_of(read_frame(planted.users), np.ones(500))


def rows_of(columns, weights):
    plans = [learn_plan(column, weights, 0.5 if i == 0 else 1.0) for i, column in enumerate(columns)]
    return Rows(prepare(columns, plans, len(weights)), Layout.from_plans(plans), weights)


def test_points_are_those_the_starts_of_the_mixture_use(rows):
    points = learn_coordinates(rows).place_rows(rows)
    np.testing.assert_allclose(points, block_coordinates(rows), atol=1e-5)
    assert learn_coordinates(rows).place(rows.design).dtype == np.float32 and points.dtype == np.float64


def test_who_is_not_known_lies_in_the_middle(rows):
    nobody = np.zeros((1, rows.layout.n_design))
    assert not learn_coordinates(rows).place(nobody).any()
    points = learn_coordinates(rows).place_rows(rows)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-7)


def test_axes_are_the_leading_ones_and_point_one_way(rows):
    full, few = learn_coordinates(rows), learn_coordinates(rows, 4)
    points = full.place_rows(rows)
    along = few.place_rows(rows)
    _, size, turn = np.linalg.svd(points, full_matrices=False)
    np.testing.assert_allclose((along**2).sum(axis=0), size[:4] ** 2, rtol=1e-9)
    np.testing.assert_allclose(np.abs(few.axes.T @ turn[:4].T), np.eye(4), atol=1e-6)
    biggest = few.axes[np.abs(few.axes).argmax(axis=0), range(4)]
    assert (biggest > 0).all()  # a sign drawn by the solver would turn the picture over


def test_a_cell_half_as_sure_lies_half_way_to_the_middle():
    users = plant_users(300, 3, 12, seed=8, missing=0.0).users
    trust = np.full((300, 12), 0.9)
    trust[0] = 0.45
    columns = add_confidence(read_frame(users), trust)
    rows = rows_of(columns, np.r_[1e-9, np.ones(299)])  # the first user does not move the averages
    sure = learn_coordinates(rows)
    plain = sure.place(build_design(replace(rows.prepared, trust=None), rows.layout))
    np.testing.assert_allclose(sure.place_rows(rows)[0], plain[0] / 2, atol=1e-6)


def test_there_and_back(rows):
    coordinates = learn_coordinates(rows, 3)
    again = Coordinates.from_dict(coordinates.to_dict(), rows.layout)
    np.testing.assert_array_equal(again.place_rows(rows), coordinates.place_rows(rows))
    with pytest.raises(InputError, match="axes has another shape"):
        Coordinates.from_dict({**coordinates.to_dict(), "axes": [[1.0, 0.0]]}, rows.layout)
