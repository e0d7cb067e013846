"""Fusion of people, answers, three rules and a cold fact, beside Dawid-Skene and the majority.

The rules speak of 70 % of users each, an answer of 8 %, a note of 3 %, the fact of 40 %. In one world
the rules read the same events and mostly repeat each other; in the other they err independently.
Votes go in as tables of a study and come out as labels: the whole way is measured.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import pandas as pd

from segtool.labels import Catalog, label_users
from segtool.sources import Sources

N_USERS, SEEDS = 20_000, 5
SHARE_YES = 0.2
SPEAKS = {"note": 0.03, "answer": 0.08, "rule1": 0.7, "rule2": 0.7, "rule3": 0.7, "fact": 0.4}
RIGHT = {"note": 0.98, "answer": 0.92}
# P(yes | yes) and P(no | no) of rules and fact.
SENSITIVITY = {"rule1": 0.70, "rule2": 0.66, "rule3": 0.62, "fact": 0.55}
SPECIFICITY = {"rule1": 0.82, "rule2": 0.84, "rule3": 0.80, "fact": 0.65}
# How often a correlated rule repeats what all of them saw, instead of a look of its own.
REPEATS = 0.85
N_BINS = 10
WORLDS = ("correlated", "independent")

CATALOG = """
[labels.mom]
facet = "life stage"
values = ["no", "yes"]
[[labels.mom.claims]]
note = {}
[[labels.mom.claims]]
answer = {question = "q1"}
[[labels.mom.claims]]
flag = {is = "rule1 >= 1", needs = "rule1 >= 0"}
[[labels.mom.claims]]
flag = {is = "rule2 >= 1", needs = "rule2 >= 0"}
[[labels.mom.claims]]
flag = {is = "rule3 >= 1", needs = "rule3 >= 0"}
[[labels.mom.claims]]
column = {name = "fact"}
""" + "".join(
    f'[measures.rule{i}]\nfrom = "events"\nsql = "max(amount)"\nwhere = "event = \'rule{i}\'"\n'
    for i in (1, 2, 3)
)


def draw_votes(world: str, seed: int, n_users: int = N_USERS) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Draw the truth and what each source says.

    Returns
    -------
    truth : ndarray of shape (n_users,)
        1 for yes.
    votes : dict of str to ndarray of shape (n_users,)
        1 for yes, 0 for no, -1 for silence.
    """
    rng = np.random.default_rng([seed, WORLDS.index(world)])
    truth = (rng.random(n_users) < SHARE_YES).astype(int)

    def look(name: str) -> np.ndarray:
        right = np.where(truth == 1, SENSITIVITY[name], SPECIFICITY[name])
        return np.where(rng.random(n_users) < right, truth, 1 - truth)

    votes = {name: np.where(rng.random(n_users) < right, truth, 1 - truth) for name, right in RIGHT.items()}
    seen = look("rule1")
    for name in SENSITIVITY:
        own = look(name)
        repeats = (world == "correlated") & name.startswith("rule") & (rng.random(n_users) < REPEATS)
        votes[name] = np.where(repeats, seen, own)
    return truth, {
        name: np.where(rng.random(n_users) < SPEAKS[name], said, -1) for name, said in votes.items()
    }


def fuse_with_segtool(votes: dict[str, np.ndarray], reliabilities) -> np.ndarray:
    """Return P(yes) per user as the labels give it; missing where nobody spoke."""
    users = np.array([f"u{number:06d}" for number in range(len(votes["note"]))])
    words = np.array(["no", "yes"])
    said = {name: (votes[name] >= 0, words[votes[name]]) for name in ("note", "answer", "fact")}
    events = pd.concat(
        pd.DataFrame({"user_id": users, "event": name, "amount": votes[name].astype(float)})[votes[name] >= 0]
        for name in ("rule1", "rule2", "rule3")
    ).assign(event_time="2026-06-01")
    note, answer, fact = ((users[spoke], word[spoke]) for spoke, word in said.values())
    tables = {
        "events": events,
        "notes": pd.DataFrame({"user_id": note[0], "value": note[1]}).assign(
            label="mom", author="Li", noted_at="2026-06-01"
        ),
        "survey": pd.DataFrame({"user_id": answer[0], "q1": answer[1]}).assign(answered_at="2026-06-01"),
        "users": pd.DataFrame({"user_id": fact[0], "fact": fact[1]}),
    }
    with Sources.read(tables, as_of="2026-07-01") as sources:
        found = label_users(sources, Catalog.from_toml(CATALOG), reliabilities=reliabilities).to_pandas()
    chance = found["confidence"].where(found["value"] == "yes", 1 - found["confidence"])
    return chance.set_axis(found["user_id"]).reindex(users).to_numpy()


def fuse_by_dawid_skene(votes: dict[str, np.ndarray], n_rounds: int = 100) -> np.ndarray:
    """Return P(yes) per user by expectation maximisation from the majority, every source a judge like any other.

    References
    ----------
    Dawid & Skene (1979), Applied Statistics 28.
    """
    said = np.stack([np.column_stack([vote == 0, vote == 1]).astype(float) for vote in votes.values()])
    belief = said.sum(axis=0)
    belief /= np.maximum(belief.sum(axis=1, keepdims=True), 1)
    for _ in range(n_rounds):
        scores = np.tile(np.log(belief.mean(axis=0)), (belief.shape[0], 1))
        for vote in said:
            confusion = belief.T @ vote + 0.01
            scores += vote @ np.log(confusion / confusion.sum(axis=1, keepdims=True)).T
        belief = np.exp(scores - scores.max(axis=1, keepdims=True))
        belief /= belief.sum(axis=1, keepdims=True)
    return belief[:, 1]


def fuse_by_majority(votes: dict[str, np.ndarray]) -> np.ndarray:
    """Return the share of yes among those who speak."""
    table = np.stack(list(votes.values()))
    return (table == 1).sum(axis=0) / np.maximum((table >= 0).sum(axis=0), 1)


METHODS = {
    "majority": fuse_by_majority,
    "Dawid-Skene": fuse_by_dawid_skene,
    "segtool, declared": lambda votes: fuse_with_segtool(votes, None),
    "segtool, estimate": lambda votes: fuse_with_segtool(votes, "estimate"),
}


def measure(chance: np.ndarray, truth: np.ndarray, votes: dict[str, np.ndarray]) -> dict[str, float]:
    """Return accuracy, accuracy where a person spoke, precision of yes, calibration error, Brier."""
    said = chance > 0.5
    right = said == (truth == 1)
    bins = np.minimum((chance * N_BINS).astype(int), N_BINS - 1)
    gaps = [abs(chance[bins == b].sum() - truth[bins == b].sum()) for b in range(N_BINS)]
    return {
        "accuracy": right.mean(),
        "person_accuracy": right[votes["note"] >= 0].mean(),
        "precision_yes": truth[said].mean(),
        "recall_yes": said[truth == 1].mean(),
        "calibration_error": sum(gaps) / len(truth),
        "brier": ((chance - truth) ** 2).mean(),
    }


def compare(n_seeds: int = SEEDS, n_users: int = N_USERS) -> pd.DataFrame:
    """Measure every method in both worlds on users of whom anybody said anything; means over seeds."""
    rows = []
    for world in WORLDS:
        for seed in range(n_seeds):
            truth, votes = draw_votes(world, seed, n_users)
            known = np.any([vote >= 0 for vote in votes.values()], axis=0)
            for name, fuse in METHODS.items():
                start = time.perf_counter()
                chance = fuse(votes)[known]
                seconds = time.perf_counter() - start
                heard = {source: vote[known] for source, vote in votes.items()}
                found = measure(chance, truth[known], heard)
                rows.append({"world": world, "method": name, **found, "seconds": seconds, "n": known.sum()})
    return pd.DataFrame(rows).groupby(["world", "method"], sort=False).mean()


def check_promises(table: pd.DataFrame) -> list[tuple[str, float, bool]]:
    """Return what was promised, what was found, and whether it holds."""
    ours, theirs = table.loc["correlated", "segtool, estimate"], table.loc["correlated", "Dawid-Skene"]
    gap = (
        table.loc[("independent", "Dawid-Skene"), "accuracy"]
        - table.loc[("independent", "segtool, estimate"), "accuracy"]
    )
    error, peer = ours["calibration_error"], theirs["calibration_error"]
    brier = ours["brier"] / theirs["brier"]
    right = ours["person_accuracy"]
    return [
        ("correlated: accuracy where a person spoke >= 0.975", right, right >= 0.975),
        ("correlated: calibration error <= 0.05", error, error <= 0.05),
        ("correlated: calibration error <= half of Dawid-Skene's", error / peer, error <= peer / 2),
        ("correlated: Brier <= 0.75 of Dawid-Skene's", brier, brier <= 0.75),
        ("independent: accuracy within 0.005 of Dawid-Skene's", gap, gap <= 0.005),
    ]


def main() -> None:
    """Run the comparison, print the table and what of the promises holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--users", type=int, default=N_USERS)
    arguments = parser.parse_args()
    table = compare(arguments.seeds, arguments.users)
    print(f"{arguments.users:,} users, {arguments.seeds} seeds, means")
    print(table.round(4).to_string())
    promises = check_promises(table)
    for promise, found, holds in promises:
        print(f"{'MET' if holds else 'MISSED'}: {promise} (found {found:.4f})")
    if not all(holds for *_, holds in promises):
        sys.exit(1)


if __name__ == "__main__":
    main()
