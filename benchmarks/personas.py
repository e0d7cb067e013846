"""Personas against their peers: ``python -m benchmarks.personas``.

Every run has a process of its own, one thread, and a planted table of its own seed. Reported are
medians of CPU seconds, wall seconds, peak memory and adjusted Rand index on the planted personas.
Peers get the table as segtool prepares it, and their preparation is free; ours is in our time.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from functools import partial

import numpy as np

from benchmarks.persona_peers import PEERS, Peer, fit_kprototypes, fit_stepmix, prepared

N_PERSONAS = 8
N_COLUMNS = 25


def run_segtool(planted):
    """Time the estimator with its own preparation, on the table as it is."""
    from segtool.personas.latent_class import LatentClassPersonas

    return lambda: LatentClassPersonas(N_PERSONAS).fit(planted.users).labels_


def run_segtool_choosing(planted):
    """Time the estimator when it has to find out how many personas there are."""
    from segtool.personas.latent_class import LatentClassPersonas

    return lambda: LatentClassPersonas().fit(planted.users).labels_


def run_peer(peer):
    """Make a variant of a peer; its view of the table costs it nothing."""

    def make(planted):
        view = peer.view(planted.users)
        return lambda: peer.fit(view, N_PERSONAS, 0)

    return make


RUNS = {
    "segtool": (run_segtool, 100_000),
    "KMeans n_init=10": (run_peer(PEERS["KMeans, prepared"]), 100_000),
    "KMeans n_init=10, blocks": (run_peer(PEERS["KMeans, prepared blocks"]), 100_000),
    "segtool, 20k": (run_segtool, 20_000),
    "StepMix, 20k": (run_peer(Peer(prepared, fit_stepmix(1))), 20_000),
    "segtool, 10k": (run_segtool, 10_000),
    "StepMix n_init=5, 10k": (run_peer(PEERS["StepMix 5, prepared"]), 10_000),
    "KPrototypes, 10k": (run_peer(Peer(prepared, partial(fit_kprototypes, n_init=1))), 10_000),
    "segtool, choosing k": (run_segtool_choosing, 100_000),
}


def measure(name: str, seed: int) -> dict:
    """Run one variant in this process, and say what it took and how right it was."""
    import warnings

    from sklearn.metrics import adjusted_rand_score

    from benchmarks.planted import plant_users

    warnings.simplefilter("ignore")
    make, n_users = RUNS[name]
    planted = plant_users(n_users, N_PERSONAS, N_COLUMNS, seed=seed)
    fit = make(planted)
    cpu, wall = time.process_time(), time.perf_counter()
    found = fit()
    return {
        "name": name,
        "n_users": n_users,
        "cpu_seconds": time.process_time() - cpu,
        "wall_seconds": time.perf_counter() - wall,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "ari": adjusted_rand_score(planted.persona, found),
        "n_found": len(set(np.asarray(found).tolist())),
    }


def run_apart(name: str, seed: int) -> dict:
    """Run one variant in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.personas", "--one", name, "--seed", str(seed)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def compare(repeats: int = 3, names=tuple(RUNS)):
    """Run all variants in alternation, and return medians, one row per variant.

    Returns
    -------
    DataFrame
        name, n_users, cpu_seconds, wall_seconds, peak_mb, ari, ari_low, ari_high, n_found.
    """
    import pandas as pd

    runs = []
    for seed in range(repeats):
        for name in names:
            runs.append(run_apart(name, seed))
            print(f"{name}, seed {seed}: {runs[-1]['cpu_seconds']:.1f} s, ARI {runs[-1]['ari']:.3f}",
                  file=sys.stderr, flush=True)  # fmt: skip
    groups = pd.DataFrame(runs).groupby("name", sort=False)
    table = groups.median().assign(ari_low=groups["ari"].min(), ari_high=groups["ari"].max())
    return table.reset_index()


def check_targets(table) -> list[tuple[str, bool]]:
    """Compare the medians with what was promised."""
    cpu, ari = table.set_index("name")["cpu_seconds"], table.set_index("name")["ari"]
    return [
        ("100k users: fit under 60 s of CPU", cpu["segtool"] < 60),
        (
            "100k users: ARI at least KMeans'",
            ari["segtool"] >= max(ari["KMeans n_init=10"], ari["KMeans n_init=10, blocks"]),
        ),
        ("100k users: CPU at most KMeans'", cpu["segtool"] <= cpu["KMeans n_init=10"]),
        ("20k users: ARI at least StepMix's", ari["segtool, 20k"] >= ari["StepMix, 20k"]),
        ("20k users: CPU at most a quarter of StepMix's", cpu["segtool, 20k"] <= cpu["StepMix, 20k"] / 4),
        (
            "10k users: ARI at least that of 5 starts of StepMix",
            ari["segtool, 10k"] >= ari["StepMix n_init=5, 10k"],
        ),
        ("10k users: ARI at least KPrototypes'", ari["segtool, 10k"] >= ari["KPrototypes, 10k"]),
    ]


def main() -> None:
    """Run the comparison, print the table and what of the promises holds; exit 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=list(RUNS), help="variants to run")
    parser.add_argument("--json", help="file to write the medians to")
    parser.add_argument("--one", choices=list(RUNS), help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one, arguments.seed)))
        return
    table = compare(arguments.repeats, arguments.only or tuple(RUNS))
    print(table.round(3).to_string(index=False))
    targets = [] if arguments.only else check_targets(table)
    for promise, holds in targets:
        print(f"{'MET' if holds else 'MISSED'}: {promise}")
    if arguments.json:
        table.to_json(arguments.json, orient="records", indent=1)
    sys.exit(0 if all(holds for _, holds in targets) else 1)


if __name__ == "__main__":
    main()
