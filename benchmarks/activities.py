"""Planted lifts of activities found again: ``python -m benchmarks.activities``.

Worlds of simulated groups over half a year (`segtool.sources.simulate.groups`): weeks that resemble each
other, overdispersed days, weekends, two holidays for all, members and talk that grow, waves of newcomers.
Each group has four activities of one to seven days; three in ten of them do nothing, the others lift the
talk 2.2 times (median), with a share that lasts and fades. Worlds:

planted       20 groups, thriving and quiet
large lifts   the same with lifts of 4 times
no effect     20 groups whose activities do nothing: every one named is named falsely
few groups    two groups, so that there is no one to compare with

Rows: segtool (`study_activities`); naive, messages a day during beside the four weeks before, with a Poisson
interval, as a dashboard would. Promises, set before the seeds reported on were looked at: intervals of 90 %
hold the truth in 85 to 96 % of cases (of topic shares and in worlds of few groups in at least 85 %), where ten
messages and more were due the median error is within 8 % (15 % in worlds of few groups), of activities named
as having an effect at most 10 % have none.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import pandas as pd
from scipy import stats

from segtool.community.activities.activities import study_activities
from segtool.community.activities.wording import LIFTED, LOWERED
from segtool.community.talk import read_talk
from segtool.sources import Sources
from segtool.sources.simulate.groups import simulate_groups

FIRST_SEED = 700  # methods were chosen on seeds below
MANY = ["thriving"] * 14 + ["quiet"] * 6
WORLDS = {
    "planted": (MANY, {}),
    "large lifts": (MANY, {"lift": 4.0}),
    "no effect": (MANY, {"dud_share": 1.0}),
    "few groups": (["thriving"] * 2, {}),
}
DAY = pd.Timedelta(days=1)
COLUMNS = ["method", "window", "activity_id", "true", "found", "lo", "hi", "expected", "named", "dud"]


def run_world(name: str, seed: int) -> tuple[pd.DataFrame, dict]:
    """Study one world; return a row per activity, method and window, and what is true of the world."""
    fates, options = WORLDS[name]
    world = simulate_groups(fates, random_state=seed, n_activities=4, with_text=False, **options)
    with Sources.read(world.tables, as_of=world.as_of, timezone=world.timezone) as sources:
        talk = read_talk(sources)
        clock = time.process_time()
        found = study_activities(talk)
        seconds = time.process_time() - clock
    truth = world.truth["activities"].set_index("activity_id")
    truth = truth[["lift", "lasting", "steer", "dud"]].rename(
        columns={"lift": "lift_true", "steer": "steer_true"}
    )
    table = found.table.set_index("activity_id").join(truth)
    rows = [*_own(table), *_naive(world, table)]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.assign(world=name, seed=seed), {
        "world": name, "seed": seed, "seconds": seconds, **_whole(found, table), **_returned(found, world)
    }  # fmt: skip


def _own(table: pd.DataFrame) -> list[tuple]:
    rows = []
    for activity, row in table.iterrows():
        named = row["verdict"] in (LIFTED, LOWERED)
        left = row["lift_true"] ** (row["lasting"] * (1 + 0.5 + 0.25 + 0.125) / 4)
        # Where two run at once, the simulation gives the talk the topic of the later one.
        steered = np.nan if row["mixed"] else row["steer_true"] * (1 - row["share_before"])
        for window, true, names, named_so in (
            ("during", row["lift_true"], ("lift", "lo", "hi"), named),
            ("after", left, ("lift_after", "after_lo", "after_hi"), False),
            ("steer", steered, ("steer", "steer_lo", "steer_hi"), False),
        ):
            found = [row[name] for name in names]
            rows.append(("segtool", window, activity, true, *found, row["expected"], named_so, row["dud"]))
    return rows


def _naive(world, table: pd.DataFrame) -> list[tuple]:
    """Compare messages a day during with those of the four weeks before, by a Poisson rate ratio."""
    messages, rows = world.tables["messages"], []
    days = {group: own["sent_at"].dt.normalize() for group, own in messages.groupby("group_id")}
    opens = pd.Timestamp(world.as_of) - world.days * DAY
    for activity, row in table[table["lift"].notna()].iterrows():
        start, end = pd.Timestamp(row["starts_on"]), pd.Timestamp(row["ends_on"])
        own = days[row["group_id"]]
        n = int(own.between(start, end).sum())
        before = int(own.between(start - 28 * DAY, start - DAY).sum())
        ratio = min((start - opens).days, 28) / ((end - start).days + 1)
        if before:
            low = stats.beta.ppf(0.05, n, before + 1) if n else 0.0
            high = stats.beta.ppf(0.95, n + 1, before)
            lo, hi = ratio * low / (1 - low), ratio * high / (1 - high)
            named = lo > 1 or hi < 1
            found = ratio * (n + 0.25) / before
            rows.append(
                (
                    "naive",
                    "during",
                    activity,
                    row["lift_true"],
                    found,
                    lo,
                    hi,
                    before / ratio,
                    named,
                    row["dud"],
                )
            )
    return rows


def _whole(found, table: pd.DataFrame) -> dict:
    """Compare the pooled lift with the mean of those planted in the activities it rests on."""
    whole = found.overall("messages", "during")
    own = table[~table["mixed"].astype(bool) & table["lift"].notna()]
    if whole is None or own.empty:
        return {"whole": np.nan}
    true = own["lift_true"].mean()
    return {"whole": float(whole["lo"] <= true <= whole["hi"]), "whole_error": np.log(whole["lift"] / true)}


def _returned(found, world) -> dict:
    """Count planted returns that are in the table (those the rule can see: silent 30 days on record)."""
    planted = world.truth["returned"][["activity_id", "user_id"]]
    named = found.returned[["activity_id", "user_id"]]
    return {"returned": len(planted), "returned_found": len(planted.merge(named))}


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Return coverage, error and width per world, method and window."""
    told = rows.dropna(subset=["found", "lo", "true"]).copy()
    told["inside"] = (told["lo"] <= told["true"]) & (told["true"] <= told["hi"])
    steer = told["window"] == "steer"
    with np.errstate(divide="ignore"):
        logs = np.log(told["found"].clip(1e-9)) - np.log(told["true"].clip(1e-9))
        width = np.log(told["hi"].clip(1e-3)) - np.log(told["lo"].clip(1e-3))
    told["error"] = np.where(steer, told["found"] - told["true"], logs)
    told["width"] = np.where(steer, told["hi"] - told["lo"], width)
    # In an empty or nearly empty window a ratio is far below its mean in the middle: looked at where ten were due.
    told["error"] = told["error"].where(steer | (told["expected"] >= 10))
    told["false"] = told["named"] & told["dud"].astype(bool)
    grouped = told.groupby(["world", "window", "method"], sort=False)
    return grouped.agg(
        n=("inside", "size"), inside=("inside", "mean"), error=("error", "median"), width=("width", "median"),
        named=("named", "sum"), false=("false", "sum"),
    ).reset_index()  # fmt: skip


def print_tables(table: pd.DataFrame, worlds: pd.DataFrame) -> None:
    """Print what was found, per world, window and method; then of whole worlds."""
    print(
        f"{'':36}{'n':>7}{'90 % intervals hold':>21}{'median error':>14}{'median width':>14}{'named':>8}{'falsely':>9}"
    )
    for row in table.to_dict("records"):
        name = f"{row['world']}: {row['window']}, {row['method']}"
        print(f"{name:36}{row['n']:7}{row['inside']:21.1%}{row['error']:+14.3f}{row['width']:14.2f}"
              f"{row['named']:8.0f}{row['false']:9.0f}")  # fmt: skip
    for name, own in worlds.groupby("world", sort=False):
        print(f"{name}: {len(own)} worlds; pooled interval holds the truth in {own['whole'].mean():.0%}, median error "
              f"{own['whole_error'].median():+.3f}; {own['returned_found'].sum()} of {own['returned'].sum()} planted "
              f"returns found; {own['seconds'].mean():.2f} s of CPU each")  # fmt: skip


def check_targets(table: pd.DataFrame, worlds: pd.DataFrame) -> list[tuple[str, bool]]:
    """Compare what was found with what was promised."""
    targets = []
    for row in table[table["method"] == "segtool"].to_dict("records"):
        name, few = f"{row['world']}, {row['window']}", row["world"] == "few groups"
        high, near = (1.0, 0.15) if few else (0.96, 0.08)
        if row["window"] != "steer":
            targets.append((f"{name}: 90 % intervals hold the truth in 85 to {high:.0%} ({row['inside']:.1%})",
                            0.85 <= row["inside"] <= high))  # fmt: skip
            targets.append(
                (
                    f"{name}: median error within {near:.0%} ({np.expm1(row['error']):+.1%})",
                    abs(np.expm1(row["error"])) <= near,
                )
            )
        else:
            targets.append(
                (f"{name}: at least 85 % hold the truth ({row['inside']:.1%})", row["inside"] >= 0.85)
            )
    own = table[(table["method"] == "segtool") & (table["window"] == "during")].set_index("world")
    some = own.drop(index="no effect")
    targets.append((f"of those named at most 10 % have no effect ({some['false'].sum()} of {some['named'].sum()})",
                    some["false"].sum() <= 0.1 * some["named"].sum()))  # fmt: skip
    none = own.loc["no effect"]
    naive = table[(table["method"] == "naive") & (table["world"] == "no effect")].iloc[0]
    targets.append((f"no effect: at most 2 % of the activities named ({none['false']} of {none['n']}; naive "
                    f"{naive['false']} of {naive['n']})", none["false"] <= 0.02 * none["n"]))  # fmt: skip
    pooled = worlds.groupby("world", sort=False)["whole"].mean()
    targets += [(f"{name}: pooled intervals hold the truth in at least 85 % of worlds ({share:.0%})", share >= 0.85)
                for name, share in pooled.items()]  # fmt: skip
    shares = worlds["returned_found"].sum() / max(worlds["returned"].sum(), 1)
    targets.append((f"at least 95 % of the planted returns found ({shares:.0%})", shares >= 0.95))
    return targets


def main() -> None:
    """Run all worlds, print the tables and which promises hold; exit 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--first", type=int, default=FIRST_SEED)
    parser.add_argument("--quick", action="store_true", help="four seeds")
    said = parser.parse_args()
    rows, worlds = [], []
    for name in WORLDS:
        n = 4 if said.quick else said.seeds
        for seed in range(said.first, said.first + n * (4 if name == "few groups" else 1)):
            frame, told = run_world(name, seed)
            rows.append(frame)
            worlds.append(told)
        print(name, "done", file=sys.stderr, flush=True)
    table, worlds = summarise(pd.concat(rows, ignore_index=True)), pd.DataFrame(worlds)
    print_tables(table, worlds)
    targets = check_targets(table, worlds)
    for promise, is_met in targets:
        print(f"{'MET' if is_met else 'MISSED'}: {promise}")
    sys.exit(0 if all(is_met for _, is_met in targets) else 1)


if __name__ == "__main__":
    main()
