"""Do the same personas come back? ``python -m benchmarks.persona_stability``.

Pairs of subsamples of 80 % of the users are clustered apart, by segtool and by StepMix on the same
preparation, and compared on the users they share (adjusted Rand index). The number of personas is
the number of classes. Sets: four real ones and two planted scenarios.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.persona_real import OURS, cluster
from benchmarks.real_sets import WheelMissing, load
from benchmarks.scenarios import plant_scenario

PEER = "StepMix 5, prepared"
REAL = ("dermatology", "heart", "credit", "votes")
PLANTED = ("missing", "activity")
SHARE = 0.8
FIRST_SEED = 300  # not a seed on which anything was chosen
MIN_STABILITY, MIN_LEAD = 0.93, 0.10


def get_table(name: str, seed: int) -> tuple[pd.DataFrame, int]:
    """Return the users of a set and how many personas to find."""
    if name in PLANTED:
        scenario = plant_scenario(name, seed)
        return scenario.users, scenario.n_personas
    table = load(name)
    return table.users, table.n_classes


def find_again(method: str, users: pd.DataFrame, n_personas: int, seed: int) -> float:
    """Cluster two subsamples and compare them on the users in both."""
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng([seed, 80])
    n_kept = round(SHARE * len(users))
    found = []
    for half in range(2):
        rows = np.sort(rng.permutation(len(users))[:n_kept])
        labels = cluster(method, users.iloc[rows].reset_index(drop=True), n_personas, 2 * seed + half)
        found.append(pd.Series(labels, index=rows))
    both = found[0].index.intersection(found[1].index)
    return float(adjusted_rand_score(found[0][both], found[1][both]))


def compare(methods: Sequence[str], sets: Sequence[str], seeds: Sequence[int]) -> pd.DataFrame:
    """Return mean agreement, one row per method and one column per set, and the mean over sets."""
    warnings.simplefilter("ignore")
    rows = []
    for name in sets:
        for seed in seeds:
            users, n_personas = get_table(name, seed)
            rows += [(method, name, find_again(method, users, n_personas, seed)) for method in methods]
            print(
                name, seed, *(f"{row[2]:.3f}" for row in rows[-len(methods) :]), file=sys.stderr, flush=True
            )
    runs = pd.DataFrame(rows, columns=["method", "set", "ari"])
    table = runs.pivot_table(index="method", columns="set", values="ari", sort=False)
    return table.assign(mean=table.mean(axis=1))


def check_targets(table: pd.DataFrame) -> list[tuple[str, bool]]:
    """Compare the means with what was promised."""
    ours, peer = table.loc[OURS, "mean"], table.loc[PEER, "mean"]
    return [
        (f"stability {ours:.3f}, at least {MIN_STABILITY}", bool(ours >= MIN_STABILITY)),
        (f"{ours - peer:+.3f} from {PEER}, at least {MIN_LEAD:+.2f}", bool(ours - peer >= MIN_LEAD)),
    ]


def main() -> None:
    """Run the comparison, print the table and what of the promises holds; exit 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two sets, one pair")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--only", nargs="*", choices=[OURS, PEER])
    arguments = parser.parse_args()
    sets = ("votes", "missing") if arguments.quick else REAL + PLANTED
    n_pairs = 1 if arguments.quick else arguments.pairs
    seeds = range(arguments.first_seed, arguments.first_seed + n_pairs)
    try:
        table = compare(arguments.only or [OURS, PEER], sets, seeds)
    except WheelMissing as missing:
        print(f"NOT MEASURED: {missing}")
        sys.exit(2)
    print(f"{n_pairs} pairs of subsamples per set")
    print(table.round(3).to_string())
    targets = [] if arguments.only else check_targets(table)
    for promise, holds in targets:
        print(f"{'MET' if holds else 'MISSED'}: {promise}")
    sys.exit(0 if all(holds for _, holds in targets) else 1)


if __name__ == "__main__":
    main()
