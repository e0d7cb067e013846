"""Circles of people who talk to each other and care for the same things, named by what that is."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.community.circles.detect import Detected, Structure, detect_circles
from segtool.community.circles.graph import check_graph, damp_weights, graph_of, upper_ties
from segtool.community.circles.interests import check_interests, interest_matrix, likeness
from segtool.community.circles.topics import find_topics, name_circles
from segtool.community.settings import CommunitySettings
from segtool.display import Shown
from segtool.notes import known, unknown

# A silent member is placed by where their groups' talkers are: at best half as sure as by own ties.
BY_GROUPS = 0.5
MOST_OF_GROUP = 0.5  # of the talkers of one's groups must be of one circle
SUITS = 0.3  # correlation of interests from which somebody in no circle would suit one
SUITABLE = 50  # circles that are thought of, the largest; thousands against everybody would take minutes
STABLE = 0.75  # Hennig's (2007) bound


@dataclass(frozen=True, repr=False, eq=False)
class Circles(Shown):
    """Who is in which circle, and what each circle is about.

    Parameters
    ----------
    members : DataFrame, shape (n_users, 6)
        One row per user of the study, sorted: user_id, circle (``c01`` is the largest; missing: in no circle),
        confidence (share of runs in their circle; at most 0.5 for people placed by their groups; missing for none),
        n_ties (people they are tied to), by ("ties", "groups" or "none"), would_suit (for people in no circle: the
        circle whose interests are most like theirs; missing where none is, or nothing is known).
    table : DataFrame
        One row per circle: circle, name, named_by_topics (False: no topic stands out, so the name tells nothing),
        n_users, n_by_ties, share (of all users), stability (0 to 1), stable (0.75 and above), ties_inside (share of
        its members' tie weight), main_group, main_group_share (of its members), topics (the typical ones with their
        index), n_known (members whose interests are known). After `carry_names` also named: "as before" or "anew".
    topics : DataFrame
        One row per circle and topic: circle, topic, n_users, seen_share, share, base_share, index, lo, hi,
        p_adjusted, over.
    structure : Structure
        Whether the ties fall into circles at all.
    graph : csr_matrix, shape (n_users, n_users)
        Ties as they were looked at: damped, and stronger between people of like interests.
    notes : tuple of str
    """

    members: pd.DataFrame
    table: pd.DataFrame
    topics: pd.DataFrame
    structure: Structure
    graph: sparse.csr_matrix
    notes: tuple[str, ...]

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per circle."""
        return self.table.copy()

    def headline(self) -> str:
        """Return how many circles, and how many people are in one."""
        inside = int(self.members["circle"].notna().sum())
        if not len(self.table):
            return f"No circles among {len(self.members):,} users. {self.structure.why}"
        return f"{len(self.table):,} circles with {inside:,} of {len(self.members):,} users"

    def evidence(self) -> pd.DataFrame:
        """Return what says that there are circles, or none: one row."""
        return pd.DataFrame([asdict(self.structure)])


def find_circles(
    ties,
    interests: pd.DataFrame | None = None,
    settings: CommunitySettings | None = None,
    random_state: int = 0,
) -> Circles:
    """Find the circles of a community.

    Parameters
    ----------
    ties : Ties
    interests : DataFrame, optional
        user_id, topic, weight (0 to 1), one row per person and topic: from labels, or from `read_interests`. Ties
        between people of like interests count more, and circles are named by them.
    settings : CommunitySettings, optional
        Those of the ties when not given.
    random_state : int

    Returns
    -------
    Circles
        Without any where nobody is tied to anybody, or the ties fall into none.

    Notes
    -----
    A tie counts ``log(1 + w / median) (1 + interest_weight * likeness)``. People without ties of their own are placed
    where half or more of the talkers of their groups are; whoever is in no group is in no circle.
    """
    settings = settings or ties.settings
    n_users = len(ties.user_ids)
    weights, topics = interest_matrix(check_interests(interests, ties.user_ids), n_users)
    talked = check_graph(ties.undirected(shared=False))
    graph = blend_interests(talked, weights, settings.interest_weight)
    found = detect_circles(
        graph,
        min_members=settings.circle_min_members,
        min_stability=settings.circle_min_stability,
        resplit_above=settings.circle_resplit_above,
        n_runs=settings.circle_runs,
        damp=False,
        random_state=random_state,
    )
    circle, confidence, by = place_silent(found, ties)
    circle, order = _number(circle)
    about = find_topics(weights, topics, circle)
    ids = np.array(
        [f"c{number:0{max(2, len(str(len(order))))}d}" for number in range(1, len(order) + 1)], dtype=object
    )
    named = np.append(ids, None)
    members = pd.DataFrame(
        {
            "user_id": ties.user_ids,
            "circle": named[circle],
            "confidence": confidence.round(6),
            "n_ties": np.diff(talked.indptr).astype(np.int64),
            "by": by,
            "would_suit": named[_would_suit(weights, about, circle)],
        }
    )
    table = _describe(found, order, circle, by, ties, about, ids)
    about = about.assign(circle=ids[about["circle"]] if len(ids) else about["circle"].astype(object))
    notes = _say(ties, found, members, table, len(topics), weights)
    return Circles(members, table, about, found.structure, graph, notes)


def blend_interests(
    ties: sparse.csr_matrix, weights: sparse.csr_matrix, interest_weight: float
) -> sparse.csr_matrix:
    """Return damped ties, each made stronger by how alike its two people are in their interests.

    Parameters
    ----------
    ties : csr_matrix, shape (n_users, n_users)
        Symmetric.
    weights : csr_matrix, shape (n_users, n_topics)
    interest_weight : float
        By how much, for people of the same interests.
    """
    damped = damp_weights(ties)
    if not damped.nnz or not weights.nnz or not interest_weight:
        return damped
    row, column, weight = upper_ties(damped)
    alike = likeness(weights, row, column)
    return graph_of(row, column, weight * (1 + interest_weight * alike), ties.shape[0])


def place_silent(found: Detected, ties) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place people who are in groups but tied to nobody, where most talkers of their groups are.

    Parameters
    ----------
    found : Detected
    ties : Ties

    Returns
    -------
    circle : ndarray of int, shape (n_users,)
        -1 for none.
    confidence : ndarray of float, shape (n_users,)
    by : ndarray of str, shape (n_users,)
        "ties", "groups" or "none".
    """
    circle, confidence = found.labels.astype(np.int64), found.confidence.copy()
    n_circles, n_groups = len(found.circles), len(ties.group_ids)
    by = np.where(circle >= 0, "ties", "none").astype(object)
    group, user = (ties.here[name].to_numpy(np.int64) for name in ("group", "user"))
    talker = circle[user] >= 0
    if not n_circles or not talker.any():
        return circle, confidence, by
    size = np.maximum(np.bincount(group, minlength=n_groups), 1)
    shape = (n_groups, n_circles)
    talkers = sparse.csr_matrix((np.ones(talker.sum()), (group[talker], circle[user[talker]])), shape=shape)
    silent = (
        ~talker & (np.diff(ties.matrix.indptr)[user] == 0) & (np.diff(ties.matrix.tocsc().indptr)[user] == 0)
    )
    rows, back = np.unique(user[silent], return_inverse=True)
    seats = sparse.csr_matrix((1.0 / size[group[silent]], (back, group[silent])), shape=(len(rows), n_groups))
    votes = (seats @ talkers).tocsr()
    votes.sort_indices()
    total = np.asarray(votes.sum(axis=1)).ravel()
    best = np.asarray(votes.argmax(axis=1)).ravel() if votes.shape[0] else np.array([], dtype=np.int64)
    share = (
        np.asarray(votes.max(axis=1).todense()).ravel() / np.maximum(total, 1e-300) if len(rows) else total
    )
    placed = (total > 0) & (share >= MOST_OF_GROUP)
    circle[rows[placed]], by[rows[placed]] = best[placed], "groups"
    confidence[rows[placed]] = BY_GROUPS * share[placed]
    return circle, confidence, by


def _number(circle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number circles by size, then by their first user; also return the old numbers in that order."""
    inside = np.flatnonzero(circle >= 0)
    old, first, size = np.unique(circle[inside], return_index=True, return_counts=True)
    order = old[np.lexsort((inside[first], -size))] if len(old) else old
    number = np.full(int(circle.max(initial=-1)) + 2, -1)
    number[order] = np.arange(len(order))
    return number[circle], order


def _would_suit(weights: sparse.csr_matrix, about: pd.DataFrame, circle: np.ndarray) -> np.ndarray:
    """Return for people in no circle the one whose interests are most like theirs, -1 for none."""
    suits = np.full(len(circle), -1)
    asked = np.flatnonzero((circle < 0) & (np.diff(weights.indptr) > 0))
    typical = np.sort(about.loc[about["over"], "circle"].unique())[:SUITABLE]
    if not len(asked) or not len(typical):
        return suits
    wide = about.pivot(index="circle", columns="topic", values="share").loc[typical]
    base = about.drop_duplicates("topic").set_index("topic")["base_share"][wide.columns].to_numpy()
    lean = wide.to_numpy() / np.maximum(base, 1e-12) - 1
    length = np.sqrt((lean**2).sum(axis=1, keepdims=True))
    # What interests everybody tells nothing: each topic counts against its base.
    own = weights[asked] @ sparse.diags(1 / np.maximum(base, 1e-12))
    n_topics = len(base)
    own_mean = np.asarray(own.mean(axis=1)).ravel()
    own_length = np.sqrt(
        np.maximum(np.asarray(own.multiply(own).sum(axis=1)).ravel() - n_topics * own_mean**2, 1e-12)
    )
    centred = lean - lean.mean(axis=1, keepdims=True)
    centred_length = np.sqrt((centred**2).sum(axis=1))
    alike = (own @ centred.T) / own_length[:, None] / np.maximum(centred_length, 1e-12)
    best = alike.argmax(axis=1)
    good = (alike[np.arange(len(asked)), best] >= SUITS) & (length.ravel()[best] > 0)
    suits[asked[good]] = wide.index.to_numpy()[best[good]]
    return suits


def _describe(found: Detected, order, circle, by, ties, about: pd.DataFrame, ids: np.ndarray) -> pd.DataFrame:
    n = len(order)
    inside = circle >= 0
    size = np.bincount(circle[inside], minlength=n)
    by_ties = np.bincount(circle[inside & (by == "ties")], minlength=n)
    group, user = (ties.here[name].to_numpy(np.int64) for name in ("group", "user"))
    there = circle[user] >= 0
    shape = (n, max(len(ties.group_ids), 1))
    seats = sparse.csr_matrix(
        (np.ones(there.sum()), (circle[user[there]], group[there])), shape=shape
    ).toarray()
    main, most = (seats.argmax(axis=1), seats.max(axis=1)) if n else (np.array([], dtype=int), np.array([]))
    main_group = [str(ties.group_ids[g]) if m > 0 else None for g, m in zip(main, most, strict=True)]
    typical = about[about["over"]].sort_values(["circle", "index"], ascending=[True, False], kind="stable")
    said = typical.assign(text=typical["topic"] + " " + typical["index"].round().astype(int).astype(str))
    said = said.groupby("circle")["text"].agg("; ".join)
    known_users = about.groupby("circle")["n_users"].first()
    stability = found.circles["stability"].to_numpy()[order]
    return pd.DataFrame(
        {
            "circle": ids,
            "name": np.array(name_circles(about, main_group), dtype=object),
            "named_by_topics": np.isin(np.arange(n), typical["circle"].unique()),
            "n_users": size.astype(np.int64),
            "n_by_ties": by_ties.astype(np.int64),
            "share": (size / max(len(circle), 1)).round(6),
            "stability": stability,
            "stable": stability >= STABLE,
            "ties_inside": found.circles["ties_inside"].to_numpy()[order],
            "main_group": np.array(main_group, dtype=object),
            "main_group_share": (most / np.maximum(size, 1)).round(6),
            "topics": np.array([said.get(number, "") for number in range(n)], dtype=object),
            "n_known": np.array([known_users.get(number, 0) for number in range(n)], dtype=np.int64),
        }
    )


def _say(ties, found: Detected, members, table, n_topics: int, weights) -> tuple[str, ...]:
    structure, notes = found.structure, []
    tied = int((members["n_ties"] > 0).sum())
    if not structure.found:
        notes.append(
            unknown(f"Circles: {structure.why} {tied:,} of {len(members):,} users are tied to anybody.")
        )
        return tuple(notes)
    by_groups, none = int((members["by"] == "groups").sum()), int((members["by"] == "none").sum())
    notes.append(known(f"Circles: {structure.why} {tied:,} of {len(members):,} users are tied to anybody."))
    if by_groups:
        notes.append(
            known(f"Circles: {by_groups:,} silent members stand where most talkers of their groups are.")
        )
    if none:
        notes.append(known(f"Circles: {none:,} users are in none, which is an answer too."))
    if structure.n_dissolved:
        notes.append(
            unknown(
                f"Circles: {structure.n_dissolved:,} more did not come back without a fifth of the ties and are not shown."
            )
        )
    if not n_topics:
        notes.append(
            unknown("Circles: no interests are known, so circles rest on ties alone and have no topics.")
        )
    elif not table["topics"].astype(bool).any():
        notes.append(unknown("Circles: no topic stands out in any, so they are not named by one."))
    return tuple(notes)
