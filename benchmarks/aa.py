"""Claims where there is nothing to claim: ``python -m benchmarks.aa``.

A/A tests: arms drawn at random (a tenth in control), nothing sent to anybody. Twelve personas, of which
one has three users and one twenty-five; three metrics: bought (with what was bought before as covariate),
money (log-normal with a long tail), and an event of 0.4 %. A run makes a false claim if anything at all
is claimed: an effect on everyone or on a persona under any metric, that personas differ, that choosing by
persona or sending to everyone pays, or that the arms have the wrong users. Beside it what a
dashboard claims: any of 39 Welch tests below 5 %, and the same after statsmodels' Benjamini-Hochberg.

Second table: a test of 28 days looked at every day, with the limits of one look, with the
mixture sequential probability ratio test, and with an asymptotic confidence sequence.
"""

from __future__ import annotations

import argparse
import sys
import warnings

import numpy as np
import pandas as pd

N_USERS, N_PERSONAS, TINY = 12_000, 12, (3, 25)
METRICS = ("bought", "money", "rare")
RUNS, QUICK_RUNS = 200, 20
MAX_FALSE = 0.05
N_LOOKS, USERS_PER_DAY, BASE = 28, 1600, 0.10
PLANNED_EFFECT = 0.0081  # found by one look at the end in four tests of five
SEQUENTIAL_RUNS, QUICK_SEQUENTIAL_RUNS = 4000, 400


def make_test(seed: int) -> pd.DataFrame:
    """Return outcomes of a test in which the arms do nothing."""
    rng = np.random.default_rng([seed, 2026])
    sizes = np.exp(rng.normal(0, 0.8, N_PERSONAS - len(TINY)))
    persona = rng.choice(len(sizes), N_USERS, p=sizes / sizes.sum())
    persona = np.concatenate([persona, np.repeat(np.arange(len(sizes), N_PERSONAS), TINY)])
    n = len(persona)
    activity = rng.gamma(1.5, 1 / 1.5, n)
    rate = 0.12 * np.exp(rng.normal(0, 0.3, N_PERSONAS))[persona] * activity
    bought = rng.random(n) < np.minimum(rate, 0.9)
    return pd.DataFrame(
        {
            "user_id": [f"u{number}" for number in range(n)],
            "arm": np.where(rng.random(n) < 0.1, "control", "spring"),
            "persona_id": persona + 1,
            "bought": bought.astype(float),
            "bought_before": rng.poisson(activity),
            "money": bought * np.exp(1.5 * rng.normal(size=n) + 4),
            "rare": (rng.random(n) < 0.004).astype(float),
        }
    )


def claims_of_segtool(outcomes: pd.DataFrame) -> dict[str, bool]:
    """Return what is claimed, by kind."""
    from segtool.measurement import measure_lift

    lift = measure_lift(outcomes, outcome=METRICS, expected={"control": 0.1, "spring": 0.9})
    table = lift.to_pandas()
    claimed = table["verdict"].isin(["proved by test", "harm"])
    everyone = table["persona"] == "everyone"
    return {
        "everyone": bool(claimed[everyone].any()),
        "a persona": bool(claimed[~everyone].any()),
        "personas differ": lift.heterogeneity["says"].iloc[0].startswith("the personas differ"),
        "a policy": lift.policy is not None and lift.policy.verdict.startswith("send"),
        "wrong shares": not lift.srm.passed,
    }


def claims_of_dashboard(outcomes: pd.DataFrame) -> dict[str, bool]:
    """Return whether any of the plain tests is below 5 %, and after Benjamini and Hochberg."""
    from scipy import stats
    from statsmodels.stats.multitest import multipletests

    p = []
    for metric in METRICS:
        for rows in [outcomes, *(group for _, group in outcomes.groupby("persona_id"))]:
            arms = [rows.loc[rows["arm"] == arm, metric] for arm in ("spring", "control")]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                p.append(stats.ttest_ind(*arms, equal_var=False).pvalue)
    p = np.array(p)[np.isfinite(p)]
    q = multipletests(p, method="fdr_bh")[1]
    return {"raw": bool((p < 0.05).any()), "raw, BH": bool((q < 0.05).any())}


def run_aa(runs: int, first_seed: int) -> pd.DataFrame:
    """Return one row per run with what was claimed."""
    rows = []
    for seed in range(first_seed, first_seed + runs):
        outcomes = make_test(seed)
        rows.append({**claims_of_segtool(outcomes), **claims_of_dashboard(outcomes)})
        if (seed - first_seed) % 50 == 49:
            print(f"{seed - first_seed + 1} of {runs} runs", file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def run_sequential(runs: int, effect: float, seed: int) -> dict[str, float]:
    """Return how often each rule ever claims an effect in 28 daily looks at a conversion rate."""
    from scipy import stats

    from segtool.measurement.sequential import boundary, mixture_p, tune_spread

    rng = np.random.default_rng(seed)
    days = np.arange(1, N_LOOKS + 1)
    n = USERS_PER_DAY // 2 * days
    hits = [
        np.cumsum(rng.binomial(USERS_PER_DAY // 2, rate, (runs, N_LOOKS)), axis=1)
        for rate in (BASE, BASE + effect)
    ]
    rates = [each / n for each in hits]
    value = rates[1] - rates[0]
    variance = sum(rate * (1 - rate) / n for rate in rates)
    score = np.abs(value) / np.sqrt(variance)
    z = stats.norm.ppf(0.975)
    sequence = boundary(2 * n, tune_spread(2 * n[-1], 0.05), 0.05)
    mixed = mixture_p(value, variance, PLANNED_EFFECT**2) < 0.05
    return {
        "one look at the end": float((score[:, -1] > z).mean()),
        "daily looks, fixed limits": float((score > z).any(axis=1).mean()),
        "daily looks, mSPRT": float(mixed.any(axis=1).mean()),
        "daily looks, confidence sequence": float((score > sequence).any(axis=1).mean()),
    }


def check_targets(claims: pd.DataFrame, nothing: dict, something: dict) -> list[tuple[str, bool]]:
    """Compare what was seen with what was promised."""
    kinds = ["everyone", "a persona", "personas differ", "a policy", "wrong shares"]
    false = claims[kinds].any(axis=1).mean()
    return [
        (f"any false claim in at most {MAX_FALSE:.0%} of {len(claims)} A/A runs: {false:.1%}", false <= MAX_FALSE),
        ("mSPRT, daily looks: a false claim in at most 5 %", nothing["daily looks, mSPRT"] <= 0.05),
        ("confidence sequence, daily looks: a false claim in at most 5 %",
         nothing["daily looks, confidence sequence"] <= 0.05),
        ("its price is told right: power within 3 points of price_peeking's",
         abs(something["daily looks, confidence sequence"] - told_power()) <= 0.03),
    ]  # fmt: skip


def told_power() -> float:
    """Return the power that `price_peeking` tells a user to expect."""
    from segtool.measurement import price_peeking

    told = price_peeking(n_looks=N_LOOKS).set_index("rule")["power"]
    return float(told["any look, always valid"])


def main() -> None:
    """Run everything, print the tables and which promises hold; exit 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the runs")
    parser.add_argument("--first-seed", type=int, default=1000)
    said = parser.parse_args()
    runs, looks = (QUICK_RUNS, QUICK_SEQUENTIAL_RUNS) if said.quick else (RUNS, SEQUENTIAL_RUNS)
    claims = run_aa(runs, said.first_seed)
    print(
        f"A/A, {runs} runs, {N_USERS:,} users, {N_PERSONAS} personas, {len(METRICS)} metrics: share with a claim of"
    )
    kinds = ["everyone", "a persona", "personas differ", "a policy", "wrong shares"]
    print(f"  {'segtool, anything':36}{claims[kinds].any(axis=1).mean():8.1%}")
    for kind in kinds:
        print(f"    {kind:34}{claims[kind].mean():8.1%}")
    print(f"  {'39 Welch tests at 5 %':36}{claims['raw'].mean():8.1%}")
    print(f"  {'the same, Benjamini-Hochberg':36}{claims['raw, BH'].mean():8.1%}")
    nothing, something = run_sequential(looks, 0.0, 1), run_sequential(looks, PLANNED_EFFECT, 2)
    print(f"\n28 daily looks, {looks:,} tests{'':14}{'false':>8}{'power':>8}")
    for rule, false in nothing.items():
        print(f"  {rule:36}{false:8.1%}{something[rule]:8.1%}")
    targets = check_targets(claims, nothing, something)
    for promise, is_met in targets:
        print(f"{'MET' if is_met else 'MISSED'}: {promise}")
    sys.exit(0 if all(is_met for _, is_met in targets) else 1)


if __name__ == "__main__":
    main()
