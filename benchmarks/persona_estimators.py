"""The estimators against each other on the same columns: ``python -m benchmarks.persona_estimators``.

All read the tables through the same preparation, and are told the number of personas, but for
HDBSCAN, which finds its own. Nobody is told source families. Tables are the ten planted scenarios, and
small tables of labels only, with few columns: there a mixture of normal distributions has little to
go by. Calibration is the mean gap between membership and the share that is right, after matching
personas one to one. Defaults of the estimators were settled on other seeds (950 to 954).
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from benchmarks.planted import plant_users
from benchmarks.scenarios import SCENARIOS, plant_scenario
from segtool.personas.methods import METHODS, make_estimator

FIRST_SEED = 200
OWN_NUMBER = ("hdbscan",)
LABEL_TABLES = {"3 labels a kind": 9, "5 labels a kind": 15}


def draw_tables(seeds: int) -> Iterator[tuple[str, str, pd.DataFrame, np.ndarray, int]]:
    """Yield set, table, users, truth, number of personas."""
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        for name in SCENARIOS:
            found = plant_scenario(name, seed)
            yield "scenarios", name, found.users, found.persona, found.n_personas
        for name, n_columns in LABEL_TABLES.items():
            found = plant_users(1000, 3, n_columns, seed=seed, kinds="flag nominal ordered", strength=1.5)
            yield "labels", name, found.users, found.persona, 3


def measure(method: str, users: pd.DataFrame, truth: np.ndarray, n_personas: int) -> dict[str, float]:
    """Fit one estimator on one table."""
    asked = None if method in OWN_NUMBER else n_personas
    start = time.process_time()
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        model = make_estimator(method, n_personas=asked).fit(users)
    seconds = time.process_time() - start
    return {
        "ari": adjusted_rand_score(truth, model.labels_),
        "calibration_error": calibration_error(model.predict_proba(users), truth),
        "cpu_seconds": seconds,
    }


def calibration_error(member: np.ndarray, truth: np.ndarray) -> float:
    """Mean gap between membership and the share that is right, in ten bins."""
    best, sure = member.argmax(axis=1), member.max(axis=1)
    table = pd.crosstab(best, truth).reindex(range(member.shape[1]), fill_value=0).to_numpy()
    match = dict(zip(*linear_sum_assignment(-table), strict=True))
    right = np.array([match.get(persona, -1) for persona in best]) == truth
    bins = np.minimum((sure * 10).astype(int), 9)
    return float(
        sum(abs(right[bins == b].mean() - sure[bins == b].mean()) * np.mean(bins == b) for b in set(bins))
    )


def compare(seeds: int) -> pd.DataFrame:
    """Fit every estimator on every table; one row each."""
    rows = []
    for kind, table, users, truth, n_personas in draw_tables(seeds):
        for method in METHODS:
            found = measure(method, users, truth, n_personas)
            rows.append({"set": kind, "table": table, "method": method, **found})
    return pd.DataFrame(rows)


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per estimator."""
    runs = runs.assign(method=pd.Categorical(runs["method"], list(METHODS)))
    scenarios, labels = (runs[runs["set"] == kind] for kind in ("scenarios", "labels"))
    each = scenarios.groupby(["method", "table"], observed=True)["ari"].mean()
    by = scenarios.groupby("method", observed=True)
    return pd.DataFrame(
        {
            "ari_scenarios": by["ari"].mean(),
            "ari_worst_scenario": each.groupby("method", observed=True).min(),
            "ari_label_tables": labels.groupby("method", observed=True)["ari"].mean(),
            "calibration_error": by["calibration_error"].mean(),
            "cpu_seconds": by["cpu_seconds"].mean(),
        }
    ).reset_index()


def check_targets(table: pd.DataFrame) -> list[tuple[str, bool]]:
    """Say which promises hold."""
    by = table.set_index("method")
    ours, others = by.loc["latent class"], by.drop(index="latent class")
    return [
        (
            f"latent class: mean ARI {ours['ari_scenarios']:.3f} on the scenarios is above the best other's "
            f"({others['ari_scenarios'].max():.3f})",
            bool(ours["ari_scenarios"] > others["ari_scenarios"].max()),
        ),
        (
            f"latent class: mean ARI {ours['ari_label_tables']:.3f} on label tables is at least the best "
            f"other's ({others['ari_label_tables'].max():.3f}) less 0.02",
            bool(ours["ari_label_tables"] >= others["ari_label_tables"].max() - 0.02),
        ),
    ]


def main() -> None:
    """Run the comparison, print the table and what of the promises holds; exit 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one seed")
    said = parser.parse_args()
    plant = plant_users(300, 2, 6)
    for method in METHODS:
        measure(method, plant.users, plant.persona, 2)  # what is imported at first use is nobody's time
    runs = compare(1 if said.quick else said.seeds)
    print(runs.pivot_table(index="table", columns="method", values="ari").round(2).to_string())
    table = summarise(runs)
    print(f"\n{len(runs) // len(METHODS)} tables, seeds from {FIRST_SEED}")
    print(table.round(3).to_string(index=False))
    targets = check_targets(table)
    for promise, holds in targets:
        print(f"{'MET' if holds else 'MISSED'}: {promise}")
    sys.exit(0 if all(holds for _, holds in targets) else 1)


if __name__ == "__main__":
    main()
