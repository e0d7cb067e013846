"""Stages: how often right, and how rightly sure, where the truth is known: ``python -m benchmarks.stages``.

Simulated users move along six states (lapsed, and the five of AIDMA) week by week; five kinds of event come
at rates that depend on the state and on the user. Only which kind is typical of which stage is told. The
worlds: users of unequal activity (gamma, shape 1.5; the promise), of equal activity, counts that come in
bursts (negative binomial), weeks of unequal business, other moves than the model expects, and segtool's own
simulated community, where visits bring several events and every persona has its own habits.

In the same run: the deepest step of the last 60 days (what dashboards show), the same model without the
activity of users, and the model given the true rates and moves (what more data could reach).
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

N_USERS, N_WEEKS, SEEDS = 4_000, 20, 5
HUGE = 1_000_000
KINDS = ("view", "like", "search", "cart", "purchase")
# Events a week of a user of activity 1, by state: our own choice, near what shops report.
RATES = np.array(
    [
        [0.15, 0.02, 0.02, 0.002, 0.001],
        [1.20, 0.10, 0.05, 0.010, 0.005],
        [1.50, 0.80, 0.15, 0.030, 0.010],
        [1.50, 0.60, 0.90, 0.100, 0.020],
        [1.00, 0.40, 0.70, 0.500, 0.060],
        [1.20, 0.50, 0.60, 0.400, 0.500],
    ]
)
FIRST = np.array([0.30, 0.25, 0.18, 0.12, 0.08, 0.07])
WORLDS = {
    "unequal activity": {},
    "equal activity": {"shape": None},
    "unequal, bursts (nb 1)": {"burst": 1.0},
    "unequal, bursts (nb 0.5)": {"burst": 2.0},
    "unequal, seasons": {"season": True},
    "unequal, restless": {"stay": 0.7},
}
METHODS = ("segtool", "without activity", "true parameters", "deepest step")


def true_moves(stay: float = 0.86) -> np.ndarray:
    """Return P(next | now) of the simulated users."""
    n = len(RATES)
    moves = np.eye(n) * stay
    away = (1 - stay) / 0.14
    for now in range(n):
        for then, share in ((now + 1, 0.06), (now + 2, 0.015), (now - 1, 0.03), (0, 0.03)):
            if 0 <= then < n and then != now and (then > 0 or now > 0):
                moves[now, then] += share * away
    return moves / moves.sum(axis=1, keepdims=True)


def simulate(seed: int, *, n_users=N_USERS, shape=1.5, burst=0.0, season=False, stay=0.86) -> dict:
    """Draw users: counts (n_users, n_weeks, n_kinds), state by week, activity, week, and whether they act next."""
    rng = np.random.default_rng(seed)
    moves = np.cumsum(true_moves(stay), axis=1)
    state = np.empty((n_users, N_WEEKS + 1), dtype=int)
    state[:, 0] = rng.choice(len(RATES), n_users, p=FIRST)
    for week in range(1, N_WEEKS + 1):
        draw = rng.random(n_users)[:, None]
        state[:, week] = np.minimum((draw > moves[state[:, week - 1]]).sum(axis=1), len(RATES) - 1)
    activity = rng.gamma(shape, 1 / shape, n_users) if shape else np.ones(n_users)
    week = np.ones(N_WEEKS + 1)
    if season:
        week = np.exp(0.5 * np.sin(np.arange(N_WEEKS + 1) / N_WEEKS * 4 * np.pi))
        week[12] *= 2
        week /= week.mean()
    mean = activity[:, None, None] * week[None, :, None] * RATES[state]
    if burst:
        mean = mean * rng.gamma(1 / burst, burst, mean.shape)
    counts = rng.poisson(mean)
    return {
        "counts": counts[:, :-1], "state": state[:, :-1], "activity": activity, "week": week[:-1],
        "moves": true_moves(stay), "acts_next": counts[:, -1, -1] > 0,
    }  # fmt: skip


def as_weekly(counts: np.ndarray):
    """Return the counts as the model reads them."""
    from scipy import sparse

    from segtool.targeting.stages.weekly_counts import WeeklyCounts

    n_users, n_weeks, n_kinds = counts.shape
    rows = sparse.csr_array(counts.reshape(n_users * n_weeks, n_kinds).astype(float))
    visits = np.ascontiguousarray(counts.sum(axis=2).T.astype(float))
    start = np.zeros(n_users, dtype=int)
    return WeeklyCounts(rows, start, n_weeks, KINDS, np.arange(1, n_kinds + 1), visits)


def deepest_step(counts: np.ndarray, weeks: int = 9) -> np.ndarray:
    """Return the deepest kind seen in the last nine weeks, 0 for none."""
    seen = counts[:, -weeks:].sum(axis=1) > 0
    deepest = seen.shape[1] - np.argmax(seen[:, ::-1], axis=1)
    return np.where(seen.any(axis=1), deepest, 0)


def run_world(world: str, seed: int) -> dict:
    """Fit and score all methods on one drawn world."""
    from segtool.targeting.stages.funnel_model import FunnelModel, filter_users, fit_funnel, with_levels

    made = simulate(seed, **WORLDS[world])
    weekly, truth = as_weekly(made["counts"]), made["state"][:, -1]
    fitted = fit_funnel(weekly, len(RATES))
    found = filter_users(fitted, weekly)
    plain = filter_users(fit_funnel(weekly, len(RATES), use_activity=False), weekly)
    true = FunnelModel(RATES, RATES.sum(axis=1), made["moves"], FIRST, made["week"])
    known = filter_users(with_levels(true, weekly), weekly)
    rule = deepest_step(made["counts"])
    result = {
        "segtool": score(found.posterior, truth),
        "without activity": score(plain.posterior, truth),
        "true parameters": score(known.posterior, truth),
        "deepest step": score(np.eye(len(RATES))[rule], truth),
    }
    result["segtool"]["auc"] = auc(chance_to_act(fitted, found), made["acts_next"])
    result["without activity"]["auc"] = auc(plain.posterior @ RATES[:, -1], made["acts_next"])
    result["deepest step"]["auc"] = auc(rule.astype(float), made["acts_next"])
    return result


def chance_to_act(model, found) -> np.ndarray:
    """Return P(a purchase next week), from stage and activity, as the plan does."""
    never = found.levels @ np.exp(-model.levels[:, None] * model.rates[None, :, -1])
    return 1 - ((found.posterior @ model.moves) * never).sum(axis=1)


def score(posterior: np.ndarray, truth: np.ndarray) -> dict:
    """Return accuracy, quadratic kappa and the calibration error over ten classes of confidence."""
    from sklearn.metrics import cohen_kappa_score

    said, sure = posterior.argmax(axis=1), posterior.max(axis=1)
    hit = said == truth
    place = np.minimum((sure * 10).astype(int), 9)
    gaps = [
        abs(sure[place == p].mean() - hit[place == p].mean()) * (place == p).mean() for p in np.unique(place)
    ]
    kappa = cohen_kappa_score(truth, said, weights="quadratic", labels=range(posterior.shape[1]))
    return {"accuracy": float(hit.mean()), "kappa": float(kappa), "ece": float(sum(gaps))}


def auc(guess: np.ndarray, truth: np.ndarray) -> float:
    """Return the chance that one who acts has the higher guess."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, guess))


def run_circle(seed: int, n_users: int = 2_000) -> dict:
    """Score the plan's stages on segtool's simulated community, as `plan_stages` gives them."""
    import pandas as pd

    from segtool.sources import Sources, simulate_circle
    from segtool.targeting.counts import sql_users
    from segtool.targeting.members import align_table
    from segtool.targeting.settings import TargetingSettings
    from segtool.targeting.stages.stages import plan_stages

    made = simulate_circle(n_users, random_state=seed)
    tables = {name: made.tables[name] for name in ("events", "users")}
    sources = Sources.read(tables, as_of="2026-07-01", timezone="Asia/Shanghai")
    ids = sql_users(sources.engine)
    settings = TargetingSettings()
    began = time.process_time()
    found = plan_stages(sources, align_table(pd.Series("all", index=ids), ids), ids, settings)
    seconds = time.process_time() - began
    truth = made.truth["users"].set_index("user_id").loc[ids]
    names = list(settings.stages())
    users = found.users.set_index("user_id").loc[ids]
    # Who stands where is asked of those who are here and did something lately, as the rule can.
    here = (~truth["lapsed"] & users["rule_stage"].isin(names)).to_numpy()
    state = truth["stage"].map(names.index).to_numpy()[here]
    chances = users[[f"p_{name}" for name in names]].to_numpy()[here]
    chances /= chances.sum(axis=1, keepdims=True)
    rule = users["rule_stage"][here].map(names.index).to_numpy()
    return {
        "segtool": score(chances, state),
        "deepest step": score(np.eye(len(names))[rule], state),
        "lapsed": float(users["p_lapsed"].mean()), "truly lapsed": float(truth["lapsed"].mean()),
        "seconds": seconds, "n": int(here.sum()),
    }  # fmt: skip


def run_scale(n_users: int, seed: int = 0) -> dict:
    """Fit on a sample and place every user; CPU seconds and the peak memory of the process."""
    from segtool.targeting.stages.funnel_model import filter_users, fit_funnel
    from segtool.targeting.stages.stages import MAX_USERS_TO_FIT

    part = as_weekly(simulate(seed, n_users=min(n_users, 100_000))["counts"])
    weekly = part.take(np.arange(n_users) % part.n_users)
    began = time.process_time()
    step = max(1, -(-n_users // MAX_USERS_TO_FIT))
    model = fit_funnel(weekly.take(np.arange(0, n_users, step)), len(RATES))
    fit = time.process_time() - began
    found = filter_users(model, weekly)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "fit": fit, "all": time.process_time() - began, "peak_mb": peak, "mean": float(found.posterior.mean()),
    }  # fmt: skip


def run_apart(n_users: int) -> dict:
    """Run the scale in a process of its own, so that its memory is its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.stages", "--scale", str(n_users)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def print_world(world: str, runs: list[dict]) -> dict[str, dict]:
    """Print means over seeds and return them."""
    means = {}
    for method in METHODS:
        found = [run[method] for run in runs if method in run]
        if not found:
            continue
        mean = {key: float(np.mean([one[key] for one in found])) for key in found[0]}
        means[method] = mean
        sure = f"{mean['ece']:8.3f}" if method != "deepest step" else f"{'-':>8}"
        after = f"{mean['auc']:8.3f}" if "auc" in mean else f"{'-':>8}"
        print(f"{world:28}{method:20}{mean['accuracy']:9.3f}{mean['kappa']:8.3f}{sure}{after}", flush=True)
    return means


def main() -> None:
    """Run everything, print the table and which promises hold; exit 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one seed, no million users")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--scale", type=int, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.scale:
        print(json.dumps(run_scale(said.scale)))
        return
    seeds = range(1_000, 1_000 + (1 if said.quick else said.seeds))
    print(f"{'':28}{'':20}{'accuracy':>9}{'kappa':>8}{'ECE':>8}{'AUC':>8}   means of {len(seeds)} seeds")
    means = {world: print_world(world, [run_world(world, seed) for seed in seeds]) for world in WORLDS}
    circle = [run_circle(seed) for seed in list(seeds)[:3]]
    means["circle"] = print_world("simulated community", circle)
    lapsed, truly = (np.mean([run[key] for run in circle]) for key in ("lapsed", "truly lapsed"))
    print(f"simulated community: {lapsed:.3f} held to have lapsed, {truly:.3f} have; "
          f"{np.mean([run['seconds'] for run in circle]):.1f} s of CPU for 2,000 users")  # fmt: skip
    targets = check_targets(means)
    if not said.quick:
        scale = run_apart(HUGE)
        print(f"1M users x {N_WEEKS} weeks: {scale['all']:.0f} s of CPU ({scale['fit']:.1f} s of it the fit), "
              f"peak {scale['peak_mb']:,.0f} MB")  # fmt: skip
    for promise, is_met in targets:
        print(f"{'MET' if is_met else 'MISSED'}: {promise}")
    sys.exit(0 if all(is_met for _, is_met in targets) else 1)


def check_targets(means: dict) -> list[tuple[str, bool]]:
    """Compare what was found with what was promised."""
    own, circle = means["unequal activity"], means["circle"]
    held = [means[world]["segtool"] for world in WORLDS]
    return [
        ("users of unequal activity: accuracy at least .60", own["segtool"]["accuracy"] >= 0.60),
        ("users of unequal activity: calibration error at most .10", own["segtool"]["ece"] <= 0.10),
        ("every world: more often right than the deepest step",
         all(means[world]["segtool"]["accuracy"] > means[world]["deepest step"]["accuracy"] for world in WORLDS)),
        ("every world: calibration error at most .10", all(one["ece"] <= 0.10 for one in held)),
        ("simulated community: more often right than the deepest step, calibration error at most .10",
         circle["segtool"]["accuracy"] > circle["deepest step"]["accuracy"] and circle["segtool"]["ece"] <= 0.10),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
