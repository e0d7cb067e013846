"""Proposals to split groups that have outgrown themselves: who goes where, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.community.scale.feasible import part_counts
from segtool.community.scale.partition import LOWER_SHARE, kept_share, random_share, split_graph
from segtool.community.scale.repair import (
    MOVED_ANSWERS,
    MOVED_LEADER,
    give_each,
    leave_nobody_alone,
    place_silent,
)
from segtool.community.scale.search import Parts
from segtool.community.scale.split_tables import (
    TABLES,
    Divided,
    describe_bridges,
    describe_broken,
    describe_group,
    describe_members,
    describe_parts,
    describe_ties,
)
from segtool.community.scale.who import Who, interest_matrix, read_who
from segtool.community.settings import DUNBAR
from segtool.display import Shown
from segtool.notes import known, unknown

LARGEST = 5_000  # people: a dense table of 200 MB; such a group is a channel, and is asked, not dealt out
NEAREST = 10  # people of the nearest interests, where there are no ties to split by
LEAST_TALKERS = 10  # in a part; fewer are not dealt out over parts but stay together
WHOLE = [
    "group_id", "user_id", "part", "also_in", "role", "why", "ties_kept", "ties_lost", "n_kept", "n_lost",
]  # fmt: skip


@dataclass(frozen=True)
class Effort:
    """How hard to search, by how many groups there are to split: the search is nearly all of the time."""

    options: dict
    tries_bounds: bool


@dataclass(frozen=True, repr=False, eq=False)
class Splits(Shown):
    """Proposals of splits, a table for each thing that one wants to know of them.

    Parameters
    ----------
    groups : DataFrame
        One row per group above the bound: group_id, title, n_members, n_parts, upper, lower, n_ties,
        kept_share (weight of ties inside parts over all, NaN without ties), kept_random (parts of these
        sizes dealt out at random), kept_ties_only (the best split found by ties alone, which neither
        looks at interests nor sees to leaders and newcomers: what is attainable), n_strong, n_broken_strong,
        n_alone (who lose all ties, or are new with nobody to answer), n_silent (without any tie), basis
        ("ties and interests", "ties", "interests", "none"), reason.
    parts : DataFrame
        group_id, part, n_members, n_leaders, leaders, could_lead (organisers and core members of a part
        without a leader), interests (with their index against the group),
        n_novices, n_novices_alone, n_answer_newcomers, n_silent, kept_share (of the ties of its people).
    members : DataFrame
        group_id, user_id, part, also_in (the second part of a bridge, else ""), role, tenure, why,
        ties_kept, ties_lost (weights), n_kept, n_lost (people), alone.
    broken : DataFrame
        Strong ties that are cut, strongest first: group_id, user_id, other_id, part, other_part, weight.
    bridges : DataFrame
        Who might stay in two parts: group_id, user_id, part, also_in, role, ties_saved, share_saved, reason.
    bounds : DataFrame
        What other bounds would keep by ties alone: group_id, upper, n_parts (of the split that keeps most,
        not the fewest that the bound allows), kept_share, kept_random.
    edges : DataFrame
        group_id, user_id, other_id, weight, kept: the ties, for the map of a group.
    notes : tuple of str
    """

    groups: pd.DataFrame
    parts: pd.DataFrame
    members: pd.DataFrame
    broken: pd.DataFrame
    bridges: pd.DataFrame
    bounds: pd.DataFrame
    edges: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def table(self) -> pd.DataFrame:
        """Who goes where: the rows of split.csv."""
        return self.members[WHOLE].copy()

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per group."""
        return self.groups.copy()

    def headline(self) -> str:
        """Return how many groups are to be split, into how many parts."""
        done = self.groups[self.groups["n_parts"] > 0]
        if self.groups.empty:
            return "Splits: no group is above the bound"
        return f"Splits: {len(done):,} of {len(self.groups):,} groups above the bound, into {len(self.parts):,} parts"


def propose_splits(talk, ties, roles, interests, settings=None, random_state: int = 0) -> Splits:
    """Propose a split for every group of more than ``split_above`` people.

    Parameters
    ----------
    talk : Talk
    ties : Ties
    roles : Roles or None
        Leaders and tenure; without it the roles that the roster states.
    interests : DataFrame or None
        user_id, topic and weight (0 to 1).
    settings : CommunitySettings, optional
        Those of the talk when not given.
    random_state : int

    Returns
    -------
    Splits
        Empty, with a note, where no group is known to be that large.

    Notes
    -----
    The split of most kept ties (`split_graph`, ties between people of the same interest count more) is then
    changed in three steps, each within the bounds: members without ties go where their inviter or their
    interests are; a part without a leader, or without anybody who answers newcomers, gets one by the cheapest
    move or swap; people who lost all ties, and newcomers with neither a tie nor anybody who answers
    newcomers, are moved where fewer are alone then. Who must stay together cannot be said here; for that
    there is ``must_link`` of `split_graph`.
    """
    settings = settings or talk.settings
    large, notes = _find_large(talk, settings)
    rows: dict[str, list] = {name: [] for name in TABLES}
    if len(large):
        who = read_who(talk, roles, settings)
        notes.append(known(f"Splits: leaders are known as {who.basis}.") if who.basis else
                     unknown("Splits: nobody is known to lead, so no part is promised a leader."))  # fmt: skip
        # Numbers once: looking up ids for each group takes longer than splitting it.
        tastes = None if interests is None else pd.Index(talk.user_ids).get_indexer(interests["user_id"])
        for code in large:
            divided = _divide(
                talk, ties, who, (interests, tastes), settings, int(code), len(large), random_state
            )
            _describe(divided, rows)
    tables = {name: _stack(rows[name], columns) for name, columns in TABLES.items()}
    if len(large) and not _choose_effort(len(large)).tries_bounds:
        notes.append(
            known(
                f"Splits: {len(large)} groups are searched briefly and at their own bound only; what is"
                " attainable is what was kept before leaders and newcomers were seen to."
            )
        )
    no_ties = int((tables["groups"]["n_ties"] == 0).sum())
    if no_ties:
        notes.append(unknown(f"Splits: {no_ties} groups have no ties, so they cannot be split by ties."))
    return Splits(**tables, notes=tuple(notes))


def _find_large(talk, settings) -> tuple[np.ndarray, list[str]]:
    """Return the groups above the bound, by who is there now, and notes."""
    n_here = np.bincount(talk.roster["group"].to_numpy()[talk.here], minlength=len(talk.group_ids))
    bound = max(settings.split_above, settings.split_upper)
    large = np.flatnonzero(n_here > bound)
    if not len(talk.group_ids):
        return large, [unknown("Splits: there are no groups.")]
    if not talk.has_roster:
        return large, [unknown("Splits: without a roster only those who wrote are counted and placed.")]
    return large, [known(f"Splits: {len(large)} of {len(n_here)} groups have more than {bound} people.")]


def _divide(talk, ties, who: Who, tastes, settings, code: int, n_large: int, random_state: int) -> Divided:
    """Split one group."""
    users, matrix = ties.in_group(code)
    roster = np.flatnonzero((talk.roster["group"].to_numpy() == code) & talk.here)
    seats = roster[np.searchsorted(talk.roster["user"].to_numpy()[roster], users)]
    interests, users_of = tastes
    own = interests if interests is None else interests[np.isin(users_of, users)]
    taste, topics = interest_matrix(own, talk.user_ids[users])
    matrix = sparse.csr_array(matrix)
    upper, lower = settings.split_upper, _lower_bound(len(users), settings)
    basis = "none" if len(users) > LARGEST else _find_basis(matrix, taste)
    divided = Divided(
        code, str(talk.group_ids[code]), str(talk.groups["title"].iloc[code] or ""), users,
        talk.user_ids[users].astype(object), matrix, taste, topics, who, seats, upper, lower, basis,
    )  # fmt: skip
    if basis == "none":
        return divided
    taste_weight = settings.split_interest_weight if "ties and" in basis else 0.0
    effort = _choose_effort(n_large)
    labels = _split_evenly(
        matrix if matrix.nnz else _link_alike(taste), upper, lower, interests=taste,
        interest_weight=taste_weight, random_state=random_state, **effort.options,
    )  # fmt: skip
    if matrix.nnz and effort.tries_bounds:
        divided.bounds = _try_bounds(matrix, upper, lower, effort, random_state)
    elif matrix.nnz:  # what was kept before leaders and newcomers were seen to
        divided.bounds = [
            (upper, int(labels.max()) + 1, kept_share(matrix, labels), random_share(np.bincount(labels)))
        ]
    return _repair(divided, labels, _find_inviters(talk, seats, users))


def _split_evenly(tied: sparse.csr_array, upper: int, lower: int, **options) -> np.ndarray:
    """Split those who talk, and deal those who do not over the parts alike.

    Silent people cost no tie wherever they go. Left to the search alone they would fill up parts in which
    nobody talks, while all who talk stay together: most ties kept, and dead groups made.
    """
    talks = tied.sum(axis=1) > 0
    n, n_talk = len(talks), int(talks.sum())
    if n_talk == n or upper * n_talk // n < LEAST_TALKERS:
        return split_graph(tied, upper, lower, **options)
    own_options = {**options, "interests": options["interests"][talks]}
    own = split_graph(tied[talks][:, talks], *_bound_talkers(n_talk, n, upper, lower), **own_options)
    labels = _deal_out(talks, own, upper, lower)
    filled = np.bincount(labels)
    if filled.min() < lower or filled.max() > upper:
        # Where many parts are to be nearly alike, no even share of those who talk need fit.
        return split_graph(tied, upper, lower, **options)
    return labels


def _bound_talkers(n_talk: int, n: int, upper: int, lower: int) -> tuple[int, int]:
    """Return the most and the fewest talkers in a part, so that as many parts come out as ``n`` people may fill.

    Examples
    --------
    >>> _bound_talkers(63, 135, 23, 20)  # 6 parts; 23 * 63 / 135 rounded down would be 10, and make 7
    (11, 10)
    """
    fewest, most = part_counts(n, lower, upper)
    upper_talk = upper * n_talk // n
    if part_counts(n_talk, 1, upper_talk)[0] > most:
        upper_talk = -(-n_talk // fewest)
    lower_talk = min(-(-lower * n_talk // n), n_talk // part_counts(n_talk, 1, upper_talk)[0])
    return upper_talk, lower_talk


def _deal_out(talks: np.ndarray, own: np.ndarray, upper: int, lower: int) -> np.ndarray:
    """Return a part for everybody: the silent ones first where people are short, then by share."""
    labels = np.empty(len(talks), dtype=np.int64)
    labels[talks] = own
    filled = np.bincount(own)
    n_talkers = filled.copy()
    for node in np.flatnonzero(~talks):
        short = filled < lower
        to = int(np.where(short if short.any() else filled < upper, filled / n_talkers, np.inf).argmin())
        labels[node] = to
        filled[to] += 1
    return labels


def _try_bounds(
    matrix: sparse.csr_array, upper: int, lower: int, effort: Effort, random_state: int
) -> list[tuple]:
    """Return bound, number of parts, share kept and share at random of the best splits by ties alone."""
    rows, found = [], []
    for bound in sorted(each for each in {*DUNBAR.values(), 100, upper} if each < matrix.shape[0]):
        own = bound == upper
        least = lower if own else max(bound // LOWER_SHARE, 1)
        options = effort.options if own else {**effort.options, "n_starts": 1}
        # What a smaller bound keeps a larger one keeps, too.
        found = [labels for labels in found if np.bincount(labels).min() >= least]
        found.append(split_graph(matrix, bound, least, random_state=random_state, **options))
        best = max(found, key=lambda labels: kept_share(matrix, labels))
        rows.append((bound, int(best.max()) + 1, kept_share(matrix, best), random_share(np.bincount(best))))
    return rows


def _repair(divided: Divided, labels: np.ndarray, inviter: np.ndarray) -> Divided:
    """See to silent members, leaders and newcomers, within the bounds."""
    n_parts = int(labels.max()) + 1
    ones = np.ones(len(labels), dtype=np.int64)
    parts = Parts(divided.matrix.toarray(), labels, n_parts, divided.lower, divided.upper, ones)
    silent = np.flatnonzero(divided.matrix.sum(axis=1) == 0)
    # Where there are no ties at all, interests have placed everybody already.
    if divided.matrix.nnz:
        place_silent(parts, silent, divided.taste, inviter)
    leads = divided.leads.copy()
    if leads.sum() < n_parts:
        leads |= divided.who.leads_next[divided.seats]
    nobody = np.zeros(len(labels), dtype=bool)
    give_each(parts, leads, nobody, divided.moved, MOVED_LEADER)
    give_each(parts, divided.answers, leads, divided.moved, MOVED_ANSWERS)
    leave_nobody_alone(parts, leads, divided.novice, divided.answers, divided.moved)
    if parts.filled.min() < divided.lower or parts.filled.max() > divided.upper:
        raise AssertionError(f"A part has {parts.filled} people, outside {divided.lower} to {divided.upper}.")
    divided.finish(parts, inviter)
    return divided


def _describe(divided: Divided, rows: dict[str, list]) -> None:
    """Add what there is to say of one group to the tables."""
    rows["groups"].append(describe_group(divided))
    if divided.parts is None:
        return
    bridges = describe_bridges(divided)
    rows["bridges"].append(bridges)
    rows["parts"].append(describe_parts(divided))
    rows["members"].append(describe_members(divided, bridges))
    rows["broken"].append(describe_broken(divided))
    rows["edges"].append(describe_ties(divided))
    rows["bounds"].append(
        pd.DataFrame(divided.bounds, columns=TABLES["bounds"][1:]).assign(group_id=divided.group_id)
    )


def _choose_effort(n_large: int) -> Effort:
    """Return fewer starts and sweeps for more groups: a fraction of a second each, or of a minute in all."""
    if n_large <= 5:
        return Effort({}, tries_bounds=True)
    if n_large <= 20:
        return Effort({"n_starts": 2}, tries_bounds=True)
    return Effort({"n_starts": 1, "n_sweeps": 8}, tries_bounds=False)


def _lower_bound(n: int, settings) -> int:
    """Return the fewest people in a part: as set, less where it leaves no way to split.

    Where it is not set: half of an even share, less is a rest and no group.
    """
    upper = settings.split_upper
    even = n // part_counts(n, 1, upper)[0]
    lower = settings.split_lower if settings.split_lower is not None else max(upper // 5, even // 2, 1)
    return min(lower, upper, even)


def _find_basis(matrix, taste: np.ndarray) -> str:
    has_taste = bool(taste.size and (taste.any(axis=1).mean() >= 0.1))
    if matrix.nnz:
        return "ties and interests" if has_taste else "ties"
    return "interests" if has_taste else "none"


def _link_alike(taste: np.ndarray) -> sparse.csr_array:
    """Return a graph of each person and the nearest by interests, in place of ties that are not there."""
    length = np.linalg.norm(taste, axis=1, keepdims=True)
    unit = np.divide(taste, length, out=np.zeros(taste.shape), where=length > 0)
    alike = (unit @ unit.T).round(9)  # the last digits depend on the number of threads
    np.fill_diagonal(alike, 0.0)
    nearest = np.argsort(-alike, axis=1, kind="stable")[:, :NEAREST]
    rows = np.repeat(np.arange(len(taste)), nearest.shape[1])
    graph = sparse.csr_array((alike[rows, nearest.ravel()], (rows, nearest.ravel())), shape=alike.shape)
    return sparse.csr_array(graph.maximum(graph.T))


def _find_inviters(talk, seats: np.ndarray, users: np.ndarray) -> np.ndarray:
    """Return the node of each one's inviter, -1 where they are not in the group."""
    inviter = talk.roster["inviter"].to_numpy()[seats]
    place = np.minimum(np.searchsorted(users, inviter), len(users) - 1)
    return np.where((inviter >= 0) & (users[place] == inviter), place, -1)


def _stack(frames: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in columns})
    return pd.concat(frames, ignore_index=True)[columns]
