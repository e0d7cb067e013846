"""What each user could be sent, as padded blocks of candidates, best topic first and freshest item first."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from segtool.targeting.schedule.inputs import Catalogue

ITEMS_PER_TOPIC = 24  # the freshest: more than any plan of a season sends of one topic
LEVELS = ("user", "persona", "everyone", "item", "drawn")
RESTING = -10_000  # the day an item was last sent, where it never was


@dataclass
class Pool:
    """Candidates of a batch of users, padded to one width.

    Parameters
    ----------
    topic, item, level : ndarray of int, shape (n_users, width)
        -1 for an empty place; item -1 where there is no content.
    weight : ndarray, shape (n_users, width)
        How much a topic is wanted against the user's others; 0 is sent only when drawn.
    estimate : ndarray, shape (n_users, width)
        Lift over everyone.
    last : ndarray of int, shape (n_users, width)
        Day on which the item was last sent.
    """

    topic: np.ndarray
    item: np.ndarray
    level: np.ndarray
    weight: np.ndarray
    estimate: np.ndarray
    last: np.ndarray

    def beside(self, other: Pool) -> Pool:
        """Return the candidates of both for the same users."""
        pairs = ((getattr(self, each.name), getattr(other, each.name)) for each in fields(self))
        return Pool(*(np.concatenate(pair, axis=1) for pair in pairs))


def topic_rows(topics: pd.DataFrame, rows: np.ndarray, catalogue: Catalogue, blocked) -> pd.DataFrame:
    """Return row, topic, weight, estimate, level: a user's open topics in order.

    Parameters
    ----------
    topics : DataFrame
        rank, topic, estimate, level, one row per user and topic.
    rows : ndarray of int
        Which user of the batch each row is of.
    blocked : ndarray of bool, shape (n_users, n_topics)
    """
    code = catalogue.topic_codes(topics["topic"])
    level = topics["level"] if "level" in topics else pd.Series("user", index=topics.index)
    estimate = pd.to_numeric(topics["estimate"]).fillna(1.0).to_numpy(dtype=float)
    table = pd.DataFrame(
        {
            "row": rows,
            "rank": topics["rank"].to_numpy(),
            "topic": code,
            "estimate": estimate,
            # What is wanted twice as often as by everyone comes up twice as often as what is wanted as often.
            "weight": np.maximum(estimate, 0.05),
            "level": pd.Index(LEVELS).get_indexer(level.astype(object)),
        }
    )
    open_to = (rows >= 0) & (code >= 0)
    open_to[open_to] = ~blocked[rows[open_to], code[open_to]]
    return table[open_to].sort_values(["row", "rank"], kind="stable", ignore_index=True)


def item_rows(items: pd.DataFrame, rows: np.ndarray, catalogue: Catalogue, blocked) -> pd.DataFrame:
    """Return row, topic, item, weight, estimate, level of items ranked per user, best first."""
    item = catalogue.item_codes(items["item_id"])
    code = np.where(item >= 0, catalogue.item_topic[item] if len(catalogue.item_topic) else -1, -1)
    rank = items["rank"].to_numpy(dtype=float)
    estimate = items["estimate"] if "estimate" in items else pd.Series(1.0, index=items.index)
    table = pd.DataFrame(
        {
            "row": rows,
            "rank": rank,
            "topic": code,
            "item": item,
            "estimate": pd.to_numeric(estimate).fillna(1.0).to_numpy(dtype=float),
            "weight": 1 / np.log2(rank + 1),  # the usual discount of a rank
            "level": LEVELS.index("item"),
        }
    )
    open_to = (rows >= 0) & (item >= 0)
    open_to[open_to] = ~blocked[rows[open_to], code[open_to]]
    return table[open_to].sort_values(["row", "rank"], kind="stable", ignore_index=True)


def with_items(topics: pd.DataFrame, catalogue: Catalogue) -> pd.DataFrame:
    """Put the freshest items behind each topic; without content the topic stands for itself."""
    if not len(catalogue.item_ids):
        return topics.assign(item=-1)
    width = min(ITEMS_PER_TOPIC, max((len(each) for each in catalogue.by_topic), default=0))
    fresh = np.full((len(catalogue.topics), width), -1)
    for place, items in enumerate(catalogue.by_topic):
        fresh[place, : min(len(items), width)] = items[:width]
    item = fresh[topics["topic"].to_numpy()]
    at = np.repeat(np.arange(len(topics)), width)
    kept = item.ravel() >= 0
    return topics.iloc[at[kept]].assign(item=item.ravel()[kept])


def without_refused(candidates: pd.DataFrame, catalogue: Catalogue, blocked) -> pd.DataFrame:
    """Leave out the items that bear a refused topic beside the one they stand under."""
    if catalogue.more.empty or candidates.empty:
        return candidates
    place = np.arange(len(candidates))
    pairs = pd.DataFrame(
        {"place": place, "row": candidates["row"].to_numpy(), "item": candidates["item"].to_numpy()}
    )
    pairs = pairs.merge(catalogue.more, on="item")
    refused = blocked[pairs["row"].to_numpy(dtype=int), pairs["topic"].to_numpy(dtype=int)]
    return candidates[~np.isin(place, pairs["place"].to_numpy()[refused])]


def padded(candidates: pd.DataFrame, n_users: int, first_row: int, catalogue: Catalogue, past) -> Pool:
    """Lay candidates out as one row per user.

    Parameters
    ----------
    first_row : int
        Row of the batch's first user among all, for looking up what was sent.
    """
    row = candidates["row"].to_numpy()
    counts = np.bincount(row, minlength=n_users)
    width = int(counts.max(initial=1))
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)

    def lay(values, empty, kind):
        block = np.full((n_users, width), empty, dtype=kind)
        block[row, place] = values
        return block

    item = candidates["item"].to_numpy()
    return Pool(
        topic=lay(candidates["topic"], -1, np.int16),
        item=lay(item, -1, np.int32),
        level=lay(candidates["level"], -1, np.int8),
        weight=lay(candidates["weight"], 0, np.float32),
        estimate=lay(candidates["estimate"], 0, np.float32),
        last=lay(_last_sent(row + first_row, item, catalogue, past), RESTING, np.int16),
    )


def _last_sent(rows: np.ndarray, items: np.ndarray, catalogue: Catalogue, past) -> np.ndarray:
    last = np.full(len(rows), RESTING)
    if not len(past.used_keys) or not len(catalogue.item_ids):
        return last
    keys = rows.astype(np.int64) * len(catalogue.item_ids) + items
    at = np.minimum(np.searchsorted(past.used_keys, keys), len(past.used_keys) - 1)
    found = (past.used_keys[at] == keys) & (items >= 0)
    last[found] = past.used_days[at[found]]
    return last
