"""What moves when nobody moves, on users whose true persona is known."""

import numpy as np
import pandas as pd
import pytest

from segtool.personas import LatentClassPersonas
from segtool.personas.clusterers import HDBSCANPersonas, KMeansPersonas
from segtool.personas.follow.noise import Cells, _older_numbers, expected_moves, moved_share, refit_moves
from segtool.personas.follow.overlap import cross


def draw(truth, rng, old=None, kept=0.0):
    cells = {}
    for place in range(8):
        share = np.where(truth == place % 2, 0.75, 0.25)
        cells[f"flag_{place}"] = pd.array(rng.random(len(truth)) < share, "boolean")
    cells["number"] = rng.normal(truth * 1.0, 1.0)
    frame = pd.DataFrame(cells)
    if old is None:
        return frame
    keep = rng.random(frame.shape) < kept
    return frame.where(~keep, old)


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(8)
    truth = rng.integers(0, 2, 1500)
    then = draw(truth, rng)
    return truth, then, LatentClassPersonas(2, n_init=4).fit(then), rng


@pytest.mark.parametrize("kept", [0.0, 0.7])
def test_where_nobody_moved_as_many_are_seen_to_move_as_expected(fitted, kept):
    truth, then, model, rng = fitted
    now = draw(truth, rng, then, kept)
    before = model.predict_proba(then)
    counts = cross(before.argmax(axis=1), model.predict(now), (2, 2))
    expected = expected_moves(model, Cells(then), Cells(now), np.random.default_rng(1))
    assert expected.sum() == pytest.approx(1500)
    found = moved_share(counts, expected, before)
    assert found["seen"] > 0.04 and found["expected"] == pytest.approx(found["seen"], abs=0.03)
    assert found["low"] <= 0 and found["moved"] < 0.03


@pytest.mark.parametrize("kept", [0.0, 0.7])
def test_the_share_that_moved_is_found_under_the_noise(fitted, kept):
    truth, then, model, rng = fitted
    moves = rng.random(1500) < 0.2
    now = draw(truth, rng, then, kept)
    now[moves] = draw(1 - truth, rng)[moves]
    before = model.predict_proba(then)
    counts = cross(before.argmax(axis=1), model.predict(now), (2, 2))
    found = moved_share(
        counts, expected_moves(model, Cells(then), Cells(now), np.random.default_rng(1)), before
    )
    assert abs(found["moved"] - moves.mean()) < 0.04 < found["seen"] - moves.mean() + 0.04
    assert found["low"] < moves.mean() < found["high"]


def test_the_same_seed_counts_the_same(fitted):
    truth, then, model, rng = fitted
    now = draw(truth, rng)
    one, other = (expected_moves(model, Cells(then), Cells(now), np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_refits_are_aligned_before_they_are_compared(fitted):
    _, then, model, _ = fitted
    counts = refit_moves(model, Cells(then), model.predict(then), np.random.default_rng(2), 2)
    assert counts.sum() == 1500
    assert np.trace(counts) > 0.9 * 1500  # numbers swapped by a refit would put everybody off the diagonal


@pytest.mark.parametrize("model", [KMeansPersonas(2, n_init=1), HDBSCANPersonas(min_share=0.1)])
def test_refits_of_any_method_are_counted_in_the_personas_of_the_model(model):
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 2, 200)
    users = pd.DataFrame(rng.normal(truth[:, None] * 6, 1, (200, 3)), columns=list("abc"))
    model.fit(users)
    counts = refit_moves(model, Cells(users), model.labels_, np.random.default_rng(2), model.n_personas_)
    assert counts.shape == (model.n_personas_,) * 2 and counts.sum() == 200
    assert np.trace(counts) > 0.5 * 200


def test_a_refit_that_finds_more_or_fewer_personas_is_counted_all_the_same():
    """Parts of a persona are the persona; nobody falls out of the table."""
    assert _older_numbers(np.array([[0, 60, 40], [90, 0, 0]])).tolist() == [1, 0, 0]
    assert _older_numbers(np.array([[0, 60], [5, 40], [90, 0]])).tolist() == [2, 0]
