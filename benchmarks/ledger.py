"""A million users, forty labels, each claim with its evidence as text, in one run.

Run ``python -m benchmarks.ledger [--events 20_000_000] [--users 1_000_000] [--rounds 1]``.

Variants, each in a process of its own:

scan     a bare scan of the columns the labels need
ledger   the built-in catalogue and a few labels more, to forty: measures, values, confidences, and the
         whole claims ledger (evidence as text) sorted and written to Parquet, in eight
         files, in an engine of 3 GB
pandas   label_step_pandas.py: the 32 built-in labels' values alone, no confidence and no evidence

The promise: the ledger's process stays under 4 GB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.label_data import AS_OF, make_tables
from benchmarks.label_step import ZONE, compile_for, cpu_seconds, open_engine, prepare_duckdb

VARIANTS = ("scan", "ledger", "pandas")
N_LABELS, N_FILES, MAX_MB = 40, 8, 4_000
MORE = """
[labels.{name}]
facet = "activity"
values = ["none", "some", "many"]
[[labels.{name}.claims]]
bands = {{of = "{of}", edges = [1, {edge}]}}
"""
BANDS = {
    "looks": ("looks_90d", 20), "events_month": ("events_30d", 10), "events_quarter": ("events_90d", 30),
    "viewing": ("views_180d", 30), "sharing_half_year": ("shares_180d", 3), "carts": ("carts_180d", 5),
    "searching": ("searches_180d", 10), "days_here": ("active_days_90d", 20), "reviews": ("reviews_365d", 3),
    "inviting": ("invites_180d", 3),
}  # fmt: skip


def catalog():
    """Return the built-in catalogue with bands of ten of its measures."""
    from segtool.labels import Catalog, builtin_catalog

    base = builtin_catalog()
    text = "".join(MORE.format(name=name, of=of, edge=edge) for name, (of, edge) in BANDS.items())
    labels = Catalog.from_toml(text + _measures(base)).labels
    return base + Catalog(base.measures, labels)


def _measures(base) -> str:
    """Return the measures the bands need as text, so that the file stands alone."""
    lines = []
    for of, _ in BANDS.values():
        measure = base.measures[of]
        where = "" if measure.where is None else f"where = {json.dumps(measure.where)}\n"
        lines.append(
            f'[measures.{of}]\nfrom = "{measure.table}"\nsql = {json.dumps(measure.sql)}\n{where}no_rows = 0\n'
        )
    return "\n".join(lines)


def main() -> None:
    """Run all variants and print the table, or run one variant in this process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--worker", choices=VARIANTS, help=argparse.SUPPRESS)
    said = parser.parse_args()
    paths = make_tables(said.events, said.users)
    if said.worker:
        print(json.dumps(measure(said.worker, paths)))
        return
    print(f"{said.events:,} events, {said.users:,} users, best of {said.rounds} rounds", flush=True)
    print(f"{'variant':10}{'wall s':>9}{'cpu s':>9}{'peak MB':>10}  result", flush=True)
    found = {}
    for variant in VARIANTS:
        runs = [run(variant, said.events, said.users) for _ in range(said.rounds)]
        found[variant] = best = min(runs, key=lambda each: each["cpu"])
        print(
            f"{variant:10}{best['wall']:9.1f}{best['cpu']:9.1f}{best['mb']:10,.0f}  {best['result']}",
            flush=True,
        )
    is_met = found["ledger"]["mb"] < MAX_MB
    print(f"ledger under {MAX_MB:,} MB: {'MET' if is_met else 'MISSED'}")
    sys.exit(0 if is_met else 1)


def run(variant: str, n_events: int, n_users: int) -> dict:
    """Run one variant in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.ledger", "--worker", variant]
    command += ["--events", str(n_events), "--users", str(n_users)]
    return json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    )


def measure(variant: str, paths: dict[str, Path]) -> dict:
    """Run one variant in this process; return seconds, megabytes and what came of it."""
    work = {"scan": scan, "ledger": write_ledger, "pandas": label_pandas}[variant](paths)
    wall, cpu = time.perf_counter(), cpu_seconds()
    result = work()
    spent = {"wall": time.perf_counter() - wall, "cpu": cpu_seconds() - cpu}
    return {**spent, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "result": result}


def scan(paths):
    """Return a bare scan."""
    work = prepare_duckdb("scan", paths)
    return lambda: f"{len(work())} row"


def write_ledger(paths):
    """Return labelling and writing of every claim, evidence included."""
    from segtool.labels import run_labels

    engine = open_engine(paths, memory_limit="3GB")
    labels = catalog()
    cuts = engine.query(
        f"SELECT min(user_id) AS low FROM (SELECT user_id, ntile({N_FILES}) OVER (ORDER BY user_id) AS part"
        " FROM user_index) AS parts GROUP BY part ORDER BY low"
    )["low"].tolist()
    ranges = list(zip(cuts, [*cuts[1:], None], strict=True))

    def work() -> str:
        compiled = compile_for(engine, labels)
        kept = list(compiled.labels)[:N_LABELS]
        compiled = compile_for(engine, labels.only([label.name for label in kept]))
        run_labels(compiled, engine)
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / f"claims_{number}.parquet" for number in range(N_FILES)]
            # Files of users in order: sorting so many texts at once takes more memory than there is.
            where = [
                f"WHERE user_id >= '{low}'" + (f" AND user_id < '{high}'" if high else "")
                for low, high in ranges
            ]
            order = "ORDER BY user_id, label, value, source, claim"
            parts = zip(where, paths, strict=True)
            rows = sum(
                engine.write(f"SELECT * FROM claims {each} {order}", path, "parquet") for each, path in parts
            )
            size = sum(path.stat().st_size for path in paths) / 2**20
            return f"{len(compiled.labels)} labels, {rows:,} claims, {size:,.0f} MB of Parquet"

    return work


def label_pandas(paths):
    """Return the same in pandas, values alone."""
    from benchmarks.label_step_pandas import label

    return lambda: f"{label(paths, AS_OF, ZONE).shape[1]} columns"


if __name__ == "__main__":
    main()
