"""What variety costs and brings: ``python -m benchmarks.diversity``.

Users' events are cut in time: EASE learns from what came before, and lists of ten are judged by what
the same users took up afterwards. Generated users and items (several seeds), and households of
completejourney with kinds of product. Compared in the same run: lists as ranked, MMR and calibration
at several weights, and three simpler ways to variety: one item per topic in turn, a shuffle of the
best twenty, and calibration to the user's own raw shares.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks.item_data import ItemSet, generated, grocery

K, HELD_BACK, USERS = 10, 0.25, 3000
PRIOR = 20.0  # events by which a user's shares are drawn to everyone's
WEIGHTS = {
    "mmr_closest": (0.1, 0.2),
    "mmr": (0.0, 0.1, 0.2, 0.3, 0.5),
    "calibrate": (0.0, 0.05, 0.1, 0.3, 0.5),
}


def split(data: ItemSet, repeat: bool) -> dict:
    """Cut the events in time: what is learnt from, scores of it, topics, profiles and what came later."""
    events = data.events[data.events["event"] != "hide"]
    start, end = events["event_time"].min(), events["event_time"].max()
    early = events["event_time"] < end - HELD_BACK * (end - start)
    content = data.content.drop_duplicates("item_id").set_index("item_id")["topic"]
    users = np.sort(events.loc[early, "user_id"].unique())[:USERS]
    items = np.sort(events.loc[early & events["item_id"].isin(content.index), "item_id"].unique())

    def counts(rows) -> sparse.csr_array:
        own = events[rows & events["user_id"].isin(users) & events["item_id"].isin(items)]
        place = (pd.Index(users).get_indexer(own["user_id"]), pd.Index(items).get_indexer(own["item_id"]))
        return sparse.csr_array((np.ones(len(own)), place), shape=(len(users), len(items)))

    before, later = counts(early), counts(~early)
    topic, names = pd.factorize(content.reindex(items).astype(str), sort=True)
    by_topic = sparse.csr_array(
        (np.ones(len(items)), (np.arange(len(items)), topic)), shape=(len(items), len(names))
    )
    held = (before @ by_topic).toarray()
    base = held.sum(axis=0) / held.sum()
    scores = ease(before.toarray() > 0)
    if not repeat:
        scores[before.toarray() > 0] = -np.inf
        later = later.multiply(before.toarray() == 0).tocsr()
    return {
        "scores": scores, "topics": np.array(names)[topic], "later": later,
        "profile": (held + PRIOR * base) / (held.sum(axis=1, keepdims=True) + PRIOR),
        "raw": (held + 1e-9) / (held + 1e-9).sum(axis=1, keepdims=True),
    }  # fmt: skip


def ease(seen: np.ndarray) -> np.ndarray:
    """Score items by EASE (Steck 2019): a linear model of items on items with a zero diagonal."""
    x = seen.astype(float)
    precision = np.linalg.inv(x.T @ x + (200 if len(x) < 1000 else 400) * np.eye(x.shape[1]))
    weights = -precision / np.diag(precision)
    np.fill_diagonal(weights, 0)
    return np.round(x @ weights, 10)


def simple_ways(world: dict, seed: int) -> dict[str, np.ndarray]:
    """Return the lists of ways to variety that need no weight."""
    rng = np.random.default_rng(seed)
    order = np.argsort(-world["scores"], axis=1)[:, :200]
    topic = pd.factorize(world["topics"])[0][order]
    seen = np.zeros(topic.shape, dtype=int)
    for place in range(1, topic.shape[1]):
        seen[:, place] = (topic[:, :place] == topic[:, place : place + 1]).sum(axis=1)
    in_turn = np.take_along_axis(order, np.argsort(seen, axis=1, kind="stable")[:, :K], axis=1)
    shuffled = rng.permuted(order[:, :20], axis=1)[:, :K]
    return {"one per topic in turn": in_turn, "shuffle of the best 20": shuffled}


def measure(name: str, world: dict, seed: int) -> pd.DataFrame:
    """Return one row per way and weight."""
    from segtool.targeting.lists import tradeoff
    from segtool.targeting.lists.candidates import read_kinds
    from segtool.targeting.lists.diversify import diversify

    options = {"profile": world["profile"], "k": K}
    parts = [
        tradeoff.measure_tradeoff(
            world["scores"], world["topics"], world["later"], method=method, weights=weights, **options
        ).table
        for method, weights in WEIGHTS.items()
    ]
    kinds = read_kinds(world["topics"], world["scores"].shape[1])
    judged = np.flatnonzero(np.asarray(world["later"].sum(axis=1)).ravel() > 0)
    base = parts[1]["ndcg"].iloc[0]
    others = simple_ways(world, seed)
    others["calibrate, raw shares"] = diversify(
        world["scores"], world["topics"], K, method="calibrate", profile=world["raw"], max_topic_share=1
    )
    others["mmr and at most 40 %"] = diversify(world["scores"], world["topics"], K, max_topic_share=0.4)
    rows = []
    for way, lists in others.items():
        quality = tradeoff.ndcg(lists[judged], world["later"][judged], K).mean()
        variety = tradeoff.measure_variety(lists, kinds, world["profile"], world["scores"].shape[1])
        rows.append(
            {
                "method": way,
                "weight": np.nan,
                "ndcg": quality,
                "change": quality / base - 1,
                "n_users": len(judged),
                **variety,
            }
        )
    table = pd.concat([*parts, pd.DataFrame(rows)], ignore_index=True)
    return table.assign(data=name, seed=seed)


def judge_safe_choice(world: dict, method: str) -> dict:
    """Let one half of the users choose the weight, and see what it does to the lists of the other half."""
    from segtool.targeting.lists.tradeoff import measure_tradeoff

    half = np.arange(len(world["scores"])) % 2 == 0
    found = []
    for rows, weights in ((half, WEIGHTS[method]), (~half, None)):
        weights = weights or (found[0].weight,)
        own = {"profile": world["profile"][rows], "method": method, "weights": weights}
        found.append(measure_tradeoff(world["scores"][rows], world["topics"], world["later"][rows], K, **own))
    first, last = found[1].table.iloc[0], found[1].table.iloc[-1]
    return {
        "method": method, "weight": found[0].weight, "change": last["change"], "n_users": int(last["n_users"]),
        "varied": last["intra_list_diversity"] / first["intra_list_diversity"] - 1,
        "nearer": last["kl_profile"] / first["kl_profile"] - 1,
    }  # fmt: skip


def cap_holds(world: dict) -> bool:
    """Say whether no list has more than four of ten from one topic, or what was sent lately."""
    from segtool.targeting.lists.diversify import diversify

    rng = np.random.default_rng(0)
    sent = sparse.csr_array(rng.random(world["scores"].shape) < 0.05)
    topic = pd.factorize(world["topics"])[0]
    for method in ("mmr", "calibrate", "none"):
        lists = diversify(
            world["scores"], world["topics"], K, method=method, profile=world["profile"], excluded=sent
        )
        for row, own in enumerate(lists):
            own = own[own >= 0]
            if np.bincount(topic[own], minlength=1).max(initial=0) > 4 or sent[[row] * len(own), own].any():
                return False
    return True


def time_batch(n_users: int, n_items: int = 1000) -> float:
    """Return CPU seconds of lists of ten for users by MMR, from a pool of 100."""
    from segtool.targeting.lists.diversify import diversify

    rng = np.random.default_rng(0)
    scores, topics = rng.random((n_users, n_items)), rng.integers(0, 40, n_items).astype(str)
    before = time.process_time()
    diversify(scores, topics, K)
    return time.process_time() - before


def check_targets(table: pd.DataFrame, chosen: pd.DataFrame, capped: bool, seconds: float, n_users: int):
    """Compare what was measured with what was promised; the limits come from other data (MovieLens)."""
    found = []
    for name, own in table.groupby("data", sort=False):
        mean = own.groupby(["method", "weight"])[["change", "kl_profile", "intra_list_diversity"]].mean()
        plain, mmr, calm = mean.loc[("mmr", 0.0)], mean.loc[("mmr", 0.2)], mean.loc[("calibrate", 0.05)]
        varied = mmr["intra_list_diversity"] / plain["intra_list_diversity"] - 1
        simple = own[own["method"] == "one per topic in turn"]["change"].mean()
        found += [
            (f"{name}: MMR .2 costs at most 3 % of NDCG ({mmr['change']:+.1%})", mmr["change"] >= -0.03),
            (f"{name}: and lists are at least 5 % more varied ({varied:+.1%})", varied >= 0.05),
            (f"{name}: calibration .05 costs at most 4 % ({calm['change']:+.1%})", calm["change"] >= -0.04),
            (f"{name}: one per topic in turn costs more than MMR .2 ({simple:+.1%})", simple < mmr["change"]),
        ]
    for (name, method), own in chosen.groupby(["data", "method"], sort=False):
        mean = own[["change", "varied", "nearer"]].mean()
        text = f"{name}, {method}: the weight one half of the users calls safe costs the others at most 3 %"
        found.append(
            (f"{text} ({mean['change']:+.1%}, {mean['varied']:+.1%} varied)", mean["change"] >= -0.03)
        )
        text = f"{name}, {method}: and brings lists nearer to the profile"
        found.append((f"{text} ({mean['nearer']:+.1%})", mean["nearer"] < 0))
    found.append(("no list over its cap, nothing sent lately", capped))
    limit = n_users / 1000
    found.append((f"{n_users:,} users: lists in under {limit:g} s of CPU ({seconds:.1f} s)", seconds < limit))
    return found


def main() -> None:
    """Measure, print the table and what of the promises holds; exit 1 where one does not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed, generated data alone")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    seeds = range(10, 11 if arguments.quick else 10 + arguments.seeds)
    worlds = [("generated", split(generated(seed, 2500), repeat=False), seed) for seed in seeds]
    if not arguments.quick:
        worlds.append(("grocery", split(grocery(), repeat=True), 0))
    table = pd.concat([measure(*world) for world in worlds], ignore_index=True)
    choices = [{"data": w[0], **judge_safe_choice(w[1], m)} for w in worlds for m in ("mmr", "calibrate")]
    columns = [
        "ndcg",
        "change",
        "change_lo",
        "change_hi",
        "kl_profile",
        "intra_list_diversity",
        "coverage",
        "gini",
    ]
    shown = table.groupby(["data", "method", "weight"], sort=False, dropna=False)[
        [*columns, "n_users"]
    ].mean()
    print(shown.to_string(float_format=lambda x: f"{x:.3f}"))
    chosen = pd.DataFrame(choices)
    print(chosen.to_string(index=False, float_format=lambda x: f"{x:.3f}"))
    n_users = 2_000 if arguments.quick else 20_000
    promises = check_targets(table, chosen, cap_holds(worlds[0][1]), time_batch(n_users), n_users)
    for promise, kept in promises:
        print(f"{'MET   ' if kept else 'MISSED'} {promise}")
    sys.exit(not all(kept for _, kept in promises))


if __name__ == "__main__":
    main()
