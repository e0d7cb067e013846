"""Detected circles against known groups: ``python -m benchmarks.circles``.

`detect_circles` with its defaults beside Louvain of NetworkX at resolution 1, on the same matrix, by normalised mutual
information with the known groups (`benchmarks.circle_graphs`); people in no circle count as one more group. A second
column of Louvain has our damped weights, so that it shows what the method adds beside them. The one number that was chosen
(how much naming a circle costs, 0.7) was chosen on generated graphs of other seeds and another generator; the public
graphs were looked at while the method was made.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import networkx as nx
import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.metrics import adjusted_mutual_info_score, normalized_mutual_info_score

from benchmarks.circle_graphs import (
    generated_graphs,
    graphs_without_groups,
    make_large,
    make_lfr,
    real_graphs,
)
from segtool.community.circles.circles import blend_interests
from segtool.community.circles.detect import detect_circles
from segtool.community.circles.graph import check_graph, damp_weights

FIRST_SEED = 300  # the method was made on seeds below
MAX_FALSE_SHARE = 0.05
# Half of everyone's ties lead elsewhere: more lie inside groups than shuffled ones would, but which circles come out
# depends on which ties one happens to see, so that most people are placed in none, which mutual information counts as one
# wrong group. Shown; no promise.
BLURRED = "LFR, 500 people, mixing 0.5 (no promise)"
ENOUGH = 1e-9  # rounding


def run_louvain(matrix: sparse.csr_matrix, seed: int) -> np.ndarray:
    """Return the communities of NetworkX's Louvain at resolution 1."""
    labels = np.zeros(matrix.shape[0], dtype=int)
    found = nx.community.louvain_communities(nx.from_scipy_sparse_array(matrix), seed=seed)
    for number, members in enumerate(found):
        labels[list(members)] = number
    return labels


def agreement(runs: list[np.ndarray]) -> float:
    """Return the mean adjusted mutual information between runs of different seeds."""
    pairs = [(one, other) for at, one in enumerate(runs) for other in runs[:at]]
    return float(np.mean([adjusted_mutual_info_score(one, other) for one, other in pairs]))


def score_graphs(name: str, kind: str, graphs: list[tuple], seeds: range) -> dict:
    """Run everything over the seeds: on one public graph, or on one generated graph a seed."""
    found: dict[str, list] = {
        key: [] for key in ("ours", "louvain", "damped", "circles", "communities", "in none")
    }
    same: dict[str, list] = {"same": [], "louvain same": []}
    first = {"ours": [], "louvain": []}
    for at, seed in enumerate(seeds):
        matrix, groups = graphs[at % len(graphs)]
        runs = {
            "ours": detect_circles(matrix, random_state=seed).labels,
            "louvain": run_louvain(matrix, seed),
            "damped": run_louvain(damp_weights(check_graph(matrix)), seed),
        }
        for key, labels in runs.items():
            found[key].append(normalized_mutual_info_score(groups, labels))
        found["circles"].append(runs["ours"].max() + 1)
        found["communities"].append(runs["louvain"].max() + 1)
        found["in none"].append((runs["ours"] < 0).mean())
        if len(graphs) == 1:
            for key in first:
                first[key].append(runs[key])
        else:  # a second seed on the same graph
            again = detect_circles(matrix, random_state=seed + 1000).labels, run_louvain(matrix, seed + 1000)
            same["same"].append(agreement([runs["ours"], again[0]]))
            same["louvain same"].append(agreement([runs["louvain"], again[1]]))
    if len(graphs) == 1:
        same = {"same": [agreement(first["ours"])], "louvain same": [agreement(first["louvain"])]}
    return {
        "graph": name,
        "kind": kind,
        "graphs": len(graphs),
        "people": graphs[0][0].shape[0],
        "ties": int(np.mean([check_graph(matrix).nnz // 2 for matrix, _ in graphs])),
        "groups": float(np.mean([len(np.unique(groups)) for _, groups in graphs])),
        **{key: float(np.mean(each)) for key, each in (found | same).items()},
        **{f"{key} sd": float(np.std(found[key])) for key in ("ours", "louvain")},
    }


def look_for_nothing(seeds: range) -> pd.DataFrame:
    """Return how many graphs without groups were given circles, by kind."""
    rows = []
    for seed in seeds:
        for kind, graph in graphs_without_groups(seed):
            plain = nx.Graph(graph)
            plain.remove_edges_from(nx.selfloop_edges(plain))
            matrix = nx.to_scipy_sparse_array(plain, dtype=float, format="csr")
            found = len(detect_circles(matrix, random_state=seed).circles)
            rows.append(
                {"kind": kind, "circles": found, "louvain": len(np.unique(run_louvain(matrix, seed)))}
            )
    return pd.DataFrame(rows)


def blend(seeds: range) -> dict[str, list[float]]:
    """Return the scores with and without interests, where ties alone are too few to tell."""
    found: dict[str, list[float]] = {"ties alone": [], "with interests": []}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        matrix, group = make_large(240, 6, 900, 0.5, seed)
        weights = np.full((240, 6), 0.05)
        liked = np.where(
            rng.random(240) < 0.75, group, rng.integers(0, 6, 240)
        )  # three in four like what their own do
        weights[np.arange(240), liked] = 0.75
        weights[rng.random(240) < 0.3] = 0  # of three in ten nothing is known
        for name, much in (("ties alone", 0.0), ("with interests", 0.5)):
            graph = blend_interests(matrix, sparse.csr_matrix(weights), much)
            labels = detect_circles(graph, damp=False, random_state=seed).labels
            found[name].append(normalized_mutual_info_score(group, labels))
    return found


def time_large() -> tuple[float, float, int, float]:
    """Return CPU seconds, circles, ties and score of 100,000 people in 1,000 groups."""
    matrix, groups = make_large(100_000, 1_000, 700_000, 0.7, FIRST_SEED)
    clock = time.process_time()
    found = detect_circles(matrix)
    seconds = time.process_time() - clock
    return seconds, len(found.circles), matrix.nnz // 2, normalized_mutual_info_score(groups, found.labels)


def print_table(table: pd.DataFrame) -> None:
    """Print one row per graph."""
    print("| graph | graphs | people | ties | groups | circles | communities of Louvain | in no circle | NMI segtool (sd) |"
          " NMI Louvain (sd) | Louvain, our weights | seeds agree: segtool | Louvain |")  # fmt: skip
    print("|" + "---|" * 13)
    for _, row in table.iterrows():
        cells = (
            f"{row['graph']} | {row['graphs']} | {row['people']} | {row['ties']:,} | {row['groups']:.4g}",
            f"{row['circles']:.1f} | {row['communities']:.1f} | {row['in none']:.0%}",
            f"{row['ours']:.3f} ({row['ours sd']:.3f}) | {row['louvain']:.3f} ({row['louvain sd']:.3f})",
            f"{row['damped']:.3f} | {row['same']:.3f} | {row['louvain same']:.3f}",
        )
        print("|", " | ".join(cells), "|")


def check_targets(table, nothing, blended, large) -> list[tuple[str, bool]]:
    """Compare what was found with what was promised."""
    targets = [
        (
            f"{row['graph']} ({row['kind']}): NMI at least Louvain's ({row['ours']:.3f} and {row['louvain']:.3f})",
            row["ours"] >= row["louvain"] - ENOUGH,
        )
        for _, row in table[table["kind"] != "blurred"].iterrows()
    ]
    table = table[table["kind"] != "blurred"]
    real = table[table["kind"] == "public"]
    false = (nothing["circles"] > 0).mean()
    alone, joined = np.mean(blended["ties alone"]), np.mean(blended["with interests"])
    seconds, circles, ties, score = large
    return [
        *targets,
        (
            f"public graphs together: NMI at least Louvain's ({real['ours'].mean():.3f} and"
            f" {real['louvain'].mean():.3f}, {len(real)} graphs)",
            real["ours"].mean() >= real["louvain"].mean() - ENOUGH,
        ),
        (
            f"seeds agree at least as well as Louvain's, on average"
            f" ({table['same'].mean():.3f} and {table['louvain same'].mean():.3f})",
            table["same"].mean() >= table["louvain same"].mean(),
        ),
        (
            f"circles in at most {MAX_FALSE_SHARE:.0%} of {len(nothing)} graphs without groups ({false:.1%};"
            f" Louvain: {(nothing['louvain'] > 1).mean():.0%})",
            false <= MAX_FALSE_SHARE,
        ),
        (f"interests help where ties are few (NMI {alone:.3f} without, {joined:.3f} with)", joined >= alone),
        (
            f"100,000 people with {ties:,} ties in at most 10 s of CPU ({seconds:.1f} s, {circles:,} circles for"
            f" 1,000 groups, NMI {score:.3f}, peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB)",
            seconds <= 10,
        ),
    ]


def main() -> None:
    """Run all graphs, print the table and which promises hold; exit 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="four seeds, ten graphs without groups a kind")
    said = parser.parse_args()
    n_seeds = 4 if said.quick else said.seeds
    seeds = range(FIRST_SEED, FIRST_SEED + n_seeds)
    large = time_large()
    graphs = {("public", name): [graph] for name, graph in real_graphs()}
    for seed in seeds:
        for name, graph in generated_graphs(seed):
            graphs.setdefault(("generated", name), []).append(graph)
        graphs.setdefault(("blurred", BLURRED), []).append(make_lfr(500, 0.5, seed))
    rows = []
    for (kind, name), some in graphs.items():
        rows.append(score_graphs(name, kind, some, seeds))
        print(name, "done", file=sys.stderr, flush=True)
    table = pd.DataFrame(rows)
    print_table(table)
    nothing = look_for_nothing(range(FIRST_SEED, FIRST_SEED + (10 if said.quick else 40)))
    counts = nothing.assign(given=nothing["circles"] > 0).groupby("kind")["given"].agg(["sum", "size"])
    print("graphs without groups that were given circles:",
          ", ".join(f"{kind} {row['sum']} of {row['size']}" for kind, row in counts.iterrows()))  # fmt: skip
    targets = check_targets(table, nothing, blend(range(FIRST_SEED, FIRST_SEED + 20)), large)
    for promise, is_met in targets:
        print(f"{'MET' if is_met else 'MISSED'}: {promise}")
    sys.exit(0 if all(is_met for _, is_met in targets) else 1)


if __name__ == "__main__":
    main()
