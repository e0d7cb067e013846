"""What users do not want: topics that rest, channels that are closed, people to leave alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.engines import literal
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings

REFUSALS = ("mute", "hide", "complain")
EVERYWHERE = "everywhere"
COMPLAINT_DAYS = 3  # leave somebody who complained alone for 72 hours, whatever else is planned
COLUMNS = ["user_id", "kind", "what", "why", "days_ago"]


def read_blocks(sources, log: SendLog, settings: TargetingSettings) -> pd.DataFrame:
    """Return what each user refused.

    Returns
    -------
    DataFrame
        user_id, kind ("topic", "channel" or "user"), what (the topic or channel, or "everywhere"), why,
        days_ago (of the latest time). Muted and hidden topics rest for ``block_days``; a complaint
        about a topic and a closed channel stay.
    """
    parts = [*_event_blocks(sources, settings), *_send_blocks(sources, log, settings)]
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    union = " UNION ALL ".join(parts)
    return sources.engine.query(f"""
        WITH refusals AS ({union})
        SELECT user_id, kind, what, why, min(age_days) AS days_ago
        FROM refusals WHERE what IS NOT NULL
        GROUP BY user_id, kind, what, why
        ORDER BY user_id, kind, what, why
    """)


def _event_blocks(sources, settings) -> list[str]:
    if "events" not in sources.tables:
        return []
    columns = sources.engine.columns("events")
    rest = literal(float(settings.block_days))
    words = ", ".join(literal(word) for word in REFUSALS)
    parts = [
        f"SELECT user_id, 'user' AS kind, 'complaint' AS what, 'complain' AS why, age_days FROM events "
        f"WHERE event = 'complain' AND age_days <= {COMPLAINT_DAYS}"
    ]
    if "topic" in columns:
        parts.append(
            f"SELECT user_id, 'topic' AS kind, topic AS what, event AS why, age_days FROM events "
            f"WHERE event IN ({words}) AND (event = 'complain' OR age_days <= {rest})"
        )
    channel = "channel" if "channel" in columns else "NULL"
    if "channel" in columns:
        about = "topic IS NULL AND " if "topic" in columns else ""
        parts.append(
            f"SELECT user_id, 'channel' AS kind, channel AS what, event AS why, age_days FROM events "
            f"WHERE {about}event = 'mute'"
        )
    parts.append(
        f"SELECT user_id, 'channel' AS kind, coalesce({channel}, '{EVERYWHERE}') AS what, event AS why, "
        "age_days FROM events WHERE event = 'unsubscribe'"
    )
    return parts


def _send_blocks(sources, log: SendLog, settings) -> list[str]:
    if not log.n_sends:
        return []
    channel = f"coalesce(channel, '{EVERYWHERE}')" if log.has_channel else f"'{EVERYWHERE}'"
    return [
        f"SELECT user_id, 'channel' AS kind, {channel} AS what, '{name}' AS why, age_days "
        f"FROM sends WHERE {name}"
        for name in log.optouts
    ]


def blocked_topics(
    blocks: pd.DataFrame, user_ids: np.ndarray, topics: tuple[str, ...]
) -> sparse.csr_array | None:
    """Return 1 where a user refused a topic, shape (n_users, n_topics); None where nobody did."""
    refused = blocks[blocks["kind"] == "topic"]
    row = pd.Index(user_ids).get_indexer(refused["user_id"].astype(object))
    column = pd.Index(topics, dtype=object).get_indexer(refused["what"].astype(object))
    good = (row >= 0) & (column >= 0)
    if not good.any():
        return None
    shape = (len(user_ids), len(topics))
    return sparse.csr_array((np.ones(good.sum()), (row[good], column[good])), shape=shape)


def user_channels(
    sources,
    log: SendLog,
    blocks: pd.DataFrame,
    channels: pd.DataFrame,
    user_ids: np.ndarray,
    home: np.ndarray,
) -> pd.DataFrame:
    """Give each user the persona's best channel that the user has not closed.

    Parameters
    ----------
    channels : DataFrame
        As `ChannelPlan.table`: persona_id, channel, rank.
    home : ndarray of int, shape (n_users,)
        Position of the user's persona in the order of persona_id, -1 for none.

    Returns
    -------
    DataFrame, one row per user: user_id, channel ("" for none), flag.
    """
    preference = (
        channels.sort_values(["persona_id", "rank"]).groupby("persona_id", sort=True)["channel"].agg(tuple)
    )
    lists = [*preference, ("any",)]  # the last, at position -1, is for users of no persona
    channel = np.array([names[0] for names in lists], dtype=object)[home]
    flag = np.full(len(user_ids), "", dtype=object)
    place = pd.Index(user_ids).get_indexer
    closed = blocks[blocks["kind"] == "channel"].groupby("user_id")["what"].agg(set)
    used = _channels_used(sources, log)
    for row, (user_id, refused) in zip(place(closed.index.astype(object)), closed.items(), strict=True):
        # A user who left every channel that was ever tried is not to be tried on another.
        everywhere = EVERYWHERE in refused or used.get(user_id, {EVERYWHERE}) <= refused
        left = [] if everywhere else [name for name in lists[home[row]] if name not in refused]
        channel[row] = left[0] if left else ""
        flag[row] = "" if left else "unsubscribed everywhere"
    complained = place(blocks.loc[blocks["kind"] == "user", "user_id"].astype(object))
    flag[complained] = np.where(flag[complained] == "", "complained in the last 72 hours", flag[complained])
    return pd.DataFrame({"user_id": user_ids, "channel": channel, "flag": flag})


def _channels_used(sources, log: SendLog) -> dict[str, set[str]]:
    """Return the channels each user who ever opted out was sent to on."""
    if not log.n_sends or not log.has_channel or not log.optouts:
        return {}
    used = sources.engine.query(f"""
        SELECT DISTINCT user_id, channel FROM sends
        WHERE channel IS NOT NULL
          AND user_id IN (SELECT user_id FROM sends WHERE {" OR ".join(log.optouts)})
        ORDER BY user_id, channel
    """)
    return used.groupby("user_id")["channel"].agg(set).to_dict()
