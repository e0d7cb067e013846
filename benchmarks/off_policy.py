"""Off-policy intervals: do they hold, and what is refused: ``python -m benchmarks.off_policy``.

Eight personas and six contents; sends were chosen by a greedy rule with a share of chance (epsilon), and
the plan to be judged sends each persona its truly best content, which is often not what was sent. Users
answer more or less than their persona (gamma, shape 4). Reported is how many 95 % intervals hold the truth:
in all runs, and in those that the gate lets through. Peers see the same logs: the plain mean of the sends
that match, self-normalised and plain inverse-propensity weights, and the doubly robust estimator.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import pandas as pd

N_PERSONAS, N_CONTENTS = 8, 6
SENDS_PER_USER = 10
METHODS = ("stratified", "dr", "snips", "ipw", "naive")
SETUPS = ((5_000, 0.05), (5_000, 0.2), (20_000, 0.05), (20_000, 0.2), (80_000, 0.05), (200_000, 0.2))
CONFIDENCE = 0.95


def make_log(n: int, epsilon: float, seed: int, uneven: bool = False):
    """Return a log, the plan to be judged, and its true value.

    ``uneven`` lets epsilon differ between users, from a half of it to one and a half, with the users' rate
    of answering: whoever ignores the propensities is misled.
    """
    rng = np.random.default_rng([seed, n, int(1000 * epsilon)])
    rate = np.exp(rng.normal(-3.2, 0.5, (N_PERSONAS, N_CONTENTS))).clip(0.005, 0.4)
    n_users = n // SENDS_PER_USER
    persona = rng.choice(N_PERSONAS, n_users, p=rng.dirichlet(np.full(N_PERSONAS, 5.0)))
    lively = rng.gamma(4.0, 0.25, n_users)
    greedy = (rate * np.exp(rng.normal(0, 0.5, rate.shape))).argmax(axis=1)  # as good as a pilot would say
    user = np.repeat(np.arange(n_users), SENDS_PER_USER)
    own = epsilon * np.clip(0.5 + (np.argsort(np.argsort(lively)) / n_users), 0.5, 1.5) if uneven else epsilon
    chance = np.broadcast_to(own, n_users)[user]
    explored = rng.random(len(user)) < chance
    best = greedy[persona[user]]
    arm = np.where(explored, rng.integers(0, N_CONTENTS, len(user)), best)
    propensity = chance / N_CONTENTS + (1 - chance) * (arm == best)
    answered = rng.random(len(user)) < np.minimum(rate[persona[user], arm] * lively[user], 1)
    sends = pd.DataFrame(
        {"user_id": user.astype(str), "persona_id": persona[user], "arm": arm.astype(str),
         "propensity": propensity, "outcome": answered.astype(int)}
    )  # fmt: skip
    plan = rate.argmax(axis=1)
    # The truth on this log's traffic: what these users would have answered on average.
    truth = np.minimum(rate[persona[user], plan[persona[user]]] * lively[user], 1).mean()
    return sends, {code: str(plan[code]) for code in range(N_PERSONAS)}, float(truth)


def naive_mean(log, shares, confidence, seed):
    """Estimate by the plain mean of the matching sends, as a dashboard would."""
    from statsmodels.stats.proportion import proportion_confint

    from segtool.measurement.off_policy.estimators import Value, weigh

    hit = weigh(log, shares) > 0
    hits, n = log.hits[hit].sum(), log.n[hit].sum()
    lo, hi = proportion_confint(hits, max(n, 1), 1 - confidence, method="wilson")
    none = np.full(len(log.persona_ids), np.nan)
    return Value(hits / max(n, 1), lo, hi, none, none, none)


def one_run(n: int, epsilon: float, seed: int, uneven: bool) -> dict:
    """Estimate one log by every method; say which interval holds the truth, and whether the gate was passed."""
    from segtool.measurement.off_policy.estimators import ESTIMATORS
    from segtool.measurement.off_policy.gate import check_gate
    from segtool.measurement.off_policy.log import read_log
    from segtool.measurement.off_policy.policy import read_policy

    sends, plan, truth = make_log(n, epsilon, seed, uneven)
    log = read_log(sends)
    shares = read_policy({code: plan[code] for code in log.persona_ids}, log)
    row = {"gate": check_gate(log, shares, None).passed}
    for name in METHODS:
        found = {**ESTIMATORS, "naive": naive_mean}[name](log, shares, CONFIDENCE, seed)
        row[name] = found.lo <= truth <= found.hi
        row[f"{name}_error"] = found.value - truth
        row[f"{name}_width"] = found.hi - found.lo
    return row


def measure(n: int, epsilon: float, seeds: range, uneven: bool = False) -> dict:
    """Return coverage of one set-up, in all runs and in those let through."""
    runs = pd.DataFrame([one_run(n, epsilon, seed, uneven) for seed in seeds])
    passed = runs[runs["gate"]]
    row = {
        "sends": n,
        "epsilon": epsilon,
        "uneven": uneven,
        "runs": len(runs),
        "refused": 1 - runs["gate"].mean(),
    }
    for name in METHODS:
        row[name] = runs[name].mean()
        row[f"{name}, let through"] = passed[name].mean() if len(passed) else np.nan
        row[f"{name}, rmse"] = np.sqrt((passed[f"{name}_error"] ** 2).mean()) if len(passed) else np.nan
    row["width"] = passed["stratified_width"].median()
    return row


def refused_logs(seeds: range) -> dict[str, float]:
    """Return how often logs whose propensities are wrong are refused, and sound ones are not."""
    from segtool.measurement.off_policy import check_propensities

    def spoiled(sends, kind):
        rng = np.random.default_rng(1)
        p = sends["propensity"].to_numpy().copy()
        if kind == "missing":
            p[rng.random(len(p)) < 0.1] = np.nan
        elif kind == "zero":
            p[:3] = 0
        elif kind == "percent":
            p *= 100
        elif kind == "constant":
            p[:] = 0.5
        elif kind == "shuffled":
            p = rng.permutation(p)
        return sends.assign(propensity=p)

    found = {}
    for kind in ("sound", "missing", "zero", "percent", "constant", "shuffled"):
        refused = 0
        for seed in seeds:
            sends, _, _ = make_log(20_000, 0.2, seed)
            refused += not check_propensities(spoiled(sends, kind)).agrees
        found[kind] = refused / len(seeds)
    return found


def check_targets(table: pd.DataFrame, refused: dict[str, float]) -> list[tuple[str, bool]]:
    """Compare with what is promised."""
    some = table[(1 - table["refused"]) * table["runs"] >= 50]
    least = some["stratified, let through"].min()
    wrong = [share for kind, share in refused.items() if kind != "sound"]
    return [
        (f"95 % intervals hold in at least 93 % of the runs let through, in every set-up ({least:.3f})", least >= 0.93),
        (f"and in at least 90 % of all runs ({table['stratified'].min():.3f})", table["stratified"].min() >= 0.90),
        (f"logs with wrong propensities are refused ({min(wrong):.0%})", min(wrong) >= 0.99),
        (f"sound ones are not ({refused['sound']:.0%})", refused["sound"] <= 0.05),
    ]  # fmt: skip


def main() -> None:
    """Run all set-ups, print the table and what of the promises holds; exit 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="30 seeds, the small set-ups only")
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--first", type=int, default=1000, help="first seed")
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + (30 if arguments.quick else arguments.seeds))
    setups = SETUPS[:4] if arguments.quick else SETUPS
    rows = []
    for n, epsilon in setups:
        some = seeds if n <= 20_000 else seeds[: max(len(seeds) // 3, 30)]  # the large ones take their time
        rows.append(measure(n, epsilon, some))
    rows.append(measure(20_000, 0.2, seeds, uneven=True))
    table = pd.DataFrame(rows)
    print(table.round(4).T.to_string())
    refused = refused_logs(seeds[: 20 if arguments.quick else 100])
    print("refused:", {kind: round(share, 3) for kind, share in refused.items()})
    targets = check_targets(table, refused)
    for promise, holds in targets:
        print(f"{'MET' if holds else 'MISSED'}: {promise}")
    sys.exit(0 if all(holds for _, holds in targets) else 1)


if __name__ == "__main__":
    main()
