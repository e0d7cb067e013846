"""The label step beside its peers: the built-in catalogue over events and users in Parquet.

Run ``python -m benchmarks.label_step [--events 10_000_000] [--users 500_000] [--rounds 3]``.

Variants, each in a process of its own, in turns, medians over the rounds:

scan        a bare scan of the columns the labels need
segtool     the built-in catalogue: measures, values, and a confidence for each value
values      the same without estimated confidences: what the two below compute
idiomatic   label_step_idiomatic.sql, written as an analyst would: one CTE per kind of label, joined
pandas      label_step_pandas.py, groupby and merge

All but the scan must give the same measures and the same labels to every user; the run fails
otherwise. Time is wall and CPU (user and system) from the first statement to the last, without
imports and without making ``user_index``, which reading the sources does; memory is the peak
resident set of the process. On a busy machine only the ratios mean something.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.label_data import AS_OF, CACHE, make_tables

VARIANTS = ("scan", "segtool", "values", "idiomatic", "pandas")
ZONE = "Asia/Shanghai"
TARGETS = {"idiomatic": 0.7, "pandas": 0.5}
MAX_MB = 2_000
FULL_SIZE = 10_000_000  # what the promises are about; below it the fixed costs of many steps show
IDIOMATIC = Path(__file__).with_name("label_step_idiomatic.sql")
MANY = ("interest", "buys", "tired_of")


def main() -> None:
    """Run all variants and print the table, or run one variant in this process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--users", type=int, default=None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--worker", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument("--save", help=argparse.SUPPRESS)
    said = parser.parse_args()
    n_users = said.users or said.events // 20
    if said.worker:
        print(json.dumps(measure(said.worker, make_tables(said.events, n_users), said.save)))
        return
    make_tables(said.events, n_users)
    runs = run_all(said.variants, said.events, n_users, said.rounds)
    promises_hold = print_table(runs, said.events, n_users)
    sys.exit(0 if compare_results(said.variants, said.events) and promises_hold else 1)


def run_all(variants: list[str], n_events: int, n_users: int, rounds: int) -> dict[str, list[dict]]:
    """Run every variant in turns, so that a busy minute hits all of them."""
    runs: dict[str, list[dict]] = {variant: [] for variant in variants}
    for number in range(rounds):
        for variant in variants:
            command = [sys.executable, "-m", "benchmarks.label_step", "--worker", variant]
            command += ["--events", str(n_events), "--users", str(n_users)]
            if number == 0 and variant != "scan":
                command += ["--save", str(result_path(variant, n_events))]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            runs[variant].append(json.loads(done.stdout.splitlines()[-1]))
            print(f"round {number + 1} {variant}: {runs[variant][-1]}", file=sys.stderr, flush=True)
    return runs


def result_path(variant: str, n_events: int) -> Path:
    """Return where a variant leaves its result for comparison."""
    return CACHE / f"result_{n_events}_{variant}.parquet"


def measure(variant: str, paths: dict[str, Path], save: str | None) -> dict[str, float]:
    """Run one variant in this process; return seconds and megabytes."""
    work = {"pandas": prepare_pandas}.get(variant, prepare_duckdb)(variant, paths)
    wall, cpu = time.perf_counter(), cpu_seconds()
    result = work()
    spent = {"wall": time.perf_counter() - wall, "cpu": cpu_seconds() - cpu}
    spent["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if save:
        save_result(result, Path(save))
    return {name: round(value, 2) for name, value in spent.items()}


def cpu_seconds() -> float:
    """Return user and system seconds of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def prepare_pandas(variant: str, paths: dict[str, Path]):
    """Return the pandas version as a function without arguments."""
    from benchmarks.label_step_pandas import label

    return lambda: label(paths, AS_OF, ZONE)


def prepare_duckdb(variant: str, paths: dict[str, Path]):
    """Open an engine on the tables; return the work to do."""
    from segtool.labels import builtin_catalog, run_labels

    engine = open_engine(paths)
    if variant == "scan":
        sql = (
            "SELECT count(user_id), max(age_days), max(event), max(topic), max(channel), max(brand_tier),"
            " sum(amount), max(local_hour), max(local_weekday) FROM events"
        )
        return lambda: engine.query(sql)
    if variant == "idiomatic":
        return lambda: (engine.execute(IDIOMATIC.read_text()), engine)[1]

    def work():
        run_labels(compile_for(engine, builtin_catalog(), estimate=variant == "segtool"), engine)
        return engine

    return work


def open_engine(paths: dict[str, Path], **options):
    """Open an engine on the tables, with what `Sources` derives from times, and every user once."""
    import pandas as pd

    from segtool.engines import DuckDBEngine

    engine = DuckDBEngine(**options)
    between = (pd.Timestamp("2020-01-01"), pd.Timestamp(AS_OF))
    micros = pd.Timestamp(AS_OF, tz="UTC").value // 1000
    for table, column in (("events", "event_time"), ("users", "joined_at")):
        engine.register(f"base_{table}", paths[table])
        local = engine.local_time(f"t.{column}", ZONE, between)
        engine.create(
            table,
            f"SELECT t.*, ({micros} - epoch_us(t.{column})) / 8.64e10 AS age_days,"
            f" CAST({local} AS DATE) AS local_date, CAST(hour({local}) AS INTEGER) AS local_hour,"
            f" CAST(isodow({local}) AS INTEGER) AS local_weekday FROM base_{table} AS t",
            lazy=True,
        )
    engine.create("user_index", "SELECT user_id FROM base_users UNION SELECT user_id FROM base_events")
    return engine


def compile_for(engine, catalog, *, estimate: bool = True):
    """Compile a catalogue for the tables and the event words that are there."""
    from segtool.labels import compile_labels

    words = set(engine.query("SELECT DISTINCT event FROM events ORDER BY event")["event"])
    schemas = {table: engine.columns(table) for table in ("events", "users")}
    return compile_labels(catalog, schemas, words={"events.event": words}, estimate=estimate)


def save_result(result, path: Path) -> None:
    """Write one row per user: measures, single-valued labels, many-valued labels as texts."""
    import pandas as pd

    if isinstance(result, pd.DataFrame):
        result.to_parquet(path, index=False)
        return
    if "labels_idiomatic" in result.tables():
        lists = ", ".join(f"array_to_string({name}, ',') AS {name}" for name in MANY)
        sql = f"SELECT * REPLACE ({lists}) FROM labels_idiomatic"
    else:
        measures = [name for name in result.columns("measures") if name != "user_id"]
        values = [name for name in result.columns("label_values") if not name.endswith("__confidence")]
        # a measure and a label may share a name; the label is called name_label here
        picks = [f"m.{name}" for name in measures]
        picks += [
            f"l.{name} AS {name}_label" if name in measures else f"l.{name}"
            for name in values
            if name != "user_id"
        ]
        picks += [f"{name}.listed AS {name}" for name in MANY]
        joins = "".join(
            f" LEFT JOIN (SELECT user_id, string_agg(value, ',' ORDER BY value) AS listed FROM label_many"
            f" WHERE label = '{name}' GROUP BY user_id) AS {name} USING (user_id)"
            for name in MANY
        )
        sql = f"SELECT user_id, {', '.join(picks)} FROM measures AS m JOIN label_values AS l USING (user_id){joins}"
    result.write(f"{sql} ORDER BY user_id", path, "parquet")


def print_table(runs: dict[str, list[dict]], n_events: int, n_users: int) -> bool:
    """Print medians and how they compare with segtool; return whether the promises hold."""
    medians = {
        variant: {key: statistics.median(run[key] for run in found) for key in ("wall", "cpu", "rss_mb")}
        for variant, found in runs.items()
    }
    print(f"{n_events:,} events, {n_users:,} users, medians of {len(next(iter(runs.values())))} rounds")
    print(f"{'variant':12}{'wall s':>9}{'cpu s':>9}{'peak MB':>10}")
    for variant, row in medians.items():
        print(f"{variant:12}{row['wall']:9.1f}{row['cpu']:9.1f}{row['rss_mb']:10,.0f}")
    met = []
    for peer, target in TARGETS.items():
        # "values" computes the peers' columns; "segtool" has a confidence beside each, shown for honesty
        for mine in ("values", "segtool"):
            if mine in medians and peer in medians:
                ratio = {key: medians[mine][key] / medians[peer][key] for key in ("wall", "cpu")}
                text = f"{mine} / {peer}: wall {ratio['wall']:.2f}, cpu {ratio['cpu']:.2f}"
                if mine == "values" and n_events >= FULL_SIZE:
                    met.append(ratio["cpu"] <= target)
                    text += f" (at most {target} of its CPU: {'MET' if met[-1] else 'MISSED'})"
                print(text)
    for mine in ("values", "segtool"):
        if mine in medians and n_events == FULL_SIZE:
            met.append(medians[mine]["rss_mb"] < MAX_MB)
            print(f"{mine}: peak under {MAX_MB:,} MB: {'MET' if met[-1] else 'MISSED'}")
    return all(met)


def compare_results(variants: list[str], n_events: int) -> bool:
    """Compare every column with segtool's, user by user; say what differs."""
    import duckdb

    peers = [variant for variant in variants if variant not in ("scan", "segtool")]
    if "segtool" not in variants or not peers:
        return True
    are_equal = True
    for peer in peers:
        mine, theirs = (f"read_parquet('{result_path(name, n_events)}')" for name in ("segtool", peer))
        kinds = {row[0]: row[1] for row in duckdb.sql(f"DESCRIBE SELECT * FROM {mine}").fetchall()}
        there = {row[0] for row in duckdb.sql(f"DESCRIBE SELECT * FROM {theirs}").fetchall()}
        lacking = sorted(set(kinds) - there)
        tests = ", ".join(
            f'count(*) FILTER (WHERE {_differs(name, kinds[name])}) AS "{name}"'
            for name in kinds
            if name in there
        )
        row = (
            duckdb.sql(f"SELECT {tests} FROM {mine} AS a FULL JOIN {theirs} AS b USING (user_id)")
            .df()
            .iloc[0]
        )
        wrong = {name: int(count) for name, count in row.items() if count}
        print(f"{peer}: {len(row) - len(wrong)} of {len(kinds)} columns equal for every user", end="")
        print(f"; different: {wrong}; missing: {lacking}" if wrong or lacking else "")
        are_equal &= not wrong and not lacking
    return are_equal


def _differs(name: str, kind: str) -> str:
    mine, theirs = f'a."{name}"', f'b."{name}"'
    if kind == "VARCHAR":
        return f"{mine} IS DISTINCT FROM {theirs}"
    close = f"abs({mine} - {theirs}) > 0.0000015 + 0.000000001 * abs({mine})"
    return f"({mine} IS NULL) <> ({theirs} IS NULL) OR {close}"


if __name__ == "__main__":
    main()
