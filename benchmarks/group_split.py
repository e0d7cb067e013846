"""Ties kept by splits of bounded size, beside METIS: ``python -m benchmarks.group_split``.

Graphs: LFR benchmark graphs (planted communities of 20 to 100 people, mean degree 20) of 1,000 people with
a mixing of .2 and .4 and of 5,000 with .3; graphs of simulated groups that have outgrown themselves (ties of
their messages, of those who talk); public graphs that packages of the registry carry (`benchmarks.circle_graphs`, and
the novel of scikit-network), the small ones also at bounds of 10 and 20. Otherwise bounds of 50, 100 and 150
people, the lower a fifth.

segtool     `split_graph` with its defaults, one call
METIS       pymetis with the fewest parts for which no part is above the bound, or one or two parts more (its
            balance is a tolerance, so parts of n / k people run over the bound), with its usual tolerance of
            3 % and with one of 0.1 %, 10 seeds each: the best of all. Parts below the lower bound are let pass.
repaired    METIS with as few parts as the bound allows at all, its best of 10 seeds brought within the bounds
            by `fit_bounds`
as even     `split_graph` with the smallest part of that METIS as the lower bound: what is gained is not gained
            by parts of unequal size
random      people dealt out to parts of the sizes that segtool made: sum of s (s - 1) over n (n - 1)
proposals   `propose_splits` of groups of 30 to 200 people, of whom a few to all talk, at bounds up to 60 and lower
            ones up to what can be held, half of them within three of the upper: parts outside their bounds

Heats, sweeps and starts of the search were chosen on LFR graphs of seeds 1 to 3.
"""

from __future__ import annotations

import argparse
import sys
import time

import networkx as nx
import numpy as np
import pandas as pd
import pymetis
from scipy import sparse

from benchmarks.circle_graphs import real_graphs
from segtool.community.scale.partition import kept_share, random_share, split_graph
from segtool.community.scale.starts import fit_bounds

FIRST_SEED = 100
BOUNDS = (50, 100, 150)
METIS_SEEDS, MORE_PARTS = 10, 3
N_PROPOSALS = 150
MAX_SECONDS = 10.0  # CPU, for 1,000 people with 16,000 ties at a bound of 50


def make_lfr(n: int, mixing: float, seed: int) -> sparse.csr_array:
    """Return an LFR graph; the generator fails for some seeds, the next of a row is taken then."""
    for attempt in range(20):
        try:
            graph = nx.LFR_benchmark_graph(
                n, 2.5, 1.5, mixing, average_degree=20, max_degree=50, min_community=20, max_community=100,
                seed=seed + 1000 * attempt,
            )  # fmt: skip
        except nx.ExceededMaxIterations:
            continue
        graph.remove_edges_from(list(nx.selfloop_edges(graph)))
        return sparse.csr_array(nx.to_scipy_sparse_array(graph, format="csr", dtype=float))
    raise RuntimeError("no LFR graph in 20 attempts")


def make_overgrown(seed: int) -> sparse.csr_array:
    """Return the ties of a simulated group that has outgrown itself, of those who talk."""
    from segtool.community.talk import read_talk
    from segtool.community.ties.ties import find_ties
    from segtool.sources import Sources
    from segtool.sources.simulate.groups import simulate_groups

    world = simulate_groups(["overgrown"], random_state=seed)
    with Sources.read(world.tables, as_of=world.as_of, timezone=world.timezone) as sources:
        _, matrix = find_ties(read_talk(sources)).in_group(0)
    talks = np.flatnonzero(np.asarray(matrix.sum(axis=1)).ravel() > 0)
    return sparse.csr_array(matrix[talks][:, talks])


def load_public() -> dict[str, sparse.csr_array]:
    """Return the graphs that packages of the registry carry."""
    from sknetwork.data import miserables

    graphs = {name: matrix for name, (matrix, _) in real_graphs()}
    graphs |= {"les miserables": miserables()}
    return {name: sparse.csr_array(matrix.astype(float)) for name, matrix in graphs.items()}


def run_metis(matrix: sparse.csr_array, n_parts: int, seed: int, tolerance: int | None) -> np.ndarray:
    """Return METIS' parts; its weights are whole numbers."""
    options = pymetis.Options(seed=seed, **({} if tolerance is None else {"ufactor": tolerance}))
    weights = np.maximum(np.rint(matrix.data / matrix.data.min()), 1) if np.ptp(matrix.data) else None
    weights = None if weights is None else np.minimum(weights, 100_000).astype(int)
    _, parts = pymetis.part_graph(
        n_parts, pymetis.CSRAdjacency(matrix.indptr, matrix.indices), eweights=weights, options=options
    )
    return np.asarray(parts)


def best_of_metis(matrix: sparse.csr_array, upper: int) -> tuple[float, int, int]:
    """Return the share METIS keeps within the bound, its number of parts, and the size of the smallest."""
    found = []
    for tolerance in (None, 1):
        n_fit = 0
        for n_parts in range(-(-matrix.shape[0] // upper), matrix.shape[0] + 1):
            runs = [run_metis(matrix, n_parts, seed, tolerance) for seed in range(METIS_SEEDS)]
            fit = [parts for parts in runs if np.bincount(parts).max() <= upper]
            if fit:
                found += [
                    (kept_share(matrix, parts), n_parts, int(np.bincount(parts).min())) for parts in fit
                ]
                n_fit += 1
            if n_fit == MORE_PARTS:
                break
    return max(found)


def repair_metis(matrix: sparse.csr_array, upper: int, lower: int) -> float:
    """Return the share kept by METIS with the fewest parts, people moved until both bounds hold."""
    n_parts = -(-matrix.shape[0] // upper)
    ones = np.ones(matrix.shape[0], dtype=np.int64)
    kept = []
    for seed in range(METIS_SEEDS):
        parts = cut_to(matrix, run_metis(matrix, n_parts, seed, None), upper)
        parts = fit_bounds(matrix, parts, ones, lower, upper)
        kept.append(kept_share(matrix, parts))
    return max(kept)


def cut_to(matrix: sparse.csr_array, parts: np.ndarray, upper: int) -> np.ndarray:
    """Take those with the fewest ties out of parts above the bound, each as a part of its own."""
    parts = parts.copy()
    for part in np.flatnonzero(np.bincount(parts) > upper):
        own = np.flatnonzero(parts == part)
        inside = np.asarray(matrix[own][:, own].sum(axis=1)).ravel()
        for node in own[np.argsort(inside, kind="stable")[: len(own) - upper]]:
            parts[node] = parts.max() + 1
    return np.unique(parts, return_inverse=True)[1]


def measure(name: str, matrix: sparse.csr_array, upper: int, seed: int) -> dict:
    """Split one graph by every method."""
    lower = upper // 5
    clock = time.process_time()
    labels = split_graph(matrix, upper, lower, random_state=seed)
    seconds = time.process_time() - clock
    sizes = np.bincount(labels)
    metis, n_metis, smallest = best_of_metis(matrix, upper)
    # METIS may leave a part empty, and parts below the lower bound.
    even = split_graph(matrix, upper, max(smallest, 1), random_state=seed)
    return {
        "graph": name, "seed": seed, "upper": upper, "n": matrix.shape[0], "ties": matrix.nnz // 2,
        "random": random_share(sizes), "METIS": metis, "METIS parts": n_metis,
        "repaired": repair_metis(matrix, upper, lower), "segtool": kept_share(matrix, labels),
        "as even": kept_share(matrix, even),
        "parts": len(sizes), "smallest": sizes.min(), "largest": sizes.max(), "seconds": seconds,
        "outside": int(((sizes < lower) | (sizes > upper)).sum()),
    }  # fmt: skip


def run_all(seeds: range, quick: bool) -> pd.DataFrame:
    """Measure every graph at every bound."""
    makers = {
        "LFR 1000, mixing .2": lambda seed: make_lfr(1000, 0.2, seed),
        "LFR 1000, mixing .4": lambda seed: make_lfr(1000, 0.4, seed),
        "overgrown group": make_overgrown,
    }
    if not quick:
        makers["LFR 5000, mixing .3"] = lambda seed: make_lfr(5000, 0.3, seed)
    rows = []
    for name, make in makers.items():
        for seed in seeds:
            matrix = make(seed)
            rows += [measure(name, matrix, upper, seed) for upper in BOUNDS if upper < matrix.shape[0]]
        print(name, "done", file=sys.stderr, flush=True)
    for name, matrix in load_public().items():
        for upper in (10, 20, *BOUNDS):
            if upper < matrix.shape[0] and (upper >= BOUNDS[0] or matrix.shape[0] < 100):
                rows += [measure(name, matrix, upper, seed) for seed in seeds]
    return pd.DataFrame(rows)


def count_outside(n_groups: int, seed: int) -> tuple[int, int, int]:
    """Return proposals, their parts, and the parts outside their bounds."""
    rng = np.random.default_rng([seed, 5])
    n_parts = n_outside = 0
    for _ in range(n_groups):
        upper = int(rng.integers(10, 61))
        n = int(rng.integers(max(30, upper + 1), 201))
        lower = int(rng.integers(max(upper - 3, 1) if rng.random() < 0.5 else 1, upper + 1))
        splits = propose_one(n, int(rng.integers(5, n + 1)), upper, lower, rng)
        sizes = splits.parts["n_members"]
        if sizes.sum() != n:
            raise RuntimeError("people were lost")
        n_parts += len(sizes)
        n_outside += int((~sizes.between(splits.groups["lower"].iloc[0], upper)).sum())
    return n_groups, n_parts, n_outside


def propose_one(n: int, n_talk: int, upper: int, lower: int, rng):
    """Return the proposal for one group of ``n`` people, of whom so many answer each other."""
    from segtool.community.scale.splits import propose_splits
    from segtool.community.settings import CommunitySettings
    from segtool.community.talk import read_talk
    from segtool.community.ties.ties import find_ties
    from segtool.sources import Sources

    n_messages = int(rng.integers(2, 8)) * n_talk
    at = pd.Timestamp("2026-07-01") - pd.to_timedelta(
        np.sort(rng.uniform(1, 1500, n_messages))[::-1], unit="h"
    )
    ids = np.array([f"m{number:05d}" for number in range(n_messages)], dtype=object)
    messages = pd.DataFrame(
        {"message_id": ids, "group_id": "g", "user_id": [f"u{each}" for each in rng.integers(0, n_talk, n_messages)],
         "sent_at": at, "reply_to": np.r_[[None], ids[:-1]]}
    )  # fmt: skip
    members = pd.DataFrame(
        {"group_id": "g", "user_id": [f"u{k}" for k in range(n)], "joined_at": "2025-01-01"}
    )
    settings = CommunitySettings(split_above=upper, split_upper=upper, split_lower=lower)
    tables = {"messages": messages, "members": members}
    with Sources.read(tables, as_of="2026-07-01", max_rejected_share=1.0) as sources:
        talk = read_talk(sources, settings)
        return propose_splits(talk, find_ties(talk, settings), None, None, settings)


def print_table(rows: pd.DataFrame) -> None:
    """Print means over seeds."""
    print(f"{'share of ties kept':27}{'n':>6}{'ties':>7}{'bound':>6}{'seeds':>6}{'random':>8}{'METIS (parts)':>15}"
          f"{'repaired':>9}{'segtool (parts, sizes)':>28}{'as even':>9}{'ratio':>7}{'least':>7}{'CPU s':>7}")  # fmt: skip
    for (name, upper), own in rows.groupby(["graph", "upper"], sort=False):
        mean, ratio = own.mean(numeric_only=True), own["segtool"] / own["METIS"]
        metis = f"{mean['METIS']:.3f} ({mean['METIS parts']:.0f})"
        ours = f"{mean['segtool']:.3f} ({mean['parts']:.0f}, {own['smallest'].min()}-{own['largest'].max()})"
        print(f"{name:27}{mean['n']:6.0f}{mean['ties']:7.0f}{upper:6}{len(own):6}{mean['random']:8.3f}{metis:>15}"
              f"{mean['repaired']:9.3f}{ours:>28}{mean['as even']:9.3f}"
              f"{mean['segtool'] / mean['METIS']:7.3f}{ratio.min():7.3f}{mean['seconds']:7.2f}")  # fmt: skip


def check_targets(rows: pd.DataFrame, proposals: tuple[int, int, int]) -> list[tuple[str, bool]]:
    """Compare what was measured with what was promised."""
    means = rows.groupby(["graph", "upper"])[["segtool", "METIS", "repaired"]].mean()
    # The same split can be summed in another order.
    worse = means[means["segtool"] < means["METIS"] - 1e-9]
    worse_repaired = means[means["segtool"] < means["repaired"] - 1e-9]
    runs = int((rows["segtool"] < rows["METIS"] - 1e-9).sum())
    slow = rows.loc[(rows["n"] <= 1000), "seconds"].max()
    small = rows.loc[rows["graph"] == "overgrown group", "seconds"].max()
    return [
        (f"as many ties as METIS in every graph and bound, means over seeds ({len(means) - len(worse)} of"
         f" {len(means)}; single runs below: {runs} of {len(rows)})", worse.empty),
        (f"as many as METIS brought within the bounds ({len(means) - len(worse_repaired)} of {len(means)})",
         worse_repaired.empty),
        (f"no part outside its bounds ({rows['outside'].sum()} of {rows['parts'].sum()})", not rows["outside"].any()),
        (f"no part of a proposal outside its bounds, however tight ({proposals[2]} of {proposals[1]} in {proposals[0]}"
         " proposals)", not proposals[2]),
        (f"1,000 people at any bound in {MAX_SECONDS:.0f} s of CPU ({slow:.1f} s)", slow <= MAX_SECONDS),
        (f"an overgrown group within a second ({small:.2f} s)", small < 1.0),
    ]  # fmt: skip


def main() -> None:
    """Run all graphs, print the table and which promises hold; exit 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="three seeds, without the larger graphs")
    said = parser.parse_args()
    rows = run_all(range(FIRST_SEED, FIRST_SEED + (3 if said.quick else said.seeds)), said.quick)
    print_table(rows)
    targets = check_targets(rows, count_outside(N_PROPOSALS // (5 if said.quick else 1), FIRST_SEED))
    for promise, is_met in targets:
        print(f"{'MET' if is_met else 'MISSED'}: {promise}")
    sys.exit(0 if all(is_met for _, is_met in targets) else 1)


if __name__ == "__main__":
    main()
