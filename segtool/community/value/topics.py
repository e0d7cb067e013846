"""The topics of a group's messages against those of all other groups, and the share on what it is for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse, stats

from segtool.community.value.log_odds import LEAST_INDEX, false_shares
from segtool.pooling import beta_interval

CONFIDENCE = 0.95
TOPICS = [
    "group", "topic", "share", "elsewhere", "index", "lo", "hi", "n", "n_known", "n_people", "distinctive",
]  # fmt: skip
MOST_INDEX = 9_999.0  # hardly anybody else talks of it; how hardly is not known
LEAST_ASSUMED = 0.3  # a topic of less than that is not what a group is for
LEAST_LEAD = 1.25  # and neither is one that another topic nearly reaches


@dataclass(frozen=True, eq=False)
class TopicCounts:
    """Messages by person of a group and topic.

    Parameters
    ----------
    by_person : ndarray of float, shape (n_persons, n_topics)
    group_of : ndarray of int, shape (n_persons,)
    n_groups : int
    """

    by_person: np.ndarray
    group_of: np.ndarray
    n_groups: int

    def add_up(self, values: np.ndarray) -> np.ndarray:
        """Return sums over the people of each group."""
        n = len(self.group_of)
        ones = sparse.csr_matrix((np.ones(n), (self.group_of, np.arange(n))), shape=(self.n_groups, n))
        return ones @ values


def count_topics(talk, rows: np.ndarray) -> TopicCounts:
    """Count the messages of a known topic by person, of the rows given."""
    rows = rows & (talk.messages["topic"].to_numpy() >= 0)
    group, user, topic = (talk.messages[name].to_numpy(np.int64)[rows] for name in ("group", "user", "topic"))
    n_users, n_topics = max(len(talk.user_ids), 1), len(talk.topics)
    pair, person = np.unique(group * n_users + user, return_inverse=True)
    counts = (
        np.bincount(person * n_topics + topic, minlength=len(pair) * n_topics) if n_topics else np.empty(0)
    )
    return TopicCounts(
        counts.reshape(len(pair), n_topics).astype(float), pair // n_users, len(talk.group_ids)
    )


def compare_topics(counts: TopicCounts, settings) -> pd.DataFrame:
    """Compare the share of each topic in each group with that in all other groups together.

    Parameters
    ----------
    counts : TopicCounts
    settings : CommunitySettings
        Topics of fewer than ``min_people_per_term`` people of a group are not shown.

    Returns
    -------
    DataFrame
        group and topic (numbers), share, elsewhere, index (their ratio times 100, shrunken) with lo and hi, n (messages
        on the topic), n_known (messages of a known topic), n_people, distinctive (index at least 120, and not
        by chance). Within a group the largest share first.

    Notes
    -----
    The interval is that of the log of the ratio (delta method) with people as the unit: one that writes a
    hundred messages on a topic is one person. Half a message is added to either count for it, so that a topic
    that nobody else talks about has an index, too. Which topics are distinctive is judged by Benjamini and
    Hochberg over all groups and topics, at ``term_false_share``.
    """
    group, topic = (place.ravel() for place in np.indices((counts.n_groups, counts.by_person.shape[1])))
    if not counts.by_person.size:
        return _no_topics()
    n = counts.by_person.sum(axis=1, keepdims=True)
    # By group: messages y and people on a topic, all n, and the sums from which residuals follow.
    y, yy, yn = (
        counts.add_up(part) for part in (counts.by_person, counts.by_person**2, counts.by_person * n)
    )
    people, total, nn = (counts.add_up(part) for part in ((counts.by_person > 0).astype(float), n, n**2))
    share, noise = _share_and_noise(y, total, yy, yn, nn)
    rest = [part.sum(axis=0, keepdims=True) - part for part in (y, total, yy, yn, nn)]
    elsewhere, other_noise = _share_and_noise(*rest)
    deviation = np.sqrt(noise + other_noise)
    spread = stats.norm.ppf(0.5 + CONFIDENCE / 2) * deviation
    index = np.where(rest[1] > 0, 100 * share / elsewhere, np.nan)
    table = pd.DataFrame(
        {
            "group": group,
            "topic": topic,
            "share": (y / np.maximum(total, 1)).ravel(),
            "elsewhere": np.where(rest[1] > 0, rest[0] / np.maximum(rest[1], 1), np.nan).ravel(),
            "index": np.minimum(index, MOST_INDEX).ravel(),
            "lo": np.minimum(index * np.exp(-spread), MOST_INDEX).ravel(),
            "hi": np.minimum(index * np.exp(spread), MOST_INDEX).ravel(),
            "n": y.ravel().astype(np.int64),
            "n_known": np.broadcast_to(total, y.shape).ravel().astype(np.int64),
            "n_people": people.ravel().astype(np.int64),
            "p": stats.norm.sf(np.log(share / elsewhere) / deviation).ravel(),
        }
    )
    table = table[table["n_people"] >= settings.min_people_per_term]
    q = false_shares(table["p"].to_numpy(), y.size)
    table["distinctive"] = (table["index"] >= LEAST_INDEX) & (q <= settings.term_false_share)
    return table.sort_values(["group", "n", "topic"], ascending=[True, False, True], ignore_index=True)[
        TOPICS
    ]


def _share_and_noise(y, n, yy, yn, nn) -> tuple[np.ndarray, np.ndarray]:
    """Return shares and the variance of their logs, at least that of independent messages."""
    share = (y + 0.5) / (n + 1)
    residuals = yy - 2 * share * yn + share**2 * nn
    least = n * share * (1 - share)
    return share, np.maximum(residuals, least) / ((n + 1) * share) ** 2


def share_of_topic(counts: TopicCounts, topic: np.ndarray) -> pd.DataFrame:
    """Return the share of one topic in each group, with its interval.

    Parameters
    ----------
    counts : TopicCounts
    topic : ndarray of int, shape (n_groups,)
        -1 for none: the share is then missing.

    Returns
    -------
    DataFrame, shape (n_groups, 5)
        share, lo, hi, variance, n (messages of a known topic).
    """
    n_people = len(counts.group_of)
    wanted = topic[counts.group_of]
    y = np.zeros(n_people)
    told = wanted >= 0
    y[told] = counts.by_person[np.flatnonzero(told), wanted[told]]
    n = counts.by_person.sum(axis=1)
    own, total = counts.add_up(y), counts.add_up(n)
    share = (own + 0.5) / (total + 1)
    residuals = counts.add_up(y**2) - 2 * share * counts.add_up(y * n) + share**2 * counts.add_up(n**2)
    variance = np.maximum(residuals, total * share * (1 - share)) / np.maximum(total, 1) ** 2
    lo, hi = beta_interval(share, variance, CONFIDENCE)
    table = pd.DataFrame({"share": own / np.maximum(total, 1), "lo": lo, "hi": hi, "variance": variance})
    table["lo"], table["hi"] = (
        np.minimum(table["lo"], table["share"]),
        np.maximum(table["hi"], table["share"]),
    )
    table[(topic < 0) | (total == 0)] = np.nan
    return table.assign(n=total.astype(np.int64))


def find_charters(talk, min_messages: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what each group is for, who says so, and the messages on which it is fair to test it.

    Returns
    -------
    topic : ndarray of int, shape (n_groups,)
        -1 where nothing says it.
    source : ndarray of str, shape (n_groups,)
        "stated", "its activities", "its first half" (what most of its first messages were about) or "".
    rows : ndarray of bool, shape (n_messages,)
        All messages by people; the second half only where the first one says what a group is for.
    """
    n_groups, rows = len(talk.group_ids), talk.by_people.copy()
    topic = talk.groups["charter"].to_numpy(np.int64).copy()
    source = np.where(topic >= 0, "stated", "").astype(object)
    half = _first_half(talk)
    for name, found in (
        (
            "its activities",
            _lead_of(_count(talk.activities["group"], talk.activities["topic"], n_groups, talk), 2),
        ),
        ("its first half", _lead_of(count_of_rows(talk, half & rows), min_messages)),
    ):
        new = (topic < 0) & (found >= 0)
        topic[new], source[new] = found[new], name
    assumed = source == "its first half"
    group = talk.messages["group"].to_numpy()
    return topic, source, rows & ~(assumed[group] & half)


def count_of_rows(talk, rows: np.ndarray) -> np.ndarray:
    """Return messages by group and topic, shape (n_groups, n_topics)."""
    messages = talk.messages[rows]
    return _count(messages["group"], messages["topic"], len(talk.group_ids), talk)


def _count(group: pd.Series, topic: pd.Series, n_groups: int, talk) -> np.ndarray:
    group, topic = group.to_numpy(np.int64), topic.to_numpy(np.int64)
    group, topic = group[topic >= 0], topic[topic >= 0]
    n_topics = len(talk.topics)
    if not n_topics:
        return np.zeros((n_groups, 0))
    return np.bincount(group * n_topics + topic, minlength=n_groups * n_topics).reshape(n_groups, n_topics)


def _lead_of(counts: np.ndarray, least: int) -> np.ndarray:
    """Return the topic that clearly leads in each group, -1 where none does."""
    n_groups, n_topics = counts.shape
    if not n_topics:
        return np.full(n_groups, -1)
    total = counts.sum(axis=1)
    first = counts.argmax(axis=1)
    top = np.sort(counts, axis=1)[:, ::-1]
    second = top[:, 1] if n_topics > 1 else np.zeros(n_groups)
    clear = (total >= least) & (top[:, 0] >= LEAST_ASSUMED * total) & (top[:, 0] >= LEAST_LEAD * second)
    return np.where(clear, first, -1)


def _first_half(talk) -> np.ndarray:
    """Say of each message whether it is among the first half of its group's messages by people."""
    group = talk.messages["group"].to_numpy(np.int64)
    by_people = talk.by_people
    done = np.cumsum(by_people)
    total = np.bincount(group[by_people], minlength=len(talk.group_ids))
    before = np.r_[0, np.cumsum(total)][group]  # rows stand in the order of group and time
    return done - before <= total[group] / 2


def _no_topics() -> pd.DataFrame:
    kinds = {"group": np.int64, "topic": np.int64, "n": np.int64, "n_people": np.int64, "distinctive": bool}
    return pd.DataFrame({name: np.empty(0, dtype=kinds.get(name, float)) for name in TOPICS})
