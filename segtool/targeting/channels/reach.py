"""Whom a channel reaches: a channel that answers well is no use for those who are not on it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segtool.notes import known, unknown
from segtool.targeting.feedback.refusals import EVERYWHERE


def keep_reachable(
    sources, users: pd.DataFrame, channels: pd.DataFrame, blocks: pd.DataFrame, home_ids: np.ndarray
) -> tuple[pd.DataFrame, list[str]]:
    """Move users to the best channel they are known on, where they are not known on the one they have.

    Parameters
    ----------
    sources : Sources
        Known on a channel is who was sent to there, or did something there.
    users : DataFrame
        user_id, channel, flag, as of `user_channels`.
    channels : DataFrame
        As `ChannelPlan.table`: persona_id, channel, rank.
    blocks : DataFrame
        As of `read_blocks`: closed channels are never gone back to.
    home_ids : ndarray of float, shape (n_users,)
        Each user's persona_id, NaN for none.

    Returns
    -------
    users : DataFrame
        Whoever is known on no channel of the plan keeps the one they had.
    notes : list of str
    """
    seen = _seen(sources, sorted(set(channels["channel"])))
    if seen.empty:
        return users, []
    pairs = pd.MultiIndex.from_frame(seen)
    here = pd.MultiIndex.from_frame(users[["user_id", "channel"]]).isin(pairs)
    strange = ~here & (users["channel"] != "").to_numpy()
    other = _best_known(users.assign(persona_id=home_ids)[strange], seen, channels, blocks)
    moved = users["user_id"].map(other)
    users = users.assign(channel=users["channel"].where(moved.isna(), moved))
    n_moved, n_left = int(moved.notna().sum()), int(strange.sum() - moved.notna().sum())
    notes = []
    if n_moved:
        notes.append(
            known(
                f"Where: {n_moved:,} users are not known on the best channel; they get the best they are on."
            )
        )
    if n_left:
        notes.append(
            unknown(
                f"Where: whether {n_left:,} users can be reached; they are known on no channel of the plan."
            )
        )
    return users, notes


def _seen(sources, channels: list[str]) -> pd.DataFrame:
    tables = [name for name in ("sends", "events") if name in sources.tables]
    parts = [
        f"SELECT DISTINCT user_id, channel FROM {name} WHERE channel IS NOT NULL"
        for name in tables
        if "channel" in sources.engine.columns(name)
    ]
    if not parts:
        return pd.DataFrame({"user_id": [], "channel": []}, dtype=object)
    table = sources.engine.query(
        f"SELECT user_id, channel FROM ({' UNION '.join(parts)}) AS seen ORDER BY user_id, channel"
    )
    return table[table["channel"].isin(channels)].astype(object)


def _best_known(
    users: pd.DataFrame, seen: pd.DataFrame, channels: pd.DataFrame, blocks: pd.DataFrame
) -> dict[str, str]:
    ranked = users[["user_id", "persona_id"]].merge(seen, on="user_id")
    ranked = ranked.merge(channels[["persona_id", "channel", "rank"]], on=["persona_id", "channel"])
    closed = blocks[blocks["kind"] == "channel"]
    refused = pd.MultiIndex.from_frame(closed[["user_id", "what"]].astype(object))
    gone = set(closed.loc[closed["what"] == EVERYWHERE, "user_id"])
    is_open = ~pd.MultiIndex.from_frame(ranked[["user_id", "channel"]]).isin(refused)
    ranked = ranked[is_open & ~ranked["user_id"].isin(gone)]
    first = ranked.sort_values(["user_id", "rank", "channel"]).drop_duplicates("user_id")
    return dict(zip(first["user_id"], first["channel"], strict=True))
