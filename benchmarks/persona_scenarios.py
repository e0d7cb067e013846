"""Ten planted scenarios, segtool beside its peers: ``python -m benchmarks.persona_scenarios``.

Every method is told how many personas there are and meets the same tables. Peers stand here raw, as
their documentation would have it, and prepared, with segtool's own preparation, so that a better
preparation is not taken for a better method. "segtool, families" also knows which labels come from
one source, as the lineage of a study says; the peers have no place to be told so.

The scenarios were settled on seeds 900 and up, the engine was tuned on seeds 900 to 999; figures are
of seeds 0, 1, 2.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.persona_peers import PEERS
from benchmarks.scenarios import SCENARIOS, Scenario, plant_scenario

SEEDS = (0, 1, 2)
N_INIT = 20
STARTS = {"segtool": N_INIT, "StepMix 5, prepared": 5}
MIN_MEAN, MIN_SCENARIO, MIN_RATIO = 0.87, 0.68, 20
QUICK = ("clean", "noise", "copies")
OURS = ("segtool", "segtool, families")
PEER_NAMES = (
    "StepMix 5, raw",
    "StepMix 5, prepared",
    "FAMD + KMeans, raw",
    "FAMD + KMeans, prepared",
    "GaussianMixture, raw",
    "GaussianMixture, prepared",
    "KMeans, raw",
    "KMeans, prepared",
    "KMeans, prepared blocks",
    "KPrototypes, raw",
    "KPrototypes, prepared",
)


def run_segtool(scenario: Scenario, seed: int) -> np.ndarray:
    """Fit without a word about where the columns come from."""
    from segtool.personas import LatentClassPersonas

    model = LatentClassPersonas(scenario.n_personas, n_init=N_INIT, random_state=seed)
    return model.fit(scenario.users).labels_


def run_segtool_families(scenario: Scenario, seed: int) -> np.ndarray:
    """Fit with the weights that `find_personas` takes from the lineage of labels."""
    from segtool.personas import LatentClassPersonas
    from segtool.personas.weigh import weigh_columns

    weights = weigh_columns(scenario.users, {name: name for name in scenario.users}, scenario.families)
    model = LatentClassPersonas(scenario.n_personas, n_init=N_INIT, random_state=seed, column_weights=weights)
    return model.fit(scenario.users).labels_


def run_peer(name: str) -> Callable[[Scenario, int], np.ndarray]:
    """Return a peer in the same form."""
    return lambda scenario, seed: PEERS[name](scenario.users, scenario.n_personas, seed)


RUNS = {
    "segtool": run_segtool,
    "segtool, families": run_segtool_families,
    **{name: run_peer(name) for name in PEER_NAMES},
}


def measure(name: str, scenario: str, seed: int) -> dict:
    """Run one method on one table; preparation is in its time, ours and theirs."""
    from sklearn.metrics import adjusted_rand_score

    planted = plant_scenario(scenario, seed)
    before = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a peer that does not converge is judged by its figure
        found = RUNS[name](planted, seed)
    return {
        "method": name,
        "scenario": scenario,
        "seed": seed,
        "ari": adjusted_rand_score(planted.persona, found),
        "cpu_seconds": time.process_time() - before,
    }


def compare(names=tuple(RUNS), scenarios=SCENARIOS, seeds=SEEDS) -> pd.DataFrame:
    """Run all methods on all tables; one row per run."""
    from threadpoolctl import threadpool_limits

    runs = []
    with threadpool_limits(1):
        measure(names[0], scenarios[0], seeds[0])  # imports are nobody's time
        for scenario in scenarios:
            for name in names:
                runs += [measure(name, scenario, seed) for seed in seeds]
                mean = np.mean([run["ari"] for run in runs[-len(seeds) :]])
                print(f"{scenario}, {name}: {mean:.3f}", file=sys.stderr, flush=True)
    return pd.DataFrame(runs)


def summarize(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean over seeds: a row per method, a column per scenario, then the mean and CPU seconds."""
    table = runs.pivot_table(index="method", columns="scenario", values="ari", sort=False)
    table["mean"] = table.mean(axis=1)
    table["cpu_s"] = runs.groupby("method")["cpu_seconds"].mean()
    return table


def check_targets(table: pd.DataFrame) -> list[tuple[str, bool]]:
    """Compare with what was promised."""
    each = table.drop(columns=["mean", "cpu_s"]).loc["segtool, families"]
    mean, cpu = table["mean"], table["cpu_s"]
    per_start = {name: cpu[name] / starts for name, starts in STARTS.items() if name in cpu}
    targets = [
        (f"with families: mean ARI {mean['segtool, families']:.3f} >= {MIN_MEAN}",
         mean["segtool, families"] >= MIN_MEAN),
        (f"with families: lowest scenario {each.idxmin()} {each.min():.3f} >= {MIN_SCENARIO}",
         each.min() >= MIN_SCENARIO),
    ]  # fmt: skip
    rival = "StepMix 5, prepared"
    if rival in cpu:
        ratio = per_start[rival] / per_start["segtool"]
        targets += [
            (f"without families: mean ARI {mean['segtool']:.3f} >= prepared StepMix's {mean[rival]:.3f}",
             mean["segtool"] >= mean[rival]),
            (f"CPU per start: StepMix / segtool {ratio:.0f} >= {MIN_RATIO}", ratio >= MIN_RATIO),
        ]  # fmt: skip
    return targets


def main() -> None:
    """Run the comparison, print the table and what of the promises holds; exit 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three scenarios, one seed, StepMix alone")
    parser.add_argument("--only", nargs="*", choices=list(RUNS), help="methods to run")
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    parser.add_argument("--json", help="file to write all runs to")
    arguments = parser.parse_args()
    names = tuple(dict.fromkeys((*OURS, *(arguments.only or PEER_NAMES))))
    if arguments.quick:
        runs = compare((*OURS, "StepMix 5, prepared"), QUICK, (0,))
    else:
        runs = compare(names, SCENARIOS, tuple(arguments.seeds))
    table = summarize(runs)
    print(table.round(3).to_string())
    targets = check_targets(table)
    for promise, holds in targets:
        print(f"{'MET' if holds else 'MISSED'}: {promise}")
    if arguments.json:
        runs.to_json(arguments.json, orient="records", indent=1)
    sys.exit(0 if all(holds for _, holds in targets) else 1)


if __name__ == "__main__":
    main()
