"""Topic affinity against known tastes, later behaviour and a clock: ``python -m benchmarks.topic_affinity``.

Intervals   personas of 3 to 100 users of unequal activity, in five worlds; how often the 90 % intervals
            of persona shares, persona lifts and user shares hold the truth, by size. Beside them: events
            counted as independent, and users as clusters with a z interval.
Later       held-out log-likelihood per event of everyone's shares, a user's own (Laplace), the user
            shrunk to everyone, and to the persona: the same worlds, and households of completejourney.
Half-life   worlds whose tastes stand still or drift: what the stated 60 days and the chosen half-life
            foretell of the days after, which neither has seen.
Heat        nothing rises, while the study grows and whole weeks are restless: how often any topic is
            called rising or falling in 200 runs; and how often a planted rise of 1.3 x is found.
Scale       1 million users, 40 topics, 12 million events, in a process of its own.

The thresholds in the code were set on other seeds (1000 to 5040) than those used here (0 on).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from itertools import pairwise

import numpy as np
import pandas as pd

from benchmarks.topic_worlds import SIZES, WORLDS, draw_world, plain_intervals, read_households
from segtool.targeting.topics.affinity import TopicAffinity

LOW, HIGH = 0.87, 0.93
SECONDS, GIGABYTES = 20, 3
FIRST = (5, 20, 100)


# -- intervals -------------------------------------------------------------------------------------


def run_intervals(n_seeds: int) -> pd.DataFrame:
    """Return coverage by method and size, mean over worlds, with the worst and best world."""
    rows = []
    for number, kind in enumerate(WORLDS):
        for copies in (1, 2):
            for seed in range(n_seeds):
                world = draw_world(seed * 10 + number, kind, copies)
                rows += [(number, copies, name, *held) for name, held in _coverage(world).items()]
    columns = ["world", "copies", "what", *SIZES]
    table = pd.DataFrame(rows, columns=columns).groupby(["what", "world", "copies"])[list(SIZES)].mean()
    by_what = table.groupby("what")
    found = by_what.mean()
    return found.assign(least=by_what.min().min(axis=1), most=by_what.max().max(axis=1))


def _coverage(world) -> dict[str, np.ndarray]:
    affinity = TopicAffinity.estimate(world.counts, world.members)
    truth = world.personas
    found = {name: _by_size(_held(*ends, truth)) for name, ends in plain_intervals(world).items()}
    found["persona shares"] = _by_size(_held(*affinity.groups.interval(0.9), truth))
    lift = truth / world.everyone
    found["persona lifts"] = _by_size(_held(*affinity.groups.lift_interval(0.9), lift))
    from scipy import special

    model = affinity.users()
    rows = np.flatnonzero(world.counts.n >= model.min_user_events)
    a, b = model.posterior(rows)
    ends = special.betaincinv(a, b, 0.05), special.betaincinv(a, b, 0.95)
    base = np.maximum(affinity.groups.base, 1e-9)
    for name, scale, true in (("user shares", 1, 1), ("user lifts", base, world.everyone)):
        held = _held(ends[0] / scale, ends[1] / scale, world.users[rows] / true).mean(axis=1)
        of = np.array(SIZES * (len(truth) // len(SIZES)))[world.members.home[rows]]
        found[name] = np.array([held[of == size].mean() if (of == size).any() else np.nan for size in SIZES])
    return found


def _held(lo, hi, truth) -> np.ndarray:
    return (lo <= truth) & (truth <= hi)


def _by_size(held: np.ndarray) -> np.ndarray:
    return held.mean(axis=1).reshape(-1, len(SIZES)).mean(axis=0)


# -- later behaviour ---------------------------------------------------------------------------------


def run_later(n_seeds: int) -> pd.DataFrame:
    """Return held-out log-likelihood per event, by method and data."""
    rows = {}
    for number, kind in enumerate(WORLDS):
        runs = []
        for seed in range(n_seeds):
            world = draw_world(500 + seed * 10 + number, kind, 2)
            runs.append(_later(world.counts, world.members, world.later))
        rows[f"world {number + 1}"] = pd.DataFrame(runs).mean()
    for first in FIRST:
        before, after, members = read_households(first)
        rows[f"households, {first} lines"] = pd.Series(_later(before, members, after))
    return pd.DataFrame(rows).T


def _later(counts, members, later) -> dict[str, float]:
    own = (counts.events.toarray() + 0.5) / (counts.n + 0.5 * counts.share.shape[1])[:, None]
    affinity = TopicAffinity.estimate(counts, members)
    alone = np.zeros((len(counts.n), 0))
    nobody = type(members)(alone, (), (), np.full(len(counts.n), -1))
    rows = np.arange(len(counts.n))
    guesses = {
        "everyone": np.broadcast_to(affinity.groups.base, own.shape),
        "own": own,
        "persona": members.weights @ affinity.groups.share,
        "user to everyone": _mean(TopicAffinity.estimate(counts, nobody).users(min_user_events=1), rows),
        "user to persona": _mean(affinity.users(min_user_events=1), rows),
    }
    share = later / later.sum(axis=1, keepdims=True)
    score = {}
    for name, guess in guesses.items():
        guess = np.maximum(guess, 1e-5)
        score[name] = float((share * np.log(guess / guess.sum(axis=1, keepdims=True))).sum(axis=1).mean())
    return score


def _mean(model, rows) -> np.ndarray:
    a, b = model.posterior(rows)
    return a / (a + b)


# -- half-life ---------------------------------------------------------------------------------------


def run_half_lives(n_seeds: int) -> pd.DataFrame:
    """Return how well the stated and the chosen half-life foretell days that neither has seen."""
    rows = []
    for drift in (0.0, 0.3, 1.0, 2.0):
        for seed in range(n_seeds):
            rows.append((drift, *_half_life(drift, seed)))
    columns = ["drift", "chosen days", "stated", "chosen", "gain"]
    table = pd.DataFrame(rows, columns=columns)
    means = table.groupby("drift")[["stated", "chosen", "gain"]].mean()
    means["se"] = table.groupby("drift")["gain"].std() / np.sqrt(n_seeds)
    return means.assign(days=table.groupby("drift")["chosen days"].agg(lambda d: ", ".join(sorted(set(d)))))


def _half_life(drift: float, seed: int):
    from segtool.sources import Sources
    from segtool.targeting.counts import sql_counts, sql_users
    from segtool.targeting.settings import TargetingSettings
    from segtool.targeting.topics.validate import _loglik, choose_half_life
    from segtool.targeting.topics.windows import some_users, window_evidence_sql

    events = _drifting(drift, seed)
    settings = TargetingSettings()
    known = Sources.read({"events": events}, as_of="2026-06-03", timezone="UTC")
    chosen = choose_half_life(known, sql_users(known.engine), settings).days
    whole = Sources.read({"events": events}, as_of="2026-07-01", timezone="UTC")
    user_ids = sql_users(whole.engine)
    users = some_users(len(user_ids))
    later = sql_counts(
        whole.engine, user_ids, window_evidence_sql(whole, settings, None, users.sql, later=True)
    )
    score = {}
    for days in {settings.half_life_days, chosen}:
        sql = window_evidence_sql(whole, settings, days, users.sql)
        score[days] = _loglik(sql_counts(whole.engine, user_ids, sql), later, users.places).mean()
    words = "none" if chosen is None else f"{chosen:g}"
    stated = score[settings.half_life_days]
    return words, stated, score[chosen], score[chosen] - stated


def _drifting(drift: float, seed: int, n_users: int = 800, n_events: int = 60) -> pd.DataFrame:
    """Return likes over a year; the log tastes of a user walk ``drift`` in all."""
    rng = np.random.default_rng(900 + seed)
    taste = rng.normal(0, 1, (n_users, N_DRIFT))
    walk = rng.normal(0, drift / np.sqrt(12), (12, n_users, N_DRIFT)).cumsum(axis=0)
    day = np.sort(rng.uniform(0, 364, (n_users, n_events)), axis=1)
    month = (day // 30.4).astype(int).clip(0, 11)
    logit = taste[:, None] + walk[month, np.arange(n_users)[:, None]]
    topic = (logit + rng.gumbel(size=logit.shape)).argmax(axis=2)
    return pd.DataFrame(
        {
            "user_id": np.repeat([f"u{i:04d}" for i in range(n_users)], n_events),
            "event_time": pd.Timestamp("2026-07-01") - pd.to_timedelta(365 - day.ravel(), unit="D"),
            "event": "like",
            "topic": [f"t{t}" for t in topic.ravel()],
            "item_id": np.arange(n_users * n_events).astype(str),
        }
    )


N_DRIFT = 8


# -- heat ----------------------------------------------------------------------------------------------


def run_heat(n_runs: int) -> dict[str, float]:
    """Return the share of runs with a false claim, and the share of planted rises found."""
    false, false_shocks, found = [], [], []
    for seed in range(n_runs):
        false.append((_heat(seed, shocks=0.0, rise=1.0) != "steady").any())
        false_shocks.append((_heat(seed, shocks=0.15, rise=1.0) != "steady").any())
        if seed < n_runs // 4:
            found.append(_heat(seed, shocks=0.0, rise=1.3).iloc[0] == "rising")
    return {"false": np.mean(false), "false, restless weeks": np.mean(false_shocks), "found": np.mean(found)}


def _heat(seed: int, *, shocks: float, rise: float) -> pd.Series:
    """Return the directions of everyone's and four personas' topics; the first topic rises by plan."""
    from segtool.targeting.content.heat import _trend_table
    from segtool.targeting.content.trend import WeekCells
    from segtool.targeting.members import Members
    from segtool.targeting.settings import TargetingSettings

    rng = np.random.default_rng(7000 + seed)
    n_users, n_topics, n_weeks = 600, 12, 12
    taste = rng.dirichlet(np.ones(n_topics) * 3, size=n_users)
    activity = rng.gamma(0.5, 2.0, n_users)
    week = np.arange(n_weeks)
    tilt = np.exp(rng.normal(0, shocks, (n_weeks, n_topics)))
    tilt[:, 0] *= rise ** (week / 4)
    p = taste[:, None, :] * tilt
    p /= p.sum(axis=2, keepdims=True)
    n = rng.poisson(activity[:, None] * 1.05**week)  # the study grows by 5 % a week
    events = rng.multinomial(n, p)
    code, at, topic = np.nonzero(events)
    names = tuple(f"t{t:02d}" for t in range(n_topics))
    cells = WeekCells.build(
        code, topic, at, events[code, at, topic].astype(float), (n_users, n_topics, n_weeks), names
    )
    home = rng.integers(0, 4, n_users)
    weights = (home[:, None] == np.arange(4)).astype(float)
    members = Members(weights, (1, 2, 3, 4), tuple("abcd"), home)
    groups = np.hstack([np.ones((n_users, 1)), weights])
    return _trend_table(cells, None, groups, members, TargetingSettings())["direction"]


# -- scale -----------------------------------------------------------------------------------------------


def run_scale(n_users: int, n_events: int) -> dict[str, float]:
    """Run counts, estimates and everyone's top 5 in a process of its own, one thread."""
    command = [sys.executable, "-m", "benchmarks.topic_affinity", "--scale", str(n_users), str(n_events)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    return json.loads(done.stdout.splitlines()[-1])


def _scale(n_users: int, n_events: int) -> None:
    from segtool.engines import DuckDBEngine
    from segtool.targeting.counts import sql_counts, sql_users
    from segtool.targeting.members import Members

    engine = DuckDBEngine(memory_limit="2GB", threads=1)
    engine.create(
        "user_index", f"SELECT 'u' || lpad(CAST(i AS VARCHAR), 7, '0') AS user_id FROM range({n_users}) t(i)"
    )
    # Activity is unequal: the product of two draws puts half of the events on a fifth of the users.
    engine.create(
        "events",
        f"SELECT 'u' || lpad(CAST((hash(i) % {n_users}) * (hash(i * 7 + 1) % 1000) // 1000 AS VARCHAR), 7, '0') "
        f"AS user_id, 't' || CAST(floor(power((hash(i * 5) % 1000) / 1000.0, 2) * 40) AS INTEGER) AS topic, "
        f"CAST(hash(i * 11) % 180 AS DOUBLE) AS age_days FROM range({n_events}) t(i)",
    )
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.ones(8) * 0.15, size=n_users)
    members = Members(weights, tuple(range(1, 9)), tuple("abcdefgh"), weights.argmax(axis=1))
    clock = [(time.process_time(), time.perf_counter())]
    evidence = (
        "SELECT user_id, topic AS category, 1.0 AS weight, power(0.5, age_days / 60) AS decay FROM events"
    )
    counts = sql_counts(engine, sql_users(engine), evidence)
    clock.append((time.process_time(), time.perf_counter()))
    affinity = TopicAffinity.estimate(counts, members)
    affinity.table()
    clock.append((time.process_time(), time.perf_counter()))
    n_rows = sum(len(batch) for batch in affinity.users().batches(5, "safe"))
    clock.append((time.process_time(), time.perf_counter()))
    cpu = [later[0] - earlier[0] for earlier, later in pairwise(clock)]
    parts = dict(zip(("counts_s", "estimates_s", "top5_s"), cpu, strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    whole = {"cpu_s": sum(cpu), "wall_s": clock[-1][1] - clock[0][1], "peak_gb": peak}
    print(json.dumps({**whole, **parts, "rows": n_rows}))


# -- all of it ---------------------------------------------------------------------------------------------


def main() -> None:
    """Print what was found and whether the promises are met; exit 1 if one is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few seeds, a tenth of the users")
    parser.add_argument("--scale", nargs=2, type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.scale:
        _scale(*given.scale)
        return
    quick = given.quick
    coverage = run_intervals(4 if quick else 40)
    print(
        "90 % intervals, share that hold the truth, by users in the persona\n", coverage.round(3).to_string()
    )
    later = run_later(2 if quick else 10)
    print("\nlog-likelihood per later event\n", later.round(4).to_string())
    lives = run_half_lives(1 if quick else 6)
    print(
        "\nhalf-life: gain of choosing over 60 days, log-likelihood per later event\n",
        lives.round(4).to_string(),
    )
    heat = run_heat(20 if quick else 200)
    print("\nheat:", {name: round(float(value), 3) for name, value in heat.items()})
    scale = run_scale(100_000, 1_200_000) if quick else run_scale(1_000_000, 12_000_000)
    print("\nscale:", {name: round(value, 2) for name, value in scale.items()})
    met = judge(coverage, later, heat, scale)
    sys.exit(0 if all(met) else 1)


def judge(coverage, later, heat, scale) -> list[bool]:
    """Print MET or MISSED for each promise."""
    met = []
    for what in ("persona shares", "persona lifts", "user shares", "user lifts"):
        held = coverage.loc[what, list(SIZES)]
        ok = bool(held.between(LOW, HIGH).all())
        met.append(say(ok, f"{what}: {held.min():.3f} to {held.max():.3f} by size, {LOW} to {HIGH} wanted"))
    ahead = later["user to persona"] - later[["everyone", "own"]].max(axis=1)
    met.append(
        say(
            bool((ahead > 0).all()),
            f"later events foretold better than by everyone's or own shares: {(ahead > 0).sum()} of {len(ahead)}",
        )
    )
    gap = later["user to persona"] - later["user to everyone"]
    met.append(
        say(
            bool(gap.mean() > 0),
            f"and than by the user shrunk to everyone: {(gap > 0).sum()} of {len(gap)}, mean {gap.mean():+.4f}",
        )
    )
    worst = max(heat["false"], heat["false, restless weeks"])
    met.append(say(worst <= 0.05, f"any false rise or fall in {worst:.1%} of runs, at most 5 % wanted"))
    fits = scale["cpu_s"] < SECONDS and scale["peak_gb"] < GIGABYTES
    met.append(
        say(
            fits,
            f"scale: {scale['cpu_s']:.1f} s of CPU, {scale['peak_gb']:.2f} GB; under {SECONDS} s and {GIGABYTES} GB wanted",
        )
    )
    return met


def say(ok: bool, text: str) -> bool:
    """Print one verdict and return it."""
    print("MET   " if ok else "MISSED", text)
    return ok


if __name__ == "__main__":
    main()
