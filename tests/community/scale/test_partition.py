"""Splitting a graph: bounds hold whatever the graph, planted communities are found, refusals teach."""

import numpy as np
import pymetis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from segtool.community.scale.feasible import pack_blocks, part_counts
from segtool.community.scale.partition import kept_share, random_share, split_graph
from segtool.errors import InputError, ParameterError


def planted(n_blocks: int, size: int, inside: float, outside: float, seed: int = 0):
    """Return a graph of planted communities and the community of each node, in random order."""
    rng = np.random.default_rng(seed)
    block = rng.permutation(np.repeat(np.arange(n_blocks), size))
    chance = np.where(block[:, None] == block, inside, outside)
    upper = np.triu(rng.random(chance.shape) < chance, 1)
    return sparse.csr_array((upper | upper.T).astype(float)), block


@st.composite
def graphs(draw):
    """Return any graph: a weight for any pairs, also none at all."""
    n = draw(st.integers(1, 26))
    pairs = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=60))
    dense = np.zeros((n, n))
    for place, (one, other) in enumerate(pairs):
        dense[one, other] = dense[other, one] = 0.5 + place % 4
    return sparse.csr_array(dense)


@settings(max_examples=120, deadline=None)
@given(graphs(), st.integers(1, 30), st.integers(0, 30), st.integers(0, 3))
def test_both_bounds_always_hold_or_are_refused(matrix, upper, lower, seed):
    """A split is returned exactly where one exists."""
    n, lower = matrix.shape[0], min(lower, upper)
    fewest, most = part_counts(n, lower, upper)
    if fewest > most:
        with pytest.raises(ParameterError, match="cannot be split"):
            split_graph(matrix, upper, lower, n_starts=1, n_sweeps=3, random_state=seed)
        return
    labels = split_graph(matrix, upper, lower, n_starts=2, n_sweeps=3, random_state=seed)
    sizes = np.bincount(labels)
    assert len(labels) == n and sizes.min() >= max(lower, 1) and sizes.max() <= upper


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(2, 12), st.integers(1, 12), st.data())
def test_those_who_must_stay_together_do_and_bounds_still_hold(matrix, upper, lower, data):
    """Blocks are packed where an exhaustive search finds a way, and refused where it finds none."""
    n, lower = min(matrix.shape[0], 9), min(lower, upper)
    matrix = matrix[:n][:, :n]
    links = data.draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=5))
    linked = np.zeros((n, n))
    linked[tuple(np.array(links or [(0, 0)]).T)] = 1
    block = sparse.csgraph.connected_components(sparse.csr_array(linked), directed=False)[1]
    if n <= upper and n >= lower:
        feasible = True
    else:
        feasible = can_pack(sorted(np.bincount(block).tolist(), reverse=True), lower, upper)
    try:
        labels = split_graph(matrix, upper, lower, must_link=links, n_starts=1, n_sweeps=2)
    except ParameterError:
        assert not feasible
        return
    sizes = np.bincount(labels)
    assert feasible and sizes.min() >= lower and sizes.max() <= upper
    assert all(labels[one] == labels[other] for one, other in links)


def can_pack(sizes: list[int], lower: int, upper: int) -> bool:
    """Say by trying everything whether blocks fit into parts within the bounds."""

    def place(rest: list[int], parts: tuple[int, ...]) -> bool:
        if not rest:
            return all(part >= lower for part in parts)
        choices = {
            tuple(sorted((*parts[:at], parts[at] + rest[0], *parts[at + 1 :])))
            for at in range(len(parts))
            if parts[at] + rest[0] <= upper
        }
        if rest[0] <= upper:
            choices.add(tuple(sorted((*parts, rest[0]))))
        return any(place(rest[1:], choice) for choice in choices)

    return place(sizes, ())


@pytest.mark.parametrize(
    ("sizes", "lower", "upper", "fits"),
    [([5, 5, 5, 3, 3, 3], 8, 8, True), ([6, 5, 4, 3, 2, 2], 11, 11, True), ([7, 7, 2], 8, 9, False), ([5, 4], 9, 9, True)],
    ids=["pairs of eight", "elevens", "no partner", "one part"],
)  # fmt: skip
def test_blocks_are_packed_where_it_can_be_done(sizes, lower, upper, fits):
    part = pack_blocks(np.array(sizes), lower, upper)
    assert (part is not None) == fits
    if fits:
        filled = np.bincount(part, weights=sizes)
        assert filled.min() >= lower and filled.max() <= upper


def test_planted_communities_are_found_again():
    """With bounds that fit them, parts are the communities."""
    matrix, block = planted(6, 20, 0.5, 0.01)
    labels = split_graph(matrix, 25)
    assert len({(a, b) for a, b in zip(labels.tolist(), block.tolist(), strict=True)}) == 6


def test_more_is_kept_than_by_chance_when_bounds_cut_communities():
    matrix, _ = planted(3, 60, 0.3, 0.02, seed=1)
    labels = split_graph(matrix, 50)
    sizes = np.bincount(labels)
    assert sizes.max() <= 50 and sizes.min() >= 10
    assert kept_share(matrix, labels) > 1.8 * random_share(sizes)


def test_as_many_ties_are_kept_as_by_metis():
    """The promise of the benchmark on one small graph."""
    matrix, _ = planted(9, 33, 0.25, 0.01, seed=2)
    for n_parts in range(6, 20):
        _, parts = pymetis.part_graph(n_parts, pymetis.CSRAdjacency(matrix.indptr, matrix.indices))
        if np.bincount(parts).max() <= 50:
            break
    assert kept_share(matrix, split_graph(matrix, 50)) >= kept_share(matrix, np.array(parts))


def test_the_same_seed_gives_the_same_split():
    matrix, _ = planted(4, 30, 0.3, 0.03, seed=3)
    assert (split_graph(matrix, 40, random_state=5) == split_graph(matrix, 40, random_state=5)).all()


def test_the_caller_keeps_their_matrix():
    """The input is not changed; a diagonal does not count."""
    matrix, _ = planted(2, 10, 0.6, 0.1)
    own = sparse.csr_array(matrix + sparse.eye_array(20) * 9)
    before = own.toarray()
    assert (split_graph(own, 12) == split_graph(matrix, 12)).all()
    assert (own.toarray() == before).all()


def test_interests_decide_between_equal_ties():
    """On a ring of equal ties people of one interest come together."""
    n = 24
    ring = sparse.csr_array((np.ones(n), (np.arange(n), (np.arange(n) + 1) % n)), shape=(n, n))
    codes = np.repeat([0, 1, 0, 1], 6)[np.r_[3:24, 0:3]]
    labels = split_graph(ring + ring.T, 6, 6, interests=codes)
    assert all(len(set(codes[labels == part])) == 1 for part in range(4))


def test_graphs_beyond_one_bundle_are_split_within_bounds():
    """More people than one dense matrix holds."""
    rng = np.random.default_rng(0)
    n = 2600
    one = np.repeat(np.arange(n), 3)
    other = (one // 40 * 40 + rng.integers(0, 40, len(one))).clip(max=n - 1)
    ties = sparse.csr_array((np.ones(len(one)), (one, other)), shape=(n, n))
    matrix = ties + ties.T
    labels = split_graph(matrix, 50, n_starts=1, n_sweeps=2)
    sizes = np.bincount(labels)
    assert sizes.max() <= 50 and sizes.min() >= 10 and kept_share(matrix, labels) > 0.95


def test_refusals_say_what_would_do():
    matrix, _ = planted(2, 10, 0.5, 0.1)
    with pytest.raises(ParameterError, match=r"lower up to 6 \(3 parts\), or upper from 10 \(2 parts\)"):
        split_graph(matrix, 9, 8)
    with pytest.raises(ParameterError, match="must stay together"):
        split_graph(matrix, 9, must_link=[list(range(10))])
    with pytest.raises(InputError, match="not symmetric"):
        split_graph(sparse.csr_array(np.triu(np.ones((4, 4)), 1)), 2)
    with pytest.raises(InputError, match="missing or negative"):
        split_graph(sparse.csr_array(np.array([[0, -1.0], [-1.0, 0]])), 2)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_a_group_of_hardly_anybody_is_one_part(n):
    assert split_graph(sparse.csr_array((n, n)), 50).tolist() == [0] * n


def test_shares_without_ties_are_not_known():
    assert np.isnan(kept_share(sparse.csr_array((3, 3)), np.zeros(3, dtype=int)))
    assert np.isnan(random_share([1]))
