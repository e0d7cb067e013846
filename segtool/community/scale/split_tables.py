"""What a split of a group is told as: a table each for parts, members, broken ties and bridges."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.community.scale.partition import kept_share, random_share
from segtool.community.scale.repair import count_alone
from segtool.community.scale.search import Parts
from segtool.community.scale.who import Who
from segtool.display import join_words

TABLES = {
    "groups": ["group_id", "title", "n_members", "n_parts", "upper", "lower", "n_ties", "kept_share",
               "kept_random", "kept_ties_only", "n_strong", "n_broken_strong", "n_alone", "n_silent", "basis",
               "reason"],
    "parts": ["group_id", "part", "n_members", "n_leaders", "leaders", "could_lead", "interests", "n_novices",
              "n_novices_alone", "n_answer_newcomers", "n_silent", "kept_share"],
    "members": ["group_id", "user_id", "part", "also_in", "role", "tenure", "why", "ties_kept", "ties_lost",
                "n_kept", "n_lost", "alone"],
    "broken": ["group_id", "user_id", "other_id", "part", "other_part", "weight"],
    "bridges": ["group_id", "user_id", "part", "also_in", "role", "ties_saved", "share_saved", "reason"],
    "bounds": ["group_id", "upper", "n_parts", "kept_share", "kept_random"],
    "edges": ["group_id", "user_id", "other_id", "weight", "kept"],
}  # fmt: skip
STRONG = 0.9  # quantile of the weights of a group's ties: the strongest tenth is listed when cut
N_BRIDGES = 5
N_NEXT = 3
TYPICAL = 120  # index from which an interest is called typical of a part
LEAST_INTERESTED = 5  # with fewer people of an interest in a part an index says nothing


@dataclass(eq=False)
class Divided:
    """One group on its way into parts; ``parts`` stays None where there is nothing to split by."""

    code: int
    group_id: str
    title: str
    users: np.ndarray
    user_ids: np.ndarray
    matrix: sparse.csr_array
    taste: np.ndarray
    topics: list[str]
    who: Who
    seats: np.ndarray
    upper: int
    lower: int
    basis: str
    parts: Parts | None = None
    inviter: np.ndarray | None = None
    bounds: list[tuple] = field(default_factory=list)
    moved: dict[int, str] = field(default_factory=dict)

    @property
    def leads(self) -> np.ndarray:
        """Who is known to lead, shape (n,)."""
        return self.who.leads[self.seats]

    @property
    def novice(self) -> np.ndarray:
        """Who is new, shape (n,)."""
        return self.who.tenure[self.seats] == "novice"

    @property
    def answers(self) -> np.ndarray:
        """Who answers newcomers, shape (n,)."""
        return self.who.answers[self.seats] > 0

    def finish(self, parts: Parts, inviter: np.ndarray) -> None:
        """Take the parts over, the largest first, equal ones by their first member."""
        _, first = np.unique(parts.part, return_index=True)
        rank = np.empty(len(first), dtype=np.int64)
        rank[np.lexsort((first, -parts.filled))] = np.arange(len(first))
        parts.__init__(parts.ties, rank[parts.part], len(first), parts.lower, parts.upper, parts.sizes)
        self.parts, self.inviter = parts, inviter

    def ties(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return both ends and the weight of every tie, each once."""
        upper = sparse.coo_array(sparse.triu(self.matrix, 1))
        order = np.lexsort((upper.coords[1], upper.coords[0]))
        return upper.coords[0][order], upper.coords[1][order], upper.data[order]


def part_name(number: int) -> str:
    """Return the letters of a part: A to Z, then AA.

    Examples
    --------
    >>> part_name(0), part_name(25), part_name(26)
    ('A', 'Z', 'AA')
    """
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def describe_group(divided: Divided) -> pd.DataFrame:
    """Return the one row of a group."""
    one, other, weight = divided.ties()
    row = {
        "group_id": divided.group_id, "title": divided.title, "n_members": len(divided.users), "n_parts": 0,
        "upper": divided.upper, "lower": divided.lower, "n_ties": len(weight), "kept_share": np.nan,
        "kept_random": np.nan, "kept_ties_only": np.nan, "n_strong": 0, "n_broken_strong": 0,
        "n_alone": 0, "n_silent": int((divided.matrix.sum(axis=1) == 0).sum()), "basis": divided.basis,
    }  # fmt: skip
    parts = divided.parts
    if parts is not None:
        strong = _is_strong(weight)
        row |= {
            "n_parts": len(parts.filled),
            "kept_share": kept_share(divided.matrix, parts.part),
            "kept_random": random_share(parts.filled),
            "kept_ties_only": {bound: kept for bound, _, kept, _ in divided.bounds}.get(
                divided.upper, np.nan
            ),
            "n_strong": int(strong.sum()),
            "n_broken_strong": int((strong & (parts.part[one] != parts.part[other])).sum()),
            "n_alone": int(count_alone(parts, divided.novice, divided.answers).sum()),
        }
    return pd.DataFrame([row | {"reason": _say_group(divided, row)}])


def _say_group(divided: Divided, row: dict) -> str:
    n, n_silent = row["n_members"], row["n_silent"]
    if divided.basis == "none" and row["n_ties"]:
        return f"{n} people: too many to place one by one; offer them groups by circle and let them choose"
    if divided.basis == "none":
        return f"{n} people, above {divided.upper}, but neither ties nor interests are known: nothing to split by"
    sizes = join_words([str(size) for size in divided.parts.filled])
    if divided.basis == "interests":
        return f"{n} people into {sizes} by interests alone: a split by ties is not possible, there are none"
    text = (
        f"{n} people into {sizes}; {row['kept_share']:.0%} of the ties are kept"
        f" (ties alone: {row['kept_ties_only']:.0%}, dealt out at random: {row['kept_random']:.0%})"
    )
    leaderless = len(divided.parts.filled) - len(np.unique(divided.parts.part[divided.leads]))
    if leaderless and divided.who.basis:
        text += f"; {leaderless} of the parts have no leader, since there are too few"
    if n_silent:
        text += f"; {n_silent} people without any tie were placed by inviter and interests"
    return text


def describe_parts(divided: Divided) -> pd.DataFrame:
    """Return one row per part."""
    parts, alone = divided.parts, count_alone(divided.parts, divided.novice, divided.answers)
    strength = parts.ties.sum(axis=1)
    kept = parts.into[parts.part, np.arange(len(parts.part))]
    rows = []
    for number in range(len(parts.filled)):
        own = parts.part == number
        leaders = divided.user_ids[own & divided.leads]
        total = strength[own].sum()
        rows.append(
            {
                "group_id": divided.group_id,
                "part": part_name(number),
                "n_members": int(own.sum()),
                "n_leaders": len(leaders),
                "leaders": ", ".join(map(str, leaders)),
                "could_lead": "" if len(leaders) else ", ".join(map(str, _find_next(divided, own))),
                "interests": _say_interests(divided, own),
                "n_novices": int((own & divided.novice).sum()),
                "n_novices_alone": int((own & divided.novice & alone).sum()),
                "n_answer_newcomers": int((own & divided.answers).sum()),
                "n_silent": int((own & (strength == 0)).sum()),
                "kept_share": float(kept[own].sum() / total) if total else np.nan,
            }
        )
    return pd.DataFrame(rows)


def _find_next(divided: Divided, own: np.ndarray) -> np.ndarray:
    """Return organisers and core members of a part that has no leader, those of most ties first."""
    nodes = np.flatnonzero(own & divided.who.leads_next[divided.seats])
    strength = divided.parts.ties.sum(axis=1)[nodes]
    return divided.user_ids[nodes[np.argsort(-strength, kind="stable")[:N_NEXT]]]


def _say_interests(divided: Divided, own: np.ndarray) -> str:
    """Return the interests typical of a part, with their index against the whole group."""
    known = divided.taste.any(axis=1)
    if not (known & own).any():
        return ""
    share = divided.taste / np.maximum(divided.taste.sum(axis=1, keepdims=True), 1e-12)
    base, here = share[known].mean(axis=0), share[known & own].mean(axis=0)
    index = np.divide(100 * here, base, out=np.zeros(len(base)), where=base > 0)
    n_people = (divided.taste[own] > 0).sum(axis=0)
    chosen = [
        place for place in np.argsort(-(here - base), kind="stable")[:3]
        if index[place] >= TYPICAL and n_people[place] >= LEAST_INTERESTED
    ]  # fmt: skip
    return ", ".join(f"{divided.topics[place]} (index {index[place]:.0f})" for place in chosen)


def describe_members(divided: Divided, bridges: pd.DataFrame) -> pd.DataFrame:
    """Return who goes where, and why."""
    parts, one = divided.parts, np.arange(len(divided.users))
    same = divided.matrix.copy()
    rows = np.repeat(one, np.diff(same.indptr))
    inside = parts.part[rows] == parts.part[same.indices]
    n_kept = np.bincount(rows[inside], minlength=len(one))
    n_lost = np.bincount(rows[~inside], minlength=len(one))
    kept = np.bincount(rows[inside], weights=same.data[inside], minlength=len(one))
    lost = np.bincount(rows[~inside], weights=same.data[~inside], minlength=len(one))
    second = dict(zip(bridges["user_id"], bridges["also_in"], strict=True)) if len(bridges) else {}
    return pd.DataFrame(
        {
            "group_id": divided.group_id,
            "user_id": divided.user_ids,
            "part": [part_name(number) for number in parts.part],
            "also_in": [second.get(user, "") for user in divided.user_ids],
            "role": divided.who.role[divided.seats],
            "tenure": divided.who.tenure[divided.seats],
            "why": [_say_member(divided, node, n_kept[node], n_lost[node]) for node in one],
            "ties_kept": kept.round(6),
            "ties_lost": lost.round(6),
            "n_kept": n_kept,
            "n_lost": n_lost,
            "alone": count_alone(parts, divided.novice, divided.answers),
        }
    )


def _say_member(divided: Divided, node: int, n_kept: int, n_lost: int) -> str:
    """Return in words why somebody comes into a part."""
    total = n_kept + n_lost
    if node in divided.moved:
        return f"{divided.moved[node]}; {n_kept} of {total} people they talk with are here"
    if total:
        return f"{n_kept} of {total} people they talk with are here"
    inviter = divided.inviter[node]
    if inviter >= 0 and divided.parts.part[inviter] == divided.parts.part[node] and divided.matrix.nnz:
        return "talks with nobody yet; the person who invited them is here"
    if divided.taste.shape[1] and divided.taste[node].any():
        return "talks with nobody yet; placed by interests"
    return "talks with nobody yet, interests not known; placed where there was room"


def describe_broken(divided: Divided) -> pd.DataFrame:
    """Return the strong ties that are cut."""
    one, other, weight = divided.ties()
    parts = divided.parts.part
    cut = np.flatnonzero(_is_strong(weight) & (parts[one] != parts[other]))
    cut = cut[np.argsort(-weight[cut], kind="stable")]
    return pd.DataFrame(
        {
            "group_id": divided.group_id,
            "user_id": divided.user_ids[one[cut]],
            "other_id": divided.user_ids[other[cut]],
            "part": [part_name(parts[node]) for node in one[cut]],
            "other_part": [part_name(parts[node]) for node in other[cut]],
            "weight": weight[cut].round(6),
        }
    )


def describe_bridges(divided: Divided) -> pd.DataFrame:
    """Return the few who would save most of the broken ties by staying in a second part.

    Chosen one by one: a tie that an earlier one saves is not counted again.
    """
    parts, names = divided.parts, range(len(divided.parts.filled))
    broken = np.where(parts.part[:, None] == parts.part, 0.0, parts.ties)
    total = broken.sum() / 2
    member = (parts.part[:, None] == np.array(names)).astype(float)
    rows, used = [], set()
    for _ in range(N_BRIDGES if total else 0):
        saved = (broken @ member).round(9)  # the last digits depend on the number of threads
        saved[list(used)] = 0.0
        node, to = np.unravel_index(int(saved.argmax()), saved.shape)
        if saved[node, to] <= 1e-9:
            break
        n_people = int((broken[node] * member[:, to] > 0).sum())
        rows.append(
            {
                "group_id": divided.group_id,
                "user_id": divided.user_ids[node],
                "part": part_name(int(parts.part[node])),
                "also_in": part_name(int(to)),
                "role": divided.who.role[divided.seats[node]],
                "ties_saved": round(float(saved[node, to]), 6),
                "share_saved": round(float(saved[node, to] / total), 6),
                "reason": f"talks with {n_people} people of part {part_name(int(to))}",
            }
        )
        used.add(int(node))
        there = member[:, to] > 0
        broken[node, there] = 0.0
        broken[there, node] = 0.0
    return pd.DataFrame(rows, columns=TABLES["bridges"])


def describe_ties(divided: Divided) -> pd.DataFrame:
    """Return every tie of the group, and whether it stays inside a part."""
    one, other, weight = divided.ties()
    parts = divided.parts.part
    return pd.DataFrame(
        {
            "group_id": divided.group_id,
            "user_id": divided.user_ids[one],
            "other_id": divided.user_ids[other],
            "weight": weight.round(6),
            "kept": parts[one] == parts[other],
        }
    )


def _is_strong(weight: np.ndarray) -> np.ndarray:
    return weight >= np.quantile(weight, STRONG) if len(weight) else np.zeros(0, dtype=bool)
