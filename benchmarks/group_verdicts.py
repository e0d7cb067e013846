"""Verdicts on groups whose fate is planted, and silence where nothing is: ``python -m benchmarks.group_verdicts``.

Communities of `simulate_circle` hold eight groups each: two thriving, one quiet, one dead, one chat room, one
overgrown, one loudspeaker and one too new to judge. Worlds of `simulate_groups` are noisier: holidays, weeks that
resemble the week before, themes that run for days, activities, chatterboxes, waves of newcomers, bursts of
complaints. "Healthy" are worlds of 14 thriving and 6 quiet groups; no verdict there may be anything else.

segtool           `judge_groups` with its defaults
no intervals      the same rules, each sign at its point estimate
plain thresholds  what a dashboard would do: dead below 2 % active or three weeks without talk; a chat room where
                  the share on topic fell by 15 points and three voices hold half of it; a loudspeaker where one
                  holds 60 %; overgrown above 150 members and fewer than 30 % writing
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segtool.community.health.health import Health, judge_groups
from segtool.community.health.measures import find_core_topics, measure_groups
from segtool.community.health.rules import judge
from segtool.community.health.said import HISTORY_WEEKS, read_said
from segtool.community.health.weekly import read_weeks
from segtool.community.settings import CommunitySettings
from segtool.community.speech.tone import read_tones
from segtool.community.talk import Talk, read_talk
from segtool.sources import Sources
from segtool.sources.simulate import simulate_circle
from segtool.sources.simulate.groups import GroupWorld, simulate_groups

SETTINGS = CommunitySettings()
FIRST_CIRCLE, FIRST_WORLD = 300, 500  # thresholds were chosen on circles 100 to 139 and worlds 1 to 16
HEALTHY = ["thriving"] * 14 + ["quiet"] * 6
PLANTED = ["dead", "chat_room", "overgrown", "loudspeaker", "new"] * 4
MIXED = ["thriving"] * 10 + ["quiet"] * 4 + ["chat_room"] * 3 + ["overgrown"] * 3
GOOD = ("thriving", "quiet")
UNJUDGED = ("new", "too little data")
METHODS = ("segtool", "no intervals", "plain thresholds")
TABLES = ("users", "messages", "members", "activities")


@dataclass(frozen=True)
class Variant:
    """One kind of healthy world."""

    name: str
    fates: tuple[str, ...] = tuple(HEALTHY)
    options: tuple[tuple[str, object], ...] = ()
    without: tuple[str, ...] = ()  # tables or columns that the export lacks


VARIANTS = (
    Variant("as it is"),
    Variant("topics of groups not stated", without=("groups",)),
    Variant("no roster", without=("members",)),
    Variant("answers not recorded", without=("reply_to",)),
    Variant("bots, 10 % deleted, clocks wrong",
            options=(("n_bots", 1), ("deleted_share", 0.1), ("skewed_share", 0.1))),
    Variant("large: 160 to 300 members", ("thriving",) * 10, (("n_members", (160, 300)),)),
    Variant("two months on record", options=(("days", 63),)),
)  # fmt: skip


def read(tables: dict, as_of, zone: str) -> Talk:
    """Read tables as a study would."""
    with Sources.read(tables, as_of=as_of, timezone=zone, max_rejected_share=1.0) as sources:
        return read_talk(sources, SETTINGS)


def read_world(world: GroupWorld, without: tuple[str, ...] = ()) -> Talk:
    """Read a world, less the tables and columns that are left out."""
    tables = {name: table for name, table in world.tables.items() if name not in without}
    tables["messages"] = tables["messages"].drop(
        columns=[name for name in without if name in tables["messages"]]
    )
    return read(tables, world.as_of, world.timezone)


def judge_by(method: str, talk: Talk) -> np.ndarray:
    """Return the verdicts of a method."""
    if method == "segtool":
        return judge_groups(talk).table["verdict"].to_numpy()
    said = read_said(talk)
    core, assumed = find_core_topics(talk, said)
    weeks = read_weeks(talk, said, core, HISTORY_WEEKS)
    table, trends = measure_groups(talk, said, weeks, core, SETTINGS)
    m = {name: table[name].to_numpy(dtype=float) for name in table}
    for name, trend in trends.items():
        m |= {f"{name}_{part}": trend[part] for part in ("slope", "lo", "hi")}
    m["is_stated"] = (core >= 0) & ~assumed
    if method == "no intervals":
        return judge(m, SETTINGS.model_copy(update={"verdict_confidence": 0.5 + 1e-9}))
    return _plain(m)


def _plain(m: dict[str, np.ndarray]) -> np.ndarray:
    fell = m["before"] - m["on_topic"] >= 0.15
    conditions = {
        "new": m["age_days"] < SETTINGS.new_group_days,
        "too little data": m["n_all"] < SETTINGS.min_messages,
        "dead": (m["active_share"] < 0.02) | (m["gap_days"] >= 21),
        "loudspeaker": m["top1"] >= 0.6,
        "overgrown": (m["n_members"] > 150) & (m["active_share"] < 0.3),
        "chat room": fell & (m["top3"] >= 0.5),
        "thriving": m["reply"] >= 0.6,
    }
    return np.select(list(conditions.values()), list(conditions), default="quiet").astype(object)


def run_circles(seeds: range) -> pd.DataFrame:
    """Judge every group of simulated communities."""
    rows = []
    for seed in seeds:
        circle = simulate_circle(random_state=seed, tables=TABLES)
        talk = read({name: circle.tables[name] for name in TABLES}, circle.as_of, circle.timezone)
        for method in METHODS:
            verdicts = judge_by(method, talk)
            rows += [
                {"seed": seed, "method": method, "fate": fate.replace("_", " "), "verdict": verdict}
                for fate, verdict in zip(circle.truth["groups"]["fate"], verdicts, strict=True)
            ]
    return pd.DataFrame(rows)


def run_healthy(variant: Variant, seeds: range) -> list[dict]:
    """Count bad verdicts on healthy groups, and those that were not judged."""
    rows = []
    for seed in seeds:
        world = simulate_groups(variant.fates, random_state=seed, with_text=False, **dict(variant.options))
        talk = read_world(world, variant.without)
        for method in METHODS:
            verdicts = judge_by(method, talk)
            wrong = [v for v in verdicts if v not in (*GOOD, *UNJUDGED)]
            rows.append({"world": variant.name, "seed": seed, "method": method, "n": len(verdicts),
                         "wrong": len(wrong), "called": Counter(wrong),
                         "unjudged": len([v for v in verdicts if v in UNJUDGED])})  # fmt: skip
    return rows


def run_planted(seeds: range) -> pd.DataFrame:
    """Judge noisy groups of bad fates."""
    rows = []
    for seed in seeds:
        world = simulate_groups(PLANTED, random_state=seed, with_text=False)
        talk = read_world(world)
        for method in METHODS:
            verdicts = judge_by(method, talk)
            rows += [{"method": method, "fate": fate.replace("_", " "), "verdict": verdict}
                     for fate, verdict in zip(PLANTED, verdicts, strict=True)]  # fmt: skip
    return pd.DataFrame(rows)


def run_events(seeds: range, n_early: int) -> tuple[Counter, pd.DataFrame]:
    """Find planted bursts of complaints and waves of newcomers, and count those that were not planted."""
    count, changes = Counter(), []
    for seed in seeds:
        world = simulate_groups(MIXED, random_state=seed, n_troubles=1)
        with Sources.read(world.tables, as_of=world.as_of, timezone=world.timezone) as sources:
            talk = read_talk(sources, SETTINGS)
            health = judge_groups(talk, tones=read_tones(talk, SETTINGS))
        count["group-years"] += len(MIXED) * world.days / 365
        _count_troubles(health, world, count)
        changes += _count_waves(health, world, count)
        if seed < seeds.start + n_early:
            _count_early(world, count)
    return count, pd.DataFrame(changes)


def _count_troubles(health: Health, world: GroupWorld, count: Counter) -> None:
    day, hits = pd.Timedelta(days=1), set()
    for trouble in world.truth["troubles"].itertuples():
        own = health.warnings[health.warnings["group_id"] == trouble.group_id]
        own = own[(own["since"] <= trouble.ends_at + day) & (own["until"] >= trouble.starts_at - day)]
        hits |= set(own.index)
        count["troubles"] += 1
        count["troubles found"] += len(own) > 0
    count["false warnings"] += len(health.warnings) - len(hits)


def _count_early(world: GroupWorld, count: Counter) -> None:
    """Read the world as of the two midnights after each burst began."""
    for trouble in world.truth["troubles"].itertuples():
        for days in (1, 2):
            as_of = trouble.starts_at.normalize() + pd.Timedelta(days=days)
            with Sources.read(world.tables, as_of=as_of.date().isoformat(), timezone=world.timezone,
                              max_rejected_share=1.0) as sources:  # fmt: skip
                talk = read_talk(sources, SETTINGS)
                warnings = judge_groups(talk, tones=read_tones(talk, SETTINGS)).warnings
            own = warnings[(warnings["group_id"] == trouble.group_id) & warnings["is_going_on"].astype(bool)]
            count[f"asked after {days}"] += 1
            count[f"told after {days}"] += len(own) > 0


def _count_waves(health: Health, world: GroupWorld, count: Counter) -> list[dict]:
    day, hits, changes = pd.Timedelta(days=1), set(), []
    fates = world.truth["groups"].set_index("group_id")["fate"]
    for wave in world.truth["waves"].itertuples():
        own = health.entrants[health.entrants["group_id"] == wave.group_id]
        own = own[(own["starts"] <= wave.at + 3 * day) & (own["ends"] >= wave.at - day)]
        hits |= set(zip(own["group_id"], own["starts"], strict=True))
        count["waves"] += 1
        count["waves found"] += len(own) > 0
        kind = "harmful" if fates[wave.group_id] == "overgrown" else "harmless"
        changes += [{"kind": kind, "measure": row.measure, "fell": row.hi < 0, "rose": row.lo > 0}
                    for row in own.dropna(subset=["change"]).itertuples()]  # fmt: skip
    told = set(zip(health.entrants["group_id"], health.entrants["starts"], strict=True))
    count["false waves"] += len(told - hits)
    return changes


def print_circles(rows: pd.DataFrame) -> None:
    """Print the verdicts per seed, and how many are right by method."""
    own = rows[rows["method"] == "segtool"]
    own = own.assign(place=own.groupby(["seed", "fate"]).cumcount() + 1)
    own["fate"] = np.where(own["place"] > 1, own["fate"] + " (2nd)", own["fate"])
    print("\nVerdicts on the groups of simulated communities, by seed (columns: what is planted)")
    print(own.pivot(index="seed", columns="fate", values="verdict").to_string())
    print_found(rows)


def print_found(rows: pd.DataFrame) -> None:
    """Print rightly named of planted, by fate and method."""
    right = rows.assign(right=rows["fate"] == rows["verdict"])
    table = right.groupby(["fate", "method"], sort=False)["right"].agg(["sum", "size"])
    table["found"] = [f"{right}/{n}" for right, n in zip(table["sum"], table["size"], strict=True)]
    print(table["found"].unstack()[list(METHODS)].to_string())


def print_healthy(rows: pd.DataFrame) -> None:
    """Print wrong verdicts of how many, by world and method."""
    print(f"\n{'healthy groups: bad verdicts':34}{'not judged':>12}" + "".join(f"{m:>20}" for m in METHODS))
    for world, own in rows.groupby("world", sort=False):
        cells = []
        for method in METHODS:
            part = own[own["method"] == method]
            cells.append(f"{part['wrong'].sum()} of {part['n'].sum()}")
        called = sum(own.loc[own["method"] == "segtool", "called"], Counter())
        unjudged = own.loc[own["method"] == "segtool", "unjudged"].sum()
        print(
            f"{world:34}{unjudged:12}"
            + "".join(f"{cell:>20}" for cell in cells)
            + (f"  {dict(called)}" if called else "")
        )


def print_events(count: Counter, changes: pd.DataFrame) -> None:
    """Print what was found of what was planted."""
    years = count["group-years"]
    print(f"\nbursts of complaints: {count['troubles found']} of {count['troubles']} found,"
          f" {count['false warnings']} false warnings in {years:.0f} group-years")  # fmt: skip
    for days, hours in ((1, 12), (2, 36)):
        print(f"  read {hours} hours after it began: {count[f'told after {days}']} of {count[f'asked after {days}']}"
              " told as going on")  # fmt: skip
    print(f"waves of newcomers: {count['waves found']} of {count['waves']} found,"
          f" {count['false waves']} false ones in {years:.0f} group-years")  # fmt: skip
    table = changes.groupby(["measure", "kind"])[["fell", "rose"]].agg(["mean", "size"])
    table = table[[("fell", "mean"), ("rose", "mean"), ("fell", "size")]]
    table.columns = ["surely fell", "surely rose", "waves"]
    print(table.round(2).to_string())


def time_judging() -> float:
    """Return the CPU seconds to judge 2,000 groups of a million messages."""
    from benchmarks.community_scale import AS_OF, make_world

    world = make_world(1_000_000, 100_000, 2_000, 1)
    with Sources.read(world, as_of=AS_OF, timezone="Asia/Shanghai") as sources:
        talk = read_talk(sources, SETTINGS)
    tones = np.random.default_rng(0).normal(0.05, 0.15, len(talk.messages)).astype(np.float32)
    clock = time.process_time()
    judge_groups(talk, tones=tones)
    return time.process_time() - clock


def check_targets(circles, healthy, planted, count: Counter, seconds: float) -> list[tuple[str, bool]]:
    """Compare what was found with what was promised."""
    own = circles[circles["method"] == "segtool"]
    main = own[own["fate"].isin(["dead", "chat room", "overgrown"])]
    n_right = int((main["fate"] == main["verdict"]).sum())
    clean = healthy[(healthy["method"] == "segtool")]
    first = clean[clean["world"] == VARIANTS[0].name]
    peers = healthy[healthy["method"] == "plain thresholds"]["wrong"].sum()
    noisy = planted[planted["method"] == "segtool"]
    share = {fate: float((part["fate"] == part["verdict"]).mean()) for fate, part in noisy.groupby("fate")}
    worst = min(share, key=share.get)
    years = count["group-years"]
    return [
        (f"communities: dead, chat room and overgrown all found ({n_right} of {len(main)})", n_right == len(main)),
        (f"20 healthy groups: no verdict but thriving or quiet ({first[['wrong', 'unjudged']].sum().sum()} of"
         f" {first['n'].sum()})", first[["wrong", "unjudged"]].sum().sum() == 0),
        (f"all healthy worlds: at most 1 bad verdict in 200 ({clean['wrong'].sum()} of {clean['n'].sum()}; plain thresholds"
         f" {peers})", clean["wrong"].sum() <= clean["n"].sum() / 200),
        (f"noisy worlds: at least 80 % of every fate found (least: {worst}, {share[worst]:.0%})", share[worst] >= 0.8),
        ("bursts of complaints: at least 90 % found, at most 1 false warning in 10 group-years",
         count["troubles found"] >= 0.9 * count["troubles"] and count["false warnings"] <= years / 10),
        ("waves of newcomers: at least 80 % found, at most 1 false one in 10 group-years",
         count["waves found"] >= 0.8 * count["waves"] and count["false waves"] <= years / 10),
        (f"a million messages of 2,000 groups judged in 7 s of CPU ({seconds:.1f} s)", seconds <= 7),
    ]  # fmt: skip


def main() -> None:
    """Run all parts, print the tables and which promises hold; exit 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="four seeds")
    said = parser.parse_args()
    n = 4 if said.quick else said.seeds
    circles = run_circles(range(FIRST_CIRCLE, FIRST_CIRCLE + n))
    print_circles(circles)
    seeds = range(FIRST_WORLD, FIRST_WORLD + n)
    planted = run_planted(seeds[: max(n // 2, 2)])
    print("\nNoisy groups of bad fates, rightly named of planted")
    print_found(planted)
    healthy = pd.DataFrame([row for variant in VARIANTS for row in run_healthy(variant, seeds)])
    print_healthy(healthy)
    count, changes = run_events(seeds[: max(n // 2, 2)], 1 if said.quick else 3)
    print_events(count, changes)
    seconds = time_judging()
    targets = check_targets(circles, healthy, planted, count, seconds)
    print()
    for promise, is_met in targets:
        print(f"{'MET' if is_met else 'MISSED'}: {promise}")
    sys.exit(0 if all(is_met for _, is_met in targets) else 1)


if __name__ == "__main__":
    main()
