"""Core numbers and constraint are those of NetworkX."""

from __future__ import annotations

import networkx
import numpy as np
import pytest
from scipy import sparse

from segtool.community.people import structure
from segtool.community.people.structure import burt_constraint, core_numbers, split_contacts


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_core_numbers_and_constraint_are_those_of_networkx(seed, monkeypatch):
    monkeypatch.setattr(structure, "ROWS", 7)  # in several parts
    rng = np.random.default_rng(seed)
    graph = networkx.gnm_random_graph(40, 90, seed=seed)
    for one, other in graph.edges:
        graph[one][other]["weight"] = float(rng.random())
    matrix = networkx.to_scipy_sparse_array(graph, weight="weight")
    core = networkx.core_number(graph)
    assert core_numbers(matrix).tolist() == [core[node] for node in graph]
    wanted = networkx.constraint(graph, weight="weight")
    np.testing.assert_allclose(burt_constraint(matrix), [wanted[node] for node in graph], rtol=1e-9)


def test_pieces_of_contacts_are_those_of_the_graph_without_the_node():
    graph = networkx.gnm_random_graph(30, 45, seed=5)
    pieces = split_contacts(networkx.to_scipy_sparse_array(graph, format="csr"), np.arange(30), 1)
    for node in graph:
        parts = networkx.connected_components(graph.subgraph(graph[node]))
        assert pieces[node] == sorted((len(part) for part in parts), reverse=True)


def test_a_graph_without_ties_has_no_core_and_no_constraint():
    empty = sparse.csr_matrix((3, 3))
    assert core_numbers(empty).tolist() == [0, 0, 0] and np.isnan(burt_constraint(empty)).all()
    assert split_contacts(empty, np.array([1]), 1) == {1: []}
