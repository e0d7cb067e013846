"""What users do not want: topics that rest, channels that are closed, people to leave alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from segtool.targeting.feedback.probes import read_probes
from segtool.targeting.feedback.reading import REFUSALS, read_feedback
from segtool.targeting.feedback.refusals import BLOCKS, EVERYWHERE, settle_blocks
from segtool.targeting.sending import SendLog
from segtool.targeting.settings import TargetingSettings


def read_blocks(sources, log: SendLog, settings: TargetingSettings) -> pd.DataFrame:
    """Return what each user refused and has not taken back.

    Parameters
    ----------
    sources : Sources
    log : SendLog
    settings : TargetingSettings

    Returns
    -------
    DataFrame
        user_id, kind ("topic", "item", "channel" or "user"), what (the topic, item or channel,
        "everywhere", or "complaint"), why, days_ago (of the latest time), days_left (missing: until
        they opt in, or a person has looked). See `settle_blocks` for what closes what; a topic whose
        rest ended and whose one probe was ignored, or is not answered yet, rests again (why "probe").
    """
    feedback = read_feedback(sources, settings, kinds=(*REFUSALS, "opt_in", "release"))
    blocks = settle_blocks(feedback, settings)
    again = read_probes(sources, log, settings, feedback=feedback)
    again = again[again["state"].isin(["resting", "sent"])]
    if again.empty:
        return blocks
    rest = again.assign(kind="topic", why="probe", days_left=settings.block_days - again["days_ago"])
    both = pd.concat([blocks, rest.rename(columns={"topic": "what"})[BLOCKS]], ignore_index=True)
    return both.sort_values(["user_id", "kind", "what", "why"], ignore_index=True)


def human_queue(blocks: pd.DataFrame) -> pd.DataFrame:
    """Return the complaints that wait for a person, the newest first.

    Returns
    -------
    DataFrame
        user_id, what, days_ago; ``what`` names the topics complained about, or "everything".
    """
    waiting = blocks[blocks["kind"] == "user"]
    about = blocks[(blocks["kind"] == "topic") & (blocks["why"] == "complain")]
    topics = about.groupby("user_id")["what"].agg(lambda names: ", ".join(sorted(set(names))))
    queue = waiting[["user_id", "days_ago"]].assign(
        what=waiting["user_id"].map(topics).astype(object).fillna("everything")
    )
    queue = queue.sort_values(["days_ago", "user_id"], ignore_index=True)
    return queue[["user_id", "what", "days_ago"]]


def blocked_topics(
    blocks: pd.DataFrame, user_ids: np.ndarray, topics: tuple[str, ...]
) -> sparse.csr_array | None:
    """Return 1 where a user refused a topic, shape (n_users, n_topics); None where nobody did."""
    refused = blocks[blocks["kind"] == "topic"].drop_duplicates(["user_id", "what"])
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
    *,
    own=None,
) -> pd.DataFrame:
    """Give each user the best channel that the user has not closed: their own, or their persona's.

    Parameters
    ----------
    channels : DataFrame
        As `ChannelPlan.table`: persona_id, channel, rank.
    home : ndarray of int, shape (n_users,)
        Position of the user's persona in the order of persona_id, -1 for none.
    own : UserChannels, optional
        As ``users`` of `ChannelPlan`: what a send to each user is worth by channel, so that the best is the
        user's own. Whoever closed all of these, or where it is missing, gets the persona's.

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
    has_own = np.zeros(len(user_ids), dtype=bool)
    if own is not None:
        for best in own.batches(blocks, top_k=1):
            rows = place(best["user_id"].astype(object))
            channel[rows], has_own[rows] = best["channel"].to_numpy(dtype=object), True
    closed = blocks[blocks["kind"] == "channel"].groupby("user_id")["what"].agg(set)
    used = _channels_used(sources, log)
    for row, (user_id, refused) in zip(place(closed.index.astype(object)), closed.items(), strict=True):
        # A user who left every channel that was ever tried is not to be tried on another.
        everywhere = EVERYWHERE in refused or used.get(user_id, {EVERYWHERE}) <= refused
        left = [] if everywhere else [name for name in lists[home[row]] if name not in refused]
        if has_own[row] and left:
            continue  # the best of their own is open
        channel[row] = left[0] if left else ""
        flag[row] = "" if left else "unsubscribed everywhere"
    complained = place(blocks.loc[blocks["kind"] == "user", "user_id"].astype(object))
    flag[complained] = np.where(flag[complained] == "", "complained: a person decides", flag[complained])
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
