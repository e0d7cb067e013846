"""A million users by 5,000 items: ``python -m benchmarks.item_scale``.

About 11.5 million user-item pairs are planted and written to Parquet by one process; another reads
them through the engine, fits every signal twice (before the validation window and at the study's
date), chooses the weights, and ranks items for 10,000 users, on one thread. Fitting is what is
promised: everything from the events in Parquet to the ranking that is ready to be asked.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

N_ITEMS, N_TOPICS, N_PERSONAS = 5000, 40, 8
EVENTS_PER_USER = 11.5
MAX_SECONDS, MAX_PEAK_MB = 60, 4000


def plant(folder: Path, n_users: int, seed: int) -> None:
    """Write events of users whose personas like different topics, item popularity falling as 1/rank."""
    import pyarrow as pa
    from pyarrow import parquet

    rng = np.random.default_rng(seed)
    persona = rng.integers(0, N_PERSONAS, n_users)
    topic = rng.integers(0, N_TOPICS, N_ITEMS)
    popular = 1 / (np.arange(N_ITEMS) + 20) ** 0.8
    likes = np.exp(rng.normal(0, 1, (N_PERSONAS, N_TOPICS)))
    parts = []
    for p in range(N_PERSONAS):
        users = np.flatnonzero(persona == p)
        length = np.minimum(rng.poisson(rng.gamma(1.5, EVENTS_PER_USER / 1.5, len(users))), 200)
        share = np.cumsum(popular * likes[p, topic])
        items = np.searchsorted(share / share[-1], rng.random(int(length.sum())))
        parts.append((np.repeat(users, length), np.minimum(items, N_ITEMS - 1)))
    user, item = (np.concatenate(x) for x in zip(*parts, strict=True))
    n = len(user)
    events = pa.table(
        {
            "user_id": pa.array(np.char.add("u", np.char.zfill(user.astype(str), 7))),
            "item_id": pa.array(np.char.add("i", np.char.zfill(item.astype(str), 4))),
            "event": pa.array(np.full(n, "like")),
            "age_days": pa.array(rng.uniform(0, 180, n)),
        }
    )
    parquet.write_table(events, folder / "events.parquet")
    content = pa.table(
        {"item_id": [f"i{i:04d}" for i in range(N_ITEMS)], "topic": [f"t{t:02d}" for t in topic]}
    )
    parquet.write_table(content, folder / "content.parquet")
    np.save(folder / "persona.npy", persona)


def measure(folder: Path) -> dict:
    """Fit and rank, and say what each took in this process."""
    from segtool.engines.duckdb_engine import DuckDBEngine
    from segtool.targeting.counts import sql_users
    from segtool.targeting.items.plan_items import plan_items
    from segtool.targeting.members import Members

    persona = np.load(folder / "persona.npy")
    wall, cpu = time.perf_counter(), time.process_time()
    engine = DuckDBEngine(memory_limit="2GB", threads=1)
    engine.register("events", str(folder / "events.parquet"))
    engine.register("content", str(folder / "content.parquet"))
    engine.create("user_index", "SELECT DISTINCT user_id FROM events")
    sources = SimpleNamespace(engine=engine, tables=("events", "content"))
    users = sql_users(engine)
    own = persona[np.array([user[1:] for user in users], dtype=int)]
    names = tuple(f"p{i}" for i in range(N_PERSONAS))
    members = Members(np.eye(N_PERSONAS)[own], tuple(range(N_PERSONAS)), names, own)
    plan = plan_items(sources, members, users)
    fitted = {"fit_s": time.perf_counter() - wall, "fit_cpu_s": time.process_time() - cpu}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    listed = plan.for_users(users[:10_000], 10)
    seconds = time.perf_counter() - start
    weights = plan.weights
    return {
        **fitted,
        "peak_mb": peak,
        "pairs": int(plan.ranker.history.seen.nnz),
        "items": int(plan.ranker.history.seen.shape[1]),
        "rank_10k_users_s": seconds,
        "listed": len(listed),
        "gain_lo": float(weights["gain_lo"].min()),
    }


def run_once(n_users: int, seed: int) -> dict:
    """Plant in one process and measure in another."""
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.item_scale", "--users", str(n_users), "--seed", str(seed)]
    with tempfile.TemporaryDirectory() as folder:
        for part in ("--plant", "--measure"):
            done = subprocess.run(
                [*command, part, folder],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
                env={**os.environ, **threads},
            )
    return json.loads(done.stdout.splitlines()[-1])


def check_targets(run: dict) -> list[tuple[str, bool]]:
    """Compare the run with what was promised."""
    return [
        (
            f"fitted under {MAX_SECONDS} s of CPU: {run['fit_cpu_s']:.1f} (by the clock {run['fit_s']:.1f})",
            run["fit_cpu_s"] < MAX_SECONDS,
        ),
        (f"under {MAX_PEAK_MB:,} MB: {run['peak_mb']:,.0f}", run["peak_mb"] < MAX_PEAK_MB),
        (f"ten items for each of 10,000 users: {run['listed']:,}", run["listed"] == 100_000),
        (f"no weights that rank below popularity: gain from {run['gain_lo']:+.4f}", run["gain_lo"] >= 0),
    ]


def main() -> None:
    """Run, print the figures and what of the promises holds; exit 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20,000 users")
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--plant", help=argparse.SUPPRESS)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.plant:
        plant(Path(arguments.plant), arguments.users, arguments.seed)
        return
    if arguments.measure:
        print(json.dumps(measure(Path(arguments.measure))))
        return
    n_users = 20_000 if arguments.quick else arguments.users
    run = run_once(n_users, arguments.seed)
    print(f"{n_users:,} users, {run['items']:,} items, {run['pairs']:,} pairs of a user and an item")
    print("\n".join(f"{name:18} {value:,.1f}" for name, value in run.items()))
    targets = check_targets(run)
    for promise, holds in targets:
        print(f"{'MET' if holds else 'MISSED'}: {promise}")
    sys.exit(0 if all(holds for _, holds in targets) else 1)


if __name__ == "__main__":
    main()
