"""A million users placed in SQL: ``python -m benchmarks.persona_scoring``.

A model of eight personas on 50 labels of every kind is fitted on 20,000 planted users and compiled to
one statement. DuckDB runs it over a Parquet file of a million other users of the same personas;
`predict_proba` reads the same file in batches. A second pair does the same from the ledger, one row
per user and label, with `Personas.assign` beside it. Each run has a process of its own; memory is the
process's peak. Every membership of every user is compared.

The promise is about CPU seconds of both threads together, which on an idle machine are more than the
seconds on the clock; on a busy one the clock measures the others.
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

import numpy as np
import pandas as pd

N_PERSONAS, N_LABELS = 8, 50
N_FIT, CHUNK = 20_000, 100_000
MIXED = "number amount count flag nominal ordered"
LEDGER = "flag nominal ordered"
MOST_SECONDS = 60.0
MOST_MB = 4096
MOST_APART = 1e-6
NAMES = {
    "wide": "SQL, one row per user",
    "predict_proba": "predict_proba, batches",
    "ledger": "SQL, from the ledger",
    "assign": "assign, batches",
}
PAIRS = (("wide", "predict_proba"), ("ledger", "assign"))


def draw(n: int, kinds: str, seed: int) -> pd.DataFrame:
    """Draw users of the same personas, whatever the seed."""
    from benchmarks.planted import plant_users

    return plant_users(n, N_PERSONAS, N_LABELS, seed=seed, noise=0.0, kinds=kinds, persona_seed=1).users


def prepare_data(folder: Path, n_users: int, seed: int) -> None:
    """Write the users, the models and the statements; nothing of it is timed."""
    import duckdb

    from segtool.personas import LatentClassPersonas, find_personas
    from segtool.personas.scoring import compile_persona_scoring, compile_scoring

    for name, kinds in (("mixed", MIXED), ("labels", LEDGER)):
        (folder / name).mkdir()
        for start in range(0, n_users, CHUNK):
            n = min(CHUNK, n_users - start)
            users = draw(n, kinds, seed * 1000 + start // CHUNK)
            users.insert(0, "user_id", [f"u{i:08d}" for i in range(start, start + n)])
            for column in users.select_dtypes("category"):
                users[column] = users[column].astype(object)
            users.to_parquet(folder / name / f"{start:09d}.parquet", index=False)
    model = LatentClassPersonas(N_PERSONAS, random_state=0).fit(draw(N_FIT, MIXED, seed * 1000 + 999))
    model.save(folder / "model.json")
    (folder / "wide.sql").write_text(compile_scoring(model, table="users"))
    labels = draw(N_FIT, LEDGER, seed * 1000 + 998)
    labels.index = pd.Index([f"f{i:06d}" for i in range(N_FIT)], name="user_id")
    personas = find_personas(labels, n_personas=N_PERSONAS, random_state=0)
    personas.save(folder / "personas.json")
    sql = compile_persona_scoring(personas, table="ledger", layout="long", keep="all")
    (folder / "ledger.sql").write_text(sql)
    with duckdb.connect() as connection:
        connection.sql(_ledger_sql(folder, list(labels)))


def _ledger_sql(folder: Path, labels: list[str]) -> str:
    """Return SQL that turns one row per user into one per user and label; unknown cells give no row."""
    texts = ", ".join(
        f"CASE {c} WHEN TRUE THEN 'yes' WHEN FALSE THEN 'no' END AS {c}" if c.startswith("flag") else c
        for c in labels
    )
    return (
        f"COPY (SELECT *, 1e0 AS confidence, 'behaviour' AS source FROM (UNPIVOT (SELECT user_id, {texts} FROM "
        f"'{folder}/labels/*.parquet') ON {', '.join(labels)} INTO NAME label VALUE value)) "
        f"TO '{folder}/ledger.parquet'"
    )


def run_sql(folder: Path, name: str) -> None:
    """Run a compiled statement over the Parquet files and write what it gives."""
    import duckdb

    source = f"{folder}/mixed/*.parquet" if name == "wide" else f"{folder}/ledger.parquet"
    with duckdb.connect(config={"threads": 2, "memory_limit": "4GB"}) as connection:
        connection.sql(f"CREATE VIEW {'users' if name == 'wide' else 'ledger'} AS FROM '{source}'")
        connection.sql(f"COPY ({(folder / f'{name}.sql').read_text()}) TO '{folder}/{name}.parquet'")


def run_predict_proba(folder: Path, name: str) -> None:
    """Run the estimator over the same files, a hundred thousand users at a time."""
    from segtool.personas import LatentClassPersonas

    model = LatentClassPersonas.load(folder / "model.json")
    found = []
    for path in sorted((folder / "mixed").iterdir()):
        users = pd.read_parquet(path).drop(columns="user_id")
        found.append(model.predict_proba(users))
    np.save(folder / f"{name}.npy", np.concatenate(found))


def run_assign(folder: Path, name: str) -> None:
    """Run `Personas.assign`'s own steps over the wide form of the same labels."""
    from segtool.personas import Personas
    from segtool.personas.label_table import LabelTable
    from segtool.personas.membership import predict_memberships

    personas = Personas.load(folder / "personas.json")
    found = []
    for path in sorted((folder / "labels").iterdir()):
        table = LabelTable.read(pd.read_parquet(path))
        found.append(predict_memberships(personas.model, personas.encoding, table))
    np.save(folder / f"{name}.npy", np.concatenate(found))


RUNS = {"wide": run_sql, "ledger": run_sql, "predict_proba": run_predict_proba, "assign": run_assign}


def measure(folder: Path, name: str) -> dict:
    """Run one of them in a process of its own; return wall and CPU seconds and peak memory."""
    start = time.perf_counter()
    said = run_worker(name, folder)
    return {"run": NAMES[name], "wall_s": time.perf_counter() - start, **json.loads(said.splitlines()[-1])}


def run_worker(name: str, folder: Path, *options: str) -> str:
    """Run this file in a process of its own and return what it printed."""
    command = [sys.executable, "-m", "benchmarks.persona_scoring", "--worker", name, "--folder", str(folder)]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([*command, *options], check=True, stdout=subprocess.PIPE, text=True, env=env).stdout


def work(folder: Path, name: str, n_users: int, seed: int) -> None:
    """Do one run in this process and print what it took."""
    if name == "prepare":
        prepare_data(folder, n_users, seed)
        return
    RUNS[name](folder, name)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"cpu_s": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}))


def compare(folder: Path, sql: str, python: str) -> tuple[int, float]:
    """Return how many users were compared and how far the two are apart at most."""
    found = pd.read_parquet(folder / f"{sql}.parquet").sort_values("user_id", ignore_index=True)
    wanted = np.load(folder / f"{python}.npy")
    if sql == "ledger":  # a user of whom nothing at all is known has no row there
        wanted = wanted[found["user_id"].str[1:].astype(int).to_numpy()]
    apart = np.abs(found[[f"p_{i + 1}" for i in range(N_PERSONAS)]].to_numpy() - wanted).max()
    same = (found["persona_id"].to_numpy() == wanted.argmax(axis=1) + 1) | (
        np.diff(np.sort(wanted, axis=1)[:, -2:], axis=1).ravel() < 1e-9
    )
    return len(found), float(apart) if same.all() else float("inf")


def main() -> None:
    """Print what each run took and whether the promises hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="50,000 users")
    parser.add_argument("--worker", choices=[*RUNS, "prepare"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.folder, arguments.worker, arguments.users, arguments.seed)
        return
    n_users = 50_000 if arguments.quick else arguments.users
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # a child's peak memory starts from its parent's: the parent stays small
        run_worker("prepare", folder, "--users", str(n_users), "--seed", str(arguments.seed))
        table = pd.DataFrame([measure(folder, run) for pair in PAIRS for run in pair])
        compared = {sql: compare(folder, sql, python) for sql, python in PAIRS}
        print(f"{n_users:,} users, {N_LABELS} labels, {N_PERSONAS} personas, seed {arguments.seed}")
        print(table.round(1).to_string(index=False))
    promises = []
    for row, (sql, python) in zip(table.iloc[::2].itertuples(), PAIRS, strict=True):
        n, apart = compared[sql]
        promises += [
            (f"{row.run}: {row.cpu_s:.1f} s of CPU, promised under {MOST_SECONDS:.0f}", row.cpu_s < MOST_SECONDS),
            (f"{row.run}: {row.peak_mb:.0f} MB, promised under {MOST_MB}", row.peak_mb < MOST_MB),
            (f"{row.run}: at most {apart:.0e} from {python}, {n:,} users, promised {MOST_APART:.0e}", apart <= MOST_APART),
        ]  # fmt: skip
    for promise, holds in promises:
        print(f"{'MET' if holds else 'MISSED'}: {promise}")
    sys.exit(0 if all(holds for _, holds in promises) else 1)


if __name__ == "__main__":
    main()
