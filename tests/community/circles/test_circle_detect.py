"""Circles of plain graphs: planted ones are found, chance is not read, and nothing depends on luck."""

from __future__ import annotations

import os
import subprocess
import sys

import networkx as nx
import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import normalized_mutual_info_score

from segtool.community.circles import detect, evidence
from segtool.community.circles.detect import detect_circles
from segtool.community.circles.evidence import shuffle_ties, weigh_division
from segtool.community.circles.graph import check_graph, damp_weights
from segtool.errors import InputError, ParameterError


def planted(n_groups: int, size: int, inside: float, outside: float, seed: int = 0) -> sparse.csr_matrix:
    graph = nx.planted_partition_graph(n_groups, size, inside, outside, seed=seed)
    return sparse.csr_matrix(nx.to_scipy_sparse_array(graph, dtype=float, format="csr"))


def matrix_of(graph: nx.Graph) -> sparse.csr_matrix:
    return sparse.csr_matrix(nx.to_scipy_sparse_array(graph, dtype=float, format="csr"))


def test_planted_groups_are_found_and_numbered_by_size():
    blocks = [np.ones((size, size)) for size in (6, 12, 9)]
    found = detect_circles(sparse.block_diag(blocks))
    assert found.labels.tolist() == [2] * 6 + [0] * 12 + [1] * 9
    assert found.circles["n_users"].tolist() == [12, 9, 6]
    assert (found.circles["ties_inside"] == 1).all()
    assert (found.confidence == 1).all()


def test_circles_of_one_size_stand_by_their_first_member():
    found = detect_circles(sparse.block_diag([np.ones((7, 7))] * 4))
    assert found.labels[::7].tolist() == [0, 1, 2, 3]


def test_small_circles_are_not_merged_in_a_large_graph():
    """Plain modularity joins neighbours in a ring of 40 cliques (Fortunato and Barthélemy 2007)."""
    found = detect_circles(matrix_of(nx.ring_of_cliques(40, 6)), n_runs=5)
    assert len(found.circles) == 40
    assert set(found.circles["n_users"]) == {6}


def test_the_members_of_the_karate_club_are_told_apart():
    club = nx.karate_club_graph()
    matrix = sparse.csr_matrix(nx.to_scipy_sparse_array(club, weight="weight", dtype=float, format="csr"))
    found = detect_circles(matrix)
    assert normalized_mutual_info_score([club.nodes[each]["club"] for each in club], found.labels) > 0.8
    assert found.structure.n_shuffles == 19
    assert "clearly more than in any of 19 graphs with shuffled ties" in found.structure.why


def test_groups_with_nearly_half_of_their_ties_outside_are_found():
    """What naming circles costs is above what they tell here, by less than in any shuffled graph."""
    truth = np.repeat(np.arange(10), 30)
    found = detect_circles(planted(10, 30, 4 / 29, 4 / 270), n_runs=4)
    assert found.structure.found and found.structure.gain < 0
    inside = found.labels >= 0
    assert len(found.circles) >= 4 and inside.sum() > 100 and found.structure.n_shuffles == 19
    assert normalized_mutual_info_score(truth[inside], found.labels[inside]) > 0.6


@pytest.mark.parametrize(
    ("own", "shuffled", "verdict", "looked"),
    [
        (0.40, [0.30, 0.31, 0.32, 0.33], "clearly", 4),
        (0.34, [0.30, 0.31, 0.32, 0.33], "above all", 4),
        (0.31, [0.30, 0.32, 0.1, 0.1], "no", 2),
        (0.31, [0.31, 0.30, 0.1, 0.1], "no", 1),
    ],
)
def test_three_answers_of_shuffled_graphs(monkeypatch, own, shuffled, verdict, looked):
    seen = iter([own, *shuffled])
    monkeypatch.setattr(evidence, "_greatest_modularity", lambda *said: next(seen))
    graph = check_graph(planted(2, 8, 0.5, 0.1))
    assert evidence.beats_shuffles(graph, np.random.default_rng(0), 1, 4) == (verdict, looked)


@pytest.mark.parametrize(
    ("verdict", "said"),
    [("above all", "but not so clearly that it could not be chance"), ("no", "as clearly as these do")],
)
def test_the_sentence_says_how_shuffled_graphs_compare(monkeypatch, verdict, said):
    monkeypatch.setattr(detect, "beats_shuffles", lambda *asked: (verdict, 19))
    found = detect_circles(matrix_of(nx.gnm_random_graph(60, 150, seed=1)))
    assert said in found.structure.why and not found.structure.found


def test_ties_too_many_to_shuffle_are_not_called_chance(monkeypatch):
    monkeypatch.setattr(detect, "MOST_TIES_SHUFFLED", 100)
    found = detect_circles(matrix_of(nx.gnm_random_graph(60, 150, seed=1)))
    assert "150 ties are too many to compare" in found.structure.why
    assert found.structure.n_shuffles == 0 and "chance" not in found.structure.why


def test_stability_is_what_comes_back_without_a_fifth_of_the_ties(monkeypatch):
    """Runs on all ties are what a division is made of: they say nothing about it."""
    shuffled_runs = [np.repeat([0, 1], 15), np.arange(30) % 2]
    monkeypatch.setattr(detect, "forget_ties", lambda *said: shuffled_runs)
    found = detect_circles(sparse.block_diag([np.ones((15, 15))] * 2), resplit_above=100)
    assert found.circles["stability"].round(2).tolist() == [0.68, 0.68]


@pytest.mark.parametrize("seed", [1, 2])
def test_chance_is_given_no_circles(seed):
    for graph in (nx.gnm_random_graph(120, 400, seed=seed), nx.barabasi_albert_graph(120, 3, seed=seed)):
        found = detect_circles(matrix_of(graph), random_state=seed)
        assert (found.labels == -1).all()
        assert np.isnan(found.confidence).all()
        assert found.circles.empty
        assert not found.structure.found
        assert "no circles" in found.structure.why


def test_everybody_tied_to_everybody_is_no_circle():
    assert not detect_circles(sparse.csr_matrix(np.ones((30, 30)))).structure.found


@pytest.mark.parametrize("n", [0, 1, 4])
def test_too_few_people_are_no_circle(n):
    found = detect_circles(sparse.csr_matrix(np.ones((n, n))))
    assert found.labels.tolist() == [-1] * n
    assert "tied to enough others" in found.structure.why


def test_people_apart_are_in_no_circle():
    pairs = np.kron(np.eye(10), np.ones((2, 2)))
    found = detect_circles(sparse.block_diag([np.ones((8, 8)), np.ones((8, 8)), pairs]))
    assert found.labels.tolist() == [0] * 8 + [1] * 8 + [-1] * 20


def test_a_person_on_the_border_is_less_sure():
    rng = np.random.default_rng(0)
    matrix = planted(2, 30, 0.4, 0.01).tolil()
    own, others = rng.choice(30, 5, replace=False), 30 + rng.choice(30, 4, replace=False)
    matrix[0, :] = 0
    matrix[:, 0] = 0
    for other in [*own[own > 0], *others]:
        matrix[0, other] = matrix[other, 0] = 1
    found = detect_circles(matrix.tocsr())
    assert found.confidence[0] < np.median(found.confidence)


def test_a_pair_that_talks_all_day_does_not_decide():
    matrix = planted(3, 20, 0.4, 0.02).tolil()
    matrix[0, 25] = matrix[25, 0] = 1000.0
    found = detect_circles(matrix.tocsr())
    truth = np.repeat([0, 1, 2], 20)
    assert normalized_mutual_info_score(truth, found.labels) > 0.85


def test_the_same_seed_gives_the_same_circles():
    matrix = planted(6, 25, 0.3, 0.04)
    one, other = detect_circles(matrix, random_state=3), detect_circles(matrix, random_state=3)
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_array_equal(one.confidence, other.confidence)
    assert one.circles.equals(other.circles)


def test_seeds_agree():
    matrix = planted(6, 25, 0.3, 0.04)
    runs = [detect_circles(matrix, random_state=seed).labels for seed in range(3)]
    assert min(normalized_mutual_info_score(runs[0], run) for run in runs[1:]) > 0.98


def test_another_process_with_more_threads_gives_the_same():
    code = (
        "import numpy as np; from scipy import sparse;"
        "from segtool.community.circles.detect import detect_circles as find;"
        "one = np.arange(90) % 6; chance = np.random.default_rng(0).random((90, 90));"
        "half = np.triu(chance < np.where(one[:, None] == one, 0.5, 0.05), 1) * 1.0;"
        "found = find(sparse.csr_matrix(half + half.T), n_runs=5);"
        "said = (found.labels.tolist(), found.confidence.tolist(), found.circles.values.tolist())"
    )
    here: dict = {}
    exec(code, here)
    more = {**os.environ, "PYTHONHASHSEED": "3", "OMP_NUM_THREADS": "3", "RAYON_NUM_THREADS": "3"}
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print(said)"], env=more, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(here["said"])


def test_shuffling_keeps_everyones_number_of_ties_and_the_weights():
    matrix = planted(4, 20, 0.3, 0.05)
    matrix = check_graph(matrix.multiply(sparse.csr_matrix(np.arange(6400).reshape(80, 80) % 7 + 1)).minimum(
        matrix.multiply(sparse.csr_matrix(np.arange(6400).reshape(80, 80).T % 7 + 1))))  # fmt: skip
    shuffled = shuffle_ties(matrix, np.random.default_rng(0))
    np.testing.assert_array_equal(np.diff(shuffled.indptr), np.diff(matrix.indptr))
    np.testing.assert_array_equal(np.sort(shuffled.data), np.sort(matrix.data))
    assert shuffled.diagonal().sum() == 0
    truth = np.repeat(np.arange(4), 20)
    before, after = weigh_division(matrix, truth), weigh_division(shuffled, truth)
    assert before.explained > 80
    assert after is None or after.explained < 10


def test_damping_keeps_the_order_and_shortens_the_distance():
    damped = damp_weights(sparse.csr_matrix([[0, 1.0, 100], [1, 0, 2], [100, 2, 0]]))
    assert 1 < damped[0, 2] / damped[0, 1] < 15


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (np.ones((2, 3)), "square"),
        ([[0.0, 1], [0, 0]], "undirected"),
        ([[0.0, -1], [-1, 0]], "0 and above"),
        ([[0.0, np.nan], [np.nan, 0]], "0 and above"),
    ],
    ids=["not square", "directed", "negative", "no number"],
)
def test_what_is_no_graph_of_ties_is_refused(matrix, said):
    with pytest.raises(InputError, match=said):
        detect_circles(sparse.csr_matrix(matrix))


def test_a_circle_of_one_is_refused():
    with pytest.raises(ParameterError, match="min_members"):
        detect_circles(sparse.csr_matrix((3, 3)), min_members=1)
