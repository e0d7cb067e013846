import numpy as np
import pytest
from scipy import sparse

from segtool.targeting.items import neighbours
from segtool.targeting.items.catalogue import one_hot
from segtool.targeting.items.neighbours import SHRINK, fit_neighbours
from segtool.targeting.items.ratios import shrink_ratios
from segtool.targeting.items.signals import fit_tastes


@pytest.fixture
def seen():
    return sparse.csr_array((np.random.default_rng(0).random((90, 12)) < 0.3).astype(np.float32))


def ease_by_the_book(seen, ridge):
    x = seen.toarray().astype(float)
    inverse = np.linalg.inv(x.T @ x + ridge * np.eye(x.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def test_ease_is_the_closed_form(seen):
    found = fit_neighbours(seen, ridge=20).ease.toarray()
    np.testing.assert_allclose(found, ease_by_the_book(seen, 20), atol=1e-5)


def test_ease_of_few_users_and_many_items_is_the_same():
    seen = sparse.csr_array((np.random.default_rng(1).random((10, 40)) < 0.3).astype(np.float32))
    found = fit_neighbours(seen, ridge=5).ease.toarray()
    np.testing.assert_allclose(found, ease_by_the_book(seen, 5), atol=1e-5)


def test_cosines_are_shrunk_and_have_no_diagonal(seen):
    x = seen.toarray().astype(float)
    gram, size = x.T @ x, np.sqrt((x**2).sum(axis=0))
    wanted = gram / (np.outer(size, size) + SHRINK)
    np.fill_diagonal(wanted, 0)
    np.testing.assert_allclose(fit_neighbours(seen).cosine.toarray(), wanted, atol=1e-6)


def test_only_the_strongest_neighbours_of_each_item_are_kept(seen, monkeypatch):
    whole = fit_neighbours(seen, ridge=20).ease.toarray()
    monkeypatch.setattr(neighbours, "KEPT", 3)
    few = fit_neighbours(seen, ridge=20).ease.toarray()
    assert ((few != 0).sum(axis=0) == 3).all()
    for column in range(12):
        assert set(np.flatnonzero(few[:, column])) == set(np.argsort(-np.abs(whole[:, column]))[:3])


def test_items_beyond_what_few_users_can_tell_have_no_neighbours(seen, monkeypatch):
    monkeypatch.setattr(neighbours, "FEW_ITEMS", 8)
    monkeypatch.setattr(neighbours, "ITEMS_PER_USER", 0)
    found = fit_neighbours(seen, ridge=20)
    weak = np.argsort(-np.asarray(seen.sum(axis=0)).ravel(), kind="stable")[8:]
    assert found.ease.shape == (12, 12)
    assert found.ease.toarray()[weak].sum() == found.cosine.toarray()[:, weak].sum() == 0


def test_ratios_shrink_more_where_groups_hardly_differ():
    rng = np.random.default_rng(0)
    expected = np.full(2000, 10.0)
    same = shrink_ratios(rng.poisson(expected), expected)
    apart = shrink_ratios(rng.poisson(expected * rng.gamma(4, 1 / 4, 2000)), expected)
    assert same.shape > 100
    assert apart.shape == pytest.approx(4, rel=0.2)


def test_a_user_with_no_history_has_the_tastes_of_the_persona():
    rng = np.random.default_rng(0)
    first = np.arange(200) < 100
    chance = np.where(first[:, None] == (np.arange(20) < 10), 0.5, 0.1)
    seen = sparse.csr_array((rng.random((200, 20)) < chance).astype(np.float32))
    weights = np.column_stack([first, ~first]).astype(float)
    tastes = fit_tastes(seen, weights, one_hot(np.where(np.arange(20) < 10, "a", "b")))
    lifts = tastes.lifts(sparse.csr_array((2, 20), dtype=np.float32), np.eye(2))
    assert lifts[0, 0] > 0.3 > -0.3 > lifts[0, 1]
    assert lifts[1, 1] > 0.3 > -0.3 > lifts[1, 0]
