"""A send list for a million users and four weeks: ``python -m benchmarks.send_list``.

Users, topics, content, past sends, refusals and a holdout are generated; half of the users carry past
sends, so that every kind of window binds. Measured are the seconds from plain tables to a finished
list that passed its own check, the seconds to write it, peak memory, and what a second check of the
whole list finds. Each size has a process of its own and one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time

import numpy as np
import pandas as pd

N_TOPICS, N_ITEMS, PER_USER = 40, 5_000, 5
CHANNELS = np.array(["email", "app_push", "wecom_direct", "service_account", "sms"], dtype=object)
AS_OF = pd.Timestamp("2026-07-01", tz="UTC")
MOST_CPU_SECONDS, MOST_MB = 180, 4_000


def make_world(n_users: int, seed: int) -> dict:
    """Return plain tables as `make_schedule` takes them, the candidates as parts."""
    rng = np.random.default_rng(seed)
    ids = np.array([f"u{place:07d}" for place in range(n_users)], dtype=object)
    persona = rng.integers(1, 13, n_users)
    users = pd.DataFrame(
        {
            "user_id": ids, "persona_id": persona,
            "persona": np.array([f"persona {p}" for p in range(14)], dtype=object)[persona],
            "channel": CHANNELS[rng.integers(0, len(CHANNELS), n_users)],
            "weekly_cap": rng.choice([1.0, 2.0, 3.0, 4.0, np.nan], n_users),
            "daypart": rng.choice(["morning", "midday", "evening"], n_users),
            "zone": rng.choice(["UTC", "Asia/Shanghai", "America/New_York"], n_users, p=[0.9, 0.05, 0.05]),
            "ignored_in_a_row": rng.poisson(1.5, n_users), "gain": 0.1, "loss": 0.01, "fatigue": 0.1,
        }
    )  # fmt: skip
    users["gap_factor"] = np.where(users["ignored_in_a_row"] >= 3, 2.0, 1.0)
    out = AS_OF - pd.to_timedelta(rng.integers(-20, 400, N_ITEMS), unit="D")
    content = pd.DataFrame(
        {
            "item_id": [f"c{place:05d}" for place in range(N_ITEMS)],
            "topic": [f"t{place % N_TOPICS:02d}" for place in range(N_ITEMS)],
            "title": "a title of some words", "published_at": out,
        }
    )  # fmt: skip
    n_past, n_acted = 2 * n_users, 3 * n_users
    past = rng.integers(0, n_users // 2, n_past)
    history = pd.DataFrame(
        {
            "user_id": ids[past],
            "send_date": AS_OF.tz_localize(None) - pd.to_timedelta(rng.integers(1, 32, n_past), unit="D"),
            "channel": CHANNELS[rng.integers(0, len(CHANNELS), n_past)],
            "item_id": content["item_id"].to_numpy(dtype=object)[rng.integers(0, N_ITEMS, n_past)],
        }
    )  # fmt: skip
    acted = pd.DataFrame(
        {
            "user_id": ids[rng.integers(0, n_users, n_acted)],
            "item_id": content["item_id"].to_numpy(dtype=object)[rng.integers(0, N_ITEMS, n_acted)],
        }
    )
    return {
        "users": users, "candidates": parts_of(ids, rng), "content": content, "history": history, "acted": acted,
        "blocks": make_blocks(ids, rng), "holdout": pd.Series(rng.random(n_users) < 0.1, index=ids),
    }  # fmt: skip


def make_blocks(ids: np.ndarray, rng) -> pd.DataFrame:
    """Return refusals of one user in ten."""
    n = len(ids) // 10
    kind = rng.choice(["topic", "channel", "user"], n, p=[0.6, 0.3, 0.1])
    what = np.where(kind == "topic", rng.choice([f"t{t:02d}" for t in range(N_TOPICS)], n), "")
    what = np.where(kind == "channel", rng.choice([*CHANNELS, "everywhere"], n), what).astype(object)
    return pd.DataFrame(
        {
            "user_id": ids[rng.integers(0, len(ids), n)], "kind": kind, "what": what,
            "days_ago": np.where(kind == "user", rng.integers(0, 3, n), 10.0),
        }
    )  # fmt: skip


def parts_of(ids: np.ndarray, rng, step: int = 25_000) -> list[pd.DataFrame]:
    """Return each user's topics in parts, as a plan gives them; no user has a topic twice."""
    names = np.array([f"t{place:02d}" for place in range(N_TOPICS)], dtype=object)
    parts = []
    for start in range(0, len(ids), step):
        own = ids[start : start + step]
        topic = (rng.integers(0, N_TOPICS, len(own))[:, None] + np.arange(PER_USER) * 7) % N_TOPICS
        parts.append(
            pd.DataFrame(
                {
                    "user_id": np.repeat(own, PER_USER), "rank": np.tile(np.arange(1, PER_USER + 1), len(own)),
                    "topic": pd.Categorical.from_codes(topic.ravel(), names),
                    "estimate": np.sort(rng.gamma(4, 0.5, topic.shape), axis=1)[:, ::-1].ravel(), "level": "user",
                }
            )
        )  # fmt: skip
    return parts


def measure(n_users: int, seed: int) -> dict:
    """Run one size in this process."""
    from segtool.targeting.schedule.check import check_send_list
    from segtool.targeting.schedule.schedule import make_schedule

    world = make_world(n_users, seed)
    explore = pd.DataFrame(
        [(p, f"t{t:02d}", 1 / N_TOPICS) for p in range(1, 13) for t in range(N_TOPICS)],
        columns=["persona_id", "topic", "probability"],
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu, wall = time.process_time(), time.perf_counter()
    schedule = make_schedule(
        world["users"], world["candidates"], as_of=AS_OF, content=world["content"], history=world["history"],
        blocks=world["blocks"], acted=world["acted"], holdout=world["holdout"], explore=explore, random_state=seed,
        budget=6 * n_users,
    )  # fmt: skip
    seconds, cpu = time.perf_counter() - wall, time.process_time() - cpu
    wall = time.perf_counter()
    n_rows = sum(len(part) for part in schedule.send_batches())
    listed = time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    few = next(schedule.send_batches(50_000), None)
    kept = {
        name: world[name][world[name]["user_id"].isin(few["user_id"])]
        for name in ("history", "blocks", "acted")
    }
    again = check_send_list(
        few, world["users"], content=world["content"], holdout=world["holdout"], start=schedule.start, weeks=4,
        as_of=AS_OF, **kept,
    )  # fmt: skip
    accounted = len(schedule.left_out) + len(np.unique(schedule.sends.row))
    return {
        "n_users": n_users, "n_sends": n_rows, "explored": float(schedule.sends.explored.mean()), "seconds": seconds,
        "cpu_seconds": cpu, "listed_seconds": listed, "world_mb": before, "peak_mb": peak,
        "violations": len(schedule.violations) + len(again), "lost_users": n_users - accounted,
        "within_budget": n_rows <= 6 * n_users,
    }  # fmt: skip


def run_apart(n_users: int, seed: int) -> dict:
    """Run one size in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.send_list", "--one", str(n_users), "--seed", str(seed)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def check_targets(table: pd.DataFrame) -> list[tuple[str, bool]]:
    """Compare what was measured with what was promised."""
    largest = table.iloc[-1]
    size = f"{int(largest['n_users']):,} users x 4 weeks"
    most = MOST_CPU_SECONDS * largest["n_users"] / 1_000_000 + 5  # of importing what is needed
    return [
        (
            f"{size}: made and checked in {most:g} s of CPU ({largest['cpu_seconds']:.0f})",
            largest["cpu_seconds"] < most,
        ),
        (f"{size}: at most {MOST_MB:,} MB, the tables given included", largest["peak_mb"] < MOST_MB),
        ("no cap or block broken", bool((table["violations"] == 0).all())),
        ("every user is sent to or left out with a reason", bool((table["lost_users"] == 0).all())),
        ("the budget holds", bool(table["within_budget"].all())),
        ("drawn: 8 to 12 % of the sends", bool(table["explored"].between(0.08, 0.12).all())),
    ]


def main() -> None:
    """Measure, print the table and what of the promises holds; exit 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="50,000 users at most")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=1, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one, arguments.seed)))
        return
    sizes = (10_000, 50_000) if arguments.quick else (100_000, 1_000_000)
    table = pd.DataFrame([run_apart(size, 1) for size in sizes])
    print(table.to_string(index=False, float_format=lambda x: f"{x:,.2f}"))
    promises = check_targets(table)
    for promise, kept in promises:
        print(f"{'MET   ' if kept else 'MISSED'} {promise}")
    sys.exit(not all(kept for _, kept in promises))


if __name__ == "__main__":
    main()
