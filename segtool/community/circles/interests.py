"""What each person is interested in, and how alike two people are in it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.checks import check_columns
from segtool.community.settings import CommunitySettings
from segtool.errors import InputError

COLUMNS = ["user_id", "topic", "weight", "n"]
PRIOR = 5.0  # events: with fewer than that of their own, a person is taken to be mostly like everybody
EVENTS_SQL = """
WITH named AS (
    SELECT e.user_id AS user_id, {topic} AS topic
    FROM events e{content}
    WHERE e.age_days <= {days}
)
SELECT user_id, topic, COUNT(*) AS n
FROM named
WHERE topic IS NOT NULL
GROUP BY user_id, topic
ORDER BY user_id, topic
"""
CONTENT_JOIN = " LEFT JOIN (SELECT item_id, MIN(topic) AS topic FROM content GROUP BY item_id) c ON e.item_id = c.item_id"


def read_interests(sources, talk, settings: CommunitySettings | None = None) -> pd.DataFrame:
    """Read what people looked at and wrote about, for studies without interest labels.

    Parameters
    ----------
    sources : Sources
        Events are read with their topic, or that of the item.
    talk : Talk
        Messages by people are read with their topic.
    settings : CommunitySettings, optional
        Those of the talk when not given.

    Returns
    -------
    DataFrame
        user_id, topic, weight (0 to 1: the topic's share of what they did, shrunk), n (events and messages with a
        topic of the person). One row per person and topic they came near, sorted; empty without topics.

    Notes
    -----
    ``weight = (x + 5 b) / (n + 5)`` for x of n on a topic whose share of everybody's is b.
    """
    settings = settings or talk.settings
    counts = pd.concat([_count_events(sources, settings), _count_messages(talk, settings)])
    counts = counts.groupby(["user_id", "topic"], as_index=False, sort=True)["n"].sum()
    if counts.empty:
        return pd.DataFrame({"user_id": [], "topic": [], "weight": [], "n": []}).astype(
            {"user_id": object, "topic": object, "weight": float, "n": np.int64}
        )
    by_topic = counts.groupby("topic")["n"].sum()
    base = counts["topic"].map(by_topic / by_topic.sum()).to_numpy(dtype=float)
    n = counts.groupby("user_id")["n"].transform("sum").to_numpy()
    weight = (counts["n"].to_numpy() + PRIOR * base) / (n + PRIOR)
    return counts.assign(weight=weight.round(6), n=n.astype(np.int64))[COLUMNS]


def _count_events(sources, settings: CommunitySettings) -> pd.DataFrame:
    columns = sources.engine.columns("events") if "events" in sources.tables else ()
    joined = "item_id" in columns and "content" in sources.tables
    joined = joined and {"item_id", "topic"} <= set(sources.engine.columns("content"))
    if "topic" not in columns and not joined:
        return pd.DataFrame({"user_id": [], "topic": [], "n": []})
    topic = (
        "COALESCE(e.topic, c.topic)" if joined and "topic" in columns else "c.topic" if joined else "e.topic"
    )
    sql = EVENTS_SQL.format(topic=topic, content=CONTENT_JOIN if joined else "", days=settings.interest_days)
    return sources.engine.query(sql)


def _count_messages(talk, settings: CommunitySettings) -> pd.DataFrame:
    messages = talk.messages
    topic = messages["topic"].to_numpy()
    recent = messages["second"].to_numpy() >= -settings.interest_days * 86_400
    rows = np.flatnonzero(talk.by_people & (topic >= 0) & recent)
    n_topics = max(len(talk.topics), 1)
    key = messages["user"].to_numpy(np.int64)[rows] * n_topics + topic[rows]
    pair, n = np.unique(key, return_counts=True)
    names = np.array(talk.topics, dtype=object)
    return pd.DataFrame(
        {
            "user_id": talk.user_ids[pair // n_topics],
            "topic": names[pair % n_topics] if len(pair) else [],
            "n": n,
        }
    )


def check_interests(interests: pd.DataFrame | None, user_ids: np.ndarray) -> pd.DataFrame:
    """Return interests as codes: user (row of user_ids), topic, weight; sorted, users unknown to the talk left out.

    Raises
    ------
    InputError
        If columns are missing, a weight is not between 0 and 1, or a person has a topic twice.
    """
    if interests is None:
        interests = pd.DataFrame({"user_id": [], "topic": [], "weight": []})
    check_columns(interests.columns, ["user_id", "topic", "weight"], "interests")
    frame = interests[["user_id", "topic", "weight"]].dropna()
    weight = frame["weight"].to_numpy(dtype=float)
    if ((weight < 0) | (weight > 1)).any():
        raise InputError(
            "Interests with a weight below 0 or above 1.", "the share or strength of each, 0 to 1."
        )
    if frame.duplicated(["user_id", "topic"]).any():
        raise InputError("Interests that name a person's topic twice.", "one row per person and topic.")
    user = pd.Index(user_ids).get_indexer(frame["user_id"])
    frame = pd.DataFrame({"user": user, "topic": frame["topic"].astype(str).to_numpy(), "weight": weight})
    frame = frame[(user >= 0) & (weight > 0)]
    return frame.sort_values(["user", "topic"], kind="stable").reset_index(drop=True)


def interest_matrix(interests: pd.DataFrame, n_users: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return the weights as a matrix (n_users, n_topics), and the topics.

    Parameters
    ----------
    interests : DataFrame
        As `check_interests` gives them.
    n_users : int
    """
    topics, column = np.unique(interests["topic"].to_numpy(dtype=str), return_inverse=True)
    shape = (n_users, len(topics))
    return sparse.csr_matrix((interests["weight"], (interests["user"], column)), shape=shape), topics


def likeness(weights: sparse.csr_matrix, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return how alike pairs of people are in their interests, 0 to 1.

    Parameters
    ----------
    weights : csr_matrix, shape (n_users, n_topics)
    one, other : ndarray of int, shape (n_pairs,)

    Returns
    -------
    ndarray of float, shape (n_pairs,)
        Cosine of their weights, a topic counting less the more people have it. Where nothing is known of one of both,
        the mean of the pairs that are known: unknown is not unlike.

    Examples
    --------
    >>> weights = sparse.csr_matrix([[1.0, 0], [1, 0], [0, 1], [0, 0]])
    >>> likeness(weights, np.array([0, 0, 0]), np.array([1, 2, 3])).tolist()
    [1.0, 0.0, 0.5]
    """
    if not len(one) or not weights.shape[1]:
        return np.zeros(len(one))
    known = np.diff(weights.indptr) > 0
    share = np.asarray(weights.sum(axis=0)).ravel() / max(known.sum(), 1)
    rare = weights @ sparse.diags(np.log(1 + 1 / np.maximum(share, 1e-9)))
    length = np.sqrt(np.asarray(rare.multiply(rare).sum(axis=1)).ravel())
    unit = (sparse.diags(1 / np.where(length > 0, length, 1)) @ rare).tocsr()
    alike = np.asarray(unit[one].multiply(unit[other]).sum(axis=1)).ravel()
    both = known[one] & known[other]
    return np.where(both, np.clip(alike, 0, 1), alike[both].mean() if both.any() else 0.0)
