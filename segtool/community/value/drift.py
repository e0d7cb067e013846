"""What is new in a group: terms of the last weeks against its own past, and whether it leaves its topic."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from segtool.community.value.counts import TermCounts, entries_at, rows_of, used
from segtool.community.value.log_odds import (
    chance_of_more,
    design_effects,
    log_odds,
    name_terms,
    shrunken_index,
)
from segtool.community.value.topics import CONFIDENCE, TopicCounts, share_of_topic

DRIFT = ["group", "term", "z", "index", "n_recent", "n_before", "n_people", "q", "rank"]
LEAST_CHANGE = 0.1  # of the share on the core topic; less is no drift that anybody would see


def find_new_terms(recent: TermCounts, before: TermCounts, settings) -> pd.DataFrame:
    """Find what a group talks about lately and did not before.

    Parameters
    ----------
    recent, before : TermCounts
        Of the same terms; the last window and all that came before it.
    settings : CommunitySettings

    Returns
    -------
    DataFrame
        The terms named, at most ``terms_per_group`` of a group: group, term (numbers), z, index (share of
        recent uses over that of earlier ones, times 100), n_recent and n_before (messages), n_people (lately),
        q, rank. Groups with fewer than ``min_messages`` texts in either period have none.
    """
    uses = (recent.to_group @ recent.by_person).tocsr()
    earlier = (before.to_group @ before.by_person).tocsr()
    group, term = rows_of(uses), uses.indices
    total, total_before = (np.asarray(part.sum(axis=1)).ravel() for part in (uses, earlier))
    enough = np.minimum(recent.n_messages, before.n_messages) >= settings.min_messages
    if not uses.nnz or not enough.any():
        return _nothing_new()
    effect, _ = design_effects(recent, uses)
    pooled = design_effects(before, earlier)[1]
    both = (uses + earlier).tocsr()
    spread = np.asarray(both.sum(axis=0)).ravel()[term] / both.sum()
    late, early = (uses.data, total[group]), (entries_at(uses, earlier), total_before[group])
    prior, effects = settings.term_prior_words * spread, (effect, pooled[term])
    difference, variance = log_odds(late, early, prior, settings.term_prior_words, effects)
    table = pd.DataFrame(
        {
            "group": group,
            "term": term,
            "z": difference / np.sqrt(variance),
            "index": shrunken_index(late, early, prior, settings.term_prior_words),
            "n_recent": entries_at(uses, recent.messages).astype(np.int64),
            "n_before": entries_at(uses, before.messages).astype(np.int64),
            "n_people": entries_at(uses, recent.to_group @ used(recent.by_person)).astype(np.int64),
            "p": chance_of_more(late, early, effects),
        }
    )
    tested = enough[rows_of(both)] & (both.data >= settings.min_people_per_term)
    return name_terms(table[enough[table["group"]]], int(tested.sum()), settings)[DRIFT]


def compare_periods(
    recent: TopicCounts, before: TopicCounts, topic: np.ndarray, min_messages: int
) -> pd.DataFrame:
    """Compare the share on the core topic lately with that before.

    Returns
    -------
    DataFrame, shape (n_groups, 5)
        core_before, core_recent, core_change with change_lo and change_hi; missing with fewer than
        ``min_messages`` messages of a known topic in either period.
    """
    late, early = share_of_topic(recent, topic), share_of_topic(before, topic)
    change = late["share"] - early["share"]
    spread = stats.norm.ppf(0.5 + CONFIDENCE / 2) * np.sqrt(late["variance"] + early["variance"])
    table = pd.DataFrame(
        {
            "core_before": early["share"],
            "core_recent": late["share"],
            "core_change": change,
            "change_lo": (change - spread).clip(lower=-1),
            "change_hi": (change + spread).clip(upper=1),
        }
    )
    table[(late["n"] < min_messages) | (early["n"] < min_messages)] = np.nan
    return table


def _nothing_new() -> pd.DataFrame:
    return pd.DataFrame({name: np.empty(0) for name in DRIFT}).astype({"group": np.int64, "term": np.int64})
