"""Two periods of a community with known personas, and what happened to them between the two.

Every user has a persona per period; their labels are drawn from it each time anew, except for the
share ``kept`` of the cells of those who were there before, which stay as they were: real labels
(a life stage, a habit over 90 days) do not start from nothing either.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

SIZES = (0.30, 0.24, 0.20, 0.16, 0.10)
LEVELS = (4, 4, 4, 3, 3, 5, 2, 2, 2, 2, 2, 4, 3, 2)  # the last four labels are noise
N_NOISE, N_NUMBERS = 4, 2
STAY = 0.8  # of the users of the smaller of both periods, persona by persona
SCENARIOS = ("same", "sizes", "split", "merge", "new", "gone", "move", "reordered", "replaced")


@dataclass(frozen=True)
class World:
    """Two wide tables of labels, the planted persona of each user, and the true events.

    Parameters
    ----------
    before, after : DataFrame of shape (n_users, n_labels)
        Indexed by user_id.
    truth_before, truth_after : Series of int
        Planted persona by user_id; new personas have numbers of their own.
    event_before, event_after : dict of int to str
        What happened to each planted persona: same, split, merged, gone or new.
    parents : dict of int to int
        Persona after to the one it continues, where there is one.
    moved : float
        Share of the users of both periods who changed their persona.
    """

    before: pd.DataFrame
    after: pd.DataFrame
    truth_before: pd.Series
    truth_after: pd.Series
    event_before: dict[int, str]
    event_after: dict[int, str]
    parents: dict[int, int] = field(default_factory=dict)
    moved: float = 0.0


def make_world(
    scenario: str, seed: int, *, n_users: int = 2000, kept: float = 0.0, move_rate: float = 0.1
) -> World:
    """Draw both periods of a scenario.

    Parameters
    ----------
    scenario : str
        One of `SCENARIOS`.
    seed : int
    n_users : int
        In the first period; about as many in the second.
    kept : float
        Share of the cells of staying users that are not drawn anew.
    move_rate : float
        Of "move": the share of staying users who take another persona.
    """
    rng = np.random.default_rng([seed, SCENARIOS.index(scenario), 77])
    shapes = draw_shapes(rng, len(SIZES) + 2)
    then, now, flow, events = _plan(scenario, shapes, rng, move_rate)
    who_then = np.repeat(np.arange(len(SIZES)), np.round(np.array(SIZES) * n_users).astype(int))
    who_now, stays = _people(scenario, who_then, flow, rng, n_users)
    ids_then = np.array([f"u{number:05d}" for number in rng.permutation(len(who_then))])
    n_came = len(who_now) - stays.sum()
    ids_now = np.concatenate([ids_then[stays], [f"v{number:05d}" for number in range(n_came)]])
    old = draw_labels(rng, then, who_then)
    new = draw_labels(rng, now, who_now)
    n_stay = int(stays.sum())
    if kept:
        moved = who_now[:n_stay] != who_then[stays]
        keep = (rng.random((n_stay, old.shape[1])) < kept) & ~moved[:, None]
        for place, name in enumerate(old):
            cells = new[name].to_numpy(dtype=object, copy=True)
            cells[:n_stay] = np.where(keep[:, place], old[name].to_numpy(dtype=object)[stays], cells[:n_stay])
            new[name] = pd.Series(cells).astype(new[name].dtype)
    old.index, new.index = pd.Index(ids_then, name="user_id"), pd.Index(ids_now, name="user_id")
    parents = {number: events["parents"].get(number, number) for number in np.unique(who_now).tolist()}
    came_from = np.array([parents[one] for one in who_now[:n_stay].tolist()])
    moved = float((came_from != who_then[stays]).mean()) if scenario != "merge" else 0.0
    return World(
        old, new, pd.Series(who_then, old.index), pd.Series(who_now, new.index), events["before"],
        events["after"], events["parents"], moved,
    )  # fmt: skip


def draw_shapes(rng: np.random.Generator, k: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Return what each persona is like: shares per level of each label, and means of the numbers."""
    shares = [rng.dirichlet(np.full(n, 0.45), k) for n in LEVELS[:-N_NOISE]]
    shares += [np.repeat(rng.dirichlet(np.full(n, 3.0), 1), k, axis=0) for n in LEVELS[-N_NOISE:]]
    shares = [0.9 * share + 0.1 / share.shape[1] for share in shares]
    return shares, rng.normal(0, 1.2, (N_NUMBERS, k))


def draw_labels(rng: np.random.Generator, shapes, who: np.ndarray) -> pd.DataFrame:
    """Draw a wide table of labels, one cell in ten unknown."""
    shares, means = shapes
    columns = {}
    for place, share in enumerate(shares):
        codes = (rng.random(len(who))[:, None] > np.cumsum(share, axis=1)[who, :-1]).sum(axis=1)
        if share.shape[1] == 2:
            columns[f"flag_{place:02d}"] = pd.Series(codes == 1).astype("boolean")
        else:
            names = [f"{'abcdefgh'[level]}{place}" for level in range(share.shape[1])]
            columns[f"kind_{place:02d}"] = pd.Series(pd.Categorical.from_codes(codes, names))
    for place, mean in enumerate(means):
        columns[f"number_{place}"] = pd.Series(rng.normal(mean[who], 1.0).round(3))
    frame = pd.DataFrame(columns)
    return frame.mask(pd.DataFrame(rng.random(frame.shape) < 0.1, columns=frame.columns))


def _plan(scenario: str, shapes, rng, move_rate: float):
    """Return the shapes then and now, the flow of stayers (rows then, columns now), and the events."""
    k = len(SIZES)
    flow = np.eye(k, k + 2)
    before, parents = dict.fromkeys(range(k), "same"), {}
    now = shapes
    if scenario == "split":  # persona 1 becomes two that differ in half of what persona 1 was
        now = _split(shapes, rng, 1, k)
        flow[1, 1] = flow[1, k] = 0.5
        before[1], parents = "split", {k: 1}
    elif scenario == "merge":  # 2 and 3 become alike
        now = _blend(shapes, 2, 3)
        flow[3], before[2], before[3] = flow[2], "merged", "merged"
        parents = {2: 2}
    elif scenario in ("gone", "replaced"):
        before[4] = "gone"
    elif scenario == "move":
        flow[:, :k] = (1 - move_rate) * np.eye(k) + move_rate * (1 - np.eye(k)) / (k - 1)
    after = {number: before[number] for number in range(k) if before[number] in ("same", "split")}
    if scenario == "split":
        after[k] = "split"
    elif scenario == "merge":
        after = {0: "same", 1: "same", 2: "merged", 4: "same"}
    elif scenario in ("new", "replaced"):
        after[k] = "new"
    return shapes, now, flow, {"before": before, "after": after, "parents": parents}


def _split(shapes, rng, one: int, other: int):
    """Pull a persona apart without changing what it is on average: traits that were mixed now go together."""
    shares, means = [share.copy() for share in shapes[0]], shapes[1].copy()
    for place, share in enumerate(shares):
        share[other] = share[one]
        side = _half(share[one])
        mass = share[one][side].sum()
        if place >= len(shares) - N_NOISE or not 0.25 <= mass <= 0.75:
            continue
        for number, inside in ((one, side), (other, ~side)):
            kept = np.where(inside, 0.9, 0.1) * shapes[0][place][one]
            share[number] = kept / kept.sum()
        if rng.random() < 0.5:  # which half goes with which is chance
            share[[one, other]] = share[[other, one]]
    means[:, other] = means[:, one]
    means[0, [one, other]] += [-0.9, 0.9]
    return shares, means


def _half(share: np.ndarray) -> np.ndarray:
    """Return which levels make up about half of a persona."""
    order = np.argsort(-share, kind="stable")
    before = np.cumsum(share[order]) - share[order]
    side = np.zeros(len(share), bool)
    side[order[before < 0.35]] = True
    return side


def _blend(shapes, one: int, other: int):
    """Make two personas alike: both are what they were on average."""
    shares, means = [share.copy() for share in shapes[0]], shapes[1].copy()
    for share in shares:
        share[[one, other]] = share[[one, other]].mean(axis=0)
    means[:, [one, other]] = means[:, [one, other]].mean(axis=1, keepdims=True)
    return shares, means


def _people(scenario: str, who_then: np.ndarray, flow: np.ndarray, rng, n_users: int):
    """Return the persona now (stayers first, in their order), and who of the first period stays."""
    k = len(SIZES)
    goal = np.zeros(k + 2)
    goal[:k] = SIZES
    if scenario == "sizes":
        goal[:k] = goal[:k] * rng.uniform(0.75, 1.3, k)
    elif scenario == "reordered":
        goal[:k] = goal[:k][::-1]
    if scenario in ("gone", "replaced"):
        goal[4] = 0
    if scenario in ("new", "replaced"):
        goal[k] = 0.15
    goal = np.round(goal / goal.sum() * n_users).astype(int)
    if scenario in ("split", "merge", "move"):
        stays = rng.random(len(who_then)) < STAY
        came = rng.choice(who_then, int((~stays).sum()))
    else:
        there = np.bincount(who_then, minlength=k + 2)
        share = STAY * np.minimum(there, goal) / np.maximum(there, 1)
        stays = rng.random(len(who_then)) < share[who_then]
        lacking = goal - np.bincount(who_then[stays], minlength=k + 2)
        came = np.repeat(np.arange(k + 2), np.maximum(lacking, 0))
        return np.concatenate([who_then[stays], came]), stays
    chance = np.cumsum(flow, axis=1)[np.concatenate([who_then[stays], came])]
    return (rng.random(len(chance))[:, None] > chance[:, :-1]).sum(axis=1), stays
