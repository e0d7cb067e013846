"""The groups nearest to each group, by people and by topics, and what tells the two apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.community.value.counts import TermCounts, entries_at, entries_of, rows_of, used
from segtool.community.value.log_odds import chance_of_more, design_effects, log_odds

NEIGHBOURS = [
    "group", "neighbour", "rank", "closeness", "shared_people", "shared_share", "similarity", "tie_share",
    "own_terms", "their_terms", "own_topic", "their_topic",
]  # fmt: skip
MOST_TERMS = 1_000  # that decide which groups are alike where no topics are known
TERMS_TOLD = 3
BLOCK = 1_024  # groups compared with all others at a time
BY_CHANCE = 1e-4  # of a term that tells two groups apart: they have hundreds


def find_neighbours(talk, counts: TermCounts, topics: np.ndarray, ties, settings) -> pd.DataFrame:
    """Find the nearest groups of each group and how it differs from them.

    Parameters
    ----------
    talk : Talk
    counts : TermCounts
    topics : ndarray of float, shape (n_groups, n_topics)
        Messages by topic; where no topic is known, groups are compared by their terms.
    ties : Ties, optional
        Adds the share of the ties that lead over to the neighbour.
    settings : CommunitySettings

    Returns
    -------
    DataFrame
        group and neighbour (numbers), rank (from 1), closeness (mean of shared_share and similarity),
        shared_people, shared_share (of the smaller group; missing without people), similarity (cosine of
        topic shares, or of terms), tie_share (of the ties of the group's people that lead to people outside
        it, those to the neighbour's; missing without ties), own_terms and their_terms (texts, "" for none),
        own_topic and their_topic (numbers, -1 for none).
    """
    n, k = len(talk.group_ids), settings.neighbours_per_group
    if n < 2 or not k:
        return _no_neighbours()
    people = _people_of(talk)
    near = _nearest(people, topics if topics.sum() else _terms_of(counts), min(k, n - 1))
    group, neighbour = near["group"].to_numpy(), near["neighbour"].to_numpy()
    own_terms, their_terms = (
        _terms_apart(counts, one, other, settings) for one, other in ((group, neighbour), (neighbour, group))
    )
    own_topic, their_topic = _topics_apart(topics, group, neighbour, settings.min_messages)
    return near.assign(
        tie_share=_tie_share(people, ties, group, neighbour),
        own_terms=own_terms,
        their_terms=their_terms,
        own_topic=own_topic,
        their_topic=their_topic,
    )[NEIGHBOURS]


def _nearest(people: sparse.csr_matrix, values: np.ndarray, k: int) -> pd.DataFrame:
    """Return the k nearest groups of each, by shared people and the cosine of what is said, a block at a time."""
    sizes = np.asarray(people.sum(axis=1)).ravel()
    length = np.linalg.norm(values, axis=1, keepdims=True)
    scaled = np.divide(values, length, out=np.zeros_like(values, dtype=float), where=length > 0)
    blocks = []
    for start in range(0, len(sizes), BLOCK):
        block = np.arange(start, min(start + BLOCK, len(sizes)))
        shared = (people[block] @ people.T).toarray()
        smaller = np.minimum.outer(sizes[block], sizes)
        share = np.divide(shared, smaller, out=np.full_like(shared, np.nan), where=smaller > 0)
        similarity = np.clip(scaled[block] @ scaled.T, 0, 1)
        # Rounded, so that a last digit does not decide which of two equals comes first.
        closeness = np.round((np.nan_to_num(share) + similarity) / 2, 9)
        closeness[np.arange(len(block)), block] = -1.0
        nearest = np.argsort(-closeness, axis=1, kind="stable")[:, :k]
        row, column = np.repeat(np.arange(len(block)), k), nearest.ravel()
        blocks.append(
            pd.DataFrame(
                {
                    "group": block[row],
                    "neighbour": column,
                    "rank": np.tile(np.arange(k) + 1, len(block)),
                    "closeness": closeness[row, column],
                    "shared_people": shared[row, column].astype(np.int64),
                    "shared_share": share[row, column],
                    "similarity": similarity[row, column],
                }
            )
        )
    near = pd.concat(blocks, ignore_index=True)
    return near[near["closeness"] > 0].reset_index(drop=True)


def _people_of(talk) -> sparse.csr_matrix:
    """Return who is in which group now, shape (n_groups, n_users)."""
    here = talk.roster[talk.here]
    shape = (len(talk.group_ids), len(talk.user_ids))
    return sparse.csr_matrix((np.ones(len(here)), (here["group"], here["user"])), shape=shape)


def _terms_of(counts: TermCounts) -> np.ndarray:
    """Return the uses of the most frequent terms in each group, logged so that none rules."""
    uses = (counts.to_group @ counts.by_person).tocsr()
    total = np.asarray(uses.sum(axis=0)).ravel()
    groups = np.maximum(np.asarray(used(uses).sum(axis=0)).ravel(), 1)
    top = np.sort(np.argsort(-total, kind="stable")[:MOST_TERMS])
    return np.log1p(uses[:, top].toarray()) * np.log(1 + counts.n_groups / groups[top])


def _terms_apart(counts: TermCounts, one: np.ndarray, other: np.ndarray, settings) -> np.ndarray:
    """Return the terms, at most three, that one group of each pair uses more than the other."""
    uses = (counts.to_group @ counts.by_person).tocsr()
    if not len(one) or not uses.nnz:
        return np.full(len(one), "", dtype=object)
    effect, pooled = design_effects(counts, uses)
    people = entries_at(uses, counts.to_group @ used(counts.by_person))
    n = np.asarray(uses.sum(axis=1)).ravel()
    spread = np.asarray(uses.sum(axis=0)).ravel() / uses.sum()
    # Entries of terms that can be told at all, and which of them belong to the first group of each pair.
    enough = np.flatnonzero(people >= settings.min_people_per_term)
    starts = np.searchsorted(rows_of(uses)[enough], np.arange(len(n) + 1))
    times = np.diff(starts)[one]
    pair = np.repeat(np.arange(len(one)), times)
    own = enough[np.arange(len(pair)) - np.repeat(np.cumsum(times) - times, times) + starts[one][pair]]
    term = uses.indices[own]
    sides = (uses.data[own], n[one][pair]), (entries_of(uses, other[pair], term), n[other][pair])
    effects = effect[own], pooled[term]
    prior = settings.term_prior_words * spread[term]
    difference, variance = log_odds(*sides, prior, settings.term_prior_words, effects)
    table = pd.DataFrame({"pair": pair, "term": term, "z": difference / np.sqrt(variance)})
    table = table[(chance_of_more(*sides, effects) <= BY_CHANCE) & (table["z"] > 0)]
    table = table.sort_values(["pair", "z", "term"], ascending=[True, False, True])
    table = table[table.groupby("pair").cumcount() < TERMS_TOLD]
    said = pd.Series(counts.terms[table["term"]], index=table["pair"], dtype=object)
    return said.groupby(level=0).agg(", ".join).reindex(range(len(one)), fill_value="").to_numpy(dtype=object)


def _topics_apart(topics: np.ndarray, group, neighbour, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the topic by whose share each side of a pair is most ahead, -1 with too few messages."""
    if not topics.shape[1]:
        return np.full(len(group), -1), np.full(len(group), -1)
    total = topics.sum(axis=1, keepdims=True)
    share = topics / np.maximum(total, 1)
    ahead = share[group] - share[neighbour]
    enough = (np.minimum(total[group], total[neighbour]) >= least).ravel()
    return (
        np.where(enough & (ahead.max(axis=1) > 0.05), ahead.argmax(axis=1), -1),
        np.where(enough & (ahead.min(axis=1) < -0.05), ahead.argmin(axis=1), -1),
    )


def _tie_share(people: sparse.csr_matrix, ties, group: np.ndarray, neighbour: np.ndarray) -> np.ndarray:
    """Return, of the ties from a group to people outside it, the share that goes to the neighbour's people."""
    if ties is None or not len(group):
        return np.full(len(group), np.nan)
    outward = (people @ ties.matrix).tocsr()
    outward = outward - outward.multiply(people)
    total = np.asarray(outward.sum(axis=1)).ravel()[group]
    led = np.asarray(outward[group].multiply(people[neighbour]).sum(axis=1)).ravel()
    return np.divide(led, total, out=np.full(len(group), np.nan), where=total > 1e-12)


def _no_neighbours() -> pd.DataFrame:
    numbers = {"group": np.int64, "neighbour": np.int64, "own_topic": np.int64, "their_topic": np.int64}
    texts = {"own_terms": object, "their_terms": object}
    kinds = numbers | texts
    return pd.DataFrame({name: np.empty(0, dtype=kinds.get(name, float)) for name in NEIGHBOURS})
